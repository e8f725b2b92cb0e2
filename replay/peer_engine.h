#ifndef REPLAY_PEER_ENGINE_H
#define REPLAY_PEER_ENGINE_H

/* Plays the far side of a recorded connection (peer_script.h) to a live data sender: frames and
 * time go in, frames come out. Pure: no clock, no I/O.
 *
 * What the live side sends is counted, byte by byte and transmission by transmission, and what the
 * recording's path lost is lost again. The rest goes to a model of the receiver. As the model
 * reaches what a recorded answer acknowledged, that answer is due, after the recorded delay. What
 * the recording has no answer for, the model answers by itself: a script alone would wait for ever
 * where the live side sends something else. */

#include "replay/lateness.h"
#include "replay/peer_frames.h"
#include "replay/peer_script.h"

#include <stdint.h>

struct peer_engine; /* opaque */

struct peer_engine_options {
  const struct peer_script *script; /* borrowed */
  struct peer_link link;            /* without numbers: copied */
  uint32_t isn;                     /* of the played side's stream */
  struct peer_emitter emitter;
};

struct peer_engine_stats {
  uint64_t sent, scripted, by_model; /* frames; as recorded; what the recording has no answer for */
  uint64_t lost;                     /* live segments that the recorded path lost */
  uint64_t unused;                   /* recorded answers that were never due */
  int64_t near_bytes;                /* of the live stream that have arrived */
  int64_t differs_at; /* from this position on it was cut otherwise than recorded; -1: nowhere */
  int64_t waits_at;   /* the first unused answer acknowledges this position; -1: none */
  bool reset;         /* the live side sent a reset */
  int64_t reset_at_ns;
};

/* NULL: no memory. Time 0 is when the live side may begin. */
struct peer_engine *peer_engine_new(const struct peer_engine_options *options);
void peer_engine_free(struct peer_engine *engine); /* NULL is allowed */

/* A frame of the live side, changed by nobody. */
void peer_engine_frame(struct peer_engine *engine, uint8_t *bytes, uint32_t size, int64_t now_ns);
void peer_engine_advance(struct peer_engine *engine, int64_t now_ns);
/* When peer_engine_advance() has to be called next; INT64_MAX: not before the next frame. */
int64_t peer_engine_next_ns(const struct peer_engine *engine);

/* All that was recorded has been played, or its time is over. */
bool peer_engine_is_finished(const struct peer_engine *engine, int64_t now_ns);

void peer_engine_get_stats(const struct peer_engine *engine, struct peer_engine_stats *stats);

#endif
