#include "analyzer/ts_clock.h"

#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stddef.h>

/* Below this span the first sightings are too coarse to tell rates apart. */
#define RATE_MIN_SPAN_NS (20 * NS_PER_MS)
/* A microsecond clock shows its rate sooner: so many ticks in so short a time are no other's. */
#define MANY_TICKS            500
#define RATE_MIN_SPAN_FAST_NS (2 * NS_PER_MS)
/* From here on a rate is looked at again each time that the span has doubled, until it is settled.
 */
#define RATE_SETTLED_NS (60 * NS_PER_S)
/* By so much the first timestamp may have been late (a SYN behind a queue or a retransmission timer
 * of 1 s). */
#define LATE_START_NS NS_PER_S
/* Linux's microsecond clock: the fastest in use. */
#define FASTEST_HZ      1e6
#define FASTEST_TICK_NS NS_PER_US
/* Rates that stacks use: RFC 7323's limits, Windows 10 and 100, Linux 100 to 1000 and 1 us, BSD 100
 * to 1000. */
static const uint32_t nominal_hz[] = {1, 2, 10, 100, 250, 300, 500, 1000, 1024, 1000000};

/* A slope is trusted without a nominal rate once the span covers this many ticks. */
#define SLOPE_MIN_TICKS 50

/* Between the first sightings of first_val and last_val lie more than ticks - 1 and less than ticks
 * + 1 periods, plus delay jitter, which the span has to outgrow. The nominal rate inside is taken
 * if there is but one. */
static void estimate_rate(struct ts_clock *clock)
{
  int64_t span_ns = clock->last_ns - clock->first_ns;
  double ticks = (double)(clock->last_val - clock->first_val);
  bool many_ticks = ticks >= MANY_TICKS && span_ns >= RATE_MIN_SPAN_FAST_NS;
  if ((span_ns < RATE_MIN_SPAN_NS && !many_ticks) || ticks < 2)
    return;
  double span_s = time_to_s(span_ns);
  double jitter_s = span_s < 1 ? span_s * 0.05 : 0.05;
  double low = (ticks - 1) / (span_s + jitter_s), high = (ticks + 1) / (span_s - jitter_s);
  uint32_t found = 0;
  bool ambiguous = false;
  for (size_t i = 0; i < sizeof nominal_hz / sizeof nominal_hz[0]; i++) {
    if (nominal_hz[i] >= low && nominal_hz[i] <= high) {
      /* 1000 and 1024 are as good as one: the slower one is the safer bound. */
      ambiguous = found != 0 && nominal_hz[i] - found > found / 20;
      found = found != 0 ? found : nominal_hz[i];
    }
  }
  clock->nominal = found != 0 && !ambiguous;
  if (clock->nominal)
    clock->hz = found;
  else if (ticks >= SLOPE_MIN_TICKS && ticks / span_s <= FASTEST_HZ)
    clock->hz = (uint32_t)(ticks / span_s + 0.5);
  else
    clock->hz = 0;
}

bool ts_clock_see(struct ts_clock *clock, uint32_t ts_val, int64_t time_ns, uint64_t frame)
{
  if (!clock->started) {
    clock->started = true;
    clock->first_val = clock->last_val = ts_val;
    clock->first_ns = clock->last_ns = time_ns;
    clock->last_frame = frame;
    return true;
  }
  if (ts_clock_is_ambiguous(clock, time_ns - clock->last_ns))
    *clock = (struct ts_clock){.started = true,
                               .first_val = ts_val,
                               .last_val = ts_val - 1,
                               .first_ns = time_ns,
                               .last_ns = time_ns,
                               .hz = clock->hz,
                               .nominal = clock->nominal};
  if (!seq_gt(ts_val, clock->last_val))
    return false;
  /* No clock gets so far in the time: the value before was not of this clock (a SYN with 0, a stack
   * that sets it anew). */
  if ((double)(ts_val - clock->last_val) >
      2 * FASTEST_HZ * (time_to_s(time_ns - clock->last_ns) + 1))
    *clock = (struct ts_clock){.started = true,
                               .first_val = ts_val,
                               .last_val = ts_val - 1,
                               .first_ns = time_ns,
                               .last_ns = time_ns};
  /* Past half the number range the span would turn negative: begin anew. */
  if (ts_val - clock->first_val > UINT32_MAX / 2) {
    clock->first_val = clock->last_val;
    clock->first_ns = clock->last_ns;
  }
  clock->last_val = ts_val;
  clock->last_ns = time_ns;
  clock->last_frame = frame;
  int64_t span_ns = clock->last_ns - clock->first_ns;
  if (span_ns >= clock->next_estimate_ms * NS_PER_MS && span_ns <= RATE_SETTLED_NS) {
    estimate_rate(clock);
    clock->next_estimate_ms = clock->hz != 0 ? (uint32_t)(2 * span_ns / NS_PER_MS) : 0;
  }
  return true;
}

int64_t ts_clock_tick_ns(const struct ts_clock *clock)
{
  if (clock->hz == 0)
    return TS_CLOCK_SLOWEST_TICK_NS;
  return NS_PER_S / clock->hz;
}

int64_t ts_clock_safe_tick_ns(const struct ts_clock *clock)
{
  double ticks = (double)(clock->last_val - clock->first_val);
  if (!clock->started || ticks < 2)
    return TS_CLOCK_SLOWEST_TICK_NS;
  int64_t span_ns = clock->last_ns > clock->first_ns ? clock->last_ns - clock->first_ns : 0;
  double tick_ns = (double)(span_ns + LATE_START_NS) / (ticks - 1);
  if (tick_ns < (double)FASTEST_TICK_NS)
    return FASTEST_TICK_NS;
  return tick_ns < (double)TS_CLOCK_SLOWEST_TICK_NS ? (int64_t)tick_ns + 1
                                                    : TS_CLOCK_SLOWEST_TICK_NS;
}

bool ts_clock_is_ambiguous(const struct ts_clock *clock, int64_t span_ns)
{
  double hz = clock->hz != 0 ? clock->hz : FASTEST_HZ;
  return time_to_s(span_ns) * hz >= (double)(INT32_MAX / 2);
}

int64_t ts_clock_latest_ns(const struct ts_clock *clock, uint32_t value)
{
  int64_t ticks = (int64_t)seq_diff(value, clock->last_val) + 1;
  if (ticks <= 0)
    return clock
        ->last_ns; /* shown before last_val was: how long before, a bound on the tick cannot tell */
  return clock->last_ns + ticks * ts_clock_safe_tick_ns(clock);
}

int64_t ts_clock_age_ns(const struct ts_clock *clock, uint32_t value, int64_t time_ns)
{
  if (clock->hz == 0 || !clock->started)
    return -1;
  int64_t ticks = seq_diff(clock->last_val, value);
  return ticks * NS_PER_S / clock->hz + (time_ns - clock->last_ns);
}
