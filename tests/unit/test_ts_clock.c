/* The timestamp clock of a side, from nothing but its TSvals and when they were seen. */

#include "analyzer/ts_clock.h"
#include "tests/support/random.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A real clock behind the packets: `hz` ticks a second from `offset` on. */
struct source {
  uint32_t hz, offset;
  int64_t delay_max_ns; /* from the reading of the clock to the capture */
  int64_t now_ns;
  uint64_t frame, seed;
};

static uint32_t shown(const struct source *source, int64_t time_ns)
{
  int64_t ticks = time_ns / NS_PER_S * source->hz + time_ns % NS_PER_S * source->hz / NS_PER_S;
  return source->offset + (uint32_t)ticks;
}

/* Feeds `packets` packets, gap_ns apart on average. */
static void feed(struct ts_clock *clock, struct source *source, unsigned packets, int64_t gap_ns)
{
  for (unsigned i = 0; i < packets; i++) {
    source->now_ns += (int64_t)(random_next(&source->seed) % (uint64_t)(2 * gap_ns));
    int64_t delay_ns = (int64_t)(random_next(&source->seed) % (uint64_t)(source->delay_max_ns + 1));
    ts_clock_see(clock, shown(source, source->now_ns), source->now_ns + delay_ns, ++source->frame);
    source->now_ns += delay_ns;
  }
}

static void only_a_new_highest_value_is_news(void **state)
{
  (void)state;
  struct ts_clock clock = {0};
  assert_true(ts_clock_see(&clock, 1000, 5 * NS_PER_S, 1));
  assert_false(ts_clock_see(&clock, 1000, 6 * NS_PER_S, 2));
  assert_int_equal(clock.last_ns, 5 * NS_PER_S); /* the first sighting counts */
  assert_int_equal(clock.last_frame, 1);
  assert_false(ts_clock_see(&clock, 999, 7 * NS_PER_S, 3));
  assert_true(ts_clock_see(&clock, 1001, 8 * NS_PER_S, 4));
  assert_int_equal(clock.first_val, 1000);
  assert_int_equal(clock.last_val, 1001);
  assert_int_equal(clock.last_frame, 4);
}

static void zero_is_a_value_like_any_other(void **state)
{
  (void)state;
  struct ts_clock clock = {0};
  assert_true(ts_clock_see(&clock, 0, NS_PER_S, 1));
  assert_false(ts_clock_see(&clock, 0, 2 * NS_PER_S, 2));
  assert_true(ts_clock_see(&clock, 1, 3 * NS_PER_S, 3));
}

static void order_holds_across_the_wrap(void **state)
{
  (void)state;
  struct ts_clock clock = {0};
  assert_true(ts_clock_see(&clock, UINT32_MAX - 1, NS_PER_S, 1));
  assert_true(ts_clock_see(&clock, 3, 2 * NS_PER_S, 2));
  assert_false(ts_clock_see(&clock, UINT32_MAX, 3 * NS_PER_S, 3));
  assert_int_equal(clock.last_val, 3);
}

/* RFC 7323, 5.4: at least one tick a second is all that is sure at first. */
static void unknown_rate_gives_the_legal_bound_only(void **state)
{
  (void)state;
  struct ts_clock clock = {0};
  ts_clock_see(&clock, 500, 10 * NS_PER_S, 1);
  assert_int_equal(clock.hz, 0);
  assert_int_equal(ts_clock_tick_ns(&clock), TS_CLOCK_SLOWEST_TICK_NS);
  assert_int_equal(ts_clock_latest_ns(&clock, 500), 11 * NS_PER_S);
  assert_int_equal(ts_clock_latest_ns(&clock, 507), 18 * NS_PER_S);
  assert_int_equal(ts_clock_age_ns(&clock, 500, 12 * NS_PER_S), -1);
}

static void clock_that_was_never_seen_has_no_age(void **state)
{
  (void)state;
  const struct ts_clock clock = {0};
  assert_int_equal(ts_clock_age_ns(&clock, 1, NS_PER_S), -1);
  assert_int_equal(ts_clock_tick_ns(&clock), TS_CLOCK_SLOWEST_TICK_NS);
}

