#ifndef ANALYZER_CLOCK_SOLVE_H
#define ANALYZER_CLOCK_SOLVE_H

/* From bounds on the difference of two clocks to pieces of straight lines, with what remains
 * uncertain. docs/clocks.md tells the method and its limits.
 *
 * It is done over the time of either clock, and the better result is taken: over the time of a
 * clock that was stepped backwards, bounds from before and from behind the step come in a confused
 * order; over the other's time they do not. */

#include "analyzer/clock_fit.h"
#include "analyzer/clock_slots.h"

enum clock_axis { CLOCK_AXIS_A, CLOCK_AXIS_B, CLOCK_AXES };

struct clock_workspace; /* opaque: memory for clock_solve(), several uses one
                           after another */

/* NULL: no memory. */
struct clock_workspace *clock_workspace_new(void);
void clock_workspace_free(struct clock_workspace *workspace); /* NULL is allowed */

/* Room for CLOCK_BOUNDS_MAX bounds over the time of one clock. */
struct clock_bound *clock_workspace_bounds(struct clock_workspace *workspace, enum clock_axis axis);
void clock_workspace_set_count(struct clock_workspace *workspace, enum clock_axis axis,
                               size_t count);

/* The skew of the longest piece over the time of one clock: what the other gains per ns; 0 if it is
 * not known. Sorts the bounds of that clock. */
double clock_solve_skew(struct clock_workspace *workspace, enum clock_axis axis);

/* Sorts the bounds and fills in *map. */
void clock_solve(struct clock_workspace *workspace, struct clock_map *map);

#endif
