#include "capture/recorder_worker.h"

#include "capture/recorder_channel.h"
#include "capture/recorder_reader.h"
#include "wire/timestamp.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STATISTICS_EVERY_NS NS_PER_S
#define TICK_EVERY_NS       (INT64_C(10) * NS_PER_MS)
#define WAIT_MS             10   /* for frames: they are shown later than that anyhow */
#define BATCH               4096 /* records between two looks around */
/* The readers end by themselves when the keeper is gone, and the worker after them. */
#define ORPHAN_NS NS_PER_S

/* Fetches the lane's first record; false: there is none. */
static bool look(struct recorder_worker_lane *at)
{
  struct recorder_lane *lane = at->lane;
  if (lane->has_front || lane->damaged)
    return lane->has_front;
  switch (frame_ring_front(&lane->ring, &lane->front, &lane->bytes)) {
  case FRAME_RING_RECORD: lane->has_front = true; break;
  case FRAME_RING_DAMAGED:
    lane->damaged = true;
    atomic_store(&at->end->shared->damaged, true);
    break;
  case FRAME_RING_EMPTY: break;
  }
  return lane->has_front;
}

/* The lane whose first record is the oldest, if it may be shown now; else NULL. */
static struct recorder_worker_lane *choose(struct recorder_worker *worker, bool captured_all,
                                           int64_t now_ns)
{
  struct recorder_worker_lane *oldest = NULL;
  int64_t complete_ns = INT64_MAX;
  for (uint32_t i = 0; i < worker->lane_count; i++) {
    struct recorder_worker_lane *at = &worker->lanes[i];
    /* Read before the queue is looked at: if that is empty then, this holds for it. */
    int64_t lane_ns = at->lane->has_front ? INT64_MAX : atomic_load(at->complete_ns);
    if (look(at)) {
      if (oldest == NULL || at->lane->front.order_ns < oldest->lane->front.order_ns)
        oldest = at;
    } else if (lane_ns < complete_ns && !at->lane->damaged) {
      complete_ns = lane_ns;
    }
  }
  if (oldest == NULL || captured_all)
    return oldest;
  const struct recorder_lane *lane = oldest->lane;
  if (lane->front.order_ns < complete_ns || now_ns - lane->front.queued_ns > RECORDER_HOLD_MAX_NS ||
      frame_ring_used_bytes(&lane->ring) > lane->ring.capacity_bytes / 2)
    return oldest;
  return NULL;
}

static void release(struct recorder_lane *lane)
{
  lane->has_front = false;
  frame_ring_release(&lane->ring, &lane->front);
}

static void count_drops(struct recorder_worker *worker, uint32_t end)
{
  worker->now[end].dropped = recorder_dropped(worker->recorder, end);
}

static struct frame frame_of(const struct recorder *recorder, const struct recorder_item *item)
{
  return (struct frame){.time_ns = item->time_ns,
                        .number = item->number,
                        .interface = item->end,
                        .linktype = atomic_load(&recorder->ends[item->end].shared->linktype),
                        .captured_bytes = item->size,
                        .original_bytes = item->original_bytes,
                        .direction = item->direction,
                        .bytes = item->bytes};
}

static void observe(struct recorder_worker *worker, const struct recorder_item *item)
{
  const struct recorder_observer *observer = worker->recorder->options.observer;
  if (item->kind == RECORDER_FRAME && observer != NULL && observer->frame != NULL) {
    const struct frame frame = frame_of(worker->recorder, item);
    observer->frame(observer->context, item->end, &frame);
  } else if (item->kind == RECORDER_SAMPLE && observer != NULL && observer->sample != NULL) {
    observer->sample(observer->context, item->end, item->time_ns, item->bytes, item->size);
  }
}

/* Everything that is kept goes into the file. */
static int begin_writing(struct recorder_worker *worker, struct error *error)
{
  struct recorder_item item;
  int rc = 0;
  worker->writing = true;
  worker->file.span_open = false;
  if (worker->file.writer == NULL)
    rc = recorder_files_next(worker->recorder, worker->file.keep.before, error);
  uint64_t number = worker->frames_seen - worker->file.keep.frames;
  while (rc == 0 && recorder_keep_front(&worker->file.keep, &item)) {
    if (item.kind == RECORDER_FRAME)
      item.number = ++number;
    rc = recorder_file_put(worker->recorder, &item, error);
    recorder_keep_release(&worker->file.keep);
  }
  return rc;
}

