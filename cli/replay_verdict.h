#ifndef CLI_REPLAY_VERDICT_H
#define CLI_REPLAY_VERDICT_H

/* What a live run showed, compared with what the recording shows. */

#include "replay/recording.h"

#include <stdbool.h>

/* A duration counts as the recorded one within that share of it, ... */
#define REPLAY_DURATION_SHARE 0.10
/* ... or where timers of a kernel (4 ms and more each, delayed ACKs of 40 ms) make a larger part of
 * it: by so much anyhow. */
#define REPLAY_DURATION_SLACK_NS (20 * NS_PER_MS)
/* The same stall, though its duration differs, which is said. */
#define REPLAY_DURATION_SAME_STALL 0.5
/* A control whose longest wait is shorter than that share of the recorded one has no stall; one at
 * another location, that REPLAY_DURATION_SAME_STALL. */
#define REPLAY_CONTROL_SHARE 0.25

struct replay_verdict {
  bool reproduced; /* location and cause are the recorded ones, the duration is much the same */
  bool location_same, cause_same, ended_same;
  bool duration_close; /* within REPLAY_DURATION_SHARE */
  bool found;          /* a live finding is like it at all: `live` */
  struct recorded_finding live;
  char difference[200]; /* a clause; "": none worth telling */
};

/* live: the recording of the run, with its findings. */
void replay_judge(const struct recorded_finding *target, const struct recording *live,
                  struct replay_verdict *verdict);

/* A run without the suspected condition: reproduced means here that there is still such a stall. */
void replay_judge_control(const struct recorded_finding *target, const struct recording *live,
                          struct replay_verdict *verdict);

/* Whether there is such a stall at all: at the same location, for half of the time or longer,
 * whatever the cause is called. For --minimize. */
bool replay_still_stalls(const struct recorded_finding *target, const struct recording *live);

#endif
