#include "capture/recorder_keeper.h"

#include "capture/clean_text.h"
#include "capture/recorder_channel.h"
#include "capture/remote.h"
#include "wire/timestamp.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS    (INT64_C(50) * NS_PER_MS)
#define PROBE_NS   (INT64_C(100) * NS_PER_MS) /* is an interface that went away there again? */
#define REFUSED_NS NS_PER_S /* it was, but could not be opened: again after that */
/* Readers have ended by then, or are killed: the longest that one may take is a stream. */
#define STOPPING_NS (REMOTE_STOP_NS + INT64_C(5) * NS_PER_S)

struct supervision {
  struct recorder *recorder;
  int64_t begun_ns, tick_ns, stopping_ns; /* CLOCK_MONOTONIC; stopping: 0 = not yet */
  int64_t probe_ns[RECORDER_ENDS_MAX];    /* not before */
  bool captured_all;
  int worker_status;
};

static void tell(const struct recorder_end *end, enum recorder_event event, const char *text)
{
  const struct recorder_keeper *keeper = end->recorder->options.keeper;
  if (keeper != NULL && keeper->event != NULL)
    keeper->event(keeper->context, event, end->index, text);
}

int recorder_keeper_start_reader(struct recorder_end *end, struct error *error)
{
  int channel[2];
  if (!recorder_channel_open(channel))
    return error_set(error, ERROR_IO, "no channel to a reader: %s", strerror(errno));
  atomic_store(&end->shared->state, RECORDER_READER_OPENING);
  fflush(NULL); /* or the child would have it as well */
  pid_t child = fork();
  if (child == 0) {
    close(channel[0]);
    recorder_reader_main(end->recorder, end->index, channel[1]);
  }
  close(channel[1]);
  if (child < 0) {
    close(channel[0]);
    return error_set(error, ERROR_IO, "no process to read with: %s", strerror(errno));
  }
  end->reader = child;
  end->channel = channel[0];
  return 0;
}

static int start_worker(struct recorder *recorder, struct error *error)
{
  int channel[2];
  if (!recorder_channel_open(channel))
    return error_set(error, ERROR_IO, "no channel to the writer: %s", strerror(errno));
  fflush(NULL);
  recorder->worker = fork();
  if (recorder->worker == 0) {
    const struct recorder_keeper *keeper = recorder->options.keeper;
    close(channel[0]);
    if (keeper != NULL && keeper->forked != NULL)
      keeper->forked(keeper->context);
    recorder_worker_main(recorder, channel[1]);
  }
  close(channel[1]);
  recorder->channel = channel[0];
  if (recorder->worker > 0)
    return 0;
  recorder->worker = 0;
  return error_set(error, ERROR_IO, "no process to write with: %s", strerror(errno));
}

/* The process has ended: its channel has. Returns waitpid()'s status. */
static int bury(pid_t *process, int *channel)
{
  int status = 0;
  while (waitpid(*process, &status, 0) < 0 && errno == EINTR)
    continue;
  close(*channel);
  *process = 0;
  *channel = -1;
  return status;
}

static const char *status_text(int status, char *text, size_t size)
{
  if (WIFSIGNALED(status))
    snprintf(text, size, "was ended by signal %d (%s)", WTERMSIG(status),
             strsignal(WTERMSIG(status)));
  else
    snprintf(text, size, "ended with status %d", WEXITSTATUS(status));
  return text;
}

/* For the file: nothing is known of what follows. */
static void tell_lost(const struct recorder_end *end, int64_t from_ns)
{
  const struct recorder_message message = {
      .type = RECORDER_MESSAGE_GAP, .end = end->index, .from_ns = from_ns, .to_ns = INT64_MAX};
  recorder_channel_send(end->recorder->channel, &message, NULL, 0, -1, false);
}

static void lose(struct recorder_end *end, const char *why)
{
  end->lost = true;
  end->away_ns = 0;
  snprintf(end->why, sizeof end->why, "%.*s", (int)sizeof end->why - 1, why);
  tell_lost(end, recorder_clock_ns(CLOCK_REALTIME));
  tell(end, RECORDER_EVENT_LOST, end->why);
}

