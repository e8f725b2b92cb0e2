#include "replay/apps.h"

#include "replay/netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT_DEFAULT 5001
/* Between two looks at what no event tells (stop, all acknowledged), and after all is done: for the
 * last segments to be seen. */
#define GLANCE_NS     (100 * NS_PER_MS)
#define ACKED_WAIT_NS (500 * NS_PER_US)
#define QUEUE_WAIT_NS (100 * NS_PER_US)
#define FAREWELL_NS   (400 * NS_PER_MS)
#define CHUNK_BYTES   (256 * 1024)

/* A writer or a reader on its way through its steps. */
struct cursor {
  const struct plan_steps *steps;
  uint32_t at;
  int64_t begun_ns; /* of the step in hand; TIME_INVALID: not begun */
  int64_t moved;    /* bytes of the step in hand (writer) */
  bool blocked;     /* waits for the socket */
};

struct side {
  const struct plan_side *plan;
  enum plan_host host;
  int listener, socket; /* -1: none */
  int filler;           /* the connection that fills the accept queue; -1: none */
  bool live, connecting, up, dead, closed;
  int64_t written, read;
  bool end_of_stream;
  struct cursor writer, reader;
};

struct live_apps {
  struct live_apps_options options;
  struct side sides[PLAN_HOSTS];
  int64_t now_ns, begun_ns, end_ns;
  char buffer[CHUNK_BYTES];
};

static int64_t clock_now_ns(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

/* ---- sockets ---- */

static void set_option(int socket, int level, int name, int value)
{
  setsockopt(socket, level, name, &value, sizeof value);
}

/* A control leaves the condition out. */
static int64_t listen_full_ns(const struct live_apps *apps, const struct side *side)
{
  return plan_is_off(apps->options.plan, side->plan->listen_full_condition)
             ? 0
             : side->plan->listen_full_ns;
}

static void set_keep_alive(const struct plan_side *plan, int socket)
{
  if (plan->keep_alive_s[0] == 0)
    return;
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, (int)plan->keep_alive_s[0]);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, (int)plan->keep_alive_s[1]);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, (int)plan->keep_alive_s[2]);
}

static void set_up_socket(const struct live_apps *apps, const struct side *side, int socket)
{
  const struct plan_side *plan = side->plan;
  const char *control = plan->congestion_control[0] != '\0' ? plan->congestion_control
                                                            : apps->options.congestion_control;
  set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  if (plan->receive_buffer_bytes > 0 && !plan_is_off(apps->options.plan, plan->buffer_condition))
    set_option(socket, SOL_SOCKET, SO_RCVBUF, (int)plan->receive_buffer_bytes);
  if (plan->send_buffer_bytes > 0)
    set_option(socket, SOL_SOCKET, SO_SNDBUF, (int)plan->send_buffer_bytes);
  if (plan->mss > 0)
    set_option(socket, IPPROTO_TCP, TCP_MAXSEG, plan->mss);
  if (plan->nodelay || plan_is_off(apps->options.plan, plan->nagle_condition))
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  if (plan->tos != 0 && apps->options.plan->ip_version == 4)
    set_option(socket, IPPROTO_IP, IP_TOS, plan->tos);
  if (plan->tos != 0 && apps->options.plan->ip_version == 6)
    set_option(socket, IPPROTO_IPV6, IPV6_TCLASS, plan->tos);
  set_keep_alive(plan, socket);
  /* What a scenario names is there (cmd_replay.c); without root it may not be allowed. */
  if (control != NULL)
    setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, control, (socklen_t)strlen(control));
}

static socklen_t fill_address(const struct live_apps *apps, enum plan_host host,
                              struct sockaddr_storage *storage)
{
  const struct ip_address *address = &apps->options.addresses[host];
  const uint16_t port = apps->options.plan->sides[host].port;
  memset(storage, 0, sizeof *storage);
  if (apps->options.plan->ip_version == 4) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    memcpy(&to.sin_addr, address->bytes + 12, 4);
    memcpy(storage, &to, sizeof to);
    return sizeof to;
  }
  struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  memcpy(&to.sin6_addr, address->bytes, 16);
  memcpy(storage, &to, sizeof to);
  return sizeof to;
}

struct opening {
  struct live_apps *apps;
  struct side *side;
};

