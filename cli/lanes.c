#include "cli/lanes.h"

#include "wire/timestamp.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* The ring of a lane. Positions only grow; batch number n lives in slot n % SLOTS. The reader owns
 * the slots written .. consumed + SLOTS - 1, the taking side owns consumed .. written - 1.
 * `written` is stored by the reader alone and `consumed` by the other side alone, each on its own
 * cache line; the store of a position hands over the slots below it, so a slot needs no lock.
 *
 * Sleeping follows Dekker: the sleeper raises its flag and then looks at the position again, the
 * other side stores its position and then looks at the flag, all sequentially consistent, so one of
 * them sees the other. The mutex only closes the gap between that look and pthread_cond_wait().
 *
 * A reader is woken when half of its ring is free again rather than at each slot: where analysis is
 * the slower half, that is one system call in SLOTS / 2 batches. The taking side is woken at each
 * batch, because a reader cannot know whether its next read will block; a short spin first saves
 * the system call where the reader is about to deliver. */
#define SLOTS      8    /* 8 * 256 * 170 bytes: the ring stays inside a second-level cache */
#define SPINS      2000 /* some tens of microseconds; then sleep */
#define CACHE_LINE 64

struct sleeper {
  atomic_bool asleep;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
};

struct lane {
  _Alignas(CACHE_LINE) atomic_size_t written;
  atomic_bool finished; /* the reader delivers nothing more; stored behind the last `written` */
  _Alignas(CACHE_LINE) atomic_size_t consumed;
  atomic_bool abandoned; /* the taking side takes nothing more */
  bool holding;          /* the taking side has the batch `consumed` in its hands */
  _Alignas(CACHE_LINE) struct sleeper reader;
  struct sleeper *taker; /* of all lanes */
  struct lane_input input;
  pthread_t thread;
  bool has_thread;
  int64_t order_ns;                        /* of the last packet or sample; the reader's */
  struct lane_result result;               /* the reader's; read by the other side after the join */
  struct frame frames[LANE_BATCH_PACKETS]; /* of these, frames_at .. frames_count - 1 wait */
  uint32_t frames_at, frames_count;
  bool at_end; /* of the trace, or of what is wanted of it */
  struct lane_batch batches[SLOTS];
};

struct lanes {
  _Alignas(CACHE_LINE) struct sleeper taker;
  uint32_t count, next; /* next: where lanes_next_any() looks first */
  unsigned spins;
  bool stopped, masked;
  sigset_t mask_before;
  struct lane *lanes[LANES_MAX];
};

static void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void sleeper_init(struct sleeper *sleeper)
{
  atomic_init(&sleeper->asleep, false);
  (void)pthread_mutex_init(&sleeper->mutex, NULL);
  (void)pthread_cond_init(&sleeper->wake, NULL);
}

static void sleeper_destroy(struct sleeper *sleeper)
{
  (void)pthread_cond_destroy(&sleeper->wake);
  (void)pthread_mutex_destroy(&sleeper->mutex);
}

static void sleeper_wake(struct sleeper *sleeper)
{
  if (!atomic_load(&sleeper->asleep))
    return;
  (void)pthread_mutex_lock(&sleeper->mutex);
  (void)pthread_cond_signal(&sleeper->wake);
  (void)pthread_mutex_unlock(&sleeper->mutex);
}

/* Returns when ready(context) is true. */
static void sleeper_wait(struct sleeper *sleeper, bool (*ready)(const void *), const void *context)
{
  (void)pthread_mutex_lock(&sleeper->mutex);
  atomic_store(&sleeper->asleep, true);
  while (!ready(context))
    (void)pthread_cond_wait(&sleeper->wake, &sleeper->mutex);
  atomic_store(&sleeper->asleep, false);
  (void)pthread_mutex_unlock(&sleeper->mutex);
}

/* ---- the reader ---- */

static size_t filled(const struct lane *lane)
{
  return atomic_load(&lane->written) - atomic_load(&lane->consumed);
}

static bool slot_is_free(const struct lane *lane)
{
  return filled(lane) < SLOTS || atomic_load(&lane->abandoned);
}

static bool half_is_free(const void *context)
{
  const struct lane *lane = context;
  return filled(lane) <= SLOTS / 2 || atomic_load(&lane->abandoned);
}

