#include "analyzer/path_lane.h"

#include "analyzer/passage.h"

#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 4u
/* A ring of so many shrinks when so large a part of it is free. */
#define SHRINK_FROM       64u
#define SHRINK_FREE_TIMES 4u
/* Passages that have come and were acknowledged are kept as a history of so many. */
#define HISTORY 16u
/* How far the search for a passage goes where the index does not know it: pieces from the middle of
 * a super-segment that come out of order. */
#define SEARCH_MAX 256u
#define CHAIN_MAX  1024u
/* Packets of one flow may be handed over by several cores at the capture points themselves. */
#define REORDER_SLACK_NS (5 * NS_PER_MS)
/* A packet that has not come is lost once it has been under way for longer than anything before, by
 * this much. */
#define LOST_DELAY_TIMES     2
#define LOST_DELAY_MARGIN_NS NS_PER_S
/* Delays differ by so much without a reason. */
#define COPY_SLACK_NS NS_PER_MS
/* A capture that shows a frame twice (a mirror port, a bridge and its port) does so within this. */
#define SEEN_TWICE_NS       (2 * NS_PER_MS)
#define SEEN_TWICE_NO_ID_NS (500 * NS_PER_US)
#define SEEN_TWICE_CHAIN    8u
/* Clocks that are fitted to a microsecond still may put an arrival before its departure. */
#define EARLY_MIN_NS (10 * NS_PER_MS)

void lane_init(struct lane *lane, struct lane_pool *pool, const int64_t *far_first_ns,
               uint32_t seq_shift, uint32_t ack_shift)
{
  memset(lane, 0, sizeof *lane);
  lane->pool = pool;
  lane->early_max_ns = EARLY_MIN_NS;
  lane->stray_ns = lane->first_left_ns = TIME_INVALID;
  lane->top_came_ns = lane->answer_min_ns = TIME_INVALID;
  lane->seq_shift = seq_shift;
  lane->ack_shift = ack_shift;
  lane->far_first_ns = far_first_ns;
  lane->forgotten_ns = lane->last_came_left_ns = TIME_INVALID;
  lane->stats.delay_min_ns = lane->stats.delay_max_ns = TIME_INVALID;
  path_changes_clear(&lane->changes);
}

static uint64_t memory_of(uint32_t capacity)
{
  return (uint64_t)capacity * (sizeof(struct passage) + sizeof(uint32_t));
}

void lane_free(struct lane *lane)
{
  lane->pool->bytes -= memory_of(lane->capacity);
  if (lane->early != NULL)
    lane->pool->bytes -= LANE_EARLY * sizeof *lane->early;
  free(lane->ring);
  free(lane->index);
  free(lane->early);
  lane->ring = NULL;
  lane->index = NULL;
  lane->early = NULL;
  lane->capacity = lane->first = lane->next = 0;
}

static struct passage *at(struct lane *lane, uint32_t number)
{
  return &lane->ring[number & (lane->capacity - 1)];
}

static bool is_kept(const struct lane *lane, uint32_t number)
{
  return number - lane->first < lane->next - lane->first;
}

/* Data are found by where they start, the rest by what it acknowledges. */
static uint32_t key_of(const struct passage *passage)
{
  const uint32_t key = passage_has_data(passage) ? passage->seq : passage->ack ^ 0x5bd1e995u;
  return (key * 0x9e3779b1u) >> 7;
}

static void index_add(struct lane *lane, uint32_t number)
{
  struct passage *passage = at(lane, number);
  uint32_t *slot = &lane->index[key_of(passage) & (lane->capacity - 1)];
  passage->older = *slot;
  *slot = number + 1;
}

