# The path emulator (replay/, docs/scenario.md) as a program for the lab and the bench.
add_executable(tcpstall-pathemu ${CMAKE_SOURCE_DIR}/tests/path/pathemu.c)
target_link_libraries(tcpstall-pathemu PRIVATE room_replay)

add_executable(bench_path_loop ${CMAKE_SOURCE_DIR}/tests/bench/path_loop.c)
set_target_properties(bench_path_loop PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench OUTPUT_NAME path_loop)
target_link_libraries(bench_path_loop PRIVATE room_replay)

add_test(NAME path.live COMMAND bash ${CMAKE_SOURCE_DIR}/tests/path/live.sh $<TARGET_FILE:tcpstall-pathemu>)
set_tests_properties(path.live PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 60 LABELS lab)
