#include "replay/peer_engine.h"

#include "replay/copy_count.h"
#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

/* What is due at some time: a few at once, unless much is held. */
#define PENDING_MAX 65536u
/* An answer of the model's waits so much longer than recorded: the recording's own may be due at
 * the same time. */
#define MODEL_SLACK_NS (3 * NS_PER_MS)
/* A recorded delay beyond the round trip that is more than a delayed ACK is a hold of the path,
 * which nothing overtakes. */
#define HOLD_NS        (45 * NS_PER_MS)
#define TICK_NS        NS_PER_MS /* of the played side's timestamps */
#define FIRST_TS_VAL   1000000u
#define SYN_AGAIN_NS   NS_PER_S /* RFC 6298, 2.1 */
#define WINDOW_RAW_MAX 65535
#define END_NS         (300 * NS_PER_MS) /* what the live side does after the recording's end */
#define CONNECTION     1                 /* of copy_count: there is one */

enum pending_kind {
  PENDING_SYN,   /* SYN, or SYN-ACK */
  PENDING_EVENT, /* as recorded */
  PENDING_COVER, /* all up to `ack` arrived; the recording acknowledged it with more */
  PENDING_ANSWER /* out of order, or once more: at once */
};

struct pending {
  enum pending_kind kind;
  int64_t due_ns;
  uint64_t order;
  uint32_t event;
  int64_t ack;
  uint32_t ts_val, ts_ecr;
  struct receiver_range sack[RECEIVER_SACK_MAX];
  uint32_t sack_count;
};

struct peer_engine {
  struct peer_engine_options options;
  const struct peer_script *script;
  struct peer_link link;
  struct receiver_model model;
  struct copy_count copies;
  struct pending *heap; /* by due_ns, then order; owned */
  uint32_t pending_count, pending_room;
  uint64_t next_order;
  uint32_t next_event;
  int64_t edge, edge_high; /* announced last, and furthest */
  int64_t acked;           /* highest acknowledgment sent */
  int64_t event_due_ns;    /* of the recorded answer that was scheduled last */
  int64_t held_until_ns;   /* what the path holds until then is not overtaken */
  int64_t far_next;        /* SND.NXT of the played side */
  uint32_t ts_val_last;
  bool begun; /* the handshake's first segment of ours is on its way */
  struct peer_engine_stats stats;
};

/* ---- what is due when ---- */

