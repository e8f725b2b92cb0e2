#include "analyzer/pairing.h"

#include "analyzer/pairing_weigh.h"
#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

/* Entries of one hash: a content that repeats more often tells nothing, and hostile captures
 * consist of little else. */
#define SAME_KEY_MAX 8u
#define INDEX_SLOTS  16384u /* a power of two: at most 3 keys of each of 2048 samples */
#define VOTES_MAX    1024u

struct index_entry {
  uint32_t hash;
  uint32_t sample; /* of b; SKETCH_NONE: empty */
};

struct pairing_scratch {
  struct index_entry index[INDEX_SLOTS];
  uint32_t index_mask;
  uint32_t seed; /* odd: keeps strangers from choosing contents that crowd one place */
  uint32_t votes[2][VOTES_MAX];
  uint32_t vote_count[2];
};

struct pairing_scratch *pairing_scratch_new(void)
{
  struct pairing_scratch *scratch = malloc(sizeof *scratch);
  if (scratch != NULL)
    scratch->seed = (uint32_t)((uintptr_t)scratch * UINT64_C(0x9e3779b97f4a7c15) >> 32) | 1;
  return scratch;
}

void pairing_scratch_free(struct pairing_scratch *scratch)
{
  free(scratch);
}

static unsigned side_of(const struct sample *sample)
{
  return (sample->facts & SAMPLE_FROM_1) != 0 ? 1 : 0;
}

static bool is_data(const struct sample *sample)
{
  return (sample->facts & SAMPLE_DATA) != 0;
}

static bool is_reset(const struct sample *sample)
{
  return (sample->flags & TCP_RST) != 0;
}

/* --- an index of b's samples --- */

static uint32_t entry_hash(enum sample_key kind, unsigned side, uint32_t high, uint32_t low)
{
  uint64_t hash = sample_hash(kind, high, low);
  return (uint32_t)(hash >> 32) ^ (uint32_t)hash ^ (side != 0 ? UINT32_C(0x85ebca6b) : 0);
}

static uint32_t index_start(const struct pairing_scratch *scratch, uint32_t hash)
{
  return (uint32_t)((uint64_t)(hash * scratch->seed) * (scratch->index_mask + 1) >> 32);
}

static void index_add(struct pairing_scratch *scratch, uint32_t hash, uint32_t sample)
{
  unsigned same = 0;
  for (uint32_t at = index_start(scratch, hash);; at = (at + 1) & scratch->index_mask) {
    struct index_entry *entry = &scratch->index[at];
    if (entry->sample == SKETCH_NONE) {
      *entry = (struct index_entry){hash, sample};
      return;
    }
    if (entry->hash == hash && ++same == SAME_KEY_MAX)
      return;
  }
}

/* The numbers by which a sample is looked for once the shift is known. */
static uint32_t number_hash(const struct sample *sample, unsigned side, uint32_t seq, uint32_t ack)
{
  return is_data(sample) || is_reset(sample) ? entry_hash(SAMPLE_KEY_SEQ, side, 0, seq)
                                             : entry_hash(SAMPLE_KEY_ACK, side, 0, ack);
}

/* Those which need no shift: the first, or only, and the second; 0: none. */
static void content_hashes(const struct sample *sample, unsigned side, uint32_t hashes[2])
{
  hashes[0] = hashes[1] = 0;
  if ((sample->facts & SAMPLE_TIMESTAMPS) != 0)
    hashes[0] = entry_hash(SAMPLE_KEY_TIMESTAMPS, side, sample->ts_val, sample->ts_ecr);
  else if (sample->ip_id != 0)
    hashes[0] = entry_hash(SAMPLE_KEY_IP_ID, side, sample->payload_bytes, sample->ip_id);
  if (sample->payload_hash != 0)
    hashes[1] = entry_hash(SAMPLE_KEY_PAYLOAD, side, 0, sample->payload_hash);
}

