#ifndef CAPTURE_FRAME_RING_H
#define CAPTURE_FRAME_RING_H

/* A bounded queue of frames from one thread or process to one other: neither locks nor allocates
 * per frame. The memory is shared with processes that are forked after it was made; who dies in the
 * middle of a call leaves it whole.
 *
 * The consumer need not trust the producer: whatever that writes into the shared memory, nothing
 * outside of the ring is read. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_ring_record {
  int64_t time_ns;   /* the frame's */
  int64_t order_ns;  /* where it belongs among those of other queues: this host's clock */
  int64_t queued_ns; /* CLOCK_MONOTONIC when it was put here */
  uint32_t bytes;    /* of its content */
  uint32_t original_bytes;
  uint8_t kind, end, direction; /* the owner's */
};

/* Shared: bytes ever put in, moved by the producer, and ever taken out, by the consumer. */
struct frame_ring_positions {
  _Alignas(64) _Atomic uint64_t written;
  _Alignas(64) _Atomic uint64_t released;
};

struct frame_ring {
  struct frame_ring_positions *positions;
  uint8_t *memory;
  size_t capacity_bytes;
};

enum frame_ring_result { FRAME_RING_EMPTY, FRAME_RING_RECORD, FRAME_RING_DAMAGED };

/* false: no memory. Memory is used only as far as frames are put in. */
bool frame_ring_init(struct frame_ring *ring, size_t capacity_bytes);
void frame_ring_free(struct frame_ring *ring); /* one that is all zero is allowed */

/* Producer. Copies the frame; false: no room, nothing was put in. */
bool frame_ring_put(struct frame_ring *ring, const struct frame_ring_record *record,
                    const uint8_t *bytes);
/* The same for a content of which the first `prefix_bytes` stand elsewhere. */
bool frame_ring_put_parts(struct frame_ring *ring, const struct frame_ring_record *record,
                          const void *prefix, size_t prefix_bytes, const uint8_t *bytes);

/* Consumer. The oldest record, and where its content is: valid until released. */
enum frame_ring_result frame_ring_front(struct frame_ring *ring, struct frame_ring_record *record,
                                        const uint8_t **bytes);
void frame_ring_release(struct frame_ring *ring, const struct frame_ring_record *front);
/* Either of them. */
size_t frame_ring_used_bytes(const struct frame_ring *ring);

#endif
