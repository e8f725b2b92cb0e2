#include "replay/frame_view.h"

#include "wire/byte_reader.h"
#include "wire/ethertype.h"
#include "wire/packet.h"

#include <stddef.h>

#define VLAN_TAG_BYTES        4
#define VLAN_TAGS_MAX         2
#define IPV4_BYTES            20
#define IPV6_BYTES            40
#define IPV6_EXTENSIONS_MAX   8
#define TCP_BYTES             20
#define UDP_BYTES             8
#define ICMPV6_DISCOVERY_LOW  133 /* router solicitation (RFC 4861, 4.1) */
#define ICMPV6_DISCOVERY_HIGH 137 /* redirect (RFC 4861, 4.5) */

static void parse_tcp(struct frame_view *view, uint32_t at, uint32_t end)
{
  const uint8_t *tcp = view->bytes + at;
  if (end - at < TCP_BYTES)
    return;
  const uint32_t head_bytes = (uint32_t)(tcp[12] >> 4) * 4;
  if (head_bytes < TCP_BYTES || head_bytes > end - at)
    return;
  view->transport = (uint16_t)at;
  view->transport_head_bytes = (uint16_t)head_bytes;
  view->src_port = read_be16(tcp);
  view->dst_port = read_be16(tcp + 2);
  view->seq = read_be32(tcp + 4);
  view->ack = read_be32(tcp + 8);
  view->flags = (uint16_t)((tcp[12] & 1) << 8 | tcp[13]);
  view->window = read_be16(tcp + 14);
  view->payload_bytes = end - at - head_bytes;
  view->kinds = FRAME_TCP;
  if (view->payload_bytes > 0)
    view->kinds |= FRAME_DATA;
  if (view->flags & TCP_SYN)
    view->kinds |= view->flags & TCP_ACK ? FRAME_SYNACK : FRAME_SYN;
  if (view->flags & TCP_FIN)
    view->kinds |= FRAME_FIN;
  if (view->flags & TCP_RST)
    view->kinds |= FRAME_RST;
  if (view->payload_bytes == 0 && !(view->flags & (TCP_SYN | TCP_FIN | TCP_RST)))
    view->kinds |= FRAME_ACK;
}

static void parse_transport(struct frame_view *view, uint8_t protocol, uint32_t at, uint32_t end)
{
  switch (protocol) {
  case IP_PROTOCOL_TCP: parse_tcp(view, at, end); break;
  case IP_PROTOCOL_UDP:
    if (end - at >= UDP_BYTES) {
      view->kinds = FRAME_UDP;
      view->transport = (uint16_t)at;
      view->transport_head_bytes = UDP_BYTES;
      view->src_port = read_be16(view->bytes + at);
      view->dst_port = read_be16(view->bytes + at + 2);
    }
    break;
  case IP_PROTOCOL_ICMP: view->kinds = FRAME_ICMP; break;
  case IP_PROTOCOL_ICMPV6:
    view->kinds = FRAME_ICMP;
    if (end > at && view->bytes[at] >= ICMPV6_DISCOVERY_LOW &&
        view->bytes[at] <= ICMPV6_DISCOVERY_HIGH)
      view->kinds = FRAME_ARP;
    break;
  default: break;
  }
}

static void parse_ipv4(struct frame_view *view, uint32_t at)
{
  const uint8_t *ip = view->bytes + at;
  const uint32_t there = view->frame_bytes - at;
  if (there < IPV4_BYTES || ip[0] >> 4 != 4)
    return;
  const uint32_t head_bytes = (uint32_t)(ip[0] & 15) * 4;
  uint32_t total_bytes = read_be16(ip + 2);
  if (total_bytes == 0) /* a super-segment that does not fit its field (BIG TCP) */
    total_bytes = there;
  if (head_bytes < IPV4_BYTES || total_bytes < head_bytes || total_bytes > there)
    return;
  view->ip_version = 4;
  view->network = (uint16_t)at;
  if ((read_be16(ip + 6) & 0x1fff) == 0) /* no later fragment (RFC 791, 3.1) */
    parse_transport(view, ip[9], at + head_bytes, at + total_bytes);
}

