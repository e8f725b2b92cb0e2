/* The ledger's lanes: what left, what came, and which copy it was. */
#include "analyzer/path_lane.h"

#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS INT64_C(1000000)

struct scene {
  struct lane_pool pool;
  struct lane lane;
  int64_t far_first_ns;
  uint64_t frame;
};

static void begin(struct scene *scene)
{
  *scene = (struct scene){.pool = {.bytes_max = 1 << 24, .records_max = 4096}, .far_first_ns = 0};
  lane_init(&scene->lane, &scene->pool, &scene->far_first_ns, 0, 0);
}

static void end(struct scene *scene)
{
  lane_free(&scene->lane);
  assert_int_equal(scene->pool.bytes, 0);
}

static struct packet data(struct scene *scene, int64_t ms, uint32_t seq, uint32_t bytes,
                          uint32_t ts_val)
{
  return (struct packet){.kind = PACKET_TCP,
                         .time_ns = ms * MS,
                         .frame = ++scene->frame,
                         .seq = seq,
                         .ack = 1,
                         .flags = TCP_ACK,
                         .payload_bytes = bytes,
                         .options = ts_val != 0 ? TCP_OPT_TIMESTAMPS : 0,
                         .ts_val = ts_val,
                         .checksum = CHECKSUM_GOOD};
}

static struct packet ack(struct scene *scene, int64_t ms, uint32_t number)
{
  struct packet packet = data(scene, ms, 1, 0, 0);
  packet.ack = number;
  return packet;
}

static void leaves(struct scene *scene, struct packet packet)
{
  lane_left(&scene->lane, &packet);
}

static void comes(struct scene *scene, struct packet packet)
{
  lane_came(&scene->lane, &packet);
}

static const struct passage *nth(const struct scene *scene, uint32_t number)
{
  return lane_passage(&scene->lane, number);
}

static void test_in_order(void **state)
{
  struct scene s;
  (void)state;
  begin(&s);
  for (uint32_t i = 0; i < 10; i++) {
    leaves(&s, data(&s, i, 1000 + i * 100, 100, 7));
    comes(&s, data(&s, i + 5, 1000 + i * 100, 100, 7));
  }
  for (uint32_t i = 0; i < 10; i++)
    assert_int_equal(passage_delay_ns(nth(&s, i)), 5 * MS);
  lane_finish(&s.lane, 1000 * MS);
  assert_int_equal(s.lane.stats.came, 10);
  assert_int_equal(s.lane.stats.lost_segments, 0);
  assert_int_equal(s.lane.stats.uncaptured, 0);
  end(&s);
}

/* The copy is told by its TSval, whichever comes first. */
static void test_retransmission_by_timestamp(void **state)
{
  struct scene s;
  (void)state;
  begin(&s);
  leaves(&s, data(&s, 0, 1000, 100, 7));
  leaves(&s, data(&s, 200, 1000, 100, 207));
  comes(&s, data(&s, 210, 1000, 100, 207));
  assert_false(time_is_valid(nth(&s, 0)->came_ns));
  assert_int_equal(nth(&s, 1)->came_ns, 210 * MS);
  assert_true(passage_is_lost(&s.lane, nth(&s, 0), 210 * MS));
  assert_int_equal(passage_fate(nth(&s, 0), 1000), FATE_MISSING);
  assert_int_equal(passage_fate(nth(&s, 1), 1050), FATE_CAME);
  end(&s);
}

/* Without timestamps IP-ID tells; without either it is the first that fits, and said to be
 * ambiguous. */
static void test_retransmission_by_ip_id(void **state)
{
  struct scene s;
  struct packet packet;
  (void)state;
  begin(&s);
  for (uint16_t id = 11; id <= 12; id++) {
    packet = data(&s, id, 1000, 100, 0);
    packet.facts = PACKET_IP_ID;
    packet.ip_id = id;
    leaves(&s, packet);
  }
  packet.time_ns = 30 * MS;
  comes(&s, packet);
  assert_false(time_is_valid(nth(&s, 0)->came_ns));
  assert_int_equal(nth(&s, 1)->came_ns, 30 * MS);
  assert_int_equal(nth(&s, 1)->state & PASSAGE_AMBIGUOUS, 0);
  end(&s);

  begin(&s);
  leaves(&s, data(&s, 0, 900, 100, 0));
  leaves(&s, data(&s, 1, 1000, 100, 0));
  leaves(&s, data(&s, 200, 1000, 100, 0));
  comes(&s, data(&s, 210, 1000, 100, 0));
  assert_int_not_equal((nth(&s, 1)->state | nth(&s, 2)->state) & PASSAGE_AMBIGUOUS, 0);
  end(&s);
}

