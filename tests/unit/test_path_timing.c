/* Delays, rates, holds and the order in which frames leave. */
#include "tests/unit/path_fixture.h"

static int64_t stream_byte_out(const struct fixture *f, uint32_t index)
{
  struct packet packet;
  decode_out(f, index, &packet);
  return (int32_t)(packet.seq - (packet.src_port == SERVER ? ISN_BA : ISN_AB) - 1);
}

/* Sends `count` segments of 100 bytes, one each `gap_ns`, from stream byte `first`. */
static void send_train(struct fixture *f, int64_t first, int count, int64_t gap_ns)
{
  for (int i = 0; i < count; i++) {
    SEND(f, .offset = first + 100 * i, .payload = 100);
    pass(f, gap_ns);
  }
}

static void a_delay_delays(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab delay 20ms\nboth delay 5ms");
  SEND(f, .payload = 1);
  SEND(f, .direction = PATH_BA);
  assert_int_equal(path_next_ns(f->path), 5 * MS);
  pass(f, 100 * MS);
  assert_int_equal(f->out_count, 2);
  assert_int_equal(f->out[0].direction, PATH_BA);
  assert_int_equal(f->out[0].due_ns, 5 * MS);
  assert_int_equal(f->out[1].due_ns, 25 * MS);
  assert_int_equal(f->out[1].seen_ns, 25 * MS);
  assert_int_equal(path_next_ns(f->path), INT64_MAX);
  fixture_free(f);
}

static void jitter_keeps_the_order_unless_told(void **state)
{
  (void)state;
  static const char *const texts[] = {"ab delay 10ms jitter=5ms",
                                      "ab delay 10ms jitter=5ms overtake",
                                      "ab delay 10ms jitter=3ms dist=normal overtake",
                                      "ab delay 1ms jitter=5ms dist=exponential overtake"};
  for (int i = 0; i < 4; i++) {
    struct fixture *f = fixture_new(texts[i]);
    send_train(f, 0, 200, MS);
    pass(f, 500 * MS);
    assert_int_equal(f->out_count, 200);
    int overtaken = 0;
    int64_t least = INT64_MAX, most = 0;
    for (uint32_t n = 0; n < 200; n++) {
      const int64_t byte = stream_byte_out(f, n), delay = f->out[n].due_ns - byte / 100 * MS;
      overtaken += n > 0 && byte < stream_byte_out(f, n - 1);
      least = delay < least ? delay : least;
      most = delay > most ? delay : most;
    }
    assert_true(i == 0 ? overtaken == 0 : overtaken > 10);
    assert_true(i == 3 ? least >= MS : least < 8 * MS);
    assert_true(most > 12 * MS && most < 60 * MS);
    fixture_free(f);
  }
}

static void a_rate_spaces_frames(void **state)
{
  (void)state;
  /* 154 bytes a frame are 1.232 ms at 1 Mbit/s */
  struct fixture *f = fixture_new("ab rate 1mbit\nab delay 10ms");
  send_train(f, 0, 3, 0);
  pass(f, 100 * MS);
  for (int i = 0; i < 3; i++)
    assert_int_equal(f->out[i].due_ns, 1232000 * (i + 1) + 10 * MS);
  fixture_free(f);
}

static void a_full_queue_drops_its_tail(void **state)
{
  (void)state;
  static const char *const texts[] = {"ab rate 1mbit queue=500", "ab rate 1mbit queue=3p"};
  for (int i = 0; i < 2; i++) {
    struct fixture *f = fixture_new(texts[i]);
    send_train(f, 0, 5, 0); /* 154 bytes each: three fit */
    assert_int_equal(acts_named(f, "queue-drop"), 2);
    assert_int_equal(f->acts[0].frame_number, 4);
    pass(f, 2 * MS); /* one has left */
    send_train(f, 500, 2, 0);
    assert_int_equal(acts_named(f, "queue-drop"), 3);
    pass(f, 100 * MS);
    assert_int_equal(f->out_count, 4);
    struct path_stats stats;
    path_get_stats(f->path, &stats);
    assert_int_equal(stats.queue_dropped[PATH_AB], 3);
    fixture_free(f);
  }
}

