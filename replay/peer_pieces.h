#ifndef REPLAY_PEER_PIECES_H
#define REPLAY_PEER_PIECES_H

/* The transmissions of a stream, piece by piece, and which of them was answered; the inside of
 * peer_script.c. */

#include "replay/peer_script.h"

#define PEER_COPIES_MAX 16 /* of a piece whose times are kept: the first ones, and the last */

struct peer_transmission {
  int64_t first, end; /* positions, first < end */
  int64_t time_ns;
  uint32_t ts_val;
};

struct peer_copies {
  int64_t first, end;
  uint32_t count; /* transmissions */
  int64_t times_ns[PEER_COPIES_MAX];
  uint32_t ts_vals[PEER_COPIES_MAX];
  int64_t covered_ns, selected_ns; /* INT64_MAX: never; by a cumulative ACK, by SACK */
  bool is_edge;                    /* the ACK's timestamp echoes one of these transmissions */
  uint32_t ts_ecr;
};

struct peer_pieces {
  struct peer_copies *copies; /* owned; in order, disjoint */
  uint32_t count, room;
  uint32_t acknowledged; /* those before are covered */
  uint32_t splits;
};

void peer_pieces_clear(struct peer_pieces *pieces);

/* Returns 0, ERROR_MEMORY or ERROR_LIMIT. */
int peer_pieces_add(struct peer_pieces *pieces, const struct peer_transmission *sent,
                    struct error *error);

/* [from, to) is acknowledged for the first time. ts_ecr: NULL if nothing is echoed. */
void peer_pieces_acknowledge(struct peer_pieces *pieces, int64_t from, int64_t to, int64_t time_ns,
                             const uint32_t *ts_ecr);
/* A SACK block. */
void peer_pieces_select(struct peer_pieces *pieces, int64_t first, int64_t end, int64_t time_ns);

/* The least time from a piece that was sent once to its answer; 0: none was. */
int64_t peer_pieces_rtt_ns(const struct peer_pieces *pieces);

/* Decides, and fills script->pieces. script->rtt_ns and span_ns are there. Returns 0 or
 * ERROR_MEMORY. */
int peer_pieces_settle(const struct peer_pieces *pieces, struct peer_script *script,
                       struct error *error);

#endif
