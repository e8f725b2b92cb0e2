#include "replay/drill_parts.h"

#include "wire/timestamp.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* packetdrill counts descriptors from 3 on: the first socket, then what accept() returns. */
#define FIRST_DESCRIPTOR    3
#define ACCEPTED_DESCRIPTOR 4

#define MTU_DEFAULT       1500
#define HEADERS_IPV4      40
#define HEADERS_IPV6      60
#define SEND_BUFFER_BYTES 8388608 /* no write() has to wait for room */
#define RECEIVE_MIN_BYTES 4096    /* Linux's own */
#define RECEIVE_BEGIN     131072
#define TICK_US           1000 /* of the timestamp clock, Linux since 4.13 */
#define TOLERANCE_PERCENT 10   /* of the time since the last event: TCP's timers are that exact */

static int descriptor(const struct drill *drill)
{
  return drill->opens ? FIRST_DESCRIPTOR : ACCEPTED_DESCRIPTOR;
}

/* ---- the head of the script ---- */

uint16_t drill_device_mss(const struct drill *drill)
{
  return MTU_DEFAULT - (drill->plan->ip_version == 6 ? HEADERS_IPV6 : HEADERS_IPV4);
}

/* The route that packetdrill makes, with what the recording needs of it. */
static void add_route(struct script_text *text, const struct drill *drill,
                      const struct drill_right *right)
{
  const bool v6 = drill->plan->ip_version == 6;
  if (!right->immediate_acks && drill->initial_segments == 0)
    return;
  script_text_add(text, "\nip -%d route change %s via %s dev tun0", v6 ? 6 : 4,
                  v6 ? "2001:db8::1" : "192.0.2.1", v6 ? "fd3d:fa7b:d17d:8888::1" : "192.168.0.1");
  if (right->immediate_acks)
    script_text_add(text, " quickack 1");
  if (drill->initial_segments > 0)
    script_text_add(text, " initcwnd %" PRIu32, drill->initial_segments);
}

/* A scale follows from the largest buffer that the kernel may give: the middle of the range. */
static void add_receive_buffer(struct script_text *text, const struct drill *drill)
{
  const struct plan_side *side = &drill->plan->sides[drill->host];
  if (!side->window_scaling || side->receive_buffer_bytes > 0)
    return;
  const uint64_t most = UINT64_C(49152) << side->wscale;
  script_text_add(text, "\nsysctl -q net.ipv4.tcp_rmem=\"%d %" PRIu64 " %" PRIu64 "\"",
                  RECEIVE_MIN_BYTES, most < RECEIVE_BEGIN ? most : RECEIVE_BEGIN, most);
}

void drill_add_set_up(struct script_text *text, const struct drill *drill)
{
  const struct plan_side *side = &drill->plan->sides[drill->host];
  const bool v6 = drill->plan->ip_version == 6;
  script_text_add(text, "--ip_version=%s\n", v6 ? "ipv6" : "ipv4");
  script_text_add(text, v6 ? "--local_ip=fd3d:fa7b:d17d::1\n--gateway_ip=fd3d:fa7b:d17d:8888::1\n"
                             "--remote_ip=2001:db8::1\n"
                           : "--local_ip=192.168.0.1\n--gateway_ip=192.168.0.1\n"
                             "--netmask_ip=255.255.0.0\n--remote_ip=192.0.2.1\n");
  script_text_add(text, "--tolerance_usecs=%" PRId64 "\n--tolerance_percent=%d\n",
                  drill->tolerance_ns / NS_PER_US, TOLERANCE_PERCENT);
  if (side->timestamps)
    script_text_add(text, "--tcp_ts_ecr_scaled\n--tcp_ts_tick_usecs=%d\n", TICK_US);
  script_text_add(text, "\n// one segment a packet, no memory of earlier connections\n"
                        "`ip link set dev tun0 gso_max_segs 1");
  if (side->mss > drill_device_mss(drill))
    script_text_add(text, " mtu %u", side->mss + (v6 ? HEADERS_IPV6 : HEADERS_IPV4));
  add_route(text, drill, &drill->right);
  script_text_add(text, "\nsysctl -q net.ipv4.tcp_no_metrics_save=1 net.ipv4.tcp_ecn=0");
  script_text_add(text,
                  "\nsysctl -q net.ipv4.tcp_timestamps=%d net.ipv4.tcp_sack=%d "
                  "net.ipv4.tcp_window_scaling=%d",
                  side->timestamps, side->sack, side->window_scaling);
  if (drill->initial_segments > 0)
    script_text_add(text, "\nsysctl -q net.ipv4.tcp_early_retrans=0");
  script_text_add(text, "\nsysctl -q net.ipv4.tcp_wmem=\"4096 %d %d\"", SEND_BUFFER_BYTES,
                  SEND_BUFFER_BYTES);
  add_receive_buffer(text, drill);
  script_text_add(text, "`\n\n");
}

