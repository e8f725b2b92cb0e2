#include "analyzer/clock_solve.h"

#include "analyzer/clock_band.h"
#include "analyzer/clock_cut.h"
#include "analyzer/clock_lines.h"
#include "analyzer/clock_math.h"
#include "analyzer/clock_zones.h"

#include <math.h>
#include <stdlib.h>

/* One explanation of the steps is taken if another one is so many times stranger, and more. */
#define MUCH    32
#define MUCH_NS (10 * NS_PER_S)
/* A step back is taken for possible up to so many times the silence that would hide it. */
#define TWICE_PER_SILENCE 4
/* Of packets: longer than this few are. */
#define ON_THE_WAY_NS (4 * NS_PER_S)

/* The bounds over the time of one clock, x, and where they are cut. */
struct view {
  struct clock_bound bounds[CLOCK_BOUNDS_MAX];
  size_t count;
  struct clock_core cores[CLOCK_BOUNDS_MAX];
  size_t core_count;
  int64_t confused_ns;
  uint32_t mistakes;
};

struct clock_workspace {
  struct view views[CLOCK_AXES];
  struct clock_lines lines[3]; /* of three neighbouring cores: core n's at n % 3 */
  struct clock_band bands[CLOCK_BOUNDS_MAX + 1];
  /* Of all pieces, one after another; of each, one more than it has bounds. */
  struct clock_zone zones[CLOCK_BOUNDS_MAX + CLOCK_PIECES_MAX];
  size_t zone_count;
  struct clock_spread spread;
};

struct clock_workspace *clock_workspace_new(void)
{
  return calloc(1, sizeof(struct clock_workspace));
}

void clock_workspace_free(struct clock_workspace *workspace)
{
  free(workspace);
}

struct clock_bound *clock_workspace_bounds(struct clock_workspace *workspace, enum clock_axis axis)
{
  return workspace->views[axis].bounds;
}

void clock_workspace_set_count(struct clock_workspace *workspace, enum clock_axis axis,
                               size_t count)
{
  workspace->views[axis].count = count;
}

static int by_time(const void *left, const void *right)
{
  const struct clock_bound *p = left, *q = right;
  if (p->x_ns != q->x_ns)
    return p->x_ns < q->x_ns ? -1 : 1;
  if (p->upper != q->upper)
    return p->upper ? -1 : 1;
  return p->gain_ns < q->gain_ns ? -1 : p->gain_ns > q->gain_ns;
}

static void sort(struct view *view)
{
  size_t kept = 0;
  qsort(view->bounds, view->count, sizeof(view->bounds[0]), by_time);
  for (size_t i = 0; i < view->count; i++)
    if (i == 0 || by_time(&view->bounds[i], &view->bounds[kept - 1]) != 0)
      view->bounds[kept++] = view->bounds[i];
  view->count = kept;
}

static struct clock_bounds all_of(struct view *view)
{
  return (struct clock_bounds){.bounds = view->bounds, .count = view->count};
}

static int64_t to_ns(double ns)
{
  if (!(ns < 0x1p62))
    return INT64_C(1) << 62;
  return ns > -0x1p62 ? (int64_t)llrint(ns) : -(INT64_C(1) << 62);
}

/* The line that stands for all that the bounds of one stretch leave open. */
static struct clock_line choose_line(const struct clock_lines *lines, int64_t middle_ns,
                                     bool *skew_known)
{
  double low = clock_lines_skew_min(lines), high = clock_lines_skew_max(lines);
  bool both = lines->above && lines->below;
  *skew_known = both && (high - low) / 2 <= CLOCK_SKEW_KNOWN_PPM / 1e6;
  if (both)
    return clock_lines_centre(lines);
  /* As if the fastest packets had taken no time. */
  const struct clock_line *best = &lines->corners[0];
  double sign = lines->above ? 1 : -1;
  for (uint32_t i = 1; i < lines->count; i++) {
    if (sign * clock_line_at(lines, &lines->corners[i], middle_ns) >
        sign * clock_line_at(lines, best, middle_ns))
      best = &lines->corners[i];
  }
  return *best;
}

