/* The samples of sockets and queues: the framing, its text, and the kernel's messages in both byte
 * orders. */
#include "wire/host_sample.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every reader gets every record under its own name, as each must stand any bytes. */
static void read_as_anything(struct sample_record record, bool big_endian)
{
  struct sample_socket socket;
  struct sample_qdisc qdisc;
  struct sample_link_statistics link;
  struct sample_neighbour neighbour;
  record.type = SAMPLE_SOCKET;
  sample_read_socket(&socket, &record, big_endian);
  record.type = SAMPLE_QDISC;
  if (sample_read_qdisc(&qdisc, &record, big_endian) && qdisc.kind[sizeof qdisc.kind - 1] != '\0')
    abort();
  record.type = SAMPLE_LINK_STATISTICS;
  sample_read_link_statistics(&link, &record, big_endian);
  record.type = SAMPLE_NEIGHBOUR;
  sample_read_neighbour(&neighbour, &record, big_endian);
  for (uint16_t type = SAMPLE_HEADER; type <= SAMPLE_NETSTAT; type++) {
    struct host_sample sample = {.number = 0};
    record.type = type;
    host_sample_read(&sample, &record, big_endian, INT64_MAX);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sample_records records;
  struct sample_record record;
  const char *value;
  size_t value_size;
  if (sample_open(&records, data, size) != SAMPLE_OK)
    return 0;
  while (sample_next(&records, &record)) {
    if (record.bytes < data || record.length_bytes > (size_t)(data + size - record.bytes))
      abort();
    if (sample_text_value(&record, "byte_order", &value, &value_size) &&
        value_size > record.length_bytes)
      abort();
    read_as_anything(record, false);
    read_as_anything(record, true);
  }
  return 0;
}
