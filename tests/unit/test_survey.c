/* The survey as its callers see it: which connections are one, in which order their points lie, and
 * how the clocks relate. */
#include "survey_scene.h"

#include "capture/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void solve(struct scene *scene)
{
  assert_int_equal(survey_solve(scene->survey), 0);
}

static const struct connection_pair *only_pair(struct scene *scene)
{
  solve(scene);
  assert_int_equal(survey_pair_count(scene->survey), 1);
  return survey_pair(scene->survey, 0);
}

static void assert_certain_in_order(const struct connection_pair *pair)
{
  assert_int_equal(pair->certainty, PAIR_CERTAIN);
  assert_true(pair->order_known);
  for (uint32_t i = 0; i < pair->member_count; i++)
    assert_int_equal(pair->members[i].place, i);
}

/* The stated offset of `end` against end 0 is right within its stated uncertainty. */
static void assert_clock_holds(const struct scene *scene, uint8_t end)
{
  const struct clock_map *map = survey_clock(scene->survey, end);
  assert_true(map->piece_count > 0);
  int64_t true_ns = scene->now_ns, since_ns = true_ns - 1700000000 * NS_PER_S;
  const struct scene_point *a = &scene->points[0], *b = &scene->points[end];
  int64_t a_ns = true_ns + a->clock_offset_ns + (int64_t)((double)since_ns * a->skew_ppm * 1e-6);
  int64_t b_ns = true_ns + b->clock_offset_ns + (int64_t)((double)since_ns * b->skew_ppm * 1e-6);
  int64_t error_ns = clock_map_to_a(map, b_ns) - a_ns;
  int64_t uncertainty_ns = clock_map_uncertainty_ns(map, b_ns);
  assert_true(time_is_valid(uncertainty_ns));
  assert_true(error_ns <= uncertainty_ns && -error_ns <= uncertainty_ns);
}

static void test_same_addresses(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 1);
  scene.points[1].clock_offset_ns = -400 * 24 * 3600 * NS_PER_S;
  struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
  talk_open(&scene, &talk);
  talk_exchange(&scene, &talk, 20000);
  talk_close(&scene, &talk);
  const struct connection_pair *pair = only_pair(&scene);
  assert_certain_in_order(pair);
  assert_int_equal(pair->members[1].client.port, 40000);
  assert_int_equal(pair->members[1].seq_shift[0], 0);
  assert_clock_holds(&scene, 1);
  survey_free(scene.survey);
}

static void test_order_of_files_does_not_matter(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 2);
  struct scene_point first = scene.points[0];
  scene.points[0] = scene.points[1];
  scene.points[1] = first;
  struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
  talk_open(&scene, &talk);
  talk_exchange(&scene, &talk, 20000);
  const struct connection_pair *pair = only_pair(&scene);
  assert_true(pair->order_known);
  assert_int_equal(pair->members[0].place, 1);
  assert_int_equal(pair->members[1].place, 0);
  assert_clock_holds(&scene, 1);
  survey_free(scene.survey);
}

static void translate_addresses_and_numbers(struct scene *scene)
{
  scene->points[1].host_shift = 77;
  scene->points[1].port_shift = 20001;
  scene->points[1].seq_shift[0] = 0x12345678;
  scene->points[1].seq_shift[1] = 0x9abcdef0;
}

static void test_nat_that_shifts_numbers(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 3);
  translate_addresses_and_numbers(&scene);
  struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
  talk_open(&scene, &talk);
  talk_exchange(&scene, &talk, 20000);
  talk_close(&scene, &talk);
  const struct connection_pair *pair = only_pair(&scene);
  assert_certain_in_order(pair);
  assert_int_equal(pair->members[0].client.port, 40000);
  assert_int_equal(pair->members[1].client.port, 60001);
  assert_int_equal(pair->members[1].seq_shift[0], (uint32_t)-0x12345678);
  assert_int_equal(pair->members[1].seq_shift[1], (uint32_t)-0x9abcdef0);
  survey_free(scene.survey);
}

static void test_shifted_mid_stream_without_payload(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 4);
  translate_addresses_and_numbers(&scene);
  struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
  talk.content = 0;
  scene.points[0].absent = scene.points[1].absent = true;
  talk_open(&scene, &talk);
  talk_exchange(&scene, &talk, 20000);
  scene.points[0].absent = false;
  for (int i = 0; i < 5; i++)
    talk_exchange(&scene, &talk, 20000);
  scene.points[1].absent = false;
  for (int i = 0; i < 5; i++)
    talk_exchange(&scene, &talk, 20000);
  assert_certain_in_order(only_pair(&scene));
  survey_free(scene.survey);
}

