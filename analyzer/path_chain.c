#include "analyzer/path_chain.h"

#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

#define STAGE_RANGES_MAX 1024u
/* A SYN is sent again after 1 s (RFC 6298, 2.1), by no known system after less than this. */
#define SYN_AGAIN_NS (250 * NS_PER_MS)

static int64_t later(int64_t a_ns, int64_t b_ns)
{
  return a_ns > b_ns ? a_ns : b_ns;
}

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
  return a_ns < b_ns ? a_ns : b_ns;
}

/* When the byte came; of a passage that came in pieces only its first byte's time is known
 * exactly, the others are no later than the last piece. */
static int64_t byte_came_ns(const struct passage *passage, uint32_t byte)
{
  return byte == passage->seq ? passage->came_ns : passage->came_last_ns;
}

/* What came damaged, or without this part, will not come any more. */
static bool is_settled(const struct lane *lane, const struct passage *passage, int64_t now_ns)
{
  return (passage->state & (PASSAGE_DAMAGED | PASSAGE_PART_CAME)) != 0 ||
         passage_is_lost(lane, passage, now_ns);
}

static bool was_watched(const struct lane *lane, const struct passage *passage)
{
  return time_is_valid(*lane->far_first_ns) && passage->left_ns >= *lane->far_first_ns;
}

static void note_loss(struct path_chain *chain, const struct lane *lane,
                      const struct passage *passage)
{
  const bool settled = is_settled(lane, passage, chain->until_ns);
  if (!settled && was_watched(lane, passage)) { /* it may still be under way */
    chain->pending++;
    return;
  }
  chain->lost++;
  chain->lost_last = passage;
  if (chain->lost_first == NULL)
    chain->lost_first = passage;
  if ((passage->state & PASSAGE_DAMAGED) != 0)
    chain->damaged++;
  if (!settled)
    chain->unwatched++;
}

static void note_copy(struct path_chain *chain, const struct lane *lane,
                      const struct passage *passage)
{
  if (passage->left_ns > chain->until_ns)
    return;
  if (chain->first == NULL)
    chain->first = passage;
  chain->last_copy = passage;
  chain->copies++;
  const enum byte_fate fate = passage_fate(passage, chain->byte);
  if (fate == FATE_MISSING)
    note_loss(chain, lane, passage);
  if (fate != FATE_CAME || byte_came_ns(passage, chain->byte) > chain->until_ns)
    return;
  if (chain->arrived == NULL || byte_came_ns(passage, chain->byte) < chain->arrived_ns) {
    chain->arrived = passage;
    chain->arrived_ns = byte_came_ns(passage, chain->byte);
  }
}

static void follow_data(struct path_chain *chain, const struct lane *lane)
{
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *passage = lane_passage(lane, n);
    if (passage_covers(passage, chain->byte))
      note_copy(chain, lane, passage);
  }
  if (chain->arrived != NULL && (chain->arrived->state & PASSAGE_AMBIGUOUS) != 0 &&
      chain->copies > 1)
    chain->ambiguous = true;
}

static void note_answer(struct path_chain *chain, const struct lane *lane,
                        const struct passage *passage)
{
  if (passage->left_ns <= chain->until_ns) {
    chain->acks++;
    if (chain->ack == NULL)
      chain->ack = passage;
    if (passage_is_lost(lane, passage, chain->until_ns) || (passage->state & PASSAGE_DAMAGED) != 0)
      chain->acks_lost++;
  }
  if ((passage->state & PASSAGE_CAME) == 0 && (passage->state & PASSAGE_PART_CAME) == 0)
    return;
  if (passage->came_ns <= chain->until_ns &&
      (chain->ack_arrived == NULL || passage->came_ns < chain->ack_arrived->came_ns))
    chain->ack_arrived = passage;
}

static bool is_acknowledged_by(const struct passage *passage, uint32_t byte)
{
  return (passage->flags & TCP_ACK) != 0 && (passage->flags & TCP_RST) == 0 &&
         seq_gt(passage->ack, byte);
}

