#include "recording_cut.h"

#include "pcap_input.h"
#include "recording_reader.h"
#include "wire/sample_format.h"

#include <errno.h>
#include <string.h>

enum {
  INTERFACES_MAX = 8,
  BLOCK_AROUND = 12,    /* a block's type, and its length twice */
  PACKET_HEAD = 20,     /* of an enhanced packet's body, before the bytes */
  PACKET_CAPTURED = 12, /* where its length is in there */
  PEN_SIZE = 4,         /* enterprise number of a custom option */
  SAMPLE_NUMBER = 12,   /* where its number is behind that */
};

struct copy {
  struct recording_reader reader;
  FILE *out;
  const struct sample_cut *cut;
  int64_t first_ns;
  struct {
    int64_t sampled_ns;
    uint32_t samples;
  } interfaces[INTERFACES_MAX];
};

static size_t padded(size_t size)
{
  return (size + 3) & ~(size_t)3;
}

static void put_block(struct copy *copy, const struct pcapng_block *block)
{
  const uint32_t total = block->total_bytes;
  fwrite(&block->type, sizeof block->type, 1, copy->out);
  fwrite(&total, sizeof total, 1, copy->out);
  fwrite(block->body, block->body_bytes, 1, copy->out);
  fwrite(&total, sizeof total, 1, copy->out);
}

static bool in_time(const struct copy *copy, int64_t time_ns)
{
  const double at_s = (double)(time_ns - copy->first_ns) / (double)NS_PER_S;
  return at_s >= copy->cut->from_s && at_s <= copy->cut->to_s;
}

static void copy_frame(struct copy *copy, const struct pcapng_block *block,
                       const struct pcapng_packet_record *packet)
{
  static uint8_t body[LAB_FRAME_BYTES + 1024];
  const uint32_t kept = frame_kept_bytes(packet->bytes, packet->captured_bytes, copy->cut->payload);
  const size_t data = padded(packet->captured_bytes),
               options = block->body_bytes - PACKET_HEAD - data;
  if (!in_time(copy, (int64_t)packet->time_units) || PACKET_HEAD + data + options > sizeof body)
    return;
  memset(body, 0, PACKET_HEAD + padded(kept));
  memcpy(body, block->body, PACKET_HEAD);
  memcpy(body + PACKET_CAPTURED, &kept, sizeof kept);
  memcpy(body + PACKET_HEAD, packet->bytes, kept);
  memcpy(body + PACKET_HEAD + padded(kept), block->body + PACKET_HEAD + data, options);
  struct pcapng_block shorter = *block;
  shorter.body = body;
  shorter.body_bytes = (uint32_t)(PACKET_HEAD + padded(kept) + options);
  shorter.total_bytes = shorter.body_bytes + BLOCK_AROUND;
  put_block(copy, &shorter);
}

/* The sample of a statistics block, and where its number is; NULL: it has none. */
static uint8_t *sample_of(struct pcapng_options options, struct sample_records *records)
{
  struct pcapng_option option;
  while (pcapng_option_next(&options, &option))
    if (option.code == PCAPNG_OPTION_CUSTOM_BINARY && option.length_bytes > PEN_SIZE &&
        sample_open(records, option.value + PEN_SIZE, option.length_bytes - PEN_SIZE) == SAMPLE_OK)
      return (uint8_t *)(uintptr_t)option.value + PEN_SIZE + SAMPLE_NUMBER;
  return NULL;
}

/* Some stay, however close together: where a socket is gone, and what describes all that follows.
 */
static bool is_needed(struct sample_records records)
{
  struct sample_record record;
  bool needed = records.last || records.number == 0;
  while (sample_next(&records, &record))
    needed = needed || record.type == SAMPLE_SOCKET_GONE || record.type == SAMPLE_HEADER;
  return needed;
}

static void copy_statistics(struct copy *copy, const struct pcapng_block *block)
{
  struct pcapng_statistics_record statistics;
  struct sample_records records;
  if (pcapng_statistics_read(&statistics, block, copy->reader.big_endian, &copy->reader.error) !=
          PCAPNG_OK ||
      statistics.interface >= INTERFACES_MAX)
    return;
  const int64_t time_ns = (int64_t)statistics.time_units;
  int64_t *const sampled_ns = &copy->interfaces[statistics.interface].sampled_ns;
  uint32_t *const samples = &copy->interfaces[statistics.interface].samples;
  uint8_t *number = sample_of(statistics.options, &records);
  if (number != NULL) {
    const bool due = time_ns - *sampled_ns >= copy->cut->sample_every_ns;
    if (!is_needed(records) && !(due && in_time(copy, time_ns)))
      return;
    *sampled_ns = time_ns;
    memcpy(number, samples, sizeof *samples);
    ++*samples;
  }
  put_block(copy, block);
}

static void copy_blocks(struct copy *copy)
{
  struct pcapng_block block;
  struct pcapng_packet_record packet;
  copy->first_ns = INT64_MAX;
  while (recording_reader_next(&copy->reader, &block))
    if (recording_reader_frame(&copy->reader, &block, &packet) &&
        (int64_t)packet.time_units < copy->first_ns)
      copy->first_ns = (int64_t)packet.time_units;
  copy->reader.at = 0;
  while (recording_reader_next(&copy->reader, &block)) {
    if (recording_reader_frame(&copy->reader, &block, &packet))
      copy_frame(copy, &block, &packet);
    else if (block.type == PCAPNG_INTERFACE_STATISTICS)
      copy_statistics(copy, &block);
    else
      put_block(copy, &block);
  }
}

const char *recording_cut(const char *out, const char *recording, const struct sample_cut *cut)
{
  static struct copy copy;
  copy = (struct copy){.cut = cut};
  if (!recording_reader_open(&copy.reader, recording))
    return "cannot be read";
  copy.out = fopen(out, "wb");
  if (copy.out == NULL) {
    recording_reader_close(&copy.reader);
    return strerror(errno);
  }
  copy_blocks(&copy);
  const bool whole = recording_reader_close(&copy.reader);
  if (fclose(copy.out) != 0)
    return strerror(errno);
  return whole ? NULL : "damaged";
}
