#include "tests/bench/far_end.h"

#include <stdlib.h>

/* When the clock began to gain: before any capture of the bench. */
#define SKEW_SINCE_NS INT64_C(1699999000000000000)

static bool earlier(const struct far_segment *a, const struct far_segment *b)
{
  return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->number < b->number);
}

static void swap(struct far_segment *a, struct far_segment *b)
{
  const struct far_segment saved = *a;
  *a = *b;
  *b = saved;
}

static void sink(struct far_end *far)
{
  for (size_t at = 0;;) {
    size_t child = 2 * at + 1;
    if (child >= far->count)
      return;
    if (child + 1 < far->count && earlier(&far->waiting[child + 1], &far->waiting[child]))
      child++;
    if (!earlier(&far->waiting[child], &far->waiting[at]))
      return;
    swap(&far->waiting[at], &far->waiting[child]);
    at = child;
  }
}

/* Writes what comes before until_ns. */
static void settle(struct far_end *far, int64_t until_ns)
{
  while (far->count > 0 && far->waiting[0].at_ns < until_ns) {
    const struct far_segment *first = &far->waiting[0];
    const int64_t skew_ns = (first->at_ns - SKEW_SINCE_NS) * FAR_SKEW_PPM / 1000000;
    segment_write(&far->writer, first->at_ns + FAR_OFFSET_NS + skew_ns, &first->segment);
    far->waiting[0] = far->waiting[--far->count];
    sink(far);
  }
}

int far_end_open(struct far_end *far, const char *path)
{
  *far = (struct far_end){0};
  return segment_writer_open(&far->writer, path);
}

void far_end_write(struct far_end *far, int64_t now_ns, int64_t at_ns,
                   const struct segment *segment)
{
  if (far->count == far->room) {
    const size_t room = far->room > 0 ? 2 * far->room : 1024;
    struct far_segment *grown = realloc(far->waiting, room * sizeof *grown);
    if (!grown) {
      far->writer.failed = true;
      return;
    }
    far->waiting = grown;
    far->room = room;
  }
  size_t at = far->count++;
  far->waiting[at] = (struct far_segment){at_ns, far->number++, *segment};
  for (; at > 0 && earlier(&far->waiting[at], &far->waiting[(at - 1) / 2]); at = (at - 1) / 2)
    swap(&far->waiting[at], &far->waiting[(at - 1) / 2]);
  settle(far, now_ns - FAR_DELAY_MAX_NS);
}

int far_end_close(struct far_end *far)
{
  settle(far, INT64_MAX);
  free(far->waiting);
  return segment_writer_close(&far->writer);
}
