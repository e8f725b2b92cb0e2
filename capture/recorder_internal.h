#ifndef CAPTURE_RECORDER_INTERNAL_H
#define CAPTURE_RECORDER_INTERNAL_H

/* Inside of a recorder. It is several processes, forked from the one that the user started:
 *
 *   the keeper (recorder_keeper.c) keeps the rights, parses no packet, starts and supervises;
 *   a reader for each end (recorder_reader.c) opens its interface, gives up its rights, and from
 *     then on empties the kernel's buffer into queues in shared memory, and samples sockets;
 *   the worker (recorder_worker.c), without rights, merges the queues, shows everything to the
 *     observer and writes the file.
 *
 * Each lane (an interface's direction, its samples) is a queue in order of time. The worker merges
 * them: the oldest record of all queues may be written if no queue that is empty at the moment can
 * still get an older one. That is what a lane's `complete_ns` says: everything with a time before
 * it has been put into the queue. A record that waited for RECORDER_HOLD_MAX_NS, or in a queue that
 * is half full, is written anyhow: order is worth less than the frame.
 *
 * struct recorder is each process's own copy; what they share is struct recorder_shared and the
 * queues' memory. The keeper and the worker do not trust what readers write there, nor the keeper
 * the worker: numbers may be wrong then, and nothing else. */

#include "capture/frame_ring.h"
#include "capture/live.h"
#include "capture/recorder.h"
#include "capture/recorder_rights.h"
#include "wire/pcapng_writer.h"

#include <stdatomic.h>
#include <sys/types.h>

#define RECORDER_HOLD_MAX_NS INT64_C(500000000)
#define RECORDER_SPANS       64 /* triggers whose frame numbers are known */

enum { RECORDER_LANE_SAMPLES = LIVE_LANES, RECORDER_LANES };

enum recorder_reader_state {
  RECORDER_READER_OPENING,
  RECORDER_READER_REFUSED, /* it could not be opened: why */
  RECORDER_READER_READING,
  RECORDER_READER_GONE,    /* nothing more comes: why */
  RECORDER_READER_FINISHED /* it was asked to end, and everything is in the queues */
};

/* Each field is moved by one side. */
struct recorder_shared_end {
  /* the reader's */
  _Atomic int64_t complete_ns[RECORDER_LANES]; /* see above */
  _Atomic uint64_t kernel_dropped, own_dropped, samples_dropped, sockets_passed_over;
  _Atomic uint32_t samples;  /* numbers the next one */
  atomic_int state;          /* enum recorder_reader_state */
  _Atomic uint32_t linktype; /* known when it is reading */
  atomic_bool has_samples;   /* they are announced */
  atomic_uint rights;        /* enum recorder_right, those that it gave up */
  struct error why;
  atomic_bool drops_unknown;     /* over there nobody counts them; the keeper may be told later */
  _Atomic uint64_t told_dropped; /* the keeper's */
  /* the worker's: see struct recorder_end_totals */
  _Atomic uint64_t written, passed_by, given_up, samples_written;
  atomic_bool damaged; /* nonsense in a queue */
};

struct recorder_shared {
  struct recorder_shared_end ends[RECORDER_ENDS_MAX];
  /* the keeper's */
  _Atomic int64_t start_ns; /* earlier frames do not count; INT64_MAX while ends are being opened */
  _Atomic int64_t stop_ns;  /* later ones are not recorded; INT64_MAX while going on */
  atomic_bool captured_all; /* nothing more comes into the queues */
  /* the worker's */
  atomic_bool worker_waits;
  atomic_uint worker_rights;
  atomic_int worker_ended; /* 0: no; else 1 + enum recorder_ending */
  _Atomic uint64_t packets, file_bytes;
  struct error failure; /* if that is RECORDER_WRITE_FAILED */
};

/* The worker's side of a queue, with a copy of its first record. */
struct recorder_lane {
  struct frame_ring ring;
  bool has_front, damaged;
  struct frame_ring_record front;
  const uint8_t *bytes;
};

/* Files that the keeper made for the worker (recorder_files.c). */
struct recorder_made {
  char **names; /* as many as are to stay */
  const char *latest;
  uint32_t count, not_removed;
};

struct recorder_worker; /* recorder_worker.h */
struct recorder_file;   /* recorder_file.h */

struct recorder_end {
  struct recorder *recorder;
  struct recorder_shared_end *shared;
  struct recorder_lane lanes[RECORDER_LANES];
  char name[96];
  uint32_t index;
  /* the keeper's */
  int network_namespace; /* descriptor, -1 = the own one */
  int probe;             /* a socket of that namespace, to ask for the interface; -1 = none */
  int stream_fd;         /* -1 = none */
  pid_t reader;          /* 0 = none */
  int channel;           /* to the reader: ends when that does; -1 = none */
  bool lost;             /* for good */
  bool let_go;           /* its namespace's name is another's, or nobody's: the reader is to end */
  int64_t away_ns;       /* CLOCK_REALTIME since when the interface is away; 0 = it is not */
  uint32_t returns;
  char why[200];
};

struct recorder {
  struct recorder_options options;
  struct recorder_output output;
  struct recorder_shared *shared;
  struct recorder_end ends[RECORDER_ENDS_MAX];
  struct recorder_identity identity;
  int filled; /* an eventfd: readers wake the worker */

  /* the keeper's */
  pid_t worker;
  int channel; /* to the worker */
  enum recorder_ending ending;
  struct recorder_made made;

  /* the worker's */
  struct recorder_worker *work; /* recorder_worker.h */
  struct recorder_file *file;   /* recorder_file.h */
};

int64_t recorder_clock_ns(clockid_t clock);
const struct recorder_end_options *recorder_end_wanted(const struct recorder_end *end);

/* The keeper's hold on an end's namespace (recorder_namespace.c). 0 or a negative error_code. */
int recorder_namespace_open(struct recorder_end *end, struct error *error);
void recorder_namespace_close(struct recorder_end *end);
/* true: nobody has its name any more, or another one has. */
bool recorder_namespace_is_gone(const struct recorder_end *end);

/* A process of its own that never returns; channel: to the keeper. */
_Noreturn void recorder_reader_main(struct recorder *recorder, uint32_t index, int channel);
_Noreturn void recorder_worker_main(struct recorder *recorder, int channel);

#endif
