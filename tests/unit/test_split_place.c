/* Where the frames of a split trace go (cli/split_place.h), and what they say of the whole
 * (wire/part_mark.h). */

#include "cli/split_place.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PARTS 4u
#define SEEN  400u

struct seen {
  uint64_t number;
  uint32_t part;
  uint8_t flags;
};

struct record {
  struct seen seen[SEEN];
  uint32_t count;
};

static int on_frame(void *context, uint32_t part, const struct split_frame *frame)
{
  struct record *record = context;
  assert_true(record->count < SEEN && part < PARTS);
  record->seen[record->count++] = (struct seen){frame->mark.number, part, frame->mark.flags};
  return 0;
}

struct trace_maker {
  struct record record;
  struct split_place *place;
  uint64_t number;
};

static struct trace_maker *begin(void)
{
  struct trace_maker *maker = calloc(1, sizeof *maker);
  assert_non_null(maker);
  const struct split_sink sink = {&maker->record, on_frame};
  maker->place = split_place_new(PARTS, &sink);
  assert_non_null(maker->place);
  return maker;
}

static void end(struct trace_maker *maker)
{
  split_place_free(maker->place);
  free(maker);
}

static struct packet tcp(int64_t ms, uint16_t client_port, bool from_server)
{
  struct packet packet = {.kind = PACKET_TCP, .ip_version = 4, .time_ns = ms * NS_PER_MS};
  packet.src.bytes[15] = from_server ? 2 : 1;
  packet.dst.bytes[15] = from_server ? 1 : 2;
  packet.src_port = from_server ? 80 : client_port;
  packet.dst_port = from_server ? client_port : 80;
  packet.flags = TCP_ACK;
  return packet;
}

/* Returns the frame's number. */
static uint64_t feed(struct trace_maker *maker, const struct packet *packet)
{
  static const uint8_t bytes[4];
  const struct split_frame frame = {
      .record = {.has_time = true, .captured_bytes = 4, .original_bytes = 4, .bytes = bytes},
      .mark = {.number = ++maker->number}};
  assert_int_equal(split_place_frame(maker->place, &frame, packet), 0);
  return maker->number;
}

/* How a part has a frame: -1 not at all, else its flags. */
static int has(const struct trace_maker *maker, uint32_t part, uint64_t number)
{
  for (uint32_t i = 0; i < maker->record.count; i++)
    if (maker->record.seen[i].part == part && maker->record.seen[i].number == number)
      return maker->record.seen[i].flags;
  return -1;
}

/* A port whose connection is in another part than that of `port`. */
static uint16_t elsewhere(uint16_t port)
{
  const struct packet own = tcp(0, port, false);
  for (uint16_t other = (uint16_t)(port + 1);; other++) {
    const struct packet packet = tcp(0, other, false);
    if (split_part_of(&packet, PARTS) != split_part_of(&own, PARTS))
      return other;
  }
}

static void test_both_directions_are_in_one_part(void **state)
{
  (void)state;
  for (uint16_t port = 1000; port < 1100; port++) {
    const struct packet there = tcp(0, port, false), back = tcp(0, port, true);
    assert_int_equal(split_part_of(&there, PARTS), split_part_of(&back, PARTS));
  }
}

/* It is a promise: the traces of two ends are split by two versions, perhaps. */
static void test_the_hash_stays_what_it_is(void **state)
{
  (void)state;
  const struct packet first = tcp(0, 1000, false), second = tcp(0, 1001, false);
  assert_int_equal(split_part_of(&first, 1), 0);
  assert_int_equal(split_part_of(&first, 64), 36); /* computed by another program */
  assert_int_equal(split_part_of(&second, 64), 51);
}

static void test_a_ping_is_everywhere(void **state)
{
  (void)state;
  struct trace_maker *maker = begin();
  struct packet ping = tcp(1, 0, false);
  ping.kind = PACKET_ICMP;
  const uint64_t number = feed(maker, &ping);
  for (uint32_t part = 0; part < PARTS; part++)
    assert_int_equal(has(maker, part, number), 0);
  end(maker);
}

/* What the same host sent just before a quiet connection goes on is in its part, as context. */
static void test_what_may_have_been_a_kick_goes_along(void **state)
{
  (void)state;
  struct trace_maker *maker = begin();
  const uint16_t other = elsewhere(1000);
  struct packet packet = tcp(0, 1000, false);
  const uint32_t part = split_part_of(&packet, PARTS);
  feed(maker, &packet);
  for (int64_t ms = 1; ms < 300; ms += 30) { /* the capture is not silent */
    packet = tcp(ms, other, false);
    feed(maker, &packet);
  }
  packet = tcp(300, other, false);
  const uint64_t kick = feed(maker, &packet);
  packet = tcp(301, 1000, false);
  const uint64_t resumed = feed(maker, &packet);
  packet = tcp(302, other, false);
  const uint64_t behind = feed(maker, &packet);
  assert_int_equal(has(maker, part, kick), PART_MARK_CONTEXT);
  assert_int_equal(has(maker, part, resumed), 0);
  assert_int_equal(has(maker, part, behind), PART_MARK_CONTEXT);
  end(maker);
}

