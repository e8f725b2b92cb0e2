#include "analyzer/flight.h"

#include "wire/seq.h"

#include <stdlib.h>
#include <string.h>

#define FLIGHT_FIRST_CAPACITY 8u
/* Above this many entries a hole is no longer split: hostile traces would make each split cost
 * their number. */
#define FLIGHT_SPLIT_MAX 2048u
/* All rings together; above it only small ones are given out. */
#define FLIGHT_MEMORY_MAX_BYTES (UINT64_C(256) << 20)
#define FLIGHT_SMALL            64u

static unsigned size_class(uint32_t capacity)
{
  return (unsigned)__builtin_ctz(capacity);
}

void flight_pool_init(struct flight_pool *pool, uint32_t max_segments)
{
  memset(pool, 0, sizeof *pool);
  pool->max_segments = FLIGHT_FIRST_CAPACITY;
  while (pool->max_segments < max_segments && pool->max_segments < 1u << (FLIGHT_SIZE_CLASSES - 1))
    pool->max_segments *= 2;
}

void flight_pool_free(struct flight_pool *pool)
{
  for (unsigned i = 0; i < FLIGHT_SIZE_CLASSES; i++) {
    void *block = pool->free_lists[i];
    while (block != NULL) {
      void *next;
      memcpy(&next, block, sizeof next);
      free(block);
      block = next;
    }
  }
  memset(pool, 0, sizeof *pool);
}

static struct flight_segment *take(struct flight_pool *pool, uint32_t capacity)
{
  void **list = &pool->free_lists[size_class(capacity)];
  void *block = *list;
  if (block != NULL) {
    memcpy(list, block, sizeof *list);
    return block;
  }
  size_t bytes = capacity * sizeof(struct flight_segment);
  block = malloc(bytes);
  if (block != NULL)
    pool->memory_bytes += bytes;
  return block;
}

static void give(struct flight_pool *pool, struct flight_segment *block, uint32_t capacity)
{
  void **list = &pool->free_lists[size_class(capacity)];
  memcpy(block, list, sizeof *list);
  *list = block;
}

void flight_clear(struct flight *flight, struct flight_pool *pool)
{
  if (flight->segments != NULL)
    give(pool, flight->segments, flight->capacity);
  memset(flight, 0, sizeof *flight);
}

/* Makes room for one more; false if the limit or the memory says no. */
static bool grow(struct flight *flight, struct flight_pool *pool)
{
  uint32_t capacity = flight->capacity == 0 ? FLIGHT_FIRST_CAPACITY : flight->capacity * 2;
  if (capacity > pool->max_segments ||
      (capacity > FLIGHT_SMALL && pool->memory_bytes > FLIGHT_MEMORY_MAX_BYTES))
    return false;
  struct flight_segment *segments = take(pool, capacity);
  if (segments == NULL)
    return false;
  for (uint32_t i = 0; i < flight->count; i++)
    segments[i] = *flight_at(flight, i);
  if (flight->segments != NULL)
    give(pool, flight->segments, flight->capacity);
  flight->segments = segments;
  flight->capacity = capacity;
  flight->head = 0;
  return true;
}

void flight_append(struct flight *flight, struct flight_pool *pool,
                   const struct flight_segment *segment)
{
  if (flight->count == flight->capacity && !grow(flight, pool)) {
    pool->forgotten++;
    if (flight->capacity == 0)
      return;
    flight->head = (flight->head + 1) & (flight->capacity - 1);
    flight->count--;
  }
  *flight_at(flight, flight->count) = *segment;
  flight->count++;
}

uint32_t flight_acknowledge(struct flight *flight, struct flight_pool *pool, uint32_t una)
{
  uint32_t longest = 0;
  while (flight->count > 0) {
    struct flight_segment *first = flight_at(flight, 0);
    if (!seq_leq(first->end, una)) {
      if (seq_lt(first->start, una))
        first->start = una;
      return longest;
    }
    if (first->end - first->start > longest && (first->flags & FLIGHT_HOLE) == 0)
      longest = first->end - first->start;
    flight->head = (flight->head + 1) & (flight->capacity - 1);
    flight->count--;
  }
  flight_clear(flight, pool);
  return longest;
}

uint32_t flight_find(const struct flight *flight, uint32_t seq)
{
  uint32_t low = 0, high = flight->count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (seq_gt(flight_at(flight, middle)->end, seq))
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

uint32_t flight_sack(struct flight *flight, uint32_t from, uint32_t start, uint32_t end)
{
  uint32_t newly = 0;
  uint32_t first = flight_find(flight, from);
  for (uint32_t i = first; i < flight->count && i - first < FLIGHT_SCAN_MAX; i++) {
    struct flight_segment *segment = flight_at(flight, i);
    if (seq_gt(segment->end, end))
      break;
    if (seq_geq(segment->start, start) && (segment->flags & FLIGHT_SACKED) == 0) {
      segment->flags |= FLIGHT_SACKED;
      newly++;
    }
  }
  return newly;
}

/* Opens a gap of one entry at index; false if the ring cannot grow. */
static bool insert_gap(struct flight *flight, struct flight_pool *pool, uint32_t index)
{
  if (flight->count == flight->capacity && !grow(flight, pool)) {
    pool->forgotten++;
    return false;
  }
  for (uint32_t i = flight->count; i > index; i--)
    *flight_at(flight, i) = *flight_at(flight, i - 1);
  flight->count++;
  return true;
}

uint32_t flight_split(struct flight *flight, struct flight_pool *pool, uint32_t index,
                      uint32_t start, uint32_t end)
{
  if (flight->count > FLIGHT_SPLIT_MAX) {
    pool->forgotten++; /* moving so many entries for each piece costs too much: the hole counts as
                          filled */
    return index;
  }
  struct flight_segment hole = *flight_at(flight, index);
  if (seq_gt(end, hole.start) && seq_lt(end, hole.end) && insert_gap(flight, pool, index + 1)) {
    *flight_at(flight, index + 1) = hole;
    flight_at(flight, index + 1)->start = end;
    flight_at(flight, index)->end = end;
  }
  if (seq_gt(start, hole.start) && seq_lt(start, hole.end) && insert_gap(flight, pool, index + 1)) {
    *flight_at(flight, index + 1) = *flight_at(flight, index);
    flight_at(flight, index + 1)->start = start;
    flight_at(flight, index)->end = start;
    return index + 1;
  }
  return index;
}
