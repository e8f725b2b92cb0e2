#ifndef ANALYZER_SURVEY_INTERNAL_H
#define ANALYZER_SURVEY_INTERNAL_H

/* The inside of the survey; nobody else includes this.
 *
 * survey.c        the facade: packets in, pairs and clocks out
 * survey_match.c  which connections of two captures are one: edges
 * survey_fit.c    which end of an edge is upstream; the clocks
 * survey_host.c   ends whose host is the same, and so their clock
 * survey_group.c  edges of several captures become pairs, their points are put in order */

#include "analyzer/pairing.h"
#include "analyzer/survey.h"
#include "wire/timestamp.h"

/* Two sketches of two ends that are, or may be, one connection. */
struct survey_edge {
  struct pairing pairing; /* a, b: indices into the sets of the ends */
  uint8_t end_a, end_b;   /* end_a < end_b */
  uint8_t certainty;      /* enum pair_certainty */
  bool ambiguous;         /* other connections may fit as well: time may tell */
  bool has_rivals;        /* ... nearly as well, or better */
  int16_t order;          /* > 0: a is closer to its side 0, < 0: b is; 0: not known */
  int64_t both_ways_ns;   /* order 0: no way is longer than that; or TIME_INVALID */
  int64_t apart_ns;       /* ambiguous: how far their packets are apart, clocks corrected */
};

struct survey_edges {
  struct survey_edge *at;
  size_t count, capacity;
};

/* More points of one connection pair would not make its clock any better. */
#define SURVEY_POINTS_MAX 4096u

struct survey {
  uint32_t ends;
  struct survey_limits limits;
  struct sketch_budget budget; /* of the sketches */
  uint64_t memory_peak_bytes;
  struct sketch_set sets[ANALYZER_ENDS_MAX];
  uint32_t hosts[ANALYZER_ENDS_MAX]; /* 0: not known */

  /* while solving */
  struct pairing_scratch *scratch;
  struct pairing_point *points; /* SURVEY_POINTS_MAX */
  struct survey_edges edges;
  uint64_t working_bytes;               /* allocated for solving, now */
  uint8_t leaders[ANALYZER_ENDS_MAX];   /* the first end of its host: its clock is fitted for all */
  bool host_doubted[ANALYZER_ENDS_MAX]; /* its clock is not that of another end of its host */

  /* the result */
  struct connection_pair *pairs;
  uint32_t pair_count;
  uint64_t pairs_not_certain;
  struct clock_map clocks[ANALYZER_ENDS_MAX];
  bool clock_known[ANALYZER_ENDS_MAX];
};

/* calloc() and free() that count. */
void *survey_allocate(struct survey *survey, size_t count, size_t size);
void survey_release(struct survey *survey, void *memory, size_t count, size_t size);

static inline struct sketch *survey_sketch(const struct survey *survey, uint32_t end,
                                           uint32_t index)
{
  return sketch_at(&survey->sets[end], index);
}

/* Appends the edges between two ends to survey->edges, at most one for each sketch but the
 * ambiguous ones. Returns 0 or ERROR_MEMORY. */
int survey_match(struct survey *survey, uint8_t end_a, uint8_t end_b);

/* Points of an edge into survey->points; returns how many. */
size_t survey_edge_points(struct survey *survey, const struct survey_edge *edge);

/* Puts the ends of each edge in order, and fits the clocks. Returns 0 or ERROR_MEMORY. */
int survey_fit(struct survey *survey);

/* Finds each end's leader. */
void survey_find_hosts(struct survey *survey);
/* Gives ends without a known clock that of their leader, if it is known. */
void survey_share_clocks(struct survey *survey);

/* Makes survey->pairs of the edges. Returns 0 or ERROR_MEMORY. */
int survey_group(struct survey *survey);

#endif
