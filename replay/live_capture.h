#ifndef REPLAY_LIVE_CAPTURE_H
#define REPLAY_LIVE_CAPTURE_H

/* Records a live run: `tcpstall capture` as a child process, with socket and queue samples. The
 * child is killed with its parent. */

#include "replay/way.h"

#include <sys/types.h>

struct live_capture_end {
  const char *interface;
  int netns; /* descriptor; -1: the present one */
};

struct live_capture {
  pid_t pid;    /* 0: none */
  int messages; /* what it says; owned */
};

/* Returns when it records, 0, or a negative error_code. */
int live_capture_start(struct live_capture *capture, const char *program, const char *path,
                       const struct live_capture_end *ends, uint32_t end_count,
                       struct error *error);
/* Ends it, in peace; returns 0, or ERROR_IO if it had failed. */
int live_capture_stop(struct live_capture *capture, struct error *error);

#endif
