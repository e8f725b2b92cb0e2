#ifndef ANALYZER_HOLD_WATCH_H
#define ANALYZER_HOLD_WATCH_H

/* A verdict of a transmit-queue hold is kept back until what follows has confirmed it:
 *   - what was held leaves in a burst; one segment at a time is pacing (fq, EDT), and that is no
 * stall;
 *   - the packet that kicked the queue may leave right behind the burst (a FIFO sends it last);
 *   - R's clock went on during the silence; if it stood still as well, the capture's own clock was
 * stepped;
 *   - S's clock went on; if it did not, S's host was paused. At most HOLD_WATCHES verdicts wait at
 * once; the oldest one is then let go as it is. */

#include "analyzer/engine.h"

#define HOLD_WATCHES 32u

/* Takes a copy of the finding (a stall with cause tx-queue-hold that has just ended). owed_ns: what
 * the budget gave the queue for it. */
void hold_watch_begin(struct analyzer *analyzer, struct connection *connection,
                      const struct finding *finding, const struct packet *released,
                      int64_t owed_ns);

/* Every packet, before it is tracked; connection_id 0: not TCP. Cheap while nothing is watched. */
void hold_watch_packet(struct analyzer *analyzer, const struct packet *packet,
                       uint64_t connection_id);

/* Verdicts that have waited as long as they may by now_ns. */
void hold_watch_advance(struct analyzer *analyzer, int64_t now_ns);

/* The connection is forgotten without a summary: so are its verdicts. */
void hold_watch_drop(struct analyzer *analyzer, const struct connection *connection);

/* The connection ends: its verdicts are given now. */
void hold_watch_flush(struct analyzer *analyzer, const struct connection *connection);

#endif
