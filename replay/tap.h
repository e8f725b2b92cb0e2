#ifndef REPLAY_TAP_H
#define REPLAY_TAP_H

/* A TAP device: it exists as long as its descriptor is open, so nothing is left behind however the
 * process ends. */

#include "wire/error.h"

#include <stdbool.h>
#include <stdint.h>

struct tap {
  int descriptor;       /* owned; non-blocking; a frame a read, a frame a write */
  int statistics;       /* owned; -1: none */
  char name[16];        /* as the kernel has it */
  bool offload;         /* frames have a virtio header, and may be super-segments */
  uint32_t ring_frames; /* what the kernel keeps until we read */
};

/* Makes it in the network namespace `netns` (-1: the present one) and sets it up. `name` may be a
 * pattern as "tap%d". ring_frames 0: the kernel's default. Returns 0 or ERROR_IO. */
int tap_open(struct tap *tap, int netns, const char *name, bool offload, uint32_t ring_frames,
             struct error *error);
void tap_close(struct tap *tap);

/* Frames that the kernel threw away since the device was made because its ring was full: we were
 * too slow. -1: not known. */
int64_t tap_ring_drops(const struct tap *tap);

#endif
