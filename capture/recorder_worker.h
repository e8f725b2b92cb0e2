#ifndef CAPTURE_RECORDER_WORKER_H
#define CAPTURE_RECORDER_WORKER_H

/* The writing process of a recorder. */

#include "capture/recorder_channel.h"
#include "capture/recorder_file.h"
#include "capture/recorder_internal.h"

struct recorder_worker_lane {
  struct recorder_lane *lane;
  const _Atomic int64_t *complete_ns;
  struct recorder_end *end;
  bool samples;
};

struct recorder_worker {
  struct recorder *recorder;
  struct recorder_file file;
  struct recorder_worker_lane lanes[RECORDER_ENDS_MAX * RECORDER_LANES];
  uint32_t lane_count;
  int channel;            /* to the keeper */
  int64_t keeper_gone_ns; /* CLOCK_MONOTONIC; 0 = it is there */
  uint64_t frames_seen;
  struct recorder_counters now[RECORDER_ENDS_MAX];
  bool keeps;         /* things are kept until a trigger */
  bool writing;       /* they go into a file */
  int64_t until_ns;   /* and that long; INT64_MIN: there was no trigger */
  bool finish;        /* the observer has had enough */
  uint32_t gap_count; /* that came while it waited for something else */
  struct recorder_message gaps[RECORDER_ENDS_MAX];
  int64_t statistics_ns, tick_ns; /* CLOCK_MONOTONIC, when they are due */
};

void recorder_worker_defer_gap(struct recorder_worker *worker,
                               const struct recorder_message *message);

#endif
