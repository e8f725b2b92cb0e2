# Live replays of the samples, through real TAP devices: ctest names replay.NAME (tests/replay/replay.sh has the cases).
foreach(name zero-window path-hold ack-loss app-idle nagle window-scale host paws first-seed nothing not-reproduced minimize killed fifty)
  add_test(NAME replay.${name} COMMAND bash ${CMAKE_SOURCE_DIR}/tests/replay/replay.sh ${name} $<TARGET_FILE:tcpstall>)
  set_tests_properties(replay.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 200 LABELS replay)
endforeach()

# Scripts for packetdrill (tests/replay/packetdrill.sh): replay.packetdrill.NAME.
foreach(name golden grammar run bites)
  add_test(NAME replay.packetdrill.${name} COMMAND bash ${CMAKE_SOURCE_DIR}/tests/replay/packetdrill.sh ${name} $<TARGET_FILE:tcpstall>)
  set_tests_properties(replay.packetdrill.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300 LABELS replay)
endforeach()
