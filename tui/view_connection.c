#include "tui/announced.h"
#include "tui/owner.h"
#include "tui/plot.h"
#include "tui/strip.h"
#include "tui/ui.h"
#include "tui/words.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <string.h>

#define WINDOWS_ROWS_MIN 30 /* of the body, from which on there is a second plot */
#define PLOT_ROWS_MIN    5
#define ZOOM_LEAST_NS    (INT64_C(10) * NS_PER_US)
#define TEXT_SIZE        600

/* ---- what is shown ---- */

static enum stream_side shown_side(const struct ui *ui, const struct model_connection *connection)
{
  const struct stream_summary *streams = connection->summary.streams;
  const struct finding *finding = ui_finding(ui);
  enum stream_side side =
      streams[SIDE_SERVER].bytes > streams[SIDE_CLIENT].bytes ? SIDE_SERVER : SIDE_CLIENT;
  if (finding != NULL && streams[finding->sender].bytes > 0)
    side = finding->sender;
  return ui->plot.other_side ? (side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT) : side;
}

/* All of it; live, as far back as packets are kept. */
static void whole_life(const struct ui *ui, const struct model_connection *connection,
                       int64_t *from_ns, int64_t *to_ns)
{
  const struct model *model = ui->model;
  *from_ns = connection->summary.start_ns;
  *to_ns = connection->summary.end_ns;
  if (model->live && *from_ns < model->start_ns)
    *from_ns = model->start_ns;
  if (model->live && !connection->summary.closed)
    *to_ns = model->end_ns;
  if (*to_ns <= *from_ns)
    *to_ns = *from_ns + 1;
}

static void shown_times(const struct ui *ui, const struct model_connection *connection,
                        int64_t *from_ns, int64_t *to_ns)
{
  whole_life(ui, connection, from_ns, to_ns);
  if (ui->plot.from_ns == ui->plot.to_ns)
    return;
  *from_ns = ui->plot.from_ns;
  *to_ns = ui->plot.to_ns;
}

/* The wait of that stream that goes on at the time that is looked at; NULL: none. */
static const struct finding *
wait_now(const struct ui *ui, const struct model_connection *connection, enum stream_side side)
{
  for (uint32_t i = 0; i < connection->finding_count; i++) {
    const struct finding *finding = connection->findings[i];
    if (finding->kind == FINDING_STALL && finding->sender == side &&
        ui->model->now_ns >= finding->start_ns &&
        ui->model->now_ns <= model_finding_end_ns(ui->model, finding))
      return finding;
  }
  return NULL;
}

/* ---- above the plots ---- */

static void draw_head(const struct area *area, const struct model_connection *connection)
{
  const struct stream_summary *streams = connection->summary.streams;
  const uint64_t again =
      streams[SIDE_CLIENT].retransmitted_segments + streams[SIDE_SERVER].retransmitted_segments;
  char client[WORD_SIZE], server[WORD_SIZE], text[TEXT_SIZE];
  const int at = area_format(area, 0, 1, STYLE_STRONG, "%s \u2192 %s  ", connection->client,
                             connection->server);
  area_text(area, 0, at + 1, STYLE_DIM, evidence_level_name(connection->level));
  snprintf(text, sizeof text, "client sent %s, server %s, retransmitted %llu",
           word_bytes(client, (double)streams[SIDE_CLIENT].bytes),
           word_bytes(server, (double)streams[SIDE_SERVER].bytes), (unsigned long long)again);
  if (at + text_columns(evidence_level_name(connection->level)) + text_columns(text) + 3 <
      area->columns)
    area_right(area, 0, area->columns - 1, STYLE_DIM, text);
}

static void draw_holder(const struct ui *ui, const struct area *area, const struct strip *strip)
{
  char text[TEXT_SIZE], flight[WORD_SIZE], window[WORD_SIZE];
  const bool held = strip->owner.kind == OWNER_LOCATION;
  enum style style;
  int at = area_format(area, 0, 1, STYLE_DIM, "%s sends: ", stream_side_name(strip->side));
  owner_text(&strip->owner, ui->model->now_ns, text, sizeof text, &style);
  if (held && strip->owner.sender != strip->side) {
    at += area_text(area, 0, 1 + at, STYLE_DIM, "the other direction is ");
  }
  area_format(area, 0, 1 + at, style, "%s%s", held ? "held by " : "", text);
  if (!strip->flow.known)
    return;
  snprintf(text, sizeof text, "flight %s, window %s",
           word_bytes(flight, (double)strip->flow.outstanding_bytes),
           word_bytes(window, (double)strip->flow.window_bytes));
  area_right(area, 0, area->columns - 1, STYLE_DIM, text);
}

