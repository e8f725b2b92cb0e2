#include "analyzer/both_ends_internal.h"

#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With more than two capture points: which hop it was. */

/* The nth hop on the way of what `side` sends. */
struct hop {
  const struct lane *lane;
  const struct lane *next; /* NULL: the last one */
  uint8_t from, to;
};

static struct hop hop_of(const struct judge *judge, enum stream_side side, uint32_t nth)
{
  const struct path_view *view = judge->view;
  const bool client = side == SIDE_CLIENT;
  const uint32_t at = client ? nth : view->hop_count - 1 - nth;
  struct hop hop = {&view->hop_lanes[side][at], NULL, view->hop_ends[client ? at : at + 1],
                    view->hop_ends[client ? at + 1 : at]};
  if (nth + 1 < view->hop_count)
    hop.next = &view->hop_lanes[side][client ? at + 1 : at - 1];
  return hop;
}

/* The point behind the hop misses packets: that it did not see one says nothing. */
static bool is_blind(const struct judge *judge, const struct hop *hop)
{
  return hop->next != NULL && lane_gaps(hop->next, judge->situation->end_ns) > 0;
}

static void tell(struct judge *judge, const struct hop *hop, const struct passage *passage,
                 const char *what, bool lost)
{
  char text[FACT_BYTES + 32];
  const char from = end_letter(hop->from), to = end_letter(hop->to);
  /* What a point in the middle did not see may have been lost behind it. */
  const bool doubtful = lost && hop->next != NULL && judge->view->drops_at[hop->to] != DROPS_NONE;
  finding_add_evidence(judge->finding, hop->from, passage->left_frame, passage->left_ns,
                       "%s passed %c and %s %c: the hop between them", what, from,
                       doubtful ? "was not seen at"
                       : lost   ? "did not reach"
                                : "came late to",
                       to);
  if (doubtful)
    snprintf(text, sizeof text, "It was the hop from %c to %c, unless %c's capture missed it.",
             from, to, to);
  else
    snprintf(text, sizeof text, "It was the hop from %c to %c.", from, to);
  judge_add_reason(judge->finding, text);
}

void judge_tell_hop(struct judge *judge)
{
  for (uint32_t nth = 0; nth < judge->view->hop_count; nth++) {
    const struct hop hop = hop_of(judge, judge->side, nth);
    struct path_view one = *judge->view;
    struct path_chain chain;
    one.lanes[judge->side] = *hop.lane;
    path_chain_lay(&chain, &one, judge->side, judge->chain.byte, judge->chain.from_ns,
                   judge->chain.until_ns);
    if (chain.first == NULL || !time_is_share(chain.forward_ns, judge->owner_ns, OWNER_PERCENT))
      continue;
    if (!is_blind(judge, &hop))
      tell(judge, &hop, chain.first, "it", chain.lost > 0);
    return;
  }
}

/* The same packet on another hop. */
static const struct passage *find_same(const struct lane *lane, const struct passage *answer)
{
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *passage = lane_passage(lane, n);
    if (passage->ack == answer->ack && passage->ts_val == answer->ts_val &&
        passage->end - passage->seq == answer->end - answer->seq &&
        passage->left_ns >= answer->left_ns)
      return passage;
  }
  return NULL;
}

void judge_tell_hop_back(struct judge *judge, bool lost)
{
  const struct passage *answer = judge->chain.ack;
  for (uint32_t nth = 0; nth < judge->view->hop_count; nth++) {
    const struct hop hop = hop_of(judge, judge->side ^ 1, nth);
    const struct passage *passage = find_same(hop.lane, answer);
    if (passage == NULL)
      continue;
    const int64_t delay_ns = passage_delay_ns(passage);
    const bool came = time_is_valid(delay_ns);
    if (lost == came || (came && !time_is_share(delay_ns, judge->owner_ns, OWNER_PERCENT)))
      continue;
    if (!is_blind(judge, &hop))
      tell(judge, &hop, passage, "it", lost);
    return;
  }
}