/* Connects to itself, over lo: there is no room for another one then. */
static int fill_queue(struct side *side, const struct sockaddr_storage *own, socklen_t size,
                      struct error *error)
{
  side->filler = socket(own->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (side->filler >= 0 && connect(side->filler, (const struct sockaddr *)own, size) == 0)
    return 0;
  return error_set(error, ERROR_IO, "the accept queue cannot be filled: %s", strerror(errno));
}

/* In the side's namespace: sockets stay where they were made. */
static int open_socket(void *context, struct error *error)
{
  const struct opening *opening = context;
  struct side *side = opening->side;
  struct sockaddr_storage own;
  const int family = opening->apps->options.plan->ip_version == 4 ? AF_INET : AF_INET6;
  const int descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0)
    return error_set(error, ERROR_IO, "socket: %s", strerror(errno));
  set_up_socket(opening->apps, side, descriptor);
  const socklen_t size = fill_address(opening->apps, side->host, &own);
  if (side->plan->opens)
    side->socket = descriptor;
  else
    side->listener = descriptor;
  if (side->plan->port != 0 && bind(descriptor, (struct sockaddr *)&own, size) != 0)
    return error_set(error, ERROR_IO, "port %u cannot be used: %s", side->plan->port,
                     strerror(errno));
  const bool full = listen_full_ns(opening->apps, side) > 0;
  if (!side->plan->opens && listen(descriptor, full ? 0 : 1) != 0)
    return error_set(error, ERROR_IO, "listen: %s", strerror(errno));
  return full && !side->plan->opens ? fill_queue(side, &own, size, error) : 0;
}

struct live_apps *live_apps_new(const struct live_apps_options *options, struct error *error)
{
  struct live_apps *apps = calloc(1, sizeof *apps);
  if (apps == NULL) {
    error_set(error, ERROR_MEMORY, "no memory for the applications");
    return NULL;
  }
  apps->options = *options;
  int result = 0;
  for (int host = 0; host < PLAN_HOSTS; host++) {
    struct side *side = &apps->sides[host];
    *side = (struct side){.plan = &options->plan->sides[host],
                          .host = (enum plan_host)host,
                          .listener = -1,
                          .socket = -1,
                          .filler = -1,
                          .live = options->netns[host] >= 0};
    side->writer = (struct cursor){.steps = &side->plan->writer, .begun_ns = TIME_INVALID};
    side->reader = (struct cursor){.steps = &side->plan->reader, .begun_ns = TIME_INVALID};
    struct opening opening = {apps, side};
    side->closed = !side->live;
    if (side->live && result == 0)
      result = netns_run(options->netns[host], open_socket, &opening, error);
  }
  if (result == 0)
    return apps;
  live_apps_free(apps);
  return NULL;
}

static void close_descriptor(int *descriptor)
{
  if (*descriptor >= 0)
    close(*descriptor);
  *descriptor = -1;
}

void live_apps_free(struct live_apps *apps)
{
  if (apps == NULL)
    return;
  for (int host = 0; host < PLAN_HOSTS; host++) {
    close_descriptor(&apps->sides[host].socket);
    close_descriptor(&apps->sides[host].listener);
    close_descriptor(&apps->sides[host].filler);
  }
  free(apps);
}

/* ---- steps ---- */

enum progress { STEP_DONE, STEP_WAITS, STEP_BLOCKED };

static enum progress do_wait(struct live_apps *apps, const struct cursor *cursor,
                             const struct plan_step *step)
{
  if (plan_is_off(apps->options.plan, step->condition))
    return STEP_DONE;
  return apps->now_ns - cursor->begun_ns >= step->value ? STEP_DONE : STEP_WAITS;
}

static enum progress fail(struct side *side)
{
  side->dead = true;
  return STEP_DONE;
}

static enum progress do_write(struct live_apps *apps, struct side *side, struct cursor *cursor,
                              const struct plan_step *step)
{
  while (cursor->moved < step->value) {
    const int64_t left = step->value - cursor->moved;
    const size_t size = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
    const ssize_t sent = send(side->socket, apps->buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0)
      return errno == EAGAIN ? STEP_BLOCKED : fail(side);
    cursor->moved += sent;
    side->written += sent;
  }
  return STEP_DONE;
}

