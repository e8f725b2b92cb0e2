#include "analyzer/survey.h"

#include "analyzer/survey_internal.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_CONNECTIONS  200000u
#define DEFAULT_MEMORY_BYTES (UINT64_C(256) << 20)
/* Of the memory, for the sketches: the rest is for solving. */
#define SKETCHES_SHARE(bytes) ((bytes) / 8 * 5)

void survey_limits_default(struct survey_limits *limits)
{
  *limits = (struct survey_limits){.connections = DEFAULT_CONNECTIONS,
                                   .memory_bytes = DEFAULT_MEMORY_BYTES};
}

struct survey *survey_new(uint32_t ends, const struct survey_limits *limits)
{
  struct survey *survey = calloc(1, sizeof *survey);
  if (survey == NULL)
    return NULL;
  survey->ends = ends;
  survey->limits = *limits;
  survey->budget.limit_bytes = SKETCHES_SHARE(limits->memory_bytes);
  /* Where it lies is different in each run, which keeps strangers from choosing colliding flows. */
  uint64_t seed = (uint64_t)(uintptr_t)survey * UINT64_C(0x9e3779b97f4a7c15);
  for (uint32_t end = 0; end < ends; end++)
    sketch_set_init(&survey->sets[end], &survey->budget, limits->connections, seed);
  clock_map_identity(&survey->clocks[0]);
  return survey;
}

static void note_memory(struct survey *survey)
{
  uint64_t bytes = survey->budget.used_bytes + survey->working_bytes;
  if (bytes > survey->memory_peak_bytes)
    survey->memory_peak_bytes = bytes;
}

void *survey_allocate(struct survey *survey, size_t count, size_t size)
{
  void *memory = count > 0 ? calloc(count, size) : NULL;
  if (memory != NULL)
    survey->working_bytes += (uint64_t)count * size;
  note_memory(survey);
  return memory;
}

void survey_release(struct survey *survey, void *memory, size_t count, size_t size)
{
  if (memory != NULL)
    survey->working_bytes -= (uint64_t)count * size;
  free(memory);
}

static void forget_result(struct survey *survey)
{
  survey_release(survey, survey->pairs, survey->pair_count, sizeof *survey->pairs);
  survey->pairs = NULL;
  survey->pair_count = 0;
  survey->pairs_not_certain = 0;
  memset(survey->clocks, 0, sizeof survey->clocks);
  clock_map_identity(&survey->clocks[0]);
  memset(survey->clock_known, 0, sizeof survey->clock_known);
  memset(survey->host_doubted, 0, sizeof survey->host_doubted);
}

void survey_free(struct survey *survey)
{
  if (survey == NULL)
    return;
  forget_result(survey);
  for (uint32_t end = 0; end < survey->ends; end++)
    sketch_set_free(&survey->sets[end]);
  free(survey);
}

int survey_packet(struct survey *survey, const struct packet *packet)
{
  if (packet->kind != PACKET_TCP)
    return 0;
  return sketch_set_packet(&survey->sets[packet->end], packet);
}

/* Packets ahead of the current one at which each step towards its memory is taken: a cache miss
 * takes about as long as a few packets. */
#define AHEAD_SLOT    12u
#define AHEAD_SKETCH  8u
#define AHEAD_SAMPLES 4u
#define TICKETS       16u /* a power of two, above AHEAD_SLOT */

static void fetch_ahead(struct survey *survey, const struct packet *packets, size_t count,
                        size_t at, struct sketch_ticket *tickets)
{
  size_t slot = at + AHEAD_SLOT, sketch = at + AHEAD_SKETCH, samples = at + AHEAD_SAMPLES;
  if (slot < count && packets[slot].kind == PACKET_TCP)
    sketch_fetch_slot(&survey->sets[packets[slot].end], &packets[slot], &tickets[slot % TICKETS]);
  if (sketch < count && packets[sketch].kind == PACKET_TCP)
    sketch_fetch_sketch(&survey->sets[packets[sketch].end], &tickets[sketch % TICKETS]);
  if (samples < count && packets[samples].kind == PACKET_TCP)
    sketch_fetch_samples(&survey->sets[packets[samples].end], &tickets[samples % TICKETS]);
}

