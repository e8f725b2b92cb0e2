#include "tests/bench/segment_writer.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES   (1u << 20)
#define RECORD_BYTES   16u
#define ETHERNET_BYTES 14u
#define IP_BYTES       20u
#define TCP_BYTES      20u

static uint8_t *put16(uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
  return at + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
  return put16(put16(at, value >> 16), value & 0xffff);
}

static void put32le(uint8_t *at, uint32_t value)
{
  for (int i = 0; i < 4; i++)
    at[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t sum16(const uint8_t *at, size_t size, uint32_t sum)
{
  for (size_t i = 0; i + 1 < size; i += 2)
    sum += (uint32_t)at[i] << 8 | at[i + 1];
  return sum;
}

static uint16_t fold(uint32_t sum)
{
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

int segment_writer_open(struct segment_writer *writer, const char *path)
{
  static const uint8_t header[24] = {0xd4, 0xc3, 0xb2, 0xa1,          2, 0, 4, 0, 0, 0, 0, 0, 0,
                                     0,    0,    0,    SNAPLEN_BYTES, 0, 0, 0, 1, 0, 0, 0};
  *writer = (struct segment_writer){.file = fopen(path, "wb"), .buffer = malloc(BUFFER_BYTES)};
  if (!writer->file || !writer->buffer) {
    free(writer->buffer);
    return -1;
  }
  memcpy(writer->buffer, header, sizeof header);
  writer->used = sizeof header;
  return 0;
}

static void flush(struct segment_writer *writer)
{
  if (fwrite(writer->buffer, 1, writer->used, writer->file) != writer->used)
    writer->failed = true;
  writer->used = 0;
}

int segment_writer_close(struct segment_writer *writer)
{
  flush(writer);
  if (fclose(writer->file) != 0)
    writer->failed = true;
  free(writer->buffer);
  return writer->failed ? -1 : 0;
}

static uint8_t *put_options(uint8_t *at, const struct segment *segment)
{
  if (segment->mss != 0) {
    at = put32(at, 0x02040000u | segment->mss);
    at = put16(at, 0x0402); /* SACK permitted */
    at = put16(at, 0x080a);
    at = put32(put32(at, segment->ts_val), segment->ts_ecr);
    return put32(at, 0x01030300u | segment->wscale);
  }
  at = put32(at, 0x0101080a);
  at = put32(put32(at, segment->ts_val), segment->ts_ecr);
  if (segment->sack_count > 0) {
    at = put32(at, 0x01010500u | (2u + 8u * segment->sack_count));
    for (unsigned i = 0; i < segment->sack_count; i++)
      at = put32(put32(at, segment->sack[i][0]), segment->sack[i][1]);
  }
  return at;
}

static void put_ip(uint8_t *ip, const struct segment *segment, uint32_t total_bytes, uint32_t id)
{
  uint8_t *at = put32(ip, 0x45000000u | total_bytes);
  at = put32(at, (id & 0xffff) << 16 | 0x4000); /* don't fragment */
  at = put32(at, (uint32_t)segment->ttl << 24 | 6u << 16);
  put32(put32(at, segment->src_ip), segment->dst_ip);
  put16(ip + 10, fold(sum16(ip, IP_BYTES, 0)));
}

void segment_write(struct segment_writer *writer, int64_t time_ns, const struct segment *segment)
{
  if (writer->used + RECORD_BYTES + SNAPLEN_BYTES > BUFFER_BYTES)
    flush(writer);
  uint8_t *record = writer->buffer + writer->used, *frame = record + RECORD_BYTES;
  uint8_t *ip = frame + ETHERNET_BYTES, *tcp = ip + IP_BYTES;
  memset(frame, 0, SNAPLEN_BYTES);
  frame[5] = 1, frame[11] = 2, frame[12] = 8; /* locally meaningless addresses, type IPv4 */

  uint8_t *options_end = put_options(tcp + TCP_BYTES, segment);
  uint32_t tcp_bytes = (uint32_t)(options_end - tcp);
  uint8_t *at = put32(tcp, (uint32_t)segment->src_port << 16 | segment->dst_port);
  at = put32(put32(at, segment->seq), segment->ack);
  put32(at, tcp_bytes / 4 << 28 | (uint32_t)segment->flags << 16 | segment->window);
  uint32_t pseudo = 6 + tcp_bytes + segment->payload_bytes;
  put16(tcp + 16, fold(sum16(tcp, tcp_bytes,
                             pseudo + (segment->src_ip >> 16) + (segment->src_ip & 0xffff) +
                                 (segment->dst_ip >> 16) + (segment->dst_ip & 0xffff))));
  put_ip(ip, segment, IP_BYTES + tcp_bytes + segment->payload_bytes, segment->id);

  uint32_t original = ETHERNET_BYTES + IP_BYTES + tcp_bytes + segment->payload_bytes;
  uint32_t captured = original < SNAPLEN_BYTES ? original : SNAPLEN_BYTES;
  put32le(record, (uint32_t)(time_ns / 1000000000));
  put32le(record + 4, (uint32_t)(time_ns % 1000000000 / 1000));
  put32le(record + 8, captured);
  put32le(record + 12, original);
  writer->used += RECORD_BYTES + captured;
  writer->packets++;
}
