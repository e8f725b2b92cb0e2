/* IEEE 802.11 data frames, and the radio headers that captures put before them: radiotap, Prism,
 * AVS, PPI. */
#include "wire/decoder.h"

#define LINKTYPE_IEEE802_11 105
#define LINKTYPE_AVS        163

#define WLAN_HEADER_BYTES 24

/* First byte of frame control (IEEE 802.11, 9.2.4.1): type and subtype. */
#define WLAN_TYPE_MASK    0x0c
#define WLAN_TYPE_DATA    0x08
#define WLAN_SUBTYPE_QOS  0x80
#define WLAN_SUBTYPE_NULL 0x40 /* no frame body */

/* Second byte: flags. */
#define WLAN_TO_DS     0x01
#define WLAN_FROM_DS   0x02
#define WLAN_PROTECTED 0x40
#define WLAN_ORDER     0x80 /* in QoS data: an HT control field follows */

#define WLAN_QOS_AMSDU 0x80

static uint32_t header_size(const uint8_t *control)
{
  uint32_t size = WLAN_HEADER_BYTES;
  if ((control[1] & WLAN_TO_DS) && (control[1] & WLAN_FROM_DS))
    size += 6; /* a fourth address */
  if (control[0] & WLAN_SUBTYPE_QOS)
    size += control[1] & WLAN_ORDER ? 6 : 2;
  return size;
}

/* Only the first frame of an aggregate is decoded: destination, source, length, LLC. */
static enum layer amsdu_parse(struct decoder *decoder)
{
  const uint8_t *subframe = decoder_take(decoder, 14);
  if (subframe == NULL)
    return LAYER_DONE;
  const uint16_t length = read_be16(subframe + 12);
  if (length < decoder->rest.length)
    slice_set_length(&decoder->rest, length);
  return LAYER_LLC;
}

/* `padded`: the driver aligned the body to 4 bytes (radiotap flag 0x20). */
static enum layer wlan_frame(struct decoder *decoder, bool padded)
{
  const uint8_t *control = decoder_peek(decoder, 2);
  if (control == NULL)
    return LAYER_DONE;
  if ((control[0] & WLAN_TYPE_MASK) != WLAN_TYPE_DATA || (control[0] & WLAN_SUBTYPE_NULL) ||
      (control[1] & WLAN_PROTECTED))
    return decoder_end_opaque(decoder);
  uint32_t size = header_size(control);
  const uint32_t qos_at = control[1] & WLAN_ORDER ? size - 6 : size - 2;
  if (padded)
    size = (size + 3) & ~3U;
  const uint8_t *header = decoder_take(decoder, size);
  if (header == NULL)
    return LAYER_DONE;
  if (read_le16(header + 22) & 0x000f) /* a fragment but the first */
    return decoder_end_opaque(decoder);
  if ((header[0] & WLAN_SUBTYPE_QOS) && (header[qos_at] & WLAN_QOS_AMSDU))
    return amsdu_parse(decoder);
  return LAYER_LLC;
}

enum layer wlan_parse(struct decoder *decoder)
{
  return wlan_frame(decoder, false);
}

#define RADIOTAP_TSFT        0x00000001U
#define RADIOTAP_FLAGS       0x00000002U
#define RADIOTAP_EXTENDED    0x80000000U
#define RADIOTAP_FLAG_FCS    0x10
#define RADIOTAP_FLAG_PADDED 0x20
#define RADIOTAP_PRESENT_AT  4
#define RADIOTAP_FIXED_BYTES 8
#define RADIOTAP_FCS_BYTES   4

/* The flags field, 0 if there is none: behind all presence words and the 8-byte time stamp, which
 * is aligned to its size (radiotap.org). */
static uint8_t radiotap_flags(const uint8_t *header, uint32_t size)
{
  const uint32_t present = read_le32(header + RADIOTAP_PRESENT_AT);
  uint32_t at = RADIOTAP_PRESENT_AT;
  if (!(present & RADIOTAP_FLAGS))
    return 0;
  while (at + 4 <= size && (read_le32(header + at) & RADIOTAP_EXTENDED))
    at += 4;
  at += 4;
  if (present & RADIOTAP_TSFT)
    at = ((at + 7) & ~7U) + 8;
  return at < size ? header[at] : 0;
}

enum layer wlan_radiotap_parse(struct decoder *decoder)
{
  const uint8_t *fixed = decoder_peek(decoder, RADIOTAP_FIXED_BYTES);
  if (fixed == NULL)
    return LAYER_DONE;
  const uint16_t size = read_le16(fixed + 2);
  if (fixed[0] != 0 || size < RADIOTAP_FIXED_BYTES)
    return decoder_end(decoder, PACKET_MALFORMED);
  const uint8_t *header = decoder_take(decoder, size);
  if (header == NULL)
    return LAYER_DONE;
  const uint8_t flags = radiotap_flags(header, size);
  if ((flags & RADIOTAP_FLAG_FCS) && decoder->rest.length >= RADIOTAP_FCS_BYTES)
    slice_set_length(&decoder->rest, decoder->rest.length - RADIOTAP_FCS_BYTES);
  return wlan_frame(decoder, (flags & RADIOTAP_FLAG_PADDED) != 0);
}

static enum layer wlan_link(struct decoder *decoder, uint32_t linktype)
{
  decoder->linktype = linktype;
  return LAYER_LINK;
}

/* Message code, message length, in the byte order of the capturing machine. Some drivers send AVS
 * headers under this link type. */
enum layer wlan_prism_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_peek(decoder, 8);
  if (header == NULL)
    return LAYER_DONE;
  if ((read_be32(header) & 0xfffff000) == 0x80211000)
    return wlan_link(decoder, LINKTYPE_AVS);
  uint32_t size = read_le32(header + 4);
  if (size > UINT16_MAX)
    size = read_be32(header + 4);
  if (size < 8 || size > UINT16_MAX)
    return decoder_end(decoder, PACKET_MALFORMED);
  return decoder_take(decoder, size) == NULL ? LAYER_DONE : wlan_link(decoder, LINKTYPE_IEEE802_11);
}

enum layer wlan_avs_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_peek(decoder, 8);
  if (header == NULL)
    return LAYER_DONE;
  const uint32_t size = read_be32(header + 4);
  if (size < 8 || size > UINT16_MAX)
    return decoder_end(decoder, PACKET_MALFORMED);
  return decoder_take(decoder, size) == NULL ? LAYER_DONE : wlan_link(decoder, LINKTYPE_IEEE802_11);
}

/* Per-Packet Information: version 0, flags, length, then the link type of the frame behind it. */
enum layer wlan_ppi_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_peek(decoder, 8);
  if (header == NULL)
    return LAYER_DONE;
  const uint16_t size = read_le16(header + 2);
  const uint32_t linktype = read_le32(header + 4);
  if (header[0] != 0 || size < 8)
    return decoder_end(decoder, PACKET_MALFORMED);
  return decoder_take(decoder, size) == NULL ? LAYER_DONE : wlan_link(decoder, linktype);
}
