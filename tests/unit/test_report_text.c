/* The text report against saved ones (tests/golden/report). UPDATE_GOLDEN=1 in the environment
 * writes them anew. */

#include "report/text.h"
#include "report_example.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define GOLDEN_SIZE 65536

static struct text_options default_options(void)
{
  return (struct text_options){.width = TEXT_WIDTH_DEFAULT,
                               .utf8 = true,
                               .details = TEXT_DETAILS_DEFAULT,
                               .names = {NULL, example_name}};
}

/* The report as one allocated string. */
static char *render(struct collect *collect, struct text_options options)
{
  char *rendered = NULL;
  size_t size = 0;
  options.stream = open_memstream(&rendered, &size);
  assert_non_null(options.stream);
  struct text *text = text_new(&options);
  assert_non_null(text);
  const struct report_writer writer = text_report_writer(text);
  struct error error;
  assert_int_equal(report_write(collect, &writer, &error), 0);
  text_free(text);
  fclose(options.stream);
  return rendered;
}

static void expect_golden(const char *name, char *rendered)
{
  char path[512];
  snprintf(path, sizeof path, "%s/tests/golden/report/%s", SOURCE_DIR, name);
  if (getenv("UPDATE_GOLDEN") != NULL) {
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(rendered, out);
    fclose(out);
  }
  FILE *in = fopen(path, "r");
  assert_non_null(in);
  char *golden = calloc(1, GOLDEN_SIZE);
  assert_non_null(golden);
  assert_true(fread(golden, 1, GOLDEN_SIZE - 1, in) > 0);
  fclose(in);
  assert_string_equal(rendered, golden);
  free(golden);
  free(rendered);
}

static struct collect *collect_with(const struct collect_options *changed)
{
  struct collect_options options;
  collect_options_default(&options);
  if (changed != NULL)
    options = *changed;
  options.min_stall_ns = 200 * NS_PER_MS;
  struct collect *collect = collect_new(&options);
  assert_non_null(collect);
  assert_int_equal(collect_begin_capture(collect, 0), 0);
  return collect;
}

static struct collect *stall_of_2003(bool every_connection)
{
  struct collect_options options;
  collect_options_default(&options);
  options.every_connection = every_connection;
  struct collect *collect = collect_with(&options);
  const struct analyzer_sink sink = collect_sink(collect);
  const struct connection_summary connection = example_connection(1);
  const struct finding stall = example_stall(), pause = example_pause();
  sink.finding(sink.context, &connection, &pause);
  sink.finding(sink.context, &connection, &stall);
  sink.connection(sink.context, &connection);
  const struct report_capture capture = example_capture();
  assert_int_equal(collect_end_capture(collect, &capture), 0);
  return collect;
}

static void test_stall_of_2003(void **state)
{
  (void)state;
  struct collect *collect = stall_of_2003(false);
  expect_golden("stall-2003.txt", render(collect, default_options()));
  collect_free(collect);
}

static void test_everything_narrow_ascii_coloured(void **state)
{
  (void)state;
  struct collect *collect = stall_of_2003(true);
  struct text_options options = default_options();
  options.width = 64;
  options.utf8 = false;
  options.color = true;
  options.verbose = true;
  options.all = true;
  expect_golden("stall-2003-verbose.txt", render(collect, options));
  collect_free(collect);
}

static void test_nothing_found(void **state)
{
  (void)state;
  struct collect *collect = collect_with(NULL);
  const struct analyzer_sink sink = collect_sink(collect);
  struct connection_summary connection = example_connection(1);
  connection.findings = 0;
  sink.connection(sink.context, &connection);
  struct report_capture capture = example_capture();
  capture.file = "-";
  capture.excerpt = 0;
  capture.format = "pcapng";
  capture.compression = "zstd";
  capture.captured_on = "";
  capture.time_base = REPORT_TIME_EPOCH;
  assert_int_equal(collect_end_capture(collect, &capture), 0);
  expect_golden("nothing.txt", render(collect, default_options()));
  collect_free(collect);
}

static void test_no_tcp(void **state)
{
  (void)state;
  struct collect *collect = collect_with(NULL);
  struct report_capture capture = example_capture();
  capture.stats = (struct analyzer_stats){.first_ns = TIME_INVALID, .last_ns = TIME_INVALID};
  capture.stats.packets[PACKET_UDP] = 1234567;
  capture.stats.packets[PACKET_MALFORMED] = 1;
  assert_int_equal(collect_end_capture(collect, &capture), 0);
  expect_golden("no-tcp.txt", render(collect, default_options()));
  collect_free(collect);
}

/* What happens again and again to one connection is said once, and told in full once. */
static void test_the_same_again(void **state)
{
  (void)state;
  struct collect *collect = collect_with(NULL);
  const struct analyzer_sink sink = collect_sink(collect);
  const struct connection_summary connection = example_connection(1);
  struct finding stall = example_stall();
  for (stall.id = 1; stall.id <= 40; stall.id++) {
    if (stall.id == 40)
      snprintf(stall.summary, sizeof stall.summary, "another one");
    sink.finding(sink.context, &connection, &stall);
  }
  const struct report_capture capture = example_capture();
  assert_int_equal(collect_end_capture(collect, &capture), 0);
  expect_golden("the-same-again.txt", render(collect, default_options()));
  collect_free(collect);
}

/* Many problems, a damaged and lossy capture, limits reached, hostile text. */
static void test_bad_day(void **state)
{
  (void)state;
  struct collect_options small;
  collect_options_default(&small);
  small.limits.findings = 4;
  struct collect *collect = collect_with(&small);
  const struct analyzer_sink sink = collect_sink(collect);
  for (uint64_t id = 1; id <= 6; id++) {
    struct connection_summary connection = example_connection(id);
    connection.client.port = (uint16_t)(1000 + id);
    connection.roles_from_syn = true;
    connection.vantage = VANTAGE_UNKNOWN;
    connection.vantage_reason[0] = '\0';
    connection.quality = (1U << QUALITY_BITS) - 1;
    struct finding crawl = example_crawl();
    crawl.waited_ns += (int64_t)id;
    sink.finding(sink.context, &connection, &crawl);
    sink.connection(sink.context, &connection);
  }
  struct report_capture capture = example_capture();
  capture.file = "bad\x1b]0;title\x07.pcap";
  capture.excerpt = 0;
  capture.time_base = REPORT_TIME_EPOCH;
  capture.has_dropped = true;
  capture.dropped = 77;
  capture.interrupted = true;
  capture.unsupported_linktype = 105;
  capture.foreign_blocks = 3;
  capture.lines_not_understood = 2;
  snprintf(capture.damage, sizeof capture.damage, "bad.pcap: cut off at offset 12345");
  capture.stats.packets[PACKET_UNSUPPORTED_LINK] = 9;
  capture.stats.connections_retired = 5;
  capture.stats.half_open_forgotten = 10000000;
  capture.stats.segments_forgotten = 1;
  assert_int_equal(collect_end_capture(collect, &capture), 0);
  struct text_options options = default_options();
  options.details = 2;
  options.names.name = NULL;
  expect_golden("bad-day.txt", render(collect, options));
  collect_free(collect);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stall_of_2003), cmocka_unit_test(test_everything_narrow_ascii_coloured),
      cmocka_unit_test(test_nothing_found), cmocka_unit_test(test_no_tcp),
      cmocka_unit_test(test_bad_day),       cmocka_unit_test(test_the_same_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
