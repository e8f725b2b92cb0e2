#include "cli/packet_strip.h"

#include <stdlib.h>
#include <string.h>

void packet_strip_begin(struct packet_strip *strip, struct model_packets *packets)
{
  *strip = (struct packet_strip){.packets = packets};
}

static uint8_t shift_of(const struct connection_summary *view, enum stream_side side)
{
  const struct stream_summary *stream = &view->streams[side];
  const struct stream_summary *other =
      &view->streams[side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT];
  const uint8_t shift = stream->wscale_state == WSCALE_KNOWN      ? stream->wscale
                        : stream->wscale_state == WSCALE_INFERRED ? stream->wscale_min
                                                                  : 0;
  if (other->wscale_state == WSCALE_ABSENT) /* both have to offer it (RFC 7323, 2.2) */
    return 0;
  return shift > 14 ? 14 : shift;
}

void packet_strip_view(struct packet_strip *strip, const struct connection_summary *view,
                       const uint32_t seq_shift[2])
{
  struct packet_strip_end *end = &strip->ends[view->end];
  end->client = view->client.address;
  end->server = view->server.address;
  for (int side = 0; side < 2; side++) {
    end->window_shift[side] = shift_of(view, (enum stream_side)side);
    end->seq_shift[side] = seq_shift != NULL ? seq_shift[side] : 0;
  }
}

static int64_t byte_of(struct packet_strip_numbers *numbers, uint32_t seq)
{
  if (!numbers->known) {
    numbers->known = true;
    numbers->first = seq;
  }
  /* the nearest to what was highest so far */
  const int64_t near = numbers->highest;
  const int64_t byte = near + (int32_t)(seq - numbers->first - (uint32_t)near);
  if (byte > numbers->highest)
    numbers->highest = byte;
  return byte;
}

static struct model_packet *append(struct packet_strip *strip)
{
  struct model_packets *packets = strip->packets;
  if (packets->count == MODEL_PACKETS_MAX) {
    packets->left_out++;
    return NULL;
  }
  if (packets->count == strip->capacity) {
    const uint32_t capacity = strip->capacity == 0 ? 1024 : strip->capacity * 2;
    struct model_packet *list = realloc(packets->list, capacity * sizeof *list);
    if (list == NULL) {
      strip->no_memory = true;
      return NULL;
    }
    packets->list = list;
    strip->capacity = capacity;
  }
  return &packets->list[packets->count++];
}

void packet_strip_add(struct packet_strip *strip, const struct packet *packet,
                      enum stream_side side)
{
  const enum stream_side other = side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
  struct packet_strip_numbers *own = &strip->numbers[side], *peer = &strip->numbers[other];
  struct packet_strip_end *end = &strip->ends[packet->end];
  const bool syn = (packet->flags & TCP_SYN) != 0;
  struct model_packet *to = append(strip);
  if (to == NULL)
    return;
  /* the SYN takes a number of its own, so that data begins with byte 0 */
  *to = (struct model_packet){
      .time_ns = packet->time_ns,
      .frame = packet->frame,
      .seq = byte_of(own, packet->seq + end->seq_shift[side] + (syn ? 1 : 0)),
      .payload_bytes = packet->payload_bytes,
      .window_bytes = (uint32_t)packet->window << (syn ? 0 : end->window_shift[side]),
      .flags = packet->flags,
      .end = packet->end,
      .side = (uint8_t)side,
      .sack_count = packet->sack_count,
      .ts_val = (packet->options & TCP_OPT_TIMESTAMPS) != 0 ? packet->ts_val : 0,
      .ip_id = (packet->facts & PACKET_IP_ID) != 0 ? packet->ip_id : 0};
  if ((packet->flags & TCP_ACK) != 0)
    to->ack = byte_of(peer, packet->ack + end->seq_shift[other]);
  if (packet->sack_count > 0) {
    to->sack[0] = byte_of(peer, packet->sack[0].start + end->seq_shift[other]);
    to->sack[1] = byte_of(peer, packet->sack[0].end + end->seq_shift[other]);
  }
  const int64_t last = to->seq + packet->payload_bytes;
  if (packet->payload_bytes == 0)
    return;
  to->again = end->reached[side].known && last <= end->reached[side].byte;
  if (!end->reached[side].known || last > end->reached[side].byte)
    end->reached[side].byte = last;
  end->reached[side].known = true;
}

static bool is_same(const struct ip_address *a, const struct ip_address *b)
{
  return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void packet_strip_foreign(struct packet_strip *strip, const struct packet *packet)
{
  const struct packet_strip_end *end = &strip->ends[packet->end];
  const bool by_client = is_same(&packet->src, &end->client);
  const bool by_server = is_same(&packet->src, &end->server) || is_same(&packet->dst, &end->client);
  struct model_packet *to = append(strip);
  if (to != NULL)
    *to = (struct model_packet){.time_ns = packet->time_ns,
                                .frame = packet->frame,
                                .end = packet->end,
                                .side = by_server && !by_client ? SIDE_SERVER : SIDE_CLIENT,
                                .kind = MODEL_FOREIGN};
}

static int compare_packets(const void *left, const void *right)
{
  const struct model_packet *a = left, *b = right;
  if (a->time_ns != b->time_ns)
    return a->time_ns < b->time_ns ? -1 : 1;
  if (a->end != b->end)
    return a->end < b->end ? -1 : 1;
  return a->frame < b->frame ? -1 : a->frame > b->frame;
}

/* Without a SYN the first byte seen is taken for byte 0, and earlier ones may come later: the
 * earliest is. */
static void begin_at_zero(const struct packet_strip *strip)
{
  struct model_packets *packets = strip->packets;
  int64_t earliest[2] = {0, 0};
  for (uint32_t i = 0; i < packets->count; i++) {
    const struct model_packet *packet = &packets->list[i];
    const int other = packet->side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
    if ((packet->flags & TCP_SYN) != 0)
      return;
    if (packet->kind == MODEL_TCP && packet->seq < earliest[packet->side])
      earliest[packet->side] = packet->seq;
    if (packet->kind == MODEL_TCP && packet->ack < earliest[other])
      earliest[other] = packet->ack;
  }
  for (uint32_t i = 0; i < packets->count; i++) {
    struct model_packet *packet = &packets->list[i];
    const int other = packet->side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
    if (packet->kind != MODEL_TCP)
      continue;
    packet->seq -= earliest[packet->side];
    packet->ack -= earliest[other];
    packet->sack[0] -= packet->sack_count > 0 ? earliest[other] : 0;
    packet->sack[1] -= packet->sack_count > 0 ? earliest[other] : 0;
  }
}

int packet_strip_finish(struct packet_strip *strip)
{
  begin_at_zero(strip);
  if (strip->packets->count > 1)
    qsort(strip->packets->list, strip->packets->count, sizeof *strip->packets->list,
          compare_packets);
  return strip->no_memory ? -1 : 0;
}
