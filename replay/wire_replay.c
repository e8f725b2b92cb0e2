#include "replay/wire_replay.h"

#include "wire/timestamp.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define RING_BYTES (UINT64_C(32) << 20) /* a third of a second at 1 Gbit/s */
#define RING_FULL  0.5                  /* enough to start */
#define FILL_NS    (2 * NS_PER_S)       /* or waited for so long: the trace may be a pipe */
/* The end of each wait is spent awake: at least so much, and more where waking up takes longer, as
 * on a busy machine or a virtual one (measured there: p50 35 us, p90 60 us, p99 140 us). */
#define AWAKE_NS      (50 * NS_PER_US)
#define AWAKE_MAX_NS  (400 * NS_PER_US)
#define AWAKE_FADE    0.999 /* a wake-up: half is forgotten after 700 */
#define AWAKE_RESERVE 1.25  /* of the latest wake-up that is remembered */
/* The longest sleep: devices are drained and `stop` is looked at in between. */
#define NAP_NS (50 * NS_PER_MS)
/* A reader that finds the ring full, and a player that finds it empty, look again after this. */
#define READER_NAP_NS (1 * NS_PER_MS)
#define PLAYER_NAP_NS (100 * NS_PER_US)
#define PRIORITY      10 /* of SCHED_RR, 1 .. 99: above what asks for any */
/* Taken off a device at a time, so that no frame waits long for it. */
#define DRAIN_FRAMES 16
#define AFTER_MAX_NS (INT64_MAX / 4) /* a recording of strange dates: seventy years will do */
/* The kernel may finish what leaves a device a little later. */
#define DRAIN_END_NS (20 * NS_PER_MS)

struct player {
  const struct wire_replay_options *options;
  struct wire_replay_result *result;
  struct wire_replay_ring *ring;
  int64_t start_ns; /* CLOCK_MONOTONIC, of at_ns 0 */
  double awake_ns;  /* to be spent awake before a deadline */
  /* The reader's thread; its error may be looked at once it has ended. */
  pthread_t reader;
  int reader_status;
  struct error reader_error;
  _Atomic bool quit; /* tells the reader to end */
};

static int64_t now_ns(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

static void sleep_until(int64_t at_ns)
{
  const struct timespec time = {.tv_sec = at_ns / NS_PER_S, .tv_nsec = at_ns % NS_PER_S};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL); /* EINTR: the caller looks */
}

static bool stopped(const struct player *player)
{
  return player->options->stop != NULL && *player->options->stop != 0;
}

/* ---- the reader's thread ---- */

static bool put(struct player *player, const struct wire_replay_frame *frame, const uint8_t *bytes)
{
  while (!wire_replay_ring_put(player->ring, frame, bytes)) {
    if (atomic_load_explicit(&player->quit, memory_order_relaxed))
      return false;
    sleep_until(now_ns() + READER_NAP_NS);
  }
  return !atomic_load_explicit(&player->quit, memory_order_relaxed);
}

static void *read_frames(void *context)
{
  struct player *player = context;
  const struct wire_replay_source *source = &player->options->source;
  struct wire_replay_frame frame;
  const uint8_t *bytes = NULL;
  int status = 1;
  while (status > 0) {
    status = source->next(source->context, &frame, &bytes, &player->reader_error);
    if (status > 0 && !put(player, &frame, bytes))
      break;
  }
  player->reader_status = status < 0 ? status : 0;
  wire_replay_ring_finish(player->ring);
  return NULL;
}

/* ---- the player's ---- */

static uint32_t drain(const struct player *player)
{
  uint32_t frames = 0;
  for (uint32_t i = 0; i < player->options->device_count; i++)
    frames += wire_replay_device_drain(&player->options->devices[i], DRAIN_FRAMES);
  return frames;
}

static void nap(struct player *player, int64_t until_ns)
{
  sleep_until(until_ns);
  const double late_ns = (double)(now_ns() - until_ns) * AWAKE_RESERVE;
  player->awake_ns *= AWAKE_FADE;
  if (late_ns > player->awake_ns)
    player->awake_ns = late_ns < (double)AWAKE_MAX_NS ? late_ns : (double)AWAKE_MAX_NS;
  if (player->awake_ns < (double)AWAKE_NS)
    player->awake_ns = (double)AWAKE_NS;
}

/* Returns false if the replay is to end. */
static bool wait_until(struct player *player, int64_t due_ns)
{
  int64_t now = now_ns();
  for (int64_t awake_ns = (int64_t)player->awake_ns; due_ns - now > awake_ns; now = now_ns()) {
    if (stopped(player))
      return false;
    if (drain(player) == 0)
      nap(player, due_ns - awake_ns - now > NAP_NS ? now + NAP_NS : due_ns - awake_ns);
  }
  while (now < due_ns)
    now = now_ns();
  return !stopped(player);
}

