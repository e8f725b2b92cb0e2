#include "tui/owner.h"
#include "tui/ui.h"
#include "tui/words.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP               1
#define FINDINGS_ROWS_MIN 4
#define NAME_COLUMNS_MIN  12

enum column {
  COLUMN_ID,
  COLUMN_CONNECTION,
  COLUMN_AGE,
  COLUMN_RATE,
  COLUMN_SPARK,
  COLUMN_RTT,
  COLUMN_FLIGHT,
  COLUMN_AGAIN,
  COLUMN_HOLDER,
  COLUMN_WORST,
  COLUMN_COUNT
};

/* rank: of the columns that do not fit, those of the highest rank go first. `grows`: takes what is
 * left, by shares. */
static const struct {
  const char *title;
  int width, rank, grows;
  int sort; /* the order that it stands for, -1: none */
} columns[COLUMN_COUNT] = {
    [COLUMN_ID] = {"ID", 4, 0, 0, SORT_ID},
    [COLUMN_CONNECTION] = {"CONNECTION", 30, 0, 0, -1},
    [COLUMN_AGE] = {"AGE", 6, 7, 0, SORT_AGE},
    [COLUMN_RATE] = {"RATE", 8, 1, 0, SORT_RATE},
    [COLUMN_SPARK] = {"ACTIVITY", 10, 2, 2, -1},
    [COLUMN_RTT] = {"RTT", 6, 4, 0, SORT_RTT},
    [COLUMN_FLIGHT] = {"FLIGHT/WINDOW", 13, 6, 0, -1},
    [COLUMN_AGAIN] = {"RTX", 5, 5, 0, SORT_AGAIN},
    [COLUMN_HOLDER] = {"HELD BY", 19, 0, 0, SORT_STALLED},
    [COLUMN_WORST] = {"WORST FINDING", 22, 3, 1, -1},
};

static void choose_widths(int available, int longest, int widths[COLUMN_COUNT])
{
  int used = 0, shares = 0;
  for (int i = 0; i < COLUMN_COUNT; i++) {
    widths[i] = columns[i].width;
    used += widths[i] + GAP;
  }
  for (int rank = 9; rank > 0 && used > available; rank--)
    for (int i = 0; i < COLUMN_COUNT; i++)
      if (columns[i].rank == rank) {
        used -= widths[i] + GAP;
        widths[i] = 0;
      }
  /* names are shown whole where they can be, and cut where nothing else is left to go; what is left
   * is shared */
  int left = available - used;
  if (left < 0 && widths[COLUMN_CONNECTION] + left >= NAME_COLUMNS_MIN)
    widths[COLUMN_CONNECTION] += left;
  const int wanted = longest - widths[COLUMN_CONNECTION];
  const int more = wanted < left ? wanted : left;
  if (more > 0) {
    widths[COLUMN_CONNECTION] += more;
    left -= more;
  }
  for (int i = 0; i < COLUMN_COUNT; i++)
    shares += widths[i] > 0 ? columns[i].grows : 0;
  if (shares == 0) {
    widths[COLUMN_CONNECTION] += left > 0 ? left : 0;
    return;
  }
  for (int i = 0; i < COLUMN_COUNT && left > 0; i++)
    if (widths[i] > 0)
      widths[i] += left * columns[i].grows / shares;
}

/* ---- which, in which order ---- */

/* Larger is further up. */
static double rank_of(const struct ui *ui, const struct model_connection *connection)
{
  const struct model *model = ui->model;
  const struct stream_summary *streams = connection->summary.streams;
  switch (ui->list.sort) {
  case SORT_ID: return -(double)connection->id;
  case SORT_RATE: return model_rate(model, connection, model->now_ns);
  case SORT_AGE: return -(double)connection->summary.start_ns;
  case SORT_RTT:
    return (double)(streams[0].srtt_ns > streams[1].srtt_ns ? streams[0].srtt_ns
                                                            : streams[1].srtt_ns);
  case SORT_AGAIN:
    return (double)(streams[0].retransmitted_segments + streams[1].retransmitted_segments);
  case SORT_STALLED:
  case SORT_COUNT: break;
  }
  const struct finding *worst = model_worst(connection);
  double rank = model_is_held(model, connection, model->now_ns) ? 1e12
                : connection->summary.closed                    ? 0
                                                                : 1;
  rank += 1e6 * model_problems(connection);
  return worst != NULL ? rank + (double)worst->waited_ns / 1e9 : rank;
}

