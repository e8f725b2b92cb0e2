#include "analyzer/clock_cut.h"

#include "analyzer/clock_fit.h"

/* Packets that were on their way when a clock was stepped backwards may contradict both what was
 * before and what came after. No longer than that. */
#define ON_THE_WAY_NS (5 * NS_PER_S)
/* Cores that are tried as the other side of a confusion: the next ones, and then only large ones.
 */
#define NEAR_CORES   32u
#define LARGE_BOUNDS 16u
#define LARGE_CORES  3u
/* Cores at which a confusion may begin: more pieces do not fit into a map. */
#define BEGINNINGS (8 * CLOCK_PIECES_MAX)

static void start(const struct clock_bounds *all, struct clock_lines *lines, size_t index)
{
  const struct clock_bound *bound = &all->bounds[index];
  clock_lines_init(lines, bound->x_ns, bound->gain_ns, all->radius,
                   (long double)CLOCK_SKEW_MAX_PPM / 1e6L);
}

static bool take(const struct clock_bounds *all, struct clock_lines *lines, size_t index)
{
  const struct clock_bound *bound = &all->bounds[index];
  return clock_lines_bound(lines, bound->upper, bound->x_ns, bound->gain_ns, CLOCK_EASE_NS);
}

void clock_cut_lines(const struct clock_bounds *all, const struct clock_core *core,
                     struct clock_lines *lines)
{
  start(all, lines, core->first);
  for (size_t i = core->first; i <= core->last; i++)
    take(all, lines, i);
}

/* Each core goes on as long as any line satisfies it: there is no way to make do with fewer. */
static size_t cut_forwards(const struct clock_bounds *all, struct clock_core *cores)
{
  struct clock_lines lines;
  size_t count = 0, first = 0;
  start(all, &lines, 0);
  for (size_t i = 0; i < all->count; i++) {
    if (take(all, &lines, i))
      continue;
    cores[count++] = (struct clock_core){first, i - 1};
    first = i;
    start(all, &lines, i);
    take(all, &lines, i);
  }
  cores[count++] = (struct clock_core){first, all->count - 1};
  return count;
}

/* Takes from the end of each core what the next one would satisfy as well. Something is left of
 * each, or else fewer would have done. */
static void cut_backwards(const struct clock_bounds *all, struct clock_core *cores, size_t count)
{
  for (size_t n = count; n-- > 1;) {
    struct clock_core *before = &cores[n - 1];
    struct clock_lines lines;
    clock_cut_lines(all, &cores[n], &lines);
    while (before->last > before->first && take(all, &lines, before->last))
      before->last--;
  }
}

static bool is_allowed(const struct clock_lines *lines, const struct clock_bound *bound)
{
  return clock_lines_allow(lines, bound->upper, bound->x_ns, bound->gain_ns, CLOCK_EASE_NS);
}

/* Whether one step between cores p and q accounts for all bounds between them. */
static bool is_one_step(const struct clock_bounds *all, const struct clock_core *p,
                        const struct clock_lines *p_lines, const struct clock_core *q)
{
  int64_t from_ns = all->bounds[p->last].x_ns, to_ns = all->bounds[q->first].x_ns;
  struct clock_lines q_lines;
  clock_cut_lines(all, q, &q_lines);
  if (!q_lines.above || !q_lines.below)
    return false;
  long double rise = clock_lines_max(&q_lines, to_ns) + (long double)q_lines.reference_ns -
                     clock_lines_min(p_lines, from_ns) - (long double)p_lines->reference_ns;
  long double longest = ON_THE_WAY_NS + (rise > 0 ? 2 * rise : 0);
  if ((long double)to_ns - (long double)from_ns > longest)
    return false;
  for (size_t i = p->last + 1; i < q->first; i++)
    if (!is_allowed(p_lines, &all->bounds[i]) && !is_allowed(&q_lines, &all->bounds[i]))
      return false;
  return true;
}

/* The core behind the step at the end of cores[p]: mostly the next one, but a clock that is stepped
 * backwards shows some time twice, where bounds from before and from behind the step alternate. */
static size_t find_other_side(const struct clock_bounds *all, const struct clock_core *cores,
                              size_t count, size_t p)
{
  struct clock_lines lines;
  clock_cut_lines(all, &cores[p], &lines);
  if (!lines.above || !lines.below)
    return p + 1;
  unsigned tried = 0;
  for (size_t q = p + NEAR_CORES + 1; q < count && tried < LARGE_CORES; q++) {
    if (cores[q].last - cores[q].first + 1 < LARGE_BOUNDS)
      continue;
    tried++;
    if (is_one_step(all, &cores[p], &lines, &cores[q]))
      return q;
  }
  for (size_t q = p + NEAR_CORES < count ? p + NEAR_CORES : count - 1; q > p + 1; q--)
    if (is_one_step(all, &cores[p], &lines, &cores[q]))
      return q;
  return p + 1;
}

static size_t drop_confusion(const struct clock_bounds *all, struct clock_core *cores, size_t count)
{
  size_t kept = 0, p = 0;
  while (p < count) {
    cores[kept++] = cores[p];
    p = kept <= BEGINNINGS && p + 2 < count ? find_other_side(all, cores, count, p) : p + 1;
  }
  return kept;
}

size_t clock_cut(const struct clock_bounds *bounds, struct clock_core *cores)
{
  size_t count = cut_forwards(bounds, cores);
  cut_backwards(bounds, cores, count);
  return drop_confusion(bounds, cores, count);
}
