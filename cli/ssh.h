#ifndef CLI_SSH_H
#define CLI_SSH_H

/* The ends of a recording that are on other hosts (capture/remote.h): starts them, passes on what
 * they say, ends them, and tells how they ended. All of it is done by the program's first process,
 * which has the rights and the configuration of who started it. */

#include "capture/recorder.h"
#include "capture/remote.h"
#include "wire/error.h"

#include <stdbool.h>
#include <stdint.h>

struct ssh_ends; /* opaque */

struct ssh_options {
  const char *program;           /* --ssh; NULL = "ssh" */
  struct remote_capture capture; /* what is captured there */
  /* Packets that tcpdump says its kernel has dropped over there; NULL = nobody asks. */
  void (*dropped)(void *context, uint32_t end, uint64_t packets);
  void *context;
};

/* Starts what is on another host: each end whose `interface` is "ssh:..." becomes a RECORDER_STREAM
 * with its stream_fd. *ssh_ends is NULL if there is none. 0 or a negative error_code, then nothing
 * runs. */
int ssh_ends_open(struct ssh_ends **ssh_ends, struct recorder_end_options *ends, uint32_t end_count,
                  const struct ssh_options *options, struct error *error);

/* All of these take NULL. */

/* Now and then: prints what they have said meanwhile. */
void ssh_ends_tick(struct ssh_ends *ssh_ends);
/* In a process that was forked, and is not the keeping side: closes copies of descriptors. */
void ssh_ends_forget(struct ssh_ends *ssh_ends);
struct kick_request;
/* Orders a kick at that end, if it is one of them. */
void ssh_ends_kick(struct ssh_ends *ssh_ends, uint32_t end, const struct kick_request *request);
/* The recording is to end: they send what they still have, and end. Once is enough. */
void ssh_ends_stop(struct ssh_ends *ssh_ends);
/* Waits for them, prints the rest and how they ended if that is not as it should; frees. Returns
 * false if one failed: its capture was not ended by us, or ended badly. */
bool ssh_ends_close(struct ssh_ends *ssh_ends);

#endif
