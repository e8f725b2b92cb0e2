#ifndef ANALYZER_SAMPLE_RING_H
#define ANALYZER_SAMPLE_RING_H

/* What one thing in a kernel said of itself, over time, in bounded memory: a row of stretches in
 * which it did not change. A thing that stands still is sampled a thousand times a second and is
 * one stretch all the same. If there is no room for another one, every second stretch of the older
 * half goes, so that what is long ago is known less finely, but still known. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAMPLE_STRETCHES_MAX 64u

/* Its first and its last sample; the state itself is as in the first one. */
struct sample_stretch {
  int64_t first_ns, last_ns;
  uint32_t first_number, samples; /* samples: how many */
};

struct sample_ring {
  uint32_t state_bytes; /* of each state; set by the owner, all else zero */
  uint32_t count, capacity;
  struct sample_stretch *stretches; /* by time */
  uint8_t *states;                  /* capacity * state_bytes */
};

typedef bool sample_same(const void *a, const void *b);

/* A state that was sampled at time_ns; it goes into the last stretch if it is the `same` and no
 * longer than gap_max_ns later. Time running backwards is taken for the time before. Without memory
 * it is left out. */
void sample_ring_add(struct sample_ring *ring, int64_t time_ns, uint32_t number, const void *state,
                     sample_same *same, int64_t gap_max_ns);
void sample_ring_clear(struct sample_ring *ring); /* frees its memory; state_bytes stays */
size_t sample_ring_bytes(const struct sample_ring *ring);

static inline const void *sample_ring_state(const struct sample_ring *ring, uint32_t index)
{
  return ring->states + (size_t)index * ring->state_bytes;
}

/* The last stretch that began at time_ns or before; ring->count: there is none. */
uint32_t sample_ring_at(const struct sample_ring *ring, int64_t time_ns);

#endif
