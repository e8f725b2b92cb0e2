#include "report/text_parts.h"

#include "wire/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *ended_by_phrase(enum ended_by ended_by)
{
  static const char *const phrases[ENDED_BY_COUNT] = {
      [ENDED_BY_UNKNOWN] = "",
      [ENDED_BY_ACK] = "ended by an ACK",
      [ENDED_BY_WINDOW_UPDATE] = "ended by a window update",
      [ENDED_BY_RETRANSMISSION] = "ended by a retransmission",
      [ENDED_BY_FOREIGN_PACKET] = "ended with an unrelated packet",
      [ENDED_BY_KICK] = "ended by a packet sent to wake it up",
      [ENDED_BY_APPLICATION] = "ended when the application went on",
      [ENDED_BY_RESET] = "ended by a reset",
      [ENDED_BY_CAPTURE_END] = "not over when the capture ended",
  };
  return phrases[ended_by];
}

static unsigned digits_of(const struct text *text, const struct finding *finding)
{
  if (text_joint_is_coarse(text))
    return 6;
  unsigned digits = format_digits(finding->start_ns);
  if (format_digits(finding->end_ns) > digits)
    digits = format_digits(finding->end_ns);
  for (uint32_t i = 0; i < finding->evidence_count; i++)
    if (format_digits(finding->evidence[i].time_ns) > digits)
      digits = format_digits(finding->evidence[i].time_ns);
  return digits;
}

/* "1 ── stall of 10.864 s ───────" */
static void title(struct text *text, uint64_t rank, const struct finding *finding)
{
  struct page *page = &text->page;
  const bool problem = finding->severity == SEVERITY_PROBLEM;
  char duration[FORMAT_TEXT_SIZE], number[FORMAT_TEXT_SIZE];
  page_newline(page);
  snprintf(number, sizeof number, "%" PRIu64, rank);
  page_right(page, problem ? PAGE_PROBLEM : PAGE_INFO, 4, number);
  page_to_column(page, 6);
  page_put(page, PAGE_BOLD, finding_kind_name(finding->kind));
  if (finding->end_ns > finding->start_ns)
    page_printf(page, PAGE_BOLD, " of %s",
                format_duration(finding->end_ns - finding->start_ns, duration));
  page_printf(page, PAGE_PLAIN, ", %s%s ", cause_info(finding->cause)->code,
              problem ? "" : " (harmless)");
  page_rule(page);
}

static void where(struct text *text, const struct finding *finding)
{
  struct page *page = &text->page;
  char tail[120];
  text_label(page, "where");
  page_wrap(page, PAGE_BOLD, TEXT_VALUE_COLUMN, location_phrase(finding->location));
  snprintf(tail, sizeof tail, " (%s), %s", location_name(finding->location),
           confidence_name(finding->confidence));
  page_wrap(page, PAGE_PLAIN, TEXT_VALUE_COLUMN, tail);
  page_newline(page);
  text_label(page, "cause");
  page_wrap(page, PAGE_PLAIN, TEXT_VALUE_COLUMN, cause_info(finding->cause)->meaning);
  snprintf(tail, sizeof tail, " (%s), %s", cause_info(finding->cause)->code,
           confidence_name(finding->cause_confidence));
  page_wrap(page, PAGE_PLAIN, TEXT_VALUE_COLUMN, tail);
  page_newline(page);
}

static void vantage_text(const struct connection_summary *view, uint8_t end,
                         struct text_buffer *out)
{
  const bool known = view->vantage != VANTAGE_UNKNOWN;
  const char *reason = view->vantage_reason;
  text_append(out, "end %c, at %s%s%s%s%s", 'A' + end % 26,
              known ? "the " : "an unknown place on the path",
              known ? vantage_name(view->vantage) : "", reason[0] != '\0' ? " (" : "", reason,
              reason[0] != '\0' ? ")" : "");
}

void text_vantage(const struct report_connection *connection, struct text_buffer *out)
{
  if (connection->view_count == 1) {
    vantage_text(connection->summary, connection->capture->end, out);
    return;
  }
  for (uint32_t i = 0; i < connection->view_count; i++) {
    text_append(out, "%s", i > 0 ? "; " : "");
    vantage_text(connection->views[i], connection->views[i]->end, out);
  }
}

