/* Several readers side by side, with scripted traces in place of the real ones: the linker takes
 * these definitions before it looks into the rooms' libraries. */

#include "cli/lanes.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct trace {
  uint64_t frames, delivered;
  size_t batch;
  uint32_t interfaces; /* frames go round them */
  int64_t step_ns;     /* between frames */
  uint64_t odd_frame;  /* has this time instead; 0: none */
  int64_t odd_time_ns;
  int final;
};

int trace_next(struct trace *trace, struct frame *frames, size_t max, struct error *error)
{
  size_t count = 0;
  while (count < max && count < trace->batch && trace->delivered < trace->frames) {
    const uint64_t number = ++trace->delivered;
    frames[count++] =
        (struct frame){.number = number,
                       .interface = (uint32_t)(number % trace->interfaces),
                       .time_ns = number == trace->odd_frame ? trace->odd_time_ns
                                                             : (int64_t)number * trace->step_ns};
  }
  if (count == 0 && trace->final < 0)
    return error_set(error, (enum error_code)trace->final, "damaged");
  return (int)count;
}

void trace_get_info(const struct trace *trace, struct trace_info *info)
{
  *info = (struct trace_info){.bytes_read = trace->delivered, .bytes_total = trace->frames};
}

void packet_decode(const struct frame *frame, struct packet *packet)
{
  *packet = (struct packet){
      .frame = frame->number, .time_ns = frame->time_ns, .interface = frame->interface};
}

static struct trace script(uint64_t frames, size_t batch)
{
  return (struct trace){.frames = frames, .batch = batch, .interfaces = 1, .step_ns = NS_PER_MS};
}

static struct lane_input input_of(struct trace *trace, uint8_t end)
{
  return (struct lane_input){.trace = trace, .end = end, .last_frame = UINT64_MAX};
}

/* Ends 1, 2, ... are so many seconds ahead. */
static void locate(const struct joint *joint, struct packet *packet, struct joint_place *place)
{
  (void)joint;
  place->captured_ns = packet->time_ns;
  if (time_is_valid(packet->time_ns))
    packet->time_ns -= packet->end * NS_PER_S;
}

/* Whichever lane has something: all of it comes, each lane in its own order. */
static void check_any(bool single_thread)
{
  static const uint64_t frames[] = {50000, 1, 0, 7000};
  struct trace traces[4];
  struct lane_input inputs[4];
  uint64_t seen[4] = {0};
  for (uint8_t i = 0; i < 4; i++) {
    traces[i] = script(frames[i], 1 + i * 100u);
    inputs[i] = input_of(&traces[i], i);
  }
  struct lanes *lanes;
  assert_int_equal(lanes_start(&lanes, 4, inputs, single_thread), 0);
  const struct lane_batch *batch;
  uint32_t lane;
  while ((batch = lanes_next_any(lanes, &lane)) != NULL) {
    for (uint32_t i = 0; i < batch->count; i++) {
      assert_int_equal(batch->packets[i].frame, ++seen[lane]);
      assert_int_equal(batch->packets[i].end, lane);
    }
  }
  lanes_stop(lanes);
  for (uint32_t i = 0; i < 4; i++) {
    assert_int_equal(seen[i], frames[i]);
    assert_int_equal(lanes_result(lanes, i)->last_frame, frames[i]);
    assert_int_equal(lanes_result(lanes, i)->status, 0);
  }
  lanes_free(lanes);
}

static void test_any(void **state)
{
  (void)state;
  check_any(false);
  check_any(true);
}

/* One lane after the other, however full the others are; and giving up in the middle. */
static void test_chosen_lane(void **state)
{
  (void)state;
  struct trace traces[2] = {script(20000, 256), script(UINT64_MAX, 256)};
  const struct lane_input inputs[2] = {input_of(&traces[0], 0), input_of(&traces[1], 1)};
  struct lanes *lanes;
  assert_int_equal(lanes_start(&lanes, 2, inputs, false), 0);
  uint64_t count = 0;
  for (const struct lane_batch *batch; (batch = lanes_next(lanes, 0)) != NULL;)
    count += batch->count;
  assert_int_equal(count, 20000);
  assert_non_null(lanes_next(lanes, 1));
  assert_null(lanes_next(lanes, 0));
  lanes_free(lanes); /* with an endless trace */
}

