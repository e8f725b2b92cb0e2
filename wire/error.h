#ifndef WIRE_ERROR_H
#define WIRE_ERROR_H

/* Errors for the caller. Bad packets are not errors: they are results, and counted (packet.h).
 *
 * Functions that can fail return 0 (or a count) on success and a negative error_code on failure,
 * and fill the caller's struct error, which needs no allocation and no freeing. */

enum error_code {
  ERROR_NONE = 0,
  ERROR_MEMORY = -1,      /* allocation failed */
  ERROR_IO = -2,          /* open, read or write failed: errno's text is in the message */
  ERROR_FORMAT = -3,      /* not a trace, or damaged at a stated offset */
  ERROR_UNSUPPORTED = -4, /* well-formed, but nothing that we can read */
  /* the caller's parameters are wrong (a filter that does not compile, ...) */
  ERROR_USAGE = -5,
  ERROR_LIMIT = -6 /* a named limit was reached */
};

struct error {
  enum error_code code;
  /* one line, without the final newline: what, where (file and offset), what to do */
  char text[400];
};

/* Fills *error (which may be NULL) and returns code, so that callers can write
 * `return error_set(error, ERROR_IO, "%s: %s", path, strerror(errno));`. */
int error_set(struct error *error, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
