#include "analyzer/resume_watch.h"

#include "analyzer/crawl.h"
#include "analyzer/report_finding.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>

/* What R's ACK releases leaves this soon after it: TCP needs microseconds. */
#define RELEASED_WITHIN_NS (5 * NS_PER_MS)
/* What had waited leaves together. */
#define BURST_NS (5 * NS_PER_MS)
/* What is sent without waiting for the probe's ACK comes this soon behind it. */
#define BEHIND_PROBE_NS (20 * NS_PER_MS)
/* More than a congestion window of one segment lets go at its first ACK (RFC 3465: two of them, and
 * the one that was acknowledged): such a sender begins that way by itself (RFC 5681, 4.1). */
#define RELEASED_SEGMENTS_MIN 4u
/* No timer of TCP is as short: Linux's shortest retransmission timeout is 200 ms, and a probe of
 * the tail waits for two round trips (RFC 8985, 7.2). */
#define AGAIN_WITHIN_NS         (100 * NS_PER_MS)
#define AGAIN_WITHIN_UNKNOWN_NS (10 * NS_PER_MS) /* where the round trip is not known */
/* What has not shown by then does not show. */
#define WATCH_MAX_NS (10 * NS_PER_S)
/* Less than this is left of the window: TCP may have a reason to send one segment only. */
#define WINDOW_SEGMENTS_MIN 4u

struct resume_watch {
  struct connection *connection;
  enum stream_side side;
  enum nearness near;
  bool on_host;                    /* declared to be captured on S's host */
  uint32_t start, end, full_bytes; /* of the first segment; of a full one */
  uint16_t ip_id;
  int64_t resumed_ns, again_within_ns, released_within_ns;
  int64_t acked_ns;              /* TIME_INVALID: not yet */
  int64_t last_ns;               /* of the burst */
  uint32_t behind, behind_bytes; /* segments with new data since, and their bytes */
  struct sighting first_behind;
  bool may_be_probe, had_pushed;
  bool plain_start; /* bursts of this sender begin otherwise */
  int64_t owed_ns;
  char kick[96];
  struct finding finding, held; /* as it was; as if the queue had held it */
};

static void remove_watch(struct analyzer *analyzer, uint32_t index)
{
  free(analyzer->resumes[index]);
  analyzer->resumes[index] = analyzer->resumes[--analyzer->resuming];
}

/* The budget's time goes to the queue. */
static void shift_budget(const struct resume_watch *watch)
{
  struct trouble *trouble = watch->connection->stream[watch->side].trouble;
  if (trouble == NULL)
    return;
  trouble->owed_ns[watch->finding.location] -= watch->owed_ns;
  trouble->owed_ns[LOCATION_SENDER_QUEUE] += watch->owed_ns;
}

static void conclude(struct analyzer *analyzer, uint32_t index, const struct finding *finding)
{
  struct resume_watch *watch = analyzer->resumes[index];
  struct connection *connection = watch->connection;
  if (finding->location != watch->finding.location)
    shift_budget(watch);
  analyzer->scratch = *finding;
  remove_watch(analyzer, index);
  if (analyzer->scratch.id != 0) /* it was told while it lasted */
    report_finding(analyzer, connection, &analyzer->scratch);
  crawl_wait(analyzer, connection, &analyzer->scratch);
}

static void leave_as_it_is(struct analyzer *analyzer, uint32_t index)
{
  conclude(analyzer, index, &analyzer->resumes[index]->finding);
}

/* What the verdict was is not excluded. */
static void keep_former(const struct resume_watch *watch, struct finding *finding, const char *why)
{
  const struct finding *former = &watch->finding;
  finding->alternative_count = 0;
  finding_add_alternative(finding, former->location, former->cause, "%s", why);
  for (uint32_t i = 0; i < former->alternative_count; i++) {
    const struct alternative *other = &former->not_excluded[i];
    if (other->location != LOCATION_SENDER_QUEUE && other->location != LOCATION_SENDER_TCP &&
        other->location != former->location)
      finding_add_alternative(finding, other->location, other->cause, "%s", other->why);
  }
}

