/* The connection does not come about: SYN or SYN-ACK again, or no answer at all. The client is the
 * sender. */

#include "analyzer/situation.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>

static void tell_syns(const struct situation *situation, struct finding *finding)
{
  const struct lost_segment *lost = &situation->wait->lost;
  uint8_t end = situation->connection->end;
  finding_add_evidence(finding, end,
                       lost->original_frame != 0 ? lost->original_frame
                                                 : situation->connection->first_frame,
                       situation->start_ns, situation->side == SIDE_CLIENT ? "SYN" : "SYN-ACK");
  if (lost->retransmissions > 0)
    finding_add_evidence(finding, end, lost->last_retransmission_frame,
                         lost->last_retransmission_ns, "copy number %u", lost->retransmissions);
  tell_icmp(situation, finding);
  if (situation->by_ack)
    finding_add_evidence(finding, end, situation->segment->packet->frame, situation->end_ns,
                         "answered at last");
}

/* The SYN-ACK echoes the first SYN although a later one had been sent: the first one had arrived.
 */
static bool first_syn_answered(const struct situation *situation)
{
  if (!situation->by_ack || situation->wait->lost.retransmissions == 0)
    return false;
  const struct packet *answer = situation->segment->packet;
  return (answer->options & TCP_OPT_TIMESTAMPS) != 0 && situation->stream->clock.started &&
         answer->ts_ecr == situation->wait->lost.original_ts_val &&
         seq_gt(situation->stream->clock.last_val, answer->ts_ecr);
}

static bool client_waits(const struct situation *situation, struct finding *finding)
{
  char gap[32], count[48];
  uint32_t copies = situation->wait->lost.retransmissions;
  duration_words(situation->gap_ns, gap);
  bool told_by_icmp =
      situation->wait->icmp.frame != 0 && !situation->by_ack; /* abort_by_silence() */
  if (told_by_icmp || (copies == 0 && (!situation->by_ack || situation->gap_ns < RTO_INITIAL_NS))) {
    finding->location = LOCATION_NONE; /* the capture ended before anything could be told */
    finding->severity = SEVERITY_INFO;
    return true;
  }
  tell_syns(situation, finding);
  if (situation->near == NEAR_RECEIVER) {
    verdict(finding, CAUSE_LISTEN_OVERFLOW, LOCATION_RECEIVER_APP, CONFIDENCE_POSSIBLE,
            CONFIDENCE_POSSIBLE);
    finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_LOCAL_DROP_INPUT,
                            "the host may drop it before TCP");
    snprintf(finding->summary, sizeof finding->summary,
             "The SYN arrived here, but the server did not answer for %s.", gap);
    return true;
  }
  if ((situation->connection->flags & CONNECTION_CHALLENGED) != 0) {
    verdict(finding, CAUSE_HALF_OPEN, LOCATION_RECEIVER_TCP, CONFIDENCE_LIKELY, CONFIDENCE_LIKELY);
    finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_SYN_LOSS,
                            "later SYNs may have been lost besides");
    snprintf(finding->summary, sizeof finding->summary,
             "The server still knew an older connection of these ports and answered the SYN with "
             "an ACK for it; opening took %s.",
             gap);
    return true;
  }
  bool early = first_syn_answered(situation) || copies == 0;
  verdict(finding, early ? CAUSE_SYNACK_LOSS : CAUSE_SYN_LOSS,
          early ? LOCATION_REVERSE_PATH : LOCATION_FORWARD_PATH, CONFIDENCE_POSSIBLE,
          CONFIDENCE_POSSIBLE);
  if (!early)
    finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_SYNACK_LOSS,
                            "the SYN-ACK may have been lost instead");
  finding_add_alternative(finding, LOCATION_RECEIVER_APP, CAUSE_LISTEN_OVERFLOW,
                          "the server's accept queue may have been full");
  finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_LOCAL_DROP_INPUT,
                          "the server's firewall may have dropped it");
  if (situation->by_ack && copies == 0)
    snprintf(finding->summary, sizeof finding->summary,
             "The SYN-ACK came only after %s, as if the first one had been lost.", gap);
  else if (situation->by_ack)
    snprintf(finding->summary, sizeof finding->summary,
             "The connection took %s to open: %s went unanswered before one was.", gap,
             count_words(copies, "SYN", "SYNs", count));
  else
    snprintf(finding->summary, sizeof finding->summary,
             "The connection did not open: %s in %s, no answer.",
             count_words(copies + 1, "SYN", "SYNs", count), gap);
  return true;
}

