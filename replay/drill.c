#include "replay/drill_parts.h"

#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

/* The walk: everything that the kernel under test sent or that arrived there, in order of time, is
 * turned into lines.
 *
 *   What arrived is injected as it was. Each segment with data is answered with an ACK that a model
 *   of the receiver (receiver_model.h) makes, at once: the script's route says `quickack`, so that
 *   delayed ACKs, which depend on chance, are none.
 *   What the kernel sent is expected: data, FINs, probes, window updates; its other pure ACKs are
 *   replaced by the model's.
 *
 * Up to the stall that is what was recorded; drill_stall.c says what has to come in its place. */

/* The script begins so long before the first packet. */
#define LEAD_NS (50 * NS_PER_MS)
/* With a handshake that was not recorded: between it and what was. */
#define BEGIN_NS (10 * NS_PER_MS)
/* Something is on time within that, or within a quarter of the stall. */
#define TOLERANCE_NS     (100 * NS_PER_MS)
#define TOLERANCE_MIN_NS (10 * NS_PER_MS)
/* Probes that carry nothing are answered that seldom (Linux, tcp_invalid_ratelimit). */
#define PROBE_ANSWER_NS (500 * NS_PER_MS)
/* The longest delay of an ACK (Linux, TCP_DELACK_MAX). */
#define DELAYED_ACK_NS (200 * NS_PER_MS)
/* What arrived so long ago has been heard. */
#define HEARD_NS NS_PER_MS
/* A peer that was never heard. */
#define WINDOW_ASSUMED 65535
/* packetdrill's packets are no longer. */
#define PAYLOAD_MAX 60000
/* The peer's timestamps begin there. */
#define PEER_TIMESTAMP 1000
/* The application has written so much more than is seen to leave. */
#define SEGMENTS_AHEAD 16
/* What leaves that long after everything else is a timer's doing. */
#define TIMER_NS (150 * NS_PER_MS)

struct moment {
  int64_t time_ns; /* of the recording */
  uint64_t frame;
  const struct passage *passage;
  bool inbound;
};

struct walk {
  struct drill *drill;
  struct moment *moments;
  size_t count, at;
  uint8_t own_shift, far_shift;
  struct receiver_model model; /* of the peer's stream */
  int64_t model_edge;          /* right edge that the kernel has announced; -1: not known */
  struct drill_reader reader;
  bool syn_sent, syn_heard, established;
  bool dead;                     /* the kernel has reset it: nothing is acknowledged any more */
  int64_t frontier;              /* end of what the kernel has sent */
  int64_t acked, acked_ns, edge; /* of the peer's words */
  int64_t fin_at;                /* position of the kernel's FIN; INT64_MAX: not sent */
  int64_t last_ns;               /* of the event before, in the script */
  int64_t heard_ns;              /* when data arrived last */
  int64_t probe_answered_ns;
  bool has_peer_ts;
  uint32_t peer_ts_base, peer_ts;
  int64_t most;          /* bytes that the application writes */
  int64_t recorded_next; /* end of what the recorded kernel had sent */
  int64_t announced;     /* what it had acknowledged */
  int64_t far_fin_at;    /* position of the peer's FIN; INT64_MAX: not come */
  bool told_stall, told_claim;
};

static int64_t to_script(const struct walk *walk, int64_t recorded_ns)
{
  return recorded_ns + walk->drill->lead_ns;
}

static uint32_t own_clock(int64_t at_ns)
{
  return (uint32_t)(at_ns / NS_PER_MS) + 1;
}

/* ---- moments ---- */

static int compare_moments(const void *a, const void *b)
{
  const struct moment *left = a, *right = b;
  if (left->time_ns != right->time_ns)
    return left->time_ns < right->time_ns ? -1 : 1;
  return left->frame < right->frame ? -1 : left->frame > right->frame;
}

