#include "replay/peer_script.h"

#include "replay/peer_pieces.h"
#include "replay/peer_streams.h"
#include "wire/seq.h"

#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 4000000u
/* An answer that comes sooner than this share of the path's round trip answers something else. */
#define ANSWER_SHARE 0.5
/* And one that comes later than this waited for nothing, or for something else: a host's own time,
 * as a busy machine needs it, comes on top. */
#define ANSWER_SHARE_MAX 1.5
#define HOST_NS          (15 * NS_PER_MS)
/* A delayed ACK on top of the round trip (Linux 40 ms, RFC 5681, 4.2: 500 ms at most) is no hold.
 */
#define DELAYED_ACK_NS (45 * NS_PER_MS)
#define RTT_LEAST_NS   NS_PER_US
/* The far side's clock: told by at least so much time; slower ones than 1 Hz there are none (RFC
 * 7323, 5.4); what is built less than this before it is seen was not held. */
#define CLOCK_SPAN_NS  (200 * NS_PER_MS)
#define TICK_NS_MAX    1e9
#define BUILT_SLACK_NS 2e6
/* Packets of the near side that are looked back through for the one that was answered. */
#define LOOK_BACK 64

struct making {
  struct peer_script *script;
  const struct recording_point *point;
  struct peer_pieces pieces;
  struct rebase_stream near, far; /* as recorded */
  int64_t start_ns;
  int64_t cumulative;  /* the highest position acknowledged so far */
  int64_t edge;        /* the last one announced */
  int64_t far_high;    /* behind the far side's data so far */
  int64_t answered_ns; /* the near packet that was answered last was sent then */
  uint32_t event_room;
};

/* ---- numbers ---- */

static void take_syn(struct making *making, const struct packet *packet, bool near)
{
  if (near) {
    if (!making->near.known)
      rebase_begin(&making->near, packet->seq);
    return;
  }
  if (making->far.known)
    return;
  rebase_begin(&making->far, packet->seq);
  making->script->syn = peer_syn_of(packet);
}

static void find_streams(struct making *making, const struct recording *recording)
{
  struct peer_script *script = making->script;
  const enum recording_side far = peer_far_side(making->script->near);
  bool near_scale = recording->hosts[script->near].window_scaling;
  for (size_t i = 0; i < making->point->packet_count; i++) {
    const struct recorded_packet *recorded = &making->point->packets[i];
    if (recorded->packet.kind != PACKET_TCP || !(recorded->packet.flags & TCP_SYN) ||
        recorded->from == RECORDING_FOREIGN)
      continue;
    if (recorded->from == script->near && !making->near.known)
      near_scale = (recorded->packet.options & TCP_OPT_WSCALE) != 0;
    take_syn(making, &recorded->packet, recorded->from == script->near);
  }
  script->whole = making->near.known && making->far.known;
  if (!making->far.known)
    making->script->syn = peer_syn_assumed(&recording->hosts[far]);
  if (!making->near.known)
    peer_stream_begin(&making->near, making->point, script->near);
  if (!making->far.known)
    peer_stream_begin(&making->far, making->point, far);
  script->near_opens = script->near == RECORDING_CLIENT;
  script->shift = script->syn.has_wscale && near_scale ? script->syn.wscale : 0;
}

/* ---- the near side's transmissions ---- */

static int take_transmissions(struct making *making, struct error *error)
{
  for (size_t i = 0; i < making->point->packet_count; i++) {
    const struct recorded_packet *recorded = &making->point->packets[i];
    const struct packet *packet = &recorded->packet;
    if (!peer_is_tcp(recorded, making->script->near))
      continue;
    const bool syn = packet->flags & TCP_SYN;
    const uint32_t bytes =
        packet->payload_bytes + (syn ? 1 : 0) + (packet->flags & TCP_FIN ? 1 : 0);
    const int64_t first = rebase_position(&making->near, packet->seq);
    const struct peer_transmission sent = {.first = first,
                                           .end = first + bytes,
                                           .time_ns =
                                               peer_elapsed_ns(packet->time_ns, making->start_ns),
                                           .ts_val = packet->ts_val};
    if (bytes == 0 || packet->flags & TCP_RST || first < REBASE_SYN_POSITION)
      continue;
    /* A probe of a byte that was acknowledged long ago is no transmission of it that counts. */
    const int result = peer_pieces_add(&making->pieces, &sent, error);
    if (result != 0)
      return result;
    if (sent.end > making->script->near_bytes && !syn)
      making->script->near_bytes = sent.end - (packet->flags & TCP_FIN ? 1 : 0);
  }
  return 0;
}

