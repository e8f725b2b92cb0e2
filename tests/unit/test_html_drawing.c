/* What the HTML report draws: which packets stay, which is which at the other end, what lines and
 * scales become of them. */

#include "report/html_drawn.h"
#include "report/html_svg.h"
#include "wire/timestamp.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A connection of one or two ends that lasts a second, with a finding in the middle. */
static struct html_drawn *new_drawn(uint32_t ends, uint32_t limit)
{
  struct html_drawn *drawn = calloc(1, sizeof *drawn);
  assert_non_null(drawn);
  drawn->limit = limit;
  drawn->packets = 100000;
  drawn->end_ns = NS_PER_S;
  drawn->view_count = ends;
  drawn->server_end = (uint8_t)(ends - 1);
  drawn->views[1].end = 1;
  for (int side = 0; side < 2; side++) {
    drawn->capture_to_ns[side] = 2 * NS_PER_S;
    drawn->capture_from_ns[side] = -NS_PER_S;
    drawn->delay_max_ns[side] = 20 * NS_PER_MS;
  }
  return drawn;
}

static void free_drawn(struct html_drawn *drawn)
{
  free(drawn->list);
  free(drawn->spans);
  free(drawn);
}

static uint64_t frame;

static void add(struct html_drawn *drawn, uint8_t end, enum stream_side side, int64_t time_ns,
                uint32_t seq, uint32_t bytes, uint8_t marks)
{
  const struct packet packet = {.time_ns = time_ns,
                                .frame = ++frame,
                                .end = end,
                                .kind = PACKET_TCP,
                                .seq = seq,
                                .payload_bytes = bytes,
                                .flags = TCP_ACK,
                                .window = 1000};
  assert_true(html_packets_add(drawn, &drawn->views[end], &packet, side, marks));
}

static const struct html_packet *find(const struct html_drawn *drawn, uint8_t end, int64_t time_ns)
{
  for (uint32_t i = 0; i < drawn->count; i++)
    if (drawn->list[i].end == end && drawn->list[i].time_ns == time_ns)
      return &drawn->list[i];
  fail_msg("end %u has no packet at %" PRId64 " ns", end, time_ns);
  return drawn->list;
}

/* ---- reduction ---- */

static void test_extremes_stay(void **state)
{
  struct html_drawn *drawn = new_drawn(1, 2000);
  int64_t highest = 0, last_ns = 0;
  (void)state;
  html_reduce_plan(drawn);
  for (uint32_t i = 0; i < 100000; i++) {
    add(drawn, 0, SIDE_CLIENT, i * INT64_C(10000), 1 + i * 100, 100,
        i == 54321 ? HTML_EVIDENCE : 0);
    assert_true(drawn->count <= 2 * drawn->limit + 1);
  }
  html_packets_finish(drawn);
  assert_true(drawn->count <= drawn->limit);
  assert_true(drawn->count > drawn->limit / 8);
  assert_int_equal(drawn->count + drawn->left_out, 100000);
  for (uint32_t i = 0; i < drawn->count; i++) {
    const struct html_packet *packet = &drawn->list[i];
    assert_true(packet->time_ns >= last_ns);
    last_ns = packet->time_ns;
    highest = packet->seq + 100 > highest ? packet->seq + 100 : highest;
  }
  assert_int_equal(drawn->list[0].seq, 0);
  assert_int_equal(highest, 10000000);
  (void)find(drawn, 0, 54321 * INT64_C(10000));
  free_drawn(drawn);
}

/* A trace that marks everything does not break the bound. */
static void test_bound_holds(void **state)
{
  struct html_drawn *drawn = new_drawn(1, 1000);
  (void)state;
  html_reduce_plan(drawn);
  for (uint32_t i = 0; i < 50000; i++) /* all are sent again */
    add(drawn, 0, SIDE_CLIENT, i * INT64_C(20000), 1, 100, 0);
  html_packets_finish(drawn);
  assert_true(drawn->count <= drawn->limit);
  free_drawn(drawn);
}