/* What the gain rose by, at most, between two pieces, at x_ns. */
static double rise_at(const struct clock_lines *before, const struct clock_lines *behind,
                      int64_t x_ns)
{
  return clock_lines_max(behind, x_ns) - clock_lines_min(before, x_ns) +
         (double)clock_subtract(behind->reference_ns, before->reference_ns);
}

static bool is_bounded(const struct clock_lines *lines)
{
  return lines->above && lines->below;
}

/* If the gain rises between two bounds, either the other clock was stepped forwards, or x
 * backwards, and has shown some time twice: by how much at most. That time must have passed without
 * a bound that would show it. */
static int64_t shown_twice_ns(const struct clock_lines *before, const struct clock_lines *behind,
                              const struct clock_bound *last, const struct clock_bound *first)
{
  if (!is_bounded(before) || !is_bounded(behind))
    return CLOCK_TWICE_MAX_NS;
  double rise = fmax(rise_at(before, behind, last->x_ns), rise_at(before, behind, first->x_ns));
  double most = TWICE_PER_SILENCE * (double)clock_subtract(first->x_ns, last->x_ns);
  if (rise > 0 && rise <= fmax(most, (double)CLOCK_TWICE_MAX_NS))
    return to_ns(ceil(rise));
  /* Falls: if the other clock went backwards, packets that took less were on their way meanwhile.
   */
  double fall = fmax(rise_at(behind, before, last->x_ns), rise_at(behind, before, first->x_ns));
  return fall > 0 ? to_ns(ceil(fmin(fall, (double)ON_THE_WAY_NS))) : 0;
}

/* A bound is known to be of a piece since, or until, the packet was at both points: either clock
 * may be the one that was stepped, and the packet contradicts the piece on the other side by what
 * either showed. Returns the earlier, or the later, of both instants, in x. */
static int64_t sure_ns(const struct clock_bound *bound, const struct clock_lines *lines, bool later)
{
  if (!is_bounded(lines))
    return bound->x_ns;
  double gain_ns =
      later ? clock_lines_min(lines, bound->x_ns) : clock_lines_max(lines, bound->x_ns);
  int64_t delay_ns =
      clock_subtract(clock_subtract(bound->gain_ns, lines->reference_ns), to_ns(gain_ns));
  int64_t at_ns = clock_add(bound->x_ns, delay_ns);
  return (at_ns > bound->x_ns) == later ? at_ns : bound->x_ns;
}

/* Of core n: how far its piece may reach, if there is a step before or behind it. */
static void set_reach(const struct clock_workspace *workspace, const struct view *view, size_t n,
                      struct clock_stretch *stretch)
{
  const struct clock_core *core = &view->cores[n];
  const struct clock_bound *first = &view->bounds[core->first], *last = &view->bounds[core->last];
  const struct clock_lines *lines = &workspace->lines[n % 3];
  stretch->before_x_ns = first->x_ns;
  stretch->behind_x_ns = last->x_ns;
  if (stretch->step_before) {
    const struct clock_bound *other = &view->bounds[core[-1].last];
    const struct clock_lines *before = &workspace->lines[(n + 2) % 3];
    stretch->before_x_ns =
        clock_subtract(sure_ns(other, before, false), shown_twice_ns(before, lines, other, first));
  }
  if (stretch->step_behind) {
    const struct clock_bound *other = &view->bounds[core[1].first];
    const struct clock_lines *behind = &workspace->lines[(n + 1) % 3];
    stretch->behind_x_ns =
        clock_add(sure_ns(other, behind, true), shown_twice_ns(lines, behind, last, other));
  }
}

static int64_t gain_at(const struct clock_stretch *stretch, int64_t x_ns)
{
  return clock_add(stretch->lines->reference_ns,
                   to_ns(clock_line_at(stretch->lines, &stretch->line, x_ns)));
}

/* The other clock's reading. */
static int64_t turned(const struct clock_stretch *stretch, int64_t x_ns)
{
  return clock_add(x_ns, gain_at(stretch, x_ns));
}

