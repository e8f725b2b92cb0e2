/* What switches and routers put before or into the frames that they show: DSA tags, Juniper's
 * header. */
#include "wire/decoder.h"
#include "wire/ethertype.h"

/* A switch's tag of `size` bytes between the Ethernet addresses and the EtherType. */
static enum layer switch_tag_skip(struct decoder *decoder, uint32_t size)
{
  const uint8_t *header = decoder_take(decoder, 12 + size + 2);
  return header == NULL ? LAYER_DONE : decoder_ethertype(decoder, read_be16(header + 12 + size));
}

enum layer device_brcm_parse(struct decoder *decoder)
{
  return switch_tag_skip(decoder, 4);
}

enum layer device_brcm_prepend_parse(struct decoder *decoder)
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

enum layer device_dsa_parse(struct decoder *decoder)
{
  return marvell_tag_parse(decoder, 12, 4);
}

enum layer device_edsa_parse(struct decoder *decoder)
{
  return marvell_tag_parse(decoder, 16, 8); /* EtherType and two reserved bytes come first */
}

#define JUNIPER_MAGIC           0x4d4743
#define JUNIPER_FLAG_IN         0x01
#define JUNIPER_FLAG_NO_LINK    0x02
#define JUNIPER_FLAG_EXTENSIONS 0x80

/* Magic, flags, extensions behind their total length. Without a link header, 4 bytes that we need
 * not know come before IP. Returns `next`, or where decoding goes on else. */
static enum layer juniper_parse(struct decoder *decoder, enum layer next)
{
  const uint8_t *header = decoder_take(decoder, 4);
  if (header == NULL)
    return LAYER_DONE;
  if (read_be32(header) >> 8 != JUNIPER_MAGIC)
    return decoder_end(decoder, PACKET_MALFORMED);
  const uint8_t flags = header[3];
  decoder_direction(decoder, flags & JUNIPER_FLAG_IN ? PACKET_DIR_IN : PACKET_DIR_OUT);
  if (flags & JUNIPER_FLAG_EXTENSIONS) {
    const uint8_t *size = decoder_take(decoder, 2);
    if (size == NULL || decoder_take(decoder, read_be16(size)) == NULL)
      return LAYER_DONE;
  }
  if (!(flags & JUNIPER_FLAG_NO_LINK))
    return next;
  return decoder_take(decoder, 4) == NULL ? LAYER_DONE : LAYER_IP;
}

enum layer device_juniper_ethernet_parse(struct decoder *decoder)
{
  return juniper_parse(decoder, LAYER_ETHERNET);
}

enum layer device_juniper_ppp_parse(struct decoder *decoder)
{
  return juniper_parse(decoder, LAYER_PPP);
}

enum layer device_juniper_chdlc_parse(struct decoder *decoder)
{
  return juniper_parse(decoder, LAYER_CHDLC);
}
