/* Reads captures and prints, tab-separated, one line per file of the list on standard input:
 *   FILE  FRAMES  TCP-FRAMES  UNSUPPORTED-FRAMES  ERROR (or "-")
 * Frames are counted as Wireshark numbers them, blocks that are no frames included. */
#include "capture/trace.h"
#include "wire/packet.h"

#include <stdio.h>
#include <string.h>

#define BATCH 256

struct counts {
  unsigned long long tcp, unsupported;
};

/* Touches every byte, so that a sanitizer sees a frame that is not wholly there. */
static unsigned touch(const struct frame *frame)
{
  unsigned sum = 0;
  for (uint32_t i = 0; i < frame->captured_bytes; i++)
    sum += frame->bytes[i];
  return sum;
}

static int read_all(struct trace *trace, struct counts *counts, struct error *error)
{
  static struct frame frames[BATCH];
  volatile unsigned sum = 0;
  int count;
  while ((count = trace_next(trace, frames, BATCH, error)) > 0) {
    for (int i = 0; i < count; i++) {
      struct packet packet;
      sum += touch(&frames[i]);
      packet_decode(&frames[i], &packet);
      counts->tcp += packet.kind == PACKET_TCP;
      counts->unsupported += packet.kind == PACKET_UNSUPPORTED_LINK;
    }
  }
  return count;
}

static void report(const char *folder, const char *file)
{
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, file);
  struct error error = {0};
  struct counts counts = {0};
  struct trace_info info = {0};
  struct trace *trace;
  if (trace_open(&trace, path, NULL, &error) == 0) {
    read_all(trace, &counts, &error);
    trace_get_info(trace, &info);
    trace_close(trace);
  }
  printf("%s\t%llu\t%llu\t%llu\t%s\n", file,
         (unsigned long long)(info.frames + info.foreign_blocks), counts.tcp, counts.unsupported,
         error.code == ERROR_NONE ? "-" : error.text);
}

int main(int argc, char **argv)
{
  char line[4096];
  if (argc != 2) {
    fprintf(stderr, "usage: count_frames FOLDER < LIST\n");
    return 2;
  }
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    report(argv[1], line);
  }
  return 0;
}
