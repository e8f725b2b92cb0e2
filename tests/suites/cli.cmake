# cli.NAME: the program as its users call it (tests/cli/NAME.sh). Exit 77 = cannot be tested here.
add_executable(json_schema_check cli/json_schema_check.c)
target_link_libraries(json_schema_check PRIVATE tcpstall_flags dep_jansson)
target_compile_definitions(json_schema_check PRIVATE SOURCE_DIR="${CMAKE_SOURCE_DIR}")
add_executable(pcapng_same cli/pcapng_same.c)
target_link_libraries(pcapng_same PRIVATE tcpstall_flags room_wire)
foreach(name completion ends exit_status help install json output sockets stdin write)
  add_test(NAME cli.${name} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/cli/${name}.sh)
  set_tests_properties(cli.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120 LABELS cli
    ENVIRONMENT "TCPSTALL=$<TARGET_FILE:tcpstall>;JSON_CHECK=$<TARGET_FILE:json_schema_check>;PCAPNG_SAME=$<TARGET_FILE:pcapng_same>;SOURCE_DIR=${CMAKE_SOURCE_DIR};BUILD_DIR=${CMAKE_BINARY_DIR}")
endforeach()
