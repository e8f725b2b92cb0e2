# The bench's programs; tests/bench/run builds and runs them. ctest only runs a small smoke of them: nothing timed.
function(tcpstall_bench_program name)
  add_executable(bench_${name} ${ARGN})
  set_target_properties(bench_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench
                                                 OUTPUT_NAME ${name})
  target_include_directories(bench_${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(bench_${name} PRIVATE tcpstall_flags)
endfunction()

set(bench ${CMAKE_SOURCE_DIR}/tests/bench)
tcpstall_bench_program(generate ${bench}/generate.c ${bench}/segment_writer.c ${bench}/transfer.c)
tcpstall_bench_program(pcap_loop ${bench}/pcap_loop.c)
target_link_libraries(bench_pcap_loop PRIVATE dep_pcap)
tcpstall_bench_program(measure ${bench}/measure.c)
