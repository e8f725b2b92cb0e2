#include "wire/tcpdump_text_frame.h"

#include <assert.h>
#include <string.h>

#define IP_PROTOCOL_ICMP  1u
#define IP_PROTOCOL_TCP   6u
#define IP_PROTOCOL_UDP   17u
#define IP_PROTOCOL_FRAG6 44u
#define IP_PROTOCOL_ICMP6 58u
#define IP_PROTOCOL_UNKNOWN                                                                        \
  253u /* for experimentation (RFC 3692): the text does not say which one it was */

#define IPV4_HEADER_BYTES 20u
#define IPV6_HEADER_BYTES 40u
#define TCP_HEADER_BYTES  20u

/* The frame while it grows: what is captured is what was put. */
struct builder {
  struct text_frame *frame;
  struct text_names *names;
  struct text_flows *flows;
  const struct text_fields *fields;
  struct ip_address src, dst;
  uint8_t version;
  uint16_t src_port, dst_port;
};

static uint8_t *put(struct builder *b, size_t size)
{
  struct text_frame *frame = b->frame;
  assert(frame->captured_bytes + size <= sizeof frame->bytes);
  uint8_t *at = frame->bytes + frame->captured_bytes;
  memset(at, 0, size);
  frame->captured_bytes += (uint32_t)size;
  return at;
}