static void test_no_timestamps_but_ip_ids(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 5);
  translate_addresses_and_numbers(&scene);
  struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
  talk.tick_ns = 0;
  talk_open(&scene, &talk);
  talk_exchange(&scene, &talk, 20000);
  assert_certain_in_order(only_pair(&scene));
  survey_free(scene.survey);
}

static void test_names_swapped(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 6);
  scene.points[1].swap_names = true;
  struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
  talk_open(&scene, &talk);
  talk_exchange(&scene, &talk, 20000);
  const struct connection_pair *pair = only_pair(&scene);
  assert_certain_in_order(pair);
  assert_int_equal(pair->members[1].client.port, 40000);
  survey_free(scene.survey);
}

/* Requests of a load test: the same bytes, the same lengths, at the same pace. */
static void open_siblings(struct scene *scene, struct talk *talks, uint32_t count, bool ip_ids)
{
  for (uint32_t i = 0; i < count; i++) {
    talks[i] = talk_new(scene, 1, (uint16_t)(41000 + i), 2, 80);
    talks[i].tick_ns = 0;
    talks[i].content = 12345;
    if (!ip_ids)
      talks[i].ip_id[0] = talks[i].ip_id[1] = 0;
  }
}

static uint32_t wrong_pairs(const struct scene *scene, uint16_t port_shift,
                            enum pair_certainty from)
{
  uint32_t wrong = 0;
  for (uint32_t i = 0; i < survey_pair_count(scene->survey); i++) {
    const struct connection_pair *pair = survey_pair(scene->survey, i);
    wrong += pair->certainty >= from &&
             (uint16_t)(pair_client_port(pair, 0) + port_shift) != pair_client_port(pair, 1);
  }
  return wrong;
}

static void run_siblings(struct scene *scene, struct talk *talks, uint32_t count)
{
  for (uint32_t i = 0; i < count; i++)
    talk_open(scene, &talks[i]);
  for (uint32_t i = 0; i < count; i++)
    talk_exchange(scene, &talks[i], 3000);
  for (uint32_t i = 0; i < count; i++)
    talk_close(scene, &talks[i]);
  solve(scene);
}

#define SIBLINGS 40

static void test_siblings_behind_nat(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 7);
  struct talk talks[SIBLINGS];
  scene.points[1].host_shift = 77;
  scene.points[1].port_shift = 333;
  open_siblings(&scene, talks, SIBLINGS, false);
  run_siblings(&scene, talks, SIBLINGS);
  assert_int_equal(survey_pair_count(scene.survey), SIBLINGS);
  for (uint32_t i = 0; i < SIBLINGS; i++)
    assert_int_equal(survey_pair(scene.survey, i)->certainty, PAIR_CERTAIN);
  assert_int_equal(wrong_pairs(&scene, 333, PAIR_POSSIBLE), 0);
  survey_free(scene.survey);
}

static void test_siblings_behind_nat_that_shifts_numbers(void **state)
{
  (void)state;
  for (int ip_ids = 0; ip_ids < 2; ip_ids++) {
    struct scene scene = scene_new(2, 8);
    struct talk talks[SIBLINGS];
    translate_addresses_and_numbers(&scene);
    open_siblings(&scene, talks, SIBLINGS, ip_ids != 0);
    run_siblings(&scene, talks, SIBLINGS);
    assert_int_equal(wrong_pairs(&scene, 20001, PAIR_LIKELY), 0);
    if (ip_ids != 0)
      assert_int_equal(survey_pair_count(scene.survey), SIBLINGS);
    survey_free(scene.survey);
  }
}

/* All connections of a host share its timestamp clock, and all begin within a few of its ticks. */
static void test_siblings_with_one_timestamp_clock(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 9);
  struct talk talks[SIBLINGS];
  translate_addresses_and_numbers(&scene);
  open_siblings(&scene, talks, SIBLINGS, false);
  for (uint32_t i = 0; i < SIBLINGS; i++) {
    talks[i].tick_ns = 10 * NS_PER_MS;
    talks[i].ts_base[0] = 1000;
    talks[i].ts_base[1] = 2000;
    talks[i].ip_id[0] = talks[i].ip_id[1] = 0;
  }
  int64_t start_ns = scene.now_ns;
  for (uint32_t i = 0; i < SIBLINGS; i++) {
    scene.now_ns = start_ns + i * 50 * NS_PER_US;
    talk_open(&scene, &talks[i]);
    talk_exchange(&scene, &talks[i], 3000);
  }
  solve(&scene);
  assert_int_equal(wrong_pairs(&scene, 20001, PAIR_LIKELY), 0);
  survey_free(scene.survey);
}

