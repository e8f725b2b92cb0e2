#include "replay/wire_replay_ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RING_BYTES_MIN (UINT64_C(1) << 20)
#define RING_BYTES_MAX (UINT64_C(1) << 30)
#define CACHE_LINE     64

/* Invariant: head and tail count bytes since the beginning and stand at a record each; tail - head
 * <= size. A record is a struct record and its frame, in one piece; what is left at the ring's end
 * and too small for one is skipped, told by a record with SKIP, or by there being no room even for
 * that. Records are multiples of ALIGNMENT. */
#define ALIGNMENT _Alignof(struct record)

struct record {
  uint64_t span; /* bytes to the next record */
  bool skip;
  struct wire_replay_frame frame;
};

struct wire_replay_ring {
  uint8_t *bytes; /* owned, mapped */
  uint64_t size;
  _Alignas(CACHE_LINE) _Atomic uint64_t head; /* the player's */
  _Alignas(CACHE_LINE) _Atomic uint64_t tail; /* the writer's */
  _Atomic bool finished;
};

struct wire_replay_ring *wire_replay_ring_new(uint64_t bytes)
{
  uint64_t size = RING_BYTES_MIN;
  while (size < bytes && size < RING_BYTES_MAX)
    size *= 2;
  struct wire_replay_ring *ring = aligned_alloc(CACHE_LINE, sizeof *ring);
  if (ring == NULL)
    return NULL;
  memset(ring, 0, sizeof *ring);
  ring->size = size;
  void *mapped =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (mapped == MAP_FAILED) {
    free(ring);
    return NULL;
  }
  ring->bytes = mapped;
  return ring;
}

void wire_replay_ring_free(struct wire_replay_ring *ring)
{
  if (ring == NULL)
    return;
  munmap(ring->bytes, ring->size);
  free(ring);
}

static struct record *record_at(const struct wire_replay_ring *ring, uint64_t position)
{
  return (struct record *)(void *)(ring->bytes + (position & (ring->size - 1)));
}

static uint64_t left_in_row(const struct wire_replay_ring *ring, uint64_t position)
{
  return ring->size - (position & (ring->size - 1));
}

bool wire_replay_ring_put(struct wire_replay_ring *ring, const struct wire_replay_frame *frame,
                          const uint8_t *bytes)
{
  const uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
  uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
  const uint64_t span =
      (sizeof(struct record) + frame->size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  const uint64_t row = left_in_row(ring, tail);
  const uint64_t skip = row < span ? row : 0;
  if (ring->size - (tail - head) < span + skip)
    return false;
  if (skip >= sizeof(struct record))
    *record_at(ring, tail) = (struct record){.span = skip, .skip = true};
  tail += skip;
  struct record *record = record_at(ring, tail);
  *record = (struct record){.span = span, .frame = *frame};
  memcpy(record + 1, bytes, frame->size);
  atomic_store_explicit(&ring->tail, tail + span, memory_order_release);
  return true;
}

void wire_replay_ring_finish(struct wire_replay_ring *ring)
{
  atomic_store_explicit(&ring->finished, true, memory_order_release);
}

double wire_replay_ring_fill(const struct wire_replay_ring *ring)
{
  const uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
  const uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
  return (double)(tail - head) / (double)ring->size;
}

bool wire_replay_ring_finished(const struct wire_replay_ring *ring)
{
  return atomic_load_explicit(&ring->finished, memory_order_acquire);
}

const struct wire_replay_frame *wire_replay_ring_peek(struct wire_replay_ring *ring,
                                                      const uint8_t **bytes)
{
  const uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
  uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
  while (head != tail) {
    const uint64_t row = left_in_row(ring, head);
    const struct record *record = record_at(ring, head);
    if (row >= sizeof *record && !record->skip) {
      *bytes = (const uint8_t *)(record + 1);
      return &record->frame;
    }
    head += row; /* the rest of the row is empty */
    atomic_store_explicit(&ring->head, head, memory_order_release);
  }
  return NULL;
}

void wire_replay_ring_drop(struct wire_replay_ring *ring)
{
  const uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
  atomic_store_explicit(&ring->head, head + record_at(ring, head)->span, memory_order_release);
}
