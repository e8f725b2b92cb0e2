#include "capture/recorder_internal.h"
#include "wire/timestamp.h"

#include <time.h>

/* The longest sleep: how late the end of a recording may be noticed. */
#define SLEEP_NS_MAX (INT64_C(20) * NS_PER_MS)

static void queue_sample(void *context, int64_t time_ns, const uint8_t *bytes, size_t size)
{
  struct recorder_end *end = context;
  const struct frame_ring_record record = {.time_ns = time_ns,
                                           .queued_ns = recorder_clock_ns(CLOCK_MONOTONIC),
                                           .bytes = (uint32_t)size,
                                           .tag = end->index};
  if (!frame_ring_put(&end->recorder->samples.ring, &record, bytes))
    end->samples_dropped++;
}

/* Returns when somebody is due again, CLOCK_MONOTONIC. */
static int64_t run_all(struct recorder *recorder)
{
  int64_t next_ns = INT64_MAX;
  for (uint32_t i = 0; i < recorder->options.end_count; i++) {
    struct recorder_end *end = &recorder->ends[i];
    int64_t due_ns =
        sampler_run(end->sampler, recorder_clock_ns(CLOCK_MONOTONIC), queue_sample, end);
    if (due_ns < next_ns)
      next_ns = due_ns;
  }
  return next_ns;
}

void *recorder_sampler_main(void *argument)
{
  struct recorder *recorder = argument;
  while (!atomic_load(&recorder->sampled_enough)) {
    int64_t sleep_ns = run_all(recorder) - recorder_clock_ns(CLOCK_MONOTONIC);
    if (sleep_ns > SLEEP_NS_MAX)
      sleep_ns = SLEEP_NS_MAX;
    /* Until it wakes up no sample is begun, so frames need not wait for one. */
    if (sleep_ns > 0) {
      const struct timespec pause = {.tv_nsec = (long)sleep_ns};
      atomic_store(&recorder->samples.complete_ns, recorder_clock_ns(CLOCK_REALTIME) + sleep_ns);
      nanosleep(&pause, NULL);
    }
  }
  atomic_store(&recorder->samples.complete_ns, INT64_MAX);
  return NULL;
}
