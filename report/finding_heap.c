#include "report/finding_heap.h"

#include "wire/timestamp.h"

/* Waits within a factor of two count as equally long, so that among them the certain one is told
 * first. */
static unsigned magnitude(int64_t waited_ns)
{
  unsigned bits = 0;
  for (int64_t ms = waited_ns / NS_PER_MS; ms > 0; ms /= 2)
    bits++;
  return bits;
}

/* What stood still or broke comes before a hold, which may be an upper bound only, and that before
 * facts about the path. */
static unsigned kind_order(unsigned kind)
{
  return kind == FINDING_MISMATCH ? 2 : kind == FINDING_HOLD ? 1 : 0;
}

int finding_rank_compare(const void *left, const void *right)
{
  const struct finding_record *a = left, *b = right;
  if (a->severity != b->severity)
    return a->severity > b->severity ? -1 : 1;
  if (kind_order(a->kind) != kind_order(b->kind))
    return kind_order(a->kind) < kind_order(b->kind) ? -1 : 1;
  if (magnitude(a->waited_ns) != magnitude(b->waited_ns))
    return magnitude(a->waited_ns) > magnitude(b->waited_ns) ? -1 : 1;
  if (a->confidence != b->confidence)
    return a->confidence > b->confidence ? -1 : 1;
  if (a->waited_ns != b->waited_ns)
    return a->waited_ns > b->waited_ns ? -1 : 1;
  if (a->connection_id != b->connection_id)
    return a->connection_id < b->connection_id ? -1 : 1;
  return a->id < b->id ? -1 : a->id > b->id;
}

void finding_heap_sift_up(struct finding_record *heap, uint32_t at)
{
  while (at > 0 && finding_rank_compare(&heap[(at - 1) / 2], &heap[at]) < 0) {
    const struct finding_record parent = heap[(at - 1) / 2];
    heap[(at - 1) / 2] = heap[at];
    heap[at] = parent;
    at = (at - 1) / 2;
  }
}

void finding_heap_sift_down(struct finding_record *heap, uint32_t count, uint32_t at)
{
  for (;;) {
    uint32_t weakest = at;
    for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
      if (finding_rank_compare(&heap[weakest], &heap[child]) < 0)
        weakest = child;
    if (weakest == at)
      return;
    const struct finding_record moved = heap[at];
    heap[at] = heap[weakest];
    heap[weakest] = moved;
    at = weakest;
  }
}
