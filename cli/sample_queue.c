#include "cli/sample_queue.h"

#include <stdlib.h>

#define FIRST_CAPACITY 64u

void sample_queue_clear(struct sample_queue *queue)
{
  free(queue->samples);
  *queue = (struct sample_queue){0};
}

void sample_queue_close(struct sample_queue *queue)
{
  sample_queue_clear(queue);
  queue->closed = true;
}

static void move_to_front(struct sample_queue *queue)
{
  for (size_t i = 0; i < queue->count; i++)
    queue->samples[i] = queue->samples[queue->first + i];
  queue->first = 0;
}

/* The records of one sample have one number: they stay together. */
static void thin(struct sample_queue *queue)
{
  size_t kept = 0;
  for (size_t i = 0; i < queue->count; i++)
    if (queue->samples[i].sample.number % 2 == 0)
      queue->samples[kept++] = queue->samples[i];
  if (kept == queue->count) { /* all even: every second one, then */
    kept = 0;
    for (size_t i = 0; i < queue->count; i += 2)
      queue->samples[kept++] = queue->samples[i];
  }
  queue->dropped += queue->count - kept;
  queue->count = kept;
}

static bool make_room(struct sample_queue *queue)
{
  if (queue->first + queue->count < queue->capacity)
    return true;
  if (queue->first > 0) {
    move_to_front(queue);
  } else if (queue->capacity >= SAMPLE_QUEUE_MAX) {
    thin(queue);
  } else {
    size_t capacity = queue->capacity > 0 ? 2 * queue->capacity : FIRST_CAPACITY;
    struct queued_sample *grown = realloc(queue->samples, capacity * sizeof *grown);
    if (grown == NULL)
      return false;
    queue->samples = grown;
    queue->capacity = capacity;
  }
  return queue->count < queue->capacity;
}

void sample_queue_take(void *context, const struct trace_sample *sample)
{
  struct sample_queue *queue = context;
  struct sample_records records = sample->records;
  struct sample_record record;
  uint32_t before_ns = 0;
  while (!queue->closed && sample_next(&records, &record)) {
    if (host_sample_is_late(&record, &before_ns))
      continue;
    if (!make_room(queue)) {
      queue->dropped++;
      continue;
    }
    struct queued_sample *place = &queue->samples[queue->first + queue->count];
    place->frames_before = sample->frames_before;
    place->sample =
        (struct host_sample){.number = sample->records.number, .interface = sample->interface};
    if (host_sample_read(&place->sample, &record, sample->big_endian, sample->time_ns))
      queue->count++;
  }
}

const struct queued_sample *sample_queue_first(const struct sample_queue *queue)
{
  return queue->count > 0 ? &queue->samples[queue->first] : NULL;
}

void sample_queue_drop_first(struct sample_queue *queue)
{
  queue->first++;
  queue->count--;
  if (queue->count == 0)
    queue->first = 0;
}
