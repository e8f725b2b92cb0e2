#ifndef REPLAY_FLOW_TRACK_H
#define REPLAY_FLOW_TRACK_H

/* Where each TCP stream that crosses the path stands, so that rules can speak of its bytes: byte 0
 * is the first one behind the SYN. A connection whose SYN was not seen counts from the first
 * segment seen. */

#include "replay/frame_view.h"
#include "replay/scenario.h"

#include <stdint.h>

#define FLOW_TRACK_MAX 1024 /* connections; the one silent for the longest is forgotten first */

struct flow_stream {
  bool has_isn;
  uint32_t isn;
  int64_t passed; /* bytes of the stream seen so far, without holes counted */
  uint8_t ttl;    /* of its last frame, 0: none seen */
};

struct flow {
  uint32_t id; /* from 1, never used twice in one run (modulo 2^32) */
  int64_t last_ns;
  struct flow_stream streams[PATH_DIRECTIONS];
  uint8_t key[36]; /* A's address and port, B's */
  uint16_t key_bytes;
  uint16_t next; /* in its chain; index + 1, 0: end */
};

struct flow_track; /* opaque */

/* The bytes [first, end) of its stream that a segment carries; end == first: none. */
struct flow_bytes {
  int64_t first, end;
};

struct flow_track *flow_track_new(void); /* NULL: no memory */
void flow_track_free(struct flow_track *track);

/* A segment that came at now_ns. Returns its connection (valid until the next call), NULL for
 * frames that are no TCP. */
const struct flow *flow_track_segment(struct flow_track *track, enum path_direction direction,
                                      const struct frame_view *view, int64_t now_ns,
                                      struct flow_bytes *bytes);

uint64_t flow_track_forgotten(const struct flow_track *track);

#endif
