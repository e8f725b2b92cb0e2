# import.roundtrip: captures, printed by tcpdump in every style, come back from their text.
add_executable(compare_text ${CMAKE_CURRENT_SOURCE_DIR}/import/compare_text.c)
target_link_libraries(compare_text PRIVATE room_capture)
add_test(NAME import.roundtrip
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/import/roundtrip.sh $<TARGET_FILE:compare_text>
                 $<TARGET_FILE:tcpstall> ${CMAKE_SOURCE_DIR})
set_tests_properties(import.roundtrip PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300)
