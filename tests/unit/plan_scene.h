#ifndef PLAN_SCENE_H
#define PLAN_SCENE_H

/* A connection recorded at both ends, made by hand: a client that sends, 10 ms from its server. */

#include "replay/plan.h"

#include <stdlib.h>
#include <string.h>

#define SCENE_PACKETS 64
#define SCENE_WAY_NS  (10 * NS_PER_MS)
#define SCENE_FULL    1460 /* of a segment; no timestamps */
#define NOT_ARRIVED   INT64_MIN

struct scene {
  struct recording recording;
  struct recorded_packet packets[2][SCENE_PACKETS];
  struct recorded_finding finding;
};

static inline struct packet scene_packet(enum recording_side from, int64_t time_ns, uint32_t seq,
                                         uint32_t ack, uint32_t payload, uint16_t flags,
                                         uint16_t window)
{
  return (struct packet){.time_ns = time_ns,
                         .kind = PACKET_TCP,
                         .ip_version = 4,
                         .frame_bytes = 54 + payload,
                         .checksum = CHECKSUM_GOOD,
                         .src_port = from == RECORDING_CLIENT ? 40000 : 5001,
                         .dst_port = from == RECORDING_CLIENT ? 5001 : 40000,
                         .seq = seq,
                         .ack = ack,
                         .flags = flags,
                         .window = window,
                         .payload_bytes = payload};
}

static inline void scene_add(struct scene *scene, uint32_t point, enum recording_side from,
                             const struct packet *packet)
{
  struct recording_point *at = &scene->recording.points[point];
  struct recorded_packet *recorded = &scene->packets[point][at->packet_count++];
  *recorded = (struct recorded_packet){.packet = *packet, .from = (uint8_t)from};
  recorded->packet.frame = at->packet_count;
}

/* It leaves at left_us, and arrives 10 ms later, or at arrived_us if that is not 0. */
static inline void scene_send(struct scene *scene, enum recording_side from, int64_t left_us,
                              int64_t arrived_us, uint32_t seq, uint32_t ack, uint32_t payload,
                              uint16_t flags, uint16_t window)
{
  struct packet packet = scene_packet(from, left_us * NS_PER_US, seq, ack, payload, flags, window);
  scene_add(scene, from == RECORDING_CLIENT ? 0 : 1, from, &packet);
  if (arrived_us == NOT_ARRIVED)
    return;
  packet.time_ns = arrived_us != 0 ? arrived_us * NS_PER_US : packet.time_ns + SCENE_WAY_NS;
  scene_add(scene, from == RECORDING_CLIENT ? 1 : 0, from, &packet);
}

static inline int scene_by_time(const void *a, const void *b)
{
  const struct recorded_packet *left = a, *right = b;
  return left->packet.time_ns < right->packet.time_ns
             ? -1
             : left->packet.time_ns > right->packet.time_ns;
}

/* The handshake; byte 0 of the client has sequence number 1001, of the server 5001. */
static inline void scene_begin(struct scene *scene)
{
  *scene = (struct scene){.recording = {.whole = true, .roles_known = true, .point_count = 2}};
  for (uint32_t i = 0; i < 2; i++) {
    struct recording_point *point = &scene->recording.points[i];
    point->packets = scene->packets[i];
    point->place = i == 0 ? RECORDED_AT_CLIENT : RECORDED_AT_SERVER;
    for (int side = 0; side < RECORDING_SIDES; side++) {
      point->endpoints[side] =
          (struct recorded_endpoint){.port = side == 0 ? 40000 : 5001, .ip_version = 4};
      point->syns[side] = (struct recorded_syn){.seen = true, .window = 64240, .mss = 1460};
      scene->recording.hosts[side] = (struct recorded_host){
          .from_handshake = true, .mss = 1460, .syn_window = 64240, .window_max = 64240};
    }
  }
  scene_send(scene, RECORDING_CLIENT, 0, 0, 1000, 0, 0, TCP_SYN, 64240);
  scene_send(scene, RECORDING_SERVER, 10000, 0, 5000, 1001, 0, TCP_SYN | TCP_ACK, 64240);
  scene_send(scene, RECORDING_CLIENT, 20000, 0, 1001, 5001, 0, TCP_ACK, 64240);
}

/* A data segment of the client: its n-th full one, from 0. */
static inline void scene_data(struct scene *scene, int64_t left_us, int64_t arrived_us, uint32_t n)
{
  scene_send(scene, RECORDING_CLIENT, left_us, arrived_us, 1001 + n * SCENE_FULL, 5001, SCENE_FULL,
             TCP_ACK, 64240);
}

/* The server acknowledges n segments, and offers that window. */
static inline void scene_ack(struct scene *scene, int64_t left_us, int64_t arrived_us, uint32_t n,
                             uint16_t window)
{
  scene_send(scene, RECORDING_SERVER, left_us, arrived_us, 5001, 1001 + n * SCENE_FULL, 0, TCP_ACK,
             window);
}

static inline struct plan *scene_plan(struct scene *scene, const char *location, const char *cause,
                                      int64_t from_us, int64_t to_us)
{
  struct recording *recording = &scene->recording;
  struct error error = {.code = ERROR_NONE};
  for (uint32_t i = 0; i < 2; i++) {
    struct recording_point *point = &recording->points[i];
    qsort(point->packets, point->packet_count, sizeof *point->packets, scene_by_time);
    recording->end_ns = point->packets[point->packet_count - 1].packet.time_ns;
  }
  scene->finding = (struct recorded_finding){.id = 1,
                                             .problem = true,
                                             .kind = "stall",
                                             .location = location,
                                             .cause = cause,
                                             .confidence = "proven",
                                             .ended_by = "ack",
                                             .start_ns = from_us * NS_PER_US,
                                             .end_ns = to_us * NS_PER_US,
                                             .waited_ns = (to_us - from_us) * NS_PER_US};
  recording->findings = &scene->finding;
  recording->finding_count = 1;
  return plan_extract(recording, NULL, &error);
}

#endif
