#ifndef TESTS_UNIT_PEER_SCENE_H
#define TESTS_UNIT_PEER_SCENE_H

/* A recorded connection made by hand, and a live side that says what the test tells it to, for the
 * tests of replay/peer_*. The client sends the data. Numbers are positions: 0 is the first byte. */

#include "replay/peer_frames.h"
#include "replay/recording.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCENE_PACKETS_MAX 200
#define CLIENT_ISN        0xfffffff0u /* it wraps soon */
#define SERVER_ISN        5000u
#define MS                NS_PER_MS

struct scene {
  struct recorded_packet packets[SCENE_PACKETS_MAX];
  struct recording recording;
};

static inline void scene_begin(struct scene *scene)
{
  memset(scene, 0, sizeof *scene);
  scene->recording.point_count = 1;
  scene->recording.points[0].packets = scene->packets;
  snprintf(scene->recording.points[0].name, sizeof scene->recording.points[0].name, "scene");
}

static inline struct packet *scene_add(struct scene *scene, enum recording_side from, int64_t ms,
                                       int64_t seq, uint32_t bytes, int64_t ack, uint16_t window)
{
  struct recording_point *point = &scene->recording.points[0];
  struct recorded_packet *recorded = &scene->packets[point->packet_count++];
  const bool client = from == RECORDING_CLIENT;
  recorded->from = (uint8_t)from;
  recorded->packet = (struct packet){.kind = PACKET_TCP,
                                     .time_ns = NS_PER_S * 1000 + ms * MS,
                                     .seq = (client ? CLIENT_ISN : SERVER_ISN) + 1 + (uint32_t)seq,
                                     .ack = (client ? SERVER_ISN : CLIENT_ISN) + 1 + (uint32_t)ack,
                                     .flags = TCP_ACK,
                                     .window = window,
                                     .payload_bytes = bytes,
                                     .options = TCP_OPT_TIMESTAMPS,
                                     .ts_val = (client ? 100000u : 900000u) + (uint32_t)ms};
  return &recorded->packet;
}

/* The handshake takes 20 ms; seen at the client. No window scale. */
static inline void scene_handshake(struct scene *scene)
{
  struct packet *syn = scene_add(scene, RECORDING_CLIENT, 0, -1, 0, 0, 64000);
  syn->flags = TCP_SYN;
  syn->options |= TCP_OPT_MSS | TCP_OPT_SACK_PERMITTED;
  syn->mss = 1460;
  struct packet *answer = scene_add(scene, RECORDING_SERVER, 20, -1, 0, 0, 10000);
  answer->flags = TCP_SYN | TCP_ACK;
  answer->options |= TCP_OPT_MSS | TCP_OPT_SACK_PERMITTED;
  answer->mss = 1460;
  answer->ts_ecr = syn->ts_val;
  scene_add(scene, RECORDING_CLIENT, 20, 0, 0, 0, 64000)->ts_ecr = answer->ts_val;
}

static inline void scene_data(struct scene *scene, int64_t ms, int64_t seq, uint32_t bytes)
{
  scene_add(scene, RECORDING_CLIENT, ms, seq, bytes, 0, 64000);
}

/* The server acknowledges, echoing what the client sent at echo_ms. */
static inline struct packet *scene_ack(struct scene *scene, int64_t ms, int64_t ack,
                                       uint16_t window, int64_t echo_ms)
{
  struct packet *packet = scene_add(scene, RECORDING_SERVER, ms, 0, 0, ack, window);
  packet->ts_ecr = 100000u + (uint32_t)echo_ms;
  return packet;
}

/* ---- the live connection ---- */

struct live {
  struct peer_link out;    /* from the played side to the live one, as the engine wants it */
  struct peer_link own;    /* the reverse: the live side's frames are made by it */
  struct packet seen[400]; /* what the played side sent */
  int64_t due_ns[400];
  int count;
};

static inline struct ip_address scene_address(uint8_t last)
{
  return (struct ip_address){{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 77, 0, last}};
}

static inline void live_begin(struct live *live, struct frame_builder *builder, uint32_t near_isn,
                              uint32_t far_isn)
{
  memset(live, 0, sizeof *live);
  live->out = (struct peer_link){
      .builder = builder,
      .ends = {.ip_version = 4, .src = scene_address(2), .dst = scene_address(1), .ttl = 64},
      .far_port = 80,
      .near_port = 4000};
  live->own = live->out;
  live->own.ends.src = live->out.ends.dst;
  live->own.ends.dst = live->out.ends.src;
  live->own.far_port = 4000;
  live->own.near_port = 80;
  live->own.timestamps = live->own.sack = true;
  rebase_begin(&live->own.far, near_isn);
  rebase_begin(&live->own.near, far_isn);
}

static inline void live_take(void *context, const uint8_t *bytes, uint32_t size, int64_t due_ns)
{
  struct live *live = context;
  const struct frame frame = {
      .linktype = 1, .captured_bytes = size, .original_bytes = size, .bytes = bytes};
  if (live->count == 400)
    abort();
  live->due_ns[live->count] = due_ns;
  packet_decode(&frame, &live->seen[live->count++]);
}

static inline uint32_t live_frame(const struct live *live, const struct peer_segment *segment,
                                  uint8_t *frame)
{
  struct error error;
  const int size = peer_segment_build(&live->own, segment, frame, &error);
  if (size <= 0)
    abort();
  return (uint32_t)size;
}

#endif