/* ---- what the far side acknowledged, and when ---- */

static void take_acknowledgments(struct making *making)
{
  int64_t cumulative = REBASE_SYN_POSITION;
  for (size_t i = 0; i < making->point->packet_count; i++) {
    const struct recorded_packet *recorded = &making->point->packets[i];
    const struct packet *packet = &recorded->packet;
    if (!peer_is_tcp(recorded, peer_far_side(making->script->near)) || !(packet->flags & TCP_ACK) ||
        packet->flags & TCP_RST)
      continue;
    const int64_t ack = rebase_position(&making->near, packet->ack);
    const int64_t time_ns = peer_elapsed_ns(packet->time_ns, making->start_ns);
    const bool has_ts = (packet->options & TCP_OPT_TIMESTAMPS) != 0;
    if (ack > cumulative)
      peer_pieces_acknowledge(&making->pieces, cumulative, ack, time_ns,
                              has_ts ? &packet->ts_ecr : NULL);
    cumulative = ack > cumulative ? ack : cumulative;
    for (uint32_t j = 0; j < packet->sack_count; j++)
      peer_pieces_select(&making->pieces, rebase_position(&making->near, packet->sack[j].start),
                         rebase_position(&making->near, packet->sack[j].end), time_ns);
  }
}

/* ---- events ---- */

static struct peer_event *add_event(struct making *making, struct error *error)
{
  struct peer_script *script = making->script;
  if (script->event_count == making->event_room) {
    const uint32_t room = making->event_room == 0 ? 256 : 2 * making->event_room;
    struct peer_event *grown =
        room <= EVENTS_MAX ? realloc(script->events, room * sizeof *grown) : NULL;
    if (grown == NULL) {
      error_set(error, ERROR_LIMIT, "the connection is too long to be played");
      return NULL;
    }
    script->events = grown;
    making->event_room = room;
  }
  return &script->events[script->event_count++];
}

/* Whether a segment makes a TCP that has everything up to `ack` answer at once, with nothing new to
 * acknowledge (RFC 9293, 3.10.7.4). */
static bool asks_for_answer(const struct making *making, const struct packet *packet, int64_t ack)
{
  struct rebase_stream near = making->near;
  const int64_t first = rebase_position(&near, packet->seq);
  const int64_t end = first + packet->payload_bytes + (packet->flags & TCP_FIN ? 1 : 0);
  if (packet->flags & (TCP_SYN | TCP_RST))
    return false;
  return first > ack || (first < ack && end <= ack) || (end > first && end > making->edge);
}

/* The near side's packet that the far side's one, at index i, answers; NULL: it came unasked. */
static const struct packet *asked_by(const struct making *making, size_t i, int64_t ack)
{
  const int64_t time_ns = making->point->packets[i].packet.time_ns;
  const double rtt_ns = (double)making->script->rtt_ns;
  for (size_t back = 1; back <= LOOK_BACK && back <= i; back++) {
    const struct recorded_packet *recorded = &making->point->packets[i - back];
    const int64_t waited_ns = peer_elapsed_ns(time_ns, recorded->packet.time_ns);
    if ((double)waited_ns > ANSWER_SHARE_MAX * rtt_ns + (double)HOST_NS)
      break;
    if (!peer_is_tcp(recorded, making->script->near) || (double)waited_ns < ANSWER_SHARE * rtt_ns)
      continue;
    if (peer_elapsed_ns(recorded->packet.time_ns, making->start_ns) <= making->answered_ns)
      break;
    if (asks_for_answer(making, &recorded->packet, ack))
      return &recorded->packet;
  }
  return NULL;
}

