#ifndef ANALYZER_CLOCK_SOLVE_H
#define ANALYZER_CLOCK_SOLVE_H

/* From bounds on the difference of two clocks to pieces of straight lines, with what remains
 * uncertain. docs/clocks.md tells the method and its limits.
 *
 * The unknown is gain(b) = clock of A - clock of B when B's clock reads b. Taken over B's clock,
 * since that is how the map is asked, every packet bounds it at an instant that is known exactly:
 * seen at A first, its a - b is at most the gain; seen at B first, at least. */

#include "analyzer/clock_fit.h"

#include <stddef.h>

struct clock_bound {
  int64_t b_ns;
  int64_t gain_ns; /* a - b */
  bool upper;      /* gain(b) <= gain_ns, else >= */
};

/* Captures count in microseconds at times, and round: every bound is eased by that much. */
#define CLOCK_EASE_NS INT64_C(1000)

struct clock_workspace; /* opaque: memory for clock_solve(), several uses one after another */

/* For up to bounds_max bounds. NULL: no memory. */
struct clock_workspace *clock_workspace_new(size_t bounds_max);
void clock_workspace_free(struct clock_workspace *workspace); /* NULL is allowed */
/* Where the bounds go that clock_solve() shall look at. */
struct clock_bound *clock_workspace_bounds(struct clock_workspace *workspace);

/* Sorts the first `count` bounds and fills in *map. |b_ns| <= CLOCK_TIME_MAX_NS. */
void clock_solve(struct clock_workspace *workspace, size_t count, struct clock_map *map);

/* Times beyond are taken as this: a difference of two fits into int64_t. */
#define CLOCK_TIME_MAX_NS ((INT64_C(1) << 62) - 1)

#endif
