#include "analyzer/hold_watch.h"

#include "analyzer/report_finding.h"
#include "analyzer/situation.h"
#include "analyzer/socket_judge.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was held leaves together; a kick in a FIFO leaves right behind it. */
#define BURST_NS       (5 * NS_PER_MS)
#define KICK_BEHIND_NS NS_PER_MS
/* Pacing below 12 kbit/s (1500 bytes a second) is a stall by any name. */
#define PACING_MAX_NS NS_PER_S
/* What has not shown by then does not show. */
#define WATCH_MAX_NS (10 * NS_PER_S)
/* Linux sends two segments at a time at the lowest pacing rates (tcp_min_tso_segs), a few at low
 * ones. */
#define PACED_BURST_MAX 4u
/* So long after the ACK the host still took part: a pause cannot have begun before. */
#define ALIVE_MIN_NS (10 * NS_PER_MS)

enum clock_motion { CLOCK_NOT_SEEN, CLOCK_MOVED, CLOCK_STOOD_STILL };

struct hold_watch {
  struct connection *connection;
  enum stream_side side;
  int64_t released_ns, last_burst_ns;
  struct ip_address src;
  uint32_t burst; /* segments with new data, the first one included */

  uint32_t una;    /* R's last ACK before the release */
  int64_t owed_ns; /* the part of the wait that the budget has given to the queue */
  struct ts_clock own_clock, other_clock; /* S's and R's, as they were before the silence */
  enum clock_motion own, other;           /* during the silence, by what follows */
  bool kicked;
  struct finding finding;
};

static void remove_watch(struct analyzer *analyzer, uint32_t index)
{
  free(analyzer->watches[index]);
  analyzer->watches[index] = analyzer->watches[--analyzer->watching];
}

static void shift_budget(const struct hold_watch *watch)
{
  struct stream *stream = &watch->connection->stream[watch->side];
  if (stream->trouble == NULL)
    return;
  stream->trouble->owed_ns[LOCATION_SENDER_QUEUE] -= watch->owed_ns;
  stream->idle_ns += watch->owed_ns;
}

static void call_it_a_clock_step(struct hold_watch *watch)
{
  struct finding *finding = &watch->finding;
  char gap[32];
  verdict(finding, CAUSE_UNKNOWN, LOCATION_UNKNOWN, CONFIDENCE_POSSIBLE, CONFIDENCE_POSSIBLE);
  finding->severity = SEVERITY_INFO;
  finding->hold_min_ns = finding->hold_max_ns = TIME_INVALID;
  finding->ended_by = ENDED_BY_UNKNOWN;
  finding->reason[0] = '\0';
  finding->alternative_count = 0;
  finding_add_alternative(
      finding, LOCATION_SENDER_APP, CAUSE_HOST_PAUSED,
      "both hosts may have been paused together, as virtual machines on one hypervisor");
  snprintf(finding->summary, sizeof finding->summary,
           "The capture's own clock seems to have been stepped by %s: neither side's timestamp "
           "clock moved.",
           duration_words(finding->waited_ns, gap));
  shift_budget(watch);
}

static void call_it_pacing(struct finding *finding)
{
  char gap[32];
  finding->confidence = finding->cause_confidence = CONFIDENCE_POSSIBLE;
  finding->severity = SEVERITY_INFO;
  finding_add_alternative(
      finding, LOCATION_SENDER_TCP, CAUSE_UNKNOWN,
      "one segment at a time: pacing (fq, EDT) delays built segments on purpose");
  snprintf(finding->summary, sizeof finding->summary,
           "A segment left %s after it was built, alone: paced, or held below TCP.",
           duration_words(finding->waited_ns, gap));
}

/* S's own timestamp clock went on from where it had stopped. */
static void call_it_a_pause(struct finding *finding)
{
  char gap[32];
  finding->confidence = finding->cause_confidence = CONFIDENCE_POSSIBLE;
  finding->reason[0] = '\0';
  finding->hold_min_ns = finding->hold_max_ns = TIME_INVALID;
  snprintf(finding->summary, sizeof finding->summary,
           "The sending host stood still for %s, its clock as well: it was paused, or its queue "
           "and its clock were held up together.",
           duration_words(finding->waited_ns, gap));
  finding_add_alternative(
      finding, LOCATION_SENDER_APP, CAUSE_HOST_PAUSED,
      "the sender's own clock stood still during the silence: its host may have been paused");
}

/* Nothing followed that shows whether the clocks went on; a kick at the right moment is the next
 * best sign. */
