#include "replay/plan_parts.h"

#include <stdio.h>
#include <string.h>

/* What a host did to itself: below its capture point its firewall, its neighbour table, its accept
 * queue; what its socket lays down for TCP. */

/* So much before something arrives that is not to be heard, the host is deaf; and it hears again so
 * much before what it did hear. */
#define AHEAD_NS NS_PER_MS
/* What comes that long ahead of a finding may belong to it. */
#define BEFORE_NS (500 * NS_PER_MS)
/* Ends the questions for a neighbour that are lost: half the time between two (retrans_timer_ms).
 */
#define QUESTION_NS (500 * NS_PER_MS)
/* A host forgets so long before it has to know. */
#define FORGETS_NS (50 * NS_PER_MS)
/* Between two SYNs, the first two being 1 s apart (RFC 6298, 2): the last is the one answered. */
#define SYN_NS     (500 * NS_PER_MS)
#define SECOND_MAX 32767

static void add_spell(struct plan *plan, const struct plan_flow *flow,
                      enum plan_condition_kind kind, enum plan_host host, int64_t from_ns,
                      int64_t to_ns, const char *text, const char *why)
{
  if (to_ns <= from_ns)
    return;
  const uint32_t condition = plan_add_condition(plan, kind, host, from_ns, to_ns);
  if (condition == PLAN_NO_CONDITION)
    return;
  struct plan_spell *spell = &plan->conditions[condition].spell;
  plan_mark(plan, flow, from_ns, spell->from, sizeof spell->from);
  spell->for_ns = to_ns - from_ns;
  plan_condition_text(plan, condition, "%c %s for %.3f s", host == PLAN_A ? 'a' : 'b', text,
                      time_to_s(spell->for_ns));
  plan_condition_why(plan, condition, "%s", why);
}

/* ---- deaf ---- */

/* The first arrival, from from_ns on, that acknowledges more than `ack`, or opens the window beyond
 * `edge`; TIME_INVALID: none. */
static int64_t first_word_ns(const struct flow_passages *far, int64_t from_ns, int64_t ack,
                             int64_t edge, uint8_t shift)
{
  int64_t first_ns = TIME_INVALID;
  for (size_t i = 0; i < far->count; i++) {
    const struct passage *passage = &far->passages[i];
    if (passage->arrived == NULL || passage->arrived_ns < from_ns)
      continue;
    const bool opens = passage->ack + ((int64_t)passage->arrived->window << shift) > edge;
    if ((passage->ack > ack || opens) &&
        (!time_is_valid(first_ns) || passage->arrived_ns < first_ns))
      first_ns = passage->arrived_ns;
  }
  return first_ns;
}

static bool is_probe(const struct passage *passage, int64_t sent)
{
  return passage->sent != NULL && passage->end == passage->first && passage->first < sent &&
         !(passage->sent->flags & (TCP_SYN | TCP_FIN | TCP_RST));
}

/* The sender was told, and sent again, or asked again, all the same. */
static void add_deaf_sender(struct plan *plan, const struct plan_flow *flow,
                            const struct recorded_finding *target)
{
  const struct flow_passages *own = &flow->sides[target->sender];
  const struct flow_passages *far = &flow->sides[plan_opposite(target->sender)];
  const struct recorded_host *peer = &flow->recording->hosts[plan_opposite(target->sender)];
  const uint8_t shift = peer->window_scaling ? peer->wscale : 0;
  int64_t from_ns = TIME_INVALID, last_ns = TIME_INVALID, sent = 0;
  for (size_t i = 0; i < own->count; i++) {
    const struct passage *passage = &own->passages[i];
    if (passage->sent == NULL || passage->sent_ns > target->end_ns)
      break;
    const bool again = passage->copy > 1 || is_probe(passage, sent);
    sent = passage->end > sent ? passage->end : sent;
    if (!again || passage->sent_ns < target->start_ns - BEFORE_NS)
      continue;
    last_ns = passage->sent_ns;
    if (time_is_valid(from_ns))
      continue;
    /* of a probe: what opens the window; of data: what acknowledges them */
    const int64_t told_ns =
        passage->copy > 1
            ? first_word_ns(far, target->start_ns - BEFORE_NS, passage->first, INT64_MAX, shift)
            : first_word_ns(far, target->start_ns - BEFORE_NS, INT64_MAX, sent, shift);
    if (time_is_valid(told_ns) && told_ns < target->end_ns)
      from_ns = told_ns;
  }
  if (time_is_valid(from_ns) && time_is_valid(last_ns))
    add_spell(plan, flow, CONDITION_DEAF, plan_host_of(plan, target->sender), from_ns - AHEAD_NS,
              last_ns + AHEAD_NS, "hears nothing", "what arrived there did not reach its TCP");
}

/* The receiver got data, and did not say so. */
static void add_deaf_receiver(struct plan *plan, const struct plan_flow *flow,
                              const struct recorded_finding *target)
{
  const struct flow_passages *data = &flow->sides[target->sender];
  const struct flow_passages *own = &flow->sides[plan_opposite(target->sender)];
  int64_t acked = 0, answered_ns = INT64_MAX, from_ns = TIME_INVALID, to_ns = TIME_INVALID;
  for (size_t i = 0; i < own->count; i++) {
    const struct passage *passage = &own->passages[i];
    if (passage->sent == NULL)
      continue;
    if (passage->sent_ns <= target->start_ns + BEFORE_NS / 10 && passage->ack > acked)
      acked = passage->ack;
    if (passage->sent_ns > target->start_ns + BEFORE_NS / 10 && passage->ack > acked &&
        passage->sent_ns < answered_ns)
      answered_ns = passage->sent_ns;
  }
  for (size_t i = 0; i < data->count; i++) {
    const struct passage *passage = &data->passages[i];
    if (passage->arrived == NULL || passage->end <= acked || passage->arrived_ns > answered_ns)
      continue;
    if (!time_is_valid(from_ns))
      from_ns = passage->arrived_ns;
    to_ns = passage->arrived_ns;
  }
  if (time_is_valid(from_ns) && answered_ns == INT64_MAX)
    to_ns = target->end_ns + NS_PER_S; /* it never did */
  if (time_is_valid(from_ns))
    add_spell(plan, flow, CONDITION_DEAF, plan_host_of(plan, plan_opposite(target->sender)),
              from_ns - AHEAD_NS, to_ns - AHEAD_NS, "hears nothing",
              "what arrived there did not reach its TCP");
}

