#include "replay/peer_sender_engine.h"

#include "wire/byte_reader.h"
#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_TS_VAL 1000000u
#define SYN_AGAIN_NS NS_PER_S /* RFC 6298, 2.1 */
#define AGAIN_FIRST_NS                                                                             \
  NS_PER_S /* later than the recorded sender would be: that is in the script                       \
            */
#define AGAIN_MAX_NS (60 * NS_PER_S)
#define END_NS       (500 * NS_PER_MS)
#define HEARD_MAX    4096 /* words of the live side that a step may still have to look at */
#define CHECKSUM_AT  16   /* in the TCP header */

/* What the live side had said by then. */
struct heard {
  int64_t time_ns, ack, edge, near_end;
};

struct sender_engine {
  struct sender_engine_options options;
  const struct sender_script *script;
  struct peer_link link;
  struct heard heard[HEARD_MAX]; /* a ring, oldest first; the last one repeats what holds now */
  uint32_t heard_first, heard_count;
  struct heard now;
  uint32_t step;
  int64_t last_ns; /* the last segment was sent then */
  int64_t syn_due_ns;
  int64_t high; /* behind the last byte sent */
  int64_t again_ns, again_wait_ns;
  uint32_t near_ts_val;
  uint32_t ts_first; /* the recording's first timestamp is FIRST_TS_VAL here */
  uint8_t near_shift;
  bool near_syn_seen, up;
  struct sender_engine_stats stats;
};

/* ---- what is sent ---- */

static void emit(struct sender_engine *engine, const struct peer_segment *segment, bool corrupted,
                 int64_t due_ns)
{
  uint8_t frame[FRAME_BUILDER_MAX];
  struct frame_view view;
  struct error error;
  const int size = peer_segment_build(&engine->link, segment, frame, &error);
  if (size <= 0)
    return;
  if (corrupted) {
    frame_view_parse(&view, frame, (uint32_t)size);
    if (view.transport != 0)
      frame[view.transport + CHECKSUM_AT] ^= 0x55;
  }
  engine->stats.sent++;
  engine->options.emitter.emit(engine->options.emitter.context, frame, (uint32_t)size, due_ns);
}

static uint32_t ts_val_of(const struct sender_engine *engine, uint32_t recorded)
{
  return FIRST_TS_VAL + (recorded - engine->ts_first);
}

static void emit_syn(struct sender_engine *engine, int64_t due_ns)
{
  const struct peer_syn *syn = &engine->script->syn;
  struct peer_segment segment = {.seq = REBASE_SYN_POSITION,
                                 .flags = TCP_SYN,
                                 .window = syn->window,
                                 .ts_val = FIRST_TS_VAL,
                                 .ts_ecr = engine->near_ts_val,
                                 .timestamps = syn->timestamps,
                                 .mss = syn->mss,
                                 .has_wscale = syn->has_wscale,
                                 .wscale = syn->wscale,
                                 .sack_permitted = syn->sack_permitted};
  if (engine->script->near_opens) {
    segment.flags |= TCP_ACK;
    segment.timestamps = engine->link.timestamps;
  }
  if (engine->high < 0)
    engine->high = 0;
  emit(engine, &segment, false, due_ns);
}

static void emit_step(struct sender_engine *engine, const struct sender_step *step, int64_t due_ns)
{
  struct peer_segment segment = {.seq = step->seq,
                                 .ack = step->ack < engine->now.near_end ? step->ack
                                                                         : engine->now.near_end,
                                 .flags = (uint8_t)step->flags,
                                 .window = step->window,
                                 .ts_val = ts_val_of(engine, step->ts_val),
                                 .ts_ecr = engine->near_ts_val,
                                 .timestamps = engine->link.timestamps};
  uint32_t left = step->payload_bytes;
  do { /* super-segments were segments on the wire */
    const bool last = left <= PEER_PAYLOAD_MAX;
    segment.payload_bytes = last ? left : PEER_PAYLOAD_MAX;
    segment.flags = (uint8_t)(last ? step->flags : step->flags & ~(TCP_FIN | TCP_PSH));
    emit(engine, &segment, step->corrupted, due_ns);
    segment.seq += segment.payload_bytes;
    left -= segment.payload_bytes;
  } while (left > 0);
  const int64_t end = step->seq + step->payload_bytes + (step->flags & TCP_FIN ? 1 : 0);
  if (end > engine->high)
    engine->high = end;
  engine->last_ns = due_ns;
  engine->again_wait_ns = AGAIN_FIRST_NS;
  engine->again_ns = due_ns + AGAIN_FIRST_NS;
}

