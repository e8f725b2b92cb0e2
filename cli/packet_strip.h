#ifndef CLI_PACKET_STRIP_H
#define CLI_PACKET_STRIP_H

/* The packets of one connection, as the dashboard draws them (struct model_packet): sequence
 * numbers become bytes of the streams, windows are scaled, copies are told from what is sent again.
 */

#include "tui/model.h"

struct packet_strip_numbers {
  bool known;
  uint32_t first; /* the number of byte 0 */
  int64_t highest;
};

struct packet_strip_end {
  uint8_t window_shift[2]; /* of what that side announces; by enum stream_side */
  uint32_t seq_shift[2];   /* the path moves numbers by so much: as struct pair_member has it */
  struct ip_address client, server; /* as they are called there */
  struct {
    bool known;
    int64_t byte;
  } reached[2];
};

struct packet_strip {
  struct model_packets *packets;
  uint32_t capacity;
  struct packet_strip_numbers numbers[2];
  struct packet_strip_end ends[ANALYZER_ENDS_MAX];
  bool no_memory;
};

/* packets: empty. */
void packet_strip_begin(struct packet_strip *strip, struct model_packets *packets);
/* How that end saw the connection; seq_shift: NULL for none. */
void packet_strip_view(struct packet_strip *strip, const struct connection_summary *view,
                       const uint32_t seq_shift[2]);
/* A TCP packet of it, sent by `side`; those of an end in order of time. */
void packet_strip_add(struct packet_strip *strip, const struct packet *packet,
                      enum stream_side side);
/* Any other packet: the client's, unless its addresses say that it is the server's. */
void packet_strip_foreign(struct packet_strip *strip, const struct packet *packet);
/* Puts all in order. Returns 0, or -1: memory ran out. */
int packet_strip_finish(struct packet_strip *strip);

#endif
