#include "replay/plan_parts.h"

#include <stdio.h>
#include <string.h>

/* From a recording to a plan: hosts, applications, path, and which of it the finding blames. */

/* A scale below that is not what kernels announce by themselves: somebody has set the buffer. */
#define TUNED_SCALE_MIN 5
/* By how much the window of a fixed buffer grows (Linux 6.x, frames of 1500 bytes). */
#define WINDOW_GROWTH 1.23
/* A run may take so much longer than the recording. */
#define LIMIT_SHARE    1.5
#define LIMIT_EXTRA_NS (8 * NS_PER_S)
/* Where the stall lasts to the end of the recording, the run ends as well. */
#define OPEN_END_NS (300 * NS_PER_MS)
/* What happened that much before a stall may be its cause. */
#define BEFORE_NS                (50 * NS_PER_MS)
#define CONGESTION_CONTROL_GUESS "cubic"

static bool is_any(const char *word, const char *const *words)
{
  for (; *words != NULL; words++)
    if (strcmp(word, *words) == 0)
      return true;
  return false;
}

/* ---- hosts ---- */

static uint32_t buffer_bytes(const struct recorded_host *host)
{
  const uint64_t window = host->window_max > 0 ? host->window_max : 65535;
  if (host->window_scaling && host->wscale >= TUNED_SCALE_MIN)
    return 0;
  uint64_t bytes = window;
  /* A SYN announces the buffer, rounded down to whole segments; later windows may be larger, as the
   * kernel learns that less of it is overhead than it had feared. */
  if (host->syn_window > 0 && window < (uint64_t)2 * host->syn_window) {
    const uint64_t least = host->syn_window, most = least + host->mss;
    bytes = (uint64_t)((double)window / WINDOW_GROWTH);
    bytes = bytes < least ? least : bytes;
    bytes = bytes > most ? most : bytes;
  }
  /* The scale is announced if the buffer lies in its range. */
  if (host->window_scaling && bytes >> host->wscale > 65535)
    bytes = (uint64_t)65535 << host->wscale;
  if (host->window_scaling && host->wscale > 0 && bytes < (uint64_t)32768 << host->wscale)
    bytes = (uint64_t)33000 << host->wscale;
  return (uint32_t)bytes;
}

static void set_up_host(struct plan *plan, const struct recording *recording, enum plan_host host,
                        const char *congestion_control)
{
  const enum recording_side side = plan_side_of(plan, host);
  const struct recorded_host *recorded = &recording->hosts[side];
  const struct recorded_host *peer = &recording->hosts[plan_opposite(side)];
  struct plan_side *to = &plan->sides[host];
  to->port = recording->points[0].endpoints[side].port;
  to->mss = recorded->mss;
  to->window_scaling = recorded->window_scaling || peer->window_scaling;
  to->wscale = recorded->wscale;
  to->timestamps = recorded->timestamps;
  to->sack = recorded->sack;
  to->tos = recorded->tos & 0xfc; /* without ECN */
  to->receive_buffer_bytes = buffer_bytes(recorded);
  snprintf(to->congestion_control, sizeof to->congestion_control, "%s",
           congestion_control != NULL ? congestion_control : CONGESTION_CONTROL_GUESS);
}

/* Host A is where capture point A was taken, or else who sends the data. */
static void choose_hosts(struct plan *plan, const struct recording *recording,
                         const struct recorded_finding *target)
{
  enum recording_side a = target != NULL ? target->sender : RECORDING_CLIENT;
  if (recording->points[0].place == RECORDED_AT_CLIENT && recording->point_count > 1)
    a = RECORDING_CLIENT;
  else if (recording->points[0].place == RECORDED_AT_SERVER && recording->point_count > 1)
    a = RECORDING_SERVER;
  plan->sides[PLAN_A].opens = a == RECORDING_CLIENT;
  plan->sides[PLAN_B].opens = a != RECORDING_CLIENT;
  plan->ip_version = recording->points[0].endpoints[0].ip_version == 6 ? 6 : 4;
}

/* ---- causes that lie within a host ---- */

static bool nearly_always_small(const struct plan_side *side)
{
  return side->receive_buffer_bytes > 0;
}

