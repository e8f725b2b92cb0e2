/* Point-to-point links: PPP (RFC 1661, RFC 1662), PPPoE (RFC 2516), Cisco HDLC, frame relay (RFC
 * 2427), SLIP. */
#include "wire/decoder.h"
#include "wire/ethertype.h"

enum ppp_protocol {
  PPP_IPV4 = 0x0021,
  PPP_BRIDGED = 0x0031,
  PPP_IPV6 = 0x0057,
  PPP_MPLS = 0x0281,
  PPP_MPLS_MULTICAST = 0x0283
};

/* The protocol field is one byte if that byte is odd (RFC 1661, 6.5). 0: decoding has ended. */
static uint16_t ppp_protocol_take(struct decoder *decoder)
{
  const uint8_t *first = decoder_peek(decoder, 1);
  if (first == NULL)
    return 0;
  if (*first & 1) {
    slice_skip(&decoder->rest, 1);
    return *first;
  }
  const uint8_t *both = decoder_take(decoder, 2);
  if (both == NULL)
    return 0;
  return read_be16(both);
}

/* RFC 3518, 4.3: flags and MAC type, then the frame; type 1 is Ethernet. */
static enum layer ppp_bridged_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 2);
  if (header == NULL)
    return LAYER_DONE;
  return header[1] == 1 ? LAYER_ETHERNET : decoder_end_opaque(decoder);
}

/* Address and control (FF 03) may be compressed away (RFC 1661, 6.6). */
enum layer serial_ppp_parse(struct decoder *decoder)
{
  const uint8_t *start = decoder_peek(decoder, 2);
  if (start == NULL)
    return LAYER_DONE;
  if (start[0] == 0xff && start[1] == 0x03)
    slice_skip(&decoder->rest, 2);
  const uint16_t protocol = ppp_protocol_take(decoder);
  switch (protocol) {
  case 0: return LAYER_DONE;
  case PPP_IPV4: return LAYER_IPV4;
  case PPP_IPV6: return LAYER_IPV6;
  case PPP_MPLS:
  case PPP_MPLS_MULTICAST: return LAYER_MPLS;
  case PPP_BRIDGED: return ppp_bridged_parse(decoder);
  default: return decoder_end_opaque(decoder);
  }
}

/* RFC 2516, 4: version and type 1, code 0 carries PPP. */
enum layer serial_pppoe_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 6);
  if (header == NULL)
    return LAYER_DONE;
  const uint16_t length = read_be16(header + 4);
  if (header[0] != 0x11)
    return decoder_end(decoder, PACKET_MALFORMED);
  if (header[1] != 0)
    return decoder_end_opaque(decoder);
  if (length < decoder->rest.length)
    slice_set_length(&decoder->rest, length);
  return LAYER_PPP;
}

/* Address 0F or 8F, control 0, an EtherType. On the same link type PPP in HDLC framing is seen. */
enum layer serial_chdlc_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 4);
  if (header == NULL)
    return LAYER_DONE;
  return decoder_ethertype(decoder, read_be16(header + 2));
}

/* One byte in front: 0 = received, anything else = sent. */
enum layer serial_ppp_direction_parse(struct decoder *decoder)
{
  const uint8_t *direction = decoder_take(decoder, 1);
  if (direction == NULL)
    return LAYER_DONE;
  decoder_direction(decoder, *direction == 0 ? PACKET_DIR_IN : PACKET_DIR_OUT);
  return LAYER_PPP;
}

/* Network layer protocol ids behind the address (RFC 2427, 4 and 5); 0x03 is the control byte. */
static enum layer nlpid_parse(struct decoder *decoder)
{
  const uint8_t *nlpid = decoder_take(decoder, 1);
  if (nlpid == NULL)
    return LAYER_DONE;
  switch (*nlpid) {
  case 0xcc: return LAYER_IPV4;
  case 0x8e: return LAYER_IPV6;
  case 0xcf: return LAYER_PPP;
  case 0x80: break;
  default: return decoder_end_opaque(decoder);
  }
  const uint8_t *snap = decoder_take(decoder, 5);
  if (snap == NULL)
    return LAYER_DONE;
  const uint32_t oui = read_be32(snap) >> 8;
  const uint16_t type = read_be16(snap + 3);
  if (oui == 0)
    return decoder_ethertype(decoder, type);
  return oui == 0x0080c2 && (type == 0x0001 || type == 0x0007) ? LAYER_ETHERNET
                                                               : decoder_end_opaque(decoder);
}

/* Q.922 address (2 to 4 bytes, the last one is odd); then either RFC 2427's control byte, or, as
 * Cisco's encapsulation has it, an EtherType. */
enum layer serial_frame_relay_parse(struct decoder *decoder)
{
  const uint8_t *address = decoder_peek(decoder, 4);
  if (address == NULL)
    return LAYER_DONE;
  uint32_t size = 1;
  while (size < 4 && !(address[size - 1] & 1))
    size++;
  if (size < 2)
    return decoder_end(decoder, PACKET_MALFORMED);
  slice_skip(&decoder->rest, size);
  const uint8_t *control = decoder_peek(decoder, 2);
  if (control == NULL)
    return LAYER_DONE;
  const uint16_t type = read_be16(control);
  if (type >= ETHERTYPE_MIN) {
    slice_skip(&decoder->rest, 2);
    return decoder_ethertype(decoder, type);
  }
  if (control[0] != 0x03)
    return decoder_end_opaque(decoder);
  slice_skip(&decoder->rest,
             control[1] == 0 ? 2 : 1); /* a padding byte may precede the protocol id */
  return nlpid_parse(decoder);
}

/* tcpdump's own header of 16 bytes: direction (0 received, 1 sent) and the compressed TCP/IP
 * header. */
enum layer serial_slip_parse(struct decoder *decoder)
{
  const uint8_t *header = decoder_take(decoder, 16);
  if (header == NULL)
    return LAYER_DONE;
  decoder_direction(decoder, header[0] == 0 ? PACKET_DIR_IN : PACKET_DIR_OUT);
  return LAYER_IP;
}

/* PPP in HDLC framing; the address bytes of Cisco's HDLC are told apart. */
enum layer serial_hdlc_parse(struct decoder *decoder)
{
  const uint8_t *address = decoder_peek(decoder, 2);
  if (address == NULL)
    return LAYER_DONE;
  const bool is_cisco = (address[0] == 0x0f || address[0] == 0x8f) && address[1] == 0;
  return is_cisco ? LAYER_CHDLC : LAYER_PPP;
}

enum layer serial_chdlc_direction_parse(struct decoder *decoder)
{
  const uint8_t *direction = decoder_take(decoder, 1);
  if (direction == NULL)
    return LAYER_DONE;
  decoder_direction(decoder, *direction == 0 ? PACKET_DIR_IN : PACKET_DIR_OUT);
  return LAYER_CHDLC;
}

enum layer serial_frame_relay_direction_parse(struct decoder *decoder)
{
  const uint8_t *direction = decoder_take(decoder, 1);
  if (direction == NULL)
    return LAYER_DONE;
  decoder_direction(decoder, *direction == 0 ? PACKET_DIR_IN : PACKET_DIR_OUT);
  return serial_frame_relay_parse(decoder);
}
