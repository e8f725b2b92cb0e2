#include "replay/drill_parts.h"

#include "wire/timestamp.h"

#include <string.h>

/* What is seen a little before or behind a moment of the analysis belongs to it. */
#define SLACK_NS NS_PER_MS
/* Of a period of many waits so much is enough. */
#define CRAWL_MAX_NS (2 * NS_PER_S)
/* Behind a receiver's stall: for its window to be seen working. */
#define RECEIVER_PACKETS 12
#define TIMEOUT_MAX_NS   (1200 * NS_PER_MS)
#define INITIAL_SEGMENTS 10 /* RFC 6928 */

/* The kernel, or something between it and the wire, kept back what nothing forbade to send. */
static const char *const held_back[] = {"tx-queue-hold",
                                        "ack-ignored",
                                        "local-drop-output",
                                        "window-update-ignored",
                                        "host-paused",
                                        "neighbour-unresolved",
                                        NULL};

static bool is_any(const char *word, const char *const *words)
{
  for (; *words != NULL; words++)
    if (strcmp(word, *words) == 0)
      return true;
  return false;
}

enum recording_side drill_side(const struct recorded_finding *target)
{
  const bool receiver = strncmp(target->location, "receiver-", 9) == 0 ||
                        strcmp(target->cause, "refused") == 0; /* it has a connection to lose */
  if (!receiver)
    return target->sender;
  return target->sender == RECORDING_CLIENT ? RECORDING_SERVER : RECORDING_CLIENT;
}

/* The first new data that left at from_ns or later; NULL: none. */
static const struct passage *fresh_after(const struct drill *drill, int64_t from_ns)
{
  const struct flow_passages *own = &drill->flow->sides[drill->side];
  for (size_t i = 0; i < own->count; i++) {
    const struct passage *passage = &own->passages[i];
    if (passage->sent != NULL && passage->sent_ns >= from_ns && passage->fresh &&
        passage->end > passage->first)
      return passage;
  }
  return NULL;
}

/* When the first of the data that left together with `data`, but for a window, was written. */
static int64_t written_ns(const struct drill *drill, const struct passage *data)
{
  const struct flow_passages *own = &drill->flow->sides[drill->side];
  for (size_t i = 0; i < own->count; i++)
    if (own->passages[i].sent != NULL && own->passages[i].end > own->passages[i].first &&
        own->passages[i].end <= data->first)
      return own->passages[i].sent_ns;
  return TIME_INVALID;
}

int64_t drill_arrival_ns(const struct drill *drill, const struct passage *passage)
{
  const int64_t delay_ns = drill->flow->sides[drill->far].delay_ns;
  if (!drill->stood_still || passage->sent == NULL || !drill->flow->both_ends)
    return passage->arrived_ns;
  return passage->sent_ns + delay_ns < passage->arrived_ns ? passage->sent_ns + delay_ns
                                                           : passage->arrived_ns;
}

/* Finds when all before `data` had been acknowledged and its place was in the window. */
static bool find_go(struct drill_right *right, const struct drill *drill,
                    const struct passage *data)
{
  const struct flow_passages *far = &drill->flow->sides[drill->far];
  const uint8_t shift =
      drill->own_syn.has_wscale && drill->far_syn.has_wscale ? drill->far_syn.wscale : 0;
  right->go_ns = TIME_INVALID;
  for (size_t i = 0; i < far->count; i++) {
    const struct passage *passage = &far->passages[i];
    if (passage->arrived == NULL || passage->ack < 0)
      continue;
    const uint8_t by = passage->arrived->flags & TCP_SYN ? 0 : shift;
    const bool room = passage->ack + ((int64_t)passage->arrived->window << by) >= data->end;
    const int64_t at_ns = drill_arrival_ns(drill, passage);
    if (room && passage->ack < data->first)
      right->write_then = true;
    if (room && passage->ack >= data->first &&
        (!time_is_valid(right->go_ns) || at_ns < right->go_ns))
      right->go_ns = at_ns;
  }
  return time_is_valid(right->go_ns);
}

/* The probes of a connection that has nothing to say: empty, one byte early. */
static void see_keep_alive(struct drill_right *right, const struct drill *drill)
{
  const struct flow_passages *own = &drill->flow->sides[drill->side];
  int64_t before_ns = TIME_INVALID, sent = 0;
  for (size_t i = 0; i < own->count; i++) {
    const struct passage *passage = &own->passages[i];
    if (passage->sent == NULL)
      continue;
    const bool probe = passage->end == passage->first && passage->first < sent;
    if (probe && right->keep_count++ == 0)
      right->keep_idle_ns = passage->sent_ns - before_ns;
    else if (probe)
      right->keep_interval_ns = passage->sent_ns - before_ns;
    before_ns = passage->sent_ns;
    sent = passage->end > sent ? passage->end : sent;
  }
  right->keeps_alive = right->keep_count > 0;
}

