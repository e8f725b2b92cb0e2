#include "report/collect.h"

#include "report/finding_heap.h"
#include "report/joint_sums.h"
#include "wire/timestamp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct connection_record {
  uint64_t id;
  struct packed *packed;
  struct connection_shape shape;
};

/* What was seen at one capture point. */
struct end_record {
  uint64_t connections, packets, syns_unanswered;
  uint32_t quality; /* of its connections */
};

/* While it collects, `findings` is a heap with the least telling one at its root, so that a better
 * one replaces it in O(log n); collect_arrange() turns it into a list, worst first. `connections`
 * grows in the order in which connections end and is sorted by id then. */
struct collect {
  struct collect_options options;
  struct report_overview overview;
  struct report_capture captures[ANALYZER_ENDS_MAX];
  struct end_record ends[ANALYZER_ENDS_MAX];
  struct clock_map clocks[ANALYZER_ENDS_MAX];
  uint8_t end;      /* of the capture that is being analysed by itself */
  uint64_t id_base; /* added to the analyzer's ids */
  uint64_t id_last;
  uint64_t forgotten, syns_forgotten; /* connections that engines forgot at once, at the end where
                                         they were most */
  uint64_t syns_kept, plain_kept;
  struct finding_record *findings;
  uint32_t finding_count, finding_room;
  struct connection_record *connections;
  uint32_t connection_count, connection_room;
  uint32_t *by_connection; /* finding indices by (connection, rank) */
  uint64_t packed_total;
  bool out_of_memory, arranged;
};

void collect_options_default(struct collect_options *options)
{
  *options = (struct collect_options){
      .limits = {.findings = COLLECT_FINDINGS_DEFAULT,
                 .connections = COLLECT_CONNECTIONS_DEFAULT,
                 .unanswered_syns = COLLECT_UNANSWERED_SYNS_DEFAULT},
  };
}

struct collect *collect_new(const struct collect_options *options)
{
  struct collect *collect = calloc(1, sizeof *collect);
  if (collect == NULL)
    return NULL;
  collect->options = *options;
  struct report_overview *overview = &collect->overview;
  overview->min_stall_ns = options->min_stall_ns;
  overview->selected = options->selection.id != 0 || options->selection.endpoint_count != 0;
  for (int severity = 0; severity < 2; severity++)
    overview->longest[severity].waited_ns = TIME_INVALID;
  overview->capture_list = collect->captures;
  return collect;
}

static void finding_record_clear(struct finding_record *record)
{
  packed_free(record->finding);
  packed_free(record->connection);
}

void collect_free(struct collect *collect)
{
  if (collect == NULL)
    return;
  for (uint32_t i = 0; i < collect->finding_count; i++)
    finding_record_clear(&collect->findings[i]);
  for (uint32_t i = 0; i < collect->connection_count; i++)
    packed_free(collect->connections[i].packed);
  free(collect->findings);
  free(collect->connections);
  free(collect->by_connection);
  free(collect);
}

/* Makes room for one more element; doubles. */
static void *grow(void *array, uint32_t count, uint32_t *room, size_t element)
{
  if (count < *room)
    return array;
  const uint32_t more = *room == 0 ? 64 : *room * 2;
  void *grown = realloc(array, (size_t)more * element);
  if (grown != NULL)
    *room = more;
  return grown;
}

/* ---- selection ---- */

static bool endpoint_matches(const struct endpoint *wanted, const struct endpoint *endpoint)
{
  if (wanted->port != 0 && wanted->port != endpoint->port)
    return false;
  return memcmp(&wanted->address, &endpoint->address, sizeof wanted->address) == 0;
}

static bool seen_as_selected(const struct collect_selection *selection,
                             const struct endpoint *client, const struct endpoint *server)
{
  const struct endpoint *first = &selection->endpoints[0], *second = &selection->endpoints[1];
  if (selection->endpoint_count == 1)
    return endpoint_matches(first, client) || endpoint_matches(first, server);
  return (endpoint_matches(first, client) && endpoint_matches(second, server)) ||
         (endpoint_matches(first, server) && endpoint_matches(second, client));
}

