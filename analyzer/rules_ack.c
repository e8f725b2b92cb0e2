/* Data is outstanding, nothing was sent again, and the ACK came late (or never). */

#include "analyzer/situation.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>

/* RFC 9293, 3.8.6.3: a delayed ACK may wait 500 ms at the most. */
#define DELAYED_ACK_MAX_NS (500 * NS_PER_MS)

static bool delayed_ack(const struct situation *situation, struct finding *finding)
{
  const struct stream *stream = situation->stream;
  int64_t late_ns = situation->gap_ns - (stream->rtt.samples > 0 ? stream->rtt.min_ns : 0);
  char gap[32];
  /* RFC 1122, 4.2.3.2: at least every second full-sized segment is acknowledged. */
  if (late_ns > DELAYED_ACK_MAX_NS ||
      situation->outstanding >= 2 * (situation->next_bytes > 0 ? situation->next_bytes : 1460))
    return false;
  verdict(finding, CAUSE_DELAYED_ACK, LOCATION_RECEIVER_TCP, CONFIDENCE_POSSIBLE,
          CONFIDENCE_POSSIBLE);
  finding->severity = SEVERITY_INFO;
  finding_add_evidence(finding, situation->connection->end, situation->segment->packet->frame,
                       situation->end_ns, "the ACK for %u bytes, %s after them",
                       situation->outstanding, duration_words(situation->gap_ns, gap));
  finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_PATH_HOLD,
                          "the segment may have been late on its way");
  finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_ACK_HOLD,
                          "the ACK may have been late on its way");
  snprintf(finding->summary, sizeof finding->summary,
           "The receiver took %s to acknowledge %u bytes.", duration_words(situation->gap_ns, gap),
           situation->outstanding);
  return true;
}

/* Any sender that waits for an ACK has sent again after so long (RFC 6298). */
static bool timer_was_due(const struct situation *situation)
{
  return situation->gap_ns > 2 * rtt_rto_bound_ns(&situation->stream->rtt);
}

static void late_ack(const struct situation *situation, struct finding *finding)
{
  char gap[32];
  const struct packet *ack = situation->segment->packet;
  uint8_t end = situation->connection->end;
  duration_words(situation->gap_ns, gap);
  finding_add_evidence(
      finding, end, situation->stream->last_data.frame, situation->stream->last_data.time_ns,
      "last data before the wait; %u bytes are outstanding", situation->outstanding);
  finding_add_evidence(finding, end, ack->frame, situation->end_ns,
                       "the ACK comes; nothing was sent again meanwhile");
  if (situation->near == NEAR_RECEIVER) {
    verdict(finding, CAUSE_LOCAL_DROP_INPUT, LOCATION_RECEIVER_TCP,
            situation->view.certain ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE, CONFIDENCE_POSSIBLE);
    if (!situation->view.certain)
      finding_add_alternative(
          finding, LOCATION_FORWARD_PATH, CAUSE_PATH_HOLD,
          "this capture is not known to be on the receiving host (--at declares it)");
    finding_add_alternative(finding, LOCATION_RECEIVER_APP, CAUSE_HOST_PAUSED,
                            "the receiving host may have been paused");
    snprintf(finding->summary, sizeof finding->summary,
             "The data arrived here, but the receiver took %s to acknowledge it.", gap);
    return;
  }
  bool early = ack_built_early(situation);
  if (!early && timer_was_due(situation)) {
    /* A sender that lacked the ACK would have sent again by now: it had it, and this capture has
     * not. */
    verdict(finding, CAUSE_UNKNOWN, LOCATION_UNKNOWN, CONFIDENCE_POSSIBLE, CONFIDENCE_POSSIBLE);
    finding->severity = SEVERITY_INFO;
    finding_add_alternative(finding, LOCATION_SENDER_APP, CAUSE_HOST_PAUSED,
                            "the sender's host, or the capture's clock, may have stood still");
    finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_PATH_HOLD,
                            "the data may have been late, and the sender's timer too");
    snprintf(finding->summary, sizeof finding->summary,
             "No ACK was captured for %s, yet nothing was sent again: the capture seems to have "
             "missed an ACK.",
             gap);
    return;
  }
  if (early) {
    verdict(finding, CAUSE_ACK_HOLD, LOCATION_REVERSE_PATH, CONFIDENCE_LIKELY, CONFIDENCE_LIKELY);
    finding_add_evidence(finding, end, ack->frame, situation->end_ns,
                         "its TSval %u is the receiver's clock from before the wait: it was built "
                         "long before it came",
                         ack->ts_val);
    finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_UNKNOWN,
                            "the receiving host itself may have held it below its TCP");
    finding_add_alternative(finding, LOCATION_SENDER_APP, CAUSE_HOST_PAUSED,
                            "the capture's clock may have been stepped, or its host paused, just "
                            "then: nothing was sent again");
  } else {
    verdict(finding, CAUSE_PATH_HOLD, LOCATION_FORWARD_PATH, CONFIDENCE_POSSIBLE,
            CONFIDENCE_POSSIBLE);
    finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_DELAYED_ACK,
                            "the receiver may have answered late");
    if ((ack->options & TCP_OPT_TIMESTAMPS) == 0)
      finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_ACK_HOLD,
                              "the ACK may have been late on its way back");
  }
  if (timer_was_due(situation)) {
    finding->confidence = finding->cause_confidence = CONFIDENCE_POSSIBLE;
    finding_add_alternative(finding, LOCATION_SENDER_APP, CAUSE_HOST_PAUSED,
                            "the sender's timer should have fired: its host, or the capture's "
                            "clock, may have stood still");
  }
  snprintf(finding->summary, sizeof finding->summary, "%s took %s; nothing was lost.",
           early ? "The ACKs were held on their way back: they"
                 : "Data or its acknowledgment was held on the way: it",
           gap);
}

