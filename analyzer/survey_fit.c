#include "analyzer/survey_internal.h"

#include <stdlib.h>
#include <string.h>

/* Delays of one connection pair, and which end is upstream: what the clocks are fitted from. */

/* A bound that loose is none. */
#define SLACK_MAX_NS (INT64_C(3600) * NS_PER_S)
/* Two points without an order are taken for one if packets seem to take no longer both ways. */
#define SAME_POINT_NS (10 * NS_PER_MS)

static void order_edges(struct survey *survey)
{
  for (size_t i = 0; i < survey->edges.count; i++) {
    struct survey_edge *edge = &survey->edges.at[i];
    size_t count = survey_edge_points(survey, edge);
    edge->order = (int16_t)pairing_order_by_delays(survey->points, count);
    if (edge->order == 0)
      edge->order = (int16_t)pairing_order_by_ttl(&edge->pairing);
    edge->both_ways_ns = pairing_both_ways_ns(survey->points, count);
  }
}

/* One packet seen at a reference point, on end 0's scale, and at the end whose clock is wanted. */
struct bound {
  int64_t reference_ns, end_ns;
  int64_t slack_ns; /* how far wrong the two may be together */
};

/* A wider bound is true as well: earlier where it left, later where it arrived. */
static void feed_bound(struct clock_fit *fit, const struct bound *bound, bool from_reference)
{
  if (from_reference)
    clock_fit_add(fit, CLOCK_A_TO_B, bound->reference_ns - bound->slack_ns, bound->end_ns);
  else
    clock_fit_add(fit, CLOCK_B_TO_A, bound->reference_ns + bound->slack_ns, bound->end_ns);
}

static void feed_point(struct clock_fit *fit, const struct survey_edge *edge,
                       const struct pairing_point *point, bool a_is_reference, struct bound *bound)
{
  if (edge->order == 0) { /* as good as the same point: seen at both at the same time, nearly */
    bound->slack_ns += edge->both_ways_ns;
    feed_bound(fit, bound, true);
    feed_bound(fit, bound, false);
    return;
  }
  bool a_first = (edge->order > 0) == (point->side == 0);
  if (a_first ? point->a_may_start : point->b_may_start)
    feed_bound(fit, bound, a_first == a_is_reference);
}

static void feed_edge(struct survey *survey, const struct survey_edge *edge, bool a_is_reference,
                      struct clock_fit *fit)
{
  uint8_t reference = a_is_reference ? edge->end_a : edge->end_b;
  const struct clock_map *map = &survey->clocks[reference];
  size_t count = survey_edge_points(survey, edge);
  for (size_t i = 0; i < count; i++) {
    const struct pairing_point *point = &survey->points[i];
    struct bound bound = {.reference_ns = a_is_reference ? point->a_ns : point->b_ns,
                          .end_ns = a_is_reference ? point->b_ns : point->a_ns};
    if (reference != 0) {
      bound.slack_ns = clock_map_uncertainty_ns(map, bound.reference_ns);
      bound.reference_ns = clock_map_to_a(map, bound.reference_ns);
      if (!time_is_valid(bound.slack_ns) || bound.slack_ns > SLACK_MAX_NS)
        continue;
    }
    feed_point(fit, edge, point, a_is_reference, &bound);
  }
}

/* Seen at both points in both directions. An attempt that nobody answers (a scanner may use its
 * numbers again) is good enough for a clock only where there is nothing better. */
static bool is_solid(const struct survey_edge *edge)
{
  return edge->pairing.matched[0] > 0 && edge->pairing.matched[1] > 0;
}

/* Feeds the pairs of ends with a known clock and ends without one. Returns 0 or ERROR_MEMORY. */
static int feed_edges(struct survey *survey, struct clock_fit *fits[], bool solid)
{
  for (size_t i = 0; i < survey->edges.count; i++) {
    const struct survey_edge *edge = &survey->edges.at[i];
    bool a_known = survey->clock_known[edge->end_a], b_known = survey->clock_known[edge->end_b];
    if (edge->certainty != PAIR_CERTAIN || a_known == b_known || is_solid(edge) != solid)
      continue;
    if (edge->order == 0 &&
        (!time_is_valid(edge->both_ways_ns) || edge->both_ways_ns > SAME_POINT_NS))
      continue;
    uint8_t end = survey->leaders[a_known ? edge->end_b : edge->end_a];
    if (fits[end] == NULL && (fits[end] = clock_fit_new()) == NULL)
      return ERROR_MEMORY;
    feed_edge(survey, edge, a_known, fits[end]);
  }
  return 0;
}

/* Fits every end that shares certain pairs with an end whose clock is known. Returns how many, or
 * ERROR_MEMORY. */
static int fit_next(struct survey *survey, bool solid)
{
  struct clock_fit *fits[ANALYZER_ENDS_MAX] = {NULL};
  int fitted = feed_edges(survey, fits, solid);
  for (uint32_t end = 0; end < survey->ends; end++) {
    if (fits[end] == NULL)
      continue;
    if (fitted >= 0) {
      clock_fit_solve(fits[end], &survey->clocks[end]);
      survey->clock_known[end] = true;
      fitted++;
    }
    clock_fit_free(fits[end]);
  }
  return fitted;
}

