/* What the collector keeps, in which order, and what it says about the rest. */

#include "report/collect.h"
#include "report/packed.h"
#include "report_example.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct collect *collect_within(uint32_t findings, uint32_t connections, uint32_t syns)
{
  struct collect_options options;
  collect_options_default(&options);
  options.limits = (struct collect_limits){findings, connections, syns};
  options.every_connection = true;
  struct collect *collect = collect_new(&options);
  assert_non_null(collect);
  assert_int_equal(collect_begin_capture(collect, 0), 0);
  return collect;
}

static void finish(struct collect *collect)
{
  const struct report_capture capture = example_capture();
  assert_int_equal(collect_end_capture(collect, &capture), 0);
  assert_int_equal(collect_arrange(collect), 0);
}

static void report_finding(struct collect *collect, uint64_t connection_id, uint32_t id,
                           enum severity severity, int64_t waited_ms)
{
  const struct analyzer_sink sink = collect_sink(collect);
  const struct connection_summary connection = example_connection(connection_id);
  struct finding finding = example_pause();
  finding.id = id;
  finding.severity = severity;
  finding.waited_ns = waited_ms * NS_PER_MS;
  sink.finding(sink.context, &connection, &finding);
}

static void expect_finding(struct collect *collect, uint32_t index, uint64_t connection_id,
                           uint32_t id)
{
  struct finding finding;
  uint64_t connection;
  collect_finding(collect, index, &finding, &connection);
  assert_int_equal(connection, connection_id);
  assert_int_equal(finding.id, id);
}

static void test_packing(void **state)
{
  (void)state;
  uint8_t bytes[1200], restored[1200];
  for (unsigned round = 0; round < 2000; round++) {
    const size_t size = round % sizeof bytes + 1;
    for (size_t i = 0; i < size; i++)
      bytes[i] = (i * 2654435761U + round) % (round % 7 + 1) == 0 ? (uint8_t)(i * round) : 0;
    struct packed *packed = packed_new(bytes, size);
    assert_non_null(packed);
    memset(restored, 0xaa, sizeof restored);
    packed_get(packed, restored, size);
    assert_memory_equal(bytes, restored, size);
    packed_free(packed);
  }
}

static void test_worst_first(void **state)
{
  (void)state;
  struct collect *collect = collect_within(100, 10, 10);
  report_finding(collect, 3, 1, SEVERITY_INFO, 9000);
  report_finding(collect, 2, 1, SEVERITY_PROBLEM, 300);
  report_finding(collect, 1, 1, SEVERITY_PROBLEM, 700);
  report_finding(collect, 1, 2, SEVERITY_PROBLEM, 300);
  finish(collect);
  assert_int_equal(collect_finding_count(collect), 4);
  expect_finding(collect, 0, 1, 1);
  expect_finding(collect, 1, 1, 2);
  expect_finding(collect, 2, 2, 1);
  expect_finding(collect, 3, 3, 1);
  uint32_t first;
  assert_int_equal(collect_connection_findings(collect, 1, &first), 2);
  assert_int_equal(collect_finding_at(collect, first), 0);
  assert_int_equal(collect_connection_findings(collect, 4, &first), 0);
  /* no final summary came for any of them */
  assert_int_equal(collect_connection_count(collect), 3);
  collect_free(collect);
}

static void test_findings_limit_keeps_the_worst(void **state)
{
  (void)state;
  struct collect *collect = collect_within(3, 10, 10);
  for (uint32_t i = 1; i <= 200; i++)
    report_finding(collect, i, 1, i % 10 == 0 ? SEVERITY_PROBLEM : SEVERITY_INFO,
                   (i * 37) % 101 + 1);
  finish(collect);
  const struct report_overview *overview = collect_overview(collect);
  assert_int_equal(collect_finding_count(collect), 3);
  assert_int_equal(overview->problems, 20);
  assert_int_equal(overview->infos, 180);
  assert_int_equal(overview->findings_left_out, 197);
  assert_int_equal(overview->problems_left_out, 17);
  int64_t last = INT64_MAX;
  for (uint32_t i = 0; i < 3; i++) {
    struct finding finding;
    uint64_t id;
    collect_finding(collect, i, &finding, &id);
    assert_int_equal(finding.severity, SEVERITY_PROBLEM);
    assert_true(finding.waited_ns <= last);
    last = finding.waited_ns;
  }
  collect_free(collect);
}

static void test_revised_finding_replaces(void **state)
{
  (void)state;
  struct collect *collect = collect_within(10, 10, 10);
  const struct analyzer_sink sink = collect_sink(collect);
  const struct connection_summary connection = example_connection(1);
  struct finding finding = example_stall();
  report_finding(collect, 2, 1, SEVERITY_PROBLEM, 5000);
  sink.finding(sink.context, &connection, &finding);
  finding.state = FINDING_REVISED;
  finding.severity = SEVERITY_INFO;
  sink.finding(sink.context, &connection, &finding);
  finish(collect);
  assert_int_equal(collect_finding_count(collect), 2);
  assert_int_equal(collect_overview(collect)->problems, 1);
  assert_int_equal(collect_overview(collect)->infos, 1);
  expect_finding(collect, 0, 2, 1);
  collect_free(collect);
}

/* A flood of SYNs must not cost memory, and is said. */
static void test_connection_limits(void **state)
{
  (void)state;
  struct collect *collect = collect_within(10, 100, 50);
  const struct analyzer_sink sink = collect_sink(collect);
  struct connection_summary syn = example_connection(1);
  syn.findings = 0;
  syn.established = false;
  for (syn.id = 1; syn.id <= 10000; syn.id++)
    sink.connection(sink.context, &syn);
  struct connection_summary other = example_connection(10001);
  other.findings = 0;
  for (; other.id <= 10200; other.id++)
    sink.connection(sink.context, &other);
  other.findings = 1;
  sink.connection(sink.context, &other);
  finish(collect);
  assert_int_equal(collect_connection_count(collect), 151);
  assert_int_equal(collect_overview(collect)->connections, 10201);
  assert_int_equal(collect_overview(collect)->connections_left_out, 10050);
  assert_true(collect_memory_bytes(collect) < 151 * 1024);
  collect_free(collect);
}

static void test_selection(void **state)
{
  (void)state;
  struct collect_options options;
  collect_options_default(&options);
  options.every_connection = true;
  options.selection.endpoint_count = 2;
  options.selection.endpoints[0] = (struct endpoint){example_address(2), 20, 4};
  options.selection.endpoints[1] = (struct endpoint){example_address(1), 0, 4};
  struct collect *collect = collect_new(&options);
  assert_non_null(collect);
  assert_int_equal(collect_begin_capture(collect, 0), 0);
  const struct analyzer_sink sink = collect_sink(collect);
  struct connection_summary connection = example_connection(1);
  sink.connection(sink.context, &connection);
  connection.id = 2;
  connection.server.port = 21;
  sink.connection(sink.context, &connection);
  finish(collect);
  assert_int_equal(collect_connection_count(collect), 1);
  assert_int_equal(collect_overview(collect)->connections, 1);
  assert_int_equal(collect_capture(collect, 0)->last_id, 2);
  collect_free(collect);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_packing),
      cmocka_unit_test(test_worst_first),
      cmocka_unit_test(test_findings_limit_keeps_the_worst),
      cmocka_unit_test(test_revised_finding_replaces),
      cmocka_unit_test(test_connection_limits),
      cmocka_unit_test(test_selection),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
