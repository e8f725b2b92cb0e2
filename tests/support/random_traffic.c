#include "tests/support/random_traffic.h"

#include "tests/support/packet_build.h"
#include "tests/support/random.h"
#include "wire/timestamp.h"

#define FIRST_NS (INT64_C(1700000000) * NS_PER_S)

struct random_traffic random_traffic_new(uint64_t seed, uint32_t flows, uint32_t mangled_per_mille,
                                         bool strange_times)
{
  return (struct random_traffic){.seed = seed,
                                 .flows = flows,
                                 .mangled_per_mille = mangled_per_mille,
                                 .strange_times = strange_times,
                                 .now_ns = FIRST_NS};
}

/* From back to back to minutes; most are short. */
static void pass_time(struct random_traffic *traffic)
{
  static const int64_t pauses_ns[] = {
      NS_PER_US,      NS_PER_US,      NS_PER_MS,       NS_PER_MS,    20 * NS_PER_MS,
      40 * NS_PER_MS, 90 * NS_PER_MS, 500 * NS_PER_MS, 3 * NS_PER_S, 90 * NS_PER_S};
  uint32_t scale = random_once_in(&traffic->seed, 8) ? random_below(&traffic->seed, 10)
                                                     : random_below(&traffic->seed, 6);
  traffic->now_ns += (int64_t)(random_next(&traffic->seed) % (uint64_t)pauses_ns[scale]);
}

static struct packet begin(struct random_traffic *traffic, uint32_t index, uint32_t side,
                           uint16_t flags)
{
  struct packet_path path = {1 + index % 3, 100, (uint16_t)(40000 + index), 80};
  if (side == 1)
    path = packet_path_back(path);
  const struct traffic_flow *flow = &traffic->flow[index];
  struct packet packet = packet_tcp(path, traffic->now_ns, ++traffic->frame, flags);
  packet.seq = flow->nxt[side];
  packet.ack = (flags & TCP_ACK) != 0 ? flow->una[side ^ 1] : 0;
  packet.window = flow->window[side];
  packet.options = TCP_OPT_TIMESTAMPS;
  packet.ts_val = (uint32_t)((traffic->now_ns - FIRST_NS) / NS_PER_MS) + side * 77777;
  packet.ts_ecr = packet.ts_val - side * 77777 + (side ^ 1) * 77777 - 10;
  return packet;
}

static struct packet syn(struct random_traffic *traffic, uint32_t index)
{
  struct traffic_flow *flow = &traffic->flow[index];
  bool answer = flow->open;
  if (!answer) {
    *flow = (struct traffic_flow){.open = true, .window = {500, 500}};
    flow->nxt[0] = flow->una[0] = (uint32_t)random_next(&traffic->seed);
    flow->nxt[1] = flow->una[1] = (uint32_t)random_next(&traffic->seed);
  }
  uint32_t side = answer ? 1 : 0;
  if (answer)
    flow->una[0] = flow->nxt[0];
  struct packet packet = begin(traffic, index, side, answer ? TCP_SYN | TCP_ACK : TCP_SYN);
  packet_add_syn_options(&packet, packet.ts_val, answer ? packet.ts_ecr : 0);
  flow->nxt[side]++;
  return packet;
}

static struct packet data(struct random_traffic *traffic, uint32_t index, uint32_t side)
{
  struct traffic_flow *flow = &traffic->flow[index];
  struct packet packet = begin(traffic, index, side, TCP_ACK);
  bool full = !random_once_in(&traffic->seed, 4);
  packet.payload_bytes = full ? 1448 : 1 + random_below(&traffic->seed, 4000);
  packet.captured_payload_bytes = packet.payload_bytes;
  if (!full)
    packet.flags |= TCP_PSH;
  if (random_once_in(&traffic->seed, 12)) { /* a segment before it is lost, or will come late */
    flow->nxt[side] += 1448;
    packet.seq += 1448;
  }
  flow->nxt[side] += packet.payload_bytes;
  return packet;
}

static struct packet retransmission(struct random_traffic *traffic, uint32_t index, uint32_t side)
{
  struct traffic_flow *flow = &traffic->flow[index];
  struct packet packet = begin(traffic, index, side, TCP_ACK);
  uint32_t outstanding = flow->nxt[side] - flow->una[side];
  packet.seq = flow->una[side] + random_below(&traffic->seed, outstanding + 1);
  if (random_once_in(&traffic->seed, 2))
    packet.seq = flow->una[side];
  uint32_t left = flow->nxt[side] - packet.seq;
  packet.payload_bytes = packet.captured_payload_bytes = left < 1448 ? left : 1448;
  return packet;
}

static struct packet acknowledgment(struct random_traffic *traffic, uint32_t index, uint32_t side)
{
  struct traffic_flow *flow = &traffic->flow[index];
  uint32_t outstanding = flow->nxt[side ^ 1] - flow->una[side ^ 1];
  uint32_t advance = outstanding;
  if (random_once_in(&traffic->seed, 4))
    advance = random_below(&traffic->seed, outstanding + 1);
  if (random_once_in(&traffic->seed, 20))
    flow->window[side] = (uint16_t)random_below(&traffic->seed, 3);
  else if (random_once_in(&traffic->seed, 4))
    flow->window[side] = (uint16_t)random_next(&traffic->seed);
  flow->una[side ^ 1] += advance;
  struct packet packet = begin(traffic, index, side, TCP_ACK);
  if (advance == 0 && outstanding > 0 && random_once_in(&traffic->seed, 2)) {
    packet.options |= TCP_OPT_SACK;
    packet.sack_count = 1;
    packet.sack[0].start = packet.ack + random_below(&traffic->seed, outstanding);
    packet.sack[0].end = flow->nxt[side ^ 1];
  }
  return packet;
}

