#include "tui/rungs.h"
#include "tui/ui.h"
#include "tui/words.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <string.h>

#define TIME_COLUMNS  13
#define DELAY_COLUMNS 9
#define TEXT_SIZE     240
/* Where an arrow stops that does not arrive, or whose slope goes on in a later row; of 3 */
#define STOP_THIRDS 2

/* ---- what is written on an arrow ---- */

static const char *flag_words(uint16_t flags)
{
  if ((flags & TCP_RST) != 0)
    return "RST ";
  if ((flags & TCP_SYN) != 0)
    return "SYN ";
  if ((flags & TCP_FIN) != 0)
    return "FIN ";
  return (flags & TCP_PSH) != 0 ? "P " : "";
}

/* As much of it as `detail` wants: 0 is all. */
static void describe_tcp(const struct model_packet *packet, int detail, char *text)
{
  const long long from = (long long)packet->seq, to = from + packet->payload_bytes;
  int used = snprintf(text, TEXT_SIZE, "%s", flag_words(packet->flags));
  const size_t room = TEXT_SIZE - (size_t)used;
  char *behind = text + used;
  char data[64] = "", ack[48] = "", window[32] = "", sack[64] = "";
  if (packet->payload_bytes > 0)
    snprintf(data, sizeof data, "%lld:%lld%s", from, to, packet->again ? " again" : "");
  if ((packet->flags & TCP_ACK) != 0 && (detail < 3 || packet->payload_bytes == 0))
    snprintf(ack, sizeof ack, "%sack %lld", packet->payload_bytes > 0 ? " " : "",
             (long long)packet->ack);
  if (detail < 2 && ((packet->flags & (TCP_ACK | TCP_SYN)) != 0))
    snprintf(window, sizeof window, " win %u", packet->window_bytes);
  if (detail < 1 && packet->sack_count > 0)
    snprintf(sack, sizeof sack, " sack %lld:%lld", (long long)packet->sack[0],
             (long long)packet->sack[1]);
  const char *first = data[0] == '\0' && ack[0] == '\0' && window[0] == ' ' ? window + 1 : window;
  snprintf(behind, room, "%s%s%s%s", data, ack, first, sack);
}

/* What a finding says of a packet of others. */
static void describe_foreign(const struct model_connection *connection,
                             const struct model_packet *packet, char *text)
{
  snprintf(text, TEXT_SIZE, "a packet of others");
  for (uint32_t f = 0; f < connection->finding_count; f++) {
    const struct finding *finding = connection->findings[f];
    const bool ended =
        finding->ended_by == ENDED_BY_FOREIGN_PACKET || finding->ended_by == ENDED_BY_KICK;
    for (uint32_t i = 0; i < finding->evidence_count; i++)
      if (finding->evidence[i].frame == packet->frame && finding->evidence[i].end == packet->end) {
        snprintf(text, TEXT_SIZE, "%s%s", ended ? "ends the wait: " : "",
                 finding->evidence[i].fact);
        return;
      }
  }
}

static void describe(const struct model_connection *connection, const struct rung *rung,
                     int columns, char *text)
{
  const struct model_packet *packet = rung->sent != NULL ? rung->sent : rung->arrived;
  char pieces[32] = "";
  if (packet->kind == MODEL_FOREIGN) {
    describe_foreign(connection, packet, text);
    return;
  }
  if (rung->pieces > 1)
    snprintf(pieces, sizeof pieces, " in %u pieces", rung->pieces);
  for (int detail = 0; detail < 4; detail++) {
    describe_tcp(packet, detail, text);
    if (text_columns(text) + text_columns(pieces) <= columns)
      break;
  }
  const size_t used = strlen(text);
  snprintf(text + used, TEXT_SIZE - used, "%s", pieces);
}

