/* Reading a clock_map: one clock's time on the other's scale. */

#include "analyzer/clock_fit.h"
#include "analyzer/clock_math.h"

#include <math.h>

/* 2^63 is a double, INT64_MAX is not. */
static int64_t round_clamped(double ns)
{
  if (!(ns < 0x1p63))
    return INT64_MAX;
  return ns > -0x1p63 ? (int64_t)llrint(ns) : -INT64_MAX;
}

void clock_map_identity(struct clock_map *map)
{
  *map = (struct clock_map){.piece_count = 1};
  map->pieces[0] =
      (struct clock_piece){.from_ns = -INT64_MAX / 2, .to_ns = INT64_MAX / 2, .skew_known = true};
}

static int64_t piece_from_b(const struct clock_piece *piece)
{
  return clock_add(piece->from_ns, piece->offset_ns);
}

static int64_t piece_to_b(const struct clock_piece *piece)
{
  double length = (double)piece->to_ns - (double)piece->from_ns;
  int64_t gain_ns = round_clamped(length * (1 + piece->skew_ppm / 1e6));
  return clock_add(piece_from_b(piece), gain_ns);
}

/* The line of a piece, anywhere. Only the small part that is due to the skew is a double. */
static int64_t piece_to_a(const struct clock_piece *piece, int64_t b_ns)
{
  int64_t since_ns = clock_subtract(b_ns, piece_from_b(piece));
  double skew = piece->skew_ppm / 1e6;
  int64_t gained_ns = round_clamped((double)since_ns * (skew / (1 + skew)));
  return clock_add(piece->from_ns, clock_subtract(since_ns, gained_ns));
}

/* How far outside of from_b .. to_b; 0: inside. */
static int64_t outside_ns(int64_t b_ns, int64_t from_b_ns, int64_t to_b_ns)
{
  if (b_ns < from_b_ns)
    return clock_subtract(from_b_ns, b_ns);
  return b_ns > to_b_ns ? clock_subtract(b_ns, to_b_ns) : 0;
}

/* Before the first piece, and behind the last, that one goes on, whatever the others' times. */
static const struct clock_piece *nearest(const struct clock_map *map, int64_t b_ns)
{
  const struct clock_piece *best = &map->pieces[0];
  int64_t best_ns = INT64_MAX;
  for (uint32_t i = 0; i < map->piece_count && best_ns > 0; i++) {
    const struct clock_piece *piece = &map->pieces[i];
    int64_t from_b_ns = piece_from_b(piece), to_b_ns = piece_to_b(piece);
    int64_t away_ns = outside_ns(b_ns, from_b_ns, to_b_ns);
    if (away_ns > 0 &&
        ((i == 0 && b_ns < from_b_ns) || (i + 1 == map->piece_count && b_ns > to_b_ns)))
      away_ns = 1;
    if (away_ns < best_ns) {
      best = piece;
      best_ns = away_ns;
    }
  }
  return best;
}

int64_t clock_map_to_a(const struct clock_map *map, int64_t b_ns)
{
  if (map->piece_count == 0 || !time_is_valid(b_ns))
    return b_ns;
  if (map->piece_count == 1)
    return piece_to_a(&map->pieces[0], b_ns);
  return piece_to_a(nearest(map, b_ns), b_ns);
}

/* Of the piece's line at b_ns, provided that the piece holds then. TIME_INVALID: no bound. */
static int64_t piece_uncertainty(const struct clock_map *map, const struct clock_piece *piece,
                                 int64_t b_ns)
{
  int64_t uncertainty_ns = piece->uncertainty_ns;
  if (!time_is_valid(uncertainty_ns))
    return TIME_INVALID;
  if (piece->zone_count > 0) {
    const struct clock_zone *zone = &map->zones[piece->zone_first];
    uint32_t low = 0, high = piece->zone_count - 1; /* the first that ends at or after b_ns */
    while (low < high) {
      uint32_t middle = low + (high - low) / 2;
      if (zone[middle].to_b_ns < b_ns)
        low = middle + 1;
      else
        high = middle;
    }
    uncertainty_ns = zone[low].uncertainty_ns;
    if (!time_is_valid(uncertainty_ns))
      return TIME_INVALID;
  }
  int64_t away_ns = outside_ns(b_ns, clock_add(piece_from_b(piece), -piece->early_ns),
                               clock_add(piece_to_b(piece), piece->late_ns));
  double drift_ns = (double)away_ns * ((CLOCK_SKEW_MAX_PPM + fabs(piece->skew_ppm)) / 1e6);
  return clock_add(uncertainty_ns, round_clamped(ceil(drift_ns)));
}

int64_t clock_map_uncertainty_ns(const struct clock_map *map, int64_t b_ns)
{
  if (map->piece_count == 0 || !time_is_valid(b_ns))
    return TIME_INVALID;
  if (map->piece_count == 1)
    return piece_uncertainty(map, &map->pieces[0], b_ns);
  const struct clock_piece *taken = nearest(map, b_ns);
  int64_t taken_ns = piece_to_a(taken, b_ns);
  int64_t worst_ns = piece_uncertainty(map, taken, b_ns);
  for (uint32_t i = 0; i < map->piece_count && time_is_valid(worst_ns); i++) {
    const struct clock_piece *piece = &map->pieces[i];
    int64_t from_b_ns = clock_add(piece_from_b(piece), i > 0 ? -piece->early_ns : -INT64_MAX);
    int64_t to_b_ns =
        clock_add(piece_to_b(piece), i + 1 < map->piece_count ? piece->late_ns : INT64_MAX);
    if (piece == taken || outside_ns(b_ns, from_b_ns, to_b_ns) > 0)
      continue;
    int64_t own_ns = piece_uncertainty(map, piece, b_ns);
    if (!time_is_valid(own_ns))
      return TIME_INVALID;
    int64_t apart_ns = clock_subtract(piece_to_a(piece, b_ns), taken_ns);
    int64_t total_ns = clock_add(apart_ns < 0 ? -apart_ns : apart_ns, own_ns);
    worst_ns = total_ns > worst_ns ? total_ns : worst_ns;
  }
  return worst_ns;
}
