# Rule cases: every tests/cases/NAME.txt is a short trace with the findings it has to give, as ctest case.NAME.
add_executable(run_cases ${CMAKE_CURRENT_SOURCE_DIR}/cases/run_cases.c)
target_link_libraries(run_cases PRIVATE room_capture room_analyzer)
file(GLOB case_files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cases/*.txt)
foreach(case_file IN LISTS case_files)
  get_filename_component(case_name ${case_file} NAME_WE)
  add_test(NAME case.${case_name} COMMAND run_cases ${case_file})
  set_tests_properties(case.${case_name} PROPERTIES TIMEOUT 30)
endforeach()
