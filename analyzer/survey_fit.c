#include "analyzer/survey_internal.h"

#include <stdlib.h>

/* Delays of one connection pair, and which end is upstream: what the clocks are fitted from. */

static void order_edges(struct survey *survey)
{
  for (size_t i = 0; i < survey->edges.count; i++) {
    struct survey_edge *edge = &survey->edges.at[i];
    size_t count = survey_edge_points(survey, edge);
    edge->order = (int8_t)pairing_order_by_delays(survey->points, count);
    if (edge->order == 0)
      edge->order = (int8_t)pairing_order_by_ttl(&edge->pairing);
  }
}

/* How an end's clock is reached from that of end 0. */
struct chain {
  struct clock_fit *fits[ANALYZER_ENDS_MAX];
};

/* One packet seen at a reference point, on end 0's scale and wrong by reference_off_ns at most, and
 * at the end whose clock is wanted. */
static void feed_point(struct clock_fit *fit, const struct pairing_point *point, bool a_first,
                       bool a_is_reference, int64_t reference_ns, int64_t reference_off_ns)
{
  if (a_first ? !point->a_may_start : !point->b_may_start)
    return;
  int64_t other_ns = a_is_reference ? point->b_ns : point->a_ns;
  bool from_reference = a_first == a_is_reference;
  /* A wider bound is true as well: earlier where it left, later where it arrived. */
  if (from_reference)
    clock_fit_add(fit, CLOCK_A_TO_B, reference_ns - reference_off_ns, other_ns);
  else
    clock_fit_add(fit, CLOCK_B_TO_A, reference_ns + reference_off_ns, other_ns);
}

static void feed_edge(struct survey *survey, const struct survey_edge *edge, bool a_is_reference,
                      struct clock_fit *fit)
{
  uint8_t reference = a_is_reference ? edge->end_a : edge->end_b;
  const struct clock_map *map = &survey->clocks[reference];
  size_t count = survey_edge_points(survey, edge);
  for (size_t i = 0; i < count; i++) {
    const struct pairing_point *point = &survey->points[i];
    bool a_first = (edge->order > 0) == (point->side == 0);
    int64_t reference_ns = a_is_reference ? point->a_ns : point->b_ns, off_ns = 0;
    if (reference != 0) {
      off_ns = clock_map_uncertainty_ns(map, reference_ns);
      reference_ns = clock_map_to_a(map, reference_ns);
      if (!time_is_valid(off_ns))
        continue;
    }
    feed_point(fit, point, a_first, a_is_reference, reference_ns, off_ns);
  }
}

/* Fits every end that shares certain pairs with an end whose clock is known. Returns how many, or
 * ERROR_MEMORY. */
static int fit_next(struct survey *survey)
{
  struct chain chain = {{NULL}};
  int fitted = 0;
  for (size_t i = 0; i < survey->edges.count; i++) {
    const struct survey_edge *edge = &survey->edges.at[i];
    bool a_known = survey->clock_known[edge->end_a], b_known = survey->clock_known[edge->end_b];
    if (edge->certainty != PAIR_CERTAIN || edge->order == 0 || a_known == b_known)
      continue;
    uint8_t end = a_known ? edge->end_b : edge->end_a;
    if (chain.fits[end] == NULL && (chain.fits[end] = clock_fit_new()) == NULL) {
      fitted = ERROR_MEMORY;
      break;
    }
    feed_edge(survey, edge, a_known, chain.fits[end]);
  }
  for (uint32_t end = 0; end < survey->ends; end++) {
    if (chain.fits[end] == NULL)
      continue;
    if (fitted >= 0) {
      clock_fit_solve(chain.fits[end], &survey->clocks[end]);
      survey->clock_known[end] = true;
      fitted++;
    }
    clock_fit_free(chain.fits[end]);
  }
  return fitted;
}

int survey_fit(struct survey *survey)
{
  int fitted;
  order_edges(survey);
  survey->clock_known[0] = true;
  do
    fitted = fit_next(survey);
  while (fitted > 0);
  return fitted;
}
