#ifndef REPLAY_FRAME_VIEW_H
#define REPLAY_FRAME_VIEW_H

/* Where the headers of an Ethernet frame are, for whoever changes them in place.
 *
 * Deliberately apart from wire/packet.h: what the emulator says of a frame is the truth that the
 * decoder and the analyzer are measured by, so it must not come from them. It takes apart what
 * hosts on a TAP send: Ethernet, up to two VLAN tags, IPv4 or IPv6 with extension headers, TCP. */

#include <stdbool.h>
#include <stdint.h>

enum frame_kind {
  FRAME_OTHER = 0x001,
  FRAME_ARP = 0x002, /* or IPv6 neighbour discovery (RFC 4861) */
  FRAME_TCP = 0x004,
  FRAME_DATA = 0x008,   /* TCP with payload */
  FRAME_ACK = 0x010,    /* TCP without payload, SYN, FIN and RST */
  FRAME_SYN = 0x020,    /* without ACK */
  FRAME_SYNACK = 0x040, /* SYN and ACK */
  FRAME_FIN = 0x080,
  FRAME_RST = 0x100,
  FRAME_UDP = 0x200,
  FRAME_ICMP = 0x400 /* or ICMPv6 but neighbour discovery */
};

struct frame_view {
  uint8_t *bytes; /* borrowed; from the Ethernet header on */
  uint32_t frame_bytes;
  uint32_t kinds;     /* enum frame_kind, or'ed */
  uint8_t ip_version; /* 4, 6 or 0 */
  bool vlan;
  uint16_t network;              /* offset of the IP header */
  uint16_t transport;            /* offset of the TCP or UDP header, 0: none */
  uint16_t transport_head_bytes; /* TCP: with options */
  uint16_t src_port, dst_port;
  uint16_t flags; /* enum tcp_flag of wire/packet.h */
  uint16_t window;
  uint32_t seq, ack;
  uint32_t payload_bytes; /* TCP */
  /* What a virtio header said (IFF_VNET_HDR); the parser leaves them 0. */
  uint32_t gso_bytes;    /* payload of each wire segment of a super-segment, 0: it is none */
  bool checksum_partial; /* the TCP checksum is still to be made by who sends it for real */
};

#define FRAME_ETHERNET_BYTES 14

/* Total: whatever the bytes are, fills *view. Every offset in it lies inside the frame. */
void frame_view_parse(struct frame_view *view, uint8_t *bytes, uint32_t frame_bytes);

/* How many frames this makes on a wire, and how long the longest of them is. */
uint32_t frame_view_wire_frames(const struct frame_view *view);
uint32_t frame_view_wire_bytes(const struct frame_view *view);

/* An option of the TCP header by its kind (RFC 9293, 3.2): its first byte, or NULL. Its whole
 * length lies within the header, and is at least 2. */
uint8_t *frame_view_option(const struct frame_view *view, uint8_t kind);

enum {
  TCP_OPTION_KIND_END = 0,
  TCP_OPTION_KIND_NOP = 1,
  TCP_OPTION_KIND_MSS = 2,
  TCP_OPTION_KIND_WINDOW_SCALE = 3,
  TCP_OPTION_KIND_SACK_PERMITTED = 4,
  TCP_OPTION_KIND_SACK = 5,
  TCP_OPTION_KIND_TIMESTAMPS = 8
};

#endif