/* Where a capture point of unknown vantage stands among the others. */
static const char *place_phrase(const struct report_connection *connection, uint32_t view)
{
  const struct report_pairing *pairing = connection->pairing;
  uint8_t first = UINT8_MAX, last = 0;
  if (pairing == NULL || !pairing->order_known)
    return "at an unknown place";
  for (uint32_t i = 0; i < connection->view_count; i++) {
    const uint8_t place = pairing->views[i].place;
    first = place < first ? place : first;
    last = place > last ? place : last;
  }
  const uint8_t place = pairing->views[view].place;
  if (first == last)
    return "at an unknown place";
  return place == first  ? "towards the client"
         : place == last ? "towards the server"
                         : "in between";
}

/* "A at the client, B towards the server": why is told by -v. */
/* Whose kernels were asked. */
static void sampled(const struct report_connection *connection, struct text_buffer *out)
{
  const uint8_t client = 1u << SIDE_CLIENT, server = 1u << SIDE_SERVER;
  const uint8_t sides = connection->summary->sampled_sides;
  if (sides == (client | server))
    text_append(out, "; the sockets of both were sampled");
  else if (sides != 0)
    text_append(out, "; the %s's socket was sampled", sides == client ? "client" : "server");
}

static void vantages(const struct report_connection *connection, struct text_buffer *out)
{
  if (connection->view_count == 1) {
    text_vantage(connection, out);
    return;
  }
  for (uint32_t i = 0; i < connection->view_count; i++) {
    const struct connection_summary *view = connection->views[i];
    const bool declared = view->vantage_source == VANTAGE_DECLARED;
    text_append(out, "%s%c ", i > 0 ? ", " : "", 'A' + view->end % 26);
    if (view->vantage == VANTAGE_UNKNOWN)
      text_append(out, "%s", place_phrase(connection, i));
    else
      text_append(out, "%s the %s%s", view->vantage == VANTAGE_MIDDLE ? "in" : "at",
                  vantage_name(view->vantage), declared ? " (declared)" : "");
  }
}

static void which(struct text *text, const struct report_connection *connection,
                  const struct finding *finding)
{
  const struct connection_summary *summary = connection->summary;
  struct text_buffer vantage = {.used = 0};
  char stream[TEXT_STREAM_SIZE], line[TEXT_STREAM_SIZE + 100];
  snprintf(line, sizeof line, "%s, data sent by the %s%s; connection %" PRIu64,
           text_stream(text, connection, finding->sender, stream),
           stream_side_name(finding->sender), summary->roles_from_syn ? "" : " (roles guessed)",
           connection->id);
  text_line(&text->page, "stream", line);
  vantages(connection, &vantage);
  sampled(connection, &vantage);
  text_line(&text->page, "seen from", vantage.text);
  if (text->connection_told != connection->id)
    text_joint_which(text, connection, false);
  text->connection_told = connection->id;
}

static void when(struct text *text, const struct report_connection *connection,
                 const struct finding *finding)
{
  const struct format_clock clock = text_clock(text, connection->capture, digits_of(text, finding));
  char start[FORMAT_TEXT_SIZE], end[FORMAT_TEXT_SIZE], date[FORMAT_TEXT_SIZE],
      zone[FORMAT_TEXT_SIZE], end_date[FORMAT_TEXT_SIZE];
  char line[500];
  format_date(&clock, finding->start_ns, date);
  format_date(&clock, finding->end_ns, end_date);
  format_zone(&clock, finding->start_ns, zone);
  const bool other_day = strcmp(date, end_date) != 0;
  int used = snprintf(line, sizeof line, "%s%s%s", date, date[0] != '\0' ? " " : "",
                      format_time(&clock, finding->start_ns, start));
  if (finding->end_ns != finding->start_ns)
    used +=
        snprintf(line + used, sizeof line - (size_t)used, " to %s%s%s", other_day ? end_date : "",
                 other_day ? " " : "", format_time(&clock, finding->end_ns, end));
  const char *ended = ended_by_phrase(finding->ended_by);
  snprintf(line + used, sizeof line - (size_t)used, "%s%s%s%s", zone[0] != '\0' ? " " : "", zone,
           ended[0] != '\0' ? ", " : "", ended);
  text_line(&text->page, "when", line);
}

/* Crawls and holds have numbers of their own. */
static void amounts(struct text *text, const struct finding *finding)
{
  char line[300], first[FORMAT_TEXT_SIZE], second[FORMAT_TEXT_SIZE], third[FORMAT_TEXT_SIZE];
  if (finding->waits > 1) {
    snprintf(line, sizeof line, "%s, %s together, %s of the period",
             format_count(finding->waits, first), format_duration(finding->waited_ns, second),
             format_percent(finding->waited_ns, finding->end_ns - finding->start_ns, third));
    text_line(&text->page, "waits", line);
  }
  const bool least = time_is_valid(finding->hold_min_ns);
  const bool most = time_is_valid(finding->hold_max_ns);
  if (!least && !most)
    return;
  snprintf(line, sizeof line, "%s%s%s%s%s", least ? "at least " : "",
           least ? format_duration(finding->hold_min_ns, first) : "", least && most ? ", " : "",
           most ? "at most " : "", most ? format_duration_up(finding->hold_max_ns, second) : "");
  text_line(&text->page, "held", line);
}

