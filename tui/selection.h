#ifndef TUI_SELECTION_H
#define TUI_SELECTION_H

/* Which connections the table shows: what the user typed after `/`.
 *
 *   words           part of an address, a port, a place, a state or a cause, `stalled`, `problem`
 *   tcpdump's       `port 80`, `src net 10.0.0.0/8`, ...: by the addresses and ports, in either
 *                   direction; evaluated by whoever compiles that language
 *   and or not ()   between them; two words side by side both have to match */

#include "tui/model.h"

#define SELECTION_ERROR_SIZE 160

/* Who compiles tcpdump's language; compile is NULL where nobody does. */
struct selection_language {
  void *context;
  /* NULL: it is not that language, and why says what is wrong */
  void *(*compile)(void *context, const char *text, char why[SELECTION_ERROR_SIZE]);
  bool (*matches)(const void *program, const struct connection_summary *summary);
  void (*release)(void *program);
};

struct selection; /* opaque */

/* NULL: everything (the text is empty), or an error: why is not "" then. */
struct selection *selection_parse(const char *text, const struct selection_language *language,
                                  char why[SELECTION_ERROR_SIZE]);
void selection_free(struct selection *selection); /* NULL is allowed */
/* At the time that the model shows; NULL matches everything. */
bool selection_matches(const struct selection *selection, const struct model *model,
                       const struct model_connection *connection);

#endif
