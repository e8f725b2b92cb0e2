#include "tui/ui.h"
#include "tui/words.h"
#include "wire/timestamp.h"

#include <stdio.h>

#define LABEL_COLUMNS 14
#define FACT_AT       24 /* behind a piece of evidence's frame, end and time */

/* A page of any length, of which a part is shown. */
struct page {
  const struct area *area;
  int row; /* of the page, counted from what is shown first */
  int evidence_row;
};

static void put(struct page *page, const char *label, enum style style, const char *text)
{
  const int columns = page->area->columns - LABEL_COLUMNS - 1;
  const struct area part = area_part(page->area, 0, LABEL_COLUMNS, page->area->rows, columns);
  if (text == NULL || *text == '\0' || columns < 10)
    return;
  area_text(page->area, page->row, 1, STYLE_HEADER, label);
  area_wrap(&part, page->row, 0, style, text);
  page->row += text_lines(text, columns);
}

static void put_place(struct page *page, const struct finding *finding)
{
  char text[300];
  snprintf(text, sizeof text, "%s (%s), %s", location_phrase(finding->location),
           location_name(finding->location), confidence_name(finding->confidence));
  put(page, "where", (enum style)style_of_location(finding->location), text);
  snprintf(text, sizeof text, "%s (%s), %s", cause_info(finding->cause)->meaning,
           cause_info(finding->cause)->code, confidence_name(finding->cause_confidence));
  put(page, "cause", STYLE_NORMAL, text);
}

static void put_times(struct page *page, const struct model *model, const struct finding *finding)
{
  char text[200], from[WORD_SIZE], to[WORD_SIZE], length[WORD_SIZE], most[WORD_SIZE];
  const int64_t end_ns = model_finding_end_ns(model, finding);
  word_clock(from, finding->start_ns);
  word_duration(length, end_ns - finding->start_ns);
  if (model->live && finding->state != FINDING_CLOSED)
    snprintf(text, sizeof text, "since %s (%s), not over", from, length);
  else
    snprintf(text, sizeof text, "%s to %s (%s), ended by %s", from, word_clock(to, end_ns), length,
             ended_by_name(finding->ended_by));
  put(page, "when", STYLE_NORMAL, text);
  if (!time_is_valid(finding->hold_min_ns))
    return;
  snprintf(text, sizeof text, "at least %s, at most %s",
           word_duration(length, finding->hold_min_ns), word_duration(most, finding->hold_max_ns));
  put(page, "held", STYLE_NORMAL, text);
}

/* What does not fit into the line goes below it. */
static void put_fact(struct page *page, const struct evidence *evidence, bool chosen)
{
  char clock[WORD_SIZE], frame[24];
  const int columns = page->area->columns - LABEL_COLUMNS;
  struct area line = area_part(page->area, 0, LABEL_COLUMNS, page->area->rows, columns);
  line.selected = chosen;
  const struct area fact = area_part(&line, 0, FACT_AT, line.rows, columns - FACT_AT - 1);
  int lines = text_lines(evidence->fact, fact.columns);
  lines = lines > 0 ? lines : 1;
  for (int i = 0; i < lines; i++)
    area_line(&line, page->row + i, 0, columns, STYLE_NORMAL, ' ');
  snprintf(frame, sizeof frame, "%llu", (unsigned long long)evidence->frame);
  area_right(&line, page->row, 7, STYLE_DIM, evidence->frame != 0 ? frame : "-");
  area_format(&line, page->row, 8, STYLE_DIM, "%c %s", 'A' + evidence->end,
              word_clock(clock, evidence->time_ns));
  area_wrap(&fact, page->row, 0, STYLE_NORMAL, evidence->fact);
  page->row += lines;
}

