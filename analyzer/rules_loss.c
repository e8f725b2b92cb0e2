/* Something was sent again. What was lost, and on which side of the capture point?
 *
 * One end sees retransmissions and ACKs; it never sees the loss itself. What excludes places: a
 * SACK for later data (the way back works, and R's TCP lacks the segment), a DSACK or an ACK that
 * echoes the original's timestamp (nothing was lost: RFC 2883, RFC 3522), which sizes pass and
 * which do not. */

#include "analyzer/both_ends.h"
#include "analyzer/situation.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>

/* RFC 5382 lets NATs forget a connection after 2 h 4 min; many do so after far less. Shorter
 * silences are no sign. */
#define NAT_IDLE_MIN_NS (5 * NS_PER_S)
/* A first retransmission later than its bound by this factor is excessive. */
#define RTO_EXCESS_NUM 3
#define RTO_EXCESS_DEN 2
/* Copies of full segments lost this often in a row, while smaller ones pass, are a matter of size.
 */
#define PMTU_COPIES_MIN 2
/* Every path takes 576 bytes (RFC 791): less than that, without headers, is never too big. */
#define PMTU_BYTES_MIN 536u
/* An answer this much sooner than any round trip was not to the last copy. */
#define TOO_SOON_NUM 1
#define TOO_SOON_DEN 2

static void tell_retransmissions(const struct situation *situation, struct finding *finding)
{
  const struct wait *wait = situation->wait;
  const struct lost_segment *lost = &wait->lost;
  uint8_t end = situation->connection->end;
  char after[32];
  tell_icmp(situation, finding);
  if (lost->retransmissions == 0) {
    finding_add_evidence(
        finding, end, 0, situation->end_ns,
        "data was sent again (%u times) whose first transmission this capture does not show",
        wait->retransmissions);
    return;
  }
  const bool comes = situation->near == NEAR_RECEIVER;
  if (!wait->hole_noticed || lost->original_frame != 0)
    finding_add_evidence(finding, end, lost->original_frame, lost->original_ns,
                         "segment %u:%u (%u bytes) %s", lost->start - situation->stream->isn,
                         lost->end - situation->stream->isn, lost->end - lost->start,
                         comes ? "comes" : "is sent");
  finding_add_evidence(finding, end, lost->first_retransmission_frame,
                       lost->first_retransmission_ns, "it %s again, %s later",
                       comes ? "comes" : "is sent", duration_words(lost->first_interval_ns, after));
  if (lost->retransmissions > 1)
    finding_add_evidence(
        finding, end, lost->last_retransmission_frame, lost->last_retransmission_ns,
        "copy number %u%s", lost->retransmissions,
        lost->doubling && lost->retransmissions > 2 ? ", each after about twice the time" : "");
  if (wait->first_dsack.frame != 0)
    finding_add_evidence(finding, end, wait->first_dsack.frame, wait->first_dsack.time_ns,
                         "a DSACK: the receiver has it twice, so the original arrived");
  if (situation->by_ack && situation->segment != NULL)
    finding_add_evidence(finding, end, situation->segment->packet->frame, situation->end_ns,
                         "the ACK advances again");
}

/* The ACK that ended it was for the original: its TSecr is older than any copy's TSval (Eifel, RFC
 * 3522). */
static bool original_arrived(const struct situation *situation)
{
  const struct wait *wait = situation->wait;
  if (situation->segment == NULL || !situation->by_ack || wait->lost.retransmissions == 0 ||
      wait->hole_noticed)
    return false;
  const struct packet *ack = situation->segment->packet;
  bool dsack = wait->dsacks > 0 || (ack->sack_count > 0 && seq_leq(ack->sack[0].end, ack->ack) &&
                                    seq_leq(ack->sack[0].start, wait->lost.start));
  if (dsack)
    return true;
  const struct stream *stream = situation->stream;
  bool stamped =
      (ack->options & TCP_OPT_TIMESTAMPS) != 0 && (stream->flags & STREAM_TIMESTAMPS) != 0;

  return stamped && seq_geq(ack->ack, wait->lost.end) &&
         seq_lt(ack->ts_ecr, wait->lost.first_retransmission_ts_val);
}

