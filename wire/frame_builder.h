#ifndef WIRE_FRAME_BUILDER_H
#define WIRE_FRAME_BUILDER_H

/* Frames of our own making, checksums set, built with libnet: the only door to it. Nothing is sent
 * and no right is needed. Not made for speed: a microsecond or two a frame. */

#include "wire/error.h"
#include "wire/packet.h"

#include <stddef.h>
#include <stdint.h>

struct frame_builder; /* opaque; one thread at a time */

#define FRAME_BUILDER_MAX 2048 /* bytes of any frame built here */

struct frame_ends {
  uint8_t ether_src[6], ether_dst[6];
  uint8_t ip_version; /* 4 or 6 */
  struct ip_address src, dst;
  uint8_t ttl; /* or hop limit */
  uint8_t tos;
  uint16_t ip_id; /* IPv4 */
};

struct frame_tcp {
  uint16_t src_port, dst_port;
  uint32_t seq, ack;
  uint8_t flags; /* enum tcp_flag, the lower eight */
  uint16_t window;
  const uint8_t *payload; /* borrowed; NULL: none */
  uint32_t payload_bytes;
  const uint8_t *options; /* borrowed; as on the wire, padded to a multiple of 4; NULL: none */
  uint32_t options_bytes; /* at most 40 (RFC 9293, 3.1) */
};

/* NULL on failure (no memory): error says. */
struct frame_builder *frame_builder_new(struct error *error);
void frame_builder_free(struct frame_builder *builder);

/* Each writes an Ethernet frame of at most FRAME_BUILDER_MAX bytes to `out` and returns its length,
 * or ERROR_USAGE (addresses or payload that do not fit) or ERROR_MEMORY. */

/* A segment. */
int frame_builder_tcp(struct frame_builder *builder, const struct frame_ends *ends,
                      const struct frame_tcp *tcp, uint8_t *out, struct error *error);

/* ICMP "fragmentation needed" (RFC 1191, 4) or ICMPv6 "packet too big" (RFC 4443, 3.2), quoting the
 * packet that begins at `quoted` as far as the standards ask (RFC 1812, 4.3.2.3: 576 bytes in all;
 * RFC 4443, 2.4: 1280). */
int frame_builder_too_big(struct frame_builder *builder, const struct frame_ends *ends,
                          uint32_t mtu, const uint8_t *quoted, uint32_t quoted_bytes, uint8_t *out,
                          struct error *error);

/* An ICMP or ICMPv6 echo request, as ping sends it. */
int frame_builder_echo(struct frame_builder *builder, const struct frame_ends *ends, uint16_t id,
                       uint16_t sequence, const uint8_t *payload, uint32_t payload_bytes,
                       uint8_t *out, struct error *error);

/* Who has ends->dst? An ARP request (RFC 826) to everybody, or, for IPv6, a neighbour solicitation
 * (RFC 4861, 4.3) to the address itself if ends->ether_dst is known, as to see whether it is still
 * there; all zero: to its solicited-node group (RFC 4291, 2.7.1). `mark` travels along where nobody
 * minds: behind the ARP packet, as Ethernet's padding; as the solicitation's nonce (RFC 3971,
 * 5.3.2). NULL: none. */
int frame_builder_who_has(struct frame_builder *builder, const struct frame_ends *ends,
                          const char *mark, uint8_t *out, struct error *error);

/* What the frames of `tcpstall capture --kick` carry, so that they are known again in a capture
 * (PACKET_KICK): an echo request's payload begins with it. */
#define FRAME_KICK_MARK       "tcpstall --kick"
#define FRAME_KICK_MARK_BYTES 15u

/* The library's name and version: "libnet version 1.1.6". */
const char *frame_builder_library(void);

#endif
