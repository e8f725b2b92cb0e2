/* Which frames a rule treats, and when it is open. */
#include "tests/unit/path_fixture.h"

static void nothing_said_nothing_done(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("");
  handshake(f);
  assert_int_equal(f->out_count, 3);
  assert_int_equal(f->act_count, 0);
  assert_int_equal(f->out[1].direction, PATH_BA);
  assert_int_equal(path_next_ns(f->path), INT64_MAX);
  fixture_free(f);
}

static void kinds_are_told_apart(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("both drop kind=syn\nboth drop kind=synack\nab drop kind=ack\n"
                                  "ab drop kind=data\nba drop kind=fin,rst");
  handshake(f);
  SEND(f, .payload = 10);
  SEND(f, .direction = PATH_BA, .flags = TCP_FIN | TCP_ACK);
  SEND(f, .direction = PATH_BA, .flags = TCP_RST);
  assert_int_equal(f->out_count, 0);
  assert_int_equal(f->act_count, 6);
  for (uint32_t i = 0; i < 5; i++)
    assert_int_equal(f->acts[i].line, i + 1);
  SEND(f, .direction = PATH_BA, .payload = 10);
  assert_int_equal(f->out_count, 1);
  fixture_free(f);
}

static void a_byte_and_its_transmissions(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab drop byte=150 copies=1..2");
  handshake(f);
  SEND(f, .offset = 0, .payload = 100);
  SEND(f, .offset = 100, .payload = 100); /* 1st of byte 150 */
  SEND(f, .offset = 200, .payload = 100);
  SEND(f, .offset = 140, .payload = 20);  /* 2nd, cut otherwise */
  SEND(f, .offset = 100, .payload = 100); /* 3rd */
  assert_int_equal(f->out_count, 3 + 3);
  assert_int_equal(acts_named(f, "drop"), 2);
  assert_int_equal(f->acts[0].stream_byte, 100);
  assert_int_equal(f->acts[1].stream_byte, 140);
  assert_int_equal(f->acts[1].frame_number, 6);
  fixture_free(f);
}

static void each_byte_of_a_range_is_lost_once(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab drop bytes=100..399 copies=1");
  handshake(f);
  for (int round = 0; round < 2; round++)
    for (int64_t at = 0; at < 500; at += 100)
      SEND(f, .offset = at, .payload = 100);
  assert_int_equal(acts_named(f, "drop"), 3);
  SEND(f, .offset = 350, .payload = 100); /* sent before, all of it */
  assert_int_equal(acts_named(f, "drop"), 3);
  fixture_free(f);
}

static void connections_count_their_own_bytes(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab drop byte=5 copies=1 port=40001\nab drop byte=5 count=3");
  SEND(f, .payload = 10);
  SEND(f, .payload = 10, .client_port = 40001);
  SEND(f, .payload = 10, .client_port = 40001);
  assert_int_equal(f->acts[0].line, 2);
  assert_int_equal(f->acts[1].line, 1);
  assert_int_equal(f->acts[2].line, 2);
  fixture_free(f);
}

static void a_reused_port_counts_from_its_own_syn(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab drop byte=0 copies=1");
  handshake(f);
  SEND(f, .payload = 10);
  SEND(f, .payload = 10);
  uint8_t bytes[BYTES_MAX];
  const struct segment syn = {.flags = TCP_SYN}, data = {.payload = 10};
  for (int i = 0; i < 2; i++) {
    const uint32_t size = make_segment(i == 0 ? &syn : &data, bytes);
    put32(bytes + 14 + 20 + 4, 5000 + (uint32_t)i);
    path_frame(f->path, PATH_AB, bytes, size, f->now_ns);
  }
  assert_int_equal(acts_named(f, "drop"), 2);
  fixture_free(f);
}

static void a_stream_goes_beyond_4_gigabytes(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab drop bytes=5000000000..5000001000");
  handshake(f);
  for (int64_t at = 0; at <= INT64_C(5000000000); at += 1000000000)
    SEND(f, .offset = at, .payload = 100);
  assert_int_equal(acts_named(f, "drop"), 1);
  assert_int_equal(f->acts[0].stream_byte, INT64_C(5000000000));
  fixture_free(f);
}

static void numbers_among_those_that_match(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab drop kind=data nth=2..3\nab drop kind=data every=4");
  handshake(f);
  for (int i = 0; i < 8; i++)
    SEND(f, .offset = i * 10, .payload = 10);
  /* 2 and 3 by the first rule; the second sees the other six: the fourth of them is number 6 */
  assert_int_equal(f->act_count, 3);
  assert_int_equal(f->acts[0].stream_byte, 10);
  assert_int_equal(f->acts[1].stream_byte, 20);
  assert_int_equal(f->acts[2].stream_byte, 50);
  assert_int_equal(f->acts[2].line, 2);
  fixture_free(f);
}

static void sizes_flags_and_ports(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab drop size=1000..\nab drop flags=psh,!fin\n"
                                  "ab drop port=1234\nab drop payload=1..50");
  SEND(f, .payload = 946); /* 54 bytes of headers */
  SEND(f, .payload = 945);
  SEND(f, .flags = TCP_PSH | TCP_ACK, .payload = 100);
  SEND(f, .flags = TCP_PSH | TCP_FIN | TCP_ACK, .payload = 100);
  SEND(f, .client_port = 1234);
  SEND(f, .payload = 50);
  assert_int_equal(f->out_count, 2);
  assert_int_equal(f->act_count, 4);
  for (uint32_t i = 0; i < 4; i++)
    assert_int_equal(f->acts[i].line, i + 1);
  fixture_free(f);
}