/* Moves what is kept to a ring of another size: a power of two that has room for it. */
static bool resize(struct lane *lane, uint32_t capacity)
{
  struct passage *ring = malloc(capacity * sizeof *ring);
  uint32_t *index = calloc(capacity, sizeof *index);
  if (ring == NULL || index == NULL) {
    free(ring);
    free(index);
    return false;
  }
  for (uint32_t n = lane->first; n != lane->next; n++)
    ring[n & (capacity - 1)] = *at(lane, n);
  free(lane->ring);
  free(lane->index);
  lane->pool->bytes += memory_of(capacity);
  lane->pool->bytes -= memory_of(lane->capacity);
  lane->ring = ring;
  lane->index = index;
  lane->capacity = capacity;
  for (uint32_t n = lane->first; n != lane->next; n++)
    index_add(lane, n);
  return true;
}

static bool grow(struct lane *lane)
{
  const uint32_t capacity = lane->capacity == 0 ? CAPACITY_FIRST : lane->capacity * 2;
  const uint64_t more = memory_of(capacity) - memory_of(lane->capacity);
  return capacity <= lane->pool->records_max && lane->pool->bytes + more <= lane->pool->bytes_max &&
         resize(lane, capacity);
}

bool passage_is_lost(const struct lane *lane, const struct passage *passage, int64_t now_ns)
{
  if ((passage->state & PASSAGE_CAME) != 0)
    return false;
  if (!time_is_valid(*lane->far_first_ns) || passage->left_ns < *lane->far_first_ns)
    return false; /* nobody watched */
  if (time_is_valid(lane->last_came_left_ns) &&
      lane->last_came_left_ns > passage->left_ns + REORDER_SLACK_NS)
    return true;
  const int64_t delay_ns =
      time_is_valid(lane->stats.delay_max_ns) ? lane->stats.delay_max_ns : NS_PER_S;
  return now_ns - passage->left_ns > LOST_DELAY_TIMES * delay_ns + LOST_DELAY_MARGIN_NS;
}

/* What becomes of a passage is final now: it is counted. */
static void settle(struct lane *lane, const struct passage *passage, int64_t now_ns)
{
  struct lane_stats *stats = &lane->stats;
  if ((passage->state & PASSAGE_CAME) != 0 || (passage->state & PASSAGE_DAMAGED) != 0)
    return;
  if (!passage_is_lost(lane, passage, now_ns)) {
    stats->unsettled++;
    return;
  }
  if (!passage_has_data(passage)) {
    stats->lost_acks++;
    return;
  }
  stats->lost_bytes += passage_missing_bytes(passage);
  stats->lost_segments++;
}

static bool is_in_question(const struct lane *lane, const struct passage *passage)
{
  if (passage_has_data(passage))
    return !lane->acked_known || seq_gt(passage->end, lane->acked);
  return (passage->state & PASSAGE_CAME) == 0;
}

static void note_forgotten(struct lane *lane, uint16_t flags, uint32_t ack, int64_t left_ns)
{
  lane->forgotten_ns = left_ns;
  if ((flags & (TCP_ACK | TCP_RST)) != TCP_ACK)
    return;
  if (!lane->ack_was_forgotten || seq_gt(ack, lane->forgotten_ack))
    lane->forgotten_ack = ack;
  lane->ack_was_forgotten = true;
}

static void drop_oldest(struct lane *lane, int64_t now_ns)
{
  const struct passage *oldest = at(lane, lane->first);
  if (is_in_question(lane, oldest) && !passage_is_lost(lane, oldest, now_ns))
    lane->pool->forgotten++;
  settle(lane, oldest, now_ns);
  note_forgotten(lane, oldest->flags, oldest->ack, oldest->left_ns);
  lane->first++;
  if (!is_kept(lane, lane->cursor))
    lane->cursor = lane->first;
}

