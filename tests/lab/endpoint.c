/* One end of a TCP connection that does exactly what its command line says: the lab's
 * application.
 *
 *   endpoint connect|listen HOST PORT [OPTION=VALUE]... STEP...
 *
 * Options (before the first step; set before connect() or listen()):
 *   nodelay=1  sndbuf=BYTES  rcvbuf=BYTES  cc=NAME  maxseg=BYTES  user_timeout=MS
 *   keepalive=IDLE_S,INTERVAL_S,COUNT  backlog=N  accept_delay=MS  tos=N  lport=PORT
 *   limit=MS (the longest any one step may wait; default 30000)
 *
 * Steps, in order:
 *   write:BYTES[:CHUNK[:PAUSE_MS]]  more:BYTES (the same with MSG_MORE)
 *   read:BYTES[:CHUNK[:PAUSE_MS]]  readall[:CHUNK[:PAUSE_MS]]
 *   drain (until all is acknowledged)  sleep:MS  shut  abort  close  quickack:0|1
 *   repeat:TIMES ... end  touch:FILE  await:FILE
 *
 * A step that waits longer than `limit` is left unfinished and the next one follows. Every step is
 * logged on stderr with the time since the epoch. Exit status: 0 all steps done, 3 the connection
 * failed, 2 bad usage. */

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_MAX_BYTES (256 * 1024)
#define STEP_LIMIT_MS   30000
#define STEP_ARGUMENTS  3
#define AWAIT_STEP_MS   5
#define EXIT_USAGE      2
#define EXIT_CONNECTION 3

struct options {
  int nodelay, sndbuf, rcvbuf, maxseg, user_timeout, backlog, accept_delay, tos, limit, lport;
  int keepalive[3]; /* idle s, interval s, count; [0] 0 = off */
  const char *congestion_control;
};

struct session {
  int fd;
  int limit_ms;
  uint64_t written, read;
  bool failed;
};

