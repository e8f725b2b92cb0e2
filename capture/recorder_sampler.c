#include "capture/recorder_reader.h"
#include "wire/timestamp.h"

#include <time.h>

/* The longest sleep: how late the end of a recording may be noticed. */
#define SLEEP_NS_MAX (INT64_C(20) * NS_PER_MS)

void recorder_reader_put_sample(struct recorder_reader *reader, int64_t time_ns, int64_t order_ns,
                                const uint8_t *bytes, size_t size)
{
  struct recorder_end *end = reader->end;
  const struct frame_ring_record record = {.time_ns = time_ns,
                                           .order_ns = order_ns,
                                           .queued_ns = recorder_clock_ns(CLOCK_MONOTONIC),
                                           .bytes = (uint32_t)size};
  if (!frame_ring_put(&end->lanes[RECORDER_LANE_SAMPLES].ring, &record, bytes))
    atomic_fetch_add(&end->shared->samples_dropped, 1);
}

static void take_sample(void *context, int64_t time_ns, const uint8_t *bytes, size_t size)
{
  recorder_reader_put_sample(context, time_ns, time_ns, bytes, size);
}

static void *sample(void *argument)
{
  struct recorder_reader *reader = argument;
  struct recorder_shared_end *shared = reader->end->shared;
  while (!atomic_load(&reader->sampled_enough)) {
    int64_t now_ns = recorder_clock_ns(CLOCK_MONOTONIC);
    int64_t sleep_ns = sampler_run(reader->sampler, now_ns, take_sample, reader) -
                       recorder_clock_ns(CLOCK_MONOTONIC);
    atomic_store(&shared->samples, sampler_next_number(reader->sampler));
    atomic_store(&shared->sockets_passed_over, sampler_passed_over(reader->sampler));
    if (sleep_ns > SLEEP_NS_MAX)
      sleep_ns = SLEEP_NS_MAX;
    /* Until it wakes up no sample is begun, so frames need not wait for one. */
    if (sleep_ns > 0) {
      const struct timespec pause = {.tv_nsec = (long)sleep_ns};
      atomic_store(&shared->complete_ns[RECORDER_LANE_SAMPLES],
                   recorder_clock_ns(CLOCK_REALTIME) + sleep_ns);
      nanosleep(&pause, NULL);
    }
  }
  atomic_store(&shared->complete_ns[RECORDER_LANE_SAMPLES], INT64_MAX);
  return NULL;
}

int recorder_reader_start_sampling(struct recorder_reader *reader)
{
  return pthread_create(&reader->sampling, NULL, sample, reader);
}

void recorder_reader_end_sampling(struct recorder_reader *reader)
{
  if (reader->sampler == NULL)
    return;
  atomic_store(&reader->sampled_enough, true);
  pthread_join(reader->sampling, NULL);
}