/* Room for one more passage. */
static bool make_room(struct lane *lane, int64_t now_ns)
{
  const uint32_t count = lane->next - lane->first;
  if (count < lane->capacity)
    return true;
  const uint32_t history = lane->pool->bytes < lane->pool->bytes_max / 2 ? HISTORY : CAPACITY_FIRST;
  if (count == 0 || count < history || is_in_question(lane, at(lane, lane->first))) {
    if (grow(lane))
      return true;
  }
  if (lane->capacity == 0)
    return false;
  drop_oldest(lane, now_ns);
  while (lane->next - lane->first > history && !is_in_question(lane, at(lane, lane->first)))
    drop_oldest(lane, now_ns);
  /* The ring is walked round and round: a small one stays in the cache. */
  if (lane->capacity >= SHRINK_FROM &&
      lane->next - lane->first <= lane->capacity / SHRINK_FREE_TIMES)
    resize(lane, lane->capacity / 2);
  return true;
}

static bool match_early(struct lane *lane, uint32_t number);

/* The same packet, seen a second time by the same capture, and no further copy of the data: marks
 * that are new in each transmission are equal. */
static bool is_seen_twice(const struct passage *first, const struct passage *second)
{
  const bool has_id = (first->facts & second->facts & PACKET_IP_ID) != 0 && first->ip_id != 0;
  if (!has_id && !passage_has_data(second))
    return false; /* duplicate ACKs look like that */
  const int64_t after_ns = second->left_ns - first->left_ns;
  return after_ns >= 0 && after_ns <= (has_id ? SEEN_TWICE_NS : SEEN_TWICE_NO_ID_NS) &&
         first->seq == second->seq && first->end == second->end && first->ack == second->ack &&
         first->ip_id == second->ip_id && first->flags == second->flags &&
         first->window == second->window && first->options == second->options &&
         first->ts_val == second->ts_val && first->ts_ecr == second->ts_ecr &&
         first->sack_start == second->sack_start && first->sack_end == second->sack_end &&
         first->payload_hash == second->payload_hash;
}

static bool was_seen(const struct lane *lane, const struct passage *passage)
{
  if (lane->capacity == 0)
    return false;
  uint32_t number = lane->index[key_of(passage) & (lane->capacity - 1)];
  for (uint32_t i = 0; i < SEEN_TWICE_CHAIN && number != 0 && is_kept(lane, number - 1); i++) {
    const struct passage *other = lane_passage(lane, number - 1);
    if (is_seen_twice(other, passage))
      return true;
    number = other->older;
  }
  return false;
}

void lane_left(struct lane *lane, const struct packet *packet)
{
  struct passage passage;
  passage_fill(&passage, packet);
  if (was_seen(lane, &passage))
    return;
  lane->stats.left++;
  if (!time_is_valid(lane->first_left_ns))
    lane->first_left_ns = packet->time_ns;
  if (!make_room(lane, packet->time_ns)) {
    lane->pool->forgotten++;
    note_forgotten(lane, packet->flags, packet->ack, packet->time_ns);
    return;
  }
  const uint32_t number = lane->next++;
  *at(lane, number) = passage;
  index_add(lane, number);
  if (lane->early_count > 0)
    match_early(lane, number);
}

/* The same marks: whether a packet may be (a piece of) this passage. */
static bool same_times(const struct passage *passage, const struct packet *packet)
{
  if (((passage->options & packet->options) & TCP_OPT_TIMESTAMPS) == 0)
    return true;
  return passage->ts_val == packet->ts_val;
}

static bool same_id(const struct passage *passage, const struct packet *packet)
{
  return ((passage->facts & packet->facts) & PACKET_IP_ID) != 0 && passage->ip_id != 0 &&
         passage->ip_id == packet->ip_id;
}

#define KIND_FLAGS (TCP_SYN | TCP_RST | TCP_ACK)

/* Blocks may be translated on the way, or not. */
static bool same_sack(const struct lane *lane, const struct passage *passage,
                      const struct packet *packet)
{
  const bool had = passage->sack_start != passage->sack_end;
  if (had != (packet->sack_count > 0))
    return false;
  return !had || lane->ack_shift != 0 || passage->sack_end == packet->sack[0].end;
}

static bool same_echo(const struct passage *passage, const struct packet *packet)
{
  return ((passage->options & packet->options) & TCP_OPT_TIMESTAMPS) == 0 ||
         passage->ts_ecr == packet->ts_ecr;
}

