#ifndef ANALYZER_NEIGHBOURS_H
#define ANALYZER_NEIGHBOURS_H

/* ARP (RFC 826) and neighbour discovery (RFC 4861) as seen in the capture: who asked for whom, and
 * when it was answered. While a host has no answer it cannot send: its segments wait, or are
 * dropped, below TCP. */

#include "wire/packet.h"

#include <stdint.h>

#define NEIGHBOURS_MAX 16u

struct neighbour_query {
  struct ip_address asker, target;
  int64_t first_ns, last_ns; /* of the requests since the last answer */
  uint64_t first_frame, last_frame;
  int64_t answered_ns; /* 0: not answered */
  uint64_t answer_frame;
  uint32_t requests;
  uint8_t end;
};

struct neighbours {
  struct neighbour_query queries[NEIGHBOURS_MAX]; /* the oldest is overwritten */
  uint32_t next;
};

/* packet->kind is PACKET_ARP or PACKET_ND. */
void neighbours_see(struct neighbours *neighbours, const struct packet *packet);

/* A query of `asker` that was repeated without an answer during start..end. NULL: none. */
const struct neighbour_query *neighbours_unanswered(const struct neighbours *neighbours,
                                                    const struct ip_address *asker, uint8_t end,
                                                    int64_t start_ns, int64_t end_ns);

#endif
