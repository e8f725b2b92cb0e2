#include "tests/lab/tapwire_frame.h"

#include <string.h>

enum { ETHER_SIZE = 14, IPV4_SIZE = 20, IPV6_SIZE = 40, TCP_SIZE = 20 };
enum { FLAG_FIN = 1, FLAG_SYN = 2, FLAG_RST = 4, FLAG_ACK = 16 };
enum { PROTOCOL_TCP = 6, PROTOCOL_ICMPV6 = 58 };

static uint32_t get16(const uint8_t *p)
{
  return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
  return get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t value)
{
  p[0] = (uint8_t)(value >> 8);
  p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
  put16(p, value >> 16);
  put16(p + 2, value);
}

static uint32_t sum16(uint32_t sum, const uint8_t *p, size_t len)
{
  for (; len > 1; p += 2, len -= 2)
    sum += get16(p);
  return len ? sum + ((uint32_t)p[0] << 8) : sum;
}

static uint32_t fold(uint32_t sum)
{
  while (sum >> 16)
    sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

static void fill_tcp_checksum(struct frame *f)
{
  uint8_t *tcp = f->bytes + f->tcp;
  size_t segment_len = f->tcp_header_len + f->payload_len;
  const uint8_t *ip = f->bytes + ETHER_SIZE;
  put16(tcp + 16, 0);
  uint32_t sum = f->ipv6 ? sum16(0, ip + 8, 32) : sum16(0, ip + 12, 8);
  sum += PROTOCOL_TCP + (uint32_t)segment_len;
  put16(tcp + 16, fold(sum16(sum, tcp, segment_len)));
}

static void fill_ipv4_checksum(uint8_t *ip)
{
  size_t len = (size_t)(ip[0] & 15) * 4;
  put16(ip + 10, 0);
  put16(ip + 10, fold(sum16(0, ip, len)));
}

static void parse_tcp(struct frame *f, size_t offset, size_t ip_payload_len)
{
  const uint8_t *tcp = f->bytes + offset;
  if (offset + TCP_SIZE > f->len || ip_payload_len < TCP_SIZE || offset + ip_payload_len > f->len)
    return;
  size_t header_len = (size_t)(tcp[12] >> 4) * 4;
  if (header_len < TCP_SIZE || header_len > ip_payload_len)
    return;
  f->tcp = offset;
  f->tcp_header_len = header_len;
  f->payload_len = ip_payload_len - header_len;
  f->seq = get32(tcp + 4);
  f->kinds = FRAME_TCP;
  uint8_t flags = tcp[13];
  if (f->payload_len > 0)
    f->kinds |= FRAME_DATA;
  if (flags & FLAG_SYN)
    f->kinds |= flags & FLAG_ACK ? FRAME_SYNACK : FRAME_SYN;
  if (flags & FLAG_FIN)
    f->kinds |= FRAME_FIN;
  if (flags & FLAG_RST)
    f->kinds |= FRAME_RST;
  if (f->payload_len == 0 && !(flags & (FLAG_SYN | FLAG_FIN | FLAG_RST)))
    f->kinds |= FRAME_ACK;
}

void frame_parse(struct frame *f, uint8_t *bytes, size_t len)
{
  *f = (struct frame){.bytes = bytes, .len = len, .kinds = FRAME_OTHER};
  if (len < ETHER_SIZE + IPV4_SIZE)
    return;
  uint8_t *ip = bytes + ETHER_SIZE;
  uint32_t type = get16(bytes + 12);
  if (type == 0x0806) {
    f->kinds = FRAME_ARP;
  } else if (type == 0x0800 && ip[9] == PROTOCOL_TCP) {
    size_t header_len = (size_t)(ip[0] & 15) * 4, total_len = get16(ip + 2);
    if (total_len > header_len)
      parse_tcp(f, ETHER_SIZE + header_len, total_len - header_len);
  } else if (type == 0x86dd && len >= ETHER_SIZE + IPV6_SIZE) {
    f->ipv6 = true;
    if (ip[6] == PROTOCOL_TCP)
      parse_tcp(f, ETHER_SIZE + IPV6_SIZE, get16(ip + 4));
    else if (ip[6] == PROTOCOL_ICMPV6)
      f->kinds = FRAME_ARP;
  }
}

void frame_flip_payload(struct frame *f)
{
  if (f->payload_len > 0)
    f->bytes[f->tcp + f->tcp_header_len + f->payload_len / 2] ^= 0x10;
}

/* The option's first byte, or NULL. Its length is within the header. */
static uint8_t *find_option(const struct frame *f, uint8_t kind)
{
  if (!f->tcp)
    return NULL;
  uint8_t *at = f->bytes + f->tcp + TCP_SIZE, *end = f->bytes + f->tcp + f->tcp_header_len;
  while (at < end && at[0] != 0) {
    if (at[0] == 1) {
      at++;
      continue;
    }
    if (at + 1 >= end || at[1] < 2 || at + at[1] > end)
      return NULL;
    if (at[0] == kind)
      return at;
    at += at[1];
  }
  return NULL;
}

void frame_set_option(struct frame *f, uint8_t kind, uint32_t value)
{
  uint8_t *option = find_option(f, kind);
  if (!option)
    return;
  if (option[1] == 3)
    option[2] = (uint8_t)value;
  else if (option[1] == 4)
    put16(option + 2, value);
  fill_tcp_checksum(f);
}

void frame_remove_option(struct frame *f, uint8_t kind)
{
  uint8_t *option = find_option(f, kind);
  if (!option)
    return;
  memset(option, 1, option[1]);
  fill_tcp_checksum(f);
}

void frame_add_tsval(struct frame *f, int32_t ticks)
{
  uint8_t *option = find_option(f, TCP_OPTION_TIMESTAMPS);
  if (!option || option[1] != 10)
    return;
  put32(option + 2, get32(option + 2) + (uint32_t)ticks);
  fill_tcp_checksum(f);
}

void frame_shift_sequence(struct frame *f, bool sent_by_a, uint32_t by)
{
  if (!f->tcp)
    return;
  uint8_t *number = f->bytes + f->tcp + (sent_by_a ? 4 : 8);
  if (sent_by_a)
    put32(number, get32(number) + by);
  else if (f->bytes[f->tcp + 13] & FLAG_ACK)
    put32(number, get32(number) - by);
  fill_tcp_checksum(f);
}

void frame_lower_ttl(struct frame *f, uint8_t by)
{
  uint8_t *ip = f->bytes + ETHER_SIZE;
  if (!f->tcp)
    return;
  if (f->ipv6) {
    ip[7] = (uint8_t)(ip[7] - by);
    return;
  }
  ip[8] = (uint8_t)(ip[8] - by);
  fill_ipv4_checksum(ip);
}

static void swap_bytes(uint8_t *a, uint8_t *b, size_t len)
{
  for (size_t i = 0; i < len; i++) {
    uint8_t kept = a[i];
    a[i] = b[i];
    b[i] = kept;
  }
}

/* Turns the copied headers round, so that what `frame` was sent to seems to answer. */
static void reverse_headers(uint8_t *out, const struct frame *f)
{
  uint8_t *ip = out + ETHER_SIZE, *tcp = out + f->tcp;
  swap_bytes(out, out + 6, 6);
  if (f->ipv6)
    swap_bytes(ip + 8, ip + 24, 16);
  else
    swap_bytes(ip + 12, ip + 16, 4);
  swap_bytes(tcp, tcp + 2, 2);
}

size_t frame_build_reset(const struct frame *f, bool back, uint8_t *out)
{
  size_t ip_size = f->ipv6 ? IPV6_SIZE : IPV4_SIZE;
  if (!f->tcp || f->tcp != ETHER_SIZE + ip_size)
    return 0;
  memcpy(out, f->bytes, ETHER_SIZE + ip_size + TCP_SIZE);
  uint8_t *ip = out + ETHER_SIZE, *tcp = out + f->tcp;
  uint32_t ack = get32(tcp + 8);
  if (back) {
    reverse_headers(out, f);
    put32(tcp + 4, ack);
  }
  put32(tcp + 8, 0);
  tcp[12] = TCP_SIZE / 4 << 4;
  tcp[13] = FLAG_RST;
  put16(tcp + 14, 0);
  struct frame reset = {.bytes = out,
                        .len = f->tcp + TCP_SIZE,
                        .ipv6 = f->ipv6,
                        .tcp = f->tcp,
                        .tcp_header_len = TCP_SIZE};
  if (f->ipv6) {
    put16(ip + 4, TCP_SIZE);
    ip[7] = 61; /* another distance than the real end's: as middle boxes do */
  } else {
    put16(ip + 2, IPV4_SIZE + TCP_SIZE);
    put16(ip + 4, 0x4242);
    ip[8] = 61;
    fill_ipv4_checksum(ip);
  }
  fill_tcp_checksum(&reset);
  return reset.len;
}
