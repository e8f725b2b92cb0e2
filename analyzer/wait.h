#ifndef ANALYZER_WAIT_H
#define ANALYZER_WAIT_H

/* The owner of every instant: what happens at each progress of a stream, and what a longer wait is
 * made into. */

#include "analyzer/engine.h"
#include "analyzer/track.h"

/* A progress younger than SRTT + 4 RTTVAR + this is `moving`: Linux's shortest delayed ACK
 * (TCP_DELACK_MIN, 40 ms). */
#define DELAYED_ACK_ALLOWANCE_NS INT64_C(40000000)
/* What stands for the part of the way that nothing was measured of yet (mid-stream): a satellite's
 * 600 ms and some. */
#define RTT_ALLOWANCE_UNKNOWN_NS INT64_C(700000000)

/* How long after its last progress this stream still counts as moving. */
int64_t wait_allowance_ns(const struct connection *connection, enum stream_side side);

/* The stream makes progress with this packet (its state is still that before it): closes the wait,
 * if it was one. */
void wait_progress(struct analyzer *analyzer, struct connection *connection, enum stream_side side,
                   const struct segment *segment, bool by_ack);

/* The verdict about a wait that still lasts, as far as it can be made at now_ns; location none:
 * there is nothing to say. */
void wait_judge_open(struct analyzer *analyzer, struct connection *connection,
                     enum stream_side side, int64_t now_ns, struct finding *finding);

/* No progress will come: capture end, reset or retirement. */
void wait_end(struct analyzer *analyzer, struct connection *connection, enum stream_side side,
              enum ended_by how, int64_t end_ns);

#endif
