/* UDP (RFC 768) and the tunnels that are known by their port. A payload that does not look like the
 * port's tunnel is plain UDP: ports are only a hint. */
#include "wire/decoder.h"
#include "wire/ethertype.h"

#define UDP_HEADER_BYTES 8

enum udp_tunnel_port {
  UDP_PORT_L2TP = 1701,
  UDP_PORT_GTP_U = 2152,
  UDP_PORT_TEREDO = 3544,
  UDP_PORT_GRE = 4754, /* RFC 8086 */
  UDP_PORT_VXLAN = 4789,
  UDP_PORT_VXLAN_GPE = 4790,
  UDP_PORT_GENEVE = 6081,
  UDP_PORT_MPLS = 6635,
  UDP_PORT_VXLAN_LINUX = 8472 /* the kernel's default, from before the registration */
};

static enum layer plain(struct decoder *decoder)
{
  return decoder_end(decoder, PACKET_UDP);
}

/* true if `size` bytes of tunnel header are captured; else the packet stays plain UDP. */
static bool is_there(const struct decoder *decoder, uint32_t size)
{
  return decoder->rest.captured >= size;
}

/* RFC 7348, 5: the I flag; Cisco's group policy extension uses two more flags and 16 reserved bits.
 */
static enum layer vxlan_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder->rest.bytes;
  if (!is_there(decoder, 8) || !(header[0] & 0x08))
    return plain(decoder);
  slice_skip(&decoder->rest, 8);
  return LAYER_ETHERNET;
}

/* draft-ietf-nvo3-vxlan-gpe, 3: the P flag says that the fourth byte is the next protocol. */
static enum layer vxlan_gpe_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder->rest.bytes;
  if (!is_there(decoder, 8) || (header[0] & 0xf8) != 0x08)
    return plain(decoder);
  slice_skip(&decoder->rest, 8);
  if (!(header[0] & 0x04))
    return LAYER_ETHERNET;
  switch (header[3]) {
  case 1: return LAYER_IPV4;
  case 2: return LAYER_IPV6;
  case 3: return LAYER_ETHERNET;
  case 4: return LAYER_NSH;
  case 5: return LAYER_MPLS;
  default: return plain(decoder);
  }
}

/* RFC 8926, 3.4: version 0, option length in units of 4 bytes, an EtherType. */
static enum layer geneve_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder->rest.bytes;
  if (!is_there(decoder, 8) || header[0] >> 6 != 0 || header[7] != 0)
    return plain(decoder);
  const uint32_t header_bytes = 8 + (header[0] & 0x3fU) * 4;
  if (!is_there(decoder, header_bytes))
    return plain(decoder);
  slice_skip(&decoder->rest, header_bytes);
  return decoder_ethertype(decoder, read_be16(header + 2));
}

/* Skips the chain of GTP extension headers: length in units of 4 bytes, the last byte is the next
 * type. false: it is not all there, or none. */
static bool gtp_extensions_skip(struct slice *rest, uint8_t next)
{
  while (next != 0) {
    if (rest->captured == 0 || rest->bytes[0] == 0 || rest->bytes[0] * 4U > rest->captured)
      return false;
    const uint32_t size = rest->bytes[0] * 4U;
    next = rest->bytes[size - 1];
    slice_skip(rest, size);
  }
  return true;
}

/* 3GPP TS 29.281, 5.1: version 1, message type 255 carries a user's IP packet. Any of three flags
 * adds 4 bytes. */
static enum layer gtp_u_parse(struct decoder *decoder)
{
  struct slice rest = decoder->rest;
  if (!is_there(decoder, 8) || rest.bytes[0] >> 4 != 3 || rest.bytes[1] != 255)
    return plain(decoder);
  const uint8_t flags = rest.bytes[0] & 0x07;
  slice_skip(&rest, 8);
  if (flags != 0) {
    if (rest.captured < 4)
      return plain(decoder);
    const uint8_t next = flags & 0x04 ? rest.bytes[3] : 0;
    slice_skip(&rest, 4);
    if (!gtp_extensions_skip(&rest, next))
      return plain(decoder);
  }
  if (rest.captured == 0 || (rest.bytes[0] >> 4 != 4 && rest.bytes[0] >> 4 != 6))
    return plain(decoder);
  decoder->rest = rest;
  return LAYER_IP;
}

