#include "report/text_parts.h"

#include "wire/timestamp.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* The table of -v: one row a statistic, one column a direction. Rows that are zero on both sides
 * are left out, so that what happened stands out. */

enum row_kind { ROW_COUNT64, ROW_COUNT32, ROW_TIME, ROW_YES };

struct row {
  const char *label;
  enum row_kind kind;
  size_t offset; /* in struct stream_summary */
  bool always;
};

#define ROW(text, row_kind, field, shown)                                                          \
  {                                                                                                \
    text, row_kind, offsetof(struct stream_summary, field), shown                                  \
  }

static const struct row rows[] = {
    ROW("bytes", ROW_COUNT64, bytes, true),
    ROW("packets", ROW_COUNT64, packets, true),
    ROW("segments", ROW_COUNT64, segments, true),
    ROW("pure ACKs sent", ROW_COUNT64, acks, true),
    ROW("retransmitted segments", ROW_COUNT64, retransmitted_segments, true),
    ROW("retransmitted bytes", ROW_COUNT64, retransmitted_bytes, false),
    ROW("  fast retransmits", ROW_COUNT64, fast_retransmits, false),
    ROW("  by timeout (RTO)", ROW_COUNT64, rto_retransmits, false),
    ROW("  tail loss probes", ROW_COUNT64, tlp_probes, false),
    ROW("  spurious", ROW_COUNT64, spurious_retransmits, false),
    ROW("out of order", ROW_COUNT64, out_of_order, false),
    ROW("duplicate ACKs received", ROW_COUNT64, duplicate_acks, false),
    ROW("ACKs with SACK", ROW_COUNT64, sack_segments, false),
    ROW("ACKs with DSACK", ROW_COUNT64, dsack_segments, false),
    ROW("zero windows met", ROW_COUNT64, zero_windows, false),
    ROW("window probes", ROW_COUNT64, window_probes, false),
    ROW("keep-alives", ROW_COUNT64, keepalives, false),
    ROW("copies by the capture", ROW_COUNT64, duplicates, false),
    ROW("bad checksums", ROW_COUNT64, bad_checksums, false),
    ROW("bytes never captured", ROW_COUNT64, unseen_bytes, false),
    ROW("MSS of the receiver", ROW_COUNT32, mss, false),
    ROW("largest segment", ROW_COUNT32, largest_segment, false),
    ROW("RTT samples", ROW_COUNT64, rtt_samples, false),
    ROW("  RTT min", ROW_TIME, rtt_min_ns, false),
    ROW("  SRTT", ROW_TIME, srtt_ns, false),
    ROW("  RTTVAR", ROW_TIME, rttvar_ns, false),
    ROW("  RTT max", ROW_TIME, rtt_max_ns, false),
    ROW("  est. RTO", ROW_TIME, est_rto_ns, false),
    ROW("window min", ROW_COUNT64, window_min, false),
    ROW("window max", ROW_COUNT64, window_max, false),
    ROW("est. largest flight", ROW_COUNT64, flight_max, false),
    ROW("est. timestamp clock, Hz", ROW_COUNT32, ts_clock_hz, false),
    ROW("timestamps", ROW_YES, timestamps, false),
    ROW("SACK permitted", ROW_YES, sack_permitted, false),
    ROW("SYN seen", ROW_YES, syn, false),
    ROW("FIN seen", ROW_YES, fin, false),
    ROW("RST seen", ROW_YES, rst, false),
};

#define CELL_COLUMNS 22
#define LABEL_COLUMN 4
#define FIRST_COLUMN 32

/* Fills text with a cell; false if there is nothing to tell. */
static bool cell(const struct row *row, const struct stream_summary *stream,
                 char text[FORMAT_TEXT_SIZE])
{
  const char *field = (const char *)stream + row->offset;
  uint64_t count = 0;
  uint32_t count32 = 0;
  int64_t time = TIME_INVALID;
  bool yes = false;
  switch (row->kind) {
  case ROW_COUNT64: memcpy(&count, field, sizeof count); break;
  case ROW_COUNT32:
    memcpy(&count32, field, sizeof count32);
    count = count32;
    break;
  case ROW_TIME:
    memcpy(&time, field, sizeof time);
    format_duration(time, text);
    return time_is_valid(time) && stream->rtt_samples > 0;
  case ROW_YES:
    memcpy(&yes, field, sizeof yes);
    snprintf(text, FORMAT_TEXT_SIZE, "%s", yes ? "yes" : "no");
    return yes;
  }
  format_count(count, text);
  return count != 0;
}

static void table_line(struct page *page, const char *label, const char *left, const char *right)
{
  page_to_column(page, LABEL_COLUMN);
  page_put(page, PAGE_PLAIN, label);
  page_to_column(page, FIRST_COLUMN);
  page_right(page, PAGE_PLAIN, CELL_COLUMNS, left);
  page_right(page, PAGE_PLAIN, CELL_COLUMNS, right);
  page_newline(page);
}

static void window_scale_text(const struct stream_summary *stream, char text[FORMAT_TEXT_SIZE])
{
  switch (stream->wscale_state) {
  case WSCALE_KNOWN: snprintf(text, FORMAT_TEXT_SIZE, "%u", stream->wscale); return;
  case WSCALE_INFERRED:
    snprintf(text, FORMAT_TEXT_SIZE, "%u to %u (inferred)", stream->wscale_min, stream->wscale_max);
    return;
  case WSCALE_ABSENT: snprintf(text, FORMAT_TEXT_SIZE, "none"); return;
  case WSCALE_UNKNOWN: break;
  }
  snprintf(text, FORMAT_TEXT_SIZE, "unknown");
}

