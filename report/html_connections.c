#include "report/html_escape.h"
#include "report/html_parts.h"
#include "wire/timestamp.h"

#include <inttypes.h>
#include <string.h>

/* The table of connections, and each drawn one by itself: statistics, time budget, what the path
 * changed, its whole life as a drawing. */

void html_connections_begin(struct html *html)
{
  if (html->connections_begun)
    return;
  html->connections_begun = true;
  html_verdicts_end(html);
  if (html->findings_told == 0)
    fputs("<p>None.</p>\n", html->stream);
  fputs("</section>\n<section id=\"connections\" aria-labelledby=\"h-connections\">\n"
        "<h2 id=\"h-connections\">Connections</h2>\n<div class=\"scroll\"><table "
        "class=\"connections\"><thead><tr><th scope=\"col\">#</th><th scope=\"col\">client</th>"
        "<th scope=\"col\">server</th><th scope=\"col\">ends</th><th scope=\"col\">start</th>"
        "<th scope=\"col\">life</th><th scope=\"col\">bytes \u2192</th><th scope=\"col\">"
        "bytes \u2190</th><th scope=\"col\">sent again</th><th scope=\"col\">findings</th></tr>"
        "</thead><tbody>\n",
        html->stream);
}

static void endpoint_cell(const struct html *html, const struct report_connection *connection,
                          const struct endpoint *endpoint)
{
  char text[FORMAT_ENDPOINT_SIZE];
  format_endpoint(&html->options.names, connection->capture->end, endpoint, text);
  fputs("<td>", html->stream);
  html_text(html->stream, text);
  fputs("</td>", html->stream);
}

static void ends_cell(const struct html *html, const struct report_connection *connection)
{
  fputs("<td>", html->stream);
  for (uint32_t i = 0; i < connection->view_count; i++)
    fprintf(html->stream, "%s%c", i > 0 ? " " : "", 'A' + connection->views[i]->end % 26);
  fputs("</td>", html->stream);
}

static void number_cells(const struct html *html, const struct connection_summary *summary,
                         const struct report_capture *capture)
{
  const struct format_clock clock = {capture->time_base, html->options.local_time, 6};
  const struct stream_summary *streams = summary->streams;
  char text[FORMAT_TEXT_SIZE];
  FILE *stream = html->stream;
  const bool timed = time_is_valid(summary->start_ns) && time_is_valid(summary->end_ns);
  fprintf(stream, "<td class=\"n\">%s</td>", format_time(&clock, summary->start_ns, text));
  fprintf(stream, "<td class=\"n\">%s</td>",
          format_duration(timed ? summary->end_ns - summary->start_ns : TIME_INVALID, text));
  for (int side = 0; side < 2; side++)
    fprintf(stream, "<td class=\"n\">%s</td>", format_count(streams[side].bytes, text));
  fprintf(
      stream, "<td class=\"n\">%s</td>",
      format_count(streams[0].retransmitted_segments + streams[1].retransmitted_segments, text));
}

int html_connection_row(struct html *html, const struct report_connection *connection)
{
  const struct connection_summary *summary = connection->summary;
  const bool healthy = summary->findings == 0;
  const bool drawn = html_find_drawn(html, connection->id) != NULL;
  html_connections_begin(html);
  if (healthy && !drawn && html->healthy_rows >= HTML_CONNECTIONS_MAX) {
    html->rows_left_out++;
    return 0;
  }
  html->healthy_rows += healthy;
  html->rows++;
  fprintf(html->stream, "<tr%s><th scope=\"row\" class=\"n\">", healthy ? "" : " class=\"found\"");
  if (drawn)
    fprintf(html->stream, "<a href=\"#c%" PRIu64 "\">%" PRIu64 "</a></th>", connection->id,
            connection->id);
  else
    fprintf(html->stream, "%" PRIu64 "</th>", connection->id);
  endpoint_cell(html, connection, &summary->client);
  endpoint_cell(html, connection, &summary->server);
  ends_cell(html, connection);
  number_cells(html, summary, connection->capture);
  fprintf(html->stream, "<td class=\"n\">%" PRIu32 "</td></tr>\n", summary->findings);
  return ferror(html->stream) ? ERROR_IO : 0;
}

void html_connections_end(struct html *html)
{
  char count[FORMAT_TEXT_SIZE];
  html_connections_begin(html);
  fputs("</tbody></table></div>\n", html->stream);
  const uint64_t left_out = html->rows_left_out + html->overview->connections_left_out;
  if (left_out > 0)
    fprintf(html->stream,
            "<p>%s more connections, without a finding, are not in this table, which has %u of "
            "those at most.</p>\n",
            format_count(left_out, count), HTML_CONNECTIONS_MAX);
  fputs("</section>\n", html->stream);
}

