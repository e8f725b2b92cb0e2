#ifndef CLI_MONITOR_H
#define CLI_MONITOR_H

/* The live model of a running capture: fed with frames, samples and time as a recorder shows them
 * (capture/recorder.h), it tells of waits while they last.
 *
 * Each capture point has an engine (analyzer/analyzer.h), which follows everything from the
 * beginning and notices what is wrong. If more than one point has seen the connection, what is kept
 * of it in memory is then studied with both ends together (study.h): that verdict counts. What the
 * points notice of one wait is one event, with one id from open to closed.
 *
 * Memory is bounded by the limits, whatever comes and however long. It reads no clock. */

#include "analyzer/joint.h"
#include "cli/monitor_window.h"
#include "wire/packet.h"
#include "wire/sample_format.h"

#include <stdbool.h>
#include <stdint.h>

struct monitor_limits {
  uint64_t window_bytes;  /* of packets and samples that are kept for studies, of all ends */
  int64_t window_ns;      /* studied from so long before the wait */
  uint32_t study_packets; /* of the connection, at most, in one study; the newest ones */
  uint32_t connections;   /* followed at once by each end's engine */
};

struct monitor_options {
  uint32_t ends;                  /* 1 .. ANALYZER_ENDS_MAX */
  bool remote[ANALYZER_ENDS_MAX]; /* its clock is another one, and its frames come late */
  int64_t min_stall_ns;
  struct monitor_limits limits;
};

/* min_stall 200 ms; one end; a window of 128 MB and 10 s. */
void monitor_options_default(struct monitor_options *options);

struct monitor_event {
  uint32_t id;         /* 1-based, from open to closed */
  uint32_t connection; /* 1-based: of those that something was told of; the last 1024 are known */
  /* As the finding's end saw it; the connection's state so far. */
  const struct connection_summary *summary;
  enum evidence_level level;
  const struct connection_pair *pair; /* NULL: told by one end's engine alone */
  /* Its id is the event's; its frames are those numbers that the frames came with; times are on the
   * clock of end A, or of the end that tells alone (pair NULL). */
  const struct finding *finding;
  uint8_t sender_end; /* the capture point closest to the sender, as far as is known */
  struct endpoint sender, receiver;
};

struct monitor_sink {
  void *context;
  /* Findings of severity problem; later also what has become of them. Valid for the call. */
  void (*event)(void *context, const struct monitor_event *event);
};

struct monitor_stats {
  uint64_t frames, samples, events;
  uint64_t stalls_left_out; /* more than MONITOR_STALLS_MAX at once */
  uint64_t studies, studied_packets;
  uint64_t out_of_memory; /* packets or studies */
};

#define MONITOR_STALLS_MAX 256u

struct monitor; /* opaque */

/* NULL: no memory. Both are copied. */
struct monitor *monitor_new(const struct monitor_options *options, const struct monitor_sink *sink);
void monitor_free(struct monitor *monitor); /* NULL is allowed */

/* In the order of time at each end, local ends in one order. Returns what it was decoded to; valid
 * until the next call. NULL: there is no such end. */
const struct packet *monitor_frame(struct monitor *monitor, uint32_t end,
                                   const struct frame *frame);
/* bytes: for sample_open(). */
void monitor_sample(struct monitor *monitor, uint32_t end, int64_t time_ns, const uint8_t *bytes,
                    size_t size);
/* The same, opened already, in which the kernel's byte order is known. */
void monitor_records(struct monitor *monitor, uint32_t end, int64_t time_ns,
                     const struct sample_records *records, bool big_endian);
/* That end's capture has lost packets by now, or none so far. Unknown without a call. */
void monitor_drops(struct monitor *monitor, uint32_t end, bool drops);
/* Every 10 to 50 ms. complete_ns: everything that local ends have captured before was shown. */
void monitor_tick(struct monitor *monitor, int64_t now_ns, int64_t complete_ns);
/* Closes everything; nothing may follow but monitor_free(). */
void monitor_finish(struct monitor *monitor);

/* Who has to act now, of all connections at one end (analyzer_each_now()). */
void monitor_each_now(struct monitor *monitor, uint32_t end, analyzer_now_visit *visit,
                      void *context);
/* What is kept of a connection; as monitor_window_take(). */
int monitor_take(const struct monitor *monitor, const struct window_wish *wish,
                 struct window_part *part);
void monitor_get_stats(const struct monitor *monitor, struct monitor_stats *stats);
void monitor_get_end_stats(const struct monitor *monitor, uint32_t end,
                           struct analyzer_stats *stats);

#endif
