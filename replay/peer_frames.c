#include "replay/peer_frames.h"

#include "wire/byte_reader.h"
#include "wire/checksum.h"
#include "wire/ethertype.h"

#include <string.h>

#define TCP_OPTIONS_BYTES 40
#define ETHERTYPE_AT      12
#define ARP_AT            14
#define ARP_BYTES         28
#define ARP_REQUEST       1
#define ARP_REPLY         2
#define ND_AT             54 /* behind Ethernet and IPv6 */
#define ND_BYTES          32 /* with one address option (RFC 4861, 4.3, 4.4) */
#define ND_SOLICITATION   135
#define ND_ADVERTISEMENT  136
#define ND_FLAGS          0x60 /* solicited, override */
#define ND_TARGET_OPTION  2
#define HOP_LIMIT_ND      255

static uint32_t put_be16(uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
  return 2;
}

static uint32_t put_be32(uint8_t *at, uint32_t value)
{
  return put_be16(at, value >> 16) + put_be16(at + 2, value);
}

static const uint8_t no_payload[FRAME_BUILDER_MAX];

static uint32_t put_syn_options(const struct peer_segment *segment, uint8_t *at)
{
  uint8_t *start = at;
  if (segment->mss > 0) {
    *at++ = TCP_OPTION_KIND_MSS;
    *at++ = 4;
    at += put_be16(at, segment->mss);
  }
  if (segment->sack_permitted) {
    *at++ = TCP_OPTION_KIND_SACK_PERMITTED;
    *at++ = 2;
  }
  if (segment->has_wscale) {
    *at++ = TCP_OPTION_KIND_WINDOW_SCALE;
    *at++ = 3;
    *at++ = segment->wscale;
  }
  return (uint32_t)(at - start);
}

static uint32_t put_sack(const struct peer_link *link, const struct peer_segment *segment,
                         uint8_t *at)
{
  const uint32_t most = segment->timestamps ? RECEIVER_SACK_MAX - 1 : RECEIVER_SACK_MAX;
  const uint32_t count = segment->sack_count < most ? segment->sack_count : most;
  if (count == 0 || !link->sack)
    return 0;
  uint8_t *start = at;
  *at++ = TCP_OPTION_KIND_NOP;
  *at++ = TCP_OPTION_KIND_NOP;
  *at++ = TCP_OPTION_KIND_SACK;
  *at++ = (uint8_t)(2 + 8 * count);
  for (uint32_t i = 0; i < count; i++) {
    at += put_be32(at, rebase_seq(&link->near, segment->sack[i].first));
    at += put_be32(at, rebase_seq(&link->near, segment->sack[i].end));
  }
  return (uint32_t)(at - start);
}

static uint32_t put_options(const struct peer_link *link, const struct peer_segment *segment,
                            uint8_t *options)
{
  uint32_t bytes = 0;
  memset(options, TCP_OPTION_KIND_NOP, TCP_OPTIONS_BYTES);
  if (segment->timestamps) {
    options[2] = TCP_OPTION_KIND_TIMESTAMPS;
    options[3] = 10;
    put_be32(options + 4, segment->ts_val);
    put_be32(options + 8, segment->ts_ecr);
    bytes = 12;
  }
  if (segment->flags & TCP_SYN)
    bytes += put_syn_options(segment, options + bytes);
  else
    bytes += put_sack(link, segment, options + bytes);
  return (bytes + 3) / 4 * 4; /* the rest is NOPs */
}

int peer_segment_build(const struct peer_link *link, const struct peer_segment *segment,
                       uint8_t *out, struct error *error)
{
  uint8_t options[TCP_OPTIONS_BYTES];
  const struct frame_tcp tcp = {
      .src_port = link->far_port,
      .dst_port = link->near_port,
      .seq = rebase_seq(&link->far, segment->seq),
      .ack = segment->flags & TCP_ACK ? rebase_seq(&link->near, segment->ack) : 0,
      .flags = segment->flags,
      .window = segment->window,
      .payload = segment->payload_bytes > 0 ? no_payload : NULL,
      .payload_bytes = segment->payload_bytes,
      .options = options,
      .options_bytes = put_options(link, segment, options)};
  return frame_builder_tcp(link->builder, &link->ends, &tcp, out, error);
}

static bool is_from_live(const struct peer_link *link, const struct frame_view *view)
{
  const uint8_t *ip = view->bytes + view->network;
  if (view->ip_version != link->ends.ip_version)
    return false;
  if (view->ip_version == 4)
    return memcmp(ip + 12, link->ends.dst.bytes + 12, 4) == 0 &&
           memcmp(ip + 16, link->ends.src.bytes + 12, 4) == 0;
  return memcmp(ip + 8, link->ends.dst.bytes, 16) == 0 &&
         memcmp(ip + 24, link->ends.src.bytes, 16) == 0;
}

