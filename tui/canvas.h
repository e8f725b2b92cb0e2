#ifndef TUI_CANVAS_H
#define TUI_CANVAS_H

/* A plot in braille cells: each holds 2 x 4 dots. Dots are drawn, and go into an area at the end; a
 * cell has the style of the last thing that was drawn there with the highest rank. */

#include "tui/grid.h"

struct canvas {
  int width, height; /* dots */
  uint8_t *dots;     /* of each cell, as in braille */
  uint8_t *styles;
};

/* For an area of so many cells. false: no memory. */
bool canvas_init(struct canvas *canvas, int rows, int columns);
void canvas_free(struct canvas *canvas);

/* x from the left, y from the *bottom*; outside: nothing happens. */
void canvas_dot(struct canvas *canvas, int x, int y, enum style style);
void canvas_line(struct canvas *canvas, int x0, int y0, int x1, int y1, enum style style);
void canvas_draw(const struct canvas *canvas, const struct area *area);

#endif
