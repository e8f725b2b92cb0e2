#ifndef ANALYZER_CLOCK_FIT_H
#define ANALYZER_CLOCK_FIT_H

/* The clocks of two capture points, A and B, fitted to each other by packets that both have seen.
 * docs/clocks.md tells how, and what the uncertainty covers.
 *
 * A packet that travels from A to B is never seen at B before it was at A, and the reverse:
 *
 *     b_ns - a_ns >= offset        (A to B: offset + delay)
 *     b_ns - a_ns <= offset        (B to A: offset - delay)
 *
 * where offset = clock of B - clock of A at that instant. Every packet is such a bound, and that is
 * all that is certain: delays may be asymmetric to any degree. The offset is taken as a straight
 * line (offset and skew) per piece; a piece ends where no line satisfies all bounds any more: one
 * of the clocks was stepped. The bounds that count form a convex hull per direction and piece.
 *
 * Memory is bounded, some 2 MB: the span of time is cut into slots, of each of which the tightest
 * bounds are kept with their exact times; slots are merged as the span grows. */

#include "wire/timestamp.h"

#include <stdbool.h>
#include <stdint.h>

enum clock_direction { CLOCK_A_TO_B, CLOCK_B_TO_A };

#define CLOCK_PIECES_MAX 32u
/* Two clocks of whole machines do not drift apart faster than that (crystals: some tens of ppm; a
 * clock that is being slewed by adjtime: 500 ppm): parts per million. */
#define CLOCK_SKEW_MAX_PPM   600.0
#define CLOCK_SKEW_KNOWN_PPM 50.0 /* half the range that the bounds leave open */

/* A stretch of time with an uncertainty of its own. */
struct clock_zone {
  int64_t to_b_ns; /* its end on B's clock; it begins where the one before ends */
  int64_t uncertainty_ns;
};

#define CLOCK_ZONES_MAX 256u /* of all pieces together */

struct clock_piece {
  int64_t from_ns, to_ns; /* on A's clock: the first and last bound of the piece */
  int64_t offset_ns;      /* clock of B - clock of A, at from_ns */
  double skew_ppm;        /* B's clock gains so much on A's: the line's slope, in any case */
  bool skew_known;        /* the bounds tell it to CLOCK_SKEW_KNOWN_PPM */
  /* |true offset - stated offset| is at most that anywhere in from_ns .. to_ns; TIME_INVALID: no
   * bound, since only one direction was seen (offset_ns is then the bound itself: the clocks as if
   * the fastest packet had taken no time), or since the order of the pieces is doubtful. The
   * largest is mostly that of the edges, where there are few bounds on one side. */
  int64_t uncertainty_ns;
  int64_t usual_uncertainty_ns; /* as uncertainty_ns, but of the better half of the time only */
  /* The step before happened when B's clock read that much less than at from_ns, or later; the step
   * behind when it read that much more than at to_ns, or earlier. */
  int64_t early_ns, late_ns;
  uint32_t zone_first, zone_count; /* into zones, in order; none: uncertainty_ns holds throughout */
};

/* What is known of the two clocks beforehand. */
enum clock_host {
  CLOCK_HOST_UNKNOWN, /* nothing: fitted */
  CLOCK_HOST_SHARED, /* both points are on one host: it is the same clock, and nothing was fitted */
  CLOCK_HOST_DOUBTED /* so it was said, but packets contradict it: fitted */
};

/* Plain data: copy it freely. Pieces are in order of time, that of the clock which was not stepped
 * backwards, and on it they do not overlap. */
struct clock_map {
  uint32_t piece_count; /* 0: nothing is known, clocks are taken as equal */
  struct clock_piece pieces[CLOCK_PIECES_MAX];
  uint32_t steps_left_out; /* steps that did not fit into CLOCK_PIECES_MAX; no piece has a bound
                              then: no clock is stepped that often */
  uint32_t mistakes;       /* bounds left out: what is before and behind them agrees, and not with
                              them; such as packets that were mistaken for each other */
  struct clock_zone zones[CLOCK_ZONES_MAX];
  enum clock_host host;
};

/* The map of a clock onto itself. */
void clock_map_identity(struct clock_map *map);

struct clock_fit; /* opaque */

/* NULL: no memory. */
struct clock_fit *clock_fit_new(void);
void clock_fit_free(struct clock_fit *fit); /* NULL is allowed */

/* One packet seen at a_ns on A's clock and at b_ns on B's. Any order of time. */
void clock_fit_add(struct clock_fit *fit, enum clock_direction direction, int64_t a_ns,
                   int64_t b_ns);

/* What is known so far; may be called again when more was added. Deterministic. */
void clock_fit_solve(const struct clock_fit *fit, struct clock_map *map);

/* A reading of B's clock on A's time scale. Never decreases while b_ns increases within a piece;
 * between pieces, and outside of all, the nearest piece's line goes on. */
int64_t clock_map_to_a(const struct clock_map *map, int64_t b_ns);
/* How far wrong that may be at that reading; TIME_INVALID: no bound. Outside of the pieces it grows
 * by CLOCK_SKEW_MAX_PPM, and the line's own skew, of the distance; close to a step it is as large
 * as the step, as is that of readings which a clock that was stepped backwards has shown twice. */
int64_t clock_map_uncertainty_ns(const struct clock_map *map, int64_t b_ns);

#endif
