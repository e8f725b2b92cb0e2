#ifndef TESTS_UNIT_PATH_FIXTURE_H
#define TESTS_UNIT_PATH_FIXTURE_H

/* A path that is driven by hand: frames made from a few words, and what came out of it kept. */

#include "replay/path.h"
#include "replay/rewrite.h"
#include "wire/byte_reader.h"
#include "wire/packet.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OUT_MAX   512
#define ACTS_MAX  512
#define MS        NS_PER_MS
#define CLIENT    40000
#define SERVER    5001
#define ISN_AB    UINT32_C(0xfffffff0) /* soon wraps */
#define ISN_BA    UINT32_C(7000)
#define ETHERNET  1 /* LINKTYPE_ETHERNET */
#define BYTES_MAX 2000

struct out {
  enum path_direction direction;
  int64_t due_ns, seen_ns;
  uint32_t size;
  uint8_t bytes[BYTES_MAX];
};

struct act {
  char name[16];
  uint32_t line;
  int64_t time_ns, held_ns, old_value, new_value;
  enum path_direction direction;
  uint64_t frame_number;
  int64_t stream_byte;
};

struct fixture {
  struct scenario scenario;
  struct path *path;
  int64_t now_ns;
  uint32_t out_count, act_count;
  struct out out[OUT_MAX];
  struct act acts[ACTS_MAX];
};

/* A segment, all of it optional but the direction. */
struct segment {
  enum path_direction direction;
  uint16_t flags;     /* TCP_ACK if 0 */
  int64_t offset;     /* of the first byte in its stream */
  uint32_t payload;   /* bytes */
  int64_t ack_offset; /* bytes of the other stream acknowledged */
  bool ipv6;
  uint16_t client_port; /* CLIENT if 0 */
  uint8_t ttl;          /* 64 if 0 */
  uint16_t window;
  const uint8_t *options; /* padded to a multiple of 4 */
  uint32_t option_bytes;
  bool fragmentable;
};

static void fixture_emit(void *context, enum path_direction direction, const uint8_t *bytes,
                         uint32_t size, int64_t due_ns)
{
  struct fixture *f = context;
  assert_true(f->out_count < OUT_MAX && size <= BYTES_MAX);
  struct out *out = &f->out[f->out_count++];
  out->direction = direction;
  out->due_ns = due_ns;
  out->seen_ns = f->now_ns;
  out->size = size;
  memcpy(out->bytes, bytes, size);
  assert_true(due_ns <= f->now_ns);
}

static void fixture_act(void *context, const struct path_act *act)
{
  struct fixture *f = context;
  assert_true(f->act_count < ACTS_MAX);
  struct act *kept = &f->acts[f->act_count++];
  *kept = (struct act){.line = act->rule != NULL ? act->rule->line : 0,
                       .time_ns = act->time_ns,
                       .held_ns = act->held_ns,
                       .old_value = act->old_value,
                       .new_value = act->new_value,
                       .direction = act->direction,
                       .frame_number = act->frame_number,
                       .stream_byte = act->bytes.end > act->bytes.first ? act->bytes.first : -1};
  strncpy(kept->name, act->name, sizeof kept->name - 1);
}

static inline struct fixture *fixture_new(const char *text)
{
  struct fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  struct error error = {0};
  if (scenario_parse(&f->scenario, text, strlen(text), &error) != 0)
    fail_msg("%s", error.text);
  const struct path_sink sink = {.context = f, .emit = fixture_emit, .act = fixture_act};
  f->path = path_new(&f->scenario, &sink, &error);
  assert_non_null(f->path);
  return f;
}

static inline void fixture_free(struct fixture *f)
{
  path_free(f->path);
  free(f);
}

/* Lets time pass as a driver would: each moment that the path asked for comes. */
static inline void pass_to(struct fixture *f, int64_t time_ns)
{
  for (int64_t next_ns; (next_ns = path_next_ns(f->path)) <= time_ns;) {
    assert_true(next_ns >= f->now_ns || f->now_ns == 0);
    f->now_ns = next_ns > f->now_ns ? next_ns : f->now_ns;
    path_advance(f->path, f->now_ns);
    assert_true(path_next_ns(f->path) > f->now_ns);
  }
  f->now_ns = time_ns;
  path_advance(f->path, time_ns);
}

static inline void pass(struct fixture *f, int64_t duration_ns)
{
  pass_to(f, f->now_ns + duration_ns);
}

