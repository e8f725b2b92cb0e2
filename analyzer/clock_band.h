#ifndef ANALYZER_CLOCK_BAND_H
#define ANALYZER_CLOCK_BAND_H

/* How far the true gain of a clock may be from the line that stands for it, instant by instant.
 *
 * That one line satisfies all bounds of a stretch does not prove that the clock followed one: a
 * step that is smaller than the room between the bounds from above and those from below goes
 * unseen, and bounds from one side of it say nothing about the other. So at every instant two
 * suppositions are made, and what either leaves open is uncertain: that the clock ran evenly for
 * some time before it, or for some time behind it. One of them is true unless two unseen steps are
 * close to each other, or to a seen one. */

#include "analyzer/clock_fit.h"
#include "analyzer/clock_lines.h"
#include "analyzer/clock_slots.h"

/* The times before and behind an instant that are looked at: between one and two of these, and of
 * these bounds of each direction. So no two unseen steps may be closer than four. */
#define CLOCK_EVEN_NS     (75 * NS_PER_S)
#define CLOCK_EVEN_BOUNDS 2u

/* Bounds between two steps, or between a step and an end of the capture. */
struct clock_stretch {
  const struct clock_bound *bounds; /* by time */
  size_t count;                     /* > 0 */
  bool step_before, step_behind;
  int64_t before_x_ns, behind_x_ns; /* the step was behind the one, before the other */
  const struct clock_lines *lines;  /* those that satisfy all */
  struct clock_line line;           /* the one that stands for them */
};

/* What the suppositions leave open between two bounds: of the line's difference to the true gain,
 * at the earlier [0] and the later [1]. In between it is less than at one of them, since a largest
 * of lines is convex. */
struct clock_band {
  double high_ns[2], low_ns[2];
  int64_t until_ns, since_ns; /* they rest on bounds before the one, or behind the other */
};

/* Writes zones[0 .. count]: zones[i] ends at bounds[i], the last one at behind_x_ns; zones[0]
 * begins at before_x_ns. bands: room for count + 1. */
void clock_band_measure(const struct clock_stretch *stretch, struct clock_band *bands,
                        struct clock_zone *zones);

#endif
