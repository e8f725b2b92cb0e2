# Captures that are spoilt a little, in every way, at every packet: what was proven stays where it was, or is proven no more.
# ctest has each kind of trace with some of its packets; all of it: mutate_traces tests/cases/*.txt samples/*.pcapng
file(GLOB mutate_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/mutate/*.c)
add_executable(mutate_traces ${mutate_sources} ${CMAKE_CURRENT_SOURCE_DIR}/cases/case_load.c ${CMAKE_CURRENT_SOURCE_DIR}/cases/case_run.c
               ${CMAKE_CURRENT_SOURCE_DIR}/cases/case_trace.c ${CMAKE_CURRENT_SOURCE_DIR}/cases/case_term.c)
target_link_libraries(mutate_traces PRIVATE room_capture room_analyzer m)
target_compile_definitions(mutate_traces PRIVATE KNOWN_FILE="${CMAKE_CURRENT_SOURCE_DIR}/mutate/known.txt")

# Of the traces of two ends each fifth packet, which takes some seconds; of those of one end and of the samples likewise.
file(GLOB mutate_both CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cases/both-*.txt)
file(GLOB mutate_one CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cases/*.txt)
list(REMOVE_ITEM mutate_one ${mutate_both})
file(GLOB mutate_samples CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/samples/*.pcapng)
add_test(NAME mutate.both-ends COMMAND mutate_traces --every 5 ${mutate_both})
add_test(NAME mutate.one-end COMMAND mutate_traces --every 5 ${mutate_one})
add_test(NAME mutate.samples COMMAND mutate_traces --every 11 ${mutate_samples})
set_tests_properties(mutate.both-ends mutate.one-end mutate.samples PROPERTIES TIMEOUT 300)