static uint8_t end_of(const struct lane_input *input, uint32_t interface)
{
  const struct lane_ends *ends = input->ends;
  if (ends == NULL)
    return input->end;
  return ends->ends[interface < ends->count ? interface : ends->count - 1];
}

/* Decodes the next frame, if it belongs to the lane. */
static void decode_next(struct lane *lane, struct lane_batch *batch)
{
  const struct lane_input *input = &lane->input;
  const struct frame *frame = &lane->frames[lane->frames_at++];
  if (frame->number > lane->result.last_frame)
    lane->result.last_frame = frame->number;
  const uint8_t end = end_of(input, frame->interface);
  if (input->only_end && end != input->end)
    return;
  struct packet *packet = &batch->packets[batch->count++];
  packet_decode(frame, packet);
  packet->end = end;
}

static void take_sample(struct lane *lane, struct lane_batch *batch)
{
  const struct lane_input *input = &lane->input;
  struct host_sample sample = sample_queue_first(input->samples)->sample;
  sample_queue_drop_first(input->samples);
  sample.end = end_of(input, sample.interface);
  if (input->only_end && sample.end != input->end)
    return;
  batch->samples[batch->sample_count++] =
      (struct lane_sample){.at = batch->count, .sample = sample};
}

/* The next sample comes before the next frame that waits. */
static bool sample_is_next(const struct lane *lane)
{
  const struct queued_sample *sample =
      lane->input.samples != NULL ? sample_queue_first(lane->input.samples) : NULL;
  return sample != NULL && (lane->frames_at == lane->frames_count ||
                            sample->frames_before < lane->frames[lane->frames_at].number);
}

/* What has been read and waits goes into the batch, as far as it has room. */
static void fill_batch(struct lane *lane, struct lane_batch *batch)
{
  while (batch->count < LANE_BATCH_PACKETS && batch->sample_count < LANE_BATCH_SAMPLES) {
    if (sample_is_next(lane))
      take_sample(lane, batch);
    else if (lane->frames_at < lane->frames_count)
      decode_next(lane, batch);
    else
      return;
  }
}

/* A time that is far ahead of what follows it would hold the other lanes up; what has no time goes
 * with what comes before it. */
static void set_order(const struct lane *lane, struct lane_batch *batch)
{
  int64_t earliest = INT64_MAX;
  for (uint32_t i = batch->count; i-- > 0;) {
    const int64_t time_ns = batch->packets[i].time_ns;
    if (time_is_valid(time_ns) && time_ns < earliest)
      earliest = time_ns;
    batch->order_ns[i] = earliest;
  }
  int64_t order_ns = lane->order_ns;
  for (uint32_t i = 0; i < batch->count; i++) {
    if (batch->order_ns[i] == INT64_MAX)
      batch->order_ns[i] = order_ns;
    order_ns = batch->order_ns[i];
  }
}

/* A sample has its own time, between the packets that it stands between. */
static void set_sample_order(struct lane *lane, struct lane_batch *batch)
{
  int64_t least_ns = lane->order_ns;
  for (uint32_t i = 0; i < batch->sample_count; i++) {
    struct lane_sample *sample = &batch->samples[i];
    sample->order_ns = joint_time_ns(lane->input.joint, sample->sample.end, sample->sample.time_ns);
    if (sample->at < batch->count && batch->order_ns[sample->at] < sample->order_ns)
      sample->order_ns = batch->order_ns[sample->at];
    if (sample->at > 0 && batch->order_ns[sample->at - 1] > least_ns)
      least_ns = batch->order_ns[sample->at - 1];
    if (sample->order_ns < least_ns)
      sample->order_ns = least_ns;
    least_ns = sample->order_ns;
  }
  if (batch->count > 0 && batch->order_ns[batch->count - 1] > least_ns)
    least_ns = batch->order_ns[batch->count - 1];
  lane->order_ns = least_ns;
}

static void locate(struct lane *lane, struct lane_batch *batch)
{
  const struct lane_input *input = &lane->input;
  for (uint32_t i = 0; i < batch->count; i++)
    input->locate(input->joint, &batch->packets[i], &batch->places[i]);
  set_order(lane, batch);
  set_sample_order(lane, batch);
}

/* Reads on, up to the first frame that is not wanted any more: samples may stand behind the last
 * one that is. Returns false at the end. */
