/* GRE (RFC 2784, RFC 2890), PPTP's enhanced kind (RFC 2637), ERSPAN. */
#include "wire/decoder.h"
#include "wire/ethertype.h"

#define GRE_CHECKSUM 0x8000
#define GRE_ROUTING  0x4000
#define GRE_KEY      0x2000
#define GRE_SEQUENCE 0x1000
#define GRE_ACK      0x0080 /* version 1 only */
#define GRE_VERSION  0x0007

/* Version 1: payload length and call id, then the numbers that the flags announce. */
static enum layer pptp_parse(struct decoder *decoder, uint16_t flags)
{
  const uint8_t *key = decoder_take(decoder, 4);
  const uint32_t numbers = (flags & GRE_SEQUENCE ? 4U : 0U) + (flags & GRE_ACK ? 4U : 0U);
  if (key == NULL || decoder_take(decoder, numbers) == NULL)
    return LAYER_DONE;
  const uint16_t payload_bytes = read_be16(key);
  if (!(flags & GRE_SEQUENCE) || payload_bytes == 0)
    return decoder_end_opaque(decoder); /* acknowledges only */
  if (payload_bytes < decoder->rest.length)
    slice_set_length(&decoder->rest, payload_bytes);
  return LAYER_PPP;
}

/* A mirrored Ethernet frame behind ERSPAN's own header: 8 bytes in type II; type I has neither that
 * nor a sequence number. */
static enum layer erspan_parse(struct decoder *decoder, bool has_sequence)
{
  if (has_sequence && decoder_take(decoder, 8) == NULL)
    return LAYER_DONE;
  return LAYER_ETHERNET;
}

/* Type III: 12 bytes, and 8 more if the last bit says so. */
static enum layer erspan_iii_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 12);
  if (header == NULL || decoder_take(decoder, header[11] & 1 ? 8 : 0) == NULL)
    return LAYER_DONE;
  return LAYER_ETHERNET;
}

/* Cisco's WCCP: in version 2 four bytes of its own come before the IPv4 packet. */
static enum layer wccp_parse(struct decoder *decoder)
{
  const uint8_t *first = decoder_peek(decoder, 1);
  if (first == NULL || (*first >> 4 != 4 && decoder_take(decoder, 4) == NULL))
    return LAYER_DONE;
  return LAYER_IPV4;
}

enum layer gre_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 4);
  if (header == NULL)
    return LAYER_DONE;
  const uint16_t flags = read_be16(header), type = read_be16(header + 2);
  if ((flags & GRE_VERSION) == 1)
    return pptp_parse(decoder, flags);
  if ((flags & GRE_VERSION) != 0 || (flags & GRE_ROUTING))
    return decoder_end_opaque(decoder);
  const uint32_t options = (flags & GRE_CHECKSUM ? 4U : 0U) + (flags & GRE_KEY ? 4U : 0U) +
                           (flags & GRE_SEQUENCE ? 4U : 0U);
  if (decoder_take(decoder, options) == NULL)
    return LAYER_DONE;
  if (type == ETHERTYPE_ERSPAN_II)
    return erspan_parse(decoder, (flags & GRE_SEQUENCE) != 0);
  if (type == ETHERTYPE_ERSPAN_III)
    return erspan_iii_parse(decoder);
  if (type == ETHERTYPE_WCCP)
    return wccp_parse(decoder);
  return type < ETHERTYPE_MIN ? decoder_end_opaque(decoder) : decoder_ethertype(decoder, type);
}
