#ifndef CAPTURE_RECORDER_H
#define CAPTURE_RECORDER_H

/* Records network interfaces, of several network namespaces and of other hosts, into pcapng files:
 * frames in the order of their times with their directions, an interface block for each end, and
 * statistics blocks with what was received and lost and with samples of sockets and queues.
 *
 * What finds no room in a queue is counted, apart from what the kernel dropped. At the end
 * everything that was captured until then is still written.
 *
 * An observer sees everything in the order of the file, and may steer what is kept of it: all, or
 * only the last of it until the observer triggers (the flight recorder). */

#include "wire/error.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDER_ENDS_MAX 8

struct recorder; /* opaque */

enum recorder_end_kind {
  RECORDER_INTERFACE, /* of this host */
  RECORDER_STREAM     /* a capture that comes in by a descriptor: another host's */
};

struct recorder_end_options {
  enum recorder_end_kind kind;
  const char *interface;         /* RECORDER_STREAM: how the end is called, "user@host/tap0" */
  const char *network_namespace; /* as net_namespace_open() takes it; NULL = the own one */
  /* RECORDER_STREAM: where it comes from (capture/remote_reader.h), one interface; taken over by
   * recorder_open(), which waits until the stream has said its link type. Times are kept as they
   * come; in the file the frames stand where they arrived. */
  int stream_fd;
};

/* Sees everything, on the writing side: there it is called, one call at a time, and there it may
 * call the functions below that say so. All pointers may be NULL. Bytes are borrowed for the call.
 * A slow observer fills the queues, and then frames are lost.
 *
 * The writing side is a process of its own, forked in recorder_run(), without rights: it can
 * neither open files nor sockets nor start programs, but write to what is open. What is to be known
 * after recorder_run() must be in memory that was mapped MAP_SHARED before. */
struct recorder_observer {
  void *context;
  /* In the order of the file. frame->interface is the end; frame->number counts all frames of this
   * recording from 1: their number in the file if everything is written into one
   * (recorder_file_number()). */
  void (*frame)(void *context, uint32_t end, const struct frame *frame);
  /* bytes: for sample_open(), as an option of pcapng holds it. */
  void (*sample)(void *context, uint32_t end, int64_t time_ns, const uint8_t *bytes, size_t size);
  /* About every 10 to 50 ms, whether or not there are frames. now_ns: CLOCK_REALTIME. complete_ns:
   * all frames of this host's interfaces with earlier times have been shown; what a stream brings
   * may be older. */
  void (*tick)(void *context, int64_t now_ns, int64_t complete_ns);
  /* An interface was away, and is recorded again: nothing is known of it in between. to_ns
   * INT64_MAX: the end is lost. */
  void (*gap)(void *context, uint32_t end, int64_t from_ns, int64_t to_ns);
  /* All was shown; the last call. */
  void (*end)(void *context, int64_t now_ns);
};

enum recorder_event {
  RECORDER_EVENT_AWAY, /* the interface went away, and is waited for */
  RECORDER_EVENT_BACK, /* it is recorded again */
  RECORDER_EVENT_LOST  /* nothing more comes from this end */
};

/* What needs the rights of who started the program is done on the keeping side, which parses no
 * packets: it gets requests that the observer makes with recorder_ask(). A handler that takes long
 * delays the ends' coming back and the end of the recording, but no frame. */
struct recorder_keeper {
  void *context;
  void (*request)(void *context, const void *bytes, size_t size);
  void (*tick)(void *context); /* about every 50 ms: look after what was begun */
  /* Once, when the recording is to end, whatever the reason: who feeds the streams
   * (capture/remote.h) ends them now. They are read until they end, for REMOTE_STOP_NS at most,
   * while tick() goes on; a stream that ends earlier than this call is lost. */
  void (*stopping)(void *context);
  /* In the writing side's process, which has a copy of every descriptor: closes those that are the
   * keeper's alone. Whoever reads or writes at their other ends would not notice its death. */
  void (*forked)(void *context);
  /* What happened to an end; text says how, without the end's name. */
  void (*event)(void *context, enum recorder_event event, uint32_t end, const char *text);
};

#define RECORDER_REQUEST_BYTES_MAX 4096u

struct recorder_options {
  const struct recorder_end_options *ends;
  uint32_t end_count;      /* 1 to RECORDER_ENDS_MAX; they are named A, B, ... */
  const char *user;        /* whom the processes without rights become; NULL = nobody, for root */
  const char *filter;      /* tcpdump's language; NULL or "" = everything */
  const char *application; /* for the section header */
  uint32_t snaplen_bytes;  /* 1 to 262144 */
  uint64_t buffer_bytes;   /* the kernel's, per interface */
  uint64_t queue_bytes;    /* between the reading and the writing side, per interface */
  bool promiscuous;
  int64_t sample_interval_ns; /* of sockets and queues (capture/sampler.h); 0 = no samples */
  /* Each ends the recording; 0 = never. */
  int64_t duration_ns;
  uint64_t packets_max, file_bytes_max; /* of what is written */
  volatile const int *stop; /* non-zero ends it as well (a signal's handler); NULL = no such flag */
  const struct recorder_observer *observer; /* NULL = none */
  const struct recorder_keeper *keeper;     /* NULL = none */
};

