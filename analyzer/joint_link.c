#include "analyzer/joint_link.h"

#include "analyzer/path_chain.h"
#include "analyzer/socket_witness.h"

#include "wire/timestamp.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two findings are one if they share so much of the shorter one. */
#define SAME_PERCENT    50
#define NO_PLACE        UINT32_MAX
#define ABORT_WITHIN_NS NS_PER_S
/* or within so many times the longest way so far, and so much more */
#define ABORT_DELAY_TIMES   2
#define ABORT_DELAY_MORE_NS (200 * NS_PER_MS)

static void order_points(struct link *link)
{
  const struct connection_pair *pair = link->pair;
  link->point_count = pair->member_count;
  for (uint32_t i = 0; i < pair->member_count; i++) {
    uint32_t at = i;
    for (; at > 0 && link->members[at - 1]->place > pair->members[i].place; at--)
      link->members[at] = link->members[at - 1];
    link->members[at] = &pair->members[i];
  }
  for (uint32_t i = 0; i < link->point_count; i++) {
    link->ends[i] = link->members[i]->end;
    link->refs[i].link = link;
    link->refs[i].end = link->ends[i];
  }
}

/* The lane of `sender`'s packets from place `near` to place `far`. */
static void begin_lane(struct link *link, struct lane *lane, enum stream_side sender, uint32_t near,
                       uint32_t far, struct lane_pool *pool, const int64_t *far_first_ns)
{
  const struct pair_member *from = link->members[near], *to = link->members[far];
  lane_init(lane, pool, &far_first_ns[to->end], to->seq_shift[sender] - from->seq_shift[sender],
            to->seq_shift[sender ^ 1] - from->seq_shift[sender ^ 1]);
}

static bool begin_hops(struct link *link, struct lane_pool *pool, const int64_t *far_first_ns)
{
  struct path_view *view = &link->view;
  const uint32_t hops = link->point_count - 1;
  if (hops < 2)
    return true;
  view->hop_ends = link->ends;
  view->hop_lanes[0] = calloc(hops, sizeof *view->hop_lanes[0]);
  view->hop_lanes[1] = calloc(hops, sizeof *view->hop_lanes[1]);
  if (view->hop_lanes[0] == NULL || view->hop_lanes[1] == NULL)
    return false;
  view->hop_count = hops;
  for (uint32_t hop = 0; hop < hops; hop++) {
    begin_lane(link, &view->hop_lanes[SIDE_CLIENT][hop], SIDE_CLIENT, hop, hop + 1, pool,
               far_first_ns);
    begin_lane(link, &view->hop_lanes[SIDE_SERVER][hop], SIDE_SERVER, hop + 1, hop, pool,
               far_first_ns);
  }
  return true;
}

struct link *link_new(const struct connection_pair *pair, uint64_t id, struct lane_pool *pool,
                      const int64_t *far_first_ns)
{
  struct link *link = calloc(1, sizeof *link);
  if (link == NULL)
    return NULL;
  assert(pair->member_count >= 2);
  link->pair = pair;
  link->id = id;
  order_points(link);
  const uint32_t last = link->point_count - 1;
  link->view.end[SIDE_CLIENT] = link->ends[0];
  link->view.end[SIDE_SERVER] = link->ends[last];
  link->view.sure = pair->certainty == PAIR_CERTAIN && pair->order_known;
  link->view.uncertainty_ns = TIME_INVALID;
  for (int side = 0; side < 2; side++) {
    link->view.shift[SIDE_CLIENT][side] = link->members[0]->seq_shift[side];
    link->view.shift[SIDE_SERVER][side] = link->members[last]->seq_shift[side];
  }
  begin_lane(link, &link->view.lanes[SIDE_CLIENT], SIDE_CLIENT, 0, last, pool, far_first_ns);
  begin_lane(link, &link->view.lanes[SIDE_SERVER], SIDE_SERVER, last, 0, pool, far_first_ns);
  pool->bytes += sizeof *link;
  if (!begin_hops(link, pool, far_first_ns)) {
    link_free(link);
    return NULL;
  }
  return link;
}

void link_set_slack(struct link *link, int64_t slack_ns)
{
  for (int side = 0; side < 2; side++) {
    link->view.lanes[side].early_max_ns = slack_ns;
    for (uint32_t hop = 0; hop < link->view.hop_count; hop++)
      link->view.hop_lanes[side][hop].early_max_ns = slack_ns;
  }
}

