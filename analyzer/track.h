#ifndef ANALYZER_TRACK_H
#define ANALYZER_TRACK_H

/* Follows one TCP connection packet by packet: what the headers say becomes the state of
 * connection.h. */

#include "analyzer/engine.h"

/* What a segment is, judged against the state before it. */
enum segment_kind {
  SEGMENT_NONE,           /* no sequence space: a pure ACK */
  SEGMENT_NEW,            /* from snd_nxt on, or beyond it (bytes before it were not seen) */
  SEGMENT_RETRANSMISSION, /* all of it was seen before */
  SEGMENT_FILLS_HOLE,     /* bytes not seen here before, below snd_nxt */
  SEGMENT_OLD,            /* all of it was acknowledged before */
  SEGMENT_PROBE           /* window probe or keep-alive: no byte of the stream */
};

/* One packet seen as a segment of a stream. */
struct segment {
  const struct packet *packet;
  uint32_t start, end; /* sequence numbers with SYN and FIN */
  enum segment_kind kind;
  bool new_data;     /* moves snd_nxt */
  bool out_of_order; /* SEGMENT_FILLS_HOLE: late, not sent again */
  int64_t time_ns;   /* never before the connection's last packet */
};

/* Follows one packet of a connection that the caller has found or made. */
void track_packet(struct analyzer *analyzer, struct connection *connection,
                  const struct packet *packet);

/* Notes an ICMP error that quotes a segment of this connection. */
void track_icmp_error(struct analyzer *analyzer, struct connection *connection,
                      const struct packet *packet);

#endif
