/* The pcapng parser on bytes alone: blocks, and everything that is read from each kind. */
#include "wire/pcapng_format.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sum;

static void touch(const void *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++)
    sum = (uint8_t)(sum + ((const uint8_t *)bytes)[i]);
}

static void read_interface(const struct pcapng_block *block, bool big_endian)
{
  struct pcapng_interface_record record;
  if (pcapng_interface_read(&record, block, big_endian, NULL) != PCAPNG_OK)
    return;
  touch(record.name.bytes, record.name.size);
  touch(record.description.bytes, record.description.size);
  touch(record.filter.bytes, record.filter.size);
  sum = (uint8_t)pcapng_time_ns(UINT64_MAX >> (record.tsresol & 63), record.tsresol,
                                record.tsoffset_s);
}

static void read_packet(const struct pcapng_block *block, bool big_endian)
{
  struct pcapng_packet_record record;
  if (pcapng_packet_read(&record, block, big_endian, 0, NULL) == PCAPNG_OK)
    touch(record.bytes, record.captured_bytes);
}

static void read_statistics(const struct pcapng_block *block, bool big_endian)
{
  struct pcapng_statistics_record record;
  struct pcapng_option option;
  if (pcapng_statistics_read(&record, block, big_endian, NULL) != PCAPNG_OK)
    return;
  while (pcapng_option_next(&record.options, &option))
    touch(option.value, option.length_bytes);
}

static void read_names(const struct pcapng_block *block, bool big_endian)
{
  struct pcapng_names names;
  struct pcapng_text name;
  struct ip_address address;
  uint8_t ip_version;
  pcapng_names_begin(&names, block, big_endian);
  while (pcapng_names_next(&names, &address, &ip_version, &name))
    touch(name.bytes, name.size);
}

/* Every reader gets every block, as each must stand any bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  bool big_endian = false;
  size_t at = 0, needed = 0;
  struct pcapng_block block;
  struct error error;
  while (pcapng_block_read(&block, &big_endian, data + at, size - at, &needed, &error) ==
         PCAPNG_OK) {
    if (block.total_bytes > size - at || block.body_bytes + 12 != block.total_bytes)
      abort();
    read_interface(&block, big_endian);
    read_packet(&block, big_endian);
    block.type = PCAPNG_SIMPLE_PACKET;
    read_packet(&block, big_endian);
    read_statistics(&block, big_endian);
    read_names(&block, big_endian);
    at += block.total_bytes;
  }
  return 0;
}
