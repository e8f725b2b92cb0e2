#include "report/text_parts.h"

#include "report/quality.h"
#include "wire/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void name_line(struct text *text, const struct report_capture *capture)
{
  struct text_buffer line = {.used = 0};
  char label[16];
  snprintf(label, sizeof label, "end %c", 'A' + capture->end);
  text_append(&line, "%s", strcmp(capture->file, "-") == 0 ? "standard input" : capture->file);
  if (capture->excerpt != 0)
    text_append(&line, ", excerpt %" PRIu32, capture->excerpt);
  if (capture->interface[0] != '\0')
    text_append(&line, ", interface %s", capture->interface);
  text_append(&line, " (%s%s%s)", capture->format, capture->compression[0] != '\0' ? ", " : "",
              capture->compression);
  if (capture->captured_on[0] != '\0')
    text_append(&line, ", captured on %s", capture->captured_on);
  text_line(&text->page, label, line.text);
}

static void frames_line(struct text *text, const struct report_capture *capture)
{
  struct text_buffer line = {.used = 0};
  char count[FORMAT_TEXT_SIZE], bytes[FORMAT_TEXT_SIZE];
  text_append(&line, "%s frame%s", format_count(capture->frames, count),
              capture->frames == 1 ? "" : "s");
  const char *separator = ": ";
  for (int kind = 0; kind < PACKET_KIND_COUNT; kind++) {
    if (capture->stats.packets[kind] == 0)
      continue;
    text_append(&line, "%s%s %s", separator, format_count(capture->stats.packets[kind], count),
                packet_kind_name((enum packet_kind)kind));
    separator = ", ";
  }
  if (capture->filtered_out > 0)
    text_append(&line, "%s%s filtered out", separator, format_count(capture->filtered_out, count));
  if (capture->samples.count > 0)
    text_append(&line, "; %s sample%s of sockets and queues",
                format_count(capture->samples.count, count), text_plural(capture->samples.count));
  text_append(&line, "; %s read", format_bytes(capture->bytes, bytes));
  text_line(&text->page, "", line.text);
}

static void times_line(struct text *text, const struct report_capture *capture)
{
  const struct analyzer_stats *stats = &capture->stats;
  if (!time_is_valid(stats->first_ns) || !time_is_valid(stats->last_ns))
    return;
  const struct format_clock clock = text_clock(text, capture, 6);
  char date[FORMAT_TEXT_SIZE], first[FORMAT_TEXT_SIZE], last_date[FORMAT_TEXT_SIZE],
      last[FORMAT_TEXT_SIZE], zone[FORMAT_TEXT_SIZE], duration[FORMAT_TEXT_SIZE];
  struct text_buffer line = {.used = 0};
  format_date(&clock, stats->first_ns, date);
  format_date(&clock, stats->last_ns, last_date);
  const bool other_day = strcmp(date, last_date) != 0;
  text_append(&line, "%s%s%s to %s%s%s", date, date[0] != '\0' ? " " : "",
              format_time(&clock, stats->first_ns, first), other_day ? last_date : "",
              other_day ? " " : "", format_time(&clock, stats->last_ns, last));
  format_zone(&clock, stats->first_ns, zone);
  text_append(&line, "%s%s, %s", zone[0] != '\0' ? " " : "", zone,
              format_duration(stats->last_ns - stats->first_ns, duration));
  if (capture->time_base == REPORT_TIME_OF_DAY)
    text_append(&line, ", clock times without a date");
  else if (capture->time_base == REPORT_TIME_RELATIVE)
    text_append(&line, ", seconds since the first packet");
  text_line(&text->page, "", line.text);
}

static void caveat(struct text *text, const char *name, const char *meaning)
{
  struct page *page = &text->page;
  page_to_column(page, TEXT_VALUE_COLUMN);
  page_printf(page, PAGE_BOLD, "%s: ", name);
  page_wrap(page, PAGE_PLAIN, TEXT_VALUE_COLUMN + 2, meaning);
  page_newline(page);
}

