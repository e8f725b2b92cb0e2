/* Network service header (RFC 8300). */
#include "wire/decoder.h"

/* 2.2: length in units of 4 bytes, next protocol in the fourth byte. */
enum layer nsh_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_peek(decoder, 8);
  if (header == NULL)
    return LAYER_DONE;
  const uint32_t header_bytes = (header[1] & 0x3fU) * 4;
  const uint8_t next = header[3];
  if (header_bytes < 8)
    return decoder_end(decoder, PACKET_MALFORMED);
  if (decoder_take(decoder, header_bytes) == NULL)
    return LAYER_DONE;
  switch (next) {
  case 1: return LAYER_IPV4;
  case 2: return LAYER_IPV6;
  case 3: return LAYER_ETHERNET;
  case 4: return LAYER_NSH;
  case 5: return LAYER_MPLS;
  default: return decoder_end_opaque(decoder);
  }
}