static void add_queue_hold(struct plan *plan, const struct plan_flow *flow,
                           const struct recorded_finding *target)
{
  const enum plan_host host = plan_host_of(plan, target->sender);
  const struct flow_passages *passages = &flow->sides[target->sender];
  const struct passage *last = NULL;
  for (size_t i = 0; i < passages->count; i++) {
    const struct passage *passage = &passages->passages[i];
    if (passage->sent != NULL && passage->sent_ns > target->start_ns + BEFORE_NS)
      break;
    if (passage->sent != NULL && passage->end > passage->first)
      last = passage;
  }
  const uint32_t condition =
      plan_add_condition(plan, CONDITION_QUEUE_HOLD, host, target->start_ns, target->end_ns);
  if (condition == PLAN_NO_CONDITION)
    return;
  /* What is written behind that byte meets a queue that stands; but one segment still slips out. */
  struct plan_condition *of = &plan->conditions[condition];
  const int64_t at = last != NULL ? last->first : 0;
  of->hold.byte = at > 0 ? at - 1 : 0;
  if (at > 0)
    plan_split_write(&plan->sides[host].writer, at, STEP_AWAIT_QUEUE, 0);
  of->hold.for_ns = target->end_ns - (last != NULL ? last->sent_ns : target->start_ns);
  plan_condition_text(plan, condition, "%s's transmit queue holds for %.3f s",
                      host == PLAN_A ? "A" : "B", time_to_s(of->hold.for_ns));
  plan_condition_why(plan, condition, "what left then had been built before; it left behind %s",
                     strcmp(target->ended_by, "foreign-packet") == 0
                         ? "a packet that has nothing to do with the stream"
                         : "nothing that was seen (here: a ping)");
  plan->old_pacing = true;
  plan_assume(plan, "the sender's TCP handed down all that its window allowed, as kernels of that "
                    "time did (tcp_pacing_*_ratio)");
}

/* How long the sender waited before it sent the same bytes again. */
static int64_t timeout_ns(const struct plan_flow *flow, const struct recorded_finding *target)
{
  const struct flow_passages *own = &flow->sides[target->sender];
  int64_t longest_ns = 0;
  for (size_t i = 0; i < own->count; i++) {
    const struct passage *passage = &own->passages[i];
    if (passage->sent == NULL || passage->copy < 2 || passage->sent_ns < target->start_ns ||
        passage->sent_ns > target->end_ns)
      continue;
    for (size_t k = i; k-- > 0;)
      if (own->passages[k].first <= passage->first && own->passages[k].end > passage->first) {
        const int64_t waited_ns = passage->sent_ns - own->passages[k].sent_ns;
        longest_ns = waited_ns > longest_ns ? waited_ns : longest_ns;
        break;
      }
  }
  return longest_ns;
}

static void add_route(struct plan *plan, const struct plan_flow *flow,
                      const struct recorded_finding *target)
{
  const enum plan_host host = plan_host_of(plan, target->sender);
  struct plan_side *side = &plan->sides[host];
  const int64_t least_ns =
      timeout_ns(flow, target) - flow->sides[0].delay_ns - flow->sides[1].delay_ns;
  if (least_ns <= NS_PER_MS)
    return;
  side->route_rto_min_ns = least_ns / NS_PER_MS * NS_PER_MS;
  side->route_condition =
      plan_add_condition(plan, CONDITION_ROUTE, host, target->start_ns, target->end_ns);
  plan_condition_text(plan, side->route_condition,
                      "%s's route has a least retransmission timeout of %.3f s",
                      host == PLAN_A ? "A" : "B", time_to_s(side->route_rto_min_ns));
  plan_condition_why(plan, side->route_condition, "it waited so long before it sent again");
}

static void add_host_causes(struct plan *plan, const struct plan_flow *flow,
                            const struct recorded_finding *target)
{
  static const char *const buffer_causes[] = {"rcvbuf-limited", "silly-window", "window-shrink",
                                              NULL};
  const enum plan_host sender = plan_host_of(plan, target->sender);
  const enum plan_host receiver = plan_other(sender);
  plan_host(plan, flow, target);
  if (strcmp(target->location, "sender-queue") == 0 &&
      strcmp(target->cause, "neighbour-unresolved") != 0)
    add_queue_hold(plan, flow, target);
  if (strcmp(target->cause, "excessive-rto") == 0)
    add_route(plan, flow, target);
  if (strcmp(target->cause, "nagle-delayed-ack") == 0) {
    struct plan_side *side = &plan->sides[sender];
    side->nodelay = false;
    side->nagle_condition =
        plan_add_condition(plan, CONDITION_NAGLE, sender, target->start_ns, target->end_ns);
    plan_condition_text(plan, side->nagle_condition, "%c uses Nagle's algorithm",
                        sender == PLAN_A ? 'a' : 'b');
    plan_condition_why(plan, side->nagle_condition, "the finding says so");
  }
  if (is_any(target->cause, buffer_causes) && nearly_always_small(&plan->sides[receiver])) {
    struct plan_side *side = &plan->sides[receiver];
    side->buffer_condition =
        plan_add_condition(plan, CONDITION_SMALL_BUFFER, receiver, TIME_INVALID, TIME_INVALID);
    plan_condition_text(plan, side->buffer_condition, "a receive buffer of %u bytes",
                        side->receive_buffer_bytes);
    plan_condition_why(plan, side->buffer_condition, "its window was never larger");
  }
}

/* ---- what is blamed ---- */

static bool in_time(const struct plan_condition *condition, const struct recorded_finding *target)
{
  if (condition->from_ns == TIME_INVALID)
    return true;
  return condition->from_ns <= target->end_ns && condition->to_ns >= target->start_ns - BEFORE_NS;
}

