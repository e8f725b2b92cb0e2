/* MPLS (RFC 3032), and what its last label hides (RFC 4928, RFC 4448). */
#include "wire/decoder.h"
#include "wire/ethertype.h"

#define MPLS_BOTTOM_OF_STACK 0x00000100
#define MPLS_LABEL_IPV4      0 /* explicit null */
#define MPLS_LABEL_IPV6      2

enum layer mpls_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 4);
  if (header == NULL)
    return LAYER_DONE;
  const uint32_t entry = read_be32(header);
  if (!(entry & MPLS_BOTTOM_OF_STACK))
    return LAYER_MPLS;
  switch (entry >> 12) {
  case MPLS_LABEL_IPV4: return LAYER_IPV4;
  case MPLS_LABEL_IPV6: return LAYER_IPV6;
  default: return LAYER_PSEUDOWIRE;
  }
}

static bool ipv4_length_fits(const struct slice *rest)
{
  if (rest->captured < 20)
    return false;
  const uint32_t header_bytes = (rest->bytes[0] & 0x0fU) * 4, total = read_be16(rest->bytes + 2);
  return header_bytes >= 20 && total >= header_bytes && total <= rest->length;
}

static bool ipv6_length_fits(const struct slice *rest)
{
  return rest->captured >= 40 && read_be16(rest->bytes + 4) + 40U <= rest->length;
}

static bool looks_like_ethernet(const struct slice *rest)
{
  if (rest->captured < 14)
    return false;
  switch (read_be16(rest->bytes + 12)) {
  case ETHERTYPE_IPV4:
  case ETHERTYPE_ARP:
  case ETHERTYPE_VLAN:
  case ETHERTYPE_IPV6:
  case ETHERTYPE_PROVIDER_BRIDGE: return true;
  default: return false;
  }
}

/* A label does not say what it carries: routers tell by the first nibble (RFC 4928, 2). 0 is the
 * control word of a pseudowire, 1 its associated channel. A MAC address may begin with 4 or 6 too:
 * then the IP length does not fit and the EtherType is one we know. */
enum layer mpls_payload_parse(struct decoder *decoder)
{
  const struct slice *rest = &decoder->rest;
  const uint8_t *first = decoder_peek(decoder, 4);
  if (first == NULL)
    return LAYER_DONE;
  switch (*first >> 4) {
  case 0: slice_skip(&decoder->rest, 4); return LAYER_ETHERNET;
  case 1: return decoder_end_opaque(decoder);
  case 4: return !ipv4_length_fits(rest) && looks_like_ethernet(rest) ? LAYER_ETHERNET : LAYER_IPV4;
  case 6: return !ipv6_length_fits(rest) && looks_like_ethernet(rest) ? LAYER_ETHERNET : LAYER_IPV6;
  default: return LAYER_ETHERNET;
  }
}