/* The line in terms of A's time, its reach and its zones in terms of B's. */
static void write_over_b(const struct clock_stretch *stretch, struct clock_piece *piece)
{
  int64_t from_ns = stretch->bounds[0].x_ns, last_ns = stretch->bounds[stretch->count - 1].x_ns;
  piece->from_ns = turned(stretch, from_ns);
  piece->to_ns = turned(stretch, last_ns);
  piece->offset_ns = clock_subtract(from_ns, piece->from_ns);
  piece->skew_ppm = -stretch->line.skew / (1 + stretch->line.skew) * 1e6;
  piece->early_ns = clock_subtract(from_ns, stretch->before_x_ns);
  piece->late_ns = clock_subtract(stretch->behind_x_ns, last_ns);
}

/* At a step the truth is somewhere between the lines of both pieces: so far in B's time, towards
 * the beginning or the end of the piece. */
static int64_t turned_reach(const struct clock_stretch *stretch,
                            const struct clock_lines *neighbour, int64_t x_ns, bool end)
{
  int64_t reach_ns = turned(stretch, x_ns);
  if (!neighbour || !is_bounded(neighbour))
    return reach_ns;
  double gain = end ? clock_lines_max(neighbour, x_ns) : clock_lines_min(neighbour, x_ns);
  int64_t other_ns = clock_add(clock_add(x_ns, neighbour->reference_ns), to_ns(gain));
  return (other_ns > reach_ns) == end ? other_ns : reach_ns;
}

/* From A's time to B's: a reading of B's stands for an instant that is itself uncertain. */
static void write_over_a(struct clock_workspace *workspace, const struct clock_stretch *stretch,
                         size_t n, struct clock_piece *piece)
{
  const struct clock_lines *before = stretch->step_before ? &workspace->lines[(n + 2) % 3] : NULL;
  const struct clock_lines *behind = stretch->step_behind ? &workspace->lines[(n + 1) % 3] : NULL;
  struct clock_zone *zones = &workspace->zones[piece->zone_first];
  int64_t last_ns = stretch->bounds[stretch->count - 1].x_ns, early_ns = 0, late_ns = 0;
  piece->from_ns = stretch->bounds[0].x_ns;
  piece->to_ns = last_ns;
  piece->offset_ns = gain_at(stretch, piece->from_ns);
  piece->skew_ppm = stretch->line.skew * 1e6;
  if (piece->zone_count > 0) {
    for (uint32_t i = 0; i < piece->zone_count; i++)
      zones[i].to_b_ns = turned(stretch, zones[i].to_b_ns);
    clock_zones_spread(zones, piece->zone_count, turned(stretch, stretch->before_x_ns),
                       &workspace->spread);
    early_ns = before ? zones[0].uncertainty_ns : 0;
    late_ns = behind ? zones[piece->zone_count - 1].uncertainty_ns : 0;
  }
  early_ns = time_is_valid(early_ns) ? early_ns : CLOCK_TWICE_MAX_NS;
  late_ns = time_is_valid(late_ns) ? late_ns : CLOCK_TWICE_MAX_NS;
  int64_t first_b_ns = clock_add(piece->from_ns, piece->offset_ns);
  int64_t before_b_ns = turned_reach(stretch, before, stretch->before_x_ns, false);
  int64_t behind_b_ns = turned_reach(stretch, behind, stretch->behind_x_ns, true);
  piece->early_ns = clock_add(clock_subtract(first_b_ns, before_b_ns), early_ns);
  piece->late_ns = clock_add(clock_subtract(behind_b_ns, turned(stretch, last_ns)), late_ns);
}

