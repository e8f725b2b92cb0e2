/* Round-trip time and retransmission timeout: RFC 6298, and where Linux differs. */

#include "analyzer/rtt.h"
#include "tests/support/random.h"
#include "wire/timestamp.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void before_the_first_sample_rto_is_a_second(void **state)
{
  (void)state;
  const struct rtt rtt = {0};
  assert_int_equal(rtt_rto_ns(&rtt), RTO_INITIAL_NS); /* RFC 6298 (2.1) */
  assert_int_equal(rtt_rto_bound_ns(&rtt), RTO_MIN_RFC_NS);
}

static void first_sample_sets_srtt_and_half_of_it_as_variance(void **state)
{
  (void)state;
  struct rtt rtt = {0};
  rtt_sample(&rtt, 120 * NS_PER_MS); /* (2.2) */
  assert_int_equal(rtt.srtt_ns, 120 * NS_PER_MS);
  assert_int_equal(rtt.rttvar_ns, 60 * NS_PER_MS);
  assert_int_equal(rtt.min_ns, 120 * NS_PER_MS);
  assert_int_equal(rtt.max_ns, 120 * NS_PER_MS);
  assert_int_equal(rtt.samples, 1);
  assert_int_equal(rtt_rto_ns(&rtt), (120 + 4 * 60) * NS_PER_MS);
}

static void second_sample_is_smoothed_as_the_rfc_says(void **state)
{
  (void)state;
  struct rtt rtt = {0};
  rtt_sample(&rtt, 100 * NS_PER_MS);
  rtt_sample(&rtt, 200 * NS_PER_MS);
  /* (2.3): RTTVAR = 3/4 * 50 + 1/4 * |100 - 200|, with the old SRTT; SRTT = 7/8 * 100 + 1/8 * 200
   */
  assert_int_equal(rtt.rttvar_ns, 62500 * NS_PER_US);
  assert_int_equal(rtt.srtt_ns, 112500 * NS_PER_US);
  assert_int_equal(rtt_rto_ns(&rtt), (112500 + 4 * 62500) * NS_PER_US);
}

static void steady_path_ends_at_linux_lower_limit(void **state)
{
  (void)state;
  struct rtt rtt = {0};
  for (int i = 0; i < 200; i++)
    rtt_sample(&rtt, 10 * NS_PER_MS);
  assert_int_equal(rtt.srtt_ns, 10 * NS_PER_MS);
  assert_int_equal(rtt_rto_ns(&rtt), 10 * NS_PER_MS + RTO_MIN_LINUX_NS);
  assert_int_equal(rtt_rto_bound_ns(&rtt), RTO_MIN_RFC_NS);
}

static void long_path_raises_the_bound_above_a_second(void **state)
{
  (void)state;
  struct rtt rtt = {0};
  rtt_sample(&rtt, 800 * NS_PER_MS);
  assert_int_equal(rtt_rto_ns(&rtt), 2400 * NS_PER_MS);
  assert_int_equal(rtt_rto_bound_ns(&rtt), 2400 * NS_PER_MS);
}

static void zero_is_a_sample(void **state)
{
  (void)state;
  struct rtt rtt = {0};
  rtt_sample(&rtt, 0); /* both packets in one tick of a coarse capture clock */
  assert_int_equal(rtt.samples, 1);
  assert_int_equal(rtt_rto_ns(&rtt), RTO_MIN_LINUX_NS);
}

static void what_cannot_be_a_round_trip_changes_nothing(void **state)
{
  (void)state;
  static const int64_t no_samples[] = {-1, -NS_PER_S, INT64_MIN, RTT_MAX_NS + 1, INT64_MAX};
  struct rtt rtt = {0};
  for (size_t i = 0; i < sizeof no_samples / sizeof no_samples[0]; i++)
    rtt_sample(&rtt, no_samples[i]);
  assert_int_equal(rtt.samples, 0);
  rtt_sample(&rtt, 50 * NS_PER_MS);
  const struct rtt before = rtt;
  for (size_t i = 0; i < sizeof no_samples / sizeof no_samples[0]; i++)
    rtt_sample(&rtt, no_samples[i]);
  assert_memory_equal(&rtt, &before, sizeof rtt);
}

static void sample_count_does_not_wrap(void **state)
{
  (void)state;
  struct rtt rtt = {0};
  rtt_sample(&rtt, NS_PER_MS);
  rtt.samples = UINT32_MAX;
  rtt_sample(&rtt, NS_PER_MS);
  assert_int_equal(rtt.samples, UINT32_MAX);
}

static int64_t random_sample(uint64_t *seed)
{
  static const uint32_t scales_us[] = {10, 1000, 200000, 60000000};
  return (int64_t)random_below(seed, scales_us[random_below(seed, 4)]) * NS_PER_US;
}

/* The same in floating point: each integer division may lose a nanosecond, and what is lost decays
 * by 1/4 and 1/8 a step. */
static void follows_the_formulas_for_any_samples(void **state)
{
  (void)state;
  for (uint64_t run = 1; run <= 200; run++) {
    uint64_t seed = run;
    struct rtt rtt = {0};
    double srtt = 0, rttvar = 0;
    int64_t min_ns = INT64_MAX, max_ns = 0;
    for (uint32_t i = 1; i <= 300; i++) {
      int64_t sample_ns = random_sample(&seed);
      rttvar =
          i == 1 ? (double)sample_ns / 2 : 0.75 * rttvar + 0.25 * fabs(srtt - (double)sample_ns);
      srtt = i == 1 ? (double)sample_ns : 0.875 * srtt + 0.125 * (double)sample_ns;
      min_ns = sample_ns < min_ns ? sample_ns : min_ns;
      max_ns = sample_ns > max_ns ? sample_ns : max_ns;
      rtt_sample(&rtt, sample_ns);
      assert_true(fabs((double)rtt.srtt_ns - srtt) < 10);
      assert_true(fabs((double)rtt.rttvar_ns - rttvar) < 20);
      assert_int_equal(rtt.samples, i);
      assert_int_equal(rtt.min_ns, min_ns);
      assert_int_equal(rtt.max_ns, max_ns);
      assert_true(rtt.srtt_ns >= min_ns && rtt.srtt_ns <= max_ns);
      assert_true(rtt_rto_ns(&rtt) >= rtt.srtt_ns + RTO_MIN_LINUX_NS);
      assert_true(rtt_rto_ns(&rtt) >= rtt.srtt_ns + 4 * rtt.rttvar_ns);
      assert_true(rtt_rto_bound_ns(&rtt) >= rtt_rto_ns(&rtt));
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(before_the_first_sample_rto_is_a_second),
      cmocka_unit_test(first_sample_sets_srtt_and_half_of_it_as_variance),
      cmocka_unit_test(second_sample_is_smoothed_as_the_rfc_says),
      cmocka_unit_test(steady_path_ends_at_linux_lower_limit),
      cmocka_unit_test(long_path_raises_the_bound_above_a_second),
      cmocka_unit_test(zero_is_a_sample),
      cmocka_unit_test(what_cannot_be_a_round_trip_changes_nothing),
      cmocka_unit_test(sample_count_does_not_wrap),
      cmocka_unit_test(follows_the_formulas_for_any_samples),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
