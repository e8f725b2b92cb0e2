#include "capture/recorder.h"

#include "capture/net_namespace.h"
#include "capture/recorder_internal.h"
#include "wire/timestamp.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES_BYTES ((size_t)4 << 20) /* of their queue */
#define POLL_MS       10 /* the longest wait for frames: the lanes' complete_ns moves on with it */
/* Frames of one lane before the next lane has its turn: 8 MiB of the largest, a quarter of a queue.
 */
#define READ_MAX       128
#define PAUSE_NS       (INT64_C(1) * NS_PER_MS) /* while a queue is nearly full */
#define DROPS_EVERY_NS (INT64_C(100) * NS_PER_MS)
/* The kernel's buffers are emptied at the end for so long at most, if frames keep coming. */
#define DRAIN_MAX_NS (INT64_C(10) * NS_PER_S)

static int open_end(struct recorder *recorder, uint32_t index, struct error *error)
{
  const struct recorder_options *options = &recorder->options;
  const struct recorder_end_options *wanted = &options->ends[index];
  struct recorder_end *end = &recorder->ends[index];
  const char *space = wanted->network_namespace;
  int descriptor = -1;
  if (wanted->kind != RECORDER_INTERFACE)
    return error_set(error, ERROR_UNSUPPORTED, "%s: streams cannot be recorded", wanted->interface);
  end->recorder = recorder;
  end->index = index;
  end->interface = wanted->interface;
  snprintf(end->name, sizeof end->name, "%s%s%s", wanted->interface, space != NULL ? "@" : "",
           space != NULL ? space : "");
  for (int i = 0; i < LIVE_LANES; i++) {
    struct recorder_lane *lane = &end->lanes[i];
    lane->end = end;
    lane->direction = i == LIVE_IN ? PACKET_DIR_IN : PACKET_DIR_OUT;
    atomic_init(&lane->complete_ns, INT64_MIN);
    if (!frame_ring_init(&lane->ring, (size_t)(options->queue_bytes / LIVE_LANES)))
      return error_set(error, ERROR_MEMORY, "no memory for the queues");
  }
  if (space != NULL && (descriptor = net_namespace_open(space, error)) < 0)
    return descriptor;
  const struct live_options live = {.interface = wanted->interface,
                                    .network_namespace = descriptor,
                                    .filter = options->filter,
                                    .snaplen_bytes = options->snaplen_bytes,
                                    .buffer_bytes = options->buffer_bytes,
                                    .promiscuous = options->promiscuous};
  struct error why;
  int rc = live_open(&end->live, &live, &why);
  if (rc == 0 && options->sample_interval_ns > 0)
    rc = sampler_open(&end->sampler, wanted->interface, descriptor, options->sample_interval_ns,
                      &why);
  if (descriptor >= 0)
    close(descriptor);
  if (rc < 0)
    return error_set(error, why.code, "%s%s%s", space != NULL ? end->name : "",
                     space != NULL ? ": " : "", why.text);
  end->linktype = live_linktype(end->live);
  recorder->mixed_linktypes |= end->linktype != recorder->ends[0].linktype;
  return 0;
}

static int init_condition(struct recorder *recorder)
{
  pthread_condattr_t attributes;
  if (pthread_condattr_init(&attributes) != 0)
    return -1;
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  int rc = pthread_cond_init(&recorder->filled, &attributes);
  pthread_condattr_destroy(&attributes);
  return rc == 0 ? pthread_mutex_init(&recorder->mutex, NULL) : rc;
}

int recorder_open(struct recorder **recorder_out, const struct recorder_options *options,
                  struct error *error)
{
  *recorder_out = NULL;
  struct recorder *recorder = calloc(1, sizeof *recorder);
  if (recorder == NULL || init_condition(recorder) != 0) {
    free(recorder);
    return error_set(error, ERROR_MEMORY, "no memory to record");
  }
  recorder->options = *options;
  recorder->stop_ns = INT64_MAX;
  atomic_init(&recorder->captured_all, false);
  atomic_init(&recorder->samples.complete_ns, INT64_MAX);
  int rc = 0;
  if (!frame_ring_init(&recorder->samples.ring, SAMPLES_BYTES))
    rc = error_set(error, ERROR_MEMORY, "no memory for samples");
  for (uint32_t i = 0; rc == 0 && i < options->end_count; i++)
    rc = open_end(recorder, i, error);
  if (rc < 0) {
    recorder_close(recorder);
    return rc;
  }
  recorder->start_ns = recorder_clock_ns(CLOCK_REALTIME);
  *recorder_out = recorder;
  return 0;
}

static void queue_frame(void *context, const struct frame *frame)
{
  struct recorder_lane *lane = context;
  struct recorder *recorder = lane->end->recorder;
  if (frame->time_ns < recorder->start_ns || frame->time_ns > recorder->stop_ns)
    return;
  const struct frame_ring_record record = {.time_ns = frame->time_ns,
                                           .queued_ns = recorder_clock_ns(CLOCK_MONOTONIC_COARSE),
                                           .bytes = frame->captured_bytes,
                                           .tag = frame->original_bytes};
  if (!frame_ring_put(&lane->ring, &record, frame->bytes))
    atomic_fetch_add_explicit(&lane->end->own_dropped, 1, memory_order_relaxed);
}

