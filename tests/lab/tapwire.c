/* A wire between two TAP devices in two network namespaces that misbehaves on request: the live
 * tests' path.
 *
 *   tapwire PID_A IF_A PID_B IF_B [SETTING=VALUE]... [FAULT]...
 *
 * Creates IF_A in the network namespace of process PID_A and IF_B in PID_B's, prints "ready" and
 * copies frames until SIGTERM. Settings: delay=MS (each direction), vnet=1 (pass segmentation and
 * checksum offload through), ttl=N (lower the TTL by N), rate_ab=/rate_ba=BYTES_PER_S with
 * limit=BYTES of queue.
 *
 * A FAULT is a comma-separated list, `do=` last:
 *   dir=ab|ba            default both        kind=data|ack|syn|synack|fin|rst|arp|tcp   default any
 * frame min=/max=BYTES       frame length        byte=N   only a segment that carries byte N (from
 * 0) of its direction at=ab:N|ba:N|ms:N|idle:MS   begins when byte N passes / N ms after the first
 * SYN / with the first frame after a silence of MS ms                  for=MS   ends so much later
 * (default never) skip=N  count=N      matching frames left alone first, treated then do=drop |
 * hold (until the end of `for`) | late:MS | dup:MS | flip | wscale:N | nowscale | nosack |
 * notimestamps | tsval:-N | mss:N | seqshift:N (A's sequence numbers; SACK blocks are left) |
 * nocsum (with vnet) | rst (forge a RST to the sender of the frame) | rstfwd (to its receiver) What
 * was done is logged on stderr with the time since the epoch. Checksums are kept right, except by
 * `flip`. */

#include "tests/lab/tapwire_frame.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define FAULTS_MAX    16
#define FRAME_MAX     (65536 + 64)
#define MS            INT64_C(1000000)
#define VNET_HDR_SIZE 10

enum start { START_ALWAYS, START_BYTE_AB, START_BYTE_BA, START_MS, START_IDLE };

struct fault {
  const char *text;
  int direction; /* 0 ab, 1 ba, -1 both */
  uint32_t kinds;
  size_t min_len, max_len;
  int64_t byte; /* -1: any */
  enum start start;
  int64_t start_value, for_ns;
  int64_t begin_ns; /* monotonic; -1: not begun */
  long skip, count;
  char action[16];
  long action_value;
};

struct queued {
  struct queued *next;
  int64_t release_ns;
  size_t len;
  uint8_t bytes[];
};

struct side {
  int fd;
  struct queued *head;   /* frames that are to be written to fd, by release time */
  int64_t busy_until_ns; /* rate: when the last queued frame has been serialised */
  long rate;             /* bytes/s towards this side, 0 = unlimited */
  bool have_isn;         /* of the direction whose frames are written here */
  uint32_t isn;
  int64_t passed; /* highest relative payload byte + 1 seen */
};

struct wire {
  struct side to[2]; /* index: direction; [0] = towards B */
  struct fault faults[FAULTS_MAX];
  int fault_count;
  int64_t delay_ns;
  long ttl, limit;
  size_t vnet_size;
  int64_t first_syn_ns, last_frame_ns;
  int64_t silence_ns; /* before the current frame */
};

static int64_t now_ns(clockid_t clock)
{
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void tell(const struct fault *f, const char *what, const struct frame *frame)
{
  int64_t now = now_ns(CLOCK_REALTIME);
  fprintf(stderr, "%lld.%09lld %s seq %u len %zu [%s]\n", (long long)(now / 1000000000),
          (long long)(now % 1000000000), what, frame ? frame->seq : 0,
          frame ? frame->payload_len : 0, f->text);
}

/* --- devices
 * --------------------------------------------------------------------------------------------- */

static bool enter_namespace(const char *pid)
{
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/ns/net", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  bool ok = fd >= 0 && setns(fd, CLONE_NEWNET) == 0;
  if (fd >= 0)
    close(fd);
  return ok;
}

static int open_tap(const char *pid, const char *name, bool vnet)
{
  if (!enter_namespace(pid))
    return -1;
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  if (vnet)
    request.ifr_flags |= IFF_VNET_HDR;
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0)
    return -1;
  if (vnet && ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0)
    return -1;
  return fd;
}

/* --- queue
 * -----------------------------------------------------------------------------------------------
 */

static void enqueue(struct side *side, const uint8_t *bytes, size_t len, int64_t release_ns)
{
  struct queued *q = malloc(sizeof *q + len);
  if (!q)
    return;
  *q = (struct queued){.release_ns = release_ns, .len = len};
  memcpy(q->bytes, bytes, len);
  struct queued **at = &side->head;
  while (*at && (*at)->release_ns <= release_ns)
    at = &(*at)->next;
  q->next = *at;
  *at = q;
}

