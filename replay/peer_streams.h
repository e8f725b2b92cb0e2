#ifndef REPLAY_PEER_STREAMS_H
#define REPLAY_PEER_STREAMS_H

/* What both scripts (peer_script.h, peer_sender_script.h) find out of a capture point first: whose
 * packets these are, and where the two streams begin. */

#include "replay/peer_script.h"
#include "replay/rebase.h"

bool peer_is_tcp(const struct recorded_packet *recorded, enum recording_side from);

static inline enum recording_side peer_far_side(enum recording_side near)
{
  return near == RECORDING_CLIENT ? RECORDING_SERVER : RECORDING_CLIENT;
}

/* A stream whose SYN was not seen: its first number is the lowest of its own packets and of what
 * the other side acknowledges. Leaves it unknown if there is none. */
void peer_stream_begin(struct rebase_stream *stream, const struct recording_point *point,
                       enum recording_side side);

struct peer_syn peer_syn_of(const struct packet *syn);
/* Of a side whose SYN was not seen: what the analysis had to assume. */
struct peer_syn peer_syn_assumed(const struct recorded_host *host);

#endif
