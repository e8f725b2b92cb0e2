/* Two clocks fitted by packets that both have seen: offset, skew and steps in plain cases. The
 * random ones, with known truth, are in test_clock_fit_random.c. */

#include "analyzer/clock_fit.h"
#include "tests/unit/clock_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Packets both ways, every 10 ms, with constant delays; B's clock reads offset_ns more. */
static void feed(struct clock_fit *fit, int64_t from_ns, unsigned packets, int64_t offset_ns,
                 double skew, int64_t forward_ns, int64_t backward_ns)
{
  for (unsigned i = 0; i < packets; i++) {
    int64_t a_ns = from_ns + i * 10 * NS_PER_MS;
    int64_t gained_ns = (int64_t)((double)(a_ns - EPOCH_NS) * skew);
    clock_fit_add(fit, CLOCK_A_TO_B, a_ns, a_ns + offset_ns + gained_ns + forward_ns);
    clock_fit_add(fit, CLOCK_B_TO_A, a_ns + 3 * NS_PER_MS,
                  a_ns + 3 * NS_PER_MS + offset_ns + gained_ns - backward_ns);
  }
}

static void assert_near(int64_t value, int64_t expected, int64_t tolerance)
{
  assert_in_range(value - expected + tolerance, 0, 2 * tolerance);
}

static void nothing_seen_is_nothing_known(void **state)
{
  (void)state;
  struct clock_fit *fit = clock_fit_new();
  struct clock_map map;
  clock_fit_solve(fit, &map);
  assert_int_equal(map.piece_count, 0);
  assert_int_equal(clock_map_to_a(&map, 42), 42);
  assert_int_equal(clock_map_uncertainty_ns(&map, 42), TIME_INVALID);
  clock_fit_free(fit);
}

static void a_clock_against_itself_is_certain(void **state)
{
  (void)state;
  struct clock_map map;
  clock_map_identity(&map);
  assert_int_equal(clock_map_to_a(&map, EPOCH_NS), EPOCH_NS);
  assert_int_equal(clock_map_uncertainty_ns(&map, EPOCH_NS), 0);
  assert_int_equal(clock_map_to_a(&map, -5), -5);
}

static void steady_clocks_are_one_piece(void **state)
{
  (void)state;
  struct clock_fit *fit = clock_fit_new();
  struct clock_map map;
  feed(fit, EPOCH_NS, 5000, 2 * HOUR_NS, 0, 4 * NS_PER_MS, 6 * NS_PER_MS);
  clock_fit_solve(fit, &map);
  assert_int_equal(map.piece_count, 1);
  assert_near(map.pieces[0].offset_ns, 2 * HOUR_NS, map.pieces[0].uncertainty_ns);
  assert_near(map.pieces[0].uncertainty_ns, 5 * NS_PER_MS, NS_PER_MS / 10);
  assert_false(map.pieces[0].skew_known); /* 10 ms in 50 s */
  int64_t b_ns = EPOCH_NS + 2 * HOUR_NS + 7 * NS_PER_S;
  assert_near(clock_map_to_a(&map, b_ns), EPOCH_NS + 7 * NS_PER_S,
              clock_map_uncertainty_ns(&map, b_ns));
  clock_fit_free(fit);
}

static void skew_is_found(void **state)
{
  (void)state;
  struct clock_fit *fit = clock_fit_new();
  struct clock_map map;
  feed(fit, EPOCH_NS, 360000, -HOUR_NS, 200e-6, 4 * NS_PER_MS, 6 * NS_PER_MS);
  clock_fit_solve(fit, &map);
  assert_int_equal(map.piece_count, 1);
  assert_true(map.pieces[0].skew_known);
  assert_true(map.pieces[0].skew_ppm > 190 && map.pieces[0].skew_ppm < 210);
  assert_near(map.pieces[0].usual_uncertainty_ns, 5 * NS_PER_MS, NS_PER_MS / 2);
  clock_fit_free(fit);
}

