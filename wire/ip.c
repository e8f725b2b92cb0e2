/* IPv4 (RFC 791), IPv6 (RFC 8200) with its extension headers and jumbograms (RFC 2675). */
#include "wire/decoder.h"
#include "wire/ethertype.h"
#include "wire/ip_address.h"

#define IPV4_HEADER_BYTES 20
#define IPV6_HEADER_BYTES 40

#define IPV4_DF          0x4000
#define IPV4_MF          0x2000
#define IPV4_OFFSET_MASK 0x1fff

enum layer ip_parse(struct decoder *decoder)
{
  const uint8_t *first = decoder_peek(decoder, 1);
  if (first == NULL)
    return LAYER_DONE;
  switch (*first >> 4) {
  case 4: return LAYER_IPV4;
  case 6: return LAYER_IPV6;
  default: return decoder_end(decoder, PACKET_MALFORMED);
  }
}

static enum layer ip_next(struct decoder *decoder, uint8_t protocol)
{
  decoder->packet->ip_proto = protocol;
  if (__builtin_expect(protocol == IP_PROTOCOL_TCP, 1))
    return LAYER_TCP;
  decoder->protocol = protocol;
  return LAYER_IP_PROTOCOL;
}

/* A source route (RFC 791, 3.1: options 131, 137) with hops to go: the checksum covers the last
 * hop's address, not the destination field. */
static bool ipv4_has_source_route(const uint8_t *options, uint32_t size)
{
  uint32_t at = 0;
  while (at < size && options[at] != 0) {
    if (options[at] == 1) {
      at++;
      continue;
    }
    if (size - at < 3 || options[at + 1] < 2)
      return false;
    if ((options[at] == 131 || options[at] == 137) && options[at + 2] <= options[at + 1])
      return true;
    at += options[at + 1];
  }
  return false;
}

/* Takes the options off; false if decoding has ended. */
static bool ipv4_options(struct decoder *decoder, uint32_t size)
{
  const uint8_t *options = decoder_take(decoder, size);
  if (options == NULL)
    return false;
  decoder->destination_later = ipv4_has_source_route(options, size);
  return true;
}

static enum layer ipv4_fragment(struct decoder *decoder, uint16_t fragment, uint8_t protocol)
{
  struct packet *packet = decoder->packet;
  packet->ip_proto = protocol;
  if (fragment & IPV4_OFFSET_MASK)
    return decoder_end(decoder, PACKET_FRAGMENT);
  packet->facts |= PACKET_FIRST_FRAGMENT;
  return ip_next(decoder, protocol);
}

/* Where the packet ends. Offload engines leave 0 in packets that the field cannot express (BIG TCP)
 * or that they will split themselves. */
static void ipv4_set_length(struct decoder *decoder, uint32_t total)
{
  if (__builtin_expect(total == 0, 0))
    decoder->packet->facts |= PACKET_LENGTH_GUESSED;
  else
    slice_set_length(&decoder->rest, total);
}

enum layer ipv4_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_peek(decoder, IPV4_HEADER_BYTES);
  if (header == NULL)
    return LAYER_DONE;
  const uint32_t header_bytes = (header[0] & 0x0fU) * 4;
  const uint32_t total = read_be16(header + 2);
  if (header[0] >> 4 != 4 || header_bytes < IPV4_HEADER_BYTES ||
      (total != 0 && total < header_bytes))
    return decoder_end(decoder, PACKET_MALFORMED);
  decoder_begin_network(decoder, 4, PACKET_TTL_VALID | PACKET_IP_ID);
  ipv4_set_length(decoder, total);
  struct packet *packet = decoder->packet;
  slice_skip(&decoder->rest, IPV4_HEADER_BYTES);
  packet->tos = header[1];
  packet->ip_id = read_be16(header + 4);
  packet->ttl = header[8];
  packet->src = ip_address_v4(header + 12);
  packet->dst = ip_address_v4(header + 16);
  const uint16_t fragment = read_be16(header + 6);
  if (fragment & IPV4_DF)
    packet->facts |= PACKET_IP_DF;
  if (header_bytes > IPV4_HEADER_BYTES && !ipv4_options(decoder, header_bytes - IPV4_HEADER_BYTES))
    return LAYER_DONE;
  if (fragment & (IPV4_MF | IPV4_OFFSET_MASK))
    return ipv4_fragment(decoder, fragment, header[9]);
  return ip_next(decoder, header[9]);
}

/* The jumbo payload option (RFC 2675, 2) in a hop-by-hop header, 0 if there is none. */
static uint32_t jumbo_payload_bytes(const struct slice *slice)
{
  if (slice->captured < 8)
    return 0;
  uint32_t end = (slice->bytes[1] + 1U) * 8;
  if (end > slice->captured)
    end = slice->captured;
  uint32_t at = 2;
  while (at + 1 < end) {
    const uint8_t type = slice->bytes[at];
    const uint32_t size = slice->bytes[at + 1];
    if (type == 0xc2 && size == 4 && end - at >= 6)
      return read_be32(slice->bytes + at + 2);
    at += type == 0 ? 1 : 2 + size;
  }
  return 0;
}

