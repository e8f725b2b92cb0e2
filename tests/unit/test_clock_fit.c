/* Two clocks fitted by packets that both have seen: offset, skew and steps in plain cases. The
 * random ones, with known truth, are in test_clock_fit_random.c. */

#include "analyzer/clock_fit.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUR_NS  (3600 * NS_PER_S)
#define EPOCH_NS (INT64_C(1790000000) * NS_PER_S)

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

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_seen_is_nothing_known),
      cmocka_unit_test(a_clock_against_itself_is_certain),
      cmocka_unit_test(steady_clocks_are_one_piece),
      cmocka_unit_test(skew_is_found),
      cmocka_unit_test(a_step_ends_a_piece),
      cmocka_unit_test(one_direction_alone_has_no_bound),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
