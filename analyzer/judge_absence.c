/* A frame that a capture does not show was not there, or the capture missed it. Which, is known
 * where the capture says that it dropped nothing, or where the host behind it shows by what it sent
 * later that the frame had not reached it: a SACK hole, a duplicate ACK, a retransmission. Else a
 * verdict that rests on the absence keeps that one coincidence open. */
#include "analyzer/both_ends_internal.h"

#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>

/* Out-of-order data is answered at once (RFC 5681, 4.2); a host's scheduler may need so long. */
#define DUPLICATE_ACK_WITHIN_NS (20 * NS_PER_MS)
/* A packet of R's was under way no longer than so many times the usual, and so much more. */
#define USUAL_DELAY_TIMES   2
#define USUAL_DELAY_MORE_NS NS_PER_MS

static enum drop_knowledge drops_at(const struct judge *judge, enum stream_side side)
{
  return judge->view->drops[side];
}

/* What lies behind this number, S sent only after that copy of the byte. */
static uint32_t top_sent_with(const struct judge *judge, const struct passage *copy)
{
  const struct lane *lane = &judge->view->lanes[judge->side];
  uint32_t top = copy->end;
  if (copy == judge->chain.first)
    return judge->chain.byte + 1; /* what is new is sent in order */
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *passage = lane_passage(lane, n);
    if (passage->seq != passage->end && passage->left_ns <= copy->left_ns &&
        seq_gt(passage->end, top))
      top = passage->end;
  }
  return top;
}

/* What R sends after a copy has come undamaged, and still lacks its byte, tells of R's host and not
 * of the path: whatever R's later packets lack may have gone the same way. */
static bool is_of_a_deaf_host(const struct judge *judge, const struct passage *answer)
{
  const struct path_chain *chain = &judge->chain;
  return chain->arrived != NULL && chain->arrived_ns < answer->left_ns;
}

/* Its first SACK block, the one that tells of the latest arrival (RFC 2018, 4), reaches to what S
 * sent only after `top`: R had got that, and the byte not. */
static bool has_hole(const struct judge *judge, const struct passage *answer, uint32_t top)
{
  const uint32_t shift = judge->view->shift[judge->side ^ 1][judge->side];
  return answer->sack_start != answer->sack_end &&
         seq_gt(answer->sack_start + shift, judge->chain.byte) &&
         seq_gt(answer->sack_end + shift, top);
}

/* A duplicate ACK without blocks (RFC 5681, 2), caused by data that S sent only after `top`. */
static bool is_caused_by_later(const struct judge *judge, const struct passage *answer,
                               const struct passage *before, uint32_t top)
{
  const struct lane *lane = &judge->view->lanes[judge->side];
  if (before == NULL || before->ack != answer->ack || before->window != answer->window ||
      answer->seq != answer->end || answer->sack_start != answer->sack_end ||
      (answer->flags & (TCP_FIN | TCP_SYN)) != 0 || !time_is_valid(lane->answer_min_ns))
    return false;
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *later = lane_passage(lane, n);
    if (later->seq == later->end || seq_lt(later->seq, top) || !time_is_valid(later->came_ns))
      continue;
    const int64_t took_ns = answer->left_ns - later->came_ns;
    if (took_ns > 0 && took_ns >= lane->answer_min_ns && took_ns <= DUPLICATE_ACK_WITHIN_NS)
      return true;
  }
  return false;
}

static bool lacks_byte(const struct judge *judge, const struct passage *answer)
{
  return (answer->flags & (TCP_ACK | TCP_RST | TCP_SYN)) == TCP_ACK &&
         seq_leq(answer->ack, judge->chain.byte);
}

/* R's own packets show that this copy had not reached it, whatever its capture missed. */
static bool receiver_lacked(const struct judge *judge, const struct passage *copy)
{
  const struct lane *reverse = &judge->view->lanes[judge->side ^ 1];
  const uint32_t top = top_sent_with(judge, copy);
  const bool sacks = (judge->situation->other->flags & STREAM_SACK_PERMITTED) != 0;
  const struct passage *before = NULL;
  for (uint32_t n = reverse->first; n != reverse->next; n++) {
    const struct passage *answer = lane_passage(reverse, n);
    if (answer->left_ns > judge->chain.until_ns)
      break;
    if (lacks_byte(judge, answer) && !is_of_a_deaf_host(judge, answer) &&
        (has_hole(judge, answer, top) ||
         (!sacks && is_caused_by_later(judge, answer, before, top))))
      return true;
    before = answer;
  }
  return false;
}

