#include "analyzer/survey_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One false pair in so many, by coincidence: 2^20. */
#define CERTAIN_BITS 20.0F
#define LIKELY_BITS  12.0F
/* The next best connection must fit that much worse. */
#define MARGIN_BITS 10.0F
/* An element that so many pairs of connections share tells none of them from the others. */
#define RUN_PRODUCT_MAX 64u
/* Of the memory, for candidates: if there are more, elements must be shared by fewer. */
#define CANDIDATES_SHARE(bytes) ((bytes) / 8)
/* Connections of the other end that are looked at for each one. */
#define RIVALS_MAX 8u
/* Samples of a connection that look for its other half: so many where there are many connections,
 * all where there are few. */
#define PROBES_MIN          64u
#define PROBES_MAX          4096u
#define PROBES_SHARE(bytes) ((bytes) / 16) /* of the memory, for either end */

/* An element of a sketch, to be met by one of the other end. */
struct probe {
  uint32_t hash;   /* the lowest bit is set for timestamps, and for nothing else */
  uint32_t sketch; /* index * 2 + side of the sender */
};

/* Two sketches that share an element. */
struct candidate {
  uint32_t a;
  uint32_t b; /* index * 2 + crossed */
};

struct probes {
  struct probe *at;
  size_t count, capacity;
};

struct matching {
  struct survey *survey;
  uint8_t end_a, end_b;
  uint8_t *used[2]; /* by sketch of either end: paired */
  size_t first_edge;
  float space_bits; /* log2 of the pairs that could have been formed */
};

static int compare_probes(const void *left, const void *right)
{
  const struct probe *a = left, *b = right;
  if (a->hash != b->hash)
    return a->hash < b->hash ? -1 : 1;
  return a->sketch < b->sketch ? -1 : a->sketch > b->sketch;
}

static int compare_candidates(const void *left, const void *right)
{
  const struct candidate *a = left, *b = right;
  if (a->a != b->a)
    return a->a < b->a ? -1 : 1;
  return a->b < b->b ? -1 : a->b > b->b;
}

static int edge_add(struct survey *survey, const struct survey_edge *edge)
{
  struct survey_edges *edges = &survey->edges;
  if (edges->count == edges->capacity) {
    size_t capacity = edges->capacity > 0 ? edges->capacity * 2 : 64;
    struct survey_edge *at = survey_allocate(survey, capacity, sizeof *at);
    if (at == NULL)
      return ERROR_MEMORY;
    if (edges->count > 0)
      memcpy(at, edges->at, edges->count * sizeof *at);
    survey_release(survey, edges->at, edges->capacity, sizeof *at);
    edges->at = at;
    edges->capacity = capacity;
  }
  edges->at[edges->count++] = *edge;
  return 0;
}

/* What remains if all pairs that could have been formed had a try: numbers meet by chance. */
static float bits_that_count(const struct matching *matching, const struct pairing *pairing)
{
  if (pairing->addresses == PAIRING_ADDRESSES_SAME)
    return pairing->bits;
  return pairing->bits - fminf(matching->space_bits, pairing->sequence_bits + pairing->ip_id_bits);
}

/* Without anything that tells the connection from its siblings, its addresses have to, or time. */
static bool is_likely(const struct pairing *pairing)
{
  return pairing->provable ||
         (pairing->addresses >= PAIRING_ADDRESSES_SWAPPED && !pairing->contradicted);
}

static void edge_judge(const struct matching *matching, struct survey_edge *edge)
{
  const struct pairing *pairing = &edge->pairing;
  float bits = bits_that_count(matching, pairing);
  if (bits < LIKELY_BITS || !is_likely(pairing))
    edge->certainty = PAIR_POSSIBLE;
  else
    edge->certainty = bits >= CERTAIN_BITS && pairing->provable ? PAIR_CERTAIN : PAIR_LIKELY;
  edge->ambiguous = bits >= LIKELY_BITS && edge->certainty == PAIR_POSSIBLE;
}