/* No round trip is that short: the ACK was on its way before the last copy left. */
static bool answered_too_soon(const struct situation *situation)
{
  const struct stream *stream = situation->stream;
  if (!situation->by_ack || stream->rtt.samples == 0 || situation->wait->lost.retransmissions == 0)
    return false;
  int64_t since_ns = situation->end_ns - situation->wait->lost.last_retransmission_ns;
  return since_ns * TOO_SOON_DEN < stream->rtt.min_ns * TOO_SOON_NUM;
}

/* The receiver has the first segment, but what followed it is lost as well: both directions were
 * down. */
static bool both_directions_lost(const struct situation *situation)
{
  if (situation->segment == NULL)
    return false;
  const struct packet *ack = situation->segment->packet;
  return seq_lt(ack->ack, situation->stream->snd_nxt) &&
         situation->wait->dsacks + ack->sack_count > 0 && situation->wait->lost.by_timer > 0;
}

/* R has just got the first of many: a small step of a long flight, no SACK, no DSACK. Had R had
 * them for long, it would acknowledge all of them at once. */
static bool data_came_late(const struct situation *situation)
{
  if (situation->segment == NULL)
    return false;
  const struct packet *ack = situation->segment->packet;
  return ack->sack_count == 0 && situation->wait->dsacks == 0 &&
         seq_diff(situation->stream->snd_nxt, ack->ack) >= (int32_t)situation->next_bytes;
}

static void conclude_spurious(const struct situation *situation, struct finding *finding)
{
  char gap[32], count[48];
  bool early = ack_built_early(situation);
  bool late = answered_too_soon(situation) || data_came_late(situation);
  if (!early && !late && both_directions_lost(situation)) {
    verdict(finding, CAUSE_PATH_OUTAGE, LOCATION_FORWARD_PATH, CONFIDENCE_POSSIBLE,
            CONFIDENCE_POSSIBLE);
    finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_ACK_LOSS,
                            "ACKs were lost for certain; data may have been late only");
    finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_PATH_HOLD,
                            "the original may have been late on its way");
    snprintf(
        finding->summary, sizeof finding->summary,
        "Data was lost on its way there and ACKs on their way back: the stream stood still for %s.",
        duration_words(situation->gap_ns, gap));
    return;
  }
  enum cause cause = early ? CAUSE_ACK_HOLD : late ? CAUSE_PATH_HOLD : CAUSE_ACK_LOSS;
  enum location location = early || !late ? LOCATION_REVERSE_PATH : LOCATION_FORWARD_PATH;
  verdict(finding, cause, location, early ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
          CONFIDENCE_POSSIBLE);
  if (cause != CAUSE_PATH_HOLD)
    finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_PATH_HOLD,
                            "the original may have been late on its way, not its ACK");
  if (cause != CAUSE_ACK_LOSS)
    finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_ACK_LOSS,
                            "its ACK may have been lost on the way back");
  if (cause != CAUSE_ACK_HOLD)
    finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_ACK_HOLD,
                            "its ACK may have been late on the way back");
  finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_LOCAL_DROP_INPUT,
                          "the receiving host may have been late to answer");
  if (early)
    finding_add_evidence(
        finding, situation->connection->end, situation->segment->packet->frame, situation->end_ns,
        "this ACK's TSval is older than its arrival by far: it was built long before");
  else if (late)
    finding_add_evidence(
        finding, situation->connection->end, situation->segment->packet->frame, situation->end_ns,
        "it comes sooner after the last copy than any round trip: it answers the original");
  snprintf(finding->summary, sizeof finding->summary,
           "Nothing was lost on the way there: the receiver had the original, but its answer took "
           "%s; sent again in vain: %s.",
           duration_words(situation->gap_ns, gap),
           count_words(situation->wait->retransmissions, "segment", "segments", count));
}

/* Size decides: what was lost again and again is larger than all that ever passed, and smaller
 * segments do pass. */
