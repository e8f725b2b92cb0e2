#include "analyzer/both_ends_internal.h"

#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A queue is told from a hold by what came meanwhile: so many segments, or one that had waited
 * nearly as long and came so much earlier. */
#define QUEUE_CAME_MIN        3
#define QUEUE_DELAY_PERCENT   50
#define QUEUE_SPACING_PERCENT 5

/* Packets that left between the first loss and the last one, and what became of them. */
struct loss_pattern {
  uint32_t came, lost, largest_came, smallest_lost;
};

static void look_at_losses(const struct judge *judge, struct loss_pattern *pattern)
{
  const struct lane *lane = &judge->view->lanes[judge->side];
  *pattern = (struct loss_pattern){.smallest_lost = UINT32_MAX};
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *passage = lane_passage(lane, n);
    const uint32_t bytes = passage->end - passage->seq;
    if (passage->left_ns < judge->chain.lost_first->left_ns ||
        passage->left_ns > judge->chain.last_copy->left_ns)
      continue;
    if (time_is_valid(passage->came_ns)) {
      pattern->came++;
      if (bytes > pattern->largest_came)
        pattern->largest_came = bytes;
    } else if (passage_is_lost(lane, passage, judge->situation->end_ns)) {
      pattern->lost++;
      if (bytes < pattern->smallest_lost)
        pattern->smallest_lost = bytes;
    }
  }
}

static bool was_last(const struct judge *judge)
{
  const struct lane *lane = &judge->view->lanes[judge->side];
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *passage = lane_passage(lane, n);
    if (passage->seq != passage->end && passage->left_ns <= judge->chain.until_ns &&
        seq_gt(passage->end, judge->chain.lost_first->end))
      return false;
  }
  return true;
}

/* Super-segments that nobody cut up: what is larger than the MSS is lost, and nothing else. */
static bool is_too_big(const struct judge *judge, const struct loss_pattern *pattern)
{
  const uint32_t mss = judge->situation->stream->mss;
  const struct lane *lane = &judge->view->lanes[judge->side];
  if (mss == 0 || pattern->lost == 0 || pattern->smallest_lost <= mss)
    return false;
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *passage = lane_passage(lane, n);
    if (time_is_valid(passage->came_ns) && passage->end - passage->seq > mss)
      return false; /* such ones were cut up before, or after */
  }
  return true;
}

/* What one end has made of it may stay. */
static bool explains_loss(enum cause told, const struct loss_pattern *pattern)
{
  switch (told) {
  case CAUSE_PMTU_BLACKHOLE: return pattern->smallest_lost > pattern->largest_came;
  case CAUSE_PATH_HOLD:
  case CAUSE_SLOW_LINK:
  case CAUSE_REORDERING:
  case CAUSE_SYN_LOSS: return false;
  default: return cause_info(told)->location == LOCATION_FORWARD_PATH;
  }
}

static enum cause cause_of_loss(const struct judge *judge)
{
  const struct path_chain *chain = &judge->chain;
  const enum cause told = judge->finding->cause;
  struct loss_pattern pattern;
  if (chain->damaged > 0)
    return CAUSE_CORRUPTED;
  if ((chain->lost_first->flags & TCP_SYN) != 0)
    return judge->side == SIDE_CLIENT ? CAUSE_SYN_LOSS : CAUSE_SYNACK_LOSS;
  look_at_losses(judge, &pattern);
  if (is_too_big(judge, &pattern))
    return CAUSE_GSO_TOO_BIG;
  if (explains_loss(told, &pattern))
    return told;
  if (chain->lost + chain->pending == 1)
    return was_last(judge) ? CAUSE_TAIL_LOSS : CAUSE_SEGMENT_LOSS;
  if (pattern.came == 0)
    return CAUSE_PATH_OUTAGE;
  if (pattern.largest_came > 0 && pattern.smallest_lost > pattern.largest_came)
    return CAUSE_PMTU_BLACKHOLE;
  return CAUSE_RTO_BACKOFF;
}

/* Which of several copies it was that came, if nothing but its time tells: the one or the other was
 * lost, or late. Where, is the same. `from`: the side that sent it, whose capture may have missed
 * another copy. */
