#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

/* A trace that was named on the command line: opened, with what has to be known about it before its
 * packets are analysed (how many capture points it may hold, where they stood, who its names are),
 * and with a way to read it a second time even if it is a pipe. */

#include "capture/spool.h"
#include "capture/trace.h"
#include "cli/sample_queue.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct source_options {
  struct trace_options trace;
  bool twice;               /* it will be read twice, whatever it turns out to hold */
  uint64_t spool_max_bytes; /* what a pipe may need for that */
};

struct source {
  const char *path; /* "-" = standard input */
  dev_t device;     /* with inode: which file it is */
  ino_t inode;
  bool is_text;
  uint32_t excerpts;   /* of a text, >= 1; 1 elsewhere. Text that cannot be read twice: 1 */
  uint32_t interfaces; /* known so far; of a text: 1 */
  struct trace *trace; /* stands at the beginning */
  /* what `trace` has come across; to be closed where nobody takes it */
  struct sample_queue samples;
  /* text that can be read twice: a first reading, done, so that all its names are known */
  struct trace *preview;
  char (*captured_on)[64]; /* by excerpt: the host, "" if it does not say */
  int fd;                  /* for a further reading: trace_options.fd */
  bool own_fd;
  struct spool *spool;   /* a pipe that is kept; NULL elsewhere */
  bool once;             /* a pipe that is not kept */
  bool taken_until_stop; /* the user stopped a pipe while all of it was taken in */
  /* What an earlier reading has found: why it ended early (code != ERROR_NONE), and the last frame
   * before the user ended it (UINT64_MAX: all were read). */
  struct error damage;
  bool damage_told; /* the user knows */
  uint64_t last_frame;
};

/* Finds out which file it is, without opening it. Returns 0 or ERROR_IO; source_close() is due in
 * either case. */
int source_identify(struct source *source, const char *path, struct error *error);
/* Returns 0 or a negative error_code. */
int source_open(struct source *source, const struct source_options *options, struct error *error);
void source_close(struct source *source);

/* Opens it for another reading of that excerpt (0: the first, or all there is). options->fd and
 * ->spool are ignored. Returns 0 or a negative error_code. */
int source_reopen(const struct source *source, uint32_t excerpt,
                  const struct trace_options *options, struct trace **trace, struct error *error);

/* After a reading: true if more interfaces are known than before. */
bool source_note_interfaces(struct source *source, const struct trace *read);

/* source->trace stands at the beginning again. */
int source_rewind(struct source *source, const struct trace_options *options, struct error *error);

/* The host on which excerpt 0, 1, ... says it was captured; "" if it does not. */
const char *source_captured_on(const struct source *source, uint32_t excerpt);
/* The address of a host: numeric, or a name that the trace itself explains. */
bool source_host_address(const struct source *source, const char *host, struct ip_address *address);
/* NULL if the trace has no name for it. Not while the trace is being read. */
const char *source_host_name(const struct source *source, const struct ip_address *address);

#endif
