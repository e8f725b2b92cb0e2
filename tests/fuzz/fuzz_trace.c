/* Whole files, compressed ones and text included, from an in-memory file; with and without a
 * filter, in odd batches; every frame goes through the decoder. */
#include "capture/trace.h"
#include "wire/packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BATCH 7
/* A small compressed file may hold a great many frames; enough of them is enough. */
#define FRAMES_MAX 20000

static void use_frame(const struct trace *trace, const struct frame *frame)
{
  struct packet packet;
  volatile uint8_t sum = 0;
  struct trace_info info;
  trace_get_info(trace, &info);
  if (frame->captured_bytes > frame->original_bytes || frame->interface >= info.interface_count)
    abort();
  for (uint32_t i = 0; i < frame->captured_bytes; i++)
    sum = (uint8_t)(sum + frame->bytes[i]);
  packet_decode(frame, &packet);
  trace_host_name(trace, &packet.src);
}

static void read_trace(const char *path, const char *filter)
{
  struct trace_options options = {.filter = filter};
  struct trace *trace;
  struct error error;
  struct frame frames[BATCH];
  unsigned total = 0;
  int count;
  if (trace_open(&trace, path, &options, &error) != 0)
    return;
  do {
    while ((count = trace_next(trace, frames, BATCH, &error)) > 0 && total < FRAMES_MAX) {
      total += (unsigned)count;
      for (int i = 0; i < count; i++)
        use_frame(trace, &frames[i]);
    }
    if (count < 0 && trace_next(trace, frames, BATCH, &error) != 0)
      abort();
  } while (total < FRAMES_MAX && trace_next_excerpt(trace));
  struct trace_interface interface;
  trace_get_interface(trace, 0, &interface);
  trace_close(trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char path[64];
  int fd = memfd_create("trace", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != (ssize_t)size)
    abort();
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  read_trace(path, NULL);
  read_trace(path, size % 2 == 0 ? "tcp" : "ip6 or port 80");
  close(fd);
  return 0;
}
