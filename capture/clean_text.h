#ifndef CAPTURE_CLEAN_TEXT_H
#define CAPTURE_CLEAN_TEXT_H

#include <stddef.h>

/* Copies text that a file brings along (it may hold anything) so that it can be printed on a
 * terminal and put into JSON: valid UTF-8 stays, control characters and everything else becomes
 * '?'. Stops at a NUL, and cuts at a character's border. to_size counts the terminating NUL and is
 * at least 1. Returns the length of what was written. */
size_t clean_text_copy(char *to, size_t to_size, const char *from, size_t from_size);

/* The same into fresh memory (NULL: none), at most `limit` bytes long. */
char *clean_text_dup(const char *from, size_t from_size, size_t limit);

#endif