/* workspace->lines holds those of cores n - 1, n, n + 1. */
static void write_piece(struct clock_workspace *workspace, enum clock_axis axis, size_t n,
                        struct clock_piece *piece)
{
  const struct view *view = &workspace->views[axis];
  const struct clock_core *core = &view->cores[n];
  const struct clock_bound *first = &view->bounds[core->first], *last = &view->bounds[core->last];
  const struct clock_lines *lines = &workspace->lines[n % 3];
  struct clock_zone *zones = &workspace->zones[workspace->zone_count];
  *piece = (struct clock_piece){.zone_first = (uint32_t)workspace->zone_count,
                                .uncertainty_ns = TIME_INVALID,
                                .usual_uncertainty_ns = TIME_INVALID};
  int64_t middle_ns = first->x_ns / 2 + last->x_ns / 2;
  struct clock_stretch stretch = {.bounds = first,
                                  .count = core->last - core->first + 1,
                                  .step_before = n > 0,
                                  .step_behind = n + 1 < view->core_count,
                                  .lines = lines,
                                  .line = choose_line(lines, middle_ns, &piece->skew_known)};
  set_reach(workspace, view, n, &stretch);
  if (is_bounded(lines)) {
    clock_band_measure(&stretch, workspace->bands, zones);
    piece->zone_count = (uint32_t)(stretch.count + 1);
    workspace->zone_count += piece->zone_count;
  }
  if (axis == CLOCK_AXIS_A)
    write_over_a(workspace, &stretch, n, piece);
  else
    write_over_b(&stretch, piece);
  if (piece->zone_count > 0)
    clock_zones_sum_up(zones, piece);
}

static void drop_bounds(struct clock_map *map)
{
  for (uint32_t i = 0; i < map->piece_count; i++) {
    map->pieces[i].uncertainty_ns = map->pieces[i].usual_uncertainty_ns = TIME_INVALID;
    map->pieces[i].zone_count = 0;
  }
}

static void write_pieces(struct clock_workspace *workspace, enum clock_axis axis,
                         struct clock_map *map)
{
  struct view *view = &workspace->views[axis];
  const struct clock_bounds all = all_of(view);
  size_t pieces = view->core_count;
  if (pieces > CLOCK_PIECES_MAX) {
    map->steps_left_out = (uint32_t)(pieces - CLOCK_PIECES_MAX);
    pieces = CLOCK_PIECES_MAX;
  }
  workspace->zone_count = 0;
  clock_cut_lines(&all, &view->cores[0], &workspace->lines[0]);
  for (size_t n = 0; n < pieces; n++) {
    if (n + 1 < view->core_count)
      clock_cut_lines(&all, &view->cores[n + 1], &workspace->lines[(n + 1) % 3]);
    write_piece(workspace, axis, n, &map->pieces[map->piece_count++]);
  }
  clock_zones_join(workspace->zones, map);
  map->mistakes = view->mistakes;
  if (map->steps_left_out > 0)
    drop_bounds(map);
}

/* The most that this clock may have been stepped backwards by at once. */
static double largest_rise(struct clock_workspace *workspace, struct view *view)
{
  const struct clock_bounds all = all_of(view);
  struct clock_lines *lines = workspace->lines;
  double largest = 0;
  for (size_t n = 0; n < view->core_count && n <= CLOCK_PIECES_MAX; n++) {
    const struct clock_core *core = &view->cores[n];
    clock_cut_lines(&all, core, &lines[n % 2]);
    if (n == 0)
      continue;
    const struct clock_bound *first = &view->bounds[core->first];
    double rise = (double)first->gain_ns - (double)view->bounds[core[-1].last].gain_ns;
    if (is_bounded(&lines[0]) && is_bounded(&lines[1]))
      rise = rise_at(&lines[(n + 1) % 2], &lines[n % 2], first->x_ns);
    largest = fmax(largest, rise);
  }
  return largest;
}

/* How strange the steps look over this clock's time: for how long nothing was seen around them, if
 * each is laid to the clock that makes it less, and for how long bounds were confused. */
static double strangeness_ns(const struct view *view)
{
  double sum = (double)view->confused_ns;
  for (size_t n = 1; n < view->core_count; n++) {
    const struct clock_bound *last = &view->bounds[view->cores[n - 1].last];
    const struct clock_bound *first = &view->bounds[view->cores[n].first];
    double own = (double)first->x_ns - (double)last->x_ns;
    double other = own + ((double)first->gain_ns - (double)last->gain_ns);
    sum += other >= 0 && other < own ? other : own;
  }
  return sum;
}

/* Whether the pieces follow each other by either clock. */
static bool is_order_sure(const struct clock_map *map)
{
  for (uint32_t n = 1; n < map->piece_count; n++) {
    const struct clock_piece *before = &map->pieces[n - 1], *piece = &map->pieces[n];
    if (piece->from_ns < before->from_ns ||
        clock_add(piece->from_ns, piece->offset_ns) < clock_add(before->from_ns, before->offset_ns))
      return false;
  }
  return true;
}

