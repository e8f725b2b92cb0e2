#include "cli/dashboard.h"

#include "cli/commands.h"
#include "cli/complain.h"
#include "cli/packet_strip.h"
#include "cli/packets_again.h"
#include "wire/timestamp.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A connection as one end saw it: how its packets are known. */
struct dashboard_flow {
  struct ip_address client, server;
  uint16_t client_port, server_port;
  uint8_t end;
  int64_t start_ns, end_ns;
  struct model_connection *connection;
};

struct dashboard {
  const struct analysis *analysis;
  struct model *model;
  struct dashboard_flow *flows; /* ordered by compare_flows() */
  size_t flow_count, flow_capacity;
};

/* ---- connections ---- */

static void name_endpoint(const struct analysis *analysis, uint8_t end,
                          const struct endpoint *endpoint, char out[MODEL_NAME_SIZE])
{
  char text[INET6_ADDRSTRLEN] = "?";
  const char *name = source_host_name(analysis->points.points[end].source, &endpoint->address);
  if (name == NULL) {
    const bool four = endpoint->ip_version == 4;
    inet_ntop(four ? AF_INET : AF_INET6,
              four ? endpoint->address.bytes + 12 : endpoint->address.bytes, text, sizeof text);
    name = text;
  }
  const bool colons = strchr(name, ':') != NULL;
  snprintf(out, MODEL_NAME_SIZE, "%s%.56s%s:%u", colons ? "[" : "", name, colons ? "]" : "",
           endpoint->port);
}

static int add_flow(struct dashboard *dashboard, const struct connection_summary *view,
                    struct model_connection *connection)
{
  if (dashboard->flow_count == dashboard->flow_capacity) {
    const size_t capacity = dashboard->flow_capacity == 0 ? 256 : dashboard->flow_capacity * 2;
    struct dashboard_flow *flows = realloc(dashboard->flows, capacity * sizeof *flows);
    if (flows == NULL)
      return ERROR_MEMORY;
    dashboard->flows = flows;
    dashboard->flow_capacity = capacity;
  }
  dashboard->flows[dashboard->flow_count++] =
      (struct dashboard_flow){.client = view->client.address,
                              .server = view->server.address,
                              .client_port = view->client.port,
                              .server_port = view->server.port,
                              .end = view->end,
                              .start_ns = view->start_ns,
                              .end_ns = view->end_ns,
                              .connection = connection};
  return 0;
}

static void add_findings(struct dashboard *dashboard, struct model_connection *connection)
{
  const struct collect *collect = dashboard->analysis->collect;
  struct finding finding;
  uint64_t id;
  uint32_t first;
  const uint32_t count = collect_connection_findings(collect, connection->id, &first);
  for (uint32_t i = 0; i < count; i++) {
    collect_finding(collect, collect_finding_at(collect, first + i), &finding, &id);
    model_add_finding(connection, &finding);
  }
}

/* In the order in which they lie on the way, the client's first. */
static int add_views(struct dashboard *dashboard, const struct report_connection *connection,
                     struct model_connection *to)
{
  const struct report_pairing *pairing = connection->pairing;
  for (unsigned place = 0; place < ANALYZER_ENDS_MAX; place++)
    for (uint32_t i = 0; i < connection->view_count; i++) {
      const struct connection_summary *summary = connection->views[i];
      if ((pairing != NULL ? pairing->views[i].place : 0) != place)
        continue;
      if (!model_set_view(to, summary, pairing != NULL ? pairing->views[i].seq_shift : NULL))
        return ERROR_MEMORY;
      struct model_view *view = &to->views[to->view_count - 1];
      name_endpoint(dashboard->analysis, summary->end, &summary->client, view->client);
      name_endpoint(dashboard->analysis, summary->end, &summary->server, view->server);
    }
  return 0;
}

static int add_connection(struct dashboard *dashboard, const struct report_connection *connection)
{
  struct model_connection *taken = model_take(dashboard->model, connection->id);
  if (taken == NULL)
    return 0; /* too many, counted */
  taken->summary = *connection->summary;
  taken->summary.end = connection->views[0]->end;
  taken->level = connection->level;
  name_endpoint(dashboard->analysis, connection->views[0]->end, &connection->summary->client,
                taken->client);
  name_endpoint(dashboard->analysis, connection->views[0]->end, &connection->summary->server,
                taken->server);
  int rc = add_views(dashboard, connection, taken);
  for (uint32_t i = 0; rc == 0 && i < connection->view_count; i++)
    rc = add_flow(dashboard, connection->views[i], taken);
  add_findings(dashboard, taken);
  return rc;
}

