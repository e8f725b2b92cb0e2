# capture.NAME: the program captures real interfaces, in namespaces of the test's own (tests/capture/NAME.sh). Exit 77 =
# cannot be tested here.
add_executable(capture_print_samples ${CMAKE_CURRENT_SOURCE_DIR}/capture/print_samples.c)
target_link_libraries(capture_print_samples PRIVATE room_capture)
add_executable(capture_send_kick ${CMAKE_CURRENT_SOURCE_DIR}/capture/send_kick.c ${CMAKE_SOURCE_DIR}/cli/kick.c)
target_link_libraries(capture_send_kick PRIVATE room_capture)

target_sources(test_kick_orders PRIVATE ${CMAKE_SOURCE_DIR}/cli/kick_orders.c ${CMAKE_SOURCE_DIR}/cli/kick.c
  ${CMAKE_SOURCE_DIR}/cli/complain.c ${CMAKE_SOURCE_DIR}/cli/terminal.c ${CMAKE_SOURCE_DIR}/cli/values.c)

foreach(name record life rights tap samples kick list)
  add_test(NAME capture.${name} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/capture/${name}.sh $<TARGET_FILE:tcpstall>)
  set_tests_properties(capture.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 180 LABELS lab
    ENVIRONMENT "PRINT_SAMPLES=$<TARGET_FILE:capture_print_samples>;SEND_KICK=$<TARGET_FILE:capture_send_kick>;PATHEMU=$<TARGET_FILE:tcpstall-pathemu>")
endforeach()
