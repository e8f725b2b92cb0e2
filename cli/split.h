#ifndef CLI_SPLIT_H
#define CLI_SPLIT_H

/* One trace becomes several, each with some of its connections: trace -> frames -> where each
 * belongs (split_place.h) -> files (split_files.h). A pcapng's blocks go into the parts as they
 * are; what is read from other formats becomes pcapng. Everything is read once, so a pipe will do.
 */

#include "cli/split_place.h"
#include "wire/error.h"

#include <stdint.h>

struct split_options {
  const char *input;        /* "-" = standard input */
  const char *prefix;       /* of the parts' names (split_files.h) */
  uint32_t parts;           /* 1 .. SPLIT_PARTS_MAX */
  volatile const int *stop; /* as struct trace_options has it; NULL = none */
  /* NULL, or told now and then; total 0: not known */
  void (*progress)(void *context, uint64_t bytes_read, uint64_t bytes_total);
  void *context;
};

struct split_result {
  uint64_t frames;                                         /* of the trace */
  uint64_t own[SPLIT_PARTS_MAX], context[SPLIT_PARTS_MAX]; /* written into each part */
  struct error damage; /* why the reading ended early; code ERROR_NONE: it did not */
};

/* Returns 0 or a negative error_code. */
int split_trace(const struct split_options *options, struct split_result *result,
                struct error *error);

#endif