/* Whole seconds, as its options are. */
static int seconds(int64_t ns)
{
  return ns < NS_PER_S ? 1 : (int)((ns + NS_PER_S / 2) / NS_PER_S);
}

static void keep_alive(struct drill *drill, int fd)
{
  drill_call(drill, 0, "setsockopt(%d, SOL_SOCKET, SO_KEEPALIVE, [1], 4) = 0", fd);
  drill_call(drill, 0, "setsockopt(%d, SOL_TCP, TCP_KEEPIDLE, [%d], 4) = 0", fd,
             seconds(drill->right.keep_idle_ns));
  drill_call(drill, 0, "setsockopt(%d, SOL_TCP, TCP_KEEPINTVL, [%d], 4) = 0", fd,
             seconds(drill->right.keep_interval_ns));
  drill_call(drill, 0, "setsockopt(%d, SOL_TCP, TCP_KEEPCNT, [%u], 4) = 0", fd,
             drill->right.keep_count > 0 ? drill->right.keep_count : 1);
}

void drill_open(struct drill *drill, int64_t connect_ns)
{
  const struct plan_side *side = &drill->plan->sides[drill->host];
  const int fd = FIRST_DESCRIPTOR;
  drill_call(drill, 0, "socket(..., SOCK_STREAM, IPPROTO_TCP) = %d", fd);
  if (side->receive_buffer_bytes > 0)
    drill_call(drill, 0, "setsockopt(%d, SOL_SOCKET, SO_RCVBUF, [%" PRIu32 "], 4) = 0", fd,
               side->receive_buffer_bytes);
  if (side->mss > 0 && side->mss < drill_device_mss(drill))
    drill_call(drill, 0, "setsockopt(%d, SOL_TCP, TCP_MAXSEG, [%u], 4) = 0", fd, side->mss);
  if (side->nodelay)
    drill_call(drill, 0, "setsockopt(%d, SOL_TCP, TCP_NODELAY, [1], 4) = 0", fd);
  drill_call(drill, 0, "setsockopt(%d, SOL_TCP, TCP_CONGESTION, \"%s\", %zu) = 0", fd,
             side->congestion_control, strlen(side->congestion_control));
  if (drill->right.keeps_alive)
    keep_alive(drill, fd);
  if (drill->opens) {
    drill_call(drill, 0, "fcntl(%d, F_SETFL, O_RDWR|O_NONBLOCK) = 0", fd);
    drill_call(drill, connect_ns,
               "connect(%d, ..., ...) = -1 EINPROGRESS (Operation now in progress)", fd);
    return;
  }
  drill_call(drill, 0, "setsockopt(%d, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0", fd);
  drill_call(drill, 0, "bind(%d, ..., ...) = 0", fd);
  drill_call(drill, 0, "listen(%d, 1) = 0", fd);
}

void drill_accept(struct drill *drill, int64_t at_ns)
{
  if (drill->opens)
    return;
  drill_call(drill, at_ns, "accept(%d, ..., ...) = %d", FIRST_DESCRIPTOR, ACCEPTED_DESCRIPTOR);
  drill_call(drill, at_ns, "fcntl(%d, F_SETFL, O_RDWR|O_NONBLOCK) = 0", ACCEPTED_DESCRIPTOR);
}

/* ---- what the application writes ---- */

static int64_t to_script(const struct drill *drill, int64_t recorded_ns)
{
  return recorded_ns + drill->lead_ns;
}