/* pair: with the addresses at all points, of which a finding's connection has one view only; NULL:
 * those of the summary are all there are. */
static bool selected(const struct collect *collect, const struct report_connection *connection,
                     const struct connection_pair *pair)
{
  const struct collect_selection *selection = &collect->options.selection;
  if (selection->id != 0 && selection->id != connection->id)
    return false;
  if (selection->endpoint_count == 0 ||
      seen_as_selected(selection, &connection->summary->client, &connection->summary->server))
    return true;
  for (uint32_t i = 0; pair != NULL && i < pair->member_count; i++)
    if (seen_as_selected(selection, &pair->members[i].client, &pair->members[i].server))
      return true;
  return false;
}

/* ---- findings: a bounded heap ---- */

static void count_left_out(struct collect *collect, const struct finding_record *record)
{
  collect->overview.findings_left_out++;
  if (record->severity == SEVERITY_PROBLEM)
    collect->overview.problems_left_out++;
}

static struct packed *pack_connection(const struct collect *collect,
                                      const struct report_connection *connection,
                                      struct connection_shape *shape)
{
  struct packed *packed = connection_pack(connection, shape);
  if (collect->overview.joint.ends == 0)
    shape->end = collect->end;
  return packed;
}

static bool pack_finding(struct collect *collect, struct finding_record *record,
                         const struct report_connection *connection, const struct finding *finding)
{
  record->finding = packed_new(finding, sizeof *finding);
  record->connection = pack_connection(collect, connection, &record->shape);
  if (record->finding == NULL || record->connection == NULL) {
    finding_record_clear(record);
    collect->out_of_memory = true;
    return false;
  }
  collect->packed_total += packed_bytes(record->finding) + packed_bytes(record->connection);
  return true;
}

static void drop_finding(struct collect *collect, struct finding_record *record)
{
  collect->packed_total -= packed_bytes(record->finding) + packed_bytes(record->connection);
  finding_record_clear(record);
}

static void keep_finding(struct collect *collect, struct finding_record *record,
                         const struct report_connection *connection, const struct finding *finding)
{
  if (collect->finding_count >= collect->options.limits.findings) {
    if (collect->finding_count == 0 || finding_rank_compare(record, &collect->findings[0]) >= 0) {
      count_left_out(collect, record);
      return;
    }
    if (!pack_finding(collect, record, connection, finding))
      return;
    count_left_out(collect, &collect->findings[0]);
    drop_finding(collect, &collect->findings[0]);
    collect->findings[0] = *record;
    finding_heap_sift_down(collect->findings, collect->finding_count, 0);
    return;
  }
  struct finding_record *grown = grow(collect->findings, collect->finding_count,
                                      &collect->finding_room, sizeof *collect->findings);
  if (grown == NULL) {
    collect->out_of_memory = true;
    return;
  }
  collect->findings = grown;
  if (!pack_finding(collect, record, connection, finding))
    return;
  grown[collect->finding_count] = *record;
  finding_heap_sift_up(grown, collect->finding_count++);
}

static void count_finding(struct report_overview *overview, const struct finding *finding, int sign)
{
  uint64_t *total = finding->severity == SEVERITY_PROBLEM ? &overview->problems : &overview->infos;
  *total += (uint64_t)sign;
  overview->causes[finding->severity][finding->cause] += (uint64_t)sign;
}

/* A revised finding replaces what was said before. Returns true if there was something. */
static bool replace_revised(struct collect *collect, struct finding_record *record,
                            const struct report_connection *connection,
                            const struct finding *finding)
{
  for (uint32_t i = 0; i < collect->finding_count; i++) {
    struct finding_record *old = &collect->findings[i];
    if (old->connection_id != record->connection_id || old->id != record->id)
      continue;
    struct finding before;
    packed_get(old->finding, &before, sizeof before);
    if (!pack_finding(collect, record, connection, finding))
      return true;
    count_finding(&collect->overview, &before, -1);
    drop_finding(collect, old);
    *old = *record;
    finding_heap_sift_up(collect->findings, i);
    finding_heap_sift_down(collect->findings, collect->finding_count, i);
    return true;
  }
  return false;
}