/* A pure ACK's sequence number apart. */
static bool same_answer(const struct passage *passage, const struct packet *packet)
{
  return !passage_has_data(passage) && passage->ack == packet->ack &&
         passage->window == packet->window && same_times(passage, packet) &&
         same_echo(passage, packet) &&
         (passage->flags & KIND_FLAGS) == (packet->flags & KIND_FLAGS);
}

static bool same_ack(const struct lane *lane, const struct passage *passage,
                     const struct packet *packet)
{
  return passage->seq == packet->seq && same_answer(passage, packet) &&
         same_sack(lane, passage, packet);
}

/* The window may have been rewritten on the way; and where the captures are text (with IP-ID 0, if
 * it is not shown), a pure ACK's sequence number is each reader's guess. */
static bool like_ack(const struct passage *passage, const struct packet *packet)
{
  if (passage->seq == packet->seq)
    return !passage_has_data(passage) && passage->ack == packet->ack;
  return passage->ip_id == packet->ip_id && same_answer(passage, packet);
}

static bool may_be(const struct lane *lane, const struct passage *passage,
                   const struct packet *packet)
{
  if (packet_end(packet) == packet->seq)
    return same_ack(lane, passage, packet);
  return passage_covers(passage, packet->seq) && same_times(passage, packet) &&
         ((passage->flags ^ packet->flags) & TCP_SYN) == 0;
}

static bool is_open(const struct passage *passage)
{
  return (passage->state & (PASSAGE_CAME | PASSAGE_DAMAGED)) == 0;
}

struct search {
  const struct packet *packet;
  bool relaxed; /* marks may have been rewritten: ranges and ACK numbers only */
  uint32_t best, candidates;
  bool found, found_id, came_already;
};

static bool fits(const struct lane *lane, const struct search *search,
                 const struct passage *passage)
{
  const struct packet *packet = search->packet;
  if (!search->relaxed)
    return may_be(lane, passage, packet);
  /* Where the path leaves timestamps alone, a later TSval is a later copy. */
  if (lane->times_kept && !same_times(passage, packet) && seq_gt(packet->ts_val, passage->ts_val))
    return false;
  return packet_end(packet) == packet->seq ? like_ack(passage, packet)
                                           : passage_covers(passage, packet->seq);
}

/* Of copies that nothing else tells apart: the last one, unless it would have come faster than
 * anything before. Lost ones are more frequent than such as are late by just so much. */
static bool is_likelier(const struct lane *lane, const struct search *search, uint32_t number)
{
  const int64_t delay_ns = search->packet->time_ns - lane_passage(lane, number)->left_ns;
  const bool too_fast = time_is_valid(lane->stats.delay_min_ns) &&
                        delay_ns + COPY_SLACK_NS < lane->stats.delay_min_ns;
  return !too_fast && (int32_t)(number - search->best) > 0;
}

/* Of several that fit: the one with the same IP-ID (of several such, since a path keeps the order
 * as a rule, the oldest of those that left after the last one that came); else the likelier one. */
static void consider(const struct lane *lane, struct search *search, uint32_t number)
{
  const struct passage *passage = lane_passage(lane, number);
  if (!fits(lane, search, passage))
    return;
  if (!is_open(passage)) {
    /* One without timestamps may be taken for each copy with them. */
    search->came_already |=
        ((passage->options ^ search->packet->options) & TCP_OPT_TIMESTAMPS) == 0;
    return;
  }
  const bool id = same_id(passage, search->packet);
  search->candidates++;
  bool better = !search->found || (id && !search->found_id);
  if (!better && id == search->found_id) {
    const bool in_order = !lane->matched || (int32_t)(number - lane->highest_matched) > 0;
    better =
        id ? in_order && (int32_t)(number - search->best) < 0 : is_likelier(lane, search, number);
  }
  if (!better)
    return;
  search->best = number;
  search->found = true;
  search->found_id = id;
}

