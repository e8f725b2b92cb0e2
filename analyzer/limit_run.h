#ifndef ANALYZER_LIMIT_RUN_H
#define ANALYZER_LIMIT_RUN_H

/* Crawls made of waits that are each no longer than a round trip: R's window is so small that S can
 * only send a little per round (what the kernel counts as rwnd_limited, tcp_chrono), or S stops by
 * itself at the same flight each round (cwnd, send buffer). */

#include "analyzer/engine.h"
#include "analyzer/track.h"

/* Shorter waits than this are the path's own pace. */
#define LIMIT_WAIT_MIN_NS INT64_C(2000000)

/* A progress of the stream ends a wait that began with the window full (STREAM_EDGE_REACHED), or
 * with a constant flight out. The state is that before it. */
void limit_run_add(struct analyzer *analyzer, struct connection *connection, enum stream_side side,
                   const struct segment *segment, bool by_ack);

/* New data of S, right after limit_run_add(): if it was an ACK's release, S had waited for that. */
void limit_run_release(struct analyzer *analyzer, struct connection *connection,
                       enum stream_side side, const struct segment *segment);

/* Reports the run if it owned most of its time. */
void limit_run_close(struct analyzer *analyzer, struct connection *connection,
                     enum stream_side side);

#endif