static void follow_ack(struct path_chain *chain, const struct lane *lane)
{
  for (uint32_t n = lane->first; n != lane->next; n++) {
    const struct passage *passage = lane_passage(lane, n);
    if (is_acknowledged_by(passage, chain->byte))
      note_answer(chain, lane, passage);
  }
}

/* RFC 2883: a first SACK block at or below the ACK number names what came a second time. shift: to
 * the ledger's numbers from those that R uses. */
static bool reports_duplicate(const struct passage *passage, uint32_t byte, uint32_t shift)
{
  const uint32_t start = passage->sack_start + shift, end = passage->sack_end + shift;
  return passage->sack_start != passage->sack_end && (passage->flags & TCP_ACK) != 0 &&
         seq_leq(end, passage->ack) && seq_leq(start, byte) && seq_lt(byte, end);
}

/* Whether R had the byte before the copies that were seen to come. */
static void note_duplicates(struct path_chain *chain, const struct path_view *view,
                            enum stream_side sender)
{
  const struct lane *forward = &view->lanes[sender], *reverse = &view->lanes[sender ^ 1];
  int64_t reported_ns = TIME_INVALID;
  uint32_t came = 0;
  for (uint32_t n = reverse->first; n != reverse->next && !chain->had_before; n++) {
    const struct passage *passage = lane_passage(reverse, n);
    chain->had_before = reports_duplicate(passage, chain->byte, view->shift[sender ^ 1][sender]);
    reported_ns = passage->left_ns;
  }
  if (!chain->had_before)
    return;
  for (uint32_t n = forward->first; n != forward->next; n++) {
    const struct passage *passage = lane_passage(forward, n);
    came += passage_covers(passage, chain->byte) &&
            passage_fate(passage, chain->byte) == FATE_CAME &&
            byte_came_ns(passage, chain->byte) <= reported_ns;
  }
  if (came < 2 && forward->stats.duplicated > 0)
    chain->ambiguous = true; /* the path itself makes copies */
  else if (came < 2)
    chain->contradicted = true;
}

static bool remembers(const struct lane *lane, int64_t since_ns)
{
  return !time_is_valid(lane->forgotten_ns) || lane->forgotten_ns < since_ns;
}

/* The length of from .. until that lies within the wait. */
static int64_t clipped_ns(const struct path_chain *chain, int64_t from_ns, int64_t until_ns)
{
  from_ns = later(from_ns, chain->from_ns);
  until_ns = earlier(until_ns, chain->until_ns);
  return until_ns > from_ns ? until_ns - from_ns : 0;
}

/* R's first packet at or after from_ns that acknowledges the byte. */
static int64_t answered_ns(const struct path_chain *chain, const struct lane *reverse,
                           int64_t from_ns)
{
  for (uint32_t n = reverse->first; n != reverse->next; n++) {
    const struct passage *passage = lane_passage(reverse, n);
    if (passage->left_ns >= from_ns && is_acknowledged_by(passage, chain->byte))
      return passage->left_ns;
  }
  return chain->until_ns;
}

/* The wait up to until_ns, of which *at_ns tells how far it has been given to somebody. */
static int64_t take_until(const struct path_chain *chain, int64_t *at_ns, int64_t until_ns)
{
  const int64_t from_ns = *at_ns;
  *at_ns = later(from_ns, earlier(until_ns, chain->until_ns));
  return *at_ns - from_ns;
}

/* A passage's time beyond what the fastest one needed. */
static int64_t late_ns(struct path_chain *chain, const struct lane *lane, int64_t *at_ns,
                       int64_t came_ns)
{
  const int64_t under_way_ns = take_until(chain, at_ns, came_ns);
  const int64_t least_ns = time_is_valid(lane->stats.delay_min_ns) ? lane->stats.delay_min_ns : 0;
  const int64_t normal_ns = least_ns < 0 ? 0 : earlier(least_ns, under_way_ns);
  chain->normal_ns += normal_ns;
  return under_way_ns - normal_ns;
}

static void note_slowest(struct path_chain *chain, const struct passage *copy)
{
  const struct passage *slowest = chain->slowest;
  if (slowest == NULL || clipped_ns(chain, copy->left_ns, copy->came_ns) >
                             clipped_ns(chain, slowest->left_ns, slowest->came_ns))
    chain->slowest = copy;
}