static void flush_due(struct side *side, int64_t now)
{
  while (side->head && side->head->release_ns <= now) {
    struct queued *q = side->head;
    side->head = q->next;
    if (write(side->fd, q->bytes, q->len) < 0)
      fprintf(stderr, "tapwire: write: %s\n", strerror(errno));
    free(q);
  }
}

/* When the frame leaves: delay, behind what a limited rate has still to send. -1: the queue is
 * full. */
static int64_t departure(const struct wire *w, struct side *side, size_t len, int64_t now)
{
  if (side->rate <= 0)
    return now + w->delay_ns;
  int64_t start = side->busy_until_ns > now ? side->busy_until_ns : now;
  int64_t backlog_bytes = (start - now) / 1000 * side->rate / 1000000;
  if (w->limit > 0 && backlog_bytes + (int64_t)len > w->limit)
    return -1;
  side->busy_until_ns = start + (int64_t)len * 1000000000 / side->rate;
  return side->busy_until_ns + w->delay_ns;
}

/* --- faults
 * ---------------------------------------------------------------------------------------------- */

static bool begins(const struct wire *w, const struct fault *f, int64_t now)
{
  switch (f->start) {
  case START_ALWAYS: return true;
  case START_BYTE_AB: return w->to[0].passed > f->start_value;
  case START_BYTE_BA: return w->to[1].passed > f->start_value;
  case START_MS: return w->first_syn_ns > 0 && now - w->first_syn_ns >= f->start_value * MS;
  case START_IDLE: return w->first_syn_ns > 0 && w->silence_ns >= f->start_value * MS;
  }
  return false;
}

static bool carries_byte(const struct side *side, const struct frame *frame, int64_t byte)
{
  int64_t from = (int64_t)(uint32_t)(frame->seq - side->isn - 1);
  return side->have_isn && from <= byte && byte < from + (int64_t)frame->payload_len;
}

/* Whether this fault treats this frame; keeps its window and counters. */
static bool fault_applies(const struct wire *w, struct fault *f, int direction,
                          const struct frame *frame, int64_t now)
{
  if (f->begin_ns < 0) {
    if (!begins(w, f, now))
      return false;
    f->begin_ns = now;
    if (f->start != START_ALWAYS)
      tell(f, "begins", frame);
  }
  if (f->for_ns > 0 && now >= f->begin_ns + f->for_ns)
    return false;
  if (f->direction >= 0 && f->direction != direction)
    return false;
  if (!(f->kinds & frame->kinds) || frame->len < f->min_len || frame->len > f->max_len)
    return false;
  if (f->byte >= 0 && !(frame->payload_len > 0 && carries_byte(&w->to[direction], frame, f->byte)))
    return false;
  if (f->skip > 0) {
    f->skip--;
    return false;
  }
  if (f->count == 0)
    return false;
  if (f->count > 0)
    f->count--;
  return true;
}

static bool is(const struct fault *f, const char *action)
{
  return strcmp(f->action, action) == 0;
}

static void rewrite(const struct fault *f, int direction, struct frame *frame)
{
  if (is(f, "flip"))
    frame_flip_payload(frame);
  else if (is(f, "wscale"))
    frame_set_option(frame, TCP_OPTION_WINDOW_SCALE, (uint32_t)f->action_value);
  else if (is(f, "mss"))
    frame_set_option(frame, TCP_OPTION_MSS, (uint32_t)f->action_value);
  else if (is(f, "tsval"))
    frame_add_tsval(frame, (int32_t)f->action_value);
  else if (is(f, "seqshift"))
    frame_shift_sequence(frame, direction == 0, (uint32_t)f->action_value);
  else if (is(f, "nowscale"))
    frame_remove_option(frame, TCP_OPTION_WINDOW_SCALE);
  else if (is(f, "nosack"))
    frame_remove_option(frame, TCP_OPTION_SACK_PERMITTED);
  else if (is(f, "notimestamps"))
    frame_remove_option(frame, TCP_OPTION_TIMESTAMPS);
}

static void forge_reset(struct wire *w, const struct fault *f, int direction,
                        const struct frame *frame, int64_t now)
{
  uint8_t reset[FRAME_RESET_SIZE];
  bool back = is(f, "rst");
  size_t len = frame_build_reset(frame, back, reset);
  enqueue(&w->to[back ? 1 - direction : direction], reset, len, now);
}