static void index_build(struct pairing_scratch *scratch, const struct sketch *b)
{
  uint32_t slots = 16;
  while (slots < INDEX_SLOTS && slots < b->sample_count * 6)
    slots *= 2;
  scratch->index_mask = slots - 1;
  memset(scratch->index, 0xff, slots * sizeof *scratch->index);
  for (uint32_t i = 0; i < b->sample_count && i < INDEX_SLOTS / 6; i++) {
    const struct sample *sample = &b->samples[i];
    uint32_t hashes[2];
    index_add(scratch, number_hash(sample, side_of(sample), sample->seq, sample->ack), i);
    content_hashes(sample, side_of(sample), hashes);
    for (int key = 0; key < 2; key++) {
      if (hashes[key] != 0)
        index_add(scratch, hashes[key], i);
    }
  }
}

/* Walks through the entries of one hash; *at begins as its index_start(). SKETCH_NONE: no more. */
static uint32_t index_next(const struct pairing_scratch *scratch, uint32_t hash, uint32_t *at)
{
  for (;; (*at)++) {
    const struct index_entry *entry = &scratch->index[*at & scratch->index_mask];
    if (entry->sample == SKETCH_NONE)
      return SKETCH_NONE;
    if (entry->hash == hash) {
      (*at)++;
      return entry->sample;
    }
  }
}

/* --- finding the shift --- */

static void vote(struct pairing_scratch *scratch, unsigned side, uint32_t shift)
{
  if (scratch->vote_count[side] < VOTES_MAX)
    scratch->votes[side][scratch->vote_count[side]++] = shift;
}

static bool both_have(const struct sample *x, const struct sample *y, uint8_t fact)
{
  return (x->facts & y->facts & fact) != 0;
}

static bool same_kind(const struct sample *x, const struct sample *y)
{
  return is_data(x) == is_data(y) && ((x->flags ^ y->flags) & (TCP_SYN | TCP_RST)) == 0;
}

static bool same_timestamps(const struct sample *x, const struct sample *y)
{
  return both_have(x, y, SAMPLE_TIMESTAMPS) && x->ts_val == y->ts_val && x->ts_ecr == y->ts_ecr;
}

static bool other_payload(const struct sample *x, const struct sample *y)
{
  return x->payload_hash != 0 && y->payload_hash != 0 && x->payload_hash != y->payload_hash;
}

static void vote_by(struct pairing_scratch *scratch, const struct sample *x, unsigned side,
                    const struct sketch *b, unsigned b_side, uint32_t hash)
{
  uint32_t at = index_start(scratch, hash), index;
  while ((index = index_next(scratch, hash, &at)) != SKETCH_NONE) {
    const struct sample *y = &b->samples[index];
    if (side_of(y) != b_side || !same_kind(x, y) || other_payload(x, y))
      continue;
    vote(scratch, side, x->seq - y->seq);
    bool same_copy = same_timestamps(x, y) || (x->ip_id != 0 && x->ip_id == y->ip_id &&
                                               x->payload_bytes == y->payload_bytes);
    if (same_copy && (x->flags & y->flags & TCP_ACK) != 0)
      vote(scratch, side ^ 1, x->ack - y->ack);
    return; /* the earliest one */
  }
}

static int compare_u32(const void *left, const void *right)
{
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return a < b ? -1 : a > b;
}

/* The value with most votes; 0 wins a draw. */
static bool elect(uint32_t *votes, uint32_t count, uint32_t *winner)
{
  uint32_t best = 0, zeros = 0;
  *winner = 0;
  if (count == 0)
    return false;
  qsort(votes, count, sizeof *votes, compare_u32);
  for (uint32_t from = 0, to; from < count; from = to) {
    for (to = from + 1; to < count && votes[to] == votes[from];)
      to++;
    if (votes[from] == 0)
      zeros = to - from;
    if (to - from > best) {
      best = to - from;
      *winner = votes[from];
    }
  }
  if (zeros == best)
    *winner = 0;
  return true;
}

/* A path shifts all numbers of a side alike, from its SYN on: where both points saw that, it is
 * no matter of votes. */
