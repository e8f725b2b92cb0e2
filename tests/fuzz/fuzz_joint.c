/* Survey and joint diagnosis over a small world: hosts that nearly speak TCP, two or three capture
 * points on the way with clocks, addresses and sequence numbers of their own, and a path that
 * loses, holds, doubles and damages. The input is read as steps of that world. What must hold for
 * every input is checked while findings and connections come out: each engine's connections are
 * reported exactly once, findings belong to a connection that is reported, evidence names frames
 * that exist, budgets and byte stages add up, and nothing that rests on the other end is proven
 * where the pairing or the order of the points is in doubt. */
#include "analyzer/joint.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEP_BYTES   6
#define STEPS_MAX    3000u
#define ENDS_MAX     3u
#define SIGHTS_MAX   (4u * ENDS_MAX * STEPS_MAX)
#define TALKS        4u
#define IDS_MAX      (2u * STEPS_MAX)
#define HOP_NS       (5 * NS_PER_MS)
#define EPOCH_NS     (1700000000 * NS_PER_S)
#define MSS          1448u
#define BATCH        16u
#define MEMORY_BYTES (UINT64_C(8) << 20)

#define require(condition) require_that(condition, #condition, __LINE__)

static void require_that(int holds, const char *condition, int line)
{
  if (!holds) {
    fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, line, condition);
    abort();
  }
}

static uint64_t random_next(uint64_t *state) /* splitmix64 */
{
  uint64_t value = *state += UINT64_C(0x9e3779b97f4a7c15);
  value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
  return value ^ value >> 31;
}

/* ---- the world ---- */

struct talk {
  uint32_t nxt[2], got[2]; /* by sender: sent so far; got: received in order by the other */
  uint32_t ts_recent[2];
  uint16_t window[2], ip_id[2];
  uint64_t content;
};

struct point {
  int64_t clock_ns; /* this clock - true time */
  int32_t skew_ppm;
  uint32_t seq_shift[2];
  uint8_t network; /* 0: addresses as they are */
  uint64_t frames;
};

struct sight { /* a packet as a point sees it */
  int64_t true_ns;
  uint32_t order; /* of making */
  struct packet packet;
};

/* What the sink has been told under one id. */
struct told {
  uint32_t findings, last_id;
  bool over;
};

struct world {
  struct talk talks[TALKS];
  struct point points[ENDS_MAX];
  uint32_t ends;
  int64_t now_ns;
  uint64_t random;
  struct sight *sights;
  uint32_t sight_count;
  struct survey *survey;
  struct told told[IDS_MAX];
  uint8_t reported[ENDS_MAX][IDS_MAX]; /* by end and the engine's id */
  uint64_t reports[ENDS_MAX];
};

static struct ip_address host(uint8_t network, uint8_t number)
{
  struct ip_address address = {{[10] = 0xff, [11] = 0xff, [12] = 10, [14] = network}};
  address.bytes[15] = number;
  return address;
}

static void see(struct world *world, uint32_t end, struct packet packet, unsigned side,
                int64_t true_ns)
{
  struct point *point = &world->points[end];
  if (world->sight_count == SIGHTS_MAX)
    return;
  packet.end = (uint8_t)end;
  packet.ttl = (uint8_t)(64 - (side == 0 ? end : world->ends - 1 - end));
  packet.seq += point->seq_shift[side];
  if ((packet.flags & TCP_ACK) != 0)
    packet.ack += point->seq_shift[side ^ 1];
  if (side == 0)
    packet.src.bytes[14] = point->network;
  else
    packet.dst.bytes[14] = point->network;
  const int64_t skew_ns = (true_ns - EPOCH_NS) / 1000000 * point->skew_ppm;
  if (packet.time_ns == 0)
    packet.time_ns = true_ns + point->clock_ns + skew_ns;
  struct sight *sight = &world->sights[world->sight_count];
  *sight = (struct sight){true_ns, world->sight_count, packet};
  world->sight_count++;
}

/* fate: 2 bits: how far it comes; then a copy, damage, a bit for each of two points that miss it.
 */
