#include "replay/drill_walk.h"

#include "wire/seq.h"

/* The peer's timestamps begin there. */
#define PEER_TIMESTAMP 1000

static uint32_t own_clock(int64_t at_ns)
{
  return (uint32_t)(at_ns / NS_PER_MS) + 1;
}

/* ---- packets ---- */

struct drill_packet *drill_expect(struct drill_walk *walk, int64_t at_ns, uint16_t flags,
                                  int64_t seq, uint32_t payload)
{
  struct drill *drill = walk->drill;
  struct drill_event *event = drill_add(drill, DRILL_EXPECT, at_ns);
  event->packet.flags = flags;
  event->packet.seq = seq;
  event->packet.payload = payload;
  event->packet.ack = walk->model.next;
  event->packet.timestamps = drill->own_syn.timestamps && drill->far_syn.timestamps;
  event->packet.ts_val = own_clock(event->at_ns);
  event->packet.ts_ecr = walk->model.ts_recent;
  if (walk->model.range_count > 0 || walk->model.duplicate.end > walk->model.duplicate.first)
    event->packet.options = DRILL_OPTIONS_ANY; /* SACK */
  if (drill->stretched && event->packet.timestamps)
    event->packet.options = DRILL_OPTIONS_ANY;
  walk->last_ns = event->at_ns;
  drill->summary->expected++;
  return &event->packet;
}

struct drill_event *drill_last(struct drill_walk *walk)
{
  struct drill *drill = walk->drill;
  return drill->event_count > 0 ? &drill->events[drill->event_count - 1] : &drill->spare;
}

/* The event just added; its timestamp cannot be told then. */
void drill_set_any_time(struct drill_walk *walk)
{
  struct drill_event *event = drill_last(walk);
  event->time = DRILL_ANY;
  event->packet.options = event->packet.timestamps ? DRILL_OPTIONS_ANY : event->packet.options;
}

void drill_set_grace(struct drill_walk *walk, int64_t grace_ns)
{
  struct drill_event *event = drill_last(walk);
  event->time = DRILL_AFTER;
  event->grace_ns = grace_ns;
  walk->drill->relative = walk->drill->stretched = true;
  event->packet.options = event->packet.timestamps ? DRILL_OPTIONS_ANY : event->packet.options;
}

void drill_expect_ack(struct drill_walk *walk, int64_t at_ns)
{
  drill_expect(walk, at_ns, TCP_ACK, walk->frontier, 0);
  walk->model.last_ack = walk->model.next;
}

/* The kernel's timestamp that the peer echoed, as the script has it. */
static uint32_t echo(const struct drill_walk *walk, const struct packet *packet)
{
  const struct passage *best = NULL;
  for (size_t i = 0; i < walk->at; i++) {
    const struct drill_moment *moment = &walk->moments[i];
    if (moment->inbound || !(moment->passage->sent->options & TCP_OPT_TIMESTAMPS))
      continue;
    const uint32_t ts_val = moment->passage->sent->ts_val;
    if (seq_leq(ts_val, packet->ts_ecr) && (best == NULL || seq_gt(ts_val, best->sent->ts_val)))
      best = moment->passage;
  }
  return own_clock(best != NULL ? drill_script_ns(walk, best->sent_ns) : DRILL_LEAD_NS);
}

static uint32_t peer_clock(struct drill_walk *walk, const struct packet *packet)
{
  if (!walk->has_peer_ts)
    walk->peer_ts_base = packet->ts_val - PEER_TIMESTAMP;
  walk->has_peer_ts = true;
  return packet->ts_val - walk->peer_ts_base;
}

static void copy_sack(struct drill_packet *to, const struct passage *passage)
{
  const struct packet *packet = passage->arrived;
  for (uint32_t i = 0; i < packet->sack_count && i < DRILL_SACK_MAX; i++) {
    const int64_t first = passage->ack + seq_diff(packet->sack[i].start, packet->ack);
    const int64_t end = passage->ack + seq_diff(packet->sack[i].end, packet->ack);
    if (first >= 0 && end > first)
      to->sack[to->sack_count++] = (struct receiver_range){first, end};
  }
}

struct drill_packet *drill_inject(struct drill_walk *walk, const struct passage *passage,
                                  int64_t first, int64_t end)
{
  struct drill *drill = walk->drill;
  const struct packet *packet = passage->arrived;
  struct drill_event *event =
      drill_add(drill, DRILL_INJECT, drill_script_ns(walk, drill_arrival_ns(walk->drill, passage)));
  struct drill_packet *to = &event->packet;
  to->flags = packet->flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_PSH | TCP_ACK);
  to->seq = first;
  to->payload = (uint32_t)(end - first);
  to->ack = passage->ack > 0 ? passage->ack : 0;
  to->window = packet->window;
  if (packet->options & TCP_OPT_TIMESTAMPS && drill->own_syn.timestamps) {
    to->timestamps = true;
    to->ts_val = peer_clock(walk, packet);
    to->ts_ecr = packet->flags & TCP_ACK ? echo(walk, packet) : 0;
  }
  walk->last_ns = event->at_ns;
  if (!(packet->flags & TCP_SYN))
    copy_sack(to, passage);
  drill->summary->injected++;
  return to;
}