static int fit_all(struct survey *survey)
{
  int fitted;
  survey->clock_known[0] = true;
  survey_find_hosts(survey);
  do {
    survey_share_clocks(survey);
    fitted = fit_next(survey, true);
    if (fitted == 0)
      fitted = fit_next(survey, false);
  } while (fitted > 0);
  for (uint32_t end = 0; end < survey->ends; end++)
    if (survey->host_doubted[end] && survey->leaders[end] == end)
      survey->clocks[end].host = CLOCK_HOST_DOUBTED;
  return fitted;
}

/* --- what the clocks tell --- */

/* A time of `end` on the scale of end 0, and adds to *off_ns how far wrong that may be. False: that
 * is not known. */
static bool corrected(const struct survey *survey, uint8_t end, int64_t *time_ns, int64_t *off_ns)
{
  if (end == 0)
    return true;
  const struct clock_map *map = &survey->clocks[end];
  int64_t uncertainty_ns = clock_map_uncertainty_ns(map, *time_ns);
  if (map->piece_count == 0 || !time_is_valid(uncertainty_ns) ||
      uncertainty_ns > SKETCH_TIME_MAX_NS / 2)
    return false;
  *off_ns += uncertainty_ns;
  *time_ns = clock_map_to_a(map, *time_ns);
  return true;
}

/* From a to b; negative where it was seen at b first. */
static bool delay_of(const struct survey *survey, const struct survey_edge *edge,
                     const struct pairing_point *point, int64_t *delay_ns, int64_t *off_ns)
{
  int64_t a_ns = point->a_ns, b_ns = point->b_ns;
  *off_ns = 0;
  if (!corrected(survey, edge->end_a, &a_ns, off_ns) ||
      !corrected(survey, edge->end_b, &b_ns, off_ns))
    return false;
  return !__builtin_sub_overflow(b_ns, a_ns, delay_ns);
}

/* The order of those edges that could not tell it by themselves (one direction only). */
static void order_by_clock(struct survey *survey, struct survey_edge *edge)
{
  size_t count = survey_edge_points(survey, edge);
  uint64_t a_first = 0, b_first = 0;
  for (size_t i = 0; i < count; i++) {
    const struct pairing_point *point = &survey->points[i];
    int64_t delay_ns, off_ns;
    if (!delay_of(survey, edge, point, &delay_ns, &off_ns))
      continue;
    if (point->side == 1)
      delay_ns = -delay_ns;
    a_first += delay_ns > off_ns;
    b_first += delay_ns < -off_ns;
  }
  if (a_first > 4 * b_first)
    edge->order = 1;
  else if (b_first > 4 * a_first)
    edge->order = -1;
}

/* A packet is not longer than that on its way. */
#define APART_MAX_NS (10 * NS_PER_S)
/* Nor so long on any, whatever holds it: what is further apart is something else. */
#define APART_NEVER_NS (120 * NS_PER_S)
/* The next best connection must be that much further apart. */
#define APART_RATIO 4

static void measure_apart(struct survey *survey, struct survey_edge *edge)
{
  size_t count = survey_edge_points(survey, edge);
  edge->apart_ns = INT64_MAX;
  for (size_t i = 0; i < count; i++) {
    int64_t delay_ns, off_ns;
    if (!delay_of(survey, edge, &survey->points[i], &delay_ns, &off_ns))
      continue;
    int64_t apart_ns = (delay_ns < 0 ? -delay_ns : delay_ns) + off_ns;
    if (apart_ns >= 0 && apart_ns < edge->apart_ns)
      edge->apart_ns = apart_ns;
  }
}

static bool are_rivals(const struct survey_edge *left, const struct survey_edge *right)
{
  return left->end_a == right->end_a && left->end_b == right->end_b &&
         (left->pairing.a == right->pairing.a || left->pairing.b == right->pairing.b);
}

/* Where several connections fit, the one that was there at that time. At most a few edges are
 * ambiguous: those of each connection are next to each other nearly always. */
#define RIVALS_LOOKED_AT 64u

static bool is_closest(const struct survey_edges *edges, size_t index)
{
  const struct survey_edge *edge = &edges->at[index];
  size_t from = index > RIVALS_LOOKED_AT ? index - RIVALS_LOOKED_AT : 0;
  if (edge->apart_ns > APART_MAX_NS)
    return false;
  for (size_t i = from; i < edges->count && i < index + RIVALS_LOOKED_AT; i++) {
    const struct survey_edge *rival = &edges->at[i];
    if (i != index && rival->ambiguous && are_rivals(edge, rival) &&
        rival->apart_ns / APART_RATIO <= edge->apart_ns)
      return false;
  }
  return true;
}