static bool gather(struct walk *walk)
{
  const struct flow_passages *own = &walk->drill->flow->sides[walk->drill->side];
  const struct flow_passages *far = &walk->drill->flow->sides[walk->drill->far];
  walk->moments = calloc(own->count + far->count + 1, sizeof *walk->moments);
  if (walk->moments == NULL)
    return false;
  for (size_t i = 0; i < own->count; i++)
    if (own->passages[i].sent != NULL)
      walk->moments[walk->count++] = (struct moment){
          own->passages[i].sent_ns, own->passages[i].sent->frame, &own->passages[i], false};
  for (size_t i = 0; i < far->count; i++)
    if (far->passages[i].arrived != NULL)
      walk->moments[walk->count++] =
          (struct moment){drill_arrival_ns(walk->drill, &far->passages[i]),
                          far->passages[i].arrived->frame, &far->passages[i], true};
  qsort(walk->moments, walk->count, sizeof *walk->moments, compare_moments);
  return true;
}

/* ---- packets ---- */

static struct drill_packet *expect(struct walk *walk, int64_t at_ns, uint16_t flags, int64_t seq,
                                   uint32_t payload)
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
  walk->last_ns = event->at_ns;
  drill->summary->expected++;
  return &event->packet;
}

static struct drill_event *last_event(struct walk *walk)
{
  struct drill *drill = walk->drill;
  return drill->event_count > 0 ? &drill->events[drill->event_count - 1] : &drill->spare;
}

/* The event just added; its timestamp cannot be told then. */
static void set_any_time(struct walk *walk)
{
  struct drill_event *event = last_event(walk);
  event->time = DRILL_ANY;
  event->packet.options = event->packet.timestamps ? DRILL_OPTIONS_ANY : event->packet.options;
}

static void set_grace(struct walk *walk, int64_t grace_ns)
{
  struct drill_event *event = last_event(walk);
  event->time = DRILL_AFTER;
  event->grace_ns = grace_ns;
  event->packet.options = event->packet.timestamps ? DRILL_OPTIONS_ANY : event->packet.options;
}

static void expect_ack(struct walk *walk, int64_t at_ns)
{
  expect(walk, at_ns, TCP_ACK, walk->frontier, 0);
  walk->model.last_ack = walk->model.next;
}

/* The kernel's timestamp that the peer echoed, as the script has it. */
static uint32_t echo(const struct walk *walk, const struct packet *packet)
{
  const struct passage *best = NULL;
  for (size_t i = 0; i < walk->at; i++) {
    const struct moment *moment = &walk->moments[i];
    if (moment->inbound || !(moment->passage->sent->options & TCP_OPT_TIMESTAMPS))
      continue;
    const uint32_t ts_val = moment->passage->sent->ts_val;
    if (seq_leq(ts_val, packet->ts_ecr) && (best == NULL || seq_gt(ts_val, best->sent->ts_val)))
      best = moment->passage;
  }
  return own_clock(best != NULL ? to_script(walk, best->sent_ns) : LEAD_NS);
}

static uint32_t peer_clock(struct walk *walk, const struct packet *packet)
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

static struct drill_packet *inject(struct walk *walk, const struct passage *passage, int64_t first,
                                   int64_t end)
{
  struct drill *drill = walk->drill;
  const struct packet *packet = passage->arrived;
  struct drill_event *event =
      drill_add(drill, DRILL_INJECT, to_script(walk, drill_arrival_ns(walk->drill, passage)));
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
  drill->summary->injected++;
  return to;
}

static void tell_claim(struct walk *walk, int64_t at_ns)
{
  if (walk->drill->right.claim == NULL || walk->told_claim)
    return;
  walk->told_claim = true;
  drill_remark(walk->drill, at_ns, "%s", walk->drill->right.claim);
}

/* ---- the handshake ---- */

static void expect_syn(struct walk *walk, int64_t at_ns)
{
  struct drill *drill = walk->drill;
  struct drill_packet *syn = expect(walk, at_ns, drill->opens ? TCP_SYN : TCP_SYN | TCP_ACK, -1, 0);
  syn->syn = &drill->own_syn;
  syn->mss = drill->plan->sides[drill->host].mss;
  syn->options = DRILL_OPTIONS_EXACT;
  if (syn->mss == 0)
    syn->mss = drill_device_mss(drill);
  syn->timestamps = drill->own_syn.timestamps && (drill->opens || drill->far_syn.timestamps);
  walk->syn_sent = true;
}

