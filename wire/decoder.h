#ifndef WIRE_DECODER_H
#define WIRE_DECODER_H

/* The inside of packet_decode(); nobody else includes this.
 *
 * Decoding is a ladder. Each rung (enum layer) has one parser, which takes its own header off
 * decoder->rest and returns the rung of what follows, or LAYER_DONE after it has set packet->kind.
 * The loop in packet.c climbs at most DECODER_LAYERS_MAX rungs, so that no frame, however it nests
 * its tunnels, costs more than that; no parser calls another one. */

#include "wire/byte_reader.h"
#include "wire/frame_builder.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Deeper nesting is called malformed. A data centre's deepest real stack (Ethernet, two VLAN tags,
 * MPLS, IP, UDP, VXLAN, Ethernet, VLAN, IPv6 with extension headers, TCP) has about 15; tcpdump and
 * Wireshark give up at comparable depths. */
#define DECODER_LAYERS_MAX 48

enum layer {
  LAYER_DONE,
  LAYER_ETHERTYPE, /* decoder->protocol is an EtherType */
  LAYER_ETHERNET,
  LAYER_LLC,
  LAYER_VLAN,
  LAYER_ARP,
  LAYER_PPPOE,
  LAYER_PPP,
  LAYER_CHDLC,
  LAYER_MPLS,
  LAYER_PSEUDOWIRE, /* what follows the last MPLS label */
  LAYER_NSH,
  LAYER_IP, /* version by the first nibble */
  LAYER_IPV4,
  LAYER_IPV6,
  LAYER_IP_PROTOCOL, /* decoder->protocol is an IP protocol number */
  LAYER_IPV6_EXTENSION,
  LAYER_IPV6_FRAGMENT,
  LAYER_AUTHENTICATION_HEADER,
  LAYER_GRE,
  LAYER_UDP,
  LAYER_ICMP,
  LAYER_ICMPV6,
  LAYER_TCP,
  LAYER_LINK, /* decoder->linktype says which link layer */
  LAYER_COUNT
};

struct decoder {
  struct packet *packet;
  struct slice rest;      /* not yet parsed */
  uint32_t linktype;      /* for LAYER_LINK */
  uint16_t protocol;      /* EtherType or IP protocol of rest, by the layer that is next */
  bool destination_later; /* a routing header or option: the header's destination is not the final
                             one */
};

typedef enum layer layer_parser(struct decoder *decoder);

/* Ends the decoding with this kind. */
static inline enum layer decoder_end(struct decoder *decoder, enum packet_kind kind)
{
  decoder->packet->kind = (uint8_t)kind;
  return LAYER_DONE;
}

/* Notes that the packet is one of our own kicks (frame_builder.h), if `ahead` bytes behind what was
 * parsed so far is their mark. */
static inline void decoder_note_kick(struct decoder *decoder, uint32_t ahead)
{
  if (decoder->rest.captured >= ahead + FRAME_KICK_MARK_BYTES &&
      memcmp(decoder->rest.bytes + ahead, FRAME_KICK_MARK, FRAME_KICK_MARK_BYTES) == 0)
    decoder->packet->facts |= PACKET_KICK;
}

/* Ends at something that is well-formed, but that we do not descend. */
static inline enum layer decoder_end_opaque(struct decoder *decoder)
{
  return decoder_end(decoder, decoder->packet->ip_version != 0 ? PACKET_IP_OTHER : PACKET_NON_IP);
}

/* Ends because `needed` bytes are not there: cut by the snap length, or by fragmentation, or a
 * contradiction. */
static inline enum layer decoder_end_short(struct decoder *decoder, uint32_t needed)
{
  if (needed <= decoder->rest.length)
    return decoder_end(decoder, PACKET_CUT);
  if (decoder->packet->facts & PACKET_FIRST_FRAGMENT)
    return decoder_end(decoder, PACKET_FRAGMENT);
  return decoder_end(decoder, PACKET_MALFORMED);
}

