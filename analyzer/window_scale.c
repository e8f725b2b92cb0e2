#include "analyzer/window_scale.h"

#include "wire/seq.h"

/* Only a pull of the edge by this factor counts: a stack may trim its first window a little
 * (clamping to the MSS, memory pressure), and the rounding of the scale takes up to one unit. */
#define EDGE_PULL_FACTOR 4u

uint8_t window_scale_needed(uint32_t bytes, uint16_t raw)
{
  if (raw == 0)
    return 15;
  uint8_t shift = 0;
  while (shift < 15 && ((uint64_t)raw << shift) < bytes)
    shift++;
  return shift;
}

void window_scale_see(struct connection *connection, enum stream_side acker,
                      const struct segment *segment)
{
  struct stream *announcer = &connection->stream[acker];
  const struct stream *stream = &connection->stream[acker ^ 1];
  const struct packet *packet = segment->packet;
  bool known;
  uint8_t shift = connection_shift(connection, acker, &known);
  uint32_t edge =
      stream->isn + 1 + announcer->syn_window; /* never scaled in a SYN: RFC 7323, 2.2 */
  if (packet->window == 0)
    return;
  uint32_t left = edge - packet->ack; /* what the SYN had allowed beyond this ACK */
  uint32_t offered = (uint32_t)packet->window << shift;
  if (seq_lt(edge, packet->ack) || offered >= left || (uint64_t)offered * EDGE_PULL_FACTOR > left)
    return;
  uint8_t needed = window_scale_needed(left, packet->window);
  if (needed <= 14 && needed > shift)
    announcer->est_wscale_min = needed;
}

void window_scale_bound(struct connection *connection, enum stream_side acker,
                        uint32_t flight_bytes, uint16_t raw)
{
  struct stream *announcer = &connection->stream[acker];
  if (raw == 0 || flight_bytes <= raw)
    return;
  uint8_t needed = window_scale_needed(flight_bytes, raw);
  if (needed <= 14 && needed > announcer->est_wscale_min)
    announcer->est_wscale_min = needed;
}