/* Ten at the first point, then ten others at the second one: nothing is the same. */
static void test_health_checks_at_other_times(void **state)
{
  (void)state;
  for (int same_ports = 0; same_ports < 2; same_ports++) {
    struct scene scene = scene_new(2, 10);
    for (uint32_t i = 0; i < 20; i++) {
      struct talk talk = talk_new(&scene, 1, (uint16_t)(same_ports != 0 ? 5000 : 42000 + i), 2, 80);
      talk.tick_ns = 0;
      talk.content = 12345;
      scene.points[0].absent = i >= 10;
      scene.points[1].absent = i < 10;
      talk_open(&scene, &talk);
      talk_exchange(&scene, &talk, 3000);
      talk_close(&scene, &talk);
      scene.now_ns += NS_PER_S;
    }
    solve(&scene);
    for (uint32_t i = 0; i < survey_pair_count(scene.survey); i++)
      assert_int_equal(survey_pair(scene.survey, i)->certainty, PAIR_POSSIBLE);
    survey_free(scene.survey);
  }
}

/* Other connections of the same hosts at either point, with or without timestamps and IP-IDs. */
static void test_strangers(void **state)
{
  (void)state;
  for (int kind = 0; kind < 4; kind++) {
    struct scene scene = scene_new(2, 31 + (uint64_t)kind);
    for (uint32_t i = 0; i < 1000; i++) {
      struct talk talk = talk_new(&scene, 1 + i % 20, (uint16_t)(40000 + i), 2, 80);
      talk.content = 12345;
      if ((kind & 1) != 0)
        talk.tick_ns = 0;
      if ((kind & 2) != 0)
        talk.ip_id[0] = talk.ip_id[1] = 0;
      scene.points[0].absent = i >= 500;
      scene.points[1].absent = i < 500;
      talk_open(&scene, &talk);
      talk_exchange(&scene, &talk, 20000);
    }
    solve(&scene);
    assert_int_equal(survey_pair_count(scene.survey), 0);
    survey_free(scene.survey);
  }
}

static void test_unanswered_syns(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 11);
  scene.points[1].absent = true;
  for (uint16_t i = 0; i < 50; i++) {
    struct talk talk = talk_new(&scene, 1, (uint16_t)(43000 + i), 2, 80);
    struct packet syn = talk_send(&scene, &talk, 0, TCP_SYN, 0);
    scene.now_ns += NS_PER_S;
    scene_give(&scene, 0, syn, 0);
  }
  solve(&scene);
  assert_int_equal(survey_pair_count(scene.survey), 0);
  survey_free(scene.survey);
}

static void test_only_the_second_syn_arrives(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 12);
  struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
  scene.points[1].absent = true;
  struct packet syn = talk_send(&scene, &talk, 0, TCP_SYN, 0);
  scene.points[1].absent = false;
  scene.now_ns += NS_PER_S;
  syn.time_ns = scene.now_ns;
  syn.ts_val += 1000;
  scene_give(&scene, 0, syn, 0);
  scene_give(&scene, 1, syn, 0);
  assert_int_equal(only_pair(&scene)->certainty, PAIR_CERTAIN);
  survey_free(scene.survey);
}

#define REUSES 300

static void test_reused_ports(void **state)
{
  (void)state;
  static struct packet inside[REUSES];
  struct scene scene = scene_new(2, 13);
  for (int i = 0; i < REUSES; i++) {
    struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
    talk_open(&scene, &talk);
    inside[i] = talk_send(&scene, &talk, 0, TCP_ACK, 100);
    talk_exchange(&scene, &talk, 5000);
    talk_close(&scene, &talk);
    scene.now_ns += 2 * NS_PER_S;
  }
  solve(&scene);
  assert_int_equal(survey_pair_count(scene.survey), REUSES);
  for (uint32_t i = 0; i < REUSES; i++) {
    for (uint32_t end = 0; end < 2; end++) {
      struct packet view = scene_view(&scene, end, inside[i], 0);
      const struct pair_member *member;
      const struct connection_pair *pair = survey_find(scene.survey, &view, &member);
      assert_ptr_equal(pair, survey_pair(scene.survey, i));
      assert_int_equal(pair->certainty, PAIR_CERTAIN);
      assert_int_equal(member->end, end);
    }
  }
  survey_free(scene.survey);
}

