#include "replay/plan_flow.h"

#include "wire/seq.h"

#include <stdlib.h>
#include <string.h>

/* Clocks that were put right may still be wrong by so much: a packet does not arrive earlier. */
#define CLOCK_SLACK_NS (5 * NS_PER_MS)
/* Nothing stays under way for longer. */
#define UNDER_WAY_MAX_NS (300 * NS_PER_S)
#define FLAGS_THAT_TELL  (TCP_SYN | TCP_FIN | TCP_RST)

static enum recording_side other_side(enum recording_side side)
{
  return side == RECORDING_CLIENT ? RECORDING_SERVER : RECORDING_CLIENT;
}

/* ---- sequence numbers as offsets in the stream ---- */

struct base {
  bool known;
  uint32_t seq; /* of byte 0, as at point 0 */
};

static uint32_t true_seq(const struct recording_point *point, const struct packet *packet,
                         enum recording_side side)
{
  return packet->seq + point->seq_shift[side];
}

static void take_earlier(struct base *base, uint32_t seq)
{
  if (!base->known || seq_lt(seq, base->seq))
    *base = (struct base){true, seq};
}

/* Behind the SYN; else the first byte that the side was seen to send at its own end, or what was
 * acknowledged of it. */
static struct base find_base(const struct recording *recording, const struct recording_point *point,
                             enum recording_side side)
{
  struct base base = {.known = false};
  for (size_t i = 0; i < point->packet_count; i++) {
    const struct packet *packet = &point->packets[i].packet;
    if (point->packets[i].from != side)
      continue;
    if (packet->flags & TCP_SYN)
      return (struct base){true, true_seq(point, packet, side) + 1};
    if (packet->flags & TCP_RST)
      continue;
    /* a keep-alive or persist probe begins one byte early; data of the same time puts it right */
    take_earlier(&base, true_seq(point, packet, side));
  }
  (void)recording;
  return base;
}

static int64_t offset_of(const struct base *base, uint32_t seq, int64_t near)
{
  if (!base->known)
    return 0;
  return near + seq_diff(seq, base->seq + (uint32_t)near);
}

/* ---- which packet is which ---- */

struct index_entry {
  uint32_t seq, payload, at;
  bool used;
};

struct matching {
  const struct recording_point *near, *far;
  enum recording_side side;
  struct index_entry *entries; /* of the far point, by seq and payload, then by time */
  size_t count;
  bool same_ids, same_timestamps; /* the path leaves them as they are */
};

static int compare_entries(const void *a, const void *b)
{
  const struct index_entry *left = a, *right = b;
  if (left->seq != right->seq)
    return left->seq < right->seq ? -1 : 1;
  if (left->payload != right->payload)
    return left->payload < right->payload ? -1 : 1;
  return left->at < right->at ? -1 : left->at > right->at;
}

static bool make_index(struct matching *matching)
{
  const struct recording_point *far = matching->far;
  matching->entries = calloc(far->packet_count + 1, sizeof *matching->entries);
  if (matching->entries == NULL)
    return false;
  for (size_t i = 0; i < far->packet_count; i++) {
    const struct packet *packet = &far->packets[i].packet;
    if (far->packets[i].from == matching->side)
      matching->entries[matching->count++] = (struct index_entry){
          true_seq(far, packet, matching->side), packet->payload_bytes, (uint32_t)i, false};
  }
  qsort(matching->entries, matching->count, sizeof *matching->entries, compare_entries);
  return true;
}