static bool is_suspected(const struct plan *plan, const struct plan_condition *condition,
                         const struct recorded_finding *target)
{
  static const char *const path[] = {"forward-path", "reverse-path", "unknown", NULL};
  static const char *const rewriting[] = {"window-scale-rewritten", "window-scale-stripped", NULL};
  const enum plan_host sender = plan_host_of(plan, target->sender);
  const bool timely = in_time(condition, target);
  switch (condition->kind) {
  case CONDITION_RULE:
    if (is_any(target->cause, rewriting))
      return strstr(condition->text, " wscale ") != NULL;
    return timely &&
           (is_any(target->location, path) || strcmp(target->location, "receiver-tcp") == 0);
  /* All of them: one pause left would stall the stream like the others. */
  case CONDITION_WRITER_WAITS:
    return strcmp(target->location, "sender-app") == 0 && condition->host == sender;
  case CONDITION_READER_STOPS:
    return strcmp(target->cause, "deadlock") == 0 ||
           (condition->host != sender && (strcmp(target->location, "receiver-app") == 0 ||
                                          strcmp(target->location, "receiver-tcp") == 0));
  case CONDITION_SMALL_BUFFER:
  case CONDITION_NAGLE:
  case CONDITION_ROUTE:
  case CONDITION_QUEUE_HOLD:
  case CONDITION_DEAF:
  case CONDITION_NEIGHBOUR:
  case CONDITION_LISTEN_FULL: return true;
  }
  return false;
}

static void blame(struct plan *plan, const struct recorded_finding *target)
{
  for (uint32_t i = 0; i < plan->condition_count; i++)
    plan->conditions[i].suspected = is_suspected(plan, &plan->conditions[i], target);
}

static void set_target(struct plan *plan, const struct recorded_finding *target)
{
  struct plan_target *to = &plan->target;
  *to = (struct plan_target){.there = true,
                             .problem = target->problem,
                             .sender = target->sender,
                             .waited_ns = target->waited_ns};
  snprintf(to->kind, sizeof to->kind, "%s", target->kind);
  snprintf(to->location, sizeof to->location, "%s", target->location);
  snprintf(to->cause, sizeof to->cause, "%s", target->cause);
  snprintf(to->ended_by, sizeof to->ended_by, "%s", target->ended_by);
}

/* ---- all ---- */

static int check(const struct recording *recording, const struct plan_flow *flow,
                 struct error *error)
{
  if (recording->points[0].endpoints[RECORDING_SERVER].port == 0)
    return error_set(error, ERROR_UNSUPPORTED, "the connection has no port");
  if (flow->sides[RECORDING_CLIENT].bytes == 0 && flow->sides[RECORDING_SERVER].bytes == 0 &&
      !recording->whole)
    return error_set(error, ERROR_UNSUPPORTED,
                     "neither data nor a handshake were captured: there is nothing to replay");
  return 0;
}

static void set_limit(struct plan *plan, const struct recording *recording,
                      const struct recorded_finding *target)
{
  const int64_t lasted_ns = recording->end_ns - recording->start_ns;
  plan->limit_ns = (int64_t)((double)lasted_ns * LIMIT_SHARE) + LIMIT_EXTRA_NS;
  if (target != NULL && strcmp(target->ended_by, "capture-end") == 0)
    plan->limit_ns = lasted_ns + OPEN_END_NS;
  plan->limit_ns = (plan->limit_ns / NS_PER_MS + 1) * NS_PER_MS;
}

struct plan *plan_extract(const struct recording *recording, const char *congestion_control,
                          struct error *error)
{
  const struct recorded_finding *target =
      recording->target < recording->finding_count ? &recording->findings[recording->target] : NULL;
  struct plan *plan = plan_new();
  struct plan_flow *flow = plan_flow_new(recording);
  if (plan == NULL || flow == NULL) {
    error_set(error, ERROR_MEMORY, "out of memory");
    plan_free(plan);
    plan_flow_free(flow);
    return NULL;
  }
  const int result = check(recording, flow, error);
  if (result == 0) {
    choose_hosts(plan, recording, target);
    for (int host = 0; host < PLAN_HOSTS; host++) {
      set_up_host(plan, recording, (enum plan_host)host, congestion_control);
      plan_writer(plan, flow, target, (enum plan_host)host);
      plan_reader(plan, flow, (enum plan_host)host);
    }
    plan_path(plan, flow, target);
    plan_rewrites(plan, flow);
    set_limit(plan, recording, target);
    if (congestion_control == NULL)
      plan_assume(plan, "congestion control: %s (--cc)", CONGESTION_CONTROL_GUESS);
  }
  if (result == 0 && target != NULL) {
    add_host_causes(plan, flow, target);
    blame(plan, target);
    set_target(plan, target);
  }
  plan_flow_free(flow);
  if (result == 0)
    return plan;
  plan_free(plan);
  return NULL;
}
