#ifndef REPLAY_LINK_RATE_H
#define REPLAY_LINK_RATE_H

/* A link of a given rate with a queue in front that drops what does not fit (drop tail). The queue
 * is not kept: when a frame enters, it is computed when it will have left. */

#include <stdbool.h>
#include <stdint.h>

struct link_rate {
  int64_t bits_per_s;
  int64_t queue_bytes; /* INT64_MAX: no limit */
  int64_t free_ns;     /* the link is busy until then */
  /* With a limit in frames: when each of the last ones has left, a ring. */
  int64_t *left_ns; /* owned; NULL: no limit in frames */
  uint32_t slots, head, used;
};

/* queue_frames: up to 65536, or INT64_MAX. Returns 0 or ERROR_MEMORY. */
int link_rate_init(struct link_rate *link, int64_t bits_per_s, int64_t queue_bytes,
                   int64_t queue_frames);
void link_rate_clear(struct link_rate *link);

/* A frame comes at now_ns. Returns when it has left, or TIME_INVALID: the queue is full. */
int64_t link_rate_enter(struct link_rate *link, uint32_t frame_bytes, int64_t now_ns);

#endif