static void cap_unconfirmed(struct hold_watch *watch)
{
  struct finding *finding = &watch->finding;
  /* Kicked loose, and the host was at work for a while after the ACK that the segments do not know:
   * they were in the queue before anything stood still. */
  bool alive_meanwhile = time_is_valid(finding->hold_min_ns) &&
                         finding->hold_min_ns - finding->waited_ns >= ALIVE_MIN_NS;
  if ((watch->kicked && alive_meanwhile) || finding->confidence < CONFIDENCE_PROVEN)
    return;
  finding->confidence = CONFIDENCE_LIKELY;
  finding_add_alternative(
      finding, LOCATION_SENDER_APP, CAUSE_HOST_PAUSED,
      "nothing follows that shows whether the host, or the capture's clock, had stood still");
}

static void tell_burst(struct hold_watch *watch)
{
  if (watch->burst > 1)
    finding_add_evidence(&watch->finding, watch->connection->end, 0, watch->last_burst_ns,
                         "%u segments leave in one burst", watch->burst);
}

static void conclude(struct analyzer *analyzer, uint32_t index)
{
  struct hold_watch *watch = analyzer->watches[index];
  struct connection *connection = watch->connection;
  if (socket_judge_proves(&watch->finding, LOCATION_SENDER_QUEUE))
    tell_burst(watch);
  else if (watch->other == CLOCK_STOOD_STILL)
    call_it_a_clock_step(watch);
  else if (watch->own == CLOCK_STOOD_STILL)
    call_it_a_pause(&watch->finding);
  else if (watch->burst < 2 && watch->finding.waited_ns < PACING_MAX_NS)
    call_it_pacing(&watch->finding);
  else {
    if (watch->own == CLOCK_NOT_SEEN || watch->other == CLOCK_NOT_SEEN)
      cap_unconfirmed(watch);
    if (watch->burst <= PACED_BURST_MAX && watch->finding.confidence == CONFIDENCE_PROVEN) {
      watch->finding.confidence = CONFIDENCE_LIKELY;
      finding_add_alternative(
          &watch->finding, LOCATION_SENDER_TCP, CAUSE_UNKNOWN,
          "so few segments at a time may be paced on purpose (fq, SO_MAX_PACING_RATE)");
    }
    tell_burst(watch);
  }
  analyzer->scratch = watch->finding;
  remove_watch(analyzer, index);
  report_finding(analyzer, connection, &analyzer->scratch);
}

void hold_watch_begin(struct analyzer *analyzer, struct connection *connection,
                      const struct finding *finding, const struct packet *released, int64_t owed_ns)
{
  struct hold_watch *watch = calloc(1, sizeof *watch);
  if (watch == NULL) {
    report_finding(analyzer, connection, &analyzer->scratch);
    return;
  }
  watch->finding = *finding; /* before anything is concluded: it may live in the engine's scratch */
  watch->connection = connection;
  watch->side = finding->sender;
  watch->owed_ns = owed_ns;
  watch->released_ns = watch->last_burst_ns = finding->end_ns;
  watch->src = released->src;

  watch->una = connection->stream[finding->sender].snd_una;
  watch->burst = 1;
  watch->own_clock = connection->stream[finding->sender].clock;
  watch->other_clock = connection->stream[finding->sender ^ 1].clock;
  watch->kicked =
      finding->ended_by == ENDED_BY_FOREIGN_PACKET || finding->ended_by == ENDED_BY_KICK;
  struct trouble *trouble = stream_trouble(analyzer, &connection->stream[finding->sender]);
  if (trouble != NULL) {
    trouble->hold_from_ns = finding->start_ns;
    trouble->hold_until_ns = finding->end_ns;
  }
  if (analyzer->watching == HOLD_WATCHES)
    conclude(analyzer, 0);
  analyzer->watches[analyzer->watching++] = watch;
}

/* How far did a clock get between the silence's beginning and this timestamp of its owner? At the
 * slowest rate that it can have, so that "stood still" is never said of one that is merely not
 * known well. */