static void window_scale_line(struct page *page, const char *label,
                              const struct stream_summary *streams)
{
  char left[FORMAT_TEXT_SIZE], right[FORMAT_TEXT_SIZE];
  window_scale_text(&streams[SIDE_CLIENT], left);
  window_scale_text(&streams[SIDE_SERVER], right);
  table_line(page, label, left, right);
}

static bool same_window_scale(const struct stream_summary *a, const struct stream_summary *b)
{
  char first[FORMAT_TEXT_SIZE], second[FORMAT_TEXT_SIZE];
  window_scale_text(a, first);
  window_scale_text(b, second);
  return strcmp(first, second) == 0;
}

/* As announced, and where an end saw it otherwise, as seen there. */
static void window_scales(struct page *page, const struct report_connection *connection)
{
  const struct stream_summary *streams = connection->summary->streams;
  window_scale_line(page, "window scale announced", streams);
  for (uint32_t i = 0; i < connection->view_count; i++) {
    const struct connection_summary *view = connection->views[i];
    char label[16];
    if (same_window_scale(&streams[SIDE_CLIENT], &view->streams[SIDE_CLIENT]) &&
        same_window_scale(&streams[SIDE_SERVER], &view->streams[SIDE_SERVER]))
      continue;
    snprintf(label, sizeof label, "  as seen at %c", 'A' + view->end % 26);
    window_scale_line(page, label, view->streams);
  }
}

static int64_t life(const struct stream_summary *stream)
{
  int64_t whole = stream->moving_ns + stream->idle_ns;
  for (int i = 0; i < LOCATION_COUNT; i++)
    whole += stream->budget_ns[i];
  return whole;
}

static void budget_line(struct page *page, const char *label, const struct stream_summary *streams,
                        int64_t left_ns, int64_t right_ns)
{
  char left[FORMAT_TEXT_SIZE], right[FORMAT_TEXT_SIZE];
  if (left_ns == 0 && right_ns == 0)
    return;
  format_percent(left_ns, life(&streams[SIDE_CLIENT]), left);
  format_percent(right_ns, life(&streams[SIDE_SERVER]), right);
  table_line(page, label, left, right);
}

static void budgets(struct page *page, const struct stream_summary *streams)
{
  const struct stream_summary *left = &streams[SIDE_CLIENT], *right = &streams[SIDE_SERVER];
  budget_line(page, "time moving", streams, left->moving_ns, right->moving_ns);
  budget_line(page, "time idle", streams, left->idle_ns, right->idle_ns);
  for (int location = LOCATION_NONE + 1; location < LOCATION_COUNT; location++) {
    char label[40];
    snprintf(label, sizeof label, "time %s", location_name((enum location)location));
    budget_line(page, label, streams, left->budget_ns[location], right->budget_ns[location]);
  }
}

static void heading(struct text *text, const struct report_connection *connection)
{
  const struct connection_summary *summary = connection->summary;
  struct page *page = &text->page;
  const struct format_clock clock = text_clock(
      text, connection->capture, text_joint_is_coarse(text) ? 6 : format_digits(summary->start_ns));
  char stream[TEXT_STREAM_SIZE], count[FORMAT_TEXT_SIZE], duration[FORMAT_TEXT_SIZE],
      time[FORMAT_TEXT_SIZE], tail[300];
  struct text_buffer line = {.used = 0};
  page_newline(page);
  page_to_column(page, TEXT_LABEL_COLUMN);
  page_printf(page, PAGE_BOLD, "connection %" PRIu64 "  ", connection->id);
  page_wrap(page, PAGE_BOLD, LABEL_COLUMN, text_stream(text, connection, SIDE_CLIENT, stream));
  page_newline(page);
  const char *ending = summary->closed ? "closed" : "open when the capture ended";
  const int64_t life_ns = time_is_valid(summary->start_ns) && time_is_valid(summary->end_ns)
                              ? summary->end_ns - summary->start_ns
                              : TIME_INVALID;
  text_vantage(connection, &line);
  snprintf(tail, sizeof tail, "; from %s, %s, %s packet%s, %s%s, %" PRIu32 " finding%s",
           format_time(&clock, summary->start_ns, time), format_duration(life_ns, duration),
           format_count(summary->packets, count), summary->packets == 1 ? "" : "s",
           summary->established ? "" : "not established, ", ending, summary->findings,
           summary->findings == 1 ? "" : "s");
  text_append(&line, "%s", tail);
  page_to_column(page, LABEL_COLUMN);
  page_wrap(page, PAGE_DIM, LABEL_COLUMN, line.text);
  page_newline(page);
}

void text_connection(struct text *text, const struct report_connection *connection)
{
  struct page *page = &text->page;
  const struct stream_summary *streams = connection->summary->streams;
  const char *arrow = page->utf8 ? "→" : "->";
  char left[FORMAT_TEXT_SIZE], right[FORMAT_TEXT_SIZE];
  heading(text, connection);
  snprintf(left, sizeof left, "client %s server", arrow);
  snprintf(right, sizeof right, "server %s client", arrow);
  table_line(page, "", left, right);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const bool on_left = cell(&rows[i], &streams[SIDE_CLIENT], left);
    const bool on_right = cell(&rows[i], &streams[SIDE_SERVER], right);
    if (on_left || on_right || rows[i].always)
      table_line(page, rows[i].label, left, right);
  }
  window_scales(page, connection);
  budgets(page, streams);
  text_joint_which(text, connection, true);
  text_path(text, connection);
}
