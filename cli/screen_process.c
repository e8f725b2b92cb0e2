#include "cli/screen_process.h"

#include "capture/recorder_rights.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define EVENTS   64u
#define PICTURES 3u
#define FRESH    4u   /* bit beside a picture's number: nobody has taken it yet */
#define LOOK_MS  1000 /* nothing is lost if a wake-up is */
/* A terminal that takes nothing is given up after this: its process may hang in a write. */
#define STOP_MS      2000
#define LET_GO_MS    300
#define STOP_STEP_MS 5

struct picture {
  int rows, columns;
  struct cell cells[SCREEN_PROCESS_CELLS];
};

/* Each field is moved by one side. Of the three pictures one is the painter's, one the terminal's,
 * and `ready` says which is the third one: each side changes its own for it. */
struct screen_shared {
  /* the terminal's */
  atomic_int rows, columns;
  atomic_uint events_put;
  struct event events[EVENTS];
  char why[120]; /* it could not be opened */
  /* the painter's */
  atomic_uint events_taken, bells;
  atomic_bool quit;
  /* both sides' */
  atomic_uint ready;
  struct picture pictures[PICTURES];
};

struct screen_process {
  struct screen_shared *shared;
  pid_t process; /* 0: it has ended */
  int wake;      /* an eventfd: there is something to show */
  int alive;     /* a pipe from there: ends when the process does */
  int input, output;
  bool gone;
  unsigned back; /* the painter's picture */
  struct termios before;
};

/* ---- there ---- */

struct terminal {
  struct screen_shared *shared;
  int input, wake;
  unsigned front, bells;
  bool ended; /* the user is not there any more */
  struct grid grid;
};

static void put_event(struct terminal *terminal, const struct event *event)
{
  struct screen_shared *shared = terminal->shared;
  const unsigned put = atomic_load(&shared->events_put);
  if (put - atomic_load(&shared->events_taken) >= EVENTS)
    return; /* keys that nobody takes */
  shared->events[put % EVENTS] = *event;
  atomic_store(&shared->events_put, put + 1);
}

static void publish_size(const struct terminal *terminal)
{
  int rows, columns;
  screen_size(&rows, &columns);
  atomic_store(&terminal->shared->rows, rows);
  atomic_store(&terminal->shared->columns, columns);
}

static void end_input(struct terminal *terminal)
{
  put_event(terminal, &(struct event){.kind = EVENT_END});
  terminal->ended = true;
}

static void take_input(struct terminal *terminal)
{
  struct event event;
  while (!terminal->ended) {
    screen_wait(0, &event);
    if (event.kind == EVENT_NONE)
      return;
    if (event.kind == EVENT_END)
      end_input(terminal);
    else
      put_event(terminal, &event);
    if (event.kind == EVENT_RESIZE)
      publish_size(terminal);
  }
}

/* What comes from the other side is made harmless. */
static struct cell clean_cell(const struct cell *cell)
{
  struct cell clean = *cell;
  if ((clean.glyph > 0 && clean.glyph < ' ') || (clean.glyph >= 0x7f && clean.glyph < 0xa0) ||
      clean.glyph > 0x10ffff)
    clean.glyph = '?';
  if (clean.style >= STYLE_COUNT)
    clean.style = STYLE_NORMAL;
  return clean;
}

static void show_picture(struct terminal *terminal, const struct picture *picture)
{
  const int rows = picture->rows, columns = picture->columns;
  if (rows < 1 || columns < 1 || rows > (int)SCREEN_PROCESS_CELLS ||
      columns > (int)SCREEN_PROCESS_CELLS / rows)
    return;
  if ((rows != terminal->grid.rows || columns != terminal->grid.columns) &&
      !grid_resize(&terminal->grid, rows, columns))
    return;
  for (int i = 0; i < rows * columns; i++)
    terminal->grid.cells[i] = clean_cell(&picture->cells[i]);
  screen_show(&terminal->grid);
}

static void show_what_is_new(struct terminal *terminal)
{
  struct screen_shared *shared = terminal->shared;
  const unsigned bells = atomic_load(&shared->bells);
  if (bells != terminal->bells)
    screen_bell();
  terminal->bells = bells;
  if ((atomic_load(&shared->ready) & FRESH) == 0)
    return;
  terminal->front = (atomic_exchange(&shared->ready, terminal->front) & ~FRESH) % PICTURES;
  show_picture(terminal, &shared->pictures[terminal->front]);
}