/* Where to, and how much of it. */
struct recorder_output {
  int fd; /* taken over; -1 = see below */
  /* Or several files, NAME_00001_20261122131500.pcapng, ... for the path NAME.pcapng, each begun
   * when the one before has so many bytes or is so old (0 = whatever size, age), and readable by
   * itself; only the last ring_count stay (0 = all). If things are kept, each trigger that finds no
   * file being written begins one. NULL, and no fd: nothing is written, there is only the observer.
   */
  const char *path;
  uint64_t ring_bytes;
  int64_t ring_ns;
  uint32_t ring_count;
  /* Not 0: frames and samples are kept in memory, at most so many bytes, and only written when
   * the observer calls recorder_trigger(). */
  uint64_t keep_bytes;
  int64_t keep_ns; /* and none that is older than this before the newest; 0 = whatever age */
};

enum recorder_ending {
  RECORDER_STOPPED, /* the flag */
  RECORDER_DURATION,
  RECORDER_PACKETS,
  RECORDER_SIZE,
  RECORDER_INTERFACES_LOST, /* all of them */
  RECORDER_WRITE_FAILED,
  RECORDER_OBSERVER /* recorder_finish() */
};

struct recorder_end_totals {
  char name[96];           /* IF or IF@NAMESPACE */
  uint64_t written;        /* packets in the file */
  uint64_t passed_by;      /* seen, kept for a while and not written: nothing triggered */
  uint64_t kernel_dropped; /* no room in the kernel's buffer */
  uint64_t own_dropped;    /* no room in the queue, or not written any more after a failure: */
  uint64_t not_written;    /* so many of them */
  uint64_t samples, samples_dropped; /* written; no room in the queue */
  uint64_t sockets_passed_over;      /* more than SAMPLER_SOCKETS_MAX at once */
  bool lost;        /* nothing more comes: it was lost, or is away at the end; `why` says how */
  uint32_t returns; /* it went away and came back so often */
  char why[200];
  unsigned rights; /* enum recorder_right (capture/recorder_rights.h) that its reader gave up */
};

struct recorder_totals {
  unsigned rights; /* that the writing side gave up; known when it has ended */
  enum recorder_ending ending;
  uint64_t packets, file_bytes;
  uint32_t files, files_not_removed; /* of several */
  const char *last_file;             /* NULL = none; valid until recorder_close() */
  bool mixed_linktypes;              /* tcpdump refuses to read such a file */
};

/* Starts a process for each end, which opens it and gives up its rights; they capture from now on.
 * 0 or a negative error_code. Strings and pointers of the options must stay. The caller has one
 * thread. */
int recorder_open(struct recorder **recorder, const struct recorder_options *options,
                  struct error *error);

/* Records until one of the reasons to end. Negative: error_code, what was written until then is
 * readable. Once only. An interface that goes away is waited for. */
int recorder_run(struct recorder *recorder, const struct recorder_output *output,
                 struct error *error);

/* For the observer, while it is called. */

/* What is kept is written now, and all that follows with times up to until_ns (CLOCK_REALTIME);
 * then things are kept again. A later call moves until_ns further; an earlier time does nothing.
 * Where everything is written anyhow this does nothing. */
void recorder_trigger(struct recorder *recorder, int64_t until_ns);
/* Between a trigger and its until_ns, and where everything is written anyhow. */
bool recorder_is_writing(const struct recorder *recorder);
/* The number that a frame has in the file it is in; 0: it is in none, or not yet. `number` as the
 * observer saw it. Frames of the last 64 triggers are known. */
uint64_t recorder_file_number(const struct recorder *recorder, uint64_t number);
/* Shows the frames that are kept in memory, the oldest first, as the observer saw them; they stay.
 * None where everything is written. */
void recorder_each_kept(const struct recorder *recorder,
                        void (*visit)(void *context, const struct frame *frame), void *context);
/* Ends the recording with what was shown so far: RECORDER_OBSERVER. */
void recorder_finish(struct recorder *recorder);
/* Sends the keeper a request; false: it is longer than RECORDER_REQUEST_BYTES_MAX, or too many are
 * waiting. */
bool recorder_ask(struct recorder *recorder, const void *bytes, size_t size);

/* Packets that were lost before they came here, so far. */
uint64_t recorder_dropped(const struct recorder *recorder, uint32_t end);

/* For the keeper, at any time: what else is known to be lost of a stream, the sum so far. Of one
 * that does not say (tcpdump's) nothing is claimed in the file before. */
void recorder_tell_dropped(struct recorder *recorder, uint32_t end, uint64_t packets);

void recorder_get_totals(const struct recorder *recorder, struct recorder_totals *totals);
void recorder_get_end_totals(const struct recorder *recorder, uint32_t index,
                             struct recorder_end_totals *totals);
void recorder_close(struct recorder *recorder); /* NULL is allowed */

#endif
