#ifndef CAPTURE_SAMPLER_H
#define CAPTURE_SAMPLER_H

/* Asks the kernel what its sockets, queues and devices do, again and again, and gives the answers
 * away as samples (wire/sample_format.h).
 *
 * Of interest are the TCP sockets whose own address is one of the interface's (or of the bridge
 * that it belongs to). They are found by a dump once a second, which walks the kernel's whole
 * table, and asked for by their identity in between, which costs a few microseconds each. A socket
 * that has something to send, or something unread, and has not moved on for SAMPLER_WAITING_NS is
 * sampled faster: at first every millisecond, later in steps of a thousandth of the wait.
 *
 * The sockets are asked through the namespace where the sampler was opened for their interface. */

#include "wire/error.h"

#include <stddef.h>
#include <stdint.h>

/* A wait that analyze would report (its --min-stall). */
#define SAMPLER_WAITING_NS  INT64_C(200000000)
#define SAMPLER_SOCKETS_MAX 256    /* of one interface */
#define SAMPLER_BYTES_MAX   65000u /* of one sample: what a pcapng option can hold, and some */

struct sampler; /* opaque: of one interface */

/* One sample; time_ns: CLOCK_REALTIME when it was begun. The bytes are borrowed for the call. */
typedef void sampler_sink(void *context, int64_t time_ns, const uint8_t *bytes, size_t size);

struct sampler_options {
  const char *interface;
  int network_namespace; /* descriptor, or -1: the own one */
  int64_t interval_ns;
  uint32_t
      first_number; /* of the first sample: one that takes over from another goes on counting */
};

/* Opens what is needed; afterwards it opens nothing more, and needs no rights. */
int sampler_open(struct sampler **sampler, const struct sampler_options *options,
                 struct error *error);
void sampler_close(struct sampler *sampler); /* NULL is allowed */

/* Takes what is due now, CLOCK_MONOTONIC, and gives it to the sink. Returns when it wants to be
 * called again. */
int64_t sampler_run(struct sampler *sampler, int64_t now_ns, sampler_sink *sink, void *context);

/* The number of the next sample: they are numbered as they are given to the sink. */
uint32_t sampler_next_number(const struct sampler *sampler);

/* The netlink sockets that it writes to. */
void sampler_descriptors(const struct sampler *sampler, int descriptors[2]);

/* Sockets that were passed over, as there were more than SAMPLER_SOCKETS_MAX. */
uint64_t sampler_passed_over(const struct sampler *sampler);

#endif
