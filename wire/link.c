/* Link types (the LINKTYPE registry of pcap and pcapng): which there are, and the parsers of those
 * that are small. */
#include "wire/decoder.h"
#include "wire/ethertype.h"

enum linktype {
  LINKTYPE_NULL = 0,
  LINKTYPE_ETHERNET = 1,
  LINKTYPE_TOKEN_RING = 6,
  LINKTYPE_ARCNET_BSD = 7,
  LINKTYPE_SLIP = 8,
  LINKTYPE_PPP = 9,
  LINKTYPE_FDDI = 10,
  LINKTYPE_DLT_RAW = 12, /* raw IP where a DLT value was written instead of 101 */
  LINKTYPE_DLT_RAW_OPENBSD = 14,
  LINKTYPE_PPP_HDLC = 50,
  LINKTYPE_PPP_ETHER = 51,
  LINKTYPE_ATM_RFC1483 = 100,
  LINKTYPE_RAW = 101,
  LINKTYPE_C_HDLC = 104,
  LINKTYPE_IEEE802_11 = 105,
  LINKTYPE_ATM_CLIP = 106,
  LINKTYPE_FRELAY = 107,
  LINKTYPE_LOOP = 108,
  LINKTYPE_LINUX_SLL = 113,
  LINKTYPE_PRISM = 119,
  LINKTYPE_SUNATM = 123,
  LINKTYPE_RADIOTAP = 127,
  LINKTYPE_ARCNET_LINUX = 129,
  LINKTYPE_AVS = 163,
  LINKTYPE_PPP_PPPD = 166,
  LINKTYPE_PPI = 192,
  LINKTYPE_PPP_WITH_DIR = 204,
  LINKTYPE_C_HDLC_WITH_DIR = 205,
  LINKTYPE_FRELAY_WITH_DIR = 206,
  LINKTYPE_IPV4 = 228,
  LINKTYPE_IPV6 = 229,
  LINKTYPE_NFLOG = 239,
  LINKTYPE_IPOIB = 242,
  LINKTYPE_LINUX_SLL2 = 276,
  LINKTYPE_DSA_TAG_BRCM = 281,
  LINKTYPE_DSA_TAG_BRCM_PREPEND = 282,
  LINKTYPE_DSA_TAG_DSA = 284,
  LINKTYPE_DSA_TAG_EDSA = 285
};

#define LINKTYPE_TABLE_SIZE 286

/* Address families of the BSD loopback headers: 2 everywhere, IPv6's differs from system to system.
 */
static enum layer family_parse(struct decoder *decoder, uint32_t family)
{
  switch (family) {
  case 2: return LAYER_IPV4;
  case 10:                    /* Linux */
  case 23:                    /* Windows */
  case 24:                    /* NetBSD, OpenBSD */
  case 28:                    /* FreeBSD */
  case 30: return LAYER_IPV6; /* Darwin */
  default: return decoder_end_opaque(decoder);
  }
}

/* The family in the byte order of the capturing host (NULL) or in the network's (LOOP); the order
 * that makes a small number is the right one. */
static enum layer loopback_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 4);
  if (header == NULL)
    return LAYER_DONE;
  const uint32_t family = read_le32(header);
  return family_parse(decoder, family > UINT16_MAX ? read_be32(header) : family);
}

static enum layer raw_parse(struct decoder *decoder)
{
  (void)decoder;
  return LAYER_IP;
}

static enum layer raw_ipv4_parse(struct decoder *decoder)
{
  (void)decoder;
  return LAYER_IPV4;
}

static enum layer raw_ipv6_parse(struct decoder *decoder)
{
  (void)decoder;
  return LAYER_IPV6;
}

static enum layer raw_pppoe_parse(struct decoder *decoder)
{
  (void)decoder;
  return LAYER_PPPOE;
}

static enum layer raw_llc_parse(struct decoder *decoder)
{
  (void)decoder;
  return LAYER_LLC;
}

/* PPP in HDLC framing; the address bytes of Cisco's HDLC are told apart. */
static enum layer hdlc_parse(struct decoder *decoder)
{
  const uint8_t *address = decoder_peek(decoder, 2);
  if (address == NULL)
    return LAYER_DONE;
  const bool is_cisco = (address[0] == 0x0f || address[0] == 0x8f) && address[1] == 0;
  return is_cisco ? LAYER_CHDLC : LAYER_PPP;
}

