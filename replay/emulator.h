#ifndef REPLAY_EMULATOR_H
#define REPLAY_EMULATOR_H

/* Carries frames between two TAP devices through a path, in real time. */

#include "replay/lateness.h"
#include "replay/path.h"
#include "replay/tap.h"
#include "replay/truth_log.h"

/* What is known when a run is over. */
struct emulator_totals {
  struct lateness lateness; /* of frames that had to wait */
  struct path_stats path;
  uint64_t write_failures[PATH_DIRECTIONS]; /* frames that the device did not take */
  int64_t ring_drops[PATH_DIRECTIONS]; /* frames that the kernel lost, as we were too slow; -1: not
                                          known */
};

struct emulator_options {
  const struct scenario *scenario;
  const struct tap *taps[PATH_DIRECTIONS]; /* [PATH_AB]: where frames from A are read, so A's own */
  struct truth_log *log;
  /* A signalfd: SIGUSR1 goes to the path (from=signal), any other ends the run. */
  int signals;
  /* NULL, or told of each act as it is done, in this thread: keep it short. */
  void (*on_act)(void *context, const struct path_act *act);
  void *context;
  struct emulator_totals *totals; /* NULL, or filled when the run is over */
};

/* Runs until a signal or until a device is gone. Returns 0, or a negative error_code. */
int emulator_run(const struct emulator_options *options, struct error *error);

#endif
