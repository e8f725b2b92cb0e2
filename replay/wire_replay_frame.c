#include "replay/wire_replay_frame.h"

#include "replay/frame_view.h"
#include "replay/rewrite.h"
#include "replay/wire_replay_ring.h"
#include "wire/byte_reader.h"
#include "wire/ethertype.h"

#include <stdbool.h>
#include <string.h>

enum { /* of pcap's registry, those whose payload Ethernet can carry */
       LINKTYPE_NULL = 0,
       LINKTYPE_ETHERNET = 1,
       LINKTYPE_DLT_RAW = 12,
       LINKTYPE_DLT_RAW_OPENBSD = 14,
       LINKTYPE_RAW = 101,
       LINKTYPE_LOOP = 108,
       LINKTYPE_LINUX_SLL = 113,
       LINKTYPE_IPV4 = 228,
       LINKTYPE_IPV6 = 229,
       LINKTYPE_LINUX_SLL2 = 276
};

#define LOOPBACK_BYTES    4
#define SLL_BYTES         16
#define SLL_PROTOCOL_AT   14
#define SLL2_BYTES        20
#define SLL2_PROTOCOL_AT  0
#define ETHERTYPE_AT      12
#define ETHERTYPE_LOWEST  0x600 /* below, the field is a length (IEEE 802.3, 3.2.6) */
#define ETHER_FRAME_LEAST 14

/* Locally administered addresses, for frames that came without any. */
static const uint8_t made_up_addresses[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};

/* The EtherType of an IP packet by its first nibble; 0: it is none. */
static uint16_t ethertype_of_ip(const uint8_t *bytes, uint32_t captured)
{
  if (captured == 0)
    return 0;
  switch (bytes[0] >> 4) {
  case 4: return ETHERTYPE_IPV4;
  case 6: return ETHERTYPE_IPV6;
  default: return 0;
  }
}

/* How long the foreign link header is (in *header_bytes), and the EtherType behind it; 0: none. */
static uint16_t foreign_ethertype(const struct frame *frame, uint32_t *header_bytes)
{
  const uint8_t *bytes = frame->bytes;
  const uint32_t captured = frame->captured_bytes;
  *header_bytes = 0;
  switch (frame->linktype) {
  case LINKTYPE_DLT_RAW:
  case LINKTYPE_DLT_RAW_OPENBSD:
  case LINKTYPE_RAW:
  case LINKTYPE_IPV4:
  case LINKTYPE_IPV6: return ethertype_of_ip(bytes, captured);
  case LINKTYPE_NULL:
  case LINKTYPE_LOOP:
    *header_bytes = LOOPBACK_BYTES;
    return captured > LOOPBACK_BYTES
               ? ethertype_of_ip(bytes + LOOPBACK_BYTES, captured - LOOPBACK_BYTES)
               : 0;
  case LINKTYPE_LINUX_SLL:
    *header_bytes = SLL_BYTES;
    return captured >= SLL_BYTES ? read_be16(bytes + SLL_PROTOCOL_AT) : 0;
  case LINKTYPE_LINUX_SLL2:
    *header_bytes = SLL2_BYTES;
    return captured >= SLL2_BYTES ? read_be16(bytes + SLL2_PROTOCOL_AT) : 0;
  default: return 0;
  }
}

/* The payload that the snap length cut off is zeros now. */
static void mend_checksum(uint8_t *bytes, uint32_t size, uint32_t captured)
{
  struct frame_view view;
  frame_view_parse(&view, bytes, size);
  if (view.kinds & FRAME_TCP && captured >= (uint32_t)view.transport + view.transport_head_bytes)
    rewrite_fill_tcp_checksum(&view);
}

enum wire_replay_change wire_replay_frame_make(const struct frame *frame, uint8_t *out,
                                               uint32_t *size)
{
  enum wire_replay_change change = WIRE_REPLAY_VERBATIM;
  uint32_t skip = 0, header = 0;
  *size = 0;
  if (frame->linktype != LINKTYPE_ETHERNET) {
    const uint16_t ethertype = foreign_ethertype(frame, &skip);
    if (ethertype < ETHERTYPE_LOWEST)
      return WIRE_REPLAY_IMPOSSIBLE;
    memcpy(out, made_up_addresses, sizeof made_up_addresses);
    out[ETHERTYPE_AT] = (uint8_t)(ethertype >> 8);
    out[ETHERTYPE_AT + 1] = (uint8_t)ethertype;
    header = ETHER_FRAME_LEAST;
    change = WIRE_REPLAY_HEADED;
  }
  uint32_t captured = frame->captured_bytes, original = frame->original_bytes;
  if (original < captured)
    original = captured;
  original -= frame->fcs_bytes <= original ? frame->fcs_bytes : original;
  if (captured > original)
    captured = original;
  if (captured < skip || original - skip > WIRE_REPLAY_FRAME_MAX - header ||
      original - skip + header < ETHER_FRAME_LEAST)
    return WIRE_REPLAY_IMPOSSIBLE;
  memcpy(out + header, frame->bytes + skip, captured - skip);
  *size = header + original - skip;
  if (captured == original)
    return change;
  memset(out + header + captured - skip, 0, original - captured);
  mend_checksum(out, *size, header + captured - skip);
  return change == WIRE_REPLAY_HEADED ? change : WIRE_REPLAY_FILLED;
}
