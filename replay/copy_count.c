#include "replay/copy_count.h"

#include <string.h>

/* Makes room for one stretch at `at`; the caller has seen to it that there is some. */
static struct copy_stretch *open_gap(struct copy_count *copies, uint32_t at)
{
  struct copy_stretch *stretch = &copies->stretches[at];
  memmove(stretch + 1, stretch, (copies->count - at) * sizeof *stretch);
  copies->count++;
  return stretch;
}

/* Splits stretch `at` before byte `middle`, which is inside it. */
static void split(struct copy_count *copies, uint32_t at, int64_t middle)
{
  struct copy_stretch *second = open_gap(copies, at + 1);
  *second = copies->stretches[at];
  second->first = middle;
  copies->stretches[at].end = middle;
}

static uint32_t find(const struct copy_count *copies, uint32_t flow, int64_t first)
{
  uint32_t at = 0;
  while (at < copies->count &&
         (copies->stretches[at].flow < flow ||
          (copies->stretches[at].flow == flow && copies->stretches[at].end <= first)))
    at++;
  return at;
}

uint32_t copy_count_add(struct copy_count *copies, uint32_t flow, int64_t first, int64_t end)
{
  uint32_t least = UINT32_MAX, at = find(copies, flow, first);
  while (first < end) {
    if (copies->count + 2 > COPY_COUNT_MAX) { /* at most one gap and one split a turn */
      copies->overflows++;
      return least == UINT32_MAX ? 1 : least + 1;
    }
    struct copy_stretch *stretch = &copies->stretches[at];
    if (at == copies->count || stretch->flow != flow || stretch->first > first) {
      int64_t gap_end = end;
      if (at < copies->count && stretch->flow == flow && stretch->first < end)
        gap_end = stretch->first;
      *open_gap(copies, at) =
          (struct copy_stretch){.flow = flow, .first = first, .end = gap_end, .copies = 1};
      least = 0;
      first = gap_end;
      at++;
      continue;
    }
    if (stretch->first < first) {
      split(copies, at, first);
      at++;
      continue;
    }
    if (stretch->end > end)
      split(copies, at, end);
    stretch = &copies->stretches[at];
    if (stretch->copies < least)
      least = stretch->copies;
    stretch->copies++;
    first = stretch->end;
    at++;
  }
  return least + 1;
}