static void search_index(const struct lane *lane, struct search *search)
{
  struct passage probe = {
      .seq = search->packet->seq, .end = packet_end(search->packet), .ack = search->packet->ack};
  uint32_t number = lane->index[key_of(&probe) & (lane->capacity - 1)];
  for (uint32_t i = 0; i < CHAIN_MAX && number != 0 && is_kept(lane, number - 1); i++) {
    consider(lane, search, number - 1);
    number = lane_passage(lane, number - 1)->older;
  }
}

static void search_latest(const struct lane *lane, struct search *search)
{
  uint32_t number = lane->next;
  for (uint32_t i = 0; i < SEARCH_MAX && number != lane->first; i++)
    consider(lane, search, --number);
}

/* false: there may be another copy of the expected passage. */
static bool is_only_copy(const struct lane *lane, const struct passage *expected)
{
  return lane->index[key_of(expected) & (lane->capacity - 1)] == lane->cursor + 1;
}

static bool find(const struct lane *lane, struct search *search, uint32_t *number)
{
  if (lane->next == lane->first)
    return false;
  if (is_kept(lane, lane->cursor)) { /* nearly always */
    const struct passage *expected = lane_passage(lane, lane->cursor);
    const bool id_tells = ((expected->facts & search->packet->facts) & PACKET_IP_ID) == 0 ||
                          expected->ip_id == search->packet->ip_id ||
                          expected->end - expected->seq != search->packet->payload_bytes;
    if (is_open(expected) && id_tells && is_only_copy(lane, expected) &&
        may_be(lane, expected, search->packet)) {
      *number = lane->cursor;
      return true;
    }
  }
  search_index(lane, search);
  if (!search->found && packet_end(search->packet) != search->packet->seq)
    search_latest(lane, search);
  if (!search->found && !search->came_already) {
    search->relaxed = true;
    search_index(lane, search);
    if (!search->found && packet_end(search->packet) != search->packet->seq)
      search_latest(lane, search);
  }
  *number = search->best;
  return search->found;
}

static void note_delay(struct lane_stats *stats, int64_t delay_ns)
{
  if (!time_is_valid(stats->delay_min_ns) || delay_ns < stats->delay_min_ns)
    stats->delay_min_ns = delay_ns;
  if (!time_is_valid(stats->delay_max_ns) || delay_ns > stats->delay_max_ns)
    stats->delay_max_ns = delay_ns;
  stats->delay_sum_ns += (double)delay_ns;
  stats->delays++;
}

/* 0: one of the captures does not know. */
static bool differ(uint32_t before, uint32_t after)
{
  return before != 0 && after != 0 && before != after;
}

/* Nothing differs, or only a TTL as it did before: the nearly only case, seen without making
 * packets of it. */
static bool came_as_it_left(struct lane *lane, const struct passage *passage,
                            const struct packet *packet)
{
  struct path_changes *changes = &lane->changes;
  const bool same_ttl = passage->ttl == packet->ttl;
  const bool known_ttl = (changes->changed & PATH_CHANGE_TTL) != 0 &&
                         passage->ttl == changes->ttl_before && packet->ttl == changes->ttl_after;
  if (changes->compared == 0 || (lane->seq_shift | lane->ack_shift) != 0 ||
      (packet->flags & TCP_SYN) != 0 || packet->checksum == CHECKSUM_BAD ||
      packet->sack_count > 0 || passage->sack_start != passage->sack_end ||
      (!same_ttl && !known_ttl) || passage->seq != packet->seq ||
      passage->end != packet_end(packet) || passage->ack != packet->ack ||
      passage->tos != packet->tos || passage->flags != packet->flags ||
      passage->window != packet->window || passage->options != packet->options ||
      ((passage->facts ^ packet->facts) & (PACKET_IP_ID | PACKET_IP_DF)) != 0 ||
      passage->ip_id != packet->ip_id || passage->ts_val != packet->ts_val ||
      passage->ts_ecr != packet->ts_ecr || passage->checksum == CHECKSUM_BAD ||
      differ(passage->payload_hash, packet->payload_hash) ||
      differ(passage->payload_sum, packet->payload_sum))
    return false;
  changes->compared++;
  if (!same_ttl)
    changes->counts[path_change_index(PATH_CHANGE_TTL)]++;
  return true;
}

