/* The two hosts themselves: one that stood still with its capture, one that spoils its checksums.
 */
#include "analyzer/both_ends_internal.h"
#include "analyzer/rtt.h"
#include "wire/timestamp.h"

#include <stdio.h>

/* A sender whose timer was due so many times over, and which sent nothing, was not running. */
#define TIMER_DUE_TIMES 2

bool judge_was_silent(const struct judge *judge, uint8_t end, int64_t from_ns, int64_t until_ns)
{
  const struct path_source *paths = &judge->situation->analyzer->paths;
  return paths->was_silent == NULL || paths->was_silent(paths->context, end, from_ns, until_ns);
}

bool judge_ran_backwards(const struct judge *judge)
{
  const struct path_source *paths = &judge->situation->analyzer->paths;
  return paths->ran_backwards != NULL && (paths->ran_backwards(paths->context, judge->near_end) ||
                                          paths->ran_backwards(paths->context, judge->far_end));
}

/* The ACK of the first outstanding byte left F in time and is seen at N when the wait ends. */
static bool ack_is_late(const struct path_chain *chain)
{
  return chain->ack != NULL && chain->ack_arrived != NULL &&
         time_is_share(chain->ack_arrived->came_ns - chain->ack->left_ns,
                       chain->until_ns - chain->from_ns, OWNER_PERCENT);
}

/* A capture stamps what has waited for a host that stood still when the host goes on. What tells
 * it from an ACK that was held: this capture holds nothing at all of that time, not even the
 * retransmissions that a running sender would have sent (RFC 6298, 5). */
bool judge_paused(struct judge *judge)
{
  const struct situation *situation = judge->situation;
  struct finding *finding = judge->finding;
  struct path_chain *chain = &judge->chain;
  char gap[32];
  if (situation->outstanding == 0 ||
      situation->gap_ns < TIMER_DUE_TIMES * rtt_rto_bound_ns(&situation->stream->rtt) ||
      !judge_was_silent(judge, judge->near_end, situation->start_ns, situation->end_ns))
    return false;
  path_chain_lay(chain, judge->view, judge->side, situation->stream->snd_una + judge->shift,
                 situation->start_ns, situation->end_ns);
  if (!ack_is_late(chain))
    return false;
  verdict(finding, CAUSE_HOST_PAUSED, LOCATION_SENDER_APP, CONFIDENCE_LIKELY, CONFIDENCE_LIKELY);
  finding->alternative_count = 0;
  finding_add_evidence(finding, judge->far_end, chain->ack->left_frame, chain->ack->left_ns,
                       "the ACK leaves %c", end_letter(judge->far_end));
  finding_add_evidence(finding, judge->near_end, chain->ack_arrived->came_frame,
                       chain->ack_arrived->came_ns,
                       "%c captured nothing at all until it came, though a retransmission was due",
                       end_letter(judge->near_end));
  finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_ACK_HOLD,
                          "the way back may have held the ACK, and the sender's timer been late");
  snprintf(finding->summary, sizeof finding->summary,
           "The host of %s stood still for %s, its capture included.", side_words(judge->side),
           duration_words(situation->gap_ns, gap));
  return true;
}

/* Segments that had left with a wrong checksum and came so. */
bool judge_spoiled(struct judge *judge)
{
  struct finding *finding = judge->finding;
  const struct lane *lane = &judge->view->lanes[judge->side];
  if (finding->cause != CAUSE_CHECKSUM_DROP)
    return false;
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *passage = lane_passage(lane, n);
    if ((passage->state & PASSAGE_LEFT_BAD) == 0 || (passage->state & PASSAGE_CAME_BAD) == 0 ||
        passage->left_ns < finding->start_ns)
      continue;
    finding->alternative_count = 0;
    finding_add_evidence(finding, judge->far_end, passage->came_frame, passage->came_ns,
                         "it comes to %c as it left %c, with the wrong checksum",
                         end_letter(judge->far_end), end_letter(judge->near_end));
    break;
  }
  return true;
}

void judge_news_ignored(struct judge *judge, enum cause cause, enum cause lost)
{
  struct finding *finding = judge->finding;
  char waited[32];
  const char near = end_letter(judge->near_end);
  verdict(finding, cause, LOCATION_SENDER_TCP, CONFIDENCE_LIKELY, CONFIDENCE_LIKELY);
  finding->alternative_count = 0;
  finding_add_alternative(finding, LOCATION_REVERSE_PATH, lost,
                          "the way from %c to the sending host, if %c is not on it", near, near);
  snprintf(finding->summary, sizeof finding->summary,
           "%s was at %c in time, and the sender's TCP went on without it for %s.",
           cause == CAUSE_ACK_IGNORED ? "The ACK of everything" : "The open window", near,
           duration_words(cause == CAUSE_ACK_IGNORED ? judge->situation->gap_ns : judge->owner_ns,
                          waited));
}
