# The stall of the 2003 report made live, and what looks like it, judged strictly: ctest names lab.NAME, each a line of
# tests/lab/txqueue.matrix.txt.
foreach(name stall-2003 stall-2003-v6 stall-2003-arp stall-2003-behind stall-2003-no-rto stall-2003-nots
             stall-2003-paused stall-2003-path-hold)
  add_test(NAME lab.${name}
           COMMAND bash ${CMAKE_SOURCE_DIR}/tests/lab/txqueue.test.sh ${name} $<TARGET_FILE:tcpstall>)
  set_tests_properties(lab.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120 LABELS lab
                       ENVIRONMENT LAB_BIN=$<TARGET_FILE_DIR:lab_endpoint>)
endforeach()