static struct survey_edge edge_between(const struct matching *matching, uint32_t a, uint32_t b,
                                       bool crossed)
{
  struct survey *survey = matching->survey;
  struct survey_edge edge = {.end_a = matching->end_a, .end_b = matching->end_b};
  edge.pairing.a = a;
  edge.pairing.b = b;
  pairing_compare(survey->scratch, survey_sketch(survey, edge.end_a, a),
                  survey_sketch(survey, edge.end_b, b), crossed, &edge.pairing);
  edge_judge(matching, &edge);
  return edge;
}

/* --- the same addresses at both ends --- */

/* The only connection of these addresses; SKETCH_NONE: none, or several. */
static uint32_t find_only(const struct sketch_set *set, const struct flow_key *key)
{
  uint32_t index = sketch_find(set, key);
  if (index == SKETCH_NONE || sketch_at(set, index)->older != SKETCH_NONE)
    return SKETCH_NONE;
  return index;
}

/* The two hosts call each other what they call themselves. */
static struct flow_key swapped_key(const struct flow_key *key)
{
  struct flow_key swapped = *key;
  swapped.port[0] = key->port[1];
  swapped.port[1] = key->port[0];
  return swapped;
}

enum doubt { WITHOUT_DOUBT, WITH_DOUBT };

/* Takes the pairs of the same addresses: at first what agrees beyond doubt, which is nearly
 * everything nearly always; with doubt, what is left and fits, for choose(). */
static int match_by_addresses(struct matching *matching, enum doubt doubt)
{
  struct survey *survey = matching->survey;
  const struct sketch_set *a_set = &survey->sets[matching->end_a];
  const struct sketch_set *b_set = &survey->sets[matching->end_b];
  for (uint32_t a = 0; a < a_set->count; a++) {
    const struct flow_key *key = &sketch_at(a_set, a)->key;
    if (matching->used[0][a] != 0 || find_only(a_set, key) != a)
      continue;
    for (int swap = 0; swap < 2; swap++) {
      struct flow_key other = swap != 0 ? swapped_key(key) : *key;
      uint32_t b = find_only(b_set, &other);
      if (b == SKETCH_NONE || matching->used[1][b] != 0)
        continue;
      struct survey_edge edge = edge_between(matching, a, b, swap != 0);
      if (doubt == WITHOUT_DOUBT ? edge.certainty != PAIR_CERTAIN
                                 : bits_that_count(matching, &edge.pairing) < LIKELY_BITS)
        continue;
      if (edge_add(survey, &edge) != 0)
        return ERROR_MEMORY;
      if (doubt == WITHOUT_DOUBT) {
        matching->used[0][a] = matching->used[1][b] = 1;
        break;
      }
    }
  }
  return 0;
}

/* --- any addresses --- */

static void probe_add(struct probes *probes, enum sample_key kind, uint32_t high, uint32_t low,
                      uint32_t sketch)
{
  if (probes->count < probes->capacity) {
    uint64_t hash = sample_hash(kind, high, low);
    uint32_t folded = ((uint32_t)(hash >> 32) ^ (uint32_t)hash) & ~1U;
    probes->at[probes->count++] =
        (struct probe){folded | (kind == SAMPLE_KEY_TIMESTAMPS ? 1U : 0U), sketch};
  }
}

static void probes_of_sample(struct probes *probes, const struct sample *sample, uint32_t index)
{
  uint32_t sketch = index * 2 + ((sample->facts & SAMPLE_FROM_1) != 0 ? 1 : 0);
  if ((sample->facts & SAMPLE_DATA) != 0)
    probe_add(probes, SAMPLE_KEY_SEQ, 0, sample->seq, sketch);
  else
    probe_add(probes, SAMPLE_KEY_ACK, sample->seq, sample->ack, sketch);
  if ((sample->facts & SAMPLE_TIMESTAMPS) != 0)
    probe_add(probes, SAMPLE_KEY_TIMESTAMPS, sample->ts_val, sample->ts_ecr, sketch);
  else if (sample->ip_id != 0)
    probe_add(probes, SAMPLE_KEY_IP_ID, sample->payload_bytes, sample->ip_id, sketch);
  if (sample->payload_hash != 0)
    probe_add(probes, SAMPLE_KEY_PAYLOAD, sample->payload_bytes, sample->payload_hash, sketch);
}

