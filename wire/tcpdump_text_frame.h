#ifndef WIRE_TCPDUMP_TEXT_FRAME_H
#define WIRE_TCPDUMP_TEXT_FRAME_H

/* From a packet's fields to the bytes of a frame: link type RAW, or Ethernet where link addresses
 * are printed (and for ARP, which has no other). Headers only; the original length includes the
 * payload.
 *
 * What the text does not say is zero: a TTL of 0 (none is seen on a wire) means that it was not
 * printed. */

#include "wire/packet.h"
#include "wire/tcpdump_text_fields.h"
#include "wire/tcpdump_text_names.h"
#include "wire/tcpdump_text_seq.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINKTYPE_ETHERNET 1u
#define LINKTYPE_RAW_IP   101u

/* Ethernet with one VLAN tag, IPv6 with a fragment header, and ICMPv6 with a quoted IPv6 and TCP
 * header */
#define TEXT_FRAME_BYTES_MAX 160

struct text_frame {
  uint32_t linktype;
  uint32_t captured_bytes, original_bytes;
  uint8_t direction;
  bool seq_pending;          /* TCP, and the sequence number is still to be set */
  struct text_flow_key flow; /* if seq_pending */
  uint16_t tcp_offset;       /* if seq_pending */
  bool checksum_fixed;       /* the checksum is what the text says: do not compute it again */
  uint8_t bytes[TEXT_FRAME_BYTES_MAX];
};

/* Builds the frame. False if an address or a port is none. */
bool text_frame_build(struct text_names *names, struct text_flows *flows,
                      const struct text_fields *fields, struct text_frame *frame);

/* Sets the sequence number of a TCP frame, and its checksum. */
void text_frame_set_seq(struct text_frame *frame, uint32_t seq);

#endif