/* One copy, which has the time until the next one, or until the ACK that S got was sent. */
static void share_attempt(struct path_chain *chain, const struct lane *forward,
                          const struct lane *reverse, const struct passage *copy, int64_t *at_ns,
                          int64_t until_ns)
{
  if (passage_fate(copy, chain->byte) != FATE_CAME) {
    const int64_t lost_ns = take_until(chain, at_ns, until_ns);
    if (!was_watched(forward, copy) && (copy->flags & TCP_SYN) == 0) {
      chain->unwatched_ns += lost_ns;
      return;
    }
    chain->forward_ns += lost_ns;
    chain->lost_ns += lost_ns;
    return;
  }
  const int64_t came_ns = byte_came_ns(copy, chain->byte);
  chain->forward_ns += late_ns(chain, forward, at_ns, earlier(came_ns, until_ns));
  note_slowest(chain, copy);
  const int64_t answer_ns = answered_ns(chain, reverse, earlier(came_ns, until_ns));
  chain->receiver_ns += take_until(chain, at_ns, earlier(answer_ns, until_ns));
  chain->reverse_ns += take_until(chain, at_ns, until_ns);
}

/* Cuts the wait at the moments when the byte, or the news of it, changed hands. Times that clocks,
 * or a capture, have put into another order leave no part of it to two. */
static void share_out(struct path_chain *chain, const struct lane *forward,
                      const struct lane *reverse)
{
  const int64_t told_ns =
      chain->ack_arrived != NULL ? chain->ack_arrived->left_ns : chain->until_ns;
  const struct passage *copy = NULL;
  int64_t at_ns = chain->from_ns;
  for (uint32_t n = forward->first; n != forward->next; n++) {
    const struct passage *passage = lane_passage(forward, n);
    if (!passage_covers(passage, chain->byte) || passage->left_ns > told_ns)
      continue;
    if (copy != NULL)
      share_attempt(chain, forward, reverse, copy, &at_ns, passage->left_ns);
    else
      chain->sender_ns = take_until(chain, &at_ns, passage->left_ns);
    copy = passage;
  }
  if (copy != NULL)
    share_attempt(chain, forward, reverse, copy, &at_ns, told_ns);
  else
    (void)take_until(chain, &at_ns, told_ns); /* nobody's: it is not known who sent it, and when */
  if (chain->ack_arrived == NULL)
    return;
  chain->reverse_ns += late_ns(chain, reverse, &at_ns, chain->ack_arrived->came_ns);
  chain->sender_ns += take_until(chain, &at_ns, chain->until_ns);
}

static void start(struct path_chain *chain, uint32_t byte, int64_t from_ns, int64_t until_ns)
{
  *chain = (struct path_chain){
      .byte = byte, .from_ns = from_ns, .until_ns = until_ns, .arrived_ns = TIME_INVALID};
}

void path_chain_lay(struct path_chain *chain, const struct path_view *view, enum stream_side sender,
                    uint32_t byte, int64_t from_ns, int64_t until_ns)
{
  const struct lane *forward = &view->lanes[sender], *reverse = &view->lanes[sender ^ 1];
  start(chain, byte, from_ns, until_ns);
  follow_data(chain, forward);
  follow_ack(chain, reverse);
  const int64_t slack_ns =
      time_is_valid(view->uncertainty_ns) ? 2 * view->uncertainty_ns : NS_PER_MS;
  chain->contradicted = chain->ack != NULL && (chain->arrived == NULL ||
                                               chain->ack->left_ns + slack_ns < chain->arrived_ns);
  note_duplicates(chain, view, sender);
  /* Something came in that time which is no copy of anything that left: it may have been this. */
  if (time_is_valid(forward->stray_ns) && chain->first != NULL &&
      forward->stray_ns >= chain->first->left_ns - forward->early_max_ns &&
      forward->stray_ns <= until_ns)
    chain->ambiguous = true;
  const int64_t since_ns = chain->first != NULL ? earlier(from_ns, chain->first->left_ns) : from_ns;
  /* Packets of R that were forgotten do not matter if none of them acknowledged the byte. */
  chain->complete =
      chain->first != NULL && (remembers(reverse, since_ns) || !reverse->ack_was_forgotten ||
                               seq_leq(reverse->forgotten_ack, byte));
  share_out(chain, forward, reverse);
}

