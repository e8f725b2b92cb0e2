# captures.NAME: a collection of real and malformed captures that is not part of the source. It is looked for in the
# environment variable TCPSTALL_CAPTURES, then beside the project; where it is not, the tests are skipped (exit 77).
add_library(capture_list STATIC captures/capture_list.c)
target_link_libraries(capture_list PUBLIC tcpstall_flags dep_jansson)

function(tcpstall_captures_test name room)
  add_executable(check_${name} captures/check_${name}.c)
  target_link_libraries(check_${name} PRIVATE capture_list ${room})
  add_test(NAME captures.${name}
           COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/captures/run.sh ${name} ${CMAKE_SOURCE_DIR})
  set_tests_properties(captures.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600 LABELS captures
    ENVIRONMENT "TCPSTALL=$<TARGET_FILE:tcpstall>;CHECK=$<TARGET_FILE:check_${name}>")
endfunction()

tcpstall_captures_test(reader room_capture)
tcpstall_captures_test(analyze tcpstall_flags)
add_dependencies(check_analyze tcpstall)