static void test_packets_at_once(void **state)
{
  (void)state;
  static struct packet packets[2000];
  struct scene one = scene_new(2, 26);
  struct scene all = scene_new(2, 26);
  size_t count = 0;
  for (uint16_t i = 0; i < 50; i++) {
    struct talk talk = talk_new(&one, 1, (uint16_t)(40000 + i), 2, 443);
    for (int k = 0; k < 20; k++, one.now_ns += NS_PER_MS) {
      struct packet packet = talk_send(&one, &talk, 0, k == 0 ? TCP_SYN : TCP_ACK, 100);
      for (uint32_t end = 0; end < 2; end++) {
        packets[count] = scene_view(&one, end, packet, 0);
        packets[count++].frame = ++all.points[end].frames;
      }
    }
  }
  for (size_t i = 0; i < count; i += 100)
    assert_int_equal(survey_packets(all.survey, &packets[i], 100), 0);
  solve(&one);
  solve(&all);
  assert_int_equal(survey_pair_count(all.survey), 50);
  assert_memory_equal(survey_pair(one.survey, 0), survey_pair(all.survey, 0),
                      50 * sizeof(struct connection_pair));
  survey_free(one.survey);
  survey_free(all.survey);
}

/* One segment of 8 * 1448 bytes at the sender's point, eight on the wire; ACKs are the same. */
static void test_segmentation_offload(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 14);
  translate_addresses_and_numbers(&scene);
  struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
  talk_open(&scene, &talk);
  for (int i = 0; i < 40; i++) {
    uint32_t seq = talk.nxt[0];
    uint16_t ip_id = talk.ip_id[0];
    struct packet super = talk_packet(&scene, &talk, 0, TCP_ACK, seq, 8 * 1448);
    scene_give(&scene, 0, super, 0);
    for (uint32_t k = 0; k < 8; k++) {
      struct packet segment = super;
      segment.seq += k * 1448;
      segment.payload_bytes = 1448;
      segment.payload_hash = talk_hash(&talk, 0, segment.seq);
      segment.ip_id = (uint16_t)(ip_id + k);
      segment.time_ns += k * 10 * NS_PER_US;
      scene_give(&scene, 1, segment, 0);
    }
    talk.ip_id[0] = (uint16_t)(ip_id + 8);
    talk.nxt[0] += 8 * 1448;
    scene.now_ns += 10 * NS_PER_MS;
    talk_send(&scene, &talk, 1, TCP_ACK, 0);
    scene.now_ns += 10 * NS_PER_MS;
  }
  assert_certain_in_order(only_pair(&scene));
  assert_clock_holds(&scene, 1);
  survey_free(scene.survey);
}

static void test_mirrored_frames(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 15);
  scene.points[0].mirror = true;
  struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
  talk_open(&scene, &talk);
  talk_exchange(&scene, &talk, 20000);
  talk_close(&scene, &talk);
  assert_certain_in_order(only_pair(&scene));
  assert_clock_holds(&scene, 1);
  survey_free(scene.survey);
}

static void test_one_direction_is_ordered_by_ttl(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 16);
  struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
  talk_send(&scene, &talk, 0, TCP_SYN, 0);
  scene.now_ns += 10 * NS_PER_MS;
  for (int i = 0; i < 20; i++) {
    talk_send(&scene, &talk, 0, TCP_ACK, 1000);
    scene.now_ns += NS_PER_MS;
  }
  assert_certain_in_order(only_pair(&scene));
  survey_free(scene.survey);
}

