#ifndef ANALYZER_CLOCK_CUT_H
#define ANALYZER_CLOCK_CUT_H

/* Where steps of a clock must have been: the bounds, in order of time, cut into as few runs as
 * possible of which each is satisfied by one line. */

#include "analyzer/clock_lines.h"
#include "analyzer/clock_slots.h"
#include "wire/timestamp.h"

/* Bounds first .. last belong to one piece for certain. Those between one core and the next fit to
 * either, or to the first and the second in turns: the step was somewhere among them. */
struct clock_core {
  size_t first, last;
};

struct clock_bounds {
  struct clock_bound *bounds; /* by time */
  size_t count;               /* > 0 */
};

/* Writes at most all->count cores; returns how many. Takes bounds out that can only be mistakes.
 * *confused_ns: for how long in all bounds from before and from behind a step alternate. */
size_t clock_cut(struct clock_bounds *all, struct clock_core *cores, int64_t *confused_ns);

/* The lines that satisfy bounds first .. last; their origin is the first one. */
void clock_cut_lines(const struct clock_bounds *all, const struct clock_core *core,
                     struct clock_lines *lines);

/* Whether the core has several bounds from either side. */
bool clock_cut_is_solid(const struct clock_bounds *all, const struct clock_core *core);

/* Captures count in microseconds at times, and round: every bound is eased by that much. */
#define CLOCK_EASE_NS INT64_C(1000)

/* A clock that is stepped backwards shows some times twice. */
#define CLOCK_TWICE_MAX_NS (600 * NS_PER_S)

#endif
