#include "replay/drill.h"

#include "replay/drill_walk.h"

#include <stdlib.h>
#include <string.h>

/* Something is on time within that, or within a quarter of the stall. */
#define TOLERANCE_NS     (100 * NS_PER_MS)
#define TOLERANCE_MIN_NS (10 * NS_PER_MS)
/* The application has written so much more than is seen to leave. */
#define SEGMENTS_AHEAD 16

/* ---- moments ---- */

static int compare_moments(const void *a, const void *b)
{
  const struct drill_moment *left = a, *right = b;
  if (left->time_ns != right->time_ns)
    return left->time_ns < right->time_ns ? -1 : 1;
  return left->frame < right->frame ? -1 : left->frame > right->frame;
}

static bool gather(struct drill_walk *walk)
{
  const struct flow_passages *own = &walk->drill->flow->sides[walk->drill->side];
  const struct flow_passages *far = &walk->drill->flow->sides[walk->drill->far];
  walk->moments = calloc(own->count + far->count + 1, sizeof *walk->moments);
  if (walk->moments == NULL)
    return false;
  for (size_t i = 0; i < own->count; i++)
    if (own->passages[i].sent != NULL)
      walk->moments[walk->count++] = (struct drill_moment){
          own->passages[i].sent_ns, own->passages[i].sent->frame, &own->passages[i], false};
  for (size_t i = 0; i < far->count; i++)
    if (far->passages[i].arrived != NULL)
      walk->moments[walk->count++] =
          (struct drill_moment){drill_arrival_ns(walk->drill, &far->passages[i]),
                                far->passages[i].arrived->frame, &far->passages[i], true};
  qsort(walk->moments, walk->count, sizeof *walk->moments, compare_moments);
  return true;
}

/* ---- the walk ---- */

static void tell_stall(struct drill_walk *walk, const struct drill_moment *moment)
{
  const struct recorded_finding *target = walk->drill->target;
  if (target == NULL || walk->told_stall || moment->time_ns <= target->start_ns)
    return;
  walk->told_stall = walk->drill->stalls = walk->drill->relative = true;
  if (strcmp(target->kind, "abort") == 0)
    drill_remark(walk->drill, drill_script_ns(walk, moment->time_ns),
                 "Here the recorded connection was given up: %s, %s.", target->location,
                 target->cause);
  else
    drill_remark(walk->drill, drill_script_ns(walk, moment->time_ns),
                 "Here the recorded stream stood still for %.3f s: %s, %s.",
                 time_to_s(target->waited_ns), target->location, target->cause);
}

/* The last thing that arrives before the end of the stall, or before a receiver has to answer. */
static bool ends_stall(const struct drill_walk *walk, size_t at)
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
static bool goes_on(struct drill_walk *walk, const struct drill_moment *moment, uint32_t *behind)
{
  const struct drill_right *right = &walk->drill->right;
  if (right->at_once)
    return moment->time_ns <= right->go_ns;
  if (right->syn_at_once && walk->drill->summary->asserts)
    return false;
  if (drill_is_full(walk->drill)) {
    drill_note(walk->drill, "it ends after %d packets", DRILL_PACKETS_MAX);
    return false;
  }
  if (moment->time_ns <= right->cut_ns)
    return true;
  if (right->packets_behind == 0)
    return !moment->inbound;
  return (*behind)++ < right->packets_behind;
}

static void assert_at_once(struct drill_walk *walk)
{
  const struct drill_right *right = &walk->drill->right;
  const struct passage *data = right->data;
  const int64_t go_ns = drill_script_ns(walk, right->go_ns);
  drill_write(walk->drill, go_ns, walk->most);
  walk->drill->stalls = walk->drill->relative = true;
  drill_remark(walk->drill, go_ns, "Here it took the recorded kernel %.3f s. %s",
               time_to_s(data->sent_ns - right->go_ns), right->claim);
  const bool again = data->end <= walk->frontier;
  if (!again && data->first > walk->frontier)
    drill_expect_data(walk, go_ns, walk->frontier, data->first, false, false);
  drill_expect_data(walk, go_ns,
                    again || data->first > walk->frontier ? data->first : walk->frontier, data->end,
                    false, !again);
  if (right->grace_ns > 0)
    drill_set_grace(walk, right->grace_ns);
  walk->drill->summary->asserts = true;
}

