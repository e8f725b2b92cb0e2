#include "analyzer/sketch.h"

#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS   1024u
#define FIRST_SAMPLES 4u
/* Samples that a connection may have whatever the memory left, and at the most. */
#define SAMPLES_ALWAYS FIRST_SAMPLES
#define SAMPLES_MAX    2048u
/* SYN, SYN-ACK and RST are kept whatever their hash is, so many from each side. */
#define FORCED_MAX 3u
/* As in analyzer.c: a SYN with another ISN begins a new connection if the old one is over, or has
 * been quiet this long, or could not have come to this number. */
#define REUSE_QUIET_NS NS_PER_S
/* One bit for each connection that found no room, by its hash: counts up to about this many well.
 */
#define REFUSED_BITS (1u << 20)

void sketch_set_init(struct sketch_set *set, struct sketch_budget *budget, uint32_t max_count,
                     uint64_t hash_seed)
{
  *set = (struct sketch_set){.budget = budget,
                             .max_count = max_count < SKETCH_NONE ? max_count : SKETCH_NONE - 1,
                             .half_open_first = SKETCH_NONE,
                             .half_open_last = SKETCH_NONE,
                             .hash_seed = hash_seed};
}

void sketch_set_free(struct sketch_set *set)
{
  for (uint32_t i = 0; i < set->count; i++)
    free(sketch_at(set, i)->samples);
  for (uint32_t i = 0; i < set->slab_count; i++)
    free(set->slabs[i]);
  free(set->slabs);
  free(set->slots);
  free(set->refused_bits);
  memset(set, 0, sizeof *set);
}

/* --- the table of addresses --- */

static uint64_t address_half(const struct ip_address *address, int half)
{
  uint64_t value;
  memcpy(&value, address->bytes + 8 * half, sizeof value);
  return value;
}

static bool same_address(const struct ip_address *a, const struct ip_address *b)
{
  return address_half(a, 1) == address_half(b, 1) && address_half(a, 0) == address_half(b, 0);
}

static bool same_key(const struct flow_key *a, const struct flow_key *b)
{
  return a->port[0] == b->port[0] && a->port[1] == b->port[1] && a->ip_version == b->ip_version &&
         same_address(&a->address[0], &b->address[0]) &&
         same_address(&a->address[1], &b->address[1]);
}

static uint32_t key_hash(const struct sketch_set *set, const struct flow_key *key)
{
  uint64_t ports = (uint64_t)key->port[0] << 32 | (uint64_t)key->port[1] << 8 | key->ip_version;
  uint64_t hash = sketch_mix(set->hash_seed, ports);
  hash = sketch_mix(hash, address_half(&key->address[0], 1));
  hash = sketch_mix(hash, address_half(&key->address[1], 1));
  if (key->ip_version == 6) {
    hash = sketch_mix(hash, address_half(&key->address[0], 0));
    hash = sketch_mix(hash, address_half(&key->address[1], 0));
  }
  return (uint32_t)(hash ^ hash >> 29);
}

static bool is_swapped(const struct packet *packet)
{
  uint64_t src = address_half(&packet->src, 1), dst = address_half(&packet->dst, 1);
  if (src == dst) {
    src = address_half(&packet->src, 0);
    dst = address_half(&packet->dst, 0);
  }
  return src != dst ? src > dst : packet->src_port > packet->dst_port;
}

/* The slot of these addresses, or the empty one where they belong. The table is never full. */
static struct sketch_slot *slot_of(const struct sketch_set *set, const struct flow_key *key,
                                   uint32_t hash)
{
  uint32_t mask = set->slot_count - 1;
  for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
    struct sketch_slot *slot = &set->slots[at];
    if (slot->sketch == SKETCH_NONE ||
        (slot->hash == hash && same_key(&sketch_at(set, slot->sketch)->key, key)))
      return slot;
  }
}

static bool take_bytes(struct sketch_budget *budget, uint64_t bytes)
{
  if (budget->limit_bytes - budget->used_bytes < bytes)
    return false;
  budget->used_bytes += bytes;
  return true;
}

enum room { ROOM_MADE, ROOM_NONE, ROOM_NO_MEMORY };