static size_t first_entry(const struct matching *matching, uint32_t seq, uint32_t payload)
{
  size_t low = 0, high = matching->count;
  const struct index_entry wanted = {seq, payload, 0, false};
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (compare_entries(&matching->entries[middle], &wanted) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static bool is_same(const struct matching *matching, const struct packet *sent,
                    const struct packet *arrived)
{
  const enum recording_side other = other_side(matching->side);
  if ((sent->flags & FLAGS_THAT_TELL) != (arrived->flags & FLAGS_THAT_TELL))
    return false;
  if (sent->flags & arrived->flags & TCP_ACK && sent->ack + matching->near->seq_shift[other] !=
                                                    arrived->ack + matching->far->seq_shift[other])
    return false;
  if (matching->same_ids && sent->facts & arrived->facts & PACKET_IP_ID &&
      sent->ip_id != arrived->ip_id)
    return false;
  if (matching->same_timestamps && sent->options & arrived->options & TCP_OPT_TIMESTAMPS &&
      (sent->ts_val != arrived->ts_val || sent->ts_ecr != arrived->ts_ecr))
    return false;
  const int64_t way_ns = arrived->time_ns - sent->time_ns;
  return way_ns >= -CLOCK_SLACK_NS && way_ns <= UNDER_WAY_MAX_NS;
}

/* Index of the far packet that this one arrived as, or SIZE_MAX. */
static size_t find_arrival(struct matching *matching, const struct packet *sent, bool take)
{
  const uint32_t seq = true_seq(matching->near, sent, matching->side);
  for (size_t i = first_entry(matching, seq, sent->payload_bytes);
       i < matching->count && matching->entries[i].seq == seq &&
       matching->entries[i].payload == sent->payload_bytes;
       i++) {
    struct index_entry *entry = &matching->entries[i];
    if (entry->used || !is_same(matching, sent, &matching->far->packets[entry->at].packet))
      continue;
    entry->used = take;
    return entry->at;
  }
  return SIZE_MAX;
}

/* One whose timestamp alone was changed on the way: its IP-ID still tells. */
static size_t find_changed(struct matching *matching, const struct packet *sent)
{
  if (!matching->same_timestamps || !matching->same_ids || !(sent->facts & PACKET_IP_ID))
    return SIZE_MAX;
  matching->same_timestamps = false;
  const size_t at = find_arrival(matching, sent, true);
  matching->same_timestamps = true;
  return at;
}

/* How many packets find their arrival under the present assumptions. */
static size_t count_found(struct matching *matching)
{
  size_t found = 0;
  for (size_t i = 0; i < matching->near->packet_count; i++)
    if (matching->near->packets[i].from == matching->side &&
        find_arrival(matching, &matching->near->packets[i].packet, false) != SIZE_MAX)
      found++;
  return found;
}

/* A path may rewrite IP-IDs or timestamps: then these tell nothing. */
static void find_out_what_tells(struct matching *matching)
{
  matching->same_ids = matching->same_timestamps = false;
  const size_t most = count_found(matching);
  matching->same_ids = true;
  if (count_found(matching) < most / 2)
    matching->same_ids = false;
  matching->same_timestamps = true;
  if (count_found(matching) < most / 2)
    matching->same_timestamps = false;
}

/* ---- passages ---- */

static struct passage *add_passage(struct flow_passages *flow, const struct packet *sent,
                                   const struct packet *arrived)
{
  struct passage *passage = &flow->passages[flow->count++];
  *passage = (struct passage){.sent = sent,
                              .arrived = arrived,
                              .sent_ns = sent != NULL ? sent->time_ns : TIME_INVALID,
                              .arrived_ns = arrived != NULL ? arrived->time_ns : TIME_INVALID};
  return passage;
}

static int compare_passages(const void *a, const void *b)
{
  const struct passage *left = a, *right = b;
  const int64_t l = passage_left_ns(left), r = passage_left_ns(right);
  if (l != r)
    return l < r ? -1 : 1;
  const uint64_t lf = left->sent != NULL ? left->sent->frame : 0;
  const uint64_t rf = right->sent != NULL ? right->sent->frame : 0;
  return lf < rf ? -1 : lf > rf;
}

int64_t passage_left_ns(const struct passage *passage)
{
  return time_is_valid(passage->sent_ns) ? passage->sent_ns : passage->arrived_ns;
}

static bool pass_both(struct flow_passages *flow, struct matching *matching)
{
  const struct recording_point *near = matching->near, *far = matching->far;
  if (!make_index(matching))
    return false;
  find_out_what_tells(matching);
  /* From the last to the first: of copies that nothing tells apart the one arrived that left last
   * before. */
  for (size_t i = near->packet_count; i-- > 0;) {
    if (near->packets[i].from != matching->side)
      continue;
    const struct packet *sent = &near->packets[i].packet;
    size_t at = find_arrival(matching, sent, true);
    if (at == SIZE_MAX)
      at = find_changed(matching, sent);
    add_passage(flow, sent, at != SIZE_MAX ? &far->packets[at].packet : NULL);
  }
  for (size_t i = 0; i < matching->count; i++)
    if (!matching->entries[i].used)
      add_passage(flow, NULL, &far->packets[matching->entries[i].at].packet);
  free(matching->entries);
  return true;
}

/* One observation stands for both. delay_ns: added for the arrival, or taken off for the sending.
 */
static void pass_one(struct flow_passages *flow, const struct recording_point *point,
                     enum recording_side side, bool at_sender, int64_t delay_ns)
{
  for (size_t i = 0; i < point->packet_count; i++) {
    if (point->packets[i].from != side)
      continue;
    struct passage *passage =
        add_passage(flow, &point->packets[i].packet, &point->packets[i].packet);
    if (at_sender)
      passage->arrived_ns += delay_ns;
    else
      passage->sent_ns -= delay_ns;
  }
}

/* ---- offsets, copies ---- */

static void count_copy(struct flow_passages *flow, struct passage *passage, int64_t *highest)
{
  passage->fresh = passage->end > *highest;
  if (passage->end == passage->first)
    return;
  passage->copy = 1;
  if (passage->first < *highest)
    for (const struct passage *other = flow->passages; other < passage; other++)
      if (other->first <= passage->first && other->end > passage->first)
        passage->copy++;
  if (passage->end > *highest)
    *highest = passage->end;
}

static void number_bytes(struct plan_flow *flow, enum recording_side side,
                         const struct recording_point *near, const struct recording_point *far,
                         const struct base bases[RECORDING_SIDES])
{
  const enum recording_side other = other_side(side);
  struct flow_passages *passages = &flow->sides[side];
  int64_t highest = 0, highest_ack = 0;
  for (size_t i = 0; i < passages->count; i++) {
    struct passage *passage = &passages->passages[i];
    const struct packet *packet = passage->sent != NULL ? passage->sent : passage->arrived;
    const struct recording_point *point = passage->sent != NULL ? near : far;
    const uint32_t seq = true_seq(point, packet, side) + (packet->flags & TCP_SYN ? 1 : 0);
    passage->first = offset_of(&bases[side], seq, highest);
    passage->end = passage->first + packet->payload_bytes;
    passage->ack = -1;
    if (packet->flags & TCP_ACK) {
      passage->ack = offset_of(&bases[other], packet->ack + point->seq_shift[other], highest_ack);
      highest_ack = passage->ack > highest_ack ? passage->ack : highest_ack;
    }
    if (passage->first < 0 && passage->end > 0)
      passage->first = 0;
    if (passage->end <= 0 || (passage->sent == NULL && flow->both_ends))
      passage->end = passage->first; /* before what is replayed, or not the sender's */
    count_copy(passages, passage, &highest);
  }
  passages->bytes = highest;
}

static void measure(struct flow_passages *flow)
{
  int64_t least_ns = INT64_MAX;
  for (size_t i = 0; i < flow->count; i++) {
    const struct passage *passage = &flow->passages[i];
    if (passage->arrived == NULL)
      flow->lost++;
    else
      flow->arrived++;
    if (passage->sent == NULL || passage->arrived == NULL)
      continue;
    const int64_t way_ns = passage->arrived_ns - passage->sent_ns;
    least_ns = way_ns < least_ns ? way_ns : least_ns;
  }
  flow->delay_ns = least_ns == INT64_MAX || least_ns < 0 ? 0 : least_ns;
}

/* ---- the round-trip time of a single point ---- */

/* The least time between data of a side, and the other side's ACK of it. */
static int64_t least_answer_ns(const struct recording_point *point, enum recording_side side)
{
  int64_t least_ns = INT64_MAX;
  for (size_t i = 0; i < point->packet_count; i++) {
    const struct packet *packet = &point->packets[i].packet;
    if (point->packets[i].from != side ||
        (packet->payload_bytes == 0 && !(packet->flags & TCP_SYN)))
      continue;
    const uint32_t end = packet->seq + packet->payload_bytes + (packet->flags & TCP_SYN ? 1 : 0);
    for (size_t k = i + 1; k < point->packet_count && k < i + 64; k++) {
      const struct packet *answer = &point->packets[k].packet;
      if (point->packets[k].from != other_side(side) || !(answer->flags & TCP_ACK) ||
          seq_lt(answer->ack, end))
        continue;
      const int64_t way_ns = answer->time_ns - packet->time_ns;
      least_ns = way_ns >= 0 && way_ns < least_ns ? way_ns : least_ns;
      break;
    }
  }
  return least_ns == INT64_MAX ? 0 : least_ns;
}

/* From this point to the far side and back; from a point in the middle both ways count. */
static int64_t round_trip_ns(const struct recording_point *point)
{
  const int64_t to_server_ns = least_answer_ns(point, RECORDING_CLIENT);
  const int64_t to_client_ns = least_answer_ns(point, RECORDING_SERVER);
  return to_server_ns > to_client_ns ? to_server_ns : to_client_ns;
}

/* ---- all ---- */

static bool pass_side(struct plan_flow *flow, enum recording_side side,
                      const struct recording_point *near, const struct recording_point *far)
{
  struct flow_passages *passages = &flow->sides[side];
  const size_t most = near->packet_count + far->packet_count + 1;
  passages->passages = calloc(most, sizeof *passages->passages);
  if (passages->passages == NULL)
    return false;
  if (flow->both_ends) {
    struct matching matching = {.near = near, .far = far, .side = side};
    if (!pass_both(passages, &matching))
      return false;
  } else {
    const enum recording_place own =
        side == RECORDING_CLIENT ? RECORDED_AT_CLIENT : RECORDED_AT_SERVER;
    pass_one(passages, near, side, near->place == own || near->place == RECORDED_SOMEWHERE,
             round_trip_ns(near) / 2);
  }
  qsort(passages->passages, passages->count, sizeof *passages->passages, compare_passages);
  measure(passages);
  return true;
}

static void find_origin(struct plan_flow *flow)
{
  flow->origin_ns = INT64_MAX;
  for (int side = 0; side < RECORDING_SIDES; side++)
    if (flow->sides[side].count > 0) {
      const int64_t first_ns = passage_left_ns(&flow->sides[side].passages[0]);
      flow->origin_ns = first_ns < flow->origin_ns ? first_ns : flow->origin_ns;
    }
}

struct plan_flow *plan_flow_new(const struct recording *recording)
{
  struct plan_flow *flow = calloc(1, sizeof *flow);
  const struct recording_point *points[RECORDING_SIDES];
  struct base bases[RECORDING_SIDES];
  bool at_it[RECORDING_SIDES];
  if (flow == NULL)
    return NULL;
  flow->recording = recording;
  for (int side = 0; side < RECORDING_SIDES; side++)
    points[side] = recording_nearest(recording, (enum recording_side)side, &at_it[side]);
  if (points[0] == points[1] && recording->point_count > 1) /* places are not known: by order */
    points[1] = &recording->points[recording->point_count - 1];
  flow->both_ends = points[0] != points[1];
  for (int side = 0; side < RECORDING_SIDES; side++)
    bases[side] = find_base(recording, points[side], (enum recording_side)side);
  for (int side = 0; side < RECORDING_SIDES; side++)
    if (!pass_side(flow, (enum recording_side)side, points[side], points[1 - side])) {
      plan_flow_free(flow);
      return NULL;
    }
  for (int side = 0; side < RECORDING_SIDES; side++)
    number_bytes(flow, (enum recording_side)side, points[side], points[1 - side], bases);
  find_origin(flow);
  return flow;
}

void plan_flow_free(struct plan_flow *flow)
{
  if (flow == NULL)
    return;
  for (int side = 0; side < RECORDING_SIDES; side++)
    free(flow->sides[side].passages);
  free(flow);
}