struct ranked {
  double rank;
  uint32_t position;
};

static int compare(const void *left, const void *right)
{
  const struct ranked *a = left, *b = right;
  if (a->rank != b->rank)
    return a->rank > b->rank ? -1 : 1;
  return a->position < b->position ? -1 : a->position > b->position;
}

static void arrange(struct ui *ui)
{
  const struct model *model = ui->model;
  struct ranked *ranked = malloc((model->count + 1) * sizeof *ranked);
  uint32_t *order = realloc(ui->list.order, (model->count + 1) * sizeof *order);
  ui->list.order = order != NULL ? order : ui->list.order;
  ui->list.count = 0;
  if (ranked == NULL || order == NULL) {
    free(ranked);
    return;
  }
  for (uint32_t i = 0; i < model->count; i++)
    if (selection_matches(ui->list.selection, model, model->connections[i]))
      ranked[ui->list.count++] =
          (struct ranked){(ui->list.reversed ? -1 : 1) * rank_of(ui, model->connections[i]), i};
  qsort(ranked, ui->list.count, sizeof *ranked, compare);
  for (uint32_t i = 0; i < ui->list.count; i++)
    order[i] = ranked[i].position;
  free(ranked);
}

/* The cursor stays on its connection, wherever that goes. */
static void keep_cursor(struct ui *ui, int rows)
{
  for (uint32_t i = 0; i < ui->list.count; i++)
    if (ui->model->connections[ui->list.order[i]]->id == ui->connection_id)
      ui->list.cursor = i;
  if (ui->list.cursor >= ui->list.count)
    ui->list.cursor = ui->list.count > 0 ? ui->list.count - 1 : 0;
  if (ui->list.count > 0)
    ui_choose(ui, ui->model->connections[ui->list.order[ui->list.cursor]]->id);
  if (ui->list.cursor < ui->list.top)
    ui->list.top = ui->list.cursor;
  if (rows > 0 && ui->list.cursor >= ui->list.top + (uint32_t)rows)
    ui->list.top = ui->list.cursor - (uint32_t)rows + 1;
}

/* ---- drawing ---- */

static void draw_spark(const struct area *area, const struct model_connection *connection)
{
  double values[512] = {0}, most = 0;
  const int cells = area->columns < 512 ? area->columns : 512;
  for (uint32_t i = 0; i < MODEL_BUCKETS; i++)
    values[(int)(i * (uint32_t)cells / MODEL_BUCKETS)] +=
        connection->sent_bytes[SIDE_CLIENT][i] + (double)connection->sent_bytes[SIDE_SERVER][i];
  for (int i = 0; i < cells; i++)
    most = values[i] > most ? values[i] : most;
  for (int i = 0; i < cells; i++)
    if (values[i] > 0)
      area_glyph(area, 0, i, STYLE_DATA, 0x2581 + (uint32_t)(values[i] * 7 / most));
}

/* An endpoint in so many columns: the host is cut, the port is not. */
static void draw_endpoint(const struct area *area, const char *text)
{
  const char *port = strrchr(text, ':');
  const int whole = text_columns(text), port_columns = port != NULL ? text_columns(port) : 0;
  area_text(area, 0, 0, STYLE_NORMAL, text);
  if (whole <= area->columns || port_columns + 2 > area->columns)
    return;
  area_glyph(area, 0, area->columns - port_columns - 1, STYLE_DIM, 0x2026);
  area_text(area, 0, area->columns - port_columns, STYLE_NORMAL, port);
}

static void draw_connection(const struct area *cell, const struct model_connection *connection)
{
  const int half = (cell->columns - 3) / 2;
  int left = text_columns(connection->client), right = text_columns(connection->server);
  if (left + right + 3 > cell->columns) {
    left = left > half && right > half ? half : left > half ? cell->columns - 3 - right : left;
    right = cell->columns - 3 - left;
  }
  const struct area client = area_part(cell, 0, 0, 1, left);
  const struct area server = area_part(cell, 0, left + 3, 1, right);
  draw_endpoint(&client, connection->client);
  area_glyph(cell, 0, left + 1, STYLE_DIM, 0x2192);
  draw_endpoint(&server, connection->server);
}

