#ifndef CLI_SAMPLE_QUEUE_H
#define CLI_SAMPLE_QUEUE_H

/* Samples that a trace has come across (trace_options.on_sample) and that nobody has taken yet. A
 * trace looks for frames, and as many samples as there are may lie before the next one; the queue
 * is bounded all the same: if it is full, every second sample goes, so that what is left still
 * covers all of the time. */

#include "capture/trace.h"
#include "wire/host_sample.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAMPLE_QUEUE_MAX 8192u

struct queued_sample {
  uint64_t frames_before; /* the number of the last frame ahead of it in the file */
  struct host_sample sample;
};

struct sample_queue {
  struct queued_sample *samples; /* grows up to SAMPLE_QUEUE_MAX */
  size_t first, count, capacity;
  bool closed;      /* takes nothing */
  uint64_t dropped; /* for want of room */
};

/* All zero is an empty queue. A closed queue stays so until it is cleared. */
void sample_queue_clear(struct sample_queue *queue); /* frees its memory */
void sample_queue_close(struct sample_queue *queue); /* what it has is given up */

/* A trace_sample_handler; context is the queue. */
void sample_queue_take(void *context, const struct trace_sample *sample);

/* NULL: it is empty. Valid until the next call with this queue. */
const struct queued_sample *sample_queue_first(const struct sample_queue *queue);
void sample_queue_drop_first(struct sample_queue *queue);

#endif