static bool size_matters(const struct situation *situation)
{
  const struct wait *wait = situation->wait;
  const struct stream *stream = situation->stream;
  uint32_t lost_bytes = wait->largest_retransmitted;
  /* A small copy that went unanswered as well refutes it; so does a path on which nothing small has
   * ever passed. */
  bool split_passed =
      situation->by_ack && wait->lost.last_end != 0 && seq_lt(wait->lost.last_end, wait->lost.end);
  if ((wait->smallest_retransmitted < PMTU_BYTES_MIN && !split_passed) ||
      stream->largest_acked <= 1)
    return false;
  if (wait->lost.retransmissions < PMTU_COPIES_MIN || wait->hole_noticed ||
      lost_bytes <= stream->largest_acked || stream->bytes == 0 || lost_bytes < PMTU_BYTES_MIN)
    return false;
  if (wait->icmp.frame != 0 && wait->icmp_mtu > 0)
    return true;
  bool smaller_passed = stream->largest_acked > 0 || wait->sacks > 0;
  bool split = wait->lost.last_end != 0 && seq_lt(wait->lost.last_end, wait->lost.end);
  return (smaller_passed && situation->next_bytes > 0 && lost_bytes >= situation->next_bytes) ||
         split;
}

static void conclude_pmtu(const struct situation *situation, struct finding *finding)
{
  const struct wait *wait = situation->wait;
  char gap[32];
  uint32_t lost_bytes = wait->largest_retransmitted;
  bool icmp = wait->icmp.frame != 0 && wait->icmp_mtu > 0;
  verdict(finding, CAUSE_PMTU_BLACKHOLE, LOCATION_FORWARD_PATH,
          icmp ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
          icmp ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE);
  if (icmp)
    finding_add_evidence(finding, situation->connection->end, wait->icmp.frame, wait->icmp.time_ns,
                         "ICMP: packet too big, next-hop MTU %u", wait->icmp_mtu);
  else
    finding_add_evidence(finding, situation->connection->end, 0, situation->end_ns,
                         "no segment of %u bytes was ever acknowledged; the largest that was: %u",
                         lost_bytes, situation->stream->largest_acked);
  if (!icmp) {
    finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_RTO_BACKOFF,
                            "the copies may have been lost for another reason than their size");
    finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_CHECKSUM_DROP,
                            "the receiver may have dropped them: only its own capture tells");
  }
  snprintf(finding->summary, sizeof finding->summary,
           "Segments of %u bytes do not get through, smaller ones do: %u copies were lost in %s.",
           lost_bytes, wait->lost.retransmissions, duration_words(situation->gap_ns, gap));
}

/* Retransmissions that nobody answers until the end. */
static void conclude_silence(const struct situation *situation, struct finding *finding)
{
  char gap[32];
  const struct wait *wait = situation->wait;
  int64_t idle_ns = wait->lost.original_ns - situation->stream->last_ack.time_ns;
  bool after_idle = situation->stream->last_ack.frame != 0 && idle_ns >= NAT_IDLE_MIN_NS;
  duration_words(situation->gap_ns, gap);
  if (wait->icmp.frame != 0) {
    verdict(finding, CAUSE_PATH_OUTAGE, LOCATION_FORWARD_PATH, CONFIDENCE_LIKELY,
            CONFIDENCE_LIKELY);
    finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_PEER_SILENT,
                            "the receiving host may be gone, as the ICMP error may say");
    snprintf(finding->summary, sizeof finding->summary,
             "The receiver cannot be reached: ICMP errors came back, and %s of retransmissions "
             "without a reply.",
             gap);
    return;
  }
  if (after_idle)
    verdict(finding, CAUSE_NAT_TIMEOUT, LOCATION_FORWARD_PATH, CONFIDENCE_POSSIBLE,
            CONFIDENCE_POSSIBLE);
  else
    verdict(finding, CAUSE_PEER_SILENT, LOCATION_RECEIVER_TCP, CONFIDENCE_POSSIBLE,
            CONFIDENCE_POSSIBLE);
  if (after_idle)
    finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_PEER_SILENT,
                            "the receiving host may be gone");
  finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_PATH_OUTAGE,
                          "nothing may get through to the receiver");
  finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_ACK_LOSS,
                          "its answers may not get back");
  snprintf(finding->summary, sizeof finding->summary,
           after_idle ? "After a long idle time nothing was answered any more: %s of "
                        "retransmissions without a reply."
                      : "The receiver fell silent: %s of retransmissions without a reply.",
           gap);
}