/* When byte `at` left first; TIME_INVALID: it never did. */
static int64_t left_ns(const struct drill *drill, int64_t at)
{
  const struct flow_passages *own = &drill->flow->sides[drill->side];
  for (size_t i = 0; i < own->count; i++) {
    const struct passage *passage = &own->passages[i];
    if (passage->sent != NULL && passage->first <= at && passage->end > at)
      return to_script(drill, passage->sent_ns);
  }
  return TIME_INVALID;
}

/* When the peer's bytes up to there had arrived, or (acks) its acknowledgment of ours. */
static int64_t arrived_ns(const struct drill *drill, int64_t bytes, bool acks)
{
  const struct flow_passages *far = &drill->flow->sides[drill->far];
  int64_t first_ns = TIME_INVALID;
  for (size_t i = 0; i < far->count; i++) {
    const struct passage *passage = &far->passages[i];
    if (passage->arrived == NULL)
      continue;
    const bool fin = bytes == INT64_MAX && passage->arrived->flags & TCP_FIN;
    if (!fin && (acks ? passage->ack : passage->end) < bytes)
      continue;
    if (!time_is_valid(first_ns) || passage->arrived_ns < first_ns)
      first_ns = passage->arrived_ns;
  }
  return time_is_valid(first_ns) ? to_script(drill, first_ns) : TIME_INVALID;
}

static int64_t later(int64_t a_ns, int64_t b_ns)
{
  return time_is_valid(b_ns) && b_ns > a_ns ? b_ns : a_ns;
}

static void add_write(struct drill *drill, uint32_t *room, int64_t at_ns, int64_t first,
                      int64_t end)
{
  if (drill->write_count == *room) {
    const uint32_t more = *room * 2 + 64;
    struct drill_write *longer = realloc(drill->writes, more * sizeof *longer);
    drill->failed = drill->failed || longer == NULL;
    if (longer == NULL)
      return;
    drill->writes = longer;
    *room = more;
  }
  drill->writes[drill->write_count++] = (struct drill_write){at_ns, first, end};
}

/* Where the recorded application's write() ended, of [from, to): a small segment that was pushed,
 * though the window had room for more. */
static int64_t next_boundary(const struct drill *drill, int64_t from, int64_t to)
{
  const struct flow_passages *own = &drill->flow->sides[drill->side];
  for (size_t i = 0; i < own->count; i++) {
    const struct passage *passage = &own->passages[i];
    if (passage->sent == NULL || !passage->fresh || passage->end <= from)
      continue;
    if (passage->end >= to)
      break;
    if (passage->sent->flags & TCP_PSH && (passage->end - from) % drill->mss != 0 &&
        (passage->end - passage->first) % drill->mss != 0)
      return passage->end;
  }
  return to;
}

/* Segment by segment: then each is pushed, and the kernel may not join them. */
static void cut_writes(struct drill *drill, uint32_t *room, int64_t at_ns, int64_t first,
                       int64_t end)
{
  while (first < end && !drill->failed && drill->write_count < DRILL_WRITES_MAX) {
    const int64_t boundary = next_boundary(drill, first, end);
    for (; first < boundary && !drill->failed && drill->write_count < DRILL_WRITES_MAX;
         first += drill->mss)
      add_write(drill, room, at_ns, first,
                first + drill->mss < boundary ? first + drill->mss : boundary);
    first = boundary;
  }
}

/* What the verdict says that TCP had when nothing held it back any more was written by then. */
static void write_step(struct drill *drill, uint32_t *room, int64_t *now_ns, int64_t first,
                       int64_t end)
{
  const struct drill_right *right = &drill->right;
  if (right->at_once && end > right->data->first) {
    const int64_t go_ns = to_script(drill, right->go_ns);
    if (right->write_then && first < right->data->first) {
      cut_writes(drill, room, *now_ns, first, right->data->first);
      first = right->data->first;
    }
    if (right->write_then || *now_ns > go_ns)
      *now_ns = go_ns;
  }
  cut_writes(drill, room, *now_ns, first, end);
}