static void doubt_which(struct judge *judge, const struct passage *came, enum stream_side from)
{
  struct finding *finding = judge->finding;
  if (came == NULL || finding->cause_confidence <= CONFIDENCE_LIKELY)
    return;
  const bool unmarked = (came->options & TCP_OPT_TIMESTAMPS) == 0 && came->ip_id == 0;
  if ((came->state & PASSAGE_AMBIGUOUS) != 0 ||
      (unmarked && (judge->chain.copies > 1 || judge->view->drops[from] != DROPS_NONE)))
    finding->cause_confidence = CONFIDENCE_LIKELY;
}

static void tell_loss(struct judge *judge)
{
  struct finding *finding = judge->finding;
  const struct path_chain *chain = &judge->chain;
  char range[FACT_BYTES], waited[32], copies[FACT_BYTES];
  const bool damaged = chain->damaged > 0;
  judge_range_words(judge, chain->lost_first, range);
  judge_tell_frame(finding, judge->near_end, chain->lost_first->left_frame,
                   chain->lost_first->left_ns, "%s: left %c, and %s %c", range,
                   end_letter(judge->near_end), damaged ? "came damaged to" : "never came to",
                   end_letter(judge->far_end));
  if (chain->arrived != NULL)
    finding_add_evidence(
        finding, judge->far_end, chain->arrived->came_frame, chain->arrived_ns,
        chain->arrived->left_ns < chain->lost_first->left_ns
            ? chain->ack != NULL ? "an earlier copy had come (left %c in frame %llu), but its "
                                   "ACK did not get back"
                                 : "an earlier copy had come (left %c in frame %llu), but no ACK "
                                   "of it is seen here"
            : "the first whole copy here is the one that left %c in frame %llu",
        end_letter(judge->near_end), (unsigned long long)chain->arrived->left_frame);
  judge_tell_hop(judge);
  if (chain->lost > 1)
    snprintf(copies, sizeof copies, "%u copies", chain->lost);
  else if (chain->arrived != NULL)
    snprintf(copies, sizeof copies, "%s",
             chain->arrived->left_ns < chain->lost_first->left_ns ? "a later copy"
                                                                  : "the first copy");
  else
    snprintf(copies, sizeof copies, "it");
  snprintf(finding->summary, sizeof finding->summary,
           "The path from %c to %c %s %s: %s left %c %s %c%s, which cost %s.",
           end_letter(judge->near_end), end_letter(judge->far_end), damaged ? "damaged" : "lost",
           range, copies, end_letter(judge->near_end),
           damaged ? "and came to" : "and never came to", end_letter(judge->far_end),
           damaged ? " with a bad checksum" : "", duration_words(judge->owner_ns, waited));
}

static void tell_hold(struct judge *judge)
{
  struct finding *finding = judge->finding;
  const struct passage *held = judge->chain.slowest;
  char range[FACT_BYTES], delay[32], least[32];
  const struct lane_stats *stats = &judge->view->lanes[judge->side].stats;
  judge_tell_frame(finding, judge->near_end, held->left_frame, held->left_ns, "%s: left %c",
                   judge_range_words(judge, held, range), end_letter(judge->near_end));
  finding_add_evidence(finding, judge->far_end, held->came_frame, held->came_ns,
                       "came to %c %s later; the fastest packet took %s",
                       end_letter(judge->far_end),
                       duration_words(held->came_ns - held->left_ns, delay),
                       duration_words(stats->delay_min_ns, least));
  judge_tell_hop(judge);
  snprintf(finding->summary, sizeof finding->summary,
           "The path from %c to %c had %s under way for %s; nothing of it was lost.",
           end_letter(judge->near_end), end_letter(judge->far_end), range, delay);
}

/* The data that left before it, and came. NULL: not remembered. */
static const struct passage *came_before(const struct lane *lane, const struct passage *passage)
{
  const struct passage *before = NULL;
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *other = lane_passage(lane, n);
    if (other == passage)
      return before;
    if (other->seq != other->end && time_is_valid(other->came_ns))
      before = other;
  }
  return NULL;
}

/* A queue that drains, not one that stands still: while the byte was under way others came that had
 * waited as well, or the one before it was as long under way; and they came well before it. */
