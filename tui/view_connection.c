#include "tui/canvas.h"
#include "tui/owner.h"
#include "tui/ui.h"
#include "tui/words.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <string.h>

#define AXIS_COLUMNS     9  /* left of a plot, for its numbers */
#define WINDOWS_ROWS_MIN 30 /* of the body, from which on there is a second plot */

/* ---- the strip: from the sending application to the receiving one and back ---- */

struct stage {
  const char *name;
  enum location location; /* who holds the stream if it is here */
};

static const struct stage stages[] = {
    {"app", LOCATION_SENDER_APP},     {"socket", LOCATION_SENDER_TCP},
    {"queue", LOCATION_SENDER_QUEUE}, {"path", LOCATION_FORWARD_PATH},
    {"TCP", LOCATION_RECEIVER_TCP},   {"app", LOCATION_RECEIVER_APP},
};
#define STAGES (int)(sizeof stages / sizeof *stages)

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

/* The bytes at a stage, where the two ends tell. */
static bool stage_bytes(const struct finding *finding, enum location location, uint64_t *bytes)
{
  if (finding == NULL || !time_is_valid(finding->stages.at_ns))
    return false;
  switch (location) {
  case LOCATION_FORWARD_PATH:
    *bytes = finding->stages.in_path_bytes + finding->stages.lost_bytes;
    return true;
  case LOCATION_RECEIVER_TCP: *bytes = finding->stages.unacked_at_receiver_bytes; return true;
  case LOCATION_REVERSE_PATH: *bytes = finding->stages.ack_in_path_bytes; return true;
  default: return false;
  }
}

static void draw_stage(const struct area *area, int row, int column, int columns,
                       const struct stage *stage, bool lit, const struct finding *finding)
{
  struct area cell = area_part(area, row, column, 1, columns);
  uint64_t bytes;
  char text[WORD_SIZE];
  const enum style style = lit ? (enum style)style_of_location(stage->location) : STYLE_NORMAL;
  cell.reverse = lit;
  area_fill(&cell, style);
  area_text(&cell, 0, (columns - text_columns(stage->name)) / 2, style, stage->name);
  cell = area_part(area, row + 1, column, 1, columns);
  if (stage_bytes(finding, stage->location, &bytes)) {
    word_bytes(text, (double)bytes);
    area_text(&cell, 0, (columns - text_columns(text)) / 2, STYLE_DIM, text);
  }
}

static int draw_strip(const struct ui *ui, const struct area *area, int row,
                      const struct model_connection *connection)
{
  const struct model_owner owner = model_owner_at(ui->model, connection, ui->model->now_ns);
  const struct finding *finding = ui_finding(ui);
  const enum stream_side side = shown_side(ui, connection);
  const bool held = owner.kind == OWNER_LOCATION && owner.sender == side;
  const bool covers = finding != NULL && ui->model->now_ns >= finding->start_ns &&
                      ui->model->now_ns <= finding->end_ns && finding->sender == side;
  const int width = (area->columns - 2 - 3 * (STAGES - 1)) / STAGES;
  char text[80];
  enum style style;
  if (width < 6)
    return row;
  area_format(area, row, 1, STYLE_DIM, "%s sends, ", side == SIDE_CLIENT ? "client" : "server");
  owner_text(&owner, ui->model->now_ns, text, sizeof text, &style);
  area_format(area, row, 15, style, "%s%s", owner.kind == OWNER_LOCATION ? "held by " : "", text);
  for (int i = 0; i < STAGES; i++) {
    const int column = 1 + i * (width + 3);
    draw_stage(area, row + 1, column, width, &stages[i],
               held && owner.location == stages[i].location, covers ? finding : NULL);
    if (i + 1 < STAGES)
      area_line(area, row + 1, column + width + 1, 1, STYLE_FRAME, 0x2192);
  }
  const bool back = held && owner.location == LOCATION_REVERSE_PATH;
  const struct stage reverse = {"ACKs on their way back", LOCATION_REVERSE_PATH};
  const int middle = 1 + 2 * (width + 3);
  area_glyph(area, row + 3, middle - 2, STYLE_FRAME, 0x2190);
  draw_stage(area, row + 3, middle, 2 * width + 3, &reverse, back, covers ? finding : NULL);
  area_glyph(area, row + 3, middle + 2 * width + 4, STYLE_FRAME, 0x2190);
  return row + 5;
}