static bool shift_by_syn(const struct sketch *a, const struct sketch *b, unsigned side,
                         struct pairing *pairing)
{
  const struct sketch_side *at_a = &a->sides[side];
  const struct sketch_side *at_b = &b->sides[side ^ (pairing->crossed ? 1 : 0)];
  if ((at_a->facts & at_b->facts & SKETCH_SIDE_SYN) == 0)
    return false;
  pairing->shift[side] = at_a->isn - at_b->isn;
  return true;
}

static void find_shift(struct pairing_scratch *scratch, const struct sketch *a,
                       const struct sketch *b, struct pairing *pairing)
{
  scratch->vote_count[0] = scratch->vote_count[1] = 0;
  for (uint32_t i = 0; i < a->sample_count; i++) {
    const struct sample *x = &a->samples[i];
    unsigned side = side_of(x), b_side = side ^ (pairing->crossed ? 1 : 0);
    uint32_t hashes[2];
    if (scratch->vote_count[0] == VOTES_MAX && scratch->vote_count[1] == VOTES_MAX)
      break;
    vote_by(scratch, x, side, b, b_side, number_hash(x, b_side, x->seq, x->ack));
    content_hashes(x, b_side, hashes);
    /* Sent six times, it is still one place of the stream: a content that repeats would be heard
     * six times for the wrong one. */
    const int keys = (x->facts & SAMPLE_FRESH) != 0 ? 2 : 1;
    for (int key = 0; key < keys; key++) {
      if (hashes[key] != 0)
        vote_by(scratch, x, side, b, b_side, hashes[key]);
    }
  }
  for (unsigned side = 0; side < 2; side++)
    pairing->shift_known[side] =
        shift_by_syn(a, b, side, pairing) ||
        elect(scratch->votes[side], scratch->vote_count[side], &pairing->shift[side]);
}

/* --- holding it against all samples --- */

enum likeness {
  LIKENESS_NONE,
  LIKENESS_COPY,    /* the same bytes, or the same ACK, with other timestamps */
  LIKENESS_NUMBERS, /* nothing but the numbers to compare, or the timestamps are the same too */
  LIKENESS_IP_ID    /* and the IP-ID is the same: this very transmission */
};

static bool fits(const struct pairing *pairing, unsigned side, uint32_t at_a, uint32_t at_b)
{
  return !pairing->shift_known[side] || at_b + pairing->shift[side] == at_a;
}

static enum likeness likeness_of(const struct pairing *pairing, const struct sample *x,
                                 const struct sample *y)
{
  unsigned side = side_of(x);
  if ((side_of(y) != side) != pairing->crossed || !same_kind(x, y) ||
      !fits(pairing, side, x->seq, y->seq))
    return LIKENESS_NONE;
  bool acks_fit = ((x->flags & y->flags & TCP_ACK) == 0) || fits(pairing, side ^ 1, x->ack, y->ack);
  if (!is_data(x) && !acks_fit)
    return LIKENESS_NONE;
  if (both_have(x, y, SAMPLE_TIMESTAMPS) && !same_timestamps(x, y))
    return LIKENESS_COPY;
  if (!acks_fit)
    return LIKENESS_COPY;
  return x->ip_id != 0 && x->ip_id == y->ip_id ? LIKENESS_IP_ID : LIKENESS_NUMBERS;
}

struct like {
  const struct sample *sample; /* NULL: none */
  enum likeness likeness;
  uint32_t alike; /* samples of this likeness */
};

/* The earliest sample of b that is most like x. */
static struct like find_like(const struct pairing_scratch *scratch, const struct sketch *b,
                             const struct pairing *pairing, const struct sample *x)
{
  unsigned side = side_of(x), b_side = side ^ (pairing->crossed ? 1 : 0);
  uint32_t hash =
      number_hash(x, b_side, x->seq - pairing->shift[side], x->ack - pairing->shift[side ^ 1]);
  uint32_t at = index_start(scratch, hash), index;
  struct like best = {NULL, LIKENESS_NONE, 0};
  while ((index = index_next(scratch, hash, &at)) != SKETCH_NONE) {
    const struct sample *y = &b->samples[index];
    enum likeness found = likeness_of(pairing, x, y);
    if (found > best.likeness)
      best = (struct like){y, found, 1};
    else if (found == best.likeness)
      best.alike++;
  }
  return best;
}