static bool read_frames(struct lane *lane)
{
  const int count =
      trace_next(lane->input.trace, lane->frames, LANE_BATCH_PACKETS, &lane->result.error);
  if (count <= 0) {
    lane->result.status = count;
    return false;
  }
  lane->frames_at = 0;
  lane->frames_count = (uint32_t)count;
  while (lane->frames_count > 0 &&
         lane->frames[lane->frames_count - 1].number > lane->input.last_frame)
    lane->frames_count--;
  return lane->frames_count > 0;
}

/* Reads until there is something for the batch. Returns false if nothing more will be. */
static bool read_batch(struct lane *lane, struct lane_batch *batch)
{
  batch->count = batch->sample_count = 0;
  fill_batch(lane, batch);
  while (batch->count == 0 && batch->sample_count == 0 && !lane->at_end) {
    lane->at_end = !read_frames(lane);
    fill_batch(lane, batch);
  }
  if (lane->input.locate != NULL)
    locate(lane, batch);
  struct trace_info info;
  trace_get_info(lane->input.trace, &info);
  batch->bytes_read = info.bytes_read;
  batch->bytes_total = info.bytes_total;
  return batch->count > 0 || batch->sample_count > 0;
}

static void *reader_main(void *argument)
{
  struct lane *lane = argument;
  size_t written = 0;

  for (;;) {
    if (!slot_is_free(lane))
      sleeper_wait(&lane->reader, half_is_free, lane);
    if (atomic_load(&lane->abandoned) || !read_batch(lane, &lane->batches[written % SLOTS]))
      break;
    atomic_store(&lane->written, ++written);
    sleeper_wake(lane->taker);
  }
  atomic_store(&lane->finished, true);
  sleeper_wake(lane->taker);
  return NULL;
}

/* ---- the taking side ---- */

static bool batch_is_there(const void *context)
{
  const struct lane *lane = context;
  /* `finished` first: what was written before it was raised is then seen as well. */
  return atomic_load(&lane->finished) || filled(lane) > 0;
}

/* The batch in the caller's hands goes back to the reader. */
static void give_back(struct lane *lane)
{
  if (!lane->holding)
    return;
  lane->holding = false;
  atomic_fetch_add(&lane->consumed, 1);
  if (filled(lane) <= SLOTS / 2)
    sleeper_wake(&lane->reader);
}

/* The batch that is there, if one is. */
static const struct lane_batch *take(struct lane *lane)
{
  if (filled(lane) == 0)
    return NULL;
  lane->holding = true;
  return &lane->batches[atomic_load(&lane->consumed) % SLOTS];
}

/* A lane without a thread: the caller reads. */
static void read_here(struct lane *lane)
{
  if (atomic_load(&lane->finished) || filled(lane) > 0)
    return;
  const size_t written = atomic_load(&lane->written);
  if (!atomic_load(&lane->abandoned) && read_batch(lane, &lane->batches[written % SLOTS]))
    atomic_store(&lane->written, written + 1);
  else
    atomic_store(&lane->finished, true);
}

static void wait_until(struct lanes *lanes, bool (*ready)(const void *), const void *context)
{
  for (unsigned i = 0; i < lanes->spins && !ready(context); i++)
    cpu_relax();
  if (!ready(context))
    sleeper_wait(&lanes->taker, ready, context);
}

const struct lane_batch *lanes_next(struct lanes *lanes, uint32_t index)
{
  struct lane *lane = lanes->lanes[index];
  give_back(lane);
  if (lane->has_thread)
    wait_until(lanes, batch_is_there, lane);
  else
    read_here(lane);
  return take(lane);
}

/* A batch is there, or no lane will have one, or one has to be read by the caller. */
static bool any_is_there(const void *context)
{
  const struct lanes *lanes = context;
  bool all_finished = true;
  for (uint32_t i = 0; i < lanes->count; i++) {
    const struct lane *lane = lanes->lanes[i];
    const bool finished = atomic_load(&lane->finished);
    if (filled(lane) > 0 || (!finished && !lane->has_thread))
      return true;
    all_finished = all_finished && finished;
  }
  return all_finished;
}

