#ifndef REPLAY_WIRE_REPLAY_H
#define REPLAY_WIRE_REPLAY_H

/* Plays recorded frames onto TAP devices at their recorded times.
 *
 * Every frame has an absolute deadline: the start plus its time in the recording, divided by the
 * speed. So what one frame comes late is not added to the next one's, and the pace does not drift.
 * The player sleeps until shortly before and waits the rest awake; it has real-time priority where
 * that is allowed. Frames come from a thread of their own, through a ring that is full before the
 * start. */

#include "replay/lateness.h"
#include "replay/wire_replay_device.h"
#include "replay/wire_replay_ring.h"

#include <stdbool.h>
#include <stdint.h>

/* Where the frames come from. Called on a thread of the player's own. */
struct wire_replay_source {
  void *context;
  /* The next frame, in the order of at_ns; its bytes are valid until the next call. Returns 1, 0 at
   * the end, or a negative error_code. */
  int (*next)(void *context, struct wire_replay_frame *frame, const uint8_t **bytes,
              struct error *error);
};

struct wire_replay_options {
  struct wire_replay_source source;
  struct wire_replay_device *devices; /* by lane; borrowed */
  uint32_t device_count;
  double speed;             /* 2: twice as fast; 0: as fast as it goes */
  int64_t lead_ns;          /* from the call to the first frame, at least */
  volatile const int *stop; /* NULL, or ends the replay when it turns non-zero */
  bool ordinary;            /* no real-time priority */
};

struct wire_replay_result {
  uint64_t frames;     /* played, the refused ones too */
  int64_t played_ns;   /* from the first frame's deadline to when the last one was handed over */
  int64_t recorded_ns; /* from the first frame to the last one played */
  int64_t drift_ns;    /* the last frame's lateness */
  struct lateness lateness; /* from the deadline to when the kernel had the frame; speed > 0 */
  uint64_t starved;         /* times that the trace was not read fast enough */
  bool realtime;            /* real-time priority was had */
  bool interrupted;         /* by `stop` */
};

/* Returns 0, or what the source returned (the frames before were played), or ERROR_MEMORY. */
int wire_replay_run(const struct wire_replay_options *options, struct wire_replay_result *result,
                    struct error *error);

#endif