static bool no_ack_at_all(const struct situation *situation, struct finding *finding)
{
  char gap[32];
  duration_words(situation->gap_ns, gap);
  bool one_way = situation->other->packets == 0;
  if (one_way || !timer_was_due(situation)) {
    finding->location = LOCATION_NONE; /* too early to tell, or nothing to tell it by */
    finding->severity = SEVERITY_INFO;
    return true;
  }
  finding_add_evidence(finding, situation->connection->end, situation->stream->last_data.frame,
                       situation->stream->last_data.time_ns,
                       "last data; %u bytes are never acknowledged here, and never sent again",
                       situation->outstanding);
  verdict(finding, CAUSE_UNKNOWN, LOCATION_UNKNOWN, CONFIDENCE_POSSIBLE, CONFIDENCE_POSSIBLE);
  finding->severity = situation->segment == NULL ? SEVERITY_INFO : SEVERITY_PROBLEM;
  finding_add_alternative(finding, LOCATION_SENDER_QUEUE, CAUSE_TX_QUEUE_HOLD,
                          "retransmissions may have been held below TCP");
  finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_ACK_LOSS,
                          "ACKs may have passed elsewhere");
  finding_add_alternative(finding, LOCATION_SENDER_TCP, CAUSE_EXCESSIVE_RTO,
                          "its timer should have fired");
  snprintf(finding->summary, sizeof finding->summary,
           "%u bytes were neither acknowledged nor sent again for %s.", situation->outstanding,
           gap);
  return true;
}

bool rule_late_ack(const struct situation *situation, struct finding *finding)
{
  if (situation->outstanding == 0)
    return false;
  bool first_ack = (situation->stream->flags & STREAM_ACKED) == 0;
  if (first_ack && situation->by_ack && situation->gap_ns < RTO_INITIAL_NS) {
    finding->location = LOCATION_NONE; /* how long a round trip is here, nobody knows yet */
    finding->severity = SEVERITY_INFO;
    return true;
  }
  if (first_ack && !situation->by_ack)
    return false;
  /* New data without a retransmission before it: S has had the ACK, though this capture has not. */
  if (!situation->by_ack)
    return situation->segment == NULL && no_ack_at_all(situation, finding);
  if (delayed_ack(situation, finding))
    return true;
  late_ack(situation, finding);
  return true;
}
