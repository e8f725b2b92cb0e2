/* The pcap parser on bytes alone: file header, guess of the variant, records. */
#include "wire/pcap_format.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BATCH 16

static void touch(const struct frame *frame)
{
  volatile uint8_t sum = 0;
  if (frame->captured_bytes > frame->original_bytes)
    abort();
  for (uint32_t i = 0; i < frame->captured_bytes; i++)
    sum = (uint8_t)(sum + frame->bytes[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct pcap_format format;
  struct error error;
  if (pcap_format_open(&format, data, size, &error) != 0)
    return 0;
  size_t at = format.file_header_bytes;
  pcap_format_guess(&format, data + at, size - at, true);
  struct pcap_walk walk = {.next_number = 1};
  struct frame frames[BATCH];
  enum pcap_walk_stop stop;
  do {
    size_t count;
    stop = pcap_format_walk(&format, data + at, size - at, frames, BATCH, &count, &walk);
    for (size_t i = 0; i < count; i++)
      touch(&frames[i]);
    at += walk.used;
    if (at > size || (stop == PCAP_WALK_MORE && walk.needed <= size - at))
      abort();
  } while (stop == PCAP_WALK_FULL);
  return 0;
}