static void lost_anywhere(const struct situation *situation, struct finding *finding)
{
  bool sacked = situation->wait->sacks > 0;
  finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_CHECKSUM_DROP,
                          "the segment may have arrived and been dropped there");
  if (!sacked)
    finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_ACK_LOSS,
                            "it may have arrived, and its ACK been lost");
  if (situation->near != NEAR_SENDER)
    finding_add_alternative(finding, LOCATION_SENDER_TCP, CAUSE_EXCESSIVE_RTO,
                            "the sender may have waited longer than it had to");
}

/* SACK blocks that mean nothing to S: shifted sequence numbers on the way, translated in the header
 * only. */
static bool sacks_are_foreign(const struct situation *situation)
{
  const struct trouble *trouble = situation->stream->trouble;
  return trouble != NULL && trouble->foreign_sacks >= 3 &&
         trouble->foreign_sacks * 2 > trouble->sack_segments;
}

static void conclude_loss(const struct situation *situation, struct finding *finding)
{
  const struct wait *wait = situation->wait;
  char gap[32];
  duration_words(situation->gap_ns, gap);
  if (sacks_are_foreign(situation)) {
    verdict(finding, CAUSE_SACK_NOT_TRANSLATED, LOCATION_REVERSE_PATH, CONFIDENCE_POSSIBLE,
            CONFIDENCE_LIKELY);
    finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_SEGMENT_LOSS,
                            "a segment was lost; what is wrong is that SACK could not repair it");
    finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_UNKNOWN,
                            "the receiver itself may send wrong blocks");
    snprintf(finding->summary, sizeof finding->summary,
             "A loss could only be repaired by the timer, %s later: %u SACK blocks lie outside "
             "everything that was sent.",
             gap, situation->stream->trouble->foreign_sacks);
    return;
  }
  bool found_by_acks = wait->sacks > 0 || wait->duplicate_acks >= 3 || wait->fast > 0;
  bool nothing_back =
      wait->packets_from_receiver == 0 ||
      situation->wait->last_from_receiver.time_ns <= wait->lost.first_retransmission_ns;
  enum cause cause = CAUSE_TAIL_LOSS;
  if (wait->lost.by_timer > 1)
    cause =
        CAUSE_RTO_BACKOFF; /* a tail loss probe and one timeout are still an ordinary tail loss */
  else if (found_by_acks && wait->tlp == 0)
    cause = CAUSE_SEGMENT_LOSS; /* with a probe first, nothing but the probe's own SACK told */
  verdict(finding, cause, LOCATION_FORWARD_PATH,
          found_by_acks ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE, CONFIDENCE_POSSIBLE);
  if (cause == CAUSE_RTO_BACKOFF && nothing_back && wait->retransmissions > 1)
    finding_add_alternative(
        finding, LOCATION_FORWARD_PATH, CAUSE_PATH_OUTAGE,
        "nothing at all came back meanwhile: both directions may have been down");
  lost_anywhere(situation, finding);
  if (situation->stream->mss > 0 && wait->lost.end - wait->lost.start > situation->stream->mss)
    finding_add_alternative(
        finding, LOCATION_FORWARD_PATH, CAUSE_GSO_TOO_BIG,
        "the lost segment was larger than the MSS: it may have been too big for what carries it");
  char what[96], count[48];
  if (cause == CAUSE_RTO_BACKOFF)
    snprintf(what, sizeof what, "and %s of it",
             count_words(wait->lost.retransmissions - 1, "copy", "copies", count));
  else
    snprintf(what, sizeof what, "%s",
             cause == CAUSE_TAIL_LOSS ? "at the tail, where no duplicate ACK tells,"
                                      : "inside the stream");
  snprintf(finding->summary, sizeof finding->summary,
           "A segment %s got lost, and the stream stood still for %s.", what, gap);
}

/* The first copy came far later than RFC 6298 and Linux allow; only where the sender's own timing
 * is seen. */
static bool excessive(const struct situation *situation)
{
  const struct lost_segment *lost = &situation->wait->lost;
  return (situation->near == NEAR_SENDER || both_ends_is_near(situation)) &&
         situation->stream->rtt.samples > 2 && !situation->wait->hole_noticed &&
         lost->first_interval_ns * RTO_EXCESS_DEN >
             rtt_rto_bound_ns(&situation->stream->rtt) * RTO_EXCESS_NUM;
}