/* Makes the table at most three quarters full. */
static enum room slots_make_room(struct sketch_set *set)
{
  if (set->slot_count > 0 && set->slots_used < set->slot_count / 4 * 3)
    return ROOM_MADE;
  if (set->slot_count > UINT32_MAX / 2)
    return ROOM_NONE;
  uint32_t count = set->slot_count > 0 ? set->slot_count * 2 : FIRST_SLOTS;
  uint64_t more = (uint64_t)(count - set->slot_count) * sizeof(struct sketch_slot);
  if (!take_bytes(set->budget, more))
    return ROOM_NONE;
  struct sketch_slot *slots = malloc(count * sizeof *slots);
  if (slots == NULL) {
    set->budget->used_bytes -= more;
    return ROOM_NO_MEMORY;
  }
  memset(slots, 0xff, count * sizeof *slots); /* SKETCH_NONE */
  for (uint32_t i = 0; i < set->slot_count; i++) {
    if (set->slots[i].sketch == SKETCH_NONE)
      continue;
    uint32_t at = set->slots[i].hash & (count - 1);
    while (slots[at].sketch != SKETCH_NONE)
      at = (at + 1) & (count - 1);
    slots[at] = set->slots[i];
  }
  free(set->slots);
  set->slots = slots;
  set->slot_count = count;
  return ROOM_MADE;
}

static enum room slabs_make_room(struct sketch_set *set)
{
  if (set->count < set->slab_count * SKETCH_SLAB)
    return ROOM_MADE;
  const uint64_t bytes = SKETCH_SLAB * sizeof(struct sketch) + sizeof(struct sketch *);
  if (!take_bytes(set->budget, bytes))
    return ROOM_NONE;
  struct sketch **slabs = realloc(set->slabs, (set->slab_count + 1) * sizeof(struct sketch *));
  if (slabs != NULL)
    set->slabs = slabs;
  struct sketch *slab = slabs != NULL ? calloc(SKETCH_SLAB, sizeof *slab) : NULL;
  if (slab == NULL) {
    set->budget->used_bytes -= bytes;
    return ROOM_NO_MEMORY;
  }
  set->slabs[set->slab_count++] = slab;
  return ROOM_MADE;
}

static int64_t credible_time(const struct packet *packet)
{
  if (packet->time_ns > SKETCH_TIME_MAX_NS)
    return SKETCH_TIME_MAX_NS;
  return packet->time_ns < 0 ? 0 : packet->time_ns;
}

/* As source_is_client() of analyzer.c, so that both name the same side. */
static bool source_is_client(const struct packet *packet)
{
  if ((packet->flags & TCP_SYN) != 0)
    return (packet->flags & TCP_ACK) == 0;
  if (packet->src_port == 20 || packet->dst_port == 20)
    return packet->src_port == 20;
  return packet->src_port >= packet->dst_port;
}

/* A jump pointer as in a skew binary list (Myers 1983): as long as the two that end where it
 * starts, if those are equally long; any element is then found in a logarithmic number of steps. */
static void link_jump(const struct sketch_set *set, struct sketch *sketch)
{
  if (sketch->older == SKETCH_NONE)
    return;
  const struct sketch *older = sketch_at(set, sketch->older);
  sketch->reuses = older->reuses + 1;
  if (older->jump == SKETCH_NONE)
    return;
  const struct sketch *target = sketch_at(set, older->jump);
  if (target->jump != SKETCH_NONE &&
      older->reuses - target->reuses == target->reuses - sketch_at(set, target->jump)->reuses)
    sketch->jump = target->jump;
}

/* Empties a slot, and closes the gap in the runs behind it. */
static void slot_clear(struct sketch_set *set, struct sketch_slot *slot)
{
  uint32_t mask = set->slot_count - 1, gap = (uint32_t)(slot - set->slots);
  for (uint32_t at = (gap + 1) & mask; set->slots[at].sketch != SKETCH_NONE; at = (at + 1) & mask) {
    uint32_t home = set->slots[at].hash & mask;
    if (((at - home) & mask) < ((at - gap) & mask))
      continue; /* it would come to lie before the place where it is looked for first */
    set->slots[gap] = set->slots[at];
    gap = at;
  }
  set->slots[gap].sketch = SKETCH_NONE;
  set->slots_used--;
}

