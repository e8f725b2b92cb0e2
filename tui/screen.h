#ifndef TUI_SCREEN_H
#define TUI_SCREEN_H

/* The terminal, by ncurses. There is one at a time. However the program ends, the terminal is put
 * back: screen_close(), or a signal that ends the program. */

#include "tui/event.h"
#include "tui/grid.h"

#include <stdbool.h>
#include <stdio.h>

enum screen_color { SCREEN_COLOR_AUTO, SCREEN_COLOR_NEVER };

struct screen_options {
  FILE *input, *output; /* a terminal */
  bool ascii;           /* nothing but ASCII is shown; also where the locale has no UTF-8 */
  bool no_mouse;
  enum screen_color color;
};

/* 0, or -1: input or output is no terminal, or one that cannot be used; *why (static) says
 * so. */
int screen_open(const struct screen_options *options, const char **why);
void screen_close(void);

void screen_size(int *rows, int *columns);
/* Shows the grid; only what has changed is sent. */
void screen_show(const struct grid *grid);
/* Waits for the user, at most timeout_ms (0: not at all). */
void screen_wait(int timeout_ms, struct event *event);
void screen_bell(void);

/* "ncurses 6.4.20221231"; static */
const char *screen_library(void);

#endif