/* The level above which a sketch has at most `most` samples: the other end finds the same ones. */
static unsigned level_for(const struct sketch *sketch, uint32_t most)
{
  uint32_t by_level[SAMPLE_LEVEL_MAX + 1] = {0};
  for (uint32_t i = 0; i < sketch->sample_count; i++)
    by_level[sketch->samples[i].level & SAMPLE_LEVEL_MAX]++;
  uint32_t above = 0;
  unsigned level = SAMPLE_LEVEL_MAX + 1;
  while (level > 0 && above + by_level[level - 1] <= most)
    above += by_level[--level];
  return level;
}

static size_t run_end(const struct probes *probes, size_t from)
{
  size_t to = from + 1;
  while (to < probes->count && probes->at[to].hash == probes->at[from].hash)
    to++;
  return to;
}

/* Marks the connections that have the same timestamps as another one of the same capture: hosts
 * with one timestamp clock for all. */
static void mark_siblings(const struct sketch_set *set, const struct probes *probes)
{
  for (size_t from = 0, to; from < probes->count; from = to) {
    to = run_end(probes, from);
    if ((probes->at[from].hash & 1) == 0 ||
        probes->at[from].sketch / 2 == probes->at[to - 1].sketch / 2)
      continue;
    for (size_t i = from; i < to; i++)
      sketch_at(set, probes->at[i].sketch / 2)->facts |= SKETCH_TIMESTAMPS_SHARED;
  }
}

#define PROBES_PER_SAMPLE 3u

/* Samples of what is not paired yet, at most `most` of each connection. */
static size_t count_samples(const struct matching *matching, int which, uint32_t most)
{
  const struct sketch_set *set =
      &matching->survey->sets[which == 0 ? matching->end_a : matching->end_b];
  size_t samples = 0;
  for (uint32_t i = 0; i < set->count; i++) {
    if (matching->used[which][i] != 0)
      continue;
    uint32_t count = sketch_at(set, i)->sample_count;
    samples += count < most ? count : most;
  }
  return samples;
}

/* All elements of what is not paired yet, sorted. */
static int collect_probes(struct matching *matching, int which, struct probes *probes)
{
  struct survey *survey = matching->survey;
  const struct sketch_set *set = &survey->sets[which == 0 ? matching->end_a : matching->end_b];
  const size_t room = PROBES_SHARE(survey->limits.memory_bytes) / sizeof(struct probe);
  uint32_t most = PROBES_MAX;
  while (most > PROBES_MIN && count_samples(matching, which, most) * PROBES_PER_SAMPLE > room)
    most /= 2;
  probes->count = 0;
  probes->capacity = count_samples(matching, which, most) * PROBES_PER_SAMPLE;
  probes->at = survey_allocate(survey, probes->capacity, sizeof *probes->at);
  if (probes->at == NULL && probes->capacity > 0)
    return ERROR_MEMORY;
  for (uint32_t i = 0; i < set->count; i++) {
    struct sketch *sketch = sketch_at(set, i);
    sketch->facts &= (uint8_t)~SKETCH_TIMESTAMPS_SHARED;
    if (matching->used[which][i] != 0)
      continue;
    unsigned level = level_for(sketch, most);
    for (uint32_t k = 0; k < sketch->sample_count; k++) {
      if (sketch->samples[k].level >= level)
        probes_of_sample(probes, &sketch->samples[k], i);
    }
  }
  if (probes->count > 1)
    qsort(probes->at, probes->count, sizeof *probes->at, compare_probes);
  mark_siblings(set, probes);
  return 0;
}

