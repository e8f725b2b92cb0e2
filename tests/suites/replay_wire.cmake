# How true to its times a recording is played (tests/bench/replay.sh): the program that measures it.
add_executable(bench_replay_gaps ${CMAKE_SOURCE_DIR}/tests/bench/replay_gaps.c)
set_target_properties(bench_replay_gaps PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench
                                                   OUTPUT_NAME replay_gaps)
target_link_libraries(bench_replay_gaps PRIVATE tcpstall_flags m)

# Replays with one live end, or none (tests/replay/one_end.sh has the cases, and "fifty" on top).
foreach(name peer-zero-window peer-ack-hold peer-rto-backoff peer-slow-reader sender-paws sender-zero-window sender-delayed-ack
             evidence again wire wire-device killed)
  add_test(NAME replay.end.${name}
           COMMAND bash ${CMAKE_SOURCE_DIR}/tests/replay/one_end.sh ${name} $<TARGET_FILE:tcpstall>)
  set_tests_properties(replay.end.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120 LABELS replay)
endforeach()