static void establish(struct walk *walk, int64_t at_ns)
{
  if (walk->established)
    return;
  walk->established = true;
  drill_accept(walk->drill, at_ns);
  if (!drill_plan_writes(walk->drill, at_ns))
    return;
  drill_write(walk->drill, at_ns, walk->most);
}

static void inject_syn(struct walk *walk, const struct passage *passage)
{
  struct drill *drill = walk->drill;
  struct drill_packet *syn = inject(walk, passage, -1, -1);
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
    expect_ack(walk, walk->last_ns);
    establish(walk, walk->last_ns);
  } else if (drill->right.syn_at_once) {
    tell_claim(walk, walk->last_ns);
    expect_syn(walk, walk->last_ns);
    drill->summary->asserts = true;
  }
}

/* A connection that was there before the recording: its handshake is made up. */
static void make_handshake(struct walk *walk, int64_t from_ns, int64_t rtt_ns)
{
  struct drill *drill = walk->drill;
  const int64_t half_ns = rtt_ns / 2;
  const uint32_t window = WINDOW_ASSUMED;
  walk->has_peer_ts = true;
  const uint32_t peer_ts = PEER_TIMESTAMP - (uint32_t)((rtt_ns + BEGIN_NS) / NS_PER_MS) - 1;
  for (size_t i = 0; i < walk->count; i++)
    if (walk->moments[i].inbound &&
        walk->moments[i].passage->arrived->options & TCP_OPT_TIMESTAMPS) {
      walk->peer_ts_base = walk->moments[i].passage->arrived->ts_val - PEER_TIMESTAMP;
      break;
    }
  if (drill->opens)
    expect_syn(walk, from_ns);
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
    expect_ack(walk, answered_ns);
    establish(walk, answered_ns);
    return;
  }
  expect_syn(walk, answered_ns);
  event = drill_add(drill, DRILL_INJECT, answered_ns + rtt_ns);
  event->packet = (struct drill_packet){.flags = TCP_ACK,
                                        .window = (int32_t)(window >> walk->far_shift),
                                        .timestamps = drill->far_syn.timestamps,
                                        .ts_val = peer_ts,
                                        .ts_ecr = own_clock(answered_ns)};
  drill->summary->injected++;
  establish(walk, event->at_ns);
}

/* ---- what arrives ---- */

/* Whether TCP takes it: not if its timestamp is an old one (RFC 7323, 5.3, PAWS). */
static bool is_old(const struct walk *walk, const struct drill_packet *packet)
{
  return packet->timestamps && walk->model.has_ts && seq_lt(packet->ts_val, walk->model.ts_recent);
}

static void hear_ack(struct walk *walk, const struct passage *passage)
{
  const int64_t edge = passage->ack + ((int64_t)passage->arrived->window << walk->far_shift);
  if (passage->ack > walk->acked) {
    walk->acked = passage->ack;
    walk->acked_ns = to_script(walk, drill_arrival_ns(walk->drill, passage));
  }
  if (passage->ack >= walk->acked)
    walk->edge = edge;
}

/* Data, or a FIN, one segment of it. */
static void hear_data(struct walk *walk, const struct passage *passage, int64_t first, int64_t end,
                      bool fin)
{
  struct drill_packet *packet = inject(walk, passage, first, end);
  if (!fin)
    packet->flags &= (uint16_t)~TCP_FIN;
  copy_sack(packet, passage);
  const int64_t at_ns = walk->last_ns;
  const bool fin_again = fin && walk->far_fin_at < INT64_MAX;
  walk->model.duplicate = (struct receiver_range){0, 0};
  if (!is_old(walk, packet)) {
    if (packet->timestamps)
      receiver_model_timestamp(&walk->model, first, packet->ts_val);
    /* what begins in the window is taken as a whole */
    if (walk->model_edge < 0 || first < walk->model_edge)
      receiver_model_take(&walk->model, first, end, INT64_MAX);
    if (fin && walk->model.next == end) { /* it takes a number of its own */
      walk->far_fin_at = end;
      walk->model.next = end + 1;
    }
  }
  walk->heard_ns = at_ns;
  if (!walk->drill->right.immediate_acks || walk->dead)
    return;
  expect_ack(walk, at_ns);
  if (fin_again)
    last_event(walk)->packet.options = DRILL_OPTIONS_ANY; /* DSACK */
}

