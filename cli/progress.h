#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

/* One line on stderr while a long file is read; gone when the report comes. Silent unless stderr is
 * a terminal, and for the first half second. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PROGRESS_PARTS_MAX 8

struct progress {
  FILE *stream;
  bool enabled, drawn, utf8;
  char name[64];             /* what is being read, cleaned */
  int64_t start_ns, next_ns; /* of the monotonic clock */
  uint32_t calls;
  uint64_t read[PROGRESS_PARTS_MAX], total[PROGRESS_PARTS_MAX]; /* bytes, by part */
};

void progress_start(struct progress *progress, FILE *stream, bool wanted, const char *name);
/* pipeline_options.progress; context is the struct progress. bytes_total 0: not known. */
void progress_update(void *context, uint64_t bytes_read, uint64_t bytes_total);
/* The same where several files are read at once, numbered 0 .. parts - 1. */
void progress_update_part(struct progress *progress, uint32_t parts, uint32_t part,
                          uint64_t bytes_read, uint64_t bytes_total);
/* Wipes the line. */
void progress_end(struct progress *progress);

#endif
