#ifndef CAPTURE_FRAME_RING_H
#define CAPTURE_FRAME_RING_H

/* A bounded queue of frames from one thread to one other, in one block of memory: neither locks nor
 * allocates per frame. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_ring_record {
  int64_t time_ns;   /* the frame's */
  int64_t queued_ns; /* CLOCK_MONOTONIC when it was put here */
  uint32_t bytes;    /* behind this record */
  uint32_t tag;      /* the producer's: original length, interface */
};

struct frame_ring {
  uint8_t *memory;
  size_t capacity_bytes;     /* a power of two */
  _Atomic uint64_t written;  /* moved by the producer: bytes ever put in */
  _Atomic uint64_t released; /* moved by the consumer: bytes ever taken out */
};

/* false: no memory. capacity_bytes is rounded up to a power of two. */
bool frame_ring_init(struct frame_ring *ring, size_t capacity_bytes);
void frame_ring_free(struct frame_ring *ring); /* one that is all zero is allowed */

/* Producer. Copies the frame; false: no room, nothing was put in. */
bool frame_ring_put(struct frame_ring *ring, const struct frame_ring_record *record,
                    const uint8_t *bytes);

/* Consumer. The oldest record, its bytes behind it, or NULL; valid until released. */
const struct frame_ring_record *frame_ring_front(struct frame_ring *ring);
void frame_ring_release(struct frame_ring *ring, const struct frame_ring_record *front);
/* Either of them. */
size_t frame_ring_used_bytes(struct frame_ring *ring);

#endif
