#ifndef CAPTURE_RECORDER_CHANNEL_H
#define CAPTURE_RECORDER_CHANNEL_H

/* Messages between the processes of a recorder, with descriptors where one has to be handed over. A
 * channel ends when the process at its other end does. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum recorder_message_type {
  RECORDER_MESSAGE_ASK,    /* worker to keeper: recorder_ask()'s bytes */
  RECORDER_MESSAGE_FILE,   /* worker to keeper: the next file, please. Back: it, or why not */
  RECORDER_MESSAGE_GAP,    /* keeper to worker: an end's interface was away, from_ns to to_ns */
  RECORDER_MESSAGE_LENGTH, /* one more than the last */
};

struct recorder_message {
  uint32_t type;
  uint32_t end;
  int64_t from_ns, to_ns;
};

enum recorder_channel_result {
  RECORDER_CHANNEL_MESSAGE,
  RECORDER_CHANNEL_NONE, /* at present */
  RECORDER_CHANNEL_ENDED
};

#define RECORDER_CHANNEL_BYTES_MAX 4096u

/* Both ends; false: errno says why. */
bool recorder_channel_open(int channel[2]);

/* At most RECORDER_CHANNEL_BYTES_MAX. fd: handed over as well, -1 = none. false: it is full (if it
 * is not to wait), or has ended. */
bool recorder_channel_send(int channel, const struct recorder_message *message, const void *bytes,
                           size_t size, int fd, bool wait);

/* *size: the bytes' room, and then their number. *fd: the receiver's own, or -1. */
enum recorder_channel_result recorder_channel_receive(int channel, struct recorder_message *message,
                                                      void *bytes, size_t *size, int *fd,
                                                      bool wait);

#endif
