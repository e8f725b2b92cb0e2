#include "replay/plan_parts.h"

#include <stdio.h>

/* What the path altered in the two SYNs: of each the copy that left and the one that arrived. */

struct altered {
  struct plan *plan;
  const struct passage *passage;
  enum recording_side from;
  const char *direction, *kind;
};

static void add_change(const struct altered *altered, const char *change, const char *what)
{
  const uint32_t condition =
      plan_add_condition(altered->plan, CONDITION_RULE, plan_host_of(altered->plan, altered->from),
                         altered->passage->sent_ns, INT64_MAX);
  plan_condition_text(altered->plan, condition, "%s %s kind=%s", altered->direction, change,
                      altered->kind);
  plan_condition_why(altered->plan, condition, "%s differs between the two ends", what);
}

static void compare_scale(const struct altered *altered)
{
  const struct packet *sent = altered->passage->sent, *arrived = altered->passage->arrived;
  char change[32];
  if (!(sent->options & TCP_OPT_WSCALE) ||
      (arrived->options & TCP_OPT_WSCALE && arrived->wscale == sent->wscale))
    return;
  if (arrived->options & TCP_OPT_WSCALE)
    snprintf(change, sizeof change, "wscale %u", arrived->wscale);
  else
    snprintf(change, sizeof change, "wscale strip");
  add_change(altered, change, "its window scale");
}

static void compare_mss(const struct altered *altered)
{
  const struct packet *sent = altered->passage->sent, *arrived = altered->passage->arrived;
  char change[32];
  if (!(sent->options & TCP_OPT_MSS) ||
      (arrived->options & TCP_OPT_MSS && arrived->mss == sent->mss))
    return;
  if (arrived->options & TCP_OPT_MSS)
    snprintf(change, sizeof change, "mss %u", arrived->mss);
  else
    snprintf(change, sizeof change, "mss strip");
  add_change(altered, change, "its MSS");
}

static void compare_syn(const struct altered *altered)
{
  const struct packet *sent = altered->passage->sent, *arrived = altered->passage->arrived;
  if ((sent->options | arrived->options) & (TCP_OPT_CUT | TCP_OPT_MALFORMED))
    return;
  compare_scale(altered);
  compare_mss(altered);
  if (sent->options & TCP_OPT_SACK_PERMITTED && !(arrived->options & TCP_OPT_SACK_PERMITTED))
    add_change(altered, "sack strip", "SACK-permitted");
  if (sent->options & TCP_OPT_TIMESTAMPS && !(arrived->options & TCP_OPT_TIMESTAMPS))
    add_change(altered, "timestamps strip", "its timestamps option");
}

void plan_rewrites(struct plan *plan, const struct plan_flow *flow)
{
  if (!flow->both_ends)
    return;
  for (int side = 0; side < RECORDING_SIDES; side++)
    for (size_t i = 0; i < flow->sides[side].count; i++) {
      const struct passage *passage = &flow->sides[side].passages[i];
      if (passage->sent == NULL || passage->arrived == NULL || !(passage->sent->flags & TCP_SYN))
        continue;
      const struct altered altered = {.plan = plan,
                                      .passage = passage,
                                      .from = (enum recording_side)side,
                                      .direction = plan_direction(plan, (enum recording_side)side),
                                      .kind = passage->sent->flags & TCP_ACK ? "synack" : "syn"};
      compare_syn(&altered);
      break;
    }
}