static bool is_unanswered(const struct sketch *sketch)
{
  return (sketch->facts & (SKETCH_ESTABLISHED | SKETCH_ENDED)) == 0 &&
         (sketch->sides[0].facts == 0 || sketch->sides[1].facts == 0);
}

static void half_open_append(struct sketch_set *set, uint32_t index)
{
  if (set->half_open_last != SKETCH_NONE)
    sketch_at(set, set->half_open_last)->next_half_open = index;
  else
    set->half_open_first = index;
  set->half_open_last = index;
}

/* Forgets the oldest unanswered SYN. Its index, which is free now; SKETCH_NONE: there is none. */
static uint32_t forget_half_open(struct sketch_set *set)
{
  while (set->half_open_first != SKETCH_NONE) {
    uint32_t index = set->half_open_first;
    struct sketch *sketch = sketch_at(set, index);
    set->half_open_first = sketch->next_half_open;
    if (set->half_open_first == SKETCH_NONE)
      set->half_open_last = SKETCH_NONE;
    if (!is_unanswered(sketch))
      continue;
    struct sketch_slot *slot = slot_of(set, &sketch->key, key_hash(set, &sketch->key));
    if (slot->sketch != index) /* a later connection leads to it */
      continue;
    slot_clear(set, slot);
    set->unsampled++;
    return index;
  }
  return SKETCH_NONE;
}

/* Finds the index of a new sketch. */
static enum room index_make_room(struct sketch_set *set, uint32_t *index)
{
  enum room room = ROOM_NONE;
  if (set->count < set->max_count) {
    room = slots_make_room(set);
    if (room == ROOM_MADE)
      room = slabs_make_room(set);
  }
  if (room == ROOM_MADE)
    *index = set->count++;
  if (room != ROOM_NONE)
    return room;
  *index = forget_half_open(set);
  return *index != SKETCH_NONE ? ROOM_MADE : ROOM_NONE;
}

