#include "analyzer/both_ends_internal.h"

#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A capture that has seen something so much later was still running. */
#define ALIVE_MARGIN_NS (100 * NS_PER_MS)
/* Intervals double: the next one is as long as all before together, or a little longer. */
#define NEXT_COPY_TIMES 2
/* So many lost passages are examined for such as came unseen. */
#define UNSEEN_LOOKED_AT_MAX 32u

static bool is_owners(const struct judge *judge, enum location location)
{
  switch (judge->owner) {
  case LOCATION_RECEIVER_TCP: return at_receiver(location);
  case LOCATION_SENDER_TCP: return at_sender(location);
  default: return location == judge->owner;
  }
}

/* "bytes 1449-2896 (seq 17)": relative to the ISN where that is known. */
const char *judge_range_words(const struct judge *judge, const struct passage *passage, char *text)
{
  const struct stream *stream = judge->situation->stream;
  const uint32_t isn = stream->isn + judge->shift;
  if ((passage->flags & TCP_SYN) != 0)
    snprintf(text, FACT_BYTES, "the %s", (passage->flags & TCP_ACK) != 0 ? "SYN-ACK" : "SYN");
  else if (passage->end - passage->seq == 1 && (passage->flags & TCP_FIN) != 0)
    snprintf(text, FACT_BYTES, "the FIN");
  else if ((stream->flags & STREAM_SYN) != 0)
    snprintf(text, FACT_BYTES, "bytes %u to %u", passage->seq - isn, passage->end - isn - 1);
  else
    snprintf(text, FACT_BYTES, "seq %u to %u", passage->seq, passage->end - 1);
  return text;
}

/* Takes away the alternatives that the ledger contradicts. */
void judge_keep_alternatives(struct finding *finding,
                             bool (*keep)(const struct judge *judge, enum location location),
                             const struct judge *judge)
{
  uint32_t kept = 0;
  for (uint32_t i = 0; i < finding->alternative_count; i++) {
    if (keep(judge, finding->not_excluded[i].location))
      finding->not_excluded[kept++] = finding->not_excluded[i];
  }
  finding->alternative_count = kept;
}

/* The verdict itself is no alternative to it. */
static void drop_itself(struct finding *finding)
{
  uint32_t kept = 0;
  for (uint32_t i = 0; i < finding->alternative_count; i++) {
    const struct alternative *other = &finding->not_excluded[i];
    if (other->location != finding->location || other->cause != finding->cause)
      finding->not_excluded[kept++] = *other;
  }
  finding->alternative_count = kept;
}

void judge_find_owner(struct judge *judge)
{
  const struct path_chain *chain = &judge->chain;
  judge->owner = LOCATION_FORWARD_PATH;
  judge->owner_ns = chain->forward_ns;
  if (chain->receiver_ns > judge->owner_ns) {
    judge->owner = LOCATION_RECEIVER_TCP;
    judge->owner_ns = chain->receiver_ns;
  }
  if (chain->reverse_ns > judge->owner_ns) {
    judge->owner = LOCATION_REVERSE_PATH;
    judge->owner_ns = chain->reverse_ns;
  }
  if (chain->sender_ns > judge->owner_ns) {
    judge->owner = LOCATION_SENDER_TCP;
    judge->owner_ns = chain->sender_ns;
  }
}

bool judge_owner_is_clear(const struct judge *judge)
{
  return !judge->chain.contradicted &&
         time_is_share(judge->owner_ns, judge->situation->gap_ns, OWNER_PERCENT);
}

/* Whether what was not seen at the far end is known not to have been there. */
static bool far_was_watching(const struct judge *judge)
{
  const struct path_chain *chain = &judge->chain;
  const enum stream_side far_side = judge->side ^ 1;
  if (judge->view->drops[far_side] == DROPS_SOME ||
      (judge->owner == LOCATION_FORWARD_PATH && chain->unwatched > 0))
    return false;
  if (chain->lost == 0 || chain->arrived != NULL || chain->ack != NULL)
    return true;
  return judge->view->last_ns[far_side] > chain->lost_first->left_ns + ALIVE_MARGIN_NS;
}

