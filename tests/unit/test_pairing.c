/* Matching of two sketches. Above all: no point that the clocks are fitted from may be a false
 * bound, whatever the path loses, repeats and reorders, and whatever either capture misses. */
#include "analyzer/pairing.h"
#include "survey_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* Two points, and the sketches of what they saw. */
struct pit {
  struct scene scene;
  struct sketch_budget budget;
  struct sketch_set sets[2];
};

static void pit_open(struct pit *pit, uint64_t seed)
{
  pit->scene = scene_new(2, seed);
  pit->budget = (struct sketch_budget){.limit_bytes = 64 << 20};
  for (int end = 0; end < 2; end++)
    sketch_set_init(&pit->sets[end], &pit->budget, 1000, seed);
}

static void pit_close(struct pit *pit)
{
  for (int end = 0; end < 2; end++)
    sketch_set_free(&pit->sets[end]);
  survey_free(pit->scene.survey);
}

static void pit_see(struct pit *pit, uint32_t end, struct packet packet, unsigned side)
{
  packet = scene_view(&pit->scene, end, packet, side);
  packet.frame = ++pit->scene.points[end].frames;
  assert_int_equal(sketch_set_packet(&pit->sets[end], &packet), 0);
}

/* What a random path does to a packet, in the order of the two points' sightings. */
struct arrival {
  struct packet packet;
  unsigned side;
  int64_t at_ns; /* true time */
};

struct arrivals {
  struct arrival at[4096];
  size_t count;
};

static int by_time(const void *left, const void *right)
{
  const struct arrival *a = left, *b = right;
  return a->at_ns < b->at_ns ? -1 : a->at_ns > b->at_ns;
}

struct path {
  uint32_t lost_one_in, doubled_one_in, late_one_in, missed_one_in; /* by a capture */
};

/* One transmission: seen at the point next to its sender, then at the other one. */
static void transmit(struct pit *pit, const struct path *path, struct arrivals *seen,
                     struct packet packet, unsigned side)
{
  uint64_t *random = &pit->scene.random;
  unsigned near = side == 0 ? 0 : 1;
  int copies = random_once_in(random, path->doubled_one_in) ? 2 : 1;
  int64_t left_ns = pit->scene.now_ns;
  packet.time_ns = left_ns;
  if (!random_once_in(random, path->missed_one_in) && seen[near].count < 4096)
    seen[near].at[seen[near].count++] = (struct arrival){packet, side, left_ns};
  if (random_once_in(random, path->lost_one_in))
    return;
  for (int i = 0; i < copies; i++) {
    int64_t way_ns = 2 * NS_PER_MS + random_below(random, 3000000);
    if (random_once_in(random, path->late_one_in))
      way_ns += random_below(random, 400000000);
    packet.time_ns = left_ns + way_ns;
    if (!random_once_in(random, path->missed_one_in) && seen[near ^ 1].count < 4096)
      seen[near ^ 1].at[seen[near ^ 1].count++] = (struct arrival){packet, side, packet.time_ns};
  }
}

/* A transfer with retransmissions at random, duplicate ACKs and window updates. */
static void transfer(struct pit *pit, struct talk *talk, const struct path *path,
                     struct arrivals *seen)
{
  uint64_t *random = &pit->scene.random;
  uint32_t acked = talk->nxt[0];
  transmit(pit, path, seen, talk_packet(&pit->scene, talk, 0, TCP_SYN, talk->nxt[0]++, 0), 0);
  pit->scene.now_ns += 10 * NS_PER_MS;
  transmit(pit, path, seen, talk_packet(&pit->scene, talk, 1, TCP_SYN | TCP_ACK, talk->nxt[1]++, 0),
           1);
  for (int i = 0; i < 300; i++) {
    pit->scene.now_ns += 1 + random_below(random, 3000000);
    uint32_t choice = random_below(random, 10);
    if (choice < 5) {
      transmit(pit, path, seen, talk_packet(&pit->scene, talk, 0, TCP_ACK, talk->nxt[0], 1000), 0);
      talk->nxt[0] += 1000;
    } else if (choice < 7) { /* again, from anywhere behind */
      uint32_t back = 1000 * (1 + random_below(random, 5));
      transmit(pit, path, seen,
               talk_packet(&pit->scene, talk, 0, TCP_ACK, talk->nxt[0] - back, 1000), 0);
    } else {
      if (choice < 9)
        acked = talk->nxt[0];
      struct packet ack = talk_packet(&pit->scene, talk, 1, TCP_ACK, talk->nxt[1], 0);
      ack.ack = acked; /* else a duplicate */
      transmit(pit, path, seen, ack, 1);
    }
  }
}

/* Every point holds: who may be first was. Returns how many points there were. */
static size_t check_points(struct pit *pit)
{
  static struct pairing_point points[4096];
  struct pairing_scratch *scratch = pairing_scratch_new();
  struct pairing pairing = {0};
  size_t false_bounds = 0, usable = 0;
  pairing_compare(scratch, sketch_at(&pit->sets[0], 0), sketch_at(&pit->sets[1], 0), false,
                  &pairing);
  size_t count = pairing_points(scratch, sketch_at(&pit->sets[0], 0), sketch_at(&pit->sets[1], 0),
                                &pairing, points, 4096);
  for (size_t i = 0; i < count; i++) {
    int64_t delay_ns = points[i].b_ns - points[i].a_ns - pit->scene.points[1].clock_offset_ns;
    if (points[i].side == 0 && points[i].a_may_start) {
      usable++;
      false_bounds += delay_ns < 0;
    }
    if (points[i].side == 1 && points[i].b_may_start) {
      usable++;
      false_bounds += delay_ns > 0;
    }
  }
  assert_int_equal(false_bounds, 0);
  assert_true(pairing_order_by_delays(points, count) >= 0);
  pairing_scratch_free(scratch);
  return usable;
}

