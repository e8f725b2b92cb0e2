#ifndef ANALYZER_RESUME_WATCH_H
#define ANALYZER_RESUME_WATCH_H

/* Silence after everything was acknowledged looks like an application that has nothing to send;
 * how the stream goes on may tell otherwise. Such a verdict is kept back for a round trip:
 *   - the first segment leaves again, sooner than any signal of R can have asked for it: the
 * sender's TCP had sent it long ago, and took it for lost. It waited below TCP (tx-queue-hold);
 *   - one full segment, pushed, goes ahead alone, and much more comes on its ACK or right behind
 * it: TCP had that waiting, with room to send it, and yet it probed. That is what a timer does
 * after its own host has refused what it sent (local-drop-output). Linux: tcp_write_wakeup()
 * cuts one segment off and sets PSH; it runs with an open window only where sending has failed.
 * At most RESUME_WATCHES verdicts wait at once; the oldest one is then let go as it is. */

#include "analyzer/situation.h"

#define RESUME_WATCHES 32u

/* Whether that verdict (of a wait that new data has ended) is to be kept back. */
bool resume_watch_wants(const struct situation *situation, const struct finding *finding);

/* Takes a copy of it. owed_ns: what the budget gave its place for it. */
void resume_watch_begin(struct analyzer *analyzer, struct connection *connection,
                        const struct situation *situation, const struct finding *finding,
                        int64_t owed_ns);

/* Every segment, classified, before it changes the connection. Cheap while nothing is watched. */
void resume_watch_segment(struct analyzer *analyzer, const struct connection *connection,
                          enum stream_side side, const struct segment *segment);

/* How a stream's bursts begin, by a segment that is not tracked yet. */
void resume_watch_note_start(struct stream *stream, const struct segment *segment);

/* As those of hold_watch.h. */
void resume_watch_advance(struct analyzer *analyzer, int64_t now_ns);
void resume_watch_drop(struct analyzer *analyzer, const struct connection *connection);
void resume_watch_flush(struct analyzer *analyzer, const struct connection *connection);

#endif