struct tally {
  uint32_t supports[2];          /* comparisons that the shift of this side has passed */
  uint32_t ts_val[2], ts_ecr[2]; /* the last pair counted */
  uint32_t payload_hash[2];      /* " */
  uint16_t ip_id[2];
};

static void tally_match(struct pairing *pairing, struct tally *tally, const struct sample *x,
                        const struct sample *y)
{
  unsigned side = side_of(x);
  pairing->matched[side]++;
  if (same_timestamps(x, y) &&
      (tally->ts_val[side] != x->ts_val || tally->ts_ecr[side] != x->ts_ecr)) {
    tally->ts_val[side] = x->ts_val;
    tally->ts_ecr[side] = x->ts_ecr;
    pairing->same_timestamps++;
  }
  if (x->payload_hash != 0 && x->payload_hash == y->payload_hash &&
      tally->payload_hash[side] != x->payload_hash) {
    tally->payload_hash[side] = x->payload_hash;
    pairing->same_payloads++;
  }
  if (other_payload(x, y))
    pairing->other_payloads++;
  if (x->ip_id != 0 && y->ip_id != 0) {
    if (x->ip_id != y->ip_id)
      pairing->other_ip_ids++;
    else if (tally->ip_id[side] != x->ip_id)
      pairing->same_ip_ids[side]++;
    tally->ip_id[side] = x->ip_id;
  }
  if (x->ttl != 0 && y->ttl != 0)
    pairing->ttl_votes[side] += x->ttl > y->ttl ? 1 : -(x->ttl < y->ttl);
}

static void tally_all(const struct pairing_scratch *scratch, const struct sketch *a,
                      const struct sketch *b, struct pairing *pairing, struct tally *tally)
{
  for (uint32_t i = 0; i < a->sample_count; i++) {
    const struct sample *x = &a->samples[i];
    const struct like like = find_like(scratch, b, pairing, x);
    const struct sample *y = like.sample;
    if (y == NULL)
      continue;
    unsigned side = side_of(x);
    tally->supports[side]++;
    if ((x->flags & y->flags & TCP_ACK) != 0 && (!is_data(x) || like.likeness >= LIKENESS_NUMBERS))
      tally->supports[side ^ 1]++;
    if (like.likeness >= LIKENESS_NUMBERS)
      tally_match(pairing, tally, x, y);
    else
      pairing->other_timestamps++;
  }
}

static enum pairing_addresses addresses_of(const struct sketch *a, const struct sketch *b,
                                           bool crossed)
{
  unsigned cross = crossed ? 1 : 0;
  const struct flow_key *left = &a->key, *right = &b->key;
  if (left->port[0] != right->port[cross] || left->port[1] != right->port[cross ^ 1])
    return PAIRING_ADDRESSES_DIFFER;
  if (left->ip_version != right->ip_version)
    return PAIRING_ADDRESSES_PORTS;
  const size_t size = sizeof left->address[0];
  if (memcmp(&left->address[0], &right->address[cross], size) == 0 &&
      memcmp(&left->address[1], &right->address[cross ^ 1], size) == 0)
    return PAIRING_ADDRESSES_SAME;
  if (memcmp(&left->address[0], &right->address[cross ^ 1], size) == 0 &&
      memcmp(&left->address[1], &right->address[cross], size) == 0)
    return PAIRING_ADDRESSES_SWAPPED;
  return PAIRING_ADDRESSES_PORTS;
}

void pairing_compare(struct pairing_scratch *scratch, const struct sketch *a,
                     const struct sketch *b, bool crossed, struct pairing *pairing)
{
  struct tally tally = {0};
  uint32_t a_index = pairing->a, b_index = pairing->b;
  *pairing = (struct pairing){.a = a_index, .b = b_index, .crossed = crossed};
  pairing->addresses = addresses_of(a, b, crossed);
  pairing->siblings = ((a->facts | b->facts) & SKETCH_TIMESTAMPS_SHARED) != 0;
  index_build(scratch, b);
  find_shift(scratch, a, b, pairing);
  tally_all(scratch, a, b, pairing, &tally);
  pairing_weigh(a, b, tally.supports, pairing);
}