static int64_t now_ns(clockid_t clock)
{
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void say(const char *step, const char *result, uint64_t bytes)
{
  int64_t now = now_ns(CLOCK_REALTIME);
  fprintf(stderr, "%lld.%09lld %s %s %llu\n", (long long)(now / 1000000000),
          (long long)(now % 1000000000), step, result, (unsigned long long)bytes);
}

static void pause_ms(long ms)
{
  struct timespec t = {ms / 1000, ms % 1000 * 1000000};
  while (nanosleep(&t, &t) < 0 && errno == EINTR)
    ;
}

/* Waits until fd is ready or the deadline is over. */
static bool wait_ready(const struct session *s, short events, int64_t deadline_ns)
{
  int64_t left_ns = deadline_ns - now_ns(CLOCK_MONOTONIC);
  struct pollfd p = {.fd = s->fd, .events = events};
  return left_ns > 0 && poll(&p, 1, (int)(left_ns / 1000000) + 1) > 0;
}

struct transfer {
  uint64_t bytes;
  size_t chunk;
  long pause_ms;
  bool sending, until_end, more;
};

/* One chunk: the number of bytes moved, 0 at the end of the stream, -1 on error or deadline
 * (errno). */
static ssize_t move_chunk(const struct session *s, const struct transfer *t, size_t size,
                          int64_t deadline_ns)
{
  static const char payload[CHUNK_MAX_BYTES] = {0};
  const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (t->more ? MSG_MORE : 0);
  char *sink = malloc(size);
  ssize_t n = -1;
  while (sink) {
    n = t->sending ? send(s->fd, payload, size, flags) : recv(s->fd, sink, size, MSG_DONTWAIT);
    if (n >= 0 || errno != EAGAIN)
      break;
    if (!wait_ready(s, t->sending ? POLLOUT : POLLIN, deadline_ns)) {
      errno = ETIMEDOUT;
      break;
    }
  }
  int kept = errno;
  free(sink);
  errno = kept;
  return n;
}

static void transfer(struct session *s, const char *step, const struct transfer *t)
{
  uint64_t done = 0;
  const char *result = "done";
  while (t->until_end || done < t->bytes) {
    size_t size = t->chunk;
    if (!t->until_end && t->bytes - done < size)
      size = (size_t)(t->bytes - done);
    int64_t deadline_ns = now_ns(CLOCK_MONOTONIC) + (int64_t)s->limit_ms * 1000000;
    ssize_t n = move_chunk(s, t, size, deadline_ns);
    if (n < 0) {
      result = strerror(errno);
      s->failed = true;
      break;
    }
    if (n == 0 && !t->sending) {
      result = "end-of-stream";
      break;
    }
    done += (uint64_t)n;
    if (t->pause_ms > 0 && (t->until_end || done < t->bytes))
      pause_ms(t->pause_ms);
  }
  *(t->sending ? &s->written : &s->read) += done;
  say(step, result, done);
}

static size_t chunk_size(long argument)
{
  return argument > 0 && argument < CHUNK_MAX_BYTES ? (size_t)argument : CHUNK_MAX_BYTES;
}

static void step_write(struct session *s, const char *text, const long *a)
{
  struct transfer t = {(uint64_t)a[0], chunk_size(a[1]), a[2], true, false, false};
  transfer(s, text, &t);
}

static void step_more(struct session *s, const char *text, const long *a)
{
  struct transfer t = {(uint64_t)a[0], chunk_size(a[1]), 0, true, false, true};
  transfer(s, text, &t);
}

static void step_read(struct session *s, const char *text, const long *a)
{
  struct transfer t = {(uint64_t)a[0], chunk_size(a[1]), a[2], false, false, false};
  transfer(s, text, &t);
}

static void step_readall(struct session *s, const char *text, const long *a)
{
  struct transfer t = {0, chunk_size(a[0]), a[1], false, true, false};
  transfer(s, text, &t);
}

static void step_sleep(struct session *s, const char *text, const long *a)
{
  say(text, "begins", 0);
  pause_ms(a[0]);
  say(text, "done", s->written);
}

static void step_shut(struct session *s, const char *text, const long *a)
{
  (void)a;
  say(text, shutdown(s->fd, SHUT_WR) == 0 ? "done" : strerror(errno), s->written);
}

static void step_close(struct session *s, const char *text, const long *a)
{
  (void)a;
  say(text, close(s->fd) == 0 ? "done" : strerror(errno), s->written);
  s->fd = -1;
}

static void step_abort(struct session *s, const char *text, const long *a)
{
  struct linger hard = {1, 0};
  setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  step_close(s, text, a);
}

static void step_quickack(struct session *s, const char *text, const long *a)
{
  int on = (int)a[0];
  int rc = setsockopt(s->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  say(text, rc == 0 ? "done" : strerror(errno), 0);
}

static void step_touch(struct session *s, const char *text, const long *a)
{
  (void)a;
  int fd = open(strchr(text, ':') + 1, O_CREAT | O_WRONLY, 0600);
  if (fd >= 0)
    close(fd);
  say(text, fd >= 0 ? "done" : strerror(errno), s->written);
}

static void step_await(struct session *s, const char *text, const long *a)
{
  (void)a;
  long waited_ms = 0;
  while (access(strchr(text, ':') + 1, F_OK) != 0 && waited_ms < s->limit_ms) {
    pause_ms(AWAIT_STEP_MS);
    waited_ms += AWAIT_STEP_MS;
  }
  say(text, waited_ms < s->limit_ms ? "done" : "timeout", 0);
}

/* Waits until the peer has acknowledged everything. */
static void step_drain(struct session *s, const char *text, const long *a)
{
  (void)a;
  int64_t deadline_ns = now_ns(CLOCK_MONOTONIC) + (int64_t)s->limit_ms * 1000000;
  int queued = 0;
  while (ioctl(s->fd, SIOCOUTQ, &queued) == 0 && queued > 0 &&
         now_ns(CLOCK_MONOTONIC) < deadline_ns)
    pause_ms(1);
  if (queued > 0)
    say(text, "timeout", (uint64_t)queued);
}

static const struct step {
  const char *name;
  void (*run)(struct session *, const char *text, const long *arguments);
  bool takes_text;
} steps[] = {
    {"write", step_write, false},     {"read", step_read, false},
    {"readall", step_readall, false}, {"sleep", step_sleep, false},
    {"shut", step_shut, false},       {"close", step_close, false},
    {"abort", step_abort, false},     {"touch", step_touch, true},
    {"await", step_await, true},      {"quickack", step_quickack, false},
    {"more", step_more, false},       {"drain", step_drain, false},
};

static const struct step *find_step(const char *text)
{
  size_t length = strcspn(text, ":");
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
    if (strlen(steps[i].name) == length && strncmp(steps[i].name, text, length) == 0)
      return &steps[i];
  return NULL;
}

static void run_step(struct session *s, const char *text)
{
  const struct step *step = find_step(text);
  long arguments[STEP_ARGUMENTS] = {0};
  const char *colon = strchr(text, ':');
  for (int i = 0; colon && !step->takes_text && i < STEP_ARGUMENTS; i++) {
    arguments[i] = strtol(colon + 1, NULL, 10);
    colon = strchr(colon + 1, ':');
  }
  step->run(s, text, arguments);
}

/* Runs the steps; `repeat:N ... end` is a loop (not nested). Stops at a connection that is closed.
 */
static void run_script(struct session *s, char **script, int count)
{
  int loop_start = -1;
  long loops_left = 0;
  for (int i = 0; i < count && s->fd >= 0; i++) {
    if (strncmp(script[i], "repeat:", 7) == 0) {
      loops_left = strtol(script[i] + 7, NULL, 10);
      loop_start = i;
    } else if (strcmp(script[i], "end") == 0) {
      if (--loops_left > 0)
        i = loop_start;
    } else {
      run_step(s, script[i]);
    }
  }
}

static bool script_ok(char **script, int count)
{
  for (int i = 0; i < count; i++)
    if (strncmp(script[i], "repeat:", 7) != 0 && strcmp(script[i], "end") != 0 &&
        !find_step(script[i])) {
      fprintf(stderr, "endpoint: unknown step %s\n", script[i]);
      return false;
    }
  return true;
}

/* IDLE_S,INTERVAL_S,COUNT */
static bool parse_keepalive(struct options *o, const char *value)
{
  for (int i = 0; i < 3; i++) {
    char *end;
    o->keepalive[i] = (int)strtol(value, &end, 10);
    if (end == value || *end != (i < 2 ? ',' : '\0'))
      return false;
    value = end + 1;
  }
  return true;
}

/* false: not an option (a step). */
static bool parse_option(struct options *o, const char *text)
{
  const struct {
    const char *name;
    int *value;
  } numbers[] = {{"nodelay", &o->nodelay},
                 {"sndbuf", &o->sndbuf},
                 {"rcvbuf", &o->rcvbuf},
                 {"maxseg", &o->maxseg},
                 {"user_timeout", &o->user_timeout},
                 {"backlog", &o->backlog},
                 {"accept_delay", &o->accept_delay},
                 {"tos", &o->tos},
                 {"limit", &o->limit},
                 {"lport", &o->lport}};
  const char *equals = strchr(text, '=');
  if (!equals)
    return false;
  size_t length = (size_t)(equals - text);
  if (strncmp(text, "cc=", 3) == 0) {
    o->congestion_control = equals + 1;
    return true;
  }
  if (strncmp(text, "keepalive=", 10) == 0)
    return parse_keepalive(o, equals + 1);
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    if (strlen(numbers[i].name) == length && strncmp(numbers[i].name, text, length) == 0) {
      *numbers[i].value = (int)strtol(equals + 1, NULL, 10);
      return true;
    }
  return false;
}

static void set_int(int fd, int level, int name, int value, const char *what)
{
  if (setsockopt(fd, level, name, &value, sizeof value) != 0)
    fprintf(stderr, "endpoint: %s=%d: %s\n", what, value, strerror(errno));
}

static void apply_options(int fd, const struct options *o)
{
  set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1, "reuseaddr");
  if (o->sndbuf)
    set_int(fd, SOL_SOCKET, SO_SNDBUF, o->sndbuf, "sndbuf");
  if (o->rcvbuf)
    set_int(fd, SOL_SOCKET, SO_RCVBUF, o->rcvbuf, "rcvbuf");
  if (o->maxseg)
    set_int(fd, IPPROTO_TCP, TCP_MAXSEG, o->maxseg, "maxseg");
  if (o->nodelay)
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1, "nodelay");
  if (o->user_timeout)
    set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, o->user_timeout, "user_timeout");
  if (o->tos)
    set_int(fd, IPPROTO_IP, IP_TOS, o->tos, "tos");
  if (o->keepalive[0]) {
    set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1, "keepalive");
    set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, o->keepalive[0], "keepidle");
    set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, o->keepalive[1], "keepintvl");
    set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, o->keepalive[2], "keepcnt");
  }
  if (o->congestion_control && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, o->congestion_control,
                                          (socklen_t)strlen(o->congestion_control)) != 0)
    fprintf(stderr, "endpoint: cc=%s: %s\n", o->congestion_control, strerror(errno));
}

