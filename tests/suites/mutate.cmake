# Captures that are spoilt a little, in every way, at every packet: what was proven stays where it was, or is proven no more.
# ctest has each kind of trace with some of its packets; all of it: mutate_traces tests/cases/*.txt samples/*.pcapng
file(GLOB mutate_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/mutate/*.c)
add_executable(mutate_traces ${mutate_sources} ${CMAKE_CURRENT_SOURCE_DIR}/cases/case_load.c ${CMAKE_CURRENT_SOURCE_DIR}/cases/case_run.c
               ${CMAKE_CURRENT_SOURCE_DIR}/cases/case_trace.c ${CMAKE_CURRENT_SOURCE_DIR}/cases/case_term.c)
target_link_libraries(mutate_traces PRIVATE room_capture room_analyzer m)