/* ---- one by itself ---- */

struct statistics {
  struct html *html;
  unsigned number;
  bool in_table, in_list;
};

static void put_row(const struct statistics *statistics, const char *label, const char *left,
                    const char *right)
{
  FILE *stream = statistics->html->stream;
  const bool head = label[0] == '\0';
  fprintf(stream, head ? "<thead><tr><th scope=\"col\">" : "<tr><th scope=\"row\">");
  html_text(stream, label);
  fprintf(stream, head ? "</th><th scope=\"col\">" : "</th><td class=\"n\">");
  html_text(stream, left);
  fprintf(stream, head ? "</th><th scope=\"col\">" : "</td><td class=\"n\">");
  html_text(stream, right);
  fprintf(stream, head ? "</th></tr></thead><tbody>\n" : "</td></tr>\n");
}

static void end_table(struct statistics *statistics)
{
  if (statistics->in_table)
    fputs("</tbody></table></div>\n", statistics->html->stream);
  statistics->in_table = false;
}

static void put_statistics(void *context, const char *label, const char *value, const char *right)
{
  struct statistics *statistics = context;
  FILE *stream = statistics->html->stream;
  statistics->number++;
  if (statistics->number == 1) /* the title */
    return;
  if (right != NULL) {
    if (!statistics->in_table)
      fputs("<div class=\"scroll\"><table class=\"statistics\">\n", stream);
    statistics->in_table = true;
    put_row(statistics, label, value, right);
    return;
  }
  end_table(statistics);
  if (statistics->number == 2) {
    fputs("<p>", stream);
    html_text(stream, value);
    fputs("</p>\n", stream);
    return;
  }
  if (!statistics->in_list)
    fputs("<dl class=\"lines\">\n", stream);
  statistics->in_list = true;
  html_list_line(statistics->html, label, value, NULL);
}

static void budgets(struct html *html, const struct report_connection *connection)
{
  for (int side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
    const struct stream_summary *stream = &connection->summary->streams[side];
    if (stream->bytes > 0)
      html_budget(html,
                  side == SIDE_CLIENT ? "Time of client \u2192 server"
                                      : "Time of server \u2192 client",
                  stream->moving_ns, stream->idle_ns, stream->budget_ns);
  }
}

static void found_in_it(struct html *html, const struct html_drawn *drawn)
{
  if (drawn->span_count == 0)
    return;
  fputs("<p>Findings:", html->stream);
  for (uint32_t i = 0; i < drawn->span_count; i++)
    if (drawn->spans[i].rank <= HTML_FINDINGS_MAX)
      fprintf(html->stream, " <a href=\"#f%" PRIu64 "\">%" PRIu64 "</a>", drawn->spans[i].rank,
              drawn->spans[i].rank);
    else
      fprintf(html->stream, " %" PRIu64, drawn->spans[i].rank);
  fputs("</p>\n", html->stream);
}

void html_connection_details(struct html *html, const struct report_connection *connection)
{
  const struct html_drawn *drawn = html_find_drawn(html, connection->id);
  struct statistics statistics = {.html = html};
  char stream[TEXT_STREAM_SIZE];
  if (!html->table_ended)
    fputs("</section>\n<section id=\"each\" aria-labelledby=\"h-each\">\n<h2 id=\"h-each\">Each "
          "connection</h2>\n",
          html->stream);
  html->table_ended = true;
  if (drawn == NULL)
    return;
  fprintf(html->stream, "<article id=\"c%" PRIu64 "\"><h3>Connection %" PRIu64 ": ", connection->id,
          connection->id);
  html_text(html->stream, text_stream(&html->words.text, connection, SIDE_CLIENT, stream));
  fputs("</h3>\n", html->stream);
  found_in_it(html, drawn);
  budgets(html, connection);
  if (drawn->count > 0) {
    html_chart(html, drawn, NULL);
    html_data(html, drawn, connection);
  }
  struct text *text = html_words_begin(&html->words);
  if (text != NULL) {
    text_connection(text, connection);
    html_words_end(&html->words, true, put_statistics, &statistics);
    end_table(&statistics);
    fputs(statistics.in_list ? "</dl>\n" : "", html->stream);
  }
  fputs("<p><a href=\"#connections\">All connections</a></p>\n</article>\n", html->stream);
}
