/* How long the dashboard takes to draw: a model of so many connections, of which some are stalled,
 * and one with many packets; every view, in a grid as large as a big terminal. Prints milliseconds
 * for each. */

#include "tui/ui.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROWS     60
#define COLUMNS  200
#define ROUNDS   20
#define START_NS (INT64_C(1700000000) * NS_PER_S)
#define SPAN_NS  (60 * NS_PER_S)

static double now_ms(void)
{
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void add_connection(struct model *model, uint64_t id)
{
  struct model_connection *connection = model_take(model, id);
  if (connection == NULL)
    return;
  snprintf(connection->client, sizeof connection->client, "10.%u.%u.%u:%u",
           (unsigned)(id >> 16) & 255, (unsigned)(id >> 8) & 255, (unsigned)id & 255,
           1024 + (unsigned)id % 60000);
  snprintf(connection->server, sizeof connection->server, "192.0.2.1:443");
  connection->ends = 3;
  connection->summary.start_ns = START_NS + (int64_t)(id % 60) * NS_PER_S / 2;
  connection->summary.end_ns = START_NS + SPAN_NS;
  connection->summary.streams[0].bytes = id * 1000;
  for (uint32_t i = 0; i < MODEL_BUCKETS; i++)
    connection->sent_bytes[id & 1][i] = (uint32_t)((id * 7 + i) % 5 * 1000);
  if (id % 50 != 0)
    return;
  struct finding finding;
  finding_begin(&finding, FINDING_STALL, SIDE_CLIENT, START_NS + 20 * NS_PER_S,
                START_NS + 50 * NS_PER_S);
  finding.id = 1;
  finding.severity = SEVERITY_PROBLEM;
  finding.location = LOCATION_FORWARD_PATH;
  finding.cause = CAUSE_PATH_HOLD;
  snprintf(finding.summary, sizeof finding.summary, "the path held it");
  model_add_finding(connection, &finding);
}

static int load(void *context, const struct model_connection *connection,
                struct model_packets *packets)
{
  const uint32_t count = *(const uint32_t *)context;
  (void)connection;
  packets->list = calloc(count + 1, sizeof *packets->list);
  if (packets->list == NULL)
    return -1;
  for (uint32_t i = 0; i < count; i++) {
    struct model_packet *packet = &packets->list[i];
    const uint32_t segment = i / 4;
    const bool ack = i % 4 >= 2;
    *packet = (struct model_packet){.time_ns = START_NS + (int64_t)i * (SPAN_NS / count),
                                    .frame = i + 1,
                                    .seq = ack ? 0 : (int64_t)segment * 1448,
                                    .ack = ack ? (int64_t)segment * 1448 : 0,
                                    .payload_bytes = ack ? 0 : 1448,
                                    .window_bytes = 65536,
                                    .flags = TCP_ACK,
                                    .end = i % 2 != ack,
                                    .side = ack ? SIDE_SERVER : SIDE_CLIENT,
                                    .ip_id = (uint16_t)segment};
  }
  packets->count = count;
  return 0;
}

static double draw(struct ui *ui, struct grid *grid, enum view_name view)
{
  ui->depth = 1;
  ui->views[0] = view;
  ui_draw(ui, grid); /* what is kept is made */
  const double before = now_ms();
  for (int i = 0; i < ROUNDS; i++)
    ui_draw(ui, grid);
  return (now_ms() - before) / ROUNDS;
}

int main(int argc, char **argv)
{
  const uint32_t connections = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 5000;
  uint32_t packets = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 100000;
  const struct ui_actions actions = {.context = NULL};
  struct model *model = model_new();
  struct ui *ui = malloc(sizeof *ui);
  struct grid grid = {0};
  if (model == NULL || ui == NULL || !ui_init(ui, model, &actions) ||
      !grid_resize(&grid, ROWS, COLUMNS))
    return 2;
  model->start_ns = START_NS;
  model->end_ns = START_NS + SPAN_NS;
  model->now_ns = START_NS + 30 * NS_PER_S;
  model->load = load;
  model->load_context = &packets;
  for (uint32_t i = 1; i <= connections; i++)
    add_connection(model, i);
  printf("%u connections, %u packets in one of them; %d x %d cells\n", model->count, packets,
         COLUMNS, ROWS);
  printf("connections %.2f ms\n", draw(ui, &grid, VIEW_CONNECTIONS));
  const uint64_t chosen = model->count < 50 ? 1 : 50;
  if (model_find(model, chosen) == NULL)
    return 2;
  ui_choose(ui, chosen);
  const double before = now_ms();
  model_packets_of(model, model_find(model, chosen));
  const double loaded = now_ms();
  rungs_update(&ui->ladder.rungs, model, model_find(model, chosen));
  printf("ladder, made %.2f ms (packets %.2f ms)\n", now_ms() - loaded, loaded - before);
  printf("connection %.2f ms\n", draw(ui, &grid, VIEW_CONNECTION));
  printf("ladder %.2f ms\n", draw(ui, &grid, VIEW_LADDER));
  printf("finding %.2f ms\n", draw(ui, &grid, VIEW_FINDING));
  ui_free(ui);
  free(ui);
  model_free(model);
  grid_free(&grid);
  return 0;
}
