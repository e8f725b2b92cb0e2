#ifndef REPLAY_PATH_H
#define REPLAY_PATH_H

/* The path between two ends: frames and time go in, frames and what was done to them come out.
 *
 * Pure: no clock, no I/O, no chance but the scenario's seed. Who drives it hands over each frame
 * that A or B sent (path_frame) and lets time pass (path_advance); frames leave through the sink
 * when they are due. A frame passes these stations, in this order: rules that drop, change, hold
 * or answer it, line by line; hold; rates with their queues; delays; lateness.
 *
 * Times are nanoseconds since the path began and never go back. */

#include "replay/flow_track.h"
#include "replay/frame_view.h"
#include "replay/scenario.h"

#include <stdint.h>

/* One thing done, for the log of the truth. The pointers are borrowed for the call. */
struct path_act {
  /* The verb of the rule ("drop"), or begin, end (of a rule's time), release (from a hold),
   * queue-drop (a rate's queue was full), overflow (the memory was full), not-forged. */
  const char *name;
  const struct rule *rule; /* NULL: the path itself */
  int64_t time_ns;
  enum path_direction direction;
  const struct frame_view *view; /* NULL: no frame concerned */
  uint64_t frame_number;         /* n-th frame that came in this direction; 0: none */
  struct flow_bytes bytes;       /* the stream's bytes in it; empty: none, or not known any more */
  int64_t held_ns;               /* release: how long it was held; else -1 */
  int64_t old_value, new_value;  /* of a field that was changed; -1: none */
};

struct path_sink {
  void *context;
  /* A frame leaves in `direction`; due_ns is when it should, at or before the time told last. bytes
   * are borrowed, with the virtio header where the scenario has offload on. */
  void (*emit)(void *context, enum path_direction direction, const uint8_t *bytes, uint32_t size,
               int64_t due_ns);
  void (*act)(void *context, const struct path_act *act);
};

struct path_rule_stats {
  uint64_t matched; /* frames that met the conditions before nth, every, prob and count */
  uint64_t treated;
};

struct path_stats {
  uint64_t frames_in[PATH_DIRECTIONS], frames_out[PATH_DIRECTIONS];
  uint64_t bytes_in[PATH_DIRECTIONS], bytes_out[PATH_DIRECTIONS];
  uint64_t dropped[PATH_DIRECTIONS];       /* by rules */
  uint64_t queue_dropped[PATH_DIRECTIONS]; /* by the queue of a rate */
  uint64_t overflowed[PATH_DIRECTIONS];    /* for want of memory */
  uint64_t duplicated, forged, not_forged;
  uint64_t flows_forgotten, copies_uncounted;
  uint64_t memory_bytes, memory_peak_bytes; /* in frames on their way */
};

struct path; /* opaque */

#define PATH_VNET_BYTES 10 /* struct virtio_net_hdr in front of each frame, with offload on */
#define PATH_FRAME_MAX  (65536 + 256 + PATH_VNET_BYTES)

/* The scenario is borrowed until path_free(). NULL: no memory, or no frame builder (error says). */
struct path *path_new(const struct scenario *scenario, const struct path_sink *sink,
                      struct error *error);

/* Frames on their way are lost. */
void path_free(struct path *path);

/* A frame of `size` bytes (at most PATH_FRAME_MAX) came at now_ns; it may be changed in place. The
 * bytes are free again when the call returns. */
void path_frame(struct path *path, enum path_direction direction, uint8_t *bytes, uint32_t size,
                int64_t now_ns);

/* Time has passed: rules open and close, frames leave. */
void path_advance(struct path *path, int64_t now_ns);

/* For from=signal and until=signal. */
void path_signal(struct path *path, int64_t now_ns);

/* When path_advance() has to be called next; INT64_MAX: not before the next frame. */
int64_t path_next_ns(const struct path *path);

void path_get_stats(const struct path *path, struct path_stats *stats);
void path_get_rule_stats(const struct path *path, uint32_t rule, struct path_rule_stats *stats);

#endif
