#include "cli/dashboard.h"

#include "cli/commands.h"
#include "cli/complain.h"
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
    if (finding.kind == FINDING_MISMATCH && connection->disagreement[0] == '\0')
      snprintf(connection->disagreement, sizeof connection->disagreement,
               "The two ends disagree: %.370s", finding.summary);
  }
}

static int add_connection(struct dashboard *dashboard, const struct report_connection *connection)
{
  struct model_connection *taken = model_take(dashboard->model, connection->id);
  int rc = 0;
  if (taken == NULL)
    return 0; /* too many, counted */
  taken->summary = *connection->summary;
  taken->summary.end = connection->views[0]->end;
  taken->level = connection->level;
  name_endpoint(dashboard->analysis, connection->views[0]->end, &connection->summary->client,
                taken->client);
  name_endpoint(dashboard->analysis, connection->views[0]->end, &connection->summary->server,
                taken->server);
  for (uint32_t i = 0; rc == 0 && i < connection->view_count; i++) {
    taken->ends |= (uint8_t)(1u << connection->views[i]->end);
    rc = add_flow(dashboard, connection->views[i], taken);
  }
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

/* Sequence numbers become bytes of the stream. */
struct stream_numbers {
  bool known;
  uint32_t first; /* the number of byte 0 */
  int64_t highest;
};

/* The highest byte that an end has seen so far. */
struct reached {
  bool known;
  int64_t byte;
};

struct packet_loader {
  const struct dashboard *dashboard;
  const struct model_connection *connection;
  struct model_packets *packets;
  uint32_t capacity;
  struct stream_numbers numbers[2]; /* by enum stream_side */
  struct reached reached[ANALYZER_ENDS_MAX][2];
  struct report_connection reported;
  bool no_memory;
};

static int64_t byte_of(struct stream_numbers *numbers, uint32_t seq)
{
  if (!numbers->known) {
    numbers->known = true;
    numbers->first = seq;
  }
  /* the nearest to what was highest so far */
  const int64_t near = numbers->highest;
  const int64_t byte = near + (int32_t)(seq - numbers->first - (uint32_t)near);
  if (byte > numbers->highest)
    numbers->highest = byte;
  return byte;
}

/* Where the path moves sequence numbers, each end has its own; the pairing knows by how much. */
static uint32_t shifted(const struct packet_loader *loader, uint8_t end, enum stream_side side,
                        uint32_t seq)
{
  const struct report_connection *reported = &loader->reported;
  for (uint32_t i = 0; reported->pairing != NULL && i < reported->view_count; i++)
    if (reported->views[i]->end == end)
      return seq + reported->pairing->views[i].seq_shift[side];
  return seq;
}

static uint32_t scaled_window(const struct packet_loader *loader, const struct packet *packet,
                              enum stream_side side)
{
  const struct report_connection *reported = &loader->reported;
  const struct connection_summary *view = reported->views[0];
  for (uint32_t i = 0; i < reported->view_count; i++)
    if (reported->views[i]->end == packet->end)
      view = reported->views[i];
  const struct stream_summary *stream = &view->streams[side];
  uint8_t shift = stream->wscale_state == WSCALE_KNOWN      ? stream->wscale
                  : stream->wscale_state == WSCALE_INFERRED ? stream->wscale_min
                                                            : 0;
  if ((packet->flags & TCP_SYN) != 0 ||
      view->streams[side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT].wscale_state == WSCALE_ABSENT)
    shift = 0;
  return (uint32_t)packet->window << (shift > 14 ? 14 : shift);
}

static struct model_packet *append(struct packet_loader *loader)
{
  struct model_packets *packets = loader->packets;
  if (packets->count == MODEL_PACKETS_MAX) {
    packets->left_out++;
    return NULL;
  }
  if (packets->count == loader->capacity) {
    const uint32_t capacity = loader->capacity == 0 ? 1024 : loader->capacity * 2;
    struct model_packet *list = realloc(packets->list, capacity * sizeof *list);
    if (list == NULL) {
      loader->no_memory = true;
      return NULL;
    }
    packets->list = list;
    loader->capacity = capacity;
  }
  return &packets->list[packets->count++];
}

static void load_tcp(struct packet_loader *loader, const struct packet *packet,
                     enum stream_side side)
{
  const enum stream_side other = side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
  struct stream_numbers *own = &loader->numbers[side], *peer = &loader->numbers[other];
  struct model_packet *to = append(loader);
  if (to == NULL)
    return;
  /* the SYN takes a number of its own, so that data begins with byte 0 */
  const uint32_t seq =
      shifted(loader, packet->end, side, packet->seq) + ((packet->flags & TCP_SYN) != 0 ? 1 : 0);
  *to = (struct model_packet){.time_ns = packet->time_ns,
                              .frame = packet->frame,
                              .seq = byte_of(own, seq),
                              .payload_bytes = packet->payload_bytes,
                              .window_bytes = scaled_window(loader, packet, side),
                              .flags = packet->flags,
                              .end = packet->end,
                              .side = (uint8_t)side,
                              .sack_count = packet->sack_count};
  if ((packet->flags & TCP_ACK) != 0)
    to->ack = byte_of(peer, shifted(loader, packet->end, other, packet->ack));
  if (packet->sack_count > 0) {
    to->sack[0] = byte_of(peer, shifted(loader, packet->end, other, packet->sack[0].start));
    to->sack[1] = byte_of(peer, shifted(loader, packet->end, other, packet->sack[0].end));
  }
  struct reached *reached = &loader->reached[packet->end][side];
  const int64_t last = to->seq + packet->payload_bytes;
  to->again = packet->payload_bytes > 0 && reached->known && last <= reached->byte;
  if (packet->payload_bytes > 0 && (!reached->known || last > reached->byte))
    *reached = (struct reached){true, last};
}

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
    load_tcp(loader, packet, side);
  } else if (flow == NULL && is_evidence(loader->connection, packet)) {
    struct model_packet *to = append(loader);
    if (to != NULL)
      *to = (struct model_packet){.time_ns = packet->time_ns,
                                  .frame = packet->frame,
                                  .end = packet->end,
                                  .kind = MODEL_FOREIGN};
  }
  return !loader->no_memory;
}

