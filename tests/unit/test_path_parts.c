/* The parts of the path that have an invariant of their own, each against something simpler. */
#include "replay/copy_count.h"
#include "replay/frame_queue.h"
#include "replay/lateness.h"
#include "replay/link_rate.h"
#include "replay/prng.h"
#include "replay/truth_log.h"
#include "wire/error.h"
#include "wire/timestamp.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void copies_against_a_table(void **state)
{
  (void)state;
  static struct copy_count copies;
  uint32_t table[2][500] = {{0}};
  struct prng prng;
  prng_seed(&prng, 7, 0);
  for (int round = 0; round < 2000; round++) {
    const uint32_t flow = (uint32_t)(prng_u64(&prng) % 2);
    const int64_t first = (int64_t)(prng_u64(&prng) % 490);
    int64_t end = first + 1 + (int64_t)(prng_u64(&prng) % 40);
    end = end > 500 ? 500 : end;
    uint32_t least = UINT32_MAX;
    for (int64_t i = first; i < end; i++) {
      least = table[flow][i] < least ? table[flow][i] : least;
      table[flow][i]++;
    }
    assert_int_equal(copy_count_add(&copies, flow, first, end), least + 1);
  }
  assert_int_equal(copies.overflows, 0);
  for (uint32_t i = 0; i < copies.count; i++) {
    const struct copy_stretch *stretch = &copies.stretches[i];
    assert_true(stretch->first < stretch->end);
    for (int64_t byte = stretch->first; byte < stretch->end; byte++)
      assert_int_equal(table[stretch->flow][byte], stretch->copies);
  }
}

static void copies_have_a_limit(void **state)
{
  (void)state;
  static struct copy_count copies;
  for (int64_t i = 0; i < 3 * COPY_COUNT_MAX; i++)
    assert_int_equal(copy_count_add(&copies, 1, 2 * i, 2 * i + 1), 1);
  assert_true(copies.count <= COPY_COUNT_MAX);
  assert_true(copies.overflows >= COPY_COUNT_MAX);
}

static void queues_sort(void **state)
{
  (void)state;
  struct frame_queue queue = {0};
  struct prng prng;
  prng_seed(&prng, 3, 0);
  int64_t base = 0;
  int inside = 0;
  for (int round = 0; round < 5000; round++) {
    if (prng_unit(&prng) < 0.6) {
      struct queued_frame *frame = calloc(1, sizeof *frame);
      const bool late = prng_unit(&prng) < 0.2;
      assert_true(frame_queue_push(&queue, frame, base + (late ? 5 : 100)));
      inside++;
    } else if (inside > 0) {
      const int64_t due_ns = frame_queue_due_ns(&queue);
      struct queued_frame *frame = frame_queue_pop(&queue);
      assert_int_equal(frame->due_ns, due_ns);
      assert_true(frame_queue_due_ns(&queue) >= due_ns);
      free(frame);
      inside--;
    }
    base += (int64_t)(prng_u64(&prng) % 3);
    assert_int_equal(queue.count, inside);
  }
  int64_t last_ns = 0;
  uint64_t last_order = 0;
  while (inside-- > 100) {
    struct queued_frame *frame = frame_queue_pop(&queue);
    assert_true(frame->due_ns > last_ns || (frame->due_ns == last_ns && frame->order > last_order));
    last_ns = frame->due_ns;
    last_order = frame->order;
    free(frame);
  }
  frame_queue_clear(&queue); /* with frames in it */
  assert_null(frame_queue_pop(&queue));
}