static void travel(struct world *world, struct packet packet, unsigned side, uint8_t fate,
                   int64_t late_ns)
{
  const uint32_t reach = (fate & 3) == 0 ? (uint32_t)(fate >> 5 & 1) : world->ends - 1;
  int64_t at_ns = world->now_ns + HOP_NS;
  for (uint32_t hop = 0; hop < world->ends; hop++) {
    const uint32_t end = side == 0 ? hop : world->ends - 1 - hop;
    const bool missed = (fate >> (6 + (end & 1)) & 1) != 0 && (fate & 4) != 0;
    if (hop > reach)
      return;
    if (hop > 0 && (fate & 0x18) == 0x18)
      packet.checksum = CHECKSUM_BAD;
    if (!missed)
      see(world, end, packet, side, at_ns);
    if (!missed && (fate & 0x18) == 0x10)
      see(world, end, packet, side, at_ns + NS_PER_MS);
    at_ns += HOP_NS + (int64_t)(random_next(&world->random) % 300000);
    if (hop == 0)
      at_ns += late_ns;
  }
}

static struct packet make_packet(struct world *world, uint32_t which, unsigned side, uint16_t flags,
                                 uint32_t seq, uint32_t bytes)
{
  struct talk *talk = &world->talks[which];
  struct packet packet = {.kind = PACKET_TCP, .ip_version = 4, .ip_proto = 6, .flags = flags};
  uint64_t content = talk->content + side * UINT64_C(0x100000000) + seq;
  const uint16_t client_port = (uint16_t)(40000 + which);
  packet.src = host(0, side == 0 ? 1 : 2);
  packet.dst = host(0, side == 0 ? 2 : 1);
  packet.src_port = side == 0 ? client_port : 80;
  packet.dst_port = side == 0 ? 80 : client_port;
  packet.seq = seq;
  packet.ack = (flags & TCP_ACK) != 0 ? talk->got[side ^ 1] : 0;
  packet.window = talk->window[side];
  packet.payload_bytes = packet.captured_payload_bytes = bytes;
  packet.payload_hash = bytes >= PACKET_HASH_BYTES ? (uint32_t)random_next(&content) | 1 : 0;
  packet.facts = PACKET_TTL_VALID | PACKET_IP_ID;
  packet.ip_id = ++talk->ip_id[side];
  packet.checksum = CHECKSUM_GOOD;
  packet.options = TCP_OPT_TIMESTAMPS;
  packet.ts_val = (uint32_t)talk->content + side * 7777U + (uint32_t)(world->now_ns / NS_PER_MS);
  packet.ts_ecr = talk->ts_recent[side];
  talk->ts_recent[side ^ 1] = packet.ts_val;
  if ((flags & TCP_SYN) != 0) {
    packet.options |= TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED;
    packet.mss = MSS + 12;
    packet.wscale = 7;
  }
  return packet;
}

static void begin_talk(struct world *world, uint32_t which, uint16_t window)
{
  struct talk *talk = &world->talks[which];
  talk->content = random_next(&world->random);
  for (unsigned side = 0; side < 2; side++) {
    talk->nxt[side] = talk->got[side] = (uint32_t)random_next(&world->random);
    talk->window[side] = window;
    talk->ip_id[side] = (uint16_t)random_next(&world->random);
  }
}

static void send(struct world *world, uint32_t which, unsigned side, uint16_t flags, uint32_t bytes,
                 const uint8_t *step, int64_t late_ns)
{
  struct talk *talk = &world->talks[which];
  const struct packet packet = make_packet(world, which, side, flags, talk->nxt[side], bytes);
  talk->nxt[side] += bytes + ((flags & TCP_SYN) != 0) + ((flags & TCP_FIN) != 0);
  if ((step[4] & 3) != 0 && (step[4] & 0x18) != 0x18 && talk->got[side] == packet.seq)
    talk->got[side] = talk->nxt[side];
  travel(world, packet, side, step[4], late_ns);
}

static void open_talk(struct world *world, uint32_t which, const uint8_t *step, int64_t late_ns)
{
  begin_talk(world, which, (uint16_t)(step[3] << 4 | 0xf));
  static const uint8_t fine[STEP_BYTES] = {[4] = 1};
  send(world, which, 0, TCP_SYN, 0, step, late_ns);
  if ((step[2] & 1) != 0)
    return;
  world->talks[which].got[0] = world->talks[which].nxt[0];
  world->now_ns += 20 * NS_PER_MS;
  send(world, which, 1, TCP_SYN | TCP_ACK, 0, fine, 0);
  world->now_ns += 20 * NS_PER_MS;
  send(world, which, 0, TCP_ACK, 0, fine, 0);
}

