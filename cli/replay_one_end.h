#ifndef CLI_REPLAY_ONE_END_H
#define CLI_REPLAY_ONE_END_H

/* What a recording of several capture points tells if only one of them counts: a live run with one
 * live end can show no more. */

#include "replay/recording.h"

#include <stdbool.h>

/* The finding that the point closest to `side` alone has of the recording's target. Returns false
 * if there is one point only, or if that end does not see it: then *seen is not filled. The
 * recording needs its frames. */
bool replay_one_end(const struct recording *recording, enum recording_side side,
                    int64_t min_stall_ns, struct recorded_finding *seen);

#endif
