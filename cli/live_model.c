#include "cli/live_model.h"

#include "cli/live_names.h"
#include "cli/packet_strip.h"
#include "wire/timestamp.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_NS      (60 * NS_PER_S) /* of the past */
#define BUCKET_NS     (SHOWN_NS / MODEL_BUCKETS)
#define PACKETS_NS    NS_PER_S        /* how old the plots may be */
#define GONE_AFTER_NS (30 * NS_PER_S) /* so long a connection that is over stays in the list */
#define FORGET_NS     (5 * NS_PER_S)  /* the table of names is made anew for that: not too often */
/* Of the connection that is looked at, and as many others of that time; some 2 ms. */
#define PACKETS_SHOWN 100000u
/* Of all connections together, some 6 KB each; the oldest that are over are forgotten. */
#define FINDINGS_MAX 4096u
/* Connections that for so long only one end has seen are looked at together: perhaps they are the
 * same under other names. So many of each end, with so many packets; again so soon while that pairs
 * some, and else more and more seldom. Each is compared with each: some milliseconds. */
#define ALONE_NS          (2 * NS_PER_S)
#define ALONE_MAX         24u
#define STUDIED_MAX       256u /* of each end, those that are looked at beside them included */
#define PAIRING_PACKETS   8000u
#define PAIRING_NS        (2 * NS_PER_S)
#define PAIRING_SELDOM_NS (60 * NS_PER_S)

struct told {
  uint64_t connection;
  uint32_t finding;
};

struct live_model {
  const struct recorder_end_options *ends;
  uint32_t end_count;
  struct monitor *monitor; /* NULL: not now */
  struct model *model;
  struct live_names_table names;
  uint64_t next_id;
  uint8_t looking_at; /* end */
  /* Connections that only this end has seen, at this look; some of them. */
  uint32_t alone[ANALYZER_ENDS_MAX];
  struct window_connection loners[ANALYZER_ENDS_MAX][ALONE_MAX];
  int64_t refreshed_ns, loaded_ns, bucket_ns, forgot_ns;
  int64_t pairing_ns, pairing_step_ns; /* the next one */
  struct told *told; /* a ring of FINDINGS_MAX, in the order of their first word */
  uint32_t told_first, told_count;
  uint64_t findings_forgotten;
};

static void name_endpoint(const struct endpoint *endpoint, char out[MODEL_NAME_SIZE])
{
  char text[INET6_ADDRSTRLEN] = "?";
  const bool four = endpoint->ip_version == 4;
  inet_ntop(four ? AF_INET : AF_INET6,
            four ? endpoint->address.bytes + 12 : endpoint->address.bytes, text, sizeof text);
  snprintf(out, MODEL_NAME_SIZE, four ? "%s:%u" : "[%s]:%u", text, endpoint->port);
}

/* ---- connections ---- */

/* NULL: there are too many, or no memory. */
static struct model_connection *show_new(struct live_model *live, struct live_name *place,
                                         const struct connection_summary *summary)
{
  struct model_connection *connection =
      place != NULL ? model_take(live->model, live->next_id) : NULL;
  if (place == NULL)
    live->model->left_out++;
  if (connection == NULL)
    return NULL;
  const struct live_name name = {.id = live->next_id++,
                                 .client = summary->client,
                                 .server = summary->server,
                                 .end = summary->end,
                                 .seen_end = summary->end,
                                 .bytes = {summary->streams[0].bytes, summary->streams[1].bytes}};
  live_names_keep(&live->names, place, &name);
  name_endpoint(&summary->client, connection->client);
  name_endpoint(&summary->server, connection->server);
  return connection;
}

static struct model_connection *
show(struct live_model *live, const struct connection_summary *summary, struct live_name **name)
{
  *name = live_names_find(&live->names, &summary->client, &summary->server);
  struct model_connection *connection =
      *name != NULL && (*name)->id != 0 ? model_find(live->model, (*name)->id) : NULL;
  if (connection == NULL)
    connection = show_new(live, *name, summary);
  if (connection != NULL)
    (*name)->seen_ns = live->refreshed_ns;
  return connection;
}

