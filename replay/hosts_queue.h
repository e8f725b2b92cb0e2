#ifndef REPLAY_HOSTS_QUEUE_H
#define REPLAY_HOSTS_QUEUE_H

/* A transmit queue that can be stopped: `tbf`, with one queue per priority below it. Slowed down to
 * a byte a second and raised again it stands still all the same, since raising the rate does not
 * schedule it: the next packet that is enqueued sets it going, whatever that packet is.
 * Retransmissions of what still is in the queue are refused by the kernel
 * (TCPSpuriousRtxHostQueues). */

#include "replay/hosts.h"

/* Puts it in place, at full speed. Returns 0 or ERROR_IO (no tbf in this kernel). */
int hosts_queue_make(const struct live_host *host, struct error *error);
/* From now on what is enqueued stays there. */
int hosts_queue_slow(const struct live_host *host, struct error *error);
/* At full speed again, but nobody tells the queue. */
int hosts_queue_restore(const struct live_host *host, struct error *error);

#endif
