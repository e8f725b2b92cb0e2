#include "analyzer/both_ends_internal.h"

#include "analyzer/socket_witness.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A host answers data sooner than this; what takes longer, and so much of the round trip, has a way
 * to go. */
#define AT_HOST_NS      NS_PER_MS
#define AT_HOST_PERCENT 12

static const struct finding *receivers_own(const struct judge *judge)
{
  const struct finding *told = judge->view->last_told[judge->side];
  if (told == NULL || !at_receiver(told->location))
    return NULL;
  const struct situation *situation = judge->situation;
  const int64_t from_ns =
      told->start_ns > situation->start_ns ? told->start_ns : situation->start_ns;
  const int64_t until_ns = told->end_ns < situation->end_ns ? told->end_ns : situation->end_ns;
  return time_is_share(until_ns - from_ns, judge->owner_ns, OWNER_PERCENT) ? told : NULL;
}

static void adopt(struct judge *judge, const struct finding *told)
{
  struct finding *finding = judge->finding;
  judge_settle_on(judge, told->location, told->cause, told->cause_confidence);
  finding->severity = told->severity;
  if (told->confidence < CONFIDENCE_LIKELY && finding->cause_confidence > told->confidence)
    finding->cause_confidence = told->confidence;
  for (uint32_t i = 0; i < told->evidence_count && i < EVIDENCE_MAX / 2; i++)
    finding_add_evidence(finding, told->evidence[i].end, told->evidence[i].frame,
                         told->evidence[i].time_ns, "%s", told->evidence[i].fact);
  for (uint32_t i = 0; i < told->alternative_count; i++) {
    const struct alternative *other = &told->not_excluded[i];
    if (at_receiver(other->location))
      finding_add_alternative(finding, other->location, other->cause, "%s", other->why);
  }
  snprintf(finding->summary, sizeof finding->summary, "%s", told->summary);
}

/* The receiver's capture point may stand before its host. */
static void limit_to_host(struct judge *judge)
{
  struct finding *finding = judge->finding;
  const struct analyzer *analyzer = judge->situation->analyzer;
  const uint8_t end = judge->far_end;
  if ((analyzer->paths.declared != NULL &&
       analyzer->paths.declared(analyzer->paths.context, end)) ||
      socket_witness_is_at(analyzer, judge->situation->connection, judge->side ^ 1, end))
    return;
  if (finding->confidence == CONFIDENCE_PROVEN)
    finding->confidence = CONFIDENCE_LIKELY;
  finding_add_alternative(
      finding, LOCATION_FORWARD_PATH, CAUSE_UNKNOWN,
      "the way behind %c, if %c is not on the receiving host (--at declares it)", end_letter(end),
      end_letter(end));
}

static void tell_receiver(struct judge *judge)
{
  struct finding *finding = judge->finding;
  const struct path_chain *chain = &judge->chain;
  char range[FACT_BYTES], took[32];
  duration_words(chain->receiver_ns, took);
  judge_tell_frame(finding, judge->far_end, chain->arrived->came_frame, chain->arrived_ns,
                   "%s: came to %c, not damaged on the way",
                   judge_range_words(judge, chain->arrived, range), end_letter(judge->far_end));
  if (chain->ack != NULL)
    finding_add_evidence(finding, judge->far_end, chain->ack->left_frame, chain->ack->left_ns,
                         "the first ACK of them leaves %c, %s later", end_letter(judge->far_end),
                         took);
}

/* The right edge that R had announced when the segment came (RFC 9293, 3.4), as R means it. */
static bool is_beyond_window(const struct judge *judge)
{
  const struct lane *reverse = &judge->view->lanes[judge->side ^ 1];
  const struct passage *arrived = judge->chain.arrived;
  uint8_t announced, read;
  bool known = false;
  uint32_t edge = 0;
  if (!path_window_shifts(judge->view, judge->side, &announced, &read))
    return false;
  for (uint32_t n = reverse->first; n != reverse->next; n++) {
    const struct passage *passage = lane_passage(reverse, n);
    if ((passage->flags & (TCP_ACK | TCP_SYN | TCP_RST)) != TCP_ACK ||
        passage->left_ns > arrived->came_ns)
      continue;
    const uint32_t until = passage->ack + ((uint32_t)passage->window << announced);
    if (!known || seq_gt(until, edge))
      edge = until;
    known = true;
  }
  return known && seq_gt(arrived->end, edge);
}

/* F stands before R's host, as far as R's answers there always took a good part of the round trip:
 * what came to F went on from there, and who had it then is not seen. */
static bool stands_before_host(struct judge *judge)
{
  const struct path_source *paths = &judge->situation->analyzer->paths;
  const char far = end_letter(judge->far_end);
  char text[200], took[32];
  if (paths->declared != NULL && paths->declared(paths->context, judge->far_end))
    return false;
  const int64_t fastest_ns = judge->view->lanes[judge->side].answer_min_ns;
  if (!time_is_valid(fastest_ns) || fastest_ns < AT_HOST_NS ||
      2 * fastest_ns > judge->chain.receiver_ns || /* measured in this very wait, maybe */
      !time_is_share(fastest_ns, judge->situation->rtt_ns, AT_HOST_PERCENT))
    return false;
  snprintf(text, sizeof text,
           "It passed %c, which stands before the receiver's host: no answer came back there in "
           "less than %s. What happened behind %c is not seen.",
           far, duration_words(fastest_ns, took), far);
  judge_add_reason(judge->finding, text);
  finding_add_evidence(judge->finding, judge->far_end, judge->chain.arrived->came_frame,
                       judge->chain.arrived_ns, "it came to %c, not damaged on the way", far);
  return true;
}