static void a_step_ends_a_piece(void **state)
{
  (void)state;
  struct clock_fit *fit = clock_fit_new();
  struct clock_map map;
  feed(fit, EPOCH_NS, 5000, HOUR_NS, 0, 4 * NS_PER_MS, 6 * NS_PER_MS);
  feed(fit, EPOCH_NS + 50 * NS_PER_S, 5000, 3 * HOUR_NS, 0, 4 * NS_PER_MS, 6 * NS_PER_MS);
  clock_fit_solve(fit, &map);
  assert_int_equal(map.piece_count, 2);
  assert_near(map.pieces[0].offset_ns, HOUR_NS, 6 * NS_PER_MS);
  assert_near(map.pieces[1].offset_ns, 3 * HOUR_NS, 6 * NS_PER_MS);
  assert_near(map.pieces[1].from_ns, EPOCH_NS + 50 * NS_PER_S, 2 * NS_PER_S);
  clock_fit_free(fit);
}

static void one_direction_alone_has_no_bound(void **state)
{
  (void)state;
  struct clock_fit *fit = clock_fit_new();
  struct clock_map map;
  for (int64_t i = 0; i < 100; i++)
    clock_fit_add(fit, CLOCK_A_TO_B, i * NS_PER_S, i * NS_PER_S + 5000 + (i % 7) * 1000);
  clock_fit_solve(fit, &map);
  assert_int_equal(map.piece_count, 1);
  assert_int_equal(map.pieces[0].uncertainty_ns, TIME_INVALID);
  assert_near(clock_map_to_a(&map, 50 * NS_PER_S), 50 * NS_PER_S - 5000, 1100);
  assert_int_equal(clock_map_uncertainty_ns(&map, 50 * NS_PER_S), TIME_INVALID);
  clock_fit_free(fit);
}

/* SYN, SYN-ACK, ACK. */
static void a_handshake_is_enough_for_a_bound(void **state)
{
  (void)state;
  struct clock_fit *fit = clock_fit_new();
  struct clock_map map;
  clock_fit_add(fit, CLOCK_A_TO_B, EPOCH_NS, EPOCH_NS + 7 * NS_PER_MS);
  clock_fit_add(fit, CLOCK_B_TO_A, EPOCH_NS + 20 * NS_PER_MS, EPOCH_NS + 7 * NS_PER_MS + 100000);
  clock_fit_add(fit, CLOCK_A_TO_B, EPOCH_NS + 20 * NS_PER_MS + 50000,
                EPOCH_NS + 27 * NS_PER_MS + 50000);
  clock_fit_solve(fit, &map);
  assert_int_equal(map.piece_count, 1);
  /* 7 ms there and 12.9 ms back, whatever the offset. */
  assert_near(map.pieces[0].uncertainty_ns, 10 * NS_PER_MS, NS_PER_MS / 10);
  clock_fit_free(fit);
}

static void the_order_of_packets_does_not_matter(void **state)
{
  (void)state;
  struct clock_fit *forwards = clock_fit_new(), *backwards = clock_fit_new();
  struct clock_map first, second;
  uint64_t seed = 5;
  struct world_way way = {.floor_ns = NS_PER_MS, .jitter_ns = NS_PER_MS, .jitter = JITTER_PARETO};
  int64_t times[1000], delays[1000];
  for (int64_t i = 0; i < 1000; i++) {
    times[i] = EPOCH_NS + i * 70 * NS_PER_MS;
    delays[i] = world_delay(&way, &seed, 0);
  }
  for (int i = 0; i < 1000; i++) {
    int k = 999 - i;
    clock_fit_add(forwards, i % 3 == 0 ? CLOCK_B_TO_A : CLOCK_A_TO_B, times[i],
                  times[i] + (i % 3 == 0 ? -delays[i] : delays[i]));
    clock_fit_add(backwards, k % 3 == 0 ? CLOCK_B_TO_A : CLOCK_A_TO_B, times[k],
                  times[k] + (k % 3 == 0 ? -delays[k] : delays[k]));
  }
  clock_fit_solve(forwards, &first);
  clock_fit_solve(backwards, &second);
  assert_memory_equal(&first, &second, sizeof(first));
  clock_fit_free(forwards);
  clock_fit_free(backwards);
}

