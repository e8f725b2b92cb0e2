#include "replay/peer_sender_script.h"

#include "replay/peer_streams.h"
#include "wire/seq.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 4000000u
/* What comes sooner than this share of the round trip was not caused by it. */
#define ANSWER_SHARE 0.7
/* A wait beyond the round trip that is more than what a busy host needs. */
#define WAIT_NS      (50 * NS_PER_MS)
#define RTT_LEAST_NS NS_PER_US
#define LOOK_BACK    100000u /* words that repeat the one before */

/* A word of the near side: how far it went by then, in all. */
struct word {
  int64_t time_ns, ack, edge, near_end;
  uint32_t ts_val;
  bool has_ts;
};

struct making {
  struct sender_script *script;
  const struct recording_point *point;
  struct rebase_stream near, far;
  int64_t start_ns;
  struct word *words; /* owned */
  uint32_t word_count;
  uint32_t ts_high;
  bool has_ts_high;
};

/* ---- numbers ---- */

static void find_streams(struct making *making, const struct recording *recording)
{
  struct sender_script *script = making->script;
  const struct recorded_host *near_host = &recording->hosts[script->near];
  const enum recording_side far = peer_far_side(making->script->near);
  uint8_t near_scale = near_host->window_scaling && near_host->wscale <= 14 ? near_host->wscale : 0;
  bool far_scales = recording->hosts[far].window_scaling;
  for (size_t i = 0; i < making->point->packet_count; i++) {
    const struct recorded_packet *recorded = &making->point->packets[i];
    const struct packet *packet = &recorded->packet;
    if (packet->kind != PACKET_TCP || !(packet->flags & TCP_SYN))
      continue;
    const bool scales = packet->options & TCP_OPT_WSCALE;
    if (recorded->from == script->near && !making->near.known) {
      rebase_begin(&making->near, packet->seq);
      near_scale = scales ? (packet->wscale > 14 ? 14 : packet->wscale) : 0;
    } else if (recorded->from == far && !making->far.known) {
      rebase_begin(&making->far, packet->seq);
      far_scales = scales;
      script->syn = peer_syn_of(packet);
    }
  }
  script->whole = making->near.known && making->far.known;
  if (!making->far.known) {
    script->syn = peer_syn_assumed(&recording->hosts[far]);
    peer_stream_begin(&making->far, making->point, far);
  }
  if (!making->near.known)
    peer_stream_begin(&making->near, making->point, script->near);
  script->near_opens = script->near == RECORDING_CLIENT;
  script->near_shift = far_scales ? near_scale : 0;
}

/* ---- the near side's words ---- */

static int take_words(struct making *making, struct error *error)
{
  const struct sender_script *script = making->script;
  struct word now = {
      .ack = REBASE_SYN_POSITION - 1, .edge = INT64_MIN, .near_end = REBASE_SYN_POSITION};
  making->words = calloc(making->point->packet_count + 1, sizeof *making->words);
  if (making->words == NULL)
    return error_set(error, ERROR_MEMORY, "out of memory");
  for (size_t i = 0; i < making->point->packet_count; i++) {
    const struct recorded_packet *recorded = &making->point->packets[i];
    const struct packet *packet = &recorded->packet;
    if (!peer_is_tcp(recorded, script->near))
      continue;
    const bool syn = packet->flags & TCP_SYN;
    const uint32_t bytes =
        packet->payload_bytes + (syn ? 1 : 0) + (packet->flags & TCP_FIN ? 1 : 0);
    const int64_t end = rebase_position(&making->near, packet->seq) + bytes;
    now.time_ns = peer_elapsed_ns(packet->time_ns, making->start_ns);
    now.near_end = end > now.near_end ? end : now.near_end;
    if (packet->flags & TCP_ACK) {
      const int64_t ack = rebase_position(&making->far, packet->ack);
      const int64_t edge = ack + ((int64_t)packet->window << (syn ? 0 : script->near_shift));
      now.ack = ack > now.ack ? ack : now.ack;
      now.edge = edge > now.edge ? edge : now.edge;
    }
    now.ts_val = packet->ts_val;
    now.has_ts = (packet->options & TCP_OPT_TIMESTAMPS) != 0;
    making->words[making->word_count++] = now;
  }
  return 0;
}

