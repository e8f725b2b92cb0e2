#include "tui/ui.h"
#include "tui/words.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A packet may have been on its way so long when it comes to the other end. */
#define UNDER_WAY_MAX_NS (INT64_C(30) * NS_PER_S)
/* Times of the two ends may differ so much in the wrong direction: what a fit is uncertain about.
 */
#define CLOCKS_AGREE_NS (INT64_C(20) * 1000000)
#define TIME_COLUMNS    13
#define DELAY_COLUMNS   9

/* One row: a packet, and how it came to the other end if that is known. */
struct rung {
  const struct model_packet *sent;
  const struct model_packet *arrived; /* NULL: not seen there */
};

struct ladder {
  struct rung *rungs;
  uint32_t count;
  bool two_ends;
  uint8_t left; /* the end that is drawn at the left: the client's */
  /* when each end's capture saw the connection; by end */
  int64_t first_ns[ANALYZER_ENDS_MAX], last_ns[ANALYZER_ENDS_MAX];
};

/* ---- which packet is which ---- */

static bool is_copy(const struct model_packet *sent, const struct model_packet *arrived)
{
  const int64_t delay_ns = arrived->time_ns - sent->time_ns;
  return arrived->kind == MODEL_TCP && arrived->end != sent->end && arrived->side == sent->side &&
         arrived->seq == sent->seq && arrived->payload_bytes == sent->payload_bytes &&
         arrived->ack == sent->ack &&
         ((arrived->flags ^ sent->flags) & (TCP_SYN | TCP_FIN | TCP_RST)) == 0 &&
         delay_ns > -CLOCKS_AGREE_NS && delay_ns < UNDER_WAY_MAX_NS;
}

/* Each end's packets are looked through from where the last match was, so that all of it takes
 * about as long as reading them. */
static void match(struct ladder *ladder, const struct model_packets *packets, bool *taken)
{
  const uint32_t reach = 4096;
  for (uint32_t i = 0; i < packets->count; i++) {
    const struct model_packet *sent = &packets->list[i];
    /* the near end of what the client sends is the left one */
    const bool near = sent->kind == MODEL_FOREIGN || !ladder->two_ends ||
                      (sent->side == SIDE_CLIENT) == (sent->end == ladder->left);
    if (!near || taken[i])
      continue;
    const uint32_t from = i > 64 ? i - 64 : 0;
    const uint32_t to = i + reach < packets->count ? i + reach : packets->count;
    const struct model_packet *arrived = NULL;
    for (uint32_t j = from; j < to && arrived == NULL && sent->kind == MODEL_TCP; j++)
      if (!taken[j] && is_copy(sent, &packets->list[j])) {
        arrived = &packets->list[j];
        taken[j] = true;
      }
    taken[i] = true;
    ladder->rungs[ladder->count++] = (struct rung){sent, arrived};
  }
  /* what came without having been seen to leave */
  for (uint32_t i = 0; i < packets->count; i++)
    if (!taken[i])
      ladder->rungs[ladder->count++] = (struct rung){NULL, &packets->list[i]};
}

static int64_t rung_ns(const struct rung *rung)
{
  return rung->sent != NULL ? rung->sent->time_ns : rung->arrived->time_ns;
}

static int compare(const void *left, const void *right)
{
  const int64_t a = rung_ns(left), b = rung_ns(right);
  return a < b ? -1 : a > b;
}

/* The client's end; the first one, where it is not known which is whose. */
static uint8_t left_end(const struct model_connection *connection)
{
  const uint8_t first = connection->summary.end;
  const unsigned others = connection->ends & ~(1u << first);
  uint8_t end = 0;
  if (connection->summary.vantage != VANTAGE_SERVER || others == 0)
    return first;
  while ((others >> end & 1u) == 0)
    end++;
  return end;
}