static void walk_through(struct drill_walk *walk)
{
  uint32_t behind = 0;
  for (walk->at = 0; walk->at < walk->count && !walk->drill->failed; walk->at++) {
    const struct drill_moment *moment = &walk->moments[walk->at];
    if (!goes_on(walk, moment, &behind))
      break;
    tell_stall(walk, moment);
    if (ends_stall(walk, walk->at))
      drill_claim(walk, drill_script_ns(walk, moment->time_ns));
    if (moment->inbound) {
      if (walk->established)
        drill_write(walk->drill, drill_script_ns(walk, moment->time_ns) - 1, walk->most);
      drill_hear(walk, moment->passage);
      drill_read_on(walk, drill_script_ns(walk, moment->time_ns));
    } else {
      drill_say(walk, moment->passage);
    }
  }
  if (walk->drill->right.at_once && walk->established)
    assert_at_once(walk);
}

/* ---- all ---- */

static struct recorded_syn assumed_syn(const struct recorded_host *host)
{
  return (struct recorded_syn){.window = DRILL_WINDOW_ASSUMED,
                               .mss = host->mss,
                               .has_wscale = host->window_scaling,
                               .wscale = host->wscale,
                               .sack_permitted = host->sack,
                               .timestamps = host->timestamps};
}

static bool handshake_is_there(const struct drill_walk *walk)
{
  for (size_t i = 0; i < walk->count; i++) {
    const struct drill_moment *moment = &walk->moments[i];
    const struct packet *packet =
        moment->inbound ? moment->passage->arrived : moment->passage->sent;
    if (packet->flags & TCP_SYN && !(packet->flags & TCP_ACK))
      return moment->inbound != walk->drill->opens;
  }
  return false;
}

/* Segments under way at most: a window that had grown before the recording. */
static uint32_t flight_segments(const struct drill_walk *walk)
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
static int64_t bytes_needed(const struct drill_walk *walk)
{
  const struct drill *drill = walk->drill;
  int64_t most = drill->right.at_once ? drill->right.data->end : 0;
  for (size_t i = 0; i < walk->count; i++) {
    const struct drill_moment *moment = &walk->moments[i];
    if (!moment->inbound && moment->passage->end > most &&
        (drill->right.at_once ? moment->time_ns <= drill->right.go_ns
                              : moment->time_ns <= drill->right.cut_ns))
      most = moment->passage->end;
  }
  return most + (int64_t)SEGMENTS_AHEAD * drill->mss;
}

static void begin(struct drill_walk *walk)
{
  struct drill *drill = walk->drill;
  const int64_t rtt_ns = drill->flow->sides[0].delay_ns + drill->flow->sides[1].delay_ns;
  const int64_t first_ns = walk->count > 0 ? walk->moments[0].time_ns : 0;
  const bool whole = handshake_is_there(walk);
  int64_t before_ns = DRILL_LEAD_NS;
  if (!whole)
    before_ns += rtt_ns / 2 * 3 + DRILL_BEGIN_NS;
  drill->lead_ns = before_ns - first_ns;
  drill->right = drill_right(drill);
  walk->most = bytes_needed(walk);
  drill_open(drill, DRILL_LEAD_NS);
  if (whole)
    return;
  drill->initial_segments = flight_segments(walk);
  drill_note(drill,
             "the handshake is made up, with a congestion window of %u segments; what the round "
             "trips were is not known, so there are no tail loss probes",
             drill->initial_segments);
  drill_make_handshake(walk, DRILL_LEAD_NS, rtt_ns);
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
  struct drill_walk *walk = calloc(1, sizeof *walk);
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

/* Drops what is too much: what was long before the stall's end, and long behind it. Without a stall
 * the beginning stays. */
static void shorten(struct recording *recording, enum recording_side side)
{
  bool at_it;
  const struct recording_point *point = recording_nearest(recording, side, &at_it);
  const bool stalls = recording->findings != NULL && recording->target < recording->finding_count;
  size_t before = 0;
  if (point == NULL)
    return;
  while (stalls && before < point->packet_count &&
         point->packets[before].packet.time_ns <= recording->findings[recording->target].end_ns)
    before++;
  const size_t last = before + DRILL_PACKETS_MAX;
  if (last < point->packet_count)
    recording_end_at(recording, point->packets[last].packet.time_ns);
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
