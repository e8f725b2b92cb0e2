# The path emulator (replay/, docs/scenario.md) as a program for the lab and the bench.
add_executable(tcpstall-pathemu ${CMAKE_SOURCE_DIR}/tests/path/pathemu.c)
target_link_libraries(tcpstall-pathemu PRIVATE room_replay)
