#include "analyzer/joint.h"

#include "analyzer/both_ends.h"
#include "analyzer/engine.h"
#include "analyzer/joint_alone.h"
#include "analyzer/joint_link.h"
#include "analyzer/socket_witness.h"
#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

#define REF_BUCKETS      (1u << 14)
#define LEDGER_RECORDS   65536u
#define LEDGER_BYTES_MAX (UINT64_C(768) << 20)

struct engine_context {
  struct joint *joint;
  uint8_t end;
};

/* Packets of one capture are in disorder by less than this, unless its clock was set. */
#define BACKWARDS_NS (50 * NS_PER_MS)

struct joint {
  struct joint_options options;
  struct joint_sink sink;
  const struct survey *survey;
  uint32_t ends;
  struct analyzer *engines[ANALYZER_ENDS_MAX];
  struct engine_context contexts[ANALYZER_ENDS_MAX];
  int64_t first_ns[ANALYZER_ENDS_MAX], last_ns[ANALYZER_ENDS_MAX]; /* corrected */
  int64_t last_raw_ns[ANALYZER_ENDS_MAX];
  enum drop_knowledge drops[ANALYZER_ENDS_MAX];
  bool backwards[ANALYZER_ENDS_MAX]; /* its times, corrected, run so */
  bool declared[ANALYZER_ENDS_MAX];
  struct lane_pool pool;
  struct link **links; /* by the pair's index; NULL: not begun, or over */
  bool *over;          /* by the pair's index: reported */
  uint32_t pair_count;
  uint64_t connections;
  struct link_ref *refs[REF_BUCKETS];
  struct joint_alone alone; /* connections that only one engine knows */
  struct link *feeding;     /* to which the packet belongs that an engine is looking at; or NULL */
  uint64_t feeding_begun;   /* connections that this engine knew before it */
  struct joint_connection scratch;
  struct connection_summary whole;
};

const char *evidence_level_name(enum evidence_level level)
{
  static const char *const names[] = {"one-end", "both-ends", "with-sockets"};
  return names[level];
}

void joint_options_default(struct joint_options *options)
{
  analyzer_options_default(&options->engine);
  options->ledger_records = LEDGER_RECORDS;
}

static uint32_t bucket_of(uint8_t end, uint64_t engine_id, uint32_t buckets)
{
  return (uint32_t)((engine_id * UINT64_C(0x9e3779b97f4a7c15) + end) >> 32) & (buckets - 1);
}

static struct link_ref *find_ref(struct joint *joint, uint8_t end, uint64_t engine_id)
{
  struct link_ref *ref = joint->refs[bucket_of(end, engine_id, REF_BUCKETS)];
  while (ref != NULL && (ref->engine_id != engine_id || ref->end != end))
    ref = ref->next;
  return ref;
}

static void unhook_ref(struct joint *joint, struct link_ref *ref)
{
  struct link_ref **at = &joint->refs[bucket_of(ref->end, ref->engine_id, REF_BUCKETS)];
  while (*at != NULL && *at != ref)
    at = &(*at)->next;
  if (*at != NULL)
    *at = ref->next;
  ref->engine_id = 0;
}

static void hook_ref(struct joint *joint, struct link_ref *ref, uint64_t engine_id)
{
  if (ref->engine_id != 0)
    unhook_ref(joint, ref);
  struct link_ref **bucket = &joint->refs[bucket_of(ref->end, engine_id, REF_BUCKETS)];
  ref->engine_id = engine_id;
  ref->next = *bucket;
  *bucket = ref;
}

/* The ref of an engine's connection; NULL: it is that point's alone. One that the packet being fed
 * has begun belongs where the packet does: findings may come of its first packet. */