static void add_finding(struct collect *collect, const struct report_connection *connection,
                        const struct finding *finding)
{
  struct finding_record record = {.connection_id = connection->id,
                                  .waited_ns = finding->waited_ns,
                                  .id = finding->id,
                                  .severity = (uint8_t)finding->severity,
                                  .kind = (uint8_t)finding->kind,
                                  .confidence = (uint8_t)finding->confidence};
  if (finding->state != FINDING_REVISED || !replace_revised(collect, &record, connection, finding))
    keep_finding(collect, &record, connection, finding);
  count_finding(&collect->overview, finding, 1);
  struct report_longest *longest = &collect->overview.longest[finding->severity];
  if (finding->waited_ns > longest->waited_ns)
    *longest = (struct report_longest){finding->waited_ns, connection->id, finding->location,
                                       finding->cause};
}

/* ---- connections ---- */

static bool add_record(struct collect *collect, uint64_t id, struct packed *packed,
                       const struct connection_shape *shape)
{
  struct connection_record *grown = grow(collect->connections, collect->connection_count,
                                         &collect->connection_room, sizeof *collect->connections);
  if (grown != NULL)
    collect->connections = grown;
  if (grown == NULL || packed == NULL) {
    packed_free(packed);
    collect->out_of_memory = true;
    return false;
  }
  grown[collect->connection_count++] = (struct connection_record){id, packed, *shape};
  collect->packed_total += packed_bytes(packed) + sizeof *grown;
  return true;
}

/* Whether the limits have room for a connection; those with findings have their limit in the
 * findings'. */
static bool room_for(struct collect *collect, const struct connection_summary *summary)
{
  const struct collect_limits *limits = &collect->options.limits;
  uint64_t *kept = &collect->plain_kept;
  uint64_t limit = limits->connections;
  if (summary->findings != 0) {
    limit = (uint64_t)limits->connections + limits->findings;
  } else if (!collect->options.every_connection) {
    return false;
  } else if (!summary->established) {
    kept = &collect->syns_kept;
    limit = limits->unanswered_syns;
  }
  if (*kept >= limit) {
    collect->overview.connections_left_out++;
    return false;
  }
  ++*kept;
  return true;
}

/* A direction that carried nothing was idle all the time and would only thin the sums out. */
static void add_budget(struct report_overview *overview, const struct connection_summary *summary)
{
  for (int side = 0; side < 2; side++) {
    const struct stream_summary *stream = &summary->streams[side];
    if (stream->bytes == 0)
      continue;
    overview->moving_ns += stream->moving_ns;
    overview->idle_ns += stream->idle_ns;
    for (int location = 0; location < LOCATION_COUNT; location++)
      overview->budget_ns[location] += stream->budget_ns[location];
  }
}

static void count_view(struct end_record *end, const struct connection_summary *view)
{
  end->connections++;
  end->packets += view->packets;
  end->syns_unanswered += joint_sums_unanswered(view);
  end->quality |= view->quality;
}

static void note_id(struct collect *collect, uint64_t id)
{
  if (id > collect->id_last)
    collect->id_last = id;
}

static void keep_connection(struct collect *collect, const struct report_connection *connection)
{
  collect->overview.findings_suppressed += connection->summary->findings_suppressed;
  add_budget(&collect->overview, connection->summary);
  struct connection_shape shape;
  if (room_for(collect, connection->summary)) {
    struct packed *packed = pack_connection(collect, connection, &shape);
    add_record(collect, connection->id, packed, &shape);
  }
}

/* ---- one capture by itself ---- */