static int64_t rtt_of(const struct model_connection *connection)
{
  const struct stream_summary *streams = connection->summary.streams;
  const enum stream_side side = streams[SIDE_CLIENT].rtt_samples > streams[SIDE_SERVER].rtt_samples
                                    ? SIDE_CLIENT
                                    : SIDE_SERVER;
  return streams[side].rtt_samples > 0 ? streams[side].srtt_ns : TIME_INVALID;
}

static int64_t age_of(const struct model *model, const struct model_connection *connection)
{
  const struct connection_summary *summary = &connection->summary;
  const bool over = summary->closed && summary->end_ns < model->now_ns;
  return (over ? summary->end_ns : model->now_ns) - summary->start_ns;
}

static void draw_flight(const struct area *cell, const struct model_connection *connection)
{
  const struct stream_summary *streams = connection->summary.streams;
  const struct stream_summary *of = &streams[streams[1].bytes > streams[0].bytes];
  char flight[WORD_SIZE], window[WORD_SIZE];
  if (of->bytes > 0)
    area_format(cell, 0, 0, STYLE_NORMAL, "%s/%s", word_bytes(flight, (double)of->flight_max),
                word_bytes(window, (double)of->window_max));
}

/* One that goes on has waited until now. */
static int64_t waited_of(const struct model *model, const struct finding *finding)
{
  const int64_t until_now_ns = model_finding_end_ns(model, finding) - finding->end_ns;
  return finding->waited_ns + (finding->kind == FINDING_STALL ? until_now_ns : 0);
}

/* Where there is no room for all of it, the cause is cut, not the time. */
static void draw_worst(const struct area *cell, const struct model *model,
                       const struct model_connection *connection)
{
  const struct finding *worst = model_worst(connection);
  char waited[WORD_SIZE], rest[WORD_SIZE + 32] = "";
  size_t used = 0;
  if (worst == NULL)
    return;
  const char *cause = cause_info(worst->cause)->code;
  const int64_t waited_ns = waited_of(model, worst);
  if (waited_ns > 0)
    used = (size_t)snprintf(rest, sizeof rest, " %s", word_duration(waited, waited_ns));
  if (model_problems(connection) > 1)
    snprintf(rest + used, sizeof rest - used, " +%u", model_problems(connection) - 1);
  const int room = cell->columns - text_columns(rest), length = text_columns(cause);
  const int shown = length <= room ? length : room > 1 ? room : 1;
  const struct area name = area_part(cell, 0, 0, 1, shown);
  area_text(&name, 0, 0, worst->severity == SEVERITY_PROBLEM ? STYLE_BAD : STYLE_DIM, cause);
  if (shown < length)
    area_glyph(&name, 0, shown - 1, STYLE_DIM, 0x2026);
  area_text(cell, 0, shown, STYLE_DIM, rest);
}

static void draw_cell(const struct ui *ui, const struct area *cell, enum column column,
                      const struct model_connection *connection)
{
  const struct model *model = ui->model;
  const struct stream_summary *streams = connection->summary.streams;
  const struct model_owner owner = model_owner_at(model, connection, model->now_ns);
  const uint64_t again = streams[0].retransmitted_segments + streams[1].retransmitted_segments;
  char text[64];
  enum style style;
  switch (column) {
  case COLUMN_ID:
    snprintf(text, sizeof text, "%llu", (unsigned long long)connection->id);
    area_right(cell, 0, cell->columns, STYLE_DIM, text);
    break;
  case COLUMN_CONNECTION: draw_connection(cell, connection); break;
  case COLUMN_AGE:
    area_right(cell, 0, cell->columns, STYLE_NORMAL,
               word_duration(text, age_of(model, connection)));
    break;
  case COLUMN_RATE:
    area_right(cell, 0, cell->columns, STYLE_NORMAL,
               word_rate(text, model_rate(model, connection, model->now_ns)));
    break;
  case COLUMN_SPARK: draw_spark(cell, connection); break;
  case COLUMN_RTT:
    area_right(cell, 0, cell->columns, STYLE_NORMAL, word_duration(text, rtt_of(connection)));
    break;
  case COLUMN_FLIGHT: draw_flight(cell, connection); break;
  case COLUMN_AGAIN:
    snprintf(text, sizeof text, "%llu", (unsigned long long)again);
    area_right(cell, 0, cell->columns, again > 0 ? STYLE_WARNING : STYLE_DIM, text);
    break;
  case COLUMN_HOLDER:
    owner_text(&owner, model->now_ns, text, sizeof text, &style);
    area_text(cell, 0, 0, style, text);
    break;
  case COLUMN_WORST: draw_worst(cell, model, connection); break;
  case COLUMN_COUNT: break;
  }
}