/* Nothing was captured for most of the wait, or of the time until the timer fired. */
static bool timer_stood_still(const struct situation *situation)
{
  const struct lost_segment *lost = &situation->wait->lost;
  const int64_t fired_ns = lost->first_retransmission_ns;
  return engine_captured_nothing(situation->analyzer, situation->start_ns, situation->end_ns) ||
         engine_captured_nothing(situation->analyzer, fired_ns - lost->first_interval_ns, fired_ns);
}

static void conclude_excessive(const struct situation *situation, struct finding *finding)
{
  char first[32], bound[32];
  verdict(finding, CAUSE_EXCESSIVE_RTO, LOCATION_SENDER_TCP,
          situation->view.certain ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE, CONFIDENCE_LIKELY);
  finding_add_alternative(finding, LOCATION_SENDER_QUEUE, CAUSE_TX_QUEUE_HOLD,
                          "earlier copies may have been held below TCP");
  finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_SEGMENT_LOSS,
                          "the first copy was lost or late");
  if (timer_stood_still(situation))
    finding_add_alternative(finding, LOCATION_SENDER_APP, CAUSE_HOST_PAUSED,
                            "the sending host may have stood still, its timer with it");
  snprintf(finding->summary, sizeof finding->summary,
           "The sender retransmitted only after %s; its round trips allow %s at the most.",
           duration_words(situation->wait->lost.first_interval_ns, first),
           duration_words(rtt_rto_bound_ns(&situation->stream->rtt), bound));
}

/* Seen in R's vicinity: S sends again what R has acknowledged. The ACKs do not get to S, or S
 * ignores them. */
static bool acked_sent_again(const struct situation *situation, struct finding *finding)
{
  const struct wait *wait = situation->wait;
  char gap[32], count[48];
  /* Sent before S can have had the ACK, which passes here on its way: no sign of anything. */
  int64_t turn_ns = time_is_valid(situation->stream->turn_min_ns) ? situation->stream->turn_min_ns
                    : situation->other->rtt.samples > 0           ? situation->other->rtt.srtt_ns
                                                                  : 0;
  bool crossed = wait->first_retransmission_of_acked.time_ns - situation->stream->last_ack.time_ns <
                 2 * turn_ns;
  if (wait->retransmissions_of_acked == 0 || wait->retransmissions > 0 ||
      (crossed && wait->retransmissions_of_acked == 1))
    return false;
  bool at_sender = situation->near == NEAR_SENDER;
  /* The last copy was answered: a round trip later S had its ACK, and what follows is another
   * matter. */
  int64_t over_ns = wait->last_retransmission_of_acked.time_ns + situation->limit_ns;
  if (over_ns < finding->end_ns) {
    finding->end_ns = over_ns;
    finding->waited_ns = over_ns - finding->start_ns;
  }
  verdict(finding, at_sender ? CAUSE_ACK_IGNORED : CAUSE_ACK_LOSS,
          at_sender ? LOCATION_SENDER_TCP : LOCATION_REVERSE_PATH,
          situation->near == NEAR_UNKNOWN || situation->near == NEAR_MIDDLE ? CONFIDENCE_POSSIBLE
                                                                            : CONFIDENCE_LIKELY,
          CONFIDENCE_LIKELY);
  finding_add_evidence(finding, situation->connection->end, situation->stream->last_ack.frame,
                       situation->stream->last_ack.time_ns, "everything is acknowledged");
  finding_add_evidence(finding, situation->connection->end,
                       wait->first_retransmission_of_acked.frame,
                       wait->first_retransmission_of_acked.time_ns,
                       "first of %s sent again although it is acknowledged",
                       count_words(wait->retransmissions_of_acked, "segment", "segments", count));
  if (at_sender)
    finding_add_alternative(
        finding, LOCATION_REVERSE_PATH, CAUSE_ACK_LOSS,
        "the ACK may have been dropped between this capture point and the sender's TCP");
  else {
    finding_add_alternative(finding, LOCATION_SENDER_TCP, CAUSE_ACK_IGNORED,
                            "the sender may have received and ignored it");
    finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_ACK_HOLD,
                            "the ACK may have been late, not lost");
  }
  snprintf(finding->summary, sizeof finding->summary,
           "The sender sent again what was acknowledged already, for %s: the ACKs %s.",
           duration_words(finding->waited_ns, gap),
           at_sender ? "were here, but did not reach its TCP" : "did not reach it");
  return true;
}