static int end_writing(struct recorder_worker *worker, struct error *error)
{
  worker->writing = false;
  return recorder_file_flush(worker->recorder, error);
}

/* After the observer saw it, and before it is written. */
static int follow_trigger(struct recorder_worker *worker, int64_t time_ns, struct error *error)
{
  if (!worker->keeps)
    return 0;
  if (worker->writing && time_ns > worker->until_ns)
    return end_writing(worker, error);
  if (!worker->writing && time_ns <= worker->until_ns)
    return begin_writing(worker, error);
  return 0;
}

/* Shows it, and writes or keeps it. */
static int take(struct recorder_worker *worker, struct recorder_item *item, struct error *error)
{
  if (item->kind == RECORDER_FRAME)
    item->number = worker->frames_seen + 1;
  observe(worker, item);
  int rc = follow_trigger(worker, item->order_ns, error);
  if (item->kind == RECORDER_FRAME) {
    worker->frames_seen++;
    worker->now[item->end].seen++;
  }
  if (rc < 0)
    return rc;
  if (item->kind != RECORDER_FRAME) {
    count_drops(worker, item->end);
    item->counters = worker->now[item->end];
  }
  if (!worker->writing) {
    recorder_keep_put(&worker->file.keep, item);
    return 0;
  }
  rc = recorder_files_rotate(worker->recorder, worker->now, error);
  return rc == 0 ? recorder_file_put(worker->recorder, item, error) : rc;
}

/* The first record of a lane. */
static int take_record(struct recorder_worker *worker, const struct recorder_worker_lane *at,
                       struct error *error)
{
  struct recorder_lane *lane = at->lane;
  const struct frame_ring_record *record = &lane->front;
  struct recorder_item item = {.kind = at->samples ? RECORDER_SAMPLE : RECORDER_FRAME,
                               .end = at->end->index,
                               .time_ns = record->time_ns,
                               .order_ns = record->order_ns,
                               .bytes = lane->bytes,
                               .size = record->bytes,
                               .original_bytes = record->original_bytes < record->bytes
                                                     ? record->bytes
                                                     : record->original_bytes,
                               .direction = record->direction};
  int rc = 0;
  if (!at->samples || recorder_file_note_sample(worker->recorder, &item))
    rc = take(worker, &item, error);
  release(lane);
  return rc;
}

static bool reached(uint64_t value, uint64_t limit)
{
  return limit != 0 && value >= limit;
}

/* 0, or 1 + enum recorder_ending. */
static int enough(const struct recorder_worker *worker)
{
  const struct recorder_options *options = &worker->recorder->options;
  if (reached(worker->file.packets, options->packets_max))
    return 1 + RECORDER_PACKETS;
  if (reached(recorder_file_bytes(worker->recorder), options->file_bytes_max))
    return 1 + RECORDER_SIZE;
  return worker->finish ? 1 + RECORDER_OBSERVER : 0;
}

/* 1: took all that may be shown now; 0: there is more; negative: error_code. */
static int take_batch(struct recorder_worker *worker, bool captured_all, struct error *error)
{
  int64_t now_ns = recorder_clock_ns(CLOCK_MONOTONIC);
  for (int i = 0; i < BATCH; i++) {
    if (enough(worker) != 0)
      return 0;
    const struct recorder_worker_lane *at = choose(worker, captured_all, now_ns);
    if (at == NULL)
      return 1;
    int rc = take_record(worker, at, error);
    if (rc < 0)
      return rc;
  }
  return 0;
}

/* All frames with earlier times were shown. */
static int64_t complete(struct recorder_worker *worker)
{
  int64_t complete_ns = recorder_clock_ns(CLOCK_REALTIME);
  for (uint32_t i = 0; i < worker->lane_count; i++) {
    struct recorder_worker_lane *at = &worker->lanes[i];
    int64_t lane_ns = atomic_load(at->complete_ns);
    if (look(at) && at->lane->front.order_ns < lane_ns)
      lane_ns = at->lane->front.order_ns;
    if (lane_ns < complete_ns)
      complete_ns = lane_ns;
  }
  return complete_ns;
}

static int put_counters(struct recorder_worker *worker, struct error *error)
{
  int64_t now_ns = recorder_clock_ns(CLOCK_REALTIME);
  int rc = 0;
  for (uint32_t i = 0; rc == 0 && i < worker->recorder->options.end_count; i++) {
    struct recorder_item item = {
        .kind = RECORDER_COUNTERS, .end = i, .time_ns = now_ns, .order_ns = now_ns};
    rc = take(worker, &item, error);
  }
  return rc;
}

