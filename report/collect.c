#include "report/collect.h"

#include "report/packed.h"
#include "wire/timestamp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A finding with the connection as it was then: the final summary may fall to a limit, the finding
 * must not. */
struct finding_record {
  uint64_t connection_id;
  int64_t waited_ns;
  uint32_t id;
  uint8_t severity, kind, confidence;
  struct packed *finding, *connection;
};

struct connection_record {
  uint64_t id;
  struct packed *summary;
};

/* While it collects, `findings` is a heap with the least telling one at its root, so that a better
 * one replaces it in O(log n); collect_arrange() turns it into a list, worst first. `connections`
 * grows in the order in which connections end and is sorted by id then. */
struct collect {
  struct collect_options options;
  struct report_overview overview;
  struct report_capture captures[ANALYZER_ENDS_MAX];
  uint8_t end;      /* of the capture that is being analysed */
  uint64_t id_base; /* added to the analyzer's ids */
  uint64_t id_last;
  uint64_t seen_connections, seen_packets; /* of the current capture */
  uint32_t quality;                        /* of the current capture's connections */
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
    packed_free(collect->connections[i].summary);
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

static bool selected(const struct collect *collect, uint64_t id,
                     const struct connection_summary *connection)
{
  const struct collect_selection *selection = &collect->options.selection;
  const struct endpoint *client = &connection->client, *server = &connection->server;
  if (selection->id != 0 && selection->id != id)
    return false;
  if (selection->endpoint_count == 0)
    return true;
  const struct endpoint *first = &selection->endpoints[0], *second = &selection->endpoints[1];
  if (selection->endpoint_count == 1)
    return endpoint_matches(first, client) || endpoint_matches(first, server);
  return (endpoint_matches(first, client) && endpoint_matches(second, server)) ||
         (endpoint_matches(first, server) && endpoint_matches(second, client));
}

/* ---- findings: a bounded heap ---- */

/* Waits within a factor of two count as equally long, so that among them the certain one is told
 * first. */
static unsigned magnitude(int64_t waited_ns)
{
  unsigned bits = 0;
  for (int64_t ms = waited_ns / NS_PER_MS; ms > 0; ms /= 2)
    bits++;
  return bits;
}

/* What stood still or broke comes before a hold, which may be an upper bound only, and that before
 * facts about the path. */
static unsigned kind_order(unsigned kind)
{
  return kind == FINDING_MISMATCH ? 2 : kind == FINDING_HOLD ? 1 : 0;
}

/* Below 0: a is told before b. */
static int rank_compare(const void *left, const void *right)
{
  const struct finding_record *a = left, *b = right;
  if (a->severity != b->severity)
    return a->severity > b->severity ? -1 : 1;
  if (kind_order(a->kind) != kind_order(b->kind))
    return kind_order(a->kind) < kind_order(b->kind) ? -1 : 1;
  if (magnitude(a->waited_ns) != magnitude(b->waited_ns))
    return magnitude(a->waited_ns) > magnitude(b->waited_ns) ? -1 : 1;
  if (a->confidence != b->confidence)
    return a->confidence > b->confidence ? -1 : 1;
  if (a->waited_ns != b->waited_ns)
    return a->waited_ns > b->waited_ns ? -1 : 1;
  if (a->connection_id != b->connection_id)
    return a->connection_id < b->connection_id ? -1 : 1;
  return a->id < b->id ? -1 : a->id > b->id;
}

static void sift_up(struct finding_record *heap, uint32_t at)
{
  while (at > 0 && rank_compare(&heap[(at - 1) / 2], &heap[at]) < 0) {
    const struct finding_record parent = heap[(at - 1) / 2];
    heap[(at - 1) / 2] = heap[at];
    heap[at] = parent;
    at = (at - 1) / 2;
  }
}

static void sift_down(struct finding_record *heap, uint32_t count, uint32_t at)
{
  for (;;) {
    uint32_t weakest = at;
    for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
      if (rank_compare(&heap[weakest], &heap[child]) < 0)
        weakest = child;
    if (weakest == at)
      return;
    const struct finding_record moved = heap[at];
    heap[at] = heap[weakest];
    heap[weakest] = moved;
    at = weakest;
  }
}

static void count_left_out(struct collect *collect, const struct finding_record *record)
{
  collect->overview.findings_left_out++;
  if (record->severity == SEVERITY_PROBLEM)
    collect->overview.problems_left_out++;
}

static bool pack_finding(struct collect *collect, struct finding_record *record,
                         const struct connection_summary *connection, const struct finding *finding)
{
  record->finding = packed_new(finding, sizeof *finding);
  record->connection = packed_new(connection, sizeof *connection);
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
                         const struct connection_summary *connection, const struct finding *finding)
{
  if (collect->finding_count >= collect->options.limits.findings) {
    if (collect->finding_count == 0 || rank_compare(record, &collect->findings[0]) >= 0) {
      count_left_out(collect, record);
      return;
    }
    if (!pack_finding(collect, record, connection, finding))
      return;
    count_left_out(collect, &collect->findings[0]);
    drop_finding(collect, &collect->findings[0]);
    collect->findings[0] = *record;
    sift_down(collect->findings, collect->finding_count, 0);
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
  sift_up(grown, collect->finding_count++);
}

static void count_finding(struct report_overview *overview, const struct finding *finding, int sign)
{
  uint64_t *total = finding->severity == SEVERITY_PROBLEM ? &overview->problems : &overview->infos;
  *total += (uint64_t)sign;
  overview->causes[finding->severity][finding->cause] += (uint64_t)sign;
}

/* A revised finding replaces what was said before. Returns true if there was something. */
static bool replace_revised(struct collect *collect, struct finding_record *record,
                            const struct connection_summary *connection,
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
    sift_up(collect->findings, i);
    sift_down(collect->findings, collect->finding_count, i);
    return true;
  }
  return false;
}

static void on_finding(void *context, const struct connection_summary *connection,
                       const struct finding *finding)
{
  struct collect *collect = context;
  const uint64_t id = collect->id_base + connection->id;
  if (!selected(collect, id, connection))
    return;
  struct finding_record record = {.connection_id = id,
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
    *longest = (struct report_longest){finding->waited_ns, id, finding->location, finding->cause};
}

/* ---- connections ---- */

static bool add_connection(struct collect *collect, uint64_t id,
                           const struct connection_summary *summary)
{
  struct connection_record *grown = grow(collect->connections, collect->connection_count,
                                         &collect->connection_room, sizeof *collect->connections);
  struct packed *packed = packed_new(summary, sizeof *summary);
  if (grown != NULL)
    collect->connections = grown;
  if (grown == NULL || packed == NULL) {
    packed_free(packed);
    collect->out_of_memory = true;
    return false;
  }
  grown[collect->connection_count++] = (struct connection_record){id, packed};
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

static void on_connection(void *context, const struct connection_summary *connection)
{
  struct collect *collect = context;
  const uint64_t id = collect->id_base + connection->id;
  if (id > collect->id_last)
    collect->id_last = id;
  if (!selected(collect, id, connection))
    return;
  collect->seen_connections++;
  collect->seen_packets += connection->packets;
  collect->overview.findings_suppressed += connection->findings_suppressed;
  collect->quality |= connection->quality;
  add_budget(&collect->overview, connection);
  if (room_for(collect, connection))
    add_connection(collect, id, connection);
}

struct analyzer_sink collect_sink(struct collect *collect)
{
  return (struct analyzer_sink){collect, on_finding, on_connection};
}

/* ---- captures ---- */

int collect_begin_capture(struct collect *collect, uint8_t end)
{
  assert(!collect->arranged);
  if (collect->overview.captures >= ANALYZER_ENDS_MAX)
    return ERROR_LIMIT;
  collect->end = end;
  collect->id_base = collect->id_last;
  collect->quality = 0;
  collect->seen_connections = collect->seen_packets = 0;
  return 0;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

/* What the engine forgot at once never came as a connection, but it was there. */
static void count_capture(struct collect *collect, const struct analyzer_stats *stats)
{
  struct report_overview *overview = &collect->overview;
  if (overview->selected) {
    overview->connections += collect->seen_connections;
    overview->packets += collect->seen_packets;
    return;
  }
  overview->connections += larger(stats->connections, collect->seen_connections);
  overview->packets += larger(stats->packets[PACKET_TCP], collect->seen_packets);
  overview->syns_unanswered += stats->syns_unanswered;
}

int collect_end_capture(struct collect *collect, const struct report_capture *capture)
{
  struct report_capture *own = &collect->captures[collect->overview.captures++];
  *own = *capture;
  count_capture(collect, &capture->stats);
  own->end = collect->end;
  own->quality = collect->quality;
  own->first_id = collect->id_base + 1;
  own->last_id = collect->id_last;
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
    struct connection_summary summary;
    packed_get(record->connection, &summary, sizeof summary);
    if (!add_connection(collect, record->connection_id, &summary))
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
    qsort(collect->findings, collect->finding_count, sizeof *collect->findings, rank_compare);
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

static const struct report_capture *capture_of(const struct collect *collect, uint64_t id)
{
  for (uint32_t i = 0; i < collect->overview.captures; i++)
    if (id >= collect->captures[i].first_id && id <= collect->captures[i].last_id)
      return &collect->captures[i];
  return &collect->captures[0];
}

void collect_connection(const struct collect *collect, uint32_t index,
                        struct report_connection *connection, struct connection_summary *summary)
{
  assert(collect->arranged && index < collect->connection_count);
  const struct connection_record *record = &collect->connections[index];
  packed_get(record->summary, summary, sizeof *summary);
  *connection = (struct report_connection){record->id, capture_of(collect, record->id), summary};
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
