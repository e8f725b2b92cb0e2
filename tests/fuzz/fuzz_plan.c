/* A scenario of a replay (plan_text.h), and a recording of whatever packets the bytes make: neither
 * may break what reads it, and what is written can be read again. */
#include "replay/plan_text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PACKET_BYTES 16
#define PACKETS_MAX  400

static void read_text(const uint8_t *data, size_t size)
{
  struct error error;
  struct plan *plan = plan_parse((const char *)data, size, &error);
  if (plan == NULL)
    return;
  char *text = plan_text(plan);
  if (text != NULL) {
    struct plan *again = plan_parse(text, strlen(text), &error);
    assert(again != NULL || strlen(text) > PLAN_TEXT_MAX);
    plan_free(again);
  }
  free(text);
  plan_free(plan);
}

static uint32_t number(const uint8_t *bytes, size_t count)
{
  uint32_t value = 0;
  for (size_t i = 0; i < count; i++)
    value = value << 8 | bytes[i];
  return value;
}

/* One of either point. */
static void add_packet(struct recording *recording, const uint8_t *bytes, int64_t *time_ns)
{
  struct recording_point *point = &recording->points[bytes[0] & 1];
  struct recorded_packet *to = &point->packets[point->packet_count++];
  *time_ns += (int64_t)number(bytes + 1, 2) * NS_PER_US * 20;
  *to = (struct recorded_packet){.from = (bytes[0] >> 1) % 3};
  to->packet =
      (struct packet){.time_ns = *time_ns,
                      .frame = point->packet_count,
                      .kind = PACKET_TCP,
                      .ip_version = 4,
                      .frame_bytes = 54 + number(bytes + 3, 2),
                      .payload_bytes = number(bytes + 3, 2) % 3000,
                      .flags = bytes[5] & 0x1f,
                      .window = (uint16_t)number(bytes + 6, 2),
                      .seq = number(bytes + 8, 4) % (bytes[0] & 0x40 ? 20000 : UINT32_MAX),
                      .ack = number(bytes + 12, 4) % (bytes[0] & 0x40 ? 20000 : UINT32_MAX),
                      .checksum = bytes[0] & 0x80 ? CHECKSUM_BAD : CHECKSUM_GOOD};
}

static void extract(const uint8_t *data, size_t size)
{
  static const char *const causes[][2] = {
      {"forward-path", "pmtu-blackhole"},  {"receiver-app", "zero-window"},
      {"sender-queue", "tx-queue-hold"},   {"sender-tcp", "excessive-rto"},
      {"sender-tcp", "nagle-delayed-ack"}, {"receiver-tcp", "delayed-ack"}};
  struct recording recording = {.whole = data[0] & 1, .point_count = 1 + (data[0] >> 1 & 1)};
  struct recorded_packet *packets = calloc(2 * PACKETS_MAX, sizeof *packets);
  const char *const *cause = causes[data[1] % 6];
  int64_t time_ns = 0;
  struct error error;
  if (packets == NULL)
    return;
  for (uint32_t i = 0; i < 2; i++) {
    recording.points[i].packets = packets + (size_t)i * PACKETS_MAX;
    recording.points[i].place = (enum recording_place)(data[2] >> (2 * i) & 3);
    recording.points[i].endpoints[0].port = recording.points[i].endpoints[1].port = 80;
  }
  for (size_t at = 4; at + PACKET_BYTES <= size && at / PACKET_BYTES < PACKETS_MAX;
       at += PACKET_BYTES)
    add_packet(&recording, data + at, &time_ns);
  recording.end_ns = time_ns;
  struct recorded_finding finding = {.kind = "stall",
                                     .location = cause[0],
                                     .cause = cause[1],
                                     .confidence = "likely",
                                     .ended_by = "ack",
                                     .sender = data[3] & 1,
                                     .start_ns = time_ns / 3,
                                     .end_ns = time_ns / 3 * 2,
                                     .waited_ns = time_ns / 3};
  recording.findings = &finding;
  recording.finding_count = 1;
  struct plan *plan = plan_extract(&recording, NULL, &error);
  char *text = plan != NULL ? plan_text(plan) : NULL;
  if (text != NULL) {
    struct plan *again = plan_parse(text, strlen(text), &error);
    plan_free(again);
  }
  free(text);
  plan_free(plan);
  free(packets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size > 0 && data[0] == '#')
    read_text(data, size);
  else if (size > 4)
    extract(data, size);
  return 0;
}