static int add_connections(struct dashboard *dashboard)
{
  const struct collect *collect = dashboard->analysis->collect;
  struct connection_material *material = malloc(sizeof *material);
  struct report_connection connection;
  int rc = material == NULL ? ERROR_MEMORY : 0;
  for (uint32_t i = 0; rc == 0 && i < collect_connection_count(collect); i++) {
    collect_connection(collect, i, &connection, material);
    rc = add_connection(dashboard, &connection);
  }
  free(material);
  return rc;
}

/* ---- packets ---- */

static int compare_endpoints(const struct dashboard_flow *a, const struct dashboard_flow *b)
{
  int order = memcmp(&a->client, &b->client, sizeof a->client);
  if (order == 0)
    order = memcmp(&a->server, &b->server, sizeof a->server);
  if (order == 0)
    order = (int)a->client_port - (int)b->client_port;
  if (order == 0)
    order = (int)a->server_port - (int)b->server_port;
  return order == 0 ? (int)a->end - (int)b->end : order;
}

static int compare_flows(const void *left, const void *right)
{
  const struct dashboard_flow *a = left, *b = right;
  const int order = compare_endpoints(a, b);
  return order != 0 ? order : a->start_ns < b->start_ns ? -1 : a->start_ns > b->start_ns;
}

/* The life of these addresses and ports to which that time belongs. */
static const struct dashboard_flow *find_flow(const struct dashboard *dashboard,
                                              const struct dashboard_flow *wanted, int64_t time_ns)
{
  size_t low = 0, high = dashboard->flow_count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (compare_endpoints(&dashboard->flows[middle], wanted) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  const struct dashboard_flow *found = NULL;
  for (; low < dashboard->flow_count && compare_endpoints(&dashboard->flows[low], wanted) == 0;
       low++)
    if (found == NULL || dashboard->flows[low].start_ns <= time_ns)
      found = &dashboard->flows[low];
  return found;
}

/* NULL: of no connection that is shown. */
static const struct dashboard_flow *flow_of(const struct dashboard *dashboard,
                                            const struct packet *packet, enum stream_side *side)
{
  if (packet->kind != PACKET_TCP)
    return NULL;
  struct dashboard_flow wanted = {.client = packet->src,
                                  .server = packet->dst,
                                  .client_port = packet->src_port,
                                  .server_port = packet->dst_port,
                                  .end = packet->end};
  *side = SIDE_CLIENT;
  const struct dashboard_flow *flow = find_flow(dashboard, &wanted, packet->time_ns);
  if (flow != NULL)
    return flow;
  wanted.client = packet->dst;
  wanted.server = packet->src;
  wanted.client_port = packet->dst_port;
  wanted.server_port = packet->src_port;
  *side = SIDE_SERVER;
  return find_flow(dashboard, &wanted, packet->time_ns);
}

static bool count_activity(void *context, const struct packet *packet)
{
  struct dashboard *dashboard = context;
  enum stream_side side;
  uint32_t bucket;
  const struct dashboard_flow *flow = flow_of(dashboard, packet, &side);
  /* once, where it was seen first */
  if (flow == NULL || packet->payload_bytes == 0 || packet->end != flow->connection->summary.end ||
      !model_bucket(dashboard->model, packet->time_ns, &bucket))
    return true;
  flow->connection->sent_bytes[side][bucket] += packet->payload_bytes;
  return true;
}

/* ---- the packets of one connection ---- */

struct packet_loader {
  const struct dashboard *dashboard;
  const struct model_connection *connection;
  struct packet_strip strip;
};

static bool is_evidence(const struct model_connection *connection, const struct packet *packet)
{
  for (uint32_t i = 0; i < connection->finding_count; i++)
    for (uint32_t k = 0; k < connection->findings[i]->evidence_count; k++) {
      const struct evidence *evidence = &connection->findings[i]->evidence[k];
      if (evidence->frame == packet->frame && evidence->end == packet->end)
        return true;
    }
  return false;
}

static bool load_packet(void *context, const struct packet *packet)
{
  struct packet_loader *loader = context;
  enum stream_side side;
  const struct dashboard_flow *flow = flow_of(loader->dashboard, packet, &side);
  if (flow != NULL && flow->connection == loader->connection) {
    packet_strip_add(&loader->strip, packet, side);
  } else if (flow == NULL && is_evidence(loader->connection, packet)) {
    packet_strip_foreign(&loader->strip, packet);
  }
  return !loader->strip.no_memory;
}

static int load(void *context, const struct model_connection *connection,
                struct model_packets *packets)
{
  const struct dashboard *dashboard = context;
  const struct collect *collect = dashboard->analysis->collect;
  struct connection_material *material = malloc(sizeof *material);
  const uint32_t index = collect_connection_index(collect, connection->id);
  struct packet_loader loader = {.dashboard = dashboard, .connection = connection};
  struct report_connection reported;
  struct error error;
  int rc = -1;
  packet_strip_begin(&loader.strip, packets);
  if (material != NULL && index != UINT32_MAX) {
    collect_connection(collect, index, &reported, material);
    for (uint32_t i = 0; i < reported.view_count; i++)
      packet_strip_view(&loader.strip, reported.views[i],
                        reported.pairing != NULL ? reported.pairing->views[i].seq_shift : NULL);
    rc = packets_again(dashboard->analysis, load_packet, &loader, &error) < 0 ? -1 : 0;
  }
  free(material);
  return packet_strip_finish(&loader.strip) < 0 ? -1 : rc;
}

/* ---- */

static void describe_ends(struct dashboard *dashboard)
{
  const struct collect *collect = dashboard->analysis->collect;
  struct model *model = dashboard->model;
  const char *slash;
  model->end_count = collect_capture_count(collect);
  model->start_ns = INT64_MAX;
  model->end_ns = INT64_MIN;
  for (uint32_t i = 0; i < model->end_count && i < ANALYZER_ENDS_MAX; i++) {
    const struct report_capture *capture = collect_capture(collect, i);
    slash = strrchr(capture->file, '/');
    snprintf(model->ends[i].name, sizeof model->ends[i].name, "%s",
             slash != NULL ? slash + 1 : capture->file);
    model->ends[i].dropped = capture->dropped;
    model->ends[i].has_dropped = capture->has_dropped;
    if (time_is_valid(capture->stats.first_ns) && time_is_valid(capture->stats.last_ns)) {
      model->ends[i].first_ns = capture->stats.first_ns;
      model->ends[i].last_ns = capture->stats.last_ns;
      if (capture->stats.first_ns < model->start_ns)
        model->start_ns = capture->stats.first_ns;
      if (capture->stats.last_ns > model->end_ns)
        model->end_ns = capture->stats.last_ns;
    }
    if (i == 0)
      snprintf(model->title, sizeof model->title, "%s", model->ends[i].name);
    else if (strcmp(model->ends[i].name, model->ends[i - 1].name) != 0)
      snprintf(model->title + strlen(model->title), sizeof model->title - strlen(model->title),
               " + %s", model->ends[i].name);
  }
  if (model->end_ns < model->start_ns)
    model->start_ns = model->end_ns = 0;
  model->now_ns = model->end_ns;
}

int dashboard_new(struct dashboard **dashboard, const struct analysis *analysis)
{
  struct error error = {.text = "out of memory"};
  struct dashboard *made = calloc(1, sizeof *made);
  int rc = made == NULL ? ERROR_MEMORY : 0;
  *dashboard = made;
  if (rc == 0) {
    made->analysis = analysis;
    made->model = model_new();
    rc = made->model == NULL || collect_arrange(analysis->collect) < 0 ? ERROR_MEMORY : 0;
  }
  if (rc == 0) {
    describe_ends(made);
    made->model->load = load;
    made->model->load_context = made;
    rc = add_connections(made);
  }
  if (rc == 0 && made->flow_count > 1)
    qsort(made->flows, made->flow_count, sizeof *made->flows, compare_flows);
  if (rc == 0)
    rc = packets_again(analysis, count_activity, made, &error);
  if (rc == 0)
    return 0;
  complain("%s", error.text);
  return EXIT_TROUBLE;
}

void dashboard_free(struct dashboard *dashboard)
{
  if (dashboard == NULL)
    return;
  model_free(dashboard->model);
  free(dashboard->flows);
  free(dashboard);
}

struct model *dashboard_model(struct dashboard *dashboard)
{
  return dashboard->model;
}