static bool in_stall(const struct peer_script *script, int64_t from_ns, int64_t to_ns)
{
  return time_is_valid(script->stall_from_ns) && from_ns < script->stall_to_ns &&
         to_ns > script->stall_from_ns;
}

/* Since when the event's answer was due: all that it acknowledges had been sent. */
static int64_t anchor_ns(const struct making *making, int64_t ack)
{
  const struct peer_piece *piece = peer_script_piece(making->script, ack - 1);
  return piece != NULL && piece->copy != PEER_COPY_NEVER ? piece->reached_ns : 0;
}

static int place_event(struct making *making, enum peer_event_kind kind,
                       const struct packet *packet, int64_t ack, int64_t at_ns, struct error *error)
{
  struct peer_script *script = making->script;
  struct peer_event *event = add_event(making, error);
  if (event == NULL)
    return ERROR_LIMIT;
  const int64_t since_ns = anchor_ns(making, ack);
  *event = (struct peer_event){.kind = kind,
                               .at_ns = at_ns,
                               .ack = ack,
                               .delay_ns = at_ns > since_ns ? at_ns - since_ns : 0,
                               .edge = ack + ((int64_t)packet->window << script->shift),
                               .window = packet->window,
                               .flags = packet->flags,
                               .seq = rebase_position(&making->far, packet->seq),
                               .payload_bytes = packet->payload_bytes < PEER_BYTES_MAX
                                                    ? packet->payload_bytes
                                                    : PEER_BYTES_MAX,
                               .ts_val = packet->ts_val,
                               .has_ts = (packet->options & TCP_OPT_TIMESTAMPS) != 0};
  event->built_ns = event->delay_ns;
  event->suspected = event->delay_ns > script->rtt_ns + DELAYED_ACK_NS &&
                     (script->reader_blamed || in_stall(script, since_ns, at_ns));
  return 0;
}

/* A packet of the far side that acknowledges nothing new, and carries nothing. */
static int take_repeated(struct making *making, size_t i, int64_t ack, int64_t edge,
                         struct error *error)
{
  const struct packet *packet = &making->point->packets[i].packet;
  const struct packet *asked = asked_by(making, i, ack);
  const int64_t time_ns = peer_elapsed_ns(packet->time_ns, making->start_ns);
  int64_t at_ns = time_ns;
  if (asked == NULL && (edge == making->edge || ack < making->cumulative)) {
    making->script->unplaced += edge == making->edge && packet->sack_count == 0;
    return 0;
  }
  if (asked != NULL) {
    const int64_t before_ns = making->answered_ns;
    making->answered_ns = peer_elapsed_ns(asked->time_ns, making->start_ns);
    if (edge == making->edge || ack < making->cumulative)
      return 0; /* the receiver's model says it */
    /* Somewhere between the last answer that did not say so and this one. */
    at_ns = making->answered_ns - (making->answered_ns - before_ns) / 2;
  }
  making->edge = edge;
  return place_event(making, asked != NULL ? PEER_EDGE : PEER_UPDATE, packet, ack, at_ns, error);
}

static int take_far(struct making *making, size_t i, struct error *error)
{
  struct peer_script *script = making->script;
  const struct packet *packet = &making->point->packets[i].packet;
  const int64_t time_ns = peer_elapsed_ns(packet->time_ns, making->start_ns);
  int64_t ack = making->cumulative;
  if (packet->flags & TCP_ACK)
    ack = rebase_position(&making->near, packet->ack);
  const int64_t edge = ack + ((int64_t)packet->window << script->shift);
  const int64_t seq = rebase_position(&making->far, packet->seq);
  const bool fin = packet->flags & TCP_FIN;
  const int64_t end = seq + packet->payload_bytes + (fin ? 1 : 0);
  const bool news = end > making->far_high;
  enum peer_event_kind kind = PEER_ACK;
  if (packet->flags & TCP_SYN)
    return 0;
  if (packet->flags & TCP_RST)
    kind = PEER_RESET;
  else if (news && packet->payload_bytes > 0)
    kind = PEER_DATA;
  else if (news && fin)
    kind = PEER_FIN;
  else if (ack <= making->cumulative)
    return end > seq ? 0 : take_repeated(making, i, ack, edge, error);
  if (news)
    making->far_high = end;
  if (end - (fin ? 1 : 0) > script->far_bytes)
    script->far_bytes = end - (fin ? 1 : 0);
  if (ack > making->cumulative)
    making->cumulative = ack;
  ack = making->cumulative; /* a reset's may be an older one */
  making->edge = edge;
  if (edge - ack > script->window_max)
    script->window_max = edge - ack;
  return place_event(making, kind, packet, ack, time_ns, error);
}

