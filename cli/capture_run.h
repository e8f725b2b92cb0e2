#ifndef CLI_CAPTURE_RUN_H
#define CLI_CAPTURE_RUN_H

/* A recording as the options of `capture` describe it, from its interfaces to its file. */

#include "cli/capture_options.h"
#include "cli/flight.h"

/* SIGINT, SIGTERM and SIGHUP end a recording. Returns the flag that they set. */
volatile const int *capture_signals(void);

/* screen: NULL, or what shows it; options->output may be NULL then: nothing is written. attach:
 * NULL, or told the flight when all ends are open, before anything is recorded: 0, or a negative
 * error_code ends it. Returns the exit status, with messages. */
int capture_run(struct capture_options *options, volatile const int *stop,
                const struct flight_screen *screen,
                int (*attach)(void *context, struct flight *flight, struct error *error));

#endif
