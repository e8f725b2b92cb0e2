#ifndef ANALYZER_CLOCK_SLOTS_H
#define ANALYZER_CLOCK_SLOTS_H

/* The tightest bounds on the difference of two clocks, in bounded memory: time is cut into slots of
 * equal width, and each slot that saw a bound keeps the tightest from above and from below with
 * their exact times. When there are too many slots, they are made twice as wide and merge in pairs.
 *
 * Tightest is meant along the drift of the clocks, as far as it is known, not straight across: then
 * a merge loses next to nothing, however wide slots have become. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* gain(x) = what another clock reads more than this one, when this one reads x. */
struct clock_bound {
  int64_t x_ns;
  int64_t gain_ns;
  bool upper; /* gain(x_ns) <= gain_ns, else >= */
};

#define CLOCK_SLOTS 4096u /* in use at once; a power of two */
/* The first and the last bound from either side are kept beside them. */
#define CLOCK_BOUNDS_MAX (2 * CLOCK_SLOTS + 4)

struct clock_slot {
  int64_t number; /* its first x_ns / width, rounded down */
  struct {
    int64_t x_ns; /* TIME_INVALID: none yet */
    int64_t gain_ns;
  } tightest[2]; /* from below, from above */
};

struct clock_slots {
  unsigned shift; /* a slot is 2^shift ns wide */
  uint32_t count, latest;
  double skew;                   /* the gain's change per ns of x that is expected */
  struct clock_bound ends[2][2]; /* [upper]: the first and the last; x_ns is
                                    TIME_INVALID if none */
  struct clock_slot slots[CLOCK_SLOTS];
  uint16_t index[2 * CLOCK_SLOTS]; /* hash of the number to 1 + position in
                                      slots, or 0 */
};

void clock_slots_init(struct clock_slots *slots);

/* false: there is no slot left, nothing was added: widen them. |x_ns| < 2^62, |gain_ns| < 2^63. */
bool clock_slots_add(struct clock_slots *slots, const struct clock_bound *bound);

/* Twice as wide. There is room then, if not at once, and never more to do than some 50 times. */
void clock_slots_widen(struct clock_slots *slots);

/* Writes all to bounds[CLOCK_BOUNDS_MAX], some twice, in no order; returns how many. */
size_t clock_slots_list(const struct clock_slots *slots, struct clock_bound *bounds);

#endif
