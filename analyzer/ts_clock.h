#ifndef ANALYZER_TS_CLOCK_H
#define ANALYZER_TS_CLOCK_H

/* The timestamp clock of one side, as its TSvals show it (RFC 7323, 5.4: 1 ms to 1 s a tick; Linux
 * has 1 us ticks too). Offset and rate are per connection and never assumed: until the rate is
 * known, only the legal bound of one tick a second is used.
 *
 * Invariant: a TSval seen at time t was read from the clock no later than t, so the first sighting
 * of each value bounds the clock from one side. A segment that carries value v was built before the
 * clock went past v. */

#include <stdbool.h>
#include <stdint.h>

/* RFC 7323, 5.4: the slowest legal clock. */
#define TS_CLOCK_SLOWEST_TICK_NS INT64_C(1000000000)

struct ts_clock {
  int64_t first_ns, last_ns; /* first sightings of first_val and last_val */
  uint64_t last_frame;
  uint32_t first_val, last_val; /* last_val is the highest so far */
  uint32_t hz;                  /* est; 0 = not known */
  uint32_t next_estimate_ms;    /* span at which the rate is looked at again */
  bool started, nominal; /* nominal: hz is a rate in use (100, 250, 1000, ...), not just a slope */
};

/* A TSval seen at time_ns in frame. true if it is a new highest value. */
bool ts_clock_see(struct ts_clock *clock, uint32_t ts_val, int64_t time_ns, uint64_t frame);

/* Longest time that one tick can last: measured, or the legal bound. */
int64_t ts_clock_tick_ns(const struct ts_clock *clock);

/* The longest that a tick can last, for proofs: measured with the allowance that the first
 * timestamp was seen a second late, which a delay may make of a short span; the legal bound until
 * then. */
int64_t ts_clock_safe_tick_ns(const struct ts_clock *clock);

/* true if span_ns is so long that the clock may have gone past half its range: its values cannot be
 * compared across it. */
bool ts_clock_is_ambiguous(const struct ts_clock *clock, int64_t span_ns);

/* The latest moment at which the clock can have shown `value`, going by the last sighting. */
int64_t ts_clock_latest_ns(const struct ts_clock *clock, uint32_t value);

/* How old `value` is at time_ns by this clock, in ns; -1 if the rate is not known. */
int64_t ts_clock_age_ns(const struct ts_clock *clock, uint32_t value, int64_t time_ns);

#endif
