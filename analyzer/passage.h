#ifndef ANALYZER_PASSAGE_H
#define ANALYZER_PASSAGE_H

/* What path_lane.c does with a single passage. */

#include "analyzer/path_lane.h"

/* Behind a packet's data, SYN and FIN. */
static inline uint32_t packet_end(const struct packet *packet)
{
  return packet->seq + packet->payload_bytes + ((packet->flags & TCP_SYN) != 0 ? 1u : 0) +
         ((packet->flags & TCP_FIN) != 0 ? 1u : 0);
}

static inline bool passage_has_data(const struct passage *passage)
{
  return passage->seq != passage->end;
}

static inline uint32_t passage_missing_bytes(const struct passage *passage)
{
  const uint32_t bytes = passage->end - passage->seq;
  return passage->came_bytes < bytes ? bytes - passage->came_bytes : 0;
}

/* A passage of a packet that leaves now. */
void passage_fill(struct passage *passage, const struct packet *packet);

/* The packet as it left, as far as a comparison with `after`, as it came, needs it. */
void passage_as_packet(const struct passage *passage, const struct packet *after,
                       struct packet *before);

/* The range has come; one hole is remembered, more are just known to be there. */
void passage_bring_range(struct passage *passage, uint32_t from, uint32_t until);

#endif
