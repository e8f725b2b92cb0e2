# live.NAME: analysis while it happens (cli/monitor.h), played from saved traces.
file(GLOB monitor_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cli/monitor*.c)
add_executable(monitor_play live/monitor_play.c ${monitor_sources} ${CMAKE_SOURCE_DIR}/cli/study.c)
target_link_libraries(monitor_play PRIVATE room_capture room_analyzer)
add_test(NAME live.same_verdicts COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/live/same_verdicts.sh)
set_tests_properties(live.same_verdicts PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120 LABELS live
  ENVIRONMENT "TCPSTALL=$<TARGET_FILE:tcpstall>;MONITOR_PLAY=$<TARGET_FILE:monitor_play>;SOURCE_DIR=${CMAKE_SOURCE_DIR}")

# The flight recorder, with a recorder of the test's own (tests/unit/test_flight_recorder.c).
target_sources(test_flight_recorder PRIVATE ${CMAKE_SOURCE_DIR}/cli/flight.c ${CMAKE_SOURCE_DIR}/cli/flight_options.c
  ${CMAKE_SOURCE_DIR}/cli/flight_keeper.c ${monitor_sources}
  ${CMAKE_SOURCE_DIR}/cli/study.c ${CMAKE_SOURCE_DIR}/cli/kick.c ${CMAKE_SOURCE_DIR}/cli/complain.c
  ${CMAKE_SOURCE_DIR}/cli/terminal.c ${CMAKE_SOURCE_DIR}/cli/values.c)

# The whole of it on real devices (tests/capture/flight.sh).
add_test(NAME capture.flight COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/capture/flight.sh $<TARGET_FILE:tcpstall>)
set_tests_properties(capture.flight PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 180 LABELS lab
  ENVIRONMENT "PRINT_SAMPLES=$<TARGET_FILE:capture_print_samples>;PATHEMU=$<TARGET_FILE:tcpstall-pathemu>;LAB_ENDPOINT=$<TARGET_FILE:lab_endpoint>")
