#ifndef ANALYZER_FLIGHT_H
#define ANALYZER_FLIGHT_H

/* The segments of one direction that have been seen and are not yet acknowledged, in sequence
 * order, without overlap.
 *
 * A ring that grows by doubling up to a limit and is given back when empty, so that an idle
 * connection holds none. Ranges that were never seen, though later ones were, stand in it as holes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum flight_flag {
  FLIGHT_SACKED = 0x01,
  FLIGHT_HOLE = 0x02, /* not seen at this capture point */
  FLIGHT_PSH = 0x04,
  FLIGHT_RETRANSMITTED = 0x08
};

/* Entries looked at for one packet at the most; honest ones cover far fewer. */
#define FLIGHT_SCAN_MAX 1024u

struct flight_segment {
  uint32_t start, end;   /* sequence numbers, end exclusive */
  int64_t time_ns;       /* last transmission seen; for a hole: when it was noticed */
  uint64_t frame;        /* of the first transmission; for a hole: of the segment that showed it */
  uint32_t ts_val;       /* of the first transmission */
  uint8_t transmissions; /* saturates at 255 */
  uint8_t flags;
};

struct flight {
  struct flight_segment *segments;
  uint32_t head, count, capacity; /* capacity is 0 or a power of two */
};

/* Memory for all rings of an analyzer: counted, and free lists per size. */
#define FLIGHT_SIZE_CLASSES 24
struct flight_pool {
  void *free_lists[FLIGHT_SIZE_CLASSES];
  uint64_t memory_bytes;
  uint32_t max_segments; /* per ring */
  uint64_t forgotten;    /* segments dropped since a ring was full, or no memory was to be had */
};

void flight_pool_init(struct flight_pool *pool, uint32_t max_segments);
void flight_pool_free(struct flight_pool *pool);

static inline struct flight_segment *flight_at(const struct flight *flight, uint32_t index)
{
  return &flight->segments[(flight->head + index) & (flight->capacity - 1)];
}

/* Appends a segment behind all others (start >= the last one's end). If the ring is full the oldest
 * is forgotten. */
void flight_append(struct flight *flight, struct flight_pool *pool,
                   const struct flight_segment *segment);

/* Drops everything below `una`; a segment that una cuts in two keeps its upper part. Returns the
 * length of the longest segment dropped that was not a hole. */
uint32_t flight_acknowledge(struct flight *flight, struct flight_pool *pool, uint32_t una);

/* Index of the first segment whose end is above seq; flight->count if there is none. */
uint32_t flight_find(const struct flight *flight, uint32_t seq);

/* Marks what start..end covers wholly as SACKed, looking from `from` on (start <= from); returns
 * how many segments became so. */
uint32_t flight_sack(struct flight *flight, uint32_t from, uint32_t start, uint32_t end);

/* Splits the hole at `index` so that start..end (inside it) is a segment of its own; returns its
 * index. */
uint32_t flight_split(struct flight *flight, struct flight_pool *pool, uint32_t index,
                      uint32_t start, uint32_t end);

void flight_clear(struct flight *flight, struct flight_pool *pool);

#endif
