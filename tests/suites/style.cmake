# style.NAME: the conventions that a program can keep (tests/style/NAME.sh SOURCE_DIR BUILD_DIR).
# Exit 77 = cannot be checked here. style.planted proves that each of the others can fail.
foreach(name arrows format headers links manuals names readme shell sizes tidy planted)
  add_test(NAME style.${name}
           COMMAND bash ${CMAKE_SOURCE_DIR}/tests/style/${name}.sh ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
  set_tests_properties(style.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300 LABELS style)
endforeach()
set_tests_properties(style.tidy PROPERTIES PROCESSORS 2 TIMEOUT 1200) # it runs two at a time
# Sanitizers bring their own symbols: the tables of a plain build are what counts.
if(NOT TCPSTALL_SANITIZE)
  add_test(NAME style.globals
           COMMAND bash ${CMAKE_SOURCE_DIR}/tests/style/globals.sh ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
  set_tests_properties(style.globals PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 60 LABELS style)
endif()
