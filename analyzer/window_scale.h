#ifndef ANALYZER_WINDOW_SCALE_H
#define ANALYZER_WINDOW_SCALE_H

/* Window scale from behaviour (RFC 7323, 2): bounds where no SYN was seen, contradictions where one
 * was.
 *
 * The signature of a rewritten shift, at the end that sees the rewritten SYN: the first windows
 * after the handshake, read with the visible shift, pull the right edge far to the left of what the
 * unscaled window of the SYN had allowed, although next to nothing was received. No stack shrinks
 * its window so (RFC 9293, 3.8.6.2.1), so the smallest shift that keeps the edge is a lower bound
 * of the true one. */

#include "analyzer/track.h"

/* Flights that end exactly at the raw 16-bit window, this many times, are no coincidence. */
#define RAW_HITS_MIN 4

/* The first window that `acker` announces after the handshake, before it is taken over. Both SYNs
 * were seen. */
void window_scale_see(struct connection *connection, enum stream_side acker,
                      const struct segment *segment);

/* No SYN seen: flight_bytes were outstanding when `acker` announced `raw`, and were sent under such
 * a window. */
void window_scale_bound(struct connection *connection, enum stream_side acker,
                        uint32_t flight_bytes, uint16_t raw);

/* The smallest shift that makes raw << shift >= bytes; 15 if none does. */
uint8_t window_scale_needed(uint32_t bytes, uint16_t raw);

#endif