/* Text that does not fit ends with an ellipsis. */
static void put_middle(const struct area *area, int from, int columns, enum style style,
                       const char *text)
{
  const int length = text_columns(text);
  if (columns < 3)
    return;
  const int width = length + 2 < columns ? length + 2 : columns;
  const struct area part = area_part(area, 0, from + (columns - width) / 2, 1, width);
  area_fill(&part, style);
  area_text(&part, 0, 1, style, text);
  if (length + 2 > columns) {
    area_glyph(&part, 0, width - 2, style, 0x2026);
    area_glyph(&part, 0, width - 1, style, ' ');
  }
}

/* ---- arrows ---- */

static enum style style_of(const struct model_packet *packet)
{
  if (packet->kind == MODEL_FOREIGN)
    return STYLE_FOREIGN;
  if (packet->again || (packet->flags & TCP_RST) != 0)
    return STYLE_AGAIN;
  return packet->payload_bytes > 0 ? STYLE_DATA : STYLE_ACK;
}

static bool is_cut(const struct rung *rung)
{
  return rung->fate == RUNG_LOST || rung->fate == RUNG_MISSING;
}

/* One that is lost ends in mid-air; one that took long is a slope, of which the second half is in
 * the row where it arrives. */
static void draw_arrow(const struct area *area, const struct model_connection *connection,
                       const struct rung *rung)
{
  const struct model_packet *packet = rung->sent != NULL ? rung->sent : rung->arrived;
  const bool rightwards = packet->side == SIDE_CLIENT, foreign = packet->kind == MODEL_FOREIGN;
  const bool ends_early = is_cut(rung) || rung->slow;
  const enum style style = style_of(packet);
  const int width = area->columns, stop = width * STOP_THIRDS / 3;
  const int length = ends_early ? stop : width;
  const int from = rightwards ? 0 : width - length; /* leftmost column of the line */
  char text[TEXT_SIZE];
  area_line(area, 0, from, length, style, foreign ? 0x00b7 : 0x2500);
  const int tip = rightwards ? from + length - 1 : from;
  if (is_cut(rung))
    area_glyph(area, 0, tip, STYLE_BAD, rung->fate == RUNG_LOST ? 0x2717 : '?');
  else if (rung->slow)
    area_glyph(area, 0, tip, style, rightwards ? 0x2572 : 0x2571);
  else
    area_glyph(area, 0, tip, style, rightwards ? 0x25b6 : 0x25c0);
  describe(connection, rung, length - 6, text);
  put_middle(area, rightwards ? from + 1 : from + 2, length - 3, style, text);
}

/* The second half of a slope. */
static void draw_arrival(const struct area *area, const struct rung *rung)
{
  const bool rightwards = rung->sent->side == SIDE_CLIENT;
  const enum style style = style_of(rung->sent);
  const int width = area->columns, stop = width * STOP_THIRDS / 3;
  char text[TEXT_SIZE];
  const int length = width - stop, from = rightwards ? stop : 0;
  area_line(area, 0, from, length, style, 0x2500);
  area_glyph(area, 0, rightwards ? from : length - 1, style, rightwards ? 0x2572 : 0x2571);
  area_glyph(area, 0, rightwards ? width - 1 : 0, style, rightwards ? 0x25b6 : 0x25c0);
  if (rung->sent->payload_bytes > 0)
    snprintf(text, sizeof text, "%lld:%lld", (long long)rung->sent->seq,
             (long long)rung->sent->seq + rung->sent->payload_bytes);
  else
    snprintf(text, sizeof text, "ack %lld", (long long)rung->sent->ack);
  put_middle(area, from + 1, length - 2, style, text);
}

static void draw_wait(const struct area *area, const struct model *model,
                      const struct finding *finding)
{
  const int64_t waited_ns = model_finding_end_ns(model, finding) - finding->start_ns;
  const enum style style = finding->severity == SEVERITY_PROBLEM
                               ? (enum style)style_of_location(finding->location)
                               : STYLE_DIM;
  char text[TEXT_SIZE], length[WORD_SIZE];
  snprintf(text, sizeof text, "%s: %s, %s", word_duration(length, waited_ns),
           location_name(finding->location), cause_info(finding->cause)->code);
  area_line(area, 0, 0, area->columns, style, 0x2550);
  put_middle(area, 1, area->columns - 2, style, text);
}

