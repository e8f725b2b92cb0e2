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
#define FOCUS_PACKETS 60 /* at the connection's mean rate, on either side of an edge */
#define FOCUS_MIN_NS  (INT64_C(2) * NS_PER_MS)
#define FOCUS_MAX_NS  (INT64_C(30) * NS_PER_S)

static int64_t at_least_one(int64_t ns)
{
  return ns > 0 ? ns : 1;
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
  const double rate_ns = (double)life_ns / (double)(drawn->packets > 0 ? drawn->packets : 1);
  const double focus_ns = rate_ns * FOCUS_PACKETS;
  drawn->focus_ns = focus_ns < (double)FOCUS_MIN_NS   ? FOCUS_MIN_NS
                    : focus_ns > (double)FOCUS_MAX_NS ? FOCUS_MAX_NS
                                                      : (int64_t)focus_ns;
}

static bool is_close(int64_t a_ns, int64_t b_ns, int64_t by_ns)
{
  return a_ns > b_ns ? a_ns - b_ns <= by_ns : b_ns - a_ns <= by_ns;
}

bool html_reduce_is_focus(const struct html_drawn *drawn, int64_t time_ns)
{
  for (uint32_t i = 0; i < drawn->span_count && i < HTML_ZONES_MAX; i++)
    if (is_close(time_ns, drawn->spans[i].from_ns, drawn->focus_ns) ||
        is_close(time_ns, drawn->spans[i].to_ns, drawn->focus_ns))
      return true;
  return false;
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
  const int64_t width_ns = at_least_one(drawn->zones[zone].bucket_ns / drawn->fineness);
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

/* Evidence, and other telling ones up to half of what is allowed. */
static bool keeps(const struct html_drawn *drawn, const struct html_packet *packet,
                  uint32_t *telling)
{
  if ((packet->marks & HTML_EVIDENCE) != 0)
    return true;
  if (!is_telling(packet) || *telling >= drawn->limit / 2)
    return false;
  ++*telling;
  return true;
}

/* Returns how many stay; moves them to the front if `write`. */
static uint32_t thin(struct html_drawn *drawn, bool write)
{
  struct html_packet *list = drawn->list;
  uint32_t kept = 0, telling = 0;
  for (uint32_t from = 0, to; from < drawn->count; from = to) {
    struct extremes extremes;
    for (to = from + 1; to < drawn->count && same_bucket(drawn, &list[from], &list[to]);)
      to++;
    find_extremes(list, from, to, &extremes);
    for (uint32_t i = from; i < to; i++)
      if (keeps(drawn, &list[i], &telling) || is_extreme(&extremes, i)) {
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
  while (drawn->fineness > 1 && thin(drawn, false) > drawn->limit)
    drawn->fineness /= 2;
  const uint32_t kept = thin(drawn, true);
  drawn->left_out += drawn->count - kept;
  drawn->count = kept;
}
