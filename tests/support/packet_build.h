#ifndef TESTS_SUPPORT_PACKET_BUILD_H
#define TESTS_SUPPORT_PACKET_BUILD_H

/* Decoded packets for tests of what comes behind the decoder. */

#include "wire/packet.h"

#include <stdint.h>

/* A connection's two addresses. Hosts are numbers: host 1 is 10.0.0.1, host 256 is 10.0.1.0. */
struct packet_path {
  uint32_t src_host, dst_host; /* below 2^24 */
  uint16_t src_port, dst_port;
};

/* ::ffff:10.x.y.z, as struct packet holds IPv4. */
struct ip_address packet_host(uint32_t host);
struct packet_path packet_path_back(struct packet_path path);

/* A TCP segment without options and with a good checksum; seq, ack, window are 0. */
struct packet packet_tcp(struct packet_path path, int64_t time_ns, uint64_t frame, uint16_t flags);

/* A SYN or SYN-ACK with the options of today: MSS 1460, SACK, timestamps, window scale 7. */
void packet_add_syn_options(struct packet *packet, uint32_t ts_val, uint32_t ts_ecr);

/* ARP request (opcode 1) or reply (2): `sender` asks for, or answers to, `target`. */
struct packet packet_arp(uint32_t sender, uint32_t target, uint8_t opcode, int64_t time_ns,
                         uint64_t frame);

#endif