/* RFC 4380, 5.1.1: authentication and origin indications may come before the IPv6 packet. */
static enum layer teredo_parse(struct decoder *decoder)
{
  struct slice rest = decoder->rest;
  if (rest.captured >= 4 && rest.bytes[0] == 0 && rest.bytes[1] == 1) {
    const uint32_t size = 4U + rest.bytes[2] + rest.bytes[3] + 9;
    if (rest.captured < size)
      return plain(decoder);
    slice_skip(&rest, size);
  }
  if (rest.captured >= 8 && rest.bytes[0] == 0 && rest.bytes[1] == 0)
    slice_skip(&rest, 8);
  if (rest.captured < 40 || rest.bytes[0] >> 4 != 6)
    return plain(decoder);
  decoder->rest = rest;
  return LAYER_IPV6;
}

/* RFC 2661, 3.1: data messages of version 2; flags say which fields are there. */
static enum layer l2tp_parse(struct decoder *decoder)
{
  const struct slice *rest = &decoder->rest;
  if (!is_there(decoder, 2) || (read_be16(rest->bytes) & 0x800f) != 0x0002)
    return plain(decoder);
  const uint16_t flags = read_be16(rest->bytes);
  const bool has_length = flags & 0x4000, has_sequence = flags & 0x0800,
             has_offset = flags & 0x0200;
  uint32_t header_bytes = 6 + (has_length ? 2U : 0U) + (has_sequence ? 4U : 0U);
  if (has_offset) {
    if (!is_there(decoder, header_bytes + 2))
      return plain(decoder);
    header_bytes += 2U + read_be16(rest->bytes + header_bytes);
  }
  if (!is_there(decoder, header_bytes + 1))
    return plain(decoder);
  slice_skip(&decoder->rest, header_bytes);
  return LAYER_PPP;
}

static enum layer tunnel_by_destination(struct decoder *decoder)
{
  switch (decoder->packet->dst_port) {
  case UDP_PORT_VXLAN:
  case UDP_PORT_VXLAN_LINUX: return vxlan_parse(decoder);
  case UDP_PORT_VXLAN_GPE: return vxlan_gpe_parse(decoder);
  case UDP_PORT_GENEVE: return geneve_parse(decoder);
  case UDP_PORT_GTP_U: return gtp_u_parse(decoder);
  case UDP_PORT_TEREDO: return teredo_parse(decoder);
  case UDP_PORT_L2TP: return l2tp_parse(decoder);
  case UDP_PORT_GRE: return is_there(decoder, 4) ? LAYER_GRE : plain(decoder);
  case UDP_PORT_MPLS: return is_there(decoder, 4) ? LAYER_MPLS : plain(decoder);
  default: break;
  }
  switch (decoder->packet->src_port) { /* tunnels that answer from their own port */
  case UDP_PORT_GTP_U: return gtp_u_parse(decoder);
  case UDP_PORT_TEREDO: return teredo_parse(decoder);
  case UDP_PORT_L2TP: return l2tp_parse(decoder);
  default: return plain(decoder);
  }
}

enum layer udp_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, UDP_HEADER_BYTES);
  if (header == NULL)
    return LAYER_DONE;
  const uint32_t length = read_be16(header + 4);
  if (length != 0 && length < UDP_HEADER_BYTES) /* 0: a jumbogram (RFC 2675, 4) */
    return decoder_end(decoder, PACKET_MALFORMED);
  struct packet *packet = decoder->packet;
  packet->src_port = read_be16(header);
  packet->dst_port = read_be16(header + 2);
  if (length != 0 && length - UDP_HEADER_BYTES < decoder->rest.length)
    slice_set_length(&decoder->rest, length - UDP_HEADER_BYTES);
  packet->payload_bytes = decoder->rest.length;
  packet->captured_payload_bytes = decoder->rest.captured;
  return tunnel_by_destination(decoder);
}
