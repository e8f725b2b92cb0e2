#ifndef REPLAY_WIRE_REPLAY_FRAME_H
#define REPLAY_WIRE_REPLAY_FRAME_H

/* A recorded frame as a TAP device takes it: Ethernet, whole, without frame check sequence. What is
 * Ethernet stays as it was recorded, byte by byte, as far as it was recorded. */

#include "wire/packet.h"

#include <stdint.h>

enum wire_replay_change {
  WIRE_REPLAY_VERBATIM,
  /* The snap length cut it off: zeros stand for the rest, and where that is TCP's payload the
   * checksum was made anew, so that a receiver does not see damage that was not there. */
  WIRE_REPLAY_FILLED,
  WIRE_REPLAY_HEADED, /* it came without Ethernet's header: one was made up (perhaps filled, too) */
  WIRE_REPLAY_IMPOSSIBLE /* a link type that has no place on Ethernet, or too long */
};

/* Writes to `out` (WIRE_REPLAY_FRAME_MAX bytes, wire_replay_ring.h) and sets *size. */
enum wire_replay_change wire_replay_frame_make(const struct frame *frame, uint8_t *out,
                                               uint32_t *size);

#endif