static void test_three_points_in_any_order(void **state)
{
  (void)state;
  static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                       {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (int i = 0; i < 6; i++) {
    struct scene scene = scene_new(3, 17);
    struct scene_point points[3] = {scene.points[0], scene.points[1], scene.points[2]};
    for (uint32_t end = 0; end < 3; end++) {
      scene.points[end] = points[orders[i][end]];
      scene.points[end].clock_offset_ns = (int64_t)end * 3600 * NS_PER_S;
    }
    scene.points[2].seq_shift[0] = 1000;
    struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
    talk_open(&scene, &talk);
    talk_exchange(&scene, &talk, 20000);
    const struct connection_pair *pair = only_pair(&scene);
    assert_int_equal(pair->member_count, 3);
    assert_true(pair->order_known);
    for (uint32_t end = 0; end < 3; end++)
      assert_int_equal(pair->members[end].place, orders[i][end]);
    assert_int_equal(pair->members[2].seq_shift[0], (uint32_t)-1000);
    assert_clock_holds(&scene, 1);
    assert_clock_holds(&scene, 2);
    survey_free(scene.survey);
  }
}

/* Nothing but the clock that another connection has fitted tells which point comes first. */
static void test_one_direction_is_ordered_by_the_clock(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 27);
  scene.points[0].hops = scene.points[1].hops = 1;
  scene.points[1].clock_offset_ns = -77 * NS_PER_S;
  struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
  talk_open(&scene, &talk);
  talk_exchange(&scene, &talk, 20000);
  scene.points[1].from_client_ns += 50 * NS_PER_MS; /* a queue: more than the clock's uncertainty */
  struct talk other = talk_new(&scene, 1, 40001, 2, 443);
  for (int i = 0; i < 20; i++) {
    talk_send(&scene, &other, 0, i == 0 ? TCP_SYN : TCP_ACK, 1000);
    scene.now_ns += NS_PER_MS;
  }
  solve(&scene);
  assert_int_equal(survey_pair_count(scene.survey), 2);
  assert_certain_in_order(survey_pair(scene.survey, 1));
  survey_free(scene.survey);
}

/* The same capture twice, or two at one place: no order, but one clock. */
static void test_two_captures_at_one_point(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 28);
  scene.points[1] = scene.points[0];
  scene.points[1].clock_offset_ns = 3 * NS_PER_S;
  struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
  talk_open(&scene, &talk);
  talk_exchange(&scene, &talk, 20000);
  const struct connection_pair *pair = only_pair(&scene);
  assert_int_equal(pair->certainty, PAIR_CERTAIN);
  assert_false(pair->order_known);
  assert_clock_holds(&scene, 1);
  survey_free(scene.survey);
}

/* A long transfer of which the second point has the last hundredth only, behind a NAT that shifts
 * numbers: the samples of the long one are thin there. */
static void test_small_overlap_of_a_long_transfer(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 29);
  translate_addresses_and_numbers(&scene);
  struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
  talk_open(&scene, &talk);
  for (int i = 0; i < 100; i++) {
    scene.points[1].absent = i < 99;
    talk_exchange(&scene, &talk, 2000 * 1448);
  }
  for (uint16_t i = 0; i < 20; i++) { /* others, which the second point has not seen */
    struct talk other = talk_new(&scene, 1, (uint16_t)(41000 + i), 2, 443);
    scene.points[1].absent = true;
    talk_open(&scene, &other);
    talk_exchange(&scene, &other, 20000);
  }
  assert_certain_in_order(only_pair(&scene));
  survey_free(scene.survey);
}

/* The first and the last point have nothing in common: their clocks meet at the middle one. */
static void test_clock_through_another_point(void **state)
{
  (void)state;
  struct scene scene = scene_new(3, 18);
  scene.points[1].clock_offset_ns = 5 * NS_PER_S;
  scene.points[2].clock_offset_ns = -7 * NS_PER_S;
  for (int i = 0; i < 2; i++) {
    struct talk talk = talk_new(&scene, 1, (uint16_t)(40000 + i), 2, 443);
    scene.points[0].absent = i == 1;
    scene.points[2].absent = i == 0;
    talk_open(&scene, &talk);
    talk_exchange(&scene, &talk, 20000);
    talk_close(&scene, &talk);
  }
  solve(&scene);
  assert_int_equal(survey_pair_count(scene.survey), 2);
  assert_clock_holds(&scene, 1);
  assert_clock_holds(&scene, 2);
  survey_free(scene.survey);
}

