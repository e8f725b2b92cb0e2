#include "replay/drill_walk.h"

#include "wire/seq.h"

/* Probes that carry nothing are answered that seldom (Linux, tcp_invalid_ratelimit). */
#define PROBE_ANSWER_NS (500 * NS_PER_MS)
/* The longest delay of an ACK (Linux, TCP_DELACK_MAX). */
#define DELAYED_ACK_NS (200 * NS_PER_MS)
/* What arrived so long ago has been heard. */
#define HEARD_NS NS_PER_MS
/* packetdrill's packets are no longer. */
#define PAYLOAD_MAX 60000
/* What leaves that long after everything else is a timer's doing. */
#define TIMER_NS (150 * NS_PER_MS)

/* ---- what arrives ---- */

/* Whether TCP takes it: not if its timestamp is an old one (RFC 7323, 5.3, PAWS). */
static bool is_old(const struct drill_walk *walk, const struct drill_packet *packet)
{
  return packet->timestamps && walk->model.has_ts && seq_lt(packet->ts_val, walk->model.ts_recent);
}

static void hear_ack(struct drill_walk *walk, const struct passage *passage)
{
  const int64_t edge = passage->ack + ((int64_t)passage->arrived->window << walk->far_shift);
  if (passage->ack > walk->acked) {
    walk->acked = passage->ack;
    walk->acked_ns = drill_script_ns(walk, drill_arrival_ns(walk->drill, passage));
  }
  if (passage->ack >= walk->acked)
    walk->edge = edge;
}

/* Data, or a FIN, one segment of it. */
static void hear_data(struct drill_walk *walk, const struct passage *passage, int64_t first,
                      int64_t end, bool fin)
{
  struct drill_packet *packet = drill_inject(walk, passage, first, end);
  if (!fin)
    packet->flags &= (uint16_t)~TCP_FIN;
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
  drill_expect_ack(walk, at_ns);
  if (fin_again)
    drill_last(walk)->packet.options = DRILL_OPTIONS_ANY; /* DSACK */
}

/* Empty, and behind what is expected next: a probe. Answered, but not often. */
static void hear_probe(struct drill_walk *walk)
{
  if (time_is_valid(walk->probe_answered_ns) &&
      walk->last_ns - walk->probe_answered_ns < PROBE_ANSWER_NS)
    return;
  walk->probe_answered_ns = walk->last_ns;
  drill_expect_ack(walk, walk->last_ns);
}

static void expect_missing(struct drill_walk *walk, int64_t until, int64_t at_ns);

/* What nobody was seen to send, or the path changed, has arrived all the same. */
static int64_t arrived_end(const struct passage *passage)
{
  return passage->sent == NULL && passage->first >= 0
             ? passage->first + passage->arrived->payload_bytes
             : passage->end;
}

