#include "tui/model.h"

#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

struct model *model_new(void)
{
  return calloc(1, sizeof(struct model));
}

static void free_connection(struct model_connection *connection)
{
  for (uint32_t i = 0; i < connection->finding_count; i++)
    free(connection->findings[i]);
  free(connection->findings);
  free(connection->views);
  free(connection);
}

void model_free(struct model *model)
{
  if (model == NULL)
    return;
  for (uint32_t i = 0; i < model->count; i++)
    free_connection(model->connections[i]);
  free(model->connections);
  free(model->packets.list);
  free(model);
}

/* Where a connection with that id is, or would have to be. */
static uint32_t position(const struct model *model, uint64_t id)
{
  uint32_t low = 0, high = model->count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (model->connections[middle]->id < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

struct model_connection *model_find(const struct model *model, uint64_t id)
{
  const uint32_t at = position(model, id);
  return at < model->count && model->connections[at]->id == id ? model->connections[at] : NULL;
}

static bool make_room(struct model *model)
{
  if (model->count % 64 != 0)
    return true;
  struct model_connection **grown =
      realloc(model->connections, (model->count + 64) * sizeof(struct model_connection *));
  if (grown != NULL)
    model->connections = grown;
  return grown != NULL;
}

struct model_connection *model_take(struct model *model, uint64_t id)
{
  const uint32_t at = position(model, id);
  if (at < model->count && model->connections[at]->id == id)
    return model->connections[at];
  struct model_connection *made = NULL;
  if (model->count < MODEL_CONNECTIONS_MAX && make_room(model))
    made = calloc(1, sizeof *made);
  if (made == NULL) {
    model->left_out++;
    return NULL;
  }
  made->id = id;
  memmove(model->connections + at + 1, model->connections + at,
          (model->count - at) * sizeof(struct model_connection *));
  model->connections[at] = made;
  model->count++;
  return made;
}

void model_remove(struct model *model, uint64_t id)
{
  const uint32_t at = position(model, id);
  if (at >= model->count || model->connections[at]->id != id)
    return;
  free_connection(model->connections[at]);
  model->count--;
  memmove(model->connections + at, model->connections + at + 1,
          (model->count - at) * sizeof(struct model_connection *));
}

/* What stood still or broke, before what was only seen. */
static int kind_rank(const struct finding *finding)
{
  return finding->kind == FINDING_HOLD ? 1 : finding->kind == FINDING_MISMATCH ? 2 : 0;
}

/* Problems first, then the longest wait. */
static int compare_findings(const void *left, const void *right)
{
  const struct finding *a = *(const struct finding *const *)left;
  const struct finding *b = *(const struct finding *const *)right;
  if (a->severity != b->severity)
    return a->severity > b->severity ? -1 : 1;
  if (kind_rank(a) != kind_rank(b))
    return kind_rank(a) < kind_rank(b) ? -1 : 1;
  if (a->waited_ns != b->waited_ns)
    return a->waited_ns > b->waited_ns ? -1 : 1;
  return a->id < b->id ? -1 : a->id > b->id;
}

void model_add_finding(struct model_connection *connection, const struct finding *finding)
{
  struct finding *place = NULL;
  for (uint32_t i = 0; i < connection->finding_count && place == NULL; i++)
    if (connection->findings[i]->id == finding->id)
      place = connection->findings[i];
  if (place == NULL && connection->finding_count == MODEL_FINDINGS_MAX)
    place = connection->findings[connection->finding_count - 1]; /* the least of them */
  if (place == NULL) {
    struct finding **grown =
        realloc(connection->findings, (connection->finding_count + 1) * sizeof(struct finding *));
    if (grown == NULL)
      return;
    connection->findings = grown;
    place = malloc(sizeof *place);
    if (place == NULL)
      return;
    connection->findings[connection->finding_count++] = place;
  }
  *place = *finding;
  connection->findings_version++;
  qsort(connection->findings, connection->finding_count, sizeof(struct finding *),
        compare_findings);
}

static int64_t bucket_width_ns(const struct model *model)
{
  const int64_t span_ns = model->end_ns - model->start_ns;
  return span_ns / MODEL_BUCKETS + 1;
}

bool model_bucket(const struct model *model, int64_t time_ns, uint32_t *bucket)
{
  if (!time_is_valid(time_ns) || time_ns < model->start_ns || time_ns > model->end_ns)
    return false;
  *bucket = (uint32_t)((time_ns - model->start_ns) / bucket_width_ns(model));
  return *bucket < MODEL_BUCKETS;
}

int64_t model_bucket_ns(const struct model *model, uint32_t bucket)
{
  return model->start_ns + (int64_t)bucket * bucket_width_ns(model);
}

static bool is_wait(const struct finding *finding)
{
  return finding->kind == FINDING_STALL || finding->kind == FINDING_CRAWL;
}

static bool moved_at(const struct model *model, const struct model_connection *connection,
                     int64_t time_ns)
{
  uint32_t bucket;
  if (!model_bucket(model, time_ns, &bucket))
    return false;
  for (uint32_t i = bucket > 0 ? bucket - 1 : 0; i <= bucket; i++)
    if (connection->sent_bytes[SIDE_CLIENT][i] + connection->sent_bytes[SIDE_SERVER][i] > 0)
      return true;
  return false;
}

int64_t model_finding_end_ns(const struct model *model, const struct finding *finding)
{
  const bool over = finding->state == FINDING_CLOSED || !model->live;
  return over || finding->end_ns > model->end_ns ? finding->end_ns : model->end_ns;
}

struct model_owner model_owner_at(const struct model *model,
                                  const struct model_connection *connection, int64_t time_ns)
{
  const struct connection_summary *summary = &connection->summary;
  struct model_owner owner = {.kind = OWNER_IDLE, .since_ns = TIME_INVALID};
  if (connection->has_owner && time_ns >= model->end_ns)
    return connection->owner;
  if (time_ns < summary->start_ns)
    owner.kind = OWNER_UNBORN;
  else if (summary->closed && time_ns > summary->end_ns)
    owner.kind = OWNER_CLOSED;
  else if (moved_at(model, connection, time_ns))
    owner.kind = OWNER_MOVING;
  if (owner.kind == OWNER_UNBORN || owner.kind == OWNER_CLOSED)
    return owner;
  for (uint32_t i = 0; i < connection->finding_count; i++) {
    const struct finding *finding = connection->findings[i];
    if (!is_wait(finding) || time_ns < finding->start_ns ||
        time_ns > model_finding_end_ns(model, finding))
      continue;
    owner.kind = OWNER_LOCATION;
    owner.location = finding->location;
    owner.since_ns = finding->start_ns;
    owner.sender = finding->sender;
    break;
  }
  return owner;
}

bool model_is_held(const struct model *model, const struct model_connection *connection,
                   int64_t time_ns)
{
  if (connection->has_owner && time_ns >= model->end_ns)
    return connection->owner.kind == OWNER_LOCATION;
  return connection->finding_count > 0 &&
         model_owner_at(model, connection, time_ns).kind == OWNER_LOCATION;
}

const struct finding *model_worst(const struct model_connection *connection)
{
  return connection->finding_count > 0 ? connection->findings[0] : NULL;
}

uint32_t model_problems(const struct model_connection *connection)
{
  uint32_t count = 0;
  while (count < connection->finding_count &&
         connection->findings[count]->severity == SEVERITY_PROBLEM)
    count++;
  return count;
}

double model_rate(const struct model *model, const struct model_connection *connection,
                  int64_t time_ns)
{
  uint32_t bucket;
  if (!model_bucket(model, time_ns, &bucket))
    return 0;
  const uint64_t bytes = (uint64_t)connection->sent_bytes[SIDE_CLIENT][bucket] +
                         connection->sent_bytes[SIDE_SERVER][bucket];
  return (double)bytes * 1e9 / (double)bucket_width_ns(model);
}

const struct model_packets *model_packets_of(struct model *model,
                                             const struct model_connection *connection)
{
  if (model->packets_of == connection->id)
    return &model->packets;
  free(model->packets.list);
  model->packets = (struct model_packets){.list = NULL};
  model->packets_of = 0;
  if (model->load == NULL || model->load(model->load_context, connection, &model->packets) != 0)
    return NULL;
  model->packets_of = connection->id;
  model->packets_version++;
  return &model->packets;
}

static int compare_places(const struct model_place *a, const struct model_place *b)
{
  if (a->start_ns != b->start_ns)
    return a->start_ns < b->start_ns ? -1 : 1;
  if (a->connection != b->connection)
    return a->connection < b->connection ? -1 : 1;
  return a->finding < b->finding ? -1 : a->finding > b->finding;
}

const struct finding *model_next_problem(const struct model *model, const struct model_place *from,
                                         bool forward, model_wanted *wanted, const void *context,
                                         struct model_connection **connection)
{
  const struct finding *best = NULL;
  struct model_place best_place = *from;
  const int sign = forward ? 1 : -1;
  for (uint32_t i = 0; i < model->count; i++) {
    struct model_connection *candidate = model->connections[i];
    const uint32_t problems = model_problems(candidate);
    if (problems == 0 || (wanted != NULL && !wanted(context, candidate)))
      continue;
    for (uint32_t f = 0; f < problems; f++) {
      const struct finding *finding = candidate->findings[f];
      const struct model_place place = {finding->start_ns, candidate->id, finding->id};
      if (sign * compare_places(&place, from) <= 0 ||
          (best != NULL && sign * compare_places(&place, &best_place) >= 0))
        continue;
      best = finding;
      best_place = place;
      *connection = candidate;
    }
  }
  return best;
}

/* ---- ends ---- */

static struct model_view *take_view(struct model_connection *connection, uint8_t end)
{
  for (uint32_t i = 0; i < connection->view_count; i++)
    if (connection->views[i].end == end)
      return &connection->views[i];
  struct model_view *grown =
      realloc(connection->views, (connection->view_count + 1) * sizeof *grown);
  if (grown == NULL)
    return NULL;
  connection->views = grown;
  return &grown[connection->view_count++];
}

bool model_set_view(struct model_connection *connection, const struct connection_summary *summary,
                    const uint32_t seq_shift[2])
{
  struct model_view *view = take_view(connection, summary->end);
  if (view == NULL)
    return false;
  *view = (struct model_view){.end = summary->end, .vantage = summary->vantage};
  for (int side = 0; side < 2; side++) {
    const struct stream_summary *stream = &summary->streams[side];
    view->by[side] = (struct model_announced){.syn = stream->syn,
                                              .wscale_state = stream->wscale_state,
                                              .wscale_min = stream->wscale_min,
                                              .wscale_max = stream->wscale_max,
                                              /* a stream's is what its receiver announced */
                                              .mss = summary->streams[1 - side].mss,
                                              .sack_permitted = stream->sack_permitted,
                                              .timestamps = stream->timestamps,
                                              .seq_shift = seq_shift != NULL ? seq_shift[side] : 0};
  }
  connection->ends |= (uint8_t)(1u << summary->end);
  return true;
}

/* An end other than that; the same if there is none. */
static uint8_t another_end(const struct model_connection *connection, uint8_t end)
{
  for (uint8_t other = 0; other < ANALYZER_ENDS_MAX; other++)
    if (other != end && (connection->ends >> other & 1u) != 0)
      return other;
  return end;
}

void model_ends_of(const struct model_connection *connection, uint8_t *client, uint8_t *server)
{
  const bool at_server = connection->summary.vantage == VANTAGE_SERVER;
  bool client_known = false, server_known = false;
  *client = *server = connection->summary.end;
  if (connection->view_count > 0) {
    *client = connection->views[0].end;
    *server = connection->views[connection->view_count - 1].end;
  }
  for (uint32_t i = 0; i < connection->view_count; i++) {
    const struct model_view *view = &connection->views[i];
    if (view->vantage == VANTAGE_CLIENT && !client_known) {
      *client = view->end;
      client_known = true;
    } else if (view->vantage == VANTAGE_SERVER && !server_known) {
      *server = view->end;
      server_known = true;
    }
  }
  if (*client != *server)
    return;
  if (server_known || (!client_known && at_server))
    *client = another_end(connection, *server);
  else
    *server = another_end(connection, *client);
}