/* A file of several points: all of them in one lane, or one of them alone. */
static void test_interfaces(void **state)
{
  (void)state;
  static const uint8_t by_interface[] = {3, 5};
  const struct lane_ends ends = {2, by_interface};
  for (int only = 0; only < 2; only++) {
    struct trace trace = script(3000, 100);
    trace.interfaces = 3; /* the third one belongs where the second one does */
    struct lane_input input = input_of(&trace, 5);
    input.ends = &ends;
    input.only_end = only != 0;
    struct lanes *lanes;
    assert_int_equal(lanes_start(&lanes, 1, &input, false), 0);
    uint64_t count[8] = {0};
    for (const struct lane_batch *batch; (batch = lanes_next(lanes, 0)) != NULL;)
      for (uint32_t i = 0; i < batch->count; i++)
        count[batch->packets[i].end]++;
    assert_int_equal(count[5], 2000);
    assert_int_equal(count[3], only ? 0 : 1000);
    lanes_free(lanes);
  }
}

/* What an earlier reading has not seen is not read. */
static void test_last_frame(void **state)
{
  (void)state;
  for (uint64_t last = 0; last < 1000; last += 333) {
    struct trace trace = script(UINT64_MAX, 100);
    struct lane_input input = input_of(&trace, 0);
    input.last_frame = last;
    struct lanes *lanes;
    assert_int_equal(lanes_start(&lanes, 1, &input, false), 0);
    uint64_t count = 0;
    for (const struct lane_batch *batch; (batch = lanes_next(lanes, 0)) != NULL;)
      count += batch->count;
    assert_int_equal(count, last);
    lanes_free(lanes);
  }
}

static void test_damage(void **state)
{
  (void)state;
  struct trace traces[2] = {script(500, 7), script(900, 256)};
  traces[0].final = ERROR_FORMAT;
  const struct lane_input inputs[2] = {input_of(&traces[0], 0), input_of(&traces[1], 1)};
  struct lanes *lanes;
  assert_int_equal(lanes_start(&lanes, 2, inputs, false), 0);
  uint64_t count[2] = {0};
  uint32_t lane;
  for (const struct lane_batch *batch; (batch = lanes_next_any(lanes, &lane)) != NULL;)
    count[lane] += batch->count;
  lanes_stop(lanes);
  assert_int_equal(count[0], 500);
  assert_int_equal(count[1], 900);
  assert_int_equal(lanes_result(lanes, 0)->status, ERROR_FORMAT);
  assert_string_equal(lanes_result(lanes, 0)->error.text, "damaged");
  assert_int_equal(lanes_result(lanes, 1)->status, 0);
  lanes_free(lanes);
}

/* The order never decreases and is the corrected time, but for a record that is far ahead (it goes
 * with what follows) or has no time (it goes with what comes before). */
static void check_order(uint64_t odd_frame, int64_t odd_time_ns, int64_t expected_ns)
{
  struct trace trace = script(300, 100);
  trace.odd_frame = odd_frame;
  trace.odd_time_ns = odd_time_ns;
  struct lane_input input = input_of(&trace, 2);
  input.locate = locate;
  struct lanes *lanes;
  int64_t last_ns = INT64_MIN;
  assert_int_equal(lanes_start(&lanes, 1, &input, false), 0);
  for (const struct lane_batch *batch; (batch = lanes_next(lanes, 0)) != NULL;) {
    for (uint32_t i = 0; i < batch->count; i++) {
      const uint64_t number = batch->packets[i].frame;
      const int64_t order_ns = batch->order_ns[i];
      assert_true(order_ns >= last_ns);
      last_ns = order_ns;
      assert_int_equal(order_ns, number == odd_frame ? expected_ns
                                                     : (int64_t)number * NS_PER_MS - 2 * NS_PER_S);
      assert_int_equal(batch->places[i].captured_ns,
                       number == odd_frame ? odd_time_ns : (int64_t)number * NS_PER_MS);
    }
  }
  lanes_free(lanes);
}

static void test_order(void **state)
{
  (void)state;
  check_order(0, 0, 0);
  check_order(150, INT64_MAX / 4, 151 * NS_PER_MS - 2 * NS_PER_S);
  check_order(150, TIME_INVALID, 151 * NS_PER_MS - 2 * NS_PER_S);
  check_order(200, TIME_INVALID, 199 * NS_PER_MS - 2 * NS_PER_S); /* the last one of its batch */
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_any),        cmocka_unit_test(test_chosen_lane),
      cmocka_unit_test(test_interfaces), cmocka_unit_test(test_last_frame),
      cmocka_unit_test(test_damage),     cmocka_unit_test(test_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