/* ---- what else ---- */

/* It forgot the address while nothing was under way, and met that when it wrote again. */
static void add_neighbour(struct plan *plan, const struct plan_flow *flow,
                          const struct recorded_finding *target)
{
  const enum plan_host host = plan_host_of(plan, target->sender);
  const struct flow_passages *own = &flow->sides[target->sender];
  int64_t sent = 0, sent_ns = flow->origin_ns;
  for (size_t i = 0; i < own->count; i++)
    if (own->passages[i].sent != NULL && own->passages[i].sent_ns < target->start_ns &&
        own->passages[i].end > sent) {
      sent = own->passages[i].end;
      sent_ns = own->passages[i].sent_ns;
    }
  add_spell(plan, flow, CONDITION_NEIGHBOUR, host,
            target->start_ns - FORGETS_NS > sent_ns ? target->start_ns - FORGETS_NS : sent_ns,
            target->end_ns - QUESTION_NS, "does not know its neighbour's address",
            "it asked for it, and the questions were lost");
  const int64_t idle_ns =
      target->start_ns - sent_ns - flow->sides[0].delay_ns - flow->sides[1].delay_ns;
  if (sent == 0 || idle_ns < FORGETS_NS)
    return;
  plan_split_write(&plan->sides[host].writer, sent, STEP_AWAIT_SENT, 0);
  plan_split_write(&plan->sides[host].writer, sent, STEP_WAIT, idle_ns);
}

static uint32_t seconds(int64_t ns)
{
  const int64_t whole = (ns + NS_PER_S / 2) / NS_PER_S;
  return whole < 1 ? 1 : whole > SECOND_MAX ? SECOND_MAX : (uint32_t)whole;
}

static void set_keep_alive(struct plan *plan, const struct plan_flow *flow,
                           const struct recorded_finding *target)
{
  struct plan_side *side = &plan->sides[plan_host_of(plan, target->sender)];
  const struct flow_passages *own = &flow->sides[target->sender];
  int64_t before_ns = flow->origin_ns, sent = 0;
  for (size_t i = 0; i < own->count; i++) {
    const struct passage *passage = &own->passages[i];
    if (passage->sent == NULL)
      continue;
    if (is_probe(passage, sent) && side->keep_alive_s[2]++ == 0)
      side->keep_alive_s[0] = side->keep_alive_s[1] = seconds(passage->sent_ns - before_ns);
    else if (is_probe(passage, sent) && side->keep_alive_s[2] == 2)
      side->keep_alive_s[1] = seconds(passage->sent_ns - before_ns);
    before_ns = passage->sent_ns;
    sent = passage->end > sent ? passage->end : sent;
  }
}

/* Several SYNs arrived, and the last of them was answered. */
static void add_listen_full(struct plan *plan, const struct plan_flow *flow,
                            const struct recorded_finding *target)
{
  const struct flow_passages *opener = &flow->sides[RECORDING_CLIENT];
  struct plan_side *side = &plan->sides[plan_host_of(plan, RECORDING_SERVER)];
  int64_t first_ns = TIME_INVALID, last_ns = TIME_INVALID;
  for (size_t i = 0; i < opener->count; i++) {
    const struct passage *passage = &opener->passages[i];
    if (passage->arrived == NULL || !(passage->arrived->flags & TCP_SYN))
      continue;
    first_ns = time_is_valid(first_ns) ? first_ns : passage->arrived_ns;
    last_ns = passage->arrived_ns;
  }
  if (!time_is_valid(first_ns) || last_ns - first_ns < SYN_NS)
    return;
  side->listen_full_ns = last_ns - first_ns - SYN_NS;
  side->listen_full_condition =
      plan_add_condition(plan, CONDITION_LISTEN_FULL, plan_host_of(plan, RECORDING_SERVER),
                         target->start_ns, target->end_ns);
  plan_condition_text(plan, side->listen_full_condition, "the accept queue is full for %.3f s",
                      time_to_s(side->listen_full_ns));
  plan_condition_why(plan, side->listen_full_condition, "SYNs arrived, and were not answered");
}

void plan_host(struct plan *plan, const struct plan_flow *flow,
               const struct recorded_finding *target)
{
  const char *cause = target->cause;
  if (strcmp(cause, "ack-ignored") == 0 || strcmp(cause, "window-update-ignored") == 0)
    add_deaf_sender(plan, flow, target);
  else if (strcmp(cause, "local-drop-input") == 0 || strcmp(cause, "peer-silent") == 0)
    add_deaf_receiver(plan, flow, target);
  else if (strcmp(cause, "neighbour-unresolved") == 0)
    add_neighbour(plan, flow, target);
  else if (strncmp(cause, "keepalive-", 10) == 0)
    set_keep_alive(plan, flow, target);
  else if (strcmp(cause, "listen-overflow") == 0)
    add_listen_full(plan, flow, target);
}
