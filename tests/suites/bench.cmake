# The bench's programs; tests/bench/run builds and runs them. ctest only runs a small smoke of them: nothing timed.
function(tcpstall_bench_program name)
  add_executable(bench_${name} ${ARGN})
  set_target_properties(bench_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench
                                                 OUTPUT_NAME ${name})
  target_include_directories(bench_${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(bench_${name} PRIVATE tcpstall_flags)
endfunction()

set(bench ${CMAKE_SOURCE_DIR}/tests/bench)
tcpstall_bench_program(generate ${bench}/generate.c ${bench}/segment_writer.c ${bench}/transfer.c ${bench}/far_end.c)
tcpstall_bench_program(pcap_loop ${bench}/pcap_loop.c)
target_link_libraries(bench_pcap_loop PRIVATE dep_pcap)
tcpstall_bench_program(decode_loop ${bench}/decode_loop.c)
target_link_libraries(bench_decode_loop PRIVATE room_capture)
tcpstall_bench_program(measure ${bench}/measure.c)
tcpstall_bench_program(flood ${bench}/flood.c)
tcpstall_bench_program(tcp_flood ${bench}/tcp_flood.c)
tcpstall_bench_program(terminal ${bench}/terminal.c)
target_link_libraries(bench_terminal PRIVATE util)

# The hand-over between readers and analyzer, tested with scripted traces (tests/unit/test_pipeline.c, test_lanes.c).
target_sources(test_pipeline PRIVATE ${CMAKE_SOURCE_DIR}/cli/pipeline.c ${CMAKE_SOURCE_DIR}/cli/lanes.c
               ${CMAKE_SOURCE_DIR}/cli/sample_queue.c)
target_link_libraries(test_pipeline PRIVATE Threads::Threads)
target_sources(test_lanes PRIVATE ${CMAKE_SOURCE_DIR}/cli/lanes.c ${CMAKE_SOURCE_DIR}/cli/sample_queue.c)
target_link_libraries(test_lanes PRIVATE Threads::Threads)

add_test(NAME bench.smoke COMMAND bash ${bench}/smoke.sh $<TARGET_FILE:bench_generate> $<TARGET_FILE:tcpstall>)
set_tests_properties(bench.smoke PROPERTIES TIMEOUT 120)