static void compare(struct lane *lane, const struct passage *passage, const struct packet *packet)
{
  struct packet before, after = *packet;
  const bool whole = passage->seq == packet->seq && passage->end == packet_end(packet);
  if (after.sack_count > 1)
    after.sack_count = 1;
  passage_as_packet(passage, &after, &before);
  after.seq -= lane->seq_shift;
  after.ack -= lane->ack_shift;
  path_changes_compare(&lane->changes, &before, &after, lane->seq_shift, lane->ack_shift, whole);
}

/* from .. until of the passage have come with this packet. */
static void bring(struct lane *lane, uint32_t number, const struct packet *packet, uint32_t from,
                  uint32_t until)
{
  struct passage *passage = at(lane, number);
  const bool first = !time_is_valid(passage->came_ns);
  if (packet->checksum == CHECKSUM_BAD)
    passage->state |= PASSAGE_CAME_BAD;
  if (packet->checksum == CHECKSUM_BAD && passage->checksum != CHECKSUM_BAD) {
    passage->state |= PASSAGE_DAMAGED;
    lane->stats.corrupted++;
    if (first) {
      passage->came_ns = passage->came_last_ns = packet->time_ns;
      passage->came_frame = packet->frame;
    }
    return;
  }
  if (first) {
    passage->came_ns = packet->time_ns;
    passage->came_frame = packet->frame;
    lane->stats.came++;
    note_delay(&lane->stats, packet->time_ns - passage->left_ns);
    if (lane->matched && (int32_t)(number - lane->highest_matched) < 0)
      lane->stats.reordered++;
  }
  if (passage_has_data(passage) &&
      (!time_is_valid(lane->top_came_ns) || seq_gt(until, lane->top_came))) {
    lane->top_came = until;
    lane->top_came_ns = packet->time_ns;
  }
  passage->came_last_ns = packet->time_ns;
  passage->came_bytes += until - from;
  passage_bring_range(passage, from, until);
  passage->state |=
      passage_missing_bytes(passage) == 0 ? (uint8_t)PASSAGE_CAME : (uint8_t)PASSAGE_PART_CAME;
  if (!lane->matched || (int32_t)(number - lane->highest_matched) > 0) {
    lane->highest_matched = number;
    lane->matched = true;
  }
  if (!time_is_valid(lane->last_came_left_ns) || passage->left_ns > lane->last_came_left_ns)
    lane->last_came_left_ns = passage->left_ns;
}

/* One arrival may bring several passages (GRO), or a piece of one (GSO). */
static void bring_all(struct lane *lane, uint32_t number, const struct packet *packet)
{
  const uint32_t end = packet_end(packet);
  uint32_t from = packet->seq;
  if (!came_as_it_left(lane, at(lane, number), packet))
    compare(lane, at(lane, number), packet);
  for (;;) {
    const struct passage *passage = at(lane, number);
    const uint32_t until = seq_lt(end, passage->end) ? end : passage->end;
    bring(lane, number, packet, from, until);
    const bool complete = !is_open(passage);
    lane->cursor = complete ? number + 1 : number;
    from = until;
    if (from == end || !is_kept(lane, ++number))
      return;
    const struct passage *next = at(lane, number);
    if (next->seq != from || !same_times(next, packet) || !is_open(next))
      return;
  }
}

static bool match(struct lane *lane, const struct packet *packet)
{
  struct search search = {.packet = packet};
  uint32_t number;
  if (!find(lane, &search, &number))
    return false;
  if (search.candidates > 1 && !search.found_id)
    at(lane, number)->state |= PASSAGE_AMBIGUOUS;
  if (((at(lane, number)->options & packet->options) & TCP_OPT_TIMESTAMPS) != 0 &&
      at(lane, number)->ts_val == packet->ts_val)
    lane->times_kept = true;
  bring_all(lane, number, packet);
  return true;
}