static bool ladder_build(struct ladder *ladder, const struct model_connection *connection,
                         const struct model_packets *packets)
{
  bool *taken = calloc(packets->count + 1, sizeof *taken);
  *ladder = (struct ladder){.rungs = malloc((packets->count + 1) * sizeof *ladder->rungs)};
  if (taken == NULL || ladder->rungs == NULL) {
    free(taken);
    free(ladder->rungs);
    return false;
  }
  ladder->two_ends = (connection->ends & (connection->ends - 1)) != 0;
  ladder->left = left_end(connection);
  for (int end = 0; end < ANALYZER_ENDS_MAX; end++) {
    ladder->first_ns[end] = INT64_MAX;
    ladder->last_ns[end] = INT64_MIN;
  }
  for (uint32_t i = packets->count; i-- > 0;)
    ladder->first_ns[packets->list[i].end] = packets->list[i].time_ns;
  for (uint32_t i = 0; i < packets->count; i++)
    ladder->last_ns[packets->list[i].end] = packets->list[i].time_ns;
  match(ladder, packets, taken);
  qsort(ladder->rungs, ladder->count, sizeof *ladder->rungs, compare);
  free(taken);
  return true;
}

/* Would have been seen at another end, had it come there. */
static bool is_lost(const struct ladder *ladder, const struct rung *rung)
{
  if (!ladder->two_ends || rung->arrived != NULL || rung->sent == NULL ||
      rung->sent->kind != MODEL_TCP)
    return false;
  for (int end = 0; end < ANALYZER_ENDS_MAX; end++)
    if (end != rung->sent->end && ladder->first_ns[end] < INT64_MAX &&
        ladder->first_ns[end] + CLOCKS_AGREE_NS <= rung->sent->time_ns &&
        ladder->last_ns[end] - CLOCKS_AGREE_NS > rung->sent->time_ns)
      return true;
  return false;
}

/* ---- drawing ---- */

static void describe(const struct model_packet *packet, char *text, size_t size)
{
  char flags[8] = "";
  size_t at = 0;
  if (packet->kind == MODEL_FOREIGN) {
    snprintf(text, size, "another packet");
    return;
  }
  if ((packet->flags & TCP_SYN) != 0)
    flags[at++] = 'S';
  if ((packet->flags & TCP_FIN) != 0)
    flags[at++] = 'F';
  if ((packet->flags & TCP_RST) != 0)
    flags[at++] = 'R';
  if ((packet->flags & TCP_PSH) != 0)
    flags[at++] = 'P';
  flags[at] = '\0';
  int used = snprintf(text, size, "%s%s", flags, at > 0 ? " " : "");
  if (packet->payload_bytes > 0)
    used +=
        snprintf(text + used, size - (size_t)used, "%lld:%lld%s ", (long long)packet->seq,
                 (long long)(packet->seq + packet->payload_bytes), packet->again ? " again" : "");
  if ((packet->flags & TCP_ACK) != 0)
    used += snprintf(text + used, size - (size_t)used, "ack %lld win %u", (long long)packet->ack,
                     packet->window_bytes);
  if (packet->sack_count > 0)
    snprintf(text + used, size - (size_t)used, " sack %lld:%lld", (long long)packet->sack[0],
             (long long)packet->sack[1]);
}

static enum style style_of(const struct model_packet *packet)
{
  if (packet->kind == MODEL_FOREIGN)
    return STYLE_FOREIGN;
  if (packet->again || (packet->flags & TCP_RST) != 0)
    return STYLE_AGAIN;
  return packet->payload_bytes > 0 ? STYLE_DATA : STYLE_ACK;
}

static bool is_evidence(const struct finding *finding, const struct model_packet *packet)
{
  for (uint32_t i = 0; finding != NULL && packet != NULL && i < finding->evidence_count; i++)
    if (finding->evidence[i].frame == packet->frame && finding->evidence[i].end == packet->end)
      return true;
  return false;
}