/* Empty, and behind what is expected next: a probe. Answered, but not often. */
static void hear_probe(struct walk *walk)
{
  if (time_is_valid(walk->probe_answered_ns) &&
      walk->last_ns - walk->probe_answered_ns < PROBE_ANSWER_NS)
    return;
  walk->probe_answered_ns = walk->last_ns;
  expect_ack(walk, walk->last_ns);
}

static void expect_missing(struct walk *walk, int64_t until, int64_t at_ns);

/* What nobody was seen to send, or the path changed, has arrived all the same. */
static int64_t arrived_end(const struct passage *passage)
{
  return passage->sent == NULL && passage->first >= 0
             ? passage->first + passage->arrived->payload_bytes
             : passage->end;
}

static void hear(struct walk *walk, const struct passage *passage)
{
  const struct packet *packet = passage->arrived;
  const bool fin = (packet->flags & TCP_FIN) != 0;
  if (packet->flags & TCP_SYN) {
    inject_syn(walk, passage);
    return;
  }
  if (arrived_end(passage) <= passage->first && passage->ack < 0 && !(packet->flags & TCP_RST))
    return; /* about what was before the recording */
  if (packet->checksum == CHECKSUM_BAD && !walk->drill->wrong_checksums) {
    drill_note(walk->drill, "segments with wrong checksums, which packetdrill cannot make, are "
                            "left out");
    return;
  }
  if (passage->ack > walk->frontier && passage->ack <= walk->fin_at)
    expect_missing(walk, passage->ack, to_script(walk, drill_arrival_ns(walk->drill, passage)));
  hear_ack(walk, passage);
  const int64_t piece = walk->drill->plan->sides[walk->drill->host].mss;
  const int64_t end = arrived_end(passage);
  if (end > passage->first || fin) {
    int64_t first = passage->first;
    while (end - first > PAYLOAD_MAX || (piece > 0 && end - first > piece)) {
      const int64_t next = first + (piece > 0 ? piece : PAYLOAD_MAX);
      hear_data(walk, passage, first, next, false);
      first = next;
    }
    hear_data(walk, passage, first, end, fin);
  } else {
    copy_sack(inject(walk, passage, passage->first, passage->first), passage);
    if (walk->established && !walk->dead && passage->first < walk->model.last_ack &&
        !(packet->flags & TCP_RST))
      hear_probe(walk);
  }
  if (walk->syn_sent && walk->syn_heard && packet->flags & TCP_ACK)
    establish(walk, walk->last_ns);
}

/* ---- what the kernel sends ---- */

/* The write that byte `at` belongs to; NULL: none is known. */
static const struct drill_write *write_of(const struct drill *drill, int64_t at)
{
  uint32_t low = 0, high = drill->write_count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (drill->writes[middle].end <= at)
      low = middle + 1;
    else
      high = middle;
  }
  return low < drill->write_count && drill->writes[low].first <= at ? &drill->writes[low] : NULL;
}

/* New data before the stall may come at any time: a congestion window that is not the recorded one
 * lets them go sooner or later. */
static void expect_piece(struct walk *walk, int64_t at_ns, int64_t first, int64_t end, bool fin)
{
  const uint16_t flags = TCP_ACK | TCP_PSH | (fin ? TCP_FIN : 0);
  const bool fresh = end > walk->frontier;
  expect(walk, at_ns, flags, first, (uint32_t)(end - first));
  if (fresh && !walk->drill->stalls)
    set_any_time(walk);
  walk->model.last_ack = walk->model.next;
  if (end > walk->frontier)
    walk->frontier = end;
  if (fin) {
    walk->fin_at = end;
    walk->frontier = end + 1;
  }
}

/* [first, end) as the kernel has cut it, segment by segment. The last one leaves as a whole if the
 * window allows it; half of it is what a probe of a closed window carries. */