/* R's TCP had the copies, answered them at once, and did not take them. */
static bool refused_by_receiver(const struct situation *situation, struct finding *finding)
{
  const struct wait *wait = situation->wait;
  char gap[32];
  if (wait->answered_copies == 0)
    return false;
  bool stamped = (situation->stream->flags & STREAM_TIMESTAMPS) != 0;
  verdict(finding, stamped ? CAUSE_PAWS_DROP : CAUSE_OUT_OF_WINDOW, LOCATION_RECEIVER_TCP,
          CONFIDENCE_LIKELY, CONFIDENCE_POSSIBLE);
  tell_retransmissions(situation, finding);
  finding_add_evidence(
      finding, situation->connection->end, wait->first_answered_copy.frame,
      wait->first_answered_copy.time_ns,
      "the receiver answers a copy within a round trip, without acknowledging it (%u times)",
      wait->answered_copies);
  finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_OUT_OF_WINDOW,
                          "its sequence number or timestamp may have been changed on the way");
  finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_SEGMENT_LOSS,
                          "the answer may be to something else that this capture does not show");
  snprintf(finding->summary, sizeof finding->summary,
           "The receiver's TCP got the segment and its copies, and did not accept them: the stream "
           "stood still for %s.",
           duration_words(situation->gap_ns, gap));
  return true;
}

/* At R's own end the copies are seen to arrive, and R does not answer. */
static bool ignored_by_receiver(const struct situation *situation, struct finding *finding)
{
  const struct wait *wait = situation->wait;
  char gap[32];
  if (situation->near != NEAR_RECEIVER || wait->lost.by_timer + wait->tlp == 0 ||
      wait->hole_noticed)
    return false;
  verdict(finding, CAUSE_LOCAL_DROP_INPUT, LOCATION_RECEIVER_TCP,
          situation->view.certain ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE, CONFIDENCE_POSSIBLE);
  tell_retransmissions(situation, finding);
  finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_RTO_BACKOFF,
                          "this capture point may be before the place where they were lost");
  snprintf(finding->summary, sizeof finding->summary,
           "The segment and its copies arrived, but the receiver did not answer: the stream "
           "stood still for %s.",
           duration_words(situation->gap_ns, gap));
  return true;
}

/* R's own view: S sends past the right edge, because it believes in a larger window; R drops it. */
static bool past_the_window(const struct situation *situation, struct finding *finding)
{
  const struct trouble *trouble = situation->stream->trouble;
  char gap[32];
  if (trouble == NULL || trouble->beyond_window.frame == 0 ||
      trouble->beyond_window.time_ns < situation->start_ns - NS_PER_S ||
      situation->wait->retransmissions == 0)
    return false;
  verdict(finding, CAUSE_OUT_OF_WINDOW, LOCATION_RECEIVER_TCP,
          situation->near == NEAR_RECEIVER ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
          CONFIDENCE_LIKELY);
  finding_add_evidence(finding, situation->connection->end, trouble->beyond_window.frame,
                       trouble->beyond_window.time_ns,
                       "a segment beyond the receiver's right edge, as seen here");
  tell_retransmissions(situation, finding);
  finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_SEGMENT_LOSS,
                          "it may have been lost on the way besides");
  finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_WINDOW_SCALE_REWRITTEN,
                          "why the sender believes in a larger window");
  snprintf(finding->summary, sizeof finding->summary,
           "The sender sent more than the receiver's window allows; the stream stood still for %s.",
           duration_words(situation->gap_ns, gap));
  return true;
}

/* R's own end: the first copy of what R had acknowledged comes later than any first timeout of S.
 * So earlier copies were lost. */