static bool are_solid(struct view *view)
{
  const struct clock_bounds all = all_of(view);
  for (size_t n = 0; n < view->core_count; n++)
    if (!clock_cut_is_solid(&all, &view->cores[n]))
      return false;
  return true;
}

/* *clear: false if the order that pieces have over the other axis may well be the true one. */
static enum clock_axis choose_axis(struct clock_workspace *workspace, bool *clear)
{
  struct view *views = workspace->views;
  size_t steps[CLOCK_AXES];
  double strangeness[CLOCK_AXES];
  *clear = true;
  for (int i = 0; i < CLOCK_AXES; i++) {
    /* What is no mistake is a step there and a step back. */
    steps[i] = views[i].core_count + 2 * (size_t)views[i].mistakes;
    strangeness[i] = strangeness_ns(&views[i]);
  }
  if (views[CLOCK_AXIS_A].core_count == 1 && steps[CLOCK_AXIS_A] == steps[CLOCK_AXIS_B])
    return CLOCK_AXIS_B; /* whose zones are exact */
  bool a_is_better = strangeness[CLOCK_AXIS_A] < strangeness[CLOCK_AXIS_B];
  double more = fmax(strangeness[CLOCK_AXIS_A], strangeness[CLOCK_AXIS_B]);
  double less = fmin(strangeness[CLOCK_AXIS_A], strangeness[CLOCK_AXIS_B]);
  bool is_clear = more > MUCH * less + MUCH_NS;
  if (steps[CLOCK_AXIS_A] != steps[CLOCK_AXIS_B])
    a_is_better = steps[CLOCK_AXIS_A] < steps[CLOCK_AXIS_B];
  else if (!is_clear)
    a_is_better = largest_rise(workspace, &views[CLOCK_AXIS_A]) <
                  largest_rise(workspace, &views[CLOCK_AXIS_B]);
  enum clock_axis axis = a_is_better ? CLOCK_AXIS_A : CLOCK_AXIS_B;
  enum clock_axis other = a_is_better ? CLOCK_AXIS_B : CLOCK_AXIS_A;
  is_clear = steps[axis] + 1 < steps[other] || (is_clear && strangeness[axis] < strangeness[other]);
  *clear = is_clear && are_solid(&views[axis]);
  return axis;
}

/* false: there are no bounds. */
static bool cut(struct view *view)
{
  if (view->count == 0)
    return false;
  sort(view);
  struct clock_bounds all = all_of(view);
  view->core_count = clock_cut(&all, view->cores, &view->confused_ns);
  view->mistakes = (uint32_t)(view->count - all.count);
  view->count = all.count;
  return true;
}

double clock_solve_skew(struct clock_workspace *workspace, enum clock_axis axis)
{
  struct view *view = &workspace->views[axis];
  const struct clock_core *longest = NULL;
  int64_t longest_ns = 0;
  if (!cut(view))
    return 0;
  for (size_t n = 0; n < view->core_count; n++) {
    const struct clock_core *core = &view->cores[n];
    int64_t length_ns = view->bounds[core->last].x_ns - view->bounds[core->first].x_ns;
    if (length_ns > longest_ns) {
      longest = core;
      longest_ns = length_ns;
    }
  }
  if (!longest)
    return 0;
  const struct clock_bounds all = all_of(view);
  struct clock_lines *lines = &workspace->lines[0];
  clock_cut_lines(&all, longest, lines);
  return is_bounded(lines) ? clock_lines_centre(lines).skew : 0;
}

void clock_solve(struct clock_workspace *workspace, struct clock_map *map)
{
  *map = (struct clock_map){0};
  if (!cut(&workspace->views[CLOCK_AXIS_A]) || !cut(&workspace->views[CLOCK_AXIS_B]))
    return;
  bool clear = false;
  enum clock_axis axis = choose_axis(workspace, &clear);
  write_pieces(workspace, axis, map);
  if (!clear && !is_order_sure(map))
    drop_bounds(map);
}
