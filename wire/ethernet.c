/* IEEE 802.3 framing, 802.1Q tags and their relatives, 802.2 LLC with SNAP, ARP. */
#include "wire/decoder.h"
#include "wire/ethertype.h"
#include "wire/ip_address.h"

#define ETHERNET_HEADER_BYTES 14

enum layer ethernet_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, ETHERNET_HEADER_BYTES);
  if (header == NULL)
    return LAYER_DONE;
  const uint16_t type = read_be16(header + 12);
  if (__builtin_expect(type == ETHERTYPE_IPV4, 1))
    return LAYER_IPV4;
  return decoder_ethertype(decoder, type);
}

/* The field is a length: what lies behind it is padding (IEEE 802.3, 3.2.6). */
static enum layer length_parse(struct decoder *decoder, uint16_t length)
{
  if (length <= decoder->rest.length)
    slice_set_length(&decoder->rest, length);
  return LAYER_LLC;
}

/* Skips a tag of `size` bytes whose last two are the EtherType of what follows. */
static enum layer tag_skip(struct decoder *decoder, uint32_t size)
{
  const uint8_t *tag = decoder_take(decoder, size);
  if (tag == NULL)
    return LAYER_DONE;
  return decoder_ethertype(decoder, read_be16(tag + size - 2));
}

static enum layer backbone_parse(struct decoder *decoder)
{
  const uint8_t *service_tag = decoder_take(decoder, 4);
  return service_tag == NULL ? LAYER_DONE : LAYER_ETHERNET;
}

enum layer ethernet_type_parse(struct decoder *decoder)
{
  const uint16_t type = decoder->protocol;
  switch (type) {
  case ETHERTYPE_IPV4: return LAYER_IPV4;
  case ETHERTYPE_IPV6: return LAYER_IPV6;
  case ETHERTYPE_ARP: return LAYER_ARP;
  case ETHERTYPE_VLAN:
  case ETHERTYPE_PROVIDER_BRIDGE:
  case ETHERTYPE_QINQ_OLD:
  case ETHERTYPE_QINQ_OLDER:
  case ETHERTYPE_QINQ_OLDEST: return LAYER_VLAN;
  case ETHERTYPE_MPLS:
  case ETHERTYPE_MPLS_MULTICAST: return LAYER_MPLS;
  case ETHERTYPE_PPPOE_SESSION: return LAYER_PPPOE;
  case ETHERTYPE_PPP: return LAYER_PPP;
  case ETHERTYPE_TRANSPARENT_ETHERNET: return LAYER_ETHERNET;
  case ETHERTYPE_NSH: return LAYER_NSH;
  case ETHERTYPE_BACKBONE_BRIDGE: return backbone_parse(decoder);
  case ETHERTYPE_VNTAG: return tag_skip(decoder, 6);
  case ETHERTYPE_CISCO_METADATA: return tag_skip(decoder, 8);
  default: return type < ETHERTYPE_MIN ? length_parse(decoder, type) : decoder_end_opaque(decoder);
  }
}

/* IEEE 802.1Q, 9.6: tag control information, then the EtherType of what follows. */
enum layer ethernet_vlan_parse(struct decoder *decoder)
{
  const uint8_t *tag = decoder_take(decoder, 4);
  if (tag == NULL)
    return LAYER_DONE;
  decoder->packet->vlan = read_be16(tag) & 0x0fff;
  return decoder_ethertype(decoder, read_be16(tag + 2));
}

/* SNAP (IEEE 802, 9.5): EtherTypes under the OUIs 00-00-00 and 00-00-F8 (802.1H's bridge tunnel),
 * bridged Ethernet under RFC 2684's 00-80-C2. */
static enum layer snap_parse(struct decoder *decoder)
{
  const uint8_t *snap = decoder_take(decoder, 5);
  if (snap == NULL)
    return LAYER_DONE;
  const uint32_t oui = read_be32(snap) >> 8;
  const uint16_t type = read_be16(snap + 3);
  if ((oui == 0x000000 || oui == 0x0000f8) && type >= ETHERTYPE_MIN)
    return decoder_ethertype(decoder, type);
  if (oui == 0x0080c2 && (type == 0x0001 || type == 0x0007)) {
    const uint8_t *padding = decoder_take(decoder, 2);
    return padding == NULL ? LAYER_DONE : LAYER_ETHERNET;
  }
  return decoder_end_opaque(decoder);
}

enum layer ethernet_llc_parse(struct decoder *decoder)
{
  const uint8_t *llc = decoder_take(decoder, 3);
  if (llc == NULL)
    return LAYER_DONE;
  if (llc[2] != 0x03) /* unnumbered information */
    return decoder_end_opaque(decoder);
  if (llc[0] == 0xaa && llc[1] == 0xaa)
    return snap_parse(decoder);
  if (llc[0] == 0x06 && llc[1] == 0x06)
    return LAYER_IPV4;
  return decoder_end_opaque(decoder);
}

/* RFC 826. Whatever the hardware's address length, the protocol's addresses are IPv4's. */
enum layer ethernet_arp_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 8);
  if (header == NULL)
    return LAYER_DONE;
  const uint32_t hardware_bytes = header[4], protocol_bytes = header[5];
  if (read_be16(header + 2) != ETHERTYPE_IPV4)
    return decoder_end_opaque(decoder);
  if (protocol_bytes != 4)
    return decoder_end(decoder, PACKET_MALFORMED);
  const uint8_t *body = decoder_take(decoder, 2 * (hardware_bytes + protocol_bytes));
  if (body == NULL)
    return LAYER_DONE;
  struct packet *packet = decoder->packet;
  decoder_begin_network(decoder, 4, 0);
  packet->src = ip_address_v4(body + hardware_bytes);
  packet->dst = ip_address_v4(body + 2 * hardware_bytes + 4);
  packet->icmp_type = (uint8_t)read_be16(header + 6);
  decoder_note_kick(decoder, 0);
  return decoder_end(decoder, PACKET_ARP);
}