static struct link_ref *ref_of(struct joint *joint, uint8_t end, uint64_t engine_id)
{
  struct link_ref *ref = find_ref(joint, end, engine_id);
  if (ref != NULL || joint->feeding == NULL || engine_id <= joint->feeding_begun)
    return ref;
  const uint32_t place = link_place(joint->feeding, end);
  if (joint->feeding->summaries[place] != NULL)
    return NULL; /* a second life, which the other points do not know of */
  hook_ref(joint, &joint->feeding->refs[place], engine_id);
  return &joint->feeding->refs[place];
}

static int64_t clock_uncertainty_ns(const struct joint *joint, uint8_t end)
{
  return end == 0
             ? 0
             : clock_map_uncertainty_ns(survey_clock(joint->survey, end), joint->last_raw_ns[end]);
}

static struct path_view *view_for_engine(void *context, uint8_t end, uint64_t connection_id)
{
  struct joint *joint = context;
  struct link_ref *ref = ref_of(joint, end, connection_id);
  if (ref == NULL || !ref->link->pair->order_known)
    return NULL; /* which end is whose cannot be told: each judges for itself */
  struct path_view *view = &ref->link->view;
  view->uncertainty_ns = 0;
  view->drops_at = joint->drops;
  for (int side = 0; side < 2; side++) {
    const uint8_t at = view->end[side];
    const int64_t uncertainty_ns = clock_uncertainty_ns(joint, at);
    view->drops[side] = joint->drops[at];
    view->last_ns[side] = joint->last_ns[at];
    if (!time_is_valid(uncertainty_ns) || !time_is_valid(view->uncertainty_ns))
      view->uncertainty_ns = TIME_INVALID;
    else
      view->uncertainty_ns += uncertainty_ns;
  }
  return view;
}

static bool was_silent(void *context, uint8_t end, int64_t from_ns, int64_t until_ns)
{
  const struct joint *joint = context;
  return joint->first_ns[end] > from_ns + (until_ns - from_ns) / 2 ||
         engine_captured_nothing(joint->engines[end], from_ns, until_ns);
}

static bool ran_backwards(void *context, uint8_t end)
{
  return ((const struct joint *)context)->backwards[end];
}

static int64_t stepped_ns(void *context, uint8_t end, int64_t from_ns, int64_t until_ns)
{
  const struct joint *joint = context;
  const struct clock_map *map = survey_clock(joint->survey, end);
  int64_t largest_ns = 0;
  for (uint32_t p = 1; end != 0 && p < map->piece_count; p++) {
    const struct clock_piece *before = &map->pieces[p - 1], *after = &map->pieces[p];
    const int64_t step_ns = after->offset_ns - before->offset_ns;
    if (before->to_ns <= until_ns && after->from_ns >= from_ns &&
        llabs(step_ns) > llabs(largest_ns))
      largest_ns = step_ns;
  }
  return largest_ns;
}

static bool is_declared(void *context, uint8_t end)
{
  return ((const struct joint *)context)->declared[end];
}

static bool socket_for_engine(void *context, uint8_t end, uint64_t connection_id,
                              enum stream_side side, struct socket_witness *witness)
{
  struct joint *joint = context;
  const struct link_ref *ref = ref_of(joint, end, connection_id);
  return ref != NULL && ref->link->pair->order_known &&
         link_find_socket(ref->link, joint->engines, side, witness);
}

static enum evidence_level level_of(const struct joint *joint, const struct link *link)
{
  struct socket_witness witness;
  return link_find_socket(link, joint->engines, SIDE_CLIENT, &witness) ||
                 link_find_socket(link, joint->engines, SIDE_SERVER, &witness)
             ? EVIDENCE_WITH_SOCKETS
             : EVIDENCE_BOTH_ENDS;
}

