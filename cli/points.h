#ifndef CLI_POINTS_H
#define CLI_POINTS_H

/* The capture points that the named traces hold: each trace one, or each excerpt of a text, or
 * interfaces of one file that saw the same connections. Ends are numbered in the order of the
 * command line: 0 = "A". */

#include "analyzer/analyzer.h"
#include "analyzer/survey.h"
#include "cli/lanes.h"
#include "cli/source.h"

#include <stdbool.h>
#include <stdint.h>

/* Interfaces of one file that are told apart; later ones belong to the last of these. */
#define POINT_INTERFACES_MAX 64u

struct point {
  struct source *source;
  uint32_t source_index;
  uint32_t excerpt;   /* 0-based */
  uint32_t interface; /* the first one that belongs to it */
};

struct points {
  uint32_t count; /* of ends */
  struct point points[ANALYZER_ENDS_MAX];
  bool left_out;   /* excerpts or traces beyond ANALYZER_ENDS_MAX */
  bool interfaces; /* some points are interfaces of one file */
  /* by source: the ends of its interfaces */
  uint8_t ends[ANALYZER_ENDS_MAX][POINT_INTERFACES_MAX];
  struct lane_ends lanes[ANALYZER_ENDS_MAX];
};

/* At most one point for each trace and excerpt. *points must not move afterwards. */
void points_whole(struct points *points, struct source *sources, uint32_t count);

/* As many as there may be: each interface that is described ahead of the packets is one. */
void points_split(struct points *points, struct source *sources, uint32_t count);

/* Joins the interfaces of a file again that have no connection in common with another one of it.
 * survey: solved, made with *points. Returns false if nothing changed. */
bool points_regroup(struct points *points, struct source *sources, uint32_t count,
                    const struct survey *survey);

/* One reading of everything: a lane for each source, or each excerpt of a text. Fills the inputs
 * but their traces; `end` is the first one that a lane delivers to. Returns the number of lanes. */
uint32_t points_lanes(const struct points *points, struct lane_input inputs[ANALYZER_ENDS_MAX]);

#endif
