#include "frame_marks.h"

#include "pcap_input.h"
#include "recording_reader.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
  ETHER_SIZE = 14,        /* routers write it anew */
  DIFFERENCES_SHOWN = 10, /* of each capture */
  CLOCK_READ_NS = 2000000 /* two captures stamp the same frame no further apart */
};

struct frame_mark {
  int64_t time_ns;
  uint32_t captured, original;
  uint64_t hash;
};

struct frame_marks {
  struct frame_mark *marks;
  size_t count, capacity;
};

static void mark_frame(struct frame_marks *frames, int64_t time_ns, const uint8_t *bytes,
                       uint32_t captured, uint32_t original)
{
  if (frames->count == frames->capacity) {
    frames->capacity = frames->capacity == 0 ? 1024 : frames->capacity * 2;
    frames->marks = realloc(frames->marks, frames->capacity * sizeof *frames->marks);
    if (frames->marks == NULL)
      abort();
  }
  uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
  for (uint32_t i = ETHER_SIZE; i < captured; i++)
    hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
  frames->marks[frames->count++] = (struct frame_mark){time_ns, captured, original, hash};
}

static int compare_content(const struct frame_mark *x, const struct frame_mark *y)
{
  if (x->hash != y->hash)
    return x->hash < y->hash ? -1 : 1;
  if (x->original != y->original)
    return x->original < y->original ? -1 : 1;
  return x->captured == y->captured ? 0 : x->captured < y->captured ? -1 : 1;
}

static int compare_marks(const void *left, const void *right)
{
  const struct frame_mark *x = left, *y = right;
  const int content = compare_content(x, y);
  if (content != 0 || x->time_ns == y->time_ns)
    return content;
  return x->time_ns < y->time_ns ? -1 : 1;
}

static bool mark_recording(struct frame_marks *frames, const char *name, uint32_t end)
{
  struct recording_reader reader;
  struct pcapng_block block;
  struct pcapng_packet_record packet;
  if (!recording_reader_open(&reader, name))
    return false;
  while (recording_reader_next(&reader, &block))
    if (recording_reader_frame(&reader, &block, &packet) && packet.interface == end)
      mark_frame(frames, (int64_t)packet.time_units, packet.bytes, packet.captured_bytes,
                 packet.original_bytes);
  return recording_reader_close(&reader);
}

static bool mark_capture(struct frame_marks *frames, const char *name)
{
  static struct pcap_input in;
  if (!pcap_input_open(&in, name, "rb"))
    return false;
  while (pcap_input_next(&in))
    mark_frame(frames, in.time_ns, in.bytes, in.record.captured, in.record.original);
  return fclose(in.file) == 0;
}

static void show(const char *where, const struct frame_mark *mark, long differences)
{
  if (differences < DIFFERENCES_SHOWN)
    printf("only in %s: %" PRId64 ".%09" PRId64 ", %" PRIu32 " bytes\n", where,
           mark->time_ns / NS_PER_S, mark->time_ns % NS_PER_S, mark->original);
}

/* The order of two frames as a pair of captures on one device tells them apart: the same content,
 * and nearly the same time, as each may have looked at the clock by itself, are the same frame. */
static int order_of(const struct frame_marks *recorded, size_t i,
                    const struct frame_marks *captured, size_t k)
{
  if (i == recorded->count || k == captured->count)
    return i == recorded->count ? 1 : -1;
  const struct frame_mark *x = &recorded->marks[i], *y = &captured->marks[k];
  const int64_t later_ns = x->time_ns - y->time_ns;
  const bool same = compare_content(x, y) == 0;
  return same && later_ns <= CLOCK_READ_NS && later_ns >= -CLOCK_READ_NS ? 0 : compare_marks(x, y);
}

/* Both sorted; of the recording only what lies in the capture's time, from first to last, counts.
 */
static long count_differences(const struct frame_marks *recorded,
                              const struct frame_marks *captured, int64_t first_ns, int64_t last_ns)
{
  long differences = 0;
  size_t i = 0, k = 0;
  while (i < recorded->count || k < captured->count) {
    const int order = order_of(recorded, i, captured, k);
    if (order > 0) {
      show("the capture", &captured->marks[k], differences++);
    } else if (order < 0) {
      const struct frame_mark *mark = &recorded->marks[i];
      if (mark->time_ns >= first_ns && mark->time_ns <= last_ns)
        show("the recording", mark, differences++);
    }
    i += order <= 0;
    k += order >= 0;
  }
  return differences;
}

static void sort_marks(struct frame_marks *frames)
{
  if (frames->count > 0)
    qsort(frames->marks, frames->count, sizeof *frames->marks, compare_marks);
}

long compare_recording(const char *recording, uint32_t end, const char *capture)
{
  struct frame_marks recorded = {0}, captured = {0};
  long differences = -1;
  if (mark_recording(&recorded, recording, end) && mark_capture(&captured, capture) &&
      captured.count > 0) {
    const int64_t first_ns = captured.marks[0].time_ns;
    const int64_t last_ns = captured.marks[captured.count - 1].time_ns;
    sort_marks(&recorded);
    sort_marks(&captured);
    differences = count_differences(&recorded, &captured, first_ns, last_ns);
    printf("end %c: %zu frames recorded, %zu captured, %ld differ\n", (char)('A' + end),
           recorded.count, captured.count, differences);
  } else {
    printf("end %c: not to be compared: %zu frames recorded, %zu captured\n", (char)('A' + end),
           recorded.count, captured.count);
  }
  free(recorded.marks);
  free(captured.marks);
  return differences;
}

/* How many frames at `i` have the same content. */
static size_t alike(const struct frame_marks *frames, size_t i)
{
  size_t k = i;
  while (k < frames->count && compare_content(&frames->marks[i], &frames->marks[k]) == 0)
    k++;
  return k - i;
}

static int64_t longest_of(const struct frame_marks *here, const struct frame_marks *there)
{
  int64_t longest_ns = 0;
  size_t i = 0, k = 0;
  while (i < here->count && k < there->count) {
    const int order = compare_content(&here->marks[i], &there->marks[k]);
    const size_t same_here = alike(here, i), same_there = alike(there, k);
    if (order == 0 && same_here == 1 && same_there == 1) {
      const int64_t delay_ns = llabs(here->marks[i].time_ns - there->marks[k].time_ns);
      longest_ns = delay_ns > longest_ns ? delay_ns : longest_ns;
    }
    i += order <= 0 ? same_here : 0;
    k += order >= 0 ? same_there : 0;
  }
  return longest_ns;
}

int64_t longest_delay_ns(const char *capture, const char *other)
{
  struct frame_marks here = {0}, there = {0};
  int64_t longest_ns = -1;
  if (mark_capture(&here, capture) && mark_capture(&there, other)) {
    sort_marks(&here);
    sort_marks(&there);
    longest_ns = longest_of(&here, &there);
  }
  free(here.marks);
  free(there.marks);
  return longest_ns;
}
