#ifndef REPLAY_TRUTH_LOG_H
#define REPLAY_TRUTH_LOG_H

/* The truth: what the path did, as JSON, one object a line (docs/scenario.md has the fields). */

#include "replay/lateness.h"
#include "replay/path.h"

#include <stdbool.h>
#include <stdio.h>

struct truth_log; /* opaque */

/* What the driver of a path knows besides path_stats. */
struct truth_end {
  int64_t time_ns, wall_ns;
  int64_t
      cpu_ns; /* that the process has used, the kernel's work for its reads and writes included */
  const struct path *path;
  const struct lateness *lateness;          /* of frames that had to wait */
  uint64_t write_failures[PATH_DIRECTIONS]; /* frames that the device did not take */
  int64_t ring_drops[PATH_DIRECTIONS];      /* frames lost before they came to us; -1: not known */
};

/* Writes to `stream`, which stays the caller's. NULL: no memory. */
struct truth_log *truth_log_new(FILE *stream);
void truth_log_free(struct truth_log *log);

/* The first line: what is about to run. names: of the two devices. */
void truth_log_start(struct truth_log *log, const struct scenario *scenario, int64_t wall_ns,
                     const char *const names[PATH_DIRECTIONS]);
void truth_log_act(struct truth_log *log, const struct path_act *act, int64_t wall_ns);
/* A frame that the device did not take: `error_text` says why. */
void truth_log_write_failure(struct truth_log *log, int64_t time_ns, int64_t wall_ns,
                             enum path_direction direction, uint32_t frame_bytes,
                             const char *error_text);
void truth_log_end(struct truth_log *log, const struct scenario *scenario,
                   const struct truth_end *end);

/* Hands over what is buffered. */
void truth_log_flush(struct truth_log *log);

/* true if all could be written so far. */
bool truth_log_is_whole(const struct truth_log *log);

#endif