static void bind_local(int fd, int family, int port)
{
  struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int rc = family == AF_INET6 ? bind(fd, (struct sockaddr *)&any6, sizeof any6)
                              : bind(fd, (struct sockaddr *)&any4, sizeof any4);
  if (rc != 0)
    fprintf(stderr, "endpoint: lport=%d: %s\n", port, strerror(errno));
}

static int open_listening(int fd, const struct addrinfo *to, const struct options *o)
{
  if (bind(fd, to->ai_addr, to->ai_addrlen) != 0 || listen(fd, o->backlog) != 0) {
    say("listen", strerror(errno), 0);
    return -1;
  }
  say("listen", "done", 0);
  if (o->accept_delay)
    pause_ms(o->accept_delay);
  int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
  say("accept", peer >= 0 ? "done" : strerror(errno), 0);
  if (peer >= 0 &&
      o->tos) { /* inherited without its priority in queues, which only a change sets */
    set_int(peer, IPPROTO_IP, IP_TOS, 0, "tos");
    set_int(peer, IPPROTO_IP, IP_TOS, o->tos, "tos");
  }
  return peer;
}

static int open_connected(int fd, const struct addrinfo *to, const struct options *o)
{
  if (o->lport)
    bind_local(fd, to->ai_family, o->lport);
  say("connect", "begins", 0);
  int rc = connect(fd, to->ai_addr, to->ai_addrlen);
  say("connect", rc == 0 ? "done" : strerror(errno), 0);
  return rc == 0 ? fd : -1;
}

int main(int argc, char **argv)
{
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
  struct addrinfo *to = NULL;
  struct options o = {.backlog = 8, .limit = STEP_LIMIT_MS};
  int first = 4;
  if (argc < 4 || getaddrinfo(argv[2], argv[3], &hints, &to) != 0) {
    fprintf(stderr, "usage: endpoint connect|listen HOST PORT [OPTION=VALUE]... STEP...\n");
    return EXIT_USAGE;
  }
  while (first < argc && parse_option(&o, argv[first]))
    first++;
  if (!script_ok(argv + first, argc - first)) {
    freeaddrinfo(to);
    return EXIT_USAGE;
  }
  int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  apply_options(fd, &o);
  struct session s = {.limit_ms = o.limit};
  s.fd = strcmp(argv[1], "listen") == 0 ? open_listening(fd, to, &o) : open_connected(fd, to, &o);
  freeaddrinfo(to);
  if (s.fd < 0)
    return EXIT_CONNECTION;
  run_script(&s, argv + first, argc - first);
  if (s.fd >= 0)
    step_close(&s, "close", NULL);
  return s.failed ? EXIT_CONNECTION : 0;
}
