# capture.ssh: both ends of a tunnel in one file, one of them over a real sshd in another namespace; it needs root. Exit 77 =
# cannot be tested here.
add_test(NAME capture.ssh COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/capture/ssh.sh $<TARGET_FILE:tcpstall>)
set_tests_properties(capture.ssh PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300 LABELS lab
  ENVIRONMENT "PRINT_SAMPLES=$<TARGET_FILE:capture_print_samples>;PATHEMU=$<TARGET_FILE:tcpstall-pathemu>")
