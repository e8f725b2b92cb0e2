#ifndef CAPTURE_LIVE_H
#define CAPTURE_LIVE_H

/* One network interface, captured as it works, by libpcap.
 *
 * libpcap does not say whether a frame came in or went out, but can leave one direction out. So an
 * interface is captured through two handles, one for each direction: two lanes.
 * Each lane is in order; who wants both in one order merges by time (recorder.c).
 *
 * The handles use TPACKET_V3 with a short block timeout. Immediate mode would deliver earlier, but
 * puts every frame into a slot of the snap length: with a large one a burst overruns it. A block
 * that is not full is delivered only after its timeout: who stops has to go on reading that long
 * (LIVE_DELAY_NS), or loses the last frames without any counter saying so. */

#include "wire/error.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum live_lane { LIVE_IN, LIVE_OUT, LIVE_LANES };

/* A frame is delivered this long after its time at the latest, unless the reader is behind: the
 * block timeout of 10 ms, and as much again twice for a busy kernel's timers. */
#define LIVE_BLOCK_TIMEOUT_MS 10
#define LIVE_DELAY_NS         INT64_C(30000000)

struct live_options {
  const char *interface;
  int network_namespace;  /* descriptor (net_namespace.h), -1 = the own one; only used to open */
  const char *filter;     /* tcpdump's language; NULL or "" = everything */
  uint32_t snaplen_bytes; /* 1 to 262144 */
  uint64_t buffer_bytes;  /* of the kernel, for both lanes together */
  bool promiscuous;
};

struct live; /* opaque */

/* Captures from now on. 0 or a negative error_code: ERROR_USAGE (the filter, no such interface),
 * ERROR_IO (rights, ...). */
int live_open(struct live **live, const struct live_options *options, struct error *error);
void live_close(struct live *live); /* NULL is allowed */

uint32_t live_linktype(const struct live *live);                   /* LINKTYPE_* */
int live_descriptor(const struct live *live, enum live_lane lane); /* for poll(): readable */

/* frame->bytes are borrowed for the call; number, interface and fcs_bytes are 0. */
typedef void live_handler(void *context, const struct frame *frame);

/* Delivers what is there, at most `max` frames; never waits. Returns their number: fewer than max
 * means that there are no more at present. Negative: error_code, the interface is lost. */
int live_read(struct live *live, enum live_lane lane, int max, live_handler *handler, void *context,
              struct error *error);

/* The interface is there and was taken down: libpcap waits for it to come up again and says
 * nothing. Cost: a system call. */
bool live_is_down(const struct live *live);

/* Frames that passed the filter and found no room in the kernel's buffer, so far, of both lanes. */
uint64_t live_dropped(struct live *live);

#endif