static bool is_queueing(const struct judge *judge)
{
  const struct lane *lane = &judge->view->lanes[judge->side];
  const struct passage *slowest = judge->chain.slowest, *before = came_before(lane, slowest);
  const int64_t delay_ns = passage_delay_ns(slowest);
  uint32_t came = 0;
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *passage = lane_passage(lane, n);
    came += time_is_valid(passage->came_ns) && passage->came_ns > judge->chain.from_ns &&
            passage->came_ns < slowest->came_ns && passage->seq != passage->end &&
            time_is_share(passage_delay_ns(passage), delay_ns, QUEUE_DELAY_PERCENT) &&
            time_is_share(slowest->came_ns - passage->came_ns, delay_ns, QUEUE_SPACING_PERCENT);
  }
  if (came >= QUEUE_CAME_MIN)
    return true;
  return before != NULL && time_is_share(passage_delay_ns(before), delay_ns, QUEUE_DELAY_PERCENT) &&
         time_is_share(slowest->came_ns - before->came_ns, delay_ns, QUEUE_SPACING_PERCENT);
}

static void doubt_hold(struct judge *judge, enum location location, enum cause cause,
                       const char *why, uint8_t end)
{
  struct finding *finding = judge->finding;
  if (finding->confidence == CONFIDENCE_PROVEN)
    finding->confidence = CONFIDENCE_LIKELY;
  if (finding->cause_confidence > finding->confidence)
    finding->cause_confidence = finding->confidence;
  finding_add_alternative(finding, location, cause, "%c%s", end_letter(end), why);
}

/* What came late was stamped late: by a capture that may have stood still with its host. Anything
 * else that it captured meanwhile shows that it ran. And what left early may have been stamped
 * early, by a clock that was set forward thereafter: anything else shows that it was not. */
static void doubt_if_silent(struct judge *judge, uint8_t late_end, enum location location,
                            uint8_t early_end, int64_t from_ns, int64_t until_ns)
{
  if (judge_was_silent(judge, late_end, from_ns, until_ns))
    doubt_hold(judge, location, CAUSE_HOST_PAUSED,
               " captured nothing else meanwhile: its host may have stood still, the capture "
               "included",
               late_end);
  else if (judge_was_silent(judge, early_end, from_ns, until_ns))
    doubt_hold(judge, LOCATION_NONE, CAUSE_UNKNOWN,
               " captured nothing else meanwhile: its clock may have been set", early_end);
  else if (judge_ran_backwards(judge))
    doubt_hold(judge, LOCATION_NONE, CAUSE_UNKNOWN,
               "'s time, or the other end's, runs backwards in places: a clock was set", late_end);
}

/* F shows nothing at all after that: its capture may have been over. */
static void doubt_if_over(struct judge *judge)
{
  const struct path_chain *chain = &judge->chain;
  if (chain->arrived != NULL || chain->ack != NULL ||
      judge->view->last_ns[judge->side ^ 1] > chain->lost_first->left_ns)
    return;
  finding_add_alternative(judge->finding, LOCATION_REVERSE_PATH, CAUSE_ACK_LOSS,
                          "%c shows nothing at all from then on: if its capture was over, the ACKs "
                          "may be what was lost",
                          end_letter(judge->far_end));
}

/* The loss is evidence, but what it cost is the timer's doing: the summary stays about that. */
static void tell_loss_beside(struct judge *judge)
{
  char summary[SUMMARY_SIZE];
  if (judge->chain.lost_first == NULL)
    return;
  memcpy(summary, judge->finding->summary, sizeof summary);
  tell_loss(judge);
  memcpy(judge->finding->summary, summary, sizeof summary);
}