void link_free(struct link *link)
{
  if (link == NULL)
    return;
  link->view.lanes[0].pool->bytes -= sizeof *link;
  for (int side = 0; side < 2; side++) {
    lane_free(&link->view.lanes[side]);
    for (uint32_t hop = 0; hop < link->view.hop_count; hop++)
      lane_free(&link->view.hop_lanes[side][hop]);
    free(link->view.hop_lanes[side]);
    free(link->view.last_told[side]);
  }
  for (uint32_t i = 0; i < link->held_count; i++)
    free(link->held[i]);
  for (uint32_t i = 0; i < link->point_count; i++)
    free(link->summaries[i]);
  free(link);
}

uint32_t link_place(const struct link *link, uint8_t end)
{
  for (uint32_t i = 0; i < link->point_count; i++) {
    if (link->ends[i] == end)
      return i;
  }
  return NO_PLACE;
}

uint32_t link_near_place(const struct link *link, enum stream_side sender)
{
  return sender == SIDE_CLIENT ? 0 : link->point_count - 1;
}

static bool is_from(const struct endpoint *endpoint, const struct packet *packet)
{
  return endpoint->port == packet->src_port &&
         memcmp(&endpoint->address, &packet->src, sizeof packet->src) == 0;
}

static void pass(struct lane *lane, bool near, bool far, const struct packet *packet)
{
  if (near)
    lane_left(lane, packet);
  else if (far)
    lane_came(lane, packet);
}

static const struct packet *translate(const struct packet *packet, struct packet *shifted,
                                      uint32_t seq_shift, uint32_t ack_shift)
{
  *shifted = *packet;
  shifted->seq += seq_shift;
  if ((packet->flags & TCP_ACK) != 0)
    shifted->ack += ack_shift;
  return shifted;
}

void link_packet(struct link *link, uint8_t end, const struct packet *packet)
{
  const uint32_t place = link_place(link, end), last = link->point_count - 1;
  if (place == NO_PLACE)
    return;
  const struct pair_member *member = link->members[place];
  const enum stream_side side = is_from(&member->client, packet) ? SIDE_CLIENT : SIDE_SERVER;
  struct packet shifted;
  if ((member->seq_shift[0] | member->seq_shift[1]) != 0)
    packet = translate(packet, &shifted, member->seq_shift[side], member->seq_shift[side ^ 1]);
  const bool client = side == SIDE_CLIENT;
  struct path_view *view = &link->view;
  const bool first = place == (client ? 0 : last), final = place == (client ? last : 0);
  if (first || final)
    pass(&view->lanes[side], first, final, packet);
  if (first)
    lane_answered(&view->lanes[side ^ 1], packet);
  /* What comes here acknowledges what the other side sent from here. */
  if (final && (packet->flags & (TCP_ACK | TCP_RST)) == TCP_ACK)
    lane_acked(&view->lanes[side ^ 1], packet->ack);
  for (uint32_t hop = 0; hop < view->hop_count; hop++) {
    const uint32_t from = client ? hop : hop + 1, to = client ? hop + 1 : hop;
    if (place != from && place != to)
      continue;
    pass(&view->hop_lanes[side][hop], place == from, place == to, packet);
    if (place == to && (packet->flags & (TCP_ACK | TCP_RST)) == TCP_ACK)
      lane_acked(&view->hop_lanes[side ^ 1][hop], packet->ack);
  }
}

void link_prefetch(const struct link *link)
{
  lane_prefetch(&link->view.lanes[0]);
  lane_prefetch(&link->view.lanes[1]);
}

static struct link_open *find_open(struct link *link, uint32_t place, uint32_t engine_finding)
{
  for (uint32_t i = 0; i < LINK_OPEN_MAX; i++) {
    struct link_open *open = &link->open[i];
    if (open->id != 0 && open->place == place && open->engine_finding == engine_finding)
      return open;
  }
  return NULL;
}

uint32_t link_open(struct link *link, uint32_t place, uint32_t engine_finding, bool room,
                   enum finding_state *state)
{
  struct link_open *open = find_open(link, place, engine_finding);
  *state = open == NULL ? FINDING_OPEN : FINDING_REVISED;
  for (uint32_t i = 0; i < LINK_OPEN_MAX && room && open == NULL; i++) {
    if (link->open[i].id != 0)
      continue;
    open = &link->open[i];
    *open = (struct link_open){engine_finding, ++link->findings, (uint8_t)place};
  }
  return open != NULL ? open->id : 0;
}

uint32_t link_close_open(struct link *link, uint32_t place, uint32_t engine_finding)
{
  struct link_open *open = find_open(link, place, engine_finding);
  if (open == NULL)
    return 0;
  const uint32_t id = open->id;
  open->id = 0;
  return id;
}

void link_note_told(struct link *link, const struct finding *finding)
{

  link->told[link->told_next++ % LINK_TOLD] =
      (struct told){finding->start_ns, finding->end_ns, finding->kind, finding->sender};
}

static bool is_wait(enum finding_kind kind)
{
  return kind == FINDING_STALL || kind == FINDING_CRAWL;
}

