#ifndef ANALYZER_SOCKET_WITNESS_H
#define ANALYZER_SOCKET_WITNESS_H

/* The samples of one socket of a connection, wherever they were taken, asked by time. */

#include "analyzer/engine.h"
#include "analyzer/sample_store.h"

struct socket_witness {
  const struct sample_store *store;     /* of the capture point where it was sampled */
  const struct socket_history *history; /* its key.end says which */
};

/* true: the socket of `side` was sampled, at this capture point or at another one. */
bool socket_witness_find(const struct analyzer *analyzer, const struct connection *connection,
                         enum stream_side side, struct socket_witness *witness);

/* true: that side's socket was sampled at that capture point, so the point is on its host. */
bool socket_witness_is_at(const struct analyzer *analyzer, const struct connection *connection,
                          enum stream_side side, uint8_t end);

/* Of one store, where the sides have these addresses. */
bool socket_witness_at(const struct sample_store *store, uint8_t end, const struct endpoint *own,
                       const struct endpoint *peer, struct socket_witness *witness);

/* Bits of enum stream_side: whose sockets were sampled at this capture point. */
uint8_t socket_witness_sides(const struct analyzer *analyzer, const struct connection *connection);

/* A stretch of time in which the socket was in one state: from its first to its last sample. When
 * it changed, between that one and the next piece, nobody knows. */
struct socket_piece {
  const struct sample_socket *state;
  int64_t from_ns, until_ns;
  uint32_t number, samples; /* the first sample of it; how many there are of it in all */
};

/* Goes through from_ns .. until_ns: true and *piece, as long as there is one. *index: 0 at first.
 * Times before the first sample, behind the last one, and in gaps belong to no piece. */
bool socket_witness_next(const struct socket_witness *witness, int64_t from_ns, int64_t until_ns,
                         uint32_t *index, struct socket_piece *piece);

/* Two pieces in a row that mean the same: so does the time between them. Puts the second one's
 * beginning back to before_ns, the end of the first, unless that is too long ago. */
void socket_piece_join(struct socket_piece *piece, int64_t before_ns);

/* The state at that time, as the last sample at or before it says; NULL: none, or too long ago. */
const struct sample_socket *socket_witness_state(const struct socket_witness *witness,
                                                 int64_t time_ns);

#endif
