#ifndef CAPTURE_BYTE_SOURCE_H
#define CAPTURE_BYTE_SOURCE_H

/* The bytes of a trace, wherever they come from: a file, standard input, a pipe that still grows;
 * plain, gzip or zstd. They are seen through a window that slides over them. */

#include "wire/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct byte_source; /* opaque */
struct spool;       /* capture/spool.h */

struct byte_source_options { /* as in struct trace_options */
  volatile const int *stop;
  int fd;
  struct spool *spool;
};

/* Opens path ("-" = standard input) and finds out about compression, for which it waits for the
 * first bytes. Returns 0 or a negative error_code; *source is then NULL. */
int byte_source_open(struct byte_source **source, const char *path,
                     const struct byte_source_options *options, struct error *error);
/* What is read from now on is not kept. */
void byte_source_stop_spooling(struct byte_source *source);
void byte_source_close(struct byte_source *source); /* NULL is allowed */

/* What is in the window and not yet consumed. Valid until byte_source_fill(). */
const uint8_t *byte_source_window(const struct byte_source *source, size_t *size);

/* Moves the window's begin; size is at most the window's. The bytes stay where they are. */
void byte_source_consume(struct byte_source *source, size_t size);

/* Adds bytes to the window, as many as one read gives, and makes room for `wanted` (from the
 * window's begin). Blocks until there are some; the stop flag is looked at every 100 ms. Returns 1,
 * 0 at the end (or when stopped), or a negative error_code; damage in compressed data is reported
 * when all bytes before it were delivered. */
int byte_source_fill(struct byte_source *source, size_t wanted, struct error *error);

struct byte_source_info {
  const char *name;        /* for messages: the path, or "standard input" */
  const char *compression; /* "", "gzip", "zstd" */
  uint64_t bytes_read;     /* of the file, compressed if it is */
  uint64_t bytes_total;    /* 0: not known */
  uint64_t offset;         /* of the window's begin, in the uncompressed data */
  bool ended;              /* nothing comes behind the window */
  bool stopped;
};
void byte_source_get_info(const struct byte_source *source, struct byte_source_info *info);

#endif
