#include "analyzer/clock_math.h"
#include "analyzer/survey_internal.h"

/* Captures of one host share its clock: there is nothing to be fitted. That is what their recorder
 * says (the boot id of the kernel), and it is believed as long as no packet contradicts it: a
 * virtual machine that was copied while it ran has the same boot id and another clock, and a
 * capture may carry an adapter's own times. */

/* A kernel takes the time of a frame when it passes; two processors' readings are closer than that,
 * and captures round. */
#define SHARED_UNCERTAINTY_NS NS_PER_US
/* Packets that were mistaken for each other; more than that are the clocks'. */
#define MISTAKES_MAX 2u

/* What cannot be if both times are of one clock. */
static bool contradicts(const struct survey_edge *edge, const struct pairing_point *point)
{
  const int64_t delay_ns = clock_subtract(point->b_ns, point->a_ns);
  if (edge->order == 0) /* hardly a way between them */
    return time_is_valid(edge->both_ways_ns) &&
           (delay_ns < 0 ? -delay_ns : delay_ns) > edge->both_ways_ns + SHARED_UNCERTAINTY_NS;
  const bool a_first = (edge->order > 0) == (point->side == 0);
  if (a_first ? !point->a_may_start : !point->b_may_start)
    return false;
  return a_first ? delay_ns < -SHARED_UNCERTAINTY_NS : delay_ns > SHARED_UNCERTAINTY_NS;
}

static bool is_between(const struct survey_edge *edge, uint32_t one, uint32_t other)
{
  return (edge->end_a == one && edge->end_b == other) ||
         (edge->end_a == other && edge->end_b == one);
}

static bool is_contradicted(struct survey *survey, uint32_t one, uint32_t other)
{
  uint64_t contradictions = 0;
  for (size_t i = 0; i < survey->edges.count; i++) {
    const struct survey_edge *edge = &survey->edges.at[i];
    if (!is_between(edge, one, other) || edge->certainty != PAIR_CERTAIN)
      continue;
    const size_t count = survey_edge_points(survey, edge);
    for (size_t k = 0; k < count; k++)
      contradictions += contradicts(edge, &survey->points[k]);
    if (contradictions > MISTAKES_MAX)
      return true;
  }
  return false;
}

/* From its first packet to its last one. */
static void span_of(const struct sketch_set *set, int64_t *from_ns, int64_t *to_ns)
{
  *from_ns = INT64_MAX;
  *to_ns = -INT64_MAX;
  for (uint32_t i = 0; i < set->count; i++) {
    const struct sketch *sketch = sketch_at(set, i);
    if (time_is_valid(sketch->first_ns) && sketch->first_ns < *from_ns)
      *from_ns = sketch->first_ns;
    if (time_is_valid(sketch->last_ns) && sketch->last_ns > *to_ns)
      *to_ns = sketch->last_ns;
  }
  if (*from_ns > *to_ns)
    *from_ns = *to_ns = 0;
}

/* The clock of end 0 itself, as read at another end of its host: good for all times. */
static void share_first(struct survey *survey, uint32_t end)
{
  struct clock_map *map = &survey->clocks[end];
  struct clock_piece piece = {.skew_known = true,
                              .uncertainty_ns = SHARED_UNCERTAINTY_NS,
                              .usual_uncertainty_ns = SHARED_UNCERTAINTY_NS,
                              .early_ns = INT64_MAX,
                              .late_ns = INT64_MAX};
  span_of(&survey->sets[end], &piece.from_ns, &piece.to_ns);
  *map = (struct clock_map){.piece_count = 1, .host = CLOCK_HOST_SHARED};
  map->pieces[0] = piece;
}

static void widen(int64_t *uncertainty_ns)
{
  if (time_is_valid(*uncertainty_ns))
    *uncertainty_ns = clock_add(*uncertainty_ns, SHARED_UNCERTAINTY_NS);
}

/* A clock that was fitted at another end of its host. */
static void share_fitted(struct survey *survey, uint32_t end, uint32_t fitted)
{
  struct clock_map *map = &survey->clocks[end];
  *map = survey->clocks[fitted];
  for (uint32_t i = 0; i < map->piece_count; i++) {
    widen(&map->pieces[i].uncertainty_ns);
    widen(&map->pieces[i].usual_uncertainty_ns);
    for (uint32_t k = 0; k < map->pieces[i].zone_count; k++)
      widen(&map->zones[map->pieces[i].zone_first + k].uncertainty_ns);
  }
}

/* Whether packets contradict that `end` has the clock of all that `leader` leads. */
static bool fits_host(struct survey *survey, uint32_t end, uint32_t leader)
{
  for (uint32_t other = leader; other < end; other++)
    if (survey->leaders[other] == leader && is_contradicted(survey, end, other))
      return false;
  return true;
}

void survey_find_hosts(struct survey *survey)
{
  for (uint32_t end = 0; end < survey->ends; end++) {
    survey->leaders[end] = (uint8_t)end;
    for (uint32_t leader = 0; leader < end && survey->leaders[end] == end; leader++) {
      if (survey->hosts[end] == 0 || survey->hosts[end] != survey->hosts[leader] ||
          survey->leaders[leader] != leader)
        continue;
      if (fits_host(survey, end, leader))
        survey->leaders[end] = (uint8_t)leader;
      else
        survey->host_doubted[end] = true;
    }
  }
}

void survey_share_clocks(struct survey *survey)
{
  for (uint32_t end = 1; end < survey->ends; end++) {
    const uint32_t leader = survey->leaders[end];
    if (survey->clock_known[end] || leader == end || !survey->clock_known[leader])
      continue;
    if (leader == 0)
      share_first(survey, end);
    else
      share_fitted(survey, end, leader);
    survey->clock_known[end] = true;
  }
}
