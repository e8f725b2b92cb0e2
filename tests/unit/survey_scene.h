#ifndef TESTS_UNIT_SURVEY_SCENE_H
#define TESTS_UNIT_SURVEY_SCENE_H

/* A small world for tests of the survey: connections between a client and a server, and capture
 * points on the way, each with a clock of its own and its own view of addresses and numbers. */

#include "analyzer/survey.h"
#include "tests/support/packet_build.h"
#include "tests/support/random.h"
#include "wire/timestamp.h"

#include <string.h>

/* What is changed between the client and this point. */
struct scene_point {
  int64_t clock_offset_ns; /* this clock - true time */
  double skew_ppm;
  int64_t from_client_ns;          /* a packet's way from the client to here */
  int64_t from_server_ns;          /* ... from the server to here */
  uint32_t seq_shift[2];           /* added to the numbers of the client, of the server */
  uint32_t host_shift, port_shift; /* added to the client's address and port */
  uint8_t hops;                    /* from the client; of SCENE_HOPS */
  bool absent;                     /* sees nothing for the moment */
  bool mirror;                     /* every frame twice, 3 microseconds apart */
  bool swap_names;                 /* the two hosts' addresses have changed places */
  uint64_t frames;
};

#define SCENE_HOPS 8

struct scene {
  struct survey *survey;
  uint32_t ends;
  struct scene_point points[ANALYZER_ENDS_MAX];
  int64_t now_ns; /* true time */
  uint64_t random;
};

struct talk {
  struct packet_path path; /* of the client's packets */
  uint32_t isn[2], nxt[2]; /* by sender: 0 = client */
  uint32_t ts_base[2];     /* TSval at true time 0 */
  uint32_t ts_recent[2];   /* TSval last received by the sender */
  int64_t tick_ns;         /* of the timestamp clocks; 0: no timestamps */
  uint16_t ip_id[2];       /* 0: stays 0 */
  uint64_t content;        /* seed of the payload; 0: no payload is captured */
};

static inline struct scene scene_new(uint32_t ends, uint64_t seed)
{
  struct scene scene = {.ends = ends, .now_ns = 1700000000 * NS_PER_S, .random = seed};
  struct survey_limits limits;
  survey_limits_default(&limits);
  scene.survey = survey_new(ends, &limits);
  for (uint32_t end = 0; end < ends; end++)
    scene.points[end] = (struct scene_point){.from_client_ns = (end + 1) * 2 * NS_PER_MS,
                                             .from_server_ns = (ends - end) * 2 * NS_PER_MS,
                                             .hops = (uint8_t)(end + 1)};
  return scene;
}

static inline struct talk talk_new(struct scene *scene, uint32_t client, uint16_t client_port,
                                   uint32_t server, uint16_t server_port)
{
  struct talk talk = {.path = {client, server, client_port, server_port}, .tick_ns = NS_PER_MS};
  for (int side = 0; side < 2; side++) {
    talk.isn[side] = talk.nxt[side] = (uint32_t)random_next(&scene->random) | UINT32_C(0x10000000);
    talk.ts_base[side] = (uint32_t)random_next(&scene->random);
    talk.ip_id[side] = (uint16_t)(random_next(&scene->random) | 1);
  }
  talk.content = random_next(&scene->random) | 1;
  return talk;
}

static inline uint32_t talk_hash(const struct talk *talk, unsigned side, uint32_t seq)
{
  uint64_t state = talk->content + side * UINT64_C(0x100000000) + (seq - talk->isn[side]);
  return (uint32_t)random_next(&state) | 1;
}

/* The packet as its sender makes it. */
static inline struct packet talk_packet(struct scene *scene, struct talk *talk, unsigned side,
                                        uint16_t flags, uint32_t seq, uint32_t bytes)
{
  struct packet_path path = side == 0 ? talk->path : packet_path_back(talk->path);
  struct packet packet = packet_tcp(path, scene->now_ns, 0, flags);
  packet.seq = seq;
  packet.ack = (flags & TCP_ACK) != 0 ? talk->nxt[side ^ 1] : 0;
  packet.payload_bytes = packet.captured_payload_bytes = bytes;
  packet.payload_hash =
      bytes >= PACKET_HASH_BYTES && talk->content != 0 ? talk_hash(talk, side, seq) : 0;
  packet.window = 500;
  packet.ttl = 64;
  packet.facts |= PACKET_IP_ID;
  packet.ip_id = talk->ip_id[side];
  if (talk->ip_id[side] != 0 && ++talk->ip_id[side] == 0)
    talk->ip_id[side] = 1;
  if (talk->tick_ns > 0) {
    packet.options |= TCP_OPT_TIMESTAMPS;
    packet.ts_val = talk->ts_base[side] + (uint32_t)(scene->now_ns / talk->tick_ns);
    packet.ts_ecr = talk->ts_recent[side];
    talk->ts_recent[side ^ 1] = packet.ts_val;
  }
  return packet;
}

