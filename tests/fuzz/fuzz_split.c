/* A trace split into parts: whatever the input, each frame is in one part as its own or in all as
 * everybody's, under its number, and the parts are sound. */
#include "capture/trace.h"
#include "cli/split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PARTS 3u

/* Reads a part; the numbers of its own frames only grow, unless there was a mark in the input. */
static uint64_t read_part(const char *path)
{
  struct trace *trace;
  struct frame frame;
  struct packet packet;
  uint64_t frames = 0, last = 0;
  int got;
  if (trace_open(&trace, path, &(struct trace_options){.filter = NULL}, NULL) != 0)
    abort();
  while ((got = trace_next(trace, &frame, 1, NULL)) > 0) {
    packet_decode(&frame, &packet);
    if ((frame.part_flags & PART_MARK_LATE) == 0) {
      if (frame.number <= last || frame.part_flags > 7)
        abort();
      last = frame.number;
    }
    frames++;
  }
  if (got < 0)
    abort();
  trace_close(trace);
  return frames;
}

static void check(const struct split_result *result, const char *prefix)
{
  char path[128];
  for (uint32_t part = 0; part < PARTS; part++) {
    snprintf(path, sizeof path, "%s-%u.pcapng", prefix, part + 1);
    /* a pcap or a text without frames has no part that could be told from an empty file */
    if (result->frames > 0 && read_part(path) != result->own[part] + result->context[part])
      abort();
    if (result->own[part] > result->frames)
      abort();
  }
}

static void clean(const char *directory, const char *prefix)
{
  char path[128];
  for (uint32_t part = 0; part < PARTS; part++) {
    snprintf(path, sizeof path, "%s-%u.pcapng", prefix, part + 1);
    unlink(path);
  }
  rmdir(directory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char directory[] = "/tmp/fuzz-split-XXXXXX", path[64], prefix[64];
  struct split_result result;
  struct error error;
  const int fd = memfd_create("trace", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != (ssize_t)size || mkdtemp(directory) == NULL)
    abort();
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  snprintf(prefix, sizeof prefix, "%s/part", directory);
  const struct split_options options = {.input = path, .prefix = prefix, .parts = PARTS};
  if (split_trace(&options, &result, &error) == 0)
    check(&result, prefix);
  clean(directory, prefix);
  close(fd);
  return 0;
}
