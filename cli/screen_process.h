#ifndef CLI_SCREEN_PROCESS_H
#define CLI_SCREEN_PROCESS_H

/* The terminal (tui/screen.h) in a process of its own, for who must never wait for it: a terminal
 * at the far end of a network that stands still takes nothing, and a user may stop it (Ctrl-S). The
 * picture and the user's keys go through shared memory; of pictures that come faster than the
 * terminal takes them only the last one is shown.
 *
 * However the program ends, its own death by a signal included, that process puts the terminal
 * back. It trusts nothing of what it gets: a picture may be wrong, and nothing else. */

#include "tui/event.h"
#include "tui/grid.h"
#include "tui/screen.h"
#include "wire/error.h"

#include <stdbool.h>

struct screen_process; /* opaque */

/* Opens the terminal. The caller has one thread. 0 or a negative error_code. */
int screen_process_start(struct screen_process **screen, const struct screen_options *options,
                         struct error *error);
/* By who started it: the terminal is as it was before. NULL is allowed, and a second time. */
void screen_process_stop(struct screen_process *screen);
void screen_process_free(struct screen_process *screen); /* after that; NULL is allowed */

/* By one process at a time, forked behind the start perhaps. None of these waits. */

void screen_process_size(const struct screen_process *screen, int *rows, int *columns);
/* EVENT_NONE: there is nothing. EVENT_END, again and again: the terminal is gone. */
void screen_process_event(struct screen_process *screen, struct event *event);
/* A picture of more cells than SCREEN_PROCESS_CELLS is not shown. */
void screen_process_show(struct screen_process *screen, const struct grid *grid);
void screen_process_bell(struct screen_process *screen);

#define SCREEN_PROCESS_CELLS (1u << 18) /* 360 lines of 720 columns */

#endif