/* The arrow; one that is lost ends in mid-air, one that waited is a long slope of dots. */
static void draw_arrow(const struct area *area, const struct ladder *ladder,
                       const struct rung *rung, int64_t usual_ns)
{
  const struct model_packet *packet = rung->sent != NULL ? rung->sent : rung->arrived;
  const bool rightwards = packet->side == SIDE_CLIENT;
  const bool lost = is_lost(ladder, rung);
  const bool slow = rung->sent != NULL && rung->arrived != NULL && usual_ns > 0 &&
                    rung->arrived->time_ns - rung->sent->time_ns > 4 * usual_ns + 10000000;
  const enum style style = style_of(packet);
  char text[160];
  describe(packet, text, sizeof text);
  const int width = area->columns;
  area_line(area, 0, 0, width, style,
            packet->kind == MODEL_FOREIGN ? 0x00b7
            : slow                        ? 0x2026
                                          : 0x2500);
  if (lost) {
    const int stop = width * 2 / 3;
    area_line(area, 0, rightwards ? stop : 0, width - stop, style, ' ');
    area_glyph(area, 0, rightwards ? stop : width - stop - 1, STYLE_BAD, 0x2717);
  } else {
    area_glyph(area, 0, rightwards ? width - 1 : 0, style, rightwards ? 0x25b6 : 0x25c0);
  }
  const int length = text_columns(text);
  const int room = lost ? width * 2 / 3 : width;
  const int start = (lost && !rightwards ? width - room : 0) + (room - length) / 2;
  const struct area middle = area_part(area, 0, start - 1 < 1 ? 1 : start - 1, 1,
                                       length + 2 < width - 2 ? length + 2 : width - 2);
  area_fill(&middle, style);
  area_text(&middle, 0, 1, style, text);
}

static void draw_stamp(const struct area *area, int column, const struct model_packet *packet,
                       bool evidence)
{
  char text[WORD_SIZE];
  if (packet == NULL)
    return;
  area_text(area, 0, column, evidence ? STYLE_BAD : STYLE_DIM, word_clock(text, packet->time_ns));
}

static void draw_rung(const struct area *area, const struct ladder *ladder, const struct rung *rung,
                      const struct finding *finding, int64_t usual_ns)
{
  const struct model_packet *packet = rung->sent != NULL ? rung->sent : rung->arrived;
  const int right_columns = ladder->two_ends ? TIME_COLUMNS : 0;
  const int arrow_at = TIME_COLUMNS + 2;
  const int arrow = area->columns - arrow_at - right_columns - DELAY_COLUMNS - 2;
  const struct area arrow_area = area_part(area, 0, arrow_at, 1, arrow);
  const struct model_packet *left = packet, *right = NULL;
  char text[WORD_SIZE];
  if (ladder->two_ends) {
    const bool sent_left = rung->sent != NULL && rung->sent->end == ladder->left;
    left = sent_left ? rung->sent : rung->arrived;
    right = sent_left ? rung->arrived : rung->sent;
    if (rung->sent == NULL) {
      left = rung->arrived->end == ladder->left ? rung->arrived : NULL;
      right = rung->arrived->end == ladder->left ? NULL : rung->arrived;
    }
  }
  const bool evidence = is_evidence(finding, rung->sent) || is_evidence(finding, rung->arrived);
  if (evidence)
    area_glyph(area, 0, 0, STYLE_BAD, 0x25cf);
  draw_stamp(area, 1, left, is_evidence(finding, left));
  area_glyph(area, 0, arrow_at - 1, STYLE_FRAME, 0x2502);
  draw_arrow(&arrow_area, ladder, rung, usual_ns);
  area_glyph(area, 0, arrow_at + arrow, STYLE_FRAME, 0x2502);
  if (ladder->two_ends)
    draw_stamp(area, arrow_at + arrow + 1, right, is_evidence(finding, right));
  if (rung->sent != NULL && rung->arrived != NULL)
    area_right(area, 0, area->columns - 1, STYLE_DIM,
               word_duration(text, rung->arrived->time_ns - rung->sent->time_ns));
}

/* The quickest way from end to end. */
static int64_t usual_delay_ns(const struct ladder *ladder)
{
  int64_t least = INT64_MAX;
  for (uint32_t i = 0; i < ladder->count; i++) {
    const struct rung *rung = &ladder->rungs[i];
    if (rung->sent == NULL || rung->arrived == NULL)
      continue;
    const int64_t delay_ns = rung->arrived->time_ns - rung->sent->time_ns;
    if (delay_ns > 0 && delay_ns < least)
      least = delay_ns;
  }
  return least == INT64_MAX ? 0 : least;
}

static void go_to_wanted(struct ui *ui, const struct ladder *ladder)
{
  for (uint32_t i = 0; i < ladder->count && ui->ladder.wanted_frame != 0; i++) {
    const struct model_packet *of[2] = {ladder->rungs[i].sent, ladder->rungs[i].arrived};
    for (int k = 0; k < 2; k++)
      if (of[k] != NULL && of[k]->frame == ui->ladder.wanted_frame &&
          of[k]->end == ui->ladder.wanted_end) {
        ui->ladder.cursor = i;
        ui->ladder.wanted_frame = 0;
      }
  }
  if (ui->ladder.wanted_frame != 0)
    ui_say(ui, "frame %llu is not among the packets at hand",
           (unsigned long long)ui->ladder.wanted_frame);
  ui->ladder.wanted_frame = 0;
}