static bool earlier_copies_lost(const struct situation *situation, struct finding *finding)
{
  const struct wait *wait = situation->wait;
  char gap[32], late[32];
  int64_t first_ns = wait->first_retransmission_of_acked.time_ns - situation->start_ns;
  if (situation->near == NEAR_SENDER || wait->retransmissions_of_acked == 0 ||
      wait->retransmissions > 0 ||
      first_ns * RTO_EXCESS_DEN < rtt_rto_bound_ns(&situation->stream->rtt) * RTO_EXCESS_NUM)
    return false;
  verdict(finding, CAUSE_PATH_OUTAGE, LOCATION_FORWARD_PATH, CONFIDENCE_POSSIBLE,
          CONFIDENCE_POSSIBLE);
  finding_add_evidence(finding, situation->connection->end, situation->stream->last_ack.frame,
                       situation->stream->last_ack.time_ns, "everything is acknowledged");
  finding_add_evidence(
      finding, situation->connection->end, wait->first_retransmission_of_acked.frame,
      wait->first_retransmission_of_acked.time_ns,
      "the first segment sent again comes only after %s: earlier copies must have been lost",
      duration_words(first_ns, late));
  finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_ACK_LOSS,
                          "the ACKs did not reach the sender, whatever became of its data");
  finding_add_alternative(finding, LOCATION_SENDER_TCP, CAUSE_EXCESSIVE_RTO,
                          "the sender may have waited that long");
  finding_add_alternative(finding, LOCATION_SENDER_QUEUE, CAUSE_LOCAL_DROP_OUTPUT,
                          "the sending host may have dropped its copies itself");
  finding_add_alternative(finding, LOCATION_SENDER_APP, CAUSE_HOST_PAUSED,
                          "the sending host may have stood still");
  snprintf(finding->summary, sizeof finding->summary,
           "ACKs did not reach the sender, and its first copies did not come here: both directions "
           "were down, for %s.",
           duration_words(situation->gap_ns, gap));
  return true;
}

/* Seen where it left: the path has nothing to do with it. Nothing else may have been sent. */
static bool spoiled_by_sender(const struct situation *situation, struct finding *finding)
{
  const struct wait *wait = situation->wait;
  char gap[32], count[48];
  if (situation->outstanding > 0)
    return false;
  verdict(finding, CAUSE_CHECKSUM_DROP, LOCATION_RECEIVER_TCP, CONFIDENCE_LIKELY,
          CONFIDENCE_LIKELY);
  finding_add_evidence(finding, situation->connection->end, wait->first_bad_checksum.frame,
                       wait->first_bad_checksum.time_ns,
                       "data leaves with a wrong TCP checksum, as others from here do not");
  finding_add_alternative(finding, LOCATION_SENDER_APP, CAUSE_APP_IDLE,
                          "if the network card was to fill the checksum in, they were good on the "
                          "wire, and the pause is the application's");
  snprintf(finding->summary, sizeof finding->summary,
           "%s left with a wrong checksum, which the receiver drops; the stream stood still for "
           "%s.",
           count_words(wait->bad_checksums, "data segment", "data segments", count),
           duration_words(situation->gap_ns, gap));
  return true;
}

static bool bad_checksums(const struct situation *situation, struct finding *finding)
{
  const struct wait *wait = situation->wait;
  char gap[32], count[48];
  if (wait->bad_checksums == 0)
    return false;
  if (situation->near == NEAR_SENDER || both_ends_is_near(situation))
    return spoiled_by_sender(situation, finding);
  verdict(finding, CAUSE_CORRUPTED, LOCATION_FORWARD_PATH, CONFIDENCE_LIKELY, CONFIDENCE_LIKELY);
  finding_add_evidence(finding, situation->connection->end, wait->first_bad_checksum.frame,
                       wait->first_bad_checksum.time_ns, "data arrives with a wrong TCP checksum");
  finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_CHECKSUM_DROP,
                          "the sender may have sent it so: its own capture tells");
  snprintf(finding->summary, sizeof finding->summary,
           "Corrupted before it came here: %s; the stream stood still for %s.",
           count_words(wait->bad_checksums, "data segment", "data segments", count),
           duration_words(situation->gap_ns, gap));
  return true;
}

static bool paws(const struct situation *situation, struct finding *finding)
{
  const struct wait *wait = situation->wait;
  char gap[32];
  if (wait->paws_old == 0 || wait->first_paws.frame == 0 ||
      wait->retransmissions + wait->retransmissions_of_acked == 0 ||
      wait->lost.original_frame != wait->first_paws.frame)
    return false;
  verdict(finding, CAUSE_PAWS_DROP, LOCATION_RECEIVER_TCP, CONFIDENCE_LIKELY, CONFIDENCE_LIKELY);
  finding_add_evidence(
      finding, situation->connection->end, wait->first_paws.frame, wait->first_paws.time_ns,
      "this segment's TSval is older than one sent before: PAWS drops it (RFC 7323, 5.3)");
  finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_SEGMENT_LOSS,
                          "it may have been lost on the way");
  snprintf(finding->summary, sizeof finding->summary,
           "The receiver dropped segments as too old (PAWS); the stream stood still for %s.",
           duration_words(situation->gap_ns, gap));
  return true;
}