/* How much of the forward path's part are copies that only F's capture says did not come. Each has
 * the time until the next one, or until the ACK that S got was sent (path_chain.c). */
static int64_t forward_unshown_ns(const struct judge *judge)
{
  const struct path_chain *chain = &judge->chain;
  const struct lane *forward = &judge->view->lanes[judge->side];
  const int64_t told_ns =
      chain->ack_arrived != NULL ? chain->ack_arrived->left_ns : chain->until_ns;
  const struct passage *copy = NULL;
  int64_t unshown_ns = 0;
  for (uint32_t n = forward->first; n != forward->next + 1; n++) {
    const bool over = n == forward->next;
    const struct passage *next = over ? NULL : lane_passage(forward, n);
    if (!over && (!passage_covers(next, chain->byte) || next->left_ns > told_ns))
      continue;
    const int64_t until_ns = over ? told_ns : next->left_ns;
    if (copy != NULL && passage_fate(copy, chain->byte) != FATE_CAME &&
        (copy->state & PASSAGE_DAMAGED) == 0 && !receiver_lacked(judge, copy)) {
      const int64_t from_ns = copy->left_ns > chain->from_ns ? copy->left_ns : chain->from_ns;
      unshown_ns += until_ns > from_ns ? until_ns - from_ns : 0;
    }
    copy = next;
  }
  return unshown_ns;
}

/* Until when R's own packets show that it did not take what had come to F. */
static int64_t receiver_unshown_ns(const struct judge *judge)
{
  const struct path_chain *chain = &judge->chain;
  const struct lane *forward = &judge->view->lanes[judge->side];
  const struct lane *reverse = &judge->view->lanes[judge->side ^ 1];
  int64_t last_ns = chain->arrived_ns;
  if (!time_is_valid(chain->arrived_ns) || !time_is_valid(forward->answer_min_ns))
    return judge->owner_ns;
  const int64_t since_ns = chain->arrived_ns + forward->answer_min_ns + USUAL_DELAY_MORE_NS;
  for (uint32_t n = reverse->first; n != reverse->next; n++) {
    const struct passage *answer = lane_passage(reverse, n);
    if (answer->left_ns <= chain->until_ns && answer->left_ns > since_ns &&
        lacks_byte(judge, answer))
      last_ns = answer->left_ns;
  }
  const int64_t from_ns = chain->arrived_ns > chain->from_ns ? chain->arrived_ns : chain->from_ns;
  const int64_t shown_ns = last_ns > from_ns ? last_ns - from_ns : 0;
  return shown_ns < judge->owner_ns ? judge->owner_ns - shown_ns : 0;
}

/* When S last did what it would not have done had it got R's packet: it sent again what that
 * acknowledges, or probed a window that it opens. TIME_INVALID: never. */
static int64_t ignorant_until_ns(const struct judge *judge)
{
  const struct path_chain *chain = &judge->chain;
  const struct lane *forward = &judge->view->lanes[judge->side];
  const struct lane_stats *back = &judge->view->lanes[judge->side ^ 1].stats;
  const struct wait *wait = judge->situation->wait;
  int64_t last_ns = TIME_INVALID;
  if (back->delays == 0)
    return TIME_INVALID;
  const int64_t mean_ns = (int64_t)(back->delay_sum_ns / (double)back->delays);
  const int64_t due_ns = chain->ack->left_ns + USUAL_DELAY_TIMES * mean_ns + USUAL_DELAY_MORE_NS;
  for (uint32_t n = forward->first; n != forward->next; n++) {
    const struct passage *passage = lane_passage(forward, n);
    if (passage->seq != passage->end && passage->left_ns > due_ns &&
        passage->left_ns <= chain->until_ns && seq_lt(passage->seq, chain->ack->ack))
      last_ns = passage->left_ns;
  }
  if (judge->situation->outstanding == 0 && wait->last_probe.frame != 0 &&
      wait->last_probe.time_ns > due_ns &&
      (!time_is_valid(last_ns) || wait->last_probe.time_ns > last_ns))
    last_ns = wait->last_probe.time_ns;
  return last_ns;
}

