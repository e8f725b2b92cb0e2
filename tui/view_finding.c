#include "tui/ui.h"
#include "tui/words.h"
#include "wire/timestamp.h"

#include <stdio.h>

#define LABEL_COLUMNS  14
#define FACT_AT        24 /* behind a piece of evidence's frame, end and time */
#define FACT_LINES_MAX 8

/* A page of any length, of which a part is shown. */
struct page {
  const struct area *area;
  int row; /* of the page, counted from what is shown first */
  int evidence_row;
};

static void put(struct page *page, const char *label, enum style style, const char *text)
{
  const int columns = page->area->columns - LABEL_COLUMNS - 1;
  if (text == NULL || *text == '\0' || columns < 10)
    return;
  /* lines above the area are laid out as well, and fall outside */
  struct area tall = *page->area;
  struct grid scratch = {0};
  if (!grid_resize(&scratch, 64, columns))
    return;
  tall = area_of(&scratch);
  const int lines = area_wrap(&tall, 0, 0, style, text);
  area_text(page->area, page->row, 1, STYLE_HEADER, label);
  for (int line = 0; line < lines; line++)
    for (int column = 0; column < columns; column++) {
      const struct cell *cell = grid_cell(&scratch, line, column);
      if (cell->glyph > ' ')
        area_glyph(page->area, page->row + line, LABEL_COLUMNS + column, (enum style)cell->style,
                   cell->glyph);
    }
  page->row += lines;
  grid_free(&scratch);
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

static void put_times(struct page *page, const struct finding *finding)
{
  char text[200], from[WORD_SIZE], to[WORD_SIZE], length[WORD_SIZE], most[WORD_SIZE];
  snprintf(text, sizeof text, "%s to %s (%s), %s", word_clock(from, finding->start_ns),
           word_clock(to, finding->end_ns),
           word_duration(length, finding->end_ns - finding->start_ns),
           finding->state == FINDING_OPEN ? "not over" : ended_by_name(finding->ended_by));
  put(page, "when", STYLE_NORMAL, text);
  if (!time_is_valid(finding->hold_min_ns))
    return;
  snprintf(text, sizeof text, "at least %s, at most %s",
           word_duration(length, finding->hold_min_ns), word_duration(most, finding->hold_max_ns));
  put(page, "held", STYLE_NORMAL, text);
}

static void put_evidence(struct page *page, const struct finding *finding, uint32_t cursor)
{
  char clock[WORD_SIZE], frame[24];
  area_text(page->area, page->row, 1, STYLE_HEADER, "evidence");
  for (uint32_t i = 0; i < finding->evidence_count; i++) {
    const struct evidence *evidence = &finding->evidence[i];
    struct area line =
        area_part(page->area, page->row, LABEL_COLUMNS, 1, page->area->columns - LABEL_COLUMNS);
    if (page->row < 0)
      line.rows = 0;
    line.selected = i == cursor;
    if (i == cursor)
      page->evidence_row = page->row;
    area_fill(&line, STYLE_NORMAL);
    snprintf(frame, sizeof frame, "%llu", (unsigned long long)evidence->frame);
    area_right(&line, 0, 7, STYLE_DIM, evidence->frame != 0 ? frame : "-");
    area_format(&line, 0, 8, STYLE_DIM, "%c %s", 'A' + evidence->end,
                word_clock(clock, evidence->time_ns));
    /* what does not fit into the line goes below it */
    struct area facts = area_part(page->area, page->row, LABEL_COLUMNS + FACT_AT, FACT_LINES_MAX,
                                  page->area->columns);
    facts.selected = i == cursor;
    const int lines = page->row < 0 ? 1 : area_wrap(&facts, 0, 0, STYLE_NORMAL, evidence->fact);
    page->row += lines > 0 ? lines : 1;
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
  put_times(page, finding);
  put(page, "why", STYLE_NORMAL, finding->reason);
  put_evidence(page, finding, ui->verdict.cursor);
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

static bool key(struct ui *ui, uint32_t pressed)
{
  const struct finding *finding = ui_finding(ui);
  const struct model_connection *connection = ui_connection(ui);
  if (finding == NULL)
    return false;
  ui->verdict.follow = pressed != KEY_PAGE_DOWN && pressed != KEY_PAGE_UP;
  switch (pressed) {
  case KEY_UP_: ui->verdict.cursor -= ui->verdict.cursor > 0; return true;
  case 'j':
  case KEY_DOWN_:
    ui->verdict.cursor += ui->verdict.cursor + 1 < finding->evidence_count;
    return true;
  case KEY_PAGE_DOWN: ui->verdict.scroll += ui->body_rows / 2; return true;
  case KEY_PAGE_UP:
    ui->verdict.scroll -= ui->body_rows / 2;
    ui->verdict.scroll = ui->verdict.scroll < 0 ? 0 : ui->verdict.scroll;
    return true;
  case 'h':
  case KEY_LEFT_:
    ui->finding -= ui->finding > 0;
    ui->verdict.cursor = 0;
    ui->verdict.scroll = 0;
    return true;
  case 'l':
  case KEY_RIGHT_:
    ui->finding += ui->finding + 1 < connection->finding_count;
    ui->verdict.cursor = 0;
    ui->verdict.scroll = 0;
    return true;
  case KEY_RETURN: to_frame(ui, finding); return true;
  default: return false;
  }
}

const struct view view_finding = {.title = "finding", .draw = draw, .key = key};