static void expect_data(struct walk *walk, int64_t at_ns, int64_t first, int64_t end, bool fin,
                        bool fresh)
{
  const bool by_timer = at_ns - walk->last_ns >= TIMER_NS;
  while (first < end) {
    const struct drill_write *write = write_of(walk->drill, first);
    int64_t next = write != NULL && write->end < end ? write->end : end;
    if (fresh && write != NULL && write->end > end && write->end <= walk->edge)
      next = write->end;
    else if (fresh && write != NULL && write->end > end && !by_timer && end != walk->edge)
      return; /* it stays until there is room for all of it */
    expect_piece(walk, at_ns, first, next, fin && next == end);
    first = next;
  }
}

static void expect_missing(struct walk *walk, int64_t until, int64_t at_ns)
{
  drill_note(walk->drill, "the trace lacks segments that were acknowledged: they are expected at "
                          "the time of the ACK");
  drill_write(walk->drill, at_ns, until);
  expect_data(walk, at_ns, walk->frontier, until, false, false);
}

/* The application, of what has come. */
static void read_on(struct walk *walk, int64_t at_ns)
{
  const int64_t come = walk->model.next < walk->far_fin_at ? walk->model.next : walk->far_fin_at;
  if (walk->established && !walk->dead)
    drill_read(walk->drill, &walk->reader, come, at_ns);
}

/* A pure ACK: the model's stand for it, but for probes and window updates. */
static void say_nothing_new(struct walk *walk, const struct passage *passage, int64_t at_ns,
                            bool opens)
{
  const bool probe = passage->first < walk->recorded_next && walk->fin_at == INT64_MAX;
  if (probe) {
    expect(walk, at_ns, TCP_ACK, passage->first, 0);
    return;
  }
  if (!walk->drill->right.immediate_acks && passage->ack > walk->model.last_ack) {
    expect_ack(walk, walk->last_ns);
    set_grace(walk, DELAYED_ACK_NS);
    return;
  }
  if (opens && at_ns > walk->heard_ns + HEARD_NS && passage->ack == walk->announced &&
      walk->model.next == passage->ack) {
    read_on(walk, at_ns);
    expect_ack(walk, at_ns);
  }
}

static void say_data(struct walk *walk, const struct passage *passage, int64_t at_ns, bool fin)
{
  int64_t first = passage->first;
  if (passage->end <= walk->acked && walk->acked_ns + HEARD_NS < at_ns && !fin) {
    drill_note(walk->drill, "what the recorded kernel sent again though its ACK was there is left "
                            "out");
    return;
  }
  if (passage->fresh && first < walk->frontier && walk->fin_at == INT64_MAX)
    first = walk->frontier; /* it left with what was before */
  if (passage->end > first)
    expect_data(walk, at_ns, first, passage->end, fin, passage->end > walk->frontier);
  else if (fin)
    expect(walk, at_ns, TCP_FIN | TCP_ACK, passage->end, 0);
  if (fin && walk->fin_at == INT64_MAX) {
    walk->fin_at = passage->end;
    walk->frontier = passage->end + 1;
  }
}

/* The right edge of the kernel's window. Returns whether it has moved. */
static bool announce(struct walk *walk, const struct passage *passage)
{
  const uint8_t shift = passage->sent->flags & TCP_SYN ? 0 : walk->own_shift;
  const int64_t edge = passage->ack + ((int64_t)passage->sent->window << shift);
  const bool opens = walk->model_edge >= 0 && edge > walk->model_edge;
  if (passage->ack >= 0 && edge > walk->model_edge)
    walk->model_edge = edge;
  return opens;
}

static void expect_reset(struct walk *walk, const struct passage *passage, int64_t at_ns)
{
  struct drill_packet *reset =
      expect(walk, at_ns, passage->sent->flags & (TCP_RST | TCP_ACK), passage->first, 0);
  reset->options = DRILL_OPTIONS_ANY;
  walk->dead = true;
}

