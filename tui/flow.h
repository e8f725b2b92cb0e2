#ifndef TUI_FLOW_H
#define TUI_FLOW_H

/* Where the bytes of a stream are at a moment, as far as packets tell. */

#include "tui/model.h"

struct flow {
  bool known;    /* else all is 0 */
  bool two_ends; /* the last three are known */
  /* as the sender's end has it (or the only one): sent, and no ACK has come */
  uint64_t outstanding_bytes;
  uint64_t window_bytes; /* as announced last; 0 before anything was */
  /* left the sender's end and not at the receiver's: on the way, or lost */
  uint64_t path_bytes;
  uint64_t unacked_bytes; /* at the receiver's end, not acknowledged there */
  uint64_t ack_bytes;     /* acknowledged there, the ACK not at the sender's end */
};

/* Of what that side sends; packets: that connection's. */
struct flow flow_at(const struct model_packets *packets, const struct model_connection *connection,
                    enum stream_side side, int64_t time_ns);

#endif