static void reader_ended(struct supervision *supervision, struct recorder_end *end)
{
  char ended[80], why[sizeof end->why];
  int state = atomic_load(&end->shared->state);
  int status = bury(&end->reader, &end->channel);
  for (int lane = 0; lane < RECORDER_LANES; lane++)
    atomic_store(&end->shared->complete_ns[lane], INT64_MAX);
  recorder_end_why(end, why, sizeof why);
  if (end->let_go && supervision->stopping_ns == 0 && state >= RECORDER_READER_GONE) {
    snprintf(why, sizeof why, "its network namespace is gone");
    state = RECORDER_READER_GONE;
  }
  end->let_go = false;
  if (state == RECORDER_READER_FINISHED || (supervision->stopping_ns != 0 && end->away_ns != 0))
    return;
  if (state == RECORDER_READER_REFUSED && end->away_ns != 0) {
    supervision->probe_ns[end->index] = recorder_clock_ns(CLOCK_MONOTONIC) + REFUSED_NS;
  } else if (state != RECORDER_READER_GONE) {
    snprintf(why, sizeof why, "the process that reads it %s",
             status_text(status, ended, sizeof ended));
    lose(end, why);
  } else if (recorder_end_wanted(end)->kind == RECORDER_STREAM) {
    lose(end, why);
  } else {
    end->away_ns = recorder_clock_ns(CLOCK_REALTIME);
    memcpy(end->why, why, sizeof end->why);
    tell(end, RECORDER_EVENT_AWAY, end->why);
  }
}

/* Whether the interface is there, and up. */
static bool is_there(struct recorder_end *end)
{
  struct ifreq request;
  struct error error;
  if (end->probe < 0 && recorder_namespace_open(end, &error) < 0)
    recorder_namespace_close(end); /* not yet, or not wholly */
  if (end->probe < 0)
    return false;
  memset(&request, 0, sizeof request);
  if (snprintf(request.ifr_name, sizeof request.ifr_name, "%s",
               recorder_end_wanted(end)->interface) >= (int)sizeof request.ifr_name)
    return false;
  return ioctl(end->probe, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0;
}

/* A namespace that was made anew under its old name is another one. As long as somebody holds the
 * old one it stays, and the other ends of its links with it. */
static void look_whether_moved(struct supervision *supervision, struct recorder_end *end,
                               int64_t now_ns)
{
  int64_t *probe_ns = &supervision->probe_ns[end->index];
  if (end->lost || end->let_go || now_ns < *probe_ns)
    return;
  if (end->reader != 0)
    *probe_ns = now_ns + PROBE_NS;
  if (!recorder_namespace_is_gone(end))
    return;
  recorder_namespace_close(end);
  if (end->reader == 0)
    return;
  end->let_go = true;
  shutdown(end->channel, SHUT_WR); /* it empties its buffers and ends */
}

static void look_for(struct supervision *supervision, struct recorder_end *end, int64_t now_ns)
{
  struct error error;
  if (end->away_ns == 0 || end->reader != 0 || now_ns < supervision->probe_ns[end->index])
    return;
  supervision->probe_ns[end->index] = now_ns + PROBE_NS;
  if (is_there(end) && recorder_keeper_start_reader(end, &error) < 0)
    supervision->probe_ns[end->index] = now_ns + REFUSED_NS;
}

/* A reader that was started again has opened its interface. */
static void came_back(struct recorder_end *end)
{
  struct recorder_message message = {.type = RECORDER_MESSAGE_GAP,
                                     .end = end->index,
                                     .from_ns = end->away_ns,
                                     .to_ns = recorder_clock_ns(CLOCK_REALTIME)};
  char text[80];
  snprintf(text, sizeof text, "after %.1f s",
           (double)(message.to_ns - message.from_ns) / (double)NS_PER_S);
  end->away_ns = 0;
  end->returns++;
  recorder_channel_send(end->recorder->channel, &message, NULL, 0, -1, false);
  tell(end, RECORDER_EVENT_BACK, text);
}

static void hear_reader(struct supervision *supervision, struct recorder_end *end)
{
  char byte;
  ssize_t size = recv(end->channel, &byte, 1, MSG_DONTWAIT);
  if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR))
    reader_ended(supervision, end);
  else if (size > 0 && end->away_ns != 0 &&
           atomic_load(&end->shared->state) == RECORDER_READER_READING)
    came_back(end);
}

