#include "capture/frame_ring.h"

#include <string.h>
#include <sys/mman.h>

/* Records begin at multiples of 8 and never wrap: what does not fit before the end of the memory
 * goes to its beginning, and the rest of the end is passed over, marked where a mark fits. */
#define ALIGNMENT      ((size_t)8)
#define MARK           UINT32_MAX
#define CAPACITY_MIN   ((size_t)4096)
#define HEADER_BYTES   (sizeof(struct frame_ring_record))
#define POSITION_BYTES (sizeof(struct frame_ring_positions))

static size_t padded(size_t bytes)
{
  return (bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

bool frame_ring_init(struct frame_ring *ring, size_t capacity_bytes)
{
  size_t capacity = padded(capacity_bytes < CAPACITY_MIN ? CAPACITY_MIN : capacity_bytes);
  void *memory = mmap(NULL, POSITION_BYTES + capacity, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return false;
  ring->positions = memory;
  ring->memory = (uint8_t *)memory + POSITION_BYTES;
  ring->capacity_bytes = capacity;
  atomic_init(&ring->positions->written, 0);
  atomic_init(&ring->positions->released, 0);
  return true;
}

void frame_ring_free(struct frame_ring *ring)
{
  if (ring->positions != NULL)
    munmap(ring->positions, POSITION_BYTES + ring->capacity_bytes);
  *ring = (struct frame_ring){0};
}

bool frame_ring_put(struct frame_ring *ring, const struct frame_ring_record *record,
                    const uint8_t *bytes)
{
  return frame_ring_put_parts(ring, record, NULL, 0, bytes);
}

bool frame_ring_put_parts(struct frame_ring *ring, const struct frame_ring_record *record,
                          const void *prefix, size_t prefix_bytes, const uint8_t *bytes)
{
  uint64_t written = atomic_load_explicit(&ring->positions->written, memory_order_relaxed);
  uint64_t released = atomic_load_explicit(&ring->positions->released, memory_order_acquire);
  size_t size = HEADER_BYTES + padded(record->bytes);
  size_t at = (size_t)(written % ring->capacity_bytes), to_end = ring->capacity_bytes - at;
  size_t passed_over = size > to_end ? to_end : 0;
  uint64_t used = written - released;
  if (used > ring->capacity_bytes || size + passed_over > ring->capacity_bytes - used)
    return false;
  if (passed_over > 0) {
    if (passed_over >= HEADER_BYTES) {
      const struct frame_ring_record mark = {.bytes = MARK};
      memcpy(ring->memory + at, &mark, sizeof mark);
    }
    at = 0;
  }
  memcpy(ring->memory + at, record, sizeof *record);
  if (prefix_bytes > 0)
    memcpy(ring->memory + at + HEADER_BYTES, prefix, prefix_bytes);
  if (record->bytes > prefix_bytes)
    memcpy(ring->memory + at + HEADER_BYTES + prefix_bytes, bytes, record->bytes - prefix_bytes);
  atomic_store_explicit(&ring->positions->written, written + passed_over + size,
                        memory_order_release);
  return true;
}

enum frame_ring_result frame_ring_front(struct frame_ring *ring, struct frame_ring_record *record,
                                        const uint8_t **bytes)
{
  uint64_t released = atomic_load_explicit(&ring->positions->released, memory_order_relaxed);
  uint64_t used = atomic_load_explicit(&ring->positions->written, memory_order_acquire) - released;
  size_t at = (size_t)(released % ring->capacity_bytes), to_end = ring->capacity_bytes - at;
  if (used == 0)
    return FRAME_RING_EMPTY;
  record->bytes = MARK;
  if (to_end >= HEADER_BYTES)
    memcpy(record, ring->memory + at, sizeof *record);
  if (record->bytes == MARK) {
    /* A record follows at the beginning: both were published together. */
    if (used < to_end + HEADER_BYTES)
      return FRAME_RING_DAMAGED;
    atomic_store_explicit(&ring->positions->released, released + to_end, memory_order_release);
    used -= to_end;
    to_end = ring->capacity_bytes;
    at = 0;
    memcpy(record, ring->memory, sizeof *record);
  }
  if (used > ring->capacity_bytes || used < HEADER_BYTES || to_end < HEADER_BYTES ||
      record->bytes > used - HEADER_BYTES || record->bytes > to_end - HEADER_BYTES)
    return FRAME_RING_DAMAGED;
  *bytes = ring->memory + at + HEADER_BYTES;
  return FRAME_RING_RECORD;
}

void frame_ring_release(struct frame_ring *ring, const struct frame_ring_record *front)
{
  uint64_t released = atomic_load_explicit(&ring->positions->released, memory_order_relaxed);
  atomic_store_explicit(&ring->positions->released, released + HEADER_BYTES + padded(front->bytes),
                        memory_order_release);
}

size_t frame_ring_used_bytes(const struct frame_ring *ring)
{
  uint64_t released = atomic_load_explicit(&ring->positions->released, memory_order_acquire);
  uint64_t written = atomic_load_explicit(&ring->positions->written, memory_order_acquire);
  return (size_t)(written - released);
}
