/* How long the path's engine takes for a frame, without any device: frames of a bulk transfer (two
 * of 1514 bytes, then an ACK back) are handed to it as fast as it takes them.
 *
 *   path_loop FRAMES [RULE]...        prints nanoseconds a frame */
#include "replay/path.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAME_BYTES 1514
#define ACK_BYTES   66
#define GAP_NS      1000 /* of the path's own time between two frames */

static void on_emit(void *context, enum path_direction direction, const uint8_t *bytes,
                    uint32_t size, int64_t due_ns)
{
  uint64_t *sum = context;
  *sum += bytes[size - 1] + (uint64_t)direction + (uint64_t)due_ns;
}

static void on_act(void *context, const struct path_act *act)
{
  uint64_t *sum = context;
  *sum += act->frame_number;
}

/* Ethernet, IPv4, TCP with timestamps; nothing in the engine looks at the checksums. */
static void make_frame(uint8_t *bytes, uint32_t size, bool back, uint32_t seq)
{
  static const uint8_t head[] = {2,  0,    0, 0, 0,  2, 2, 0,    0,    0,    0,    1,   8,
                                 0,  0x45, 0, 0, 0,  0, 1, 0x40, 0,    64,   6,    0,   0,
                                 10, 9,    0, 1, 10, 9, 0, 2,    0x9c, 0x40, 0x13, 0x89};
  memcpy(bytes, head, sizeof head);
  if (back) {
    bytes[29] = 2, bytes[33] = 1;
    memcpy(bytes + 34, head + 36, 2);
    memcpy(bytes + 36, head + 34, 2);
  }
  bytes[16] = (uint8_t)((size - 14) >> 8), bytes[17] = (uint8_t)(size - 14);
  for (int i = 0; i < 4; i++)
    bytes[38 + i] = (uint8_t)(seq >> (24 - 8 * i));
  bytes[46] = 8 << 4;
  bytes[47] = 16;
  static const uint8_t options[] = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1};
  memcpy(bytes + 54, options, sizeof options);
}

static double run(struct path *path, uint64_t frames)
{
  uint8_t data[FRAME_BYTES] = {0}, ack[ACK_BYTES] = {0};
  struct timespec from, to;
  uint32_t seq = 1;
  clock_gettime(CLOCK_MONOTONIC, &from);
  for (uint64_t i = 0; i < frames; i++) {
    const bool back = i % 3 == 2;
    make_frame(back ? ack : data, back ? ACK_BYTES : FRAME_BYTES, back, back ? 7 : seq);
    if (!back)
      seq += FRAME_BYTES - ACK_BYTES;
    path_frame(path, back ? PATH_BA : PATH_AB, back ? ack : data, back ? ACK_BYTES : FRAME_BYTES,
               (int64_t)i * GAP_NS);
  }
  clock_gettime(CLOCK_MONOTONIC, &to);
  const double ns = (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
  return ns / (double)frames;
}

int main(int argc, char **argv)
{
  static struct scenario scenario;
  char text[4096] = "";
  struct error error;
  for (int i = 2; i < argc; i++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s\n", argv[i]);
  if (argc < 2 || scenario_parse(&scenario, text, strlen(text), &error) != 0) {
    fprintf(stderr, "path_loop: %s\n", argc < 2 ? "usage: path_loop FRAMES [RULE]..." : error.text);
    return 2;
  }
  uint64_t sum = 0;
  const struct path_sink sink = {.context = &sum, .emit = on_emit, .act = on_act};
  struct path *path = path_new(&scenario, &sink, &error);
  if (path == NULL)
    return 2;
  printf("%.0f\n", run(path, strtoull(argv[1], NULL, 10)));
  path_free(path);
  return sum == 0; /* so that nothing is optimised away */
}