static int take_events(struct making *making, struct error *error)
{
  making->cumulative = REBASE_SYN_POSITION;
  making->edge = making->script->syn.window;
  making->answered_ns = -1;
  int result = 0;
  for (size_t i = 0; i < making->point->packet_count && result == 0; i++)
    if (peer_is_tcp(&making->point->packets[i], peer_far_side(making->script->near)))
      result = take_far(making, i, error);
  return result;
}

/* ---- all of it ---- */

static void mark_pieces(struct peer_script *script)
{
  for (uint32_t i = 0; i < script->piece_count; i++) {
    struct peer_piece *piece = &script->pieces[i];
    const bool late =
        piece->latency_ns != INT64_MAX && piece->latency_ns > script->rtt_ns + DELAYED_ACK_NS;
    int64_t to_ns = piece->received_ns + 1;
    if (piece->copy == PEER_COPY_NEVER)
      to_ns = script->span_ns + 1;
    else if (late)
      to_ns = piece->reached_ns + piece->latency_ns;
    script->lost_pieces += piece->copy != 1;
    script->unanswered = script->unanswered || piece->copy == PEER_COPY_NEVER;
    piece->suspected = (piece->copy != 1 || late) &&
                       (script->reader_blamed || in_stall(script, piece->sent_ns, to_ns));
  }
}

/* When the far side built what it sent, by its timestamps: ticks are turned into time by the first
 * and the last of them, and nothing was built after it was seen. */
static void find_built(struct peer_script *script)
{
  const struct peer_event *first = NULL, *last = NULL;
  for (uint32_t i = 0; i < script->event_count; i++)
    if (script->events[i].has_ts && script->events[i].kind != PEER_EDGE) {
      first = first == NULL ? &script->events[i] : first;
      last = &script->events[i];
    }
  if (first == NULL || last->at_ns - first->at_ns < CLOCK_SPAN_NS)
    return;
  const double ticks = (double)(last->ts_val - first->ts_val);
  const double tick_ns = (double)(last->at_ns - first->at_ns) / (ticks > 0 ? ticks : 1);
  double least_ns = 0;
  if (ticks <= 0 || tick_ns > TICK_NS_MAX)
    return;
  for (int pass = 0; pass < 2; pass++)
    for (uint32_t i = 0; i < script->event_count; i++) {
      struct peer_event *event = &script->events[i];
      if (!event->has_ts)
        continue;
      const double ago_ns = (double)(event->at_ns - first->at_ns) -
                            (double)seq_diff(event->ts_val, first->ts_val) * tick_ns;
      if (pass == 0 && ago_ns < least_ns)
        least_ns = ago_ns;
      if (pass == 1 && ago_ns - least_ns > tick_ns + BUILT_SLACK_NS)
        event->built_ns = ago_ns - least_ns < (double)event->delay_ns
                              ? event->delay_ns - (int64_t)(ago_ns - least_ns)
                              : 0;
    }
}