/* ---- the budget: whose the time was ---- */

static int draw_budget(const struct area *area, int row, const struct model_connection *connection,
                       enum stream_side side)
{
  const struct stream_summary *stream = &connection->summary.streams[side];
  int64_t parts[LOCATION_COUNT + 2], total = 0;
  for (int i = 0; i < LOCATION_COUNT; i++)
    parts[i] = stream->budget_ns[i];
  parts[LOCATION_COUNT] = stream->moving_ns;
  parts[LOCATION_COUNT + 1] = stream->idle_ns;
  for (int i = 0; i < LOCATION_COUNT + 2; i++)
    total += parts[i];
  if (total <= 0)
    return row;
  const int width = area->columns - 2;
  int64_t sum = 0;
  int at = 1, legend = 1;
  for (int i = LOCATION_COUNT + 1; i >= 0; i--) {
    const enum style style = i == LOCATION_COUNT ? STYLE_MOVING
                             : i == LOCATION_COUNT + 1
                                 ? STYLE_IDLE
                                 : (enum style)style_of_location((enum location)i);
    const char *name = i == LOCATION_COUNT       ? "moving"
                       : i == LOCATION_COUNT + 1 ? "idle"
                                                 : location_name((enum location)i);
    sum += parts[i];
    const int to = 1 + (int)((double)sum / (double)total * width + 0.5);
    area_line(area, row, at, to - at, style, i < LOCATION_COUNT ? 0x2588 : 0x2584);
    at = to > at ? to : at;
    if (parts[i] * 200 >= total)
      legend += area_format(area, row + 1, legend, style, "%s %.0f%%  ", name,
                            100.0 * (double)parts[i] / (double)total);
  }
  return row + 2;
}

/* ---- plots ---- */

struct scale {
  int64_t from_ns, to_ns;
  double low, high; /* bytes */
  int width, height;
};

static int x_of(const struct scale *scale, int64_t time_ns)
{
  const double share = (double)(time_ns - scale->from_ns) / (double)(scale->to_ns - scale->from_ns);
  return share < -1 ? -scale->width : share > 2 ? 2 * scale->width : (int)(share * scale->width);
}

static int y_of(const struct scale *scale, double bytes)
{
  const double share = (bytes - scale->low) / (scale->high - scale->low);
  return share < -1  ? -scale->height
         : share > 2 ? 2 * scale->height
                     : (int)(share * (scale->height - 1) + 0.5);
}

static void shown_times(const struct ui *ui, const struct model_connection *connection,
                        struct scale *scale)
{
  scale->from_ns = ui->plot.from_ns;
  scale->to_ns = ui->plot.to_ns;
  if (scale->from_ns == scale->to_ns) {
    scale->from_ns = connection->summary.start_ns;
    scale->to_ns = connection->summary.end_ns;
  }
  if (scale->to_ns <= scale->from_ns)
    scale->to_ns = scale->from_ns + 1;
}

/* The end whose view of the stream is drawn: the one nearest to its sender that saw it. */
static uint8_t shown_end(const struct model_connection *connection,
                         const struct model_packets *packets, enum stream_side side)
{
  for (uint32_t i = 0; i < packets->count; i++)
    if (packets->list[i].kind == MODEL_TCP && packets->list[i].side == side)
      return packets->list[i].end;
  return connection->summary.end;
}

static void limits(const struct model_packets *packets, uint8_t end, enum stream_side side,
                   struct scale *scale)
{
  bool any = false;
  for (uint32_t i = 0; i < packets->count; i++) {
    const struct model_packet *packet = &packets->list[i];
    if (packet->kind != MODEL_TCP || packet->end != end || packet->time_ns < scale->from_ns ||
        packet->time_ns > scale->to_ns)
      continue;
    const bool data = packet->side == side;
    if (!data && (packet->flags & TCP_ACK) == 0)
      continue;
    const double low = (double)(data ? packet->seq : packet->ack);
    const double high = low + (data ? packet->payload_bytes : 0);
    scale->low = !any || low < scale->low ? low : scale->low;
    scale->high = !any || high > scale->high ? high : scale->high;
    any = true;
  }
  if (scale->high <= scale->low)
    scale->high = scale->low + 1;
}

/* A step line: stays where it was until the next value. */
struct steps {
  int x, y;
  bool begun;
};

