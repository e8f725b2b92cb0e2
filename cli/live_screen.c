#include "cli/live_screen.h"

#include "cli/complain.h"
#include "cli/connection_filter.h"
#include "cli/live_model.h"
#include "cli/live_write.h"
#include "cli/monitor.h"
#include "cli/screen_process.h"
#include "tui/ui.h"
#include "wire/timestamp.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define REFRESH_NS (INT64_C(250) * NS_PER_MS)
/* With very many connections a look at all of them takes long: then it comes more seldom, so that
 * it has no more than so much of a processor; but so often all the same. */
#define REFRESH_SHARE  20
#define REFRESH_MAX_NS (3 * NS_PER_S)
/* What the user did shows at once; news wait so long for each other. */
#define DRAW_NS        (INT64_C(100) * NS_PER_MS)
#define BELL_NS        NS_PER_S /* one for all stalls of that time */
#define EVENTS_AT_ONCE 16
#define NOTICES        8u
#define NOTICE_SIZE    200

/* In shared memory: what the keeping side has to say, the last ones; and what it says at the end.
 */
struct notices {
  /* the writing side's: what a limit has cost */
  _Atomic uint64_t left_out, forgotten;
  /* the keeping side's */
  atomic_uint count;
  char texts[NOTICES][NOTICE_SIZE];
};

struct live_screen {
  struct live_screen_options options;
  struct flight_screen hooks;
  struct flight *flight;
  struct screen_process *terminal; /* NULL: it is not open */
  struct live_model *live;
  struct live_write *write;
  struct notices *notices;
  unsigned notices_shown;
  struct ui ui;
  struct grid grid;
  int64_t refreshed_ns, drawn_ns, bell_ns, recording_ns;
  int64_t refresh_step_ns; /* from one look to the next */
  int rows, columns;       /* as drawn last */
  int stderr_fd, said_fd;  /* the true one; what is said instead */
  bool dirty, urgent;
};

/* ---- the keeping side ---- */

static void notice(struct live_screen *screen, const char *text)
{
  struct notices *notices = screen->notices;
  const unsigned count = atomic_load(&notices->count);
  snprintf(notices->texts[count % NOTICES], NOTICE_SIZE, "%s", text);
  atomic_store(&notices->count, count + 1);
}

static bool on_request(void *context, const void *bytes, size_t size)
{
  struct live_screen *screen = context;
  char said[NOTICE_SIZE];
  if (!live_write_request(screen->write, bytes, size, said, sizeof said))
    return false;
  notice(screen, said);
  return true;
}

static void on_end_event(void *context, enum recorder_event event, uint32_t end, const char *text)
{
  struct live_screen *screen = context;
  char said[NOTICE_SIZE];
  const char *name = screen->options.ends[end].interface;
  const int letter = 'A' + (int)end;
  switch (event) {
  case RECORDER_EVENT_AWAY:
    snprintf(said, sizeof said, "end %c: %s went away (%s); it is waited for", letter, name, text);
    break;
  case RECORDER_EVENT_BACK:
    snprintf(said, sizeof said, "end %c: %s is back %s", letter, name, text);
    break;
  case RECORDER_EVENT_LOST:
    snprintf(said, sizeof said, "end %c: %s is lost: %s", letter, name, text);
    break;
  }
  notice(screen, said);
}

static void tell_limits(const struct live_screen *screen)
{
  const uint64_t left_out = atomic_load(&screen->notices->left_out);
  const uint64_t forgotten = atomic_load(&screen->notices->forgotten);
  if (left_out > 0)
    complain("%" PRIu64 " connections were not on the screen: there were too many at once",
             left_out);
  if (forgotten > 0)
    complain("%" PRIu64 " findings that were over were forgotten: there were too many", forgotten);
}

/* What was said meanwhile would have spoilt the picture. */
static void on_over(void *context)
{
  struct live_screen *screen = context;
  char buffer[4096];
  ssize_t got;
  screen_process_stop(screen->terminal);
  if (screen->said_fd < 0)
    return;
  fflush(stderr);
  dup2(screen->stderr_fd, STDERR_FILENO);
  lseek(screen->said_fd, 0, SEEK_SET);
  while ((got = read(screen->said_fd, buffer, sizeof buffer)) > 0)
    fwrite(buffer, 1, (size_t)got, stderr);
  close(screen->said_fd);
  close(screen->stderr_fd);
  screen->said_fd = screen->stderr_fd = -1;
  tell_limits(screen);
}