static void rates_in_use_are_recognised(void **state)
{
  (void)state;
  static const uint32_t rates[] = {1, 2, 10, 100, 250, 300, 500, 1000000};
  for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
    for (uint64_t run = 1; run <= 20; run++) {
      struct source source = {.hz = rates[i],
                              .offset = (uint32_t)random_next(&(uint64_t){run}),
                              .delay_max_ns = 3 * NS_PER_MS,
                              .seed = run};
      struct ts_clock clock = {0};
      feed(&clock, &source, 4000, 25 * NS_PER_MS); /* 100 s */
      assert_true(clock.nominal);
      assert_int_equal(clock.hz, rates[i]);
      assert_int_equal(ts_clock_tick_ns(&clock), NS_PER_S / rates[i]);
    }
  }
}

static void of_two_like_rates_the_slower_is_taken(void **state)
{
  (void)state;
  static const uint32_t rates[] = {1000, 1024};
  for (size_t i = 0; i < 2; i++) {
    struct source source = {.hz = rates[i], .delay_max_ns = NS_PER_MS, .seed = i};
    struct ts_clock clock = {0};
    feed(&clock, &source, 1000, 25 * NS_PER_MS);
    assert_true(clock.hz == 1000 || clock.hz == rates[i]);
  }
}

/* Whatever is concluded, and whenever, it must not be a rate that the packets refute: a rate called
 * nominal is within a few per cent of the true one. */
static void early_conclusions_are_never_far_off(void **state)
{
  (void)state;
  static const uint32_t rates[] = {1, 2, 10, 100, 250, 300, 500, 1000, 1000000};
  for (uint64_t run = 1; run <= 300; run++) {
    uint64_t seed = run;
    struct source source = {.hz = rates[random_below(&seed, 9)],
                            .offset = (uint32_t)random_next(&seed),
                            .delay_max_ns = NS_PER_MS,
                            .seed = run};
    struct ts_clock clock = {0};
    for (int i = 0; i < 60; i++) {
      feed(&clock, &source, 1, 1 + (int64_t)random_below(&seed, 1000) * NS_PER_MS);
      if (clock.nominal)
        assert_true(clock.hz * UINT64_C(100) >= source.hz * UINT64_C(95) &&
                    clock.hz * UINT64_C(100) <= source.hz * UINT64_C(105));
    }
  }
}

static void rate_of_no_known_stack_is_a_slope(void **state)
{
  (void)state;
  struct source source = {.hz = 4000, .delay_max_ns = NS_PER_MS, .seed = 1};
  struct ts_clock clock = {0};
  feed(&clock, &source, 1000, 25 * NS_PER_MS);
  assert_false(clock.nominal);
  assert_in_range(clock.hz, 3960, 4040);
}

/* Invariant of the header: by what was seen, value v can have been shown until latest_ns(v), for
 * the value last seen and those to come. The true clock leaves v at (v + 1) / hz. */
static void latest_time_is_a_bound_of_the_true_clock(void **state)
{
  (void)state;
  static const uint32_t rates[] = {1, 10, 100, 250, 1000, 1000000};
  for (uint64_t run = 1; run <= 300; run++) {
    uint64_t seed = run;
    struct source source = {
        .hz = rates[random_below(&seed, 6)], .delay_max_ns = 2 * NS_PER_MS, .seed = run};
    struct ts_clock clock = {0};
    feed(&clock, &source, 1 + random_below(&seed, 100), 40 * NS_PER_MS);
    for (uint32_t ahead = 0; ahead < 5; ahead++) {
      uint32_t value = clock.last_val + ahead;
      int64_t left_ns = ((int64_t)value + 1) * NS_PER_S / source.hz;
      assert_true(ts_clock_latest_ns(&clock, value) >= left_ns);
    }
  }
}

