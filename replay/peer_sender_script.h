#ifndef REPLAY_PEER_SENDER_SCRIPT_H
#define REPLAY_PEER_SENDER_SCRIPT_H

/* What a receiver's end saw of a connection, told as what its peer (the data sender and the path
 * together) sent, and what of the receiver's own words each segment had waited for: the part that
 * is played to a live receiver. Positions as in rebase.h. */

#include "replay/peer_script.h"

/* A segment of the played side. It is due `delay_ns` after the live side has acknowledged up to
 * wait_ack, opened its window up to wait_edge and sent up to wait_near. */
struct sender_step {
  int64_t at_ns; /* since the recording's start */
  int64_t wait_ack, wait_edge, wait_near;
  int64_t delay_ns;
  int64_t seq, ack;
  uint32_t payload_bytes;
  uint16_t flags, window;
  uint32_t ts_val;
  bool has_ts;
  bool corrupted; /* its checksum was wrong on arrival */
  bool stale;     /* its timestamp is older than one before (RFC 7323, 5) */
  bool suspected; /* it came late, or wrong, in the finding's time */
};

struct sender_script {
  enum recording_side near; /* the live one */
  bool near_opens, whole;
  struct peer_syn syn; /* of the played side, as it arrived */
  uint8_t near_shift;  /* of the windows that the near side announces */
  int64_t rtt_ns;      /* from the near side's word to what comes of it, at least */
  int64_t syn_delay_ns;
  int64_t span_ns;
  int64_t stall_from_ns, stall_to_ns; /* TIME_INVALID: none */
  int64_t far_bytes;
  uint32_t corrupted, stale;
  struct sender_step *steps; /* owned; in the order of arrival, without the SYN */
  uint32_t step_count;
};

/* As peer_script_make(), for the side that receives the data. */
int sender_script_make(struct sender_script *script, const struct recording *recording,
                       const struct recording_point *point, enum recording_side near,
                       const struct recorded_finding *target, struct error *error);
void sender_script_clear(struct sender_script *script);

/* Without what is suspected: segments come whole, with good timestamps, and without waits. Returns
 * false if nothing was. */
bool sender_script_relieve(struct sender_script *script);

#endif