static enum room sketch_new(struct sketch_set *set, const struct packet *packet,
                            const struct flow_key *key, uint32_t hash, uint32_t *index)
{
  enum room room = index_make_room(set, index);
  if (room != ROOM_MADE)
    return room;
  const unsigned from = is_swapped(packet) ? 1 : 0;
  struct sketch_slot *slot = slot_of(set, key, hash);
  struct sketch *sketch = sketch_at(set, *index);
  int64_t now_ns = credible_time(packet);
  *sketch = (struct sketch){.key = *key,
                            .first_ns = now_ns,
                            .last_ns = now_ns,
                            .first_frame = packet->frame,
                            .sealed_ns = INT64_MAX,
                            .samples = sketch->samples, /* of the one that was forgotten */
                            .sample_capacity = sketch->sample_capacity,
                            .older = slot->sketch,
                            .jump = slot->sketch,
                            .next_half_open = SKETCH_NONE,
                            .pair = SKETCH_NONE};
  link_jump(set, sketch);
  if (source_is_client(packet) != (from == 0))
    sketch->facts |= SKETCH_CLIENT_IS_1;
  if ((packet->flags & TCP_SYN) != 0)
    sketch->facts |= SKETCH_ROLES_FROM_SYN;
  if (slot->sketch == SKETCH_NONE) {
    set->slots_used++;
    if ((packet->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
      half_open_append(set, *index);
  }
  slot->hash = hash;
  slot->sketch = *index;
  return ROOM_MADE;
}

static void count_refused(struct sketch_set *set, uint32_t hash)
{
  if (set->refused_bits == NULL)
    set->refused_bits = calloc(REFUSED_BITS / 64, sizeof *set->refused_bits);
  if (set->refused_bits == NULL)
    return;
  uint64_t bit = UINT64_C(1) << (hash % 64);
  uint64_t *word = &set->refused_bits[hash / 64 % (REFUSED_BITS / 64)];
  if ((*word & bit) == 0)
    set->unsampled++;
  *word |= bit;
}

/* --- one connection --- */

static bool begins_anew(const struct sketch *sketch, unsigned from, const struct packet *packet)
{
  if ((packet->flags & (TCP_SYN | TCP_RST)) != TCP_SYN)
    return false;
  const struct sketch_side *side = &sketch->sides[from];
  bool known = (side->facts & SKETCH_SIDE_SYN) != 0;
  if (known && side->isn == packet->seq)
    return false;
  if ((packet->flags & TCP_ACK) != 0) /* only where the SYNs are not captured */
    return known && (sketch->facts & SKETCH_ENDED) != 0;
  if ((sketch->facts & SKETCH_ESTABLISHED) == 0)
    return known;
  return (sketch->facts & SKETCH_ENDED) != 0 ||
         credible_time(packet) - sketch->last_ns > REUSE_QUIET_NS ||
         seq_gt(packet->seq, side->seq_next + UINT16_MAX);
}

/* How many low bits of the hash are zero. */
static unsigned hash_level(uint64_t hash)
{
  return (unsigned)__builtin_ctz((uint32_t)hash | UINT32_C(1) << SAMPLE_LEVEL_MAX);
}

static unsigned higher(unsigned a, unsigned b)
{
  return a > b ? a : b;
}

/* 1 + the level, 0: no sample. What comes in runs (segments of one tick of the timestamp clock,
 * pure ACKs of one number, equal payloads) is a candidate at the start of the run only. */
static unsigned candidate_level(const struct sketch_side *side, const struct packet *packet,
                                bool data)
{
  unsigned level = 0;
  if (data)
    level = 1 + hash_level(sample_hash(SAMPLE_KEY_SEQ, 0, packet->seq));
  else if ((side->facts & SKETCH_SIDE_PURE_ACK) == 0 || packet->ack != side->pure_ack)
    level = 1 + hash_level(sample_hash(SAMPLE_KEY_ACK, 0, packet->ack));
  if ((packet->options & TCP_OPT_TIMESTAMPS) != 0) {
    if ((side->facts & SKETCH_SIDE_TIMESTAMPS) == 0 || side->ts_val != packet->ts_val ||
        side->ts_ecr != packet->ts_ecr)
      level = higher(level, 1 + hash_level(sample_hash(SAMPLE_KEY_TIMESTAMPS, packet->ts_val,
                                                       packet->ts_ecr)));
  } else if ((packet->facts & PACKET_IP_ID) != 0 && packet->ip_id != 0) {
    level = higher(
        level, 1 + hash_level(sample_hash(SAMPLE_KEY_IP_ID, packet->payload_bytes, packet->ip_id)));
  }
  if (packet->payload_hash != 0 && packet->payload_hash != side->payload_hash)
    level = higher(level, 1 + hash_level(sample_hash(SAMPLE_KEY_PAYLOAD, 0, packet->payload_hash)));
  return level;
}

/* Few connections get many samples each, which the clocks want; where there are many, few of each
 * will do. */
static uint32_t capacity_allowed(const struct sketch_budget *budget)
{
  uint32_t capacity = SAMPLES_MAX;
  uint64_t part = budget->limit_bytes / 32;
  while (capacity > SAMPLES_ALWAYS && budget->used_bytes >= part) {
    capacity /= 4;
    part *= 2;
  }
  return capacity > SAMPLES_ALWAYS ? capacity : SAMPLES_ALWAYS;
}

static bool samples_grow(struct sketch *sketch, struct sketch_budget *budget)
{
  uint32_t capacity = sketch->sample_capacity > 0 ? sketch->sample_capacity * 2 : FIRST_SAMPLES;
  if (capacity > capacity_allowed(budget))
    return false;
  uint64_t more = (uint64_t)(capacity - sketch->sample_capacity) * sizeof(struct sample);
  if (!take_bytes(budget, more))
    return false;
  struct sample *samples = realloc(sketch->samples, capacity * sizeof *samples);
  if (samples == NULL) {
    budget->used_bytes -= more;
    return false;
  }
  sketch->samples = samples;
  sketch->sample_capacity = capacity;
  return true;
}

/* Drops what is below the rate; the order stays. */
static void samples_thin(struct sketch *sketch)
{
  uint32_t ack_sample[2] = {0, 0}, kept = 0;
  for (uint32_t i = 0; i < sketch->sample_count; i++) {
    if (sketch->samples[i].level < sketch->rate)
      continue;
    sketch->samples[kept++] = sketch->samples[i];
    for (int side = 0; side < 2; side++) {
      if (sketch->sides[side].ack_sample == i + 1)
        ack_sample[side] = kept;
    }
  }
  sketch->sample_count = kept;
  sketch->sides[0].ack_sample = ack_sample[0];
  sketch->sides[1].ack_sample = ack_sample[1];
}

/* NULL: no room, or the rate has meanwhile risen above this level. */
static struct sample *sample_new(struct sketch *sketch, struct sketch_budget *budget,
                                 unsigned level)
{
  while (sketch->sample_count == sketch->sample_capacity) {
    if (samples_grow(sketch, budget))
      break;
    if (sketch->rate >= SAMPLE_LEVEL_MAX || sketch->sample_capacity == 0)
      return NULL;
    sketch->rate++;
    samples_thin(sketch);
  }
  return level >= sketch->rate ? &sketch->samples[sketch->sample_count++] : NULL;
}

static uint8_t sample_facts(const struct sketch_side *side, const struct packet *packet,
                            unsigned from, bool data)
{
  unsigned facts = from == 1 ? SAMPLE_FROM_1 : 0;
  if ((packet->options & TCP_OPT_TIMESTAMPS) != 0)
    facts |= SAMPLE_TIMESTAMPS;
  if (packet->time_ns != credible_time(packet))
    facts |= SAMPLE_UNTIMED;
  if (data) {
    bool first_syn = (packet->flags & TCP_SYN) != 0 && (side->facts & SKETCH_SIDE_SYN) == 0;
    facts |= SAMPLE_DATA;
    if (first_syn ||
        ((side->facts & SKETCH_SIDE_STARTED) != 0 && seq_geq(packet->seq, side->seq_next)))
      facts |= SAMPLE_FRESH;
  } else if ((packet->flags & TCP_RST) != 0) {
    if ((side->facts & SKETCH_SIDE_RST) == 0)
      facts |= SAMPLE_FRESH;
  } else if ((side->facts & SKETCH_SIDE_PURE_ACK) != 0 && (packet->flags & TCP_ACK) != 0 &&
             seq_gt(packet->ack, side->ack_highest)) {
    facts |= SAMPLE_FRESH;
  }
  return (uint8_t)facts;
}

static struct sample *sample_take(struct sketch *sketch, struct sketch_budget *budget,
                                  const struct packet *packet, unsigned from, bool data)
{
  struct sketch_side *side = &sketch->sides[from];
  unsigned level = candidate_level(side, packet, data);
  if ((packet->flags & (TCP_SYN | TCP_RST)) != 0 && side->forced < FORCED_MAX) {
    side->forced++;
    level = 1 + SAMPLE_LEVEL_MAX;
  }
  if (level <= sketch->rate)
    return NULL;
  struct sample *sample = sample_new(sketch, budget, level - 1);
  if (sample == NULL)
    return NULL;
  bool timestamps = (packet->options & TCP_OPT_TIMESTAMPS) != 0;
  *sample = (struct sample){
      .time_ns = credible_time(packet),
      .seq = packet->seq,
      .ack = (packet->flags & TCP_ACK) != 0 ? packet->ack : 0,
      .ts_val = timestamps ? packet->ts_val : 0,
      .ts_ecr = timestamps ? packet->ts_ecr : 0,
      .payload_hash = packet->payload_hash,
      .payload_bytes = packet->payload_bytes,
      .ip_id = (packet->facts & PACKET_IP_ID) != 0 ? packet->ip_id : 0,
      .window = packet->window,
      .facts = sample_facts(side, packet, from, data),
      .flags = (uint8_t)packet->flags,
      .ttl = (packet->facts & PACKET_TTL_VALID) != 0 ? packet->ttl : 0,
      .level = (uint8_t)(level - 1),
  };
  return sample;
}

/* What the packet does to its sender's side. sample: of this packet, or NULL. */
static void side_follow(struct sketch *sketch, const struct packet *packet, unsigned from,
                        bool data, const struct sample *sample)
{
  struct sketch_side *side = &sketch->sides[from], *other = &sketch->sides[from ^ 1];
  unsigned facts = side->facts;
  if ((packet->flags & TCP_ACK) != 0 && (other->facts & SKETCH_SIDE_STARTED) != 0 &&
      seq_gt(packet->ack, other->seq_next))
    other->facts |= SKETCH_SIDE_HOLES;
  if (data && (facts & SKETCH_SIDE_STARTED) != 0 && seq_gt(packet->seq, side->seq_next))
    facts |= SKETCH_SIDE_HOLES;
  if ((packet->options & TCP_OPT_TIMESTAMPS) != 0) {
    facts |= SKETCH_SIDE_TIMESTAMPS;
    side->ts_val = packet->ts_val;
    side->ts_ecr = packet->ts_ecr;
  }
  if (packet->payload_hash != 0)
    side->payload_hash = packet->payload_hash;
  if ((packet->flags & TCP_RST) != 0)
    facts |= SKETCH_SIDE_RST;
  uint32_t end = packet->seq + packet->payload_bytes + ((packet->flags & TCP_SYN) != 0) +
                 ((packet->flags & TCP_FIN) != 0);
  if ((packet->flags & TCP_SYN) != 0) {
    facts |= SKETCH_SIDE_SYN;
    side->isn = packet->seq;
  }
  if ((facts & SKETCH_SIDE_STARTED) == 0) {
    side->first_seq = packet->seq;
    side->seq_next = end;
    facts |= SKETCH_SIDE_STARTED;
  } else if (seq_gt(end, side->seq_next) && (packet->flags & TCP_RST) == 0) {
    side->seq_next = end;
  }
  if (!data && (packet->flags & (TCP_ACK | TCP_RST)) == TCP_ACK) {
    if ((facts & SKETCH_SIDE_PURE_ACK) == 0 || packet->ack != side->pure_ack)
      side->ack_sample = sample != NULL ? (uint32_t)(sample - sketch->samples) + 1 : 0;
    else if (side->ack_sample != 0)
      sketch->samples[side->ack_sample - 1].facts |= SAMPLE_REPEATED;
    if ((facts & SKETCH_SIDE_PURE_ACK) == 0 || seq_gt(packet->ack, side->ack_highest))
      side->ack_highest = packet->ack;
    side->pure_ack = packet->ack;
    facts |= SKETCH_SIDE_PURE_ACK;
  }
  side->facts = (uint8_t)facts;
}

static void sketch_observe(struct sketch *sketch, struct sketch_budget *budget,
                           const struct packet *packet, unsigned from)
{
  bool data = packet->payload_bytes > 0 || (packet->flags & (TCP_SYN | TCP_FIN)) != 0;
  const struct sample *sample = sample_take(sketch, budget, packet, from, data);
  side_follow(sketch, packet, from, data, sample);
  if ((packet->flags & (TCP_FIN | TCP_RST)) != 0)
    sketch->facts |= SKETCH_ENDED;
  if ((packet->flags & (TCP_SYN | TCP_RST)) == 0)
    sketch->facts |= SKETCH_ESTABLISHED;
  sketch->last_frame = packet->frame;
  int64_t now_ns = credible_time(packet);
  if (sketch->last_ns < now_ns)
    sketch->last_ns = now_ns;
}

/* --- the set --- */

static void key_of(const struct packet *packet, unsigned from, struct flow_key *key)
{
  key->address[from] = packet->src;
  key->address[from ^ 1] = packet->dst;
  key->port[from] = packet->src_port;
  key->port[from ^ 1] = packet->dst_port;
  key->ip_version = packet->ip_version;
  key->end = packet->end;
}

int sketch_set_packet(struct sketch_set *set, const struct packet *packet)
{
  struct flow_key key;
  key_of(packet, is_swapped(packet) ? 1 : 0, &key);
  const struct sketch_ticket ticket = {.hash = key_hash(set, &key), .sketch = SKETCH_NONE};
  return sketch_set_fetched(set, packet, &ticket);
}

int sketch_set_fetched(struct sketch_set *set, const struct packet *packet,
                       const struct sketch_ticket *ticket)
{
  unsigned from = is_swapped(packet) ? 1 : 0;
  struct flow_key key;
  key_of(packet, from, &key);
  uint32_t index = set->slot_count > 0 ? slot_of(set, &key, ticket->hash)->sketch : SKETCH_NONE;
  if (index == SKETCH_NONE || begins_anew(sketch_at(set, index), from, packet)) {
    uint32_t before = index;
    enum room room = sketch_new(set, packet, &key, ticket->hash, &index);
    if (room == ROOM_NO_MEMORY)
      return ERROR_MEMORY;
    if (room == ROOM_NONE) {
      count_refused(set, ticket->hash);
      if (before != SKETCH_NONE && sketch_at(set, before)->sealed_ns == INT64_MAX)
        sketch_at(set, before)->sealed_ns = credible_time(packet);
      return 0;
    }
  }
  struct sketch *sketch = sketch_at(set, index);
  if (sketch->sealed_ns == INT64_MAX)
    sketch_observe(sketch, set->budget, packet, from);
  return 0;
}

#define CACHE_LINE_BYTES 64

void sketch_fetch_slot(const struct sketch_set *set, const struct packet *packet,
                       struct sketch_ticket *ticket)
{
  struct flow_key key;
  key_of(packet, is_swapped(packet) ? 1 : 0, &key);
  ticket->hash = key_hash(set, &key);
  ticket->sketch = SKETCH_NONE;
  if (set->slot_count > 0)
    __builtin_prefetch(&set->slots[ticket->hash & (set->slot_count - 1)]);
}

void sketch_fetch_sketch(const struct sketch_set *set, struct sketch_ticket *ticket)
{
  if (set->slot_count == 0)
    return;
  ticket->sketch = set->slots[ticket->hash & (set->slot_count - 1)].sketch;
  if (ticket->sketch == SKETCH_NONE)
    return;
  const char *sketch = (const char *)sketch_at(set, ticket->sketch);
  for (size_t at = 0; at < sizeof(struct sketch); at += CACHE_LINE_BYTES)
    __builtin_prefetch(sketch + at, 1);
}

void sketch_fetch_samples(const struct sketch_set *set, const struct sketch_ticket *ticket)
{
  if (ticket->sketch == SKETCH_NONE)
    return;
  const struct sketch *sketch = sketch_at(set, ticket->sketch);
  if (sketch->samples != NULL)
    __builtin_prefetch(&sketch->samples[sketch->sample_count], 1);
}

uint32_t sketch_find(const struct sketch_set *set, const struct flow_key *key)
{
  return set->slot_count > 0 ? slot_of(set, key, key_hash(set, key))->sketch : SKETCH_NONE;
}

static bool begins_after(const struct sketch *sketch, int64_t now_ns, uint64_t frame)
{
  /* Frame numbers only grow; a capture's clock may be set back. */
  if (frame != 0 && sketch->first_frame != 0)
    return frame < sketch->first_frame;
  return now_ns < sketch->first_ns;
}

uint32_t sketch_of_packet(const struct sketch_set *set, const struct packet *packet)
{
  struct flow_key key;
  key_of(packet, is_swapped(packet) ? 1 : 0, &key);
  int64_t now_ns = credible_time(packet);
  uint32_t index = sketch_find(set, &key);
  while (index != SKETCH_NONE) {
    const struct sketch *sketch = sketch_at(set, index);
    if (sketch->older == SKETCH_NONE || !begins_after(sketch, now_ns, packet->frame))
      return now_ns >= sketch->sealed_ns ? SKETCH_NONE : index;
    bool jump = sketch->jump != SKETCH_NONE &&
                begins_after(sketch_at(set, sketch->jump), now_ns, packet->frame);
    index = jump ? sketch->jump : sketch->older;
  }
  return SKETCH_NONE;
}