/* The kernel may still hold a block that is not full: the lane is lost only when that is delivered.
 */
static void note_failure(struct recorder_lane *lane, const char *why)
{
  struct recorder_end *end = lane->end;
  int64_t now_ns = recorder_clock_ns(CLOCK_MONOTONIC);
  if (lane->failing_ns == 0) {
    lane->failing_ns = now_ns;
    snprintf(end->why, sizeof end->why, "%.*s", (int)sizeof end->why - 1, why);
  }
}

/* Returns true if the lane was emptied. */
static bool read_lane(struct recorder_end *end, enum live_lane which)
{
  struct recorder_lane *lane = &end->lanes[which];
  struct error error;
  if (lane->lost)
    return true;
  if (frame_ring_used_bytes(&lane->ring) > lane->ring.capacity_bytes / 4 * 3) {
    /* The kernel's buffer has room as well, and counts what it loses. */
    const struct timespec pause = {.tv_nsec = (long)PAUSE_NS};
    pthread_cond_signal(&end->recorder->filled);
    nanosleep(&pause, NULL);
    return false;
  }
  int64_t now_ns = recorder_clock_ns(CLOCK_REALTIME);
  int count = live_read(end->live, which, READ_MAX, queue_frame, lane, &error);
  if (count == READ_MAX) /* complete_ns stays: its queue holds the frames that count */
    return false;
  if (count < 0)
    note_failure(lane, error.text);
  lane->lost = lane->failing_ns != 0 &&
               recorder_clock_ns(CLOCK_MONOTONIC) - lane->failing_ns > LIVE_DELAY_NS;
  end->lost = end->lanes[LIVE_IN].lost && end->lanes[LIVE_OUT].lost;
  atomic_store(&lane->complete_ns, lane->lost ? INT64_MAX : now_ns - LIVE_DELAY_NS);
  return true;
}

static void count_drops(struct recorder *recorder)
{
  for (uint32_t i = 0; i < recorder->options.end_count; i++)
    atomic_store(&recorder->ends[i].kernel_dropped, live_dropped(recorder->ends[i].live));
}

/* One round over all lanes. Returns true if all were emptied. */
static bool read_all(struct recorder *recorder)
{
  bool emptied = true;
  for (uint32_t i = 0; i < recorder->options.end_count; i++)
    for (int lane = 0; lane < LIVE_LANES; lane++)
      emptied &= read_lane(&recorder->ends[i], (enum live_lane)lane);
  pthread_cond_signal(&recorder->filled);
  return emptied;
}

static void wait_for_blocks(const struct recorder *recorder)
{
  struct pollfd waiting[RECORDER_ENDS_MAX * LIVE_LANES];
  nfds_t count = 0;
  for (uint32_t i = 0; i < recorder->options.end_count; i++)
    for (int lane = 0; lane < LIVE_LANES; lane++)
      if (recorder->ends[i].lanes[lane].failing_ns == 0)
        waiting[count++] = (struct pollfd){
            .fd = live_descriptor(recorder->ends[i].live, (enum live_lane)lane), .events = POLLIN};
  poll(waiting, count, POLL_MS);
}

static bool all_lost(const struct recorder *recorder)
{
  for (uint32_t i = 0; i < recorder->options.end_count; i++)
    if (!recorder->ends[i].lost)
      return false;
  return true;
}

/* true: over, *ending says why. */
static bool is_over(struct recorder *recorder, int64_t begun_ns, enum recorder_ending *ending)
{
  const struct recorder_options *options = &recorder->options;
  int writer = atomic_load(&recorder->writer_ended);
  if (writer != 0)
    *ending = (enum recorder_ending)(writer - 1);
  else if (options->stop != NULL && __atomic_load_n(options->stop, __ATOMIC_RELAXED) != 0)
    *ending = RECORDER_STOPPED;
  else if (options->duration_ns > 0 &&
           recorder_clock_ns(CLOCK_MONOTONIC) - begun_ns >= options->duration_ns)
    *ending = RECORDER_DURATION;
  else if (all_lost(recorder))
    *ending = RECORDER_INTERFACES_LOST;
  else
    return false;
  return true;
}

/* Reads on until every block that was begun before the end has been delivered. */
static void drain(struct recorder *recorder)
{
  int64_t begun_ns = recorder_clock_ns(CLOCK_MONOTONIC), waited_ns;
  bool emptied;
  recorder->stop_ns = recorder_clock_ns(CLOCK_REALTIME);
  do {
    if (!all_lost(recorder))
      wait_for_blocks(recorder);
    waited_ns = recorder_clock_ns(CLOCK_MONOTONIC) - begun_ns;
    emptied = read_all(recorder);
  } while (!all_lost(recorder) && waited_ns < DRAIN_MAX_NS &&
           (!emptied || waited_ns < LIVE_DELAY_NS) && atomic_load(&recorder->writer_ended) == 0);
}

