# Many machines, many traces: lines of JSON (tests/cli/lines.sh), the parts of a split trace, the schema over everything, the
# worked example of docs/fleet.md and what is shown beside it (tests/fleet/NAME.sh). Exit 77 = cannot be tested here.
add_test(NAME cli.lines COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/cli/lines.sh)
set_tests_properties(cli.lines PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120 LABELS cli
  ENVIRONMENT "TCPSTALL=$<TARGET_FILE:tcpstall>;JSON_CHECK=$<TARGET_FILE:json_schema_check>;SOURCE_DIR=${CMAKE_SOURCE_DIR}")

foreach(name samples cases merged ends captures)
  add_test(NAME fleet.parts_${name} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/fleet/parts.sh ${name})
  set_tests_properties(fleet.parts_${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900 LABELS fleet
    ENVIRONMENT "TCPSTALL=$<TARGET_FILE:tcpstall>;SOURCE_DIR=${CMAKE_SOURCE_DIR}")
endforeach()

foreach(name samples cases captures)
  add_test(NAME fleet.schema_${name} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/fleet/schema.sh ${name})
  set_tests_properties(fleet.schema_${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900 LABELS fleet
    ENVIRONMENT "TCPSTALL=$<TARGET_FILE:tcpstall>;SOURCE_DIR=${CMAKE_SOURCE_DIR}")
endforeach()

add_test(NAME fleet.metrics COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/fleet/metrics.sh)
set_tests_properties(fleet.metrics PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 180 LABELS fleet
  ENVIRONMENT "TCPSTALL=$<TARGET_FILE:tcpstall>;SOURCE_DIR=${CMAKE_SOURCE_DIR}")
add_test(NAME fleet.examples COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/fleet/examples.sh)
set_tests_properties(fleet.examples PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 60 LABELS fleet
  ENVIRONMENT "TCPSTALL=$<TARGET_FILE:tcpstall>;SOURCE_DIR=${CMAKE_SOURCE_DIR}")

# The queries of docs/fleet.md: that their columns exist, and, where an engine is installed, that it runs them.
foreach(name check duckdb clickhouse)
  add_test(NAME fleet.queries_${name} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/fleet/queries.sh ${name})
  set_tests_properties(fleet.queries_${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 180 LABELS fleet
    ENVIRONMENT "TCPSTALL=$<TARGET_FILE:tcpstall>;SOURCE_DIR=${CMAKE_SOURCE_DIR}")
endforeach()

# Splitting is the program's own; its fuzz target and unit test (tests/fuzz/fuzz_split.c, tests/unit/test_split_place.c) take it along.
foreach(stem fuzz_split test_split_place)
  foreach(source split split_place split_files)
    target_sources(${stem} PRIVATE ${CMAKE_SOURCE_DIR}/cli/${source}.c)
  endforeach()
  target_compile_definitions(${stem} PRIVATE TCPSTALL_VERSION="${PROJECT_VERSION}")
endforeach()
