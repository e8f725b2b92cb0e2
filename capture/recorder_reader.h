#ifndef CAPTURE_RECORDER_READER_H
#define CAPTURE_RECORDER_READER_H

/* The reading process of one end: an interface (recorder_reader.c) with a thread that samples
 * (recorder_sampler.c), or a stream (recorder_reader_stream.c). */

#include "capture/recorder_internal.h"
#include "capture/sampler.h"

#include <pthread.h>

struct remote_reader;

struct recorder_reader {
  struct recorder_end *end;
  int channel; /* to the keeper */
  bool keeper_gone;
  bool begun;
  int64_t opened_ns, start_ns, stop_ns; /* frames with other times do not count */
  uint64_t dropped_before;              /* by readers before this one (modulo 2^64) */

  struct live *live;
  int64_t failing_ns[LIVE_LANES]; /* CLOCK_MONOTONIC of the first failure; 0 = none */
  bool lane_lost[LIVE_LANES];     /* no more can come */

  struct sampler *sampler; /* NULL = none */
  pthread_t sampling;
  atomic_bool sampled_enough;

  struct remote_reader *remote;
  int64_t offset_ns; /* this host's clock less the other's, with the shortest delay seen */
  int64_t order_ns;  /* of the latest frame */
};

void recorder_ignore_signals(void);
/* false: the queue is nearly full; it waited a moment. */
bool recorder_reader_may_put(struct recorder_reader *reader, enum live_lane which);
void recorder_reader_put(struct recorder_reader *reader, enum live_lane which,
                         const struct frame *frame, int64_t order_ns);
/* Waits for any of the descriptors (at most LIVE_LANES), a few milliseconds at most. */
void recorder_reader_wait(struct recorder_reader *reader, int fds[], uint32_t count);
bool recorder_reader_is_over(struct recorder_reader *reader);
void recorder_reader_tell_reading(struct recorder_reader *reader);

int recorder_reader_start_sampling(struct recorder_reader *reader);
void recorder_reader_end_sampling(struct recorder_reader *reader);
void recorder_reader_put_sample(struct recorder_reader *reader, int64_t time_ns, int64_t order_ns,
                                const uint8_t *bytes, size_t size);

int recorder_reader_open_stream(struct recorder_reader *reader, struct error *error);
void recorder_reader_read_stream(struct recorder_reader *reader);

#endif
