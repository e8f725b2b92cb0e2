#ifndef ANALYZER_RWND_RUN_H
#define ANALYZER_RWND_RUN_H

/* Crawls made of waits that are each no longer than a round trip: R's window is so small that S can
 * only send a little per round. The kernel counts the same as rwnd_limited (tcp_chrono). */

#include "analyzer/engine.h"
#include "analyzer/track.h"

/* Shorter waits than this are the path's own pace. */
#define RWND_WAIT_MIN_NS INT64_C(2000000)

/* A progress of the stream ends a wait that began with the window full (STREAM_EDGE_REACHED). The
 * state is that before it. */
void rwnd_run_add(struct analyzer *analyzer, struct connection *connection, enum stream_side side,
                  const struct segment *segment);

/* Reports the run if it owned most of its time. */
void rwnd_run_close(struct analyzer *analyzer, struct connection *connection,
                    enum stream_side side);

#endif