static int take_gap(struct recorder_worker *worker, const struct recorder_message *message,
                    struct error *error)
{
  const struct recorder_observer *observer = worker->recorder->options.observer;
  char text[200];
  if (message->end >= worker->recorder->options.end_count)
    return 0;
  const char *name = worker->recorder->ends[message->end].name;
  bool lost = message->to_ns == INT64_MAX;
  int length =
      lost ? snprintf(text, sizeof text,
                      SAMPLE_GAP_COMMENT "%s was lost: nothing is known of what follows", name)
           : snprintf(text, sizeof text,
                      SAMPLE_GAP_COMMENT "%s was away for %.3f s: nothing is known of that time",
                      name, (double)(message->to_ns - message->from_ns) / (double)NS_PER_S);
  struct recorder_item item = {.kind = RECORDER_GAP,
                               .end = message->end,
                               .time_ns = lost ? message->from_ns : message->to_ns,
                               .order_ns = lost ? message->from_ns : message->to_ns,
                               .bytes = (const uint8_t *)text,
                               .size = (uint32_t)length};
  if (observer != NULL && observer->gap != NULL)
    observer->gap(observer->context, message->end, message->from_ns, message->to_ns);
  return take(worker, &item, error);
}

void recorder_worker_defer_gap(struct recorder_worker *worker,
                               const struct recorder_message *message)
{
  if (worker->gap_count < RECORDER_ENDS_MAX)
    worker->gaps[worker->gap_count++] = *message;
}

static int take_deferred_gaps(struct recorder_worker *worker, struct error *error)
{
  int rc = 0;
  while (rc == 0 && worker->gap_count > 0) {
    const struct recorder_message message = worker->gaps[--worker->gap_count];
    rc = take_gap(worker, &message, error);
  }
  return rc;
}

/* When its messages do not matter any more. */
static bool keeper_is_there(const struct recorder_worker *worker)
{
  struct recorder_message message;
  size_t size = 0;
  int fd;
  return recorder_channel_receive(worker->channel, &message, NULL, &size, &fd, false) !=
         RECORDER_CHANNEL_ENDED;
}

/* All that it has said. */
static int hear_keeper(struct recorder_worker *worker, struct error *error)
{
  struct recorder_message message;
  int rc = 0, fd;
  while (rc == 0 && worker->keeper_gone_ns == 0) {
    size_t size = 0;
    enum recorder_channel_result result =
        recorder_channel_receive(worker->channel, &message, NULL, &size, &fd, false);
    if (result == RECORDER_CHANNEL_NONE)
      break;
    if (result == RECORDER_CHANNEL_ENDED)
      worker->keeper_gone_ns = recorder_clock_ns(CLOCK_MONOTONIC);
    else if (message.type == RECORDER_MESSAGE_GAP)
      rc = take_gap(worker, &message, error);
  }
  return rc;
}

static void wait_for_frames(struct recorder_worker *worker)
{
  const struct recorder *recorder = worker->recorder;
  struct pollfd waiting[2] = {
      {.fd = recorder->filled, .events = POLLIN},
      {.fd = worker->keeper_gone_ns == 0 ? worker->channel : -1, .events = POLLIN}};
  uint64_t count;
  atomic_store(&recorder->shared->worker_waits, true);
  if (poll(waiting, 2, WAIT_MS) <= 0)
    return;
  if (waiting[1].revents != 0)
    worker->tick_ns = 0;
  if (waiting[0].revents != 0 && read(recorder->filled, &count, sizeof count) < 0)
    return; /* it is empty already */
}

/* Every few milliseconds, however busy it is. */
static int tick(struct recorder_worker *worker, struct error *error)
{
  const struct recorder_observer *observer = worker->recorder->options.observer;
  int64_t now_ns = recorder_clock_ns(CLOCK_MONOTONIC);
  if (now_ns < worker->tick_ns)
    return 0;
  worker->tick_ns = now_ns + TICK_EVERY_NS;
  int rc = hear_keeper(worker, error);
  if (rc == 0)
    rc = take_deferred_gaps(worker, error);
  if (rc == 0 && now_ns >= worker->statistics_ns) {
    worker->statistics_ns = now_ns + STATISTICS_EVERY_NS;
    rc = put_counters(worker, error);
  }
  if (rc < 0)
    return rc;
  int64_t complete_ns = complete(worker);
  if (observer != NULL && observer->tick != NULL)
    observer->tick(observer->context, recorder_clock_ns(CLOCK_REALTIME), complete_ns);
  return follow_trigger(worker, complete_ns, error);
}

