#ifndef ANALYZER_ADVANCE_H
#define ANALYZER_ADVANCE_H

/* Waits while they last: analyzer_advance() and what the other files of this room tell it.
 *
 * A queue orders connections by the time of their next look. A packet puts its connection into the
 * queue, min_stall ahead, unless it is there already; so a busy connection is looked at a few times
 * a second, an idle one ever more seldom, and a packet costs a comparison. Nothing of this happens
 * before the first analyzer_advance(). */

#include "analyzer/engine.h"

/* A packet of that connection, or a sample of it, was seen: it will be looked at. */
void advance_watch(struct analyzer *analyzer, struct connection *connection);

/* The connection is about to be released. */
void advance_forget(struct analyzer *analyzer, struct connection *connection);

/* How an open wait ended. finding: its last verdict, which goes out now as closed, under the id
 * that it was opened with; NULL: it is none any more. Nothing happens if none was open. */
void advance_close(struct analyzer *analyzer, struct connection *connection, enum stream_side side,
                   const struct finding *finding, int64_t end_ns);

/* The same for a verdict that is kept back until what follows has confirmed it (hold_watch.h):
 * tells it as revised, and gives it the id under which it will be closed. */
void advance_keep(struct analyzer *analyzer, struct connection *connection,
                  struct finding *finding);

void advance_free(struct analyzer *analyzer);

#endif