/* Up to `until` bytes in all. */
static enum progress do_read(struct live_apps *apps, struct side *side, int64_t until)
{
  static const size_t most = CHUNK_BYTES;
  while (!side->end_of_stream && side->read < until) {
    const int64_t left = until - side->read;
    const size_t size = left < (int64_t)most ? (size_t)left : most;
    const ssize_t got = recv(side->socket, apps->buffer, size, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return errno == EAGAIN ? STEP_BLOCKED : fail(side);
    side->end_of_stream = got == 0;
    side->read += got;
  }
  return STEP_DONE;
}

static enum progress do_await_sent(const struct side *side)
{
  int queued = 0;
  if (ioctl(side->socket, SIOCOUTQ, &queued) != 0)
    return STEP_DONE;
  return queued == 0 ? STEP_DONE : STEP_WAITS;
}

static enum progress do_abort(struct side *side)
{
  const struct linger hard = {1, 0};
  setsockopt(side->socket, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close_descriptor(&side->socket);
  side->closed = true;
  return STEP_DONE;
}

static enum progress do_step(struct live_apps *apps, struct side *side, struct cursor *cursor)
{
  const struct plan_step *step = &cursor->steps->steps[cursor->at];
  switch (step->kind) {
  case STEP_WRITE: return do_write(apps, side, cursor, step);
  case STEP_WAIT: return do_wait(apps, cursor, step);
  case STEP_AWAIT_READ:
    return side->read >= step->value || side->end_of_stream ? STEP_DONE : STEP_WAITS;
  case STEP_AWAIT_SENT: return do_await_sent(side);
  case STEP_AWAIT_QUEUE:
    return apps->options.queue_stopped == NULL || *apps->options.queue_stopped != 0 ? STEP_DONE
                                                                                    : STEP_WAITS;
  case STEP_READ: return do_read(apps, side, step->value);
  case STEP_READ_ALL: return do_read(apps, side, INT64_MAX);
  case STEP_SHUT: shutdown(side->socket, SHUT_WR); return STEP_DONE;
  case STEP_ABORT:
    if (!plan_is_off(apps->options.plan, step->condition))
      return do_abort(side);
    shutdown(side->socket, SHUT_WR);
    return STEP_DONE;
  }
  return STEP_DONE;
}

/* As far as it goes now. Returns true if anything was done. */
static bool advance(struct live_apps *apps, struct side *side, struct cursor *cursor)
{
  bool moved = false;
  cursor->blocked = false;
  while (!side->dead && !side->closed && cursor->at < cursor->steps->count) {
    if (cursor->begun_ns == TIME_INVALID) {
      cursor->begun_ns = apps->now_ns;
      cursor->moved = 0;
    }
    const enum progress progress = do_step(apps, side, cursor);
    cursor->blocked = progress == STEP_BLOCKED;
    if (progress != STEP_DONE)
      break;
    cursor->at++;
    cursor->begun_ns = TIME_INVALID;
    moved = true;
  }
  return moved;
}

static bool is_over(const struct side *side)
{
  return side->closed || side->dead ||
         (side->up && side->writer.at == side->writer.steps->count &&
          side->reader.at == side->reader.steps->count);
}

static void advance_side(struct live_apps *apps, struct side *side)
{
  if (!side->up || side->closed || side->dead)
    return;
  bool moved = true;
  while (moved) { /* a writer may wait for what its own reader has read */
    moved = advance(apps, side, &side->reader);
    moved = advance(apps, side, &side->writer) || moved;
  }
  if (!is_over(side))
    return;
  close_descriptor(&side->socket);
  side->closed = true;
}

/* ---- the loop ---- */

static void begin_connection(struct live_apps *apps, struct side *side)
{
  struct sockaddr_storage peer;
  const socklen_t size = fill_address(apps, plan_other(side->host), &peer);
  if (connect(side->socket, (struct sockaddr *)&peer, size) == 0)
    side->up = true;
  else if (errno == EINPROGRESS)
    side->connecting = true;
  else
    side->dead = side->closed = true;
}

/* When its time is over, what fills the accept queue is taken out. Returns whether the queue is for
 * use. */
static bool empty_queue(struct live_apps *apps, struct side *side)
{
  if (side->filler < 0)
    return true;
  if (apps->now_ns - apps->begun_ns < listen_full_ns(apps, side))
    return false;
  int taken = accept4(side->listener, NULL, NULL, SOCK_CLOEXEC);
  close_descriptor(&taken);
  close_descriptor(&side->filler);
  return true;
}

static void take_connection(struct live_apps *apps, struct side *side)
{
  const int descriptor = accept4(side->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (descriptor < 0)
    return;
  side->socket = descriptor;
  side->up = true;
  if (side->plan->tos != 0 && apps->options.plan->ip_version == 4) {
    /* inherited without its priority in queues, which only a change sets */
    set_option(descriptor, IPPROTO_IP, IP_TOS, 0);
    set_option(descriptor, IPPROTO_IP, IP_TOS, side->plan->tos);
  }
}

static void finish_connection(struct side *side)
{
  int problem = 0;
  socklen_t size = sizeof problem;
  side->connecting = false;
  getsockopt(side->socket, SOL_SOCKET, SO_ERROR, &problem, &size);
  if (problem == 0)
    side->up = true;
  else
    side->dead = side->closed = true;
}

static short events_wanted(const struct side *side)
{
  if (side->connecting)
    return POLLOUT;
  return (short)((side->reader.blocked ? POLLIN : 0) | (side->writer.blocked ? POLLOUT : 0));
}

static int64_t cursor_due_ns(const struct live_apps *apps, const struct side *side,
                             const struct cursor *cursor)
{
  if (!side->up || side->closed || side->dead || cursor->at == cursor->steps->count)
    return INT64_MAX;
  const struct plan_step *step = &cursor->steps->steps[cursor->at];
  if (cursor->begun_ns == TIME_INVALID)
    return apps->now_ns;
  if (step->kind == STEP_WAIT)
    return cursor->begun_ns + step->value;
  if (step->kind == STEP_AWAIT_QUEUE)
    return apps->now_ns + QUEUE_WAIT_NS;
  return step->kind == STEP_AWAIT_SENT ? apps->now_ns + ACKED_WAIT_NS : INT64_MAX;
}

/* Until something can be done, GLANCE_NS at most. */
static void wait_for_events(struct live_apps *apps)
{
  struct pollfd wanted[PLAN_HOSTS];
  int64_t due_ns = apps->now_ns + GLANCE_NS;
  for (int host = 0; host < PLAN_HOSTS; host++) {
    struct side *side = &apps->sides[host];
    const bool accepting = side->live && !side->up && !side->connecting && side->listener >= 0 &&
                           empty_queue(apps, side);
    const short events = accepting ? POLLIN : events_wanted(side);
    wanted[host] =
        (struct pollfd){.fd = accepting ? side->listener : side->socket, .events = events};
    if (events == 0)
      wanted[host].fd = -1; /* an error would be told at once, for ever */
    const int64_t reader_ns = cursor_due_ns(apps, side, &side->reader);
    const int64_t writer_ns = cursor_due_ns(apps, side, &side->writer);
    due_ns = reader_ns < due_ns ? reader_ns : due_ns;
    due_ns = writer_ns < due_ns ? writer_ns : due_ns;
  }
  const int64_t wait_ns = due_ns > apps->now_ns ? due_ns - apps->now_ns : 0;
  const struct timespec time = {wait_ns / NS_PER_S, wait_ns % NS_PER_S};
  if (ppoll(wanted, PLAN_HOSTS, &time, NULL) <= 0)
    return;
  for (int host = 0; host < PLAN_HOSTS; host++) {
    struct side *side = &apps->sides[host];
    if (wanted[host].revents == 0)
      continue;
    if (side->connecting)
      finish_connection(side);
    else if (!side->up)
      take_connection(apps, side);
  }
}

static bool all_over(const struct live_apps *apps)
{
  const struct side *a = &apps->sides[PLAN_A], *b = &apps->sides[PLAN_B];
  if ((a->dead && !b->up) || (b->dead && !a->up))
    return true; /* they never met */
  return is_over(a) && is_over(b);
}

static void farewell(void)
{
  const struct timespec time = {FAREWELL_NS / NS_PER_S, FAREWELL_NS % NS_PER_S};
  nanosleep(&time, NULL);
}

enum live_apps_end live_apps_run(struct live_apps *apps, volatile const int *stop)
{
  apps->now_ns = apps->begun_ns = clock_now_ns();
  apps->end_ns = apps->now_ns + apps->options.plan->limit_ns;
  for (int host = 0; host < PLAN_HOSTS; host++)
    if (apps->sides[host].live && apps->sides[host].plan->opens)
      begin_connection(apps, &apps->sides[host]);
  while (!all_over(apps)) {
    if (*stop != 0)
      return LIVE_APPS_STOPPED;
    if (apps->now_ns >= apps->end_ns)
      return LIVE_APPS_LIMIT;
    wait_for_events(apps);
    apps->now_ns = clock_now_ns();
    advance_side(apps, &apps->sides[PLAN_A]);
    advance_side(apps, &apps->sides[PLAN_B]);
  }
  farewell();
  return apps->sides[PLAN_A].dead || apps->sides[PLAN_B].dead ? LIVE_APPS_BROKEN : LIVE_APPS_DONE;
}

void live_apps_deafen(struct live_apps *apps, enum plan_host host, bool deaf)
{
  const int socket = apps->sides[host].socket;
  struct sock_filter nothing = {.code = BPF_RET | BPF_K, .k = 0};
  const struct sock_fprog program = {1, &nothing};
  const int unused = 0;
  if (socket < 0)
    return;
  if (deaf)
    setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
  else
    setsockopt(socket, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
}

void live_apps_totals(const struct live_apps *apps, enum plan_host host, int64_t *written,
                      int64_t *read)
{
  *written = apps->sides[host].written;
  *read = apps->sides[host].read;
}