/* --- packets seen at both points --- */

/* What must never happen is that an earlier transmission, whose sighting one capture lacks, is
 * taken for a later one: it would arrive before it left (docs/pairing.md). The later one has
 * another IP-ID, and mostly another TSval; where it has not, it may be taken for the first only
 * where nothing hints at packets that the capture lacks. */
struct identity {
  bool ip_ids;        /* are kept, and differ between transmissions */
  bool fine_ticks[2]; /* by side: no two transmissions of the same have the same TSval */
  bool holes[2][2];   /* at a, at b: by side of a */
  bool any_holes[2];  /* at a, at b */
};

/* A clock of 200 Hz ticks 40 times in the shortest retransmission timeout of today's systems (200
 * ms), and at least once between a loss and its probe. */
#define FINE_TICK_HZ 200

static bool ticks_are_fine(const struct sketch *sketch, unsigned side)
{
  const struct sample *first = NULL, *last = NULL;
  for (uint32_t i = 0; i < sketch->sample_count; i++) {
    const struct sample *sample = &sketch->samples[i];
    if (side_of(sample) != side || (sample->facts & SAMPLE_TIMESTAMPS) == 0 ||
        (sample->facts & SAMPLE_UNTIMED) != 0)
      continue;
    first = first == NULL ? sample : first;
    last = sample;
  }
  if (first == NULL)
    return false;
  double span_s = time_to_s(last->time_ns - first->time_ns);
  uint32_t ticks = last->ts_val - first->ts_val;
  return ticks > 1 && ticks <= INT32_MAX && span_s > 0 && ticks >= FINE_TICK_HZ * span_s;
}

static struct identity identity_of(const struct sketch *a, const struct sketch *b,
                                   const struct pairing *pairing)
{
  const unsigned cross = pairing->crossed ? 1 : 0;
  uint32_t ids = pairing->same_ip_ids[0] + pairing->same_ip_ids[1];
  struct identity identity = {.ip_ids = pairing_ip_ids_kept(pairing) && ids > 1};
  for (unsigned side = 0; side < 2; side++) {
    identity.fine_ticks[side] = ticks_are_fine(a, side) && ticks_are_fine(b, side ^ cross);
    identity.holes[0][side] = (a->sides[side].facts & SKETCH_SIDE_HOLES) != 0;
    identity.holes[1][side] = (b->sides[side ^ cross].facts & SKETCH_SIDE_HOLES) != 0;
    identity.any_holes[0] |= identity.holes[0][side];
    identity.any_holes[1] |= identity.holes[1][side];
  }
  return identity;
}

/* Whether x, seen at `end` (0: a), may be the first sighting of the transmission that y is at the
 * other end. */
static bool may_start(const struct identity *identity, const struct sample *x,
                      const struct sample *y, unsigned end)
{
  const unsigned side = side_of(end == 0 ? x : y);
  const bool timestamps = both_have(x, y, SAMPLE_TIMESTAMPS);
  const bool ids = identity->ip_ids && x->ip_id != 0 && y->ip_id != 0;
  if (timestamps && ids)
    return true;
  if ((x->facts & SAMPLE_FRESH) == 0)
    return false;
  if (ids)
    return true;
  if (is_data(x))
    return (timestamps && identity->fine_ticks[side]) || !identity->holes[end][side];
  if (is_reset(x))
    return (y->facts & SAMPLE_FRESH) != 0;
  if (!timestamps || ((x->facts | y->facts) & SAMPLE_REPEATED) != 0)
    return false;
  return !identity->any_holes[end] || (identity->fine_ticks[side] && !identity->any_holes[end ^ 1]);
}

