#ifndef ANALYZER_CLOCK_ZONES_H
#define ANALYZER_CLOCK_ZONES_H

/* The uncertainty of a clock over time, from one value between any two bounds to a few zones. */

#include "analyzer/clock_fit.h"
#include "analyzer/clock_slots.h"

/* Sets piece->uncertainty_ns to the largest of its zones, zones[0 .. piece->zone_count - 1], and
 * usual_uncertainty_ns to what holds for half of its time. */
void clock_zones_sum_up(const struct clock_zone *zones, struct clock_piece *piece);

/* Memory for clock_zones_spread(). */
struct clock_spread {
  int64_t own_ns[CLOCK_BOUNDS_MAX + 1];
  uint32_t queue[CLOCK_BOUNDS_MAX + 1];
};

/* The times of zones (the first begins at begin_b_ns) are themselves wrong by up to the zones'
 * uncertainty: lets each hold that far to both sides as well. */
void clock_zones_spread(struct clock_zone *zones, uint32_t count, int64_t begin_b_ns,
                        struct clock_spread *spread);

/* Joins neighbouring zones of a piece, at first the most alike ones, until those of all pieces fit
 * into map->zones. On entry zone_first of each piece is an index into zones; afterwards into
 * map->zones. A joined zone has the largest uncertainty of its parts. */
void clock_zones_join(const struct clock_zone *zones, struct clock_map *map);

#endif
