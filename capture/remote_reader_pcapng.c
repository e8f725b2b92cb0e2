#include "capture/remote_reader_internal.h"

#include "capture/clean_text.h"
#include "wire/byte_reader.h"
#include "wire/sample_format.h"
#include "wire/timestamp.h"

#include <string.h>

#define TEXT_BYTES_MAX 128 /* of a name; a longer one is cut */
#define ISB_ENDTIME    3   /* option of a statistics block: draft-ietf-opsawg-pcapng, 4.6 */

static int read_interface(struct remote_reader *reader, const struct pcapng_block *block,
                          struct error *error)
{
  static const char announcement[] = SAMPLE_INTERFACE_COMMENT;
  struct pcapng_interface_record record;
  char name[TEXT_BYTES_MAX], description[TEXT_BYTES_MAX];
  uint32_t index = reader->interface_count;
  if (pcapng_interface_read(&record, block, reader->big_endian, error) != PCAPNG_OK)
    return ERROR_FORMAT;
  if (index == REMOTE_READER_INTERFACES_MAX)
    return error_set(error, ERROR_LIMIT, "more than %u interfaces", REMOTE_READER_INTERFACES_MAX);
  clean_text_copy(name, sizeof name, record.name.bytes, record.name.size);
  clean_text_copy(description, sizeof description, record.description.bytes,
                  record.description.size);
  reader->interfaces[reader->interface_count++] =
      (struct remote_reader_interface){.linktype = record.linktype,
                                       .snaplen_bytes = record.snaplen_bytes,
                                       .tsresol = record.tsresol,
                                       .fcs_bytes = record.fcs_bytes,
                                       .tsoffset_s = record.tsoffset_s};
  const struct remote_interface interface = {
      .name = name,
      .description = description,
      .linktype = record.linktype,
      .snaplen_bytes = record.snaplen_bytes,
      .samples_announced =
          record.comment.size >= sizeof announcement - 1 &&
          memcmp(record.comment.bytes, announcement, sizeof announcement - 1) == 0};
  if (reader->sink.interface != NULL)
    reader->sink.interface(reader->sink.context, index, &interface);
  return 0;
}

/* The interface with that number in the current section, NULL if there is none. */
static struct remote_reader_interface *find_interface(struct remote_reader *reader,
                                                      uint32_t in_section)
{
  if (in_section >= reader->interface_count - reader->section_first)
    return NULL;
  return &reader->interfaces[reader->section_first + in_section];
}

static int no_interface(uint32_t number, struct error *error)
{
  return error_set(error, ERROR_FORMAT, "damaged: nothing describes interface %u", number);
}

static int read_packet(struct remote_reader *reader, const struct pcapng_block *block,
                       struct error *error)
{
  const struct remote_reader_interface *first = find_interface(reader, 0);
  struct pcapng_packet_record packet;
  if (pcapng_packet_read(&packet, block, reader->big_endian,
                         first == NULL ? 0 : first->snaplen_bytes, error) != PCAPNG_OK)
    return ERROR_FORMAT;
  const struct remote_reader_interface *interface = find_interface(reader, packet.interface);
  if (interface == NULL)
    return no_interface(packet.interface, error);
  if (packet.captured_bytes > CAPTURED_BYTES_MAX)
    return error_set(error, ERROR_FORMAT, "damaged: a packet of %u bytes", packet.captured_bytes);
  struct frame frame = {
      .time_ns = packet.has_time
                     ? pcapng_time_ns(packet.time_units, interface->tsresol, interface->tsoffset_s)
                     : TIME_INVALID,
      .interface = reader->section_first + packet.interface,
      .linktype = interface->linktype,
      .captured_bytes = packet.captured_bytes,
      .original_bytes = packet.original_bytes < packet.captured_bytes ? packet.captured_bytes
                                                                      : packet.original_bytes,
      .direction = packet.direction,
      .fcs_bytes = packet.fcs_bytes != 0 ? packet.fcs_bytes : interface->fcs_bytes,
      .bytes = packet.bytes,
  };
  return remote_reader_give_frame(reader, &frame, error);
}

/* The sample in an option, if it is one. */
static void give_sample(struct remote_reader *reader, uint32_t index, int64_t time_ns,
                        const struct pcapng_option *option)
{
  struct sample_records records;
  if (option->code != PCAPNG_OPTION_CUSTOM_BINARY || option->length_bytes < 4 ||
      reader->sink.sample == NULL)
    return;
  uint32_t pen = reader->big_endian ? read_be32(option->value) : read_le32(option->value);
  if (pen == SAMPLE_PEN &&
      sample_open(&records, option->value + 4, option->length_bytes - 4U) != SAMPLE_FOREIGN)
    reader->sink.sample(reader->sink.context, index, time_ns, option->value + 4,
                        option->length_bytes - 4U);
}

static int read_statistics(struct remote_reader *reader, const struct pcapng_block *block,
                           struct error *error)
{
  struct pcapng_statistics_record record;
  struct pcapng_option option;
  if (pcapng_statistics_read(&record, block, reader->big_endian, error) != PCAPNG_OK)
    return ERROR_FORMAT;
  struct remote_reader_interface *interface = find_interface(reader, record.interface);
  if (interface == NULL)
    return no_interface(record.interface, error);
  struct remote_counters counters = {
      .time_ns = pcapng_time_ns(record.time_units, interface->tsresol, interface->tsoffset_s),
      .has_received = record.has_received,
      .has_dropped = record.has_dropped,
      .received = record.received,
      .dropped = record.dropped};
  int rc = remote_reader_note_time(reader, counters.time_ns, error);
  if (rc < 0)
    return rc;
  uint32_t index = reader->section_first + record.interface;
  for (struct pcapng_options options = record.options; pcapng_option_next(&options, &option);) {
    counters.last |= option.code == ISB_ENDTIME;
    give_sample(reader, index, counters.time_ns, &option);
  }
  interface->finished = counters.last;
  if (reader->sink.counters != NULL)
    reader->sink.counters(reader->sink.context, index, &counters);
  return 1;
}

static int read_block(struct remote_reader *reader, const struct pcapng_block *block,
                      struct error *error)
{
  switch (block->type) {
  case PCAPNG_SECTION_HEADER: reader->section_first = reader->interface_count; return 0;
  case PCAPNG_INTERFACE: return read_interface(reader, block, error);
  case PCAPNG_PACKET:
  case PCAPNG_SIMPLE_PACKET:
  case PCAPNG_ENHANCED_PACKET: return read_packet(reader, block, error);
  case PCAPNG_INTERFACE_STATISTICS: return read_statistics(reader, block, error);
  default: return 0; /* nothing that a recording needs */
  }
}

int remote_reader_take_block(struct remote_reader *reader, struct error *error)
{
  struct pcapng_block block;
  enum pcapng_result result =
      pcapng_block_read(&block, &reader->big_endian, reader->bytes + reader->begin,
                        reader->end - reader->begin, &reader->needed, error);
  if (result == PCAPNG_MORE)
    return REMOTE_TAKE_MORE;
  if (result == PCAPNG_BAD)
    return ERROR_FORMAT;
  int rc = read_block(reader, &block, error);
  reader->begin += block.total_bytes;
  return rc;
}