static void hear_worker(struct supervision *supervision)
{
  struct recorder *recorder = supervision->recorder;
  const struct recorder_keeper *keeper = recorder->options.keeper;
  struct recorder_message message;
  uint8_t bytes[RECORDER_REQUEST_BYTES_MAX];
  size_t size = sizeof bytes;
  int fd;
  switch (recorder_channel_receive(recorder->channel, &message, bytes, &size, &fd, false)) {
  case RECORDER_CHANNEL_ENDED:
    supervision->worker_status = bury(&recorder->worker, &recorder->channel);
    break;
  case RECORDER_CHANNEL_MESSAGE:
    if (message.type == RECORDER_MESSAGE_FILE)
      recorder_files_serve(recorder);
    else if (message.type == RECORDER_MESSAGE_ASK && keeper != NULL && keeper->request != NULL)
      keeper->request(keeper->context, bytes, size);
    break;
  case RECORDER_CHANNEL_NONE: break;
  }
}

static void hear(struct supervision *supervision, int timeout_ms)
{
  struct recorder *recorder = supervision->recorder;
  struct pollfd waiting[RECORDER_ENDS_MAX + 1];
  nfds_t count = recorder->options.end_count;
  for (uint32_t i = 0; i < count; i++)
    waiting[i] = (struct pollfd){.fd = recorder->ends[i].channel, .events = POLLIN};
  waiting[count] = (struct pollfd){.fd = recorder->channel, .events = POLLIN};
  if (poll(waiting, count + 1, timeout_ms) <= 0)
    return;
  for (uint32_t i = 0; i < count; i++)
    if (waiting[i].revents != 0)
      hear_reader(supervision, &recorder->ends[i]);
  if (waiting[count].revents != 0)
    hear_worker(supervision);
}

static bool all_lost(const struct recorder *recorder)
{
  for (uint32_t i = 0; i < recorder->options.end_count; i++)
    if (!recorder->ends[i].lost)
      return false;
  return true;
}

/* true: over, recorder->ending says why. */
static bool is_over(struct supervision *supervision, int64_t now_ns)
{
  struct recorder *recorder = supervision->recorder;
  const struct recorder_options *options = &recorder->options;
  int worker = atomic_load(&recorder->shared->worker_ended);
  if (worker > 0 && worker <= 1 + RECORDER_OBSERVER)
    recorder->ending = (enum recorder_ending)(worker - 1);
  else if (recorder->worker == 0)
    recorder->ending = RECORDER_WRITE_FAILED;
  else if (options->stop != NULL && __atomic_load_n(options->stop, __ATOMIC_RELAXED) != 0)
    recorder->ending = RECORDER_STOPPED;
  else if (options->duration_ns > 0 && now_ns - supervision->begun_ns >= options->duration_ns)
    recorder->ending = RECORDER_DURATION;
  else if (all_lost(recorder))
    recorder->ending = RECORDER_INTERFACES_LOST;
  else
    return false;
  return true;
}

static void stop(struct supervision *supervision, int64_t now_ns)
{
  const struct recorder *recorder = supervision->recorder;
  const struct recorder_keeper *keeper = recorder->options.keeper;
  supervision->stopping_ns = now_ns;
  for (uint32_t i = 0; i < recorder->options.end_count; i++)
    if (recorder->ends[i].away_ns != 0)
      tell_lost(&recorder->ends[i], recorder->ends[i].away_ns);
  atomic_store(&supervision->recorder->shared->stop_ns, recorder_clock_ns(CLOCK_REALTIME));
  if (keeper != NULL && keeper->stopping != NULL)
    keeper->stopping(keeper->context);
}