static struct joint_connection *describe_one_end(struct joint *joint, uint8_t end,
                                                 const struct connection_summary *summary)
{
  struct joint_connection *connection = &joint->scratch;
  joint->whole = *summary;
  joint->whole.id = joint_alone_id(&joint->alone, end, summary->id, &joint->connections);
  connection->id = joint->whole.id;
  connection->level = summary->sampled_sides != 0 ? EVIDENCE_WITH_SOCKETS : EVIDENCE_ONE_END;
  connection->view_count = 1;
  connection->views[0] = summary;
  connection->whole = &joint->whole;
  connection->pair = NULL;
  connection->hop_count = 0;
  return connection;
}

/* The sender's end did not watch at that time: the other end is the only witness. */
static bool is_only_witness(const struct joint *joint, const struct link *link,
                            const struct finding *finding)
{
  const uint8_t near = link->ends[link_near_place(link, finding->sender)];
  return !time_is_valid(joint->first_ns[near]) || finding->end_ns < joint->first_ns[near] ||
         finding->start_ns > joint->last_ns[near];
}

static bool deserves_telling(const struct joint *joint, const struct link *link,
                             const struct finding *finding)
{
  if (link_was_told(link, finding))
    return false;
  if (finding->kind == FINDING_ABORT || is_only_witness(joint, link, finding))
    return true;
  return finding->location == LOCATION_FORWARD_PATH && finding->confidence > CONFIDENCE_POSSIBLE &&
         (finding->kind == FINDING_STALL || finding->kind == FINDING_CRAWL);
}

static struct finding *take_held(struct link *link, uint32_t which)
{
  struct finding *finding = link->held[which];
  link->held_count--;
  for (uint32_t i = which; i < link->held_count; i++) {
    link->held[i] = link->held[i + 1];
    link->held_by[i] = link->held_by[i + 1];
  }
  return finding;
}

/* What has been told meanwhile need not wait: there is room for few, and few are remembered. */
static void forget_held(const struct joint *joint, struct link *link)
{
  for (uint32_t i = link->held_count; i-- > 0;) {
    if (!deserves_telling(joint, link, link->held[i]))
      free(take_held(link, i));
  }
}

static void hand_over(struct joint *joint, const struct link *link,
                      const struct connection_summary *summary, const struct finding *finding)
{
  if (joint->sink.finding == NULL)
    return;
  struct joint_connection *connection = &joint->scratch;
  joint->whole = *summary;
  joint->whole.id = link->id;
  connection->id = link->id;
  connection->level = level_of(joint, link);
  connection->view_count = 1;
  connection->views[0] = summary;
  connection->whole = &joint->whole;
  connection->pair = link->pair;
  connection->hop_count = 0;
  joint->sink.finding(joint->sink.context, connection, finding);
}

static void give_finding(struct joint *joint, struct link *link,
                         const struct connection_summary *summary, const struct finding *finding)
{
  struct finding given = *finding;
  if (link->findings >= joint->options.engine.limits.findings_per_connection) {
    link->suppressed++;
    return;
  }
  given.id = ++link->findings;
  link_note_told(link, &given);
  forget_held(joint, link);
  hand_over(joint, link, summary, &given);
}

/* What lasts; told when it is over where there is no room for more. */
static void give_open(struct joint *joint, struct link *link, uint32_t place,
                      const struct connection_summary *summary, const struct finding *finding)
{
  struct finding given = *finding;
  const bool room = link->findings < joint->options.engine.limits.findings_per_connection;
  given.id = link_open(link, place, finding->id, room, &given.state);
  if (given.id != 0)
    hand_over(joint, link, summary, &given);
}

/* true: it was told open, and is closed now. */
static bool give_closed(struct joint *joint, struct link *link, uint32_t place,
                        const struct connection_summary *summary, const struct finding *finding)
{
  struct finding given = *finding;
  given.id = link_close_open(link, place, finding->id);
  if (given.id == 0)
    return false;
  link_note_told(link, &given);
  forget_held(joint, link);
  hand_over(joint, link, summary, &given);
  return true;
}