/* A timer that was set too long: what it sent again has to leave within the most that RFC 6298
 * gives a first timeout, 1 s, and some more. */
static void judge_timeout(struct drill_right *right, const struct drill *drill)
{
  const struct flow_passages *own = &drill->flow->sides[drill->side];
  for (size_t i = 0; i < own->count; i++) {
    const struct passage *passage = &own->passages[i];
    if (passage->sent == NULL || passage->copy < 2 || passage->sent_ns < drill->target->start_ns)
      continue;
    right->at_once = true;
    right->data = passage;
    right->go_ns = drill->target->start_ns;
    right->grace_ns = TIMEOUT_MAX_NS;
    right->claim = "A right kernel sends again after a second at the latest.";
    return;
  }
}

/* Few segments under way, though nothing was lost and the window was open. */
static void judge_congestion_window(struct drill_right *right, const struct drill *drill)
{
  const struct passage *data = fresh_after(drill, drill->target->start_ns);
  const int64_t go_ns = data != NULL && data->end <= (int64_t)INITIAL_SEGMENTS * drill->mss
                            ? written_ns(drill, data)
                            : TIME_INVALID;
  if (!time_is_valid(go_ns))
    return;
  right->at_once = true;
  right->data = data;
  right->go_ns = go_ns;
  right->claim = "It belongs to the ten segments that a connection may begin with (RFC 6928).";
}

/* What the receiver's kernel has to do. */
static void judge_receiver(struct drill_right *right, const struct recorded_finding *target)
{
  right->packets_behind = RECEIVER_PACKETS;
  if (strcmp(target->kind, "abort") == 0) {
    right->refused = strcmp(target->cause, "refused") == 0;
    if (right->refused)
      right->claim = "The application is told so at once.";
    return;
  }
  right->syn_at_once = strcmp(target->cause, "listen-overflow") == 0;
  if (right->syn_at_once)
    right->claim = "A right kernel, with room in its queue, answers the first SYN at once.";
  right->immediate_acks = strcmp(target->cause, "delayed-ack") != 0;
  if (right->syn_at_once)
    return;
  if (strcmp(target->location, "receiver-app") == 0)
    right->claim = "When the application reads again, the kernel tells so at once.";
  else if (strcmp(target->cause, "delayed-ack") == 0)
    right->claim = "A segment is acknowledged after 0.2 s at the latest.";
  else
    right->claim = "Each segment that arrives is answered at once, whatever kept it back then.";
}

static void judge_sender(struct drill_right *right, const struct drill *drill)
{
  const struct recorded_finding *target = drill->target;
  const struct passage *data = fresh_after(drill, target->end_ns - SLACK_NS);
  if (data != NULL && is_any(target->cause, held_back) && find_go(right, drill, data) &&
      right->go_ns < data->sent_ns - drill->tolerance_ns) {
    right->at_once = true;
    right->data = data;
    right->claim =
        right->write_then
            ? "All before is acknowledged, the window is open: a right kernel sends "
              "what is written now at once."
            : "All before is acknowledged, the window is open: a right kernel sends now.";
    return;
  }
  if (strcmp(target->cause, "excessive-rto") == 0)
    judge_timeout(right, drill);
  if (strcmp(target->cause, "cwnd-limited") == 0)
    judge_congestion_window(right, drill);
  if (strncmp(target->cause, "keepalive-", 10) == 0)
    see_keep_alive(right, drill);
  if (right->at_once)
    return;
  right->cut_ns = data != NULL ? data->sent_ns : target->end_ns;
  right->packets_behind = data != NULL ? 0 : RECEIVER_PACKETS;
  if (data != NULL && (strcmp(target->location, "forward-path") == 0 ||
                       strcmp(target->location, "reverse-path") == 0))
    right->claim = "The answer is there: data leave without waiting any longer.";
}

struct drill_right drill_right(const struct drill *drill)
{
  const struct recorded_finding *target = drill->target;
  struct drill_right right = {.go_ns = TIME_INVALID, .cut_ns = INT64_MAX, .immediate_acks = true};
  if (target == NULL)
    return right;
  right.cut_ns = target->end_ns;
  if (drill->side == target->sender)
    judge_sender(&right, drill);
  if (target->waits > 1 && right.cut_ns > target->start_ns + CRAWL_MAX_NS)
    right.cut_ns = target->start_ns + CRAWL_MAX_NS;
  if (drill->side != target->sender)
    judge_receiver(&right, target);
  return right;
}
