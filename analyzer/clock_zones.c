#include "analyzer/clock_zones.h"

#include "analyzer/clock_math.h"

#include <stddef.h>

/* TIME_INVALID, no bound, is more than any. */
static uint64_t rank(int64_t uncertainty_ns)
{
  return time_is_valid(uncertainty_ns) ? (uint64_t)uncertainty_ns : UINT64_MAX;
}

/* How much of the piece's time an uncertainty of at most limit_ns covers. Zone 0 begins where it
 * ends, or in front of the piece: it is left out, and so is the last one's part behind it. */
static double covered(const struct clock_zone *zones, uint32_t count, uint64_t limit_ns)
{
  double sum = 0;
  for (uint32_t i = 1; i + 1 < count; i++)
    if (rank(zones[i].uncertainty_ns) <= limit_ns)
      sum += (double)zones[i].to_b_ns - (double)zones[i - 1].to_b_ns;
  return sum;
}

void clock_zones_sum_up(const struct clock_zone *zones, struct clock_piece *piece)
{
  uint64_t worst = 0, low = 0;
  for (uint32_t i = 0; i < piece->zone_count; i++)
    worst = rank(zones[i].uncertainty_ns) > worst ? rank(zones[i].uncertainty_ns) : worst;
  uint64_t high = worst;
  double half = covered(zones, piece->zone_count, worst) / 2;
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    if (covered(zones, piece->zone_count, middle) >= half)
      high = middle;
    else
      low = middle + 1;
  }
  piece->uncertainty_ns = worst == UINT64_MAX ? TIME_INVALID : (int64_t)worst;
  piece->usual_uncertainty_ns = low == UINT64_MAX ? TIME_INVALID : (int64_t)low;
}

/* Where a zone that ends (towards forwards) at edge_ns still holds. */
static int64_t reach_ns(int64_t edge_ns, uint64_t uncertainty_ns, bool forwards)
{
  int64_t more_ns = uncertainty_ns < INT64_MAX / 2 ? (int64_t)uncertainty_ns : INT64_MAX / 2;
  more_ns += more_ns / 1000 + 1; /* clocks of that skew */
  return clock_add(edge_ns, forwards ? more_ns : -more_ns);
}

static int64_t begin_ns(const struct clock_zone *zones, uint32_t i, int64_t begin_b_ns)
{
  return i == 0 ? begin_b_ns : zones[i - 1].to_b_ns;
}

static void spread_one(struct clock_zone *zone, int64_t uncertainty_ns)
{
  if (rank(uncertainty_ns) > rank(zone->uncertainty_ns))
    zone->uncertainty_ns = uncertainty_ns;
}

/* The queue holds those zones that were passed, and of which none passed later is as uncertain: the
 * first one is the most uncertain, and is dropped when it is out of reach. */
static void spread_forwards(struct clock_zone *zones, uint32_t count, int64_t begin_b_ns,
                            struct clock_spread *spread)
{
  uint32_t head = 0, tail = 0, *queue = spread->queue;
  const int64_t *own = spread->own_ns;
  for (uint32_t i = 0; i < count; i++) {
    int64_t from_ns = begin_ns(zones, i, begin_b_ns);
    while (head < tail &&
           reach_ns(zones[queue[head]].to_b_ns, rank(own[queue[head]]), true) < from_ns)
      head++;
    if (head < tail)
      spread_one(&zones[i], own[queue[head]]);
    while (head < tail && rank(own[queue[tail - 1]]) <= rank(own[i]))
      tail--;
    queue[tail++] = i;
  }
}

static void spread_backwards(struct clock_zone *zones, uint32_t count, int64_t begin_b_ns,
                             struct clock_spread *spread)
{
  uint32_t head = 0, tail = 0, *queue = spread->queue;
  const int64_t *own = spread->own_ns;
  for (uint32_t i = count; i-- > 0;) {
    while (head < tail && reach_ns(begin_ns(zones, queue[head], begin_b_ns), rank(own[queue[head]]),
                                   false) > zones[i].to_b_ns)
      head++;
    if (head < tail)
      spread_one(&zones[i], own[queue[head]]);
    while (head < tail && rank(own[queue[tail - 1]]) <= rank(own[i]))
      tail--;
    queue[tail++] = i;
  }
}

void clock_zones_spread(struct clock_zone *zones, uint32_t count, int64_t begin_b_ns,
                        struct clock_spread *spread)
{
  for (uint32_t i = 0; i < count; i++)
    spread->own_ns[i] = zones[i].uncertainty_ns;
  spread_forwards(zones, count, begin_b_ns, spread);
  spread_backwards(zones, count, begin_b_ns, spread);
}

/* Two uncertainties are alike if none is more than so many times the other, in percent. */
static bool is_alike(uint64_t least, uint64_t most, uint64_t percent)
{
  return (double)most * 100 <= (double)least * (double)percent;
}

/* Returns the number of zones that become of one piece's; writes as many as there is room for. */
static uint32_t join(const struct clock_zone *zones, uint32_t count, uint64_t percent,
                     struct clock_zone *joined, uint32_t room)
{
  uint32_t result = 0;
  uint64_t least = 0, most = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint64_t own = rank(zones[i].uncertainty_ns);
    uint64_t new_least = own < least ? own : least, new_most = own > most ? own : most;
    if (result == 0 || !is_alike(new_least, new_most, percent)) {
      result++;
      new_least = new_most = own;
    }
    least = new_least;
    most = new_most;
    if (joined && result <= room) {
      joined[result - 1].to_b_ns = zones[i].to_b_ns;
      joined[result - 1].uncertainty_ns = most == UINT64_MAX ? TIME_INVALID : (int64_t)most;
    }
  }
  return result;
}

static uint32_t count_joined(const struct clock_zone *zones, const struct clock_map *map,
                             uint64_t percent)
{
  uint32_t sum = 0;
  for (uint32_t i = 0; i < map->piece_count; i++) {
    const struct clock_piece *piece = &map->pieces[i];
    sum += join(&zones[piece->zone_first], piece->zone_count, percent, NULL, 0);
  }
  return sum;
}

void clock_zones_join(const struct clock_zone *zones, struct clock_map *map)
{
  uint64_t percent = 102;
  while (percent < UINT64_MAX / 2 && count_joined(zones, map, percent) > CLOCK_ZONES_MAX)
    percent += percent / 20;
  uint32_t used = 0;
  for (uint32_t i = 0; i < map->piece_count; i++) {
    struct clock_piece *piece = &map->pieces[i];
    uint32_t count = join(&zones[piece->zone_first], piece->zone_count, percent, &map->zones[used],
                          CLOCK_ZONES_MAX - used);
    piece->zone_first = used;
    /* Too many even so: without zones, the largest uncertainty holds
     * throughout. */
    piece->zone_count = count <= CLOCK_ZONES_MAX - used ? count : 0;
    used += piece->zone_count;
  }
}