static void draw_header(const struct area *area, const struct ui *ui,
                        const struct model_connection *connection, const struct ladder *ladder)
{
  area_format(area, 0, 1, STYLE_HEADER, "%s", connection->client);
  area_right(area, 0, area->columns - DELAY_COLUMNS - 1, STYLE_HEADER, connection->server);
  area_right(area, 0, area->columns - 1, STYLE_HEADER, ladder->two_ends ? "took" : "");
  (void)ui;
}

static void draw(struct ui *ui, const struct area *area)
{
  const struct model_connection *connection = ui_connection(ui);
  const struct model_packets *packets =
      connection != NULL ? model_packets_of(ui->model, connection) : NULL;
  struct ladder ladder;
  if (packets == NULL || !ladder_build(&ladder, connection, packets)) {
    area_text(area, 1, 2, STYLE_DIM, "its packets are not at hand");
    return;
  }
  const uint32_t rows = area->rows > 1 ? (uint32_t)area->rows - 1 : 1;
  ui->ladder.count = ladder.count;
  if (ui->ladder.wanted_frame != 0)
    go_to_wanted(ui, &ladder);
  if (ui->ladder.cursor >= ladder.count)
    ui->ladder.cursor = ladder.count > 0 ? ladder.count - 1 : 0;
  if (ui->ladder.cursor < ui->ladder.top)
    ui->ladder.top = ui->ladder.cursor;
  if (ui->ladder.cursor >= ui->ladder.top + rows)
    ui->ladder.top = ui->ladder.cursor - rows / 2;
  const int64_t usual_ns = usual_delay_ns(&ladder);
  draw_header(area, ui, connection, &ladder);
  for (uint32_t i = 0; i < rows && ui->ladder.top + i < ladder.count; i++) {
    struct area line = area_part(area, (int)i + 1, 0, 1, area->columns);
    line.selected = ui->ladder.top + i == ui->ladder.cursor;
    area_fill(&line, STYLE_NORMAL);
    draw_rung(&line, &ladder, &ladder.rungs[ui->ladder.top + i], ui_finding(ui), usual_ns);
  }
  if (ladder.count > 0 && ui->ladder.cursor < ladder.count)
    ui->model->now_ns =
        ui->model->live ? ui->model->now_ns : rung_ns(&ladder.rungs[ui->ladder.cursor]);
  free(ladder.rungs);
}

static void move_by(struct ui *ui, int64_t by)
{
  int64_t to = (int64_t)ui->ladder.cursor + by;
  to = to >= (int64_t)ui->ladder.count ? (int64_t)ui->ladder.count - 1 : to;
  ui->ladder.cursor = to < 0 ? 0 : (uint32_t)to;
}

static bool key(struct ui *ui, uint32_t pressed)
{
  const int64_t page = ui->body_rows > 2 ? ui->body_rows - 2 : 1;
  switch (pressed) {
  case 'k':
  case KEY_UP_: move_by(ui, -1); return true;
  case 'j':
  case KEY_DOWN_: move_by(ui, 1); return true;
  case KEY_PAGE_UP: move_by(ui, -page); return true;
  case KEY_PAGE_DOWN: move_by(ui, page); return true;
  case 'g':
  case KEY_FIRST: move_by(ui, -(int64_t)ui->ladder.count); return true;
  case 'G':
  case KEY_LAST: move_by(ui, ui->ladder.count); return true;
  case KEY_RETURN:
    if (ui_finding(ui) != NULL)
      ui_enter(ui, VIEW_FINDING);
    return true;
  default: return false;
  }
}

static void click(struct ui *ui, int row, int column, bool twice)
{
  (void)column;
  (void)twice;
  if (row >= 1 && ui->ladder.top + (uint32_t)row - 1 < ui->ladder.count)
    ui->ladder.cursor = ui->ladder.top + (uint32_t)row - 1;
}

const struct view view_ladder = {.title = "ladder", .draw = draw, .key = key, .click = click};