/* Once all readers have ended, the worker may. */
static void end_readers(struct supervision *supervision, int64_t now_ns)
{
  struct recorder *recorder = supervision->recorder;
  const struct recorder_keeper *keeper = recorder->options.keeper;
  bool all_ended = true;
  for (uint32_t i = 0; i < recorder->options.end_count; i++) {
    all_ended &= recorder->ends[i].reader == 0;
    if (recorder->ends[i].reader != 0 && now_ns - supervision->stopping_ns > STOPPING_NS)
      kill(recorder->ends[i].reader, SIGKILL);
  }
  if (all_ended && !supervision->captured_all) {
    if (keeper != NULL && keeper->tick != NULL) /* what is known of losses only now */
      keeper->tick(keeper->context);
    supervision->captured_all = true;
    atomic_store(&recorder->shared->captured_all, true);
  }
}

static void look_after(struct supervision *supervision, int64_t now_ns)
{
  struct recorder *recorder = supervision->recorder;
  const struct recorder_keeper *keeper = recorder->options.keeper;
  for (uint32_t i = 0; i < recorder->options.end_count; i++) {
    struct recorder_end *end = &recorder->ends[i];
    if (supervision->stopping_ns == 0) {
      look_whether_moved(supervision, end, now_ns);
      look_for(supervision, end, now_ns);
    }
    if (atomic_load(&end->shared->damaged) && end->reader != 0)
      kill(end->reader, SIGKILL); /* it writes nonsense */
  }
  if (now_ns - supervision->tick_ns >= TICK_NS) {
    supervision->tick_ns = now_ns;
    if (keeper != NULL && keeper->tick != NULL)
      keeper->tick(keeper->context);
  }
}

static int timeout_ms(const struct supervision *supervision, int64_t now_ns)
{
  int64_t duration_ns = supervision->recorder->options.duration_ns, wait_ns = TICK_NS;
  int64_t left_ns = supervision->begun_ns + duration_ns - now_ns;
  if (supervision->stopping_ns == 0 && duration_ns > 0 && left_ns < wait_ns)
    wait_ns = left_ns > 0 ? left_ns : 0;
  return (int)((wait_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static void supervise(struct supervision *supervision)
{
  struct recorder *recorder = supervision->recorder;
  supervision->begun_ns = recorder_clock_ns(CLOCK_MONOTONIC);
  while (recorder->worker != 0 || !supervision->captured_all) {
    int64_t now_ns = recorder_clock_ns(CLOCK_MONOTONIC);
    if (supervision->stopping_ns == 0 && is_over(supervision, now_ns))
      stop(supervision, now_ns);
    if (supervision->stopping_ns != 0)
      end_readers(supervision, now_ns);
    look_after(supervision, now_ns);
    hear(supervision, timeout_ms(supervision, now_ns));
  }
}

/* What the worker said, or how it died. */
static int result(struct supervision *supervision, struct error *error)
{
  struct recorder *recorder = supervision->recorder;
  const struct error *failure = &recorder->shared->failure;
  char text[sizeof failure->text];
  int worker = atomic_load(&recorder->shared->worker_ended);
  if (worker == 1 + RECORDER_WRITE_FAILED) {
    recorder->ending = RECORDER_WRITE_FAILED;
    clean_text_copy(text, sizeof text, failure->text, strnlen(failure->text, sizeof text));
    return error_set(error, ERROR_IO, "%s", text);
  }
  if (supervision->worker_status == 0)
    return 0;
  recorder->ending = RECORDER_WRITE_FAILED;
  return error_set(error, ERROR_IO, "the process that writes %s",
                   status_text(supervision->worker_status, text, sizeof text));
}

int recorder_run(struct recorder *recorder, const struct recorder_output *output,
                 struct error *error)
{
  struct supervision supervision = {.recorder = recorder};
  recorder->output = *output;
  recorder->ending = RECORDER_WRITE_FAILED;
  int rc = start_worker(recorder, error);
  if (output->fd >= 0)
    close(output->fd);
  if (rc < 0)
    return rc;
  supervise(&supervision);
  return result(&supervision, error);
}

void recorder_keeper_end_all(struct recorder *recorder)
{
  for (uint32_t i = 0; i < recorder->options.end_count; i++) {
    struct recorder_end *end = &recorder->ends[i];
    if (end->reader == 0)
      continue;
    kill(end->reader, SIGKILL);
    bury(&end->reader, &end->channel);
  }
  if (recorder->worker == 0)
    return;
  kill(recorder->worker, SIGKILL);
  bury(&recorder->worker, &recorder->channel);
}
