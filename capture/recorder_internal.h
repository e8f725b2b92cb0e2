#ifndef CAPTURE_RECORDER_INTERNAL_H
#define CAPTURE_RECORDER_INTERNAL_H

/* Inside of a recorder: what its threads share.
 *
 * Each lane (an interface's direction) is a queue in order of time. The writer merges them: the
 * oldest frame of all queues may be written if no queue that is empty at the moment can still get
 * an older one. That is what a lane's `complete_ns` says: everything with a time before it has been
 * put into the queue. A frame that waited for RECORDER_HOLD_MAX_NS, or in a queue that is half
 * full, is written anyhow: order is worth less than the frame. */

#include "capture/frame_ring.h"
#include "capture/live.h"
#include "capture/recorder.h"
#include "capture/sampler.h"
#include "wire/pcapng_writer.h"

#include <pthread.h>
#include <stdatomic.h>

#define RECORDER_HOLD_MAX_NS INT64_C(500000000)

struct recorder_lane {
  struct recorder_end *end; /* NULL: the lane of samples, whose tag is the end's index */
  struct frame_ring ring;
  uint8_t direction;           /* enum packet_direction */
  bool lost;                   /* no more can come */
  int64_t failing_ns;          /* CLOCK_MONOTONIC of its first failure; 0 = none */
  _Atomic int64_t complete_ns; /* see above */
};

struct recorder_end {
  struct recorder *recorder;
  struct live *live;
  struct recorder_lane lanes[LIVE_LANES];
  char name[96];
  const char *interface;
  uint32_t index;
  uint32_t linktype;
  bool lost; /* the capturing thread's, as `why` */
  char why[200];
  _Atomic uint64_t kernel_dropped, own_dropped; /* moved by the capturing thread */
  struct sampler *sampler;                      /* NULL = none */
  uint64_t samples_dropped;                     /* the sampling thread's */
  /* the writer's: handed to the pcapng writer; of these, surely in the file; not written any more
   */
  uint64_t written, in_file, given_up, samples;
};

struct recorder {
  struct recorder_options options;
  struct recorder_end ends[RECORDER_ENDS_MAX];
  struct recorder_lane samples; /* of all ends, in order of time */
  int64_t start_ns;             /* earlier frames were captured before all filters were in place */
  int64_t stop_ns;              /* later ones are not recorded; INT64_MAX while going on */
  bool mixed_linktypes;

  /* the writer's */
  struct pcapng_writer *writer; /* NULL: nothing is written */
  uint64_t frames_seen;
  bool finish; /* the observer has had enough */
  uint64_t packets, file_bytes;
  int64_t statistics_due_ns, tick_due_ns; /* CLOCK_MONOTONIC */
  struct error failure;

  enum recorder_ending ending;
  atomic_bool captured_all;   /* nothing more comes into the queues */
  atomic_bool sampled_enough; /* the sampling thread ends */
  atomic_int writer_ended;    /* 0: no; else 1 + enum recorder_ending */
  pthread_mutex_t mutex;      /* for the condition alone */
  pthread_cond_t filled;
};

int64_t recorder_clock_ns(clockid_t clock);

/* The writer's thread: argument is the recorder. */
void *recorder_writer_main(void *argument);
/* The sampling thread: argument is the recorder. */
void *recorder_sampler_main(void *argument);

/* Before the thread: interface blocks. 0 or a negative error_code. */
int recorder_writer_begin(struct recorder *recorder, int fd, struct error *error);

#endif