/* The least time from a word to what echoes its timestamp, or from a SYN to its answer. */
static int64_t find_rtt_ns(const struct making *making)
{
  int64_t least_ns = INT64_MAX;
  uint32_t word = 0;
  for (size_t i = 0; i < making->point->packet_count; i++) {
    const struct recorded_packet *recorded = &making->point->packets[i];
    const struct packet *packet = &recorded->packet;
    if (!peer_is_tcp(recorded, peer_far_side(making->script->near)) ||
        !(packet->options & TCP_OPT_TIMESTAMPS) || !(packet->flags & TCP_ACK))
      continue;
    const int64_t time_ns = peer_elapsed_ns(packet->time_ns, making->start_ns);
    while (word + 1 < making->word_count && making->words[word + 1].time_ns < time_ns &&
           seq_leq(making->words[word + 1].ts_val, packet->ts_ecr))
      word++;
    if (word < making->word_count && making->words[word].has_ts &&
        making->words[word].ts_val == packet->ts_ecr && making->words[word].time_ns < time_ns &&
        time_ns - making->words[word].time_ns < least_ns)
      least_ns = time_ns - making->words[word].time_ns;
  }
  return least_ns == INT64_MAX || least_ns < RTT_LEAST_NS ? RTT_LEAST_NS : least_ns;
}

/* ---- steps ---- */

static bool in_stall(const struct sender_script *script, int64_t from_ns, int64_t to_ns)
{
  return time_is_valid(script->stall_from_ns) && from_ns < script->stall_to_ns &&
         to_ns > script->stall_from_ns;
}

static bool says_enough(const struct word *word, const struct sender_step *step)
{
  return word->ack >= step->wait_ack && word->near_end >= step->wait_near &&
         word->edge >= step->wait_edge;
}

/* The step had heard that word, and waited since the first one that says as much. */
static void wait_for_word(const struct making *making, struct sender_step *step, uint32_t index)
{
  const struct word *heard = &making->words[index];
  const int64_t end = step->seq + step->payload_bytes;
  step->wait_ack = heard->ack;
  step->wait_near = heard->near_end;
  if (step->payload_bytes > 0 && heard->edge >= end)
    step->wait_edge = end; /* it had room there; one that had not does not wait for it */
  for (uint32_t i = 0; i < LOOK_BACK && index > 0 && says_enough(&making->words[index - 1], step);
       i++)
    index--;
  step->delay_ns = step->at_ns - making->words[index].time_ns;
  if (step->delay_ns < 0) /* a capture's clock may be set back */
    step->delay_ns = 0;
}

/* *word: the index of the first one that the segment cannot have heard of yet. */
static void take_step(struct making *making, const struct packet *packet, uint32_t *word)
{
  struct sender_script *script = making->script;
  struct sender_step *step = &script->steps[script->step_count++];
  const int64_t at_ns = peer_elapsed_ns(packet->time_ns, making->start_ns);
  const int64_t heard_ns = at_ns - (int64_t)(ANSWER_SHARE * (double)script->rtt_ns);
  while (*word < making->word_count && making->words[*word].time_ns <= heard_ns)
    ++*word;
  *step = (struct sender_step){
      .at_ns = at_ns,
      .wait_ack = REBASE_SYN_POSITION - 1,
      .wait_edge = INT64_MIN,
      .wait_near = REBASE_SYN_POSITION,
      .delay_ns = at_ns,
      .seq = rebase_position(&making->far, packet->seq),
      .ack = packet->flags & TCP_ACK ? rebase_position(&making->near, packet->ack)
                                     : REBASE_SYN_POSITION,
      .payload_bytes =
          packet->payload_bytes < PEER_BYTES_MAX ? packet->payload_bytes : PEER_BYTES_MAX,
      .flags = packet->flags,
      .window = packet->window,
      .ts_val = packet->ts_val,
      .has_ts = (packet->options & TCP_OPT_TIMESTAMPS) != 0,
      .corrupted = packet->checksum == CHECKSUM_BAD};
  const int64_t end = step->seq + packet->payload_bytes;
  if (*word > 0)
    wait_for_word(making, step, *word - 1);
  if (end > script->far_bytes)
    script->far_bytes = end;
  step->stale = step->has_ts && making->has_ts_high && seq_lt(step->ts_val, making->ts_high);
  if (step->has_ts && !step->stale) {
    making->ts_high = step->ts_val;
    making->has_ts_high = true;
  }
  script->corrupted += step->corrupted;
  script->stale += step->stale;
  const bool late = step->delay_ns > script->rtt_ns + WAIT_NS;
  step->suspected = (late || step->corrupted || step->stale) &&
                    in_stall(script, at_ns - step->delay_ns, at_ns + 1);
}

