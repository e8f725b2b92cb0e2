#ifndef REPLAY_WIRE_REPLAY_RING_H
#define REPLAY_WIRE_REPLAY_RING_H

/* Frames on their way from who reads a trace to who plays it in time: a ring of bytes between two
 * threads. Neither takes a lock, so that a reader which the scheduler has put aside cannot hold up
 * a player with real-time priority. */

#include <stdbool.h>
#include <stdint.h>

#define WIRE_REPLAY_FRAME_MAX 65600 /* bytes: no TAP takes longer ones */
#define WIRE_REPLAY_LANES_MAX 8     /* devices */

/* A frame as it is to be played. */
struct wire_replay_frame {
  int64_t at_ns; /* since the first frame of the recording, never decreasing */
  uint32_t lane; /* which device, below WIRE_REPLAY_LANES_MAX */
  uint32_t size;
  bool out; /* it leaves the device; else it arrives there */
};

struct wire_replay_ring; /* opaque */

/* bytes: rounded up to a power of two, at least 1 MiB; all of it is mapped at once, so that no page
 * fault makes the player late. NULL: no memory. */
struct wire_replay_ring *wire_replay_ring_new(uint64_t bytes);
void wire_replay_ring_free(struct wire_replay_ring *ring);

/* The writer's side: copies the frame, frame->size bytes (at most WIRE_REPLAY_FRAME_MAX). false: no
 * room now. */
bool wire_replay_ring_put(struct wire_replay_ring *ring, const struct wire_replay_frame *frame,
                          const uint8_t *bytes);
/* Nothing more will come. */
void wire_replay_ring_finish(struct wire_replay_ring *ring);
/* How much of the ring is used, 0 .. 1; for either side. */
double wire_replay_ring_fill(const struct wire_replay_ring *ring);
bool wire_replay_ring_finished(const struct wire_replay_ring *ring);

/* The player's side: the first frame, in place, with its bytes, valid until
 * wire_replay_ring_drop(). NULL: none now. */
const struct wire_replay_frame *wire_replay_ring_peek(struct wire_replay_ring *ring,
                                                      const uint8_t **bytes);
void wire_replay_ring_drop(struct wire_replay_ring *ring);

#endif
