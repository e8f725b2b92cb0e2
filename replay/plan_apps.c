#include "replay/plan_parts.h"

#include <stdlib.h>
#include <string.h>

/* What the applications did cannot be seen, but follows from what their TCPs did:
 *
 * - New data that leave at once when an ACK comes were written before: TCP held them back. New data
 *   that leave unasked are written at that moment; if everything before was acknowledged, the
 *   application is taken to have waited since then. If the peer's data had come meanwhile, it
 *   waited for them.
 * - A window whose right edge moves on with the data is that of a reader who keeps up. While the
 *   edge stands and the window closes, nobody reads; by as much as it then moves, somebody has
 *   read. */

/* TCP answers an ACK within less, and a burst has no larger gaps. */
#define CLOCKED_NS (5 * NS_PER_MS)
/* Shorter stops of a reader make no difference. */
#define STOP_MIN_NS (20 * NS_PER_MS)
/* A reader keeps up if the window that it offers is that share of the largest so far. */
#define KEEPS_UP_SHARE 0.8
#define CLOSING_SHARE  0.5
/* Pauses longer than that are conditions of their own: what may have caused a stall. */
#define PAUSE_TOLD_NS (100 * NS_PER_MS)
/* Data that leave so soon after the end of a hold were among what was held, or behind it. */
#define RELEASE_NS (50 * NS_PER_MS)

/* ---- writer ---- */

struct writing {
  struct plan *plan;
  const struct plan_flow *flow;
  const struct recording *recording;
  const struct recorded_finding *target;
  enum plan_host host;
  enum recording_side side;
  struct plan_steps *steps;
  int64_t last_sent_ns, last_heard_ns; /* data or FIN of this side; anything of the other one */
  int64_t peer_bytes;                  /* that had come, in order */
  int64_t peer_bytes_used;             /* for which the writer has waited */
  int64_t peer_data_ns;                /* when the last of them came */
  int64_t acked, acked_ns;
  bool heard;   /* anything of the other side */
  int64_t sent; /* bytes */
  int64_t edge; /* right edge of the peer's window, as this side reads it */
  uint8_t peer_shift;
  int64_t pending;  /* bytes of the write in hand */
  bool ended_write; /* the last segment ends with PSH, and is no full one */
  bool peer_closed, closed;
  bool small_unacked; /* a small segment is not acknowledged yet: Nagle holds others back */
  int64_t small_end;
  bool nagle_violated;
  bool waits_for_acks; /* the finding says so: it writes when all is acknowledged */
};

static void flush_write(struct writing *writing)
{
  if (writing->pending > 0)
    plan_add_step(writing->steps, STEP_WRITE, writing->pending, PLAN_NO_CONDITION);
  writing->pending = 0;
}

/* A wait of the application; long ones are conditions. */
static void add_wait(struct writing *writing, int64_t wait_ns, int64_t until_ns)
{
  uint32_t condition = PLAN_NO_CONDITION;
  if (wait_ns < NS_PER_MS / 10)
    return;
  if (wait_ns >= PAUSE_TOLD_NS) {
    const char name = writing->host == PLAN_A ? 'a' : 'b';
    condition = plan_add_condition(writing->plan, CONDITION_WRITER_WAITS, writing->host,
                                   until_ns - wait_ns, until_ns);
    plan_condition_text(writing->plan, condition, "%c wait %.3fs", name, time_to_s(wait_ns));
    plan_condition_why(writing->plan, condition,
                       "everything was acknowledged, and new data came only then");
  }
  plan_add_step(writing->steps, STEP_WAIT, wait_ns, condition);
}

/* A finding says that these segments were built before they were seen to leave. */
static bool was_held(const struct writing *writing, int64_t time_ns)
{
  for (uint32_t i = 0; i < writing->recording->finding_count; i++) {
    const struct recorded_finding *finding = &writing->recording->findings[i];
    if (finding->sender == writing->side && strcmp(finding->location, "sender-queue") == 0 &&
        time_ns >= finding->start_ns && time_ns <= finding->end_ns + RELEASE_NS)
      return true;
  }
  return false;
}

/* Whether the application waited for the peer's words before it wrote this. */
static bool is_answer(const struct writing *writing)
{
  return writing->peer_bytes > writing->peer_bytes_used && writing->acked >= writing->sent &&
         (writing->sent == 0 || writing->ended_write);
}

static uint16_t segment_full(const struct writing *writing)
{
  const struct recorded_host *peer = &writing->recording->hosts[plan_opposite(writing->side)];
  const struct recorded_host *own = &writing->recording->hosts[writing->side];
  const uint16_t mss = peer->mss > 0 ? peer->mss : 1460;
  return own->timestamps && mss > 12 ? (uint16_t)(mss - 12) : mss;
}

