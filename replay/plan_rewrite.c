#include "replay/plan_parts.h"

#include "wire/seq.h"

#include <inttypes.h>
#include <stdio.h>

/* What the path altered: in the two SYNs, of each the copy that left and the one that arrived; and
 * timestamps behind them, for a while. */

/* Around what was altered: its rule begins and ends so much beside it. */
#define BESIDE_NS NS_PER_MS

struct altered {
  struct plan *plan;
  enum recording_side from;
  const struct recorded_syn *sent, *arrived;
  const char *direction, *kind;
};

static void add_change(const struct altered *altered, const char *change, const char *what)
{
  const uint32_t condition =
      plan_add_condition(altered->plan, CONDITION_RULE, plan_host_of(altered->plan, altered->from),
                         TIME_INVALID, TIME_INVALID);
  plan_condition_text(altered->plan, condition, "%s %s kind=%s", altered->direction, change,
                      altered->kind);
  plan_condition_why(altered->plan, condition, "%s differs between the two ends", what);
}

static void compare_scale(const struct altered *altered)
{
  const struct recorded_syn *sent = altered->sent, *arrived = altered->arrived;
  char change[32];
  if (!sent->has_wscale || (arrived->has_wscale && arrived->wscale == sent->wscale))
    return;
  if (arrived->has_wscale)
    snprintf(change, sizeof change, "wscale %u", arrived->wscale);
  else
    snprintf(change, sizeof change, "wscale strip");
  add_change(altered, change, "its window scale");
}

static void compare_mss(const struct altered *altered)
{
  const struct recorded_syn *sent = altered->sent, *arrived = altered->arrived;
  char change[32];
  if (sent->mss == 0 || arrived->mss == sent->mss)
    return;
  if (arrived->mss > 0)
    snprintf(change, sizeof change, "mss %u", arrived->mss);
  else
    snprintf(change, sizeof change, "mss strip");
  add_change(altered, change, "its MSS");
}

static void compare_syn(const struct altered *altered)
{
  compare_scale(altered);
  compare_mss(altered);
  if (altered->sent->sack_permitted && !altered->arrived->sack_permitted)
    add_change(altered, "sack strip", "SACK-permitted");
  if (altered->sent->timestamps && !altered->arrived->timestamps)
    add_change(altered, "timestamps strip", "its timestamps option");
}

/* By how much the timestamp was moved. */
static int32_t shift_of(const struct passage *passage)
{
  if (passage->sent == NULL || passage->arrived == NULL ||
      !(passage->sent->options & passage->arrived->options & TCP_OPT_TIMESTAMPS))
    return 0;
  return seq_diff(passage->arrived->ts_val, passage->sent->ts_val);
}

/* A stretch in which all of them were moved alike. Where all of the connection was, nobody minds,
 * and some path always does that. */
static void compare_timestamps(struct plan *plan, const struct plan_flow *flow,
                               enum recording_side side)
{
  const struct flow_passages *passages = &flow->sides[side];
  const struct passage *first = NULL, *last = NULL;
  for (size_t i = 0; i < passages->count; i++) {
    const struct passage *passage = &passages->passages[i];
    const int32_t shift = shift_of(passage);
    if (passage->sent == NULL || passage->arrived == NULL || (first == NULL && shift == 0))
      continue;
    if (i == 0)
      return;
    if (first != NULL && shift != shift_of(first))
      break;
    first = first == NULL ? passage : first;
    last = passage;
  }
  if (first == NULL)
    return;
  char mark[PLAN_MARK_BYTES];
  const uint32_t condition = plan_add_condition(plan, CONDITION_RULE, plan_host_of(plan, side),
                                                first->sent_ns, last->sent_ns);
  plan_mark(plan, flow, first->sent_ns - BESIDE_NS, mark, sizeof mark);
  /* by bytes: of what left together not all was altered */
  char bytes[40] = "";
  if (first->end > first->first)
    snprintf(bytes, sizeof bytes, " bytes=%" PRId64 "..", first->first);
  plan_condition_text(plan, condition, "%s timestamps add=%" PRId32 "%s from=%s for=%" PRId64 "us",
                      plan_direction(plan, side), shift_of(first), bytes, mark,
                      (last->sent_ns - first->sent_ns + 2 * BESIDE_NS) / NS_PER_US);
  plan_condition_why(plan, condition, "timestamps differ between the two ends");
}

void plan_rewrites(struct plan *plan, const struct plan_flow *flow)
{
  for (int from = 0; from < RECORDING_SIDES && flow->both_ends; from++) {
    bool at_it;
    const enum recording_side side = (enum recording_side)from;
    const struct recording_point *near = recording_nearest(flow->recording, side, &at_it);
    const struct recording_point *far =
        recording_nearest(flow->recording, plan_opposite(side), &at_it);
    if (near == far)
      far = &flow->recording->points[flow->recording->point_count - 1];
    const struct altered altered = {.plan = plan,
                                    .from = side,
                                    .sent = &near->syns[side],
                                    .arrived = &far->syns[side],
                                    .direction = plan_direction(plan, side),
                                    .kind = side == RECORDING_CLIENT ? "syn" : "synack"};
    if (altered.sent->seen && altered.arrived->seen)
      compare_syn(&altered);
    compare_timestamps(plan, flow, side);
  }
}