/* The device was asked to fill the checksum (virtio's flags), and it will not. */
static void forget_checksum(const struct wire *w, uint8_t *vnet_header)
{
  if (w->vnet_size > 0)
    memset(vnet_header, 0, w->vnet_size);
}

/* Carries the frame through the faults to its queue. */
static void treat(struct wire *w, int direction, uint8_t *bytes, struct frame *frame, int64_t now)
{
  struct side *side = &w->to[direction];
  size_t len = frame->len + w->vnet_size;
  int64_t release = departure(w, side, frame->len, now);
  if (release < 0)
    return;
  for (int i = 0; i < w->fault_count; i++) {
    struct fault *f = &w->faults[i];
    if (!fault_applies(w, f, direction, frame, now))
      continue;
    if (!is(f, "seqshift"))
      tell(f, f->action, frame);
    if (is(f, "drop"))
      return;
    if (is(f, "hold"))
      release = f->begin_ns + f->for_ns + w->delay_ns;
    else if (is(f, "late"))
      release += f->action_value * MS;
    else if (is(f, "nocsum"))
      forget_checksum(w, bytes);
    else if (is(f, "dup"))
      enqueue(side, bytes, len, release + f->action_value * MS);
    else if (is(f, "rst") || is(f, "rstfwd"))
      forge_reset(w, f, direction, frame, now);
    else
      rewrite(f, direction, frame);
  }
  if (w->ttl > 0)
    frame_lower_ttl(frame, (uint8_t)w->ttl);
  enqueue(side, bytes, len, release);
}

static void note_progress(struct wire *w, int direction, const struct frame *frame, int64_t now)
{
  struct side *side = &w->to[direction];
  w->silence_ns = w->last_frame_ns > 0 ? now - w->last_frame_ns : 0;
  w->last_frame_ns = now;
  if (frame->kinds & (FRAME_SYN | FRAME_SYNACK)) {
    side->isn = frame->seq;
    side->have_isn = true;
    side->passed = 0;
    if (w->first_syn_ns == 0)
      w->first_syn_ns = now;
  } else if (side->have_isn && frame->payload_len > 0) {
    int64_t end = (int64_t)(uint32_t)(frame->seq - side->isn - 1) + (int64_t)frame->payload_len;
    if (end > side->passed && end < INT32_MAX)
      side->passed = end;
  }
}

static void receive(struct wire *w, int direction, int from_fd)
{
  static uint8_t bytes[FRAME_MAX];
  for (int burst = 0; burst < 64; burst++) {
    ssize_t n = read(from_fd, bytes, sizeof bytes);
    if (n <= (ssize_t)w->vnet_size)
      return;
    int64_t now = now_ns(CLOCK_MONOTONIC);
    struct frame frame;
    frame_parse(&frame, bytes + w->vnet_size, (size_t)n - w->vnet_size);
    note_progress(w, direction, &frame, now);
    treat(w, direction, bytes, &frame, now);
    flush_due(&w->to[direction], now);
  }
}

/* --- command line
 * ---------------------------------------------------------------------------------------- */

static uint32_t kind_named(const char *name)
{
  static const struct {
    const char *name;
    uint32_t kind;
  } kinds[] = {{"data", FRAME_DATA},     {"ack", FRAME_ACK}, {"syn", FRAME_SYN},
               {"synack", FRAME_SYNACK}, {"fin", FRAME_FIN}, {"rst", FRAME_RST},
               {"arp", FRAME_ARP},       {"tcp", FRAME_TCP}};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (strcmp(kinds[i].name, name) == 0)
      return kinds[i].kind;
  return 0;
}

static bool parse_start(struct fault *f, const char *value)
{
  static const char *const names[] = {"", "ab:", "ba:", "ms:", "idle:"};
  for (int i = 1; i < 5; i++)
    if (strncmp(value, names[i], strlen(names[i])) == 0) {
      f->start = (enum start)i;
      f->start_value = strtol(value + strlen(names[i]), NULL, 10);
      return true;
    }
  return false;
}

static bool parse_action(struct fault *f, const char *value)
{
  size_t length = strcspn(value, ":");
  if (length >= sizeof f->action)
    return false;
  memcpy(f->action, value, length);
  if (value[length] == ':')
    f->action_value = strtol(value + length + 1, NULL, 10);
  return true;
}