/* Payload length 0: a jumbogram says its length itself; else it is what the frame holds (BIG TCP as
 * newer kernels leave it, with no hop-by-hop header), unless nothing is to follow. */
static void ipv6_length_zero(struct decoder *decoder, uint8_t next)
{
  uint32_t jumbo = 0;
  if (next == IP_PROTOCOL_NONE)
    return;
  if (next == IP_PROTOCOL_HOP_BY_HOP)
    jumbo = jumbo_payload_bytes(&decoder->rest);
  if (jumbo > UINT16_MAX)
    slice_set_length(&decoder->rest, jumbo);
  else
    decoder->packet->facts |= PACKET_LENGTH_GUESSED;
}

enum layer ipv6_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, IPV6_HEADER_BYTES);
  if (header == NULL)
    return LAYER_DONE;
  if (header[0] >> 4 != 6)
    return decoder_end(decoder, PACKET_MALFORMED);
  decoder_begin_network(decoder, 6, PACKET_TTL_VALID);
  struct packet *packet = decoder->packet;
  packet->tos = (uint8_t)(read_be16(header) >> 4);
  packet->ttl = header[7];
  packet->src = ip_address_v6(header + 8);
  packet->dst = ip_address_v6(header + 24);
  const uint16_t payload_bytes = read_be16(header + 4);
  if (payload_bytes != 0)
    slice_set_length(&decoder->rest, payload_bytes);
  else
    ipv6_length_zero(decoder, header[6]);
  return ip_next(decoder, header[6]);
}

/* Hop-by-hop, routing, destination options, mobility, HIP, shim6: next header, length in units of
 * 8 bytes behind the first 8. */
enum layer ipv6_extension_parse(struct decoder *decoder)
{
  const bool is_routing = decoder->protocol == IP_PROTOCOL_ROUTING;
  const uint8_t *header = decoder_take(decoder, 8);
  if (header == NULL || decoder_take(decoder, header[1] * 8U) == NULL)
    return LAYER_DONE;
  if (is_routing && header[3] != 0) /* segments left */
    decoder->destination_later = true;
  return ip_next(decoder, header[0]);
}

enum layer ipv6_fragment_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 8);
  if (header == NULL)
    return LAYER_DONE;
  const uint16_t fragment = read_be16(header + 2);
  if (fragment & 0xfff8) {
    decoder->packet->ip_proto = header[0];
    return decoder_end(decoder, PACKET_FRAGMENT);
  }
  if (fragment & 0x0001) /* more fragments; without it: an atomic one (RFC 6946) */
    decoder->packet->facts |= PACKET_FIRST_FRAGMENT;
  return ip_next(decoder, header[0]);
}

/* RFC 4302, 2: length in units of 4 bytes, minus 2. */
enum layer ip_authentication_header_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_peek(decoder, 12);
  if (header == NULL)
    return LAYER_DONE;
  const uint32_t header_bytes = (header[1] + 2U) * 4;
  if (header_bytes < 12)
    return decoder_end(decoder, PACKET_MALFORMED);
  if (decoder_take(decoder, header_bytes) == NULL)
    return LAYER_DONE;
  return ip_next(decoder, header[0]);
}

/* RFC 3378: version 3, then an Ethernet frame. */
static enum layer etherip_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 2);
  if (header == NULL)
    return LAYER_DONE;
  return header[0] >> 4 == 3 ? LAYER_ETHERNET : decoder_end_opaque(decoder);
}

enum layer ip_protocol_parse(struct decoder *decoder)
{
  const bool is_v6 = decoder->packet->ip_version == 6;
  switch (decoder->protocol) {
  case IP_PROTOCOL_TCP: return LAYER_TCP;
  case IP_PROTOCOL_UDP: return LAYER_UDP;
  case IP_PROTOCOL_ICMP: return is_v6 ? decoder_end_opaque(decoder) : LAYER_ICMP;
  case IP_PROTOCOL_ICMPV6: return is_v6 ? LAYER_ICMPV6 : decoder_end_opaque(decoder);
  case IP_PROTOCOL_IPV4: return LAYER_IPV4;
  case IP_PROTOCOL_IPV6: return LAYER_IPV6;
  case IP_PROTOCOL_GRE: return LAYER_GRE;
  case IP_PROTOCOL_MPLS: return LAYER_MPLS;
  case IP_PROTOCOL_ETHERIP: return etherip_parse(decoder);
  case IP_PROTOCOL_AUTHENTICATION: return LAYER_AUTHENTICATION_HEADER;
  case IP_PROTOCOL_HOP_BY_HOP:
  case IP_PROTOCOL_ROUTING:
  case IP_PROTOCOL_DESTINATION_OPTIONS:
  case IP_PROTOCOL_MOBILITY:
  case IP_PROTOCOL_HIP:
  case IP_PROTOCOL_SHIM6: return is_v6 ? LAYER_IPV6_EXTENSION : decoder_end_opaque(decoder);
  case IP_PROTOCOL_FRAGMENT: return is_v6 ? LAYER_IPV6_FRAGMENT : decoder_end_opaque(decoder);
  default: return decoder_end_opaque(decoder);
  }
}