/* The oldest unacknowledged bytes once more, or a probe of the window. */
static void emit_again(struct sender_engine *engine, int64_t due_ns)
{
  const int64_t una = engine->now.ack > 0 ? engine->now.ack : 0;
  const int64_t unacked = engine->high - una;
  const uint32_t ts_recorded =
      engine->step > 0 ? engine->script->steps[engine->step - 1].ts_val : engine->ts_first;
  struct peer_segment segment = {.seq = una,
                                 .ack = engine->now.near_end,
                                 .flags = TCP_ACK,
                                 .window = engine->script->steps[engine->step].window,
                                 .ts_val = ts_val_of(engine, ts_recorded),
                                 .ts_ecr = engine->near_ts_val,
                                 .timestamps = engine->link.timestamps};
  if (unacked <= 0)
    segment.seq = una - 1; /* as Linux probes: nothing, at a number that is acknowledged */
  else
    segment.payload_bytes = unacked < PEER_PAYLOAD_MAX ? (uint32_t)unacked : PEER_PAYLOAD_MAX;
  engine->stats.again++;
  emit(engine, &segment, false, due_ns);
  engine->again_wait_ns *= 2;
  if (engine->again_wait_ns > AGAIN_MAX_NS)
    engine->again_wait_ns = AGAIN_MAX_NS;
  engine->again_ns = due_ns + engine->again_wait_ns;
}

/* ---- what was said ---- */

static bool is_enough(const struct heard *heard, const struct sender_step *step)
{
  return heard->ack >= step->wait_ack && heard->edge >= step->wait_edge &&
         heard->near_end >= step->wait_near;
}

static void note_heard(struct sender_engine *engine)
{
  if (engine->heard_count == HEARD_MAX) {
    engine->heard_first = (engine->heard_first + 1) % HEARD_MAX;
    engine->heard_count--;
  }
  engine->heard[(engine->heard_first + engine->heard_count++) % HEARD_MAX] = engine->now;
}

/* When the live side had said all that the step waits for; INT64_MAX: it has not. What is too early
 * for this step is too early for later ones. */
static int64_t enough_since_ns(struct sender_engine *engine, const struct sender_step *step)
{
  while (engine->heard_count > 1 && !is_enough(&engine->heard[engine->heard_first], step)) {
    engine->heard_first = (engine->heard_first + 1) % HEARD_MAX;
    engine->heard_count--;
  }
  const struct heard *first = &engine->heard[engine->heard_first];
  return engine->heard_count > 0 && is_enough(first, step) ? first->time_ns : INT64_MAX;
}

static int64_t step_due_ns(struct sender_engine *engine)
{
  if (engine->step == engine->script->step_count || !engine->up)
    return INT64_MAX;
  const struct sender_step *step = &engine->script->steps[engine->step];
  const int64_t since_ns = enough_since_ns(engine, step);
  if (since_ns == INT64_MAX)
    return INT64_MAX;
  const int64_t due_ns = since_ns + step->delay_ns;
  return due_ns > engine->last_ns ? due_ns : engine->last_ns;
}

static void take_near_syn(struct sender_engine *engine, const struct frame_view *view,
                          int64_t now_ns)
{
  const struct peer_syn *syn = &engine->script->syn;
  const uint8_t *scale = frame_view_option(view, TCP_OPTION_KIND_WINDOW_SCALE);
  if (engine->near_syn_seen)
    return;
  engine->near_syn_seen = engine->up = true;
  engine->near_shift =
      scale != NULL && scale[1] == 3 && syn->has_wscale && scale[2] <= 14 ? scale[2] : 0;
  engine->link.timestamps =
      syn->timestamps && frame_view_option(view, TCP_OPTION_KIND_TIMESTAMPS) != NULL;
  engine->link.sack = false; /* nothing of ours is selective */
  engine->syn_due_ns =
      engine->script->near_opens ? now_ns + engine->script->syn_delay_ns : INT64_MAX;
}

