#include "replay/forge.h"

#include "replay/rewrite.h"
#include "wire/ip_address.h"

#include <string.h>

#define TTL_UNKNOWN 64 /* what most systems start with */

/* Who sends the frame to whom; swapped: an answer to it. */
static void ends_of(const struct frame_view *view, bool swapped, struct frame_ends *ends)
{
  const uint8_t *ip = view->bytes + view->network;
  *ends = (struct frame_ends){.ip_version = view->ip_version};
  memcpy(ends->ether_dst, view->bytes + (swapped ? 6 : 0), 6);
  memcpy(ends->ether_src, view->bytes + (swapped ? 0 : 6), 6);
  const bool v4 = view->ip_version == 4;
  const struct ip_address src = v4 ? ip_address_v4(ip + 12) : ip_address_v6(ip + 8);
  const struct ip_address dst = v4 ? ip_address_v4(ip + 16) : ip_address_v6(ip + 24);
  ends->src = swapped ? dst : src;
  ends->dst = swapped ? src : dst;
}

static uint8_t reset_ttl(const struct rule_frame *frame, const struct rule *rule, bool to_sender)
{
  if (rule->reset.ttl != RULE_TTL_SAME)
    return rule->reset.ttl;
  const enum path_direction forged =
      to_sender ? (frame->direction == PATH_AB ? PATH_BA : PATH_AB) : frame->direction;
  const uint8_t ttl = frame->flow != NULL ? frame->flow->streams[forged].ttl : 0;
  return ttl != 0 ? ttl : TTL_UNKNOWN;
}

/* RFC 9293, 3.5.2: a reset takes its number from what it answers; one that pretends to come from
 * the frame's sender goes just before the frame. */
int forge_reset(struct frame_builder *builder, const struct rule_frame *frame,
                const struct rule *rule, bool to_sender, uint8_t *out)
{
  const struct frame_view *view = frame->view;
  if (!(view->kinds & FRAME_TCP) || view->vlan)
    return ERROR_UNSUPPORTED;
  struct frame_ends ends;
  ends_of(view, to_sender, &ends);
  ends.ttl = reset_ttl(frame, rule, to_sender);
  struct frame_tcp tcp = {
      .src_port = view->src_port, .dst_port = view->dst_port, .seq = view->seq, .flags = TCP_RST};
  if (to_sender) {
    tcp.src_port = view->dst_port;
    tcp.dst_port = view->src_port;
    tcp.seq = view->ack;
    if (!(view->flags & TCP_ACK)) {
      tcp.seq = 0;
      tcp.ack = view->seq + view->payload_bytes + ((view->flags & TCP_SYN) != 0) +
                ((view->flags & TCP_FIN) != 0);
      tcp.flags = TCP_RST | TCP_ACK;
    }
  }
  return frame_builder_tcp(builder, &ends, &tcp, out, NULL);
}

int forge_too_big(struct frame_builder *builder, const struct rule_frame *frame,
                  const struct rule *rule, uint8_t *out)
{
  const struct frame_view *view = frame->view;
  if (view->ip_version == 0 || view->vlan)
    return ERROR_UNSUPPORTED;
  struct frame_ends ends;
  ends_of(view, true, &ends);
  ends.ttl = TTL_UNKNOWN;
  if (rule->too_big.has_router && rule->too_big.router_version == view->ip_version)
    ends.src = rule->too_big.router;
  return frame_builder_too_big(builder, &ends, rule->too_big.mtu, view->bytes + view->network,
                               view->frame_bytes - view->network, out, NULL);
}
