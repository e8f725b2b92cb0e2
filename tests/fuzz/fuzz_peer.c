/* Any trace as a recording that is played: as its receiver, and as its sender.
 *
 * Input: frames: direction (lowest bit: who sent it; bit 1: to the live side's ears instead of into
 * the recording) and time since the one before (the other six, in units of 5 ms; 63: a year back),
 * length (1 byte), the bytes from the IP header on. What is played is due in order, checksummed and
 * bounded, whatever the recording says. */
#include "replay/peer_engine.h"
#include "replay/peer_sender_engine.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS_MAX 256
#define STEP_NS     (5 * NS_PER_MS)
#define YEAR_NS     (INT64_C(365) * 86400 * NS_PER_S)
#define SENT_MAX    100000u
#define TIMES_MAX   2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct driver {
  struct recorded_packet packets[PACKETS_MAX];
  struct recording recording;
  uint8_t frames[PACKETS_MAX][14 + 256]; /* for the live side's mouth */
  uint32_t frame_bytes[PACKETS_MAX], frame_count;
  int64_t now_ns;
  uint32_t sent;
};

static void on_emit(void *context, const uint8_t *bytes, uint32_t size, int64_t due_ns)
{
  struct driver *driver = context;
  const struct frame frame = {
      .linktype = 1, .captured_bytes = size, .original_bytes = size, .bytes = bytes};
  struct packet packet;
  packet_decode(&frame, &packet);
  if (packet.kind != PACKET_TCP && packet.kind != PACKET_ARP && packet.kind != PACKET_ND)
    abort();
  if (due_ns > driver->now_ns)
    abort();
  driver->sent++;
}

static struct ip_address address(uint8_t last)
{
  return (struct ip_address){{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 77, 0, last}};
}

/* The frame as the live side would send it: between the right addresses and ports. */
static void keep_frame(struct driver *driver, const uint8_t *bytes, uint32_t size)
{
  uint8_t *frame = driver->frames[driver->frame_count];
  memset(frame, 0, 14);
  frame[12] = 8;
  memcpy(frame + 14, bytes, size);
  if (size >= 40 && bytes[0] == 0x45 && bytes[9] == 6) {
    memcpy(frame + 26, "\x0a\x4d\x00\x01\x0a\x4d\x00\x02", 8);
    memcpy(frame + 34, "\x0f\xa0\x00\x50", 4);
  }
  driver->frame_bytes[driver->frame_count++] = 14 + size;
}

static void read_input(struct driver *driver, const uint8_t *data, size_t size)
{
  struct recording_point *point = &driver->recording.points[0];
  int64_t time_ns = 0;
  while (size >= 2 && point->packet_count < PACKETS_MAX && driver->frame_count < PACKETS_MAX) {
    const uint32_t bytes = data[1] < size - 2 ? data[1] : (uint32_t)(size - 2);
    time_ns += data[0] >> 2 == 63 ? -YEAR_NS : (data[0] >> 2) * STEP_NS;
    if (data[0] & 2) {
      keep_frame(driver, data + 2, bytes);
    } else {
      struct recorded_packet *recorded = &point->packets[point->packet_count++];
      const struct frame frame = {.linktype = 101,
                                  .time_ns = time_ns,
                                  .captured_bytes = bytes,
                                  .original_bytes = bytes,
                                  .bytes = data + 2};
      packet_decode(&frame, &recorded->packet);
      recorded->packet.time_ns = time_ns;
      recorded->from = data[0] & 1;
    }
    data += 2 + bytes;
    size -= 2 + bytes;
  }
}

static struct peer_link make_link(struct frame_builder *builder)
{
  return (struct peer_link){
      .builder = builder,
      .ends = {.ip_version = 4, .src = address(2), .dst = address(1), .ttl = 64},
      .far_port = 80,
      .near_port = 4000};
}

static void play_peer(struct driver *driver, struct frame_builder *builder,
                      const struct peer_script *script)
{
  const struct peer_engine_options options = {
      .script = script, .link = make_link(builder), .isn = 5, .emitter = {driver, on_emit}};
  struct peer_engine *engine = peer_engine_new(&options);
  driver->now_ns = 0;
  driver->sent = 0;
  for (uint32_t i = 0; engine != NULL && i < driver->frame_count; i++) {
    driver->now_ns += STEP_NS;
    peer_engine_advance(engine, driver->now_ns);
    peer_engine_frame(engine, driver->frames[i], driver->frame_bytes[i], driver->now_ns);
  }
  for (int i = 0; engine != NULL && i < TIMES_MAX && driver->sent < SENT_MAX; i++) {
    const int64_t next_ns = peer_engine_next_ns(engine);
    if (next_ns == INT64_MAX)
      break;
    if (next_ns > driver->now_ns)
      driver->now_ns = next_ns;
    peer_engine_advance(engine, driver->now_ns);
  }
  peer_engine_free(engine);
}

static void play_sender(struct driver *driver, struct frame_builder *builder,
                        const struct sender_script *script)
{
  const struct sender_engine_options options = {
      .script = script, .link = make_link(builder), .isn = 5, .emitter = {driver, on_emit}};
  struct sender_engine *engine = sender_engine_new(&options);
  driver->now_ns = 0;
  driver->sent = 0;
  for (uint32_t i = 0; engine != NULL && i < driver->frame_count; i++) {
    driver->now_ns += STEP_NS;
    sender_engine_advance(engine, driver->now_ns);
    sender_engine_frame(engine, driver->frames[i], driver->frame_bytes[i], driver->now_ns);
  }
  for (int i = 0; engine != NULL && i < TIMES_MAX && driver->sent < SENT_MAX; i++) {
    const int64_t next_ns = sender_engine_next_ns(engine);
    if (next_ns == INT64_MAX)
      break;
    if (next_ns > driver->now_ns)
      driver->now_ns = next_ns;
    sender_engine_advance(engine, driver->now_ns);
  }
  sender_engine_free(engine);
}

static void play_all(struct driver *driver, struct frame_builder *builder)
{
  const struct recording_point *point = &driver->recording.points[0];
  struct recorded_finding target = {
      .location = "receiver-app", .cause = "zero-window", .start_ns = 0, .end_ns = NS_PER_S};
  struct peer_script peer;
  struct sender_script sender;
  struct error error;
  for (int side = 0; side < RECORDING_SIDES; side++) {
    const enum recording_side near = (enum recording_side)side;
    if (peer_script_make(&peer, &driver->recording, point, near, &target, &error) == 0) {
      play_peer(driver, builder, &peer);
      peer_script_relieve(&peer, NULL);
      play_peer(driver, builder, &peer);
      peer_script_clear(&peer);
    }
    if (sender_script_make(&sender, &driver->recording, point, near, &target, &error) == 0) {
      play_sender(driver, builder, &sender);
      sender_script_relieve(&sender);
      play_sender(driver, builder, &sender);
      sender_script_clear(&sender);
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static struct driver driver;
  struct error error;
  struct frame_builder *builder = frame_builder_new(&error);
  if (builder == NULL)
    return 0;
  memset(&driver, 0, sizeof driver);
  driver.recording.point_count = 1;
  driver.recording.points[0].packets = driver.packets;
  read_input(&driver, data, size);
  play_all(&driver, builder);
  frame_builder_free(builder);
  return 0;
}
