/* Any text as a scenario, and any frames through the path that it makes.
 *
 * Input: the text, a zero byte, then frames: direction (lowest bit) and time since the one before
 * (the other seven, in units of 4 ms), length (2 bytes, little-endian), the bytes. Whatever comes,
 * frames are neither lost without being counted nor made, and none leaves before it is due. */
#include "replay/path.h"
#include "wire/byte_reader.h"
#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX 200
#define STEP_NS    (4 * NS_PER_MS)
/* Rates can be so low that frames are due in years. */
#define END_NS (INT64_MAX / 2)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct driver {
  int64_t now_ns;
  uint64_t out, acts;
};

static void on_emit(void *context, enum path_direction direction, const uint8_t *bytes,
                    uint32_t size, int64_t due_ns)
{
  struct driver *driver = context;
  volatile uint8_t last = bytes[size - 1];
  (void)last;
  if (due_ns > driver->now_ns || direction >= PATH_DIRECTIONS)
    abort();
  driver->out++;
}

static void on_act(void *context, const struct path_act *act)
{
  struct driver *driver = context;
  driver->acts++;
  if (act->name == NULL || act->time_ns > driver->now_ns)
    abort();
}

static void pass_to(struct path *path, struct driver *driver, int64_t time_ns)
{
  for (int64_t next_ns; (next_ns = path_next_ns(path)) <= time_ns && next_ns != INT64_MAX;) {
    if (next_ns > driver->now_ns)
      driver->now_ns = next_ns;
    path_advance(path, driver->now_ns);
    if (path_next_ns(path) <= driver->now_ns)
      abort();
  }
  if (time_ns > driver->now_ns)
    driver->now_ns = time_ns;
}

static void run_frames(struct path *path, struct driver *driver, const uint8_t *data, size_t size)
{
  for (int i = 0; i < FRAMES_MAX && size >= 3; i++) {
    uint32_t bytes = read_le16(data + 1);
    if (bytes > size - 3)
      bytes = (uint32_t)(size - 3);
    pass_to(path, driver, driver->now_ns + (data[0] >> 1) * STEP_NS);
    uint8_t *frame = malloc(bytes + (bytes == 0)); /* its own block: what goes beyond it shows */
    if (frame == NULL)
      return;
    memcpy(frame, data + 3, bytes);
    path_frame(path, data[0] & 1 ? PATH_BA : PATH_AB, frame, bytes, driver->now_ns);
    free(frame);
    data += 3 + bytes;
    size -= 3 + bytes;
  }
}

static void check_balance(const struct path *path, const struct driver *driver)
{
  struct path_stats stats;
  path_get_stats(path, &stats);
  uint64_t in = stats.duplicated + stats.forged, out = 0, emitted = 0;
  for (int i = 0; i < PATH_DIRECTIONS; i++) {
    in += stats.frames_in[i];
    emitted += stats.frames_out[i];
    out += stats.frames_out[i] + stats.dropped[i] + stats.queue_dropped[i] + stats.overflowed[i];
  }
  /* What is held for a next frame, or due later than ever, is still on its way. */
  if (emitted != driver->out || out > in || (out != in) != (stats.memory_bytes != 0))
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static struct scenario scenario;
  struct driver driver = {0};
  struct error error;
  const uint8_t *end = memchr(data, 0, size);
  const size_t text_bytes = end == NULL ? size : (size_t)(end - data);
  if (scenario_parse(&scenario, (const char *)data, text_bytes, &error) != 0) {
    if (strlen(error.text) >= sizeof error.text)
      abort();
    return 0;
  }
  const struct path_sink sink = {.context = &driver, .emit = on_emit, .act = on_act};
  struct path *path = path_new(&scenario, &sink, &error);
  if (path == NULL)
    return 0;
  if (end != NULL)
    run_frames(path, &driver, end + 1, size - text_bytes - 1);
  pass_to(path, &driver, END_NS);
  check_balance(path, &driver);
  path_free(path);
  return 0;
}