static enum clock_motion motion_of(const struct hold_watch *watch, const struct ts_clock *clock,
                                   const struct packet *packet)
{
  if (!clock->started || (packet->options & TCP_OPT_TIMESTAMPS) == 0)
    return CLOCK_NOT_SEEN;
  int64_t waited_ns = watch->finding.waited_ns;
  int64_t since_ns =
      packet->time_ns - watch->released_ns; /* what it ticked after the release is no sign */
  if (ts_clock_is_ambiguous(clock, waited_ns + since_ns))
    return CLOCK_NOT_SEEN;
  int64_t ticks = seq_diff(packet->ts_val, clock->last_val);
  /* "Stood still" by the slowest rate that it can have, "moved" by the rate that it seems to have:
   * what lies between is not known. */
  if ((ticks + 1) * ts_clock_safe_tick_ns(clock) - since_ns < waited_ns / 2)
    return CLOCK_STOOD_STILL;
  bool moved = clock->hz != 0 && (ticks - 1) * ts_clock_tick_ns(clock) - since_ns >= waited_ns / 2;
  return moved ? CLOCK_MOVED : CLOCK_NOT_SEEN;
}

static void see_kick(struct hold_watch *watch, const struct packet *packet)
{
  char behind[32];
  bool own = (packet->facts & PACKET_KICK) != 0;
  watch->kicked = true;
  watch->finding.ended_by = own ? ENDED_BY_KICK : ENDED_BY_FOREIGN_PACKET;
  finding_add_evidence(&watch->finding, packet->end, packet->frame, packet->time_ns,
                       "%s leaves %s behind the first held "
                       "segment: in a FIFO it is what set the queue going",
                       own ? "a packet that tcpstall --kick sent"
                           : "an unrelated packet from the same host",
                       duration_words(packet->time_ns - watch->released_ns, behind));
}

static void see_sender(struct hold_watch *watch, const struct packet *packet)
{
  /* Built after the release: it echoes what R sent after the silence. Held segments may echo
   * several values from before it. */
  bool fresh = (packet->options & TCP_OPT_TIMESTAMPS) != 0 && watch->other_clock.started &&
               seq_gt(packet->ts_ecr, watch->other_clock.last_val);
  if (fresh && watch->own == CLOCK_NOT_SEEN) {
    watch->own = motion_of(watch, &watch->own_clock, packet);
  } else if (!fresh && packet->payload_bytes > 0 &&
             packet->time_ns - watch->last_burst_ns <= BURST_NS) {
    watch->burst++;
    watch->last_burst_ns = packet->time_ns;
  }
}

static void see_own(struct hold_watch *watch, const struct packet *packet)
{
  if (connection_side(watch->connection, packet) == watch->side)
    see_sender(watch, packet);
  else if (watch->other == CLOCK_NOT_SEEN &&
           seq_gt(packet->ack, watch->una)) /* built after the release */
    watch->other = motion_of(watch, &watch->other_clock, packet);
}

static bool is_decided(const struct hold_watch *watch, const struct packet *packet)
{
  if (packet->time_ns - watch->last_burst_ns <= KICK_BEHIND_NS)
    return false;
  return watch->other == CLOCK_STOOD_STILL ||
         (watch->other == CLOCK_MOVED && watch->own != CLOCK_NOT_SEEN) ||
         packet->time_ns - watch->released_ns > WATCH_MAX_NS;
}

void hold_watch_packet(struct analyzer *analyzer, const struct packet *packet,
                       uint64_t connection_id)
{
  for (uint32_t i = 0; i < analyzer->watching;) {
    struct hold_watch *watch = analyzer->watches[i];
    bool own = connection_id == watch->connection->id;
    if (packet->end == watch->connection->end && packet->time_ns >= watch->released_ns) {
      if (own && packet->kind == PACKET_TCP)
        see_own(watch, packet);
      else if (!own && !watch->kicked && packet->time_ns - watch->last_burst_ns <= KICK_BEHIND_NS &&
               memcmp(&packet->src, &watch->src, sizeof watch->src) == 0)
        see_kick(watch, packet);
      if (is_decided(watch, packet)) {
        conclude(analyzer, i);
        continue;
      }
    }
    i++;
  }
}

void hold_watch_advance(struct analyzer *analyzer, int64_t now_ns)
{
  for (uint32_t i = 0; i < analyzer->watching;) {
    if (now_ns - analyzer->watches[i]->released_ns > WATCH_MAX_NS)
      conclude(analyzer, i);
    else
      i++;
  }
}

void hold_watch_drop(struct analyzer *analyzer, const struct connection *connection)
{
  for (uint32_t i = 0; i < analyzer->watching;) {
    if (analyzer->watches[i]->connection == connection)
      remove_watch(analyzer, i);
    else
      i++;
  }
}

void hold_watch_flush(struct analyzer *analyzer, const struct connection *connection)
{
  for (uint32_t i = 0; i < analyzer->watching;) {
    if (analyzer->watches[i]->connection == connection)
      conclude(analyzer, i);
    else
      i++;
  }
}
