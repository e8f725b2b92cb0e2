#include "tests/support/packet_build.h"

struct ip_address packet_host(uint32_t host)
{
  return (struct ip_address){{[10] = 0xff,
                              [11] = 0xff,
                              [12] = 10,
                              [13] = (uint8_t)(host >> 16),
                              [14] = (uint8_t)(host >> 8),
                              [15] = (uint8_t)host}};
}

struct packet_path packet_path_back(struct packet_path path)
{
  return (struct packet_path){path.dst_host, path.src_host, path.dst_port, path.src_port};
}

struct packet packet_tcp(struct packet_path path, int64_t time_ns, uint64_t frame, uint16_t flags)
{
  return (struct packet){.time_ns = time_ns,
                         .frame = frame,
                         .kind = PACKET_TCP,
                         .ip_version = 4,
                         .frame_bytes = 54,
                         .src = packet_host(path.src_host),
                         .dst = packet_host(path.dst_host),
                         .ttl = 64,
                         .facts = PACKET_TTL_VALID,
                         .checksum = CHECKSUM_GOOD,
                         .src_port = path.src_port,
                         .dst_port = path.dst_port,
                         .flags = flags};
}

void packet_add_syn_options(struct packet *packet, uint32_t ts_val, uint32_t ts_ecr)
{
  packet->options = TCP_OPT_MSS | TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS | TCP_OPT_WSCALE;
  packet->mss = 1460;
  packet->wscale = 7;
  packet->ts_val = ts_val;
  packet->ts_ecr = ts_ecr;
}

struct packet packet_arp(uint32_t sender, uint32_t target, uint8_t opcode, int64_t time_ns,
                         uint64_t frame)
{
  return (struct packet){.time_ns = time_ns,
                         .frame = frame,
                         .kind = PACKET_ARP,
                         .frame_bytes = 42,
                         .src = packet_host(sender),
                         .dst = packet_host(target),
                         .icmp_type = opcode};
}