/* Whose the time was. Returns the rows it took. */
static int draw_budget(const struct area *area, const struct model *model,
                       const struct model_connection *connection, enum stream_side side)
{
  const struct stream_summary *stream = &connection->summary.streams[side];
  const struct model_owner *owner = &connection->owner;
  int64_t parts[LOCATION_COUNT + 2], total = 0, sum = 0;
  const int width = area->columns - 2;
  int at = 1, legend = 1;
  for (int i = 0; i < LOCATION_COUNT; i++)
    parts[i] = stream->budget_ns[i];
  /* a wait that goes on is not in the sums yet */
  if (connection->has_owner && owner->kind == OWNER_LOCATION && owner->sender == side &&
      time_is_valid(owner->since_ns) && owner->since_ns < model->end_ns)
    parts[owner->location] += model->end_ns - owner->since_ns;
  parts[LOCATION_COUNT] = stream->moving_ns;
  parts[LOCATION_COUNT + 1] = stream->idle_ns;
  for (int i = 0; i < LOCATION_COUNT + 2; i++)
    total += parts[i];
  if (total <= 0)
    return 0;
  for (int i = LOCATION_COUNT + 1; i >= 0; i--) {
    const bool location = i < LOCATION_COUNT;
    const enum style style = location              ? (enum style)style_of_location((enum location)i)
                             : i == LOCATION_COUNT ? STYLE_MOVING
                                                   : STYLE_IDLE;
    const char *name = location              ? location_name((enum location)i)
                       : i == LOCATION_COUNT ? "moving"
                                             : "idle";
    sum += parts[i];
    const int to = 1 + (int)((double)sum / (double)total * width + 0.5);
    area_line(area, 0, at, to - at, style, location ? 0x2588 : 0x2584);
    at = to > at ? to : at;
    if (parts[i] * 200 >= total)
      legend += area_format(area, 1, legend, style, "%s %.0f%%  ", name,
                            100.0 * (double)parts[i] / (double)total);
  }
  return 2;
}

/* Text of several lines, as much as fits above the plot. Returns the row behind it. */
static int draw_text(const struct area *area, int row, enum style style, const char *text)
{
  const int room = area->rows - PLOT_ROWS_MIN - 2 - row;
  if (*text == '\0' || room < 1)
    return row;
  const struct area lines = area_part(area, row, 1, room, area->columns - 2);
  return row + area_wrap(&lines, 0, 0, style, text);
}

/* ---- what the hosts announced, as each end saw it ---- */

static void draw_announced(const struct area *area, const struct model_connection *connection)
{
  struct announced_row rows[ANNOUNCED_ROWS];
  const int count = announced_rows(connection, rows);
  const int label = 28;
  if (count == 0) {
    area_text(area, 0, 1, STYLE_DIM, "what the hosts announced is not known here");
    return;
  }
  const int width = (area->columns - label) / (int)connection->view_count;
  area_text(area, 0, 1, STYLE_HEADER, "ANNOUNCED");
  for (uint32_t i = 0; i < connection->view_count; i++)
    area_format(area, 0, label + (int)i * width, STYLE_HEADER, "as seen at %c (%s)",
                'A' + connection->views[i].end, vantage_name(connection->views[i].vantage));
  for (int r = 0; r < count; r++) {
    const enum style style = rows[r].differs ? STYLE_BAD : STYLE_NORMAL;
    area_format(area, 1 + r, 1, rows[r].differs ? STYLE_BAD : STYLE_DIM, "%s's %s",
                stream_side_name(rows[r].side), rows[r].what);
    for (uint32_t i = 0; i < connection->view_count; i++)
      area_text(area, 1 + r, label + (int)i * width, style, rows[r].at[i]);
  }
  for (uint32_t i = 0; i < connection->view_count; i++) {
    const struct model_view *view = &connection->views[i];
    const struct area column = area_part(area, count + 1, label + (int)i * width, 2, width - 1);
    area_text(&column, 0, 0, STYLE_NORMAL, view->client);
    area_text(&column, 1, 0, STYLE_NORMAL, view->server);
  }
  if (connection->views[0].client[0] == '\0')
    return;
  area_text(area, count + 1, 1, STYLE_DIM, "client's address");
  area_text(area, count + 2, 1, STYLE_DIM, "server's address");
}

/* ---- the plots ---- */

/* A patch as the plot has it, and what it is. Returns where the next one begins. */
static int draw_patch(const struct area *area, int row, int column, enum style style,
                      const char *what)
{
  area_glyph(area, row, column, style, 0x28ff);
  return column + 4 + area_text(area, row, column + 2, style, what);
}