const struct lane_batch *lanes_next_any(struct lanes *lanes, uint32_t *index)
{
  for (uint32_t i = 0; i < lanes->count; i++)
    give_back(lanes->lanes[i]);
  wait_until(lanes, any_is_there, lanes);
  /* In turns, so that the readers go on side by side. */
  for (uint32_t i = 0; i < lanes->count; i++) {
    *index = (lanes->next + i) % lanes->count;
    struct lane *lane = lanes->lanes[*index];
    if (!lane->has_thread)
      read_here(lane);
    const struct lane_batch *batch = take(lane);
    if (batch != NULL) {
      lanes->next = *index + 1;
      return batch;
    }
  }
  return NULL;
}

/* ---- beginning and end ---- */

static struct lane *lane_new(struct lanes *lanes, const struct lane_input *input)
{
  struct lane *lane = aligned_alloc(CACHE_LINE, sizeof *lane);
  if (lane == NULL)
    return NULL;
  atomic_init(&lane->written, 0);
  atomic_init(&lane->consumed, 0);
  atomic_init(&lane->finished, false);
  atomic_init(&lane->abandoned, false);
  sleeper_init(&lane->reader);
  lane->holding = lane->has_thread = false;
  lane->frames_at = lane->frames_count = 0;
  lane->at_end = false;
  lane->taker = &lanes->taker;
  lane->order_ns = INT64_MIN;
  lane->input = *input;
  lane->result = (struct lane_result){.error = {.code = ERROR_NONE}};
  return lane;
}

static void mask_signals(struct lanes *lanes)
{
  sigset_t to_readers;
  (void)sigemptyset(&to_readers);
  (void)sigaddset(&to_readers, SIGINT);
  (void)sigaddset(&to_readers, SIGTERM);
  (void)sigaddset(&to_readers, SIGHUP);
  lanes->masked = pthread_sigmask(SIG_BLOCK, &to_readers, &lanes->mask_before) == 0;
}

int lanes_start(struct lanes **lanes_out, uint32_t count, const struct lane_input *inputs,
                bool single_thread)
{
  *lanes_out = NULL;
  struct lanes *lanes = aligned_alloc(CACHE_LINE, sizeof *lanes);
  if (lanes == NULL)
    return ERROR_MEMORY;
  sleeper_init(&lanes->taker);
  lanes->next = 0;
  lanes->stopped = lanes->masked = false;
  lanes->spins = sysconf(_SC_NPROCESSORS_ONLN) > (long)count ? SPINS : 0;
  for (lanes->count = 0; lanes->count < count; lanes->count++) {
    lanes->lanes[lanes->count] = lane_new(lanes, &inputs[lanes->count]);
    if (lanes->lanes[lanes->count] == NULL) {
      lanes_free(lanes);
      return ERROR_MEMORY;
    }
  }
  bool threads = false;
  for (uint32_t i = 0; i < count && !single_thread; i++) {
    struct lane *lane = lanes->lanes[i];
    /* before the thread starts: the reader does not look at it */
    lane->has_thread = pthread_create(&lane->thread, NULL, reader_main, lane) == 0;
    threads = threads || lane->has_thread;
  }
  if (threads)
    mask_signals(lanes);
  *lanes_out = lanes;
  return 0;
}

void lanes_stop(struct lanes *lanes)
{
  if (lanes->stopped)
    return;
  lanes->stopped = true;
  for (uint32_t i = 0; i < lanes->count; i++) {
    atomic_store(&lanes->lanes[i]->abandoned, true);
    sleeper_wake(&lanes->lanes[i]->reader);
  }
  for (uint32_t i = 0; i < lanes->count; i++)
    if (lanes->lanes[i]->has_thread)
      (void)pthread_join(lanes->lanes[i]->thread, NULL);
  if (lanes->masked)
    (void)pthread_sigmask(SIG_SETMASK, &lanes->mask_before, NULL);
}

const struct lane_result *lanes_result(const struct lanes *lanes, uint32_t lane)
{
  return &lanes->lanes[lane]->result;
}

void lanes_free(struct lanes *lanes)
{
  if (lanes == NULL)
    return;
  lanes_stop(lanes);
  for (uint32_t i = 0; i < lanes->count; i++) {
    sleeper_destroy(&lanes->lanes[i]->reader);
    free(lanes->lanes[i]);
  }
  sleeper_destroy(&lanes->taker);
  free(lanes);
}