static void call_it_a_hold(struct analyzer *analyzer, uint32_t index, const struct segment *again)
{
  struct resume_watch *watch = analyzer->resumes[index];
  struct finding *finding = &watch->held;
  char gap[32], soon[32];
  const bool at_sender = watch->near == NEAR_SENDER;
  verdict(finding, CAUSE_TX_QUEUE_HOLD, LOCATION_SENDER_QUEUE,
          at_sender ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE, CONFIDENCE_LIKELY);
  keep_former(
      watch, finding,
      "only if that copy is none of TCP's: something may double packets before this capture "
      "point");
  if (finding->ended_by == ENDED_BY_APPLICATION)
    finding->ended_by = ENDED_BY_UNKNOWN;
  if (!watch->on_host)
    finding_add_alternative(
        finding, LOCATION_FORWARD_PATH, CAUSE_PATH_HOLD,
        "a device between the sender's TCP and this capture point may have held "
        "the segments, if it is not on the sending host (--at declares it)");
  duration_words(again->time_ns - watch->resumed_ns, soon);
  finding_add_evidence(
      finding, watch->connection->end, again->packet->frame, again->time_ns,
      "the first of them is sent again %s after it was seen to leave, and nothing "
      "has come back meanwhile: TCP had sent it long before, and taken it for lost",
      soon);
  snprintf(finding->summary, sizeof finding->summary,
           "The stream stood still for %s%s, but not for want of data: the first segment was "
           "retransmitted %s after it left, so TCP had sent it long before, and it was held on its "
           "way out of the host.",
           duration_words(finding->waited_ns, gap), watch->kick, soon);
  conclude(analyzer, index, finding);
}

static void call_it_a_drop(struct analyzer *analyzer, uint32_t index)
{
  struct resume_watch *watch = analyzer->resumes[index];
  struct finding *finding = &watch->held;
  char gap[32];
  const bool acked = time_is_valid(watch->acked_ns);
  struct stream *stream = &watch->connection->stream[watch->side];
  verdict(finding, CAUSE_LOCAL_DROP_OUTPUT, LOCATION_SENDER_QUEUE,
          watch->near == NEAR_SENDER ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE, CONFIDENCE_LIKELY);
  finding->ended_by = ENDED_BY_UNKNOWN;
  keep_former(watch, finding,
              acked
                  ? "an application that wrote exactly one segment, and all the rest just when its "
                    "ACK came, would look alike"
                  : "an application that wrote exactly one segment, and all the rest at once "
                    "behind it, would look alike");
  finding_add_alternative(finding, LOCATION_SENDER_TCP, CAUSE_UNKNOWN,
                          "its TCP may have kept it back for a reason of its own");
  finding_add_evidence(finding, watch->connection->end, watch->first_behind.frame,
                       watch->first_behind.time_ns,
                       "%s %u bytes more leave at once: they had been waiting, behind one full "
                       "segment with PSH that TCP sent as a probe",
                       acked ? "on its ACK" : "right behind it", watch->behind_bytes);
  snprintf(
      finding->summary, sizeof finding->summary,
      "%s TCP had more to send and room for it, yet after %s of silence it sent one segment as "
      "a probe, as it does when its own host has refused what it sent before.",
      watch->side == SIDE_CLIENT ? "The client's" : "The server's",
      duration_words(finding->waited_ns, gap));
  if (!watch->had_pushed)
    stream->flags &= ~(uint32_t)STREAM_PUSHED_START;
  conclude(analyzer, index, finding);
}

/* --- the beginning --- */

static bool is_wanted_cause(const struct finding *finding)
{
  switch (finding->cause) {
  case CAUSE_APP_IDLE:
  case CAUSE_LOST_WAKEUP:
  case CAUSE_APP_TURNAROUND: return finding->location == LOCATION_SENDER_APP;
  case CAUSE_TAIL_LOSS: return finding->confidence == CONFIDENCE_POSSIBLE;
  default: return false;
  }
}

bool resume_watch_wants(const struct situation *situation, const struct finding *finding)
{
  const struct stream *stream = situation->stream;
  return situation->segment != NULL && !situation->by_ack && situation->outstanding == 0 &&
         is_wanted_cause(finding) && finding->confidence < CONFIDENCE_PROVEN &&
         finding->kernel_count == 0 && /* else the socket has told */
         finding->waited_ns >= situation->analyzer->options.min_stall_ns &&
         situation->wait->probes == 0 && (stream->flags & STREAM_WINDOW) != 0 &&
         situation->segment->start == stream->snd_nxt &&
         (situation->connection->quality & (QUALITY_DUPLICATES | QUALITY_ONE_DIRECTION)) == 0;
}