/* No room for a full segment: TCP waits, for a window update or for its persist timer. */
static bool window_limited(const struct writing *writing)
{
  return writing->edge - writing->sent < segment_full(writing);
}

static void begin_write(struct writing *writing, int64_t time_ns)
{
  const int64_t last_ns = writing->last_sent_ns > writing->last_heard_ns ? writing->last_sent_ns
                                                                         : writing->last_heard_ns;
  if (writing->sent > 0 && (was_held(writing, time_ns) || window_limited(writing)))
    return;
  if (is_answer(writing)) {
    flush_write(writing);
    plan_add_step(writing->steps, STEP_AWAIT_READ, writing->peer_bytes, PLAN_NO_CONDITION);
    writing->peer_bytes_used = writing->peer_bytes;
    add_wait(writing, time_ns - writing->peer_data_ns, time_ns);
    return;
  }
  if (writing->ended_write)
    flush_write(writing);
  if (writing->waits_for_acks && writing->sent > 0 && writing->acked >= writing->sent) {
    flush_write(writing);
    plan_add_step(writing->steps, STEP_AWAIT_SENT, 0, PLAN_NO_CONDITION);
    return;
  }
  if (time_ns - last_ns <= CLOCKED_NS)
    return;
  /* Full segments under way, and one more after a while: a probe for the tail of a burst (RFC 8985,
   * 7.3) takes new data that wait for the congestion window. */
  if (writing->acked < writing->sent && !writing->ended_write)
    return;
  flush_write(writing);
  if (writing->sent > 0 && writing->acked >= writing->sent) {
    plan_add_step(writing->steps, STEP_AWAIT_SENT, 0, PLAN_NO_CONDITION);
    add_wait(writing, time_ns - writing->acked_ns, time_ns);
  } else {
    add_wait(writing, time_ns - last_ns, time_ns);
  }
}

/* Nagle's algorithm (as Minshall put it) sends no second small segment while one is unacknowledged.
 */
static void watch_nagle(struct writing *writing, const struct passage *passage)
{
  const bool small = passage->end - passage->first < segment_full(writing);
  if (writing->acked >= writing->small_end)
    writing->small_unacked = false;
  if (small && writing->small_unacked && !(passage->sent->flags & TCP_FIN))
    writing->nagle_violated = true;
  if (small) {
    writing->small_unacked = true;
    writing->small_end = passage->end;
  }
}

/* Left out, it is an ordinary end. */
static void add_abort(struct writing *writing, int64_t time_ns)
{
  const uint32_t condition =
      plan_add_condition(writing->plan, CONDITION_WRITER_WAITS, writing->host, time_ns, time_ns);
  plan_condition_text(writing->plan, condition, "%c abort", writing->host == PLAN_A ? 'a' : 'b');
  plan_condition_why(writing->plan, condition, "a RST left this host");
  plan_add_step(writing->steps, STEP_ABORT, 0, condition);
}

static void see_own(struct writing *writing, const struct passage *passage)
{
  if (passage->sent == NULL)
    return;
  const struct packet *packet = passage->sent;
  const bool data = passage->end > passage->first;
  if (data && passage->fresh && passage->end > writing->sent) {
    begin_write(writing, passage->sent_ns);
    watch_nagle(writing, passage);
    writing->pending += passage->end - writing->sent;
    writing->sent = passage->end;
    writing->ended_write = packet->flags & TCP_PSH && packet->payload_bytes < segment_full(writing);
  }
  if (packet->flags & TCP_FIN && !writing->closed) {
    flush_write(writing);
    const int64_t last_ns = writing->last_sent_ns > writing->last_heard_ns ? writing->last_sent_ns
                                                                           : writing->last_heard_ns;
    if (writing->peer_closed)
      plan_add_step(writing->steps, STEP_AWAIT_READ, INT64_MAX, PLAN_NO_CONDITION);
    else if (passage->sent_ns - last_ns > CLOCKED_NS && writing->acked >= writing->sent) {
      plan_add_step(writing->steps, STEP_AWAIT_SENT, 0, PLAN_NO_CONDITION);
      add_wait(writing, passage->sent_ns - writing->acked_ns, passage->sent_ns);
    }
    plan_add_step(writing->steps, STEP_SHUT, 0, PLAN_NO_CONDITION);
    writing->closed = true;
  }
  if (packet->flags & TCP_RST && !writing->closed && !writing->peer_closed) {
    flush_write(writing);
    add_wait(writing, passage->sent_ns - writing->last_heard_ns, passage->sent_ns);
    add_abort(writing, passage->sent_ns);
    writing->closed = true;
  }
  if (data || packet->flags & TCP_FIN)
    writing->last_sent_ns = passage->sent_ns;
}

