/* What the reader thread alone needs: the project's own reader and decoder, and nothing done with
 * the packets. */

#include "capture/trace.h"
#include "wire/packet.h"

#include <inttypes.h>
#include <stdio.h>

#define BATCH_FRAMES 256

int main(int argc, char **argv)
{
  struct trace *trace;
  struct error error;
  if (argc != 2) {
    fputs("usage: decode_loop FILE\n", stderr);
    return 2;
  }
  if (trace_open(&trace, argv[1], &(struct trace_options){0}, &error) != 0) {
    fprintf(stderr, "decode_loop: %s\n", error.text);
    return 2;
  }
  static struct frame frames[BATCH_FRAMES];
  uint64_t kinds[PACKET_KIND_COUNT] = {0};
  int count;
  while ((count = trace_next(trace, frames, BATCH_FRAMES, &error)) > 0) {
    for (int i = 0; i < count; i++) {
      struct packet packet;
      packet_decode(&frames[i], &packet);
      kinds[packet.kind]++;
    }
  }
  if (count < 0)
    fprintf(stderr, "decode_loop: %s\n", error.text);
  trace_close(trace);
  for (int kind = 0; kind < PACKET_KIND_COUNT; kind++) {
    if (kinds[kind] > 0)
      printf("%" PRIu64 " %s\n", kinds[kind], packet_kind_name((enum packet_kind)kind));
  }
  return count < 0 ? 2 : 0;
}