static void say(struct walk *walk, const struct passage *passage)
{
  const struct packet *packet = passage->sent;
  const int64_t at_ns = to_script(walk, passage->sent_ns);
  const bool fin = (packet->flags & TCP_FIN) != 0;
  const bool opens = announce(walk, passage);
  if (packet->flags & TCP_SYN && !walk->established)
    expect_syn(walk, at_ns);
  if (packet->flags & TCP_SYN || !walk->established)
    return;
  drill_write(walk->drill, at_ns, walk->most);
  if (packet->flags & TCP_RST)
    expect_reset(walk, passage, at_ns);
  else if (passage->end == passage->first && !fin)
    say_nothing_new(walk, passage, at_ns, opens);
  else
    say_data(walk, passage, at_ns, fin);
  if (passage->ack > walk->announced)
    walk->announced = passage->ack;
  if (passage->end > walk->recorded_next)
    walk->recorded_next = passage->end;
}

/* ---- the walk ---- */

static void tell_stall(struct walk *walk, const struct moment *moment)
{
  const struct recorded_finding *target = walk->drill->target;
  if (target == NULL || walk->told_stall || moment->time_ns <= target->start_ns)
    return;
  walk->told_stall = walk->drill->stalls = true;
  if (strcmp(target->kind, "abort") == 0)
    drill_remark(walk->drill, to_script(walk, moment->time_ns),
                 "Here the recorded connection was given up: %s, %s.", target->location,
                 target->cause);
  else
    drill_remark(walk->drill, to_script(walk, moment->time_ns),
                 "Here the recorded stream stood still for %.3f s: %s, %s.",
                 time_to_s(target->waited_ns), target->location, target->cause);
}

/* The last thing that arrives before the end of the stall, or before a receiver has to answer. */
static bool ends_stall(const struct walk *walk, size_t at)
{
  const struct drill *drill = walk->drill;
  if (!walk->moments[at].inbound || !walk->told_stall)
    return false;
  if (drill->side != drill->target->sender)
    return true;
  for (size_t i = at + 1; i < walk->count; i++)
    if (!walk->moments[i].inbound)
      return walk->moments[i].time_ns == drill->right.cut_ns;
    else if (walk->moments[i].time_ns < drill->right.cut_ns)
      return false;
  return false;
}

/* Whether the script goes on with this one. */
static bool goes_on(struct walk *walk, const struct moment *moment, uint32_t *behind)
{
  const struct drill_right *right = &walk->drill->right;
  if (right->at_once)
    return moment->time_ns <= right->go_ns;
  if (right->syn_at_once && walk->drill->summary->asserts)
    return false;
  if (walk->drill->summary->injected + walk->drill->summary->expected >= DRILL_PACKETS_MAX) {
    drill_note(walk->drill, "it ends after %d packets", DRILL_PACKETS_MAX);
    return false;
  }
  if (moment->time_ns <= right->cut_ns)
    return true;
  if (right->packets_behind == 0)
    return !moment->inbound;
  return (*behind)++ < right->packets_behind;
}

static void assert_at_once(struct walk *walk)
{
  const struct drill_right *right = &walk->drill->right;
  const struct passage *data = right->data;
  const int64_t go_ns = to_script(walk, right->go_ns);
  drill_write(walk->drill, go_ns, walk->most);
  walk->drill->stalls = true;
  drill_remark(walk->drill, go_ns, "Here it took the recorded kernel %.3f s. %s",
               time_to_s(data->sent_ns - right->go_ns), right->claim);
  const bool again = data->end <= walk->frontier;
  if (!again && data->first > walk->frontier)
    expect_data(walk, go_ns, walk->frontier, data->first, false, false);
  expect_data(walk, go_ns, again || data->first > walk->frontier ? data->first : walk->frontier,
              data->end, false, !again);
  if (right->grace_ns > 0)
    set_grace(walk, right->grace_ns);
  walk->drill->summary->asserts = true;
}

static void walk_through(struct walk *walk)
{
  uint32_t behind = 0;
  for (walk->at = 0; walk->at < walk->count && !walk->drill->failed; walk->at++) {
    const struct moment *moment = &walk->moments[walk->at];
    if (!goes_on(walk, moment, &behind))
      break;
    tell_stall(walk, moment);
    if (ends_stall(walk, walk->at))
      tell_claim(walk, to_script(walk, moment->time_ns));
    if (moment->inbound) {
      if (walk->established)
        drill_write(walk->drill, to_script(walk, moment->time_ns) - 1, walk->most);
      hear(walk, moment->passage);
      read_on(walk, to_script(walk, moment->time_ns));
    } else {
      say(walk, moment->passage);
    }
  }
  if (walk->drill->right.at_once && walk->established)
    assert_at_once(walk);
}