static void see_other(struct writing *writing, const struct passage *passage)
{
  if (passage->arrived == NULL)
    return;
  writing->last_heard_ns = passage->arrived_ns;
  if (passage->ack >= 0) {
    const uint8_t shift = passage->arrived->flags & TCP_SYN ? 0 : writing->peer_shift;
    const int64_t edge = passage->ack + ((int64_t)passage->arrived->window << shift);
    writing->edge = edge; /* the newest one counts, even if it is less */
  }
  if (passage->ack > writing->acked || !writing->heard) {
    writing->heard = true;
    writing->acked = passage->ack > writing->acked ? passage->ack : writing->acked;
    writing->acked_ns = passage->arrived_ns;
  }
  if (passage->end > writing->peer_bytes && passage->end > passage->first) {
    writing->peer_bytes = passage->end;
    writing->peer_data_ns = passage->arrived_ns;
  }
  if (passage->arrived->flags & (TCP_FIN | TCP_RST))
    writing->peer_closed = true;
}

/* The other side's packets in the order in which they arrived. */
struct arrival {
  const struct passage *passage;
};

static int compare_arrivals(const void *a, const void *b)
{
  const struct passage *left = ((const struct arrival *)a)->passage;
  const struct passage *right = ((const struct arrival *)b)->passage;
  if (left->arrived_ns != right->arrived_ns)
    return left->arrived_ns < right->arrived_ns ? -1 : 1;
  return left < right ? -1 : left > right;
}

static struct arrival *arrivals(const struct flow_passages *flow, size_t *count)
{
  struct arrival *list = calloc(flow->count + 1, sizeof *list);
  *count = 0;
  for (size_t i = 0; i < flow->count && list != NULL; i++)
    if (flow->passages[i].arrived != NULL)
      list[(*count)++].passage = &flow->passages[i];
  if (list != NULL)
    qsort(list, *count, sizeof *list, compare_arrivals);
  return list;
}

/* The path may have rewritten it. */
static uint8_t shift_as_read(const struct writing *writing)
{
  bool at_it;
  const enum recording_side peer = plan_opposite(writing->side);
  const struct recording_point *point =
      recording_nearest(writing->recording, writing->side, &at_it);
  const struct recorded_syn *own = &point->syns[writing->side], *other = &point->syns[peer];
  if (!own->seen || !other->seen)
    return writing->recording->hosts[peer].window_scaling ? writing->recording->hosts[peer].wscale
                                                          : 0;
  return own->has_wscale && other->has_wscale ? other->wscale : 0;
}

/* Both directions, as this side's host saw them. */
static void walk(struct writing *writing)
{
  writing->peer_shift = shift_as_read(writing);
  const struct flow_passages *own = &writing->flow->sides[writing->side];
  const struct flow_passages *other = &writing->flow->sides[plan_opposite(writing->side)];
  size_t heard_count = 0, heard_at = 0;
  struct arrival *heard = arrivals(other, &heard_count);
  for (size_t i = 0; i < own->count && heard != NULL; i++) {
    const struct passage *passage = &own->passages[i];
    while (heard_at < heard_count &&
           heard[heard_at].passage->arrived_ns <= passage_left_ns(passage))
      see_other(writing, heard[heard_at++].passage);
    see_own(writing, passage);
  }
  free(heard);
}

void plan_writer(struct plan *plan, const struct plan_flow *flow,
                 const struct recorded_finding *target, enum plan_host host)
{
  struct writing writing = {.plan = plan,
                            .flow = flow,
                            .recording = flow->recording,
                            .target = target,
                            .host = host,
                            .side = plan_side_of(plan, host),
                            .steps = &plan->sides[host].writer,
                            .last_sent_ns = flow->origin_ns,
                            .last_heard_ns = flow->origin_ns,
                            .acked_ns = flow->origin_ns};
  writing.waits_for_acks =
      target != NULL && target->sender == writing.side && strcmp(target->cause, "delayed-ack") == 0;
  walk(&writing);
  flush_write(&writing);
  plan->sides[host].nodelay = writing.nagle_violated;
}

/* ---- reader ---- */

struct reading {
  struct plan *plan;
  enum plan_host host;
  struct plan_steps *steps;
  const struct flow_passages *passages; /* of this side */
  size_t ack_at;                        /* index of one of them */
  uint8_t shift;
  int64_t edge, edge_ns;  /* the right edge of the window, and since when it stands */
  int64_t group_ns;       /* when it moved first since the last stop */
  int64_t edge_ack;       /* what was acknowledged when it moved last */
  int64_t window_at_edge; /* and the window then */
  int64_t largest;        /* window so far */
  bool closing;           /* the window has become small since */
  int64_t read;           /* bytes that steps so far have read, of those that were stopped at */
  uint32_t condition;     /* of the stops in hand */
};

