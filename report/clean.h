#ifndef REPORT_CLEAN_H
#define REPORT_CLEAN_H

/* Text from a trace (names, file names, what the analyzer quotes) is not to be trusted with a
 * terminal: escape sequences, invalid UTF-8 and characters that reorder or hide others are made
 * visible. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum clean_mode {
  CLEAN_UTF8,  /* for a UTF-8 terminal */
  CLEAN_ASCII, /* the few signs that we use ourselves are transcribed, others become \u{...} */
  CLEAN_JSON   /* valid UTF-8 with its control characters, which JSON escapes by itself */
};

/* Writes at most size - 1 bytes and a NUL to out; never cuts a character in two. Returns the bytes
 * written. */
size_t clean_text(enum clean_mode mode, const char *text, char *out, size_t size);

/* Decodes one character of valid or invalid UTF-8 (RFC 3629) at text, which must not be at its NUL.
 * Returns its length and *code, or 1 and *code = UINT32_MAX if it is invalid. */
size_t clean_decode(const char *text, uint32_t *code);

/* Columns that a cleaned text takes on a terminal: wide East Asian characters count two. */
size_t clean_columns(const char *text, size_t bytes);

#endif
