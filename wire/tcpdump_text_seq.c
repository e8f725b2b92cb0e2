#include "wire/tcpdump_text_seq.h"

#include "wire/seq.h"

#include <stdlib.h>
#include <string.h>

/* Numbers as far apart as this belong to no common window: 2^30 bytes is the largest that RFC
 * 7323, 2.3 allows. */
#define WINDOW_MAX_BYTES (UINT32_C(1) << 30)
/* In an extract without SYN the two readings differ by as little as the first number of the
 * extract: printed numbers are preferred until the other reading is better by more than a window
 * without scaling. */
#define PREFER_PRINTED_BYTES UINT64_C(65536)

enum reading { READING_UNKNOWN, READING_PRINTED, READING_RELATIVE };

/* One direction of a connection; dir[0] is from the lower endpoint to the higher one. */
struct flow_direction {
  bool known;      /* next is valid */
  bool base_known; /* base is valid: what tcpdump subtracts */
  bool syn_seen;
  uint32_t next; /* the next new byte, as far as seen or acknowledged */
  uint32_t base;
  uint32_t first;     /* where next stood when it became known */
  uint32_t last_data; /* first sequence number of the last segment with data, or next */
};

struct flow {
  struct text_flow_key key; /* src is the lower endpoint */
  struct flow_direction direction[2];
  uint8_t reading; /* enum reading */
};

/* Open addressing; grows by doubling, never shrinks, entries are never removed but all at once. */
struct text_flows {
  struct flow *slots;
  bool *used;
  size_t capacity, count; /* capacity is a power of two */
  uint64_t unresolved;
};

#define FIRST_CAPACITY 64

static bool allocate(struct text_flows *flows, size_t capacity)
{
  flows->slots = calloc(capacity, sizeof *flows->slots);
  flows->used = calloc(capacity, sizeof *flows->used);
  flows->capacity = capacity;
  flows->count = 0;
  if (flows->slots != NULL && flows->used != NULL)
    return true;
  free(flows->slots);
  free(flows->used);
  return false;
}

struct text_flows *text_flows_new(void)
{
  struct text_flows *flows = calloc(1, sizeof *flows);
  if (flows != NULL && !allocate(flows, FIRST_CAPACITY)) {
    free(flows);
    return NULL;
  }
  return flows;
}

void text_flows_free(struct text_flows *flows)
{
  if (flows == NULL)
    return;
  free(flows->slots);
  free(flows->used);
  free(flows);
}

void text_flows_clear(struct text_flows *flows)
{
  memset(flows->used, 0, flows->capacity * sizeof *flows->used);
  flows->count = 0;
}

uint64_t text_flows_unresolved(const struct text_flows *flows)
{
  return flows->unresolved;
}

/* The key with the lower endpoint first, padding cleared; returns the direction that `key` itself
 * is. */
static unsigned normalise(const struct text_flow_key *key, struct text_flow_key *out)
{
  int order = memcmp(&key->src, &key->dst, sizeof key->src);
  bool swap = order > 0 || (order == 0 && key->src_port > key->dst_port);
  memset(out, 0, sizeof *out);
  out->src = swap ? key->dst : key->src;
  out->dst = swap ? key->src : key->dst;
  out->src_port = swap ? key->dst_port : key->src_port;
  out->dst_port = swap ? key->src_port : key->dst_port;
  return swap ? 1 : 0;
}

static bool same_key(const struct text_flow_key *a, const struct text_flow_key *b)
{
  return memcmp(&a->src, &b->src, sizeof a->src) == 0 &&
         memcmp(&a->dst, &b->dst, sizeof a->dst) == 0 && a->src_port == b->src_port &&
         a->dst_port == b->dst_port;
}

/* FNV-1a over addresses and ports */
static size_t hash(const struct text_flow_key *key)
{
  uint32_t h = 2166136261u;
  for (size_t i = 0; i < sizeof key->src.bytes; i++)
    h = ((h ^ key->src.bytes[i]) * 16777619u ^ key->dst.bytes[i]) * 16777619u;
  h = ((h ^ key->src_port) * 16777619u ^ key->dst_port) * 16777619u;
  return h ^ h >> 15;
}

static size_t find_slot(const struct text_flows *flows, const struct text_flow_key *normal)
{
  size_t slot = hash(normal) & (flows->capacity - 1);
  while (flows->used[slot] && !same_key(&flows->slots[slot].key, normal))
    slot = (slot + 1) & (flows->capacity - 1);
  return slot;
}

static bool grow(struct text_flows *flows)
{
  struct text_flows larger = {.unresolved = flows->unresolved};
  if (!allocate(&larger, flows->capacity * 2))
    return false;
  for (size_t i = 0; i < flows->capacity; i++) {
    if (!flows->used[i])
      continue;
    size_t slot = find_slot(&larger, &flows->slots[i].key);
    larger.slots[slot] = flows->slots[i];
    larger.used[slot] = true;
    larger.count++;
  }
  free(flows->slots);
  free(flows->used);
  *flows = larger;
  return true;
}