/* A super-segment is cut up on the way; one piece is lost. */
static void test_cut_up(void **state)
{
  struct scene s;
  (void)state;
  begin(&s);
  leaves(&s, data(&s, 0, 1000, 4000, 7));
  comes(&s, data(&s, 5, 1000, 1000, 7));
  comes(&s, data(&s, 6, 3000, 1000, 7));
  comes(&s, data(&s, 7, 4000, 1000, 7));
  const struct passage *passage = nth(&s, 0);
  assert_int_equal(passage->state & PASSAGE_CAME, 0);
  assert_int_equal(passage_fate(passage, 1500), FATE_CAME);
  assert_int_equal(passage_fate(passage, 2000), FATE_MISSING);
  assert_int_equal(passage_fate(passage, 2999), FATE_MISSING);
  assert_int_equal(passage_fate(passage, 3000), FATE_CAME);
  assert_int_equal(passage_fate(passage, 4999), FATE_CAME);
  lane_finish(&s.lane, 10000 * MS);
  assert_int_equal(s.lane.stats.lost_bytes, 1000);
  assert_int_equal(s.lane.stats.lost_segments, 1);
  end(&s);
}

static void test_cut_up_out_of_order(void **state)
{
  struct scene s;
  (void)state;
  begin(&s);
  leaves(&s, data(&s, 0, 1000, 3000, 7));
  comes(&s, data(&s, 5, 2000, 1000, 7));
  assert_int_equal(passage_fate(nth(&s, 0), 1000), FATE_MISSING);
  assert_int_equal(passage_fate(nth(&s, 0), 2000), FATE_CAME);
  comes(&s, data(&s, 6, 1000, 1000, 7));
  assert_int_equal(passage_fate(nth(&s, 0), 1000), FATE_CAME);
  assert_int_equal(passage_fate(nth(&s, 0), 3000), FATE_MISSING);
  comes(&s, data(&s, 7, 3000, 1000, 7));
  assert_int_equal(nth(&s, 0)->state & PASSAGE_CAME, PASSAGE_CAME);
  end(&s);
}

/* More holes than one are known to be there, not where. */
static void test_many_holes(void **state)
{
  struct scene s;
  (void)state;
  begin(&s);
  leaves(&s, data(&s, 0, 1000, 6000, 7));
  comes(&s, data(&s, 5, 1000, 1000, 7));
  comes(&s, data(&s, 6, 3000, 1000, 7));
  comes(&s, data(&s, 7, 5000, 1000, 7));
  assert_int_equal(passage_fate(nth(&s, 0), 1500), FATE_CAME);
  assert_int_equal(passage_fate(nth(&s, 0), 2500), FATE_UNKNOWN);
  assert_int_equal(passage_fate(nth(&s, 0), 4500), FATE_UNKNOWN);
  end(&s);
}

/* Segments merged at the far point. */
static void test_merged(void **state)
{
  struct scene s;
  (void)state;
  begin(&s);
  for (uint32_t i = 0; i < 4; i++)
    leaves(&s, data(&s, i, 1000 + i * 1000, 1000, 7));
  comes(&s, data(&s, 9, 1000, 3000, 7));
  for (uint32_t i = 0; i < 3; i++)
    assert_int_equal(nth(&s, i)->came_ns, 9 * MS);
  assert_false(time_is_valid(nth(&s, 3)->came_ns));
  comes(&s, data(&s, 10, 4000, 1000, 7));
  assert_int_equal(s.lane.stats.came, 4);
  end(&s);
}

/* ACKs have no sequence space: they are told by what they acknowledge. */
static void test_acks(void **state)
{
  struct scene s;
  (void)state;
  begin(&s);
  for (uint32_t i = 0; i < 5; i++)
    leaves(&s, ack(&s, i, 100 * i));
  comes(&s, ack(&s, 10, 0));
  comes(&s, ack(&s, 11, 300));
  comes(&s, ack(&s, 12, 400));
  assert_true(passage_is_lost(&s.lane, nth(&s, 1), 12 * MS) ||
              nth(&s, 1)->left_ns + 5 * MS > nth(&s, 4)->left_ns);
  lane_finish(&s.lane, 60000 * MS);
  assert_int_equal(s.lane.stats.lost_acks, 2);
  assert_int_equal(s.lane.stats.came, 3);
  end(&s);
}

static void test_damaged(void **state)
{
  struct scene s;
  struct packet packet;
  (void)state;
  begin(&s);
  leaves(&s, data(&s, 0, 1000, 100, 7));
  packet = data(&s, 5, 1000, 100, 7);
  packet.checksum = CHECKSUM_BAD;
  comes(&s, packet);
  assert_int_equal(nth(&s, 0)->state & PASSAGE_DAMAGED, PASSAGE_DAMAGED);
  assert_int_equal(passage_fate(nth(&s, 0), 1000), FATE_MISSING);
  assert_int_equal(s.lane.stats.corrupted, 1);
  leaves(&s, data(&s, 200, 1000, 100, 207));
  comes(&s, data(&s, 205, 1000, 100, 207));
  assert_int_equal(passage_fate(nth(&s, 1), 1000), FATE_CAME);
  end(&s);
}