static void remove_early(struct lane *lane, uint32_t which)
{
  lane->early_count--;
  memmove(lane->early + which, lane->early + which + 1,
          (lane->early_count - which) * sizeof *lane->early);
}

/* The near point's capture was running, and ought to have it. */
static bool is_gap(const struct lane *lane, const struct packet *packet)
{
  return (packet->flags & TCP_RST) == 0 && time_is_valid(lane->first_left_ns) &&
         packet->time_ns > lane->first_left_ns + lane->early_max_ns;
}

/* Among what left, and not so much later than it came that no clock can be so wrong. */
static bool is_known(const struct lane *lane, const struct packet *packet)
{
  struct search search = {.packet = packet};
  uint32_t number;
  if (find(lane, &search, &number) &&
      lane_passage(lane, number)->left_ns <= packet->time_ns + lane->early_max_ns)
    return true;
  return search.came_already;
}

uint64_t lane_gaps(const struct lane *lane, int64_t now_ns)
{
  uint64_t gaps = lane->stats.gaps;
  for (uint32_t i = 0; i < lane->early_count; i++) {
    const struct packet *packet = &lane->early[i];
    if (!is_gap(lane, packet) || packet->time_ns + lane->early_max_ns > now_ns)
      continue;
    gaps += !is_known(lane, packet);
  }
  return gaps;
}

/* It came, and did not leave so shortly after: a second copy of what has come already, or something
 * that was never seen to leave. */
static void forget_early(struct lane *lane, uint32_t which)
{
  const struct packet *packet = &lane->early[which];
  if (is_known(lane, packet)) {
    lane->stats.duplicated++;
  } else {
    lane->stats.uncaptured++;
    lane->stats.gaps += is_gap(lane, packet);
    if (packet_end(packet) != packet->seq)
      lane->stray_ns = packet->time_ns;
  }
  remove_early(lane, which);
}

/* An arrival without a departure: it may be that the clocks only make it look so. */
static void keep_early(struct lane *lane, const struct packet *packet)
{
  if (lane->early == NULL) {
    lane->early = calloc(LANE_EARLY, sizeof *lane->early);
    if (lane->early == NULL) {
      lane->stats.uncaptured++;
      return;
    }
    lane->pool->bytes += LANE_EARLY * sizeof *lane->early;
  }
  if (lane->early_count == LANE_EARLY)
    forget_early(lane, 0);
  lane->early[lane->early_count++] = *packet;
}

static bool match_early(struct lane *lane, uint32_t number)
{
  const int64_t left_ns = at(lane, number)->left_ns;
  bool matched = false;
  for (uint32_t i = 0; i < lane->early_count;) {
    struct packet packet = lane->early[i];
    if (left_ns - packet.time_ns > lane->early_max_ns) {
      forget_early(lane, i);
    } else if (is_open(at(lane, number)) && may_be(lane, at(lane, number), &packet)) {
      packet.time_ns = left_ns;
      remove_early(lane, i);
      bring_all(lane, number, &packet);
      matched = true;
    } else {
      i++;
    }
  }
  return matched;
}

void lane_came(struct lane *lane, const struct packet *packet)
{
  if (!match(lane, packet))
    keep_early(lane, packet);
}

void lane_acked(struct lane *lane, uint32_t ack)
{
  if (!lane->acked_known || seq_gt(ack, lane->acked))
    lane->acked = ack;
  lane->acked_known = true;
}

void lane_finish(struct lane *lane, int64_t far_last_ns)
{
  while (lane->early_count > 0)
    forget_early(lane, 0);
  const int64_t now_ns = time_is_valid(far_last_ns) ? far_last_ns : 0;
  for (uint32_t n = lane->first; n != lane->next; n++)
    settle(lane, at(lane, n), now_ns);
  lane->first = lane->next;
}