/* The owner that matters: a wait before an idle stream, and of two waits the longer one. */
static struct model_owner owner_of(const struct model_connection *connection,
                                   const struct stream_now now[2])
{
  struct model_owner owner = {.kind = OWNER_IDLE, .since_ns = TIME_INVALID};
  for (int side = 0; side < 2; side++) {
    if (now[side].state == STREAM_MOVING && owner.kind == OWNER_IDLE)
      owner.kind = OWNER_MOVING;
    if (now[side].state != STREAM_WAITING ||
        (owner.kind == OWNER_LOCATION && owner.since_ns <= now[side].since_ns))
      continue;
    owner = (struct model_owner){.kind = OWNER_LOCATION,
                                 .location = now[side].owner,
                                 .since_ns = now[side].since_ns,
                                 .sender = (enum stream_side)side};
  }
  /* what was studied with both ends counts for more than what one end guesses */
  for (uint32_t i = 0; i < connection->finding_count; i++) {
    const struct finding *finding = connection->findings[i];
    if (finding->state == FINDING_CLOSED || finding->location == LOCATION_NONE)
      continue;
    owner = (struct model_owner){.kind = OWNER_LOCATION,
                                 .location = finding->location,
                                 .since_ns = finding->start_ns,
                                 .sender = finding->sender};
    break;
  }
  if (connection->summary.closed)
    owner.kind = OWNER_CLOSED;
  return owner;
}

/* Where there are many, always others. */
static void note_loner(struct live_model *live, const struct connection_summary *summary)
{
  const uint32_t count = live->alone[live->looking_at]++;
  if (count >= ALONE_MAX && (count + live->next_id) % 7 != 0)
    return;
  live->loners[live->looking_at][count % ALONE_MAX] =
      (struct window_connection){.a = summary->client, .b = summary->server};
}

static void on_now(void *context, const struct connection_summary *summary,
                   const struct stream_now now[2])
{
  struct live_model *live = context;
  struct live_name *name;
  struct model_connection *connection = show(live, summary, &name);
  if (connection == NULL)
    return;
  model_set_view(connection, summary, name->seq_shift);
  const bool several = (connection->ends & (connection->ends - 1)) != 0;
  if (several && connection->level == EVIDENCE_ONE_END)
    connection->level = EVIDENCE_BOTH_ENDS;
  if (!several && !summary->closed && live->refreshed_ns - summary->start_ns > ALONE_NS)
    note_loner(live, summary);
  if (name->alias || name->end != live->looking_at)
    return;
  for (int side = 0; side < 2; side++) {
    const uint64_t bytes = summary->streams[side].bytes;
    if (bytes > name->bytes[side])
      connection->sent_bytes[side][MODEL_BUCKETS - 1] += (uint32_t)(bytes - name->bytes[side]);
    name->bytes[side] = bytes;
  }
  connection->summary = *summary;
  connection->has_owner = true;
  connection->owner = owner_of(connection, now);
}

/* The activity moves to the left as time goes on. */
static void shift_buckets(struct live_model *live, int64_t now_ns)
{
  struct model *model = live->model;
  int64_t steps = (now_ns - live->bucket_ns) / BUCKET_NS;
  if (live->bucket_ns == 0 || steps > MODEL_BUCKETS) {
    live->bucket_ns = now_ns;
    steps = MODEL_BUCKETS;
  }
  if (steps <= 0)
    return;
  if (steps < MODEL_BUCKETS)
    live->bucket_ns += steps * BUCKET_NS;
  for (uint32_t i = 0; i < model->count; i++)
    for (int side = 0; side < 2; side++) {
      uint32_t *sent = model->connections[i]->sent_bytes[side];
      memmove(sent, sent + steps, (size_t)(MODEL_BUCKETS - steps) * sizeof *sent);
      memset(sent + MODEL_BUCKETS - steps, 0, (size_t)steps * sizeof *sent);
    }
}

static void on_gone(void *context, uint64_t id)
{
  const struct live_model *live = context;
  model_remove(live->model, id);
}

/* ---- findings ---- */

static int find_finding(const struct model_connection *connection, uint32_t id)
{
  for (uint32_t i = 0; connection != NULL && i < connection->finding_count; i++)
    if (connection->findings[i]->id == id)
      return (int)i;
  return -1;
}