bool path_window_shifts(const struct path_view *view, enum stream_side sender, uint8_t *announced,
                        uint8_t *read)
{
  const struct path_changes *s = &view->lanes[sender].changes;
  const struct path_changes *r = &view->lanes[sender ^ 1].changes;
  *announced = *read = 0;
  if (!s->syn_compared || !r->syn_compared)
    return false;
  /* RFC 7323, 2.2: a shift is in force only if both SYNs carried the option, as each end saw it. */
  if (s->wscale_after_present && r->wscale_before_present)
    *announced = r->wscale_before;
  if (s->wscale_before_present && r->wscale_after_present)
    *read = r->wscale_after;
  return true;
}

bool path_syn_is_one(const struct lane *lane, enum drop_knowledge near_drops)
{
  const struct path_changes *changes = &lane->changes;
  if (!changes->syn_compared || near_drops == DROPS_NONE ||
      !time_is_valid(lane->stats.delay_min_ns))
    return true;
  return changes->syn.time_after_ns - changes->syn.time_before_ns <
         lane->stats.delay_min_ns + SYN_AGAIN_NS;
}

static uint32_t edge_of(const struct passage *passage, uint8_t shift)
{
  const uint8_t in_force = (passage->flags & TCP_SYN) != 0 ? 0 : shift;
  return passage->ack + ((uint32_t)passage->window << (in_force > 14 ? 14 : in_force));
}

void path_chain_window(struct path_chain *chain, const struct path_view *view,
                       enum stream_side sender, uint32_t edge, uint8_t announced_shift,
                       uint8_t read_shift, int64_t from_ns, int64_t until_ns)
{
  const struct lane *reverse = &view->lanes[sender ^ 1];
  start(chain, edge, from_ns, until_ns);
  for (uint32_t n = reverse->first; n != reverse->next; n++) {
    const struct passage *passage = lane_passage(reverse, n);
    if ((passage->flags & (TCP_ACK | TCP_RST)) != TCP_ACK || passage->left_ns < from_ns - NS_PER_S)
      continue;
    if (seq_geq(edge_of(passage, announced_shift), edge) && passage->left_ns <= until_ns) {
      chain->acks++;
      if (chain->ack == NULL)
        chain->ack = passage;
      if (passage_is_lost(reverse, passage, until_ns))
        chain->acks_lost++;
    }
    if (seq_geq(edge_of(passage, read_shift), edge) && (passage->state & PASSAGE_CAME) != 0 &&
        passage->came_ns <= until_ns &&
        (chain->ack_arrived == NULL || passage->came_ns < chain->ack_arrived->came_ns))
      chain->ack_arrived = passage;
  }
  const int64_t opened_ns = chain->ack != NULL ? later(from_ns, chain->ack->left_ns) : until_ns;
  chain->receiver_ns = opened_ns - from_ns;
  const int64_t told_ns = chain->ack == NULL ? until_ns
                          : chain->ack_arrived != NULL
                              ? later(opened_ns, chain->ack_arrived->came_ns)
                              : until_ns;
  chain->reverse_ns = told_ns - opened_ns;
  chain->sender_ns = until_ns - told_ns;
  chain->complete = remembers(reverse, from_ns);
}

/* Ranges of sequence space, relative to a base, to be united. */
struct ranges {
  uint32_t count;
  bool full;
  struct {
    uint32_t from, until;
  } at[STAGE_RANGES_MAX];
};

static void range_add(struct ranges *ranges, uint32_t base, uint32_t from, uint32_t until)
{
  if (seq_lt(from, base))
    from = base;
  if (seq_geq(from, until))
    return;
  if (ranges->count == STAGE_RANGES_MAX) {
    ranges->full = true;
    return;
  }
  ranges->at[ranges->count].from = from - base;
  ranges->at[ranges->count].until = until - base;
  ranges->count++;
}