/* Counts, or writes down, the pairs of sketches that share an element. */
static size_t join(const struct probes *a, const struct probes *b, size_t run_product_max,
                   struct candidate *candidates)
{
  size_t count = 0;
  for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
    size_t i_end = run_end(a, i), j_end = run_end(b, j);
    if (a->at[i].hash == b->at[j].hash && (i_end - i) * (j_end - j) <= run_product_max) {
      for (size_t x = i; x < i_end; x++) {
        for (size_t y = j; y < j_end; y++) {
          uint32_t crossed = (a->at[x].sketch ^ b->at[y].sketch) & 1;
          if (candidates != NULL)
            candidates[count] =
                (struct candidate){a->at[x].sketch / 2, (b->at[y].sketch & ~1U) | crossed};
          count++;
        }
      }
    }
    uint32_t a_hash = a->at[i].hash, b_hash = b->at[j].hash;
    if (a_hash <= b_hash)
      i = i_end;
    if (b_hash <= a_hash)
      j = j_end;
  }
  return count;
}

/* Compares the sketches of candidates from .. to, which share a: those with most elements in
 * common. */
static int compare_rivals(struct matching *matching, const struct candidate *candidates,
                          size_t from, size_t to)
{
  struct {
    uint32_t b, shared;
  } best[RIVALS_MAX] = {{0, 0}};
  size_t count = 0;
  for (size_t i = from, end; i < to; i = end) {
    for (end = i + 1; end < to && candidates[end].b == candidates[i].b;)
      end++;
    uint32_t shared = (uint32_t)(end - i);
    size_t at = count < RIVALS_MAX ? count++ : RIVALS_MAX;
    while (at > 0 && best[at - 1].shared < shared) {
      if (at < RIVALS_MAX)
        best[at] = best[at - 1];
      at--;
    }
    if (at < RIVALS_MAX) {
      best[at].b = candidates[i].b;
      best[at].shared = shared;
    }
  }
  for (size_t i = 0; i < count; i++) {
    struct survey_edge edge =
        edge_between(matching, candidates[from].a, best[i].b / 2, (best[i].b & 1) != 0);
    if (bits_that_count(matching, &edge.pairing) >= LIKELY_BITS &&
        edge_add(matching->survey, &edge) != 0)
      return ERROR_MEMORY;
  }
  return 0;
}

static int match_candidates(struct matching *matching, const struct probes *a,
                            const struct probes *b)
{
  struct survey *survey = matching->survey;
  size_t most = CANDIDATES_SHARE(survey->limits.memory_bytes) / sizeof(struct candidate);
  size_t run_product_max = RUN_PRODUCT_MAX, count;
  while ((count = join(a, b, run_product_max, NULL)) > most && run_product_max > 0)
    run_product_max /= 4;
  if (count == 0)
    return 0;
  struct candidate *candidates = survey_allocate(survey, count, sizeof *candidates);
  if (candidates == NULL)
    return ERROR_MEMORY;
  join(a, b, run_product_max, candidates);
  qsort(candidates, count, sizeof *candidates, compare_candidates);
  int result = 0;
  for (size_t from = 0, to; from < count && result == 0; from = to) {
    for (to = from + 1; to < count && candidates[to].a == candidates[from].a;)
      to++;
    result = compare_rivals(matching, candidates, from, to);
  }
  survey_release(survey, candidates, count, sizeof *candidates);
  return result;
}

/* --- choosing among rivals --- */

static int compare_edges(const void *left, const void *right)
{
  const struct survey_edge *a = left, *b = right;
  if (a->pairing.bits != b->pairing.bits)
    return a->pairing.bits > b->pairing.bits ? -1 : 1;
  if (a->pairing.a != b->pairing.a)
    return a->pairing.a < b->pairing.a ? -1 : 1;
  return a->pairing.b < b->pairing.b ? -1 : a->pairing.b > b->pairing.b;
}

struct standing {
  float best, second;
};

static void standing_take(struct standing *standing, float bits)
{
  if (bits > standing->best) {
    standing->second = standing->best;
    standing->best = bits;
  } else if (bits > standing->second) {
    standing->second = bits;
  }
}

