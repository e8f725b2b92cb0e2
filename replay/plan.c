#include "replay/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool make_steps(struct plan_steps *steps)
{
  steps->steps = calloc(PLAN_STEPS_MAX, sizeof *steps->steps);
  return steps->steps != NULL;
}

struct plan *plan_new(void)
{
  struct plan *plan = calloc(1, sizeof *plan);
  if (plan == NULL)
    return NULL;
  plan->ip_version = 4;
  for (int host = 0; host < PLAN_HOSTS; host++) {
    struct plan_side *side = &plan->sides[host];
    side->window_scaling = side->timestamps = side->sack = true;
    side->buffer_condition = side->nagle_condition = side->route_condition =
        side->listen_full_condition = PLAN_NO_CONDITION;
    if (!make_steps(&side->writer) || !make_steps(&side->reader)) {
      plan_free(plan);
      return NULL;
    }
  }
  return plan;
}

void plan_free(struct plan *plan)
{
  if (plan == NULL)
    return;
  for (int host = 0; host < PLAN_HOSTS; host++) {
    free(plan->sides[host].writer.steps);
    free(plan->sides[host].reader.steps);
  }
  free(plan);
}

uint32_t plan_add_condition(struct plan *plan, enum plan_condition_kind kind, enum plan_host host,
                            int64_t from_ns, int64_t to_ns)
{
  if (plan->condition_count == PLAN_CONDITIONS_MAX) {
    plan->conditions_left_out++;
    return PLAN_NO_CONDITION;
  }
  plan->conditions[plan->condition_count] =
      (struct plan_condition){.kind = kind, .host = host, .from_ns = from_ns, .to_ns = to_ns};
  return plan->condition_count++;
}

void plan_condition_text(struct plan *plan, uint32_t condition, const char *format, ...)
{
  va_list arguments;
  if (condition >= plan->condition_count)
    return;
  va_start(arguments, format);
  vsnprintf(plan->conditions[condition].text, SCENARIO_LINE_MAX, format, arguments);
  va_end(arguments);
}

void plan_condition_why(struct plan *plan, uint32_t condition, const char *format, ...)
{
  va_list arguments;
  if (condition >= plan->condition_count)
    return;
  va_start(arguments, format);
  vsnprintf(plan->conditions[condition].why, PLAN_WHY_BYTES, format, arguments);
  va_end(arguments);
}

bool plan_add_step(struct plan_steps *steps, enum plan_step_kind kind, int64_t value,
                   uint32_t condition)
{
  if (steps->count == PLAN_STEPS_MAX)
    return false;
  steps->steps[steps->count++] = (struct plan_step){kind, value, condition};
  return true;
}

static void insert_step(struct plan_steps *steps, uint32_t at, struct plan_step step)
{
  if (steps->count == PLAN_STEPS_MAX)
    return;
  memmove(&steps->steps[at + 1], &steps->steps[at], (steps->count - at) * sizeof step);
  steps->steps[at] = step;
  steps->count++;
}

void plan_split_write(struct plan_steps *steps, int64_t at, enum plan_step_kind kind, int64_t value)
{
  int64_t written = 0;
  uint32_t i = 0;
  while (i < steps->count &&
         (steps->steps[i].kind != STEP_WRITE || written + steps->steps[i].value <= at)) {
    written += steps->steps[i].kind == STEP_WRITE ? steps->steps[i].value : 0;
    i++;
  }
  if (i == steps->count)
    return;
  const int64_t before = at - written;
  if (before > 0) {
    insert_step(steps, i, (struct plan_step){STEP_WRITE, before, PLAN_NO_CONDITION});
    steps->steps[++i].value -= before;
  }
  insert_step(steps, i, (struct plan_step){kind, value, PLAN_NO_CONDITION});
}

void plan_assume(struct plan *plan, const char *format, ...)
{
  va_list arguments;
  if (plan->assumption_count == RECORDING_ASSUMPTIONS_MAX)
    return;
  va_start(arguments, format);
  vsnprintf(plan->assumptions[plan->assumption_count++], PLAN_WHY_BYTES, format, arguments);
  va_end(arguments);
}

bool plan_is_off(const struct plan *plan, uint32_t condition)
{
  return condition < plan->condition_count && plan->conditions[condition].off;
}

uint32_t plan_suspected_count(const struct plan *plan)
{
  uint32_t count = 0;
  for (uint32_t i = 0; i < plan->condition_count; i++)
    count += plan->conditions[i].suspected ? 1 : 0;
  return count;
}

enum recording_side plan_side_of(const struct plan *plan, enum plan_host host)
{
  return plan->sides[host].opens ? RECORDING_CLIENT : RECORDING_SERVER;
}

enum plan_host plan_host_of(const struct plan *plan, enum recording_side side)
{
  return plan_side_of(plan, PLAN_A) == side ? PLAN_A : PLAN_B;
}