static void a_clock_stepped_back_shows_times_twice(void **state)
{
  (void)state;
  struct clock_fit *fit = clock_fit_new();
  struct clock_map map;
  feed(fit, EPOCH_NS, 5000, 0, 0, 4 * NS_PER_MS, 6 * NS_PER_MS);
  feed(fit, EPOCH_NS + 50 * NS_PER_S, 5000, -20 * NS_PER_S, 0, 4 * NS_PER_MS, 6 * NS_PER_MS);
  clock_fit_solve(fit, &map);
  assert_int_equal(map.piece_count, 2);
  assert_in_range(clock_map_uncertainty_ns(&map, EPOCH_NS + 20 * NS_PER_S), 0, 6 * NS_PER_MS);
  assert_in_range(clock_map_uncertainty_ns(&map, EPOCH_NS + 40 * NS_PER_S), 20 * NS_PER_S,
                  21 * NS_PER_S);
  assert_in_range(clock_map_uncertainty_ns(&map, EPOCH_NS + 60 * NS_PER_S), 0, 6 * NS_PER_MS);
  clock_fit_free(fit);
}

/* The first transmission, dropped, taken for the retransmission that came. */
static void a_mistaken_packet_is_no_step(void **state)
{
  (void)state;
  struct clock_fit *fit = clock_fit_new();
  struct clock_map map;
  feed(fit, EPOCH_NS, 10000, HOUR_NS, 0, 4 * NS_PER_MS, 6 * NS_PER_MS);
  clock_fit_add(fit, CLOCK_A_TO_B, EPOCH_NS + 40 * NS_PER_S,
                EPOCH_NS + HOUR_NS + 40 * NS_PER_S - 200 * NS_PER_MS);
  clock_fit_solve(fit, &map);
  assert_int_equal(map.piece_count, 1);
  assert_int_equal(map.mistakes, 1);
  assert_near(map.pieces[0].uncertainty_ns, 5 * NS_PER_MS, NS_PER_MS);
  clock_fit_free(fit);
}

static void silence_makes_uncertain(void **state)
{
  (void)state;
  struct clock_fit *fit = clock_fit_new();
  struct clock_map map;
  feed(fit, EPOCH_NS, 1000, 0, 0, 4 * NS_PER_MS, 6 * NS_PER_MS);
  feed(fit, EPOCH_NS + 600 * NS_PER_S, 1000, 0, 0, 4 * NS_PER_MS, 6 * NS_PER_MS);
  clock_fit_solve(fit, &map);
  assert_int_equal(map.piece_count, 1);
  int64_t seen_ns = clock_map_uncertainty_ns(&map, EPOCH_NS + 5 * NS_PER_S);
  int64_t silent_ns = clock_map_uncertainty_ns(&map, EPOCH_NS + 300 * NS_PER_S);
  assert_in_range(seen_ns, 5 * NS_PER_MS, 6 * NS_PER_MS);
  assert_in_range(silent_ns, 100 * NS_PER_MS, 400 * NS_PER_MS);
  assert_true(map.pieces[0].usual_uncertainty_ns <= map.pieces[0].uncertainty_ns);
  clock_fit_free(fit);
}

/* 20,000 packets each way. The uncertainty at 9 of 10 instants, but for the tenth of the time at
 * either end, in halves of the shortest round trip. */
