#ifndef REPLAY_WIRE_REPLAY_DEVICE_H
#define REPLAY_WIRE_REPLAY_DEVICE_H

/* A TAP device onto which recorded frames are played, in both directions: one that arrives is
 * written to the device's descriptor, one that leaves is sent by a packet socket, as a program in
 * the namespace would, and taken off the descriptor again. A capture on the device so sees each
 * frame in the direction in which it was recorded. Nobody's protocols take part: a namespace of our
 * own has no address. */

#include "replay/tap.h"
#include "wire/error.h"

#include <stdbool.h>
#include <stdint.h>

struct wire_replay_counts {
  int64_t received, received_dropped; /* frames, by the kernel's own counters; -1: not known */
  int64_t sent, sent_dropped;
};

struct wire_replay_device {
  struct tap tap;                  /* owned */
  int packets;                     /* owned: the packet socket */
  uint64_t arrived, left;          /* frames that the kernel took from us */
  uint64_t bytes;                  /* of these */
  uint64_t refused;                /* frames that it did not take */
  int refused_errno;               /* why the first of them was not */
  uint64_t drained;                /* frames read off the device's descriptor */
  struct wire_replay_counts start; /* when it was opened */
};

/* Makes the device in `netns` (-1: the present one), or attaches to one of that name that exists
 * and that nobody uses. ours: the namespace was made for this, and is kept quiet. Returns 0 or
 * ERROR_IO. */
int wire_replay_device_open(struct wire_replay_device *device, int netns, const char *name,
                            bool ours, struct error *error);
void wire_replay_device_close(struct wire_replay_device *device);

/* true: the kernel took the frame. */
bool wire_replay_device_play(struct wire_replay_device *device, const uint8_t *bytes, uint32_t size,
                             bool out);

/* Reads off what has left the device, at most `frames` of them; returns how many. */
uint32_t wire_replay_device_drain(struct wire_replay_device *device, uint32_t frames);

/* Since the device was opened. */
void wire_replay_device_counts(const struct wire_replay_device *device,
                               struct wire_replay_counts *counts);

#endif
