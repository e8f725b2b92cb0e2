#include "analyzer/sample_ring.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 8u

static void move(struct sample_ring *ring, uint32_t to, uint32_t from)
{
  ring->stretches[to] = ring->stretches[from];
  memmove(ring->states + (size_t)to * ring->state_bytes,
          ring->states + (size_t)from * ring->state_bytes, ring->state_bytes);
}

static void thin(struct sample_ring *ring)
{
  uint32_t kept = 0;
  for (uint32_t i = 0; i < ring->count; i++)
    if (i >= ring->count / 2 || i % 2 == 0)
      move(ring, kept++, i);
  ring->count = kept;
}

static bool grow(struct sample_ring *ring)
{
  const uint32_t capacity = ring->capacity > 0 ? 2 * ring->capacity : FIRST_CAPACITY;
  struct sample_stretch *stretches = realloc(ring->stretches, capacity * sizeof *ring->stretches);
  if (stretches == NULL)
    return false;
  ring->stretches = stretches;
  uint8_t *states = realloc(ring->states, (size_t)capacity * ring->state_bytes);
  if (states == NULL)
    return false;
  ring->states = states;
  ring->capacity = capacity;
  return true;
}

static bool make_room(struct sample_ring *ring)
{
  if (ring->count < ring->capacity)
    return true;
  if (ring->capacity >= SAMPLE_STRETCHES_MAX)
    thin(ring);
  else if (!grow(ring))
    return false;
  return true;
}

void sample_ring_add(struct sample_ring *ring, int64_t time_ns, uint32_t number, const void *state,
                     sample_same *same, int64_t gap_max_ns)
{
  if (ring->count > 0) {
    struct sample_stretch *last = &ring->stretches[ring->count - 1];
    if (time_ns < last->last_ns)
      time_ns = last->last_ns;
    if (time_ns - last->last_ns <= gap_max_ns &&
        same(sample_ring_state(ring, ring->count - 1), state)) {
      last->last_ns = time_ns;
      last->samples++;
      return;
    }
  }
  if (!make_room(ring))
    return;
  ring->stretches[ring->count] = (struct sample_stretch){time_ns, time_ns, number, 1};
  memcpy(ring->states + (size_t)ring->count * ring->state_bytes, state, ring->state_bytes);
  ring->count++;
}

void sample_ring_clear(struct sample_ring *ring)
{
  free(ring->stretches);
  free(ring->states);
  *ring = (struct sample_ring){.state_bytes = ring->state_bytes};
}

size_t sample_ring_bytes(const struct sample_ring *ring)
{
  return ring->capacity * (sizeof *ring->stretches + ring->state_bytes);
}

uint32_t sample_ring_at(const struct sample_ring *ring, int64_t time_ns)
{
  uint32_t low = 0, high = ring->count;
  while (low < high) { /* the first one that begins later */
    const uint32_t middle = low + (high - low) / 2;
    if (ring->stretches[middle].first_ns > time_ns)
      high = middle;
    else
      low = middle + 1;
  }
  return low > 0 ? low - 1 : ring->count;
}