static struct report_connection single(const struct collect *collect,
                                       const struct connection_summary *summary)
{
  return (struct report_connection){.id = collect->id_base + summary->id,
                                    .summary = summary,
                                    .level = summary->sampled_sides != 0 ? EVIDENCE_WITH_SOCKETS
                                                                         : EVIDENCE_ONE_END,
                                    .view_count = 1,
                                    .views = {summary}};
}

static void on_finding(void *context, const struct connection_summary *summary,
                       const struct finding *finding)
{
  struct collect *collect = context;
  const struct report_connection connection = single(collect, summary);
  if (selected(collect, &connection, NULL))
    add_finding(collect, &connection, finding);
}

static void on_connection(void *context, const struct connection_summary *summary)
{
  struct collect *collect = context;
  const struct report_connection connection = single(collect, summary);
  note_id(collect, connection.id);
  if (!selected(collect, &connection, NULL))
    return;
  count_view(&collect->ends[collect->end], summary);
  keep_connection(collect, &connection);
}

struct analyzer_sink collect_sink(struct collect *collect)
{
  return (struct analyzer_sink){collect, on_finding, on_connection};
}

int collect_begin_capture(struct collect *collect, uint8_t end)
{
  assert(!collect->arranged && collect->overview.joint.ends == 0);
  if (collect->overview.captures >= ANALYZER_ENDS_MAX)
    return ERROR_LIMIT;
  collect->end = end;
  collect->ends[end] = (struct end_record){0};
  collect->id_base = collect->id_last;
  return 0;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

/* What the engine forgot at once never came as a connection, but it was there. */
static void count_capture(struct collect *collect, const struct end_record *seen,
                          const struct analyzer_stats *stats)
{
  struct report_overview *overview = &collect->overview;
  if (overview->selected) {
    overview->connections += seen->connections;
    overview->packets += seen->packets;
    return;
  }
  overview->connections += larger(stats->connections, seen->connections);
  overview->packets += larger(stats->packets[PACKET_TCP], seen->packets);
  overview->syns_unanswered += stats->syns_unanswered;
}

/* ---- several captures together ---- */

int collect_begin_joint(struct collect *collect, uint32_t ends)
{
  assert(!collect->arranged && collect->overview.captures == 0);
  if (ends > ANALYZER_ENDS_MAX)
    return ERROR_LIMIT;
  collect->overview.joint.ends = ends;
  return 0;
}

void collect_set_clock(struct collect *collect, uint8_t end, const struct clock_map *map)
{
  assert(end < ANALYZER_ENDS_MAX);
  if (end == 0)
    return;
  collect->clocks[end] = *map;
  collect->overview.joint.clocks[end] = &collect->clocks[end];
}

/* connection and *pairing point into each other and into `joint`. */
static void describe_joint(const struct joint_connection *joint, bool with_hops,
                           struct report_connection *connection, struct report_pairing *pairing)
{
  *connection = (struct report_connection){.id = joint->id,
                                           .summary = joint->whole,
                                           .level = joint->level,
                                           .view_count = joint->view_count};
  for (uint32_t i = 0; i < joint->view_count; i++)
    connection->views[i] = joint->views[i];
  if (joint->pair != NULL) {
    joint_sums_pairing(joint, pairing);
    connection->pairing = pairing;
  }
  if (!with_hops || joint->view_count < 2)
    return;
  connection->hop_count = joint->hop_count;
  connection->hops[SIDE_CLIENT] = joint->hops[SIDE_CLIENT];
  connection->hops[SIDE_SERVER] = joint->hops[SIDE_SERVER];
}

static void on_joint_finding(void *context, const struct joint_connection *joint,
                             const struct finding *finding)
{
  struct report_connection connection;
  struct report_pairing pairing;
  describe_joint(joint, false, &connection, &pairing);
  if (selected(context, &connection, joint->pair))
    add_finding(context, &connection, finding);
}

static void on_joint_connection(void *context, const struct joint_connection *joint)
{
  struct collect *collect = context;
  struct report_connection connection;
  struct report_pairing pairing;
  describe_joint(joint, true, &connection, &pairing);
  note_id(collect, connection.id);
  if (!selected(collect, &connection, joint->pair))
    return;
  for (uint32_t i = 0; i < connection.view_count; i++)
    count_view(&collect->ends[connection.views[i]->end], connection.views[i]);
  collect->overview.connections++;
  collect->overview.syns_unanswered += joint_sums_unanswered(connection.summary);
  joint_sums_add(&collect->overview.joint, &connection);
  keep_connection(collect, &connection);
}

struct joint_sink collect_joint_sink(struct collect *collect)
{
  return (struct joint_sink){collect, on_joint_finding, on_joint_connection};
}

static void count_forgotten(uint64_t *sum, uint64_t *known, uint64_t told, uint64_t seen)
{
  if (told <= seen || told - seen <= *known)
    return;
  *sum += told - seen - *known;
  *known = told - seen;
}

/* A flood that all points saw is one flood: what their engines forgot counts once. */
static void count_joint_capture(struct collect *collect, const struct end_record *seen,
                                const struct analyzer_stats *stats)
{
  struct report_overview *overview = &collect->overview;
  if (overview->selected) {
    overview->packets += seen->packets;
    overview->syns_unanswered = 0;
    return;
  }
  overview->packets += larger(stats->packets[PACKET_TCP], seen->packets);
  count_forgotten(&overview->connections, &collect->forgotten, stats->connections,
                  seen->connections);
  count_forgotten(&overview->syns_unanswered, &collect->syns_forgotten, stats->syns_unanswered,
                  seen->syns_unanswered);
}

/* ---- captures ---- */

static void end_joint_capture(struct collect *collect, struct report_capture *own)
{
  count_joint_capture(collect, &collect->ends[own->end], &own->stats);
  own->first_id = 1;
  own->last_id = collect->id_last;
  if (own->end > 0 && collect->clocks[own->end].piece_count > 0)
    own->time_base = collect->captures[0].time_base; /* corrected to that clock */
}

int collect_end_capture(struct collect *collect, const struct report_capture *capture)
{
  struct report_overview *overview = &collect->overview;
  const bool joint = overview->joint.ends > 0;
  assert(overview->captures < ANALYZER_ENDS_MAX);
  assert(!joint || capture->end == overview->captures);
  struct report_capture *own = &collect->captures[overview->captures++];
  *own = *capture;
  if (joint) {
    end_joint_capture(collect, own);
  } else {
    own->end = collect->end;
    own->first_id = collect->id_base + 1;
    own->last_id = collect->id_last;
    count_capture(collect, &collect->ends[own->end], &capture->stats);
  }
  own->quality = collect->ends[own->end].quality;
  return collect->out_of_memory ? ERROR_MEMORY : 0;
}

const struct report_overview *collect_overview(const struct collect *collect)
{
  return &collect->overview;
}

uint32_t collect_capture_count(const struct collect *collect)
{
  return collect->overview.captures;
}

const struct report_capture *collect_capture(const struct collect *collect, uint32_t index)
{
  assert(index < collect->overview.captures);
  return &collect->captures[index];
}

uint64_t collect_memory_bytes(const struct collect *collect)
{
  return collect->packed_total + collect->finding_room * sizeof *collect->findings;
}

/* ---- order ---- */

static int id_compare(const void *left, const void *right)
{
  const struct connection_record *a = left, *b = right;
  return a->id < b->id ? -1 : a->id > b->id;
}

/* Among the first `count` connections, which are sorted. */
static uint32_t find_connection(const struct collect *collect, uint32_t count, uint64_t id)
{
  const struct connection_record key = {.id = id};
  if (count == 0)
    return UINT32_MAX;
  const struct connection_record *found =
      bsearch(&key, collect->connections, count, sizeof key, id_compare);
  return found == NULL ? UINT32_MAX : (uint32_t)(found - collect->connections);
}

uint32_t collect_connection_index(const struct collect *collect, uint64_t id)
{
  return find_connection(collect, collect->connection_count, id);
}

/* Every finding needs its connection: where a limit took the final summary, the one of that time
 * stands in. The findings are walked by connection, so that one is added once. */
static void complete_connections(struct collect *collect)
{
  const uint32_t sorted = collect->connection_count;
  uint64_t added = 0;
  for (uint32_t i = 0; i < collect->finding_count; i++) {
    const struct finding_record *record = &collect->findings[collect->by_connection[i]];
    if (record->connection_id == added ||
        find_connection(collect, sorted, record->connection_id) != UINT32_MAX)
      continue;
    struct packed *copy = packed_copy(record->connection);
    if (!add_record(collect, record->connection_id, copy, &record->shape))
      return;
    added = record->connection_id;
    if (collect->overview.connections_left_out > 0)
      collect->overview.connections_left_out--;
  }
}

static int by_connection_compare(const void *left, const void *right, void *context)
{
  const struct finding_record *findings = context;
  const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  if (findings[a].connection_id != findings[b].connection_id)
    return findings[a].connection_id < findings[b].connection_id ? -1 : 1;
  return a < b ? -1 : a > b; /* both in order of rank already */
}

static void sort_connections(struct collect *collect)
{
  if (collect->connection_count > 1)
    qsort(collect->connections, collect->connection_count, sizeof *collect->connections,
          id_compare);
}

int collect_arrange(struct collect *collect)
{
  if (collect->arranged)
    return 0;
  collect->arranged = true;
  if (collect->finding_count > 0) {
    qsort(collect->findings, collect->finding_count, sizeof *collect->findings,
          finding_rank_compare);
    collect->by_connection = calloc(collect->finding_count, sizeof *collect->by_connection);
    if (collect->by_connection == NULL)
      return ERROR_MEMORY;
    for (uint32_t i = 0; i < collect->finding_count; i++)
      collect->by_connection[i] = i;
    qsort_r(collect->by_connection, collect->finding_count, sizeof *collect->by_connection,
            by_connection_compare, collect->findings);
  }
  sort_connections(collect);
  complete_connections(collect);
  sort_connections(collect);
  collect->overview.connections_listed = collect->connection_count;
  return collect->out_of_memory ? ERROR_MEMORY : 0;
}

uint32_t collect_finding_count(const struct collect *collect)
{
  return collect->finding_count;
}

void collect_finding(const struct collect *collect, uint32_t index, struct finding *finding,
                     uint64_t *connection_id)
{
  assert(collect->arranged && index < collect->finding_count);
  packed_get(collect->findings[index].finding, finding, sizeof *finding);
  *connection_id = collect->findings[index].connection_id;
}

uint32_t collect_connection_count(const struct collect *collect)
{
  return collect->connection_count;
}

static const struct report_capture *capture_of(const struct collect *collect, uint8_t end)
{
  for (uint32_t i = 0; i < collect->overview.captures; i++)
    if (collect->captures[i].end == end)
      return &collect->captures[i];
  return &collect->captures[0];
}

void collect_connection(const struct collect *collect, uint32_t index,
                        struct report_connection *connection, struct connection_material *material)
{
  assert(collect->arranged && index < collect->connection_count);
  const struct connection_record *record = &collect->connections[index];
  connection->id = record->id;
  connection->capture = capture_of(collect, record->shape.end);
  connection_unpack(record->packed, &record->shape, material, connection);
}

/* First position in by_connection whose connection is not below id. */
static uint32_t lower_bound(const struct collect *collect, uint64_t id)
{
  uint32_t low = 0, high = collect->finding_count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (collect->findings[collect->by_connection[middle]].connection_id < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

uint32_t collect_connection_findings(const struct collect *collect, uint64_t id, uint32_t *first)
{
  *first = lower_bound(collect, id);
  return lower_bound(collect, id + 1) - *first;
}

uint32_t collect_finding_at(const struct collect *collect, uint32_t position)
{
  assert(collect->arranged && position < collect->finding_count);
  return collect->by_connection[position];
}
