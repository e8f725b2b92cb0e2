#include "cli/points.h"

#include <string.h>

#define NO_END UINT8_MAX

static uint32_t mapped_interfaces(const struct source *source)
{
  return source->interfaces < POINT_INTERFACES_MAX ? source->interfaces : POINT_INTERFACES_MAX;
}

/* Ends without which something would be left out altogether. */
static uint32_t ends_needed(const struct source *source)
{
  return source->is_text ? source->excerpts : 1;
}

static void add_point(struct points *points, struct source *source, uint32_t source_index,
                      uint32_t excerpt, uint32_t interface)
{
  points->points[points->count++] = (struct point){source, source_index, excerpt, interface};
}

static void add_text(struct points *points, struct source *source, uint32_t index)
{
  points->ends[index][0] = (uint8_t)points->count;
  for (uint32_t excerpt = 0; excerpt < source->excerpts; excerpt++) {
    if (points->count >= ANALYZER_ENDS_MAX)
      points->left_out = true;
    else
      add_point(points, source, index, excerpt, 0);
  }
}

/* group: of each interface, numbered 0, 1, ... by first appearance. */
static void add_groups(struct points *points, struct source *source, uint32_t index,
                       const uint8_t group[POINT_INTERFACES_MAX])
{
  const uint32_t first = points->count;
  for (uint32_t i = 0; i < mapped_interfaces(source); i++) {
    if (first + group[i] == points->count)
      add_point(points, source, index, 0, i);
    points->ends[index][i] = (uint8_t)(first + group[i]);
  }
  points->interfaces = points->interfaces || points->count > first + 1;
  points->lanes[index] = (struct lane_ends){mapped_interfaces(source), points->ends[index]};
}

static void add_source(struct points *points, struct source *source, uint32_t index,
                       const uint8_t group[POINT_INTERFACES_MAX])
{
  if (points->count >= ANALYZER_ENDS_MAX)
    points->left_out = true;
  else if (source->is_text)
    add_text(points, source, index);
  else
    add_groups(points, source, index, group);
}

void points_whole(struct points *points, struct source *sources, uint32_t count)
{
  const uint8_t one[POINT_INTERFACES_MAX] = {0};
  memset(points, 0, sizeof *points);
  for (uint32_t i = 0; i < count; i++)
    add_source(points, &sources[i], i, one);
}

void points_split(struct points *points, struct source *sources, uint32_t count)
{
  uint32_t needed = 0;
  for (uint32_t i = 0; i < count; i++)
    needed += ends_needed(&sources[i]);
  uint32_t spare = needed < ANALYZER_ENDS_MAX ? ANALYZER_ENDS_MAX - needed : 0;
  memset(points, 0, sizeof *points);
  for (uint32_t i = 0; i < count; i++) {
    uint8_t group[POINT_INTERFACES_MAX];
    uint32_t groups = 0;
    for (uint32_t k = 0; k < mapped_interfaces(&sources[i]); k++) {
      if (k > 0 && spare > 0) {
        spare--;
        groups++;
      }
      group[k] = (uint8_t)groups;
    }
    add_source(points, &sources[i], i, group);
  }
}

/* Which ends have a connection in common with another end of the same source. */
static void find_shared(const struct points *points, const struct survey *survey,
                        bool shared[ANALYZER_ENDS_MAX])
{
  for (uint32_t i = 0; i < survey_pair_count(survey); i++) {
    const struct connection_pair *pair = survey_pair(survey, i);
    if (pair->certainty == PAIR_POSSIBLE)
      continue;
    for (uint32_t a = 0; a < pair->member_count; a++)
      for (uint32_t b = a + 1; b < pair->member_count; b++) {
        const uint8_t one = pair->members[a].end, other = pair->members[b].end;
        if (points->points[one].source_index == points->points[other].source_index)
          shared[one] = shared[other] = true;
      }
  }
}

/* The groups that interfaces had before, those without anything shared made one. */
static void group_again(const struct points *points, uint32_t index, uint32_t interfaces,
                        const bool shared[ANALYZER_ENDS_MAX], uint8_t group[POINT_INTERFACES_MAX])
{
  uint8_t of_end[ANALYZER_ENDS_MAX], rest = NO_END, groups = 0;
  memset(of_end, NO_END, sizeof of_end);
  for (uint32_t i = 0; i < interfaces; i++) {
    const uint8_t end = points->ends[index][i];
    if (of_end[end] == NO_END && !shared[end] && rest != NO_END)
      of_end[end] = rest;
    if (of_end[end] == NO_END)
      of_end[end] = groups++;
    if (!shared[end])
      rest = of_end[end];
    group[i] = of_end[end];
  }
}

bool points_regroup(struct points *points, struct source *sources, uint32_t count,
                    const struct survey *survey)
{
  const struct points before = *points;
  bool shared[ANALYZER_ENDS_MAX] = {false};
  find_shared(points, survey, shared);
  memset(points, 0, sizeof *points);
  for (uint32_t i = 0; i < count; i++) {
    uint8_t group[POINT_INTERFACES_MAX] = {0};
    if (!sources[i].is_text)
      group_again(&before, i, mapped_interfaces(&sources[i]), shared, group);
    add_source(points, &sources[i], i, group);
  }
  points->left_out = before.left_out;
  return points->count != before.count;
}

uint32_t points_lanes(const struct points *points, struct lane_input inputs[ANALYZER_ENDS_MAX])
{
  uint32_t count = 0;
  for (uint32_t end = 0; end < points->count; end++) {
    const struct point *point = &points->points[end];
    const bool further = end > 0 && points->points[end - 1].source == point->source;
    if (further && !point->source->is_text)
      continue; /* another interface of the same reading */
    inputs[count++] = (struct lane_input){
        .end = (uint8_t)end,
        .ends = point->source->is_text ? NULL : &points->lanes[point->source_index],
        .last_frame = UINT64_MAX,
    };
  }
  return count;
}