/* When the kernel's FIN or RST left, without data; TIME_INVALID: it had some, or none was seen. */
static int64_t lone_end_ns(const struct drill *drill)
{
  const struct flow_passages *own = &drill->flow->sides[drill->side];
  for (size_t i = 0; i < own->count; i++) {
    const struct passage *passage = &own->passages[i];
    if (passage->sent != NULL && passage->sent->flags & (TCP_FIN | TCP_RST))
      return passage->end == passage->first ? to_script(drill, passage->sent_ns) : TIME_INVALID;
  }
  return TIME_INVALID;
}

bool drill_plan_writes(struct drill *drill, int64_t established_ns)
{
  const struct plan_steps *steps = &drill->plan->sides[drill->host].writer;
  int64_t now_ns = established_ns, written = 0;
  uint32_t room = 0;
  bool waited = false; /* what comes now was written when it left */
  drill->shut_ns = TIME_INVALID;
  for (uint32_t i = 0; i < steps->count && !drill->failed; i++) {
    const struct plan_step *step = &steps->steps[i];
    switch (step->kind) {
    case STEP_WRITE:
      if (waited)
        now_ns = later(now_ns, left_ns(drill, written));
      write_step(drill, &room, &now_ns, written, written + step->value);
      written += step->value;
      waited = false;
      break;
    case STEP_WAIT: now_ns += step->value; break;
    case STEP_AWAIT_READ: now_ns = later(now_ns, arrived_ns(drill, step->value, false)); break;
    case STEP_AWAIT_SENT: now_ns = later(now_ns, arrived_ns(drill, written, true)); break;
    case STEP_SHUT:
    case STEP_ABORT:
      drill->shut_ns = later(now_ns, lone_end_ns(drill));
      drill->aborts = step->kind == STEP_ABORT;
      break;
    case STEP_AWAIT_QUEUE:
    case STEP_READ:
    case STEP_READ_ALL: break;
    }
    if (step->kind == STEP_WAIT || step->kind == STEP_AWAIT_READ)
      waited = true;
  }
  return !drill->failed;
}

void drill_write(struct drill *drill, int64_t now_ns, int64_t most)
{
  while (drill->written < drill->write_count) {
    const struct drill_write *write = &drill->writes[drill->written];
    if (write->at_ns > now_ns || write->first >= most)
      return;
    const long long size = (long long)(write->end - write->first);
    drill_call(drill, write->at_ns, "write(%d, ..., %lld) = %lld", descriptor(drill), size, size);
    drill->written++;
  }
  if (!time_is_valid(drill->shut_ns) || drill->shut_ns > now_ns)
    return;
  if (drill->aborts) {
    drill_call(drill, drill->shut_ns,
               "setsockopt(%d, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0",
               descriptor(drill));
    drill_call(drill, drill->shut_ns, "close(%d) = 0", descriptor(drill));
  } else {
    drill_call(drill, drill->shut_ns, "shutdown(%d, SHUT_WR) = 0", descriptor(drill));
  }
  drill->shut_ns = TIME_INVALID;
}

/* ---- what it reads ---- */

/* How many bytes it has read in all, if `available` have come by now. */
static int64_t wanted(const struct drill *drill, struct drill_reader *reader, int64_t available,
                      int64_t now_ns)
{
  const struct plan_steps *steps = &drill->plan->sides[drill->host].reader;
  for (; reader->at < steps->count; reader->at++) {
    const struct plan_step *step = &steps->steps[reader->at];
    if (step->kind == STEP_READ_ALL)
      return available;
    if (step->kind == STEP_READ && available < step->value)
      return available;
    if (step->kind == STEP_READ && reader->read < step->value)
      return step->value; /* the step is done when that has been read */
    if (step->kind != STEP_WAIT)
      continue;
    const struct plan_condition *stop = step->condition < drill->plan->condition_count
                                            ? &drill->plan->conditions[step->condition]
                                            : NULL;
    if (stop != NULL && now_ns < to_script(drill, stop->to_ns))
      return reader->read;
  }
  return available;
}

void drill_read(struct drill *drill, struct drill_reader *reader, int64_t available, int64_t now_ns)
{
  int64_t until = wanted(drill, reader, available, now_ns);
  while (until > reader->read) {
    const long long size = (long long)(until - reader->read);
    drill_call(drill, now_ns, "read(%d, ..., %lld) = %lld", descriptor(drill), size, size);
    reader->read = until;
    until = wanted(drill, reader, available, now_ns);
  }
}
