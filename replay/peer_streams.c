#include "replay/peer_streams.h"

#include "wire/seq.h"

#define LOOK_FIRST     64 /* packets, for the first number of a stream without SYN */
#define WSCALE_MAX     14 /* RFC 7323, 2.3 */
#define WINDOW_ASSUMED 65535

static uint8_t sane_scale(uint8_t wscale)
{
  return wscale > WSCALE_MAX ? WSCALE_MAX : wscale;
}

bool peer_is_tcp(const struct recorded_packet *recorded, enum recording_side from)
{
  return recorded->packet.kind == PACKET_TCP && recorded->from == from;
}

void peer_stream_begin(struct rebase_stream *stream, const struct recording_point *point,
                       enum recording_side side)
{
  bool found = false;
  uint32_t lowest = 0;
  for (size_t i = 0; i < point->packet_count && i < LOOK_FIRST; i++) {
    const struct recorded_packet *recorded = &point->packets[i];
    const struct packet *packet = &recorded->packet;
    const bool own = recorded->from == side;
    if (packet->kind != PACKET_TCP || recorded->from == RECORDING_FOREIGN ||
        (!own && !(packet->flags & TCP_ACK)))
      continue;
    const uint32_t number = own ? packet->seq : packet->ack;
    if (!found || seq_lt(number, lowest))
      lowest = number;
    found = true;
  }
  if (found)
    rebase_begin(stream, lowest - 1);
}

struct peer_syn peer_syn_of(const struct packet *syn)
{
  return (struct peer_syn){.window = syn->window,
                           .mss = syn->options & TCP_OPT_MSS ? syn->mss : 0,
                           .has_wscale = (syn->options & TCP_OPT_WSCALE) != 0,
                           .wscale = sane_scale(syn->wscale),
                           .sack_permitted = (syn->options & TCP_OPT_SACK_PERMITTED) != 0,
                           .timestamps = (syn->options & TCP_OPT_TIMESTAMPS) != 0};
}

struct peer_syn peer_syn_assumed(const struct recorded_host *host)
{
  return (struct peer_syn){.window = host->syn_window > 0 ? host->syn_window : WINDOW_ASSUMED,
                           .mss = host->mss,
                           .has_wscale = host->window_scaling,
                           .wscale = sane_scale(host->wscale),
                           .sack_permitted = host->sack,
                           .timestamps = host->timestamps};
}