/* What the ledger shows of it; CAUSE_UNKNOWN: nothing. */
static enum cause cause_at_receiver(const struct judge *judge)
{
  if ((judge->chain.arrived->state & PASSAGE_CAME_BAD) != 0)
    return CAUSE_CHECKSUM_DROP;
  return is_beyond_window(judge) ? CAUSE_OUT_OF_WINDOW : CAUSE_UNKNOWN;
}

static void drop_at_receiver(struct judge *judge, enum cause cause)
{
  char took[32];
  judge_settle_on(judge, LOCATION_RECEIVER_TCP, cause, CONFIDENCE_LIKELY);
  snprintf(judge->finding->summary, sizeof judge->finding->summary,
           "The data came to %c %s: the receiver's TCP dropped it, and the stream stood still for "
           "%s.",
           end_letter(judge->far_end),
           cause == CAUSE_CHECKSUM_DROP ? "with the wrong checksum that it had left with"
                                        : "beyond the window that the receiver really has",
           duration_words(judge->situation->gap_ns, took));
}

/* R's TCP had its data, as it reports itself: it was late to say so, or said so unseen. */
static void late_answer(struct judge *judge)
{
  struct finding *finding = judge->finding;
  char range[FACT_BYTES], took[32];
  judge_settle_on(judge, LOCATION_RECEIVER_TCP, CAUSE_DELAYED_ACK, CONFIDENCE_POSSIBLE);
  if (finding->confidence == CONFIDENCE_PROVEN)
    finding->confidence = CONFIDENCE_LIKELY;
  finding->alternative_count = 0;
  finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_ACK_LOSS,
                          "an earlier ACK may have left that %c's capture missed, and got lost",
                          end_letter(judge->far_end));
  snprintf(finding->summary, sizeof finding->summary,
           "The receiver's TCP had %s when the next copy came (it reports that one as a "
           "duplicate), but %c shows no ACK of them for %s.",
           judge_range_words(judge, judge->chain.arrived, range), end_letter(judge->far_end),
           duration_words(judge->chain.receiver_ns, took));
}

/* Whether the verdict so far says that R's host dropped them. */
static bool blames_host(const struct judge *judge, const struct finding *told)
{
  const struct finding *said =
      told != NULL && !at_receiver(judge->finding->location) ? told : judge->finding;
  return !at_receiver(said->location) || said->cause == CAUSE_LOCAL_DROP_INPUT;
}

/* R answered what came with a RST: it has not been silent. */
static bool answered_by_reset(const struct judge *judge)
{
  const struct lane *reverse = &judge->view->lanes[judge->side ^ 1];
  for (uint32_t n = reverse->first; n != reverse->next; n++) {
    const struct passage *passage = lane_passage(reverse, n);
    if ((passage->flags & TCP_RST) != 0 && passage->left_ns >= judge->chain.arrived_ns &&
        passage->left_ns - judge->chain.arrived_ns < judge->chain.receiver_ns / 2)
      return true;
  }
  return false;
}

void judge_receiver(struct judge *judge)
{
  struct finding *finding = judge->finding;
  const struct path_chain *chain = &judge->chain;
  const struct finding *told = receivers_own(judge);
  char range[FACT_BYTES], took[32];
  if (chain->arrived == NULL || answered_by_reset(judge))
    return;
  const enum cause seen = cause_at_receiver(judge);
  const enum cause said = told != NULL ? told->cause : finding->cause;
  if (!is_about_window(said) && stands_before_host(judge))
    return;
  if (seen != CAUSE_UNKNOWN) {
    drop_at_receiver(judge, seen);
  } else if (chain->had_before && blames_host(judge, told)) {
    late_answer(judge);
  } else if (told != NULL && !at_receiver(finding->location)) {
    adopt(judge, told);
  } else if (at_receiver(finding->location)) {
    judge_settle_on(judge, finding->location, finding->cause, CONFIDENCE_POSSIBLE);
  } else {
    const bool syn = (chain->arrived->flags & TCP_SYN) != 0;
    judge_settle_on(judge, syn ? LOCATION_RECEIVER_APP : LOCATION_RECEIVER_TCP,
                    syn                  ? CAUSE_LISTEN_OVERFLOW
                    : chain->ack != NULL ? CAUSE_UNKNOWN
                                         : CAUSE_LOCAL_DROP_INPUT,
                    CONFIDENCE_POSSIBLE);
    judge_range_words(judge, chain->arrived, range);
    duration_words(chain->receiver_ns, took);
    snprintf(finding->summary, sizeof finding->summary,
             chain->ack != NULL
                 ? "%s came to %c on time, and the receiver took %s to answer."
                 : "%s came to %c on time, and the receiver has not answered for %s.",
             range, end_letter(judge->far_end), took);
    if (range[0] >= 'a' && range[0] <= 'z')
      finding->summary[0] = (char)(finding->summary[0] - 'a' + 'A');
  }
  tell_receiver(judge);
  /* A zero window leaves application and TCP; DESIGN's limit of `proven`. */
  if (finding->confidence == CONFIDENCE_PROVEN &&
      (finding->location == LOCATION_RECEIVER_APP || finding->alternative_count > 0))
    finding->confidence = CONFIDENCE_LIKELY;
  limit_to_host(judge);
}