void drill_claim(struct drill_walk *walk, int64_t at_ns)
{
  if (walk->drill->right.claim == NULL || walk->told_claim)
    return;
  walk->told_claim = true;
  drill_remark(walk->drill, at_ns, "%s", walk->drill->right.claim);
}

/* ---- the handshake ---- */

void drill_expect_syn(struct drill_walk *walk, int64_t at_ns)
{
  struct drill *drill = walk->drill;
  struct drill_packet *syn =
      drill_expect(walk, at_ns, drill->opens ? TCP_SYN : TCP_SYN | TCP_ACK, -1, 0);
  syn->syn = &drill->own_syn;
  syn->mss = drill->plan->sides[drill->host].mss;
  syn->options = DRILL_OPTIONS_EXACT;
  if (syn->mss == 0)
    syn->mss = drill_device_mss(drill);
  syn->timestamps = drill->own_syn.timestamps && (drill->opens || drill->far_syn.timestamps);
  walk->syn_sent = true;
}

void drill_establish(struct drill_walk *walk, int64_t at_ns)
{
  if (walk->established)
    return;
  walk->established = true;
  drill_accept(walk->drill, at_ns);
  if (!drill_plan_writes(walk->drill, at_ns))
    return;
  drill_write(walk->drill, at_ns, walk->most);
}

void drill_inject_syn(struct drill_walk *walk, const struct passage *passage)
{
  struct drill *drill = walk->drill;
  struct drill_packet *syn = drill_inject(walk, passage, -1, -1);
  syn->syn = &drill->far_syn;
  syn->mss = drill->far_syn.mss;
  if (syn->timestamps) {
    walk->model.ts_recent = syn->ts_val;
    walk->model.has_ts = true;
  }
  walk->edge = passage->arrived->window;
  walk->model.next = walk->model.last_ack = 0;
  walk->syn_heard = true;
  if (drill->opens) {
    walk->frontier = walk->acked = 0;
    drill_expect_ack(walk, walk->last_ns);
    drill_establish(walk, walk->last_ns);
  } else if (drill->right.syn_at_once) {
    drill_claim(walk, walk->last_ns);
    drill_expect_syn(walk, walk->last_ns);
    drill->summary->asserts = true;
  }
}

/* A connection that was there before the recording: its handshake is made up. */
void drill_make_handshake(struct drill_walk *walk, int64_t from_ns, int64_t rtt_ns)
{
  struct drill *drill = walk->drill;
  const int64_t half_ns = rtt_ns / 2;
  const uint32_t window = DRILL_WINDOW_ASSUMED;
  walk->has_peer_ts = true;
  const uint32_t peer_ts = PEER_TIMESTAMP - (uint32_t)((rtt_ns + DRILL_BEGIN_NS) / NS_PER_MS) - 1;
  for (size_t i = 0; i < walk->count; i++)
    if (walk->moments[i].inbound &&
        walk->moments[i].passage->arrived->options & TCP_OPT_TIMESTAMPS) {
      walk->peer_ts_base = walk->moments[i].passage->arrived->ts_val - PEER_TIMESTAMP;
      break;
    }
  if (drill->opens)
    drill_expect_syn(walk, from_ns);
  struct drill_event *event =
      drill_add(drill, DRILL_INJECT, from_ns + (drill->opens ? rtt_ns : half_ns));
  event->packet = (struct drill_packet){.flags = drill->opens ? TCP_SYN | TCP_ACK : TCP_SYN,
                                        .seq = -1,
                                        .window = (int32_t)window,
                                        .syn = &drill->far_syn,
                                        .mss = drill->far_syn.mss,
                                        .timestamps = drill->far_syn.timestamps,
                                        .ts_val = peer_ts,
                                        .ts_ecr = drill->opens ? own_clock(from_ns) : 0};
  const int64_t answered_ns = event->at_ns;
  drill->summary->injected++;
  walk->model.next = walk->model.last_ack = 0;
  walk->model.ts_recent = peer_ts;
  walk->model.has_ts = drill->far_syn.timestamps;
  walk->syn_heard = true;
  if (drill->opens) {
    drill_expect_ack(walk, answered_ns);
    drill_establish(walk, answered_ns);
    return;
  }
  drill_expect_syn(walk, answered_ns);
  event = drill_add(drill, DRILL_INJECT, answered_ns + rtt_ns);
  event->packet = (struct drill_packet){.flags = TCP_ACK,
                                        .window = (int32_t)(window >> walk->far_shift),
                                        .timestamps = drill->far_syn.timestamps,
                                        .ts_val = peer_ts,
                                        .ts_ecr = own_clock(answered_ns)};
  drill->summary->injected++;
  drill_establish(walk, event->at_ns);
}
