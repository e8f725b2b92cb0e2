#include "capture/recorder_internal.h"
#include "wire/sample_format.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define STATISTICS_EVERY_NS NS_PER_S
#define WAIT_NS             (INT64_C(10) * NS_PER_MS) /* for frames, at most */
#define BATCH               4096                      /* frames between two looks around */
#define TICK_EVERY_NS       (INT64_C(10) * NS_PER_MS)

int64_t recorder_clock_ns(clockid_t clock)
{
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* Says what is missing where a tool dropped the samples. */
#define SAMPLES_FOLLOW                                                                             \
  SAMPLE_INTERFACE_COMMENT ": this host's sockets and queues are sampled in statistics blocks"

static int write_interface(struct recorder *recorder, const struct recorder_end *end,
                           struct error *error)
{
  const char description[] = {(char)('A' + end->index), '\0'};
  const struct pcapng_interface interface = {.name = end->name,
                                             .description = description,
                                             .filter = recorder->options.filter,
                                             .comment =
                                                 end->sampler != NULL ? SAMPLES_FOLLOW : NULL,
                                             .linktype = end->linktype,
                                             .snaplen_bytes = recorder->options.snaplen_bytes};
  int rc = pcapng_writer_interface(recorder->writer, &interface, error);
  return rc < 0 ? rc : 0;
}

int recorder_writer_begin(struct recorder *recorder, int fd, struct error *error)
{
  int rc = pcapng_writer_open(&recorder->writer, fd, recorder->options.application, error);
  for (uint32_t i = 0; rc == 0 && i < recorder->options.end_count; i++)
    rc = write_interface(recorder, &recorder->ends[i], error);
  return rc == 0 ? pcapng_writer_flush(recorder->writer, error) : rc;
}

/* The counters of time_ns, and a sample if there are bytes of one. */
static int write_statistics(struct recorder *recorder, const struct recorder_end *end,
                            int64_t time_ns, int64_t end_ns, const uint8_t *sample,
                            size_t sample_bytes, struct error *error)
{
  uint64_t dropped = atomic_load(&end->kernel_dropped) + atomic_load(&end->own_dropped);
  const struct pcapng_statistics statistics = {.interface = end->index,
                                               .time_ns = time_ns,
                                               .start_ns = recorder->start_ns,
                                               .end_ns = end_ns,
                                               .received = end->written + dropped,
                                               .dropped = dropped,
                                               .delivered = end->written,
                                               .custom = sample,
                                               .custom_bytes = sample_bytes,
                                               .custom_pen = SAMPLE_PEN};
  return pcapng_writer_statistics_block(recorder->writer, &statistics, error);
}

static int write_all_statistics(struct recorder *recorder, struct error *error)
{
  int64_t now_ns = recorder_clock_ns(CLOCK_REALTIME);
  int rc = 0;
  for (uint32_t i = 0; rc == 0 && i < recorder->options.end_count; i++)
    rc = write_statistics(recorder, &recorder->ends[i], now_ns, TIME_INVALID, NULL, 0, error);
  return rc;
}

/* The last of each interface: with the time when the capture ended, and that no sample follows. */
static int write_last_statistics(struct recorder *recorder, struct error *error)
{
  int64_t now_ns = recorder_clock_ns(CLOCK_REALTIME);
  int rc = 0;
  for (uint32_t i = 0; rc == 0 && i < recorder->options.end_count; i++) {
    const struct recorder_end *end = &recorder->ends[i];
    uint8_t last[SAMPLE_PREAMBLE_BYTES];
    struct sample_builder builder = {0};
    if (end->sampler != NULL)
      sample_begin(&builder, last, sizeof last, sampler_count(end->sampler), true);
    rc = write_statistics(recorder, end, now_ns, recorder->stop_ns, builder.bytes,
                          builder.bytes_used, error);
  }
  return rc;
}

static uint32_t lane_count(const struct recorder *recorder)
{
  return recorder->options.end_count * LIVE_LANES + 1;
}

static struct recorder_lane *lane_at(struct recorder *recorder, uint32_t index)
{
  uint32_t end = index / LIVE_LANES;
  return end < recorder->options.end_count ? &recorder->ends[end].lanes[index % LIVE_LANES]
                                           : &recorder->samples;
}

/* The lane whose first frame is the oldest, if it may be written now; else NULL. */
static struct recorder_lane *choose(struct recorder *recorder, bool captured_all, int64_t now_ns)
{
  struct recorder_lane *oldest = NULL;
  const struct frame_ring_record *first = NULL;
  int64_t complete_ns = INT64_MAX;
  for (uint32_t i = 0; i < lane_count(recorder); i++) {
    struct recorder_lane *lane = lane_at(recorder, i);
    /* Read before the queue is looked at: if that is empty then, this holds for it. */
    int64_t lane_ns = atomic_load(&lane->complete_ns);
    const struct frame_ring_record *front = frame_ring_front(&lane->ring);
    if (front == NULL && lane_ns < complete_ns)
      complete_ns = lane_ns;
    if (front != NULL && (first == NULL || front->time_ns < first->time_ns)) {
      oldest = lane;
      first = front;
    }
  }
  if (first == NULL || captured_all || first->time_ns < complete_ns ||
      now_ns - first->queued_ns > RECORDER_HOLD_MAX_NS ||
      frame_ring_used_bytes(&oldest->ring) > oldest->ring.capacity_bytes / 2)
    return oldest;
  return NULL;
}

static void note_flushed(struct recorder *recorder)
{
  for (uint32_t i = 0; i < recorder->options.end_count; i++)
    recorder->ends[i].in_file = recorder->ends[i].written;
}

static int write_sample(struct recorder *recorder, struct error *error)
{
  const struct recorder_observer *observer = recorder->options.observer;
  const struct frame_ring_record *record = frame_ring_front(&recorder->samples.ring);
  struct recorder_end *end = &recorder->ends[record->tag];
  const uint8_t *bytes = (const uint8_t *)(record + 1);
  int rc = 0;
  if (observer != NULL && observer->sample != NULL)
    observer->sample(observer->context, end->index, record->time_ns, bytes, record->bytes);
  if (recorder->writer != NULL)
    rc =
        write_statistics(recorder, end, record->time_ns, TIME_INVALID, bytes, record->bytes, error);
  frame_ring_release(&recorder->samples.ring, record);
  end->samples += rc == 0 ? 1 : 0;
  return rc;
}

static void show_frame(struct recorder *recorder, const struct recorder_lane *lane,
                       const struct frame_ring_record *record)
{
  const struct recorder_observer *observer = recorder->options.observer;
  const struct frame frame = {.time_ns = record->time_ns,
                              .number = ++recorder->frames_seen,
                              .interface = lane->end->index,
                              .linktype = lane->end->linktype,
                              .captured_bytes = record->bytes,
                              .original_bytes = record->tag,
                              .direction = lane->direction,
                              .bytes = (const uint8_t *)(record + 1)};
  if (observer != NULL && observer->frame != NULL)
    observer->frame(observer->context, lane->end->index, &frame);
}

static int write_frame(struct recorder *recorder, struct recorder_lane *lane, struct error *error)
{
  const struct frame_ring_record *record = frame_ring_front(&lane->ring);
  const struct pcapng_packet packet = {.interface = lane->end->index,
                                       .time_ns = record->time_ns,
                                       .bytes = (const uint8_t *)(record + 1),
                                       .captured_bytes = record->bytes,
                                       .original_bytes = record->tag,
                                       .direction = lane->direction,
                                       .packet_id = recorder->packets + 1};
  show_frame(recorder, lane, record);
  if (recorder->writer == NULL) {
    frame_ring_release(&lane->ring, record);
    return 0;
  }
  uint64_t before = pcapng_writer_flushed_bytes(recorder->writer);
  int rc = pcapng_writer_packet(recorder->writer, &packet, error);
  frame_ring_release(&lane->ring, record);
  if (pcapng_writer_flushed_bytes(recorder->writer) != before)
    note_flushed(recorder);
  if (rc < 0) {
    lane->end->given_up++;
    return rc;
  }
  lane->end->written++;
  recorder->packets++;
  return 0;
}

static uint64_t file_bytes(const struct recorder *recorder)
{
  return recorder->writer != NULL ? pcapng_writer_bytes(recorder->writer) : 0;
}

static bool reached(uint64_t value, uint64_t limit)
{
  return limit != 0 && value >= limit;
}

/* 1: wrote all that may be written now; 0: there is more; negative: error_code. */
static int write_batch(struct recorder *recorder, bool captured_all, struct error *error)
{
  const struct recorder_options *options = &recorder->options;
  int64_t now_ns = recorder_clock_ns(CLOCK_MONOTONIC);
  for (int i = 0; i < BATCH; i++) {
    if (reached(recorder->packets, options->packets_max) ||
        reached(file_bytes(recorder), options->file_bytes_max) || recorder->finish)
      return 0;
    struct recorder_lane *lane = choose(recorder, captured_all, now_ns);
    if (lane == NULL)
      return 1;
    int rc = lane->end != NULL ? write_frame(recorder, lane, error) : write_sample(recorder, error);
    if (rc < 0)
      return rc;
  }
  return 0;
}

static void wait_for_frames(struct recorder *recorder)
{
  struct timespec until;
  int64_t until_ns = recorder_clock_ns(CLOCK_MONOTONIC) + WAIT_NS;
  until.tv_sec = (time_t)(until_ns / NS_PER_S);
  until.tv_nsec = (long)(until_ns % NS_PER_S);
  pthread_mutex_lock(&recorder->mutex);
  if (!atomic_load(&recorder->captured_all))
    pthread_cond_timedwait(&recorder->filled, &recorder->mutex, &until);
  pthread_mutex_unlock(&recorder->mutex);
}

/* As long as there is nothing to do the file is up to date: whatever ends the program then loses
 * nothing that was written here. */
static int settle(struct recorder *recorder, struct error *error)
{
  int64_t now_ns = recorder_clock_ns(CLOCK_MONOTONIC);
  int rc = 0;
  if (recorder->writer == NULL)
    return 0;
  if (now_ns >= recorder->statistics_due_ns) {
    recorder->statistics_due_ns = now_ns + STATISTICS_EVERY_NS;
    rc = write_all_statistics(recorder, error);
  }
  if (rc == 0)
    rc = pcapng_writer_flush(recorder->writer, error);
  if (rc == 0)
    note_flushed(recorder);
  return rc;
}

static void tell_time(struct recorder *recorder)
{
  const struct recorder_observer *observer = recorder->options.observer;
  int64_t now_ns = recorder_clock_ns(CLOCK_MONOTONIC), complete_ns = INT64_MAX;
  if (observer == NULL || observer->tick == NULL || now_ns < recorder->tick_due_ns)
    return;
  recorder->tick_due_ns = now_ns + TICK_EVERY_NS;
  for (uint32_t i = 0; i < lane_count(recorder); i++) {
    struct recorder_lane *lane = lane_at(recorder, i);
    int64_t lane_ns = atomic_load(&lane->complete_ns);
    const struct frame_ring_record *front = frame_ring_front(&lane->ring);
    if (front != NULL && (lane_ns > front->time_ns))
      lane_ns = front->time_ns;
    if (lane_ns < complete_ns)
      complete_ns = lane_ns;
  }
  int64_t real_ns = recorder_clock_ns(CLOCK_REALTIME);
  observer->tick(observer->context, real_ns, complete_ns < real_ns ? complete_ns : real_ns);
}

/* Returns 1 + enum recorder_ending, or 0: everything was captured, and written. */
static int write_until_end(struct recorder *recorder)
{
  for (;;) {
    bool captured_all = atomic_load(&recorder->captured_all);
    int rc = write_batch(recorder, captured_all, &recorder->failure);
    tell_time(recorder);
    if (rc >= 0 && reached(recorder->packets, recorder->options.packets_max))
      return 1 + RECORDER_PACKETS;
    if (rc >= 0 && reached(file_bytes(recorder), recorder->options.file_bytes_max))
      return 1 + RECORDER_SIZE;
    if (rc >= 0 && recorder->finish)
      return 1 + RECORDER_OBSERVER;
    if (rc == 1 && captured_all)
      return 0;
    if (rc == 1) {
      rc = settle(recorder, &recorder->failure);
      if (rc == 0)
        wait_for_frames(recorder);
    }
    if (rc < 0)
      return 1 + RECORDER_WRITE_FAILED;
  }
}

/* What was not flushed and what is in the queues when writing has failed never comes into the file.
 */
static void give_up_rest(struct recorder *recorder)
{
  recorder->packets = 0;
  for (uint32_t i = 0; i < recorder->options.end_count; i++) {
    struct recorder_end *end = &recorder->ends[i];
    end->given_up += end->written - end->in_file;
    end->written = end->in_file;
    recorder->packets += end->in_file;
  }
  for (uint32_t i = 0; i < lane_count(recorder); i++) {
    struct recorder_lane *lane = lane_at(recorder, i);
    const struct frame_ring_record *front;
    while ((front = frame_ring_front(&lane->ring)) != NULL) {
      frame_ring_release(&lane->ring, front);
      if (lane->end != NULL)
        lane->end->given_up++;
    }
  }
}

static void tell_end(const struct recorder *recorder)
{
  const struct recorder_observer *observer = recorder->options.observer;
  if (observer != NULL && observer->end != NULL)
    observer->end(observer->context, recorder_clock_ns(CLOCK_REALTIME));
}

static int close_file(struct recorder *recorder, bool failed, struct error *error)
{
  struct error closing;
  int rc = 0;
  if (recorder->writer == NULL)
    return 0;
  if (!failed)
    rc = write_last_statistics(recorder, error);
  recorder->file_bytes = failed ? pcapng_writer_flushed_bytes(recorder->writer)
                                : pcapng_writer_bytes(recorder->writer);
  int closed = pcapng_writer_close(recorder->writer, &closing);
  recorder->writer = NULL;
  return rc < 0 || closed == 0 ? rc : error_set(error, closing.code, "%s", closing.text);
}

void *recorder_writer_main(void *argument)
{
  struct recorder *recorder = argument;
  int ended = write_until_end(recorder);
  atomic_store(&recorder->writer_ended, ended);
  while (!atomic_load(&recorder->captured_all)) /* the counters are final only then */
    wait_for_frames(recorder);
  if (ended == 1 + RECORDER_WRITE_FAILED)
    give_up_rest(recorder);
  tell_end(recorder);
  struct error closing;
  int rc = close_file(recorder, ended == 1 + RECORDER_WRITE_FAILED, &closing);
  if (ended != 1 + RECORDER_WRITE_FAILED && rc < 0) {
    recorder->failure = closing;
    atomic_store(&recorder->writer_ended, 1 + RECORDER_WRITE_FAILED);
  }
  return NULL;
}
