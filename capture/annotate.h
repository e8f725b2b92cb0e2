#ifndef CAPTURE_ANNOTATE_H
#define CAPTURE_ANNOTATE_H

/* Writes traces that were analysed as one pcapng file, with comments on some of their frames.
 *
 * One pcapng trace stays what it is, block for block and byte for byte, but for the comments that
 * are added. Other formats become pcapng. Several traces are merged in order of their corrected
 * times into one section: each keeps its interfaces, names, secrets, statistics and comments;
 * interfaces are numbered anew, and times are moved to the common clock. */

#include "capture/trace.h"

#define ANNOTATE_INPUTS_MAX   8
#define ANNOTATE_COMMENTS_MAX 16 /* of one frame */

struct annotate_input {
  const char *path; /* as struct trace_options has it */
  int fd;           /* 0, or an open file */
  /* Not pcapng: the trace, at the beginning of the excerpt that is meant; taken over. NULL: pcapng.
   */
  struct trace *trace;
};

/* The caller's part. Frames are numbered as trace_next() does; `input` is the index. */
struct annotate_handler {
  void *context;
  /* false: the frame is left out. NULL: all are kept. */
  bool (*keep)(void *context, uint32_t input, const struct frame *frame);
  /* Fills in up to ANNOTATE_COMMENTS_MAX texts, borrowed until the next call; returns their number.
   */
  size_t (*comments)(void *context, uint32_t input, const struct frame *frame, const char **texts);
  /* A reading of the clock of that interface (counted through the whole input) on the common one.
   * Only asked where there are several inputs. */
  int64_t (*time)(void *context, uint32_t input, uint32_t interface, int64_t time_ns);
  /* What is to be said about that interface; NULL: nothing. Valid until the next call. Only asked
   * where there are several inputs. */
  const char *(*interface)(void *context, uint32_t input, uint32_t interface);
};

struct annotate_totals {
  uint64_t frames;    /* written */
  uint64_t left_out;  /* by keep() */
  uint64_t commented; /* frames with comments of ours */
  uint64_t unmarked;  /* frames whose blocks cannot hold comments (simple packet blocks) */
  /* frames that have neither a time nor an interface of their own (simple packet blocks), left out
   * where traces are merged */
  uint64_t unmergeable;
  /* why an input was read only up to some place; code ERROR_NONE: none was */
  struct error damage;
};

/* Writes into fd, which it takes over. application: for the section header of what is merged or
 * converted. Returns 0 or a negative error_code; ERROR_UNSUPPORTED: inputs of different byte order
 * cannot be merged. */
int annotate_write(const struct annotate_input *inputs, uint32_t count,
                   const struct annotate_handler *handler, const char *application, int fd,
                   struct annotate_totals *totals, struct error *error);

#endif
