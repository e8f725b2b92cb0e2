#include "analyzer/clock_fit.h"

#include "analyzer/clock_slots.h"
#include "analyzer/clock_solve.h"

#include <stdlib.h>

/* Times beyond are taken as this: a difference of two fits into int64_t. */
#define TIME_MAX_NS ((INT64_C(1) << 62) - 1)
/* Before slots are 2^22 ns wide, 4 ms, 600 ppm of skew are nothing within one. */
#define SHIFT_SKEW 22u

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

static void list_bounds(const struct clock_fit *fit, enum clock_axis axis)
{
  struct clock_bound *bounds = clock_workspace_bounds(fit->workspace, axis);
  clock_workspace_set_count(fit->workspace, axis, clock_slots_list(&fit->slots[axis], bounds));
}

static void add(struct clock_fit *fit, enum clock_axis axis, const struct clock_bound *bound)
{
  struct clock_slots *slots = &fit->slots[axis];
  while (!clock_slots_add(slots, bound)) {
    if (slots->shift >= SHIFT_SKEW) {
      list_bounds(fit, axis);
      slots->skew = clock_solve_skew(fit->workspace, axis);
    }
    clock_slots_widen(slots);
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
  list_bounds(fit, CLOCK_AXIS_A);
  list_bounds(fit, CLOCK_AXIS_B);
  clock_solve(fit->workspace, map);
}