static void test_both_sides_of_a_silence_are_everywhere(void **state)
{
  (void)state;
  struct trace_maker *maker = begin();
  struct packet packet = tcp(0, 1000, false);
  for (int i = 0; i < 5; i++) {
    packet.time_ns = i * NS_PER_MS;
    feed(maker, &packet);
  }
  const uint64_t before = maker->number;
  packet.time_ns = 500 * NS_PER_MS;
  const uint64_t behind = feed(maker, &packet);
  for (uint32_t part = 0; part < PARTS; part++) {
    assert_int_not_equal(has(maker, part, before), -1);
    assert_int_not_equal(has(maker, part, behind), -1);
  }
  end(maker);
}

static void test_talk_before_a_reset_is_told_late(void **state)
{
  (void)state;
  struct trace_maker *maker = begin();
  struct packet packet = tcp(0, 1000, false);
  const uint32_t part = split_part_of(&packet, PARTS);
  for (uint16_t port = 3000; port < 3003; port++) { /* the first connections are everywhere */
    packet = tcp(0, port, false);
    feed(maker, &packet);
  }
  packet = tcp(1, 1000, false);
  feed(maker, &packet);
  packet = tcp(2, elsewhere(1000), false);
  packet.flags = TCP_ACK | TCP_PSH;
  packet.payload_bytes = 10;
  packet.src.bytes[15] = 2;
  packet.dst.bytes[15] = 1; /* the other way: its side of 1000 was not quiet */
  packet.src_port = 80;
  packet.dst_port = elsewhere(1000);
  const uint64_t talk = feed(maker, &packet);
  for (int i = 0; i < 20; i++) { /* too long ago for what may be a kick */
    packet = tcp(3, 1000, false);
    feed(maker, &packet);
  }
  const int already = has(maker, part, talk);
  packet = tcp(4, 1000, false);
  packet.flags = TCP_RST;
  feed(maker, &packet);
  if (already == -1)
    assert_int_equal(has(maker, part, talk), PART_MARK_CONTEXT | PART_MARK_LATE);
  end(maker);
}

static void test_a_mark_comes_back_as_it_was(void **state)
{
  (void)state;
  const struct part_mark mark = {UINT64_C(0x1234567890), PART_MARK_LATE | PART_MARK_CONTEXT};
  struct part_mark read;
  uint8_t value[PART_MARK_BYTES];
  for (int big_endian = 0; big_endian < 2; big_endian++) {
    part_mark_write(&mark, big_endian != 0, value);
    assert_true(part_mark_read(&read, value, sizeof value, big_endian != 0));
    assert_true(read.number == mark.number && read.flags == mark.flags);
    assert_false(part_mark_read(&read, value, sizeof value, big_endian == 0));
    for (size_t size = 0; size < sizeof value; size++) /* cut off */
      assert_false(part_mark_read(&read, value, size, big_endian != 0));
  }
  memset(value + 16, 0xff, 8);
  assert_false(part_mark_read(&read, value, sizeof value, true));
  memset(value + 16, 0, 8);
  assert_false(part_mark_read(&read, value, sizeof value, true));
}

/* Numbers that lie do not make a file's numbers go back. */
static void test_numbers_only_grow(void **state)
{
  (void)state;
  struct pcapng_packet_record record = {.has_mark = true, .mark = {.number = 10}};
  uint64_t next = 1;
  assert_int_equal(pcapng_packet_number(&record, &next), 10);
  record.mark.number = 3;
  assert_int_equal(pcapng_packet_number(&record, &next), 11);
  record.has_mark = false;
  assert_int_equal(pcapng_packet_number(&record, &next), 12);
  record.has_mark = true;
  record.mark.flags = PART_MARK_LATE;
  assert_int_equal(pcapng_packet_number(&record, &next), 3);
  assert_int_equal(next, 13);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_both_directions_are_in_one_part),
      cmocka_unit_test(test_the_hash_stays_what_it_is),
      cmocka_unit_test(test_a_ping_is_everywhere),
      cmocka_unit_test(test_what_may_have_been_a_kick_goes_along),
      cmocka_unit_test(test_both_sides_of_a_silence_are_everywhere),
      cmocka_unit_test(test_talk_before_a_reset_is_told_late),
      cmocka_unit_test(test_a_mark_comes_back_as_it_was),
      cmocka_unit_test(test_numbers_only_grow),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