/* What was in flight does not depend on what was left out. */
static void test_flight_is_counted_before(void **state)
{
  struct html_drawn *drawn = new_drawn(1, 1000);
  uint32_t most = 0;
  (void)state;
  html_reduce_plan(drawn);
  for (uint32_t i = 0; i < 20000; i++) {
    struct packet ack = {.time_ns = i * INT64_C(50000) + 20000,
                         .kind = PACKET_TCP,
                         .flags = TCP_ACK,
                         .ack = 1 + (i + 1) * 100};
    add(drawn, 0, SIDE_CLIENT, i * INT64_C(50000), 1 + i * 100, 100, 0);
    ack.frame = ++frame;
    assert_true(html_packets_add(drawn, &drawn->views[0], &ack, SIDE_SERVER, 0));
  }
  html_packets_finish(drawn);
  for (uint32_t i = 0; i < drawn->count; i++)
    most = drawn->list[i].own_flight_bytes > most ? drawn->list[i].own_flight_bytes : most;
  assert_int_equal(most, 100);
  free_drawn(drawn);
}

static void test_byte_0_is_the_earliest(void **state)
{
  struct html_drawn *drawn = new_drawn(1, 1000);
  (void)state;
  html_reduce_plan(drawn);
  add(drawn, 0, SIDE_CLIENT, 1000, 5000, 100, 0);
  add(drawn, 0, SIDE_CLIENT, 2000, 4294967295u - 999, 100, 0); /* before, beyond the wrap */
  html_packets_finish(drawn);
  assert_int_equal(drawn->list[1].seq, 0);
  assert_int_equal(drawn->list[0].seq, 6000);
  free_drawn(drawn);
}

/* ---- both ends ---- */

static void test_lost_copy_is_not_the_one_that_came(void **state)
{
  struct html_drawn *drawn = new_drawn(2, 1000);
  (void)state;
  html_reduce_plan(drawn);
  add(drawn, 0, SIDE_CLIENT, 1000, 1, 100, 0);
  add(drawn, 0, SIDE_CLIENT, 300 * NS_PER_MS, 1, 100, 0);
  add(drawn, 1, SIDE_CLIENT, 310 * NS_PER_MS, 1, 100, 0);
  html_packets_finish(drawn);
  assert_true(html_match(drawn));
  const struct html_packet *lost = find(drawn, 0, 1000), *again = find(drawn, 0, 300 * NS_PER_MS);
  assert_int_equal(lost->other, UINT32_MAX);
  assert_int_equal(lost->marks & HTML_NOT_THERE, HTML_NOT_THERE);
  assert_ptr_equal(&drawn->list[again->other], find(drawn, 1, 310 * NS_PER_MS));
  assert_int_equal(again->marks & (HTML_NOT_THERE | HTML_AGAIN), HTML_AGAIN);
  free_drawn(drawn);
}

/* Timestamps tell a late first copy from the second one. */
static void test_timestamps_tell_copies_apart(void **state)
{
  struct html_drawn *drawn = new_drawn(2, 1000);
  const struct {
    uint8_t end;
    int64_t time_ms;
    uint32_t ts_val;
  } copies[] = {{0, 1, 10}, {0, 200, 11}, {1, 210, 10}, {1, 211, 11}};
  (void)state;
  html_reduce_plan(drawn);
  for (size_t i = 0; i < 4; i++) {
    const struct packet packet = {.time_ns = copies[i].time_ms * NS_PER_MS,
                                  .frame = ++frame,
                                  .end = copies[i].end,
                                  .kind = PACKET_TCP,
                                  .seq = 1,
                                  .payload_bytes = 100,
                                  .options = TCP_OPT_TIMESTAMPS,
                                  .ts_val = copies[i].ts_val};
    assert_true(html_packets_add(drawn, &drawn->views[copies[i].end], &packet, SIDE_CLIENT, 0));
  }
  html_packets_finish(drawn);
  assert_true(html_match(drawn));
  assert_int_equal(drawn->list[find(drawn, 0, NS_PER_MS)->other].time_ns, 210 * NS_PER_MS);
  assert_int_equal(drawn->list[find(drawn, 0, 200 * NS_PER_MS)->other].time_ns, 211 * NS_PER_MS);
  free_drawn(drawn);
}

