#ifndef BENCH_SEGMENT_WRITER_H
#define BENCH_SEGMENT_WRITER_H

/* TCP segments over IPv4 and Ethernet into a pcap file (microseconds, little-endian), cut at 96
 * bytes. Payload is zeros and both checksums are right, also over what is not written. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SNAPLEN_BYTES 96

struct segment {
  uint32_t src_ip, dst_ip; /* host byte order */
  uint16_t src_port, dst_port;
  uint32_t seq, ack;
  uint32_t payload_bytes; /* below 65,000 */
  uint16_t window;
  uint16_t mss; /* not 0: a SYN's options (MSS, window scale, SACK permitted) */
  uint8_t flags;
  uint8_t wscale;
  uint8_t ttl;
  uint16_t id;             /* of the IP header */
  uint8_t sack_count;      /* 0 .. 3 */
  uint32_t ts_val, ts_ecr; /* always there */
  uint32_t sack[3][2];
};

struct far_end; /* far_end.h */

struct segment_writer {
  FILE *file;
  struct far_end *far; /* NULL: there is one capture only */
  uint16_t next_id;
  uint64_t packets;
  uint8_t *buffer;
  size_t used;
  bool failed;
};

/* 0, or -1 with errno. */
int segment_writer_open(struct segment_writer *writer, const char *path);
/* Flushes and closes: 0, or -1 if anything could not be written. */
int segment_writer_close(struct segment_writer *writer);
void segment_write(struct segment_writer *writer, int64_t time_ns, const struct segment *segment);

/* splitmix64: every state gives a good next number. */
static inline uint64_t random_next(uint64_t *state)
{
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

#endif
