# capture.NAME: the program captures real interfaces, in namespaces of the test's own (tests/capture/NAME.sh). Exit 77 =
# cannot be tested here.
foreach(name record)
  add_test(NAME capture.${name} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/capture/${name}.sh $<TARGET_FILE:tcpstall>)
  set_tests_properties(capture.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 180 LABELS lab)
endforeach()
