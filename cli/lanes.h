#ifndef CLI_LANES_H
#define CLI_LANES_H

/* Traces that are read and decoded beside the analysis: one thread a trace walks it and decodes its
 * frames, the calling thread takes the packets. Between a reader and the caller is a bounded ring
 * of batches, so memory does not grow with the traces.
 *
 * A batch goes over as soon as trace_next() returns: nothing waits for a full one, and nobody spins
 * for longer than some tens of microseconds, so a slow pipe costs no processor time and shows its
 * packets at once. */

#include "analyzer/joint.h"
#include "capture/trace.h"
#include "cli/sample_queue.h"
#include "wire/error.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stdint.h>

#define LANES_MAX          8u
#define LANE_BATCH_PACKETS 256u
#define LANE_BATCH_SAMPLES 32u

/* Which capture point a frame belongs to, where one trace holds several: by its interface. */
struct lane_ends {
  uint32_t count;      /* >= 1; interfaces beyond it belong where the last one does */
  const uint8_t *ends; /* borrowed */
};

struct lane_input {
  struct trace *trace; /* what is left of it (of its current excerpt) is read */
  uint8_t end;         /* capture point of its packets */
  /* NULL, or the points of its interfaces. only_end: frames of other points than `end` are left
   * out; else packets get the point of their interface. */
  const struct lane_ends *ends;
  bool only_end;
  uint64_t last_frame; /* nothing is read beyond this frame number; UINT64_MAX: all */
  /* NULL: samples are left out. Else where the trace puts them (trace_options.sample_context); the
   * reader's own while it reads. */
  struct sample_queue *samples;
  /* NULL, or what is done to each packet on the reader's thread: batches then carry places and
   * order_ns */
  void (*locate)(const struct joint *joint, struct packet *packet, struct joint_place *place);
  const struct joint *joint;
};

struct lane_sample {
  uint32_t at;      /* before the packet of that index; the count of packets: behind the last one */
  int64_t order_ns; /* as a packet's; with lane_input.locate only */
  struct host_sample sample;
};

struct lane_batch {
  uint64_t bytes_read, bytes_total; /* of the file, behind this batch; total 0: not known */
  uint32_t count, sample_count;     /* one of them at least is >= 1 */
  struct packet packets[LANE_BATCH_PACKETS];
  /* With lane_input.locate only. order_ns: the time of this packet or of a later one of the batch,
   * if that is earlier: never decreasing, so that batches of several lanes can be merged. */
  struct joint_place places[LANE_BATCH_PACKETS];
  int64_t order_ns[LANE_BATCH_PACKETS];
  struct lane_sample samples[LANE_BATCH_SAMPLES]; /* in order */
};

struct lanes; /* opaque */

/* Starts `count` (1 .. LANES_MAX) readers; inputs are copied. single_thread: everything on the
 * calling thread, with the same result. Returns 0 or ERROR_MEMORY. Where no thread can be had, that
 * lane is read on the calling thread.
 *
 * Until lanes_stop(), SIGINT, SIGTERM and SIGHUP are delivered to the readers, so that a handler
 * which sets trace_options.stop also interrupts a read that waits for a pipe. The traces must not
 * be used elsewhere meanwhile. */
int lanes_start(struct lanes **lanes, uint32_t count, const struct lane_input *inputs,
                bool single_thread);

/* The next batch of a lane, for which it waits; NULL: there is none and will be none. The batch
 * before it, if any, is given back. */
const struct lane_batch *lanes_next(struct lanes *lanes, uint32_t index);
/* The next batch of any lane, and in *index which; NULL: all are at their ends. */
const struct lane_batch *lanes_next_any(struct lanes *lanes, uint32_t *index);

/* Ends the readers, whatever is left to read. Afterwards the traces are the caller's again, and
 * lanes_result() tells. */
void lanes_stop(struct lanes *lanes);

struct lane_result {
  int status; /* 0, or the negative error_code of trace_next() */
  struct error error;
  uint64_t last_frame; /* the largest number of a frame that was read; 0: none */
};
const struct lane_result *lanes_result(const struct lanes *lanes, uint32_t lane);

/* Stops them if need be. NULL is allowed. */
void lanes_free(struct lanes *lanes);

#endif