static bool before(const struct pending *a, const struct pending *b)
{
  return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void swap(struct pending *a, struct pending *b)
{
  const struct pending kept = *a;
  *a = *b;
  *b = kept;
}

static void push(struct peer_engine *engine, const struct pending *pending)
{
  if (engine->pending_count == engine->pending_room) {
    const uint32_t room = engine->pending_room == 0 ? 64 : 2 * engine->pending_room;
    struct pending *grown =
        room <= PENDING_MAX ? realloc(engine->heap, room * sizeof *grown) : NULL;
    if (grown == NULL)
      return; /* a later answer acknowledges more */
    engine->heap = grown;
    engine->pending_room = room;
  }
  uint32_t at = engine->pending_count++;
  engine->heap[at] = *pending;
  engine->heap[at].order = engine->next_order++;
  for (; at > 0 && before(&engine->heap[at], &engine->heap[(at - 1) / 2]); at = (at - 1) / 2)
    swap(&engine->heap[at], &engine->heap[(at - 1) / 2]);
}

static struct pending pop(struct peer_engine *engine)
{
  const struct pending first = engine->heap[0];
  engine->heap[0] = engine->heap[--engine->pending_count];
  for (uint32_t at = 0;;) {
    uint32_t child = 2 * at + 1;
    if (child >= engine->pending_count)
      break;
    if (child + 1 < engine->pending_count && before(&engine->heap[child + 1], &engine->heap[child]))
      child++;
    if (!before(&engine->heap[child], &engine->heap[at]))
      break;
    swap(&engine->heap[child], &engine->heap[at]);
    at = child;
  }
  return first;
}

/* ---- what is sent ---- */

static uint32_t ts_val_at(int64_t time_ns)
{
  return FIRST_TS_VAL + (uint32_t)(time_ns / TICK_NS);
}

static uint16_t window_field(const struct peer_engine *engine, int64_t ack)
{
  const int64_t bytes = engine->edge > ack ? engine->edge - ack : 0;
  const int64_t raw = bytes >> engine->script->shift;
  return (uint16_t)(raw < WINDOW_RAW_MAX ? raw : WINDOW_RAW_MAX);
}

static void emit(struct peer_engine *engine, struct peer_segment *segment, int64_t due_ns)
{
  uint8_t frame[FRAME_BUILDER_MAX];
  struct error error;
  const bool offer = segment->flags & TCP_SYN && !engine->script->near_opens;
  segment->timestamps = offer ? engine->script->syn.timestamps : engine->link.timestamps;
  /* A clock that a recorded hold puts back would be PAWS's (RFC 7323, 5). */
  if ((int32_t)(segment->ts_val - engine->ts_val_last) < 0)
    segment->ts_val = engine->ts_val_last;
  engine->ts_val_last = segment->ts_val;
  const int size = peer_segment_build(&engine->link, segment, frame, &error);
  if (size <= 0)
    return;
  engine->stats.sent++;
  engine->options.emitter.emit(engine->options.emitter.context, frame, (uint32_t)size, due_ns);
}

static void emit_syn(struct peer_engine *engine, const struct pending *pending)
{
  const struct peer_syn *syn = &engine->script->syn;
  struct peer_segment segment = {.seq = REBASE_SYN_POSITION,
                                 .ack = 0,
                                 .flags = TCP_SYN,
                                 .window = syn->window,
                                 .ts_val = pending->ts_val,
                                 .ts_ecr = pending->ts_ecr,
                                 .mss = syn->mss,
                                 .has_wscale = syn->has_wscale,
                                 .wscale = syn->wscale,
                                 .sack_permitted = syn->sack_permitted};
  if (engine->script->near_opens)
    segment.flags |= TCP_ACK;
  engine->acked = engine->script->near_opens ? 0 : engine->acked;
  engine->far_next = 0;
  emit(engine, &segment, pending->due_ns);
}

/* An acknowledgment of `ack`, or of more if more was acknowledged already. */
static void emit_ack(struct peer_engine *engine, const struct pending *pending, int64_t ack,
                     const uint16_t *window)
{
  const bool latest = ack >= engine->acked;
  struct peer_segment segment = {.seq = engine->far_next,
                                 .ack = latest ? ack : engine->acked,
                                 .flags = TCP_ACK,
                                 .ts_val = pending->ts_val,
                                 .ts_ecr = pending->ts_ecr,
                                 .sack_count = pending->sack_count};
  memcpy(segment.sack, pending->sack, sizeof segment.sack);
  engine->acked = segment.ack;
  segment.window = window != NULL && latest ? *window : window_field(engine, segment.ack);
  emit(engine, &segment, pending->due_ns);
}

static void emit_data(struct peer_engine *engine, const struct pending *pending,
                      const struct peer_event *event)
{
  const int64_t ack = event->ack > engine->acked ? event->ack : engine->acked;
  struct peer_segment segment = {.seq = event->seq,
                                 .ack = ack,
                                 .flags = (uint8_t)((event->flags & 0xff) | TCP_ACK),
                                 .window =
                                     ack == event->ack ? event->window : window_field(engine, ack),
                                 .payload_bytes = event->payload_bytes,
                                 .ts_val = pending->ts_val,
                                 .ts_ecr = pending->ts_ecr};
  const int64_t end = event->seq + event->payload_bytes + (event->flags & TCP_FIN ? 1 : 0);
  uint32_t left = event->payload_bytes;
  engine->acked = ack;
  do { /* super-segments were segments on the wire */
    const bool last = left <= PEER_PAYLOAD_MAX;
    segment.payload_bytes = last ? left : PEER_PAYLOAD_MAX;
    segment.flags =
        (uint8_t)((last ? event->flags : event->flags & ~(TCP_FIN | TCP_PSH)) | TCP_ACK);
    emit(engine, &segment, pending->due_ns);
    segment.seq += segment.payload_bytes;
    left -= segment.payload_bytes;
  } while (left > 0);
  if (end > engine->far_next)
    engine->far_next = end;
}

static void emit_reset(struct peer_engine *engine, const struct pending *pending)
{
  const int64_t ack = engine->acked > 0 ? engine->acked : 0;
  struct peer_segment segment = {.seq = engine->far_next,
                                 .ack = ack,
                                 .flags = TCP_RST | TCP_ACK,
                                 .ts_val = pending->ts_val,
                                 .ts_ecr = pending->ts_ecr};
  emit(engine, &segment, pending->due_ns);
}

static void perform_event(struct peer_engine *engine, const struct pending *pending)
{
  const struct peer_event *event = &engine->script->events[pending->event];
  engine->edge = event->edge;
  if (event->edge > engine->edge_high)
    engine->edge_high = event->edge;
  if (event->kind == PEER_EDGE)
    return;
  engine->stats.scripted++;
  switch (event->kind) {
  case PEER_DATA:
  case PEER_FIN: emit_data(engine, pending, event); break;
  case PEER_RESET: emit_reset(engine, pending); break;
  case PEER_ACK:
  case PEER_UPDATE:
  case PEER_EDGE: emit_ack(engine, pending, event->ack, &event->window); break;
  }
}

static void perform(struct peer_engine *engine, const struct pending *pending)
{
  switch (pending->kind) {
  case PENDING_SYN: emit_syn(engine, pending); break;
  case PENDING_EVENT: perform_event(engine, pending); break;
  case PENDING_COVER:
    if (engine->acked >= pending->ack)
      break;
    engine->stats.by_model++;
    emit_ack(engine, pending, pending->ack, NULL);
    break;
  case PENDING_ANSWER:
    engine->stats.by_model++;
    emit_ack(engine, pending, pending->ack, NULL);
    break;
  }
}

/* ---- what becomes due ---- */

static void schedule_events(struct peer_engine *engine, int64_t now_ns)
{
  const struct peer_script *script = engine->script;
  for (; engine->next_event < script->event_count; engine->next_event++) {
    const struct peer_event *event = &script->events[engine->next_event];
    if (event->ack > engine->model.next)
      break;
    struct pending pending = {.kind = PENDING_EVENT,
                              .due_ns = now_ns + event->delay_ns,
                              .event = engine->next_event,
                              .ack = event->ack,
                              .ts_val = ts_val_at(now_ns + event->built_ns),
                              .ts_ecr = engine->model.ts_recent};
    if (pending.due_ns < engine->event_due_ns && event->kind != PEER_EDGE)
      pending.due_ns = engine->event_due_ns; /* nothing overtakes on the way */
    if (event->kind != PEER_EDGE)
      engine->event_due_ns = pending.due_ns;
    if (event->kind == PEER_ACK && event->delay_ns > script->rtt_ns + HOLD_NS &&
        pending.due_ns > engine->held_until_ns)
      engine->held_until_ns = pending.due_ns;
    push(engine, &pending);
    engine->model.last_ack = event->ack;
  }
}

/* What was reached is no boundary of the recording's answers: it has its time all the same. */
static void schedule_cover(struct peer_engine *engine, int64_t now_ns)
{
  const struct peer_script *script = engine->script;
  const struct peer_piece *piece = peer_script_piece(script, engine->model.next - 1);
  const int64_t latency_ns = piece != NULL ? piece->latency_ns : script->rtt_ns;
  if (latency_ns == INT64_MAX || engine->model.last_ack >= engine->model.next)
    return;
  const int64_t wait_ns = latency_ns > script->rtt_ns ? latency_ns : script->rtt_ns;
  const struct pending pending = {.kind = PENDING_COVER,
                                  .due_ns = now_ns + wait_ns + MODEL_SLACK_NS,
                                  .ack = engine->model.next,
                                  .ts_val = ts_val_at(now_ns + wait_ns),
                                  .ts_ecr = engine->model.ts_recent};
  push(engine, &pending);
}

static void schedule_answer(struct peer_engine *engine, int64_t now_ns)
{
  struct pending pending = {.kind = PENDING_ANSWER,
                            .due_ns = now_ns + engine->script->rtt_ns,
                            .ack = engine->model.next,
                            .ts_val = ts_val_at(now_ns),
                            .ts_ecr = engine->model.ts_recent};
  if (pending.due_ns < engine->held_until_ns)
    pending.due_ns = engine->held_until_ns;
  pending.sack_count = receiver_model_sack(&engine->model, pending.sack, RECEIVER_SACK_MAX);
  engine->model.last_ack = engine->model.next;
  push(engine, &pending);
}

/* ---- what arrives ---- */

/* The parts of a segment that the recorded path let through, to the model. Returns how many. */
static uint32_t deliver(struct peer_engine *engine, const struct peer_seen *seen, uint32_t copy,
                        enum receiver_verdict *verdict)
{
  int64_t position = seen->first;
  uint32_t parts = 0;
  *verdict = RECEIVER_DUPLICATE;
  while (position < seen->end) {
    const struct peer_piece *piece = peer_script_piece(engine->script, position);
    const int64_t piece_end = piece != NULL ? piece->end : seen->end;
    const int64_t end = piece_end < seen->end ? piece_end : seen->end;
    if (piece == NULL || (piece->copy != PEER_COPY_NEVER && copy >= piece->copy)) {
      if (parts++ == 0 && seen->has_ts)
        receiver_model_timestamp(&engine->model, position, seen->ts_val);
      const enum receiver_verdict part =
          receiver_model_take(&engine->model, position, end, engine->edge_high);
      if (part < *verdict)
        *verdict = part;
    }
    position = end;
  }
  return parts;
}

/* The live side cuts its stream as the recorded one did, or no more. */
static void compare_cut(struct peer_engine *engine, const struct peer_seen *seen)
{
  const struct peer_piece *piece = peer_script_piece(engine->script, seen->first);
  if (engine->stats.differs_at < 0 && seen->first >= 0 &&
      (piece == NULL || piece->first != seen->first || piece->end != seen->end))
    engine->stats.differs_at = seen->first;
}

static void take_bytes(struct peer_engine *engine, const struct peer_seen *seen, int64_t now_ns)
{
  enum receiver_verdict verdict;
  const int64_t next = engine->model.next;
  const uint32_t copy = copy_count_add(&engine->copies, CONNECTION, seen->first, seen->end);
  if (copy == 1)
    compare_cut(engine, seen);
  if (deliver(engine, seen, copy, &verdict) == 0) {
    engine->stats.lost++;
    return;
  }
  const bool holes = engine->model.range_count > 0;
  if (verdict != RECEIVER_ADVANCED) {
    schedule_answer(engine, now_ns);
    return;
  }
  schedule_events(engine, now_ns);
  if (holes && engine->model.next > next) /* RFC 5681, 4.2: a hole that is left is told at once */
    schedule_answer(engine, now_ns);
  else
    schedule_cover(engine, now_ns);
}

static void send_syn(struct peer_engine *engine, int64_t due_ns)
{
  const struct pending pending = {.kind = PENDING_SYN,
                                  .due_ns = due_ns,
                                  .ts_val = ts_val_at(due_ns),
                                  .ts_ecr = engine->model.ts_recent};
  engine->begun = true;
  push(engine, &pending);
}

/* What the live side offers and the recorded far side did as well. */
static void agree(struct peer_engine *engine, const struct frame_view *view)
{
  const struct peer_syn *syn = &engine->script->syn;
  engine->link.timestamps =
      syn->timestamps && frame_view_option(view, TCP_OPTION_KIND_TIMESTAMPS) != NULL;
  engine->link.sack =
      syn->sack_permitted && frame_view_option(view, TCP_OPTION_KIND_SACK_PERMITTED) != NULL;
}

static void take_syn(struct peer_engine *engine, const struct frame_view *view,
                     const struct peer_seen *seen, int64_t now_ns)
{
  const uint32_t copy = copy_count_add(&engine->copies, CONNECTION, seen->first, seen->first + 1);
  if (engine->model.next >= 0 || copy < engine->script->syn_copy) {
    engine->stats.lost += engine->model.next < 0;
    if (engine->model.next >= 0) /* our answer is on its way, or was not seen: RFC 9293, 3.10.7.4 */
      schedule_answer(engine, now_ns);
    return;
  }
  agree(engine, view);
  if (seen->has_ts)
    receiver_model_timestamp(&engine->model, seen->first, seen->ts_val);
  receiver_model_take(&engine->model, seen->first, seen->end, engine->edge_high);
  engine->model.last_ack = 0;
  if (engine->script->near_opens)
    send_syn(engine, now_ns + engine->script->syn_delay_ns);
  schedule_events(engine, now_ns);
  if (!engine->script->near_opens)
    schedule_cover(engine, now_ns);
}

void peer_engine_frame(struct peer_engine *engine, uint8_t *bytes, uint32_t size, int64_t now_ns)
{
  struct frame_view view;
  struct peer_seen seen;
  if (!peer_frame_take(&engine->link, &engine->options.emitter, bytes, size, now_ns, &view, &seen))
    return;
  if (seen.flags & TCP_RST) {
    if (!engine->stats.reset)
      engine->stats.reset_at_ns = now_ns;
    engine->stats.reset = true;
  } else if (seen.flags & TCP_SYN) {
    take_syn(engine, &view, &seen, now_ns);
  } else if (engine->model.next < 0) {
    return; /* nothing before the handshake */
  } else if (seen.end > seen.first) {
    take_bytes(engine, &seen, now_ns);
  } else if (seen.first < engine->model.next) { /* a probe */
    schedule_answer(engine, now_ns);
  }
  if (engine->model.next > engine->stats.near_bytes)
    engine->stats.near_bytes = engine->model.next;
}

/* ---- the whole ---- */

struct peer_engine *peer_engine_new(const struct peer_engine_options *options)
{
  struct peer_engine *engine = calloc(1, sizeof *engine);
  if (engine == NULL)
    return NULL;
  engine->options = *options;
  engine->script = options->script;
  engine->link = options->link;
  rebase_begin(&engine->link.far, options->isn);
  receiver_model_init(&engine->model);
  engine->edge = engine->edge_high = options->script->syn.window;
  engine->acked = REBASE_SYN_POSITION;
  engine->far_next = REBASE_SYN_POSITION;
  engine->ts_val_last = FIRST_TS_VAL;
  engine->stats.differs_at = engine->stats.waits_at = -1;
  if (!options->script->near_opens)
    send_syn(engine, 0);
  return engine;
}

void peer_engine_free(struct peer_engine *engine)
{
  if (engine != NULL)
    free(engine->heap);
  free(engine);
}

void peer_engine_advance(struct peer_engine *engine, int64_t now_ns)
{
  while (engine->pending_count > 0 && engine->heap[0].due_ns <= now_ns) {
    const struct pending pending = pop(engine);
    perform(engine, &pending);
    if (pending.kind == PENDING_SYN && !engine->script->near_opens && engine->model.next < 0)
      send_syn(engine, pending.due_ns + SYN_AGAIN_NS);
  }
}

bool peer_engine_is_finished(const struct peer_engine *engine, int64_t now_ns)
{
  const struct peer_script *script = engine->script;
  if (now_ns >= script->span_ns + END_NS)
    return engine->pending_count == 0;
  return engine->pending_count == 0 && engine->next_event == script->event_count &&
         !script->unanswered;
}

int64_t peer_engine_next_ns(const struct peer_engine *engine)
{
  return engine->pending_count > 0 ? engine->heap[0].due_ns : INT64_MAX;
}

void peer_engine_get_stats(const struct peer_engine *engine, struct peer_engine_stats *stats)
{
  const struct peer_script *script = engine->script;
  *stats = engine->stats;
  stats->unused = script->event_count - engine->next_event;
  if (stats->unused > 0)
    stats->waits_at = script->events[engine->next_event].ack;
}