static int64_t reverse_unshown_ns(const struct judge *judge)
{
  const struct path_chain *chain = &judge->chain;
  if (chain->ack == NULL || chain->ack == chain->ack_arrived || chain->acks_lost == 0)
    return 0; /* it came, and late: that was seen at both ends */
  const int64_t last_ns = ignorant_until_ns(judge);
  int64_t from_ns = chain->ack->left_ns;
  if (from_ns < chain->from_ns)
    from_ns = chain->from_ns;
  const int64_t shown_ns = time_is_valid(last_ns) && last_ns > from_ns ? last_ns - from_ns : 0;
  return shown_ns < judge->owner_ns ? judge->owner_ns - shown_ns : 0;
}

/* What came to R's host by another way than past F is not seen there, however well F captures. So R
 * has to agree: it lacked the byte after that, or took it from the copy that was seen to come. */
static bool receiver_agrees(const struct judge *judge)
{
  const struct path_chain *chain = &judge->chain;
  const struct lane *reverse = &judge->view->lanes[judge->side ^ 1];
  if (chain->arrived != NULL || chain->lost_first == NULL)
    return true;
  for (uint32_t n = reverse->first; n != reverse->next; n++) {
    const struct passage *answer = lane_passage(reverse, n);
    if (answer->left_ns > chain->lost_first->left_ns && lacks_byte(judge, answer))
      return true;
  }
  return false;
}

int64_t judge_unshown_ns(const struct judge *judge)
{
  switch (judge->owner) {
  case LOCATION_FORWARD_PATH:
    return drops_at(judge, judge->side ^ 1) == DROPS_NONE && receiver_agrees(judge)
               ? 0
               : forward_unshown_ns(judge);
  case LOCATION_RECEIVER_TCP:
    return drops_at(judge, judge->side ^ 1) == DROPS_NONE ? 0 : receiver_unshown_ns(judge);
  case LOCATION_REVERSE_PATH:
    return drops_at(judge, judge->side) == DROPS_NONE ? 0 : reverse_unshown_ns(judge);
  default: return 0;
  }
}

void judge_tell_unshown(struct judge *judge)
{
  struct finding *finding = judge->finding;
  const struct situation *situation = judge->situation;
  const char near = end_letter(judge->near_end), far = end_letter(judge->far_end);
  static const char *const silent = "it does not say what it lost";
  finding->settle =
      "Did that capture lose packets itself? tcpdump says so when it ends; if it lost "
      "none, --lossless says it for the file. tcpstall capture records it.";
  switch (judge->owner) {
  case LOCATION_FORWARD_PATH:
    if (drops_at(judge, judge->side ^ 1) == DROPS_NONE) {
      finding->settle = "Has the receiving host another interface or route on which this stream "
                        "could have come? Capture there, or sample its socket.";
      finding_add_alternative(
          finding, LOCATION_RECEIVER_TCP, CAUSE_UNKNOWN,
          "%c lost nothing, but its host is silent from then on: the frames may "
          "have reached it by another interface",
          far);
      break;
    }
    finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_UNKNOWN,
                            "%c's capture may have missed just these frames (%s), and the receiver "
                            "not taken them",
                            far, silent);
    break;
  case LOCATION_RECEIVER_TCP:
    finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_ACK_LOSS,
                            "%c's capture may have missed just the first answer (%s), and the path "
                            "lost it",
                            far, silent);
    break;
  default:
    /* It had the ACK then: what it waited for was the next one, or itself. */
    finding_add_alternative(
        finding,
        situation->outstanding > 0 &&
                seq_lt(judge->chain.ack->ack, situation->stream->snd_nxt + judge->shift)
            ? LOCATION_RECEIVER_TCP
            : LOCATION_SENDER_APP,
        CAUSE_UNKNOWN,
        "%c's capture may have missed just these frames (%s), and the sender got them", near,
        silent);
    break;
  }
}
