#include "report/joint_sums.h"

#include "wire/timestamp.h"

#include <string.h>

static struct report_hop *find_hop(struct report_joint *sums, uint8_t from_end, uint8_t to_end)
{
  for (uint32_t i = 0; i < sums->hop_count; i++)
    if (sums->hops[i].from_end == from_end && sums->hops[i].to_end == to_end)
      return &sums->hops[i];
  if (sums->hop_count >= sizeof sums->hops / sizeof *sums->hops)
    return NULL;
  struct report_hop *hop = &sums->hops[sums->hop_count++];
  *hop = (struct report_hop){.from_end = from_end,
                             .to_end = to_end,
                             .delay_min_ns = TIME_INVALID,
                             .delay_max_ns = TIME_INVALID};
  return hop;
}

static void add_delays(struct report_hop *sum, const struct hop_summary *hop)
{
  int64_t weighted;
  if (!time_is_valid(hop->delay_min_ns) || !time_is_valid(hop->delay_max_ns) ||
      !time_is_valid(hop->delay_mean_ns) || hop->arrived == 0 || hop->arrived > INT64_MAX)
    return;
  if (!time_is_valid(sum->delay_min_ns) || hop->delay_min_ns < sum->delay_min_ns)
    sum->delay_min_ns = hop->delay_min_ns;
  if (!time_is_valid(sum->delay_max_ns) || hop->delay_max_ns > sum->delay_max_ns)
    sum->delay_max_ns = hop->delay_max_ns;
  if (__builtin_mul_overflow(hop->delay_mean_ns, (int64_t)hop->arrived, &weighted) ||
      __builtin_add_overflow(sum->delay_sum_ns, weighted, &weighted))
    return;
  sum->delay_sum_ns = weighted;
  sum->measured += hop->arrived;
}

static void add_hop(struct report_joint *sums, const struct hop_summary *hop)
{
  struct report_hop *sum = find_hop(sums, hop->from_end, hop->to_end);
  if (sum == NULL)
    return;
  sum->packets += hop->packets;
  sum->lost_segments += hop->lost_segments;
  sum->lost_bytes += hop->lost_bytes;
  sum->lost_acks += hop->lost_acks;
  add_delays(sum, hop);
}

void joint_sums_add(struct report_joint *sums, const struct report_connection *connection)
{
  sums->seen_at[connection->view_count]++;
  if (connection->view_count == 1)
    sums->only_at[connection->views[0]->end]++;
  if (connection->pairing != NULL) {
    if (connection->view_count == 1)
      sums->pairs_possible++;
    else if (connection->pairing->certainty != PAIR_CERTAIN)
      sums->pairs_likely++;
  }
  for (int side = 0; side < 2; side++)
    for (uint32_t i = 0; i < connection->hop_count; i++)
      add_hop(sums, &connection->hops[side][i]);
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