static void release_held(struct joint *joint, struct link *link)
{
  const struct connection_summary *summary = link->summaries[link->held_by[0]];
  struct finding *finding = take_held(link, 0);
  both_ends_settle_reset(&link->view, finding);
  if (summary != NULL && deserves_telling(joint, link, finding))
    give_finding(joint, link, summary, finding);
  free(finding);
}

static void hold(const struct joint *joint, struct link *link, uint32_t place,
                 const struct finding *finding)
{
  if (!deserves_telling(joint, link, finding))
    return; /* nor will it later */
  if (link->held_count == LINK_HELD) {
    link->suppressed++;
    return;
  }
  struct finding *copy = malloc(sizeof *copy);
  if (copy == NULL)
    return;
  *copy = *finding;
  link->held_by[link->held_count] = (uint8_t)place;
  link->held[link->held_count++] = copy;
}

static void on_finding(void *context, const struct connection_summary *summary,
                       const struct finding *finding)
{
  const struct engine_context *engine = context;
  struct joint *joint = engine->joint;
  struct link_ref *ref = ref_of(joint, engine->end, summary->id);
  if (ref == NULL) {
    if (joint->sink.finding != NULL)
      joint->sink.finding(joint->sink.context, describe_one_end(joint, engine->end, summary),
                          finding);
    return;
  }
  struct link *link = ref->link;
  const uint32_t place = link_place(link, engine->end);
  if (link_is_superseded(link, finding))
    return;
  if (finding->kind == FINDING_ABORT && link->forged_told)
    return; /* what the hosts do about a connection that one of them thinks is over */
  link->forged_told |= link_is_unseen_reset(link, finding, place);
  const bool is_near = place == link_near_place(link, finding->sender);
  if (finding->state != FINDING_CLOSED) {
    const uint8_t near = link->ends[link_near_place(link, finding->sender)];
    if (is_near || !time_is_valid(joint->first_ns[near])) /* it has never watched */
      give_open(joint, link, place, summary, finding);
    return;
  }
  if (give_closed(joint, link, place, summary, finding) || finding->location == LOCATION_NONE)
    return;
  if (is_near)
    give_finding(joint, link, summary, finding);
  else
    hold(joint, link, place, finding);
}

struct mismatch_context_of {
  struct joint *joint;
  struct link *link;
};

static void on_mismatch(void *context, const struct finding *finding)
{
  const struct mismatch_context_of *of = context;
  const struct connection_summary *summary = NULL;
  for (uint32_t i = 0; i < of->link->point_count && summary == NULL; i++)
    summary = of->link->summaries[i];
  if (summary != NULL)
    give_finding(of->joint, of->link, summary, finding);
}

static void conclude(struct joint *joint, struct link *link)
{
  while (link->held_count > 0)
    release_held(joint, link);
  struct connection_summary whole;
  struct joint_connection *connection = calloc(1, sizeof *connection);
  if (connection != NULL) {
    const uint32_t suppressed = link->suppressed;
    link_conclude(link, joint->last_ns, &whole, connection);
    if (whole.sampled_sides != 0)
      connection->level = EVIDENCE_WITH_SOCKETS;
    struct mismatch_context_of of = {joint, link};
    const struct mismatch_sink sink = {&of, on_mismatch};
    if (connection->view_count > 1)
      link_mismatches(link, &whole, &sink);
    whole.findings = link->findings;
    whole.findings_suppressed += link->suppressed - suppressed;
    if (joint->sink.connection != NULL)
      joint->sink.connection(joint->sink.context, connection);
    free(connection);
  }
  const uint32_t index = (uint32_t)(link->pair - survey_pair(joint->survey, 0));
  for (uint32_t i = 0; i < link->point_count; i++) {
    if (link->refs[i].engine_id != 0)
      unhook_ref(joint, &link->refs[i]);
  }
  joint->links[index] = NULL;
  joint->over[index] = true;
  if (joint->feeding == link)
    joint->feeding = NULL;
  link_free(link);
}