/* From the first byte that the other side lacks, or from wherever. */
static void send_again(struct world *world, uint32_t which, unsigned side, const uint8_t *step,
                       int64_t late_ns)
{
  struct talk *talk = &world->talks[which];
  const uint32_t seq =
      (step[2] & 0x80) != 0 ? talk->nxt[side] - (step[2] & 0x7fU) * 500U : talk->got[side];
  const uint32_t rest = talk->nxt[side] - seq, bytes = rest < MSS ? rest : MSS;
  travel(world, make_packet(world, which, side, TCP_ACK, seq, bytes), side, step[4], late_ns);
  if ((step[4] & 3) != 0 && seq == talk->got[side])
    talk->got[side] = step[2] & 1 ? talk->nxt[side] : seq + bytes;
}

static void send_odd(struct world *world, uint32_t which, unsigned side, const uint8_t *step,
                     int64_t late_ns)
{
  struct talk *talk = &world->talks[which];
  struct packet packet = make_packet(world, which, side, step[2] & 0x3f,
                                     talk->nxt[side] + (uint32_t)(int8_t)step[3] * 0x123457U,
                                     (step[2] & 0x40) != 0 ? step[3] * 300U : 0);
  packet.ack += (uint32_t)(int8_t)step[3] * (step[5] & 0x40 ? 0x10000001U : 100U);
  if ((step[2] & 0x80) != 0)
    packet.options = step[3];
  if ((step[5] & 0x80) != 0) {
    packet.options |= TCP_OPT_SACK;
    packet.sack_count = 1;
    packet.sack[0] = (struct sack_block){packet.ack + step[3] * 100U, packet.ack + step[2] * 200U};
  }
  if (step[3] == 0xfd)
    packet.time_ns = step[2] & 1 ? TIME_INVALID : INT64_MAX;
  travel(world, packet, side, step[4], late_ns);
}

static void change_point(struct world *world, const uint8_t *step)
{
  struct point *point = &world->points[step[2] % world->ends];
  if ((step[2] & 4) != 0)
    point->clock_ns = (int8_t)step[3] * (INT64_C(1) << (step[5] % 55));
  if ((step[2] & 8) != 0)
    point->skew_ppm = (int8_t)step[3] * 4;
  if ((step[2] & 0x30) != 0)
    point->seq_shift[step[2] >> 4 & 1] = step[3] * 0x01010101U;
  if ((step[2] & 0x40) != 0)
    point->network = step[3];
}

static int64_t pause_ns(uint8_t code)
{
  return code == 0 ? 0 : (INT64_C(1) << (10 + code % 24)) * (1 + code / 128);
}

static void take_step(struct world *world, const uint8_t *step)
{
  const uint32_t which = step[0] >> 4 & 3;
  const unsigned side = step[0] >> 6 & 1;
  const int64_t late_ns = (step[5] & 0x20) != 0 ? pause_ns(step[5] & 0x1f) : 0;
  struct talk *talk = &world->talks[which];
  world->now_ns += pause_ns(step[1]);
  switch (step[0] & 0xf) {
  case 0: open_talk(world, which, step, late_ns); break;
  case 1: send(world, which, side, TCP_ACK | TCP_FIN, 0, step, late_ns); break;
  case 2:
    send(world, which, side, step[2] & 1 ? TCP_RST : TCP_RST | TCP_ACK, 0, step, late_ns);
    break;
  case 3: send_again(world, which, side, step, late_ns); break;
  case 4: send_odd(world, which, side, step, late_ns); break;
  case 5: talk->window[side] = (uint16_t)(step[3] * (step[2] + 1U)); break;
  case 6: change_point(world, step); break;
  case 7:
  case 8:
  case 9: send(world, which, side, TCP_ACK, 0, step, late_ns); break;
  default:
    for (uint32_t i = 0; i <= (step[2] & 3U); i++)
      send(world, which, side, TCP_ACK | TCP_PSH, step[3] < 200 ? MSS : step[3], step, late_ns);
  }
}

/* ---- what comes out ---- */

static struct told *told_of(struct world *world, uint64_t id)
{
  require(id > 0 && id < IDS_MAX);
  return &world->told[id];
}

static void check_stages(const struct byte_stages *stages)
{
  if (!time_is_valid(stages->at_ns))
    return;
  require(stages->outstanding_bytes == stages->in_path_bytes + stages->lost_bytes +
                                           stages->unacked_at_receiver_bytes +
                                           stages->ack_in_path_bytes);
  require(stages->outstanding_bytes <= UINT32_MAX && stages->in_path_bytes <= UINT32_MAX);
}

