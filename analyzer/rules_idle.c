/* Everything is acknowledged, the window is open, and nothing was built before the silence: the
 * application's turn. */

#include "analyzer/situation.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>

/* At the receiver's end a tail that was lost before it looks like silence, until the sender's RTO:
 * rarely longer. */
#define TAIL_LOSS_MAX_NS (3 * NS_PER_S)

/* The end of a message: pushed (RFC 9293, 3.9.1: PUSH), or shorter than a full segment. */
static bool at_message_boundary(const struct situation *situation)
{
  const struct data_sighting *last = &situation->stream->last_data;
  bool unseen_behind =
      seq_lt(last->end, situation->stream->snd_nxt); /* what came last was not captured */
  return (last->flags & (TCP_PSH | TCP_SYN)) != 0 || last->bytes < situation->next_bytes ||
         unseen_behind;
}

static bool nothing_to_say(struct finding *finding)
{
  finding->location = LOCATION_NONE;
  finding->severity = SEVERITY_INFO;
  return true;
}

static void tell_last(const struct situation *situation, struct finding *finding)
{
  const struct stream *stream = situation->stream;
  uint8_t end = situation->connection->end;
  if (stream->last_data.frame != 0)
    finding_add_evidence(finding, end, stream->last_data.frame, stream->last_data.time_ns,
                         "last segment before the pause: %u bytes%s", stream->last_data.bytes,
                         (stream->last_data.flags & TCP_PSH) != 0 ? ", PSH set" : ", no PSH");
  if (stream->last_ack.frame != 0 && stream->last_ack.time_ns >= stream->last_data.time_ns)
    finding_add_evidence(finding, end, stream->last_ack.frame, stream->last_ack.time_ns,
                         "everything is acknowledged; %u bytes of window are open",
                         situation->window_left);
  if (situation->segment != NULL && !situation->by_ack) {
    finding_add_evidence(finding, end, situation->segment->packet->frame, situation->end_ns,
                         built_fresh(situation)
                             ? "the stream goes on with a fresh TSval: built just now"
                             : "the stream goes on");
  }
}

static void leave_open(const struct situation *situation, struct finding *finding)
{
  if (engine_was_silent(situation->analyzer, situation->start_ns, situation->end_ns))
    finding_add_alternative(
        finding, LOCATION_SENDER_APP, CAUSE_HOST_PAUSED,
        "other connections were silent at the same time: the host may have been paused");
  bool stamped = (situation->stream->flags & STREAM_TIMESTAMPS) != 0;
  finding_add_alternative(finding, LOCATION_SENDER_TCP, CAUSE_UNKNOWN,
                          "packets cannot show whether the socket held unsent bytes");
  if (!built_fresh(situation))
    finding_add_alternative(
        finding, LOCATION_SENDER_QUEUE, CAUSE_TX_QUEUE_HOLD, "%s",
        situation->segment == NULL ? "nothing followed that would tell when it was built"
        : stamped ? "the sender's timestamp clock is not known well enough to tell when the next "
                    "segment was built"
                  : "without timestamps it cannot be told when the next segment was built");
  finding_add_alternative(finding, LOCATION_SENDER_QUEUE, CAUSE_LOCAL_DROP_OUTPUT,
                          "what the sending host drops before this capture point is not seen");
  if (situation->near != NEAR_SENDER && situation->segment != NULL)
    finding_add_alternative(
        finding, LOCATION_FORWARD_PATH, CAUSE_TAIL_LOSS,
        "a segment may have been lost before this capture point and sent again");
}

static bool turnaround(const struct situation *situation, struct finding *finding)
{
  const struct data_sighting *request = &situation->other->last_data;
  char gap[32], count[48];
  if (situation->segment == NULL)
    return nothing_to_say(finding); /* nobody knows whether an answer was due */
  if (request->time_ns > finding->start_ns)
    finding->start_ns = request->time_ns;
  finding->waited_ns = situation->end_ns - finding->start_ns;
  if (finding->waited_ns <= situation->limit_ns)
    return nothing_to_say(finding);
  bool server = situation->side == SIDE_SERVER;
  verdict(finding, server ? CAUSE_APP_TURNAROUND : CAUSE_APP_IDLE, LOCATION_SENDER_APP,
          CONFIDENCE_LIKELY, CONFIDENCE_LIKELY);
  finding->severity = SEVERITY_INFO;
  finding_add_evidence(finding, situation->connection->end, request->frame, request->time_ns,
                       "the other side's last data: %s",
                       count_words(request->bytes, "byte", "bytes", count));
  tell_last(situation, finding);
  leave_open(situation, finding);
  snprintf(finding->summary, sizeof finding->summary, "The %s application took %s %s.",
           server ? "server's" : "client's", duration_words(finding->waited_ns, gap),
           server ? "to answer" : "until it sent again");
  return true;
}