/* Two namespaces of one host: nothing is fitted. A third end, elsewhere, is. */
static void test_one_clock_of_one_host(void **state)
{
  (void)state;
  struct scene scene = scene_new(3, 26);
  scene.points[2].clock_offset_ns = 3 * NS_PER_S;
  for (uint8_t end = 0; end < 3; end++)
    survey_set_host(scene.survey, end, end == 1 ? 1 : end + 1u);
  survey_set_host(scene.survey, 0, 1);
  struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
  talk_open(&scene, &talk);
  talk_exchange(&scene, &talk, 20000);
  solve(&scene);
  const struct clock_map *map = survey_clock(scene.survey, 1);
  assert_int_equal(map->host, CLOCK_HOST_SHARED);
  assert_int_equal(map->piece_count, 1);
  assert_int_equal(map->pieces[0].offset_ns, 0);
  assert_int_equal(map->pieces[0].uncertainty_ns, NS_PER_US);
  assert_int_equal(clock_map_to_a(map, scene.now_ns), scene.now_ns);
  /* and it stays so: hours before and behind, too */
  for (int hours = -5; hours <= 5; hours++)
    assert_int_equal(clock_map_uncertainty_ns(map, scene.now_ns + hours * 3600 * NS_PER_S),
                     NS_PER_US);
  assert_int_equal(survey_clock(scene.survey, 2)->host, CLOCK_HOST_UNKNOWN);
  assert_clock_holds(&scene, 2);
  survey_free(scene.survey);
}

/* The clock that was fitted for one end of a host is the other's. */
static void test_one_clock_of_the_other_host(void **state)
{
  (void)state;
  struct scene scene = scene_new(3, 27);
  scene.points[1].clock_offset_ns = scene.points[2].clock_offset_ns = -11 * NS_PER_S;
  survey_set_host(scene.survey, 1, 5);
  survey_set_host(scene.survey, 2, 5);
  struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
  talk_open(&scene, &talk);
  talk_exchange(&scene, &talk, 20000);
  solve(&scene);
  const struct clock_map *one = survey_clock(scene.survey, 1), *two = survey_clock(scene.survey, 2);
  assert_clock_holds(&scene, 1);
  assert_clock_holds(&scene, 2);
  assert_true(clock_map_to_a(one, scene.now_ns) == clock_map_to_a(two, scene.now_ns));
  assert_int_equal(one->host, CLOCK_HOST_UNKNOWN);
  survey_free(scene.survey);
}

/* A machine that was copied while it ran: the same boot id, another clock. Then it is fitted. */
static void test_one_host_is_contradicted(void **state)
{
  (void)state;
  for (int ahead = 0; ahead < 2; ahead++) {
    struct scene scene = scene_new(2, 28);
    scene.points[1].clock_offset_ns = ahead ? 30 * NS_PER_MS : -30 * NS_PER_MS;
    survey_set_host(scene.survey, 0, 1);
    survey_set_host(scene.survey, 1, 1);
    struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
    talk_open(&scene, &talk);
    talk_exchange(&scene, &talk, 20000);
    solve(&scene);
    assert_int_equal(survey_clock(scene.survey, 1)->host, CLOCK_HOST_DOUBTED);
    assert_clock_holds(&scene, 1);
    survey_free(scene.survey);
  }
}

static void test_clients_on_both_sides(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 19);
  struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
  talk_open(&scene, &talk);
  talk_exchange(&scene, &talk, 20000);
  for (int end = 0; end < 2; end++) { /* now the client sits where the server sat */
    int64_t from_client_ns = scene.points[end].from_client_ns;
    scene.points[end].from_client_ns = scene.points[end].from_server_ns;
    scene.points[end].from_server_ns = from_client_ns;
    scene.points[end].hops = (uint8_t)(SCENE_HOPS - scene.points[end].hops);
  }
  struct talk other = talk_new(&scene, 2, 50000, 1, 22);
  talk_open(&scene, &other);
  talk_exchange(&scene, &other, 20000);
  solve(&scene);
  assert_int_equal(survey_pair_count(scene.survey), 2);
  assert_int_equal(survey_pair(scene.survey, 0)->members[0].place, 0);
  assert_int_equal(survey_pair(scene.survey, 1)->members[0].place, 1);
  assert_clock_holds(&scene, 1);
  survey_free(scene.survey);
}

static void test_connections_beyond_the_limit(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 20);
  survey_free(scene.survey);
  scene.survey = survey_new(2, &(struct survey_limits){.connections = 3, .memory_bytes = 1 << 20});
  for (uint16_t i = 0; i < 10; i++) {
    struct talk talk = talk_new(&scene, 1, (uint16_t)(40000 + i), 2, 443);
    talk_open(&scene, &talk);
    talk_exchange(&scene, &talk, 3000);
  }
  solve(&scene);
  struct survey_stats stats;
  survey_get_stats(scene.survey, &stats);
  assert_int_equal(stats.pairs, 3);
  assert_int_equal(stats.connections[0], 10);
  assert_int_equal(stats.unsampled[1], 7);
  survey_free(scene.survey);
}