static void percentiles_are_near(void **state)
{
  (void)state;
  static struct lateness lateness;
  assert_int_equal(lateness_percentile_ns(&lateness, 0.5), 0);
  for (int64_t i = 1; i <= 100000; i++)
    lateness_add(&lateness, i);
  lateness_add(&lateness, -5);
  const int64_t p50 = lateness_percentile_ns(&lateness, 0.5);
  const int64_t p99 = lateness_percentile_ns(&lateness, 0.99);
  assert_in_range(p50, 50000, 50000 * 17 / 16);
  assert_in_range(p99, 99000, 100000);
  assert_int_equal(lateness_percentile_ns(&lateness, 1), 100000);
  lateness_add(&lateness, INT64_MAX);
  assert_int_equal(lateness.max_ns, INT64_MAX);
  assert_int_equal(lateness_percentile_ns(&lateness, 1), INT64_MAX);
}

static void chance_is_fair(void **state)
{
  (void)state;
  struct prng prng;
  prng_seed(&prng, 1, 1);
  double sums[3] = {0}, squares = 0;
  for (int i = 0; i < 100000; i++) {
    const double unit = prng_unit(&prng), normal = prng_normal(&prng);
    assert_true(unit >= 0 && unit < 1);
    sums[0] += unit;
    sums[1] += normal;
    squares += normal * normal;
    sums[2] += prng_exponential(&prng);
  }
  assert_true(sums[0] > 49500 && sums[0] < 50500);
  assert_true(sums[1] > -1000 && sums[1] < 1000);
  assert_true(squares > 98500 && squares < 101500);
  assert_true(sums[2] > 99000 && sums[2] < 101000);
}

static void a_slow_link_does_not_overflow(void **state)
{
  (void)state;
  struct link_rate link;
  assert_int_equal(link_rate_init(&link, 1, INT64_MAX, INT64_MAX), 0);
  int refused = 0;
  for (int i = 0; i < 100000; i++)
    refused += !time_is_valid(link_rate_enter(&link, 65535, 0));
  assert_true(refused > 0); /* beyond 73 years */
  link_rate_clear(&link);
}

/* Every line is an object of its own, and has the times. */
static void the_log_is_json(void **state)
{
  (void)state;
  char *text = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&text, &size);
  struct truth_log *log = truth_log_new(stream);
  static struct scenario scenario;
  static const char rules[] = "seed 9\nab delay 1ms # \"quoted\"\nba drop kind=data";
  struct error error;
  assert_int_equal(scenario_parse(&scenario, rules, strlen(rules), &error), 0);
  const struct path_sink sink = {0};
  static struct lateness lateness;
  struct path *path = path_new(&scenario, &sink, &error);
  static const char *const names[] = {"tap0", "tap1"};
  const struct path_act act = {
      .name = "begin", .rule = &scenario.rules[1], .held_ns = -1, .old_value = -1, .new_value = 3};
  const struct truth_end end = {.path = path, .lateness = &lateness, .ring_drops = {5, -1}};
  truth_log_start(log, &scenario, 100, names);
  truth_log_act(log, &act, 200);
  truth_log_write_failure(log, 1, 300, PATH_BA, 60, "no space");
  truth_log_end(log, &scenario, &end);
  assert_true(truth_log_is_whole(log));
  truth_log_free(log);
  path_free(path);
  fclose(stream);
  static const char *const acts[] = {"start", "begin", "write-failure", "stop"};
  char *rest = text;
  for (int i = 0; i < 4; i++) {
    json_t *object = json_loads(strsep(&rest, "\n"), 0, NULL);
    assert_non_null(object);
    assert_string_equal(json_string_value(json_object_get(object, "act")), acts[i]);
    assert_true(json_is_integer(json_object_get(object, "wall_ns")));
    if (i == 3)
      assert_int_equal(
          json_integer_value(json_object_get(json_object_get(object, "ring_drops"), "ba")), -1);
    json_decref(object);
  }
  assert_string_equal(rest, "");
  free(text);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(copies_against_a_table),
      cmocka_unit_test(copies_have_a_limit),
      cmocka_unit_test(queues_sort),
      cmocka_unit_test(percentiles_are_near),
      cmocka_unit_test(chance_is_fair),
      cmocka_unit_test(a_slow_link_does_not_overflow),
      cmocka_unit_test(the_log_is_json),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
