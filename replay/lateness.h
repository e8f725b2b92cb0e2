#ifndef REPLAY_LATENESS_H
#define REPLAY_LATENESS_H

/* How late things happened: counts in steps of at most 1/16 of the value, so that percentiles of
 * any number of them take a few kilobytes. */

#include <stdint.h>

#define LATENESS_STEPS 16
#define LATENESS_SLOTS (64 * LATENESS_STEPS)

struct lateness {
  uint64_t count, sum_ns;
  int64_t max_ns;
  uint64_t slots[LATENESS_SLOTS];
};

void lateness_add(struct lateness *lateness, int64_t late_ns); /* negative counts as 0 */

/* The value that `share` (0 .. 1) of them do not exceed, rounded up to a step; 0 if there are
 * none. */
int64_t lateness_percentile_ns(const struct lateness *lateness, double share);

#endif
