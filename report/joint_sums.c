#include "report/joint_sums.h"

#include "wire/timestamp.h"

#include <string.h>

static struct report_hop *find_hop(struct report_joint *sums, uint8_t from_end, uint8_t to_end)
{
  for (uint32_t i = 0; i < sums->hop_count; i++)
    if (sums->hops[i].sum.from_end == from_end && sums->hops[i].sum.to_end == to_end)
      return &sums->hops[i];
  if (sums->hop_count >= REPORT_HOPS_MAX)
    return NULL;
  struct report_hop *hop = &sums->hops[sums->hop_count++];
  hop->sum.from_end = from_end;
  hop->sum.to_end = to_end;
  hop->sum.delay_min_ns = hop->sum.delay_max_ns = hop->sum.delay_mean_ns = TIME_INVALID;
  return hop;
}

static void add_delays(struct report_hop *hop, const struct hop_summary *more)
{
  struct hop_summary *sum = &hop->sum;
  if (!time_is_valid(more->delay_min_ns) || !time_is_valid(more->delay_max_ns) ||
      !time_is_valid(more->delay_mean_ns) || more->arrived == 0)
    return;
  if (!time_is_valid(sum->delay_min_ns) || more->delay_min_ns < sum->delay_min_ns)
    sum->delay_min_ns = more->delay_min_ns;
  if (!time_is_valid(sum->delay_max_ns) || more->delay_max_ns > sum->delay_max_ns)
    sum->delay_max_ns = more->delay_max_ns;
  hop->measured += more->arrived;
  if (hop->measured == more->arrived)
    sum->delay_mean_ns = more->delay_mean_ns;
  else
    sum->delay_mean_ns += (int64_t)((double)(more->delay_mean_ns - sum->delay_mean_ns) *
                                    ((double)more->arrived / (double)hop->measured));
}

/* The values that belong to changes that were not there before. */
static void take_values(struct path_changes *sum, const struct path_changes *more, uint32_t fresh)
{
  if ((fresh & (PATH_CHANGE_WSCALE | PATH_CHANGE_WSCALE_STRIPPED | PATH_CHANGE_WSCALE_ADDED)) !=
      0) {
    sum->wscale_before = more->wscale_before;
    sum->wscale_after = more->wscale_after;
    sum->wscale_before_present = more->wscale_before_present;
    sum->wscale_after_present = more->wscale_after_present;
  }
  if ((fresh & PATH_CHANGE_MSS) != 0) {
    sum->mss_before = more->mss_before;
    sum->mss_after = more->mss_after;
  }
  if ((fresh & (PATH_CHANGE_SACK_PERMITTED | PATH_CHANGE_TIMESTAMPS)) != 0) {
    sum->options_before = more->options_before;
    sum->options_after = more->options_after;
  }
  if ((fresh & PATH_CHANGE_TTL) != 0) {
    sum->ttl_before = more->ttl_before;
    sum->ttl_after = more->ttl_after;
  }
  if ((fresh & PATH_CHANGE_DSCP) != 0) {
    sum->tos_before = more->tos_before;
    sum->tos_after = more->tos_after;
  }
  if ((fresh & PATH_CHANGE_ECN) != 0) {
    sum->ecn_before = more->ecn_before;
    sum->ecn_after = more->ecn_after;
  }
  if ((fresh & PATH_CHANGE_WINDOW) != 0) {
    sum->window_before = more->window_before;
    sum->window_after = more->window_after;
  }
  if ((fresh & PATH_CHANGE_SEQ) != 0)
    sum->seq_shift = more->seq_shift;
}

static void add_changes(struct report_hop *hop, const struct path_changes *more)
{
  struct path_changes *sum = &hop->sum.changes;
  const uint32_t fresh = more->changed & ~sum->changed;
  sum->compared += more->compared;
  sum->ce_marked += more->ce_marked;
  sum->options_lost |= more->options_lost;
  sum->options_added |= more->options_added;
  sum->windows_lowered += more->windows_lowered;
  sum->windows_translated += more->windows_translated;
  sum->payloads_unchecked += more->payloads_unchecked;
  sum->sacks_translated += more->sacks_translated;
  sum->damaged_bytes += more->damaged_bytes;
  sum->changed |= more->changed;
  take_values(sum, more, fresh);
  for (unsigned i = 0; i < PATH_CHANGE_BITS; i++) {
    if ((more->changed & 1U << i) == 0)
      continue;
    sum->counts[i] += more->counts[i];
    hop->changed_connections[i]++;
    if ((fresh & 1U << i) != 0)
      sum->first[i] = more->first[i];
  }
}

static void add_hop(struct report_joint *sums, enum stream_side side,
                    const struct hop_summary *more)
{
  struct report_hop *hop = find_hop(sums, more->from_end, more->to_end);
  if (hop == NULL || more->packets + more->uncaptured == 0)
    return;
  struct hop_summary *sum = &hop->sum;
  hop->connections++;
  hop->from_side[side] = true;
  sum->packets += more->packets;
  sum->arrived += more->arrived;
  sum->lost_segments += more->lost_segments;
  sum->lost_bytes += more->lost_bytes;
  sum->lost_acks += more->lost_acks;
  sum->unsettled += more->unsettled;
  sum->uncaptured += more->uncaptured;
  sum->reordered += more->reordered;
  sum->duplicated += more->duplicated;
  sum->corrupted += more->corrupted;
  add_delays(hop, more);
  add_changes(hop, &more->changes);
}

void joint_sums_add(struct report_joint *sums, const struct report_connection *connection)
{
  sums->seen_at[connection->view_count]++;
  if (connection->view_count == 1)
    sums->only_at[connection->views[0]->end]++;
  if (connection->pairing != NULL && connection->view_count > 1 &&
      connection->pairing->certainty != PAIR_CERTAIN)
    sums->pairs_likely++;
  else if (connection->pairing != NULL && connection->pairing->certainty == PAIR_POSSIBLE)
    sums->pairs_possible++;
  for (int side = 0; side < 2; side++)
    for (uint32_t i = 0; i < connection->hop_count; i++)
      add_hop(sums, (enum stream_side)side, &connection->hops[side][i]);
}

static void take_member(const struct pair_member *member, uint32_t view,
                        struct report_pairing *pairing)
{
  pairing->views[view].seq_shift[SIDE_CLIENT] = member->seq_shift[SIDE_CLIENT];
  pairing->views[view].seq_shift[SIDE_SERVER] = member->seq_shift[SIDE_SERVER];
  pairing->views[view].place = member->place;
}

void joint_sums_pairing(const struct joint_connection *joint, struct report_pairing *pairing)
{
  const struct connection_pair *pair = joint->pair;
  memset(pairing, 0, sizeof *pairing); /* padding too: it is packed */
  pairing->certainty = pair->certainty;
  pairing->order_known = pair->order_known;
  const size_t length = strnlen(pair->reason, sizeof pairing->reason - 1);
  memcpy(pairing->reason, pair->reason, length);
  for (uint32_t view = 0; view < joint->view_count; view++)
    for (uint32_t i = 0; i < pair->member_count; i++)
      if (pair->members[i].end == joint->views[view]->end)
        take_member(&pair->members[i], view, pairing);
}

bool joint_sums_unanswered(const struct connection_summary *summary)
{
  return !summary->established && !summary->streams[SIDE_SERVER].syn;
}