static double uncertainty_in_half_round_trips(struct world *world, struct world_packet *packets)
{
  struct clock_fit *fit = clock_fit_new();
  struct clock_map map;
  int64_t half_ns = (world->ways[0].floor_ns + world->ways[1].floor_ns) / 2;
  unsigned count = world_send(world, 0, packets), above = 0;
  count += world_send(world, 1, packets + count);
  for (unsigned k = 0; k < count; k++)
    clock_fit_add(fit, packets[k].way == 0 ? CLOCK_A_TO_B : CLOCK_B_TO_A, packets[k].a_ns,
                  packets[k].b_ns);
  clock_fit_solve(fit, &map);
  clock_fit_free(fit);
  assert_int_equal(map.piece_count, 1);
  double limit = 1;
  for (; limit < 10; limit += 0.02, above = 0) {
    for (int64_t i = 100; i < 900; i++) {
      int64_t b_ns = world_clock(world, 1, world->span_ns / 1000 * i);
      above += (double)clock_map_uncertainty_ns(&map, b_ns) > limit * (double)half_ns ? 1 : 0;
    }
    if (above <= 80)
      break;
  }
  return limit;
}

/* However strong the jitter, and whatever the asymmetry: nobody can know more than half of the
 * shortest round trip. It is nearly reached where packets are many. */
static void steady_clocks_are_known_to_half_the_round_trip(void **state)
{
  (void)state;
  uint64_t seed = 11;
  struct world_packet *packets = calloc(40000, sizeof(*packets));
  assert_non_null(packets);
  for (unsigned i = 0; i < 40; i++) {
    struct world world = {.seed = random_next(&seed)};
    uint64_t *own = &world.seed;
    world_make_clocks(&world);
    world.tick_ns = 1;
    world.seen_from_ns = 0;
    world.seen_to_ns = world.span_ns = (int64_t)world_scale(own, 20e9, 36e12);
    for (int way = 0; way < 2; way++)
      world.ways[way] = (struct world_way){.floor_ns = (int64_t)world_scale(own, 1e6, 1e8),
                                           .jitter = (enum world_jitter)(i % JITTER_KINDS),
                                           .packets = 20000};
    world.ways[0].jitter_ns = world.ways[1].jitter_ns =
        (world.ways[0].floor_ns + world.ways[1].floor_ns) / 2;
    double limit = uncertainty_in_half_round_trips(&world, packets);
    assert_true(limit < (world.span_ns < HOUR_NS / 2 ? 1.15 : 2.5));
  }
  free(packets);
}

static void a_million_packets_are_kept_in_bounds(void **state)
{
  (void)state;
  struct clock_fit *fit = clock_fit_new();
  struct clock_map map;
  uint64_t seed = 9;
  struct world_way way = {.floor_ns = NS_PER_MS, .jitter_ns = NS_PER_MS, .jitter = JITTER_UNIFORM};
  for (int64_t i = 0; i < 1000000; i++) {
    int64_t a_ns = EPOCH_NS + i * NS_PER_MS, delay_ns = world_delay(&way, &seed, 0);
    int64_t b_ns = a_ns + HOUR_NS + i * 20; /* 20 ppm */
    clock_fit_add(fit, i % 2 == 0 ? CLOCK_A_TO_B : CLOCK_B_TO_A, a_ns,
                  b_ns + (i % 2 == 0 ? delay_ns : -delay_ns));
  }
  clock_fit_solve(fit, &map);
  clock_fit_free(fit);
  assert_int_equal(map.piece_count, 1);
  assert_true(map.pieces[0].skew_known);
  assert_true(map.pieces[0].skew_ppm > 19 && map.pieces[0].skew_ppm < 21);
  assert_near(map.pieces[0].usual_uncertainty_ns, NS_PER_MS, NS_PER_MS / 20);
  for (int64_t i = 1000; i < 999000; i += 1000) {
    int64_t b_ns = EPOCH_NS + i * NS_PER_MS + HOUR_NS + i * 20;
    assert_near(clock_map_to_a(&map, b_ns), EPOCH_NS + i * NS_PER_MS,
                clock_map_uncertainty_ns(&map, b_ns));
  }
}