static void put_evidence(struct ui *ui, struct page *page, const struct finding *finding)
{
  area_text(page->area, page->row, 1, STYLE_HEADER, "evidence");
  for (uint32_t i = 0; i < finding->evidence_count; i++) {
    const bool chosen = i == ui->verdict.cursor;
    if (chosen)
      page->evidence_row = page->row;
    ui->verdict.rows[i] = page->row;
    put_fact(page, &finding->evidence[i], chosen);
    ui->verdict.rows[i + 1] = page->row;
  }
}

/* What the kernels said of the two sockets meanwhile. */
static void put_kernel(struct page *page, const struct finding *finding)
{
  char text[400];
  for (uint32_t i = 0; i < finding->kernel_count; i++) {
    const struct kernel_evidence *kernel = &finding->kernel[i];
    char unacked[32] = "", backlog[64] = "", sizes[4][WORD_SIZE];
    if (kernel->of_sender)
      snprintf(unacked, sizeof unacked, "%u segments unacked, ", kernel->tcpi_unacked_pkts);
    if (kernel->qdisc_backlog_bytes >= 0)
      snprintf(backlog, sizeof backlog, ", device's queue %s",
               word_bytes(sizes[0], (double)kernel->qdisc_backlog_bytes));
    snprintf(text, sizeof text, "%s's socket at %c: %s%s not sent, %s not read, window %s%s",
             stream_side_name(kernel->socket), 'A' + kernel->end, unacked,
             word_bytes(sizes[1], kernel->tcpi_notsent_bytes),
             word_bytes(sizes[2], kernel->rqueue_bytes),
             word_bytes(sizes[3], kernel->tcpi_snd_wnd_bytes), backlog);
    put(page, i == 0 ? "kernels" : "", STYLE_NORMAL, text);
  }
}

static void put_alternatives(struct page *page, const struct finding *finding)
{
  char text[400];
  for (uint32_t i = 0; i < finding->alternative_count; i++) {
    const struct alternative *other = &finding->not_excluded[i];
    snprintf(text, sizeof text, "%s (%s): %s", location_name(other->location),
             cause_info(other->cause)->code, other->why);
    put(page, i == 0 ? "not excluded" : "", STYLE_WARNING, text);
  }
}

static void draw_page(struct ui *ui, struct page *page, const struct model_connection *connection,
                      const struct finding *finding)
{
  char text[200];
  snprintf(text, sizeof text, "%u of %u: %s %s, %s", ui->finding + 1, connection->finding_count,
           severity_name(finding->severity), finding_kind_name(finding->kind),
           finding_state_name(finding->state));
  put(page, "finding", STYLE_STRONG, text);
  put(page, "", finding->severity == SEVERITY_PROBLEM ? STYLE_BAD : STYLE_NORMAL, finding->summary);
  put_place(page, finding);
  put_times(page, ui->model, finding);
  put(page, "why", STYLE_NORMAL, finding->reason);
  put_evidence(ui, page, finding);
  put_kernel(page, finding);
  put_alternatives(page, finding);
  put(page, "to settle it", STYLE_NORMAL, finding->settle);
  put(page, "advice", STYLE_NORMAL, finding->advice);
}

static void draw(struct ui *ui, const struct area *area)
{
  const struct model_connection *connection = ui_connection(ui);
  const struct finding *finding = ui_finding(ui);
  if (finding == NULL) {
    area_text(area, 1, 2, STYLE_GOOD, "nothing was found here");
    return;
  }
  if (ui->verdict.cursor >= finding->evidence_count)
    ui->verdict.cursor = finding->evidence_count > 0 ? finding->evidence_count - 1 : 0;
  struct page page = {.area = area, .row = -ui->verdict.scroll};
  draw_page(ui, &page, connection, finding);
  ui->verdict.last = page.row + ui->verdict.scroll - area->rows;
  if (page.row > area->rows)
    area_right(area, area->rows - 1, area->columns, STYLE_WARNING, " more below ");
  /* the cursor stays in sight */
  int scroll = ui->verdict.scroll;
  if (!ui->verdict.follow)
    return;
  ui->verdict.follow = false;
  if (page.evidence_row >= area->rows)
    scroll += page.evidence_row - area->rows + 1;
  else if (page.evidence_row < 0)
    scroll += page.evidence_row;
  if (ui->verdict.cursor == 0 && page.row + ui->verdict.scroll <= area->rows)
    scroll = 0;
  if (scroll == ui->verdict.scroll)
    return;
  ui->verdict.scroll = scroll;
  area_fill(area, STYLE_NORMAL);
  page = (struct page){.area = area, .row = -scroll};
  draw_page(ui, &page, connection, finding);
  if (page.row > area->rows)
    area_right(area, area->rows - 1, area->columns, STYLE_WARNING, " more below ");
}

