/* pcapng written again with comments: by itself, and merged with itself on another clock. Whatever
 * the input, what is written is sound pcapng and holds as many frames as were counted. */
#include "capture/annotate.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t comments(void *context, uint32_t input, const struct frame *frame, const char **texts)
{
  (void)context;
  if (frame->number % 3 == 0)
    return 0;
  texts[0] = "one";
  texts[1] = input == 0 ? "" : "another one";
  return 1 + frame->number % 2;
}

static int64_t later(void *context, uint32_t input, uint32_t interface, int64_t time_ns)
{
  (void)context;
  (void)interface;
  return input == 0 || time_ns > INT64_MAX / 2 ? time_ns : time_ns + 1234567;
}

static bool keep(void *context, uint32_t input, const struct frame *frame)
{
  volatile uint8_t sum = 0;
  (void)context;
  (void)input;
  for (uint32_t i = 0; i < frame->captured_bytes; i++)
    sum = (uint8_t)(sum + frame->bytes[i]);
  return frame->number % 7 != 0;
}

/* Damage may be where the input's was: a block that was copied as it came. */
static void check(const char *path, const struct annotate_totals *totals, bool merged)
{
  struct trace *trace;
  struct frame frames[16];
  uint64_t count = 0;
  int got;
  if (trace_open(&trace, path, &(struct trace_options){.filter = NULL}, NULL) != 0) {
    if (totals->frames > 0)
      abort();
    return;
  }
  while ((got = trace_next(trace, frames, 16, NULL)) > 0)
    count += (uint64_t)got;
  if (got == 0 && !merged && count != totals->frames)
    abort();
  trace_close(trace);
}

static void write_again(const char *path, uint32_t inputs)
{
  const struct annotate_input input[2] = {{.path = path}, {.path = path}};
  const struct annotate_handler handler = {.keep = keep, .comments = comments, .time = later};
  struct annotate_totals totals;
  char written[64];
  const int out = memfd_create("annotated", MFD_CLOEXEC);
  if (out < 0)
    abort();
  snprintf(written, sizeof written, "/proc/self/fd/%d", out);
  const int fd = fcntl(out, F_DUPFD_CLOEXEC, 3);
  if (annotate_write(input, inputs, &handler, "fuzz", fd, &totals, NULL) == 0)
    check(written, &totals, inputs > 1);
  close(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char path[64];
  const int fd = memfd_create("trace", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != (ssize_t)size)
    abort();
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  write_again(path, 1);
  write_again(path, 2);
  close(fd);
  return 0;
}