bool peer_segment_read(struct peer_link *link, const struct frame_view *view,
                       struct peer_seen *seen)
{
  if (!(view->kinds & FRAME_TCP) || !is_from_live(link, view) || view->dst_port != link->far_port)
    return false;
  if (link->near_port == 0)
    link->near_port = view->src_port;
  if (view->src_port != link->near_port)
    return false;
  if (view->flags & TCP_SYN && !link->near.known)
    rebase_begin(&link->near, view->seq);
  if (!link->near.known)
    return false;
  const uint32_t bytes =
      view->payload_bytes + (view->flags & TCP_SYN ? 1 : 0) + (view->flags & TCP_FIN ? 1 : 0);
  *seen = (struct peer_seen){.first = rebase_position(&link->near, view->seq),
                             .ack = INT64_MIN,
                             .edge_raw = view->window,
                             .flags = view->flags};
  seen->end = seen->first + bytes;
  if (view->flags & TCP_ACK && link->far.known)
    seen->ack = rebase_position(&link->far, view->ack);
  const uint8_t *option = frame_view_option(view, TCP_OPTION_KIND_TIMESTAMPS);
  if (option != NULL && option[1] == 10) {
    seen->has_ts = true;
    seen->ts_val = read_be32(option + 2);
    seen->ts_ecr = read_be32(option + 6);
  }
  return true;
}

/* ---- neighbours ---- */

static int answer_arp(const struct peer_link *link, const struct frame_view *view, uint8_t *out)
{
  const uint8_t *arp = view->bytes + ARP_AT;
  if (view->frame_bytes < ARP_AT + ARP_BYTES || read_be16(arp + 6) != ARP_REQUEST ||
      link->ends.ip_version != 4 || memcmp(arp + 24, link->ends.src.bytes + 12, 4) != 0)
    return 0;
  memcpy(out, view->bytes, ARP_AT + ARP_BYTES);
  memcpy(out, view->bytes + 6, 6);
  memcpy(out + 6, link->ends.ether_src, 6);
  put_be16(out + ARP_AT + 6, ARP_REPLY);
  memcpy(out + ARP_AT + 8, link->ends.ether_src, 6);
  memcpy(out + ARP_AT + 14, arp + 24, 4);
  memcpy(out + ARP_AT + 18, arp + 8, 10); /* who asked, its address */
  return ARP_AT + ARP_BYTES;
}

static int answer_solicitation(const struct peer_link *link, const struct frame_view *view,
                               uint8_t *out)
{
  const uint8_t *asked = view->bytes + ND_AT;
  if (view->frame_bytes < ND_AT + 24 || link->ends.ip_version != 6 || view->network != 14 ||
      view->bytes[20] != IP_PROTOCOL_ICMPV6 || asked[0] != ND_SOLICITATION ||
      memcmp(asked + 8, link->ends.src.bytes, 16) != 0)
    return 0;
  memset(out, 0, ND_AT + ND_BYTES);
  memcpy(out, view->bytes + 6, 6);
  memcpy(out + 6, link->ends.ether_src, 6);
  put_be16(out + ETHERTYPE_AT, ETHERTYPE_IPV6);
  out[14] = 0x60;
  put_be16(out + 18, ND_BYTES);
  out[20] = IP_PROTOCOL_ICMPV6;
  out[21] = HOP_LIMIT_ND;
  memcpy(out + 22, link->ends.src.bytes, 16);
  memcpy(out + 38, view->bytes + 22, 16);
  uint8_t *told = out + ND_AT;
  told[0] = ND_ADVERTISEMENT;
  told[4] = ND_FLAGS;
  memcpy(told + 8, link->ends.src.bytes, 16);
  told[24] = ND_TARGET_OPTION;
  told[25] = 1; /* times 8 bytes */
  memcpy(told + 26, link->ends.ether_src, 6);
  uint8_t pseudo[8] = {0, 0, 0, ND_BYTES, 0, 0, 0, IP_PROTOCOL_ICMPV6};
  uint64_t sum = checksum_add(0, pseudo, sizeof pseudo);
  sum = checksum_add(checksum_add(sum, out + 22, 32), told, ND_BYTES);
  const uint16_t folded = (uint16_t)~checksum_fold(sum);
  memcpy(told + 2, &folded, sizeof folded);
  return ND_AT + ND_BYTES;
}

int peer_neighbour_answer(const struct peer_link *link, const struct frame_view *view, uint8_t *out)
{
  if (view->frame_bytes < FRAME_ETHERNET_BYTES)
    return 0;
  switch (read_be16(view->bytes + ETHERTYPE_AT)) {
  case ETHERTYPE_ARP: return answer_arp(link, view, out);
  case ETHERTYPE_IPV6: return answer_solicitation(link, view, out);
  default: return 0;
  }
}

bool peer_frame_take(struct peer_link *link, const struct peer_emitter *emitter, uint8_t *bytes,
                     uint32_t size, int64_t now_ns, struct frame_view *view, struct peer_seen *seen)
{
  uint8_t answer[FRAME_BUILDER_MAX];
  frame_view_parse(view, bytes, size);
  const int answer_bytes = peer_neighbour_answer(link, view, answer);
  if (answer_bytes > 0)
    emitter->emit(emitter->context, answer, (uint32_t)answer_bytes, now_ns);
  return peer_segment_read(link, view, seen);
}