static int compare_packets(const void *left, const void *right)
{
  const struct model_packet *a = left, *b = right;
  if (a->time_ns != b->time_ns)
    return a->time_ns < b->time_ns ? -1 : 1;
  if (a->end != b->end)
    return a->end < b->end ? -1 : 1;
  return a->frame < b->frame ? -1 : a->frame > b->frame;
}

/* Without a SYN the first byte seen is taken for byte 0, and earlier ones may come later: the
 * earliest is. */
static void begin_at_zero(struct packet_loader *loader)
{
  struct model_packets *packets = loader->packets;
  int64_t earliest[2] = {0, 0};
  for (uint32_t i = 0; i < packets->count; i++) {
    const struct model_packet *packet = &packets->list[i];
    const int other = packet->side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
    if ((packet->flags & TCP_SYN) != 0)
      return;
    if (packet->kind == MODEL_TCP && packet->seq < earliest[packet->side])
      earliest[packet->side] = packet->seq;
    if (packet->kind == MODEL_TCP && packet->ack < earliest[other])
      earliest[other] = packet->ack;
  }
  for (uint32_t i = 0; i < packets->count; i++) {
    struct model_packet *packet = &packets->list[i];
    const int other = packet->side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
    if (packet->kind != MODEL_TCP)
      continue;
    packet->seq -= earliest[packet->side];
    packet->ack -= earliest[other];
    packet->sack[0] -= packet->sack_count > 0 ? earliest[other] : 0;
    packet->sack[1] -= packet->sack_count > 0 ? earliest[other] : 0;
  }
}

static int load(void *context, const struct model_connection *connection,
                struct model_packets *packets)
{
  const struct dashboard *dashboard = context;
  const struct collect *collect = dashboard->analysis->collect;
  struct connection_material *material = malloc(sizeof *material);
  const uint32_t index = collect_connection_index(collect, connection->id);
  struct packet_loader loader = {
      .dashboard = dashboard, .connection = connection, .packets = packets};
  struct error error;
  int rc = -1;
  if (material != NULL && index != UINT32_MAX) {
    collect_connection(collect, index, &loader.reported, material);
    rc = packets_again(dashboard->analysis, load_packet, &loader, &error) < 0 || loader.no_memory
             ? -1
             : 0;
  }
  free(material);
  begin_at_zero(&loader);
  if (rc == 0 && packets->count > 1)
    qsort(packets->list, packets->count, sizeof *packets->list, compare_packets);
  return rc;
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
    if (time_is_valid(capture->stats.first_ns) && capture->stats.first_ns < model->start_ns)
      model->start_ns = capture->stats.first_ns;
    if (time_is_valid(capture->stats.last_ns) && capture->stats.last_ns > model->end_ns)
      model->end_ns = capture->stats.last_ns;
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
