# html.NAME: the report as a page (tests/html/NAME.sh). Exit 77 = cannot be tested here.
foreach(name samples browser)
  add_test(NAME html.${name} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/html/${name}.sh)
  set_tests_properties(html.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600 LABELS html
    ENVIRONMENT "TCPSTALL=$<TARGET_FILE:tcpstall>;JSON_CHECK=$<TARGET_FILE:json_schema_check>;SOURCE_DIR=${CMAKE_SOURCE_DIR}")
endforeach()