static void test_flood_of_syns_hides_nothing(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 30);
  survey_free(scene.survey);
  scene.survey =
      survey_new(2, &(struct survey_limits){.connections = 500, .memory_bytes = 16 << 20});
  struct talk early = talk_new(&scene, 2, 40000, 3, 443);
  talk_open(&scene, &early);
  for (uint32_t i = 0; i < 20000; i++) {
    struct talk flood = talk_new(&scene, 100 + i, (uint16_t)i, 3, 443);
    talk_send(&scene, &flood, 0, TCP_SYN, 0);
    scene.now_ns += NS_PER_US;
    if (i % 1000 == 500) {
      struct talk talk = talk_new(&scene, 2, (uint16_t)(41000 + i), 3, 443);
      talk_open(&scene, &talk);
      talk_exchange(&scene, &talk, 3000);
    }
  }
  talk_exchange(&scene, &early, 3000);
  solve(&scene);
  uint32_t real = 0;
  for (uint32_t i = 0; i < survey_pair_count(scene.survey); i++) {
    const struct connection_pair *pair = survey_pair(scene.survey, i);
    assert_int_equal(pair->certainty, PAIR_CERTAIN);
    const struct ip_address host = packet_host(2);
    real += memcmp(&pair->members[0].client.address, &host, sizeof host) == 0;
  }
  assert_int_equal(real, 21);
  struct survey_stats stats;
  survey_get_stats(scene.survey, &stats);
  assert_int_equal(stats.connections[0], 20021);
  assert_int_equal(wrong_pairs(&scene, 0, PAIR_POSSIBLE), 0);
  survey_free(scene.survey);
}

static void test_memory_stays_below_its_limit(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 21);
  const uint64_t limit_bytes = 4 << 20;
  survey_free(scene.survey);
  scene.survey =
      survey_new(2, &(struct survey_limits){.connections = 100000, .memory_bytes = limit_bytes});
  for (uint32_t i = 0; i < 20000; i++) {
    struct talk talk = talk_new(&scene, 1 + i / 50000, (uint16_t)i, 2, 443);
    talk_open(&scene, &talk);
  }
  struct survey_stats stats;
  survey_get_stats(scene.survey, &stats);
  assert_true(stats.memory_peak_bytes <= limit_bytes);
  assert_true(stats.unsampled[0] > 0 && stats.connections[0] > 19000);
  solve(&scene);
  assert_true(survey_pair_count(scene.survey) > 1000);
  assert_int_equal(wrong_pairs(&scene, 0, PAIR_POSSIBLE), 0);
  survey_free(scene.survey);
}

/* A capture made to waste time: every element is the same in every connection. */
static void test_all_elements_equal(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 22);
  for (uint32_t i = 0; i < 4000; i++) {
    struct packet packet = packet_tcp((struct packet_path){1 + i, 60000, (uint16_t)i, 80},
                                      scene.now_ns + i, i + 1, TCP_ACK);
    packet.seq = packet.ack = 0x40000000;
    packet.payload_bytes = 100;
    packet.payload_hash = 77;
    packet.options = TCP_OPT_TIMESTAMPS;
    packet.ts_val = packet.ts_ecr = 1;
    for (uint8_t end = 0; end < 2; end++) {
      packet.end = end;
      packet.src_port = (uint16_t)(packet.src_port + end * 7);
      for (int k = 0; k < 3; k++)
        (void)survey_packet(scene.survey, &packet);
    }
  }
  solve(&scene);
  for (uint32_t i = 0; i < survey_pair_count(scene.survey); i++)
    assert_int_equal(survey_pair(scene.survey, i)->certainty, PAIR_POSSIBLE);
  survey_free(scene.survey);
}

static void test_solve_again_after_more(void **state)
{
  (void)state;
  struct scene scene = scene_new(2, 23);
  struct talk talk = talk_new(&scene, 1, 40000, 2, 443);
  talk_open(&scene, &talk);
  only_pair(&scene);
  talk_exchange(&scene, &talk, 20000);
  struct talk other = talk_new(&scene, 1, 40001, 2, 443);
  talk_open(&scene, &other);
  solve(&scene);
  assert_int_equal(survey_pair_count(scene.survey), 2);
  assert_clock_holds(&scene, 1);
  survey_free(scene.survey);
}

