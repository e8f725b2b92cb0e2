#ifndef REPLAY_EMULATOR_H
#define REPLAY_EMULATOR_H

/* Carries frames between two TAP devices through a path, in real time. */

#include "replay/path.h"
#include "replay/tap.h"
#include "replay/truth_log.h"

struct emulator_options {
  const struct scenario *scenario;
  const struct tap *taps[PATH_DIRECTIONS]; /* [PATH_AB]: where frames from A are read, so A's own */
  struct truth_log *log;
  /* A signalfd: SIGUSR1 goes to the path (from=signal), any other ends the run. */
  int signals;
};

/* Runs until a signal or until a device is gone. Returns 0, or a negative error_code. */
int emulator_run(const struct emulator_options *options, struct error *error);

#endif
