#include "recording_cut.h"

#include "pcap_input.h"
#include "recording_reader.h"
#include "wire/pcapng_writer.h"
#include "wire/sample_format.h"

#include <errno.h>
#include <string.h>

#define SLOW_RECORDS_NS (2 * NS_PER_S)

enum {
  INTERFACES_MAX = 8,
  BLOCK_AROUND = 12,    /* a block's type, and its length twice */
  PACKET_HEAD = 20,     /* of an enhanced packet's body, before the bytes */
  PACKET_CAPTURED = 12, /* where its length is in there */
  PEN_SIZE = 4,         /* enterprise number of a custom option */
};

struct interface_copy {
  int64_t sampled_ns, slow_ns; /* when the last sample was, and the last of its slow records */
  uint32_t samples;
};

struct copy {
  struct recording_reader reader;
  FILE *out;
  const struct sample_cut *cut;
  int64_t first_ns;
  struct interface_copy interfaces[INTERFACES_MAX];
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

/* The option of a statistics block that holds a sample, or NULL. */
static const uint8_t *sample_of(struct pcapng_options options, struct sample_records *records,
                                size_t *length)
{
  struct pcapng_option option;
  while (pcapng_option_next(&options, &option)) {
    *length = option.length_bytes;
    if (option.code == PCAPNG_OPTION_CUSTOM_BINARY && option.length_bytes > PEN_SIZE &&
        sample_open(records, option.value + PEN_SIZE, option.length_bytes - PEN_SIZE) == SAMPLE_OK)
      return option.value;
  }
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

/* Quick samples of a socket that does not move on lack what the regular ones say of its host. */
static bool is_regular(struct sample_records records)
{
  struct sample_record record;
  while (sample_next(&records, &record))
    if (record.type == SAMPLE_LINK_STATISTICS)
      return true;
  return false;
}

/* What a device is need be said once, and its counters and the host's, which grow slowly, now and
 * then. */
static bool is_kept(uint16_t type, bool first, bool slow_due)
{
  switch (type) {
  case SAMPLE_LINK: return first;
  case SAMPLE_NETSTAT:
  case SAMPLE_LINK_STATISTICS: return slow_due;
  default: return true;
  }
}

/* The same statistics with fewer records in their sample, and its new number. */
static void put_sample(struct copy *copy, const struct pcapng_block *block, const uint8_t *option,
                       size_t length, struct sample_records records,
                       struct interface_copy *interface)
{
  static uint8_t body[PCAPNG_CUSTOM_BYTES_MAX + 1024];
  const size_t before = (size_t)(option - block->body) + PEN_SIZE;
  const uint8_t *behind = option + padded(length);
  const size_t rest = block->body_bytes - (size_t)(behind - block->body);
  const bool slow_due = interface->sampled_ns - interface->slow_ns >= SLOW_RECORDS_NS;
  if (before + length + rest > sizeof body)
    return;
  memcpy(body, block->body, before);
  struct sample_builder builder;
  struct sample_record record;
  sample_begin(&builder, body + before, length - PEN_SIZE, interface->samples++, records.last);
  while (sample_next(&records, &record))
    if (is_kept(record.type, interface->samples == 1, slow_due))
      sample_add(&builder, record.type, record.delay_ns, record.bytes, record.length_bytes);
  if (slow_due)
    interface->slow_ns = interface->sampled_ns;
  const uint16_t now_bytes = (uint16_t)(PEN_SIZE + builder.bytes_used);
  memcpy(body + before - PEN_SIZE - sizeof now_bytes, &now_bytes, sizeof now_bytes);
  memcpy(body + before - PEN_SIZE + padded(now_bytes), behind, rest);
  struct pcapng_block thinner = *block;
  thinner.body = body;
  thinner.body_bytes = (uint32_t)(before - PEN_SIZE + padded(now_bytes) + rest);
  thinner.total_bytes = thinner.body_bytes + BLOCK_AROUND;
  put_block(copy, &thinner);
}

static void copy_statistics(struct copy *copy, const struct pcapng_block *block)
{
  struct pcapng_statistics_record statistics;
  struct sample_records records;
  size_t length = 0;
  if (pcapng_statistics_read(&statistics, block, copy->reader.big_endian, &copy->reader.error) !=
          PCAPNG_OK ||
      statistics.interface >= INTERFACES_MAX)
    return;
  const int64_t time_ns = (int64_t)statistics.time_units;
  struct interface_copy *interface = &copy->interfaces[statistics.interface];
  const uint8_t *option = sample_of(statistics.options, &records, &length);
  if (option == NULL) {
    put_block(copy, block);
    return;
  }
  const int64_t every_ns = copy->cut->sample_every_ns * (is_regular(records) ? 1 : 2);
  const bool due = time_ns - interface->sampled_ns >= every_ns;
  if (is_needed(records) || (due && in_time(copy, time_ns))) {
    interface->sampled_ns = time_ns;
    put_sample(copy, block, option, length, records, interface);
  }
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