/* What one end's rules prove by themselves. */
static bool is_of_one_end(enum cause cause)
{
  return cause == CAUSE_TX_QUEUE_HOLD || cause == CAUSE_RST_INJECTED;
}

static void on_finding(void *context, const struct joint_connection *connection,
                       const struct finding *finding)
{
  struct world *world = context;
  struct told *told = told_of(world, connection->id);
  require(!told->over);
  told->findings++;
  require(connection->whole->id == connection->id && connection->view_count == 1);
  require(finding->start_ns <= finding->end_ns);
  require(finding->kind <= FINDING_HOLD && (unsigned)finding->location < LOCATION_COUNT);
  require(finding->confidence <= CONFIDENCE_PROVEN &&
          finding->cause_confidence <= CONFIDENCE_PROVEN);
  require(finding->alternative_count <= NOT_EXCLUDED_MAX);
  require(finding->evidence_count <= EVIDENCE_MAX && finding->waits > 0);
  require(memchr(finding->summary, 0, SUMMARY_SIZE) != NULL);
  require(memchr(finding->reason, 0, REASON_SIZE) != NULL);
  for (uint32_t i = 0; i < finding->evidence_count; i++) {
    const struct evidence *evidence = &finding->evidence[i];
    require(evidence->end < world->ends);
    require(evidence->frame <= world->points[evidence->end].frames);
    require(memchr(evidence->fact, 0, EVIDENCE_FACT_SIZE) != NULL);
    require(connection->pair != NULL || evidence->end == connection->views[0]->end);
  }
  check_stages(&finding->stages);
  const struct connection_pair *pair = connection->pair;
  const bool sure = pair != NULL && pair->certainty == PAIR_CERTAIN && pair->order_known;
  require(sure || finding->confidence < CONFIDENCE_PROVEN || is_of_one_end(finding->cause));
  if (pair == NULL)
    return;
  require(pair->certainty != PAIR_POSSIBLE && finding->id == told->last_id + 1);
  told->last_id = finding->id;
}

static void check_budget(const struct connection_summary *summary)
{
  require(summary->start_ns <= summary->end_ns);
  for (int side = 0; side < 2; side++) {
    const struct stream_summary *stream = &summary->streams[side];
    int64_t sum_ns = stream->moving_ns + stream->idle_ns;
    require(stream->moving_ns >= 0 && stream->idle_ns >= 0);
    for (int i = 0; i < LOCATION_COUNT; i++) {
      require(stream->budget_ns[i] >= 0);
      sum_ns += stream->budget_ns[i];
    }
    require(sum_ns == summary->end_ns - summary->start_ns);
  }
}

static void check_hop(const struct world *world, const struct hop_summary *hop)
{
  require(hop->from_end < world->ends && hop->to_end < world->ends && hop->from_end != hop->to_end);
  require(hop->arrived <= hop->packets && hop->reordered <= hop->arrived);
  require(hop->lost_segments + hop->lost_acks + hop->unsettled <= hop->packets);
  require(hop->lost_segments > 0 || hop->lost_bytes == 0);
  require(time_is_valid(hop->delay_min_ns) == (hop->arrived > 0));
  if (hop->arrived > 0)
    require(hop->delay_min_ns <= hop->delay_max_ns);
}

static void on_connection(void *context, const struct joint_connection *connection)
{
  struct world *world = context;
  struct told *told = told_of(world, connection->id);
  require(!told->over);
  told->over = true;
  require(connection->view_count >= 1 && connection->view_count <= world->ends);
  require(connection->whole->id == connection->id);
  require(connection->pair == NULL || told->findings == connection->whole->findings);
  require(connection->pair != NULL || told->findings == connection->views[0]->findings);
  check_budget(connection->whole);
  for (uint32_t i = 0; i < connection->view_count; i++) {
    const struct connection_summary *view = connection->views[i];
    require(view->end < world->ends && view->id > 0 && view->id < IDS_MAX);
    require(i == 0 || view->end > connection->views[i - 1]->end);
    require(world->reported[view->end][view->id]++ == 0);
    require(view->start_ns >= connection->whole->start_ns &&
            view->end_ns <= connection->whole->end_ns);
    world->reports[view->end]++;
    check_budget(view);
  }
  require(connection->level != EVIDENCE_BOTH_ENDS || connection->view_count > 1);
  for (uint32_t hop = 0; hop < connection->hop_count; hop++) {
    check_hop(world, &connection->hops[0][hop]);
    check_hop(world, &connection->hops[1][hop]);
  }
}

