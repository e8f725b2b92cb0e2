#ifndef CLI_LIVE_SCREEN_H
#define CLI_LIVE_SCREEN_H

/* The dashboard while a capture goes on: what the flight recorder's live model (monitor.h) knows is
 * made into a picture between its ticks, on the writing side of the recorder; a process of its own
 * (screen_process.h) shows it. */

#include "cli/flight.h"
#include "tui/screen.h"

struct live_screen; /* opaque */

struct live_screen_options {
  const struct recorder_end_options *ends;
  uint32_t end_count;
  const char *file; /* for what is recorded; NULL: there is none */
  struct screen_options screen;
};

/* NULL: no memory. */
struct live_screen *live_screen_new(const struct live_screen_options *options);
void live_screen_free(struct live_screen *screen); /* NULL is allowed */

/* For capture_run(): context is the live_screen. The first opens the terminal, `over` closes it. */
int live_screen_attach(void *context, struct flight *flight, struct error *error);
const struct flight_screen *live_screen_hooks(struct live_screen *screen);

#endif