static int64_t hostile_time(uint64_t *seed)
{
  static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX, 0, -1, INT64_C(1) << 62};
  switch (random_below(seed, 6)) {
  case 0: return edges[random_below(seed, sizeof(edges) / sizeof(edges[0]))];
  case 1: return (int64_t)random_next(seed);
  case 2: return EPOCH_NS + (int64_t)random_below(seed, 1000000000);
  case 3: return (int64_t)random_below(seed, 1000);
  default: return (int64_t)(random_next(seed) >> random_below(seed, 64));
  }
}

static void check_map(const struct clock_map *map, uint64_t *seed)
{
  assert_true(map->piece_count <= CLOCK_PIECES_MAX);
  for (uint32_t i = 0; i < map->piece_count; i++) {
    const struct clock_piece *piece = &map->pieces[i];
    assert_true(piece->zone_first + piece->zone_count <= CLOCK_ZONES_MAX);
    assert_true(piece->skew_ppm > -2 * CLOCK_SKEW_MAX_PPM);
    assert_true(piece->skew_ppm < 2 * CLOCK_SKEW_MAX_PPM);
    assert_true(piece->uncertainty_ns > 0 || piece->uncertainty_ns == TIME_INVALID);
  }
  for (int i = 0; i < 50; i++) {
    int64_t b_ns = hostile_time(seed);
    int64_t uncertainty_ns = clock_map_uncertainty_ns(map, b_ns);
    assert_true(uncertainty_ns >= 0 || uncertainty_ns == TIME_INVALID);
    int64_t a_ns = clock_map_to_a(map, b_ns);
    assert_int_equal(time_is_valid(a_ns), time_is_valid(b_ns));
    if (map->piece_count == 1 && time_is_valid(b_ns) && b_ns < INT64_MAX)
      assert_true(clock_map_to_a(map, b_ns + 1) >= a_ns);
  }
}

static void no_time_is_too_strange(void **state)
{
  (void)state;
  uint64_t seed = 3;
  struct clock_map map;
  for (unsigned round = 0; round < 300; round++) {
    struct clock_fit *fit = clock_fit_new();
    unsigned packets = random_below(&seed, random_once_in(&seed, 20) ? 20000 : 40);
    for (unsigned i = 0; i < packets; i++) {
      int64_t a_ns = hostile_time(&seed);
      int64_t b_ns = random_once_in(&seed, 2) ? a_ns : hostile_time(&seed);
      if (random_once_in(&seed, 3) && a_ns < INT64_MAX / 2)
        b_ns = a_ns + (int64_t)random_below(&seed, 1000000);
      clock_fit_add(fit, random_once_in(&seed, 2) ? CLOCK_A_TO_B : CLOCK_B_TO_A, a_ns, b_ns);
    }
    clock_fit_solve(fit, &map);
    check_map(&map, &seed);
    clock_fit_free(fit);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_seen_is_nothing_known),
      cmocka_unit_test(a_clock_against_itself_is_certain),
      cmocka_unit_test(steady_clocks_are_one_piece),
      cmocka_unit_test(skew_is_found),
      cmocka_unit_test(a_step_ends_a_piece),
      cmocka_unit_test(one_direction_alone_has_no_bound),
      cmocka_unit_test(a_handshake_is_enough_for_a_bound),
      cmocka_unit_test(the_order_of_packets_does_not_matter),
      cmocka_unit_test(a_clock_stepped_back_shows_times_twice),
      cmocka_unit_test(a_mistaken_packet_is_no_step),
      cmocka_unit_test(silence_makes_uncertain),
      cmocka_unit_test(steady_clocks_are_known_to_half_the_round_trip),
      cmocka_unit_test(a_million_packets_are_kept_in_bounds),
      cmocka_unit_test(no_time_is_too_strange),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
