#ifndef TESTS_LAB_TAPWIRE_FRAME_H
#define TESTS_LAB_TAPWIRE_FRAME_H

/* What tapwire sees of an Ethernet frame, and what it can change in it. Only plain IPv4 and IPv6
 * with TCP right behind the header is taken apart: that is all the lab sends. Deliberately
 * independent of wire/, whose decoder is what these tests measure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_kind {
  FRAME_OTHER = 0x01,
  FRAME_ARP = 0x02, /* or IPv6 neighbour discovery */
  FRAME_TCP = 0x04,
  FRAME_DATA = 0x08, /* carries payload */
  FRAME_ACK = 0x10,  /* no payload, no SYN, FIN or RST */
  FRAME_SYN = 0x20,  /* without ACK */
  FRAME_SYNACK = 0x40,
  FRAME_FIN = 0x80,
  FRAME_RST = 0x100
};

enum {
  TCP_OPTION_MSS = 2,
  TCP_OPTION_WINDOW_SCALE = 3,
  TCP_OPTION_SACK_PERMITTED = 4,
  TCP_OPTION_TIMESTAMPS = 8
};

struct frame {
  uint8_t *bytes; /* borrowed; from the Ethernet header */
  size_t len;
  uint32_t kinds; /* enum frame_kind, or'ed */
  bool ipv6;
  size_t tcp; /* offset of the TCP header, 0 if none */
  size_t tcp_header_len, payload_len;
  uint32_t seq;
};

#define FRAME_RESET_SIZE 74 /* Ethernet, IPv6, TCP */

void frame_parse(struct frame *frame, uint8_t *bytes, size_t len);

/* All keep the checksums right, except frame_flip_payload, which spoils the TCP checksum by one
 * payload bit. */
void frame_flip_payload(struct frame *frame);
void frame_set_option(struct frame *frame, uint8_t kind,
                      uint32_t value);                       /* if the option is there */
void frame_remove_option(struct frame *frame, uint8_t kind); /* overwritten with NOPs */
void frame_add_tsval(struct frame *frame, int32_t ticks);
/* The sequence number of A's segments, the acknowledgment number of B's; SACK blocks are left as
 * they are. */
void frame_shift_sequence(struct frame *frame, bool sent_by_a, uint32_t by);
void frame_lower_ttl(struct frame *frame, uint8_t by);

/* Writes a RST that answers `frame` (back: to its sender, else to its receiver), acceptable by
 * sequence number. out holds FRAME_RESET_SIZE bytes. Returns its length. */
size_t frame_build_reset(const struct frame *frame, bool back, uint8_t *out);

#endif