/* NULL: there is none left. */
static const struct wire_replay_frame *next_frame(struct player *player, const uint8_t **bytes)
{
  bool starved = false;
  while (!stopped(player)) {
    const bool finished = wire_replay_ring_finished(player->ring); /* ahead of the look */
    const struct wire_replay_frame *frame = wire_replay_ring_peek(player->ring, bytes);
    if (frame != NULL || finished)
      return frame;
    player->result->starved += !starved;
    starved = true;
    if (drain(player) == 0)
      sleep_until(now_ns() + PLAYER_NAP_NS);
  }
  return NULL;
}

static int64_t played_after_ns(int64_t at_ns, double speed)
{
  if (speed <= 0)
    return 0;
  const double after_ns = (double)at_ns / speed;
  if (speed == 1 && at_ns < AFTER_MAX_NS) /* exactly */
    return at_ns;
  return after_ns < (double)AFTER_MAX_NS ? (int64_t)after_ns : AFTER_MAX_NS;
}

static void play(struct player *player)
{
  const struct wire_replay_options *options = player->options;
  struct wire_replay_result *result = player->result;
  const struct wire_replay_frame *frame = NULL;
  const uint8_t *bytes = NULL;
  while ((frame = next_frame(player, &bytes)) != NULL) {
    const int64_t due_ns = player->start_ns + played_after_ns(frame->at_ns, options->speed);
    if (!wait_until(player, due_ns))
      break;
    struct wire_replay_device *device = &options->devices[frame->lane];
    wire_replay_device_play(device, bytes, frame->size, frame->out);
    const int64_t now = now_ns();
    if (options->speed > 0) {
      result->drift_ns = now - due_ns;
      lateness_add(&result->lateness, now - due_ns);
    }
    result->frames++;
    result->recorded_ns = frame->at_ns;
    result->played_ns = now - player->start_ns;
    if (frame->out)
      wire_replay_device_drain(device, 1);
    wire_replay_ring_drop(player->ring);
  }
  result->interrupted = stopped(player);
}

static bool is_filled(const struct player *player)
{
  return wire_replay_ring_finished(player->ring) ||
         wire_replay_ring_fill(player->ring) >= RING_FULL;
}

static void fill_ring(const struct player *player, int64_t until_ns)
{
  const int64_t latest_ns = until_ns + FILL_NS;
  for (int64_t now = now_ns(); now < until_ns || (now < latest_ns && !is_filled(player));
       now = now_ns()) {
    if (stopped(player))
      break;
    drain(player);
    sleep_until(now + READER_NAP_NS);
  }
}

static void play_with_priority(struct player *player)
{
  struct sched_param old = {0}, wanted = {.sched_priority = PRIORITY};
  const int policy = sched_getscheduler(0);
  const bool timed = player->options->speed > 0 && !player->options->ordinary;
  sched_getparam(0, &old);
  prctl(PR_SET_TIMERSLACK, 1UL); /* ns, for this thread's sleeps */
  player->result->realtime = timed && sched_setscheduler(0, SCHED_RR, &wanted) == 0;
  player->awake_ns = (double)AWAKE_NS;
  player->start_ns = now_ns() + AWAKE_NS;
  play(player);
  if (player->result->realtime)
    sched_setscheduler(0, policy, &old);
  prctl(PR_SET_TIMERSLACK, 0UL); /* the default again */
}

int wire_replay_run(const struct wire_replay_options *options, struct wire_replay_result *result,
                    struct error *error)
{
  struct player player = {.options = options, .result = result};
  const int64_t begin_ns = now_ns();
  memset(result, 0, sizeof *result);
  player.ring = wire_replay_ring_new(RING_BYTES);
  if (player.ring == NULL || pthread_create(&player.reader, NULL, read_frames, &player) != 0) {
    wire_replay_ring_free(player.ring);
    return error_set(error, ERROR_MEMORY, "no memory to replay");
  }
  fill_ring(&player, begin_ns + options->lead_ns);
  play_with_priority(&player);
  for (const int64_t end_ns = now_ns() + DRAIN_END_NS; now_ns() < end_ns;)
    if (drain(&player) == 0)
      sleep_until(now_ns() + READER_NAP_NS);
  atomic_store(&player.quit, true);
  pthread_join(player.reader, NULL);
  wire_replay_ring_free(player.ring);
  if (player.reader_status < 0 && error != NULL)
    *error = player.reader_error;
  return player.reader_status;
}