/* Whether N's capture would show what S did in the end: one that was over does not. It ran on if
 * the wait ended there, if it shows something later, or while the next copy was not due yet (RFC
 * 6298, 5.5: each time twice as long). */
static bool near_was_watching(const struct judge *judge)
{
  const struct situation *situation = judge->situation;
  const struct path_chain *chain = &judge->chain;
  const bool here = situation->connection->end == judge->near_end;
  if ((here && (situation->segment != NULL || situation->by_ack)) ||
      judge->view->last_ns[judge->side] > situation->end_ns - situation->gap_ns / 2)
    return true;
  return chain->copies > 1 && chain->lost_first != NULL && chain->last_copy != NULL &&
         situation->end_ns - chain->last_copy->left_ns <=
             NEXT_COPY_TIMES * (chain->last_copy->left_ns - chain->lost_first->left_ns);
}

/* What was lost is missing at the far end whatever the clocks are, and what the receiver did is
 * told by one clock. Only a delay between both ends is as uncertain as the clocks: the owner must
 * keep its share even so. */
static bool holds_whatever_the_clocks(const struct judge *judge)
{
  const struct path_chain *chain = &judge->chain;
  const bool lost_forward =
      judge->owner == LOCATION_FORWARD_PATH && 2 * chain->lost_ns > chain->forward_ns;
  const bool lost_back = judge->owner == LOCATION_REVERSE_PATH && chain->acks_lost > 0 &&
                         chain->ack != chain->ack_arrived;
  if (lost_forward || lost_back || judge->owner == LOCATION_RECEIVER_TCP)
    return true;
  const int64_t uncertainty_ns = judge->view->uncertainty_ns;
  return time_is_valid(uncertainty_ns) &&
         time_is_share(judge->owner_ns - uncertainty_ns, judge->situation->gap_ns, OWNER_PERCENT);
}

static bool any_copy_came(const struct lane *lane, uint32_t byte)
{
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *passage = lane_passage(lane, n);
    if (passage_covers(passage, byte) && passage_fate(passage, byte) != FATE_MISSING)
      return true;
  }
  return false;
}

/* R has acknowledged, and S has got the ACK of, data that no copy of was seen to come. */
static bool is_acknowledged_unseen(const struct lane *lane, int64_t now_ns)
{
  uint32_t looked_at = 0;
  for (uint32_t n = lane->first; n != lane->next && looked_at < UNSEEN_LOOKED_AT_MAX; n++) {
    const struct passage *passage = lane_passage(lane, n);
    if (passage->seq == passage->end || !lane->acked_known || seq_gt(passage->end, lane->acked) ||
        !passage_is_lost(lane, passage, now_ns) ||
        (passage->state & (PASSAGE_PART_CAME | PASSAGE_DAMAGED)) != 0)
      continue;
    looked_at++;
    if (!any_copy_came(lane, passage->seq))
      return true;
  }
  return false;
}

/* A capture that misses packets of its own host cannot prove that there was none. */
static bool has_gaps(const struct judge *judge)
{
  const struct path_view *view = judge->view;
  const int64_t now_ns = judge->situation->end_ns;
  if (judge->ack_unseen || lane_gaps(&view->lanes[judge->side ^ 1], now_ns) > 0)
    return true;
  if (judge->owner == LOCATION_FORWARD_PATH &&
      is_acknowledged_unseen(&view->lanes[judge->side], now_ns))
    return true;
  return judge->owner == LOCATION_REVERSE_PATH && lane_gaps(&view->lanes[judge->side], now_ns) > 0;
}

static bool is_consistent(const struct judge *judge)
{
  const struct path_view *view = judge->view;
  const struct path_chain *chain = &judge->chain;
  return view->sure && holds_whatever_the_clocks(judge) && chain->complete && !chain->ambiguous &&
         !chain->contradicted && view->drops[judge->side] != DROPS_SOME &&
         near_was_watching(judge) && far_was_watching(judge) && !has_gaps(judge);
}

/* Frames that a capture merely lacks leave the owner with the larger part of the wait. */
static bool stands_without_absence(const struct judge *judge, int64_t unshown_ns)
{
  return unshown_ns == 0 ||
         time_is_share(judge->owner_ns - unshown_ns, judge->situation->gap_ns, OWNER_PERCENT);
}

