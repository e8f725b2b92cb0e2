# Real traffic between two hosts made of namespaces, judged by the program from either end: ctest names lab.NAME,
# each a line of tests/lab/matrix.txt. They take a few seconds each, mostly waiting.
add_executable(lab_endpoint ${CMAKE_SOURCE_DIR}/tests/lab/endpoint.c)
target_link_libraries(lab_endpoint PRIVATE tcpstall_flags)

# Samples are made of the lab's captures (tests/lab/samples).
add_executable(lab_trace ${CMAKE_SOURCE_DIR}/tests/lab/trace_tool.c)
target_link_libraries(lab_trace PRIVATE room_wire)

set(lab_names
    healthy-bulk healthy-bulk-v6-down healthy-bulk-rtt100 healthy-bulk-veth-off1 healthy-reqresp healthy-iperf3
    app-idle app-turnaround nagle
    tx-queue-hold neighbour-unresolved
    segment-loss-rtt300 rto-backoff path-outage path-hold pmtu-blackhole syn-loss-down corrupted
    local-drop-input rcvbuf-small
    zero-window slow-reader
    ack-loss ack-hold window-update-lost window-scale-up
    refused app-reset)
foreach(name IN LISTS lab_names)
  add_test(NAME lab.${name} COMMAND bash ${CMAKE_SOURCE_DIR}/tests/lab/test.sh ${name} $<TARGET_FILE:tcpstall>)
  set_tests_properties(lab.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 100 LABELS lab
                       ENVIRONMENT LAB_BIN=$<TARGET_FILE_DIR:lab_endpoint>)
  # Timing is what these are about: a busy machine stalls healthy traffic by itself.
  if(name MATCHES "^healthy")
    set_tests_properties(lab.${name} PROPERTIES RUN_SERIAL ON)
  endif()
endforeach()