/* ---- all ---- */

static struct recorded_syn assumed_syn(const struct recorded_host *host)
{
  return (struct recorded_syn){.window = WINDOW_ASSUMED,
                               .mss = host->mss,
                               .has_wscale = host->window_scaling,
                               .wscale = host->wscale,
                               .sack_permitted = host->sack,
                               .timestamps = host->timestamps};
}

static bool handshake_is_there(const struct walk *walk)
{
  for (size_t i = 0; i < walk->count; i++) {
    const struct moment *moment = &walk->moments[i];
    const struct packet *packet =
        moment->inbound ? moment->passage->arrived : moment->passage->sent;
    if (packet->flags & TCP_SYN && !(packet->flags & TCP_ACK))
      return moment->inbound != walk->drill->opens;
  }
  return false;
}

/* Segments under way at most: a window that had grown before the recording. */
static uint32_t flight_segments(const struct walk *walk)
{
  int64_t sent = 0, acked = 0, most = 0;
  for (size_t i = 0; i < walk->count; i++) {
    const struct passage *passage = walk->moments[i].passage;
    if (walk->moments[i].inbound && passage->ack > acked)
      acked = passage->ack;
    if (!walk->moments[i].inbound && passage->end > sent)
      sent = passage->end;
    most = sent - acked > most ? sent - acked : most;
  }
  return (uint32_t)(most / walk->drill->mss) + 1;
}

/* Bytes that the application writes: what leaves up to the end, and some more. */
static int64_t bytes_needed(const struct walk *walk)
{
  const struct drill *drill = walk->drill;
  int64_t most = drill->right.at_once ? drill->right.data->end : 0;
  for (size_t i = 0; i < walk->count; i++) {
    const struct moment *moment = &walk->moments[i];
    if (!moment->inbound && moment->passage->end > most &&
        (drill->right.at_once ? moment->time_ns <= drill->right.go_ns
                              : moment->time_ns <= drill->right.cut_ns))
      most = moment->passage->end;
  }
  return most + (int64_t)SEGMENTS_AHEAD * drill->mss;
}

static void begin(struct walk *walk)
{
  struct drill *drill = walk->drill;
  const int64_t rtt_ns = drill->flow->sides[0].delay_ns + drill->flow->sides[1].delay_ns;
  const int64_t first_ns = walk->count > 0 ? walk->moments[0].time_ns : 0;
  const bool whole = handshake_is_there(walk);
  int64_t before_ns = LEAD_NS;
  if (!whole)
    before_ns += rtt_ns / 2 * 3 + BEGIN_NS;
  drill->lead_ns = before_ns - first_ns;
  drill->right = drill_right(drill);
  walk->most = bytes_needed(walk);
  drill_open(drill, LEAD_NS);
  if (whole)
    return;
  drill->initial_segments = flight_segments(walk);
  drill_note(drill,
             "the handshake is made up, with a congestion window of %u segments; what the round "
             "trips were is not known, so there are no tail loss probes",
             drill->initial_segments);
  make_handshake(walk, LEAD_NS, rtt_ns);
}

/* What a full segment of the kernel carries. */
static uint16_t full_segment(const struct drill *drill)
{
  uint16_t mss = drill->far_syn.mss > 0 ? drill->far_syn.mss : 536; /* RFC 9293, 3.7.1 */
  const uint16_t own = drill->plan->sides[drill->host].mss;
  if (own > 0 && own < mss)
    mss = own;
  return drill->own_syn.timestamps && drill->far_syn.timestamps && mss > 24 ? (uint16_t)(mss - 12)
                                                                            : mss;
}

static bool make(struct drill *drill)
{
  struct walk *walk = calloc(1, sizeof *walk);
  if (walk == NULL)
    return false;
  walk->drill = drill;
  const bool scaling = drill->own_syn.has_wscale && drill->far_syn.has_wscale;
  walk->own_shift = scaling ? drill->own_syn.wscale : 0;
  walk->far_shift = scaling ? drill->far_syn.wscale : 0;
  walk->fin_at = walk->far_fin_at = INT64_MAX;
  walk->model_edge = -1;
  walk->probe_answered_ns = TIME_INVALID;
  receiver_model_init(&walk->model);
  const bool ok = gather(walk);
  if (ok) {
    begin(walk);
    walk_through(walk);
  }
  free(walk->moments);
  free(walk);
  return ok && !drill->failed;
}

