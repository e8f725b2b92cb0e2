#include "recording_tool.h"

#include "pcap_input.h"
#include "wire/pcapng_format.h"
#include "wire/sample_format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
  INTERFACES_MAX = 8,
  BLOCK_AROUND = 12,      /* a block's type, and its length twice */
  PACKET_HEAD = 20,       /* of an enhanced packet's body, before the bytes */
  PACKET_CAPTURED = 12,   /* where its length is in there */
  PEN_SIZE = 4,           /* enterprise number of a custom option */
  SAMPLE_NUMBER = 12,     /* where its number is behind that */
  DIFFERENCES_SHOWN = 10, /* of each capture */
  CLOCK_READ_NS = 2000000 /* two captures stamp the same frame no further apart */
};

static uint8_t *read_whole(const char *name, size_t *size)
{
  FILE *file = fopen(name, "rb");
  if (file == NULL)
    return NULL;
  uint8_t *bytes = NULL;
  if (fseek(file, 0, SEEK_END) == 0 && ftell(file) > 0) {
    *size = (size_t)ftell(file);
    rewind(file);
    bytes = malloc(*size);
    if (bytes != NULL && fread(bytes, 1, *size, file) != *size) {
      free(bytes);
      bytes = NULL;
    }
  }
  fclose(file);
  return bytes;
}

struct reader {
  uint8_t *bytes;
  size_t size, at;
  bool big_endian;
  struct error error;
};

static bool reader_next(struct reader *reader, struct pcapng_block *block)
{
  size_t needed;
  if (pcapng_block_read(block, &reader->big_endian, reader->bytes + reader->at,
                        reader->size - reader->at, &needed, &reader->error) != PCAPNG_OK)
    return false;
  reader->at += block->total_bytes;
  return true;
}

/* The frame of a block, or false if it has none. The recorder's times are nanoseconds. */
static bool frame_of(const struct reader *reader, const struct pcapng_block *block,
                     struct pcapng_packet_record *packet)
{
  struct error error;
  return block->type == PCAPNG_ENHANCED_PACKET &&
         pcapng_packet_read(packet, block, reader->big_endian, 0, &error) == PCAPNG_OK;
}

/* --- Cutting ---------------------------------------------------------------------------------- */