static void serve(struct terminal *terminal, pid_t parent)
{
  uint64_t count;
  while (!atomic_load(&terminal->shared->quit) && getppid() == parent) {
    struct pollfd waiting[2] = {{.fd = terminal->ended ? -1 : terminal->input, .events = POLLIN},
                                {.fd = terminal->wake, .events = POLLIN}};
    show_what_is_new(terminal);
    const int ready = poll(waiting, 2, LOOK_MS);
    if (ready > 0 && (waiting[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
      end_input(terminal);
    else
      take_input(terminal); /* or a signal came */
    if (ready > 0 && waiting[1].revents != 0 &&
        read(terminal->wake, &count, sizeof count) != (ssize_t)sizeof count)
      continue; /* it was taken back */
  }
}

/* alive: where a byte says that the terminal is open. */
_Noreturn static void terminal_main(struct screen_process *screen,
                                    const struct screen_options *options, int alive, pid_t parent)
{
  struct terminal terminal = {
      .shared = screen->shared, .input = screen->input, .wake = screen->wake, .front = 1};
  const int kept[] = {alive, screen->wake};
  struct recorder_identity identity;
  struct error error;
  const char *why;
  recorder_close_others(kept, 2);
  const bool known = recorder_identity_find(&identity, NULL, &error) == 0;
  if (screen_open(options, &why) != 0) {
    strncpy(screen->shared->why, why, sizeof screen->shared->why - 1);
    _exit(1);
  }
  if (!known || recorder_rights_drop(&identity, &error) < 0) {
    screen_close();
    strncpy(screen->shared->why, "rights cannot be given up", sizeof screen->shared->why - 1);
    _exit(1);
  }
  prctl(PR_SET_NAME, (unsigned long)"tcpstall-screen", 0UL, 0UL, 0UL);
  prctl(PR_SET_PDEATHSIG, (unsigned long)SIGTERM, 0UL, 0UL, 0UL);
  publish_size(&terminal);
  if (write(alive, "", 1) == 1)
    serve(&terminal, parent);
  screen_close();
  grid_free(&terminal.grid);
  _exit(0);
}

/* ---- here ---- */

static void wake_up(const struct screen_process *screen)
{
  const uint64_t one = 1;
  if (write(screen->wake, &one, sizeof one) < 0)
    return; /* it has been woken so often that it cannot sleep */
}

/* Waits until the terminal is open, or could not be. */
static int await_opening(struct screen_process *screen, struct error *error)
{
  char byte;
  ssize_t got;
  do
    got = read(screen->alive, &byte, 1);
  while (got < 0 && errno == EINTR);
  if (got == 1)
    return 0;
  waitpid(screen->process, NULL, 0);
  screen->process = 0;
  return error_set(error, ERROR_UNSUPPORTED, "%.100s",
                   screen->shared->why[0] != '\0' ? screen->shared->why
                                                  : "the terminal cannot be opened");
}

static int start(struct screen_process *screen, const struct screen_options *options,
                 struct error *error)
{
  int alive[2];
  screen->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (screen->wake < 0 || pipe2(alive, O_CLOEXEC) != 0)
    return error_set(error, ERROR_IO, "no process for the terminal: %s", strerror(errno));
  screen->alive = alive[0];
  const pid_t parent = getpid();
  screen->process = fork();
  if (screen->process == 0)
    terminal_main(screen, options, alive[1], parent);
  close(alive[1]);
  if (screen->process < 0) {
    screen->process = 0;
    return error_set(error, ERROR_IO, "no process for the terminal: %s", strerror(errno));
  }
  return await_opening(screen, error);
}

int screen_process_start(struct screen_process **screen_out, const struct screen_options *options,
                         struct error *error)
{
  struct screen_process *screen = calloc(1, sizeof *screen);
  if (screen == NULL)
    return error_set(error, ERROR_MEMORY, "no memory for the screen");
  screen->wake = screen->alive = -1;
  screen->input = fileno(options->input);
  screen->output = fileno(options->output);
  screen->back = 2;
  void *shared = mmap(NULL, sizeof *screen->shared, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  screen->shared = shared != MAP_FAILED ? shared : NULL;
  int rc = screen->shared != NULL && tcgetattr(screen->input, &screen->before) == 0
               ? start(screen, options, error)
               : error_set(error, ERROR_IO, "no memory for the screen, or no terminal");
  if (rc < 0) {
    screen_process_free(screen);
    screen = NULL;
  }
  *screen_out = screen;
  return rc;
}

/* Output that the user has stopped (Ctrl-S): only what tcflow() itself has stopped goes on by it.
 */
static void let_go_on(const struct screen_process *screen)
{
  tcflow(screen->output, TCOOFF);
  tcflow(screen->output, TCOON);
}

/* Its process could not do it: xterm's sequences, which nearly all terminals know. */
static void put_back(const struct screen_process *screen)
{
  static const char restore[] = "\033[?1000l\033[?1002l\033[?1006l\033[0m\033[?25h\033[?1049l";
  struct pollfd output = {.fd = screen->output, .events = POLLOUT};
  tcsetattr(screen->input, TCSANOW, &screen->before);
  tcflush(screen->output, TCOFLUSH);
  let_go_on(screen);
  if (poll(&output, 1, 0) == 1 && (output.revents & POLLOUT) != 0 &&
      write(screen->output, restore, sizeof restore - 1) < 0)
    return; /* the terminal is gone */
}

void screen_process_stop(struct screen_process *screen)
{
  const struct timespec step = {.tv_nsec = STOP_STEP_MS * 1000000L};
  int status = 0;
  if (screen == NULL || screen->process == 0)
    return;
  atomic_store(&screen->shared->quit, true);
  wake_up(screen);
  pid_t ended = 0;
  for (int ms = 0; ended == 0 && ms < STOP_MS; ms += STOP_STEP_MS) {
    ended = waitpid(screen->process, &status, WNOHANG);
    if (ms == LET_GO_MS)
      let_go_on(screen);
    if (ended == 0)
      nanosleep(&step, NULL);
  }
  if (ended == 0) {
    kill(screen->process, SIGKILL);
    waitpid(screen->process, &status, 0);
  }
  screen->process = 0;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    put_back(screen);
}

void screen_process_free(struct screen_process *screen)
{
  if (screen == NULL)
    return;
  if (screen->wake >= 0)
    close(screen->wake);
  if (screen->alive >= 0)
    close(screen->alive);
  if (screen->shared != NULL)
    munmap(screen->shared, sizeof *screen->shared);
  free(screen);
}

void screen_process_size(const struct screen_process *screen, int *rows, int *columns)
{
  *rows = atomic_load(&screen->shared->rows);
  *columns = atomic_load(&screen->shared->columns);
}

void screen_process_event(struct screen_process *screen, struct event *event)
{
  struct screen_shared *shared = screen->shared;
  struct pollfd alive = {.fd = screen->alive, .events = POLLIN};
  const unsigned taken = atomic_load(&shared->events_taken);
  *event = (struct event){.kind = EVENT_NONE};
  if (taken != atomic_load(&shared->events_put)) {
    *event = shared->events[taken % EVENTS];
    atomic_store(&shared->events_taken, taken + 1);
  } else if (screen->gone || poll(&alive, 1, 0) > 0) {
    screen->gone = true;
  }
  screen->gone = screen->gone || event->kind == EVENT_END;
  if (screen->gone)
    event->kind = EVENT_END;
}

void screen_process_show(struct screen_process *screen, const struct grid *grid)
{
  struct screen_shared *shared = screen->shared;
  struct picture *picture = &shared->pictures[screen->back];
  if (grid->rows < 1 || grid->columns < 1 ||
      (uint64_t)grid->rows * (uint64_t)grid->columns > SCREEN_PROCESS_CELLS)
    return;
  picture->rows = grid->rows;
  picture->columns = grid->columns;
  memcpy(picture->cells, grid->cells,
         (size_t)grid->rows * (size_t)grid->columns * sizeof *grid->cells);
  screen->back = (atomic_exchange(&shared->ready, screen->back | FRESH) & ~FRESH) % PICTURES;
  wake_up(screen);
}

void screen_process_bell(struct screen_process *screen)
{
  atomic_fetch_add(&screen->shared->bells, 1);
  wake_up(screen);
}