static void set_u16(uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void set_u32(uint8_t *at, uint32_t value)
{
  set_u16(at, value >> 16);
  set_u16(at + 2, value & 0xffff);
}

static uint32_t get_u32(const uint8_t *at)
{
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* RFC 1071: one's complement sum, not yet folded. */
static uint32_t sum_bytes(uint32_t sum, const uint8_t *bytes, size_t size)
{
  for (size_t i = 0; i + 1 < size; i += 2)
    sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
  if (size % 2 == 1)
    sum += (uint32_t)bytes[size - 1] << 8;
  return sum;
}

static uint16_t fold(uint32_t sum)
{
  while (sum > 0xffff)
    sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)sum;
}

/* Addresses as they stand in the header. */
static const uint8_t *wire_address(const struct ip_address *address, uint8_t version, size_t *size)
{
  *size = version == 4 ? 4 : 16;
  return version == 4 ? address->bytes + 12 : address->bytes;
}

static uint32_t pseudo_header_sum(const struct text_flow_key *key, uint8_t version,
                                  uint8_t protocol, uint32_t length)
{
  size_t size;
  const uint8_t *src = wire_address(&key->src, version, &size);
  const uint8_t *dst = wire_address(&key->dst, version, &size);
  return sum_bytes(sum_bytes(protocol + (length >> 16) + (length & 0xffff), src, size), dst, size);
}

static void put_ethernet(struct builder *b, uint32_t ethertype)
{
  const struct text_fields *fields = b->fields;
  b->frame->linktype = LINKTYPE_ETHERNET;
  memcpy(put(b, 6), fields->ether_dst, 6);
  memcpy(put(b, 6), fields->ether_src, 6);
  if (fields->has_vlan) {
    set_u16(put(b, 2), 0x8100);
    set_u16(put(b, 2), fields->vlan_tci);
  }
  set_u16(put(b, 2), ethertype);
}

/* In units of 8 bytes, as the header has it. Without its offset, a later fragment is taken as the
 * second one. */
static uint32_t fragment_units(const struct text_fields *fields)
{
  uint32_t units = fields->ip.fragment_offset_bytes / 8;
  return units == 0 && fields->protocol == TEXT_FRAGMENT ? 1 : units & 0x1fff;
}

/* upper_bytes: everything behind the IP header, of which headers will be put. */
static void put_ipv4(struct builder *b, uint8_t protocol, uint32_t upper_bytes)
{
  const struct text_ip *ip = &b->fields->ip;
  uint32_t total = IPV4_HEADER_BYTES + upper_bytes;
  bool zero = (ip->facts & TEXT_IP_ZERO_LENGTH) != 0 || total > UINT16_MAX;
  uint8_t *at = put(b, IPV4_HEADER_BYTES);
  at[0] = 0x45;
  at[1] = ip->tos;
  set_u16(at + 2, zero ? 0 : total);
  set_u16(at + 4, ip->id);
  set_u16(at + 6, ((ip->facts & TEXT_IP_DF) != 0 ? 0x4000u : 0u) |
                      ((ip->facts & TEXT_IP_MF) != 0 ? 0x2000u : 0u) | fragment_units(b->fields));
  at[8] = ip->ttl;
  at[9] = protocol;
  memcpy(at + 12, b->src.bytes + 12, 4);
  memcpy(at + 16, b->dst.bytes + 12, 4);
  set_u16(at + 10, (uint16_t)~fold(sum_bytes(0, at, IPV4_HEADER_BYTES)));
  b->frame->original_bytes += total;
}

static void put_ipv6(struct builder *b, uint8_t protocol, uint32_t upper_bytes)
{
  const struct text_ip *ip = &b->fields->ip;
  uint8_t *at = put(b, IPV6_HEADER_BYTES);
  set_u32(at, 6u << 28 | (uint32_t)ip->tos << 20 | ip->flow_label);
  set_u16(at + 4, upper_bytes > UINT16_MAX ? 0 : upper_bytes);
  at[6] = protocol;
  at[7] = ip->ttl;
  memcpy(at + 8, b->src.bytes, 16);
  memcpy(at + 24, b->dst.bytes, 16);
  b->frame->original_bytes += IPV6_HEADER_BYTES + upper_bytes;
}

/* Link and network header. */
static void put_network(struct builder *b, uint8_t protocol, uint32_t upper_bytes)
{
  b->frame->linktype = LINKTYPE_RAW_IP;
  if (b->fields->has_ether)
    put_ethernet(b, b->version == 4 ? 0x0800 : 0x86dd);
  b->frame->original_bytes = b->frame->captured_bytes;
  if (b->version == 4)
    put_ipv4(b, protocol, upper_bytes);
  else
    put_ipv6(b, protocol, upper_bytes);
  if (b->fields->has_ether && b->fields->link_bytes > b->frame->original_bytes)
    b->frame->original_bytes = b->fields->link_bytes; /* padding */
}

/* What -v's IP header leaves for the upper layer; `fallback` without it. */
static uint32_t upper_bytes_or(const struct builder *b, uint32_t fallback)
{
  const struct text_ip *ip = &b->fields->ip;
  uint32_t header = b->version == 4 ? IPV4_HEADER_BYTES : 0;
  if ((ip->facts & TEXT_IP_LENGTH) == 0 || ip->length_bytes < header ||
      ip->length_bytes > UINT16_MAX)
    return fallback;
  return ip->length_bytes - header > fallback ? ip->length_bytes - header : fallback;
}

/* Sets the checksum of a segment without payload, all of whose header is here. */
static void set_tcp_checksum(struct builder *b, uint8_t *tcp, uint32_t header_bytes)
{
  const struct text_tcp *text = &b->fields->tcp;
  struct text_flow_key key = {.src = b->src, .dst = b->dst};
  uint32_t pseudo = pseudo_header_sum(&key, b->version, IP_PROTOCOL_TCP, header_bytes);
  bool named = text_names_host(b->names, &b->src)[0] != '\0' ||
               text_names_host(b->names, &b->dst)[0] != '\0';
  b->frame->checksum_fixed = true;
  if (text->payload_bytes > 0 || text->options_cut)
    set_u16(tcp + 16, text->has_checksum_value ? text->checksum_value : 0);
  else if (text->checksum == TEXT_CHECKSUM_BAD && text->has_checksum_value && !named)
    set_u16(tcp + 16, text->checksum_value);
  else if (text->checksum == TEXT_CHECKSUM_BAD)
    set_u16(tcp + 16,
            fold(pseudo)); /* with other addresses the printed one means nothing: as if offloaded */
  else {
    set_u16(tcp + 16, (uint16_t)~fold(sum_bytes(pseudo, tcp, header_bytes)));
    b->frame->checksum_fixed = false;
  }
}

/* The header's length: padded; where the capture ended within the options, the shortest that shows
 * that something is missing. */
static uint32_t tcp_header_bytes(const struct text_tcp *text)
{
  uint32_t size = text->option_bytes;
  uint32_t padded = text->options_cut ? size / 4 * 4 + 4 : (size + 3) / 4 * 4;
  return TCP_HEADER_BYTES + (padded > TEXT_TCP_OPTIONS_MAX ? TEXT_TCP_OPTIONS_MAX : padded);
}

/* The options with their SACK blocks moved to the wire's numbers. */
static void put_tcp_options(struct builder *b, uint32_t header_bytes, uint32_t sack_offset)
{
  const struct text_tcp *text = &b->fields->tcp;
  uint32_t size = text->option_bytes;
  uint8_t *at = put(b, text->options_cut ? size : header_bytes - TCP_HEADER_BYTES);
  memcpy(at, text->options, size);
  for (uint32_t i = 0; i < 2u * text->sack_count; i++) {
    uint8_t *number = at + text->sack_offset + 4 * (size_t)i;
    set_u32(number, get_u32(number) + sack_offset);
  }
}

static void build_tcp(struct builder *b)
{
  const struct text_tcp *text = &b->fields->tcp;
  struct text_flow_key key = {
      .src = b->src, .dst = b->dst, .src_port = b->src_port, .dst_port = b->dst_port};
  struct text_seq_result numbers;
  text_flows_segment(b->flows, &key, text, &numbers);
  uint32_t header_bytes = tcp_header_bytes(text);
  put_network(b, IP_PROTOCOL_TCP, header_bytes + text->payload_bytes);
  b->frame->tcp_offset = (uint16_t)b->frame->captured_bytes;
  uint8_t *at = put(b, TCP_HEADER_BYTES);
  set_u16(at, b->src_port);
  set_u16(at + 2, b->dst_port);
  set_u32(at + 4, numbers.seq);
  set_u32(at + 8, numbers.ack);
  at[12] = (uint8_t)(header_bytes / 4 << 4 | ((text->flags & TCP_AE) != 0 ? 1u : 0u));
  at[13] = (uint8_t)text->flags;
  set_u16(at + 14, text->window);
  set_u16(at + 18, text->urgent);
  put_tcp_options(b, header_bytes, numbers.sack_offset);
  set_tcp_checksum(b, at, header_bytes);
  b->frame->seq_pending = numbers.seq_pending;
  b->frame->flow = key;
}

void text_frame_set_seq(struct text_frame *frame, uint32_t seq)
{
  uint8_t *tcp = frame->bytes + frame->tcp_offset;
  set_u32(tcp + 4, seq);
  frame->seq_pending = false;
  if (frame->checksum_fixed)
    return;
  /* the old checksum was right for a sequence number of 0 */
  uint32_t sum = (uint32_t)(uint16_t) ~((uint32_t)tcp[16] << 8 | tcp[17]);
  set_u16(tcp + 16, (uint16_t)~fold(sum + (seq >> 16) + (seq & 0xffff)));
}

/* The ports are all that is known of this segment. */
static void build_tcp_cut(struct builder *b)
{
  put_network(b, IP_PROTOCOL_TCP, upper_bytes_or(b, TCP_HEADER_BYTES + b->fields->payload_bytes));
  set_u16(put(b, 2), b->src_port);
  set_u16(put(b, 2), b->dst_port);
}

static void build_udp(struct builder *b)
{
  uint32_t length = upper_bytes_or(b, 8 + b->fields->payload_bytes);
  put_network(b, IP_PROTOCOL_UDP, length);
  uint8_t *at = put(b, 8);
  set_u16(at, b->src_port);
  set_u16(at + 2, b->dst_port);
  set_u16(at + 4, length > UINT16_MAX ? 0 : length);
}

/* The packet that an ICMP error answers to. */
struct quote {
  struct text_flow_key key;
  uint32_t seq;
  uint8_t protocol; /* 0: only the addresses are known */
};

static bool quoted_endpoint(struct builder *b, struct text_span endpoint, bool whole,
                            struct ip_address *address, uint16_t *port)
{
  struct text_span host = endpoint, service = {endpoint.start, 0};
  uint8_t version = b->version;
  if (whole)
    text_names_split(endpoint, &host, &service);
  if (service.size > 0 && !text_names_port(b->names, service, port))
    return false;
  return text_names_address(b->names, host, &version, address) && version == b->version;
}

/* What is printed of it, and the ports from the one connection it can have been. The sequence
 * number is never printed where the quote has its usual eight bytes: that of the last data segment
 * is in the window. */
static bool find_quote(struct builder *b, struct quote *quote)
{
  const struct text_icmp *icmp = &b->fields->icmp;
  bool whole = icmp->quoted_src.size > 0;
  *quote = (struct quote){.key.src = b->dst, .protocol = icmp->quoted_protocol};
  if (!icmp->quotes && icmp->type != 2 && icmp->type != 11)
    return false;
  if (icmp->quoted_dst.size == 0 ||
      !quoted_endpoint(b, icmp->quoted_dst, whole, &quote->key.dst, &quote->key.dst_port))
    return false;
  if (whole && !quoted_endpoint(b, icmp->quoted_src, true, &quote->key.src, &quote->key.src_port))
    return false;
  if (icmp->quoted_dst_port.size > 0 &&
      !text_names_port(b->names, icmp->quoted_dst_port, &quote->key.dst_port))
    return false;
  if ((quote->protocol == 0 || quote->protocol == IP_PROTOCOL_TCP) &&
      text_flows_only(b->flows, &quote->key, &quote->seq))
    quote->protocol = IP_PROTOCOL_TCP;
  return true;
}

static bool is_icmp_error(const struct builder *b)
{
  uint8_t type = b->fields->icmp.type;
  return b->version == 6 ? type < 128
                         : type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static void put_quote(struct builder *b, const struct quote *quote)
{
  struct builder inner = *b;
  struct text_fields fields = {0};
  bool transport = quote->protocol != 0 && (quote->key.src_port != 0 || quote->key.dst_port != 0);
  uint32_t original = b->frame->original_bytes;
  inner.fields = &fields;
  inner.src = quote->key.src;
  inner.dst = quote->key.dst;
  if (b->version == 4)
    put_ipv4(&inner, quote->protocol, 8);
  else
    put_ipv6(&inner, quote->protocol, 8);
  b->frame->original_bytes = original; /* counted in the outer packet already */
  if (!transport)
    return;
  uint8_t *at = put(b, 8);
  set_u16(at, quote->key.src_port);
  set_u16(at + 2, quote->key.dst_port);
  if (quote->protocol == IP_PROTOCOL_TCP)
    set_u32(at + 4, quote->seq);
}

static void put_icmp_header(struct builder *b)
{
  const struct text_icmp *icmp = &b->fields->icmp;
  uint8_t *at = put(b, 8);
  at[0] = icmp->type;
  at[1] = icmp->code;
  if (icmp->has_echo) {
    set_u16(at + 4, icmp->id);
    set_u16(at + 6, icmp->sequence);
  } else if (b->version == 6) {
    set_u32(at + 4, icmp->mtu);
  } else {
    set_u16(at + 6, icmp->mtu > UINT16_MAX ? UINT16_MAX : icmp->mtu);
  }
}

static void build_icmp(struct builder *b)
{
  const struct text_icmp *icmp = &b->fields->icmp;
  struct quote quote;
  struct ip_address target;
  uint8_t version = 6;
  bool quotes = is_icmp_error(b) && find_quote(b, &quote);
  bool neighbour = b->version == 6 && icmp->target.size > 0 &&
                   text_names_address(b->names, icmp->target, &version, &target) && version == 6;
  uint32_t least = 8 + (neighbour ? 16 : 0);
  if (quotes)
    least += (b->version == 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES) + 8;
  uint32_t printed = b->fields->payload_bytes > least ? b->fields->payload_bytes : least;
  put_network(b, b->version == 4 ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMP6,
              upper_bytes_or(b, printed));
  put_icmp_header(b);
  if (neighbour)
    memcpy(put(b, 16), target.bytes, 16);
  if (quotes)
    put_quote(b, &quote);
}

static void build_fragment(struct builder *b)
{
  const struct text_ip *ip = &b->fields->ip;
  uint8_t protocol = ip->protocol != 0 ? ip->protocol : IP_PROTOCOL_UNKNOWN;
  uint32_t upper = upper_bytes_or(b, 8 + b->fields->payload_bytes);
  if (b->version == 4) {
    put_network(b, protocol, upper);
  } else {
    put_network(b, IP_PROTOCOL_FRAG6, upper);
    uint8_t *at = put(b, 8);
    at[0] = protocol;
    set_u16(at + 2, fragment_units(b->fields) * 8);
  }
}

static bool build_arp(struct builder *b)
{
  const struct text_fields *fields = b->fields;
  struct ip_address target = {{0}};
  uint8_t version = 4;
  if (fields->icmp.target.size > 0 &&
      (!text_names_address(b->names, fields->icmp.target, &version, &target) || version != 4))
    return false;
  put_ethernet(b, 0x0806);
  uint8_t *at = put(b, 28);
  set_u16(at, 1);
  set_u16(at + 2, 0x0800);
  at[4] = 6;
  at[5] = 4;
  set_u16(at + 6, fields->icmp.type);
  memcpy(at + 8, fields->has_arp_mac ? fields->arp_mac : fields->ether_src, 6);
  memcpy(at + 14, b->src.bytes + 12, 4);
  memcpy(at + 24, target.bytes + 12, 4);
  b->frame->original_bytes = b->frame->captured_bytes;
  if (fields->link_bytes > b->frame->original_bytes)
    b->frame->original_bytes = fields->link_bytes;
  return true;
}

static bool find_endpoints(struct builder *b)
{
  const struct text_fields *fields = b->fields;
  b->version = fields->ip_version;
  if (!text_names_address(b->names, fields->src, &b->version, &b->src))
    return false;
  if (fields->protocol == TEXT_ARP)
    return b->version == 4;
  uint8_t other = b->version;
  if (!text_names_address(b->names, fields->dst, &other, &b->dst) || other != b->version ||
      (fields->ip_version != 0 && fields->ip_version != b->version))
    return false;
  return (fields->src_port.size == 0 ||
          text_names_port(b->names, fields->src_port, &b->src_port)) &&
         (fields->dst_port.size == 0 || text_names_port(b->names, fields->dst_port, &b->dst_port));
}

bool text_frame_build(struct text_names *names, struct text_flows *flows,
                      const struct text_fields *fields, struct text_frame *frame)
{
  struct builder b = {.frame = frame, .names = names, .flows = flows, .fields = fields};
  memset(frame, 0, sizeof *frame);
  frame->direction = fields->direction;
  if (!find_endpoints(&b))
    return false;
  switch ((enum text_protocol)fields->protocol) {
  case TEXT_TCP: build_tcp(&b); break;
  case TEXT_TCP_CUT: build_tcp_cut(&b); break;
  case TEXT_UDP: build_udp(&b); break;
  case TEXT_ICMP:
  case TEXT_ICMP6: build_icmp(&b); break;
  case TEXT_ARP: return build_arp(&b);
  case TEXT_FRAGMENT: build_fragment(&b); break;
  case TEXT_IP_OTHER:
    put_network(&b, fields->ip.protocol != 0 ? fields->ip.protocol : IP_PROTOCOL_UNKNOWN,
                upper_bytes_or(&b, fields->payload_bytes));
    break;
  }
  return true;
}
