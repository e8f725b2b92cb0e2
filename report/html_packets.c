#include "report/html_drawn.h"

#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

/* ---- numbers become bytes of the streams ---- */

/* The nearest to what was highest so far at this end. */
static int64_t byte_of(struct html_drawn *drawn, struct html_view *view, enum stream_side side,
                       uint32_t number)
{
  if (!drawn->first_known[side]) {
    drawn->first_known[side] = true;
    drawn->first[side] = number;
  }
  const int64_t near = view->highest[side];
  const int64_t byte = near + (int32_t)(number - drawn->first[side] - (uint32_t)near);
  if (byte > near)
    view->highest[side] = byte;
  return byte;
}

static void note_reached(struct html_view *view, enum stream_side side, struct html_packet *to)
{
  const int64_t last = to->seq + to->payload_bytes;
  if (to->payload_bytes == 0)
    return;
  if (view->reached_known[side] && last <= view->reached[side])
    to->marks |= HTML_AGAIN;
  else
    view->reached[side] = last;
  view->reached_known[side] = true;
}

static uint32_t flight_of(const struct html_view *view, enum stream_side side)
{
  const int64_t flight = view->sent[side] - view->acked[side];
  if (!view->sent_known[side] || !view->acked_known[side] || flight <= 0)
    return 0;
  return flight < UINT32_MAX ? (uint32_t)flight : UINT32_MAX;
}

/* What is in flight is known only while all packets pass by: later some are left out. */
static void note_flight(struct html_view *view, enum stream_side side, struct html_packet *to)
{
  const enum stream_side other = html_other(side);
  const int64_t last = to->seq + to->payload_bytes;
  if (!view->sent_known[side] || last > view->sent[side])
    view->sent[side] = last;
  view->sent_known[side] = true;
  if ((to->flags & TCP_ACK) != 0) {
    if (!view->acked_known[other] || to->ack > view->acked[other])
      view->acked[other] = to->ack;
    view->acked_known[other] = true;
  }
  to->own_flight_bytes = flight_of(view, side);
  to->other_flight_bytes = flight_of(view, other);
}

/* ---- the list ---- */

static struct html_packet *append(struct html_drawn *drawn)
{
  if (drawn->count >= (drawn->full_at > 0 ? drawn->full_at : 2 * drawn->limit))
    html_reduce(drawn);
  if (drawn->count == drawn->capacity) {
    const uint32_t capacity = drawn->capacity == 0 ? 256 : drawn->capacity * 2;
    struct html_packet *list = realloc(drawn->list, capacity * sizeof *list);
    if (list == NULL)
      return NULL;
    drawn->list = list;
    drawn->capacity = capacity;
  }
  struct html_packet *to = &drawn->list[drawn->count++];
  *to = (struct html_packet){.other = UINT32_MAX};
  return to;
}

static void fill_common(struct html_packet *to, const struct packet *packet)
{
  to->time_ns = packet->time_ns;
  to->frame = packet->frame;
  to->end = packet->end;
  to->kind = packet->kind;
  to->frame_bytes = packet->frame_bytes;
}

static void fill_options(struct html_packet *to, const struct packet *packet)
{
  to->options = packet->options;
  to->mss = (packet->options & TCP_OPT_MSS) != 0 ? packet->mss : 0;
  to->wscale = (packet->options & TCP_OPT_WSCALE) != 0 ? packet->wscale : 0;
  if ((packet->options & TCP_OPT_TIMESTAMPS) != 0) {
    to->ts_val = packet->ts_val;
    to->ts_ecr = packet->ts_ecr;
  }
}

