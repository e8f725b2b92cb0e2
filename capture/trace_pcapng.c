#include "capture/trace_reader.h"

#include "capture/clean_text.h"
#include "wire/sample_format.h"
#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

static int pcapng_open_trace(struct trace *trace, struct error *error)
{
  (void)error;
  trace->pcapng.next_number = 1;
  return 0;
}

static int read_section(struct trace *trace)
{
  trace->pcapng.section_first = trace->interfaces.count;
  return 0;
}

static int read_interface(struct trace *trace, const struct pcapng_block *block, struct error *why)
{
  struct pcapng_interface_record record;
  if (pcapng_interface_read(&record, block, trace->pcapng.big_endian, why) != PCAPNG_OK)
    return why->code;
  int rc = interface_table_add(&trace->interfaces, &record, trace->filter_text, why);
  if (rc < 0)
    return rc;
  trace_note_description(trace, trace->interfaces.entries[trace->interfaces.count - 1].description);
  return 0;
}

/* The interface with that number in the current section, NULL if there is none. */
static struct interface_entry *find_interface(struct trace *trace, uint32_t in_section)
{
  uint32_t first = trace->pcapng.section_first;
  if (in_section >= trace->interfaces.count - first)
    return NULL;
  return &trace->interfaces.entries[first + in_section];
}

static void count_drops(struct interface_entry *interface,
                        const struct pcapng_packet_record *packet)
{
  if (!packet->has_drop_count)
    return;
  interface->has_dropped = true;
  if (packet->drop_count <= UINT64_MAX - interface->dropped_by_packets)
    interface->dropped_by_packets += packet->drop_count;
}

static int read_packet(struct trace *trace, const struct pcapng_block *block, struct frame *frame,
                       struct error *why)
{
  const struct interface_entry *first = find_interface(trace, 0);
  struct pcapng_packet_record packet;
  if (pcapng_packet_read(&packet, block, trace->pcapng.big_endian,
                         first == NULL ? 0 : first->snaplen_bytes, why) != PCAPNG_OK)
    return why->code;
  struct interface_entry *interface = find_interface(trace, packet.interface);
  if (interface == NULL)
    return error_set(why, ERROR_FORMAT,
                     "damaged: frame %llu is of interface %u, and its section describes %u",
                     (unsigned long long)trace->pcapng.next_number, packet.interface,
                     trace->interfaces.count - trace->pcapng.section_first);
  uint32_t limit = captured_bytes_max(interface->linktype);
  if (packet.captured_bytes > limit)
    return error_set(
        why, ERROR_FORMAT,
        "damaged: frame %llu says that %u bytes were captured (at most %u are possible)",
        (unsigned long long)trace->pcapng.next_number, packet.captured_bytes, limit);
  if (packet.captured_bytes > packet.original_bytes) {
    packet.original_bytes = packet.captured_bytes;
    trace->corrected++;
  }
  count_drops(interface, &packet);
  interface->frames++;
  *frame = (struct frame){
      .time_ns = packet.has_time
                     ? pcapng_time_ns(packet.time_units, interface->tsresol, interface->tsoffset_s)
                     : TIME_INVALID,
      .number = pcapng_packet_number(&packet, &trace->pcapng.next_number),
      .interface = trace->pcapng.section_first + packet.interface,
      .linktype = interface->linktype,
      .captured_bytes = packet.captured_bytes,
      .original_bytes = packet.original_bytes,
      .direction = packet.direction,
      .part_flags = packet.has_mark ? packet.mark.flags : 0,
      .fcs_bytes = packet.fcs_bytes != 0 ? packet.fcs_bytes : interface->fcs_bytes,
      .bytes = packet.bytes,
  };
  return 1;
}

/* A comment of a statistics block that tells of a gap. */
static void note_gap(struct interface_entry *interface, struct pcapng_options options)
{
  static const char begin[] = SAMPLE_GAP_COMMENT;
  struct pcapng_option option;
  while (pcapng_option_next(&options, &option)) {
    if (option.code != PCAPNG_OPTION_COMMENT || option.length_bytes < sizeof begin ||
        memcmp(option.value, begin, sizeof begin - 1) != 0)
      continue;
    interface->gaps++;
    free(interface->gap);
    interface->gap =
        clean_text_dup((const char *)option.value + sizeof begin - 1,
                       option.length_bytes - (sizeof begin - 1), INTERFACE_TEXT_BYTES_MAX);
  }
}