void sender_engine_frame(struct sender_engine *engine, uint8_t *bytes, uint32_t size,
                         int64_t now_ns)
{
  struct frame_view view;
  struct peer_seen seen;
  if (!peer_frame_take(&engine->link, &engine->options.emitter, bytes, size, now_ns, &view, &seen))
    return;
  if (seen.flags & TCP_RST) {
    engine->stats.reset_at_ns = engine->stats.reset ? engine->stats.reset_at_ns : now_ns;
    engine->stats.reset = true;
    return;
  }
  if (seen.flags & TCP_SYN)
    take_near_syn(engine, &view, now_ns);
  if (seen.has_ts)
    engine->near_ts_val = seen.ts_val;
  engine->now.time_ns = now_ns;
  if (seen.end > engine->now.near_end)
    engine->now.near_end = seen.end;
  if (seen.ack != INT64_MIN) {
    const uint8_t shift = seen.flags & TCP_SYN ? 0 : engine->near_shift;
    const int64_t edge = seen.ack + (seen.edge_raw << shift);
    if (seen.ack > engine->now.ack) {
      engine->now.ack = seen.ack;
      engine->again_wait_ns = AGAIN_FIRST_NS;
      engine->again_ns = now_ns + AGAIN_FIRST_NS;
    }
    if (edge > engine->now.edge)
      engine->now.edge = edge;
  }
  note_heard(engine);
}

/* ---- the whole ---- */

struct sender_engine *sender_engine_new(const struct sender_engine_options *options)
{
  struct sender_engine *engine = calloc(1, sizeof *engine);
  if (engine == NULL)
    return NULL;
  const struct sender_script *script = options->script;
  engine->options = *options;
  engine->script = script;
  engine->link = options->link;
  rebase_begin(&engine->link.far, options->isn);
  engine->now = (struct heard){
      .ack = REBASE_SYN_POSITION - 1, .edge = INT64_MIN, .near_end = REBASE_SYN_POSITION};
  engine->high = REBASE_SYN_POSITION;
  engine->again_wait_ns = AGAIN_FIRST_NS;
  engine->syn_due_ns = script->near_opens ? INT64_MAX : 0;
  for (uint32_t i = script->step_count; i-- > 0;)
    if (script->steps[i].has_ts)
      engine->ts_first = script->steps[i].ts_val;
  return engine;
}

void sender_engine_free(struct sender_engine *engine)
{
  free(engine);
}

/* What is waited for: a recorded segment; or, when the live side does not say what that one waits
 * for, the time to ask. */
static int64_t again_due_ns(const struct sender_engine *engine, int64_t due_ns)
{
  const bool waits = engine->up && due_ns == INT64_MAX && engine->again_ns != 0 &&
                     engine->step < engine->script->step_count;
  return waits ? engine->again_ns : INT64_MAX;
}

void sender_engine_advance(struct sender_engine *engine, int64_t now_ns)
{
  if (engine->syn_due_ns <= now_ns) {
    emit_syn(engine, engine->syn_due_ns);
    engine->syn_due_ns = engine->script->near_opens ? INT64_MAX : engine->syn_due_ns + SYN_AGAIN_NS;
  }
  int64_t due_ns = step_due_ns(engine);
  while (due_ns <= now_ns) {
    emit_step(engine, &engine->script->steps[engine->step++], due_ns);
    due_ns = step_due_ns(engine);
  }
  if (again_due_ns(engine, due_ns) <= now_ns)
    emit_again(engine, engine->again_ns);
}

int64_t sender_engine_next_ns(struct sender_engine *engine)
{
  const int64_t due_ns = step_due_ns(engine), again_ns = again_due_ns(engine, due_ns);
  const int64_t next_ns = due_ns < again_ns ? due_ns : again_ns;
  return engine->syn_due_ns < next_ns ? engine->syn_due_ns : next_ns;
}

bool sender_engine_is_finished(const struct sender_engine *engine, int64_t now_ns)
{
  return (engine->step == engine->script->step_count && now_ns >= engine->last_ns + END_NS) ||
         now_ns >= engine->script->span_ns + END_NS;
}

void sender_engine_get_stats(const struct sender_engine *engine, struct sender_engine_stats *stats)
{
  *stats = engine->stats;
  stats->acked = engine->now.ack;
  stats->left = engine->script->step_count - engine->step;
  stats->waits_ack = stats->left > 0 ? engine->script->steps[engine->step].wait_ack : -1;
}