/* One large segment of a sender with offload comes as three. */
static void test_cut_up_on_the_way(void **state)
{
  struct html_drawn *drawn = new_drawn(2, 1000);
  (void)state;
  html_reduce_plan(drawn);
  add(drawn, 0, SIDE_CLIENT, 1000, 1, 300, 0);
  for (uint32_t i = 0; i < 3; i++)
    add(drawn, 1, SIDE_CLIENT, 10 * NS_PER_MS + i, 1 + 100 * i, 100, 0);
  html_packets_finish(drawn);
  assert_true(html_match(drawn));
  assert_int_equal(drawn->list[0].marks & HTML_NOT_THERE, 0);
  assert_int_equal(drawn->list[drawn->list[0].other].time_ns, 10 * NS_PER_MS);
  free_drawn(drawn);
}

/* The other end's capture was over: nothing is said. */
static void test_beyond_the_capture(void **state)
{
  struct html_drawn *drawn = new_drawn(2, 1000);
  (void)state;
  drawn->capture_to_ns[SIDE_SERVER] = 100 * NS_PER_MS;
  html_reduce_plan(drawn);
  add(drawn, 0, SIDE_CLIENT, 200 * NS_PER_MS, 1, 100, 0);
  html_packets_finish(drawn);
  assert_true(html_match(drawn));
  assert_int_equal(drawn->list[0].marks, 0);
  free_drawn(drawn);
}

/* ---- scales and lines ---- */

static void test_labels(void **state)
{
  char text[SVG_LABEL_SIZE];
  (void)state;
  assert_string_equal(svg_time_label(512 * NS_PER_MS, 2 * NS_PER_MS, text), "0.512 s");
  assert_string_equal(svg_time_label(10 * NS_PER_S, 5 * NS_PER_S, text), "10 s");
  assert_string_equal(svg_time_label(1200 * NS_PER_S, 600 * NS_PER_S, text), "20 min");
  assert_string_equal(svg_time_label(7200 * NS_PER_S, 3600 * NS_PER_S, text), "2 h");
  assert_string_equal(svg_bytes_label(0, 500, text), "0 B");
  assert_string_equal(svg_bytes_label(1500, 500, text), "1.5 kB");
  assert_string_equal(svg_bytes_label(2e6, 1e6, text), "2 MB");
  assert_string_equal(svg_bytes_label(5e9, 5e8, text), "5.0 GB");
}

static void test_steps_are_round(void **state)
{
  (void)state;
  assert_int_equal(svg_time_step_ns(NS_PER_S, 8), 200 * NS_PER_MS);
  assert_int_equal(svg_time_step_ns(3600 * NS_PER_S, 8), 600 * NS_PER_S);
  assert_int_equal(svg_time_step_ns(1, 8), 1);
  assert_int_equal((int)svg_bytes_step(65535, 7), 10000);
  assert_int_equal((int)svg_bytes_step(1, 7), 1);
}

/* A million steps in a hundred columns: the lowest and the highest stay, the text is short. */
static void test_lines_are_reduced(void **state)
{
  char *text = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&text, &size);
  struct svg_steps steps;
  struct svg_bars bars;
  (void)state;
  assert_non_null(stream);
  svg_steps_begin(&steps, stream, "a");
  for (int i = 0; i < 1000000; i++)
    svg_steps_add(&steps, i / 10000.0, i == 555555 ? 3 : i == 555556 ? 197 : 100);
  svg_steps_end(&steps, 100);
  svg_bars_begin(&bars, stream, "b");
  for (int i = 0; i < 1000000; i++)
    svg_bars_add(&bars, i / 10000.0, 50, i == 777777 ? 91 : 60);
  svg_bars_end(&bars);
  fclose(stream);
  assert_true(size < 5000);
  assert_non_null(strstr(text, "V3V197V100H"));
  assert_non_null(strstr(text, "M78 91V50"));
  free(text);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_extremes_stay),
      cmocka_unit_test(test_bound_holds),
      cmocka_unit_test(test_flight_is_counted_before),
      cmocka_unit_test(test_byte_0_is_the_earliest),
      cmocka_unit_test(test_lost_copy_is_not_the_one_that_came),
      cmocka_unit_test(test_timestamps_tell_copies_apart),
      cmocka_unit_test(test_cut_up_on_the_way),
      cmocka_unit_test(test_beyond_the_capture),
      cmocka_unit_test(test_labels),
      cmocka_unit_test(test_steps_are_round),
      cmocka_unit_test(test_lines_are_reduced),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