static void on_connection(void *context, const struct connection_summary *summary)
{
  const struct engine_context *engine = context;
  struct joint *joint = engine->joint;
  struct link_ref *ref = ref_of(joint, engine->end, summary->id);
  const uint32_t place = ref != NULL ? link_place(ref->link, engine->end) : 0;
  struct connection_summary *copy = NULL;
  if (ref != NULL && ref->link->summaries[place] == NULL)
    copy = malloc(sizeof *copy);
  if (copy == NULL) { /* seen here only, or a second life of it */
    if (joint->sink.connection != NULL)
      joint->sink.connection(joint->sink.context, describe_one_end(joint, engine->end, summary));
    joint_alone_forget(&joint->alone, engine->end, summary->id);
    return;
  }
  *copy = *summary;
  struct link *link = ref->link;
  link->summaries[place] = copy;
  for (uint32_t i = 0; i < link->point_count; i++) {
    if (link->summaries[i] == NULL)
      return;
  }
  conclude(joint, link);
}

struct joint *joint_new(uint32_t ends, const struct joint_options *options,
                        const struct survey *survey, const struct joint_sink *sink)
{
  struct joint *joint = calloc(1, sizeof *joint);
  if (joint == NULL)
    return NULL;
  joint->options = *options;
  joint->sink = *sink;
  joint->survey = survey;
  joint->ends = ends;
  joint->pool =
      (struct lane_pool){.bytes_max = LEDGER_BYTES_MAX, .records_max = options->ledger_records};
  joint->pair_count = survey_pair_count(survey);
  joint->links = calloc((size_t)joint->pair_count + 1, sizeof(struct link *));
  joint->over = calloc((size_t)joint->pair_count + 1, sizeof(bool));
  bool ready = joint->links != NULL && joint->over != NULL;
  for (uint32_t end = 0; end < ends && ready; end++) {
    joint->contexts[end] = (struct engine_context){joint, (uint8_t)end};
    joint->first_ns[end] = joint->last_ns[end] = joint->last_raw_ns[end] = TIME_INVALID;
    const struct analyzer_sink engine_sink = {&joint->contexts[end], on_finding, on_connection};
    joint->engines[end] = analyzer_new(&options->engine, &engine_sink);
    ready = joint->engines[end] != NULL;
    if (ready)
      joint->engines[end]->paths = (struct path_source){.context = joint,
                                                        .view = view_for_engine,
                                                        .was_silent = was_silent,
                                                        .stepped_ns = stepped_ns,
                                                        .declared = is_declared,
                                                        .socket = socket_for_engine,
                                                        .ran_backwards = ran_backwards};
  }
  if (ready)
    return joint;
  joint_free(joint);
  return NULL;
}

void joint_free(struct joint *joint)
{
  if (joint == NULL)
    return;
  for (uint32_t end = 0; end < joint->ends; end++)
    analyzer_free(joint->engines[end]);
  for (uint32_t i = 0; joint->links != NULL && i < joint->pair_count; i++)
    link_free(joint->links[i]);
  joint_alone_free(&joint->alone);
  free(joint->links);
  free(joint->over);
  free(joint);
}

void joint_declare_vantage(struct joint *joint, uint8_t end, enum vantage vantage)
{
  joint->declared[end] = vantage == VANTAGE_CLIENT || vantage == VANTAGE_SERVER;
  analyzer_declare_vantage(joint->engines[end], end, vantage);
}

void joint_declare_host(struct joint *joint, uint8_t end, const struct ip_address *address)
{
  joint->declared[end] = true;
  analyzer_declare_host(joint->engines[end], end, address);
}

void joint_declare_drops(struct joint *joint, uint8_t end)
{
  joint->drops[end] = DROPS_SOME;
  analyzer_declare_drops(joint->engines[end], end);
}

void joint_declare_complete(struct joint *joint, uint8_t end)
{
  joint->drops[end] = DROPS_NONE;
  analyzer_declare_complete(joint->engines[end], end);
}