/* Bytes before the outstanding ones have never been here, and did not come during this wait. */
static bool hole_stays(const struct situation *situation, struct finding *finding)
{
  const struct stream *stream = situation->stream;
  char gap[32];
  if (stream->flight.count == 0 || situation->near == NEAR_SENDER || situation->by_ack)
    return false;
  const struct flight_segment *first = flight_at(&stream->flight, 0);
  if ((first->flags & FLIGHT_HOLE) == 0 || first->start != stream->snd_una)
    return false;
  verdict(finding, CAUSE_SEGMENT_LOSS, LOCATION_FORWARD_PATH, CONFIDENCE_LIKELY,
          CONFIDENCE_POSSIBLE);
  finding_add_evidence(finding, situation->connection->end, first->frame, first->time_ns,
                       "later bytes arrive while %u bytes before them have never been here",
                       first->end - first->start);
  finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_PMTU_BLACKHOLE,
                          "what is missing may have been too big for the path");
  finding_add_alternative(
      finding, LOCATION_SENDER_QUEUE, CAUSE_LOCAL_DROP_OUTPUT,
      "the sending host may have dropped them before they left: its own capture tells");
  snprintf(finding->summary, sizeof finding->summary,
           "%u bytes were lost before they came here, and did not come again for %s.",
           first->end - first->start, duration_words(situation->gap_ns, gap));
  return true;
}

bool rule_hole(const struct situation *situation, struct finding *finding)
{
  const struct wait *wait = situation->wait;
  char gap[32];
  if (bad_checksums(situation, finding) || hole_stays(situation, finding))
    return true;
  if (!wait->hole_noticed || wait->lost.retransmissions == 0 || situation->near == NEAR_SENDER)
    return false;
  verdict(finding, CAUSE_SEGMENT_LOSS, LOCATION_FORWARD_PATH, CONFIDENCE_LIKELY, CONFIDENCE_LIKELY);
  finding_add_evidence(finding, situation->connection->end, wait->lost.original_frame,
                       wait->lost.original_ns,
                       "later bytes arrive while %u bytes before them have never been here",
                       wait->lost.end - wait->lost.start);
  finding_add_evidence(finding, situation->connection->end, wait->lost.first_retransmission_frame,
                       wait->lost.first_retransmission_ns, "the missing bytes arrive");
  finding_add_alternative(
      finding, LOCATION_SENDER_QUEUE, CAUSE_LOCAL_DROP_OUTPUT,
      "the sending host may have dropped them before they left: its own capture tells");
  snprintf(finding->summary, sizeof finding->summary,
           "A segment was lost before it came here; the stream stood still for %s until it was "
           "sent again.",
           duration_words(situation->gap_ns, gap));
  return true;
}

bool rule_retransmission(const struct situation *situation, struct finding *finding)
{
  const struct wait *wait = situation->wait;
  if (paws(situation, finding) || earlier_copies_lost(situation, finding) ||
      acked_sent_again(situation, finding) || past_the_window(situation, finding) ||
      refused_by_receiver(situation, finding) || ignored_by_receiver(situation, finding))
    return true;
  if (wait->retransmissions == 0)
    return false;
  tell_retransmissions(situation, finding);
  if (situation->segment == NULL && situation->how != ENDED_BY_RESET &&
      wait->lost.retransmissions > 1 &&
      wait->last_from_receiver.time_ns < wait->lost.first_retransmission_ns &&
      !size_matters(situation))
    conclude_silence(situation, finding);
  else if (situation->segment != NULL && original_arrived(situation))
    conclude_spurious(situation, finding);
  else if (size_matters(situation))
    conclude_pmtu(situation, finding);
  else if (excessive(situation))
    conclude_excessive(situation, finding);
  else
    conclude_loss(situation, finding);
  return true;
}