static int compare_ranges(const void *left, const void *right)
{
  const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return (a > b) - (a < b);
}

static uint64_t range_bytes(struct ranges *ranges)
{
  uint64_t bytes = 0;
  uint32_t until = 0;
  qsort(ranges->at, ranges->count, sizeof ranges->at[0], compare_ranges);
  for (uint32_t i = 0; i < ranges->count; i++) {
    const uint32_t from = ranges->at[i].from > until ? ranges->at[i].from : until;
    if (ranges->at[i].until > from) {
      bytes += ranges->at[i].until - from;
      until = ranges->at[i].until;
    }
  }
  return bytes;
}

static void add_arrived(struct ranges *ranges, uint32_t base, const struct passage *passage)
{
  if ((passage->state & PASSAGE_CAME) != 0) {
    range_add(ranges, base, passage->seq, passage->end);
  } else if ((passage->state & PASSAGE_PART_CAME) != 0) {
    range_add(ranges, base, passage->seq, passage->came_to);
    if (passage->hole_end != passage->came_to)
      range_add(ranges, base, passage->hole_end, passage->came_top);
  }
}

/* The highest ACK of S's data that R had sent by at_ns. false: that is forgotten. */
static bool acked_at_receiver(const struct lane *reverse, uint32_t una, int64_t at_ns,
                              uint32_t *highest)
{
  uint32_t acked = una;
  if (reverse->ack_was_forgotten && seq_gt(reverse->forgotten_ack, una)) {
    if (reverse->forgotten_ns > at_ns)
      return false;
    acked = reverse->forgotten_ack;
  }
  for (uint32_t n = reverse->first; n != reverse->next; n++) {
    const struct passage *passage = lane_passage(reverse, n);
    if (passage->left_ns <= at_ns && (passage->flags & TCP_ACK) != 0 && seq_gt(passage->ack, acked))
      acked = passage->ack;
  }
  *highest = acked;
  return true;
}

void path_stages(struct byte_stages *stages, const struct path_view *view, enum stream_side sender,
                 uint32_t una, int64_t at_ns)
{
  const struct lane *forward = &view->lanes[sender], *reverse = &view->lanes[sender ^ 1];
  *stages = (struct byte_stages){.at_ns = TIME_INVALID};
  uint32_t acked;
  if (!acked_at_receiver(reverse, una, at_ns, &acked))
    return;
  struct ranges *ranges = calloc(3, sizeof *ranges);
  if (ranges == NULL)
    return;
  /* alive: arrived or in the path */
  struct ranges *arrived = &ranges[0], *alive = &ranges[1], *left = &ranges[2];
  uint32_t top = acked;
  for (uint32_t n = forward->first; n != forward->next; n++) {
    const struct passage *passage = lane_passage(forward, n);
    if (passage->left_ns > at_ns || passage->seq == passage->end)
      continue;
    if (seq_gt(passage->end, top))
      top = passage->end;
    const bool came = time_is_valid(passage->came_ns) && passage->came_ns <= at_ns;
    range_add(left, acked, passage->seq, passage->end);
    if (came)
      add_arrived(arrived, acked, passage);
    if (came)
      add_arrived(alive, acked, passage);
    else if (time_is_valid(passage->came_ns) || !passage_is_lost(forward, passage, at_ns))
      range_add(alive, acked, passage->seq, passage->end);
  }
  const bool all = !left->full && !arrived->full && !alive->full;
  if (all && range_bytes(left) == top - acked) {
    const uint64_t arrived_bytes = range_bytes(arrived), alive_bytes = range_bytes(alive);
    stages->at_ns = at_ns;
    stages->outstanding_bytes = top - una;
    stages->ack_in_path_bytes = acked - una;
    stages->unacked_at_receiver_bytes = arrived_bytes;
    stages->in_path_bytes = alive_bytes - arrived_bytes;
    stages->lost_bytes = (uint64_t)(top - acked) - alive_bytes;
  }
  free(ranges);
}
