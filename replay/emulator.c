#include "replay/emulator.h"

#include "wire/timestamp.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Frames taken from one device before the other has its turn: below 100 us at a microsecond or two
 * each. */
#define BURST_FRAMES 64
/* Going to sleep and waking up takes about so long; what is due earlier is waited for awake. */
#define AWAKE_NS (20 * NS_PER_US)
/* Reading three clocks takes less, if nobody interrupts. */
#define CLOCK_READ_NS NS_PER_US
#define CLOCK_TRIES   3
/* Write failures written out one by one; all are counted. */
#define FAILURES_LOGGED 100

enum event { EVENT_A, EVENT_B, EVENT_TIMER, EVENT_SIGNAL, EVENT_COUNT };

struct emulator {
  const struct emulator_options *options;
  struct path *path;
  int epoll, timer;
  int64_t start_ns;    /* of CLOCK_MONOTONIC: the path's time 0 */
  int64_t timer_ns;    /* what the timer is set to, in the path's time */
  int64_t received_ns; /* when the frame in hand came */
  bool stop;
  struct lateness lateness;
  uint64_t write_failures[PATH_DIRECTIONS];
  uint8_t frame[PATH_FRAME_MAX];
};

/* ---- clocks ---- */

static int64_t clock_ns(clockid_t clock)
{
  struct timespec time;
  clock_gettime(clock, &time);
  return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

static int64_t path_time_ns(const struct emulator *emulator)
{
  return clock_ns(CLOCK_MONOTONIC) - emulator->start_ns;
}

/* A time of the path on the clock that captures use, as that stands now. Two clocks cannot be read
 * at once: of a few tries the one counts that was disturbed least. */
static int64_t wall_ns(const struct emulator *emulator, int64_t time_ns)
{
  int64_t least_ns = INT64_MAX, offset_ns = 0;
  for (int i = 0; i < CLOCK_TRIES && least_ns > CLOCK_READ_NS; i++) {
    const int64_t before_ns = path_time_ns(emulator);
    const int64_t now_ns = clock_ns(CLOCK_REALTIME);
    const int64_t took_ns = path_time_ns(emulator) - before_ns;
    if (took_ns < least_ns) {
      least_ns = took_ns;
      offset_ns = now_ns - before_ns - took_ns / 2;
    }
  }
  return time_ns + offset_ns;
}

/* ---- what the path gives out ---- */

static void on_act(void *context, const struct path_act *act)
{
  const struct emulator *emulator = context;
  if (emulator->options->on_act != NULL)
    emulator->options->on_act(emulator->options->context, act);
  truth_log_act(emulator->options->log, act, wall_ns(emulator, act->time_ns));
}

static void on_emit(void *context, enum path_direction direction, const uint8_t *bytes,
                    uint32_t size, int64_t due_ns)
{
  struct emulator *emulator = context;
  const struct tap *tap = emulator->options->taps[direction == PATH_AB ? PATH_BA : PATH_AB];
  ssize_t written = 0;
  do
    written = write(tap->descriptor, bytes, size);
  while (written < 0 && errno == EINTR);
  const int problem = errno;
  if (due_ns != emulator->received_ns) /* it had to wait */
    lateness_add(&emulator->lateness, path_time_ns(emulator) - due_ns);
  if (written >= 0)
    return;
  if (emulator->write_failures[direction]++ < FAILURES_LOGGED) {
    const int64_t now_ns = path_time_ns(emulator);
    truth_log_write_failure(emulator->options->log, now_ns, wall_ns(emulator, now_ns), direction,
                            size, strerror(problem));
  }
}

/* ---- what comes in ---- */

/* Returns true if there may be more. */
static bool receive(struct emulator *emulator, enum path_direction direction)
{
  const int descriptor = emulator->options->taps[direction]->descriptor;
  for (int i = 0; i < BURST_FRAMES; i++) {
    const ssize_t size = read(descriptor, emulator->frame, sizeof emulator->frame);
    if (size <= 0) {
      if (size < 0 && errno != EAGAIN && errno != EINTR)
        emulator->stop = true; /* EBADFD: the device is gone, with its namespace perhaps */
      return false;
    }
    emulator->received_ns = path_time_ns(emulator);
    path_frame(emulator->path, direction, emulator->frame, (uint32_t)size, emulator->received_ns);
  }
  return true;
}

static void take_signal(struct emulator *emulator)
{
  struct signalfd_siginfo info;
  if (read(emulator->options->signals, &info, sizeof info) != (ssize_t)sizeof info)
    return;
  if (info.ssi_signo == SIGUSR1)
    path_signal(emulator->path, path_time_ns(emulator));
  else
    emulator->stop = true;
}

/* ---- the loop ---- */

static void set_timer(struct emulator *emulator, int64_t due_ns)
{
  if (due_ns == emulator->timer_ns)
    return;
  emulator->timer_ns = due_ns;
  struct itimerspec spec = {0}; /* zero: off */
  if (due_ns != INT64_MAX) {
    const int64_t at_ns = emulator->start_ns + due_ns;
    spec.it_value.tv_sec = at_ns / NS_PER_S;
    spec.it_value.tv_nsec = at_ns % NS_PER_S;
  }
  timerfd_settime(emulator->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* Returns a bit for each event, waiting for one if nothing is due soon. */
static unsigned wait_for_events(struct emulator *emulator, bool more)
{
  struct epoll_event events[EVENT_COUNT];
  const int64_t due_ns = path_next_ns(emulator->path);
  const bool awake = more || (due_ns != INT64_MAX && due_ns - path_time_ns(emulator) < AWAKE_NS);
  if (!awake) {
    truth_log_flush(emulator->options->log);
    set_timer(emulator, due_ns);
  }
  const int count = epoll_wait(emulator->epoll, events, EVENT_COUNT, awake ? 0 : -1);
  unsigned bits = 0;
  for (int i = 0; i < count; i++)
    bits |= 1U << events[i].data.u32;
  return bits;
}

static void loop(struct emulator *emulator)
{
  bool more = false;
  while (!emulator->stop) {
    const unsigned events = wait_for_events(emulator, more);
    more = false;
    emulator->received_ns = path_time_ns(emulator);
    path_advance(emulator->path, emulator->received_ns);
    if (events & 1U << EVENT_TIMER)
      emulator->timer_ns = TIME_INVALID; /* it has fired: to be set again whatever it was */
    if (events & 1U << EVENT_A)
      more |= receive(emulator, PATH_AB);
    if (events & 1U << EVENT_B)
      more |= receive(emulator, PATH_BA);
    if (events & 1U << EVENT_SIGNAL)
      take_signal(emulator);
  }
}

static bool watch(const struct emulator *emulator, int descriptor, enum event event)
{
  struct epoll_event entry = {.events = EPOLLIN, .data.u32 = event};
  return epoll_ctl(emulator->epoll, EPOLL_CTL_ADD, descriptor, &entry) == 0;
}

static int open_events(struct emulator *emulator, struct error *error)
{
  emulator->epoll = epoll_create1(EPOLL_CLOEXEC);
  emulator->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (emulator->epoll >= 0 && emulator->timer >= 0 &&
      watch(emulator, emulator->options->taps[PATH_AB]->descriptor, EVENT_A) &&
      watch(emulator, emulator->options->taps[PATH_BA]->descriptor, EVENT_B) &&
      watch(emulator, emulator->timer, EVENT_TIMER) &&
      watch(emulator, emulator->options->signals, EVENT_SIGNAL))
    return 0;
  return error_set(error, ERROR_IO, "cannot wait for frames: %s", strerror(errno));
}

static void tell_end(const struct emulator *emulator)
{
  struct truth_end end = {.time_ns = path_time_ns(emulator),
                          .cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID),
                          .path = emulator->path,
                          .lateness = &emulator->lateness};
  end.wall_ns = wall_ns(emulator, end.time_ns);
  for (int direction = 0; direction < PATH_DIRECTIONS; direction++) {
    end.write_failures[direction] = emulator->write_failures[direction];
    end.ring_drops[direction] = tap_ring_drops(emulator->options->taps[direction]);
  }
  truth_log_end(emulator->options->log, emulator->options->scenario, &end);
  struct emulator_totals *totals = emulator->options->totals;
  if (totals == NULL)
    return;
  totals->lateness = emulator->lateness;
  path_get_stats(emulator->path, &totals->path);
  memcpy(totals->write_failures, end.write_failures, sizeof totals->write_failures);
  memcpy(totals->ring_drops, end.ring_drops, sizeof totals->ring_drops);
}

int emulator_run(const struct emulator_options *options, struct error *error)
{
  struct emulator *emulator = calloc(1, sizeof *emulator);
  if (emulator == NULL)
    return error_set(error, ERROR_MEMORY, "no memory for the emulator");
  const struct path_sink sink = {.context = emulator, .emit = on_emit, .act = on_act};
  emulator->options = options;
  emulator->epoll = emulator->timer = -1;
  emulator->timer_ns = INT64_MAX;
  emulator->path = path_new(options->scenario, &sink, error);
  int result = emulator->path == NULL ? ERROR_MEMORY : open_events(emulator, error);
  if (result == 0) {
    prctl(PR_SET_TIMERSLACK, 1UL); /* ns, for whatever sleeps in this thread */
    emulator->start_ns = clock_ns(CLOCK_MONOTONIC);
    const char *const names[] = {options->taps[PATH_AB]->name, options->taps[PATH_BA]->name};
    truth_log_start(options->log, options->scenario, wall_ns(emulator, 0), names);
    truth_log_flush(options->log);
    loop(emulator);
    tell_end(emulator);
  }
  if (emulator->epoll >= 0)
    close(emulator->epoll);
  if (emulator->timer >= 0)
    close(emulator->timer);
  path_free(emulator->path);
  free(emulator);
  return result;
}
