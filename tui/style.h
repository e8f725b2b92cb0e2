#ifndef TUI_STYLE_H
#define TUI_STYLE_H

/* What a cell means; screen_curses.c alone knows how that looks with 256 colours, 8, or none. */

#include "analyzer/cause.h"

#include <stdint.h>

enum style {
  STYLE_NORMAL,
  STYLE_DIM,
  STYLE_STRONG,
  STYLE_TITLE,    /* the line at the top */
  STYLE_HEADER,   /* of a table */
  STYLE_SELECTED, /* the row where the cursor is */
  STYLE_KEY,      /* in the key bar: the key, and what it does */
  STYLE_KEY_TEXT,
  STYLE_FRAME, /* lines, axes */
  STYLE_GOOD,
  STYLE_WARNING,
  STYLE_BAD,
  /* of plots and the ladder; in a plot a later one is drawn over an earlier one */
  STYLE_EDGE, /* the right edge of the receiver's window */
  STYLE_ACK,
  STYLE_DATA,
  STYLE_AGAIN, /* sent again */
  STYLE_STALL, /* the time of a stall */
  STYLE_FOREIGN,
  STYLE_MOVING,
  STYLE_IDLE,
  STYLE_LOCATION, /* and LOCATION_COUNT more: one for each place */
  STYLE_COUNT = STYLE_LOCATION + LOCATION_COUNT
};

static inline uint8_t style_of_location(enum location location)
{
  return (uint8_t)(STYLE_LOCATION + location);
}

#endif
