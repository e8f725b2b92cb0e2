#include "analyzer/clock_solve.h"

#include "analyzer/clock_lines.h"

#include <math.h>
#include <stdlib.h>

#define SKEW_MAX ((long double)CLOCK_SKEW_MAX_PPM / 1e6L)

/* Bounds that one line satisfies. Those between the core of one piece and that of the next fit to
 * either: the step was somewhere among them. */
struct stretch {
  size_t first, last; /* the core: certainly of this piece */
};

struct clock_workspace {
  size_t bounds_max;
  struct clock_bound *bounds; /* [bounds_max] */
  struct stretch *stretches;  /* [bounds_max] */
};

/* One use of a workspace. */
struct solution {
  const struct clock_bound *bounds;
  size_t count;
  struct stretch *stretches;
  size_t stretch_count;
  long double radius; /* no gain is further from another one */
  struct clock_map *map;
};

struct clock_workspace *clock_workspace_new(size_t bounds_max)
{
  struct clock_workspace *workspace = calloc(1, sizeof(*workspace));
  if (!workspace)
    return NULL;
  workspace->bounds_max = bounds_max;
  workspace->bounds = calloc(bounds_max, sizeof(*workspace->bounds));
  workspace->stretches = calloc(bounds_max, sizeof(*workspace->stretches));
  if (!workspace->bounds || !workspace->stretches) {
    clock_workspace_free(workspace);
    return NULL;
  }
  return workspace;
}

void clock_workspace_free(struct clock_workspace *workspace)
{
  if (!workspace)
    return;
  free(workspace->bounds);
  free(workspace->stretches);
  free(workspace);
}

struct clock_bound *clock_workspace_bounds(struct clock_workspace *workspace)
{
  return workspace->bounds;
}

static int by_time(const void *left, const void *right)
{
  const struct clock_bound *p = left, *q = right;
  if (p->b_ns != q->b_ns)
    return p->b_ns < q->b_ns ? -1 : 1;
  if (p->upper != q->upper)
    return p->upper ? -1 : 1;
  return p->gain_ns < q->gain_ns ? -1 : p->gain_ns > q->gain_ns;
}

static void lines_at(const struct solution *solution, struct clock_lines *lines, size_t index)
{
  const struct clock_bound *bound = &solution->bounds[index];
  clock_lines_init(lines, bound->b_ns, bound->gain_ns, solution->radius, SKEW_MAX);
}

static bool take(const struct solution *solution, struct clock_lines *lines, size_t index)
{
  const struct clock_bound *bound = &solution->bounds[index];
  return clock_lines_bound(lines, bound->upper, bound->b_ns, bound->gain_ns, CLOCK_EASE_NS);
}

/* Of bounds first .. last, which one line satisfies. */
static void lines_of(const struct solution *solution, struct clock_lines *lines, size_t first,
                     size_t last)
{
  lines_at(solution, lines, first);
  for (size_t i = first; i <= last; i++)
    take(solution, lines, i);
}

/* Cuts the time into as few stretches as possible: each goes on as long as any line satisfies it.
 * Until then, [first, last] of a stretch begins where the one before had to end. */
static void cut_forwards(struct solution *solution)
{
  struct clock_lines lines;
  size_t first = 0;
  solution->stretch_count = 0;
  for (size_t i = 0; i < solution->count; i++) {
    if (i == first)
      lines_at(solution, &lines, i);
    if (take(solution, &lines, i))
      continue;
    solution->stretches[solution->stretch_count++] = (struct stretch){first, i - 1};
    first = i--;
  }
  if (solution->count > 0)
    solution->stretches[solution->stretch_count++] = (struct stretch){first, solution->count - 1};
}

/* Takes from the end of each stretch what the next one would satisfy as well. Something is left of
 * each, or else fewer stretches would have done. */
static void cut_backwards(struct solution *solution)
{
  for (size_t n = solution->stretch_count; n-- > 1;) {
    struct stretch *stretch = &solution->stretches[n], *before = stretch - 1;
    struct clock_lines lines;
    lines_of(solution, &lines, stretch->first, stretch->last);
    size_t last = before->last;
    while (last > before->first && take(solution, &lines, last))
      last--;
    before->last = last;
  }
}

static int64_t to_ns(long double ns)
{
  if (!(ns < 0x1p62L))
    return INT64_C(1) << 62;
  return ns > -0x1p62L ? (int64_t)llrintl(ns) : -(INT64_C(1) << 62);
}

