/* ICMP (RFC 792), ICMPv6 (RFC 4443): errors that quote a TCP segment, and neighbour discovery
 * (RFC 4861). */
#include "wire/decoder.h"
#include "wire/ethertype.h"
#include "wire/ip_address.h"

#define ICMP_HEADER_BYTES 8

/* Extension headers in a quoted IPv6 packet; more are not looked behind. */
#define QUOTE_EXTENSIONS_MAX 8

/* Ports and sequence number: what RFC 792 guarantees. */
#define QUOTE_TCP_BYTES 8

enum icmp_type {
  ICMP_UNREACHABLE = 3,
  ICMP_SOURCE_QUENCH = 4,
  ICMP_REDIRECT = 5,
  ICMP_ECHO_REQUEST = 8,
  ICMP_TIME_EXCEEDED = 11,
  ICMP_PARAMETER_PROBLEM = 12
};

/* Where a solicitation of our own has its mark, behind the target: the sender's address is an
 * option of 8 bytes, the nonce has a header of 2. */
#define KICK_NONCE_AT 10

#define ICMP_FRAGMENTATION_NEEDED 4 /* code of ICMP_UNREACHABLE */

enum icmpv6_type {
  ICMPV6_UNREACHABLE = 1,
  ICMPV6_PACKET_TOO_BIG = 2,
  ICMPV6_TIME_EXCEEDED = 3,
  ICMPV6_PARAMETER_PROBLEM = 4,
  ICMPV6_ECHO_REQUEST = 128,
  ICMPV6_NEIGHBOUR_SOLICITATION = 135,
  ICMPV6_NEIGHBOUR_ADVERTISEMENT = 136
};

static bool quote_tcp(const uint8_t *bytes, uint32_t captured, struct packet_quote *quote)
{
  if (captured < QUOTE_TCP_BYTES)
    return false;
  quote->src_port = read_be16(bytes);
  quote->dst_port = read_be16(bytes + 2);
  quote->seq = read_be32(bytes + 4);
  return true;
}

static bool quote_ipv4(const struct slice *slice, struct packet_quote *quote)
{
  if (slice->captured < 20 || slice->bytes[0] >> 4 != 4)
    return false;
  const uint8_t *header = slice->bytes;
  const uint32_t header_bytes = (header[0] & 0x0fU) * 4;
  if (header_bytes < 20 || header_bytes > slice->captured || header[9] != IP_PROTOCOL_TCP ||
      (read_be16(header + 6) & 0x1fff) != 0)
    return false;
  quote->src = ip_address_v4(header + 12);
  quote->dst = ip_address_v4(header + 16);
  return quote_tcp(header + header_bytes, slice->captured - header_bytes, quote);
}

/* Bytes of the extension header at `bytes` (at least 8 are there), 0 if `protocol` is none, or
 * a fragment but the first. */
static uint32_t quote_extension_bytes(uint8_t protocol, const uint8_t *bytes)
{
  switch (protocol) {
  case IP_PROTOCOL_HOP_BY_HOP:
  case IP_PROTOCOL_ROUTING:
  case IP_PROTOCOL_DESTINATION_OPTIONS: return (bytes[1] + 1U) * 8;
  case IP_PROTOCOL_FRAGMENT: return (read_be16(bytes + 2) & 0xfff8) == 0 ? 8 : 0;
  case IP_PROTOCOL_AUTHENTICATION: return (bytes[1] + 2U) * 4;
  default: return 0;
  }
}

static bool quote_ipv6(const struct slice *slice, struct packet_quote *quote)
{
  if (slice->captured < 40 || slice->bytes[0] >> 4 != 6)
    return false;
  quote->src = ip_address_v6(slice->bytes + 8);
  quote->dst = ip_address_v6(slice->bytes + 24);
  uint8_t protocol = slice->bytes[6];
  uint32_t at = 40;
  for (unsigned i = 0; i < QUOTE_EXTENSIONS_MAX && protocol != IP_PROTOCOL_TCP; i++) {
    if (slice->captured - at < 8)
      return false;
    const uint32_t size = quote_extension_bytes(protocol, slice->bytes + at);
    if (size == 0 || size > slice->captured - at)
      return false;
    protocol = slice->bytes[at];
    at += size;
  }
  return protocol == IP_PROTOCOL_TCP && quote_tcp(slice->bytes + at, slice->captured - at, quote);
}

/* Ends as PACKET_ICMP_ERROR if rest, the quoted packet, shows a TCP header. Too little captured of
 * the quotation is an ICMP that we know no more about, not a cut packet: its own header is whole.
 */
static enum layer quote_parse(struct decoder *decoder, uint32_t mtu)
{
  struct packet_quote quote = {.mtu = mtu};
  const struct slice *rest = &decoder->rest;
  if (!quote_ipv4(rest, &quote) && !quote_ipv6(rest, &quote))
    return decoder_end(decoder, PACKET_ICMP);
  decoder->packet->quote = quote;
  return decoder_end(decoder, PACKET_ICMP_ERROR);
}

/* The header that all types share; NULL: decoding has ended. */
static const uint8_t *header_take(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, ICMP_HEADER_BYTES);
  if (header != NULL) {
    decoder->packet->icmp_type = header[0];
    decoder->packet->icmp_code = header[1];
  }
  return header;
}

enum layer icmp_parse(struct decoder *decoder)
{
  const uint8_t *header = header_take(decoder);
  if (header == NULL)
    return LAYER_DONE;
  switch (header[0]) {
  case ICMP_UNREACHABLE: /* RFC 1191, 4: the MTU is in the low half */
    return quote_parse(decoder, header[1] == ICMP_FRAGMENTATION_NEEDED ? read_be16(header + 6) : 0);
  case ICMP_SOURCE_QUENCH:
  case ICMP_REDIRECT:
  case ICMP_TIME_EXCEEDED:
  case ICMP_PARAMETER_PROBLEM: return quote_parse(decoder, 0);
  case ICMP_ECHO_REQUEST: decoder_note_kick(decoder, 0); return decoder_end(decoder, PACKET_ICMP);
  default: return decoder_end(decoder, PACKET_ICMP);
  }
}

/* RFC 4861, 4.3 and 4.4: the target follows the 8 bytes that all types share. */
static enum layer neighbour_parse(struct decoder *decoder)
{
  const uint8_t *target = decoder_take(decoder, 16);
  if (target == NULL)
    return LAYER_DONE;
  decoder->packet->dst = ip_address_v6(target);
  decoder_note_kick(decoder, KICK_NONCE_AT);
  return decoder_end(decoder, PACKET_ND);
}

enum layer icmpv6_parse(struct decoder *decoder)
{
  const uint8_t *header = header_take(decoder);
  if (header == NULL)
    return LAYER_DONE;
  switch (header[0]) {
  case ICMPV6_PACKET_TOO_BIG: return quote_parse(decoder, read_be32(header + 4));
  case ICMPV6_UNREACHABLE:
  case ICMPV6_TIME_EXCEEDED:
  case ICMPV6_PARAMETER_PROBLEM: return quote_parse(decoder, 0);
  case ICMPV6_NEIGHBOUR_SOLICITATION:
  case ICMPV6_NEIGHBOUR_ADVERTISEMENT: return neighbour_parse(decoder);
  case ICMPV6_ECHO_REQUEST: decoder_note_kick(decoder, 0); return decoder_end(decoder, PACKET_ICMP);
  default: return decoder_end(decoder, PACKET_ICMP);
  }
}
