/* Connections that several capture points saw: how they are kept, and how text and JSON tell them.
 * UPDATE_GOLDEN=1 in the environment writes the saved texts anew. */

#include "../cli/json_schema.h"
#include "report/json.h"
#include "report/text.h"
#include "report_joint_example.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define GOLDEN_SIZE 65536

/* ---- how a report comes about ---- */

static struct collect *begin(uint32_t ends, const struct collect_selection *selection)
{
  struct collect_options options;
  collect_options_default(&options);
  options.every_connection = true;
  options.min_stall_ns = 200 * NS_PER_MS;
  if (selection != NULL)
    options.selection = *selection;
  struct collect *collect = collect_new(&options);
  assert_non_null(collect);
  assert_int_equal(collect_begin_joint(collect, ends), 0);
  return collect;
}

/* example->connection as the joint delivers it. */
static void deliver(struct collect *collect, const struct joint_example *example)
{
  const struct joint_sink sink = collect_joint_sink(collect);
  sink.connection(sink.context, &example->connection);
}

/* A finding comes with what its own end knows, before the rest is known. */
static void deliver_loss(struct collect *collect, const struct joint_example *example)
{
  const struct joint_sink sink = collect_joint_sink(collect);
  const struct finding finding = joint_example_loss(example->connection.view_count);
  struct joint_connection *early = calloc(1, sizeof *early);
  assert_non_null(early);
  early->id = example->connection.id;
  early->level = example->connection.level;
  early->view_count = 1;
  early->views[0] = &example->views[0];
  early->whole = &example->whole;
  early->pair = example->connection.pair;
  sink.finding(sink.context, early, &finding);
  free(early);
}

static void end_captures(struct collect *collect, uint32_t ends)
{
  for (uint32_t end = 0; end < ends; end++) {
    const struct report_capture capture = joint_example_capture((uint8_t)end);
    assert_int_equal(collect_end_capture(collect, &capture), 0);
  }
}