static bool is_strange(int64_t time_ns)
{
  return time_ns < 0 || time_ns > INT64_MAX / 2;
}

int64_t joint_time_ns(const struct joint *joint, uint8_t end, int64_t time_ns)
{
  if (end == 0 || is_strange(time_ns))
    return time_ns;
  return clock_map_to_a(survey_clock(joint->survey, end), time_ns);
}

#define NO_INDEX UINT32_MAX

/* The index of the pair to which a packet belongs; NO_INDEX: none. */
static uint32_t index_of(const struct joint *joint, const struct packet *packet)
{
  const struct pair_member *member;
  if (packet->kind != PACKET_TCP)
    return NO_INDEX;
  const struct connection_pair *pair = survey_find(joint->survey, packet, &member);
  if (pair == NULL || pair->certainty == PAIR_POSSIBLE)
    return NO_INDEX;
  return (uint32_t)(pair - survey_pair(joint->survey, 0));
}

/* Clocks without a bound are as wrong as a long path is long. */
#define SLACK_MIN_NS (10 * NS_PER_MS)
#define SLACK_MAX_NS (2 * NS_PER_S)

/* How far two captures' clocks may be wrong, at their worst. */
static int64_t clock_slack_ns(const struct joint *joint, const struct connection_pair *pair)
{
  int64_t slack_ns = SLACK_MIN_NS;
  for (uint32_t i = 0; i < pair->member_count; i++) {
    const struct clock_map *map = survey_clock(joint->survey, pair->members[i].end);
    for (uint32_t p = 0; p < map->piece_count; p++) {
      const int64_t uncertainty_ns = map->pieces[p].uncertainty_ns;
      if (!time_is_valid(uncertainty_ns) || uncertainty_ns > SLACK_MAX_NS / 2)
        return SLACK_MAX_NS;
      if (2 * uncertainty_ns > slack_ns)
        slack_ns = 2 * uncertainty_ns;
    }
  }
  return slack_ns;
}

/* The link of that pair, begun with its first packet; NULL: over, or no memory. */
static struct link *link_at(struct joint *joint, uint32_t index)
{
  if (joint->links[index] == NULL && !joint->over[index]) {
    const struct connection_pair *pair = survey_pair(joint->survey, index);
    joint->links[index] = link_new(pair, ++joint->connections, &joint->pool, joint->first_ns);
    if (joint->links[index] != NULL)
      link_set_slack(joint->links[index], clock_slack_ns(joint, pair));
  }
  return joint->links[index];
}

static void note_time(struct joint *joint, uint8_t end, int64_t raw_ns, int64_t time_ns)
{
  if (is_strange(raw_ns))
    return;
  if (!time_is_valid(joint->first_ns[end]))
    joint->first_ns[end] = time_ns;
  if (!time_is_valid(joint->last_ns[end]) || time_ns > joint->last_ns[end])
    joint->last_ns[end] = time_ns;
  joint->backwards[end] |= time_ns < joint->last_ns[end] - BACKWARDS_NS;
  joint->last_raw_ns[end] = raw_ns;
}

/* The engine's connection is that of the link, unless it belongs elsewhere already: an engine need
 * not cut in two what the survey does. */
static void claim(struct joint *joint, struct link *link, uint8_t end, uint64_t engine_id)
{
  const uint32_t place = link_place(link, end);
  struct link_ref *ref = &link->refs[place];
  if (ref->engine_id == engine_id || engine_id == 0 || link->summaries[place] != NULL ||
      find_ref(joint, end, engine_id) != NULL || joint_alone_has(&joint->alone, end, engine_id))
    return;
  hook_ref(joint, ref, engine_id);
}