/* least: points that a run has on the average */
struct kind {
  int64_t tick_ns;
  bool ip_ids;
  struct path path;
  size_t least;
};

static size_t run_kind(const struct kind *kind, uint64_t seed)
{
  static struct arrivals seen[2];
  struct pit pit;
  pit_open(&pit, seed);
  pit.scene.points[0].from_client_ns = pit.scene.points[0].from_server_ns = 0;
  pit.scene.points[1].from_client_ns = pit.scene.points[1].from_server_ns = 0;
  pit.scene.points[1].clock_offset_ns = -3 * NS_PER_S;
  struct talk talk = talk_new(&pit.scene, 1, 40000, 2, 443);
  talk.tick_ns = kind->tick_ns;
  if (!kind->ip_ids)
    talk.ip_id[0] = talk.ip_id[1] = 0;
  seen[0].count = seen[1].count = 0;
  transfer(&pit, &talk, &kind->path, seen);
  for (uint32_t end = 0; end < 2; end++) {
    qsort(seen[end].at, seen[end].count, sizeof seen[end].at[0], by_time);
    for (size_t i = 0; i < seen[end].count; i++)
      pit_see(&pit, end, seen[end].at[i].packet, seen[end].at[i].side);
  }
  size_t usable = pit.sets[0].count == 1 && pit.sets[1].count == 1 ? check_points(&pit) : 0;
  pit_close(&pit);
  return usable;
}

#define NEVER 1000000000u

static void run_kinds(const struct kind *kinds, size_t count, uint64_t seeds)
{
  for (size_t i = 0; i < count; i++) {
    size_t usable = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++)
      usable += run_kind(&kinds[i], seed * 1000 + i);
    assert_true(usable >= kinds[i].least * seeds);
  }
}

static void test_no_false_bound_on_a_bad_path(void **state)
{
  (void)state;
  const struct path bad = {10, 10, 5, NEVER};
  const struct kind kinds[] = {
      {NS_PER_MS, true, bad, 100}, {NS_PER_MS, false, bad, 50}, {10 * NS_PER_MS, false, bad, 50},
      {NS_PER_S, false, bad, 50},  {NS_PER_S, true, bad, 100},  {0, true, bad, 100},
      {0, false, bad, 50},
  };
  run_kinds(kinds, sizeof kinds / sizeof kinds[0], 200);
}

static void test_no_false_bound_where_captures_miss_packets(void **state)
{
  (void)state;
  const struct path holes = {20, 20, 10, 20};
  /* Where nothing tells copies apart and packets are missing, hardly anything can be used. */
  const struct kind kinds[] = {
      {NS_PER_MS, true, holes, 100}, {NS_PER_S, true, holes, 100},      {0, true, holes, 100},
      {NS_PER_MS, false, holes, 40}, {10 * NS_PER_MS, false, holes, 0}, {NS_PER_S, false, holes, 0},
      {0, false, holes, 0},
  };
  run_kinds(kinds, sizeof kinds / sizeof kinds[0], 200);
}

/* One segment as those points saw it that `ends` says (bit 0: A). */
static void see_segment(struct pit *pit, struct packet packet, unsigned side, unsigned ends)
{
  for (uint32_t end = 0; end < 2; end++) {
    if ((ends >> end & 1) != 0)
      pit_see(pit, end, packet, side);
  }
  pit->scene.now_ns += 10 * NS_PER_MS;
}

/* A stream of nothing but the same bytes: what one end sends again and again, and the other never
 * sees, looks like the first segment elsewhere. Returns the shift that the pairing found. */
static uint32_t shift_of_uniform_content(bool handshake_seen)
{
  struct pit pit;
  pit_open(&pit, 7);
  struct talk talk = talk_new(&pit.scene, 1, 40000, 2, 443);
  talk.tick_ns = 0;
  talk.ip_id[0] = talk.ip_id[1] = 0;
  const uint32_t isn = talk.nxt[0];
  if (handshake_seen) {
    see_segment(&pit, talk_packet(&pit.scene, &talk, 0, TCP_SYN, isn, 0), 0, 3);
    see_segment(&pit, talk_packet(&pit.scene, &talk, 1, TCP_SYN | TCP_ACK, talk.nxt[1]++, 0), 1, 3);
  }
  struct packet first = talk_packet(&pit.scene, &talk, 0, TCP_ACK, isn + 1, 500);
  first.payload_hash = 77;
  see_segment(&pit, first, 0, 3);
  struct packet lost = talk_packet(&pit.scene, &talk, 0, TCP_ACK, isn + 501, 1440);
  lost.payload_hash = 77;
  for (int copy = 0; copy < 6; copy++)
    see_segment(&pit, lost, 0, 1);
  struct pairing_scratch *scratch = pairing_scratch_new();
  struct pairing pairing = {0};
  pairing_compare(scratch, sketch_at(&pit.sets[0], 0), sketch_at(&pit.sets[1], 0), false, &pairing);
  pairing_scratch_free(scratch);
  pit_close(&pit);
  return pairing.shift[0];
}

static void test_repeated_content_shifts_nothing(void **state)
{
  (void)state;
  assert_int_equal(shift_of_uniform_content(true), 0);
  assert_int_equal(shift_of_uniform_content(false), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_no_false_bound_on_a_bad_path),
      cmocka_unit_test(test_no_false_bound_where_captures_miss_packets),
      cmocka_unit_test(test_repeated_content_shifts_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