static bool may_be_probe(const struct situation *situation)
{
  const struct packet *packet = situation->segment->packet;
  return (packet->flags & (TCP_PSH | TCP_FIN | TCP_SYN)) == TCP_PSH &&
         packet->payload_bytes == situation->next_bytes &&
         situation->window_left / WINDOW_SEGMENTS_MIN >= situation->next_bytes &&
         situation->stream->flight_max / WINDOW_SEGMENTS_MIN >= situation->next_bytes &&
         (situation->stream->flags & STREAM_PUSHED_START) == 0;
}

void resume_watch_begin(struct analyzer *analyzer, struct connection *connection,
                        const struct situation *situation, const struct finding *finding,
                        int64_t owed_ns)
{
  const struct stream *stream = situation->stream;
  const struct segment *first = situation->segment;
  struct resume_watch *watch = calloc(1, sizeof *watch);
  if (watch == NULL) {
    crawl_wait(analyzer, connection, finding);
    return;
  }
  int64_t again_ns = situation->rtt_ns > 0 ? situation->rtt_ns : AGAIN_WITHIN_UNKNOWN_NS;
  *watch = (struct resume_watch){
      .connection = connection,
      .side = situation->side,
      .near = situation->near,
      .on_host = situation->near == NEAR_SENDER && situation->view.certain,
      .start = first->start,
      .end = first->end,
      .full_bytes = situation->next_bytes,
      .ip_id = first->packet->ip_id,
      .resumed_ns = first->time_ns,
      .last_ns = first->time_ns,
      .again_within_ns = again_ns < AGAIN_WITHIN_NS ? again_ns : AGAIN_WITHIN_NS,
      /* Away from S it comes later by the way there and back. */
      .released_within_ns =
          RELEASED_WITHIN_NS + (situation->near != NEAR_SENDER ? situation->rtt_ns : 0),
      .acked_ns = TIME_INVALID,
      .may_be_probe = may_be_probe(situation),
      .had_pushed = (stream->flags & STREAM_PUSHED_START) != 0,
      .plain_start = (stream->flags & STREAM_PLAIN_START) != 0,
      .owed_ns = owed_ns,
      .finding = *finding,
      .held = *finding};
  tell_kick(situation, &watch->held, watch->kick, sizeof watch->kick);
  if (analyzer->resuming == RESUME_WATCHES)
    leave_as_it_is(analyzer, 0);
  analyzer->resumes[analyzer->resuming++] = watch;
}

void resume_watch_note_start(struct stream *stream, const struct segment *segment)
{
  const struct packet *packet = segment->packet;
  if (!segment->new_data || packet->payload_bytes == 0 || (stream->flags & STREAM_ACKED) == 0 ||
      stream_outstanding(stream) > 0)
    return;
  const uint32_t full = full_segment_bytes(stream);
  const bool pushed = (packet->flags & (TCP_PSH | TCP_FIN)) != 0;
  if (full == 0 || packet->payload_bytes < full)
    return;
  if (packet->payload_bytes > full || !pushed)
    stream->flags |= STREAM_PLAIN_START;
  else
    stream->flags |= STREAM_PUSHED_START;
}

/* --- what follows --- */

enum outcome { OUTCOME_OPEN, OUTCOME_NOTHING, OUTCOME_HOLD, OUTCOME_DROP };

static enum outcome see_receiver(struct resume_watch *watch, const struct segment *segment)
{
  const struct packet *packet = segment->packet;
  if (!watch->may_be_probe || packet->payload_bytes > 0 || (packet->flags & TCP_ACK) == 0 ||
      (packet->flags & (TCP_FIN | TCP_RST)) != 0)
    return OUTCOME_NOTHING;
  if (!time_is_valid(watch->acked_ns) && watch->behind == 0 && seq_geq(packet->ack, watch->end))
    watch->acked_ns = segment->time_ns;
  return OUTCOME_OPEN;
}

