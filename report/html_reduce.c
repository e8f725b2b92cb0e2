#include "report/html_drawn.h"

#include "wire/timestamp.h"

#include <stdlib.h>

/* A drawing is so many pixels wide; of what falls into one bucket of time only the extremes can be
 * seen. The whole connection has COARSE_BUCKETS, what is shown of a finding has as many of its own,
 * as far as the connection's share of packets allows. */
#define COARSE_BUCKETS 1000
#define PACKETS_A_BUCKET                                                                           \
  8                      /* at two ends, two sides: the extremes may be one packet or four each    \
                          */
#define FINENESS      16 /* what is tried first; halved as long as too many packets stay */
#define COARSENESS    32 /* then so many buckets become one, at most */
#define FOCUS_SPANS   8  /* findings, the worst ones */
#define FOCUS_PACKETS 30 /* at the connection's mean rate, on either side of an edge */
#define FOCUS_MIN_NS  (INT64_C(2) * NS_PER_MS)
#define FOCUS_MAX_NS  (INT64_C(30) * NS_PER_S)

static int64_t at_least_one(int64_t ns)
{
  return ns > 0 ? ns : 1;
}

static int64_t focus_ns(const struct html_drawn *drawn, int64_t life_ns)
{
  const double between_ns = (double)life_ns / (double)(drawn->packets > 0 ? drawn->packets : 1);
  const double focus_ns = between_ns * FOCUS_PACKETS;
  return focus_ns < (double)FOCUS_MIN_NS   ? FOCUS_MIN_NS
         : focus_ns > (double)FOCUS_MAX_NS ? FOCUS_MAX_NS
                                           : (int64_t)focus_ns;
}

static void add_focus(struct html_drawn *drawn, int64_t at_ns, int64_t around_ns, int64_t behind_ns)
{
  if (drawn->focus_count < HTML_FOCUS_MAX && time_is_valid(at_ns))
    drawn->focus[drawn->focus_count++] =
        (struct html_focus){at_ns - around_ns, at_ns + around_ns + behind_ns};
}

static int compare_focus(const void *left, const void *right)
{
  const struct html_focus *a = left, *b = right;
  return a->from_ns < b->from_ns ? -1 : a->from_ns > b->from_ns;
}

/* Begin, end and evidence of each finding, the worst first; and as much longer as a packet may take
 * to the other end, so that what is missing there is known to be missing. */
static void plan_focus(struct html_drawn *drawn, int64_t life_ns)
{
  const int64_t around_ns = focus_ns(drawn, life_ns);
  int64_t behind_ns = 0;
  for (int side = 0; side < 2; side++)
    if (drawn->delay_max_ns[side] > behind_ns && drawn->delay_max_ns[side] < FOCUS_MAX_NS)
      behind_ns = drawn->delay_max_ns[side];
  for (uint32_t i = 0; i < drawn->span_count && i < FOCUS_SPANS; i++) {
    const struct html_span *span = &drawn->spans[i];
    add_focus(drawn, span->from_ns, around_ns, behind_ns);
    add_focus(drawn, span->to_ns, around_ns, behind_ns);
    for (uint32_t k = 0; k < span->evidence_count; k++)
      add_focus(drawn, span->evidence[k].time_ns, around_ns, behind_ns);
  }
  qsort(drawn->focus, drawn->focus_count, sizeof *drawn->focus, compare_focus);
  uint32_t last = 0;
  for (uint32_t i = 1; i < drawn->focus_count; i++)
    if (drawn->focus[i].from_ns > drawn->focus[last].to_ns)
      drawn->focus[++last] = drawn->focus[i];
    else if (drawn->focus[i].to_ns > drawn->focus[last].to_ns)
      drawn->focus[last].to_ns = drawn->focus[i].to_ns;
  drawn->focus_count = drawn->focus_count > 0 ? last + 1 : 0;
}

void html_reduce_plan(struct html_drawn *drawn)
{
  const int64_t life_ns = at_least_one(drawn->end_ns - drawn->start_ns);
  uint32_t zones = 1 + drawn->span_count;
  zones = zones < HTML_ZONES_MAX ? zones : HTML_ZONES_MAX;
  int64_t buckets = drawn->limit / (PACKETS_A_BUCKET * zones);
  buckets = buckets > COARSE_BUCKETS ? COARSE_BUCKETS : buckets < 20 ? 20 : buckets;
  /* those of findings first: they are looked through in this order */
  for (uint32_t i = 0; i + 1 < zones; i++) {
    const struct html_span *span = &drawn->spans[i];
    drawn->zones[i] =
        (struct html_zone){span->window_from_ns, span->window_to_ns,
                           at_least_one((span->window_to_ns - span->window_from_ns) / buckets)};
  }
  drawn->zones[zones - 1] =
      (struct html_zone){INT64_MIN / 2, INT64_MAX / 2, at_least_one(life_ns / buckets)};
  drawn->zone_count = zones;
  drawn->fineness = FINENESS;
  drawn->coarseness = 1;
  plan_focus(drawn, life_ns);
}

/* The last stretch that begins at or before that time. */
bool html_reduce_is_focus(const struct html_drawn *drawn, int64_t from_ns, int64_t to_ns)
{
  uint32_t low = 0, high = drawn->focus_count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (drawn->focus[middle].from_ns <= from_ns)
      low = middle + 1;
    else
      high = middle;
  }
  return low > 0 && drawn->focus[low - 1].to_ns >= to_ns;
}

/* A bucket: its zone, and its number within. */
struct bucket {
  uint32_t zone;
  int64_t number;
};