static bool is_captured(const struct recorder_worker *worker)
{
  if (atomic_load(&worker->recorder->shared->captured_all))
    return true;
  return worker->keeper_gone_ns != 0 &&
         recorder_clock_ns(CLOCK_MONOTONIC) - worker->keeper_gone_ns > ORPHAN_NS;
}

static void publish(struct recorder_worker *worker)
{
  struct recorder *recorder = worker->recorder;
  for (uint32_t i = 0; i < recorder->options.end_count; i++)
    atomic_store(&recorder->ends[i].shared->written, worker->file.ends[i].written);
  atomic_store(&recorder->shared->packets, worker->file.packets);
  atomic_store(&recorder->shared->file_bytes, recorder_file_bytes(recorder));
}

/* As long as there is nothing to do the file is up to date: whatever ends the program then loses
 * nothing that was taken here. */
static int settle(struct recorder_worker *worker, struct error *error)
{
  int rc = recorder_file_flush(worker->recorder, error);
  publish(worker);
  if (rc == 0)
    wait_for_frames(worker);
  return rc;
}

/* Returns 1 + enum recorder_ending, or 0: everything was captured, and taken. */
static int work(struct recorder_worker *worker, struct error *error)
{
  for (;;) {
    bool captured_all = is_captured(worker);
    int rc = take_batch(worker, captured_all, error), ending = enough(worker);
    if (rc == 1 && captured_all && hear_keeper(worker, error) == 0)
      return ending;
    if (rc >= 0 && ending != 0)
      return ending;
    if (rc == 1)
      rc = settle(worker, error);
    if (rc >= 0)
      rc = tick(worker, error);
    if (rc < 0)
      return 1 + RECORDER_WRITE_FAILED;
  }
}

/* What is in the queues when writing has failed never comes into the file. */
static void give_up_rest(struct recorder_worker *worker)
{
  for (uint32_t i = 0; i < worker->lane_count; i++) {
    struct recorder_worker_lane *at = &worker->lanes[i];
    while (look(at)) {
      release(at->lane);
      if (!at->samples)
        atomic_fetch_add(&at->end->shared->given_up, 1);
    }
  }
}

static void end(struct recorder_worker *worker, int ending)
{
  struct recorder *recorder = worker->recorder;
  const struct recorder_observer *observer = recorder->options.observer;
  bool failed = ending == 1 + RECORDER_WRITE_FAILED;
  struct error error;
  if (failed) {
    recorder_file_give_up(recorder);
    give_up_rest(worker);
  }
  if (observer != NULL && observer->end != NULL)
    observer->end(observer->context, recorder_clock_ns(CLOCK_REALTIME));
  for (uint32_t i = 0; i < recorder->options.end_count; i++)
    count_drops(worker, i);
  if (recorder_file_end(recorder, failed, worker->now, &error) < 0 && !failed) {
    recorder_file_give_up(recorder);
    recorder->shared->failure = error;
    atomic_store(&recorder->shared->worker_ended, 1 + RECORDER_WRITE_FAILED);
  }
  publish(worker);
  for (uint32_t i = 0; i < recorder->options.end_count; i++) {
    struct recorder_shared_end *shared = recorder->ends[i].shared;
    uint64_t written = worker->file.ends[i].written;
    if (worker->keeps && worker->now[i].seen > written)
      atomic_store(&shared->passed_by, worker->now[i].seen - written);
  }
}

static void collect_lanes(struct recorder_worker *worker)
{
  struct recorder *recorder = worker->recorder;
  for (uint32_t i = 0; i < recorder->options.end_count; i++)
    for (int lane = 0; lane < RECORDER_LANES; lane++)
      worker->lanes[worker->lane_count++] =
          (struct recorder_worker_lane){.lane = &recorder->ends[i].lanes[lane],
                                        .complete_ns = &recorder->ends[i].shared->complete_ns[lane],
                                        .end = &recorder->ends[i],
                                        .samples = lane == RECORDER_LANE_SAMPLES};
}

/* What this process has been given by its parent, and does not need. */
static void close_others(const struct recorder *recorder)
{
  for (uint32_t i = 0; i < recorder->options.end_count; i++) {
    const struct recorder_end *other = &recorder->ends[i];
    const int descriptors[] = {other->channel, other->probe, other->stream_fd,
                               other->network_namespace};
    for (size_t j = 0; j < sizeof descriptors / sizeof *descriptors; j++)
      if (descriptors[j] >= 0)
        close(descriptors[j]);
  }
}

