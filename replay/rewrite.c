#include "replay/rewrite.h"

#include "wire/byte_reader.h"
#include "wire/checksum.h"
#include "wire/ethertype.h"
#include "wire/packet.h"

#include <string.h>

#define TCP_SEQ        4 /* offsets in the TCP header (RFC 9293, 3.1) */
#define TCP_ACK_NUMBER 8
#define TCP_WINDOW     14
#define TCP_CHECKSUM   16
#define IPV4_TOS       1
#define IPV4_TTL       8
#define IPV4_CHECKSUM  10
#define IPV6_HOP_LIMIT 7
#define CHANGE_MAX     40 /* bytes: no TCP option is longer */
#define CORRUPTING_BIT 0x10

static void put_be16(uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void put_be32(uint8_t *at, uint32_t value)
{
  put_be16(at, value >> 16);
  put_be16(at + 2, value);
}

/* The sum of the 16-bit words from `at` to `end`. */
static uint32_t sum_words(const uint8_t *at, const uint8_t *end)
{
  uint32_t sum = 0;
  for (; at + 1 < end; at += 2)
    sum += read_be16(at);
  return at < end ? sum + (uint32_t)(*at << 8) : sum;
}

/* RFC 1624, equation 3: HC' = ~(~HC + ~m + m'), over all changed words at once. */
static void patch_checksum(uint8_t *checksum, uint32_t old_sum, uint32_t new_sum)
{
  const uint32_t fold_old = (old_sum & 0xffff) + (old_sum >> 16);
  uint32_t sum = (~(uint32_t)read_be16(checksum) & 0xffff) + (~fold_old & 0xffff) + new_sum;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  put_be16(checksum, ~sum);
}

/* Replaces `count` bytes at `at`, which a checksum over words that start at `cover` covers up to
 * `end`. */
static void replace_covered(uint8_t *cover, const uint8_t *end, uint8_t *checksum, uint8_t *at,
                            const uint8_t *bytes, size_t count)
{
  uint8_t *first = at - ((at - cover) & 1);
  const uint8_t *last = at + count + ((at + count - cover) & 1);
  if (last > end)
    last = end;
  const uint32_t old_sum = sum_words(first, last);
  memcpy(at, bytes, count);
  patch_checksum(checksum, old_sum, sum_words(first, last));
}

static uint8_t *tcp_header(const struct frame_view *view)
{
  return view->kinds & FRAME_TCP ? view->bytes + view->transport : NULL;
}

static const uint8_t *segment_end(const struct frame_view *view)
{
  return view->bytes + view->transport + view->transport_head_bytes + view->payload_bytes;
}

static bool replace_tcp(struct frame_view *view, uint8_t *at, const uint8_t *bytes, size_t count)
{
  uint8_t *tcp = tcp_header(view);
  if (memcmp(at, bytes, count) == 0)
    return false;
  if (view->checksum_partial)
    memcpy(at, bytes, count);
  else
    replace_covered(tcp, segment_end(view), tcp + TCP_CHECKSUM, at, bytes, count);
  return true;
}

static bool replace_tcp_u32(struct frame_view *view, uint8_t *at, uint32_t value)
{
  uint8_t bytes[4];
  put_be32(bytes, value);
  return replace_tcp(view, at, bytes, sizeof bytes);
}

static bool replace_tcp_u16(struct frame_view *view, uint8_t *at, uint16_t value)
{
  uint8_t bytes[2];
  put_be16(bytes, value);
  return replace_tcp(view, at, bytes, sizeof bytes);
}

bool rewrite_window_scale(struct frame_view *view, uint8_t shift)
{
  uint8_t *option = frame_view_option(view, TCP_OPTION_KIND_WINDOW_SCALE);
  return option != NULL && option[1] == 3 && replace_tcp(view, option + 2, &shift, 1);
}

bool rewrite_mss(struct frame_view *view, uint16_t mss)
{
  uint8_t *option = frame_view_option(view, TCP_OPTION_KIND_MSS);
  return option != NULL && option[1] == 4 && replace_tcp_u16(view, option + 2, mss);
}

bool rewrite_window(struct frame_view *view, uint16_t window)
{
  uint8_t *tcp = tcp_header(view);
  return tcp != NULL && replace_tcp_u16(view, tcp + TCP_WINDOW, window);
}

bool rewrite_strip_option(struct frame_view *view, uint8_t kind)
{
  uint8_t *option = frame_view_option(view, kind);
  uint8_t nops[CHANGE_MAX];
  if (option == NULL || option[1] > sizeof nops)
    return false;
  memset(nops, TCP_OPTION_KIND_NOP, sizeof nops);
  return replace_tcp(view, option, nops, option[1]);
}

static bool add_timestamp(struct frame_view *view, size_t offset, uint32_t ticks)
{
  uint8_t *option = frame_view_option(view, TCP_OPTION_KIND_TIMESTAMPS);
  return option != NULL && option[1] == 10 &&
         replace_tcp_u32(view, option + offset, read_be32(option + offset) + ticks);
}

bool rewrite_add_tsval(struct frame_view *view, uint32_t ticks)
{
  return add_timestamp(view, 2, ticks);
}

bool rewrite_add_tsecr(struct frame_view *view, uint32_t ticks)
{
  return add_timestamp(view, 6, ticks);
}

bool rewrite_add_seq(struct frame_view *view, uint32_t offset)
{
  uint8_t *tcp = tcp_header(view);
  return tcp != NULL && replace_tcp_u32(view, tcp + TCP_SEQ, read_be32(tcp + TCP_SEQ) + offset);
}

/* RFC 2018, 3: pairs of edges behind kind and length. */
static bool add_sack(struct frame_view *view, uint32_t offset)
{
  uint8_t *option = frame_view_option(view, TCP_OPTION_KIND_SACK);
  uint8_t edges[CHANGE_MAX];
  if (option == NULL || option[1] > sizeof edges)
    return false;
  const size_t bytes = (size_t)(option[1] - 2) & ~(size_t)3;
  for (size_t i = 0; i < bytes; i += 4)
    put_be32(edges + i, read_be32(option + 2 + i) + offset);
  return bytes > 0 && replace_tcp(view, option + 2, edges, bytes);
}

bool rewrite_add_ack(struct frame_view *view, uint32_t offset, bool sack)
{
  uint8_t *tcp = tcp_header(view);
  if (tcp == NULL || !(view->flags & TCP_ACK))
    return false;
  bool changed =
      replace_tcp_u32(view, tcp + TCP_ACK_NUMBER, read_be32(tcp + TCP_ACK_NUMBER) + offset);
  if (sack)
    changed |= add_sack(view, offset);
  return changed;
}

static void replace_ipv4(uint8_t *ip, uint8_t *at, uint8_t value)
{
  replace_covered(ip, ip + (size_t)(ip[0] & 15) * 4, ip + IPV4_CHECKSUM, at, &value, 1);
}

uint8_t rewrite_get_ttl(const struct frame_view *view)
{
  const uint8_t *ip = view->bytes + view->network;
  switch (view->ip_version) {
  case 4: return ip[IPV4_TTL];
  case 6: return ip[IPV6_HOP_LIMIT];
  default: return 0;
  }
}

bool rewrite_ttl(struct frame_view *view, uint8_t ttl)
{
  uint8_t *ip = view->bytes + view->network;
  if (view->ip_version == 0 || rewrite_get_ttl(view) == ttl)
    return false;
  if (view->ip_version == 4)
    replace_ipv4(ip, ip + IPV4_TTL, ttl);
  else
    ip[IPV6_HOP_LIMIT] = ttl;
  return true;
}

bool rewrite_traffic_class(struct frame_view *view, uint8_t bits, uint8_t mask)
{
  uint8_t *ip = view->bytes + view->network;
  if (view->ip_version == 4) {
    const uint8_t tos = (uint8_t)((ip[IPV4_TOS] & ~mask) | (bits & mask));
    if (tos == ip[IPV4_TOS])
      return false;
    replace_ipv4(ip, ip + IPV4_TOS, tos);
    return true;
  }
  if (view->ip_version != 6)
    return false;
  const uint8_t old = (uint8_t)(ip[0] << 4 | ip[1] >> 4);
  const uint8_t class = (uint8_t)((old & ~mask) | (bits & mask));
  ip[0] = (uint8_t)(0x60 | class >> 4);
  ip[1] = (uint8_t)((ip[1] & 0x0f) | class << 4);
  return class != old;
}

void rewrite_fill_tcp_checksum(struct frame_view *view)
{
  uint8_t *tcp = tcp_header(view);
  const uint8_t *ip = view->bytes + view->network;
  if (tcp == NULL)
    return;
  const uint32_t bytes = (uint32_t)view->transport_head_bytes + view->payload_bytes;
  uint8_t tail[8] = {0};
  put_be32(tail, bytes);
  tail[7] = IP_PROTOCOL_TCP;
  memset(tcp + TCP_CHECKSUM, 0, 2);
  uint64_t sum = checksum_add(0, tail, sizeof tail);
  sum = view->ip_version == 4 ? checksum_add(sum, ip + 12, 8) : checksum_add(sum, ip + 8, 32);
  const uint16_t folded = (uint16_t)~checksum_fold(checksum_add(sum, tcp, bytes));
  memcpy(tcp + TCP_CHECKSUM, &folded, sizeof folded);
  view->checksum_partial = false;
}

bool rewrite_corrupt(struct frame_view *view, int64_t at, enum rewrite_corrupt how)
{
  uint8_t *tcp = tcp_header(view);
  if (tcp == NULL || (how == REWRITE_CHECKSUM_FIXED && view->payload_bytes == 0))
    return false;
  if (view->checksum_partial && how == REWRITE_CHECKSUM_WRONG)
    rewrite_fill_tcp_checksum(view);
  uint8_t *target = tcp + TCP_WINDOW;
  if (view->payload_bytes > 0) {
    const uint32_t last = view->payload_bytes - 1;
    const uint32_t offset = at < 0 ? last / 2 : at > last ? last : (uint32_t)at;
    target = tcp + view->transport_head_bytes + offset;
  }
  const uint8_t value = *target ^ CORRUPTING_BIT;
  if (how == REWRITE_CHECKSUM_WRONG)
    *target = value;
  else
    replace_tcp(view, target, &value, 1);
  return true;
}
