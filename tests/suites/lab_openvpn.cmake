# An upload through a real OpenVPN tunnel, judged strictly: ctest names lab.NAME, each a line of
# tests/lab/openvpn.matrix.txt.
foreach(name openvpn-upload openvpn-upload-v6 openvpn-stopped openvpn-stopped-a openvpn-ring)
  add_test(NAME lab.${name}
           COMMAND bash ${CMAKE_SOURCE_DIR}/tests/lab/openvpn.test.sh ${name} $<TARGET_FILE:tcpstall>)
  set_tests_properties(lab.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120 LABELS lab
                       ENVIRONMENT LAB_BIN=$<TARGET_FILE_DIR:lab_endpoint>)
endforeach()