static enum layer chdlc_direction_parse(struct decoder *decoder)
{
  const uint8_t *direction = decoder_take(decoder, 1);
  if (direction == NULL)
    return LAYER_DONE;
  decoder_direction(decoder, *direction == 0 ? PACKET_DIR_IN : PACKET_DIR_OUT);
  return LAYER_CHDLC;
}

static enum layer frame_relay_direction_parse(struct decoder *decoder)
{
  const uint8_t *direction = decoder_take(decoder, 1);
  if (direction == NULL)
    return LAYER_DONE;
  decoder_direction(decoder, *direction == 0 ? PACKET_DIR_IN : PACKET_DIR_OUT);
  return serial_frame_relay_parse(decoder);
}

/* Packet types of packet(7): to us, broadcast, multicast, to another host, from us. */
static void cooked_direction(struct decoder *decoder, uint32_t packet_type)
{
  if (packet_type == 4)
    decoder_direction(decoder, PACKET_DIR_OUT);
  else if (packet_type <= 2)
    decoder_direction(decoder, PACKET_DIR_IN);
}

/* ARPHRD_*: on some devices the protocol field is no EtherType. */
#define HARDWARE_FRAD            770
#define HARDWARE_GRE             778
#define HARDWARE_IEEE80211       801
#define HARDWARE_IEEE80211_PRISM 802
#define HARDWARE_RADIOTAP        803
#define HARDWARE_NETLINK         824

/* The protocol field of a cooked header: an EtherType, or one of Linux's own small numbers. */
static enum layer cooked_protocol(struct decoder *decoder, uint16_t hardware, uint16_t protocol)
{
  switch (hardware) {
  case HARDWARE_FRAD: return serial_frame_relay_parse(decoder);
  case HARDWARE_IEEE80211: return wlan_parse(decoder);
  case HARDWARE_IEEE80211_PRISM: return wlan_prism_parse(decoder);
  case HARDWARE_RADIOTAP: return wlan_radiotap_parse(decoder);
  case HARDWARE_NETLINK: return decoder_end_opaque(decoder);
  default: break;
  }
  if (protocol == 0x0004) /* ETH_P_802_2 */
    return LAYER_LLC;
  return protocol < ETHERTYPE_MIN ? decoder_end_opaque(decoder)
                                  : decoder_ethertype(decoder, protocol);
}

static enum layer cooked_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 16);
  if (header == NULL)
    return LAYER_DONE;
  cooked_direction(decoder, read_be16(header));
  return cooked_protocol(decoder, read_be16(header + 2), read_be16(header + 14));
}

/* Version 2 begins with the protocol and has the device's index. */
static enum layer cooked_v2_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 20);
  if (header == NULL)
    return LAYER_DONE;
  cooked_direction(decoder, header[10]);
  return cooked_protocol(decoder, read_be16(header + 8), read_be16(header));
}

/* Frame control, destination, source. LLC frames have type bits 01 (ANSI X3.139). */
static enum layer fddi_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 13);
  if (header == NULL)
    return LAYER_DONE;
  return (header[0] & 0x30) == 0x10 ? LAYER_LLC : decoder_end_opaque(decoder);
}

/* Access control, frame control, destination, source; the first bit of the source address announces
 * a routing field that begins with its own length (IEEE 802.5). */
static enum layer token_ring_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 14);
  if (header == NULL)
    return LAYER_DONE;
  if ((header[1] & 0xc0) != 0x40)
    return decoder_end_opaque(decoder);
  if (header[8] & 0x80) {
    const uint8_t *routing = decoder_peek(decoder, 2);
    if (routing == NULL || decoder_take(decoder, routing[0] & 0x1f) == NULL)
      return LAYER_DONE;
  }
  return LAYER_LLC;
}

/* Protocol types of ARCnet: RFC 1051's, and RFC 1201's. */
static enum layer arcnet_protocol(struct decoder *decoder, uint8_t type)
{
  switch (type) {
  case 240:
  case 212: return LAYER_IPV4;
  case 241:
  case 213: return LAYER_ARP;
  case 196: return LAYER_IPV6;
  default: return decoder_end_opaque(decoder);
  }
}

/* RFC 1201, 2.3: split flag and sequence number behind the type; flag FF is an exception frame's
 * 4 bytes of padding, after which the real type and flag come. Fragments (any other flag but 0) of
 * a packet: only the first, which is odd, begins with a header. */