static void test_nothing(void **state)
{
  (void)state;
  struct scene scene = scene_new(3, 24);
  solve(&scene);
  assert_int_equal(survey_pair_count(scene.survey), 0);
  assert_null(survey_pair(scene.survey, 0));
  assert_int_equal(survey_clock(scene.survey, 1)->piece_count, 0);
  assert_int_equal(clock_map_to_a(survey_clock(scene.survey, 0), 77), 77);
  assert_int_equal(clock_map_uncertainty_ns(survey_clock(scene.survey, 0), 77), 0);
  const struct pair_member *member;
  struct packet packet = packet_tcp((struct packet_path){1, 2, 3, 4}, scene.now_ns, 1, TCP_ACK);
  assert_null(survey_find(scene.survey, &packet, &member));
  survey_free(scene.survey);
  survey_free(NULL);
}

static void feed_text(struct survey *survey, const char *path, uint8_t end)
{
  struct trace *trace;
  struct error error;
  struct trace_options options = {0};
  assert_int_equal(trace_open(&trace, path, &options, &error), 0);
  struct frame frames[64];
  int count;
  while ((count = trace_next(trace, frames, 64, &error)) > 0) {
    for (int i = 0; i < count; i++) {
      struct packet packet;
      packet_decode(&frames[i], &packet);
      packet.end = end;
      assert_int_equal(survey_packet(survey, &packet), 0);
    }
  }
  assert_int_equal(count, 0);
  trace_close(trace);
}

/* The two excerpts of the report of 2003: each host calls itself test-local. */
static void test_report_of_2003(void **state)
{
  (void)state;
  static const char *const paths[2] = {SOURCE_DIR "/samples/2003-tap-stall/sender.txt",
                                       SOURCE_DIR "/samples/2003-tap-stall/receiver.txt"};
  for (uint8_t sender = 0; sender < 2; sender++) {
    struct scene scene = scene_new(2, 25);
    feed_text(scene.survey, paths[sender], 0);
    feed_text(scene.survey, paths[sender ^ 1], 1);
    const struct connection_pair *pair = only_pair(&scene);
    assert_int_equal(pair->certainty, PAIR_CERTAIN);
    assert_true(pair->order_known);
    assert_int_equal(pair->members[0].client.port, 20); /* opened by the receiver of the file */
    assert_int_equal(pair->members[sender].place, 1);   /* the server sends */
    const struct clock_map *map = survey_clock(scene.survey, 1);
    assert_int_equal(map->piece_count, 1);
    assert_true(time_is_valid(map->pieces[0].uncertainty_ns));
    survey_free(scene.survey);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_same_addresses),
      cmocka_unit_test(test_order_of_files_does_not_matter),
      cmocka_unit_test(test_nat_that_shifts_numbers),
      cmocka_unit_test(test_shifted_mid_stream_without_payload),
      cmocka_unit_test(test_no_timestamps_but_ip_ids),
      cmocka_unit_test(test_names_swapped),
      cmocka_unit_test(test_siblings_behind_nat),
      cmocka_unit_test(test_siblings_behind_nat_that_shifts_numbers),
      cmocka_unit_test(test_siblings_with_one_timestamp_clock),
      cmocka_unit_test(test_health_checks_at_other_times),
      cmocka_unit_test(test_strangers),
      cmocka_unit_test(test_unanswered_syns),
      cmocka_unit_test(test_only_the_second_syn_arrives),
      cmocka_unit_test(test_reused_ports),
      cmocka_unit_test(test_packets_at_once),
      cmocka_unit_test(test_segmentation_offload),
      cmocka_unit_test(test_mirrored_frames),
      cmocka_unit_test(test_one_direction_is_ordered_by_ttl),
      cmocka_unit_test(test_one_direction_is_ordered_by_the_clock),
      cmocka_unit_test(test_two_captures_at_one_point),
      cmocka_unit_test(test_small_overlap_of_a_long_transfer),
      cmocka_unit_test(test_three_points_in_any_order),
      cmocka_unit_test(test_clock_through_another_point),
      cmocka_unit_test(test_one_clock_of_one_host),
      cmocka_unit_test(test_one_clock_of_the_other_host),
      cmocka_unit_test(test_one_host_is_contradicted),
      cmocka_unit_test(test_clients_on_both_sides),
      cmocka_unit_test(test_connections_beyond_the_limit),
      cmocka_unit_test(test_flood_of_syns_hides_nothing),
      cmocka_unit_test(test_memory_stays_below_its_limit),
      cmocka_unit_test(test_all_elements_equal),
      cmocka_unit_test(test_solve_again_after_more),
      cmocka_unit_test(test_nothing),
      cmocka_unit_test(test_report_of_2003),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