/* Two resets of one side further apart are two: the first one was lost. */
static int64_t abort_within_ns(const struct link *link, enum stream_side sender)
{
  const struct lane_stats *stats = &link->view.lanes[sender].stats;
  if (stats->delays == 0)
    return ABORT_WITHIN_NS;
  const int64_t within_ns = ABORT_DELAY_TIMES * stats->delay_max_ns + ABORT_DELAY_MORE_NS;
  return within_ns < ABORT_WITHIN_NS ? within_ns : ABORT_WITHIN_NS;
}

static bool is_same(const struct link *link, const struct told *told, const struct finding *finding)
{
  if (told->kind != finding->kind && !(is_wait(told->kind) && is_wait(finding->kind)))
    return false;
  if (told->sender != finding->sender || finding->kind == FINDING_MISMATCH)
    return false;
  if (finding->kind == FINDING_ABORT) /* the same reset, before and after its way */
    return llabs(told->end_ns - finding->end_ns) < abort_within_ns(link, finding->sender);
  const int64_t from_ns = told->start_ns > finding->start_ns ? told->start_ns : finding->start_ns;
  const int64_t until_ns = told->end_ns < finding->end_ns ? told->end_ns : finding->end_ns;
  const int64_t one_ns = told->end_ns - told->start_ns,
                other_ns = finding->end_ns - finding->start_ns;
  return until_ns >= from_ns &&
         time_is_share(until_ns - from_ns, one_ns < other_ns ? one_ns : other_ns, SAME_PERCENT);
}

bool link_was_told(const struct link *link, const struct finding *finding)
{

  const uint32_t count = link->told_next < LINK_TOLD ? link->told_next : LINK_TOLD;
  for (uint32_t i = 0; i < count; i++) {
    if (is_same(link, &link->told[i], finding))
      return true;
  }
  return false;
}

bool link_is_superseded(const struct link *link, const struct finding *finding)
{
  return finding->kind == FINDING_MISMATCH && link->view.lanes[0].changes.syn_compared &&
         link->view.lanes[1].changes.syn_compared;
}

bool link_is_unseen_reset(const struct link *link, const struct finding *finding, uint32_t place)
{
  return finding->cause == CAUSE_RST_INJECTED && link->view.sure &&
         place != link_near_place(link, finding->sender);
}

/* By the capture points' names; NULL: no engine has summarised it. */
static const struct connection_summary *first_summary(const struct link *link)
{
  for (uint32_t i = 0; i < link->pair->member_count; i++) {
    const struct connection_summary *summary =
        link->summaries[link_place(link, link->pair->members[i].end)];
    if (summary != NULL)
      return summary;
  }
  return NULL;
}

static void merge_whole(const struct link *link, struct connection_summary *whole)
{
  const struct connection_summary *first = first_summary(link);
  if (first == NULL)
    return;
  uint32_t suppressed = 0;
  *whole = *first;
  whole->id = link->id;
  for (uint32_t i = 0; i < link->point_count; i++) {
    const struct connection_summary *view = link->summaries[i];
    if (view == NULL)
      continue;
    if (view->start_ns < whole->start_ns)
      whole->start_ns = view->start_ns;
    if (view->end_ns > whole->end_ns)
      whole->end_ns = view->end_ns;
    whole->established |= view->established;
    whole->closed |= view->closed;
    whole->roles_from_syn |= view->roles_from_syn;
    whole->sampled_sides |= view->sampled_sides;
    whole->quality |= view->quality;
    if (view->findings_suppressed > suppressed)
      suppressed = view->findings_suppressed; /* many of them by several engines */
  }
  for (int side = 0; side < 2; side++) {
    const struct connection_summary *near =
        link->summaries[link_near_place(link, (enum stream_side)side)];
    const struct connection_summary *source = near != NULL ? near : first;
    struct stream_summary *stream = &whole->streams[side];
    *stream = source->streams[side];
    /* The budget adds up to the whole's life: what lies before and behind this point's is idle. */
    stream->idle_ns += (whole->end_ns - whole->start_ns) - (source->end_ns - source->start_ns);
  }
  whole->findings = link->findings;
  whole->findings_suppressed = link->suppressed + suppressed;
}

