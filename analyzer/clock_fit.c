#include "analyzer/clock_fit.h"

#include "analyzer/clock_math.h"
#include "analyzer/clock_slots.h"
#include "analyzer/clock_solve.h"

#include <stdlib.h>

/* Times beyond are taken as this: a difference of two fits into int64_t. */
#define TIME_MAX_NS ((INT64_C(1) << 62) - 1)
/* Within a span of so many ns, 4 s, no skew is worth looking for. */
#define SKEW_SPAN_NS (INT64_C(1) << 32)

struct clock_fit {
  struct clock_slots slots[CLOCK_AXES]; /* the same bounds, over A's time and over B's */
  struct clock_workspace *workspace;
};

struct clock_fit *clock_fit_new(void)
{
  struct clock_fit *fit = calloc(1, sizeof(*fit));
  if (!fit)
    return NULL;
  fit->workspace = clock_workspace_new();
  if (!fit->workspace) {
    free(fit);
    return NULL;
  }
  for (int axis = 0; axis < CLOCK_AXES; axis++)
    clock_slots_init(&fit->slots[axis]);
  return fit;
}

void clock_fit_free(struct clock_fit *fit)
{
  if (!fit)
    return;
  clock_workspace_free(fit->workspace);
  free(fit);
}

static int64_t clamp(int64_t time_ns)
{
  if (time_ns > TIME_MAX_NS)
    return TIME_MAX_NS;
  return time_ns < -TIME_MAX_NS ? -TIME_MAX_NS : time_ns;
}

/* Done a few dozen times at most in the life of a fit, so it may take its time. */
static void learn_skew(struct clock_fit *fit)
{
  struct clock_map map;
  clock_fit_solve(fit, &map);
  int64_t longest_ns = SKEW_SPAN_NS;
  double skew = 0;
  for (uint32_t i = 0; i < map.piece_count; i++) {
    const struct clock_piece *piece = &map.pieces[i];
    int64_t length_ns = clock_subtract(piece->to_ns, piece->from_ns);
    if (length_ns <= longest_ns)
      continue;
    longest_ns = length_ns;
    skew = piece->skew_ppm / 1e6;
  }
  fit->slots[CLOCK_AXIS_A].skew = skew;
  fit->slots[CLOCK_AXIS_B].skew = -skew / (1 + skew);
}

static void add(struct clock_fit *fit, enum clock_axis axis, const struct clock_bound *bound)
{
  while (!clock_slots_add(&fit->slots[axis], bound)) {
    learn_skew(fit);
    clock_slots_widen(&fit->slots[axis]);
  }
}

void clock_fit_add(struct clock_fit *fit, enum clock_direction direction, int64_t a_ns,
                   int64_t b_ns)
{
  if (!time_is_valid(a_ns) || !time_is_valid(b_ns))
    return;
  int64_t a = clamp(a_ns), b = clamp(b_ns);
  bool towards_b = direction == CLOCK_A_TO_B;
  struct clock_bound over_a = {.x_ns = a, .gain_ns = b - a, .upper = towards_b};
  struct clock_bound over_b = {.x_ns = b, .gain_ns = a - b, .upper = !towards_b};
  add(fit, CLOCK_AXIS_A, &over_a);
  add(fit, CLOCK_AXIS_B, &over_b);
}

void clock_fit_solve(const struct clock_fit *fit, struct clock_map *map)
{
  for (int axis = 0; axis < CLOCK_AXES; axis++) {
    struct clock_bound *bounds = clock_workspace_bounds(fit->workspace, (enum clock_axis)axis);
    size_t count = clock_slots_list(&fit->slots[axis], bounds);
    clock_workspace_set_count(fit->workspace, (enum clock_axis)axis, count);
  }
  clock_solve(fit->workspace, map);
}