static inline void put16(uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static inline void put32(uint8_t *at, uint32_t value)
{
  put16(at, value >> 16);
  put16(at + 2, value);
}

static inline void fill_ip(const struct segment *s, uint8_t *ip, uint32_t tcp_bytes)
{
  const bool ab = s->direction == PATH_AB;
  const uint8_t ttl = s->ttl != 0 ? s->ttl : 64;
  if (s->ipv6) {
    ip[0] = 0x60;
    put16(ip + 4, tcp_bytes);
    ip[6] = 6;
    ip[7] = ttl;
    ip[8] = ip[24] = 0xfd;
    ip[23] = ab ? 1 : 2;
    ip[39] = ab ? 2 : 1;
    return;
  }
  ip[0] = 0x45;
  put16(ip + 2, 20 + tcp_bytes);
  put16(ip + 4, 0x1234);
  ip[6] = s->fragmentable ? 0 : 0x40;
  ip[8] = ttl;
  ip[9] = 6;
  put32(ip + 12, ab ? 0x0a090001 : 0x0a090002);
  put32(ip + 16, ab ? 0x0a090002 : 0x0a090001);
  uint32_t sum = 0;
  for (int i = 0; i < 20; i += 2)
    sum += read_be16(ip + i);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  put16(ip + 10, ~sum);
}

/* Returns the frame's length. */
static inline uint32_t make_segment(const struct segment *s, uint8_t *bytes)
{
  const bool ab = s->direction == PATH_AB;
  const uint32_t ip_bytes = s->ipv6 ? 40 : 20, head = 20 + s->option_bytes;
  const uint32_t size = 14 + ip_bytes + head + s->payload;
  const uint16_t client = s->client_port != 0 ? s->client_port : CLIENT;
  assert_true(size <= BYTES_MAX);
  memset(bytes, 0, size);
  bytes[0] = bytes[6] = 2;
  bytes[5] = ab ? 0xb : 0xa;
  bytes[11] = ab ? 0xa : 0xb;
  put16(bytes + 12, s->ipv6 ? 0x86dd : 0x0800);
  uint8_t *ip = bytes + 14, *tcp = ip + ip_bytes;
  fill_ip(s, ip, head + s->payload);
  put16(tcp, ab ? client : SERVER);
  put16(tcp + 2, ab ? SERVER : client);
  const uint32_t isn = ab ? ISN_AB : ISN_BA, other = ab ? ISN_BA : ISN_AB;
  const uint16_t flags = s->flags != 0 ? s->flags : TCP_ACK;
  put32(tcp + 4, flags & TCP_SYN ? isn : isn + 1 + (uint32_t)s->offset);
  put32(tcp + 8, flags & TCP_ACK ? other + 1 + (uint32_t)s->ack_offset : 0);
  tcp[12] = (uint8_t)(head / 4 << 4);
  tcp[13] = (uint8_t)flags;
  put16(tcp + 14, s->window);
  if (s->option_bytes > 0)
    memcpy(tcp + 20, s->options, s->option_bytes);
  for (uint32_t i = 0; i < s->payload; i++)
    tcp[head + i] = (uint8_t)(s->offset + i);
  struct frame_view view;
  frame_view_parse(&view, bytes, size);
  rewrite_fill_tcp_checksum(&view);
  return size;
}

static inline void send_segment(struct fixture *f, const struct segment *s)
{
  uint8_t bytes[BYTES_MAX];
  path_frame(f->path, s->direction, bytes, make_segment(s, bytes), f->now_ns);
}

#define SEND(f, ...) send_segment(f, &(struct segment){__VA_ARGS__})

/* SYN, SYN-ACK, ACK. */
static inline void handshake(struct fixture *f)
{
  SEND(f, .direction = PATH_AB, .flags = TCP_SYN);
  SEND(f, .direction = PATH_BA, .flags = TCP_SYN | TCP_ACK);
  SEND(f, .direction = PATH_AB);
}

static inline void decode_bytes(const uint8_t *bytes, uint32_t size, struct packet *packet)
{
  const struct frame frame = {.number = 1,
                              .linktype = ETHERNET,
                              .captured_bytes = size,
                              .original_bytes = size,
                              .bytes = bytes};
  packet_decode(&frame, packet);
}

static inline void decode_out(const struct fixture *f, uint32_t index, struct packet *packet)
{
  assert_true(index < f->out_count);
  decode_bytes(f->out[index].bytes, f->out[index].size, packet);
}

static inline uint32_t acts_named(const struct fixture *f, const char *name)
{
  uint32_t count = 0;
  for (uint32_t i = 0; i < f->act_count; i++)
    count += strcmp(f->acts[i].name, name) == 0;
  return count;
}

static inline const struct act *act_named(const struct fixture *f, const char *name)
{
  for (uint32_t i = 0; i < f->act_count; i++)
    if (strcmp(f->acts[i].name, name) == 0)
      return &f->acts[i];
  fail_msg("no act %s", name);
  return &f->acts[0]; /* never: it has failed */
}

#endif
