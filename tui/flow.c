#include "tui/flow.h"

#include <stdlib.h>

/* What one end has seen up to a moment. */
struct seen {
  bool begun;
  int64_t next; /* behind the last byte that was sent */
  int64_t una;  /* behind the last byte that was acknowledged */
};

struct range {
  int64_t from, to;
};

static void see(struct seen *seen, const struct model_packet *packet, bool data)
{
  const int64_t end = packet->seq + packet->payload_bytes;
  if (!data && (packet->flags & TCP_ACK) == 0)
    return;
  if (!seen->begun) {
    seen->begun = true;
    seen->next = seen->una = data ? packet->seq : packet->ack;
  }
  if (data && end > seen->next)
    seen->next = end;
  if (!data && packet->ack > seen->una)
    seen->una = packet->ack;
}

static int compare_ranges(const void *left, const void *right)
{
  const struct range *a = left, *b = right;
  return a->from < b->from ? -1 : a->from > b->from;
}

static uint64_t covered(struct range *ranges, uint32_t count)
{
  int64_t sum = 0, at = INT64_MIN;
  if (count > 1)
    qsort(ranges, count, sizeof *ranges, compare_ranges);
  for (uint32_t i = 0; i < count; i++) {
    const int64_t from = ranges[i].from > at ? ranges[i].from : at;
    if (ranges[i].to > from) {
      sum += ranges[i].to - from;
      at = ranges[i].to;
    }
  }
  return (uint64_t)sum;
}

/* Bytes behind `from` that have arrived at that end, each once, whatever is missing before them. */
static uint64_t arrived_behind(const struct model_packets *packets, uint32_t count, uint8_t end,
                               enum stream_side side, int64_t from)
{
  uint32_t used = 0, capacity = 0;
  struct range *ranges = NULL;
  for (uint32_t i = 0; i < count; i++) {
    const struct model_packet *packet = &packets->list[i];
    const int64_t to = packet->seq + packet->payload_bytes;
    if (packet->kind != MODEL_TCP || packet->end != end || packet->side != side || to <= from ||
        packet->payload_bytes == 0)
      continue;
    if (used == capacity) {
      capacity = capacity == 0 ? 64 : capacity * 2;
      struct range *grown = realloc(ranges, capacity * sizeof *ranges);
      if (grown == NULL)
        break;
      ranges = grown;
    }
    ranges[used++] = (struct range){packet->seq > from ? packet->seq : from, to};
  }
  const uint64_t bytes = used > 0 ? covered(ranges, used) : 0;
  free(ranges);
  return bytes;
}

static uint64_t above(int64_t bytes)
{
  return bytes > 0 ? (uint64_t)bytes : 0;
}

/* How many packets there were by then. */
static uint32_t count_until(const struct model_packets *packets, int64_t time_ns)
{
  uint32_t low = 0, high = packets->count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (packets->list[middle].time_ns <= time_ns)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

struct flow flow_at(const struct model_packets *packets, const struct model_connection *connection,
                    enum stream_side side, int64_t time_ns)
{
  const uint32_t count = count_until(packets, time_ns);
  struct seen near = {.begun = false}, far = {.begun = false};
  struct flow flow = {.known = false};
  uint8_t ends[2];
  model_ends_of(connection, &ends[SIDE_CLIENT], &ends[SIDE_SERVER]);
  const uint8_t near_end = ends[side], far_end = ends[1 - side];
  for (uint32_t i = 0; i < count; i++) {
    const struct model_packet *packet = &packets->list[i];
    const bool data = packet->side == side;
    if (packet->kind != MODEL_TCP)
      continue;
    if (packet->end == near_end)
      see(&near, packet, data);
    if (packet->end == far_end)
      see(&far, packet, data);
    if (packet->end == near_end && !data && (packet->flags & TCP_ACK) != 0)
      flow.window_bytes = packet->window_bytes;
  }
  flow.known = near.begun;
  flow.outstanding_bytes = above(near.next - near.una);
  flow.two_ends = near_end != far_end && near.begun && far.begun;
  if (!flow.two_ends)
    return flow;
  flow.ack_bytes = above(far.una - near.una);
  flow.unacked_bytes = arrived_behind(packets, count, far_end, side, far.una);
  flow.path_bytes =
      above((int64_t)(flow.outstanding_bytes - flow.ack_bytes) - (int64_t)flow.unacked_bytes);
  if (flow.ack_bytes > flow.outstanding_bytes) /* the FIN has a number, too */
    flow.ack_bytes = flow.outstanding_bytes;
  return flow;
}