/* When so much had come, in order. Asked for growing numbers. */
static int64_t time_of_ack(struct reading *reading, int64_t bytes)
{
  const struct flow_passages *own = reading->passages;
  while (reading->ack_at + 1 < own->count && (own->passages[reading->ack_at].sent == NULL ||
                                              own->passages[reading->ack_at].ack < bytes))
    reading->ack_at++;
  return passage_left_ns(&own->passages[reading->ack_at]);
}

/* The reader stopped when it had read so much, until now. */
static void add_stop(struct reading *reading, int64_t now_ns)
{
  const bool kept_up = (double)reading->window_at_edge >= KEEPS_UP_SHARE * (double)reading->largest;
  int64_t read = kept_up ? reading->edge_ack : reading->edge - reading->largest;
  read = read > reading->edge_ack ? reading->edge_ack : read;
  read = read < reading->read ? reading->read : read;
  if (read > reading->read)
    plan_add_step(reading->steps, STEP_READ, read, PLAN_NO_CONDITION);
  reading->read = read;
  /* One who does not keep up read when the edge moved first, or when that much had come; later
   * moves are the kernel's. */
  const int64_t came_ns = time_of_ack(reading, read);
  const int64_t slow_ns = came_ns > reading->group_ns ? came_ns : reading->group_ns;
  const int64_t stopped_ns = now_ns - (kept_up ? reading->edge_ns : slow_ns);
  const uint32_t condition = plan_add_condition(reading->plan, CONDITION_READER_STOPS,
                                                reading->host, now_ns - stopped_ns, now_ns);
  const char name = reading->host == PLAN_A ? 'a' : 'b';
  plan_condition_text(reading->plan, condition, "%c stop-reading %.3fs", name,
                      time_to_s(stopped_ns));
  plan_condition_why(reading->plan, condition,
                     "the right edge of its window stood still, and the window closed");
  plan_add_step(reading->steps, STEP_WAIT, stopped_ns, condition);
}

static void see_window(struct reading *reading, const struct passage *passage)
{
  const struct packet *packet = passage->sent;
  const uint8_t shift = packet->flags & TCP_SYN ? 0 : reading->shift;
  const int64_t window = (int64_t)packet->window << shift, edge = passage->ack + window;
  if (packet->flags & TCP_RST || !(packet->flags & TCP_ACK))
    return;
  if (edge > reading->edge || reading->edge_ns == TIME_INVALID) {
    const bool stood = reading->edge_ns != TIME_INVALID && reading->closing &&
                       passage->sent_ns - reading->edge_ns >= STOP_MIN_NS;
    if (stood)
      add_stop(reading, passage->sent_ns);
    if (stood || reading->edge_ns == TIME_INVALID)
      reading->group_ns = passage->sent_ns;
    /* Less than all that waits was read, if the window is still small. */
    reading->edge = edge;
    reading->edge_ns = passage->sent_ns;
    reading->edge_ack = passage->ack;
    reading->window_at_edge = window;
    reading->closing = false;
  }
  if (!(packet->flags & TCP_SYN) && window > reading->largest)
    reading->largest = window;
  if ((double)window < CLOSING_SHARE * (double)reading->largest)
    reading->closing = true;
}

/* When the peer has closed it reads to the end, else as much as came. It may not have gone on. */
static void finish_reader(struct reading *reading, const struct flow_passages *peer, int64_t end_ns)
{
  bool closed = false;
  if (reading->closing && end_ns - reading->edge_ns >= PAUSE_TOLD_NS)
    add_stop(reading, end_ns);
  for (size_t i = 0; i < peer->count; i++)
    closed = closed || (peer->passages[i].sent != NULL && peer->passages[i].sent->flags & TCP_FIN);
  if (closed)
    plan_add_step(reading->steps, STEP_READ_ALL, 0, PLAN_NO_CONDITION);
  else
    plan_add_step(reading->steps, STEP_READ, peer->bytes, PLAN_NO_CONDITION);
}

void plan_reader(struct plan *plan, const struct plan_flow *flow, enum plan_host host)
{
  const enum recording_side side = plan_side_of(plan, host);
  const struct recorded_host *own = &flow->recording->hosts[side];
  struct reading reading = {.plan = plan,
                            .host = host,
                            .steps = &plan->sides[host].reader,
                            .passages = &flow->sides[side],
                            .shift = own->window_scaling ? own->wscale : 0,
                            .edge_ns = TIME_INVALID};
  const struct flow_passages *passages = &flow->sides[side];
  for (size_t i = 0; i < passages->count; i++)
    if (passages->passages[i].sent != NULL)
      see_window(&reading, &passages->passages[i]);
  finish_reader(&reading, &flow->sides[plan_opposite(side)], flow->recording->end_ns);
}
