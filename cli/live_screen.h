#ifndef CLI_LIVE_SCREEN_H
#define CLI_LIVE_SCREEN_H

/* The dashboard while a capture goes on: what the flight recorder's live model (monitor.h) knows,
 * drawn between its ticks, on the writing side of the recorder. */

#include "cli/flight.h"

struct live_screen; /* opaque */

struct live_screen_options {
  const struct recorder_end_options *ends;
  uint32_t end_count;
  bool can_write; /* there is a file for what is kept */
};

/* The terminal is open (tui/screen.h). NULL: no memory. */
struct live_screen *live_screen_new(const struct live_screen_options *options);
void live_screen_free(struct live_screen *screen); /* NULL is allowed */

/* For capture_run(): context is the live_screen. `over` closes the terminal. */
const struct flight_screen *live_screen_hooks(struct live_screen *screen);
void live_screen_attach(void *context, struct flight *flight);

#endif