static struct packet ending(struct random_traffic *traffic, uint32_t index, uint32_t side)
{
  struct traffic_flow *flow = &traffic->flow[index];
  if (random_once_in(&traffic->seed, 2)) {
    flow->open = false;
    return begin(traffic, index, side, TCP_RST | TCP_ACK);
  }
  struct packet packet = begin(traffic, index, side, TCP_FIN | TCP_ACK);
  flow->nxt[side]++;
  if (random_once_in(&traffic->seed, 3))
    flow->open = false; /* then the ports are used again */
  return packet;
}

static struct packet keepalive(struct random_traffic *traffic, uint32_t index, uint32_t side)
{
  struct packet packet = begin(traffic, index, side, TCP_ACK);
  packet.seq--;
  packet.payload_bytes = packet.captured_payload_bytes = random_below(&traffic->seed, 2);
  return packet;
}

static struct packet stranger(struct random_traffic *traffic, uint32_t index)
{
  struct packet packet =
      packet_arp(1 + index % 3, 100, 1 + (uint8_t)random_below(&traffic->seed, 2), traffic->now_ns,
                 ++traffic->frame);
  uint32_t side = random_below(&traffic->seed, 2);
  if (random_once_in(&traffic->seed, 2)) {
    packet = begin(traffic, index, side, 0);
    packet.kind = PACKET_ICMP_ERROR;
    packet.icmp_type = 3;
    packet.icmp_code = (uint8_t)random_below(&traffic->seed, 16);
    packet.quote = (struct packet_quote){.src = packet.src,
                                         .dst = packet.dst,
                                         .src_port = packet.src_port,
                                         .dst_port = packet.dst_port,
                                         .seq = packet.seq,
                                         .mtu = random_below(&traffic->seed, 1500)};
    packet.src_port = packet.dst_port = 0;
  }
  return packet;
}

static void mangle(struct random_traffic *traffic, struct packet *packet)
{
  uint64_t value = random_next(&traffic->seed);
  switch (random_below(&traffic->seed, 14)) {
  case 0: packet->seq = (uint32_t)value; break;
  case 1: packet->ack = (uint32_t)value; break;
  case 2: packet->flags = (uint16_t)(value & 0x1ff); break;
  case 3: packet->window = (uint16_t)value; break;
  case 4: packet->ts_val += (uint32_t)(value % (1u << 21)) - (1u << 20); break;
  case 5: packet->ts_ecr = (uint32_t)value; break;
  case 6: packet->options = (uint16_t)value; break;
  case 7: packet->payload_bytes = (uint32_t)value >> (value >> 59); break;
  case 8: packet->checksum = value & 3; break;
  case 9: packet->wscale = (uint8_t)value, packet->mss = (uint16_t)(value >> 8); break;
  case 10: packet->ttl = (uint8_t)value; break;
  case 11: packet->direction = (uint8_t)(value % 3); break;
  case 12: packet->seq += (uint32_t)(value % 20000) - 10000; break;
  default:
    if (packet->kind != PACKET_TCP)
      break;
    packet->sack_count = (uint8_t)(value % (PACKET_SACK_MAX + 1));
    for (unsigned i = 0; i < packet->sack_count; i++) {
      packet->sack[i].start = packet->ack + random_below(&traffic->seed, 30000) - 10000;
      packet->sack[i].end = random_once_in(&traffic->seed, 4)
                                ? (uint32_t)random_next(&traffic->seed)
                                : packet->sack[i].start + random_below(&traffic->seed, 5000);
    }
  }
}

static int64_t strange_time(struct random_traffic *traffic)
{
  static const int64_t times_ns[] = {TIME_INVALID, -1, INT64_MAX, 0, 1, INT64_MAX / 2, FIRST_NS};
  if (random_once_in(&traffic->seed, 2))
    return times_ns[random_below(&traffic->seed, 7)];
  return traffic->now_ns - (int64_t)random_below(&traffic->seed, 4000) * NS_PER_MS;
}

static struct packet choose(struct random_traffic *traffic)
{
  uint32_t index = random_below(&traffic->seed, traffic->flows);
  uint32_t side = random_once_in(&traffic->seed, 4) ? 1 : 0;
  const struct traffic_flow *flow = &traffic->flow[index];
  if (!flow->open || (flow->nxt[1] == flow->una[1] && random_once_in(&traffic->seed, 200)))
    return syn(traffic, index);
  switch (random_below(&traffic->seed, 64)) {
  case 0: return ending(traffic, index, side);
  case 1:
  case 2: return stranger(traffic, index);
  case 3:
  case 4:
  case 5: return keepalive(traffic, index, side);
  case 6:
  case 7:
  case 8:
  case 9:
  case 10:
  case 11: return retransmission(traffic, index, side);
  case 12: return syn(traffic, index);
  default: break;
  }
  return random_once_in(&traffic->seed, 2) ? data(traffic, index, side)
                                           : acknowledgment(traffic, index, side ^ 1);
}

struct packet random_traffic_next(struct random_traffic *traffic)
{
  pass_time(traffic);
  struct packet packet = choose(traffic);
  while (random_below(&traffic->seed, 1000) < traffic->mangled_per_mille)
    mangle(traffic, &packet);
  if (traffic->strange_times && random_once_in(&traffic->seed, 20))
    packet.time_ns = strange_time(traffic);
  return packet;
}