static void test_duplicated_and_uncaptured(void **state)
{
  struct scene s;
  (void)state;
  begin(&s);
  leaves(&s, data(&s, 0, 1000, 100, 7));
  comes(&s, data(&s, 5, 1000, 100, 7));
  comes(&s, data(&s, 6, 1000, 100, 7));
  comes(&s, data(&s, 7, 5000, 100, 7)); /* the near capture has missed it */
  lane_finish(&s.lane, 1000 * MS);
  assert_int_equal(s.lane.stats.duplicated, 1);
  assert_int_equal(s.lane.stats.uncaptured, 1);
  end(&s);
}

/* Clocks put the arrival before the departure: they are one all the same. */
static void test_early(void **state)
{
  struct scene s;
  (void)state;
  begin(&s);
  comes(&s, data(&s, 4, 1000, 100, 7));
  leaves(&s, data(&s, 5, 1000, 100, 7));
  assert_int_equal(nth(&s, 0)->state & PASSAGE_CAME, PASSAGE_CAME);
  assert_int_equal(passage_delay_ns(nth(&s, 0)), 0);
  lane_finish(&s.lane, 1000 * MS);
  assert_int_equal(s.lane.stats.uncaptured, 0);
  end(&s);
}

static void test_reordered(void **state)
{
  struct scene s;
  (void)state;
  begin(&s);
  leaves(&s, data(&s, 0, 1000, 100, 7));
  leaves(&s, data(&s, 1, 1100, 100, 7));
  comes(&s, data(&s, 5, 1100, 100, 7));
  comes(&s, data(&s, 6, 1000, 100, 7));
  assert_int_equal(s.lane.stats.reordered, 1);
  assert_int_equal(s.lane.stats.came, 2);
  end(&s);
}

/* What the far capture did not watch is not lost. */
static void test_before_the_far_capture(void **state)
{
  struct scene s;
  (void)state;
  begin(&s);
  s.far_first_ns = 50 * MS;
  leaves(&s, data(&s, 0, 1000, 100, 7));
  leaves(&s, data(&s, 100, 1100, 100, 7));
  comes(&s, data(&s, 105, 1100, 100, 7));
  assert_false(passage_is_lost(&s.lane, nth(&s, 0), 10000 * MS));
  lane_finish(&s.lane, 10000 * MS);
  assert_int_equal(s.lane.stats.unsettled, 1);
  assert_int_equal(s.lane.stats.lost_segments, 0);
  end(&s);
}

/* The ring grows with what is in flight, and only with that. */
static void test_memory(void **state)
{
  struct scene s;
  (void)state;
  begin(&s);
  for (uint32_t i = 0; i < 200000; i++) {
    leaves(&s, data(&s, i, i * 100, 100, 7 + i));
    comes(&s, data(&s, i, i * 100, 100, 7 + i));
    lane_acked(&s.lane, i * 100 + 100);
  }
  assert_true(s.lane.capacity <= 512);
  assert_int_equal(s.pool.forgotten, 0);
  assert_int_equal(s.lane.stats.came, 200000);
  for (uint32_t i = 0; i < 10000; i++) /* far more than the limit in flight */
    leaves(&s, data(&s, 200000 + i / 100, 20000000 + i * 100, 100, 7));
  assert_true(s.lane.capacity <= 4096);
  assert_true(s.pool.forgotten > 0);
  end(&s);
}

/* Whatever comes, nothing breaks; what comes was matched once at most. */
static void test_noise(void **state)
{
  struct scene s;
  (void)state;
  begin(&s);
  srand(1);
  for (int i = 0; i < 200000; i++) {
    struct packet packet = data(&s, i / 8, (uint32_t)(rand() % 64) * 50, (uint32_t)(rand() % 400),
                                (uint32_t)(rand() % 3));
    packet.flags |= (uint16_t)(rand() % 512);
    packet.ack = (uint32_t)rand();
    packet.checksum = rand() % 8 == 0 ? CHECKSUM_BAD : CHECKSUM_GOOD;
    packet.sack_count = (uint8_t)(rand() % 3);
    if (rand() % 2 == 0)
      leaves(&s, packet);
    else
      comes(&s, packet);
    if (rand() % 16 == 0)
      lane_acked(&s.lane, (uint32_t)rand());
  }
  lane_finish(&s.lane, INT64_MAX / 4);
  assert_true(s.lane.stats.came <= s.lane.stats.left);
  end(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_in_order),
      cmocka_unit_test(test_retransmission_by_timestamp),
      cmocka_unit_test(test_retransmission_by_ip_id),
      cmocka_unit_test(test_cut_up),
      cmocka_unit_test(test_cut_up_out_of_order),
      cmocka_unit_test(test_many_holes),
      cmocka_unit_test(test_merged),
      cmocka_unit_test(test_acks),
      cmocka_unit_test(test_damaged),
      cmocka_unit_test(test_duplicated_and_uncaptured),
      cmocka_unit_test(test_early),
      cmocka_unit_test(test_reordered),
      cmocka_unit_test(test_before_the_far_capture),
      cmocka_unit_test(test_memory),
      cmocka_unit_test(test_noise),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
