#include "analyzer/clock_cut.h"

#include "analyzer/clock_fit.h"
#include "analyzer/clock_math.h"

/* No packet is on its way for longer than a day. */
#define RADIUS_NS 86400e9
/* Packets that were on their way when a clock was stepped backwards may contradict both what was
 * before and what came after. No longer than that. */
#define ON_THE_WAY_NS (5 * NS_PER_S)
/* Cores that are tried as the other side of a confusion: the next ones, and then only large
 * ones. */
#define NEAR_CORES   32u
#define LARGE_BOUNDS 16u
#define LARGE_CORES  3u
/* Cores at which a confusion may begin: more pieces do not fit into a map. */
#define BEGINNINGS (8 * CLOCK_PIECES_MAX)

/* As many bounds, all in a row, may be mistaken if what is before and behind them is sure: so many
 * bounds from either side. */
#define MISTAKE_BOUNDS 2u
#define SOLID_BOUNDS   4u
#define MISTAKE_PASSES 4u

static void start(const struct clock_bounds *all, struct clock_lines *lines, size_t index)
{
  const struct clock_bound *bound = &all->bounds[index];
  clock_lines_init(lines, bound->x_ns, bound->gain_ns, RADIUS_NS, CLOCK_SKEW_MAX_PPM / 1e6);
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

/* Whether one step between cores p and q accounts for all bounds between them; p[1] is the first to
 * contradict p. */
static bool is_one_step(const struct clock_bounds *all, const struct clock_core *p,
                        const struct clock_lines *p_lines, const struct clock_core *q)
{
  struct clock_lines q_lines;
  if (clock_subtract(all->bounds[q->first].x_ns, all->bounds[p[1].first].x_ns) > ON_THE_WAY_NS)
    return false;
  clock_cut_lines(all, q, &q_lines);
  if (!q_lines.above || !q_lines.below)
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

static size_t cut_once(const struct clock_bounds *all, struct clock_core *cores)
{
  size_t count = cut_forwards(all, cores);
  cut_backwards(all, cores, count);
  return count;
}

bool clock_cut_is_solid(const struct clock_bounds *all, const struct clock_core *core)
{
  size_t upper = 0, lower = 0;
  for (size_t i = core->first; i <= core->last; i++) {
    if (all->bounds[i].upper)
      upper++;
    else
      lower++;
  }
  return upper >= SOLID_BOUNDS && lower >= SOLID_BOUNDS;
}

static bool is_one_line(const struct clock_bounds *all, const struct clock_core *p,
                        const struct clock_core *q)
{
  struct clock_lines lines;
  clock_cut_lines(all, p, &lines);
  for (size_t i = q->first; i <= q->last; i++)
    if (!take(all, &lines, i))
      return false;
  return true;
}

/* Two packets taken for one, or a retransmission for the first transmission, make a bound that
 * contradicts the clock before and behind, which agree. It is no step there and back. */
static bool is_mistake(const struct clock_bounds *all, const struct clock_core *core)
{
  return core->last - core->first + 1 <= MISTAKE_BOUNDS && clock_cut_is_solid(all, core - 1) &&
         clock_cut_is_solid(all, core + 1) && is_one_line(all, core - 1, core + 1);
}

/* Returns whether there were any. */
static bool drop_mistakes(struct clock_bounds *all, const struct clock_core *cores, size_t count)
{
  size_t kept = 0, next = 0;
  for (size_t n = 1; n + 1 < count && n < BEGINNINGS; n++) {
    if (!is_mistake(all, &cores[n]))
      continue;
    while (next < cores[n].first)
      all->bounds[kept++] = all->bounds[next++];
    next = cores[n].last + 1;
  }
  if (kept == next)
    return false;
  while (next < all->count)
    all->bounds[kept++] = all->bounds[next++];
  all->count = kept;
  return true;
}

size_t clock_cut(struct clock_bounds *all, struct clock_core *cores, int64_t *confused_ns)
{
  size_t count = cut_once(all, cores), kept = 0, p = 0;
  for (unsigned i = 0; i < MISTAKE_PASSES && drop_mistakes(all, cores, count); i++)
    count = cut_once(all, cores);
  *confused_ns = 0;
  while (p < count) {
    size_t q = kept < BEGINNINGS && p + 2 < count ? find_other_side(all, cores, count, p) : p + 1;
    cores[kept++] = cores[p];
    if (q > p + 1)
      *confused_ns += all->bounds[cores[q].first].x_ns - all->bounds[cores[p + 1].first].x_ns;
    p = q;
  }
  return kept;
}
