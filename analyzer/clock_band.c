#include "analyzer/clock_band.h"

#include "analyzer/clock_cut.h"
#include "analyzer/clock_math.h"

#include <math.h>

/* Of unseen steps: paths of such a round trip are not known. */
#define UNSEEN_MAX_NS (4 * NS_PER_S)

/* The lines that satisfy the bounds of some time up to an instant that moves on. */
struct window {
  const struct clock_stretch *stretch;
  struct clock_lines older, younger; /* since the block before this one began; since this one did */
  int64_t block_ns;                  /* where it began */
  uint32_t block_bounds[2];          /* taken since: from below, from above */
};

static void lines_start(const struct clock_stretch *stretch, struct clock_lines *lines)
{
  const struct clock_lines *all = stretch->lines;
  clock_lines_init(lines, all->x_origin_ns, all->reference_ns, all->radius_ns, all->skew_max);
}

static void window_start(struct window *window, const struct clock_stretch *stretch,
                         int64_t block_ns)
{
  window->stretch = stretch;
  lines_start(stretch, &window->older);
  lines_start(stretch, &window->younger);
  window->block_ns = block_ns;
  window->block_bounds[0] = window->block_bounds[1] = 0;
}

static void window_take(struct window *window, const struct clock_bound *bound)
{
  clock_lines_bound(&window->older, bound->upper, bound->x_ns, bound->gain_ns, CLOCK_EASE_NS);
  clock_lines_bound(&window->younger, bound->upper, bound->x_ns, bound->gain_ns, CLOCK_EASE_NS);
  window->block_bounds[bound->upper ? 1 : 0]++;
  int64_t length_ns = clock_subtract(bound->x_ns, window->block_ns);
  if ((length_ns < 0 ? -length_ns : length_ns) < CLOCK_EVEN_NS ||
      window->block_bounds[0] < CLOCK_EVEN_BOUNDS || window->block_bounds[1] < CLOCK_EVEN_BOUNDS)
    return;
  window->older = window->younger;
  lines_start(window->stretch, &window->younger);
  window->block_ns = bound->x_ns;
  window->block_bounds[0] = window->block_bounds[1] = 0;
}

static void open_band(const struct clock_stretch *stretch, const struct clock_lines *lines,
                      int64_t from_ns, int64_t to_ns, struct clock_band *band)
{
  const int64_t ends[] = {from_ns, to_ns};
  for (size_t i = 0; i < 2; i++) {
    double at = clock_line_at(stretch->lines, &stretch->line, ends[i]);
    band->high_ns[i] = lines->above ? clock_lines_max(lines, ends[i]) - at : HUGE_VAL;
    band->low_ns[i] = lines->below ? clock_lines_min(lines, ends[i]) - at : -HUGE_VAL;
  }
}

static int64_t begin_ns(const struct clock_stretch *stretch, size_t zone)
{
  return zone == 0 ? stretch->before_x_ns : stretch->bounds[zone - 1].x_ns;
}

static int64_t end_ns(const struct clock_stretch *stretch, size_t zone)
{
  return zone == stretch->count ? stretch->behind_x_ns : stretch->bounds[zone].x_ns;
}

/* Bounds of both directions: how many must be taken, from the front or from the back. */
static size_t count_until_both(const struct clock_stretch *stretch, bool from_back)
{
  bool upper = false, lower = false;
  for (size_t i = 0; i < stretch->count; i++) {
    if (stretch->bounds[from_back ? stretch->count - 1 - i : i].upper)
      upper = true;
    else
      lower = true;
    if (upper && lower)
      return i + 1;
  }
  return stretch->count;
}

/* Zones at the edge of the stretch, where one direction is missing on the side of the edge, also
 * rest on the first bounds of that direction beyond them. */