static void a_hold_releases_in_order_in_a_burst(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab hold from=byte:ab:100 for=3s\nab delay 10ms");
  send_train(f, 0, 5, 100 * MS);
  pass(f, 5 * NS_PER_S);
  assert_int_equal(f->out_count, 5);
  assert_int_equal(f->out[0].due_ns, 10 * MS);
  for (uint32_t i = 1; i < 5; i++) {
    assert_int_equal(f->out[i].due_ns, 100 * MS + 3 * NS_PER_S + 10 * MS);
    assert_int_equal(stream_byte_out(f, i), 100 * i);
  }
  assert_int_equal(acts_named(f, "hold"), 4);
  assert_int_equal(acts_named(f, "release"), 4);
  assert_int_equal(act_named(f, "release")->held_ns, 3 * NS_PER_S);
  assert_int_equal(act_named(f, "release")->frame_number, 2);
  assert_int_equal(act_named(f, "end")->time_ns, 3100 * MS);
  fixture_free(f);
}

static void frames_after_a_hold_stay_behind_it(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab hold from=0 until=50ms kind=data\nab rate 1mbit");
  send_train(f, 0, 3, MS);
  pass_to(f, 50 * MS);
  SEND(f, .offset = 300, .payload = 100);
  pass(f, NS_PER_S);
  for (uint32_t i = 0; i < 4; i++) {
    assert_int_equal(stream_byte_out(f, i), 100 * i);
    assert_int_equal(f->out[i].due_ns, 50 * MS + 1232000 * (i + 1)); /* the burst passes the rate */
  }
  fixture_free(f);
}

static void a_stuck_queue_waits_for_the_next_frame(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab hold from=byte:ab:0 for=60ms until=next");
  send_train(f, 0, 3, 10 * MS);
  pass(f, 10 * NS_PER_S);
  assert_int_equal(f->out_count, 0);
  SEND(f, .direction = PATH_BA); /* the other direction does not kick it */
  assert_int_equal(f->out_count, 1);
  SEND(f, .offset = 300, .payload = 100);
  assert_int_equal(f->out_count, 5);
  for (uint32_t i = 1; i < 5; i++)
    assert_int_equal(stream_byte_out(f, i), 100 * (i - 1));
  assert_int_equal(act_named(f, "end")->time_ns, 60 * MS);
  assert_int_equal(act_named(f, "release")->held_ns, 10 * NS_PER_S + 30 * MS);
  send_train(f, 400, 1, 0);
  assert_int_equal(f->out_count, 6);
  fixture_free(f);
}

static void a_late_frame_is_passed(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab reorder 5ms nth=2\nab delay 1ms");
  send_train(f, 0, 4, 2 * MS);
  pass(f, NS_PER_S);
  static const int64_t order[] = {0, 200, 300, 100};
  /* the second came at 2 ms, was due at 3 and is 5 late: just behind the fourth, due at 7 */
  for (uint32_t i = 0; i < 4; i++)
    assert_int_equal(stream_byte_out(f, i), order[i]);
  assert_int_equal(f->out[3].due_ns, 8 * MS);
  assert_int_equal(acts_named(f, "reorder"), 1);
  fixture_free(f);
}

static void a_frame_waits_for_others_to_pass(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab reorder 2 nth=2 within=100ms\nab delay 10ms");
  send_train(f, 0, 5, MS);
  pass(f, NS_PER_S);
  static const int64_t order[] = {0, 200, 300, 100, 400};
  for (uint32_t i = 0; i < 5; i++)
    assert_int_equal(stream_byte_out(f, i), order[i]);
  assert_int_equal(f->out[3].due_ns, f->out[2].due_ns);
  fixture_free(f);
  f = fixture_new("ab reorder 2 nth=2 within=100ms");
  send_train(f, 0, 3, MS); /* only one more comes */
  pass(f, NS_PER_S);
  assert_int_equal(f->out_count, 3);
  assert_int_equal(stream_byte_out(f, 2), 100);
  assert_int_equal(f->out[2].due_ns, 101 * MS);
  fixture_free(f);
}

