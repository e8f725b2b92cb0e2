#ifndef REPLAY_PEER_SCRIPT_H
#define REPLAY_PEER_SCRIPT_H

/* What one capture point saw of a connection, told as what the far side (the receiver and the path
 * together) did in answer to the near one: the part that is played against a live kernel.
 *
 * The near side's stream is cut into pieces, each with the transmission of it that was answered:
 * those before were lost, or their answers were, which is the same seen from here. What the far
 * side sent are events, each at a distance from when the byte that it acknowledges was sent (that
 * transmission of it). So whatever the live kernel does, and whenever, each answer has its time.
 * Positions as in rebase.h. */

#include "replay/recording.h"
#include "wire/error.h"
#include "wire/timestamp.h"

#include <stdbool.h>
#include <stdint.h>

#define PEER_COPY_NEVER  UINT32_MAX
#define PEER_TIME_MAX_NS (INT64_C(1) << 60) /* what hostile clocks are cut to */
#define PEER_BYTES_MAX   (1u << 20)         /* what is played of a segment that claims more */

/* Time since the start, however strange both are: sums and differences of a few do not overflow. */
static inline int64_t peer_elapsed_ns(int64_t time_ns, int64_t start_ns)
{
  int64_t elapsed_ns = 0;
  if (!time_is_valid(time_ns) || !time_is_valid(start_ns))
    return 0;
  if (__builtin_sub_overflow(time_ns, start_ns, &elapsed_ns))
    return time_ns > start_ns ? PEER_TIME_MAX_NS : -PEER_TIME_MAX_NS;
  if (elapsed_ns > PEER_TIME_MAX_NS)
    return PEER_TIME_MAX_NS;
  return elapsed_ns < -PEER_TIME_MAX_NS ? -PEER_TIME_MAX_NS : elapsed_ns;
}

/* Bytes that were sent together, and what became of them. Pieces are in order and disjoint. */
struct peer_piece {
  int64_t first, end;
  uint32_t copy;       /* which transmission was answered, from 1; PEER_COPY_NEVER: none */
  int64_t sent_ns;     /* its first transmission, since the recording's start */
  int64_t received_ns; /* the one that was answered, or else the last one */
  int64_t reached_ns;  /* when that of all bytes up to its end had been sent */
  int64_t latency_ns; /* from then to the first cumulative ACK of all of it; INT64_MAX: none came */
  bool suspected;     /* in the finding's time, by our means: another copy than the first, late */
};

enum peer_event_kind {
  PEER_ACK,    /* acknowledges more than any before */
  PEER_UPDATE, /* changes the window, unasked */
  PEER_EDGE,   /* the same, but told by the answer to a probe only: nothing is sent for it */
  PEER_DATA,   /* carries data */
  PEER_FIN,
  PEER_RESET
};

struct peer_event {
  enum peer_event_kind kind;
  int64_t at_ns;    /* since the recording's start */
  int64_t ack;      /* the near side's position that it acknowledges */
  int64_t delay_ns; /* since all up to there had been sent (peer_piece.reached_ns) */
  int64_t built_ns; /* the same, of when the far side made it, by its timestamp; 0 .. delay_ns */
  int64_t edge;     /* right edge of the window, a position */
  uint16_t window;  /* raw */
  uint16_t flags;
  int64_t seq; /* of the far side's stream */
  uint32_t payload_bytes;
  uint32_t ts_val;
  bool has_ts;
  bool suspected; /* in the finding's time: what a control changes */
};

/* As the near end saw it: perhaps not as it was sent. */
struct peer_syn {
  uint16_t window, mss;
  bool has_wscale;
  uint8_t wscale;
  bool sack_permitted, timestamps;
};

struct peer_script {
  enum recording_side near; /* the live one */
  bool near_opens;
  bool whole; /* the handshake was seen */
  struct peer_syn syn;
  uint32_t syn_copy;             /* which of the near side's SYNs (SYN-ACKs) was answered, from 1 */
  int64_t syn_delay_ns;          /* from that to its answer */
  int64_t rtt_ns;                /* the least from a segment to its ACK: the path alone */
  uint8_t shift;                 /* of the windows in the events */
  int64_t window_max;            /* bytes; largest */
  int64_t near_bytes, far_bytes; /* of the streams, as far as seen */
  int64_t span_ns;               /* from the first packet to the last */
  int64_t stall_from_ns, stall_to_ns; /* the finding's; TIME_INVALID: none */
  bool reader_blamed;        /* each of its pauses is suspected, not only that of the finding */
  struct peer_piece *pieces; /* owned */
  uint32_t piece_count;
  struct peer_event *events; /* owned; in order of at_ns */
  uint32_t event_count;
  bool unanswered;      /* something was never answered until the recording's end */
  uint32_t lost_pieces; /* whose first transmission was not answered */
  uint32_t unplaced;    /* packets of the far side that answer nothing we know */
};

/* target: NULL or what is to be reproduced. Returns 0; or ERROR_USAGE (what is missing), or
 * ERROR_MEMORY, ERROR_LIMIT; then there is nothing to clear. */
int peer_script_make(struct peer_script *script, const struct recording *recording,
                     const struct recording_point *point, enum recording_side near,
                     const struct recorded_finding *target, struct error *error);
void peer_script_clear(struct peer_script *script);

/* Without what is suspected: loss, holds, waits for the window. Returns false if nothing was. */
bool peer_script_relieve(struct peer_script *script, const struct peer_syn *true_syn);

/* The piece that holds a position; NULL: none. */
const struct peer_piece *peer_script_piece(const struct peer_script *script, int64_t position);

#endif