/* Columns of the evidence's table, from the widest frame number on. The end stands behind the time
 * where all is seen from one end, and first where it tells which file the frame is of. */
struct evidence_columns {
  unsigned start, frame_width, frame, time, end, fact;
};

/* Below this width the table leaves the labels' column to its facts. */
#define EVIDENCE_NARROW 84
#define END_WIDTH       5 /* "end  " */

static struct evidence_columns evidence_columns(const struct page *page,
                                                const struct finding *finding, unsigned digits,
                                                bool end_first)
{
  uint64_t largest = 0;
  for (uint32_t i = 0; i < finding->evidence_count; i++)
    if (finding->evidence[i].frame > largest)
      largest = finding->evidence[i].frame;
  unsigned width = (unsigned)sizeof "frame" - 1;
  for (uint64_t rest = largest / 100000; rest > 0; rest /= 10)
    width++;
  struct evidence_columns columns = {.frame_width = width};
  const unsigned time_width = (unsigned)sizeof "hh:mm:ss." - 1 + digits + 2;
  columns.start = page->width < EVIDENCE_NARROW ? TEXT_LABEL_COLUMN : TEXT_VALUE_COLUMN;
  columns.frame = columns.start + (end_first ? END_WIDTH : 0);
  columns.time = columns.frame + width + 2;
  columns.end = end_first ? columns.start : columns.time + time_width;
  columns.fact = columns.time + time_width + (end_first ? 0 : END_WIDTH);
  return columns;
}

/* One line of the table; what is NULL stays blank. */
static void evidence_cells(struct page *page, const struct evidence_columns *columns,
                           enum page_style style, const char *end, const char *frame,
                           const char *time)
{
  const bool end_first = columns->end < columns->frame;
  if (page->column < columns->start)
    page_to_column(page, columns->start);
  if (end_first) {
    page_put(page, style, end);
    page_to_column(page, columns->frame);
  }
  page_right(page, style, columns->frame_width, frame);
  page_to_column(page, columns->time);
  if (time != NULL)
    page_put(page, style, time);
  if (!end_first) {
    page_to_column(page, columns->end);
    page_put(page, style, end);
  }
}

static void evidence_line(struct page *page, const struct evidence_columns *columns,
                          const struct format_clock *clock, const struct evidence *one)
{
  char frame[FORMAT_TEXT_SIZE], time[FORMAT_TEXT_SIZE];
  const char end[2] = {(char)('A' + one->end % 26), '\0'};
  snprintf(frame, sizeof frame, "%" PRIu64, one->frame);
  const bool timed = time_is_valid(one->time_ns);
  evidence_cells(page, columns, PAGE_PLAIN, end, one->frame != 0 ? frame : "-",
                 timed ? format_time(clock, one->time_ns, time) : NULL);
  page_to_column(page, columns->fact);
  page_wrap(page, PAGE_PLAIN, columns->fact, one->fact);
  page_newline(page);
}

/* Frame numbers and times stand in columns; the facts wrap beside them. */
static void evidence(struct text *text, const struct report_connection *connection,
                     const struct finding *finding)
{
  struct page *page = &text->page;
  const struct format_clock clock = text_clock(text, connection->capture, digits_of(text, finding));
  const struct evidence_columns columns =
      evidence_columns(page, finding, clock.digits, text->overview->joint.ends > 1);
  if (finding->evidence_count == 0)
    return;
  if (columns.start < TEXT_VALUE_COLUMN) {
    page_to_column(page, TEXT_LABEL_COLUMN);
    page_put(page, PAGE_LABEL, "evidence");
    page_newline(page);
  } else {
    text_label(page, "evidence");
  }
  const bool end_first = columns.end < columns.frame;
  evidence_cells(page, &columns, PAGE_DIM, end_first ? "end" : "end  fact", "frame", "time");
  if (end_first) {
    page_to_column(page, columns.fact);
    page_put(page, PAGE_DIM, "fact");
  }
  page_newline(page);
  for (uint32_t i = 0; i < finding->evidence_count; i++)
    evidence_line(page, &columns, &clock, &finding->evidence[i]);
}

