#include "capture/trace_reader.h"

#include "wire/byte_reader.h"

#include <string.h>

/* One kernel's, or nobody's. */
static void learn_boot_id(struct interface_entry *interface, const struct sample_record *header)
{
  const char *value;
  size_t size;
  if (!sample_text_value(header, "boot_id", &value, &size) || size == 0 ||
      size >= sizeof interface->boot_id)
    return;
  if (interface->boot_id[0] == '\0')
    memcpy(interface->boot_id, value, size);
  else if (strlen(interface->boot_id) != size || memcmp(interface->boot_id, value, size) != 0)
    interface->boot_ids_differ = true;
}

/* The last header of an interface's samples tells the byte order of what follows, too. */
static void learn_header(struct interface_entry *interface, struct sample_records records)
{
  struct sample_record record;
  const char *value;
  size_t size;
  while (sample_next(&records, &record))
    if (record.type == SAMPLE_HEADER) {
      learn_boot_id(interface, &record);
      if (sample_text_value(&record, "byte_order", &value, &size))
        interface->samples_big_endian = size == 3 && memcmp(value, "big", 3) == 0;
    }
  if (records.overrun)
    interface->samples_damaged++;
}

/* A number below the expected one is a sample that some tool moved: then nothing is known. */
static void count_missing(struct interface_entry *interface, const struct sample_records *records)
{
  if (records->number > interface->next_sample)
    interface->samples_missing += records->number - interface->next_sample;
  interface->next_sample = records->number + (records->last ? 0 : 1);
  interface->samples_ended = records->last;
}

static void take_option(struct trace *trace, uint32_t index, int64_t time_ns,
                        const struct pcapng_option *option)
{
  struct interface_entry *interface = &trace->interfaces.entries[index];
  const uint8_t *pen = option->value;
  struct trace_sample sample = {
      .interface = index, .time_ns = time_ns, .frames_before = trace->pcapng.next_number - 1};
  if (option->code != PCAPNG_OPTION_CUSTOM_BINARY || option->length_bytes < 4 ||
      (trace->pcapng.big_endian ? read_be32(pen) : read_le32(pen)) != SAMPLE_PEN)
    return;
  enum sample_result result =
      sample_open(&sample.records, option->value + 4, option->length_bytes - 4U);
  if (result == SAMPLE_FOREIGN)
    return;
  if (result == SAMPLE_OK) {
    count_missing(interface, &sample.records);
    if (sample.records.last)
      return;
  }
  interface->samples++;
  if (result == SAMPLE_NEWER) {
    interface->samples_damaged++;
    return;
  }
  learn_header(interface, sample.records);
  sample.big_endian = interface->samples_big_endian;
  if (trace->on_sample != NULL)
    trace->on_sample(trace->sample_context, &sample);
}

void trace_take_samples(struct trace *trace, uint32_t index,
                        const struct pcapng_statistics_record *statistics)
{
  const struct interface_entry *interface = &trace->interfaces.entries[index];
  int64_t time_ns =
      pcapng_time_ns(statistics->time_units, interface->tsresol, interface->tsoffset_s);
  struct pcapng_options options = statistics->options;
  struct pcapng_option option;
  while (pcapng_option_next(&options, &option))
    take_option(trace, index, time_ns, &option);
}