static bool keepalive(const struct situation *situation, struct finding *finding)
{
  char gap[32], count[48];
  const struct wait *wait = situation->wait;
  if (wait->probes == 0 || wait->probe_answers == 0)
    return false;
  verdict(finding, CAUSE_KEEPALIVE_IDLE, LOCATION_SENDER_APP, CONFIDENCE_LIKELY, CONFIDENCE_LIKELY);
  finding->severity = SEVERITY_INFO;
  finding_add_evidence(finding, situation->connection->end, wait->first_probe.frame,
                       wait->first_probe.time_ns,
                       "first of %s, answered: both ends and the path are alive",
                       count_words(wait->probes, "keep-alive probe", "keep-alive probes", count));
  snprintf(finding->summary, sizeof finding->summary,
           "The connection was idle for %s; keep-alives were answered.",
           duration_words(situation->gap_ns, gap));
  return true;
}

static void pause_within_message(const struct situation *situation, struct finding *finding)
{
  char gap[32];
  duration_words(situation->gap_ns, gap);
  bool at_receiver = situation->near == NEAR_RECEIVER && situation->segment != NULL &&
                     situation->gap_ns < TAIL_LOSS_MAX_NS;
  if (at_receiver) {
    verdict(finding, CAUSE_TAIL_LOSS, LOCATION_FORWARD_PATH, CONFIDENCE_POSSIBLE,
            CONFIDENCE_POSSIBLE);
    finding_add_alternative(finding, LOCATION_SENDER_APP, CAUSE_APP_IDLE,
                            "the sending application may have paused inside a message");
    finding_add_alternative(finding, LOCATION_SENDER_TCP, CAUSE_UNKNOWN,
                            "packets cannot show whether the socket held unsent bytes");
  } else {
    verdict(finding, CAUSE_LOST_WAKEUP, LOCATION_SENDER_APP, CONFIDENCE_POSSIBLE,
            CONFIDENCE_POSSIBLE);
    finding_add_alternative(finding, LOCATION_SENDER_APP, CAUSE_APP_IDLE,
                            "an application that writes without pushing pauses like this");
    leave_open(situation, finding);
  }
  snprintf(finding->summary, sizeof finding->summary,
           "%s nothing %s for %s, in the middle of a message%s.",
           situation->outstanding == 0 && (situation->stream->flags & STREAM_ACKED) != 0
               ? "Everything was acknowledged and the window open, yet"
               : "Without an acknowledgment in this capture,",
           situation->open ? "has come" : "came", gap,
           situation->segment == NULL && !situation->open ? ", until the capture ended" : "");
}

static void pause_at_boundary(const struct situation *situation, struct finding *finding)
{
  char gap[32];

  verdict(finding, CAUSE_APP_IDLE, LOCATION_SENDER_APP,
          situation->near == NEAR_RECEIVER ? CONFIDENCE_POSSIBLE : CONFIDENCE_LIKELY,
          CONFIDENCE_LIKELY);
  finding->severity = SEVERITY_INFO;
  leave_open(situation, finding);

  snprintf(finding->summary, sizeof finding->summary,
           "The %s application paused for %s at the end of a message.",
           situation->side == SIDE_CLIENT ? "client's" : "server's",
           duration_words(situation->gap_ns, gap));
}

bool rule_idle(const struct situation *situation, struct finding *finding)
{
  const struct stream *stream = situation->stream;
  if ((stream->flags & STREAM_FIN) != 0 || situation->other->packets == 0)
    return nothing_to_say(finding);
  if ((situation->other->flags & STREAM_LATEST_SPEAKER) != 0)
    return turnaround(situation, finding);
  if (stream->last_data.frame == 0)
    return nothing_to_say(finding);
  if (keepalive(situation, finding))
    return true;
  bool boundary = at_message_boundary(situation);
  if (situation->segment == NULL && boundary)
    return nothing_to_say(finding);
  tell_last(situation, finding);
  if (boundary)
    pause_at_boundary(situation, finding);
  else
    pause_within_message(situation, finding);
  return true;
}
