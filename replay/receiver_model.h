#ifndef REPLAY_RECEIVER_MODEL_H
#define REPLAY_RECEIVER_MODEL_H

/* The receiving half of a TCP, as far as its sender can see it (RFC 9293, 3.10.7.4; RFC 2018; RFC
 * 2883; RFC 7323, 4.3): what has arrived, what is acknowledged, selectively and once more, and
 * which timestamp is echoed. When it says so is somebody else's. Positions as in rebase.h. */

#include <stdbool.h>
#include <stdint.h>

#define RECEIVER_RANGES_MAX 256 /* out of order; the last one is forgotten first */
#define RECEIVER_SACK_MAX   4   /* with timestamps three fit (RFC 2018, 3) */

struct receiver_range {
  int64_t first, end;
};

struct receiver_model {
  int64_t next;       /* RCV.NXT; below REBASE_SYN_POSITION never */
  uint32_t ts_recent; /* TS.Recent */
  bool has_ts;
  int64_t last_ack; /* Last.ACK.sent (RFC 7323, 4.3) */
  /* Above next, in order, disjoint, none empty and none touching. */
  struct receiver_range ranges[RECEIVER_RANGES_MAX];
  uint32_t range_count;
  struct receiver_range latest;    /* the range that changed last: reported first */
  struct receiver_range duplicate; /* of the last segment; empty: none */
};

enum receiver_verdict {
  RECEIVER_ADVANCED,     /* next has moved */
  RECEIVER_OUT_OF_ORDER, /* kept: an immediate ACK is due (RFC 5681, 4.2) */
  RECEIVER_DUPLICATE     /* nothing new: an immediate ACK is due */
};

/* Expects the SYN. */
void receiver_model_init(struct receiver_model *model);

/* The positions [first, end) have arrived, first <= end; `edge` is the right edge of the window
 * that was announced: what is beyond is thrown away. Empty: a probe. */
enum receiver_verdict receiver_model_take(struct receiver_model *model, int64_t first, int64_t end,
                                          int64_t edge);

/* The timestamp of a segment that has arrived, before receiver_model_take() is told of it. */
void receiver_model_timestamp(struct receiver_model *model, int64_t first, uint32_t ts_val);

/* The SACK blocks of an ACK that is sent now, DSACK first. Returns how many (at most `max`). */
uint32_t receiver_model_sack(const struct receiver_model *model,
                             struct receiver_range blocks[RECEIVER_SACK_MAX], uint32_t max);

#endif