/* The next `size` bytes, taken off rest; NULL if they are not there: decoding has then ended. */
static inline const uint8_t *decoder_take(struct decoder *decoder, uint32_t size)
{
  const uint8_t *bytes = decoder->rest.bytes;
  if (__builtin_expect(size > decoder->rest.captured, 0)) {
    decoder_end_short(decoder, size);
    return NULL;
  }
  slice_skip(&decoder->rest, size);
  return bytes;
}

/* As decoder_take(), for bytes that the parser only looks at: they stay. */
static inline const uint8_t *decoder_peek(struct decoder *decoder, uint32_t size)
{
  if (size > decoder->rest.captured) {
    decoder_end_short(decoder, size);
    return NULL;
  }
  return decoder->rest.bytes;
}

static inline enum layer decoder_ethertype(struct decoder *decoder, uint16_t ethertype)
{
  decoder->protocol = ethertype;
  return LAYER_ETHERTYPE;
}

/* Begins an IP header, or ARP: what is known from a packet further out is that one's, not this
 * one's. */
static inline void decoder_begin_network(struct decoder *decoder, uint8_t version, uint8_t facts)
{
  struct packet *packet = decoder->packet;
  if (__builtin_expect(packet->ip_version != 0, 0)) {
    packet->encap_depth++;
    packet->ttl = packet->tos = packet->ip_proto = 0;
    packet->ip_id = packet->src_port = packet->dst_port = 0;
    packet->payload_bytes = packet->captured_payload_bytes = 0;
  }
  packet->ip_version = version;
  packet->facts = facts;
  decoder->destination_later = false;
}

/* A direction that a link header tells; the record's own flags have precedence. */
static inline void decoder_direction(struct decoder *decoder, enum packet_direction direction)
{
  if (decoder->packet->direction == PACKET_DIR_UNKNOWN)
    decoder->packet->direction = (uint8_t)direction;
}

/* ethernet.c: IEEE 802.3, 802.1Q, 802.2, ARP */
layer_parser ethernet_parse, ethernet_type_parse, ethernet_llc_parse, ethernet_vlan_parse,
    ethernet_arp_parse;

/* serial.c: PPP and its relatives */
layer_parser serial_ppp_parse, serial_pppoe_parse, serial_chdlc_parse;
layer_parser serial_hdlc_parse, serial_ppp_direction_parse, serial_chdlc_direction_parse;
layer_parser serial_frame_relay_parse, serial_frame_relay_direction_parse, serial_slip_parse;

/* lan.c */
layer_parser lan_fddi_parse, lan_token_ring_parse, lan_arcnet_bsd_parse, lan_arcnet_linux_parse;
layer_parser lan_sunatm_parse, lan_atm_clip_parse, lan_ipoib_parse;

/* host_link.c */
layer_parser host_loopback_parse, host_cooked_parse, host_cooked_v2_parse, host_nflog_parse;
layer_parser host_pktap_parse, host_pflog_parse, host_enc_parse, host_ipnet_parse;

/* device_link.c */
layer_parser device_brcm_parse, device_brcm_prepend_parse, device_dsa_parse, device_edsa_parse;
layer_parser device_juniper_ethernet_parse, device_juniper_ppp_parse, device_juniper_chdlc_parse;

/* wlan.c: IEEE 802.11 and the radio headers in front of it */
layer_parser wlan_parse, wlan_radiotap_parse, wlan_prism_parse, wlan_avs_parse, wlan_ppi_parse;

/* link.c: the table of link types */
layer_parser link_parse;
bool link_is_supported(uint32_t linktype);

/* ip.c */
layer_parser ip_parse, ipv4_parse, ipv6_parse, ip_protocol_parse;
layer_parser ipv6_extension_parse, ipv6_fragment_parse, ip_authentication_header_parse;

/* gre.c, udp.c, mpls.c, nsh.c */
layer_parser gre_parse, udp_parse, mpls_parse, mpls_payload_parse, nsh_parse;

/* icmp.c */
layer_parser icmp_parse, icmpv6_parse;

/* tcp_header.c */
layer_parser tcp_header_parse;

#endif
