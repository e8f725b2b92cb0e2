#ifndef REPLAY_PLAN_FLOW_H
#define REPLAY_PLAN_FLOW_H

/* What a recording tells of the way of each packet: when it left its sender, and whether and when
 * it arrived. With one capture point alone, the other half is estimated by the round-trip time.
 *
 * Bytes of a stream are counted as the path emulator does: byte 0 is the first one behind the SYN,
 * or the first one that was seen. */

#include "replay/recording.h"

struct passage {
  const struct packet *sent;    /* at the point closest to its sender; NULL: it never left there */
  const struct packet *arrived; /* at the other one; NULL: it did not arrive */
  int64_t sent_ns, arrived_ns;  /* TIME_INVALID where it is NULL */
  int64_t first, end;           /* bytes of its stream; end == first: no payload */
  int64_t ack;                  /* acknowledged bytes of the other stream; -1: no ACK flag */
  uint32_t copy;                /* which transmission of its first byte, from 1; 0: no payload */
  bool fresh;                   /* carries bytes that were not sent before */
};

/* All packets of one side, in the order in which they left. */
struct flow_passages {
  struct passage *passages; /* owned */
  size_t count;
  int64_t delay_ns; /* the least there and back, halved if one end is missing */
  uint64_t lost, arrived;
  int64_t bytes; /* the end of what was sent */
};

struct plan_flow {
  const struct recording *recording;
  bool both_ends;    /* sent and arrived are two observations; else one of them is made up */
  int64_t origin_ns; /* the SYN, or the first packet */
  struct flow_passages sides[RECORDING_SIDES]; /* by who sent the packets */
};

/* NULL: no memory. */
struct plan_flow *plan_flow_new(const struct recording *recording);
void plan_flow_free(struct plan_flow *flow); /* NULL is allowed */

/* When it passed a path that lies at half of the way. */
int64_t passage_left_ns(const struct passage *passage);

#endif
