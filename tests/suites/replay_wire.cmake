# How true to its times a recording is played (tests/bench/replay.sh): the program that measures it.
add_executable(bench_replay_gaps ${CMAKE_SOURCE_DIR}/tests/bench/replay_gaps.c)
set_target_properties(bench_replay_gaps PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench
                                                   OUTPUT_NAME replay_gaps)
target_link_libraries(bench_replay_gaps PRIVATE tcpstall_flags m)