/* The first segment left again. The same packet twice is the work of something else. */
static bool is_sent_again(const struct resume_watch *watch, const struct segment *segment)
{
  const uint16_t ip_id = segment->packet->ip_id;
  const bool ids = watch->ip_id != 0 && ip_id != 0;
  if (segment->kind != SEGMENT_RETRANSMISSION || segment->start != watch->start ||
      time_is_valid(watch->acked_ns) || (ids ? ip_id == watch->ip_id : watch->behind == 0))
    return false;
  return watch->near != NEAR_RECEIVER &&
         segment->time_ns - watch->resumed_ns <= watch->again_within_ns;
}

/* What comes behind the probe came on its ACK, or else is seen not to be pushed like it. */
static bool follows_probe(const struct resume_watch *watch, const struct segment *segment)
{
  if (watch->behind > 0)
    return segment->time_ns - watch->last_ns <= BURST_NS;
  if (time_is_valid(watch->acked_ns))
    return segment->time_ns - watch->acked_ns <= watch->released_within_ns;
  const struct packet *packet = segment->packet;
  const bool plain = packet->payload_bytes > watch->full_bytes ||
                     (packet->payload_bytes == watch->full_bytes && (packet->flags & TCP_PSH) == 0);
  return plain && watch->plain_start && segment->time_ns - watch->resumed_ns <= BEHIND_PROBE_NS;
}

static enum outcome see_sender(struct resume_watch *watch, const struct segment *segment)
{
  if (is_sent_again(watch, segment))
    return OUTCOME_HOLD;
  if (segment->packet->payload_bytes == 0)
    return OUTCOME_OPEN;
  if (segment->kind != SEGMENT_NEW || segment->time_ns - watch->last_ns > WATCH_MAX_NS)
    return OUTCOME_NOTHING;
  if (watch->may_be_probe && !follows_probe(watch, segment))
    watch->may_be_probe = false;
  if (watch->behind++ == 0)
    watch->first_behind = (struct sighting){segment->time_ns, segment->packet->frame};
  watch->behind_bytes += segment->packet->payload_bytes;
  watch->last_ns = segment->time_ns;
  const bool much = watch->behind_bytes / RELEASED_SEGMENTS_MIN >= watch->full_bytes;
  if (watch->may_be_probe && much)
    return OUTCOME_DROP;
  return segment->time_ns - watch->resumed_ns > watch->again_within_ns && !watch->may_be_probe
             ? OUTCOME_NOTHING
             : OUTCOME_OPEN;
}

void resume_watch_segment(struct analyzer *analyzer, const struct connection *connection,
                          enum stream_side side, const struct segment *segment)
{
  for (uint32_t i = 0; i < analyzer->resuming;) {
    struct resume_watch *watch = analyzer->resumes[i];
    enum outcome outcome = OUTCOME_OPEN;
    if (watch->connection == connection)
      outcome = side == watch->side ? see_sender(watch, segment) : see_receiver(watch, segment);
    if (outcome == OUTCOME_OPEN)
      i++;
    else if (outcome == OUTCOME_HOLD)
      call_it_a_hold(analyzer, i, segment);
    else if (outcome == OUTCOME_DROP)
      call_it_a_drop(analyzer, i);
    else
      leave_as_it_is(analyzer, i);
  }
}

void resume_watch_advance(struct analyzer *analyzer, int64_t now_ns)
{
  for (uint32_t i = 0; i < analyzer->resuming;) {
    if (now_ns - analyzer->resumes[i]->last_ns > WATCH_MAX_NS)
      leave_as_it_is(analyzer, i);
    else
      i++;
  }
}

void resume_watch_drop(struct analyzer *analyzer, const struct connection *connection)
{
  for (uint32_t i = 0; i < analyzer->resuming;) {
    if (analyzer->resumes[i]->connection == connection)
      remove_watch(analyzer, i);
    else
      i++;
  }
}

void resume_watch_flush(struct analyzer *analyzer, const struct connection *connection)
{
  for (uint32_t i = 0; i < analyzer->resuming;) {
    if (analyzer->resumes[i]->connection == connection)
      leave_as_it_is(analyzer, i);
    else
      i++;
  }
}