struct copy {
  struct reader reader;
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
  while (reader_next(&copy->reader, &block))
    if (frame_of(&copy->reader, &block, &packet) && (int64_t)packet.time_units < copy->first_ns)
      copy->first_ns = (int64_t)packet.time_units;
  copy->reader.at = 0;
  while (reader_next(&copy->reader, &block)) {
    if (frame_of(&copy->reader, &block, &packet))
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
  copy.reader.bytes = read_whole(recording, &copy.reader.size);
  if (copy.reader.bytes == NULL)
    return "cannot be read";
  copy.out = fopen(out, "wb");
  if (copy.out == NULL) {
    free(copy.reader.bytes);
    return strerror(errno);
  }
  copy_blocks(&copy);
  const bool whole = copy.reader.at == copy.reader.size;
  free(copy.reader.bytes);
  if (fclose(copy.out) != 0)
    return strerror(errno);
  return whole ? NULL : "damaged";
}

/* --- Comparing -------------------------------------------------------------------------------- */

struct frame_mark {
  int64_t time_ns;
  uint32_t captured, original;
  uint64_t hash;
};

struct frame_marks {
  struct frame_mark *marks;
  size_t count, capacity;
};

static void mark_frame(struct frame_marks *frames, int64_t time_ns, const uint8_t *bytes,
                       uint32_t captured, uint32_t original)
{
  if (frames->count == frames->capacity) {
    frames->capacity = frames->capacity == 0 ? 1024 : frames->capacity * 2;
    frames->marks = realloc(frames->marks, frames->capacity * sizeof *frames->marks);
    if (frames->marks == NULL)
      abort();
  }
  uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
  for (uint32_t i = 0; i < captured; i++)
    hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
  frames->marks[frames->count++] = (struct frame_mark){time_ns, captured, original, hash};
}

static int compare_content(const struct frame_mark *x, const struct frame_mark *y)
{
  if (x->hash != y->hash)
    return x->hash < y->hash ? -1 : 1;
  if (x->original != y->original)
    return x->original < y->original ? -1 : 1;
  return x->captured == y->captured ? 0 : x->captured < y->captured ? -1 : 1;
}

static int compare_marks(const void *left, const void *right)
{
  const struct frame_mark *x = left, *y = right;
  const int content = compare_content(x, y);
  if (content != 0 || x->time_ns == y->time_ns)
    return content;
  return x->time_ns < y->time_ns ? -1 : 1;
}

static bool mark_recording(struct frame_marks *frames, const char *name, uint32_t end)
{
  struct reader reader = {0};
  struct pcapng_block block;
  struct pcapng_packet_record packet;
  reader.bytes = read_whole(name, &reader.size);
  if (reader.bytes == NULL)
    return false;
  while (reader_next(&reader, &block))
    if (frame_of(&reader, &block, &packet) && packet.interface == end)
      mark_frame(frames, (int64_t)packet.time_units, packet.bytes, packet.captured_bytes,
                 packet.original_bytes);
  const bool whole = reader.at == reader.size;
  free(reader.bytes);
  return whole;
}

static bool mark_capture(struct frame_marks *frames, const char *name)
{
  static struct pcap_input in;
  if (!pcap_input_open(&in, name, "rb"))
    return false;
  while (pcap_input_next(&in))
    mark_frame(frames, in.time_ns, in.bytes, in.record.captured, in.record.original);
  return fclose(in.file) == 0;
}

static void show(const char *where, const struct frame_mark *mark, long differences)
{
  if (differences < DIFFERENCES_SHOWN)
    printf("only in %s: %" PRId64 ".%09" PRId64 ", %" PRIu32 " bytes\n", where,
           mark->time_ns / NS_PER_S, mark->time_ns % NS_PER_S, mark->original);
}

/* The order of two frames as a pair of captures on one device tells them apart: the same content,
 * and nearly the same time, as each may have looked at the clock by itself, are the same frame. */
static int order_of(const struct frame_marks *recorded, size_t i,
                    const struct frame_marks *captured, size_t k)
{
  if (i == recorded->count || k == captured->count)
    return i == recorded->count ? 1 : -1;
  const struct frame_mark *x = &recorded->marks[i], *y = &captured->marks[k];
  const int64_t later_ns = x->time_ns - y->time_ns;
  const bool same = compare_content(x, y) == 0;
  return same && later_ns <= CLOCK_READ_NS && later_ns >= -CLOCK_READ_NS ? 0 : compare_marks(x, y);
}

/* Both sorted; of the recording only what lies in the capture's time, from first to last, counts.
 */
static long count_differences(const struct frame_marks *recorded,
                              const struct frame_marks *captured, int64_t first_ns, int64_t last_ns)
{
  long differences = 0;
  size_t i = 0, k = 0;
  while (i < recorded->count || k < captured->count) {
    const int order = order_of(recorded, i, captured, k);
    if (order > 0) {
      show("the capture", &captured->marks[k], differences++);
    } else if (order < 0) {
      const struct frame_mark *mark = &recorded->marks[i];
      if (mark->time_ns >= first_ns && mark->time_ns <= last_ns)
        show("the recording", mark, differences++);
    }
    i += order <= 0;
    k += order >= 0;
  }
  return differences;
}

static void sort_marks(struct frame_marks *frames)
{
  if (frames->count > 0)
    qsort(frames->marks, frames->count, sizeof *frames->marks, compare_marks);
}

long recording_compare(const char *recording, uint32_t end, const char *capture)
{
  struct frame_marks recorded = {0}, captured = {0};
  long differences = -1;
  if (mark_recording(&recorded, recording, end) && mark_capture(&captured, capture) &&
      captured.count > 0) {
    const int64_t first_ns = captured.marks[0].time_ns;
    const int64_t last_ns = captured.marks[captured.count - 1].time_ns;
    sort_marks(&recorded);
    sort_marks(&captured);
    differences = count_differences(&recorded, &captured, first_ns, last_ns);
    printf("end %c: %zu frames recorded, %zu captured, %ld differ\n", (char)('A' + end),
           recorded.count, captured.count, differences);
  } else {
    printf("end %c: not to be compared: %zu frames recorded, %zu captured\n", (char)('A' + end),
           recorded.count, captured.count);
  }
  free(recorded.marks);
  free(captured.marks);
  return differences;
}