static void chance_is_the_seeds(void **state)
{
  (void)state;
  uint32_t dropped[4] = {0};
  static const char *const texts[] = {"seed 1\nab drop prob=0.25", "seed 1\nab drop prob=0.25",
                                      "seed 2\nab drop prob=0.25",
                                      "seed 1\nab drop prob=0.25\nab delay 1ms jitter=1ms"};
  uint64_t marks[4] = {0};
  for (int i = 0; i < 4; i++) {
    struct fixture *f = fixture_new(texts[i]);
    for (int n = 0; n < 400; n++)
      SEND(f, .offset = n, .payload = 1);
    dropped[i] = acts_named(f, "drop");
    for (uint32_t n = 0; n < f->act_count; n++)
      marks[i] = marks[i] * 31 + f->acts[n].frame_number;
    fixture_free(f);
  }
  assert_in_range(dropped[0], 70, 130);
  assert_int_equal(marks[0], marks[1]);
  assert_int_not_equal(marks[0], marks[2]);
  assert_int_equal(marks[0], marks[3]); /* another rule's chance is its own */
}

static void from_a_time_to_a_time(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab drop from=10ms until=20ms\nba drop from=syn:5ms for=5ms");
  for (int i = 0; i < 25; i++) {
    pass_to(f, i * MS);
    SEND(f, .flags = i == 2 ? TCP_SYN : TCP_ACK);
    SEND(f, .direction = PATH_BA);
  }
  assert_int_equal(acts_named(f, "drop"), 10 + 5);
  const struct act *begin = act_named(f, "begin"), *end = act_named(f, "end");
  assert_int_equal(begin->line, 2);
  assert_int_equal(begin->time_ns, 7 * MS);
  assert_int_equal(end->time_ns, 12 * MS);
  fixture_free(f);
}

static void from_a_byte_to_a_frame(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ba drop from=byte:ab:150 until=frame:ba:5");
  handshake(f);
  for (int i = 0; i < 4; i++) {
    SEND(f, .offset = i * 100, .payload = 100);
    SEND(f, .direction = PATH_BA);
  }
  /* open with the second segment; frames 3 and 4 of B (the SYN-ACK was 1), not 5 */
  assert_int_equal(acts_named(f, "drop"), 2);
  assert_int_equal(f->acts[1].frame_number, 3);
  assert_int_equal(f->acts[2].frame_number, 4);
  fixture_free(f);
}

static void from_silence(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("both drop from=idle:500ms");
  handshake(f);
  pass(f, 499 * MS);
  SEND(f, .payload = 1);
  pass(f, 500 * MS);
  SEND(f, .offset = 1, .payload = 1); /* this one begins it */
  SEND(f, .direction = PATH_BA);
  assert_int_equal(acts_named(f, "drop"), 2);
  assert_int_equal(f->out_count, 4);
  fixture_free(f);
}

static void from_a_signal(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab drop from=signal until=signal");
  SEND(f, .payload = 1);
  path_signal(f->path, f->now_ns);
  SEND(f, .payload = 1);
  path_signal(f->path, f->now_ns);
  SEND(f, .payload = 1);
  assert_int_equal(acts_named(f, "drop"), 1);
  assert_int_equal(f->out_count, 2);
  fixture_free(f);
}

static void the_log_can_be_kept_short(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab drop log=first\nba drop log=none");
  for (int i = 0; i < 5; i++) {
    SEND(f, .payload = 1);
    SEND(f, .direction = PATH_BA);
  }
  assert_int_equal(f->act_count, 1);
  struct path_rule_stats stats;
  path_get_rule_stats(f->path, 1, &stats);
  assert_int_equal(stats.treated, 5);
  fixture_free(f);
}

static void many_connections_are_bounded(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("ab drop kind=syn log=none");
  for (uint16_t port = 1; port <= FLOW_TRACK_MAX + 10; port++) {
    f->now_ns++;
    SEND(f, .flags = TCP_SYN, .client_port = port);
  }
  struct path_stats stats;
  path_get_stats(f->path, &stats);
  assert_int_equal(stats.flows_forgotten, 10);
  fixture_free(f);
}

static void odd_frames_pass(void **state)
{
  (void)state;
  struct fixture *f = fixture_new("both ttl 9\nboth drop kind=data");
  uint8_t bytes[BYTES_MAX];
  const struct segment data = {.payload = 100};
  const uint32_t whole = make_segment(&data, bytes);
  for (uint32_t size = 1; size < whole; size++) {
    uint8_t cut[BYTES_MAX];
    memcpy(cut, bytes, size);
    path_frame(f->path, PATH_AB, cut, size, 0);
  }
  assert_int_equal(f->out_count, whole - 1);
  fixture_free(f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_said_nothing_done),
      cmocka_unit_test(kinds_are_told_apart),
      cmocka_unit_test(a_byte_and_its_transmissions),
      cmocka_unit_test(each_byte_of_a_range_is_lost_once),
      cmocka_unit_test(connections_count_their_own_bytes),
      cmocka_unit_test(a_reused_port_counts_from_its_own_syn),
      cmocka_unit_test(a_stream_goes_beyond_4_gigabytes),
      cmocka_unit_test(numbers_among_those_that_match),
      cmocka_unit_test(sizes_flags_and_ports),
      cmocka_unit_test(chance_is_the_seeds),
      cmocka_unit_test(from_a_time_to_a_time),
      cmocka_unit_test(from_a_byte_to_a_frame),
      cmocka_unit_test(from_silence),
      cmocka_unit_test(from_a_signal),
      cmocka_unit_test(the_log_can_be_kept_short),
      cmocka_unit_test(many_connections_are_bounded),
      cmocka_unit_test(odd_frames_pass),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
