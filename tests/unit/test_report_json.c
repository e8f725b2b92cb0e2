/* The JSON report: against its schema, and the values that are easy to lose. */

#include "../cli/json_schema.h"
#include "report/json.h"
#include "report_example.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct collect *collect_everything(void)
{
  struct collect_options options;
  collect_options_default(&options);
  options.every_connection = true;
  options.min_stall_ns = 200 * NS_PER_MS;
  struct collect *collect = collect_new(&options);
  assert_non_null(collect);
  assert_int_equal(collect_begin_capture(collect, 0), 0);
  return collect;
}

static char *render(struct collect *collect)
{
  char *rendered = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&rendered, &size);
  assert_non_null(stream);
  const struct json_options options = {stream, "1.2.3", {NULL, example_name}};
  struct json *json = json_new(&options);
  assert_non_null(json);
  const struct report_writer writer = json_report_writer(json);
  struct error error;
  assert_int_equal(report_write(collect, &writer, &error), 0);
  json_free(json);
  fclose(stream);
  return rendered;
}

/* Parses what was rendered and holds it to the schema. */
static json_t *parse(char *rendered)
{
  json_error_t error;
  json_t *document = json_loads(rendered, JSON_REJECT_DUPLICATES, &error);
  if (document == NULL)
    fail_msg("line %d: %s\n%s", error.line, error.text, rendered);
  json_t *schema = json_load_file(SOURCE_DIR "/docs/schema/tcpstall-1.schema.json", 0, &error);
  assert_non_null(schema);
  assert_int_equal(json_schema_errors(schema, document), 0);
  json_decref(schema);
  free(rendered);
  return document;
}

static const json_t *member(const json_t *array, size_t index, const char *key)
{
  return json_object_get(json_array_get(array, index), key);
}

static void expect_text(const json_t *object, const char *key, const char *text)
{
  assert_string_equal(json_string_value(json_object_get(object, key)), text);
}

static void test_stall_of_2003(void **state)
{
  (void)state;
  struct collect *collect = collect_everything();
  const struct analyzer_sink sink = collect_sink(collect);
  const struct connection_summary connection = example_connection(1);
  const struct finding stall = example_stall(), pause = example_pause();
  sink.finding(sink.context, &connection, &pause);
  sink.finding(sink.context, &connection, &stall);
  sink.connection(sink.context, &connection);
  const struct report_capture capture = example_capture();
  assert_int_equal(collect_end_capture(collect, &capture), 0);
  json_t *document = parse(render(collect));
  const json_t *connections = json_object_get(document, "connections");
  assert_int_equal(json_array_size(connections), 1);
  const json_t *findings = member(connections, 0, "findings");
  assert_int_equal(json_array_size(findings), 2);
  const json_t *first = json_array_get(findings, 0);
  expect_text(first, "location", "sender-queue");
  expect_text(first, "cause", "tx-queue-hold");
  expect_text(first, "confidence", "proven");
  expect_text(first, "ended_by", "foreign-packet");
  assert_int_equal(json_integer_value(json_object_get(first, "rank")), 1);
  assert_int_equal(json_integer_value(json_object_get(first, "hold_min_ns")), INT64_C(10898000000));
  assert_true(json_is_null(member(findings, 1, "hold_min_s")));
  assert_true(json_is_null(member(json_object_get(first, "evidence"), 4, "frame")));
  expect_text(member(connections, 0, "client"), "name", "test-local");
  json_decref(document);
  collect_free(collect);
}

/* Nanoseconds of today's times survive in *_ns, microseconds in *_s; hostile bytes become valid
 * UTF-8. */
static void test_values_survive(void **state)
{
  (void)state;
  struct collect *collect = collect_everything();
  const struct analyzer_sink sink = collect_sink(collect);
  struct connection_summary connection = example_connection(1);
  connection.start_ns = INT64_C(1763764245) * NS_PER_S + 123456000;
  connection.end_ns = INT64_C(1763764245) * NS_PER_S + 123456789;
  connection.streams[0].bytes = UINT64_MAX;
  connection.streams[1].wscale_state = WSCALE_INFERRED;
  connection.streams[1].wscale_min = 7;
  connection.streams[1].wscale_max = 14;
  const struct finding crawl = example_crawl();
  sink.finding(sink.context, &connection, &crawl);
  sink.connection(sink.context, &connection);
  struct report_capture capture = example_capture();
  capture.file = "bad\xff\x1b[31m.pcap";
  snprintf(capture.damage, sizeof capture.damage, "cut off");
  assert_int_equal(collect_end_capture(collect, &capture), 0);
  char *rendered = render(collect);
  assert_non_null(strstr(rendered, "\"start_s\":1763764245.123456,"));
  assert_non_null(strstr(rendered, "\"end_ns\":1763764245123456789,"));
  assert_non_null(strstr(rendered, "\"file\":\"bad\\\\xff\\u001B[31m.pcap\""));
  assert_null(strchr(rendered, '\x1b'));
  json_t *document = parse(rendered);
  const json_t *quality = member(json_object_get(document, "captures"), 0, "quality");
  assert_int_equal(json_array_size(quality), 2);
  assert_string_equal(json_string_value(json_array_get(quality, 1)), "cut-off");
  json_decref(document);
  collect_free(collect);
}

/* Two captures: ids go on, every connection keeps to its own end, none at all is an empty array. */
static void test_several_captures(void **state)
{
  (void)state;
  struct collect *collect = collect_everything();
  const struct report_capture capture = example_capture();
  for (uint8_t end = 0; end < 3; end++) {
    if (end > 0)
      assert_int_equal(collect_begin_capture(collect, end), 0);
    const struct analyzer_sink sink = collect_sink(collect);
    for (uint64_t id = 2; id > 0 && end < 2; id--) {
      const struct connection_summary connection = example_connection(id);
      sink.connection(sink.context, &connection);
    }
    assert_int_equal(collect_end_capture(collect, &capture), 0);
  }
  json_t *document = parse(render(collect));
  const json_t *connections = json_object_get(document, "connections");
  assert_int_equal(json_array_size(connections), 4);
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(json_integer_value(member(connections, i, "id")), (json_int_t)i + 1);
    expect_text(json_array_get(member(connections, i, "ends"), 0), "end", i < 2 ? "A" : "B");
  }
  json_decref(document);
  collect_free(collect);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stall_of_2003),
      cmocka_unit_test(test_values_survive),
      cmocka_unit_test(test_several_captures),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