/* The line that stands for all that the bounds of one stretch leave open. */
static struct clock_line choose_line(const struct clock_lines *lines, int64_t middle_ns,
                                     bool *skew_known)
{
  long double low = clock_lines_skew_min(lines), high = clock_lines_skew_max(lines);
  bool both = lines->above && lines->below;
  *skew_known = both && (high - low) / 2 <= (long double)CLOCK_SKEW_KNOWN_PPM / 1e6L;
  if (both)
    return clock_lines_centre(lines);
  /* As if the fastest packets had taken no time. */
  const struct clock_line *best = &lines->corners[0];
  long double sign = lines->above ? 1 : -1;
  for (uint32_t i = 1; i < lines->count; i++) {
    if (sign * clock_line_at(lines, &lines->corners[i], middle_ns) >
        sign * clock_line_at(lines, best, middle_ns))
      best = &lines->corners[i];
  }
  return *best;
}

static int64_t gap_ns(const struct solution *solution, size_t from, size_t to)
{
  return solution->bounds[to].b_ns - solution->bounds[from].b_ns;
}

static void write_piece(struct solution *solution, size_t n)
{
  const struct stretch *stretch = &solution->stretches[n];
  const struct clock_bound *first = &solution->bounds[stretch->first];
  const struct clock_bound *last = &solution->bounds[stretch->last];
  struct clock_lines lines;
  lines_of(solution, &lines, stretch->first, stretch->last);
  struct clock_piece *piece = &solution->map->pieces[solution->map->piece_count++];
  *piece = (struct clock_piece){0};
  int64_t middle_ns = first->b_ns + (last->b_ns - first->b_ns) / 2;
  struct clock_line line = choose_line(&lines, middle_ns, &piece->skew_known);
  long double gain = clock_line_at(&lines, &line, first->b_ns) + (long double)first->gain_ns;
  long double end = clock_line_at(&lines, &line, last->b_ns) + (long double)first->gain_ns;
  piece->from_ns = to_ns((long double)first->b_ns + gain);
  piece->to_ns = to_ns((long double)last->b_ns + end);
  piece->offset_ns = first->b_ns - piece->from_ns;
  piece->skew_ppm = (double)(-line.skew / (1 + line.skew) * 1e6L);
  piece->early_ns = n > 0 ? gap_ns(solution, stretch[-1].last, stretch->first) : 0;
  if (n + 1 < solution->stretch_count)
    piece->late_ns = gap_ns(solution, stretch->last, stretch[1].first);
  if (!lines.above || !lines.below) {
    piece->uncertainty_ns = piece->usual_uncertainty_ns = TIME_INVALID;
    return;
  }
  long double worst = 0;
  const int64_t ends[] = {first->b_ns - piece->early_ns, last->b_ns + piece->late_ns};
  for (size_t i = 0; i < 2; i++) {
    long double at = clock_line_at(&lines, &line, ends[i]);
    worst = fmaxl(worst, clock_lines_max(&lines, ends[i]) - at);
    worst = fmaxl(worst, at - clock_lines_min(&lines, ends[i]));
  }
  piece->uncertainty_ns = to_ns(ceill(worst)) + 2;
  piece->usual_uncertainty_ns = piece->uncertainty_ns;
}

static long double radius_of(const struct clock_bound *bounds, size_t count)
{
  int64_t min = bounds[0].gain_ns, max = min;
  for (size_t i = 1; i < count; i++) {
    min = bounds[i].gain_ns < min ? bounds[i].gain_ns : min;
    max = bounds[i].gain_ns > max ? bounds[i].gain_ns : max;
  }
  long double span = (long double)bounds[count - 1].b_ns - (long double)bounds[0].b_ns;
  return (long double)max - (long double)min + 2 * SKEW_MAX * span + 4 * CLOCK_EASE_NS;
}

void clock_solve(struct clock_workspace *workspace, size_t count, struct clock_map *map)
{
  *map = (struct clock_map){0};
  if (count == 0)
    return;
  qsort(workspace->bounds, count, sizeof(*workspace->bounds), by_time);
  struct solution solution = {.bounds = workspace->bounds,
                              .count = count,
                              .stretches = workspace->stretches,
                              .radius = radius_of(workspace->bounds, count),
                              .map = map};
  cut_forwards(&solution);
  cut_backwards(&solution);
  size_t pieces = solution.stretch_count;
  if (pieces > CLOCK_PIECES_MAX) {
    map->steps_left_out = (uint32_t)(pieces - CLOCK_PIECES_MAX);
    pieces = CLOCK_PIECES_MAX;
  }
  for (size_t n = 0; n < pieces; n++)
    write_piece(&solution, n);
  if (map->steps_left_out > 0) {
    struct clock_piece *last = &map->pieces[pieces - 1];
    last->uncertainty_ns = last->usual_uncertainty_ns = TIME_INVALID;
  }
}
