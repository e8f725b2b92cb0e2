#include "replay/frame_queue.h"

#include <stddef.h>
#include <stdlib.h>

#define HEAP_FIRST 64

void frame_queue_clear(struct frame_queue *queue)
{
  for (struct queued_frame *frame = queue->head, *next = NULL; frame != NULL; frame = next) {
    next = frame->next;
    free(frame);
  }
  for (uint32_t i = 0; i < queue->heap_count; i++)
    free(queue->heap[i]);
  free(queue->heap);
  *queue = (struct frame_queue){0};
}

static bool before(const struct queued_frame *a, const struct queued_frame *b)
{
  return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static bool heap_push(struct frame_queue *queue, struct queued_frame *frame)
{
  if (queue->heap_count == queue->heap_capacity) {
    const uint32_t capacity = queue->heap_capacity == 0 ? HEAP_FIRST : 2 * queue->heap_capacity;
    struct queued_frame **heap =
        realloc(queue->heap, (size_t)capacity * sizeof(struct queued_frame *));
    if (heap == NULL)
      return false;
    queue->heap = heap;
    queue->heap_capacity = capacity;
  }
  uint32_t at = queue->heap_count++;
  while (at > 0 && before(frame, queue->heap[(at - 1) / 2])) {
    queue->heap[at] = queue->heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  queue->heap[at] = frame;
  return true;
}

static struct queued_frame *heap_pop(struct frame_queue *queue)
{
  struct queued_frame *first = queue->heap[0], *moved = queue->heap[--queue->heap_count];
  uint32_t at = 0;
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= queue->heap_count)
      break;
    if (child + 1 < queue->heap_count && before(queue->heap[child + 1], queue->heap[child]))
      child++;
    if (!before(queue->heap[child], moved))
      break;
    queue->heap[at] = queue->heap[child];
    at = child;
  }
  if (queue->heap_count > 0)
    queue->heap[at] = moved;
  return first;
}

bool frame_queue_push(struct frame_queue *queue, struct queued_frame *frame, int64_t due_ns)
{
  frame->due_ns = due_ns;
  frame->order = queue->next_order++;
  frame->next = NULL;
  if (queue->tail != NULL && due_ns < queue->tail->due_ns) {
    if (!heap_push(queue, frame))
      return false;
  } else {
    if (queue->tail != NULL)
      queue->tail->next = frame;
    else
      queue->head = frame;
    queue->tail = frame;
  }
  queue->count++;
  return true;
}

static bool heap_is_first(const struct frame_queue *queue)
{
  return queue->heap_count > 0 && (queue->head == NULL || before(queue->heap[0], queue->head));
}

int64_t frame_queue_due_ns(const struct frame_queue *queue)
{
  if (heap_is_first(queue))
    return queue->heap[0]->due_ns;
  return queue->head != NULL ? queue->head->due_ns : INT64_MAX;
}

struct queued_frame *frame_queue_pop(struct frame_queue *queue)
{
  if (queue->count == 0)
    return NULL;
  queue->count--;
  if (heap_is_first(queue))
    return heap_pop(queue);
  struct queued_frame *frame = queue->head;
  queue->head = frame->next;
  if (queue->head == NULL)
    queue->tail = NULL;
  return frame;
}