/* ---- rows ---- */

static bool is_evidence(const struct finding *finding, const struct model_packet *packet)
{
  for (uint32_t i = 0; finding != NULL && packet != NULL && i < finding->evidence_count; i++)
    if (finding->evidence[i].frame == packet->frame && finding->evidence[i].end == packet->end)
      return true;
  return false;
}

static void draw_stamp(const struct area *area, int column, const struct model_packet *packet,
                       const struct finding *finding)
{
  char text[WORD_SIZE];
  if (packet != NULL)
    area_text(area, 0, column, is_evidence(finding, packet) ? STYLE_BAD : STYLE_DIM,
              word_clock(text, packet->time_ns));
}

static void draw_delay(const struct area *area, const struct rung *rung)
{
  char text[WORD_SIZE];
  if (rung->kind == RUNG_ARRIVAL)
    area_right(area, 0, area->columns - 1, STYLE_WARNING,
               word_duration(text, rung->arrived->time_ns - rung->sent->time_ns));
  else if (rung->fate == RUNG_LOST)
    area_right(area, 0, area->columns - 1, STYLE_BAD, "lost");
  else if (rung->fate == RUNG_PARTLY)
    area_right(area, 0, area->columns - 1, STYLE_BAD, "cut");
  else if (rung->fate == RUNG_MISSING)
    area_right(area, 0, area->columns - 1, STYLE_DIM, "not seen");
  else if (rung->arrived != NULL && rung->sent != NULL && !rung->slow)
    area_right(area, 0, area->columns - 1, STYLE_DIM,
               word_duration(text, rung->arrived->time_ns - rung->sent->time_ns));
}

static void draw_rung(const struct ui *ui, const struct area *area, const struct rungs *rungs,
                      const struct rung *rung)
{
  const struct model_connection *connection = ui_connection(ui);
  const struct finding *finding = ui_finding(ui);
  const int right_columns = rungs->two_ends ? TIME_COLUMNS + DELAY_COLUMNS : 0;
  const int arrow_at = TIME_COLUMNS + 2;
  const int arrow = area->columns - arrow_at - right_columns - 1;
  const struct area arrow_area = area_part(area, 0, arrow_at, 1, arrow);
  /* where the row says something: of a slope, at one end each */
  const struct model_packet *of[2] = {rung->kind != RUNG_ARRIVAL ? rung->sent : NULL,
                                      rung->slow && rung->kind == RUNG_PACKET ? NULL
                                                                              : rung->arrived};
  area_glyph(area, 0, arrow_at - 1, STYLE_FRAME, 0x2502);
  area_glyph(area, 0, arrow_at + arrow, STYLE_FRAME, 0x2502);
  if (rung->kind == RUNG_WAIT) {
    draw_wait(&arrow_area, ui->model, connection->findings[rung->finding]);
    return;
  }
  for (int i = 0; i < 2; i++) {
    if (of[i] == NULL)
      continue;
    draw_stamp(area, rungs->two_ends && of[i]->end == rungs->right ? arrow_at + arrow + 1 : 1,
               of[i], finding);
    if (is_evidence(finding, of[i]))
      area_glyph(area, 0, 0, STYLE_BAD, 0x25cf);
  }
  if (rung->kind == RUNG_ARRIVAL)
    draw_arrival(&arrow_area, rung);
  else
    draw_arrow(&arrow_area, connection, rung);
  draw_delay(area, rung);
}