static void draw_header(const struct ui *ui, const struct area *area, const int *widths)
{
  int at = 0;
  for (int i = 0; i < COLUMN_COUNT; i++) {
    if (widths[i] == 0)
      continue;
    const struct area cell = area_part(area, 0, at, 1, widths[i]);
    const bool sorted = columns[i].sort == (int)ui->list.sort;
    const bool right = i == COLUMN_ID || i == COLUMN_AGE || i == COLUMN_RATE || i == COLUMN_RTT ||
                       i == COLUMN_AGAIN;
    char title[32];
    snprintf(title, sizeof title, "%s%s", columns[i].title,
             !sorted             ? ""
             : ui->list.reversed ? "\u25b2"
                                 : "\u25bc");
    if (right)
      area_right(&cell, 0, cell.columns, STYLE_HEADER, title);
    else
      area_text(&cell, 0, 0, STYLE_HEADER, title);
    at += widths[i] + GAP;
  }
}

static void draw_rows(const struct ui *ui, const struct area *area, const int *widths)
{
  for (int row = 0; row < area->rows; row++) {
    const uint32_t index = ui->list.top + (uint32_t)row;
    if (index >= ui->list.count)
      break;
    struct area line = area_part(area, row, 0, 1, area->columns);
    line.selected = index == ui->list.cursor;
    area_fill(&line, STYLE_NORMAL);
    int at = 0;
    for (int i = 0; i < COLUMN_COUNT; i++) {
      if (widths[i] == 0)
        continue;
      const struct area cell = area_part(&line, 0, at, 1, widths[i]);
      draw_cell(ui, &cell, (enum column)i, ui->model->connections[ui->list.order[index]]);
      at += widths[i] + GAP;
    }
  }
}

/* What was found about the chosen one, where there is room for it. */
static void draw_findings(const struct ui *ui, const struct area *area)
{
  const struct model_connection *connection = ui_connection(ui);
  char clock[WORD_SIZE], waited[WORD_SIZE];
  int row = 1;
  if (connection == NULL || area->rows < FINDINGS_ROWS_MIN)
    return;
  area_line(area, 0, 0, area->columns, STYLE_FRAME, 0x2500);
  area_format(area, 0, 2, STYLE_HEADER, " %s \u2192 %s ", connection->client, connection->server);
  if (connection->finding_count == 0)
    area_text(area, row, 2, STYLE_DIM, "nothing was found here");
  for (uint32_t i = 0; i < connection->finding_count && row + 1 < area->rows; i++) {
    const struct finding *finding = connection->findings[i];
    const bool problem = finding->severity == SEVERITY_PROBLEM;
    const enum style style = problem ? (enum style)style_of_location(finding->location) : STYLE_DIM;
    int at = 2 + area_format(area, row, 2, STYLE_DIM, "%s ", word_clock(clock, finding->start_ns));
    at += area_format(area, row, at, style, "%s ", location_name(finding->location));
    at += area_format(area, row, at, problem ? STYLE_NORMAL : STYLE_DIM, "%s",
                      cause_info(finding->cause)->code);
    const int64_t waited_ns = waited_of(ui->model, finding);
    if (waited_ns > 0)
      at += area_format(area, row, at, STYLE_NORMAL, " %s", word_duration(waited, waited_ns));
    area_format(area, row, at, STYLE_DIM, ", %s", confidence_name(finding->confidence));
    row = area_wrap(area, row + 1, 4, problem ? STYLE_NORMAL : STYLE_DIM, finding->summary);
  }
}

static int longest_name(const struct ui *ui, int rows)
{
  int longest = 0;
  for (uint32_t i = ui->list.top; i < ui->list.count && (int)(i - ui->list.top) < rows; i++) {
    const struct model_connection *connection = ui->model->connections[ui->list.order[i]];
    const int length = text_columns(connection->client) + 3 + text_columns(connection->server);
    longest = length > longest ? length : longest;
  }
  return longest;
}