/* The client sends its SYN again although the SYN-ACK was seen here. */
static bool synack_did_not_arrive(const struct situation *situation, struct finding *finding)
{
  char gap[32];
  const struct sighting *again = &situation->wait->first_retransmission_of_acked;
  bool at_client = situation->near == NEAR_SENDER;
  verdict(finding, CAUSE_SYNACK_LOSS, LOCATION_REVERSE_PATH,
          situation->near == NEAR_RECEIVER ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
          CONFIDENCE_LIKELY);
  finding_add_evidence(finding, situation->connection->end, situation->stream->last_ack.frame,
                       situation->stream->last_ack.time_ns, "the SYN-ACK passes here");
  finding_add_evidence(finding, situation->connection->end, again->frame, again->time_ns,
                       "the client sends its SYN again");
  finding_add_alternative(finding, LOCATION_SENDER_TCP, CAUSE_ACK_IGNORED,
                          at_client ? "the client's host may have dropped it"
                                    : "the client may have received and dropped it");
  snprintf(finding->summary, sizeof finding->summary,
           "The SYN-ACK did not reach the client; the connection took %s longer.",
           duration_words(situation->gap_ns, gap));
  return true;
}

static bool server_waits(const struct situation *situation, struct finding *finding)
{
  char gap[32];
  uint32_t copies = situation->wait->lost.retransmissions;
  if (copies == 0 && !situation->wait->syn_sent_again) {
    finding->location = LOCATION_NONE;
    finding->severity = SEVERITY_INFO;
    return true;
  }
  duration_words(situation->gap_ns, gap);
  finding->sender = SIDE_CLIENT;
  tell_syns(situation, finding);
  bool told_by_syns =
      situation->connection->syns > 1; /* the client's own repetition is the finding */
  bool acked = situation->wait->syn_sent_again;
  if (acked) {
    verdict(finding, CAUSE_LISTEN_OVERFLOW, LOCATION_RECEIVER_APP,
            situation->near == NEAR_SENDER ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
            CONFIDENCE_LIKELY);
    finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_SEGMENT_LOSS,
                            "the client's ACK may have been lost behind this point");
  } else {
    verdict(finding, CAUSE_SYNACK_LOSS, LOCATION_REVERSE_PATH, CONFIDENCE_POSSIBLE,
            CONFIDENCE_POSSIBLE);
    finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_SEGMENT_LOSS,
                            "the client's final ACK may have been lost");
    finding_add_alternative(finding, LOCATION_SENDER_TCP, CAUSE_UNKNOWN,
                            "the client may have ignored it, or be gone");
  }
  if (told_by_syns && !acked)
    finding->severity = SEVERITY_INFO;
  snprintf(finding->summary, sizeof finding->summary,
           acked
               ? "The server went on sending its SYN-ACK for %s although it was acknowledged: it "
                 "did not take the connection."
               : "The server's SYN-ACK had to be sent %s long: it, or its answer, did not arrive.",
           gap);
  return true;
}

bool rule_handshake(const struct situation *situation, struct finding *finding)
{
  const struct stream *stream = situation->stream;
  bool syn_outstanding = (stream->flags & STREAM_SYN) != 0 && stream->snd_nxt == stream->isn + 1 &&
                         (stream->flags & STREAM_ACKED) == 0;
  if (situation->wait->syn_sent_again)
    return situation->side == SIDE_CLIENT ? synack_did_not_arrive(situation, finding)
                                          : server_waits(situation, finding);
  if (stream->snd_nxt != stream->isn + 1 && !situation->wait->syn_sent_again)
    return false; /* data followed: the connection was open, whatever was captured of it */
  if (!syn_outstanding && !((stream->flags & STREAM_SYN) != 0 && stream->snd_una == stream->isn &&
                            situation->outstanding > 0))
    return false;
  return situation->side == SIDE_CLIENT ? client_waits(situation, finding)
                                        : server_waits(situation, finding);
}
