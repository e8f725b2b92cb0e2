#ifndef REPLAY_PEER_LIVE_H
#define REPLAY_PEER_LIVE_H

/* One live host behind a TAP device, recorded, with the application that the recording's plan
 * gives it; and somebody who plays the other side, frame by frame. */

#include "replay/peer_frames.h"
#include "replay/plan.h"
#include "replay/way.h"

/* The played side: frames and time go in. Times are nanoseconds since the run began. */
struct peer_player {
  void *context;
  void (*frame)(void *context, uint8_t *bytes, uint32_t size, int64_t now_ns);
  void (*advance)(void *context, int64_t now_ns);
  int64_t (*next_ns)(void *context); /* INT64_MAX: not before the next frame */
  /* Whether the run may end, when the application has ended. */
  bool (*is_finished)(void *context, int64_t now_ns);
};

struct peer_live; /* opaque */

/* Makes the host of the recorded side `near`. Its plan is extracted from job->recording. Returns
 * NULL, and *error says why. */
struct peer_live *peer_live_new(const struct replay_job *job, enum recording_side near,
                                struct replay_outcome *outcome, struct error *error);
/* Devices and namespaces go with the process. */
void peer_live_free(struct peer_live *live); /* NULL is allowed */

/* Leaves out what the finding blames of the live host's own: a reader that stops, a small buffer, a
 * pause. Returns false if there is nothing of it. */
bool peer_live_relieve(struct peer_live *live);

/* Addresses and ports; builder is valid until peer_live_free(). */
void peer_live_link(const struct peer_live *live, struct peer_link *link);

/* The player sends its frames there, when they are due. */
struct peer_emitter peer_live_emitter(struct peer_live *live);

/* What is told of a run whose one end is live: what `whole`, the finding of all capture points,
 * is, if job->target, what that end alone tells, is something else; and of a handshake that is not
 * in the trace. */
void peer_live_tell(const struct replay_job *job, const struct recorded_finding *whole,
                    bool handshake, struct replay_outcome *outcome);

/* Records, starts the application, and carries frames until that and the player are done. Fills the
 * outcome's numbers. Returns 0 or a negative error_code. */
int peer_live_run(struct peer_live *live, const struct peer_player *player, struct error *error);

#endif
