/* What hosts put before a packet that has no link header of its own: BSD's loopback, Linux's cooked
 * capture and NFLOG, the packet filters' logs, Apple's pktap. */
#include "wire/decoder.h"
#include "wire/ethertype.h"

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
enum layer host_loopback_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 4);
  if (header == NULL)
    return LAYER_DONE;
  const uint32_t family = read_le32(header);
  return family_parse(decoder, family > UINT16_MAX ? read_be32(header) : family);
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

enum layer host_cooked_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 16);
  if (header == NULL)
    return LAYER_DONE;
  cooked_direction(decoder, read_be16(header));
  return cooked_protocol(decoder, read_be16(header + 2), read_be16(header + 14));
}

/* Version 2 begins with the protocol and has the device's index. */
enum layer host_cooked_v2_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 20);
  if (header == NULL)
    return LAYER_DONE;
  cooked_direction(decoder, header[10]);
  return cooked_protocol(decoder, read_be16(header + 8), read_be16(header));
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
enum layer host_nflog_parse(struct decoder *decoder)
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

/* Length, record type, link type of what follows, in little-endian order; the flags' low bits are
 * the direction. */
#define PKTAP_HEADER_BYTES 40
#define PKTAP_FLAGS_AT     36
#define PKTAP_FLAG_IN      0x1
#define PKTAP_FLAG_OUT     0x2

/* On Apple's systems a link type in here is a DLT; of those that differ, only raw IP is met. */
enum layer host_pktap_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_peek(decoder, PKTAP_HEADER_BYTES);
  if (header == NULL)
    return LAYER_DONE;
  const uint32_t size = read_le32(header), flags = read_le32(header + PKTAP_FLAGS_AT);
  if (size < PKTAP_HEADER_BYTES)
    return decoder_end(decoder, PACKET_MALFORMED);
  if (flags & (PKTAP_FLAG_IN | PKTAP_FLAG_OUT))
    decoder_direction(decoder, flags & PKTAP_FLAG_IN ? PACKET_DIR_IN : PACKET_DIR_OUT);
  decoder->linktype = read_le32(header + 8);
  return decoder_take(decoder, size) == NULL ? LAYER_DONE : LAYER_LINK;
}

/* Length (padded to 4 bytes), address family, ...; the direction is at the end (1 in, 2 out) of
 * some versions and not used. */
enum layer host_pflog_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_peek(decoder, 4);
  if (header == NULL)
    return LAYER_DONE;
  const uint32_t size = header[0], family = header[1];
  if (size < 4)
    return decoder_end(decoder, PACKET_MALFORMED);
  if (decoder_take(decoder, (size + 3) & ~3U) == NULL)
    return LAYER_DONE;
  return family_parse(decoder, family);
}

/* OpenBSD's enc(4): address family in the order of the host, SPI, flags. */
enum layer host_enc_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 12);
  if (header == NULL)
    return LAYER_DONE;
  const uint32_t family = read_le32(header);
  return family_parse(decoder, family > UINT16_MAX ? read_be32(header) : family);
}

/* Solaris: version, family (2 or 26), hook (1 in, 2 out), and interface and zone numbers. */
enum layer host_ipnet_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 24);
  if (header == NULL)
    return LAYER_DONE;
  const uint16_t hook = read_be16(header + 2);
  if (hook == 1 || hook == 2)
    decoder_direction(decoder, hook == 1 ? PACKET_DIR_IN : PACKET_DIR_OUT);
  return header[1] == 26 ? LAYER_IPV6 : family_parse(decoder, header[1]);
}