/* Of rivals that time does not settle, none is a pair. */
static void settle_by_time(struct survey *survey)
{
  struct survey_edges *edges = &survey->edges;
  size_t kept = 0;
  for (size_t i = 0; i < edges->count; i++) {
    struct survey_edge *edge = &edges->at[i];
    edge->apart_ns = INT64_MAX;
    if (edge->certainty == PAIR_CERTAIN && is_solid(edge))
      continue;
    measure_apart(survey, edge);
    if (edge->apart_ns != INT64_MAX && edge->apart_ns > APART_NEVER_NS)
      edge->certainty = PAIR_POSSIBLE;
  }
  for (size_t i = 0; i < edges->count; i++) {
    if (edges->at[i].ambiguous && is_closest(edges, i))
      edges->at[i].certainty = PAIR_LIKELY;
  }
  for (size_t i = 0; i < edges->count; i++) {
    if (!edges->at[i].has_rivals || edges->at[i].certainty != PAIR_POSSIBLE)
      edges->at[kept++] = edges->at[i];
  }
  edges->count = kept;
}

/* --- what other connections of the same two hosts tell --- */

/* The two hosts of an edge, as both ends call them. The lower address comes first in a flow key, so
 * that side 0 is the same host for all of them. */
struct hosts {
  const struct sketch *a, *b;
  uint8_t end_a, end_b;
  bool crossed;
};

static struct hosts hosts_of(const struct survey *survey, const struct survey_edge *edge)
{
  return (struct hosts){.a = survey_sketch(survey, edge->end_a, edge->pairing.a),
                        .b = survey_sketch(survey, edge->end_b, edge->pairing.b),
                        .end_a = edge->end_a,
                        .end_b = edge->end_b,
                        .crossed = edge->pairing.crossed};
}

static int compare_hosts(const struct hosts *left, const struct hosts *right)
{
  int difference = memcmp(left->a->key.address, right->a->key.address, sizeof left->a->key.address);
  if (difference == 0)
    difference = memcmp(left->b->key.address, right->b->key.address, sizeof left->b->key.address);
  if (difference == 0)
    difference = left->end_a - right->end_a;
  if (difference == 0)
    difference = left->end_b - right->end_b;
  return difference != 0 ? difference : left->crossed - right->crossed;
}

/* An edge whose order is known, for others. */
struct ordered {
  struct hosts hosts;
  int order;
};

static int compare_ordered(const void *left, const void *right)
{
  return compare_hosts(&((const struct ordered *)left)->hosts,
                       &((const struct ordered *)right)->hosts);
}

/* Joins the entries of the same hosts; their orders add up. Returns how many are left. */
static size_t join_hosts(struct ordered *list, size_t count)
{
  size_t kept = 0;
  qsort(list, count, sizeof *list, compare_ordered);
  for (size_t i = 0; i < count; i++) {
    if (kept > 0 && compare_ordered(&list[kept - 1], &list[i]) == 0)
      list[kept - 1].order += list[i].order;
    else
      list[kept++] = list[i];
  }
  return kept;
}

static bool tells_order(const struct survey_edge *edge)
{
  return edge->certainty == PAIR_CERTAIN && edge->order != 0;
}

/* Two points that lie on the way between two hosts lie there in the same order for all of their
 * connections: what one of them shows need not be seen again. Returns 0 or ERROR_MEMORY. */
static int order_by_hosts(struct survey *survey)
{
  const struct survey_edges *edges = &survey->edges;
  size_t known = 0, unknown = 0, count = 0;
  for (size_t i = 0; i < edges->count; i++) {
    known += tells_order(&edges->at[i]);
    unknown += edges->at[i].order == 0;
  }
  if (known == 0 || unknown == 0)
    return 0;
  struct ordered *list = survey_allocate(survey, known, sizeof *list);
  if (list == NULL)
    return ERROR_MEMORY;
  for (size_t i = 0; i < edges->count; i++) {
    if (tells_order(&edges->at[i]))
      list[count++] =
          (struct ordered){hosts_of(survey, &edges->at[i]), edges->at[i].order > 0 ? 1 : -1};
  }
  count = join_hosts(list, count);
  for (size_t i = 0; i < edges->count; i++) {
    struct survey_edge *edge = &edges->at[i];
    const struct ordered wanted = {.hosts = hosts_of(survey, edge)};
    const struct ordered *found =
        edge->order == 0 ? bsearch(&wanted, list, count, sizeof *list, compare_ordered) : NULL;
    if (found != NULL)
      edge->order = (int16_t)((found->order > 0) - (found->order < 0));
  }
  survey_release(survey, list, known, sizeof *list);
  return 0;
}

int survey_fit(struct survey *survey)
{
  order_edges(survey);
  if (order_by_hosts(survey) != 0)
    return ERROR_MEMORY;
  if (fit_all(survey) != 0)
    return ERROR_MEMORY;
  settle_by_time(survey);
  for (size_t i = 0; i < survey->edges.count; i++) {
    if (survey->edges.at[i].order == 0)
      order_by_clock(survey, &survey->edges.at[i]);
  }
  return order_by_hosts(survey);
}