static void suppose_even_before(const struct clock_stretch *stretch, struct clock_band *bands)
{
  struct window window;
  size_t taken = 0, both = count_until_both(stretch, false);
  window_start(&window, stretch, stretch->before_x_ns);
  for (size_t zone = 0; zone <= stretch->count; zone++) {
    while (taken < both || (taken < zone && stretch->bounds[taken].x_ns <= bands[zone].until_ns))
      window_take(&window, &stretch->bounds[taken++]);
    open_band(stretch, &window.older, begin_ns(stretch, zone), end_ns(stretch, zone), &bands[zone]);
  }
}

static void widen(struct clock_band *band, const struct clock_band *by)
{
  for (size_t i = 0; i < 2; i++) {
    band->high_ns[i] = fmax(band->high_ns[i], by->high_ns[i]);
    band->low_ns[i] = fmin(band->low_ns[i], by->low_ns[i]);
  }
}

static void suppose_even_behind(const struct clock_stretch *stretch, struct clock_band *bands)
{
  struct window window;
  size_t left = stretch->count, both = count_until_both(stretch, true);
  window_start(&window, stretch, stretch->behind_x_ns);
  for (size_t zone = stretch->count + 1; zone-- > 0;) {
    struct clock_band behind;
    while (stretch->count - left < both ||
           (left > zone && stretch->bounds[left - 1].x_ns >= bands[zone].since_ns))
      window_take(&window, &stretch->bounds[--left]);
    open_band(stretch, &window.older, begin_ns(stretch, zone), end_ns(stretch, zone), &behind);
    widen(&bands[zone], &behind);
  }
}

static void suppose(const struct clock_stretch *stretch, struct clock_band *bands)
{
  suppose_even_before(stretch, bands);
  suppose_even_behind(stretch, bands);
}

/* An unseen step is smaller than the band is high. */
static int64_t unseen_step_ns(const struct clock_band *band)
{
  double height = fmax(band->high_ns[0] - band->low_ns[0], band->high_ns[1] - band->low_ns[1]);
  return height < UNSEEN_MAX_NS ? (int64_t)height : UNSEEN_MAX_NS;
}

/* If an unseen step went backwards, times that long before it came again behind it, and packets
 * that took less were on their way meanwhile: their bounds may be found on the wrong side. So
 * bounds that close are left aside. */
static void set_aside(const struct clock_stretch *stretch, struct clock_band *bands)
{
  int64_t since_ns = INT64_MIN, until_ns = INT64_MAX;
  for (size_t zone = 0; zone <= stretch->count; zone++) {
    int64_t own_ns = clock_add(end_ns(stretch, zone), unseen_step_ns(&bands[zone]));
    since_ns = own_ns > since_ns ? own_ns : since_ns;
    bands[zone].since_ns = since_ns;
  }
  for (size_t zone = stretch->count + 1; zone-- > 0;) {
    int64_t own_ns = clock_subtract(begin_ns(stretch, zone), unseen_step_ns(&bands[zone]));
    until_ns = own_ns < until_ns ? own_ns : until_ns;
    bands[zone].until_ns = until_ns;
  }
}

/* Rounded to the nanosecond here, and by those who read a line. */
static int64_t band_width_ns(const struct clock_band *band)
{
  double worst = 0;
  for (size_t i = 0; i < 2; i++)
    worst = fmax(worst, fmax(band->high_ns[i], -band->low_ns[i]));
  worst = ceil(worst * (1 + 1e-12)) + 3;
  return worst < 0x1p62 ? (int64_t)worst : TIME_INVALID;
}

void clock_band_measure(const struct clock_stretch *stretch, struct clock_band *bands,
                        struct clock_zone *zones)
{
  for (size_t zone = 0; zone <= stretch->count; zone++) {
    bands[zone].until_ns = INT64_MAX;
    bands[zone].since_ns = INT64_MIN;
  }
  suppose(stretch, bands);
  set_aside(stretch, bands);
  suppose(stretch, bands);
  for (size_t zone = 0; zone <= stretch->count; zone++) {
    zones[zone].to_b_ns = end_ns(stretch, zone);
    zones[zone].uncertainty_ns = band_width_ns(&bands[zone]);
  }
}
