/* packet_decode() on arbitrary bytes under arbitrary link types.
 *
 * Input: link type (4 bytes, little-endian; folded so that most are known ones), bytes that were
 * not captured (2), FCS (1), direction (1), then the frame. */
#include "wire/byte_reader.h"
#include "wire/packet.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX_BYTES     8
#define LINKTYPES_FOLDED 300 /* the registry ends a little below */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What packet.h promises of every packet; a breach ends the run. */
static void check(const struct frame *frame, const struct packet *packet)
{
  bool holds = packet->kind < PACKET_KIND_COUNT;
  holds &= packet->ip_version == 0 || packet->ip_version == 4 || packet->ip_version == 6;
  holds &= packet->direction <= PACKET_DIR_OUT;
  holds &= packet->captured_payload_bytes <= packet->payload_bytes;
  holds &= packet->captured_payload_bytes <= frame->captured_bytes;
  if (packet->kind == PACKET_TCP) {
    holds &= packet->ip_version != 0 && packet->ip_proto == 6;
    holds &= packet->checksum <= CHECKSUM_OFFLOADED;
    holds &= packet->sack_count <= PACKET_SACK_MAX;
    holds &= (packet->sack_count != 0) == ((packet->options & TCP_OPT_SACK) != 0);
    holds &= ((packet->facts & PACKET_SNAPPED) != 0) ==
             (packet->captured_payload_bytes < packet->payload_bytes);
  }
  if (packet->kind == PACKET_UNSUPPORTED_LINK)
    holds &= packet->ip_version == 0;
  if (!holds)
    abort();
}

static void use_text(const struct packet *packet)
{
  char text[IP_ADDRESS_TEXT_BYTES];
  ip_address_format(&packet->src, packet->ip_version, text);
  ip_address_format(&packet->dst, packet->ip_version, text);
  if (strlen(text) >= sizeof text || packet_kind_name((enum packet_kind)packet->kind) == NULL)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < PREFIX_BYTES || size > 1 << 20)
    return 0;
  const uint32_t captured = (uint32_t)(size - PREFIX_BYTES), linktype = read_le32(data);
  uint8_t *bytes = malloc(captured + (captured == 0)); /* its own block: reads beyond it show */
  if (bytes == NULL)
    return 0;
  memcpy(bytes, data + PREFIX_BYTES, captured);
  const struct frame frame = {.number = 1,
                              .linktype =
                                  linktype >= 1U << 31 ? linktype : linktype % LINKTYPES_FOLDED,
                              .captured_bytes = captured,
                              .original_bytes = captured + read_le16(data + 4),
                              .direction = data[7] % 3,
                              .fcs_bytes = data[6] & 0x07,
                              .bytes = bytes};
  struct packet packet;
  packet_decode(&frame, &packet);
  check(&frame, &packet);
  use_text(&packet);
  free(bytes);
  return 0;
}