static void step_to(struct canvas *canvas, struct steps *steps, int x, int y, enum style style)
{
  if (steps->begun) {
    canvas_line(canvas, steps->x, steps->y, x, steps->y, style);
    canvas_line(canvas, x, steps->y, x, y, style);
  }
  *steps = (struct steps){x, y, true};
}

static void plot_packets(struct canvas *canvas, const struct scale *scale,
                         const struct model_packets *packets, uint8_t end, enum stream_side side)
{
  struct steps acks = {.begun = false}, edges = {.begun = false};
  for (uint32_t i = 0; i < packets->count; i++) {
    const struct model_packet *packet = &packets->list[i];
    if (packet->kind != MODEL_TCP || packet->end != end)
      continue;
    const int x = x_of(scale, packet->time_ns);
    if (packet->side == side && packet->payload_bytes > 0)
      canvas_line(canvas, x, y_of(scale, (double)packet->seq), x,
                  y_of(scale, (double)(packet->seq + packet->payload_bytes)),
                  packet->again ? STYLE_AGAIN : STYLE_DATA);
    if (packet->side == side || (packet->flags & TCP_ACK) == 0 || (packet->flags & TCP_SYN) != 0)
      continue;
    step_to(canvas, &acks, x, y_of(scale, (double)packet->ack), STYLE_ACK);
    step_to(canvas, &edges, x, y_of(scale, (double)packet->ack + packet->window_bytes), STYLE_EDGE);
  }
}

/* Stalls are shaded behind the plot. */
static void shade_stalls(const struct area *area, const struct scale *scale,
                         const struct model_connection *connection, enum stream_side side)
{
  for (uint32_t i = 0; i < connection->finding_count; i++) {
    const struct finding *finding = connection->findings[i];
    if (finding->sender != side || finding->kind != FINDING_STALL)
      continue;
    int from = x_of(scale, finding->start_ns) / 2, to = x_of(scale, finding->end_ns) / 2;
    from = from < 0 ? 0 : from;
    to = to >= area->columns ? area->columns - 1 : to;
    const enum style style = finding->severity == SEVERITY_PROBLEM ? STYLE_STALL : STYLE_DIM;
    for (int row = 0; row < area->rows; row++)
      area_line(area, row, from, to - from + 1, style, 0x00b7);
  }
}

static void draw_times(const struct area *area, int row, const struct scale *scale)
{
  char text[WORD_SIZE];
  area_text(area, row, AXIS_COLUMNS, STYLE_DIM, word_clock(text, scale->from_ns));
  area_right(area, row, area->columns, STYLE_DIM, word_clock(text, scale->to_ns));
  word_duration(text, scale->to_ns - scale->from_ns);
  area_text(area, row, AXIS_COLUMNS + (area->columns - AXIS_COLUMNS - text_columns(text)) / 2,
            STYLE_DIM, text);
}

static void draw_now(const struct area *plot, const struct scale *scale, int64_t now_ns)
{
  const int column = x_of(scale, now_ns) / 2;
  if (now_ns >= scale->from_ns && now_ns <= scale->to_ns)
    for (int row = 0; row < plot->rows; row++) {
      const struct cell *cell = grid_cell(plot->grid, plot->row + row, plot->column + column);
      if (cell != NULL && (cell->glyph == ' ' || cell->glyph == 0x00b7))
        area_glyph(plot, row, column, STYLE_FRAME, 0x2502);
    }
}

/* Sequence numbers over time. */
static void draw_sequence(const struct ui *ui, const struct area *area,
                          const struct model_connection *connection,
                          const struct model_packets *packets, enum stream_side side)
{
  const struct area plot =
      area_part(area, 0, AXIS_COLUMNS, area->rows, area->columns - AXIS_COLUMNS);
  struct canvas canvas;
  struct scale scale;
  char text[WORD_SIZE];
  if (plot.rows < 2 || plot.columns < 4 || !canvas_init(&canvas, plot.rows, plot.columns))
    return;
  const uint8_t end = shown_end(connection, packets, side);
  shown_times(ui, connection, &scale);
  scale.low = scale.high = 0;
  scale.width = canvas.width;
  scale.height = canvas.height;
  limits(packets, end, side, &scale);
  shade_stalls(&plot, &scale, connection, side);
  plot_packets(&canvas, &scale, packets, end, side);
  canvas_draw(&canvas, &plot);
  draw_now(&plot, &scale, ui->model->now_ns);
  canvas_free(&canvas);
  area_right(area, 0, AXIS_COLUMNS - 1, STYLE_DIM, word_bytes(text, scale.high));
  area_right(area, plot.rows - 1, AXIS_COLUMNS - 1, STYLE_DIM, word_bytes(text, scale.low));
}

