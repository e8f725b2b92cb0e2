/* The analyzer under adversarial sequences of *valid* packets: the input is read as steps, each
 * of which sends one segment on one of a few connections, with sequence numbers, windows,
 * options, timestamps and time steps near (and sometimes far from) what the two ends' state
 * makes plausible. What must hold for every input is checked in the sink: the budget adds up,
 * every text ends, every number is in range. */
#include "analyzer/analyzer.h"
#include "wire/packet.h"
#include "wire/timestamp.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONNECTIONS      3
#define LINKTYPE_RAW     101
#define IPV4_BYTES       20
#define TCP_BYTES_MAX    60
#define STEP_BYTES       8
#define STEPS_MAX        4096
#define PROTOCOL_ICMP    1
#define PROTOCOL_TCP     6
#define TIMESTAMP_HZ     1000
#define CAPTURED_PAYLOAD 0 /* like a capture with a short snap length */

#define require(condition) require_that(condition, #condition, __LINE__)

static void require_that(int holds, const char *condition, int line)
{
  if (!holds) {
    fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, line, condition);
    abort();
  }
}

/* One side of a modelled connection. */
struct side {
  uint32_t snd_una, snd_nxt;
  uint32_t ts_base, ts_recent;
};

struct model {
  struct side sides[CONNECTIONS][2];
  int64_t time_ns;
  uint64_t frames;
  uint16_t ip_id;
};

struct seen {
  uint64_t connections, findings;
};

static int text_ends(const char *text, size_t size)
{
  return memchr(text, 0, size) != NULL;
}

static void on_finding(void *context, const struct connection_summary *connection,
                       const struct finding *finding)
{
  struct seen *seen = context;
  seen->findings++;
  require(connection->id > 0 && finding->id > 0);
  require(finding->location < LOCATION_COUNT && finding->cause < CAUSE_COUNT);
  require(finding->confidence <= CONFIDENCE_PROVEN &&
          finding->cause_confidence <= CONFIDENCE_PROVEN);
  require(finding->ended_by < ENDED_BY_COUNT && finding->kind <= FINDING_HOLD);
  require(finding->evidence_count <= EVIDENCE_MAX);
  require(finding->alternative_count <= NOT_EXCLUDED_MAX);
  require(finding->end_ns >= finding->start_ns && finding->waited_ns >= 0);
  require(text_ends(finding->summary, SUMMARY_SIZE) && text_ends(finding->reason, REASON_SIZE));
  for (uint32_t i = 0; i < finding->evidence_count; i++)
    require(text_ends(finding->evidence[i].fact, EVIDENCE_FACT_SIZE));
  for (uint32_t i = 0; i < finding->alternative_count; i++)
    require(text_ends(finding->not_excluded[i].why, WHY_SIZE));
}

static void on_connection(void *context, const struct connection_summary *connection)
{
  struct seen *seen = context;
  seen->connections++;
  require(connection->end_ns >= connection->start_ns);
  for (int i = 0; i < 2; i++) {
    const struct stream_summary *stream = &connection->streams[i];
    int64_t sum = stream->moving_ns + stream->idle_ns;
    require(stream->moving_ns >= 0 && stream->idle_ns >= 0);
    for (int location = 0; location < LOCATION_COUNT; location++) {
      require(stream->budget_ns[location] >= 0);
      sum += stream->budget_ns[location];
    }
    require(sum == connection->end_ns - connection->start_ns);
    require(stream->retransmitted_segments <= stream->segments);
    require(stream->wscale_min <= stream->wscale_max);
  }
}

static void put16(uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
  put16(at, value >> 16);
  put16(at + 2, value);
}

static void put_ipv4(uint8_t *ip, uint8_t protocol, uint16_t id, uint32_t total_bytes,
                     unsigned side)
{
  memset(ip, 0, IPV4_BYTES);
  ip[0] = 0x45;
  put16(ip + 2, total_bytes > 65535 ? 0 : total_bytes); /* 0: as TSO leaves it */
  put16(ip + 4, id);
  ip[6] = 0x40;
  ip[8] = side == 0 ? 64 : 57;
  ip[9] = protocol;
  put32(ip + 12, 0xc0000201 + side);
  put32(ip + 16, 0xc0000202 - side);
}