static void capture(struct recorder *recorder)
{
  int64_t begun_ns = recorder_clock_ns(CLOCK_MONOTONIC), counted_ns = 0;
  bool emptied = false;
  while (!is_over(recorder, begun_ns, &recorder->ending)) {
    if (emptied)
      wait_for_blocks(recorder);
    emptied = read_all(recorder);
    int64_t now_ns = recorder_clock_ns(CLOCK_MONOTONIC);
    if (now_ns - counted_ns >= DROPS_EVERY_NS) {
      count_drops(recorder);
      counted_ns = now_ns;
    }
  }
  drain(recorder);
  count_drops(recorder);
}

/* Signals are for the thread that captures. */
static int start_thread(struct recorder *recorder, pthread_t *thread, void *(*run)(void *))
{
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int rc = pthread_create(thread, NULL, run, recorder);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return rc;
}

static void end_writer(struct recorder *recorder, pthread_t writer)
{
  pthread_mutex_lock(&recorder->mutex);
  atomic_store(&recorder->captured_all, true);
  pthread_cond_signal(&recorder->filled);
  pthread_mutex_unlock(&recorder->mutex);
  pthread_join(writer, NULL);
}

int recorder_run(struct recorder *recorder, const struct recorder_output *output,
                 struct error *error)
{
  pthread_t writer, sampler;
  bool samples = recorder->options.sample_interval_ns > 0;
  recorder->ending = RECORDER_WRITE_FAILED;
  if (output->keep_bytes > 0)
    return error_set(error, ERROR_UNSUPPORTED, "frames cannot be kept in memory");
  int rc = output->fd >= 0 ? recorder_writer_begin(recorder, output->fd, error) : 0;
  if (rc < 0)
    return rc;
  if (start_thread(recorder, &writer, recorder_writer_main) != 0)
    return error_set(error, ERROR_MEMORY, "no second thread: %s", strerror(errno));
  if (samples && start_thread(recorder, &sampler, recorder_sampler_main) != 0) {
    end_writer(recorder, writer);
    return error_set(error, ERROR_MEMORY, "no third thread: %s", strerror(errno));
  }
  capture(recorder);
  atomic_store(&recorder->sampled_enough, true);
  if (samples)
    pthread_join(sampler, NULL);
  end_writer(recorder, writer);
  if (atomic_load(&recorder->writer_ended) != 1 + RECORDER_WRITE_FAILED)
    return 0;
  recorder->ending = RECORDER_WRITE_FAILED;
  return error_set(error, recorder->failure.code, "%s", recorder->failure.text);
}

void recorder_trigger(struct recorder *recorder, int64_t until_ns)
{
  (void)recorder;
  (void)until_ns;
}

bool recorder_is_writing(const struct recorder *recorder)
{
  return recorder->writer != NULL;
}

uint64_t recorder_file_number(const struct recorder *recorder, uint64_t number)
{
  return recorder->writer != NULL ? number : 0;
}

void recorder_finish(struct recorder *recorder)
{
  recorder->finish = true;
}

bool recorder_ask(struct recorder *recorder, const void *bytes, size_t size)
{
  const struct recorder_keeper *keeper = recorder->options.keeper;
  if (keeper == NULL || keeper->request == NULL || size > RECORDER_REQUEST_BYTES_MAX)
    return false;
  keeper->request(keeper->context, bytes, size);
  return true;
}

void recorder_get_totals(const struct recorder *recorder, struct recorder_totals *totals)
{
  *totals = (struct recorder_totals){.ending = recorder->ending,
                                     .packets = recorder->packets,
                                     .file_bytes = recorder->file_bytes,
                                     .mixed_linktypes = recorder->mixed_linktypes};
}

void recorder_get_end_totals(const struct recorder *recorder, uint32_t index,
                             struct recorder_end_totals *totals)
{
  const struct recorder_end *end = &recorder->ends[index];
  *totals = (struct recorder_end_totals){.written = end->written,
                                         .kernel_dropped = end->kernel_dropped,
                                         .own_dropped = end->own_dropped + end->given_up,
                                         .samples = end->samples,
                                         .samples_dropped = end->samples_dropped,
                                         .lost = end->lost};
  if (end->sampler != NULL)
    totals->sockets_passed_over = sampler_passed_over(end->sampler);
  memcpy(totals->name, end->name, sizeof totals->name);
  memcpy(totals->why, end->why, sizeof totals->why);
}

void recorder_close(struct recorder *recorder)
{
  if (recorder == NULL)
    return;
  if (recorder->writer != NULL)
    pcapng_writer_close(recorder->writer, NULL);
  for (uint32_t i = 0; i < recorder->options.end_count; i++) {
    live_close(recorder->ends[i].live);
    sampler_close(recorder->ends[i].sampler);
    for (int lane = 0; lane < LIVE_LANES; lane++)
      frame_ring_free(&recorder->ends[i].lanes[lane].ring);
  }
  frame_ring_free(&recorder->samples.ring);
  pthread_cond_destroy(&recorder->filled);
  pthread_mutex_destroy(&recorder->mutex);
  free(recorder);
}
