#ifndef ANALYZER_HANDSHAKE_H
#define ANALYZER_HANDSHAKE_H

/* How connections begin and how they are cut short. */

#include "analyzer/engine.h"
#include "analyzer/track.h"

/* Counts SYNs and SYN-ACKs, and notices when the connection is established. */
void handshake_count(struct analyzer *analyzer, struct connection *connection,
                     enum stream_side side, const struct packet *packet, int64_t now_ns);

/* true if no TCP would take this RST of `side`: its number lies outside the window. */
bool reset_is_ignored(const struct connection *connection, enum stream_side side,
                      const struct packet *reset);

/* A RST of `side`: ends the open waits and reports the abort (rules_abort.c). */
void handshake_or_abort_by_reset(struct analyzer *analyzer, struct connection *connection,
                                 enum stream_side side, const struct segment *segment);

/* New data of `side` came behind the other side's reset. */
void abort_note_late_data(struct analyzer *analyzer, struct connection *connection,
                          enum stream_side side, const struct segment *segment);
/* Tells what was kept back, and forgets it; analyzer NULL: forgets it. */
void abort_release(struct analyzer *analyzer, struct connection *connection);

/* The connection ends with SYNs that nobody answered, or with retransmissions given up
 * (rules_abort.c). */
void abort_by_silence(struct analyzer *analyzer, struct connection *connection);

#endif
