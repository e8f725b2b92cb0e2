/* A remote end's stream, which is not to be trusted: fed in pieces of odd sizes, given away a few
 * at a time. */
#include "capture/remote_reader.h"

#include "wire/sample_format.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
  uint32_t interfaces;
  volatile uint8_t sum;
};

static void touch(struct seen *seen, const void *bytes, size_t size)
{
  const uint8_t *byte = bytes;
  for (size_t i = 0; i < size; i++)
    seen->sum = (uint8_t)(seen->sum + byte[i]);
}

static void take_interface(void *context, uint32_t index, const struct remote_interface *interface)
{
  struct seen *seen = context;
  if (index != seen->interfaces++ || index >= REMOTE_READER_INTERFACES_MAX)
    abort();
  for (const char *c = interface->name; *c != '\0'; c++)
    if ((unsigned char)*c < ' ')
      abort();
}

static void take_frame(void *context, const struct frame *frame)
{
  struct seen *seen = context;
  if (frame->captured_bytes > frame->original_bytes || frame->interface >= seen->interfaces ||
      frame->captured_bytes > REMOTE_READER_BLOCK_BYTES_MAX || frame->time_ns < 0)
    abort();
  touch(seen, frame->bytes, frame->captured_bytes);
}

static void take_sample(void *context, uint32_t index, int64_t time_ns, const uint8_t *bytes,
                        size_t size)
{
  struct seen *seen = context;
  if (index >= seen->interfaces || time_ns < 0 || size < SAMPLE_PREAMBLE_BYTES)
    abort();
  touch(seen, bytes, size);
}

static void take_counters(void *context, uint32_t index, const struct remote_counters *counters)
{
  const struct seen *seen = context;
  if (index >= seen->interfaces || counters->time_ns < 0)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct seen seen = {0};
  const struct remote_sink sink = {&seen, take_interface, take_frame, take_sample, take_counters};
  struct remote_reader *reader;
  struct error error;
  size_t at = 0, piece = 1 + size % 61;
  int rc = 0;
  if (remote_reader_new(&reader, &sink, NULL) != 0)
    return 0;
  while (at < size && rc >= 0) {
    at += remote_reader_feed(reader, data + at, size - at < piece ? size - at : piece);
    rc = remote_reader_deliver(reader, 3, &error);
    piece = piece * 5 % 4099 + 1;
  }
  remote_reader_end(reader);
  while ((rc = remote_reader_deliver(reader, 3, &error)) > 0)
    ;
  if (rc == 0 || remote_reader_state(reader) < REMOTE_ENDED)
    abort(); /* an end is always told */
  remote_reader_free(reader);
  return 0;
}