static void put_stderr_aside(struct live_screen *screen)
{
  screen->stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  screen->said_fd = screen->stderr_fd < 0 ? -1 : memfd_create("messages", MFD_CLOEXEC);
  if (screen->said_fd >= 0)
    dup2(screen->said_fd, STDERR_FILENO);
}

int live_screen_attach(void *context, struct flight *flight, struct error *error)
{
  struct live_screen *screen = context;
  struct error why;
  screen->flight = flight;
  if (screen_process_start(&screen->terminal, &screen->options.screen, &why) < 0)
    return error_set(error, ERROR_UNSUPPORTED,
                     "live: %.120s; tcpstall capture --until-stall tells the same as lines",
                     why.text);
  put_stderr_aside(screen);
  return 0;
}

/* ---- the writing side: what is shown ---- */

/* "tap0 + tap0  REC stall.pcapng 12s" */
static void entitle(struct live_screen *screen, int64_t now_ns)
{
  struct model *model = live_model_shown(screen->live);
  char text[sizeof model->title];
  size_t used = 0;
  for (uint32_t i = 0; i < screen->options.end_count && used < sizeof text; i++)
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? " + " : "",
                             screen->options.ends[i].interface);
  const bool recording = flight_is_recording(screen->flight);
  if (!recording)
    screen->recording_ns = TIME_INVALID;
  else if (!time_is_valid(screen->recording_ns))
    screen->recording_ns = now_ns;
  if (recording && used < sizeof text)
    snprintf(text + used, sizeof text - used, "  REC %.40s %lds", screen->options.file,
             (long)((now_ns - screen->recording_ns) / NS_PER_S));
  memcpy(model->title, text, sizeof text);
}

static void count_drops(struct live_screen *screen)
{
  struct model *model = live_model_shown(screen->live);
  for (uint32_t i = 0; i < screen->options.end_count; i++) {
    model->ends[i].has_dropped = true;
    model->ends[i].dropped = recorder_dropped(flight_recorder(screen->flight), i);
  }
}

static int64_t processor_ns(void)
{
  struct timespec used;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return (int64_t)used.tv_sec * NS_PER_S + used.tv_nsec;
}

static void refresh(struct live_screen *screen, struct monitor *monitor, int64_t now_ns)
{
  const int64_t begun_ns = processor_ns();
  screen->refreshed_ns = now_ns;
  count_drops(screen);
  if (!screen->ui.paused)
    live_model_refresh(screen->live, monitor, now_ns);
  const uint64_t left_out = live_model_shown(screen->live)->left_out;
  if (left_out > atomic_load(&screen->notices->left_out))
    atomic_store(&screen->notices->left_out, left_out);
  atomic_store(&screen->notices->forgotten, live_model_forgotten(screen->live));
  screen->refresh_step_ns = REFRESH_SHARE * (processor_ns() - begun_ns);
  if (screen->refresh_step_ns < REFRESH_NS)
    screen->refresh_step_ns = REFRESH_NS;
  if (screen->refresh_step_ns > REFRESH_MAX_NS)
    screen->refresh_step_ns = REFRESH_MAX_NS;
  screen->dirty = true;
}

static void draw(struct live_screen *screen, int64_t now_ns)
{
  struct grid *grid = &screen->grid;
  screen->dirty = screen->urgent = false;
  screen->drawn_ns = now_ns;
  screen->rows = screen->columns = 0;
  screen_process_size(screen->terminal, &screen->rows, &screen->columns);
  if (screen->rows < 1 || screen->columns < 1 ||
      ((screen->rows != grid->rows || screen->columns != grid->columns) &&
       !grid_resize(grid, screen->rows, screen->columns)))
    return;
  entitle(screen, now_ns);
  ui_draw(&screen->ui, grid);
  screen_process_show(screen->terminal, grid);
}

static void show_notices(struct live_screen *screen)
{
  struct notices *notices = screen->notices;
  if (atomic_load(&notices->count) == screen->notices_shown)
    return;
  screen->notices_shown = atomic_load(&notices->count);
  ui_say(&screen->ui, "%.*s", NOTICE_SIZE - 1,
         notices->texts[(screen->notices_shown - 1) % NOTICES]);
  screen->urgent = true;
}