int survey_packets(struct survey *survey, const struct packet *packets, size_t count)
{
  struct sketch_ticket tickets[TICKETS];
  for (size_t i = 0; i < count && i < AHEAD_SLOT; i++) {
    if (packets[i].kind == PACKET_TCP)
      sketch_fetch_slot(&survey->sets[packets[i].end], &packets[i], &tickets[i]);
  }
  for (size_t i = 0; i < count; i++) {
    fetch_ahead(survey, packets, count, i, tickets);
    if (packets[i].kind != PACKET_TCP)
      continue;
    int result =
        sketch_set_fetched(&survey->sets[packets[i].end], &packets[i], &tickets[i % TICKETS]);
    if (result != 0)
      return result;
  }
  return 0;
}

/* --- solving --- */

void survey_set_host(struct survey *survey, uint8_t end, uint32_t host)
{
  survey->hosts[end] = host;
}

static int match_all(struct survey *survey)
{
  int result = 0;
  for (uint32_t a = 0; a < survey->ends; a++) {
    for (uint32_t b = a + 1; b < survey->ends && result == 0; b++)
      result = survey_match(survey, (uint8_t)a, (uint8_t)b);
  }
  return result;
}

int survey_solve(struct survey *survey)
{
  forget_result(survey);
  survey->scratch = pairing_scratch_new();
  survey->points = survey_allocate(survey, SURVEY_POINTS_MAX, sizeof *survey->points);
  int result = survey->scratch == NULL || survey->points == NULL ? ERROR_MEMORY : 0;
  if (result == 0)
    result = match_all(survey);
  if (result == 0)
    result = survey_fit(survey);
  if (result == 0)
    result = survey_group(survey);
  survey_release(survey, survey->edges.at, survey->edges.capacity, sizeof *survey->edges.at);
  survey->edges = (struct survey_edges){0};
  survey_release(survey, survey->points, SURVEY_POINTS_MAX, sizeof *survey->points);
  survey->points = NULL;
  pairing_scratch_free(survey->scratch);
  survey->scratch = NULL;
  return result;
}

/* --- the result --- */

uint32_t survey_pair_count(const struct survey *survey)
{
  return survey->pair_count;
}

const struct connection_pair *survey_pair(const struct survey *survey, uint32_t index)
{
  return index < survey->pair_count ? &survey->pairs[index] : NULL;
}

const struct connection_pair *survey_find(const struct survey *survey, const struct packet *packet,
                                          const struct pair_member **member)
{
  *member = NULL;
  if (packet->kind != PACKET_TCP || packet->end >= survey->ends)
    return NULL;
  const struct sketch_set *set = &survey->sets[packet->end];
  uint32_t index = sketch_of_packet(set, packet);
  if (index == SKETCH_NONE || sketch_at(set, index)->pair >= survey->pair_count)
    return NULL;
  const struct connection_pair *pair = &survey->pairs[sketch_at(set, index)->pair];
  *member = &pair->members[sketch_at(set, index)->pair_member];
  return pair;
}

const struct clock_map *survey_clock(const struct survey *survey, uint8_t end)
{
  return &survey->clocks[end];
}

void survey_get_stats(const struct survey *survey, struct survey_stats *stats)
{
  *stats = (struct survey_stats){.pairs = survey->pair_count,
                                 .pairs_not_certain = survey->pairs_not_certain,
                                 .memory_peak_bytes = survey->memory_peak_bytes};
  uint64_t now_bytes = survey->budget.used_bytes + survey->working_bytes;
  if (now_bytes > stats->memory_peak_bytes)
    stats->memory_peak_bytes = now_bytes;
  for (uint32_t end = 0; end < survey->ends; end++) {
    stats->unsampled[end] = survey->sets[end].unsampled;
    stats->connections[end] = survey->sets[end].count + survey->sets[end].unsampled;
  }
}