static enum layer arcnet_body(struct decoder *decoder)
{
  const uint8_t *type = decoder_take(decoder, 1);
  if (type == NULL)
    return LAYER_DONE;
  if (*type == 240 || *type == 241)
    return arcnet_protocol(decoder, *type);
  const uint8_t *split = decoder_take(decoder, 3);
  if (split == NULL)
    return LAYER_DONE;
  if (split[0] == 0xff && (split = decoder_take(decoder, 4)) == NULL)
    return LAYER_DONE;
  if (split[0] != 0 && !(split[0] & 1))
    return decoder_end_opaque(decoder);
  return arcnet_protocol(decoder, *type);
}

static enum layer arcnet_bsd_parse(struct decoder *decoder)
{
  const uint8_t *addresses = decoder_take(decoder, 2);
  return addresses == NULL ? LAYER_DONE : arcnet_body(decoder);
}

static enum layer arcnet_linux_parse(struct decoder *decoder)
{
  const uint8_t *addresses_and_offset = decoder_take(decoder, 4);
  return addresses_and_offset == NULL ? LAYER_DONE : arcnet_body(decoder);
}

/* Flags (bit 7: sent; low bits 1: LAN emulation, 2: LLC), VPI, VCI. */
static enum layer sunatm_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 4);
  if (header == NULL)
    return LAYER_DONE;
  decoder_direction(decoder, header[0] & 0x80 ? PACKET_DIR_OUT : PACKET_DIR_IN);
  if ((header[0] & 0x0f) == 2)
    return LAYER_LLC;
  if ((header[0] & 0x0f) == 1) /* LAN emulation client id, then Ethernet */
    return decoder_take(decoder, 2) == NULL ? LAYER_DONE : LAYER_ETHERNET;
  return decoder_end_opaque(decoder);
}

/* Classical IP over ATM: LLC, or IP with nothing before it where the channel carries only that. */
static enum layer atm_clip_parse(struct decoder *decoder)
{
  const uint8_t *llc = decoder_peek(decoder, 2);
  if (llc == NULL)
    return LAYER_DONE;
  return llc[0] == 0xaa && llc[1] == 0xaa ? LAYER_LLC : LAYER_IP;
}

/* RFC 4391, 6, behind the 40 bytes of a global routing header. */
static enum layer ipoib_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 44);
  return header == NULL ? LAYER_DONE : decoder_ethertype(decoder, read_be16(header + 40));
}

/* Netfilter hooks in NFLOG's packet header. */
static void nflog_hook(struct decoder *decoder, uint8_t hook)
{
  if (hook == 0 || hook == 1) /* prerouting, input */
    decoder_direction(decoder, PACKET_DIR_IN);
  else if (hook == 3 || hook == 4) /* output, postrouting */
    decoder_direction(decoder, PACKET_DIR_OUT);
}

#define NFLOG_TLV_PACKET_HEADER 1
#define NFLOG_TLV_PAYLOAD       9

/* Address family, version 0, resource id; then attributes with length and type in the byte order of
 * the host, padded to 4 bytes. The packet is the attribute 9. */
static enum layer nflog_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 4);
  if (header == NULL)
    return LAYER_DONE;
  const uint32_t family = header[0];
  for (;;) {
    const uint8_t *tlv = decoder_peek(decoder, 4);
    if (tlv == NULL)
      return LAYER_DONE;
    const bool is_big = read_le16(tlv + 2) > 0xff && read_be16(tlv + 2) <= 0xff;
    const uint32_t size = is_big ? read_be16(tlv) : read_le16(tlv);
    const uint32_t type = is_big ? read_be16(tlv + 2) : read_le16(tlv + 2);
    if (size < 4)
      return decoder_end(decoder, PACKET_MALFORMED);
    if (type == NFLOG_TLV_PAYLOAD) {
      slice_set_length(&decoder->rest, size);
      slice_skip(&decoder->rest, 4);
      return family_parse(decoder, family);
    }
    if (decoder_take(decoder, (size + 3) & ~3U) == NULL)
      return LAYER_DONE;
    if (type == NFLOG_TLV_PACKET_HEADER && size >= 8)
      nflog_hook(decoder, tlv[6]);
  }
}

/* A switch's tag of `size` bytes between the Ethernet addresses and the EtherType. */
static enum layer switch_tag_skip(struct decoder *decoder, uint32_t size)
{
  const uint8_t *header = decoder_take(decoder, 12 + size + 2);
  return header == NULL ? LAYER_DONE : decoder_ethertype(decoder, read_be16(header + 12 + size));
}