static void copies_come_later(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab duplicate nth=1 times=2 after=3ms\nab delay 1ms");
  send_train(f, 0, 2, MS);
  pass(f, NS_PER_S);
  static const int64_t due[] = {1, 2, 4, 7}, bytes[] = {0, 100, 0, 0};
  assert_int_equal(f->out_count, 4);
  for (uint32_t i = 0; i < 4; i++) {
    assert_int_equal(f->out[i].due_ns, due[i] * MS);
    assert_int_equal(stream_byte_out(f, i), bytes[i]);
  }
  fixture_free(f);
}

static void memory_is_bounded_and_overflow_is_told(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("memory 1MiB\nab delay 10s\nab drop count=1");
  for (int i = 0; i < 900; i++)
    SEND(f, .offset = 1400 * i, .payload = 1400);
  struct path_stats stats;
  path_get_stats(f->path, &stats);
  assert_true(stats.overflowed[PATH_AB] > 100);
  assert_true(stats.memory_bytes <= 1 << 20);
  assert_int_equal(acts_named(f, "overflow"), stats.overflowed[PATH_AB]);
  assert_int_equal(stats.dropped[PATH_AB], 1);
  fixture_free(f); /* with frames on their way */
}

static void nothing_is_lost_or_made(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("both delay 3ms jitter=3ms overtake\nboth reorder 3 prob=0.2\n"
                                  "both duplicate prob=0.1\nboth drop prob=0.1\n"
                                  "both rate 5mbit queue=20p\nab hold from=5ms for=20ms\n"
                                  "ba hold from=10ms for=3ms until=next prob=0.5");
  for (int i = 0; i < 150; i++) {
    SEND(f, .offset = 100 * i, .payload = 100);
    SEND(f, .direction = PATH_BA, .ack_offset = 100 * i);
    pass(f, 200 * NS_PER_US);
  }
  pass(f, 20 * NS_PER_S);
  struct path_stats stats;
  path_get_stats(f->path, &stats);
  uint64_t in = stats.duplicated, out = 0;
  for (int d = 0; d < PATH_DIRECTIONS; d++) {
    in += stats.frames_in[d];
    out += stats.frames_out[d] + stats.dropped[d] + stats.queue_dropped[d] + stats.overflowed[d];
  }
  assert_int_equal(in, out);
  assert_int_equal(out - stats.dropped[0] - stats.dropped[1] - stats.queue_dropped[0] -
                       stats.queue_dropped[1],
                   f->out_count);
  assert_int_equal(stats.memory_bytes, 0);
  for (uint32_t i = 1; i < f->out_count; i++)
    assert_true(f->out[i].seen_ns >= f->out[i - 1].seen_ns);
  fixture_free(f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_delay_delays),
      cmocka_unit_test(jitter_keeps_the_order_unless_told),
      cmocka_unit_test(a_rate_spaces_frames),
      cmocka_unit_test(a_full_queue_drops_its_tail),
      cmocka_unit_test(a_hold_releases_in_order_in_a_burst),
      cmocka_unit_test(frames_after_a_hold_stay_behind_it),
      cmocka_unit_test(a_stuck_queue_waits_for_the_next_frame),
      cmocka_unit_test(a_late_frame_is_passed),
      cmocka_unit_test(a_frame_waits_for_others_to_pass),
      cmocka_unit_test(copies_come_later),
      cmocka_unit_test(memory_is_bounded_and_overflow_is_told),
      cmocka_unit_test(nothing_is_lost_or_made),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