void drill_hear(struct drill_walk *walk, const struct passage *passage)
{
  const struct packet *packet = passage->arrived;
  const bool fin = (packet->flags & TCP_FIN) != 0;
  if (packet->flags & TCP_SYN) {
    drill_inject_syn(walk, passage);
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
    expect_missing(walk, passage->ack,
                   drill_script_ns(walk, drill_arrival_ns(walk->drill, passage)));
  hear_ack(walk, passage);
  const int64_t mss = walk->drill->plan->sides[walk->drill->host].mss;
  const int64_t piece = mss > 0 && mss < PAYLOAD_MAX ? mss : PAYLOAD_MAX;
  const int64_t end = arrived_end(passage);
  if (end > passage->first || fin) {
    int64_t first = passage->first;
    while (end - first > piece && !drill_is_full(walk->drill)) {
      const int64_t next = first + piece;
      hear_data(walk, passage, first, next, false);
      first = next;
    }
    hear_data(walk, passage, first, end - first > piece ? first + piece : end, fin);
  } else {
    drill_inject(walk, passage, passage->first, passage->first);
    if (walk->established && !walk->dead && passage->first < walk->model.last_ack &&
        !(packet->flags & TCP_RST))
      hear_probe(walk);
  }
  if (packet->flags & TCP_RST && walk->drill->right.refused && walk->drill->opens) {
    drill_call(walk->drill, walk->last_ns,
               "getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0");
    walk->drill->summary->asserts = true;
  }
  if (walk->syn_sent && walk->syn_heard && packet->flags & TCP_ACK)
    drill_establish(walk, walk->last_ns);
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
static void expect_piece(struct drill_walk *walk, int64_t at_ns, int64_t first, int64_t end,
                         bool fin)
{
  const uint16_t flags = TCP_ACK | TCP_PSH | (fin ? TCP_FIN : 0);
  const bool fresh = end > walk->frontier;
  drill_expect(walk, at_ns, flags, first, (uint32_t)(end - first));
  if (fresh && !walk->drill->stalls)
    drill_set_any_time(walk);
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
void drill_expect_data(struct drill_walk *walk, int64_t at_ns, int64_t first, int64_t end, bool fin,
                       bool fresh)
{
  const bool by_timer = at_ns - walk->last_ns >= TIMER_NS;
  while (first < end && !drill_is_full(walk->drill)) {
    const struct drill_write *write = write_of(walk->drill, first);
    int64_t next = write != NULL && write->end < end ? write->end : end;
    next = next - first > PAYLOAD_MAX ? first + PAYLOAD_MAX : next;
    if (fresh && write != NULL && write->end > end && write->end <= walk->edge)
      next = write->end;
    else if (fresh && write != NULL && write->end > end && !by_timer && end != walk->edge)
      return; /* it stays until there is room for all of it */
    expect_piece(walk, at_ns, first, next, fin && next == end);
    first = next;
  }
}

static void expect_missing(struct drill_walk *walk, int64_t until, int64_t at_ns)
{
  drill_note(walk->drill, "the trace lacks segments that were acknowledged: they are expected at "
                          "the time of the ACK");
  drill_write(walk->drill, at_ns, until);
  drill_expect_data(walk, at_ns, walk->frontier, until, false, false);
}

/* The application, of what has come. */
void drill_read_on(struct drill_walk *walk, int64_t at_ns)
{
  const int64_t come = walk->model.next < walk->far_fin_at ? walk->model.next : walk->far_fin_at;
  if (walk->established && !walk->dead)
    drill_read(walk->drill, &walk->reader, come, at_ns);
}

/* A pure ACK: the model's stand for it, but for probes and window updates. */
static void say_nothing_new(struct drill_walk *walk, const struct passage *passage, int64_t at_ns,
                            bool opens)
{
  const bool probe = passage->first < walk->recorded_next && walk->fin_at == INT64_MAX;
  if (probe) {
    drill_expect(walk, at_ns, TCP_ACK, passage->first, 0);
    return;
  }
  if (!walk->drill->right.immediate_acks && passage->ack > walk->model.last_ack) {
    drill_expect_ack(walk, at_ns);
    drill_set_grace(walk, DELAYED_ACK_NS);
    return;
  }
  if (opens && at_ns > walk->heard_ns + HEARD_NS && passage->ack == walk->announced &&
      walk->model.next == passage->ack) {
    const int64_t read = walk->reader.read;
    drill_read_on(walk, at_ns);
    if (walk->reader.read > read)
      drill_expect_ack(walk, at_ns);
  }
}

static void say_data(struct drill_walk *walk, const struct passage *passage, int64_t at_ns,
                     bool fin)
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
    drill_expect_data(walk, at_ns, first, passage->end, fin, passage->end > walk->frontier);
  else if (fin)
    drill_expect(walk, at_ns, TCP_FIN | TCP_ACK, passage->end, 0);
  if (fin && walk->fin_at == INT64_MAX) {
    walk->fin_at = passage->end;
    walk->frontier = passage->end + 1;
  }
}

/* The right edge of the kernel's window. Returns whether it has moved. */
static bool announce(struct drill_walk *walk, const struct passage *passage)
{
  const uint8_t shift = passage->sent->flags & TCP_SYN ? 0 : walk->own_shift;
  const int64_t edge = passage->ack + ((int64_t)passage->sent->window << shift);
  const bool opens = walk->model_edge >= 0 && edge > walk->model_edge;
  if (passage->ack >= 0 && edge > walk->model_edge)
    walk->model_edge = edge;
  return opens;
}

static void expect_reset(struct drill_walk *walk, const struct passage *passage, int64_t at_ns)
{
  struct drill_packet *reset =
      drill_expect(walk, at_ns, passage->sent->flags & (TCP_RST | TCP_ACK), passage->first, 0);
  reset->options = DRILL_OPTIONS_ANY;
  walk->dead = true;
}

void drill_say(struct drill_walk *walk, const struct passage *passage)
{
  const struct packet *packet = passage->sent;
  const int64_t at_ns = drill_script_ns(walk, passage->sent_ns);
  const bool fin = (packet->flags & TCP_FIN) != 0;
  const bool opens = announce(walk, passage);
  if (packet->flags & TCP_SYN && !walk->established)
    drill_expect_syn(walk, at_ns);
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