static void draw_header(const struct area *area, const struct model_connection *connection,
                        const struct rungs *rungs, uint64_t left_out)
{
  const int right = area->columns - (rungs->two_ends ? TIME_COLUMNS + DELAY_COLUMNS + 1 : 1);
  char text[MODEL_NAME_SIZE + 8];
  int at = 1;
  if (rungs->two_ends)
    at += area_format(area, 0, at, STYLE_KEY, "%c ", 'A' + rungs->left);
  at += area_text(area, 0, at, STYLE_HEADER, connection->client);
  if (rungs->two_ends) {
    snprintf(text, sizeof text, " %c", 'A' + rungs->right);
    area_text(area, 0, right + 1, STYLE_KEY, text);
    area_right(area, 0, area->columns - 1, STYLE_HEADER, "took");
  }
  area_right(area, 0, right, STYLE_HEADER, connection->server);
  if (left_out > 0)
    area_format(area, 0, at + 3, STYLE_WARNING, "%llu packets left out",
                (unsigned long long)left_out);
}

/* ---- where the cursor is ---- */

static void go_to_wanted(struct ui *ui)
{
  const struct rungs *rungs = &ui->ladder.rungs;
  const uint32_t at = rungs_of_frame(rungs, ui->ladder.wanted_frame, ui->ladder.wanted_end);
  if (at != UINT32_MAX)
    ui->ladder.cursor = at;
  else
    ui_say(ui, "frame %llu of %c is not among the packets at hand",
           (unsigned long long)ui->ladder.wanted_frame, 'A' + ui->ladder.wanted_end);
  ui->ladder.wanted_frame = 0;
}

/* What it stood on is found again after a change. */
static void keep_cursor(struct ui *ui)
{
  const struct rungs *rungs = &ui->ladder.rungs;
  const bool at_end = ui->ladder.cursor + 1 >= ui->ladder.count;
  const uint32_t found =
      ui->ladder.frame != 0 ? rungs_of_frame(rungs, ui->ladder.frame, ui->ladder.end) : UINT32_MAX;
  if (ui->model->live && at_end && !ui->paused)
    ui->ladder.cursor = rungs->count; /* follows what comes */
  else if (found != UINT32_MAX)
    ui->ladder.cursor = found;
}

static void place_cursor(struct ui *ui, bool renewed)
{
  const struct rungs *rungs = &ui->ladder.rungs;
  struct model *model = ui->model;
  const bool chosen = ui->ladder.moved || ui->ladder.wanted_frame != 0;
  const bool time_moved = ui->ladder.shown_ns != model->now_ns && !(model->live && !ui->paused);
  if (ui->ladder.wanted_frame != 0)
    go_to_wanted(ui);
  else if (!ui->ladder.moved && time_moved)
    ui->ladder.cursor = rungs_at(rungs, model->now_ns);
  else if (renewed)
    keep_cursor(ui);
  if (ui->ladder.cursor >= rungs->count)
    ui->ladder.cursor = rungs->count > 0 ? rungs->count - 1 : 0;
  ui->ladder.count = rungs->count;
  ui->ladder.moved = false;
  if (rungs->count == 0)
    return;
  const struct rung *rung = &rungs->list[ui->ladder.cursor];
  const struct model_packet *packet = rung->sent != NULL ? rung->sent : rung->arrived;
  ui->ladder.frame = packet != NULL ? packet->frame : 0;
  ui->ladder.end = packet != NULL ? packet->end : 0;
  /* the time that is looked at goes with the user's cursor; else the cursor went with the time */
  if (chosen && !ui->playing && !(model->live && !ui->paused))
    model->now_ns = rung->time_ns;
  ui->ladder.shown_ns = model->now_ns;
}