/* What is not acknowledged, and the window that the receiver allows, over time. */
static void draw_windows(const struct ui *ui, const struct area *area,
                         const struct model_connection *connection,
                         const struct model_packets *packets, enum stream_side side)
{
  const struct area plot =
      area_part(area, 0, AXIS_COLUMNS, area->rows, area->columns - AXIS_COLUMNS);
  const uint8_t end = shown_end(connection, packets, side);
  struct canvas canvas;
  struct scale scale;
  char text[WORD_SIZE];
  if (plot.rows < 2 || plot.columns < 4 || !canvas_init(&canvas, plot.rows, plot.columns))
    return;
  shown_times(ui, connection, &scale);
  scale.low = 0;
  scale.high = 1;
  scale.width = canvas.width;
  scale.height = canvas.height;
  for (int drawing = 0; drawing < 2; drawing++) { /* the first round finds the scale */
    struct steps flights = {.begun = false}, windows = {.begun = false};
    int64_t next = 0, una = 0;
    for (uint32_t i = 0; i < packets->count; i++) {
      const struct model_packet *packet = &packets->list[i];
      if (packet->kind != MODEL_TCP || packet->end != end || (packet->flags & TCP_SYN) != 0)
        continue;
      const bool data = packet->side == side;
      if (data && packet->seq + packet->payload_bytes > next)
        next = packet->seq + packet->payload_bytes;
      if (!data && (packet->flags & TCP_ACK) != 0 && packet->ack > una)
        una = packet->ack;
      const double flight = next > una ? (double)(next - una) : 0;
      const bool shown = packet->time_ns >= scale.from_ns && packet->time_ns <= scale.to_ns;
      if (drawing == 0 && shown)
        scale.high = flight > scale.high ? flight : scale.high;
      if (drawing == 0 && shown && !data)
        scale.high = packet->window_bytes > scale.high ? packet->window_bytes : scale.high;
      if (drawing == 0)
        continue;
      const int x = x_of(&scale, packet->time_ns);
      step_to(&canvas, &flights, x, y_of(&scale, flight), STYLE_DATA);
      if (!data)
        step_to(&canvas, &windows, x, y_of(&scale, packet->window_bytes), STYLE_EDGE);
    }
  }
  shade_stalls(&plot, &scale, connection, side);
  canvas_draw(&canvas, &plot);
  draw_now(&plot, &scale, ui->model->now_ns);
  canvas_free(&canvas);
  area_right(area, 0, AXIS_COLUMNS - 1, STYLE_DIM, word_bytes(text, scale.high));
  area_right(area, plot.rows - 1, AXIS_COLUMNS - 1, STYLE_DIM, "0");
}

static void draw_plots(struct ui *ui, const struct area *area,
                       const struct model_connection *connection, enum stream_side side)
{
  const struct model_packets *packets = model_packets_of(ui->model, connection);
  struct scale scale;
  if (packets == NULL || packets->count == 0) {
    area_text(area, 1, 1, STYLE_DIM, "its packets are not at hand");
    return;
  }
  const bool windows = ui->body_rows >= WINDOWS_ROWS_MIN;
  const int second = windows ? (area->rows - 3) / 3 : 0;
  const int first = area->rows - 2 - (windows ? second + 1 : 0);
  int at = AXIS_COLUMNS;
  at += area_text(area, 0, at, STYLE_DATA, "data ");
  at += area_text(area, 0, at, STYLE_AGAIN, "sent again ");
  at += area_text(area, 0, at, STYLE_ACK, "acknowledged ");
  at += area_text(area, 0, at, STYLE_EDGE, "right edge of the window ");
  if (packets->left_out > 0)
    area_format(area, 0, at, STYLE_WARNING, "%llu packets left out",
                (unsigned long long)packets->left_out);
  struct area plot = area_part(area, 1, 0, first, area->columns);
  draw_sequence(ui, &plot, connection, packets, side);
  if (windows) {
    at = AXIS_COLUMNS;
    at += area_text(area, first + 1, at, STYLE_DATA, "not acknowledged ");
    area_text(area, first + 1, at, STYLE_EDGE, "window");
    plot = area_part(area, first + 2, 0, second, area->columns);
    draw_windows(ui, &plot, connection, packets, side);
  }
  shown_times(ui, connection, &scale);
  draw_times(area, area->rows - 1, &scale);
}