static void alternatives(struct text *text, const struct finding *finding)
{
  for (uint32_t i = 0; i < finding->alternative_count; i++) {
    const struct alternative *one = &finding->not_excluded[i];
    char line[WHY_SIZE + 100];
    if (one->cause == CAUSE_UNKNOWN)
      snprintf(line, sizeof line, "%s: %s", location_name(one->location), one->why);
    else
      snprintf(line, sizeof line, "%s, %s: %s", location_name(one->location),
               cause_info(one->cause)->code, one->why);
    text_line(&text->page, i == 0 ? "not excluded" : "", line);
  }
}

static bool same_text(const char *a, const char *b)
{
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Several findings of one cause need its cure once. */
static void next_steps(struct text *text, uint64_t rank, const struct finding *finding)
{
  struct page *page = &text->page;
  const uint64_t first = text->causes[finding->cause].rank;
  if (finding->settle == NULL && finding->advice == NULL)
    return;
  if (first != 0 && same_text(text->causes[finding->cause].settle, finding->settle) &&
      same_text(text->causes[finding->cause].advice, finding->advice)) {
    char line[80];
    snprintf(line, sizeof line, "as for %" PRIu64, first);
    text_line(page, "what to do", line);
    return;
  }
  if (first == 0) {
    text->causes[finding->cause].rank = rank;
    text->causes[finding->cause].settle = finding->settle;
    text->causes[finding->cause].advice = finding->advice;
  }
  if (finding->settle != NULL)
    text_line(page, "settle it", finding->settle);
  if (finding->advice != NULL)
    text_line(page, "what to do", finding->advice);
}

/* Whether it says what the one before said, of another time. */
static bool is_like_the_last(const struct text *text, const struct report_connection *connection,
                             const struct finding *finding)
{
  const struct text_told *last = &text->last_told;
  return last->rank != 0 && last->connection_id == connection->id &&
         last->sender == finding->sender && last->location == finding->location &&
         last->cause == finding->cause && last->confidence == finding->confidence &&
         last->cause_confidence == finding->cause_confidence &&
         last->alternatives == finding->alternative_count &&
         strcmp(last->summary, finding->summary) == 0;
}

/* A second and a third time show the regularity. */
#define REPEATS_TOLD 2

bool text_finding_is_one_too_many(const struct text *text,
                                  const struct report_connection *connection,
                                  const struct finding *finding)
{
  return text->last_told.repeats >= REPEATS_TOLD && is_like_the_last(text, connection, finding);
}

static void remember(struct text *text, uint64_t rank, const struct report_connection *connection,
                     const struct finding *finding)
{
  struct text_told *last = &text->last_told;
  *last = (struct text_told){.rank = rank,
                             .connection_id = connection->id,
                             .sender = finding->sender,
                             .location = finding->location,
                             .cause = finding->cause,
                             .confidence = finding->confidence,
                             .cause_confidence = finding->cause_confidence,
                             .alternatives = finding->alternative_count};
  snprintf(last->summary, sizeof last->summary, "%s", finding->summary);
}

static void what_and_where(struct text *text, uint64_t rank,
                           const struct report_connection *connection,
                           const struct finding *finding)
{
  where(text, finding);
  which(text, connection, finding);
  remember(text, rank, connection, finding);
}

/* What is not known from the one before: when, how much, and the proof. */
static void another_time(struct text *text, const struct report_connection *connection,
                         const struct finding *finding)
{
  char line[80];
  snprintf(line, sizeof line, "%" PRIu64 " in place, cause and stream, and what to do",
           text->last_told.rank);
  text_line(&text->page, "the same as", line);
  when(text, connection, finding);
  amounts(text, finding);
  text_stages(text, connection, finding);
  evidence(text, connection, finding);
}

/* Three paragraphs: what it is, why we say so, what to do about it. */
void text_finding(struct text *text, uint64_t rank, const struct report_connection *connection,
                  const struct finding *finding)
{
  struct page *page = &text->page;
  title(text, rank, finding);
  if (is_like_the_last(text, connection, finding)) {
    text->last_told.repeats++;
    another_time(text, connection, finding);
    return;
  }
  what_and_where(text, rank, connection, finding);
  when(text, connection, finding);
  amounts(text, finding);
  text_stages(text, connection, finding);
  if (finding->reason[0] != '\0' || finding->evidence_count > 0)
    page_newline(page);
  if (finding->reason[0] != '\0')
    text_line(page, "why", finding->reason);
  evidence(text, connection, finding);
  if (finding->alternative_count > 0 || finding->settle != NULL || finding->advice != NULL)
    page_newline(page);
  alternatives(text, finding);
  next_steps(text, rank, finding);
}