static struct bucket bucket_of(const struct html_drawn *drawn, int64_t time_ns)
{
  uint32_t zone = 0;
  while (zone + 1 < drawn->zone_count &&
         (time_ns < drawn->zones[zone].from_ns || time_ns >= drawn->zones[zone].to_ns))
    zone++;
  const int64_t base = zone + 1 < drawn->zone_count ? drawn->zones[zone].from_ns : drawn->start_ns;
  const int64_t width_ns =
      at_least_one(drawn->zones[zone].bucket_ns / drawn->fineness) * drawn->coarseness;
  return (struct bucket){zone, (time_ns - base) / width_ns};
}

static int compare_places(const void *left, const void *right)
{
  const struct html_packet *a = left, *b = right;
  if (a->end != b->end)
    return a->end < b->end ? -1 : 1;
  if (a->side != b->side)
    return a->side < b->side ? -1 : 1;
  if (a->time_ns != b->time_ns)
    return a->time_ns < b->time_ns ? -1 : 1;
  return a->frame < b->frame ? -1 : a->frame > b->frame;
}

/* What must not be lost as long as there is room. */
static bool is_telling(const struct html_packet *packet)
{
  return packet->marks != 0 || packet->sack_count > 0 ||
         (packet->flags & (TCP_SYN | TCP_FIN | TCP_RST)) != 0 ||
         ((packet->flags & TCP_ACK) != 0 && packet->window_bytes == 0);
}

/* The extremes of a run of packets of one bucket, end and side. */
struct extremes {
  uint32_t first, last;
  uint32_t lowest, highest;       /* by bytes sent */
  uint32_t least_edge, most_edge; /* by the window's right edge */
  uint32_t most_own, least_other; /* by bytes in flight */
};

static void find_extremes(const struct html_packet *list, uint32_t from, uint32_t to,
                          struct extremes *found)
{
  *found = (struct extremes){from, to - 1, from, from, from, from, from, from};
  for (uint32_t i = from; i < to; i++) {
    const struct html_packet *at = &list[i];
    if (at->seq < list[found->lowest].seq)
      found->lowest = i;
    if (at->seq + at->payload_bytes > list[found->highest].seq + list[found->highest].payload_bytes)
      found->highest = i;
    if (at->ack + at->window_bytes <
        list[found->least_edge].ack + list[found->least_edge].window_bytes)
      found->least_edge = i;
    if (at->ack + at->window_bytes >
        list[found->most_edge].ack + list[found->most_edge].window_bytes)
      found->most_edge = i;
    if (at->own_flight_bytes > list[found->most_own].own_flight_bytes)
      found->most_own = i;
    if (at->other_flight_bytes < list[found->least_other].other_flight_bytes)
      found->least_other = i;
  }
}

static bool is_extreme(const struct extremes *found, uint32_t i)
{
  return i == found->first || i == found->last || i == found->lowest || i == found->highest ||
         i == found->least_edge || i == found->most_edge || i == found->most_own ||
         i == found->least_other;
}

static bool same_bucket(const struct html_drawn *drawn, const struct html_packet *a,
                        const struct html_packet *b)
{
  if (a->end != b->end || a->side != b->side)
    return false;
  const struct bucket one = bucket_of(drawn, a->time_ns), two = bucket_of(drawn, b->time_ns);
  return one.zone == two.zone && one.number == two.number;
}

/* What is kept beyond the extremes. */
struct beyond {
  uint32_t focus, telling;
};

/* Evidence; what is close to findings, up to half of what is allowed; what is telling, a quarter.
 */
static bool keeps(struct html_drawn *drawn, const struct html_packet *packet, struct beyond *beyond)
{
  if ((packet->marks & HTML_EVIDENCE) != 0)
    return true;
  if ((packet->marks & HTML_FOCUS) != 0) {
    drawn->focus_cut |= beyond->focus >= drawn->limit / 2;
    return beyond->focus++ < drawn->limit / 2;
  }
  return is_telling(packet) && beyond->telling++ < drawn->limit / 4;
}

/* Returns how many stay; moves them to the front if `write`. */
static uint32_t thin(struct html_drawn *drawn, bool write)
{
  struct html_packet *list = drawn->list;
  struct beyond beyond = {0, 0};
  uint32_t kept = 0;
  for (uint32_t from = 0, to; from < drawn->count; from = to) {
    struct extremes extremes;
    for (to = from + 1; to < drawn->count && same_bucket(drawn, &list[from], &list[to]);)
      to++;
    find_extremes(list, from, to, &extremes);
    for (uint32_t i = from; i < to; i++)
      if (keeps(drawn, &list[i], &beyond) || is_extreme(&extremes, i)) {
        /* kept <= i, and extremes are known by their places: nothing is lost that is still needed
         */
        if (write)
          list[kept] = list[i];
        kept++;
      }
  }
  return kept;
}

void html_reduce(struct html_drawn *drawn)
{
  qsort(drawn->list, drawn->count, sizeof *drawn->list, compare_places);
  while ((drawn->fineness > 1 || drawn->coarseness < COARSENESS) &&
         thin(drawn, false) > drawn->limit)
    if (drawn->fineness > 1)
      drawn->fineness /= 2;
    else
      drawn->coarseness *= 2;
  const uint32_t kept = thin(drawn, true);
  drawn->left_out += drawn->count - kept;
  drawn->count = kept;
  /* evidence is never left out: even if all that stays is more, many come in before the next time
   */
  drawn->full_at = (kept > drawn->limit ? kept : drawn->limit) + drawn->limit;
}