static int prepare(struct recorder_worker *worker, struct error *error)
{
  static const struct recorder_counters nothing[RECORDER_ENDS_MAX];
  struct recorder *recorder = worker->recorder;
  const struct recorder_output *output = &recorder->output;
  close_others(recorder);
  recorder_close_raw();
  int rights = recorder_rights_drop(&recorder->identity, error);
  if (rights < 0)
    return rights;
  recorder_rights_follow_parent();
  const struct recorder_calls calls = {
      .writes = true, .write_fds = {-1, -1}, .netlink_fds = {-1, -1}, .channel = worker->channel};
  rights |= recorder_rights_confine(&calls);
  atomic_store(&recorder->shared->worker_rights, (unsigned)rights);
  collect_lanes(worker);
  worker->keeps = output->keep_bytes > 0;
  worker->writing = !worker->keeps;
  worker->until_ns = INT64_MIN;
  if (worker->keeps && !recorder_keep_init(&worker->file.keep, output->keep_bytes, output->keep_ns))
    return error_set(error, ERROR_MEMORY, "no memory to keep packets in");
  if (output->fd >= 0)
    return recorder_file_begin(recorder, output->fd, atomic_load(&recorder->shared->start_ns),
                               nothing, error);
  return worker->writing ? recorder_files_next(recorder, nothing, error) : 0;
}

_Noreturn void recorder_worker_main(struct recorder *recorder, int channel)
{
  struct error error;
  recorder_ignore_signals();
  struct recorder_worker *worker = calloc(1, sizeof *worker);
  int ending = 1 + RECORDER_WRITE_FAILED;
  if (worker == NULL)
    _exit(1);
  worker->recorder = recorder;
  worker->channel = channel;
  recorder->work = worker;
  recorder->file = &worker->file;
  if (prepare(worker, &error) == 0)
    ending = work(worker, &error);
  if (ending == 1 + RECORDER_WRITE_FAILED)
    recorder->shared->failure = error;
  atomic_store(&recorder->shared->worker_ended, ending);
  while (!is_captured(worker)) { /* the counters are final only then */
    wait_for_frames(worker);
    if (worker->keeper_gone_ns == 0 && !keeper_is_there(worker))
      worker->keeper_gone_ns = recorder_clock_ns(CLOCK_MONOTONIC);
  }
  end(worker, ending);
  fflush(NULL);
  _exit(0);
}

void recorder_trigger(struct recorder *recorder, int64_t until_ns)
{
  if (until_ns > recorder->work->until_ns)
    recorder->work->until_ns = until_ns;
}

bool recorder_is_writing(const struct recorder *recorder)
{
  return recorder->work->writing;
}

uint64_t recorder_file_number(const struct recorder *recorder, uint64_t number)
{
  const struct recorder_file *file = recorder->file;
  for (uint32_t i = 0; i < file->span_count && i < RECORDER_SPANS; i++) {
    const struct recorder_span *span = &file->spans[(file->span_count - 1 - i) % RECORDER_SPANS];
    if (number >= span->first && number <= span->last)
      return span->file_first + (number - span->first);
  }
  return 0;
}

struct kept_visit {
  const struct recorder *recorder;
  uint64_t number;
  void (*visit)(void *context, const struct frame *frame);
  void *context;
};

static void visit_kept(void *context, const struct recorder_item *item)
{
  struct kept_visit *kept = context;
  if (item->kind != RECORDER_FRAME)
    return;
  struct recorder_item numbered = *item;
  numbered.number = ++kept->number;
  const struct frame frame = frame_of(kept->recorder, &numbered);
  kept->visit(kept->context, &frame);
}

void recorder_each_kept(const struct recorder *recorder,
                        void (*visit)(void *context, const struct frame *frame), void *context)
{
  const struct recorder_worker *worker = recorder->work;
  struct kept_visit kept = {recorder, worker->frames_seen - worker->file.keep.frames, visit,
                            context};
  recorder_keep_each(&worker->file.keep, visit_kept, &kept);
}

void recorder_finish(struct recorder *recorder)
{
  recorder->work->finish = true;
}

bool recorder_ask(struct recorder *recorder, const void *bytes, size_t size)
{
  const struct recorder_message message = {.type = RECORDER_MESSAGE_ASK};
  return size <= RECORDER_REQUEST_BYTES_MAX &&
         recorder_channel_send(recorder->work->channel, &message, bytes, size, -1, false);
}
