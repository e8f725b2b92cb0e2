#ifndef ANALYZER_CLOCK_LINES_H
#define ANALYZER_CLOCK_LINES_H

/* All straight lines y = offset + skew * x, |skew| <= a limit, that pass below some bounds and
 * above others: what bounds on an offset leave open about it.
 *
 * In the plane of (offset, skew) every bound is a half-plane, and what satisfies all is a convex
 * polygon, kept as its corners. Its corners are the lines that touch the convex hulls of the bounds
 * in two places, so this is the convex-hull method seen from its dual side; bounds may come in any
 * order, and the lines' largest and smallest value at any x is at a corner. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A polygon with more corners takes no further bounds: it then leaves open more than it could. */
#define CLOCK_CORNERS_MAX 64u

struct clock_line {
  double offset_ns; /* at x_origin_ns, less reference_ns */
  double skew;      /* ns per ns */
};

struct clock_lines {
  int64_t x_origin_ns, reference_ns;
  double radius_ns, skew_max;
  uint32_t count;    /* 0: no line satisfies the bounds */
  bool above, below; /* there was a bound from above, from below */
  struct clock_line corners[CLOCK_CORNERS_MAX];
};

/* All lines of |skew| <= skew_max and |y - reference_ns| <= radius_ns at x_origin_ns. */
void clock_lines_init(struct clock_lines *lines, int64_t x_origin_ns, int64_t reference_ns,
                      double radius_ns, double skew_max);

/* Keeps only those at or below (upper), or at or above, y_ns at x_ns. y_ns eased by ease_ns. false:
 * none is left, lines->count is 0. */
bool clock_lines_bound(struct clock_lines *lines, bool upper, int64_t x_ns, int64_t y_ns,
                       int64_t ease_ns);

/* Whether any would be left; changes nothing. count > 0. */
bool clock_lines_allow(const struct clock_lines *lines, bool upper, int64_t x_ns, int64_t y_ns,
                       int64_t ease_ns);

/* Extremes of y - reference_ns at x_ns; of the skew. count > 0. */
double clock_lines_max(const struct clock_lines *lines, int64_t x_ns);
double clock_lines_min(const struct clock_lines *lines, int64_t x_ns);
double clock_lines_skew_max(const struct clock_lines *lines);
double clock_lines_skew_min(const struct clock_lines *lines);

/* y - reference_ns of one line at x_ns. */
double clock_line_at(const struct clock_lines *lines, const struct clock_line *line, int64_t x_ns);

/* The polygon's centre of mass: far from every bound. count > 0. */
struct clock_line clock_lines_centre(const struct clock_lines *lines);

#endif