static void deliver(struct model *model, struct analyzer *analyzer, const uint8_t *bytes,
                    uint32_t captured_bytes, uint32_t original_bytes)
{
  struct frame frame = {.time_ns = model->time_ns,
                        .number = ++model->frames,
                        .linktype = LINKTYPE_RAW,
                        .captured_bytes = captured_bytes,
                        .original_bytes = original_bytes,
                        .bytes = bytes};
  struct packet packet;
  packet_decode(&frame, &packet);
  require(analyzer_packet(analyzer, &packet) == 0);
}

/* 0 .. about 20 minutes, in powers of four; the last sixteenth of the codes goes back in time. */
static int64_t time_step_ns(uint8_t code)
{
  int64_t mantissa = (code & 15) + 1;
  unsigned exponent = code >> 4;
  if (exponent == 15)
    return -(mantissa * NS_PER_MS);
  return mantissa << (2 * exponent + 8);
}

static uint32_t payload_bytes(uint8_t code)
{
  static const uint32_t sizes[] = {0,    0,    1,    2,    100,  508,   536,   1000,
                                   1448, 1448, 1448, 1460, 2896, 14480, 65000, 70000};
  return sizes[code & 15];
}

/* Appends the options that the step asks for; returns the header's length in bytes. */
static uint32_t put_options(uint8_t *tcp, const uint8_t *step, uint32_t ts_val, uint32_t ts_ecr,
                            uint32_t sack_base)
{
  uint32_t at = 20;
  if (step[1] & TCP_SYN) {
    put32(tcp + at, 0x020405b4); /* MSS 1460 */
    put32(tcp + at + 4, 0x01030300 | (step[4] & 15));
    put32(tcp + at + 8, 0x04020101);
    at += (step[3] & 3) == 3 ? 4 : 12;
  }
  if (step[0] & 0x80) {
    put32(tcp + at, 0x0101080a);
    put32(tcp + at + 4, ts_val);
    put32(tcp + at + 8, ts_ecr);
    at += 12;
  }
  if (step[1] & 0x40) {
    put32(tcp + at, 0x0101050a);
    put32(tcp + at + 4, sack_base + (uint32_t)(step[7] & 15) * 1448);
    put32(tcp + at + 8, sack_base + (uint32_t)(step[7] >> 4) * 1448 + 1448);
    at += 12;
  }
  return at;
}

static uint32_t choose_seq(const struct side *self, const uint8_t *step)
{
  switch ((step[0] >> 3) & 3) {
  case 0: return self->snd_nxt;
  case 1: return self->snd_una;
  case 2: return self->snd_una - 1;
  default: return self->snd_nxt + (uint32_t)((int8_t)step[7]) * 1448;
  }
}

static uint32_t choose_ack(const struct side *peer, const uint8_t *step)
{
  switch ((step[0] >> 5) & 3) {
  case 0: return peer->snd_nxt;
  case 1: return peer->snd_una;
  case 2: return peer->snd_una + (peer->snd_nxt - peer->snd_una) / 2;
  default: return peer->snd_nxt + (uint32_t)((int8_t)step[7]) * 1448;
  }
}

static void send_segment(struct model *model, struct analyzer *analyzer, const uint8_t *step)
{
  unsigned connection = step[0] & 3, from = (step[0] >> 2) & 1;
  struct side *self = &model->sides[connection][from], *peer = &model->sides[connection][1 - from];
  uint8_t bytes[IPV4_BYTES + TCP_BYTES_MAX] = {0};
  uint8_t *tcp = bytes + IPV4_BYTES;
  uint32_t length = payload_bytes(step[2]);
  uint32_t seq = choose_seq(self, step), ack = choose_ack(peer, step);
  uint32_t elapsed = (uint32_t)(model->time_ns / (NS_PER_S / TIMESTAMP_HZ));
  uint32_t ts_val = self->ts_base + (step[6] & 0x80 ? self->ts_recent : elapsed) + (step[6] & 7);

  put16(tcp, from == 0 ? 40000 + connection : 80);
  put16(tcp + 2, from == 0 ? 80 : 40000 + connection);
  put32(tcp + 4, seq);
  put32(tcp + 8, ack);
  uint32_t header_bytes =
      put_options(tcp, step, ts_val, peer->ts_base + peer->ts_recent - (step[6] >> 3 & 15), ack);
  tcp[12] = (uint8_t)((header_bytes / 4) << 4);
  tcp[13] = step[1] & 0x3f;
  put16(tcp + 14, (uint32_t)step[3] << 8 | step[4]);
  self->ts_recent = elapsed;
  if ((step[1] & TCP_ACK) && (int32_t)(ack - peer->snd_una) > 0)
    peer->snd_una = ack;
  uint32_t end = seq + length + ((step[1] & TCP_SYN) != 0) + ((step[1] & TCP_FIN) != 0);
  if ((int32_t)(end - self->snd_nxt) > 0)
    self->snd_nxt = end;
  put_ipv4(bytes, PROTOCOL_TCP, model->ip_id++, IPV4_BYTES + header_bytes + length, from);
  deliver(model, analyzer, bytes, IPV4_BYTES + header_bytes + CAPTURED_PAYLOAD,
          IPV4_BYTES + header_bytes + length);
}

