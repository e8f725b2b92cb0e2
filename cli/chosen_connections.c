#include "cli/chosen_connections.h"

#include <stdlib.h>
#include <string.h>

/* Both directions of a connection at one capture point; plain bytes, for memcmp(). */
struct flow {
  struct ip_address low, high;
  uint16_t low_port, high_port;
  uint8_t end, padding[3];
};

struct chosen_connections {
  struct flow *list;
  size_t count, capacity;
  uint64_t only; /* id; 0: any */
};

struct chosen_connections *chosen_connections_new(void)
{
  return calloc(1, sizeof(struct chosen_connections));
}

void chosen_connections_free(struct chosen_connections *chosen)
{
  if (chosen != NULL)
    free(chosen->list);
  free(chosen);
}

static struct flow flow_of(uint8_t end, const struct ip_address *src, uint16_t src_port,
                           const struct ip_address *dst, uint16_t dst_port)
{
  struct flow flow;
  const int order = memcmp(src, dst, sizeof *src);
  const bool src_low = order < 0 || (order == 0 && src_port <= dst_port);
  memset(&flow, 0, sizeof flow);
  flow.low = src_low ? *src : *dst;
  flow.high = src_low ? *dst : *src;
  flow.low_port = src_low ? src_port : dst_port;
  flow.high_port = src_low ? dst_port : src_port;
  flow.end = end;
  return flow;
}

static int add(struct chosen_connections *chosen, const struct connection_summary *view)
{
  if (chosen->count == chosen->capacity) {
    const size_t capacity = chosen->capacity == 0 ? 64 : chosen->capacity * 2;
    struct flow *list = realloc(chosen->list, capacity * sizeof *list);
    if (list == NULL)
      return ERROR_MEMORY;
    chosen->list = list;
    chosen->capacity = capacity;
  }
  chosen->list[chosen->count++] = flow_of(view->end, &view->client.address, view->client.port,
                                          &view->server.address, view->server.port);
  return 0;
}

static int on_connection(void *context, const struct report_connection *connection)
{
  const struct chosen_connections *chosen = context;
  int rc = 0;
  if (chosen->only != 0 && chosen->only != connection->id)
    return 0;
  for (uint32_t i = 0; rc == 0 && i < connection->view_count; i++)
    rc = add(context, connection->views[i]);
  return rc;
}

static int on_finding(void *context, uint64_t rank, const struct report_connection *connection,
                      const struct finding *finding)
{
  (void)rank;
  return finding->severity == SEVERITY_PROBLEM ? on_connection(context, connection) : 0;
}

static int compare(const void *left, const void *right)
{
  return memcmp(left, right, sizeof(struct flow));
}

static int on_end(void *context, const struct report_overview *overview)
{
  struct chosen_connections *chosen = context;
  (void)overview;
  if (chosen->count > 1)
    qsort(chosen->list, chosen->count, sizeof *chosen->list, compare);
  return 0;
}

struct report_writer chosen_connections_writer(struct chosen_connections *chosen,
                                               enum chosen_kind kind, uint64_t id)
{
  chosen->only = kind == CHOSEN_ONE ? id : 0;
  return (struct report_writer){.context = chosen,
                                .layout = REPORT_WORST_FIRST,
                                .finding = kind == CHOSEN_PROBLEMS ? on_finding : NULL,
                                .connection = kind == CHOSEN_PROBLEMS ? NULL : on_connection,
                                .end = on_end};
}

bool chosen_connections_has(const struct chosen_connections *chosen, const struct packet *packet)
{
  struct flow flow;
  if (packet->kind == PACKET_TCP)
    flow = flow_of(packet->end, &packet->src, packet->src_port, &packet->dst, packet->dst_port);
  else if (packet->kind == PACKET_ICMP_ERROR)
    flow = flow_of(packet->end, &packet->quote.src, packet->quote.src_port, &packet->quote.dst,
                   packet->quote.dst_port);
  else
    return false;
  return chosen->count > 0 &&
         bsearch(&flow, chosen->list, chosen->count, sizeof flow, compare) != NULL;
}
