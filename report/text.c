#include "report/text.h"

#include "report/text_parts.h"

#include <stdarg.h>
#include <stdlib.h>

struct text *text_new(const struct text_options *options)
{
  struct text *text = calloc(1, sizeof *text);
  if (text == NULL)
    return NULL;
  text->options = *options;
  page_init(&text->page, options->stream, options->width, options->utf8, options->color);
  return text;
}

void text_free(struct text *text)
{
  free(text);
}

void text_append(struct text_buffer *buffer, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  const size_t room = sizeof buffer->text - buffer->used;
  const int written = vsnprintf(buffer->text + buffer->used, room, format, args);
  va_end(args);
  if (written > 0)
    buffer->used += (size_t)written < room ? (size_t)written : room - 1;
}

const char *text_plural(uint64_t count)
{
  return count == 1 ? "" : "s";
}

void text_label(struct page *page, const char *label)
{
  page_to_column(page, TEXT_LABEL_COLUMN);
  page_put(page, PAGE_LABEL, label);
  page_to_column(page, TEXT_VALUE_COLUMN);
}

void text_line(struct page *page, const char *label, const char *value)
{
  text_label(page, label);
  page_wrap(page, PAGE_PLAIN, TEXT_VALUE_COLUMN, value);
  page_newline(page);
}

struct format_clock text_clock(const struct text *text, const struct report_capture *capture,
                               unsigned digits)
{
  return (struct format_clock){capture->time_base, text->options.local_time, digits};
}

const char *text_stream(const struct text *text, const struct report_connection *connection,
                        enum stream_side sender, char out[TEXT_STREAM_SIZE])
{
  const struct connection_summary *summary = connection->summary;
  const uint8_t end = connection->capture->end;
  const bool forward = sender == SIDE_CLIENT;
  char from[FORMAT_ENDPOINT_SIZE], to[FORMAT_ENDPOINT_SIZE];
  format_endpoint(&text->options.names, end, forward ? &summary->client : &summary->server, from);
  format_endpoint(&text->options.names, end, forward ? &summary->server : &summary->client, to);
  snprintf(out, TEXT_STREAM_SIZE, "%s → %s", from, to);
  return out;
}

static int write_result(const struct text *text)
{
  return ferror(text->page.stream) ? ERROR_IO : 0;
}

static int on_begin(void *context, const struct report_overview *overview)
{
  struct text *text = context;
  text->overview = overview;
  text_headline(text);
  return write_result(text);
}

static int on_verdict(void *context, uint64_t rank, const struct report_connection *connection,
                      const struct finding *finding)
{
  struct text *text = context;
  text_verdict(text, rank, connection, finding);
  return write_result(text);
}

static int on_finding(void *context, uint64_t rank, const struct report_connection *connection,
                      const struct finding *finding)
{
  struct text *text = context;
  const uint32_t details = text->options.details;
  text_verdicts_end(text);
  if (details != 0 && text->told >= details)
    return 0;
  if (details != 0 && text_finding_is_one_too_many(text, connection, finding)) {
    text->passed_over = true;
    return 0;
  }
  text_finding(text, rank, connection, finding);
  text->told++;
  return write_result(text);
}

static int on_capture(void *context, const struct report_capture *capture)
{
  struct text *text = context;
  if (!text->captures_begun) {
    text->captures_begun = true;
    text_verdicts_end(text);
    text_sums(text);
  }
  text_capture(text, capture);
  return write_result(text);
}

static int on_connection(void *context, const struct report_connection *connection)
{
  struct text *text = context;
  text_connection(text, connection);
  return write_result(text);
}

static int on_end(void *context, const struct report_overview *overview)
{
  struct text *text = context;
  (void)overview;
  return fflush(text->page.stream) != 0 ? ERROR_IO : write_result(text);
}

struct report_writer text_report_writer(struct text *text)
{
  return (struct report_writer){
      .context = text,
      .layout = REPORT_WORST_FIRST,
      .wants_info = text->options.all,
      .begin = on_begin,
      .verdict = on_verdict,
      .finding = on_finding,
      .capture = on_capture,
      .connection = text->options.verbose ? on_connection : NULL,
      .end = on_end,
  };
}