static void draw(struct ui *ui, const struct area *area)
{
  const struct model_connection *connection = ui_connection(ui);
  if (connection == NULL) {
    area_text(area, 1, 2, STYLE_DIM, "no connection is chosen");
    return;
  }
  const enum stream_side side = shown_side(ui, connection);
  const struct finding *finding = ui_finding(ui);
  int row = 0, at = area_format(area, row, 1, STYLE_STRONG, "%s \u2192 %s", connection->client,
                                connection->server);
  area_format(area, row++, at + 2, STYLE_DIM, "%s", evidence_level_name(connection->level));
  row = draw_strip(ui, area, row, connection);
  row = draw_budget(area, row, connection, side);
  if (finding != NULL && row < area->rows) {
    const struct area line = area_part(area, row, 1, 2, area->columns - 2);
    row += area_wrap(&line, 0, 0, finding->severity == SEVERITY_PROBLEM ? STYLE_BAD : STYLE_NORMAL,
                     finding->summary);
  }
  if (connection->disagreement[0] != '\0' && row < area->rows) {
    const struct area line = area_part(area, row, 1, 2, area->columns - 2);
    row += area_wrap(&line, 0, 0, STYLE_WARNING, connection->disagreement);
  }
  const struct area plots = area_part(area, row, 0, area->rows - row, area->columns);
  draw_plots(ui, &plots, connection, side);
}

/* ---- keys ---- */

static void zoom(struct ui *ui, double factor)
{
  const struct model_connection *connection = ui_connection(ui);
  struct scale scale;
  if (connection == NULL)
    return;
  shown_times(ui, connection, &scale);
  const double span = (double)(scale.to_ns - scale.from_ns) * factor;
  const int64_t middle = ui->model->now_ns > scale.from_ns && ui->model->now_ns < scale.to_ns
                             ? ui->model->now_ns
                             : scale.from_ns / 2 + scale.to_ns / 2;
  if (span < 1000)
    return;
  ui->plot.from_ns = middle - (int64_t)(span / 2);
  ui->plot.to_ns = middle + (int64_t)(span / 2);
  if (ui->plot.from_ns < connection->summary.start_ns)
    ui->plot.from_ns = connection->summary.start_ns;
  if (ui->plot.to_ns > connection->summary.end_ns)
    ui->plot.to_ns = connection->summary.end_ns;
}

static void pan(struct ui *ui, int eighths)
{
  const struct model_connection *connection = ui_connection(ui);
  struct scale scale;
  if (connection == NULL || ui->plot.from_ns == ui->plot.to_ns)
    return;
  shown_times(ui, connection, &scale);
  const int64_t by = (scale.to_ns - scale.from_ns) / 8 * eighths;
  if (scale.from_ns + by < connection->summary.start_ns ||
      scale.to_ns + by > connection->summary.end_ns)
    return;
  ui->plot.from_ns = scale.from_ns + by;
  ui->plot.to_ns = scale.to_ns + by;
}

static bool key(struct ui *ui, uint32_t pressed)
{
  switch (pressed) {
  case '+':
  case '=': zoom(ui, 0.5); return true;
  case '-': zoom(ui, 2); return true;
  case '0': ui->plot.from_ns = ui->plot.to_ns = 0; return true;
  case 'h':
  case KEY_LEFT_: pan(ui, -1); return true;
  case 'l':
  case KEY_RIGHT_: pan(ui, 1); return true;
  case 'x': ui->plot.other_side = !ui->plot.other_side; return true;
  case 'j':
  case KEY_DOWN_:
    if (ui_connection(ui) != NULL && ui->finding + 1 < ui_connection(ui)->finding_count)
      ui->finding++;
    return true;
  case KEY_UP_: ui->finding -= ui->finding > 0; return true;
  case KEY_RETURN: ui_enter(ui, ui_finding(ui) != NULL ? VIEW_FINDING : VIEW_LADDER); return true;
  default: return false;
  }
}

const struct view view_connection = {.title = "connection", .draw = draw, .key = key};