/* ---- a run ---- */

static int by_arrival(const void *left, const void *right)
{
  const struct sight *a = left, *b = right;
  if (a->true_ns != b->true_ns)
    return a->true_ns < b->true_ns ? -1 : 1;
  return (a->order > b->order) - (a->order < b->order);
}

static void survey_all(struct world *world)
{
  qsort(world->sights, world->sight_count, sizeof *world->sights, by_arrival);
  for (uint32_t i = 0; i < world->sight_count; i++) {
    struct packet *packet = &world->sights[i].packet;
    packet->frame = ++world->points[packet->end].frames;
    require(survey_packet(world->survey, packet) == 0);
  }
  require(survey_solve(world->survey) == 0);
}

static void feed_all(struct world *world, struct joint *joint, bool batches)
{
  struct packet packets[BATCH];
  struct joint_place places[BATCH];
  struct joint_located located[BATCH];
  uint32_t count = 0;
  for (uint32_t i = 0; i < world->sight_count; i++) {
    if (!batches) {
      require(joint_packet(joint, &world->sights[i].packet) == 0);
      continue;
    }
    packets[count] = world->sights[i].packet;
    joint_locate(joint, &packets[count], &places[count]);
    located[count] = (struct joint_located){&packets[count], &places[count]};
    if (++count == BATCH || i + 1 == world->sight_count) {
      require(joint_packets(joint, located, count) == 0);
      count = 0;
    }
  }
}

static void check_all_reported(struct world *world, const struct joint *joint)
{
  for (uint32_t end = 0; end < world->ends; end++) {
    struct analyzer_stats stats;
    joint_get_stats(joint, (uint8_t)end, &stats);
    require(world->reports[end] + stats.half_open_forgotten == stats.connections);
  }
  for (uint32_t id = 1; id < IDS_MAX; id++)
    require(world->told[id].findings == 0 || world->told[id].over);
}

static void diagnose(struct world *world, uint8_t code)
{
  struct joint_options options;
  const struct joint_sink sink = {world, on_finding, on_connection};
  joint_options_default(&options);
  if ((code & 1) != 0)
    options.engine.limits = (struct analyzer_limits){2, 2, 4, 3};
  if ((code & 2) != 0)
    options.ledger_records = 8;
  if ((code & 4) != 0)
    options.engine.min_stall_ns = NS_PER_MS;
  struct joint *joint = joint_new(world->ends, &options, world->survey, &sink);
  require(joint != NULL);
  if ((code & 8) != 0)
    joint_declare_vantage(joint, 0, VANTAGE_CLIENT);
  if ((code & 0x18) == 0x18)
    joint_declare_vantage(joint, (uint8_t)(world->ends - 1), VANTAGE_SERVER);
  if ((code & 0x30) == 0x30)
    joint_declare_drops(joint, 1);
  if ((code & 0x50) == 0x10)
    joint_declare_complete(joint, 0);
  feed_all(world, joint, (code & 0x40) != 0);
  joint_finish(joint);
  check_all_reported(world, joint);
  joint_free(joint);
}

static void build(struct world *world, const uint8_t *data, size_t size)
{
  for (uint32_t i = 0; i < TALKS; i++)
    begin_talk(world, i, 4000);
  for (size_t i = 0; i < STEPS_MAX && size >= STEP_BYTES; i++) {
    take_step(world, data);
    data += STEP_BYTES;
    size -= STEP_BYTES;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < 3)
    return 0;
  struct world *world = calloc(1, sizeof *world);
  require(world != NULL);
  world->sights = malloc(SIGHTS_MAX * sizeof *world->sights);
  require(world->sights != NULL);
  const struct survey_limits limits = {.connections = (data[0] & 2) != 0 ? 3 : 1000,
                                       .memory_bytes = MEMORY_BYTES};
  world->ends = 2U + (data[0] & 1U);
  world->now_ns = EPOCH_NS;
  world->random = data[2];
  world->survey = survey_new(world->ends, &limits);
  require(world->survey != NULL);
  build(world, data + 3, size - 3);
  survey_all(world);
  diagnose(world, data[1]);
  survey_free(world->survey);
  free(world->sights);
  free(world);
  return 0;
}
