#ifndef REPLAY_SCRIPT_TEXT_H
#define REPLAY_SCRIPT_TEXT_H

/* Text that grows, line by line. */

#include <stdbool.h>
#include <stddef.h>

#define SCRIPT_TEXT_MAX ((size_t)4 << 20) /* bytes; more is a failure */

struct script_text {
  char *bytes; /* owned; NULL while there are none */
  size_t size, room;
  bool failed; /* no memory, or too long */
};

/* printf-like; one call adds 1023 bytes at most. */
void script_text_add(struct script_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The bytes, which are the caller's now, free(); NULL if something failed. */
char *script_text_finish(struct script_text *text);

#endif
