#ifndef CLI_PIPELINE_H
#define CLI_PIPELINE_H

/* Joins one trace to the analyzer on two cores: a reader (lanes.h) walks the trace and decodes its
 * frames, the calling thread analyses the packets. */

#include "analyzer/analyzer.h"
#include "capture/trace.h"
#include "cli/sample_queue.h"
#include "wire/error.h"

#include <stdbool.h>
#include <stdint.h>

struct pipeline_options {
  /* Called on the calling thread, once a batch (256 packets at most); NULL = nobody asks.
   * bytes_total is 0 for a pipe. Keep it cheap: whoever draws a progress bar looks at the clock
   * itself. */
  void (*progress)(void *context, uint64_t bytes_read, uint64_t bytes_total);
  void *context;
  uint64_t last_frame; /* nothing is read beyond this frame number; 0: all */
  /* NULL, or where the trace puts its samples; the reader's own during the call */
  struct sample_queue *samples;
  bool single_thread; /* everything on the calling thread: same result, for debugging and comparison
                       */
};

/* Feeds what is left of the trace (of its current excerpt) to the analyzer; packets get `end` as
 * their capture point. Does not call analyzer_finish(). Returns 0, or the reader's or analyzer's
 * negative error_code with *error filled. What could be read before a damage has been analysed
 * then. The trace and the analyzer must not be used elsewhere during the call. options may be NULL.
 *
 * While it runs, SIGINT, SIGTERM and SIGHUP are delivered to the reader thread, so that a handler
 * which sets trace_options.stop also interrupts a read that waits for a pipe. */
int pipeline_run(struct trace *trace, uint8_t end, struct analyzer *analyzer,
                 const struct pipeline_options *options, struct error *error);

#endif
