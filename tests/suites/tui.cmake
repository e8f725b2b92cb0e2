# tui.NAME: the dashboard in a real terminal. Exit 77 = there is no tmux.
add_test(NAME tui.screens COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/tui/screens.sh)
set_tests_properties(tui.screens PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 180 LABELS tui
  ENVIRONMENT "TCPSTALL=$<TARGET_FILE:tcpstall>;SOURCE_DIR=${CMAKE_SOURCE_DIR}")
add_test(NAME tui.live COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/tui/live.sh $<TARGET_FILE:tcpstall>)
set_tests_properties(tui.live PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 180 LABELS tui
  ENVIRONMENT "PATHEMU=$<TARGET_FILE:tcpstall-pathemu>;LAB_ENDPOINT=$<TARGET_FILE:lab_endpoint>")

# How long drawing takes: not timed by ctest, which draws a few small ones.
tcpstall_bench_program(tui_draw ${CMAKE_SOURCE_DIR}/tests/bench/tui_draw.c)
target_link_libraries(bench_tui_draw PRIVATE room_tui)
add_test(NAME tui.draw COMMAND bench_tui_draw 500 2000)
set_tests_properties(tui.draw PROPERTIES TIMEOUT 60 LABELS tui)

# Filters in tcpdump's language are compiled in cli (tests/unit/test_tui_selection.c).
target_sources(test_tui_selection PRIVATE ${CMAKE_SOURCE_DIR}/cli/connection_filter.c)
add_test(NAME tui.live_nat COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/tui/live_nat.sh $<TARGET_FILE:tcpstall>)
set_tests_properties(tui.live_nat PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120 LABELS tui
  ENVIRONMENT "LAB_ENDPOINT=$<TARGET_FILE:lab_endpoint>")
add_test(NAME tui.memcheck COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/tui/memcheck.sh $<TARGET_FILE:tcpstall>)
set_tests_properties(tui.memcheck PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 180 LABELS tui)
