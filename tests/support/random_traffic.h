#ifndef TESTS_SUPPORT_RANDOM_TRAFFIC_H
#define TESTS_SUPPORT_RANDOM_TRAFFIC_H

/* An endless random trace of a few TCP connections: transfers with pauses, losses, retransmissions,
 * zero windows, keep-alives, resets and reused ports; and, as far as asked for, packets and times
 * that no TCP and no clock would make. The same seed gives the same trace. */

#include "wire/packet.h"

#include <stdbool.h>
#include <stdint.h>

#define TRAFFIC_FLOWS_MAX 16u

struct traffic_flow {
  bool open;
  uint32_t nxt[2], una[2]; /* by sender: 0 = client */
  uint16_t window[2];
};

struct random_traffic {
  uint64_t seed;
  uint32_t flows;             /* 1 .. TRAFFIC_FLOWS_MAX */
  uint32_t mangled_per_mille; /* packets with random fields */
  bool strange_times;         /* some packets without time, and times that jump both ways */
  int64_t now_ns;
  uint64_t frame;
  struct traffic_flow flow[TRAFFIC_FLOWS_MAX];
};

struct random_traffic random_traffic_new(uint64_t seed, uint32_t flows, uint32_t mangled_per_mille,
                                         bool strange_times);
struct packet random_traffic_next(struct random_traffic *traffic);

#endif
