#ifndef REPLAY_PLAN_TEXT_H
#define REPLAY_PLAN_TEXT_H

/* A plan as text, and back: docs/replay.md has the language. */

#include "replay/plan.h"

/* Conditions that are off are left out. The text is the caller's, free(); NULL: no memory. */
char *plan_text(const struct plan *plan);

/* Reads text that plan_text() wrote, or a person. NULL: error names the line. */
struct plan *plan_parse(const char *text, size_t size, struct error *error);

/* The lines for the path emulator alone: delays and rules that are on. To be freed; NULL: no
 * memory. */
char *plan_scenario(const struct plan *plan);

#endif
