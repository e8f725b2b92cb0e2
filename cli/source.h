#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

/* A trace that was named on the command line, with what has to be known about it before its packets
 * are analysed: where it was captured, and who its names are. */

#include "capture/trace.h"

#include <stdbool.h>
#include <stdint.h>

struct source {
  const char *path;
  struct trace *trace;
  struct trace *
      preview; /* text in a regular file: a second reading, done, so that all its names are known */
};

/* Returns 0 or a negative error_code. */
int source_open(struct source *source, const char *path, const struct trace_options *options,
                struct error *error);
void source_close(struct source *source);

/* The host on which excerpt 0, 1, ... says it was captured; "" if it does not. */
void source_captured_on(struct source *source, uint32_t excerpt, char *host, size_t size);
/* The address of a host: numeric, or a name that the trace itself explains. */
bool source_host_address(const struct source *source, const char *host, struct ip_address *address);
/* NULL if the trace has no name for it. Not while the trace is being read. */
const char *source_host_name(const struct source *source, const struct ip_address *address);

#endif