static void draw(struct ui *ui, const struct area *area)
{
  const struct model_connection *connection = ui_connection(ui);
  const struct model_packets *packets =
      connection != NULL ? model_packets_of(ui->model, connection) : NULL;
  struct rungs *rungs = &ui->ladder.rungs;
  const uint32_t version = rungs->packets_version;
  const uint64_t of = rungs->connection_id;
  if (packets == NULL || !rungs_update(rungs, ui->model, connection)) {
    area_text(area, 1, 2, STYLE_DIM, "its packets are not at hand");
    return;
  }
  const uint32_t rows = area->rows > 1 ? (uint32_t)area->rows - 1 : 1;
  place_cursor(ui, of != connection->id || version != rungs->packets_version);
  if (ui->ladder.cursor < ui->ladder.top || ui->ladder.cursor >= ui->ladder.top + rows)
    ui->ladder.top = ui->ladder.cursor > rows / 2 ? ui->ladder.cursor - rows / 2 : 0;
  if (ui->ladder.top + rows > rungs->count) /* no empty rows below */
    ui->ladder.top = rungs->count > rows ? rungs->count - rows : 0;
  draw_header(area, connection, rungs, packets->left_out);
  for (uint32_t i = 0; i < rows && ui->ladder.top + i < rungs->count; i++) {
    struct area line = area_part(area, (int)i + 1, 0, 1, area->columns);
    line.selected = ui->ladder.top + i == ui->ladder.cursor;
    area_fill(&line, STYLE_NORMAL);
    draw_rung(ui, &line, rungs, &rungs->list[ui->ladder.top + i]);
  }
}

/* ---- keys ---- */

static void move_to(struct ui *ui, int64_t to)
{
  to = to >= (int64_t)ui->ladder.count ? (int64_t)ui->ladder.count - 1 : to;
  to = to < 0 ? 0 : to;
  ui->ladder.moved = true;
  /* one step beyond the edge scrolls by one row */
  const uint32_t rows = ui->body_rows > 1 ? (uint32_t)ui->body_rows - 1 : 1;
  if (to + 1 == ui->ladder.top)
    ui->ladder.top--;
  else if (to == (int64_t)ui->ladder.top + rows)
    ui->ladder.top++;
  ui->ladder.cursor = (uint32_t)to;
}

/* A wait's finding, or that of which the packet is evidence. */
static void enter_finding(struct ui *ui)
{
  const struct model_connection *connection = ui_connection(ui);
  const struct rungs *rungs = &ui->ladder.rungs;
  /* keys may come before the rows are drawn anew */
  if (connection == NULL || ui->ladder.cursor >= rungs->count ||
      !rungs_are_of(rungs, ui->model, connection))
    return;
  const struct rung *rung = &rungs->list[ui->ladder.cursor];
  if (rung->kind == RUNG_WAIT && rung->finding < connection->finding_count)
    ui->finding = rung->finding;
  else if (!is_evidence(ui_finding(ui), rung->sent) && !is_evidence(ui_finding(ui), rung->arrived))
    for (uint32_t i = connection->finding_count; i-- > 0;)
      if (is_evidence(connection->findings[i], rung->sent) ||
          is_evidence(connection->findings[i], rung->arrived))
        ui->finding = i;
  if (ui_finding(ui) != NULL)
    ui_enter(ui, VIEW_FINDING);
}

static bool key(struct ui *ui, uint32_t pressed)
{
  const int64_t page = ui->body_rows > 2 ? ui->body_rows - 2 : 1, at = ui->ladder.cursor;
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
  case KEY_LAST: move_to(ui, (int64_t)ui->ladder.count - 1); return true;
  case 'h':
  case KEY_LEFT_: ui_back(ui); return true;
  case 'l':
  case KEY_RIGHT_:
  case KEY_RETURN: enter_finding(ui); return true;
  default: return false;
  }
}

static void click(struct ui *ui, int row, int column, bool twice)
{
  (void)column;
  if (row < 1 || ui->ladder.top + (uint32_t)row - 1 >= ui->ladder.count)
    return;
  move_to(ui, (int64_t)ui->ladder.top + row - 1);
  if (twice)
    enter_finding(ui);
}

const struct view view_ladder = {.title = "ladder", .draw = draw, .key = key, .click = click};
