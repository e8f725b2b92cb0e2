#ifndef REPLAY_PEER_SENDER_ENGINE_H
#define REPLAY_PEER_SENDER_ENGINE_H

/* Plays the data sender of a recorded connection (peer_sender_script.h) to a live receiver. Pure:
 * frames and time go in, frames come out.
 *
 * Each recorded segment is sent when the live receiver has said what the recorded sender had heard
 * before it sent that segment, after the recorded delay. Where the live receiver does not say it in
 * time, the sender does what any TCP does: it sends the oldest unacknowledged byte again, or asks
 * for a window (RFC 9293, 3.8.1, 3.8.6.1), at doubling intervals. */

#include "replay/peer_frames.h"
#include "replay/peer_sender_script.h"

struct sender_engine; /* opaque */

struct sender_engine_options {
  const struct sender_script *script; /* borrowed */
  struct peer_link link;              /* without numbers: copied */
  uint32_t isn;
  struct peer_emitter emitter;
};

struct sender_engine_stats {
  uint64_t sent, again; /* frames; of these, by the rule above, not as recorded */
  uint64_t left;        /* recorded segments that were never due */
  int64_t acked;        /* of the played stream */
  int64_t waits_ack;    /* what the first of them waits for; -1: none is left */
  bool reset;
  int64_t reset_at_ns;
};

struct sender_engine *sender_engine_new(const struct sender_engine_options *options);
void sender_engine_free(struct sender_engine *engine); /* NULL is allowed */

void sender_engine_frame(struct sender_engine *engine, uint8_t *bytes, uint32_t size,
                         int64_t now_ns);
void sender_engine_advance(struct sender_engine *engine, int64_t now_ns);
int64_t sender_engine_next_ns(struct sender_engine *engine);
bool sender_engine_is_finished(const struct sender_engine *engine, int64_t now_ns);
void sender_engine_get_stats(const struct sender_engine *engine, struct sender_engine_stats *stats);

#endif