/* Finds or enters; NULL if the table is full. */
static struct flow *enter(struct text_flows *flows, const struct text_flow_key *key,
                          unsigned *direction)
{
  struct text_flow_key normal;
  *direction = normalise(key, &normal);
  size_t slot = find_slot(flows, &normal);
  if (flows->used[slot])
    return &flows->slots[slot];
  if (flows->count >= TEXT_FLOWS_MAX)
    return NULL;
  if (flows->count >= flows->capacity / 2) {
    if (!grow(flows))
      return NULL;
    slot = find_slot(flows, &normal);
  }
  flows->used[slot] = true;
  flows->count++;
  memset(&flows->slots[slot], 0, sizeof flows->slots[slot]);
  flows->slots[slot].key = normal;
  return &flows->slots[slot];
}

static const struct flow *find(const struct text_flows *flows, const struct text_flow_key *key,
                               unsigned *direction)
{
  struct text_flow_key normal;
  *direction = normalise(key, &normal);
  size_t slot = find_slot(flows, &normal);
  return flows->used[slot] ? &flows->slots[slot] : NULL;
}

bool text_flows_origin(const struct text_flows *flows, const struct text_flow_key *key,
                       uint32_t *seq)
{
  unsigned d;
  const struct flow *flow = find(flows, key, &d);
  if (flow == NULL || !flow->direction[d].known)
    return false;
  *seq = flow->direction[d].first;
  return true;
}

bool text_flows_only(const struct text_flows *flows, struct text_flow_key *key, uint32_t *seq)
{
  unsigned matches = 0;
  struct text_flow_key found = {0};
  for (size_t i = 0; i < flows->capacity && matches < 2; i++) {
    for (unsigned d = 0; flows->used[i] && d < 2; d++) {
      const struct flow *flow = &flows->slots[i];
      const struct text_flow_key *k = &flow->key;
      struct text_flow_key this =
          d == 0
              ? *k
              : (struct text_flow_key){
                    .src = k->dst, .dst = k->src, .src_port = k->dst_port, .dst_port = k->src_port};
      if (memcmp(&this.src, &key->src, sizeof this.src) != 0 ||
          memcmp(&this.dst, &key->dst, sizeof this.dst) != 0 ||
          (key->src_port != 0 && key->src_port != this.src_port) ||
          (key->dst_port != 0 && key->dst_port != this.dst_port))
        continue;
      found = this;
      *seq = flow->direction[d].last_data;
      matches++;
    }
  }
  if (matches != 1)
    return false;
  *key = found;
  return true;
}

static uint32_t segment_length(const struct text_tcp *tcp)
{
  return tcp->payload_bytes + ((tcp->flags & TCP_SYN) != 0 ? 1 : 0) +
         ((tcp->flags & TCP_FIN) != 0 ? 1 : 0);
}

static void advance(struct flow_direction *direction, uint32_t seq, uint32_t length)
{
  if (!direction->known)
    direction->first = seq;
  if (!direction->known || length > 0)
    direction->last_data = seq;
  if (!direction->known || seq_gt(seq + length, direction->next))
    direction->next = seq + length;
  direction->known = true;
}

static uint64_t distance(uint32_t a, uint32_t b)
{
  int32_t difference = seq_diff(a, b);
  return difference < 0 ? (uint64_t)(-(int64_t)difference) : (uint64_t)difference;
}

/* How far a reading's numbers are from where the directions stand; 0 if there is nothing to
 * compare. */
struct misfit {
  uint64_t seq, ack;
};

static struct misfit misfit(const struct flow *flow, unsigned d, const struct text_tcp *tcp,
                            bool relative)
{
  const struct flow_direction *own = &flow->direction[d], *peer = &flow->direction[!d];
  struct misfit misfit = {0};
  if (tcp->has_seq && own->known)
    misfit.seq = distance(tcp->seq + (relative ? own->base : 0), own->next);
  if (tcp->has_ack && peer->known)
    misfit.ack = distance(tcp->ack + (relative ? peer->base : 0), peer->next);
  return misfit;
}

/* One of the two numbers may be wrong for itself: a corrupted segment, an old duplicate. */
static bool fits(struct misfit misfit)
{
  return misfit.seq <= WINDOW_MAX_BYTES || misfit.ack <= WINDOW_MAX_BYTES;
}

