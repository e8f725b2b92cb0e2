#include "wire/packet.h"

#include "wire/decoder.h"
#include "wire/part_mark.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static layer_parser *const parsers[LAYER_COUNT] = {
    [LAYER_ETHERTYPE] = ethernet_type_parse,
    [LAYER_ETHERNET] = ethernet_parse,
    [LAYER_LLC] = ethernet_llc_parse,
    [LAYER_VLAN] = ethernet_vlan_parse,
    [LAYER_ARP] = ethernet_arp_parse,
    [LAYER_PPPOE] = serial_pppoe_parse,
    [LAYER_PPP] = serial_ppp_parse,
    [LAYER_CHDLC] = serial_chdlc_parse,
    [LAYER_MPLS] = mpls_parse,
    [LAYER_PSEUDOWIRE] = mpls_payload_parse,
    [LAYER_NSH] = nsh_parse,
    [LAYER_IP] = ip_parse,
    [LAYER_IPV4] = ipv4_parse,
    [LAYER_IPV6] = ipv6_parse,
    [LAYER_IP_PROTOCOL] = ip_protocol_parse,
    [LAYER_IPV6_EXTENSION] = ipv6_extension_parse,
    [LAYER_IPV6_FRAGMENT] = ipv6_fragment_parse,
    [LAYER_AUTHENTICATION_HEADER] = ip_authentication_header_parse,
    [LAYER_GRE] = gre_parse,
    [LAYER_UDP] = udp_parse,
    [LAYER_ICMP] = icmp_parse,
    [LAYER_ICMPV6] = icmpv6_parse,
    [LAYER_TCP] = tcp_header_parse,
    [LAYER_LINK] = link_parse,
};

/* The frame without its check sequence, which is the last thing on the wire and so the first to be
 * cut. */
static struct slice frame_slice(const struct frame *frame)
{
  uint32_t length = frame->original_bytes;
  if (length < frame->captured_bytes)
    length = frame->captured_bytes;
  struct slice slice = {frame->bytes, frame->captured_bytes, length};
  if (frame->fcs_bytes != 0 && frame->fcs_bytes <= length)
    slice_set_length(&slice, length - frame->fcs_bytes);
  return slice;
}

/* All but the union at the end, of which sack_count and kind say what is valid. In two pieces, each
 * of which compilers turn into a few wide stores; the whole at once becomes a string instruction
 * that costs as much as the rest of the decoding. */
static void packet_clear(struct packet *packet)
{
  uint8_t *bytes = (uint8_t *)packet;
  memset(bytes, 0, 64);
  memset(bytes + 64, 0, offsetof(struct packet, sack) - 64);
}

void packet_decode(const struct frame *frame, struct packet *packet)
{
  packet_clear(packet);
  packet->time_ns = frame->time_ns;
  packet->frame = frame->number;
  packet->interface = frame->interface;
  packet->kind = PACKET_MALFORMED;
  packet->direction = frame->direction;
  packet->frame_bytes = frame->original_bytes;
  struct decoder decoder = {
      .packet = packet,
      .rest = frame_slice(frame),
      .linktype = frame->linktype,
  };
  enum layer layer = LAYER_LINK;
  for (unsigned layers = 0; layer != LAYER_DONE; layers++) {
    if (layers == DECODER_LAYERS_MAX) {
      packet->kind = PACKET_MALFORMED;
      return;
    }
    layer = parsers[layer](&decoder);
  }
  if ((frame->part_flags & PART_MARK_CONTEXT) != 0 && packet->kind == PACKET_TCP)
    packet->kind =
        (frame->part_flags & PART_MARK_LATE) != 0 ? PACKET_OTHER_PART_LATE : PACKET_OTHER_PART;
}

bool packet_linktype_supported(uint32_t linktype)
{
  return link_is_supported(linktype);
}

const char *packet_kind_name(enum packet_kind kind)
{
  static const char *const names[PACKET_KIND_COUNT] = {
      [PACKET_TCP] = "tcp",
      [PACKET_ICMP_ERROR] = "icmp-error",
      [PACKET_ICMP] = "icmp",
      [PACKET_ARP] = "arp",
      [PACKET_ND] = "neighbour-discovery",
      [PACKET_UDP] = "udp",
      [PACKET_IP_OTHER] = "ip-other",
      [PACKET_NON_IP] = "non-ip",
      [PACKET_FRAGMENT] = "fragment",
      [PACKET_CUT] = "cut",
      [PACKET_MALFORMED] = "malformed",
      [PACKET_UNSUPPORTED_LINK] = "unsupported-link",
      [PACKET_OTHER_PART] = "other-part",
      [PACKET_OTHER_PART_LATE] = "other-part-late",
  };
  if ((unsigned)kind >= PACKET_KIND_COUNT)
    return "unknown";
  return names[kind];
}

void ip_address_format(const struct ip_address *address, uint8_t ip_version, char *text)
{
  const bool is_v4 = ip_version == 4;
  const uint8_t *bytes = is_v4 ? address->bytes + 12 : address->bytes;
  if (inet_ntop(is_v4 ? AF_INET : AF_INET6, bytes, text, IP_ADDRESS_TEXT_BYTES) == NULL)
    text[0] = '\0';
}