static void push_told(struct live_model *live, struct told told)
{
  live->told[(live->told_first + live->told_count++) % FINDINGS_MAX] = told;
}

/* One that still goes on gets another turn. */
static void forget_oldest(struct live_model *live)
{
  const struct told told = live->told[live->told_first];
  struct model_connection *connection = model_find(live->model, told.connection);
  const int at = find_finding(connection, told.finding);
  live->told_first = (live->told_first + 1) % FINDINGS_MAX;
  live->told_count--;
  if (at < 0)
    return;
  if (connection->findings[at]->state != FINDING_CLOSED) {
    push_told(live, told);
    return;
  }
  free(connection->findings[at]);
  connection->finding_count--;
  memmove(connection->findings + at, connection->findings + at + 1,
          (connection->finding_count - (uint32_t)at) * sizeof(struct finding *));
  connection->findings_version++;
  live->findings_forgotten++;
}

static void add_finding(struct live_model *live, struct model_connection *connection,
                        const struct finding *finding)
{
  const bool known = find_finding(connection, finding->id) >= 0;
  for (uint32_t i = 0; !known && i < FINDINGS_MAX && live->told_count == FINDINGS_MAX; i++)
    forget_oldest(live);
  model_add_finding(connection, finding);
  if (!known && live->told_count < FINDINGS_MAX)
    push_told(live, (struct told){connection->id, finding->id});
}

/* ---- the same connection under other names ---- */

/* The connection that one of a pair's members is shown as already: the first of them. */
static const struct live_name *shown_as(const struct live_model *live,
                                        const struct connection_pair *pair)
{
  const struct live_name *first = NULL;
  for (uint32_t i = 0; i < pair->member_count; i++) {
    const struct pair_member *member = &pair->members[i];
    const struct live_name *name = live_names_find(&live->names, &member->client, &member->server);
    if (name != NULL && name->id != 0 && !name->alias && (first == NULL || name->id < first->id))
      first = name;
  }
  return first;
}

/* What was shown apart so far becomes part of the other one. */
static void join(struct live_model *live, uint64_t part_id, uint64_t whole_id)
{
  const struct model_connection *part = model_find(live->model, part_id);
  struct model_connection *whole = model_find(live->model, whole_id);
  if (part == NULL || whole == NULL || part == whole)
    return;
  for (uint32_t i = 0; i < part->finding_count; i++) {
    const struct finding finding = *part->findings[i]; /* it may be the oldest, and be forgotten */
    add_finding(live, whole, &finding);
  }
  if (part->level > whole->level)
    whole->level = part->level;
  whole->ends |= part->ends;
  model_remove(live->model, part_id);
}

/* Returns whether something was learnt. */
static bool learn(struct live_model *live, const struct connection_pair *pair)
{
  const struct live_name *first = pair->certainty != PAIR_POSSIBLE ? shown_as(live, pair) : NULL;
  bool learnt = false;
  if (first == NULL)
    return false;
  const uint64_t id = first->id;
  for (uint32_t i = 0; i < pair->member_count; i++) {
    const struct pair_member *member = &pair->members[i];
    struct live_name *place = live_names_find(&live->names, &member->client, &member->server);
    if (place == NULL || place->id == id)
      continue;
    const uint64_t before = place->id;
    const struct live_name name = {.id = id,
                                   .client = member->client,
                                   .server = member->server,
                                   .alias = true,
                                   .seen_end = member->end,
                                   .seq_shift = {member->seq_shift[0], member->seq_shift[1]},
                                   .seen_ns = live->refreshed_ns};
    live_names_keep(&live->names, place, &name);
    join(live, before, id);
    learnt = true;
  }
  return learnt;
}

static struct survey *survey_part(uint32_t ends, const struct window_part *part)
{
  struct survey_limits limits;
  survey_limits_default(&limits);
  limits.connections = STUDIED_MAX;
  struct survey *survey = survey_new(ends, &limits);
  int status = survey != NULL ? 0 : -1;
  for (uint32_t end = 0; end < ends; end++)
    for (uint32_t i = 0; i < part->counts[end] && status == 0; i++)
      status = survey_packet(survey, part->packets[end][i]);
  if (status == 0)
    status = survey_solve(survey);
  if (status == 0)
    return survey;
  survey_free(survey);
  return NULL;
}