static int take_steps(struct making *making, struct error *error)
{
  struct sender_script *script = making->script;
  uint32_t word = 0;
  if (making->point->packet_count > STEPS_MAX)
    return error_set(error, ERROR_LIMIT, "the connection is too long to be played");
  script->steps = calloc(making->point->packet_count + 1, sizeof *script->steps);
  if (script->steps == NULL)
    return error_set(error, ERROR_MEMORY, "out of memory");
  for (size_t i = 0; i < making->point->packet_count; i++) {
    const struct recorded_packet *recorded = &making->point->packets[i];
    if (peer_is_tcp(recorded, peer_far_side(making->script->near)) &&
        !(recorded->packet.flags & TCP_SYN))
      take_step(making, &recorded->packet, &word);
  }
  return 0;
}

/* From the near side's SYN to its answer; 0 if that was not seen. */
static int64_t find_syn_delay_ns(const struct making *making)
{
  int64_t syn_ns = TIME_INVALID;
  for (size_t i = 0; i < making->point->packet_count; i++) {
    const struct recorded_packet *recorded = &making->point->packets[i];
    const struct packet *packet = &recorded->packet;
    if (packet->kind != PACKET_TCP || !(packet->flags & TCP_SYN))
      continue;
    if (recorded->from == making->script->near && syn_ns == TIME_INVALID)
      syn_ns = packet->time_ns;
    else if (recorded->from == peer_far_side(making->script->near) && syn_ns != TIME_INVALID)
      return peer_elapsed_ns(packet->time_ns, syn_ns);
  }
  return 0;
}

static int make(struct making *making, const struct recording *recording, struct error *error)
{
  struct sender_script *script = making->script;
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
  const int result = take_words(making, error);
  if (result != 0)
    return result;
  script->rtt_ns = find_rtt_ns(making);
  script->syn_delay_ns = find_syn_delay_ns(making);
  making->near.near = making->far.near = REBASE_SYN_POSITION;
  return take_steps(making, error);
}

int sender_script_make(struct sender_script *script, const struct recording *recording,
                       const struct recording_point *point, enum recording_side near,
                       const struct recorded_finding *target, struct error *error)
{
  struct making making = {.script = script, .point = point};
  *script = (struct sender_script){
      .near = near, .stall_from_ns = TIME_INVALID, .stall_to_ns = TIME_INVALID};
  if (point->packet_count == 0)
    return error_set(error, ERROR_USAGE, "%s: no packet of the connection", point->name);
  if (target != NULL) {
    script->stall_from_ns = peer_elapsed_ns(target->start_ns, point->packets[0].packet.time_ns);
    script->stall_to_ns = peer_elapsed_ns(target->end_ns, point->packets[0].packet.time_ns);
  }
  const int result = make(&making, recording, error);
  free(making.words);
  if (result != 0)
    sender_script_clear(script);
  return result;
}

void sender_script_clear(struct sender_script *script)
{
  free(script->steps);
  *script = (struct sender_script){.step_count = 0};
}

bool sender_script_relieve(struct sender_script *script)
{
  bool changed = false;
  uint32_t ts_val = 0;
  for (uint32_t i = 0; i < script->step_count; i++) {
    struct sender_step *step = &script->steps[i];
    if (step->suspected) {
      step->delay_ns = step->delay_ns < script->rtt_ns ? step->delay_ns : script->rtt_ns;
      step->corrupted = false;
      if (step->stale)
        step->ts_val = ts_val;
      step->stale = false;
      changed = true;
    }
    ts_val = step->has_ts ? step->ts_val : ts_val;
  }
  return changed;
}
