#include "report/html_drawn.h"

#include "wire/timestamp.h"

#include <stdlib.h>

/* Which packet of one end is which of the other. Where segments were cut or joined on the way
 * (offload), those that have bytes in common. */

/* A packet may have been on its way so long when it comes to the other end. */
#define UNDER_WAY_MAX_NS (INT64_C(60) * NS_PER_S)
/* Times of the two ends may differ so much in the wrong direction: what a fit is uncertain about.
 */
#define CLOCKS_AGREE_NS (INT64_C(20) * NS_PER_MS)
#define CANDIDATES_MAX  64 /* copies of the same bytes that are looked at for one packet */

struct matching {
  struct html_drawn *drawn;
  uint32_t *near, *far; /* indices of one side's packets, by key */
  uint32_t near_count, far_count;
};

static bool has_times(const struct matching *matching, const struct html_packet *packet)
{
  return !matching->drawn->no_timestamps && (packet->options & TCP_OPT_TIMESTAMPS) != 0;
}

struct order {
  const struct html_packet *list;
};

/* What makes copies neighbours: bytes, acknowledged bytes, time. */
static int compare_packets(const struct html_packet *a, const struct html_packet *b)
{
  if (a->seq != b->seq)
    return a->seq < b->seq ? -1 : 1;
  if (a->ack != b->ack)
    return a->ack < b->ack ? -1 : 1;
  return a->time_ns < b->time_ns ? -1 : a->time_ns > b->time_ns;
}

static int compare_keys(const void *left, const void *right, void *context)
{
  const struct html_packet *list = ((const struct order *)context)->list;
  const struct html_packet *a = &list[*(const uint32_t *)left];
  const struct html_packet *b = &list[*(const uint32_t *)right];
  return compare_packets(a, b);
}

static bool may_be(const struct matching *matching, const struct html_packet *sent,
                   const struct html_packet *came)
{
  const int64_t delay_ns = came->time_ns - sent->time_ns;
  return delay_ns > -CLOCKS_AGREE_NS && delay_ns < UNDER_WAY_MAX_NS &&
         (!has_times(matching, sent) || !has_times(matching, came) ||
          (sent->ts_val == came->ts_val && sent->ts_ecr == came->ts_ecr));
}

static bool is_copy(const struct matching *matching, const struct html_packet *sent,
                    const struct html_packet *came)
{
  return sent->payload_bytes == came->payload_bytes && sent->ack == came->ack &&
         ((sent->flags ^ came->flags) & (TCP_SYN | TCP_FIN | TCP_RST)) == 0 &&
         may_be(matching, sent, came);
}