static void age_counts_ticks_and_the_time_since(void **state)
{
  (void)state;
  struct source source = {.hz = 100, .offset = UINT32_MAX - 3000, .seed = 1};
  struct ts_clock clock = {0};
  feed(&clock, &source, 2000, 25 * NS_PER_MS); /* 50 s: past the wrap */
  assert_int_equal(clock.hz, 100);
  assert_true(clock.last_val < clock.first_val);
  assert_int_equal(ts_clock_age_ns(&clock, clock.last_val, clock.last_ns), 0);
  assert_int_equal(ts_clock_age_ns(&clock, clock.last_val - 2624, clock.last_ns),
                   26240 * NS_PER_MS);
  assert_int_equal(ts_clock_age_ns(&clock, clock.last_val - 2624, clock.last_ns + NS_PER_S),
                   27240 * NS_PER_MS);
  /* a value that this clock has not shown yet will be its value later */
  assert_int_equal(ts_clock_age_ns(&clock, clock.last_val + 100, clock.last_ns), -NS_PER_S);
}

/* A microsecond clock goes through all its values in 72 minutes. */
static void long_life_keeps_the_rate(void **state)
{
  (void)state;
  struct source source = {.hz = 1000000, .delay_max_ns = 100 * NS_PER_US, .seed = 7};
  struct ts_clock clock = {0};
  feed(&clock, &source, 2000, 10 * NS_PER_S); /* more than five hours */
  assert_int_equal(clock.hz, 1000000);
  assert_true(clock.last_ns > 4 * 3600 * NS_PER_S);
}

static void short_look_concludes_nothing(void **state)
{
  (void)state;
  struct ts_clock clock = {0};
  ts_clock_see(&clock, 100, 0, 1);
  ts_clock_see(&clock, 101, 9 * NS_PER_MS, 2);
  ts_clock_see(&clock, 102, 19 * NS_PER_MS, 3);
  assert_int_equal(clock.hz, 0);
}

/* One tick in ten seconds could be a 1 Hz clock in a queue or a pause of anything: not a rate. */
static void one_tick_is_no_rate(void **state)
{
  (void)state;
  struct ts_clock clock = {0};
  ts_clock_see(&clock, 100, 0, 1);
  ts_clock_see(&clock, 101, 10 * NS_PER_S, 2);
  assert_int_equal(clock.hz, 0);
}

static void any_values_are_taken_as_time_goes_on(void **state)
{
  (void)state;
  for (uint64_t run = 1; run <= 2000; run++) {
    uint64_t seed = run;
    struct ts_clock clock = {0};
    uint32_t ts_val = (uint32_t)random_next(&seed);
    int64_t time_ns = (int64_t)(random_next(&seed) >> 3);
    for (int i = 0; i < 50; i++) {
      ts_val += random_once_in(&seed, 3) ? random_below(&seed, 1u << 20) : random_below(&seed, 100);
      time_ns += random_once_in(&seed, 10) ? (int64_t)(random_next(&seed) >> 14)
                                           : (int64_t)random_below(&seed, 1u << 30);
      bool newer = ts_clock_see(&clock, ts_val, time_ns, (uint64_t)i + 1);
      assert_true(!newer || clock.last_val == ts_val);
      assert_true(ts_clock_tick_ns(&clock) >= 0);
      assert_true(ts_clock_tick_ns(&clock) <= TS_CLOCK_SLOWEST_TICK_NS);
      (void)ts_clock_latest_ns(&clock, (uint32_t)random_next(&seed));
      (void)ts_clock_age_ns(&clock, (uint32_t)random_next(&seed), time_ns);
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(only_a_new_highest_value_is_news),
      cmocka_unit_test(zero_is_a_value_like_any_other),
      cmocka_unit_test(order_holds_across_the_wrap),
      cmocka_unit_test(unknown_rate_gives_the_legal_bound_only),
      cmocka_unit_test(clock_that_was_never_seen_has_no_age),
      cmocka_unit_test(rates_in_use_are_recognised),
      cmocka_unit_test(of_two_like_rates_the_slower_is_taken),
      cmocka_unit_test(early_conclusions_are_never_far_off),
      cmocka_unit_test(rate_of_no_known_stack_is_a_slope),
      cmocka_unit_test(latest_time_is_a_bound_of_the_true_clock),
      cmocka_unit_test(age_counts_ticks_and_the_time_since),
      cmocka_unit_test(long_life_keeps_the_rate),
      cmocka_unit_test(short_look_concludes_nothing),
      cmocka_unit_test(one_tick_is_no_rate),
      cmocka_unit_test(any_values_are_taken_as_time_goes_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