static bool pair_all(struct live_model *live)
{
  struct window_connection loners[WINDOW_CONNECTIONS_MAX];
  struct window_wish wish = {.ends = live->end_count,
                             .connections = loners,
                             .from_ns = live->model->start_ns,
                             .packets_max = PAIRING_PACKETS,
                             .only_these = true};
  for (uint32_t end = 0; end < live->end_count; end++)
    for (uint32_t i = 0; i < live->alone[end] && i < ALONE_MAX; i++)
      if (wish.connection_count < WINDOW_CONNECTIONS_MAX)
        loners[wish.connection_count++] = live->loners[end][i];
  struct window_part part;
  bool learnt = false;
  if (monitor_take(live->monitor, &wish, &part) < 0)
    return false;
  struct survey *survey = survey_part(live->end_count, &part);
  for (uint32_t i = 0; survey != NULL && i < survey_pair_count(survey); i++)
    learnt |= learn(live, survey_pair(survey, i));
  survey_free(survey);
  window_part_free(&part);
  return learnt;
}

static void pair_if_due(struct live_model *live)
{
  uint32_t ends = 0;
  for (uint32_t end = 0; end < live->end_count; end++)
    ends += live->alone[end] > 0;
  if (ends < 2 || live->refreshed_ns < live->pairing_ns)
    return;
  const bool learnt = pair_all(live);
  live->pairing_step_ns = learnt ? PAIRING_NS : 2 * live->pairing_step_ns;
  if (live->pairing_step_ns > PAIRING_SELDOM_NS)
    live->pairing_step_ns = PAIRING_SELDOM_NS;
  live->pairing_ns = live->refreshed_ns + live->pairing_step_ns;
}

bool live_model_names(const struct live_model *live, const struct model_connection *connection,
                      uint32_t end, struct live_names *names)
{
  const struct connection_summary *summary = &connection->summary;
  *names = (struct live_names){.client = summary->client, .server = summary->server};
  for (uint32_t i = 0; i < LIVE_NAMES_SLOTS && live->names.aliases > 0; i++) {
    const struct live_name *name = &live->names.slots[i];
    if (name->id != connection->id || !name->alias || name->seen_end != end)
      continue;
    *names = (struct live_names){.client = name->client,
                                 .server = name->server,
                                 .seq_shift = {name->seq_shift[0], name->seq_shift[1]}};
    return true;
  }
  return (connection->ends >> end & 1) != 0;
}

/* ---- packets ---- */

static void add_packets(struct packet_strip *strip, const struct live_names *names, uint32_t end,
                        const struct window_part *part, const struct clock_map *clock)
{
  for (uint32_t i = 0; i < part->counts[end]; i++) {
    struct packet packet = *part->packets[end][i];
    const struct endpoint src = {.address = packet.src, .port = packet.src_port};
    const struct endpoint dst = {.address = packet.dst, .port = packet.dst_port};
    if (clock != NULL && clock->piece_count > 0)
      packet.time_ns = clock_map_to_a(clock, packet.time_ns);
    if (packet.kind != PACKET_TCP)
      packet_strip_foreign(strip, &packet);
    else if (live_endpoint_equals(&src, &names->client) &&
             live_endpoint_equals(&dst, &names->server))
      packet_strip_add(strip, &packet, SIDE_CLIENT);
    else if (live_endpoint_equals(&src, &names->server) &&
             live_endpoint_equals(&dst, &names->client))
      packet_strip_add(strip, &packet, SIDE_SERVER);
  }
}

static int take_part(const struct live_model *live, const struct live_names *names,
                     struct window_part *part)
{
  const int64_t from_ns = live->model->start_ns;
  const struct window_connection connection = {
      .a = names->client, .b = names->server, .start_ns = from_ns, .end_ns = from_ns};
  const struct window_wish wish = {.ends = live->end_count,
                                   .connections = &connection,
                                   .connection_count = 1,
                                   .from_ns = from_ns,
                                   .packets_max = PACKETS_SHOWN};
  return monitor_take(live->monitor, &wish, part);
}