/* Drops what is too much, from the beginning. */
static void shorten(struct recording *recording, enum recording_side side)
{
  bool at_it;
  const struct recording_point *point = recording_nearest(recording, side, &at_it);
  if (recording->target >= recording->finding_count || point == NULL)
    return;
  const struct recorded_finding *target = &recording->findings[recording->target];
  size_t before = 0;
  while (before < point->packet_count && point->packets[before].packet.time_ns <= target->end_ns)
    before++;
  if (before <= DRILL_PACKETS_MAX * 3 / 4)
    return;
  recording_begin_at(recording, point->packets[before - DRILL_PACKETS_MAX / 2].packet.time_ns);
  recording_assume(recording, "only the last %d packets before the stall's end matter",
                   DRILL_PACKETS_MAX / 2);
}

static char *script_of(struct drill *drill, const struct drill_options *options,
                       struct error *error)
{
  bool at_it;
  const struct recording *recording = drill->recording;
  drill->host = plan_host_of(drill->plan, drill->side);
  drill->opens = drill->plan->sides[drill->host].opens;
  drill->point = recording_nearest(recording, drill->side, &at_it);
  drill->own_syn = drill->point->syns[drill->side].seen
                       ? drill->point->syns[drill->side]
                       : assumed_syn(&recording->hosts[drill->side]);
  drill->far_syn = drill->point->syns[drill->far].seen ? drill->point->syns[drill->far]
                                                       : assumed_syn(&recording->hosts[drill->far]);
  drill->tolerance_ns = TOLERANCE_NS;
  if (drill->target != NULL && drill->target->waited_ns > 0 &&
      drill->target->waited_ns / 4 < TOLERANCE_NS)
    drill->tolerance_ns = drill->target->waited_ns / 4 > TOLERANCE_MIN_NS
                              ? drill->target->waited_ns / 4
                              : TOLERANCE_MIN_NS;
  drill->mss = full_segment(drill);
  drill->stood_still = drill->target != NULL && strcmp(drill->target->cause, "host-paused") == 0;
  drill->wrong_checksums =
      drill->target != NULL && strcmp(drill->target->cause, "checksum-drop") == 0;
  if (!at_it)
    drill_note(drill, "the trace was not taken at the kernel under test: its times are estimated");
  char *text = make(drill) ? drill_text(drill, options->source) : NULL;
  if (text == NULL)
    error_set(error, ERROR_MEMORY, "out of memory");
  free(drill->events);
  free(drill->writes);
  return text;
}

char *drill_script(struct recording *recording, const struct drill_options *options,
                   struct drill_summary *summary, struct error *error)
{
  const struct recorded_finding *target =
      recording->target < recording->finding_count ? &recording->findings[recording->target] : NULL;
  *summary = (struct drill_summary){.side = options->side};
  if (!options->has_side)
    summary->side = target != NULL ? drill_side(target) : RECORDING_CLIENT;
  shorten(recording, summary->side);
  struct plan *plan = plan_extract(recording, options->congestion_control, error);
  if (plan == NULL)
    return NULL;
  struct plan_flow *flow = plan_flow_new(recording);
  struct drill *drill = calloc(1, sizeof *drill);
  char *text = NULL;
  if (flow == NULL || drill == NULL) {
    error_set(error, ERROR_MEMORY, "out of memory");
  } else {
    *drill = (struct drill){.recording = recording,
                            .target = target,
                            .plan = plan,
                            .flow = flow,
                            .summary = summary,
                            .side = summary->side,
                            .far = summary->side == RECORDING_CLIENT ? RECORDING_SERVER
                                                                     : RECORDING_CLIENT};
    text = script_of(drill, options, error);
  }
  free(drill);
  plan_flow_free(flow);
  plan_free(plan);
  return text;
}