/* The packet as a point sees it. */
static inline struct packet scene_view(const struct scene *scene, uint32_t end,
                                       struct packet packet, unsigned side)
{
  const struct scene_point *point = &scene->points[end];
  int64_t way_ns = side == 0 ? point->from_client_ns : point->from_server_ns;
  int64_t true_ns = packet.time_ns + way_ns;
  int64_t since_ns = true_ns - 1700000000 * NS_PER_S;
  packet.time_ns =
      true_ns + point->clock_offset_ns + (int64_t)((double)since_ns * point->skew_ppm * 1e-6);
  packet.end = (uint8_t)end;
  packet.ttl = (uint8_t)(packet.ttl - (side == 0 ? point->hops : SCENE_HOPS - point->hops));
  packet.seq += point->seq_shift[side];
  if ((packet.flags & TCP_ACK) != 0)
    packet.ack += point->seq_shift[side ^ 1];
  struct ip_address *client = side == 0 ? &packet.src : &packet.dst;
  uint16_t *port = side == 0 ? &packet.src_port : &packet.dst_port;
  client->bytes[13] = (uint8_t)(client->bytes[13] + point->host_shift);
  *port = (uint16_t)(*port + point->port_shift);
  if (point->swap_names) {
    struct ip_address source = packet.src;
    packet.src = packet.dst;
    packet.dst = source;
  }
  return packet;
}

static inline void scene_give(struct scene *scene, uint32_t end, struct packet packet,
                              unsigned side)
{
  struct scene_point *point = &scene->points[end];
  if (point->absent)
    return;
  struct packet view = scene_view(scene, end, packet, side);
  for (int copy = 0; copy < (point->mirror ? 2 : 1); copy++) {
    view.frame = ++point->frames;
    view.time_ns += copy * 3 * NS_PER_US;
    (void)survey_packet(scene->survey, &view);
  }
}

/* Sends new data, or what else the flags say; every point that is not absent sees it. */
static inline struct packet talk_send(struct scene *scene, struct talk *talk, unsigned side,
                                      uint16_t flags, uint32_t bytes)
{
  struct packet packet = talk_packet(scene, talk, side, flags, talk->nxt[side], bytes);
  talk->nxt[side] += bytes + ((flags & TCP_SYN) != 0) + ((flags & TCP_FIN) != 0);
  for (uint32_t end = 0; end < scene->ends; end++)
    scene_give(scene, end, packet, side);
  return packet;
}

static inline void talk_open(struct scene *scene, struct talk *talk)
{
  talk_send(scene, talk, 0, TCP_SYN, 0);
  scene->now_ns += 10 * NS_PER_MS;
  talk_send(scene, talk, 1, TCP_SYN | TCP_ACK, 0);
  scene->now_ns += 10 * NS_PER_MS;
  talk_send(scene, talk, 0, TCP_ACK, 0);
}

/* A request of 200 bytes and its answer. */
static inline void talk_exchange(struct scene *scene, struct talk *talk, uint32_t answer_bytes)
{
  talk_send(scene, talk, 0, TCP_ACK | TCP_PSH, 200);
  scene->now_ns += 10 * NS_PER_MS;
  for (uint32_t sent = 0; sent < answer_bytes; sent += 1448) {
    talk_send(scene, talk, 1, TCP_ACK, 1448);
    scene->now_ns += 100 * NS_PER_US;
    talk_send(scene, talk, 0, TCP_ACK, 0);
  }
  scene->now_ns += 10 * NS_PER_MS;
}

static inline void talk_close(struct scene *scene, struct talk *talk)
{
  talk_send(scene, talk, 0, TCP_ACK | TCP_FIN, 0);
  scene->now_ns += 10 * NS_PER_MS;
  talk_send(scene, talk, 1, TCP_ACK | TCP_FIN, 0);
  scene->now_ns += 10 * NS_PER_MS;
  talk_send(scene, talk, 0, TCP_ACK, 0);
  scene->now_ns += NS_PER_MS;
}

/* The port that a pair's client has at `end`; 0: that end is no member. */
static inline uint16_t pair_client_port(const struct connection_pair *pair, uint8_t end)
{
  for (uint32_t i = 0; i < pair->member_count; i++) {
    if (pair->members[i].end == end)
      return pair->members[i].client.port;
  }
  return 0;
}

#endif