static void on_event(void *context, const struct monitor_event *event)
{
  struct live_screen *screen = context;
  const struct finding *finding = event->finding;
  const struct model_connection *connection = live_model_take(screen->live, event);
  screen->dirty = true;
  if (connection == NULL || finding->state != FINDING_OPEN || finding->severity != SEVERITY_PROBLEM)
    return;
  ui_say(&screen->ui, "%s: %.120s", connection->client, finding->summary);
  if (screen->drawn_ns - screen->bell_ns >= BELL_NS) {
    screen->bell_ns = screen->drawn_ns;
    screen_process_bell(screen->terminal);
  }
}

static void take_keys(struct live_screen *screen)
{
  struct event event;
  for (int i = 0; i < EVENTS_AT_ONCE && !screen->ui.quit; i++) {
    screen_process_event(screen->terminal, &event);
    if (event.kind == EVENT_NONE)
      break;
    ui_handle(&screen->ui, &event);
    screen->urgent = true;
  }
}

static void on_tick(void *context, struct monitor *monitor, int64_t now_ns)
{
  struct live_screen *screen = context;
  live_model_lend(screen->live, monitor);
  take_keys(screen);
  show_notices(screen);
  if (now_ns - screen->refreshed_ns >= screen->refresh_step_ns)
    refresh(screen, monitor, now_ns);
  if (screen->ui.quit)
    flight_finish(screen->flight);
  else if (screen->urgent || (screen->dirty && now_ns - screen->drawn_ns >= DRAW_NS))
    draw(screen, now_ns);
  live_model_lend(screen->live, NULL);
}

/* ---- the writing side: what the user asks for ---- */

/* By the names of each end: the interface by which the sender's packets leave knows one of them. */
static const char *on_kick(void *context, const struct model_connection *connection)
{
  struct live_screen *screen = context;
  const struct stream_summary *streams = connection->summary.streams;
  enum stream_side sender = streams[1].bytes > streams[0].bytes ? SIDE_SERVER : SIDE_CLIENT;
  if (connection->has_owner && connection->owner.kind == OWNER_LOCATION)
    sender = connection->owner.sender;
  for (uint32_t end = 0; end < screen->options.end_count; end++) {
    struct live_names names;
    if (!live_model_names(screen->live, connection, end, &names))
      continue;
    const bool client = sender == SIDE_CLIENT;
    if (flight_kick(screen->flight, client ? &names.client : &names.server,
                    client ? &names.server : &names.client))
      return "a ping is on its way through the sender's interface";
  }
  return "no interface of the sender is known here";
}

static const char *on_record(void *context)
{
  struct live_screen *screen = context;
  if (screen->options.file == NULL)
    return "there is no file to record into: start with -w FILE";
  return flight_record(screen->flight) ? "the last seconds and all that follows are being recorded"
                                       : "no more is recorded";
}

static const char *on_write(void *context, const struct model_connection *connection)
{
  struct live_screen *screen = context;
  return live_write_connection(screen->write, flight_recorder(screen->flight), screen->live,
                               connection);
}

/* ---- */

struct live_screen *live_screen_new(const struct live_screen_options *options)
{
  struct live_screen *screen = calloc(1, sizeof *screen);
  if (screen == NULL)
    return NULL;
  screen->options = *options;
  screen->stderr_fd = screen->said_fd = -1;
  screen->recording_ns = TIME_INVALID;
  screen->live = live_model_new(options->ends, options->end_count);
  screen->write = live_write_new(options->ends, options->end_count);
  void *shared = mmap(NULL, sizeof *screen->notices, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  screen->notices = shared != MAP_FAILED ? shared : NULL;
  screen->hooks = (struct flight_screen){.context = screen,
                                         .event = on_event,
                                         .tick = on_tick,
                                         .request = on_request,
                                         .end_event = on_end_event,
                                         .over = on_over};
  const struct ui_actions actions = {.context = screen,
                                     .write = on_write,
                                     .kick = on_kick,
                                     .recorder = on_record,
                                     .language = connection_filter_language()};
  if (screen->live == NULL || screen->write == NULL || screen->notices == NULL ||
      !ui_init(&screen->ui, live_model_shown(screen->live), &actions)) {
    live_screen_free(screen);
    return NULL;
  }
  return screen;
}

void live_screen_free(struct live_screen *screen)
{
  if (screen == NULL)
    return;
  screen_process_stop(screen->terminal);
  screen_process_free(screen->terminal);
  ui_free(&screen->ui);
  live_model_free(screen->live);
  live_write_free(screen->write);
  grid_free(&screen->grid);
  if (screen->notices != NULL)
    munmap(screen->notices, sizeof *screen->notices);
  free(screen);
}

const struct flight_screen *live_screen_hooks(struct live_screen *screen)
{
  return &screen->hooks;
}