static void limits_caveat(struct text *text, const struct analyzer_stats *stats)
{
  struct text_buffer line = {.used = 0};
  char count[FORMAT_TEXT_SIZE];
  text_append(&line, "to stay within its memory the analysis");
  const char *separator = "";
  if (stats->connections_retired > 0) {
    text_append(&line, " closed %s connections early (--limits connections=N)",
                format_count(stats->connections_retired, count));
    separator = ",";
  }
  if (stats->half_open_forgotten > 0) {
    text_append(&line, "%s forgot %s unanswered SYNs (--limits half-open=N)", separator,
                format_count(stats->half_open_forgotten, count));
    separator = ",";
  }
  if (stats->segments_forgotten > 0)
    text_append(&line, "%s forgot %s segments in flight (--limits in-flight=N)", separator,
                format_count(stats->segments_forgotten, count));
  caveat(text, capture_flaw_name(CAPTURE_LIMITS), line.text);
}

static void samples_caveat(struct text *text, const struct report_samples *samples)
{
  struct text_buffer line = {.used = 0};
  char count[FORMAT_TEXT_SIZE];
  if (samples->count == 0)
    text_append(&line, "the file says that it holds samples of sockets and queues, and there are "
                       "none: a program that rewrote it has dropped them");
  else if (samples->missing > 0)
    text_append(&line,
                "%s samples of sockets and queues are not there any more: a program that "
                "rewrote the file has dropped them",
                format_count(samples->missing, count));
  else if (samples->damaged > 0)
    text_append(&line,
                "%s samples of sockets and queues are damaged, or of a version that is not "
                "known",
                format_count(samples->damaged, count));
  else
    text_append(&line, "the samples of sockets and queues end without their end: the recording was "
                       "cut off, or a program that rewrote the file has dropped the rest");
  text_append(&line, "; what they would have settled is left open");
  caveat(text, capture_flaw_name(CAPTURE_SAMPLES_MISSING), line.text);
}

static void flaw(struct text *text, const struct report_capture *capture, enum capture_flaw flaw)
{
  struct text_buffer line = {.used = 0};
  char count[FORMAT_TEXT_SIZE];
  switch (flaw) {
  case CAPTURE_CUT_OFF:
    text_append(&line, "%s; what comes before was analysed", capture->damage);
    break;
  case CAPTURE_INTERRUPTED:
    text_append(&line, "reading was stopped by a signal; what had come by then was analysed");
    break;
  case CAPTURE_DROPPED:
    text_append(
        &line,
        "the capture lost %s frames by its own account: a missing segment is no proof of loss",
        format_count(capture->dropped, count));
    break;
  case CAPTURE_GAPS:
    text_append(&line, "%s", capture->gap);
    if (capture->gaps > 1)
      text_append(&line, " (the last of %s such times)", format_count(capture->gaps, count));
    break;
  case CAPTURE_SAMPLES_MISSING: samples_caveat(text, &capture->samples); return;
  case CAPTURE_LIMITS: limits_caveat(text, &capture->stats); return;
  case CAPTURE_UNSUPPORTED_LINK:
    text_append(&line, "%s frames of link type %" PRIu32 " were not decoded",
                format_count(capture->stats.packets[PACKET_UNSUPPORTED_LINK], count),
                capture->unsupported_linktype);
    break;
  case CAPTURE_FLAW_COUNT: return;
  }
  caveat(text, capture_flaw_name(flaw), line.text);
}

static void container_caveats(struct text *text, const struct report_capture *capture)
{
  char line[200], count[FORMAT_TEXT_SIZE];
  if (capture->lines_not_understood > 0) {
    snprintf(line, sizeof line, "%s lines look like packets, but could not be understood",
             format_count(capture->lines_not_understood, count));
    caveat(text, "text", line);
  }
  if (capture->foreign_blocks > 0) {
    snprintf(
        line, sizeof line,
        "%s blocks are no frames, though Wireshark numbers them; the numbers here follow Wireshark",
        format_count(capture->foreign_blocks, count));
    caveat(text, "pcapng", line);
  }
}

void text_capture(struct text *text, const struct report_capture *capture)
{
  name_line(text, capture);
  frames_line(text, capture);
  times_line(text, capture);
  for (int i = 0; i < CAPTURE_FLAW_COUNT; i++)
    if (capture_has_flaw(capture, (enum capture_flaw)i))
      flaw(text, capture, (enum capture_flaw)i);
  container_caveats(text, capture);
  for (unsigned i = 0; i < QUALITY_BITS; i++) {
    const enum quality bit = (enum quality)(1U << i);
    if ((capture->quality & bit) != 0 && (text->options.verbose || !quality_is_harmless(bit)))
      caveat(text, analyzer_quality_name(bit), quality_meaning(bit));
  }
}