static void draw_legend(const struct area *area, const struct plot *plot)
{
  int at = PLOT_AXIS_COLUMNS;
  at = draw_patch(area, 0, at, STYLE_DATA, "data");
  at = draw_patch(area, 0, at, STYLE_AGAIN, "sent again");
  at = draw_patch(area, 0, at, STYLE_ACK, "acknowledged");
  at = draw_patch(area, 0, at, STYLE_EDGE, "right edge");
  if (plot->packets->left_out > 0)
    area_format(area, 0, at, STYLE_WARNING, "%llu packets left out",
                (unsigned long long)plot->packets->left_out);
  if ((plot->connection->ends & (plot->connection->ends - 1)) != 0)
    area_format(area, 0, area->columns - 13, STYLE_DIM, "as seen at %c", 'A' + plot->end);
}

static void draw_plots(struct ui *ui, const struct area *area, struct plot *plot)
{
  uint8_t client, server;
  if (plot->packets == NULL || plot->packets->count == 0) {
    area_text(area, 1, 1, STYLE_DIM, "its packets are not at hand");
    return;
  }
  model_ends_of(plot->connection, &client, &server);
  plot->end = (plot->side == SIDE_CLIENT) != ui->plot.far_end ? client : server;
  shown_times(ui, plot->connection, &plot->from_ns, &plot->to_ns);
  const bool windows = ui->body_rows >= WINDOWS_ROWS_MIN;
  const int second = windows ? (area->rows - 3) / 3 : 0;
  const int first = area->rows - 2 - (windows ? second + 1 : 0);
  draw_legend(area, plot);
  struct area part = area_part(area, 1, 0, first, area->columns);
  plot_sequence(plot, &part);
  ui->plot.row = area->row; /* in the body, which begins a row below the title */
  ui->plot.column = PLOT_AXIS_COLUMNS;
  ui->plot.rows = area->rows - 1;
  ui->plot.columns = area->columns - PLOT_AXIS_COLUMNS;
  ui->plot.shown_from_ns = plot->from_ns;
  ui->plot.shown_to_ns = plot->to_ns;
  if (windows) {
    const int at = draw_patch(area, first + 1, PLOT_AXIS_COLUMNS, STYLE_DATA, "flight");
    draw_patch(area, first + 1, at, STYLE_EDGE, "window");
    part = area_part(area, first + 2, 0, second, area->columns);
    plot_windows(plot, &part);
  }
  part = area_part(area, area->rows - 1, 0, 1, area->columns);
  plot_times(plot, &part);
}

static void draw(struct ui *ui, const struct area *area)
{
  const struct model_connection *connection = ui_connection(ui);
  if (connection == NULL) {
    area_text(area, 1, 2, STYLE_DIM, "no connection is chosen");
    return;
  }
  const struct model_packets *packets = model_packets_of(ui->model, connection);
  const enum stream_side side = shown_side(ui, connection);
  const struct finding *finding = ui_finding(ui);
  struct strip strip = {.side = side,
                        .owner = model_owner_at(ui->model, connection, ui->model->now_ns),
                        .during = wait_now(ui, connection, side)};
  struct plot plot = {.model = ui->model,
                      .connection = connection,
                      .packets = packets,
                      .side = side,
                      .now_ns = ui->model->now_ns};
  char text[TEXT_SIZE];
  int row = 2;
  if (packets != NULL)
    strip.flow = flow_at(packets, connection, side, ui->model->now_ns);
  draw_head(area, connection);
  struct area part = area_part(area, 1, 0, 1, area->columns);
  draw_holder(ui, &part, &strip);
  part = area_part(area, row, 1, STRIP_ROWS, area->columns - 2);
  strip_draw(&strip, &part);
  row += STRIP_ROWS;
  part = area_part(area, row, 0, 2, area->columns);
  row += draw_budget(&part, ui->model, connection, side);
  if (finding != NULL) {
    snprintf(text, sizeof text, "%u/%u  %s", ui->finding + 1, connection->finding_count,
             finding->summary);
    row = draw_text(area, row, finding->severity == SEVERITY_PROBLEM ? STYLE_BAD : STYLE_NORMAL,
                    text);
  }
  if (!ui->plot.announced)
    row =
        draw_text(area, row, STYLE_WARNING, announced_disagreement(connection, text, sizeof text));
  part = area_part(area, row, 0, area->rows - row, area->columns);
  if (ui->plot.announced)
    draw_announced(&part, connection);
  else
    draw_plots(ui, &part, &plot);
}

/* ---- keys ---- */