/* Counters are since the start of the capture, so the last block counts. */
static int read_statistics(struct trace *trace, const struct pcapng_block *block, struct error *why)
{
  struct pcapng_statistics_record record;
  if (pcapng_statistics_read(&record, block, trace->pcapng.big_endian, why) != PCAPNG_OK)
    return why->code;
  struct interface_entry *interface = find_interface(trace, record.interface);
  if (interface != NULL && record.has_dropped) {
    interface->has_dropped = true;
    interface->dropped_by_statistics = record.dropped;
  }
  if (interface != NULL)
    note_gap(interface, record.options);
  if (interface != NULL)
    trace_take_samples(trace, trace->pcapng.section_first + record.interface, &record);
  return 0;
}

static int read_names(struct trace *trace, const struct pcapng_block *block)
{
  if (trace->names == NULL)
    trace->names = name_table_new();
  if (trace->names == NULL)
    return 0; /* names are a convenience */
  struct pcapng_names names;
  struct ip_address address;
  uint8_t ip_version;
  struct pcapng_text name;
  pcapng_names_begin(&names, block, trace->pcapng.big_endian);
  while (pcapng_names_next(&names, &address, &ip_version, &name))
    name_table_add(trace->names, &address, name.bytes, name.size);
  return 0;
}

static int read_other(struct trace *trace, const struct pcapng_block *block)
{
  if (pcapng_block_is_numbered(block->type)) {
    trace->foreign_blocks++;
    trace->pcapng.next_number++;
  } else if (block->type != PCAPNG_DECRYPTION_SECRETS) {
    trace->skipped_blocks++;
  }
  return 0;
}

/* 1: *frame is filled; 0: the block holds no frame; negative: error_code. */
static int read_block(struct trace *trace, const struct pcapng_block *block, struct frame *frame,
                      struct error *why)
{
  switch (block->type) {
  case PCAPNG_SECTION_HEADER: return read_section(trace);
  case PCAPNG_INTERFACE: return read_interface(trace, block, why);
  case PCAPNG_PACKET:
  case PCAPNG_SIMPLE_PACKET:
  case PCAPNG_ENHANCED_PACKET: return read_packet(trace, block, frame, why);
  case PCAPNG_NAME_RESOLUTION: return read_names(trace, block);
  case PCAPNG_INTERFACE_STATISTICS: return read_statistics(trace, block, why);
  default: return read_other(trace, block);
  }
}

static size_t pcapng_take(struct trace *trace, struct frame *frames, size_t max, size_t *needed)
{
  size_t size, at = 0, found = 0;
  const uint8_t *bytes = byte_source_window(trace->source, &size);
  while (found < max) {
    struct pcapng_block block;
    struct error why = {0};
    enum pcapng_result result =
        pcapng_block_read(&block, &trace->pcapng.big_endian, bytes + at, size - at, needed, &why);
    if (result == PCAPNG_MORE)
      break;
    int rc = result == PCAPNG_OK ? read_block(trace, &block, &frames[found], &why) : why.code;
    if (rc < 0) {
      trace_fail(trace, &why, at);
      break;
    }
    if (trace->on_block != NULL)
      trace->on_block(trace->block_context,
                      &(struct trace_block){.type = block.type,
                                            .bytes = bytes + at,
                                            .size = block.total_bytes,
                                            .big_endian = trace->pcapng.big_endian});
    found += (size_t)rc;
    at += block.total_bytes;
  }
  byte_source_consume(trace->source, at);
  return found;
}

static int pcapng_finish(struct trace *trace, size_t size, struct error *error)
{
  struct error why;
  error_set(&why, ERROR_FORMAT, "cut off in a block behind frame %llu: %zu of its bytes are there",
            (unsigned long long)trace->pcapng.next_number - 1, size);
  return trace_error(trace, &why, 0, error);
}

const struct trace_reader trace_pcapng_reader = {
    .format = "pcapng", .open = pcapng_open_trace, .take = pcapng_take, .finish = pcapng_finish};