/* Of the sorted indices, the first whose packet is not before that one. */
static uint32_t first_from(const struct matching *matching, const uint32_t *sorted, uint32_t count,
                           const struct html_packet *limit)
{
  uint32_t low = 0, high = count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (compare_packets(&matching->drawn->list[sorted[middle]], limit) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* The latest that left before it and has not been found yet; UINT32_MAX: none. */
static uint32_t find_sent(const struct matching *matching, const struct html_packet *came)
{
  const struct html_packet *list = matching->drawn->list;
  struct html_packet limit = *came;
  limit.time_ns += CLOCKS_AGREE_NS;
  uint32_t at = first_from(matching, matching->near, matching->near_count, &limit);
  for (uint32_t looked = 0; at > 0 && looked < CANDIDATES_MAX; looked++) {
    const struct html_packet *sent = &list[matching->near[--at]];
    if (sent->seq != came->seq || sent->ack != came->ack)
      break;
    if (sent->other == UINT32_MAX && is_copy(matching, sent, came))
      return matching->near[at];
  }
  return UINT32_MAX;
}

static void match_copies(const struct matching *matching)
{
  struct html_packet *list = matching->drawn->list;
  for (uint32_t i = 0; i < matching->far_count; i++) {
    const uint32_t found = find_sent(matching, &list[matching->far[i]]);
    if (found == UINT32_MAX)
      continue;
    list[found].other = matching->far[i];
    list[matching->far[i]].other = found;
  }
}

static bool overlap(const struct html_packet *a, const struct html_packet *b)
{
  return a->seq < b->seq + b->payload_bytes && b->seq < a->seq + a->payload_bytes;
}

/* Cut up or joined: the first that came with some of its bytes. */
static void match_parts(const struct matching *matching)
{
  struct html_packet *list = matching->drawn->list;
  for (uint32_t i = 0; i < matching->near_count; i++) {
    struct html_packet *sent = &list[matching->near[i]];
    if (sent->other != UINT32_MAX || sent->payload_bytes == 0)
      continue;
    const struct html_packet limit = {
        .seq = sent->seq - 65535, .ack = INT64_MIN, .time_ns = INT64_MIN};
    uint32_t at = first_from(matching, matching->far, matching->far_count, &limit);
    for (uint32_t looked = 0; at < matching->far_count && looked < 2 * CANDIDATES_MAX;
         at++, looked++) {
      struct html_packet *came = &list[matching->far[at]];
      if (came->seq >= sent->seq + sent->payload_bytes)
        break;
      if (!overlap(sent, came) || came->payload_bytes == sent->payload_bytes ||
          !may_be(matching, sent, came))
        continue;
      sent->other = matching->far[at];
      if (came->other == UINT32_MAX)
        came->other = matching->near[i];
      break;
    }
  }
}

/* Where packets were left out, it may be one of these that is its copy. */
static bool all_are_kept(const struct html_drawn *drawn, const struct html_packet *packet,
                         enum stream_side side)
{
  if (drawn->left_out == 0)
    return true;
  return !drawn->focus_cut && time_is_valid(drawn->delay_max_ns[side]) &&
         html_reduce_is_focus(drawn, packet->time_ns - CLOCKS_AGREE_NS,
                              packet->time_ns + drawn->delay_max_ns[side]);
}

/* Would have been captured there, had it passed. */
static void mark_missing(const struct matching *matching, enum stream_side side)
{
  const struct html_drawn *drawn = matching->drawn;
  const enum stream_side there = html_other(side);
  for (uint32_t i = 0; i < matching->near_count; i++) {
    struct html_packet *packet = &drawn->list[matching->near[i]];
    if (packet->other == UINT32_MAX && all_are_kept(drawn, packet, side) &&
        packet->time_ns > drawn->capture_from_ns[there] &&
        packet->time_ns < drawn->capture_to_ns[there] - CLOCKS_AGREE_NS)
      packet->marks |= HTML_NOT_THERE;
  }
}

static void match_side(struct matching *matching, enum stream_side side)
{
  struct html_drawn *drawn = matching->drawn;
  struct order order = {drawn->list};
  const uint8_t near = html_near(drawn, side), far = html_far(drawn, side);
  matching->near_count = matching->far_count = 0;
  for (uint32_t i = 0; i < drawn->count; i++) {
    const struct html_packet *packet = &drawn->list[i];
    if (packet->side != side || (packet->marks & HTML_FOREIGN) != 0)
      continue;
    if (packet->end == near)
      matching->near[matching->near_count++] = i;
    else if (packet->end == far)
      matching->far[matching->far_count++] = i;
  }
  qsort_r(matching->near, matching->near_count, sizeof *matching->near, compare_keys, &order);
  qsort_r(matching->far, matching->far_count, sizeof *matching->far, compare_keys, &order);
  match_copies(matching);
  match_parts(matching);
  mark_missing(matching, side);
}

bool html_match(struct html_drawn *drawn)
{
  if (drawn->client_end == drawn->server_end || drawn->count == 0)
    return true;
  struct matching matching = {.drawn = drawn,
                              .near = malloc(drawn->count * sizeof(uint32_t)),
                              .far = malloc(drawn->count * sizeof(uint32_t))};
  const bool done = matching.near != NULL && matching.far != NULL;
  if (done) {
    match_side(&matching, SIDE_CLIENT);
    match_side(&matching, SIDE_SERVER);
  }
  free(matching.near);
  free(matching.far);
  return done;
}