bool judge_keeps_owner(const struct judge *judge, enum location location)
{
  return is_owners(judge, location);
}

/* Causes that say no more than what the ledger has seen; others tell a pattern, or why. */
static bool is_seen_itself(enum cause cause)
{
  switch (cause) {
  case CAUSE_SEGMENT_LOSS:
  case CAUSE_TAIL_LOSS:
  case CAUSE_SYN_LOSS:
  case CAUSE_CORRUPTED:
  case CAUSE_PATH_HOLD:
  case CAUSE_ACK_LOSS:
  case CAUSE_ACK_HOLD:
  case CAUSE_SYNACK_LOSS:
  case CAUSE_WINDOW_UPDATE_LOST: return true;
  default: return false;
  }
}

/* The verdict moves to where the ledger puts it. */
void judge_settle_on(struct judge *judge, enum location location, enum cause cause,
                     enum confidence cause_confidence)
{
  struct finding *finding = judge->finding;
  const enum severity severity = finding->severity;
  const bool same = cause == finding->cause && location == finding->location;
  const bool consistent = is_consistent(judge);
  const int64_t unshown_ns = consistent ? judge_unshown_ns(judge) : 0;
  const bool provable = consistent && stands_without_absence(judge, unshown_ns);
  const enum confidence had = same ? finding->cause_confidence : CONFIDENCE_POSSIBLE;
  verdict(finding, cause, location, provable ? CONFIDENCE_PROVEN : CONFIDENCE_LIKELY,
          cause_confidence > had ? cause_confidence : had);
  if (same)
    finding->severity = severity;
  if (!has_gaps(judge)) /* else what is missing there excludes nothing */
    judge_keep_alternatives(finding, judge_keeps_owner, judge);
  drop_itself(finding);
  if (consistent && !provable)
    judge_tell_unshown(judge);
  if (provable && !at_receiver(location)) {
    finding->alternative_count = 0; /* what happened was seen, at both ends */
    finding->settle = NULL;
    if (is_seen_itself(cause) && unshown_ns == 0)
      finding->cause_confidence = CONFIDENCE_PROVEN;
  }
}

void judge_add_reason(struct finding *finding, const char *text)
{
  const size_t used = strlen(finding->reason);
  snprintf(finding->reason + used, sizeof finding->reason - used, "%s%s", used > 0 ? " " : "",
           text);
}

void judge_tell_frame(struct finding *finding, uint8_t end, uint64_t frame, int64_t time_ns,
                      const char *format, ...)
{
  char fact[EVIDENCE_FACT_SIZE];
  va_list values;
  va_start(values, format);
  vsnprintf(fact, sizeof fact, format, values);
  va_end(values);
  for (uint32_t i = 0; i < finding->evidence_count; i++) {
    struct evidence *evidence = &finding->evidence[i];
    if (evidence->end == end && evidence->frame == frame) {
      snprintf(evidence->fact, sizeof evidence->fact, "%s", fact);
      return;
    }
  }
  finding_add_evidence(finding, end, frame, time_ns, "%s", fact);
}

bool judge_was_heard(const struct judge *judge, enum stream_side sender,
                     const struct passage *passage)
{
  const struct lane *lane = &judge->view->lanes[sender], *back = &judge->view->lanes[sender ^ 1];
  bool heard = false;
  if (passage == NULL || (passage->options & TCP_OPT_TIMESTAMPS) == 0)
    return false;
  /* Something forgotten may have carried the same TSval. */
  if (time_is_valid(lane->forgotten_ns) &&
      !seq_lt(lane_passage(lane, lane->first)->ts_val, passage->ts_val))
    return false;
  for (uint32_t n = back->first; n != back->next && !heard; n++) {
    const struct passage *echo = lane_passage(back, n);
    heard = (echo->options & TCP_OPT_TIMESTAMPS) != 0 && echo->ts_ecr == passage->ts_val &&
            (echo->flags & TCP_ACK) != 0 && echo->left_ns > passage->left_ns;
  }
  for (uint32_t n = lane->first; n != lane->next && heard; n++) {
    const struct passage *other = lane_passage(lane, n);
    heard = other->ts_val != passage->ts_val || !time_is_valid(other->came_ns);
  }
  return heard;
}