static bool same_transmission(const struct identity *identity, const struct sample *x,
                              const struct like *like, struct pairing_point *point)
{
  const struct sample *y = like->sample;
  const bool ids = identity->ip_ids && x->ip_id != 0 && y->ip_id != 0;
  if (((x->facts | y->facts) & SAMPLE_UNTIMED) != 0 || (ids && x->ip_id != y->ip_id))
    return false;
  /* Copies, or the same number four gigabytes later. */
  if (!ids && !both_have(x, y, SAMPLE_TIMESTAMPS) && like->alike > 1)
    return false;
  *point = (struct pairing_point){.a_ns = x->time_ns,
                                  .b_ns = y->time_ns,
                                  .side = (uint8_t)side_of(x),
                                  .a_may_start = may_start(identity, x, y, 0),
                                  .b_may_start = may_start(identity, y, x, 1)};
  return point->a_may_start || point->b_may_start;
}

size_t pairing_points(struct pairing_scratch *scratch, const struct sketch *a,
                      const struct sketch *b, const struct pairing *pairing,
                      struct pairing_point *points, size_t max)
{
  const struct identity identity = identity_of(a, b, pairing);
  size_t count = 0;
  index_build(scratch, b);
  for (uint32_t i = 0; i < a->sample_count && count < max; i++) {
    const struct sample *x = &a->samples[i];
    const struct like like = find_like(scratch, b, pairing, x);
    if (like.sample != NULL && like.likeness >= LIKENESS_NUMBERS &&
        same_transmission(&identity, x, &like, &points[count]))
      count++;
  }
  return count;
}

/* --- order --- */

/* Clocks may drift apart that much between two packets: parts per thousand (600 ppm, and some). */
#define DRIFT_PER_MILLE 1

/* How much longer the way from a to b is for side 0 than for side 1, by two packets. */
struct turn {
  int64_t delta_ns;
  int64_t drift_ns; /* how far the clocks may have drifted apart between the two */
};

/* Walks through packets of either side, each with the latest one of the other side. */
struct turns {
  const struct pairing_point *points, *last[2];
  size_t count, at;
};

static bool next_turn(struct turns *turns, struct turn *turn)
{
  while (turns->at < turns->count) {
    const struct pairing_point *point = &turns->points[turns->at++];
    const struct pairing_point *other = turns->last[point->side ^ 1];
    if (!point->a_may_start || !point->b_may_start)
      continue;
    turns->last[point->side] = point;
    if (other == NULL)
      continue;
    int64_t delta_ns = (point->b_ns - point->a_ns) - (other->b_ns - other->a_ns);
    int64_t apart_ns = point->a_ns - other->a_ns;
    turn->delta_ns = point->side == 0 ? delta_ns : -delta_ns;
    turn->drift_ns = (apart_ns < 0 ? -apart_ns : apart_ns) / 1000 * DRIFT_PER_MILLE;
    return true;
  }
  return false;
}

int pairing_order_by_delays(const struct pairing_point *points, size_t count)
{
  struct turns turns = {.points = points, .count = count};
  struct turn turn;
  uint64_t a_first = 0, b_first = 0;
  while (next_turn(&turns, &turn)) {
    a_first += turn.delta_ns > turn.drift_ns;
    b_first += turn.delta_ns < -turn.drift_ns;
  }
  /* A clock's step between two packets misleads one comparison, never most of them. */
  if (a_first > 4 * b_first)
    return 1;
  return b_first > 4 * a_first ? -1 : 0;
}

int64_t pairing_both_ways_ns(const struct pairing_point *points, size_t count)
{
  struct turns turns = {.points = points, .count = count};
  struct turn turn;
  int64_t longest_ns = TIME_INVALID;
  while (next_turn(&turns, &turn)) {
    int64_t both_ns = (turn.delta_ns < 0 ? -turn.delta_ns : turn.delta_ns) + turn.drift_ns;
    if (both_ns > longest_ns)
      longest_ns = both_ns;
  }
  return longest_ns;
}

int pairing_order_by_ttl(const struct pairing *pairing)
{
  /* Packets of side 0 have the higher TTL closer to side 0, those of side 1 the lower one. */
  int32_t votes = pairing->ttl_votes[0] - pairing->ttl_votes[1];
  return (votes > 0) - (votes < 0);
}
