#include "capture/recorder_reader.h"

#include "capture/net_namespace.h"
#include "wire/timestamp.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS 10 /* the longest wait for frames: the lanes' complete_ns moves on with it */
/* Frames of one lane before the next lane has its turn: 8 MiB of the largest, a quarter of a queue.
 */
#define READ_MAX      128
#define PAUSE_NS      (INT64_C(1) * NS_PER_MS)   /* while a queue is nearly full */
#define LOOK_EVERY_NS (INT64_C(100) * NS_PER_MS) /* at what was lost, and whether it is up */
/* The kernel's buffers are emptied at the end for so long at most, if frames keep coming. */
#define DRAIN_MAX_NS (INT64_C(10) * NS_PER_S)

int64_t recorder_clock_ns(clockid_t clock)
{
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* It looks by itself often enough, but for a queue that fills within milliseconds. */
static void wake_worker(const struct recorder_reader *reader)
{
  static const uint64_t one = 1;
  const struct recorder *recorder = reader->end->recorder;
  if (atomic_exchange(&recorder->shared->worker_waits, false) &&
      write(recorder->filled, &one, sizeof one) < 0)
    return; /* it is awake then */
}

bool recorder_reader_may_put(struct recorder_reader *reader, enum live_lane which)
{
  const struct frame_ring *ring = &reader->end->lanes[which].ring;
  const struct timespec pause = {.tv_nsec = (long)PAUSE_NS};
  if (frame_ring_used_bytes(ring) <= ring->capacity_bytes / 4 * 3)
    return true;
  /* The kernel's buffer has room as well, and counts what it loses. */
  wake_worker(reader);
  nanosleep(&pause, NULL);
  return false;
}

void recorder_reader_put(struct recorder_reader *reader, enum live_lane which,
                         const struct frame *frame, int64_t order_ns)
{
  const struct frame_ring_record record = {.time_ns = frame->time_ns,
                                           .order_ns = order_ns,
                                           .queued_ns = recorder_clock_ns(CLOCK_MONOTONIC_COARSE),
                                           .bytes = frame->captured_bytes,
                                           .original_bytes = frame->original_bytes,
                                           .direction = frame->direction};
  if (!frame_ring_put(&reader->end->lanes[which].ring, &record, frame->bytes))
    atomic_fetch_add_explicit(&reader->end->shared->own_dropped, 1, memory_order_relaxed);
}

static void begin_when_told(struct recorder_reader *reader)
{
  int64_t start_ns = atomic_load(&reader->end->recorder->shared->start_ns);
  if (!reader->begun && start_ns != INT64_MAX) {
    reader->begun = true;
    reader->start_ns = start_ns > reader->opened_ns ? start_ns : reader->opened_ns;
    /* what was lost before is nobody's loss */
    reader->dropped_before -= live_dropped(reader->live);
  }
}

static void queue_frame(void *context, const struct frame *frame)
{
  struct recorder_reader *reader = context;
  if (!reader->begun) /* here, as the frame may have come after the beginning */
    begin_when_told(reader);
  if (frame->time_ns >= reader->start_ns && frame->time_ns <= reader->stop_ns)
    recorder_reader_put(reader, frame->direction == PACKET_DIR_IN ? LIVE_IN : LIVE_OUT, frame,
                        frame->time_ns);
}

/* The kernel may still hold a block that is not full: the lane is lost only when that is delivered.
 */
static void note_failure(struct recorder_reader *reader, enum live_lane which,
                         const struct error *why)
{
  if (reader->failing_ns[which] != 0)
    return;
  reader->failing_ns[which] = recorder_clock_ns(CLOCK_MONOTONIC);
  reader->end->shared->why = *why;
}

/* Returns true if the lane was emptied. */
static bool read_lane(struct recorder_reader *reader, enum live_lane which)
{
  struct recorder_end *end = reader->end;
  struct error error;
  if (reader->lane_lost[which])
    return true;
  if (!recorder_reader_may_put(reader, which))
    return false;
  int64_t now_ns = recorder_clock_ns(CLOCK_REALTIME);
  int count = live_read(reader->live, which, READ_MAX, queue_frame, reader, &error);
  if (count == READ_MAX) /* complete_ns stays: its queue holds the frames that count */
    return false;
  if (count < 0)
    note_failure(reader, which, &error);
  reader->lane_lost[which] =
      reader->failing_ns[which] != 0 &&
      recorder_clock_ns(CLOCK_MONOTONIC) - reader->failing_ns[which] > LIVE_DELAY_NS;
  atomic_store(&end->shared->complete_ns[which],
               reader->lane_lost[which] ? INT64_MAX : now_ns - LIVE_DELAY_NS);
  return true;
}

static bool is_lost(const struct recorder_reader *reader)
{
  return reader->lane_lost[LIVE_IN] && reader->lane_lost[LIVE_OUT];
}

/* Both directions. Returns true if both were emptied. */
static bool read_all(struct recorder_reader *reader)
{
  bool emptied = true;
  for (int lane = 0; lane < LIVE_LANES; lane++)
    emptied &= read_lane(reader, (enum live_lane)lane);
  return emptied;
}

/* The keeper says nothing: it only goes. */
void recorder_reader_wait(struct recorder_reader *reader, int fds[], uint32_t count)
{
  struct pollfd waiting[LIVE_LANES + 1];
  for (uint32_t i = 0; i < count; i++)
    waiting[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
  waiting[count] =
      (struct pollfd){.fd = reader->keeper_gone ? -1 : reader->channel, .events = POLLIN};
  if (poll(waiting, count + 1, POLL_MS) > 0 && waiting[count].revents != 0)
    reader->keeper_gone = true;
}

static void wait_for_blocks(struct recorder_reader *reader)
{
  int fds[LIVE_LANES];
  uint32_t count = 0;
  for (int lane = 0; lane < LIVE_LANES; lane++)
    if (reader->failing_ns[lane] == 0)
      fds[count++] = live_descriptor(reader->live, (enum live_lane)lane);
  recorder_reader_wait(reader, fds, count);
}

bool recorder_reader_is_over(struct recorder_reader *reader)
{
  const struct recorder_shared *shared = reader->end->recorder->shared;
  int64_t stop_ns = atomic_load(&shared->stop_ns);
  if (stop_ns == INT64_MAX && !reader->keeper_gone)
    return false;
  reader->stop_ns = stop_ns != INT64_MAX ? stop_ns : recorder_clock_ns(CLOCK_REALTIME);
  return true;
}

/* Reads on until every block that was begun before the end has been delivered. */
static void drain(struct recorder_reader *reader)
{
  int64_t begun_ns = recorder_clock_ns(CLOCK_MONOTONIC), waited_ns;
  bool emptied;
  do {
    wait_for_blocks(reader);
    waited_ns = recorder_clock_ns(CLOCK_MONOTONIC) - begun_ns;
    emptied = read_all(reader);
  } while (!is_lost(reader) && waited_ns < DRAIN_MAX_NS && (!emptied || waited_ns < LIVE_DELAY_NS));
}

/* Nothing can be captured until it is up again, and nobody else would tell. */
static void look_whether_down(struct recorder_reader *reader)
{
  struct error why;
  if (!live_is_down(reader->live))
    return;
  error_set(&why, ERROR_IO, "it is down");
  for (int lane = 0; lane < LIVE_LANES; lane++)
    note_failure(reader, (enum live_lane)lane, &why);
}

static void count_drops(struct recorder_reader *reader)
{
  atomic_store(&reader->end->shared->kernel_dropped,
               reader->dropped_before + live_dropped(reader->live));
}

static void read_interface(struct recorder_reader *reader)
{
  int64_t looked_ns = 0;
  bool emptied = false;
  while (!recorder_reader_is_over(reader) && !is_lost(reader)) {
    if (emptied)
      wait_for_blocks(reader);
    begin_when_told(reader);
    emptied = read_all(reader);
    int64_t now_ns = recorder_clock_ns(CLOCK_MONOTONIC);
    if (reader->begun && now_ns - looked_ns >= LOOK_EVERY_NS) {
      look_whether_down(reader);
      count_drops(reader);
      looked_ns = now_ns;
    }
  }
  drain(reader);
  if (reader->begun)
    count_drops(reader);
}

static int open_live(struct recorder_reader *reader, struct error *error)
{
  const struct recorder_options *options = &reader->end->recorder->options;
  const struct recorder_end_options *wanted = recorder_end_wanted(reader->end);
  const struct live_options live = {.interface = wanted->interface,
                                    .network_namespace = reader->end->network_namespace,
                                    .filter = options->filter,
                                    .snaplen_bytes = options->snaplen_bytes,
                                    .buffer_bytes = options->buffer_bytes,
                                    .promiscuous = options->promiscuous};
  const struct sampler_options sampler = {.interface = wanted->interface,
                                          .network_namespace = reader->end->network_namespace,
                                          .interval_ns = options->sample_interval_ns,
                                          .first_number =
                                              atomic_load(&reader->end->shared->samples)};
  int rc = live_open(&reader->live, &live, error);
  if (rc == 0 && options->sample_interval_ns > 0)
    rc = sampler_open(&reader->sampler, &sampler, error);
  if (rc == 0)
    atomic_store(&reader->end->shared->linktype, live_linktype(reader->live));
  atomic_store(&reader->end->shared->has_samples, reader->sampler != NULL);
  reader->opened_ns = recorder_clock_ns(CLOCK_REALTIME);
  return rc;
}

/* What this process has been given by its parent, and does not need. */
static void close_others(const struct recorder_end *end, int channel)
{
  const int kept[] = {channel, end->recorder->filled, end->stream_fd, end->network_namespace};
  recorder_close_others(kept, sizeof kept / sizeof *kept);
}

/* Signals that end the whole program are the keeper's matter. */
void recorder_ignore_signals(void)
{
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    signal(numbers[i], SIG_IGN);
}

static void tell_state(struct recorder_reader *reader, enum recorder_reader_state state)
{
  atomic_store(&reader->end->shared->state, (int)state);
  if (send(reader->channel, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    return; /* the keeper is gone */
}

void recorder_reader_tell_reading(struct recorder_reader *reader)
{
  tell_state(reader, RECORDER_READER_READING);
}

_Noreturn static void refuse(struct recorder_reader *reader, const struct error *error)
{
  reader->end->shared->why = *error;
  tell_state(reader, RECORDER_READER_REFUSED);
  _exit(1);
}

static void confine(struct recorder_reader *reader, int rights)
{
  struct recorder_calls calls = {.write_fds = {reader->end->recorder->filled, STDERR_FILENO},
                                 .netlink_fds = {-1, -1},
                                 .channel = reader->channel};
  if (reader->sampler != NULL)
    sampler_descriptors(reader->sampler, calls.netlink_fds);
  rights |= recorder_rights_confine(&calls);
  atomic_store(&reader->end->shared->rights, (unsigned)rights);
}

_Noreturn void recorder_reader_main(struct recorder *recorder, uint32_t index, int channel)
{
  struct recorder_end *end = &recorder->ends[index];
  struct recorder_reader reader = {.end = end,
                                   .channel = channel,
                                   .start_ns = INT64_MAX,
                                   .stop_ns = INT64_MAX,
                                   .dropped_before = atomic_load(&end->shared->kernel_dropped)};
  struct error error;
  bool stream = recorder_end_wanted(end)->kind == RECORDER_STREAM;
  recorder_ignore_signals();
  close_others(end, channel);
  int rc = stream ? recorder_reader_open_stream(&reader, &error) : open_live(&reader, &error);
  int rights = rc == 0 ? recorder_rights_drop(&recorder->identity, &error) : rc;
  if (rights >= 0 && reader.sampler != NULL && recorder_reader_start_sampling(&reader) != 0)
    rights = error_set(&error, ERROR_MEMORY, "no thread to sample with: %s", strerror(errno));
  if (rights < 0)
    refuse(&reader, &error);
  recorder_rights_follow_parent();
  confine(&reader, rights);
  if (stream) {
    recorder_reader_read_stream(&reader);
  } else {
    recorder_reader_tell_reading(&reader);
    read_interface(&reader);
  }
  recorder_reader_end_sampling(&reader);
  for (int lane = 0; lane < RECORDER_LANES; lane++)
    atomic_store(&end->shared->complete_ns[lane], INT64_MAX);
  tell_state(&reader,
             reader.stop_ns != INT64_MAX ? RECORDER_READER_FINISHED : RECORDER_READER_GONE);
  _exit(0);
}
