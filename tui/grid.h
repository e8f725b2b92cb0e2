#ifndef TUI_GRID_H
#define TUI_GRID_H

/* The picture that views draw: cells of characters with styles, in memory. It knows no terminal, so
 * tests can read it and screen_curses.c can show it. Everything is clipped to the area that is
 * drawn into; rows and columns count from its upper left corner. */

#include "tui/style.h"

#include <stdbool.h>
#include <stdint.h>

struct cell {
  uint32_t glyph; /* a Unicode character; 0: the right half of a wide one */
  uint8_t style;  /* enum style */
  bool reverse;   /* drawn upon something that is marked: the selected row */
};

struct grid {
  int rows, columns;
  struct cell *cells;
};

struct area {
  struct grid *grid;
  int row, column, rows, columns;
  bool reverse;  /* all that is drawn is reversed */
  bool selected; /* and all in one style, as the row where the cursor is */
};

/* false: no memory; the grid then has no rows. One that is all zero may be resized and freed. */
bool grid_resize(struct grid *grid, int rows, int columns);
void grid_free(struct grid *grid);
void grid_clear(struct grid *grid);
const struct cell *grid_cell(const struct grid *grid, int row, int column); /* NULL: outside */

struct area area_of(struct grid *grid);
/* A part of an area, cut to it. */
struct area area_part(const struct area *area, int row, int column, int rows, int columns);

void area_fill(const struct area *area, enum style style);
/* One character; glyphs that are no printable characters become '?'. Returns the columns it took.
 */
int area_glyph(const struct area *area, int row, int column, enum style style, uint32_t glyph);
/* UTF-8; invalid bytes and control characters become '?'. Returns the columns it takes, also where
 * it is cut. */
int area_text(const struct area *area, int row, int column, enum style style, const char *text);
int area_format(const struct area *area, int row, int column, enum style style, const char *format,
                ...) __attribute__((format(printf, 5, 6)));
/* As area_text(), right-aligned: the last character is left of column. */
void area_right(const struct area *area, int row, int column, enum style style, const char *text);
/* Text in lines of at most the area's width, broken at spaces, from `row` on, which may be above
 * the area. Returns the row behind it, or the area's last one if it goes on below. */
int area_wrap(const struct area *area, int row, int column, enum style style, const char *text);
void area_line(const struct area *area, int row, int column, int columns, enum style style,
               uint32_t glyph);

/* Lines that area_wrap() makes of it, however many rows there are. */
int text_lines(const char *text, int columns);
/* Cells that UTF-8 text takes. */
int text_columns(const char *text);
/* Takes a character off UTF-8; invalid bytes give '?'. Returns its bytes, 0 at the end. */
int text_glyph(const char *text, uint32_t *glyph);

/* What stands for a glyph on a terminal that has ASCII alone. */
char glyph_ascii(uint32_t glyph);

#endif