static bool is_extension(uint8_t protocol)
{
  return protocol == IP_PROTOCOL_HOP_BY_HOP || protocol == IP_PROTOCOL_ROUTING ||
         protocol == IP_PROTOCOL_DESTINATION_OPTIONS;
}

static void parse_ipv6(struct frame_view *view, uint32_t at)
{
  const uint8_t *ip = view->bytes + at;
  const uint32_t there = view->frame_bytes - at;
  if (there < IPV6_BYTES || ip[0] >> 4 != 6)
    return;
  uint32_t payload_bytes = read_be16(ip + 4);
  if (payload_bytes == 0)
    payload_bytes = there - IPV6_BYTES;
  if (payload_bytes > there - IPV6_BYTES)
    return;
  view->ip_version = 6;
  view->network = (uint16_t)at;
  const uint32_t end = at + IPV6_BYTES + payload_bytes;
  uint8_t protocol = ip[6];
  at += IPV6_BYTES;
  for (int i = 0; i < IPV6_EXTENSIONS_MAX && is_extension(protocol); i++) {
    if (end - at < 8)
      return;
    const uint32_t bytes = ((uint32_t)view->bytes[at + 1] + 1) * 8;
    if (bytes > end - at)
      return;
    protocol = view->bytes[at];
    at += bytes;
  }
  parse_transport(view, protocol, at, end);
}

void frame_view_parse(struct frame_view *view, uint8_t *bytes, uint32_t frame_bytes)
{
  *view = (struct frame_view){.bytes = bytes, .frame_bytes = frame_bytes, .kinds = FRAME_OTHER};
  if (frame_bytes < FRAME_ETHERNET_BYTES)
    return;
  uint32_t at = FRAME_ETHERNET_BYTES;
  uint16_t type = read_be16(bytes + 12);
  for (int tag = 0; tag < VLAN_TAGS_MAX; tag++) {
    if ((type != ETHERTYPE_VLAN && type != ETHERTYPE_PROVIDER_BRIDGE) ||
        frame_bytes - at < VLAN_TAG_BYTES)
      break;
    type = read_be16(bytes + at + 2);
    at += VLAN_TAG_BYTES;
    view->vlan = true;
  }
  if (type == ETHERTYPE_ARP)
    view->kinds = FRAME_ARP;
  else if (type == ETHERTYPE_IPV4)
    parse_ipv4(view, at);
  else if (type == ETHERTYPE_IPV6)
    parse_ipv6(view, at);
}

uint32_t frame_view_wire_frames(const struct frame_view *view)
{
  if (view->gso_bytes == 0 || view->payload_bytes <= view->gso_bytes)
    return 1;
  return (view->payload_bytes + view->gso_bytes - 1) / view->gso_bytes;
}

uint32_t frame_view_wire_bytes(const struct frame_view *view)
{
  if (view->gso_bytes == 0 || view->payload_bytes <= view->gso_bytes)
    return view->frame_bytes;
  return (uint32_t)view->transport + view->transport_head_bytes + view->gso_bytes;
}

uint8_t *frame_view_option(const struct frame_view *view, uint8_t kind)
{
  if (!(view->kinds & FRAME_TCP))
    return NULL;
  uint8_t *at = view->bytes + view->transport + TCP_BYTES;
  const uint8_t *end = view->bytes + view->transport + view->transport_head_bytes;
  while (at < end && *at != TCP_OPTION_KIND_END) {
    if (*at == TCP_OPTION_KIND_NOP) {
      at++;
      continue;
    }
    if (end - at < 2 || at[1] < 2 || at[1] > end - at)
      return NULL;
    if (*at == kind)
      return at;
    at += at[1];
  }
  return NULL;
}