void judge_forward(struct judge *judge)
{
  const struct path_chain *chain = &judge->chain;
  if (judge->finding->cause == CAUSE_EXCESSIVE_RTO) {
    tell_loss_beside(judge);
    return;
  }
  const bool lost = chain->lost > 0 && 2 * chain->lost_ns > chain->forward_ns;
  if (lost) {
    judge_settle_on(judge, LOCATION_FORWARD_PATH, cause_of_loss(judge), CONFIDENCE_LIKELY);
    doubt_if_over(judge);
    tell_loss(judge);
  } else if (chain->slowest != NULL && /* and not what is under way still */
             time_is_share(passage_delay_ns(chain->slowest), judge->owner_ns, OWNER_PERCENT)) {
    judge_settle_on(judge, LOCATION_FORWARD_PATH,
                    is_queueing(judge) ? CAUSE_SLOW_LINK : CAUSE_PATH_HOLD, CONFIDENCE_LIKELY);
    if (judge->finding->cause == CAUSE_SLOW_LINK)
      judge->finding->severity = SEVERITY_INFO; /* how slow links are */
    doubt_if_silent(judge, judge->far_end, LOCATION_RECEIVER_APP, judge->near_end,
                    chain->slowest->left_ns, chain->slowest->came_ns);
    tell_hold(judge);
  }
  doubt_which(judge, chain->arrived, judge->side);
}

static enum cause cause_of_answer(const struct judge *judge, bool lost)
{
  const struct finding *finding = judge->finding;
  if ((judge->chain.ack->flags & TCP_SYN) != 0)
    return lost ? CAUSE_SYNACK_LOSS : CAUSE_ACK_HOLD;
  if (finding->location == LOCATION_REVERSE_PATH &&
      (finding->cause == CAUSE_WINDOW_UPDATE_LOST || finding->cause == CAUSE_SACK_NOT_TRANSLATED))
    return finding->cause;
  return lost ? CAUSE_ACK_LOSS : CAUSE_ACK_HOLD;
}

static const struct news ack_news = {"the ACK", "ACKs", "its data had arrived"};
static const struct news syn_ack_news = {"the SYN-ACK", "SYN-ACKs", "it had been answered"};
void judge_tell_reverse(struct judge *judge, const struct news *news, bool lost)
{
  struct finding *finding = judge->finding;
  const struct path_chain *chain = &judge->chain;
  char waited[32], delay[32], count[16];
  const char near = end_letter(judge->near_end), far = end_letter(judge->far_end);
  doubt_which(judge, chain->ack_arrived, judge->side ^ 1);
  finding_add_evidence(finding, judge->far_end, chain->ack->left_frame, chain->ack->left_ns,
                       lost ? "%s: left %c first here, and never came to %c"
                            : "%s: left %c first here, for %c",
                       news->one, far, near);
  if (chain->ack_arrived != NULL)
    finding_add_evidence(finding, judge->near_end, chain->ack_arrived->came_frame,
                         chain->ack_arrived->came_ns,
                         "the first such packet to reach %c, %s after it left %c", near,
                         duration_words(passage_delay_ns(chain->ack_arrived), delay), far);
  judge_tell_hop_back(judge, lost);
  duration_words(judge->owner_ns, waited);
  snprintf(count, sizeof count, "%u ", chain->acks_lost);
  if (lost)
    snprintf(finding->summary, sizeof finding->summary,
             "The path back from %c to %c lost %s%s: the sender did not learn for %s that %s.", far,
             near, chain->acks_lost > 1 ? count : "",
             chain->acks_lost > 1 ? news->several : news->one, waited, news->meaning);
  else
    snprintf(finding->summary, sizeof finding->summary,
             "The path back from %c to %c held %s for %s.", far, near, news->one, waited);
}

void judge_reverse(struct judge *judge)
{
  const struct path_chain *chain = &judge->chain;
  if (chain->ack == NULL)
    return;
  const bool lost = chain->ack != chain->ack_arrived && chain->acks_lost > 0;
  if (lost && judge_was_heard(judge, judge->side ^ 1, chain->ack))
    return;
  judge_settle_on(judge, LOCATION_REVERSE_PATH, cause_of_answer(judge, lost), CONFIDENCE_LIKELY);
  if (!lost && chain->ack_arrived != NULL)
    doubt_if_silent(judge, judge->near_end, LOCATION_SENDER_APP, judge->far_end,
                    chain->ack->left_ns, chain->ack_arrived->came_ns);
  if (!lost && chain->ack_arrived == NULL) { /* it may come yet */
    judge->finding->cause_confidence = CONFIDENCE_POSSIBLE;
    if (judge->finding->confidence > CONFIDENCE_LIKELY)
      judge->finding->confidence = CONFIDENCE_LIKELY;
  }
  judge_tell_reverse(judge, (chain->ack->flags & TCP_SYN) != 0 ? &syn_ack_news : &ack_news, lost);
}
