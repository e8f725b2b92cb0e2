#include "replay/plan_text.h"

#include "replay/script_text.h"
#include "wire/timestamp.h"

#include <inttypes.h>

static void add_duration(struct script_text *text, int64_t ns)
{
  if (ns % NS_PER_S == 0)
    script_text_add(text, "%" PRId64 "s", ns / NS_PER_S);
  else if (ns % NS_PER_MS == 0)
    script_text_add(text, "%" PRId64 "ms", ns / NS_PER_MS);
  else
    script_text_add(text, "%" PRId64 "us", (ns + NS_PER_US / 2) / NS_PER_US);
}

/* Behind a line: whether it is what the finding blames, and why it is there. */
static void add_remark(struct script_text *text, const struct plan *plan, uint32_t condition)
{
  if (condition < plan->condition_count) {
    const struct plan_condition *of = &plan->conditions[condition];
    if (of->suspected)
      script_text_add(text, " # suspected: %s", of->why);
    else if (of->why[0] != '\0')
      script_text_add(text, " # %s", of->why);
  }
  script_text_add(text, "\n");
}

static void add_target(struct script_text *text, const struct plan_target *target)
{
  if (!target->there)
    return;
  script_text_add(text, "#@ expect %s %s %s %s ", target->problem ? "problem" : "info",
                  target->kind, target->location, target->cause);
  add_duration(text, target->waited_ns);
  script_text_add(text, " sender=%s ended=%s\n",
                  target->sender == RECORDING_CLIENT ? "client" : "server", target->ended_by);
}

static void add_side(struct script_text *text, const struct plan *plan, enum plan_host host)
{
  const struct plan_side *side = &plan->sides[host];
  const char name = host == PLAN_A ? 'a' : 'b';
  script_text_add(text, "#@ %c host %s port=%u mss=%u", name, side->opens ? "opens" : "listens",
                  side->port, side->mss);
  if (side->window_scaling)
    script_text_add(text, " scale=%u", side->wscale);
  script_text_add(text, " timestamps=%d sack=%d", side->timestamps ? 1 : 0, side->sack ? 1 : 0);
  if (side->nodelay)
    script_text_add(text, " nodelay=1");
  if (side->tos != 0)
    script_text_add(text, " tos=%u", side->tos);
  if (side->send_buffer_bytes > 0)
    script_text_add(text, " send-buffer=%u", side->send_buffer_bytes);
  if (side->receive_buffer_bytes > 0 && side->buffer_condition == PLAN_NO_CONDITION)
    script_text_add(text, " receive-buffer=%u", side->receive_buffer_bytes);
  if (side->congestion_control[0] != '\0')
    script_text_add(text, " cc=%s", side->congestion_control);
  if (side->keep_alive_s[0] > 0)
    script_text_add(text, " keep-alive=%u,%u,%u", side->keep_alive_s[0], side->keep_alive_s[1],
                    side->keep_alive_s[2]);
  script_text_add(text, "\n");
  if (side->buffer_condition != PLAN_NO_CONDITION && !plan_is_off(plan, side->buffer_condition)) {
    script_text_add(text, "#@ %c receive-buffer %u", name, side->receive_buffer_bytes);
    add_remark(text, plan, side->buffer_condition);
  }
  if (side->route_condition != PLAN_NO_CONDITION && !plan_is_off(plan, side->route_condition)) {
    script_text_add(text, "#@ %c route rto-min=", name);
    add_duration(text, side->route_rto_min_ns);
    add_remark(text, plan, side->route_condition);
  }
  if (side->nagle_condition != PLAN_NO_CONDITION && !plan_is_off(plan, side->nagle_condition)) {
    script_text_add(text, "#@ %c nagle", name);
    add_remark(text, plan, side->nagle_condition);
  }
}

static void add_step(struct script_text *text, const struct plan *plan, char name, bool reader,
                     const struct plan_step *step)
{
  if (plan_is_off(plan, step->condition)) {
    if (step->kind == STEP_ABORT)
      script_text_add(text, "#@ %c shut\n", name);
    return;
  }
  script_text_add(text, "#@ %c ", name);
  switch (step->kind) {
  case STEP_WRITE: script_text_add(text, "write %" PRId64, step->value); break;
  case STEP_WAIT:
    script_text_add(text, "%s ", reader ? "stop-reading" : "wait");
    add_duration(text, step->value);
    break;
  case STEP_AWAIT_READ:
    if (step->value == INT64_MAX)
      script_text_add(text, "await-end");
    else
      script_text_add(text, "await-read %" PRId64, step->value);
    break;
  case STEP_AWAIT_QUEUE: script_text_add(text, "await-queue"); break;
  case STEP_AWAIT_SENT: script_text_add(text, "await-sent"); break;
  case STEP_READ: script_text_add(text, "read %" PRId64, step->value); break;
  case STEP_READ_ALL: script_text_add(text, "read-all"); break;
  case STEP_SHUT: script_text_add(text, "shut"); break;
  case STEP_ABORT: script_text_add(text, "abort"); break;
  }
  add_remark(text, plan, step->condition);
}