bool html_packets_add(struct html_drawn *drawn, struct html_view *view, const struct packet *packet,
                      enum stream_side side, uint8_t marks)
{
  const enum stream_side other = html_other(side);
  const bool syn = (packet->flags & TCP_SYN) != 0;
  struct html_packet *to = append(drawn);
  if (to == NULL)
    return false;
  fill_common(to, packet);
  fill_options(to, packet);
  to->side = (uint8_t)side;
  to->flags = packet->flags;
  to->marks = marks;
  to->payload_bytes = packet->payload_bytes;
  to->window_bytes = (uint32_t)packet->window << (syn ? 0 : view->window_shift[side]);
  /* the SYN takes a number of its own, so that data begins with byte 0 */
  to->seq = byte_of(drawn, view, side, packet->seq + view->seq_shift[side] + (syn ? 1 : 0));
  if ((packet->flags & TCP_ACK) != 0)
    to->ack = byte_of(drawn, view, other, packet->ack + view->seq_shift[other]);
  to->sack_count = packet->sack_count < PACKET_SACK_MAX ? packet->sack_count : PACKET_SACK_MAX;
  for (unsigned i = 0; i < to->sack_count; i++) {
    to->sack[i][0] = byte_of(drawn, view, other, packet->sack[i].start + view->seq_shift[other]);
    to->sack[i][1] = byte_of(drawn, view, other, packet->sack[i].end + view->seq_shift[other]);
  }
  note_reached(view, side, to);
  note_flight(view, side, to);
  if (html_reduce_is_focus(drawn, packet->time_ns, packet->time_ns))
    to->marks |= HTML_FOCUS;
  return true;
}

static bool is_same(const struct ip_address *a, const struct ip_address *b)
{
  return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static const struct html_view *view_of(const struct html_drawn *drawn, uint8_t end)
{
  for (uint32_t i = 0; i < drawn->view_count; i++)
    if (drawn->views[i].end == end)
      return &drawn->views[i];
  return NULL;
}

/* The client's, unless its addresses say that it is the server's. */
bool html_packets_add_foreign(struct html_drawn *drawn, const struct packet *packet)
{
  const struct html_view *view = view_of(drawn, packet->end);
  struct html_packet *to = append(drawn);
  if (to == NULL)
    return false;
  fill_common(to, packet);
  to->marks = HTML_FOREIGN | HTML_EVIDENCE;
  if (view == NULL)
    return true;
  const bool by_client = is_same(&packet->src, &view->client.address);
  const bool by_server =
      is_same(&packet->src, &view->server.address) || is_same(&packet->dst, &view->client.address);
  to->side = by_server && !by_client ? SIDE_SERVER : SIDE_CLIENT;
  return true;
}

static int compare_packets(const void *left, const void *right)
{
  const struct html_packet *a = left, *b = right;
  if (a->time_ns != b->time_ns)
    return a->time_ns < b->time_ns ? -1 : 1;
  if (a->end != b->end)
    return a->end < b->end ? -1 : 1;
  return a->frame < b->frame ? -1 : a->frame > b->frame;
}

/* Without a SYN the first byte seen is taken for byte 0, and earlier ones may come later: the
 * earliest is. */
static void begin_at_zero(struct html_drawn *drawn)
{
  int64_t earliest[2] = {0, 0};
  for (uint32_t i = 0; i < drawn->count; i++) {
    const struct html_packet *packet = &drawn->list[i];
    const enum stream_side other = html_other((enum stream_side)packet->side);
    if ((packet->marks & HTML_FOREIGN) != 0)
      continue;
    if ((packet->flags & TCP_SYN) != 0)
      return;
    if (packet->seq < earliest[packet->side])
      earliest[packet->side] = packet->seq;
    if ((packet->flags & TCP_ACK) != 0 && packet->ack < earliest[other])
      earliest[other] = packet->ack;
  }
  for (uint32_t i = 0; i < drawn->count; i++) {
    struct html_packet *packet = &drawn->list[i];
    const enum stream_side other = html_other((enum stream_side)packet->side);
    if ((packet->marks & HTML_FOREIGN) != 0)
      continue;
    packet->seq -= earliest[packet->side];
    packet->ack -= (packet->flags & TCP_ACK) != 0 ? earliest[other] : 0;
    for (unsigned k = 0; k < packet->sack_count; k++) {
      packet->sack[k][0] -= earliest[other];
      packet->sack[k][1] -= earliest[other];
    }
  }
}

void html_packets_finish(struct html_drawn *drawn)
{
  if (drawn->count > drawn->limit)
    html_reduce(drawn);
  begin_at_zero(drawn);
  if (drawn->count > 1)
    qsort(drawn->list, drawn->count, sizeof *drawn->list, compare_packets);
}

uint32_t html_packets_from(const struct html_drawn *drawn, int64_t time_ns)
{
  uint32_t low = 0, high = drawn->count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (drawn->list[middle].time_ns < time_ns)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}
