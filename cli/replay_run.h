#ifndef CLI_REPLAY_RUN_H
#define CLI_REPLAY_RUN_H

/* One live run: the way in a process of its own, its recording, and the analysis of that. */

#include "replay/recording.h"
#include "replay/way.h"

struct replay_run {
  struct replay_outcome outcome;
  struct recording live; /* of ways that are judged; recording_clear() */
};

/* job->record_path NULL: the recording is kept in memory only. Returns 0; or EXIT_TROUBLE, with a
 * message. */
int replay_run(const struct replay_way *way, const struct replay_job *job, int64_t min_stall_ns,
               struct replay_run *run);

/* The path of this very program, for children; static. NULL, with a message, if it is not known. */
const char *replay_own_program(char *path, size_t size);

#endif