static bool parse_field(struct fault *f, const char *name, const char *value)
{
  long number = strtol(value, NULL, 10);
  if (strcmp(name, "dir") == 0)
    f->direction = strcmp(value, "ba") == 0;
  else if (strcmp(name, "kind") == 0)
    return (f->kinds = kind_named(value)) != 0;
  else if (strcmp(name, "min") == 0)
    f->min_len = (size_t)number;
  else if (strcmp(name, "max") == 0)
    f->max_len = (size_t)number;
  else if (strcmp(name, "byte") == 0)
    f->byte = number;
  else if (strcmp(name, "at") == 0)
    return parse_start(f, value);
  else if (strcmp(name, "for") == 0)
    f->for_ns = number * MS;
  else if (strcmp(name, "skip") == 0)
    f->skip = number;
  else if (strcmp(name, "count") == 0)
    f->count = number;
  else if (strcmp(name, "do") == 0)
    return parse_action(f, value);
  else
    return false;
  return true;
}

static bool parse_fault(struct wire *w, const char *text)
{
  if (w->fault_count == FAULTS_MAX)
    return false;
  struct fault *f = &w->faults[w->fault_count++];
  *f = (struct fault){.text = text,
                      .direction = -1,
                      .kinds = UINT32_MAX,
                      .max_len = SIZE_MAX,
                      .byte = -1,
                      .begin_ns = -1,
                      .count = -1};
  char copy[256];
  snprintf(copy, sizeof copy, "%s", text);
  char *rest = copy;
  for (char *field = strsep(&rest, ","); field; field = strsep(&rest, ",")) {
    char *value = strchr(field, '=');
    if (!value)
      return false;
    *value++ = '\0';
    if (!parse_field(f, field, value))
      return false;
  }
  return f->action[0] != '\0';
}

static bool parse_argument(struct wire *w, const char *text)
{
  const char *equals = strchr(text, '=');
  long value = equals ? strtol(equals + 1, NULL, 10) : 0;
  if (strstr(text, "do="))
    return parse_fault(w, text);
  if (strncmp(text, "delay=", 6) == 0)
    w->delay_ns = value * MS;
  else if (strncmp(text, "vnet=", 5) == 0)
    w->vnet_size = value ? VNET_HDR_SIZE : 0;
  else if (strncmp(text, "ttl=", 4) == 0)
    w->ttl = value;
  else if (strncmp(text, "rate_ab=", 8) == 0)
    w->to[0].rate = value;
  else if (strncmp(text, "rate_ba=", 8) == 0)
    w->to[1].rate = value;
  else if (strncmp(text, "limit=", 6) == 0)
    w->limit = value;
  else
    return false;
  return true;
}

/* --- main loop
 * ------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
  (void)number;
  stopping = 1;
}

static int64_t next_release(const struct wire *w)
{
  int64_t next = INT64_MAX;
  for (int i = 0; i < 2; i++)
    if (w->to[i].head && w->to[i].head->release_ns < next)
      next = w->to[i].head->release_ns;
  return next;
}

static void run(struct wire *w)
{
  while (!stopping) {
    int64_t next = next_release(w), now = now_ns(CLOCK_MONOTONIC);
    int64_t wait = next == INT64_MAX ? 1000 * MS : next - now;
    if (wait < 0)
      wait = 0;
    struct timespec timeout = {wait / 1000000000, wait % 1000000000};
    struct pollfd p[2] = {{.fd = w->to[1].fd, .events = POLLIN},
                          {.fd = w->to[0].fd, .events = POLLIN}};
    if (ppoll(p, 2, &timeout, NULL) < 0 && errno != EINTR)
      return;
    for (int direction = 0; direction < 2; direction++)
      if (p[direction].revents & POLLIN)
        receive(w, direction, p[direction].fd);
    now = now_ns(CLOCK_MONOTONIC);
    flush_due(&w->to[0], now);
    flush_due(&w->to[1], now);
  }
}

int main(int argc, char **argv)
{
  static struct wire w;
  if (argc < 5) {
    fprintf(stderr, "usage: tapwire PID_A IF_A PID_B IF_B [SETTING=VALUE]... [FAULT]...\n");
    return 2;
  }
  for (int i = 5; i < argc; i++)
    if (!parse_argument(&w, argv[i])) {
      fprintf(stderr, "tapwire: cannot read %s\n", argv[i]);
      return 2;
    }
  w.to[1].fd = open_tap(argv[1], argv[2], w.vnet_size > 0);
  w.to[0].fd = open_tap(argv[3], argv[4], w.vnet_size > 0);
  if (w.to[0].fd < 0 || w.to[1].fd < 0) {
    fprintf(stderr, "tapwire: cannot make the TAP devices: %s\n", strerror(errno));
    return 77;
  }
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  puts("ready");
  fflush(stdout);
  run(&w);
  return 0;
}
