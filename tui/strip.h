#ifndef TUI_STRIP_H
#define TUI_STRIP_H

/* The way of a stream from the sending application to the receiving one and back, with the bytes at
 * each stage and the stage lit that holds it. */

#include "tui/flow.h"
#include "tui/grid.h"

#define STRIP_ROWS 3

struct strip {
  enum stream_side side;        /* who sends */
  struct model_owner owner;     /* lit if it is of that side */
  struct flow flow;             /* what packets tell of this moment */
  const struct finding *during; /* the wait that goes on at this moment, NULL: none */
};

/* Nothing is drawn where there is no room for it. */
void strip_draw(const struct strip *strip, const struct area *area);

#endif