/* An echo request, or an ICMP error (fragmentation needed) that quotes a segment. */
static void send_icmp(struct model *model, struct analyzer *analyzer, const uint8_t *step)
{
  uint8_t bytes[2 * IPV4_BYTES + 16] = {0};
  unsigned from = (step[0] >> 2) & 1;
  uint8_t *icmp = bytes + IPV4_BYTES;
  put_ipv4(bytes, PROTOCOL_ICMP, model->ip_id++, sizeof bytes, from);
  icmp[0] = step[1] & 1 ? 3 : 8;
  if (icmp[0] == 3) {
    icmp[1] = 4;
    put16(icmp + 6, (uint32_t)step[3] << 8 | step[4]);
    put_ipv4(icmp + 8, PROTOCOL_TCP, 1, 1500, 1 - from);
    put16(icmp + 8 + IPV4_BYTES, from == 1 ? 40000 : 80);
    put16(icmp + 8 + IPV4_BYTES + 2, from == 1 ? 80 : 40000);
    put32(icmp + 8 + IPV4_BYTES + 4, model->sides[0][1 - from].snd_una);
  }
  deliver(model, analyzer, bytes, sizeof bytes, sizeof bytes);
}

static void run_steps(struct model *model, struct analyzer *analyzer, const uint8_t *data,
                      size_t size)
{
  for (size_t i = 0; i < STEPS_MAX && size >= STEP_BYTES; i++) {
    int64_t step_ns = time_step_ns(data[5]);
    if (model->time_ns + step_ns > 0)
      model->time_ns += step_ns;
    if ((data[0] & 3) < CONNECTIONS)
      send_segment(model, analyzer, data);
    else
      send_icmp(model, analyzer, data);
    data += STEP_BYTES;
    size -= STEP_BYTES;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < 2)
    return 0;
  struct seen seen = {0};
  struct analyzer_sink sink = {
      .context = &seen, .finding = on_finding, .connection = on_connection};
  struct analyzer_options options;
  analyzer_options_default(&options);
  if (data[0] & 1) /* small limits, so that they are met */
    options.limits = (struct analyzer_limits){.connections = 2,
                                              .half_open = 1 + (data[0] >> 6),
                                              .segments_in_flight = 2 + (data[0] >> 4),
                                              .findings_per_connection = 1 + (data[0] >> 5)};
  struct analyzer *analyzer = analyzer_new(&options, &sink);
  require(analyzer != NULL);
  if (data[0] & 2)
    analyzer_declare_vantage(analyzer, 0, (enum vantage)(data[1] & 3));
  struct model model = {.time_ns = 1000 * NS_PER_S};
  for (unsigned i = 0; i < CONNECTIONS; i++)
    for (unsigned side = 0; side < 2; side++)
      model.sides[i][side] = (struct side){.snd_una = data[1] * 0x01000000u,
                                           .snd_nxt = data[1] * 0x01000000u,
                                           .ts_base = data[1] * 0x00ffffffu + side};
  run_steps(&model, analyzer, data + 2, size - 2);
  if (!(data[0] & 4))
    analyzer_finish(analyzer);
  struct analyzer_stats stats;
  analyzer_get_stats(analyzer, &stats);
  require(seen.connections <= stats.connections);
  analyzer_free(analyzer);
  return 0;
}
