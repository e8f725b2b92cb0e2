/* The survey under packets that no path would bring: the input is read as steps, each of which
 * makes one segment of one of a few connections, with numbers, timestamps and times near (and
 * sometimes far from) those before, and shows it to some of the capture points, changed or not.
 * What must hold for every input is checked after each solving: pairs are well-formed, packets are
 * found again in pairs of their own addresses, memory stays below its limit. */
#include "analyzer/survey.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEP_BYTES   10
#define STEPS_MAX    4096
#define CONNECTIONS  4u
#define MEMORY_BYTES (UINT64_C(4) << 20)

#define require(condition) require_that(condition, #condition, __LINE__)

static void require_that(int holds, const char *condition, int line)
{
  if (!holds) {
    fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, line, condition);
    abort();
  }
}

struct model {
  struct survey *survey;
  uint32_t ends;
  uint32_t nxt[CONNECTIONS][2];
  int64_t time_ns;
  uint64_t frame;
  uint16_t ip_id;
  struct packet last; /* as the last point saw it */
};

static struct ip_address host(uint8_t number)
{
  struct ip_address address = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = number}};
  return address;
}

/* Mostly microseconds to seconds; the last codes go far, back, or nowhere. */
static int64_t time_after(int64_t time_ns, uint8_t code)
{
  if (code == 255)
    return TIME_INVALID;
  if (code == 254)
    return INT64_MAX;
  if (code >= 248)
    return time_ns - NS_PER_S * (code - 247);
  return time_ns + (INT64_C(1) << (code % 40));
}

static struct packet make_packet(struct model *model, const uint8_t *step)
{
  const unsigned connection = step[0] % CONNECTIONS, side = step[0] >> 2 & 1;
  uint32_t *nxt = model->nxt[connection];
  struct packet packet = {.kind = PACKET_TCP, .ip_version = 4, .frame = ++model->frame};
  const uint16_t client_port = (uint16_t)(40000 + connection);
  packet.src = host(side == 0 ? 1 : 2);
  packet.dst = host(side == 0 ? 2 : 1);
  packet.src_port = side == 0 ? client_port : 80;
  packet.dst_port = side == 0 ? 80 : client_port;
  packet.time_ns = time_after(model->time_ns, step[1]);
  if (step[1] < 248)
    model->time_ns = packet.time_ns;
  packet.flags = step[2] & 0x3f;
  packet.payload_bytes = (step[3] & 7) * (step[3] >> 4) * 100U;
  packet.payload_hash = (step[3] & 8) != 0 ? 1 + (step[4] & 15U) : 0;
  packet.seq = nxt[side] + (uint32_t)((int8_t)step[5]) * ((step[2] & 0x40) != 0 ? 100U : 0U);
  packet.ack = nxt[side ^ 1] - (uint32_t)(step[6] & 3) * 100U;
  nxt[side] +=
      packet.payload_bytes + ((packet.flags & TCP_SYN) != 0) + ((packet.flags & TCP_FIN) != 0);
  if ((step[2] & 0x80) != 0) {
    packet.options = TCP_OPT_TIMESTAMPS;
    packet.ts_val = (uint32_t)(model->time_ns / NS_PER_MS) + (step[6] >> 4);
    packet.ts_ecr = packet.ts_val - (step[6] >> 2 & 3U);
  }
  packet.facts = PACKET_TTL_VALID | ((step[7] & 1) != 0 ? PACKET_IP_ID : 0);
  packet.ip_id = (step[7] & 2) != 0 ? model->ip_id++ : step[4];
  packet.ttl = 64;
  return packet;
}

