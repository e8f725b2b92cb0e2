#include "capture/frame_ring.h"

#include <stdlib.h>
#include <string.h>

/* Records begin at multiples of 8 and never wrap: what does not fit before the end of the memory
 * goes to its beginning, and the rest of the end is passed over, marked where a mark fits. */
#define ALIGNMENT 8u
#define MARK      UINT32_MAX

static size_t padded(size_t bytes)
{
  return (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

bool frame_ring_init(struct frame_ring *ring, size_t capacity_bytes)
{
  size_t capacity = 4096;
  while (capacity < capacity_bytes)
    capacity *= 2;
  ring->memory = malloc(capacity);
  ring->capacity_bytes = capacity;
  atomic_init(&ring->written, 0);
  atomic_init(&ring->released, 0);
  return ring->memory != NULL;
}

void frame_ring_free(struct frame_ring *ring)
{
  free(ring->memory);
  ring->memory = NULL;
}

bool frame_ring_put(struct frame_ring *ring, const struct frame_ring_record *record,
                    const uint8_t *bytes)
{
  uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
  uint64_t released = atomic_load_explicit(&ring->released, memory_order_acquire);
  size_t size = sizeof *record + padded(record->bytes);
  size_t at = (size_t)written & (ring->capacity_bytes - 1), to_end = ring->capacity_bytes - at;
  size_t passed_over = size > to_end ? to_end : 0;
  if (size + passed_over > ring->capacity_bytes - (size_t)(written - released))
    return false;
  if (passed_over > 0) {
    if (passed_over >= sizeof *record) {
      const struct frame_ring_record mark = {.bytes = MARK};
      memcpy(ring->memory + at, &mark, sizeof mark);
    }
    at = 0;
  }
  memcpy(ring->memory + at, record, sizeof *record);
  memcpy(ring->memory + at + sizeof *record, bytes, record->bytes);
  atomic_store_explicit(&ring->written, written + passed_over + size, memory_order_release);
  return true;
}

const struct frame_ring_record *frame_ring_front(struct frame_ring *ring)
{
  uint64_t released = atomic_load_explicit(&ring->released, memory_order_relaxed);
  if (atomic_load_explicit(&ring->written, memory_order_acquire) == released)
    return NULL;
  size_t at = (size_t)released & (ring->capacity_bytes - 1), to_end = ring->capacity_bytes - at;
  const void *place = ring->memory + at;
  const struct frame_ring_record *record = place;
  if (to_end < sizeof *record || record->bytes == MARK) {
    /* A record follows at the beginning: both were published together. */
    atomic_store_explicit(&ring->released, released + to_end, memory_order_release);
    place = ring->memory;
    record = place;
  }
  return record;
}

void frame_ring_release(struct frame_ring *ring, const struct frame_ring_record *front)
{
  size_t size = sizeof *front + padded(front->bytes);
  uint64_t released = atomic_load_explicit(&ring->released, memory_order_relaxed);
  atomic_store_explicit(&ring->released, released + size, memory_order_release);
}

size_t frame_ring_used_bytes(struct frame_ring *ring)
{
  uint64_t released = atomic_load_explicit(&ring->released, memory_order_acquire);
  return (size_t)(atomic_load_explicit(&ring->written, memory_order_acquire) - released);
}