static void summarise_hop(struct hop_summary *hop, struct lane *lane, uint8_t from, uint8_t to,
                          const int64_t *last_ns)
{
  lane_finish(lane, last_ns[to]);
  const struct lane_stats *stats = &lane->stats;
  *hop = (struct hop_summary){
      .from_end = from,
      .to_end = to,
      .packets = stats->left,
      .arrived = stats->came,
      .lost_segments = stats->lost_segments,
      .lost_bytes = stats->lost_bytes,
      .lost_acks = stats->lost_acks,
      .unsettled = stats->unsettled,
      .uncaptured = stats->uncaptured,
      .reordered = stats->reordered,
      .duplicated = stats->duplicated,
      .corrupted = stats->corrupted,
      .delay_min_ns = stats->delay_min_ns,
      .delay_max_ns = stats->delay_max_ns,
      .delay_mean_ns =
          stats->delays > 0 ? (int64_t)(stats->delay_sum_ns / (double)stats->delays) : TIME_INVALID,
      .changes = lane->changes,
  };
}

static struct lane *hop_lane(struct link *link, enum stream_side side, uint32_t nth, uint8_t *from,
                             uint8_t *to)
{
  struct path_view *view = &link->view;
  const bool client = side == SIDE_CLIENT;
  if (view->hop_count == 0) {
    *from = view->end[side];
    *to = view->end[side ^ 1];
    return &view->lanes[side];
  }
  const uint32_t hop = client ? nth : view->hop_count - 1 - nth;
  *from = link->ends[client ? hop : hop + 1];
  *to = link->ends[client ? hop + 1 : hop];
  return &view->hop_lanes[side][hop];
}

/* A point between two others is on neither host, whatever TTLs and checksums look like there. */
static void settle_vantages(struct link *link)
{
  for (uint32_t i = 1; i + 1 < link->point_count && link->pair->order_known; i++) {
    struct connection_summary *view = link->summaries[i];
    if (view == NULL || view->vantage_source == VANTAGE_DECLARED)
      continue;
    view->vantage = VANTAGE_MIDDLE;
    snprintf(view->vantage_reason, sizeof view->vantage_reason,
             "other capture points lie on both sides of it");
  }
}

void link_conclude(struct link *link, const int64_t *last_ns, struct connection_summary *whole,
                   struct joint_connection *connection)
{
  settle_vantages(link);
  merge_whole(link, whole);
  connection->id = link->id;
  connection->level = EVIDENCE_BOTH_ENDS;
  connection->view_count = 0;
  for (uint32_t i = 0; i < link->pair->member_count; i++) {
    const struct connection_summary *view =
        link->summaries[link_place(link, link->pair->members[i].end)];
    if (view != NULL)
      connection->views[connection->view_count++] = view;
  }
  connection->whole = whole;
  connection->pair = link->pair;
  if (connection->view_count < 2)
    connection->level = EVIDENCE_ONE_END;
  connection->hop_count = link->view.hop_count > 0 ? link->view.hop_count : 1;
  for (int side = 0; side < 2; side++) {
    for (uint32_t nth = 0; nth < connection->hop_count; nth++) {
      uint8_t from, to;
      struct lane *lane = hop_lane(link, (enum stream_side)side, nth, &from, &to);
      summarise_hop(&connection->hops[side][nth], lane, from, to, last_ns);
    }
  }
}

void link_mismatches(struct link *link, const struct connection_summary *whole,
                     const struct mismatch_sink *sink)
{
  const uint32_t hops = link->view.hop_count > 0 ? link->view.hop_count : 1;
  struct mismatch_context context = {.whole = whole, .certain = link->view.sure};
  for (int side = 0; side < 2; side++)
    context.views[side] = link->summaries[link_near_place(link, (enum stream_side)side)];
  for (int side = 0; side < 2; side++) {
    for (uint32_t nth = 0; nth < hops; nth++) {
      uint8_t from, to, back_from, back_to;
      const struct lane *lane = hop_lane(link, (enum stream_side)side, nth, &from, &to);
      const bool first_hop = from == link->view.end[side];
      context.certain = link->view.sure &&
                        path_syn_is_one(lane, first_hop ? link->view.drops[side] : DROPS_UNKNOWN);
      context.back =
          &hop_lane(link, (enum stream_side)(side ^ 1), hops - 1 - nth, &back_from, &back_to)
               ->changes;
      mismatch_findings(&lane->changes, (enum stream_side)side, from, to, &context, sink);
    }
  }
}

bool link_find_socket(const struct link *link, struct analyzer *const *engines,
                      enum stream_side side, struct socket_witness *witness)
{
  const uint32_t places = link->point_count > 1 ? link->point_count - 1 : 1;
  for (uint32_t i = 0; i < places; i++) {
    const uint32_t place = side == SIDE_CLIENT ? i : link->point_count - 1 - i;
    const struct pair_member *member = link->members[place];
    const struct endpoint *own = side == SIDE_CLIENT ? &member->client : &member->server;
    const struct endpoint *peer = side == SIDE_CLIENT ? &member->server : &member->client;
    if (socket_witness_at(engines[member->end]->samples, member->end, own, peer, witness))
      return true;
  }
  return false;
}