/* Of sorted edges. */
static size_t drop_doubles(struct survey_edge *edges, size_t count)
{
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (kept > 0 && edges[kept - 1].pairing.a == edges[i].pairing.a &&
        edges[kept - 1].pairing.b == edges[i].pairing.b)
      continue;
    edges[kept++] = edges[i];
  }
  return kept;
}

/* Keeps, of the edges from first_edge on, those that are the best of both their sketches, and the
 * ambiguous ones. */
static int choose(struct matching *matching)
{
  struct survey *survey = matching->survey;
  size_t count = survey->edges.count - matching->first_edge, kept = 0;
  uint32_t counts[2] = {survey->sets[matching->end_a].count, survey->sets[matching->end_b].count};
  if (count == 0)
    return 0;
  struct survey_edge *edges = survey->edges.at + matching->first_edge;
  qsort(edges, count, sizeof *edges, compare_edges);
  struct standing *standings = survey_allocate(survey, counts[0] + counts[1], sizeof *standings);
  if (standings == NULL)
    return ERROR_MEMORY;
  count = drop_doubles(edges, count);
  for (size_t i = 0; i < count; i++) {
    standing_take(&standings[edges[i].pairing.a], edges[i].pairing.bits);
    standing_take(&standings[counts[0] + edges[i].pairing.b], edges[i].pairing.bits);
  }
  for (size_t i = 0; i < count; i++) {
    struct survey_edge edge = edges[i];
    const struct standing *a = &standings[edge.pairing.a],
                          *b = &standings[counts[0] + edge.pairing.b];
    float bits = edge.pairing.bits;
    if (bits < a->best - MARGIN_BITS || bits < b->best - MARGIN_BITS)
      continue;
    if (a->second > bits - MARGIN_BITS || b->second > bits - MARGIN_BITS) {
      edge.certainty = PAIR_POSSIBLE;
      edge.ambiguous = edge.has_rivals = true;
    }
    edges[kept++] = edge;
  }
  survey->edges.count = matching->first_edge + kept;
  survey_release(survey, standings, counts[0] + counts[1], sizeof *standings);
  return 0;
}

static int match_by_content(struct matching *matching)
{
  struct probes a = {0}, b = {0};
  matching->first_edge = matching->survey->edges.count;
  int result = collect_probes(matching, 0, &a);
  if (result == 0)
    result = collect_probes(matching, 1, &b);
  if (result == 0)
    result = match_candidates(matching, &a, &b);
  survey_release(matching->survey, a.at, a.capacity, sizeof *a.at);
  survey_release(matching->survey, b.at, b.capacity, sizeof *b.at);
  if (result == 0)
    result = match_by_addresses(matching, WITH_DOUBT);
  return result != 0 ? result : choose(matching);
}

int survey_match(struct survey *survey, uint8_t end_a, uint8_t end_b)
{
  uint32_t counts[2] = {survey->sets[end_a].count, survey->sets[end_b].count};
  if (counts[0] == 0 || counts[1] == 0)
    return 0;
  struct matching matching = {.survey = survey,
                              .end_a = end_a,
                              .end_b = end_b,
                              .space_bits = log2f((float)counts[0] * (float)counts[1])};
  matching.used[0] = survey_allocate(survey, counts[0], 1);
  matching.used[1] = survey_allocate(survey, counts[1], 1);
  int result = matching.used[0] == NULL || matching.used[1] == NULL ? ERROR_MEMORY : 0;
  if (result == 0)
    result = match_by_addresses(&matching, WITHOUT_DOUBT);
  if (result == 0)
    result = match_by_content(&matching);
  survey_release(survey, matching.used[0], counts[0], 1);
  survey_release(survey, matching.used[1], counts[1], 1);
  return result;
}

size_t survey_edge_points(struct survey *survey, const struct survey_edge *edge)
{
  return pairing_points(survey->scratch, survey_sketch(survey, edge->end_a, edge->pairing.a),
                        survey_sketch(survey, edge->end_b, edge->pairing.b), &edge->pairing,
                        survey->points, SURVEY_POINTS_MAX);
}