static void draw(struct ui *ui, const struct area *area)
{
  int widths[COLUMN_COUNT];
  const int note_rows = ui->list.selection != NULL;
  const struct area body = area_part(area, 1, 0, area->rows - 1 - note_rows, area->columns);
  arrange(ui);
  keep_cursor(ui, body.rows);
  ui->list.longest = longest_name(ui, body.rows);
  choose_widths(area->columns + GAP, ui->list.longest, widths);
  draw_header(ui, area, widths);
  draw_rows(ui, &body, widths);
  if (ui->list.count == 0)
    area_text(area, 2, 2, STYLE_DIM,
              ui->model->count > 0 ? "no connection matches the filter (/ changes it)"
              : ui->model->live    ? "no TCP connection yet"
                                   : "there is no TCP connection in it");
  if (note_rows > 0)
    area_format(area, area->rows - 1, 1, STYLE_WARNING,
                "%u of %u match: %s   (/ changes the filter, / Ctrl-U Enter shows all)",
                ui->list.count, ui->model->count, ui->list.filter);
  if ((int64_t)ui->list.count >= body.rows)
    return;
  const int used = (int)ui->list.count + 1;
  const struct area rest = area_part(&body, used, 0, body.rows - used, body.columns);
  draw_findings(ui, &rest);
}

/* ---- keys ---- */

static void move_to(struct ui *ui, int64_t position)
{
  const int64_t last = (int64_t)ui->list.count - 1;
  position = position > last ? last : position;
  position = position < 0 ? 0 : position;
  ui->list.cursor = (uint32_t)position;
  if (ui->list.count > 0)
    ui_choose(ui, ui->model->connections[ui->list.order[position]]->id);
}

static bool key(struct ui *ui, uint32_t pressed)
{
  const int64_t at = ui->list.cursor, page = ui->body_rows > 2 ? ui->body_rows - 2 : 1;
  switch (pressed) {
  case 'k':
  case KEY_UP_: move_to(ui, at - 1); return true;
  case 'j':
  case KEY_DOWN_: move_to(ui, at + 1); return true;
  case KEY_PAGE_UP: move_to(ui, at - page); return true;
  case KEY_PAGE_DOWN: move_to(ui, at + page); return true;
  case 'g':
  case KEY_FIRST: move_to(ui, 0); return true;
  case 'G':
  case KEY_LAST: move_to(ui, ui->list.count); return true;
  case '<': ui->list.sort = (ui->list.sort + SORT_COUNT - 1) % SORT_COUNT; return true;
  case '>': ui->list.sort = (ui->list.sort + 1) % SORT_COUNT; return true;
  case 'r': ui->list.reversed = !ui->list.reversed; return true;
  case 'l':
  case KEY_RIGHT_:
  case KEY_RETURN:
    if (ui_connection(ui) != NULL)
      ui_enter(ui, VIEW_CONNECTION);
    return true;
  default: return false;
  }
}

/* The order that a column's head stands for; again: the other way round. */
static void click_head(struct ui *ui, int column)
{
  int widths[COLUMN_COUNT], at = 0;
  choose_widths(ui->body_columns + GAP, ui->list.longest, widths);
  for (int i = 0; i < COLUMN_COUNT; i++) {
    if (widths[i] == 0)
      continue;
    if (column >= at && column < at + widths[i] && columns[i].sort >= 0) {
      ui->list.reversed = (int)ui->list.sort == columns[i].sort && !ui->list.reversed;
      ui->list.sort = (enum ui_sort)columns[i].sort;
    }
    at += widths[i] + GAP;
  }
}

static void click(struct ui *ui, int row, int column, bool twice)
{
  if (row == 0)
    click_head(ui, column);
  if (row < 1 || ui->list.top + (uint32_t)row - 1 >= ui->list.count)
    return;
  const bool same = ui->list.cursor == ui->list.top + (uint32_t)row - 1;
  move_to(ui, (int64_t)ui->list.top + row - 1);
  if (twice || same)
    ui_enter(ui, VIEW_CONNECTION);
}

const struct view view_connections = {
    .title = "connections", .draw = draw, .key = key, .click = click};