/* As another point sees it: later, translated, shifted. */
static void change(struct packet *packet, uint8_t end, const uint8_t *step)
{
  packet->end = end;
  packet->ttl = (uint8_t)(packet->ttl - end);
  if (packet->time_ns > 0 && packet->time_ns < INT64_MAX / 2)
    packet->time_ns += (int64_t)step[8] * end * 10 * NS_PER_US;
  if ((step[9] & 1) != 0) {
    packet->src.bytes[13] = end;
    packet->dst.bytes[13] = end;
  }
  if ((step[9] & 2) != 0) {
    packet->seq += 0x01234567U * end;
    packet->ack += 0x01234567U * end;
  }
  if ((step[9] & 4) != 0) {
    struct ip_address source = packet->src;
    packet->src = packet->dst;
    packet->dst = source;
  }
}

static void check_pair(const struct model *model, const struct connection_pair *pair)
{
  require(pair->certainty <= PAIR_CERTAIN);
  require(pair->member_count >= 2 && pair->member_count <= model->ends);
  require(memchr(pair->reason, 0, sizeof pair->reason) != NULL);
  uint32_t places = 0;
  for (uint32_t i = 0; i < pair->member_count; i++) {
    const struct pair_member *member = &pair->members[i];
    require(member->end < model->ends && (i == 0 || member->end > pair->members[i - 1].end));
    require(member->place < pair->member_count && (places >> member->place & 1) == 0);
    places |= UINT32_C(1) << member->place;
    require(member->first_ns <= member->last_ns);
    require(member->first_frame > 0 && member->first_frame <= member->last_frame);
  }
  require(pair->members[0].seq_shift[0] == 0 && pair->members[0].seq_shift[1] == 0);
}

static void check_found(const struct model *model)
{
  const struct pair_member *member;
  const struct connection_pair *pair = survey_find(model->survey, &model->last, &member);
  require((pair == NULL) == (member == NULL));
  if (pair == NULL)
    return;
  require(member >= pair->members && member < pair->members + pair->member_count);
  require(member->end == model->last.end);
  require(member->client.port == model->last.src_port ||
          member->client.port == model->last.dst_port);
}

static void check_all(struct model *model)
{
  struct survey_stats stats;
  require(survey_solve(model->survey) == 0);
  survey_get_stats(model->survey, &stats);
  require(stats.pairs == survey_pair_count(model->survey) &&
          stats.pairs_not_certain <= stats.pairs);
  require(stats.memory_peak_bytes <= MEMORY_BYTES);
  for (uint32_t i = 0; i < survey_pair_count(model->survey); i++)
    check_pair(model, survey_pair(model->survey, i));
  check_found(model);
  for (uint32_t end = 0; end < model->ends; end++) {
    const struct clock_map *map = survey_clock(model->survey, (uint8_t)end);
    require(map->piece_count <= CLOCK_PIECES_MAX);
    require(end > 0 || clock_map_to_a(map, model->time_ns) == model->time_ns);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < 2)
    return 0;
  struct survey_limits limits = {.connections = (data[0] & 1) != 0 ? 3 : 1000,
                                 .memory_bytes = MEMORY_BYTES};
  struct model model = {.ends = 2U + (data[0] >> 1 & 1U) + (data[0] >> 2 & 1U),
                        .time_ns = 1000 * NS_PER_S};
  model.survey = survey_new(model.ends, &limits);
  require(model.survey != NULL);
  for (uint32_t i = 0; i < CONNECTIONS; i++)
    model.nxt[i][0] = model.nxt[i][1] = data[1] * UINT32_C(0x01000001) + i;
  data += 2;
  size -= 2;
  for (size_t i = 0; i < STEPS_MAX && size >= STEP_BYTES; i++) {
    const struct packet packet = make_packet(&model, data);
    for (uint32_t end = 0; end < model.ends; end++) {
      if ((data[7] >> (4 + end) & 1) != 0)
        continue;
      model.last = packet;
      change(&model.last, (uint8_t)end, data);
      require(survey_packet(model.survey, &model.last) == 0);
    }
    if (i % 128 == 100)
      check_all(&model);
    data += STEP_BYTES;
    size -= STEP_BYTES;
  }
  check_all(&model);
  survey_free(model.survey);
  return 0;
}
