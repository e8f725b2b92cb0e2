/* Local networks beside Ethernet: FDDI, token ring, ARCnet, ATM, InfiniBand. */
#include "wire/decoder.h"
#include "wire/ethertype.h"

/* Frame control, destination, source. LLC frames have type bits 01 (ANSI X3.139). */
enum layer lan_fddi_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 13);
  if (header == NULL)
    return LAYER_DONE;
  return (header[0] & 0x30) == 0x10 ? LAYER_LLC : decoder_end_opaque(decoder);
}

/* Access control, frame control, destination, source; the first bit of the source address announces
 * a routing field that begins with its own length (IEEE 802.5). */
enum layer lan_token_ring_parse(struct decoder *decoder)
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

enum layer lan_arcnet_bsd_parse(struct decoder *decoder)
{
  const uint8_t *addresses = decoder_take(decoder, 2);
  return addresses == NULL ? LAYER_DONE : arcnet_body(decoder);
}

enum layer lan_arcnet_linux_parse(struct decoder *decoder)
{
  const uint8_t *addresses_and_offset = decoder_take(decoder, 4);
  return addresses_and_offset == NULL ? LAYER_DONE : arcnet_body(decoder);
}

/* Flags (bit 7: sent; low bits 1: LAN emulation, 2: LLC), VPI, VCI. */
enum layer lan_sunatm_parse(struct decoder *decoder)
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
enum layer lan_atm_clip_parse(struct decoder *decoder)
{
  const uint8_t *llc = decoder_peek(decoder, 2);
  if (llc == NULL)
    return LAYER_DONE;
  return llc[0] == 0xaa && llc[1] == 0xaa ? LAYER_LLC : LAYER_IP;
}

/* RFC 4391, 6, behind the 40 bytes of a global routing header. */
enum layer lan_ipoib_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 44);
  return header == NULL ? LAYER_DONE : decoder_ethertype(decoder, read_be16(header + 40));
}