/* Which reading the segment's numbers have; settles the connection's when the answer is clear. */
static enum reading choose(struct flow *flow, unsigned d, const struct text_tcp *tcp)
{
  struct misfit as_printed = misfit(flow, d, tcp, false), as_relative = misfit(flow, d, tcp, true);
  if (flow->reading == READING_PRINTED && fits(as_printed))
    return READING_PRINTED;
  if (flow->reading == READING_RELATIVE && fits(as_relative))
    return READING_RELATIVE;
  uint64_t printed = as_printed.seq + as_printed.ack, relative = as_relative.seq + as_relative.ack;
  bool syn_seen = flow->direction[0].syn_seen || flow->direction[1].syn_seen;
  uint64_t margin = syn_seen ? 0 : PREFER_PRINTED_BYTES;
  enum reading best = relative + margin < printed ? READING_RELATIVE : READING_PRINTED;
  uint64_t better = best == READING_PRINTED ? printed : relative;
  uint64_t worse = best == READING_PRINTED ? relative : printed;
  if (better <= WINDOW_MAX_BYTES && worse > better &&
      (worse - better > margin || worse > better * 4))
    flow->reading = (uint8_t)best;
  return best;
}

/* A SYN starts a connection anew, and so do its numbers: they are printed in full. */
static void take_syn(struct flow *flow, unsigned d, const struct text_tcp *tcp,
                     struct text_seq_result *result)
{
  struct flow_direction *own = &flow->direction[d], *peer = &flow->direction[!d];
  bool again = (own->syn_seen || own->base_known) && tcp->seq == own->base;
  if (!again) {
    /* an answer, or a simultaneous open (RFC 9293, 3.5): the peer's SYN is still good */
    bool answer = peer->syn_seen && ((tcp->flags & TCP_ACK) != 0 || !peer->base_known);
    *own = (struct flow_direction){.syn_seen = true};
    if (!answer)
      *peer = (struct flow_direction){0};
    flow->reading = READING_UNKNOWN;
  }
  result->seq = tcp->seq;
  result->ack = tcp->ack;
  advance(own, tcp->seq, segment_length(tcp));
  own->base = tcp->seq;
  if ((tcp->flags & TCP_ACK) != 0) {
    own->base_known = peer->base_known = true;
    peer->base = tcp->ack - 1;
    advance(peer, tcp->ack, 0);
  }
}

/* Segments without ACK (a bare RST, most of all) are printed in full in every mode. */
static void take_without_ack(struct text_flows *flows, struct flow *flow, unsigned d,
                             const struct text_tcp *tcp)
{
  struct flow_direction *own = &flow->direction[d];
  if (tcp->has_seq && own->known && distance(tcp->seq, own->next) > WINDOW_MAX_BYTES)
    flows->unresolved++;
  else if (tcp->has_seq && (tcp->flags & TCP_RST) == 0)
    advance(own, tcp->seq, segment_length(tcp));
}

/* The first segment with ACK: in full, and the base of all that follows. */
static void take_first(struct flow *flow, unsigned d, const struct text_tcp *tcp,
                       struct text_seq_result *result)
{
  struct flow_direction *own = &flow->direction[d], *peer = &flow->direction[!d];
  own->base_known = peer->base_known = true;
  own->base = result->seq_pending ? 0 : result->seq;
  peer->base = tcp->ack - 1;
  /* SACK blocks are relative to the new base in the very segment that sets it */
  if (tcp->sack_count > 0) {
    const uint8_t *at = tcp->options + tcp->sack_offset;
    uint32_t block = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    if (distance(block + peer->base, tcp->ack) < distance(block, tcp->ack))
      result->sack_offset = peer->base;
  }
}

static void take_segment(struct text_flows *flows, struct flow *flow, unsigned d,
                         const struct text_tcp *tcp, struct text_seq_result *result)
{
  struct flow_direction *own = &flow->direction[d], *peer = &flow->direction[!d];
  if (!tcp->has_seq && own->known)
    result->seq = own->next;
  result->seq_pending = !tcp->has_seq && !own->known;
  if (!own->base_known || !peer->base_known) {
    take_first(flow, d, tcp, result);
  } else if (choose(flow, d, tcp) == READING_RELATIVE) {
    if (tcp->has_seq)
      result->seq = tcp->seq + own->base;
    result->ack = tcp->ack + peer->base;
    result->sack_offset = peer->base;
  }
  if ((tcp->has_seq && own->known && distance(result->seq, own->next) > WINDOW_MAX_BYTES) ||
      (peer->known && distance(result->ack, peer->next) > WINDOW_MAX_BYTES)) {
    flows->unresolved++;
    return; /* one number gone wrong shall not move the window */
  }
  if (!result->seq_pending)
    advance(own, result->seq, segment_length(tcp));
  if (!peer->known || seq_gt(result->ack, peer->next))
    advance(peer, result->ack, 0);
}

void text_flows_segment(struct text_flows *flows, const struct text_flow_key *key,
                        const struct text_tcp *tcp, struct text_seq_result *result)
{
  *result = (struct text_seq_result){.seq = tcp->seq, .ack = tcp->ack};
  unsigned d;
  struct flow *flow = enter(flows, key, &d);
  if (flow == NULL)
    flows->unresolved++;
  else if ((tcp->flags & TCP_SYN) != 0)
    take_syn(flow, d, tcp, result);
  else if ((tcp->flags & TCP_ACK) == 0)
    take_without_ack(flows, flow, d, tcp);
  else
    take_segment(flows, flow, d, tcp, result);
}