static void add_steps(struct script_text *text, const struct plan *plan, enum plan_host host)
{
  const struct plan_side *side = &plan->sides[host];
  const char name = host == PLAN_A ? 'a' : 'b';
  for (uint32_t i = 0; i < side->writer.count; i++)
    add_step(text, plan, name, false, &side->writer.steps[i]);
  for (uint32_t i = 0; i < side->reader.count; i++)
    add_step(text, plan, name, true, &side->reader.steps[i]);
}

static void add_path(struct script_text *text, const struct plan *plan, bool remarks)
{
  for (int direction = 0; direction < PATH_DIRECTIONS; direction++)
    if (plan->delay_ns[direction] > 0) {
      script_text_add(text, "%s delay ", direction == PATH_AB ? "ab" : "ba");
      add_duration(text, plan->delay_ns[direction]);
      script_text_add(text, "\n");
    }
  for (uint32_t i = 0; i < plan->condition_count; i++) {
    const struct plan_condition *condition = &plan->conditions[i];
    if (condition->kind != CONDITION_RULE || condition->off)
      continue;
    script_text_add(text, "%s", condition->text);
    if (remarks)
      add_remark(text, plan, i);
    else
      script_text_add(text, "\n");
  }
}

/* What a host does to itself. */
static void add_host_condition(struct script_text *text, const struct plan *plan,
                               const struct plan_condition *condition)
{
  const char name = condition->host == PLAN_A ? 'a' : 'b';
  switch (condition->kind) {
  case CONDITION_QUEUE_HOLD:
    script_text_add(text, "#@ %c hold-queue byte=%" PRId64 " for=", name, condition->hold.byte);
    add_duration(text, condition->hold.for_ns);
    break;
  case CONDITION_DEAF:
  case CONDITION_NEIGHBOUR:
    script_text_add(text, "#@ %c %s from=%s for=", name,
                    condition->kind == CONDITION_DEAF ? "deaf" : "forget-neighbour",
                    condition->spell.from);
    add_duration(text, condition->spell.for_ns);
    break;
  case CONDITION_LISTEN_FULL:
    script_text_add(text, "#@ %c listen-full ", name);
    add_duration(text, plan->sides[condition->host].listen_full_ns);
    break;
  case CONDITION_RULE:
  case CONDITION_WRITER_WAITS:
  case CONDITION_READER_STOPS:
  case CONDITION_SMALL_BUFFER:
  case CONDITION_NAGLE:
  case CONDITION_ROUTE: return; /* elsewhere */
  }
  add_remark(text, plan, (uint32_t)(condition - plan->conditions));
}

static void add_host_conditions(struct script_text *text, const struct plan *plan)
{
  for (uint32_t i = 0; i < plan->condition_count; i++)
    if (!plan->conditions[i].off)
      add_host_condition(text, plan, &plan->conditions[i]);
}

char *plan_text(const struct plan *plan)
{
  struct script_text text = {0};
  script_text_add(
      &text, "# Made by tcpstall replay. `tcpstall replay --scenario FILE` runs it; the lines that "
             "begin\n# with #@ are for the hosts, the others are for the path "
             "(docs/scenario.md).\n");
  add_target(&text, &plan->target);
  for (uint32_t i = 0; i < plan->assumption_count; i++)
    script_text_add(&text, "# assumed: %s\n", plan->assumptions[i]);
  script_text_add(&text, "#@ ip %u limit=", plan->ip_version);
  add_duration(&text, plan->limit_ns);
  script_text_add(&text, "%s\n", plan->old_pacing ? " old-pacing=1" : "");
  add_side(&text, plan, PLAN_A);
  add_side(&text, plan, PLAN_B);
  add_steps(&text, plan, PLAN_A);
  add_steps(&text, plan, PLAN_B);
  add_host_conditions(&text, plan);
  add_path(&text, plan, true);
  return script_text_finish(&text);
}

char *plan_scenario(const struct plan *plan)
{
  struct script_text text = {0};
  script_text_add(&text, "# the path\n");
  add_path(&text, plan, false);
  return script_text_finish(&text);
}