static void to_frame(struct ui *ui, const struct finding *finding)
{
  const struct evidence *evidence = &finding->evidence[ui->verdict.cursor];
  if (ui->verdict.cursor >= finding->evidence_count || evidence->frame == 0) {
    ui_say(ui, "this is said of many packets, not of one");
    return;
  }
  ui->ladder.wanted_frame = evidence->frame;
  ui->ladder.wanted_end = evidence->end;
  ui_enter(ui, VIEW_LADDER);
}

/* No farther than to the last row. */
static void scroll_to(struct ui *ui, int scroll)
{
  scroll = scroll > ui->verdict.last ? ui->verdict.last : scroll;
  ui->verdict.scroll = scroll < 0 ? 0 : scroll;
}

static void step_finding(struct ui *ui, int by)
{
  const struct model_connection *connection = ui_connection(ui);
  const int64_t to = (int64_t)ui->finding + by;
  if (connection == NULL || to < 0 || to >= connection->finding_count)
    return;
  ui->finding = (uint32_t)to;
  ui->verdict.cursor = 0;
  ui->verdict.scroll = 0;
}

/* What is out of sight is shown first (follow), and gone to when it is asked for again. */
static bool is_in_sight(const struct ui *ui)
{
  const int row = ui->verdict.rows[ui->verdict.cursor];
  return row >= 0 && row < ui->body_rows;
}

static bool key(struct ui *ui, uint32_t pressed)
{
  const struct finding *finding = ui_finding(ui);
  if (finding == NULL)
    return false;
  const bool moved = ui->verdict.follow; /* and not drawn since */
  ui->verdict.follow = pressed != KEY_PAGE_DOWN && pressed != KEY_PAGE_UP;
  switch (pressed) {
  case 'k':
    if (ui->model->live) /* it is the kick's */
      return false;
    ui->verdict.cursor -= ui->verdict.cursor > 0;
    return true;
  case KEY_UP_: ui->verdict.cursor -= ui->verdict.cursor > 0; return true;
  case 'j':
  case KEY_DOWN_:
    ui->verdict.cursor += ui->verdict.cursor + 1 < finding->evidence_count;
    return true;
  case KEY_PAGE_DOWN: scroll_to(ui, ui->verdict.scroll + ui->body_rows / 2); return true;
  case KEY_PAGE_UP: scroll_to(ui, ui->verdict.scroll - ui->body_rows / 2); return true;
  case 'h':
  case KEY_LEFT_: step_finding(ui, -1); return true;
  case 'l':
  case KEY_RIGHT_: step_finding(ui, 1); return true;
  case KEY_RETURN:
    if (ui->verdict.cursor >= finding->evidence_count || moved || is_in_sight(ui))
      to_frame(ui, finding);
    return true;
  default: return false;
  }
}

static void click(struct ui *ui, int row, int column, bool twice)
{
  const struct finding *finding = ui_finding(ui);
  (void)column;
  for (uint32_t i = 0; finding != NULL && i < finding->evidence_count; i++) {
    if (row < ui->verdict.rows[i] || row >= ui->verdict.rows[i + 1])
      continue;
    if (twice || i == ui->verdict.cursor)
      to_frame(ui, finding);
    ui->verdict.cursor = i;
  }
}

const struct view view_finding = {.title = "finding", .draw = draw, .key = key, .click = click};