/* Both ends moved so that they lie within its life; all of it is no zoom. */
static void show_times(struct ui *ui, int64_t from_ns, int64_t to_ns)
{
  const struct model_connection *connection = ui_connection(ui);
  int64_t first_ns, last_ns;
  whole_life(ui, connection, &first_ns, &last_ns);
  if (from_ns < first_ns) {
    to_ns += first_ns - from_ns;
    from_ns = first_ns;
  }
  if (to_ns > last_ns) {
    from_ns -= to_ns - last_ns;
    to_ns = last_ns;
  }
  ui->plot.from_ns = from_ns;
  ui->plot.to_ns = to_ns;
  if (from_ns <= first_ns && to_ns >= last_ns)
    ui->plot.from_ns = ui->plot.to_ns = 0;
}

/* Around that time, which stays where it is on the screen. */
static void zoom(struct ui *ui, double factor, int64_t around_ns)
{
  const struct model_connection *connection = ui_connection(ui);
  int64_t from_ns, to_ns;
  if (connection == NULL)
    return;
  shown_times(ui, connection, &from_ns, &to_ns);
  const double span_ns = (double)(to_ns - from_ns);
  if (span_ns * factor < (double)ZOOM_LEAST_NS)
    return;
  if (around_ns < from_ns || around_ns > to_ns)
    around_ns = from_ns + (to_ns - from_ns) / 2;
  const double share = (double)(around_ns - from_ns) / span_ns;
  from_ns = around_ns - (int64_t)(share * span_ns * factor);
  show_times(ui, from_ns, from_ns + (int64_t)(span_ns * factor));
}

static void pan(struct ui *ui, int eighths)
{
  const struct model_connection *connection = ui_connection(ui);
  int64_t from_ns, to_ns;
  if (connection == NULL || ui->plot.from_ns == ui->plot.to_ns)
    return;
  shown_times(ui, connection, &from_ns, &to_ns);
  const int64_t by_ns = (to_ns - from_ns) / 8 * eighths;
  show_times(ui, from_ns + by_ns, to_ns + by_ns);
}

/* The next finding, or the one before; the time goes there. */
static void step_finding(struct ui *ui, int by)
{
  const struct model_connection *connection = ui_connection(ui);
  const int64_t to = (int64_t)ui->finding + by;
  if (connection == NULL || to < 0 || to >= connection->finding_count)
    return;
  ui->finding = (uint32_t)to;
  const struct finding *finding = connection->findings[to];
  if (!ui->model->live || ui->paused)
    ui_look_at(ui, finding->start_ns +
                       (model_finding_end_ns(ui->model, finding) - finding->start_ns) / 2);
}

static bool key(struct ui *ui, uint32_t pressed)
{
  switch (pressed) {
  case '+':
  case '=': zoom(ui, 0.5, ui->model->now_ns); return true;
  case '-': zoom(ui, 2, ui->model->now_ns); return true;
  case '0': ui->plot.from_ns = ui->plot.to_ns = 0; return true;
  case 'h':
  case KEY_LEFT_: pan(ui, -1); return true;
  case 'l':
  case KEY_RIGHT_: pan(ui, 1); return true;
  case 'x': ui->plot.other_side = !ui->plot.other_side; return true;
  case 'e': ui->plot.far_end = !ui->plot.far_end; return true;
  case 'd': ui->plot.announced = !ui->plot.announced; return true;
  case 'j':
  case KEY_DOWN_: step_finding(ui, 1); return true;
  case 'k':
    if (ui->model->live) /* it is the kick's */
      return false;
    step_finding(ui, -1);
    return true;
  case KEY_UP_: step_finding(ui, -1); return true;
  case KEY_RETURN: ui_enter(ui, ui_finding(ui) != NULL ? VIEW_FINDING : VIEW_LADDER); return true;
  default: return false;
  }
}

/* The time below the mouse; false: it is not on the plot. */
static bool time_below(const struct ui *ui, int row, int column, int64_t *time_ns)
{
  const struct plot_scale scale = {.from_ns = ui->plot.shown_from_ns,
                                   .to_ns = ui->plot.shown_to_ns,
                                   .width = 2 * ui->plot.columns};
  if (row < ui->plot.row || row >= ui->plot.row + ui->plot.rows || column < ui->plot.column ||
      ui->plot.columns < 1 || ui->plot.announced)
    return false;
  *time_ns = plot_time(&scale, column - ui->plot.column);
  return true;
}

static void click(struct ui *ui, int row, int column, bool twice)
{
  int64_t time_ns;
  if (!time_below(ui, row, column, &time_ns))
    return;
  ui_look_at(ui, time_ns);
  if (twice)
    ui_enter(ui, VIEW_LADDER);
}

static void wheel(struct ui *ui, int row, int column, bool up)
{
  int64_t time_ns;
  if (time_below(ui, row, column, &time_ns))
    zoom(ui, up ? 0.8 : 1.25, time_ns);
}

const struct view view_connection = {
    .title = "connection", .draw = draw, .key = key, .click = click, .wheel = wheel};