/* One end's, as it names the connection. An end on another host has a clock of its own, which is
 * fitted if it can be. */
static int load_end(const struct live_model *live, struct packet_strip *strip,
                    const struct model_connection *connection, uint32_t end)
{
  struct connection_summary view = connection->summary;
  struct live_names names;
  struct window_part part;
  live_model_names(live, connection, end, &names);
  if (take_part(live, &names, &part) < 0)
    return -1;
  struct survey *survey =
      live->ends[end].kind == RECORDER_STREAM ? survey_part(live->end_count, &part) : NULL;
  view.client = names.client;
  view.server = names.server;
  view.end = (uint8_t)end;
  packet_strip_view(strip, &view, names.seq_shift);
  add_packets(strip, &names, end, &part,
              survey != NULL ? survey_clock(survey, (uint8_t)end) : NULL);
  survey_free(survey);
  window_part_free(&part);
  return 0;
}

static int load(void *context, const struct model_connection *connection,
                struct model_packets *packets)
{
  const struct live_model *live = context;
  struct packet_strip strip;
  int status = live->monitor != NULL ? 0 : -1;
  packet_strip_begin(&strip, packets);
  for (uint32_t end = 0; end < live->end_count && status == 0; end++)
    status = load_end(live, &strip, connection, end);
  return packet_strip_finish(&strip) == 0 ? status : -1;
}

/* ---- */

struct live_model *live_model_new(const struct recorder_end_options *ends, uint32_t end_count)
{
  struct live_model *live = calloc(1, sizeof *live);
  if (live == NULL)
    return NULL;
  *live = (struct live_model){.ends = ends,
                              .end_count = end_count,
                              .next_id = 1,
                              .pairing_step_ns = PAIRING_NS,
                              .told = calloc(FINDINGS_MAX, sizeof *live->told),
                              .model = model_new()};
  if (!live_names_init(&live->names) || live->model == NULL || live->told == NULL) {
    live_model_free(live);
    return NULL;
  }
  live->model->live = true;
  live->model->load = load;
  live->model->load_context = live;
  live->model->end_count = end_count;
  for (uint32_t i = 0; i < end_count; i++)
    snprintf(live->model->ends[i].name, sizeof live->model->ends[i].name, "%s", ends[i].interface);
  return live;
}

void live_model_free(struct live_model *live)
{
  if (live == NULL)
    return;
  model_free(live->model);
  live_names_free(&live->names);
  free(live->told);
  free(live);
}

uint64_t live_model_forgotten(const struct live_model *live)
{
  return live->findings_forgotten;
}

struct model *live_model_shown(struct live_model *live)
{
  return live->model;
}

void live_model_lend(struct live_model *live, struct monitor *monitor)
{
  live->monitor = monitor;
}

void live_model_refresh(struct live_model *live, struct monitor *monitor, int64_t now_ns)
{
  live->monitor = monitor;
  live->refreshed_ns = now_ns;
  live->model->start_ns = now_ns - SHOWN_NS;
  live->model->end_ns = live->model->now_ns = now_ns;
  live->model->left_out = 0;
  shift_buckets(live, now_ns);
  for (uint32_t end = 0; end < live->end_count; end++) {
    live->looking_at = (uint8_t)end;
    live->alone[end] = 0;
    monitor_each_now(monitor, end, on_now, live);
  }
  if (now_ns - live->forgot_ns >= FORGET_NS) {
    live->forgot_ns = now_ns;
    live_names_forget(&live->names, now_ns - GONE_AFTER_NS, on_gone, live);
  }
  pair_if_due(live);
  if (now_ns - live->loaded_ns >= PACKETS_NS) {
    live->loaded_ns = now_ns;
    live->model->packets_of = 0; /* drawn anew from what has come meanwhile */
  }
}

struct model_connection *live_model_take(struct live_model *live, const struct monitor_event *event)
{
  struct live_name *name;
  struct model_connection *connection = show(live, event->summary, &name);
  if (connection == NULL)
    return NULL;
  if (event->level > connection->level)
    connection->level = event->level;
  add_finding(live, connection, event->finding);
  if (event->pair != NULL && event->pair->member_count > 1)
    learn(live, event->pair);
  return model_find(live->model, name->id);
}