static enum layer dsa_brcm_parse(struct decoder *decoder)
{
  return switch_tag_skip(decoder, 4);
}

static enum layer dsa_brcm_prepend_parse(struct decoder *decoder)
{
  return decoder_take(decoder, 4) == NULL ? LAYER_DONE : LAYER_ETHERNET;
}

/* Marvell's tag takes the place of a VLAN tag and keeps its id, if the frame had one (bit 5). */
static enum layer marvell_tag_parse(struct decoder *decoder, uint32_t tag_at, uint32_t size)
{
  const uint8_t *header = decoder_take(decoder, 12 + size + 2);
  if (header == NULL)
    return LAYER_DONE;
  if (header[tag_at] & 0x20)
    decoder->packet->vlan = read_be16(header + tag_at + 2) & 0x0fff;
  return decoder_ethertype(decoder, read_be16(header + 12 + size));
}

static enum layer dsa_parse(struct decoder *decoder)
{
  return marvell_tag_parse(decoder, 12, 4);
}

static enum layer edsa_parse(struct decoder *decoder)
{
  return marvell_tag_parse(decoder, 16, 8); /* EtherType and two reserved bytes come first */
}

static layer_parser *const link_parsers[LINKTYPE_TABLE_SIZE] = {
    [LINKTYPE_NULL] = loopback_parse,
    [LINKTYPE_ETHERNET] = ethernet_parse,
    [LINKTYPE_TOKEN_RING] = token_ring_parse,
    [LINKTYPE_ARCNET_BSD] = arcnet_bsd_parse,
    [LINKTYPE_SLIP] = serial_slip_parse,
    [LINKTYPE_PPP] = hdlc_parse,
    [LINKTYPE_FDDI] = fddi_parse,
    [LINKTYPE_DLT_RAW] = raw_parse,
    [LINKTYPE_DLT_RAW_OPENBSD] = raw_parse,
    [LINKTYPE_PPP_HDLC] = hdlc_parse,
    [LINKTYPE_PPP_ETHER] = raw_pppoe_parse,
    [LINKTYPE_ATM_RFC1483] = raw_llc_parse,
    [LINKTYPE_RAW] = raw_parse,
    [LINKTYPE_C_HDLC] = chdlc_parse,
    [LINKTYPE_IEEE802_11] = wlan_parse,
    [LINKTYPE_ATM_CLIP] = atm_clip_parse,
    [LINKTYPE_FRELAY] = serial_frame_relay_parse,
    [LINKTYPE_LOOP] = loopback_parse,
    [LINKTYPE_LINUX_SLL] = cooked_parse,
    [LINKTYPE_PRISM] = wlan_prism_parse,
    [LINKTYPE_SUNATM] = sunatm_parse,
    [LINKTYPE_RADIOTAP] = wlan_radiotap_parse,
    [LINKTYPE_ARCNET_LINUX] = arcnet_linux_parse,
    [LINKTYPE_AVS] = wlan_avs_parse,
    [LINKTYPE_PPP_PPPD] = serial_ppp_direction_parse,
    [LINKTYPE_PPI] = wlan_ppi_parse,
    [LINKTYPE_PPP_WITH_DIR] = serial_ppp_direction_parse,
    [LINKTYPE_C_HDLC_WITH_DIR] = chdlc_direction_parse,
    [LINKTYPE_FRELAY_WITH_DIR] = frame_relay_direction_parse,
    [LINKTYPE_IPV4] = raw_ipv4_parse,
    [LINKTYPE_IPV6] = raw_ipv6_parse,
    [LINKTYPE_NFLOG] = nflog_parse,
    [LINKTYPE_IPOIB] = ipoib_parse,
    [LINKTYPE_LINUX_SLL2] = cooked_v2_parse,
    [LINKTYPE_DSA_TAG_BRCM] = dsa_brcm_parse,
    [LINKTYPE_DSA_TAG_BRCM_PREPEND] = dsa_brcm_prepend_parse,
    [LINKTYPE_DSA_TAG_DSA] = dsa_parse,
    [LINKTYPE_DSA_TAG_EDSA] = edsa_parse,
};

bool link_is_supported(uint32_t linktype)
{
  return linktype < LINKTYPE_TABLE_SIZE && link_parsers[linktype] != NULL;
}

enum layer link_parse(struct decoder *decoder)
{
  if (!link_is_supported(decoder->linktype))
    return decoder_end(decoder, PACKET_UNSUPPORTED_LINK);
  return link_parsers[decoder->linktype](decoder);
}