static char *render_text(struct collect *collect, bool verbose)
{
  char *rendered = NULL;
  size_t size = 0;
  struct text_options options = {.width = TEXT_WIDTH_DEFAULT,
                                 .utf8 = true,
                                 .verbose = verbose,
                                 .details = TEXT_DETAILS_DEFAULT};
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

/* ---- text ---- */

static void test_two_ends_behind_a_nat(void **state)
{
  (void)state;
  struct collect *collect = begin(2, NULL);
  const struct clock_map clock = joint_example_clock();
  struct joint_example example;
  collect_set_clock(collect, 1, &clock);
  joint_example_make(&example, 1, 2);
  example.views[1].streams[SIDE_CLIENT].wscale = 0;
  deliver_loss(collect, &example);
  deliver(collect, &example);
  end_captures(collect, 2);
  expect_golden("joint-loss.txt", render_text(collect, true));
  collect_free(collect);
}

/* Some connections at all three points, some at two, some at one; one pair likely only, another
 * merely possible; one clock known, one not. */
static void test_three_points(void **state)
{
  (void)state;
  struct collect *collect = begin(3, NULL);
  struct clock_map clocks[3] = {{0}, {0}, {0}};
  struct joint_example example;
  clocks[1] = joint_example_clock();
  clocks[1].piece_count = 1;
  clocks[1].pieces[0].offset_ns = -50 * NS_PER_US;
  for (uint8_t end = 0; end < 3; end++)
    collect_set_clock(collect, end, &clocks[end]);
  for (uint64_t id = 1; id <= 9; id++) {
    joint_example_make(&example, id, id <= 4 ? 3 : id <= 6 ? 2 : 1);
    if (id == 2)
      example.pair.certainty = PAIR_LIKELY;
    if (id == 8) { /* its pair is reported apart */
      joint_example_make(&example, id, 2);
      example.pair.certainty = PAIR_POSSIBLE;
      example.connection.view_count = 1;
    }
    for (uint32_t view = 0; view < 2 && id == 1; view++)
      example.views[view].vantage = VANTAGE_UNKNOWN;
    example.whole.findings = id == 1 ? 1 : 0;
    if (id == 1)
      deliver_loss(collect, &example);
    deliver(collect, &example);
  }
  end_captures(collect, 3);
  expect_golden("joint-three-points.txt", render_text(collect, false));
  collect_free(collect);
}

static void test_nothing_in_common(void **state)
{
  (void)state;
  struct collect *collect = begin(2, NULL);
  const struct clock_map unknown = {.piece_count = 0};
  struct joint_example example;
  collect_set_clock(collect, 1, &unknown);
  for (uint64_t id = 1; id <= 2; id++) {
    joint_example_make(&example, id, 1);
    example.whole.findings = 0;
    example.views[0].end = example.whole.end = (uint8_t)(id - 1);
    deliver(collect, &example);
  }
  end_captures(collect, 2);
  expect_golden("joint-apart.txt", render_text(collect, false));
  collect_free(collect);
}

/* No connection went past all three points. */
static void test_three_points_two_by_two(void **state)
{
  (void)state;
  struct collect *collect = begin(3, NULL);
  struct joint_example example;
  for (uint64_t id = 1; id <= 3; id++) {
    joint_example_make(&example, id, id < 3 ? 2 : 1);
    deliver(collect, &example);
  }
  end_captures(collect, 3);
  char *rendered = render_text(collect, false);
  for (char *at = rendered; *at != '\0'; at++)
    if (*at == '\n')
      *at = ' ';
  assert_non_null(strstr(rendered, "saw 2 connections at 2 of the 3 points; 1 more at A only."));
  free(rendered);
  collect_free(collect);
}

/* ---- JSON ---- */

static json_t *render_json(struct collect *collect)
{
  char *rendered = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&rendered, &size);
  assert_non_null(stream);
  const struct json_options options = {stream, "1.2.3", {NULL, NULL}};
  struct json *json = json_new(&options);
  assert_non_null(json);
  const struct report_writer writer = json_report_writer(json);
  struct error failure;
  assert_int_equal(report_write(collect, &writer, &failure), 0);
  json_free(json);
  fclose(stream);
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

static const json_t *element(const json_t *object, const char *key, size_t index)
{
  const json_t *found = json_array_get(json_object_get(object, key), index);
  assert_non_null(found);
  return found;
}

static void expect_text(const json_t *object, const char *key, const char *text)
{
  assert_string_equal(json_string_value(json_object_get(object, key)), text);
}

static void expect_integer(const json_t *object, const char *key, json_int_t value)
{
  assert_int_equal(json_integer_value(json_object_get(object, key)), value);
}

static void test_json_of_three_points(void **state)
{
  (void)state;
  struct collect *collect = begin(3, NULL);
  const struct clock_map clock = joint_example_clock();
  struct joint_example example;
  collect_set_clock(collect, 1, &clock);
  collect_set_clock(collect, 2, &clock);
  joint_example_make(&example, 1, 3);
  example.views[2].streams[SIDE_CLIENT].wscale = 0;
  deliver_loss(collect, &example);
  deliver(collect, &example);
  end_captures(collect, 3);
  json_t *document = render_json(collect);
  assert_int_equal(json_array_size(json_object_get(document, "clocks")), 4);
  const json_t *piece = element(document, "clocks", 3);
  expect_text(piece, "from", "A");
  expect_text(piece, "to", "C");
  expect_integer(piece, "offset_ns", INT64_C(-7200500000000));
  const json_t *connection = element(document, "connections", 0);
  expect_text(connection, "evidence_level", "both-ends");
  expect_text(element(connection, "ends", 2), "end", "C");
  expect_text(element(connection, "ends", 2), "vantage", "server");
  expect_integer(json_object_get(element(connection, "ends", 1), "client"), "port", 50001);
  const json_t *stream = element(connection, "streams", 0);
  expect_integer(element(stream, "window_scale", 0), "value", 7);
  expect_integer(element(stream, "window_scale", 2), "value", 0);
  const json_t *pairing = json_object_get(connection, "pairing");
  expect_text(pairing, "certainty", "certain");
  expect_integer(element(pairing, "seq_shift", 2), "client", 2000);
  assert_int_equal(json_array_size(json_object_get(connection, "path")), 4);
  const json_t *back = element(connection, "path", 2);
  expect_text(back, "sender", "server");
  expect_text(back, "from", "C");
  expect_text(back, "to", "B");
  const json_t *change = element(element(connection, "path", 0), "changes", 0);
  expect_text(change, "what", "mss");
  expect_integer(change, "before", 1460);
  expect_integer(change, "after", 904);
  expect_integer(element(change, "evidence", 1), "frame", 2);
  const json_t *stages = json_object_get(element(connection, "findings", 0), "stages");
  expect_integer(stages, "lost_bytes", 1448);
  json_decref(document);
  collect_free(collect);
}

/* ---- what is kept ---- */

/* The final summary of a connection may fall to a limit, what was known with its finding stays. */
static void test_views_survive_packing(void **state)
{
  (void)state;
  struct collect *collect = begin(2, NULL);
  struct joint_example example;
  struct report_connection connection;
  struct connection_material *material = calloc(1, sizeof *material);
  assert_non_null(material);
  joint_example_make(&example, 1, 2);
  deliver_loss(collect, &example);
  joint_example_make(&example, 2, 2);
  deliver(collect, &example);
  end_captures(collect, 2);
  assert_int_equal(collect_arrange(collect), 0);
  assert_int_equal(collect_connection_count(collect), 2);
  for (uint32_t i = 0; i < 2; i++) {
    joint_example_make(&example, i + 1, 2);
    collect_connection(collect, i, &connection, material);
    assert_int_equal(connection.view_count, i + 1);
    assert_int_equal(connection.hop_count, i);
    assert_int_equal(connection.level, EVIDENCE_BOTH_ENDS);
    assert_memory_equal(connection.summary, &example.whole, sizeof example.whole);
    for (uint32_t view = 0; view <= i; view++)
      assert_memory_equal(connection.views[view], &example.views[view], sizeof example.views[view]);
    assert_string_equal(connection.pairing->reason, example.pair.reason);
  }
  assert_memory_equal(connection.hops[SIDE_SERVER], example.connection.hops[SIDE_SERVER],
                      sizeof(struct hop_summary));
  free(material);
  collect_free(collect);
}

/* Text and JSON of such a connection hold no more than is known. */
static void test_finding_without_its_connection(void **state)
{
  (void)state;
  struct collect *collect = begin(2, NULL);
  struct joint_example example;
  joint_example_make(&example, 1, 2);
  deliver_loss(collect, &example);
  end_captures(collect, 2);
  char *rendered = render_text(collect, true);
  assert_non_null(strstr(rendered, "of 65,160 outstanding"));
  assert_null(strstr(rendered, "path A"));
  free(rendered);
  json_decref(render_json(collect));
  collect_free(collect);
}

/* 100,000 uneventful connections must fit. */
static void test_memory_of_uneventful_connections(void **state)
{
  (void)state;
  struct collect *collect = begin(2, NULL);
  struct joint_example example;
  for (uint64_t id = 1; id <= 1000; id++) {
    joint_example_make(&example, id, 2);
    example.whole.findings = 0;
    deliver(collect, &example);
  }
  end_captures(collect, 2);
  const uint64_t each = collect_memory_bytes(collect) / 1000;
  print_message("%u bytes a connection\n", (unsigned)each);
  assert_true(each < 900);
  collect_free(collect);
}

static void test_selection_knows_every_name(void **state)
{
  (void)state;
  const struct collect_selection selection = {.endpoint_count = 1,
                                              .endpoints = {{example_address(77), 50002, 4}}};
  struct collect *collect = begin(2, &selection);
  struct joint_example example;
  for (uint64_t id = 1; id <= 3; id++) {
    joint_example_make(&example, id, 2);
    deliver_loss(collect, &example);
    deliver(collect, &example);
  }
  end_captures(collect, 2);
  assert_int_equal(collect_arrange(collect), 0);
  assert_int_equal(collect_finding_count(collect), 1);
  const struct report_overview *overview = collect_overview(collect);
  assert_int_equal(collect_connection_count(collect), 1);
  assert_int_equal(overview->connections, 1);
  assert_int_equal(overview->joint.seen_at[2], 1);
  assert_int_equal(overview->packets, 1903 + 1900);
  assert_int_equal(collect_capture(collect, 1)->last_id, 3);
  collect_free(collect);
}

/* A flood of SYNs that both engines forgot is one flood. */
static void test_forgotten_syns_count_once(void **state)
{
  (void)state;
  struct collect *collect = begin(2, NULL);
  struct joint_example example;
  joint_example_make(&example, 1, 2);
  deliver(collect, &example);
  for (uint8_t end = 0; end < 2; end++) {
    struct report_capture capture = joint_example_capture(end);
    capture.stats.connections = 1001 + end;
    capture.stats.syns_unanswered = 1000 + end;
    assert_int_equal(collect_end_capture(collect, &capture), 0);
  }
  assert_int_equal(collect_overview(collect)->connections, 1002);
  assert_int_equal(collect_overview(collect)->syns_unanswered, 1001);
  collect_free(collect);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_two_ends_behind_a_nat),
      cmocka_unit_test(test_three_points),
      cmocka_unit_test(test_nothing_in_common),
      cmocka_unit_test(test_three_points_two_by_two),
      cmocka_unit_test(test_json_of_three_points),
      cmocka_unit_test(test_views_survive_packing),
      cmocka_unit_test(test_finding_without_its_connection),
      cmocka_unit_test(test_memory_of_uneventful_connections),
      cmocka_unit_test(test_selection_knows_every_name),
      cmocka_unit_test(test_forgotten_syns_count_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
