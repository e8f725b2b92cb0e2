#ifndef TESTS_UNIT_TUI_SCENE_H
#define TESTS_UNIT_TUI_SCENE_H

/* A model for the dashboard's tests: connections by hand, packets of one of them, and what is
 * drawn, as text. */

#include "tui/ui.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define T0_NS       (INT64_C(1700000000) * NS_PER_S) /* 22:13:20 */
#define PACKETS_MAX 4000

struct scene {
  struct model *model;
  struct model_packet packets[PACKETS_MAX];
  uint32_t count;
  struct ui ui;
  struct grid grid;
  char text[64 * 1024];
};

static int scene_load(void *context, const struct model_connection *connection,
                      struct model_packets *packets)
{
  const struct scene *scene = context;
  (void)connection;
  packets->list = calloc(scene->count + 1, sizeof *packets->list);
  if (packets->list == NULL)
    return -1;
  memcpy(packets->list, scene->packets, scene->count * sizeof *packets->list);
  packets->count = scene->count;
  return 0;
}

/* From T0_NS on, `seconds` long; end A is the client's, B the server's. */
static inline struct scene *scene_new(int seconds)
{
  struct scene *scene = calloc(1, sizeof *scene);
  const struct ui_actions actions = {.context = NULL};
  assert_non_null(scene);
  scene->model = model_new();
  assert_non_null(scene->model);
  scene->model->start_ns = T0_NS;
  scene->model->end_ns = scene->model->now_ns = T0_NS + seconds * NS_PER_S;
  scene->model->load = scene_load;
  scene->model->load_context = scene;
  snprintf(scene->model->title, sizeof scene->model->title, "scene");
  assert_true(ui_init(&scene->ui, scene->model, &actions));
  return scene;
}

static inline void scene_free(struct scene *scene)
{
  ui_free(&scene->ui);
  model_free(scene->model);
  grid_free(&scene->grid);
  free(scene);
}

/* Seen at `ends` capture points, the client's first. */
static inline struct model_connection *scene_connection(struct scene *scene, uint64_t id, int ends)
{
  struct model_connection *connection = model_take(scene->model, id);
  assert_non_null(connection);
  snprintf(connection->client, sizeof connection->client, "10.0.0.%llu:4000%llu",
           (unsigned long long)id, (unsigned long long)id);
  snprintf(connection->server, sizeof connection->server, "192.0.2.1:443");
  connection->summary.start_ns = scene->model->start_ns;
  connection->summary.end_ns = scene->model->end_ns;
  connection->summary.streams[SIDE_CLIENT].bytes = 1000;
  connection->ends = (uint8_t)((1u << ends) - 1);
  return connection;
}

static inline struct finding scene_finding(uint32_t id, int64_t from_ms, int64_t to_ms,
                                           enum location location, enum cause cause)
{
  struct finding finding;
  finding_begin(&finding, FINDING_STALL, SIDE_CLIENT, T0_NS + from_ms * NS_PER_MS,
                T0_NS + to_ms * NS_PER_MS);
  finding.id = id;
  finding.severity = SEVERITY_PROBLEM;
  finding.location = location;
  finding.cause = cause;
  snprintf(finding.summary, sizeof finding.summary, "finding %u", id);
  return finding;
}

/* A packet of the client at that end; the caller changes what is different. */
static inline struct model_packet *scene_packet(struct scene *scene, uint8_t end, double at_ms,
                                                int64_t seq, uint32_t bytes)
{
  assert_in_range(scene->count, 0, PACKETS_MAX - 1);
  struct model_packet *packet = &scene->packets[scene->count++];
  *packet = (struct model_packet){.time_ns = T0_NS + (int64_t)(at_ms * 1e6),
                                  .frame = scene->count,
                                  .seq = seq,
                                  .payload_bytes = bytes,
                                  .window_bytes = 65536,
                                  .flags = TCP_ACK,
                                  .end = end,
                                  .side = SIDE_CLIENT};
  return packet;
}

/* An acknowledgment by the server. */
static inline struct model_packet *scene_ack(struct scene *scene, uint8_t end, double at_ms,
                                             int64_t ack)
{
  struct model_packet *packet = scene_packet(scene, end, at_ms, 0, 0);
  packet->side = SIDE_SERVER;
  packet->ack = ack;
  return packet;
}

/* What is on the screen, in ASCII where a glyph has it, else as '?'. */
static inline const char *scene_screen(struct scene *scene, int rows, int columns)
{
  size_t used = 0;
  if (scene->grid.rows != rows || scene->grid.columns != columns)
    assert_true(grid_resize(&scene->grid, rows, columns));
  ui_draw(&scene->ui, &scene->grid);
  for (int row = 0; row < rows; row++) {
    for (int column = 0; column < columns; column++) {
      const struct cell *cell = grid_cell(&scene->grid, row, column);
      scene->text[used++] = cell->glyph == 0 ? ' ' : glyph_ascii(cell->glyph);
    }
    scene->text[used++] = '\n';
  }
  scene->text[used] = '\0';
  return scene->text;
}

static inline void scene_key(struct scene *scene, uint32_t key)
{
  ui_handle(&scene->ui, &(struct event){.kind = EVENT_KEY, .key = key});
}

static inline void scene_type(struct scene *scene, const char *text)
{
  for (; *text != '\0'; text++)
    scene_key(scene, (unsigned char)*text);
}

static inline void scene_mouse(struct scene *scene, enum mouse mouse, int row, int column)
{
  ui_handle(&scene->ui,
            &(struct event){.kind = EVENT_MOUSE, .mouse = mouse, .row = row, .column = column});
}

#define assert_shown(scene, words)     assert_non_null(strstr(scene_screen(scene, 24, 80), words))
#define assert_not_shown(scene, words) assert_null(strstr(scene_screen(scene, 24, 80), words))

#endif
