#ifndef CAPTURE_RECORDER_H
#define CAPTURE_RECORDER_H

/* Records network interfaces, of several network namespaces, into one pcapng file: frames in the
 * order of their times with their directions, an interface block for each, and statistics blocks
 * with what was received and lost and with samples of sockets and queues.
 *
 * One thread empties the kernel's buffers into bounded queues, one merges the queues and writes.
 * What finds no room in a queue is counted, apart from what the kernel dropped. At the end
 * everything that was captured until then is still written. */

#include "wire/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDER_ENDS_MAX 8

struct recorder_end_options {
  const char *interface;
  const char *network_namespace; /* as net_namespace_open() takes it; NULL = the own one */
};

struct recorder_options {
  const struct recorder_end_options *ends;
  uint32_t end_count;      /* 1 to RECORDER_ENDS_MAX; they are named A, B, ... */
  const char *filter;      /* tcpdump's language; NULL or "" = everything */
  const char *application; /* for the section header */
  uint32_t snaplen_bytes;  /* 1 to 262144 */
  uint64_t buffer_bytes;   /* the kernel's, per interface */
  uint64_t queue_bytes;    /* between the threads, per interface */
  bool promiscuous;
  int64_t sample_interval_ns; /* of sockets and queues (capture/sampler.h); 0 = no samples */
  /* Each ends the recording; 0 = never. */
  int64_t duration_ns;
  uint64_t packets_max, file_bytes_max;
  volatile const int *stop; /* non-zero ends it as well (a signal's handler); NULL = no such flag */
};

struct recorder; /* opaque */

enum recorder_ending {
  RECORDER_STOPPED, /* the flag */
  RECORDER_DURATION,
  RECORDER_PACKETS,
  RECORDER_SIZE,
  RECORDER_INTERFACES_LOST, /* all of them */
  RECORDER_WRITE_FAILED
};

struct recorder_end_totals {
  char name[96];           /* IF or IF@NAMESPACE */
  uint64_t written;        /* packets in the file */
  uint64_t kernel_dropped; /* no room in the kernel's buffer */
  uint64_t own_dropped;    /* no room in the queue, or not written any more after a failure */
  uint64_t samples, samples_dropped; /* written; no room in the queue */
  uint64_t sockets_passed_over;      /* more than SAMPLER_SOCKETS_MAX at once */
  bool lost;                         /* the interface went away; `why` says how */
  char why[200];
};

struct recorder_totals {
  enum recorder_ending ending;
  uint64_t packets, file_bytes;
  bool mixed_linktypes; /* tcpdump refuses to read such a file */
};

/* Opens every interface; they capture from now on. 0 or a negative error_code. */
int recorder_open(struct recorder **recorder, const struct recorder_options *options,
                  struct error *error);

/* Records into fd, which it takes over, until one of the reasons to end. Negative: error_code, what
 * was written until then is readable. Once only. */
int recorder_run(struct recorder *recorder, int fd, struct error *error);

void recorder_get_totals(const struct recorder *recorder, struct recorder_totals *totals);
void recorder_get_end_totals(const struct recorder *recorder, uint32_t index,
                             struct recorder_end_totals *totals);
void recorder_close(struct recorder *recorder); /* NULL is allowed */

#endif