/* packet: its time is right. */
static int feed(struct joint *joint, const struct packet *packet, const struct joint_place *place)
{
  const uint8_t end = packet->end;
  struct analyzer *engine = joint->engines[end];
  note_time(joint, end, place->captured_ns, packet->time_ns);
  struct link *link = place->pair != NO_INDEX ? link_at(joint, place->pair) : NULL;
  if (link != NULL && !is_strange(place->captured_ns))
    link_packet(link, end, packet);
  joint->feeding = link;
  joint->feeding_begun = engine->stats.connections;
  const int status = engine_feed(engine, packet, place->hash);
  if (joint->feeding != NULL)
    claim(joint, joint->feeding, end, engine_last_connection(engine));
  joint->feeding = NULL;
  return status;
}

void joint_sample(struct joint *joint, const struct host_sample *sample)
{
  struct host_sample corrected = *sample;
  if (sample->end >= joint->ends)
    return;
  corrected.time_ns = joint_time_ns(joint, sample->end, sample->time_ns);
  analyzer_sample(joint->engines[sample->end], &corrected);
}

void joint_locate(const struct joint *joint, struct packet *packet, struct joint_place *place)
{
  *place = (struct joint_place){packet->time_ns, index_of(joint, packet),
                                flow_hash(&joint->engines[packet->end]->flows, packet)};
  packet->time_ns = joint_time_ns(joint, packet->end, packet->time_ns);
}

int joint_packet(struct joint *joint, const struct packet *packet)
{
  struct packet corrected = *packet;
  struct joint_place place;
  joint_locate(joint, &corrected, &place);
  return feed(joint, &corrected, &place);
}

/* As analyzer_packets(): the way to a packet's memory is begun some packets ahead. */
#define AHEAD_BUCKET 8
#define AHEAD_TOUCH  4

static void look_up(const struct joint *joint, const struct joint_located *located)
{
  const struct joint_place *place = located->place;
  flow_table_prefetch_bucket(&joint->engines[located->packet->end]->flows, place->hash);
  if (place->pair != NO_INDEX && joint->links[place->pair] != NULL)
    __builtin_prefetch(&joint->links[place->pair]->view.lanes[0]);
}

static void touch(const struct joint *joint, const struct joint_located *located)
{
  const struct joint_place *place = located->place;
  flow_table_prefetch_connection(&joint->engines[located->packet->end]->flows, place->hash);
  if (place->pair != NO_INDEX && joint->links[place->pair] != NULL)
    link_prefetch(joint->links[place->pair]);
}

int joint_packets(struct joint *joint, const struct joint_located *located, size_t count)
{
  for (size_t i = 0; i < count + AHEAD_BUCKET; i++) {
    if (i < count)
      look_up(joint, &located[i]);
    size_t at = i - (AHEAD_BUCKET - AHEAD_TOUCH); /* wraps around at first, to far above count */
    if (at < count)
      touch(joint, &located[at]);
    at = i - AHEAD_BUCKET;
    const int status = at < count ? feed(joint, located[at].packet, located[at].place) : 0;
    if (status != 0)
      return status;
  }
  return 0;
}

void joint_advance(struct joint *joint, int64_t now_ns)
{
  for (uint32_t end = 0; end < joint->ends; end++)
    analyzer_advance(joint->engines[end], now_ns);
}

void joint_finish(struct joint *joint)
{
  for (uint32_t end = 0; end < joint->ends; end++)
    analyzer_finish(joint->engines[end]);
  for (uint32_t i = 0; i < joint->pair_count; i++) {
    struct link *link = joint->links[i];
    bool any = false;
    for (uint32_t place = 0; link != NULL && place < link->point_count; place++)
      any |= link->summaries[place] != NULL;
    if (any)
      conclude(joint, link);
  }
}

void joint_get_stats(const struct joint *joint, uint8_t end, struct analyzer_stats *stats)
{
  analyzer_get_stats(joint->engines[end], stats);
}

uint64_t joint_records_forgotten(const struct joint *joint)
{
  return joint->pool.forgotten;
}
