# Real traffic between two hosts made of namespaces, judged by the program from either end and from both: ctest names lab.NAME,
# each a line of tests/lab/matrix.txt; tests/lab/lab.sh runs them all. They take a few seconds each, mostly waiting.
add_executable(lab_endpoint ${CMAKE_SOURCE_DIR}/tests/lab/endpoint.c)
target_link_libraries(lab_endpoint PRIVATE tcpstall_flags)

# Samples are made of the lab's captures (tests/lab/samples).
add_executable(lab_trace)
foreach(source trace_tool pcap_input recording_reader recording_cut frame_marks)
  target_sources(lab_trace PRIVATE ${CMAKE_SOURCE_DIR}/tests/lab/${source}.c)
endforeach()
target_link_libraries(lab_trace PRIVATE room_wire)

set(lab_names
    healthy-bulk healthy-bulk-v6-down healthy-bulk-veth-off1 healthy-reqresp healthy-iperf3
    app-idle host-paused nagle excessive-rto ack-ignored neighbour-unresolved local-drop-output
    rto-backoff path-outage path-hold router-pmtu-lost syn-loss-down corrupted
    checksum-drop local-drop-input rcvbuf-small zero-window listen-overflow
    ack-loss ack-hold window-update-lost window-scale-up
    refused app-reset rst-injected half-open)
foreach(name IN LISTS lab_names)
  add_test(NAME lab.${name} COMMAND bash ${CMAKE_SOURCE_DIR}/tests/lab/test.sh ${name} $<TARGET_FILE:tcpstall>)
  set_tests_properties(lab.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 100 LABELS lab
                       ENVIRONMENT LAB_BIN=$<TARGET_FILE_DIR:lab_endpoint>)
  # Timing is what these are about: a busy machine stalls healthy traffic by itself.
  if(name MATCHES "^healthy")
    set_tests_properties(lab.${name} PROPERTIES RUN_SERIAL ON)
  endif()
endforeach()

# The samples: sample.NAME compares the report on samples/NAME.pcapng with the truth beside it.
file(GLOB samples CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/samples/*.pcapng)
foreach(sample IN LISTS samples)
  get_filename_component(name ${sample} NAME_WE)
  add_test(NAME sample.${name} COMMAND bash ${CMAKE_SOURCE_DIR}/tests/lab/sample_test.sh ${name} $<TARGET_FILE:tcpstall>)
  set_tests_properties(sample.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 60 LABELS sample)
endforeach()
foreach(check readme complete)
  add_test(NAME sample.${check} COMMAND bash ${CMAKE_SOURCE_DIR}/tests/lab/sample_test.sh --${check} $<TARGET_FILE:tcpstall>)
  set_tests_properties(sample.${check} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 60 LABELS sample)
endforeach()