static int make(struct making *making, const struct recording *recording, struct error *error)
{
  struct peer_script *script = making->script;
  const struct recording_point *point = making->point;
  making->start_ns = point->packets[0].packet.time_ns;
  script->span_ns =
      peer_elapsed_ns(point->packets[point->packet_count - 1].packet.time_ns, making->start_ns);
  if (script->span_ns < 0)
    script->span_ns = 0;
  find_streams(making, recording);
  if (!making->near.known || !making->far.known)
    return error_set(error, ERROR_USAGE, "%s: nothing of the connection that could be played",
                     point->name);
  int result = take_transmissions(making, error);
  if (result != 0)
    return result;
  making->near.near = REBASE_SYN_POSITION; /* from the beginning again */
  take_acknowledgments(making);
  script->rtt_ns = peer_pieces_rtt_ns(&making->pieces);
  if (script->rtt_ns < RTT_LEAST_NS)
    script->rtt_ns = RTT_LEAST_NS;
  result = peer_pieces_settle(&making->pieces, script, error);
  if (result != 0)
    return result;
  mark_pieces(script);
  const struct peer_piece *syn = peer_script_piece(script, REBASE_SYN_POSITION);
  script->syn_copy = syn != NULL && syn->copy != PEER_COPY_NEVER ? syn->copy : 1;
  script->syn_delay_ns =
      syn != NULL && syn->latency_ns != INT64_MAX ? syn->latency_ns : script->rtt_ns;
  making->near.near = making->far.near = REBASE_SYN_POSITION;
  result = take_events(making, error);
  if (result == 0)
    find_built(script);
  return result;
}

int peer_script_make(struct peer_script *script, const struct recording *recording,
                     const struct recording_point *point, enum recording_side near,
                     const struct recorded_finding *target, struct error *error)
{
  struct making making = {.script = script, .point = point};
  *script = (struct peer_script){
      .near = near, .stall_from_ns = TIME_INVALID, .stall_to_ns = TIME_INVALID};
  if (point->packet_count == 0)
    return error_set(error, ERROR_USAGE, "%s: no packet of the connection", point->name);
  if (target != NULL) {
    script->stall_from_ns = peer_elapsed_ns(target->start_ns, point->packets[0].packet.time_ns);
    script->stall_to_ns = peer_elapsed_ns(target->end_ns, point->packets[0].packet.time_ns);
    script->reader_blamed = strcmp(target->location, "receiver-app") == 0;
  }
  const int result = make(&making, recording, error);
  peer_pieces_clear(&making.pieces);
  if (result != 0)
    peer_script_clear(script);
  return result;
}

void peer_script_clear(struct peer_script *script)
{
  free(script->pieces);
  free(script->events);
  *script = (struct peer_script){0};
}

const struct peer_piece *peer_script_piece(const struct peer_script *script, int64_t position)
{
  uint32_t low = 0, high = script->piece_count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (script->pieces[middle].end <= position)
      low = middle + 1;
    else
      high = middle;
  }
  return low < script->piece_count && script->pieces[low].first <= position ? &script->pieces[low]
                                                                            : NULL;
}

bool peer_script_relieve(struct peer_script *script, const struct peer_syn *true_syn)
{
  bool changed = false;
  for (uint32_t i = 0; i < script->piece_count; i++) {
    struct peer_piece *piece = &script->pieces[i];
    if (!piece->suspected)
      continue;
    piece->copy = 1;
    piece->latency_ns = script->rtt_ns;
    changed = true;
  }
  if (true_syn != NULL &&
      (true_syn->has_wscale != script->syn.has_wscale || true_syn->wscale != script->syn.wscale)) {
    script->syn.has_wscale = true_syn->has_wscale;
    script->syn.wscale = true_syn->wscale;
    script->shift = true_syn->has_wscale ? true_syn->wscale : 0;
    for (uint32_t i = 0; i < script->event_count; i++)
      script->events[i].edge =
          script->events[i].ack + ((int64_t)script->events[i].window << script->shift);
    changed = true;
  }
  for (uint32_t i = 0; i < script->event_count; i++) {
    struct peer_event *event = &script->events[i];
    if (!event->suspected)
      continue;
    event->delay_ns = event->built_ns = script->rtt_ns;
    if (event->kind == PEER_EDGE)
      event->kind = PEER_UPDATE;
    changed = true;
  }
  return changed;
}
