#ifndef ANALYZER_TRACK_INTERNAL_H
#define ANALYZER_TRACK_INTERNAL_H

/* The steps of track_packet(), one file each. All take the state before the packet and leave the
 * state after. */

#include "analyzer/track.h"

/* The sender's half: sequence numbers, retransmissions, holes, probes (track_data.c). */
void track_classify(const struct connection *connection, enum stream_side side,
                    struct segment *segment);
void track_data(struct analyzer *analyzer, struct connection *connection, enum stream_side side,
                const struct segment *segment);

/* The receiver's half: acknowledgment, SACK, window of the other direction (track_ack.c). */
bool track_ack_advances(const struct connection *connection, enum stream_side acker,
                        const struct packet *packet);
void track_ack(struct analyzer *analyzer, struct connection *connection, enum stream_side acker,
               const struct segment *segment);

/* TSval and TSecr of one side (track_timestamps.c). */
void track_timestamps(struct connection *connection, enum stream_side side,
                      const struct segment *segment);

/* true if this packet is a copy that the capture itself made (mirror port, stacked devices). Pure
 * ACKs without an IP identification are only taken for copies where other packets were
 * (copies_seen): real duplicate ACKs look the same. */
bool track_is_capture_copy(struct stream *stream, const struct packet *packet, bool copies_seen);

#endif
