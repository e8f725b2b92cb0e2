#ifndef TUI_ANNOUNCED_H
#define TUI_ANNOUNCED_H

/* What the hosts announced in their SYNs, as each end saw it: where two ends saw different things,
 * something on the way has rewritten it. */

#include "tui/model.h"

#define ANNOUNCED_ROWS      10
#define ANNOUNCED_TEXT_SIZE 32

struct announced_row {
  enum stream_side side; /* who announced it */
  const char *what;      /* "window scale", ... */
  bool differs;
  char at[ANALYZER_ENDS_MAX][ANNOUNCED_TEXT_SIZE]; /* by view */
};

/* Returns how many rows there are. */
int announced_rows(const struct model_connection *connection,
                   struct announced_row rows[ANNOUNCED_ROWS]);

/* "The ends disagree: ..." in one sentence; "" if they agree on everything that was seen. */
const char *announced_disagreement(const struct model_connection *connection, char *out,
                                   size_t size);

#endif
