#include "report/html_escape.h"
#include "report/html_parts.h"

#include <inttypes.h>
#include <string.h>

/* One sentence a finding, the worst first; what says the same of the same connection in a row is
 * said once. */

static void put_stream(const struct html *html, const struct report_connection *connection,
                       enum stream_side sender)
{
  char stream[TEXT_STREAM_SIZE];
  text_stream(&html->words.text, connection, sender, stream);
  html_text(html->stream, stream);
}

static bool says_the_same(const struct html *html, const struct report_connection *connection,
                          const struct finding *finding)
{
  const struct text_verdict *last = &html->last_verdict;
  return last->times > 0 && last->connection_id == connection->id &&
         last->severity == finding->severity && last->confidence == finding->confidence &&
         last->sender == finding->sender && strcmp(last->summary, finding->summary) == 0;
}

static void end_last(struct html *html)
{
  struct text_verdict *last = &html->last_verdict;
  if (last->times == 0)
    return;
  if (last->times > 1)
    fprintf(html->stream,
            " <span class=\"dim\">(%" PRIu64 " times: %" PRIu64 " to %" PRIu64 ")</span>",
            last->times, last->rank, last->rank + last->times - 1);
  fputs("</li>\n", html->stream);
  last->times = 0;
}

static void begin_list(struct html *html, const struct finding *finding)
{
  const bool problem = finding->severity == SEVERITY_PROBLEM;
  char count[FORMAT_TEXT_SIZE];
  if (problem && html->verdicts_told == 0)
    fputs("<ol class=\"verdicts\">\n", html->stream);
  if (problem || html->harmless_begun)
    return;
  html->harmless_begun = true;
  if (html->verdicts_told > 0)
    fputs("</ol>\n", html->stream);
  fprintf(html->stream,
          "<details class=\"harmless\"><summary>%s harmless</summary>\n<ol class=\"verdicts\">\n",
          format_count(html->overview->infos, count));
}

void html_verdict(struct html *html, uint64_t rank, const struct report_connection *connection,
                  const struct finding *finding)
{
  if (says_the_same(html, connection, finding)) {
    html->last_verdict.times++;
    return;
  }
  end_last(html);
  if (html->verdicts_told >= HTML_VERDICTS_MAX) {
    html->verdicts_left_out++;
    return;
  }
  begin_list(html, finding);
  html->verdicts_told++;
  struct text_verdict *last = &html->last_verdict;
  *last = (struct text_verdict){.rank = rank,
                                .times = 1,
                                .connection_id = connection->id,
                                .severity = finding->severity,
                                .confidence = finding->confidence,
                                .sender = finding->sender};
  snprintf(last->summary, sizeof last->summary, "%s", finding->summary);
  fprintf(html->stream, "<li value=\"%" PRIu64 "\" class=\"%s\">", rank,
          severity_name(finding->severity));
  if (rank <= HTML_FINDINGS_MAX)
    fprintf(html->stream, "<a href=\"#f%" PRIu64 "\">", rank);
  html_text(html->stream, finding->summary);
  fputs(rank <= HTML_FINDINGS_MAX ? "</a>" : "", html->stream);
  fprintf(html->stream, " <span class=\"dim\"><span class=\"chip o-%s\"></span>%s, %s, %s",
          location_name(finding->location), cause_info(finding->cause)->code,
          location_name(finding->location), confidence_name(finding->confidence));
  if (html->overview->connections > 1) {
    fprintf(html->stream, "; connection %" PRIu64 ", ", connection->id);
    put_stream(html, connection, finding->sender);
  }
  fputs("</span>", html->stream);
}

static void put_line(void *context, const char *label, const char *value, const char *right)
{
  html_list_line(context, label, value, right);
}

void html_verdicts_end(struct html *html)
{
  FILE *stream = html->stream;
  char count[FORMAT_TEXT_SIZE];
  if (html->verdicts_ended)
    return;
  html->verdicts_ended = true;
  end_last(html);
  if (html->verdicts_told > 0)
    fputs("</ol>\n", stream);
  if (html->harmless_begun)
    fputs("</details>\n", stream);
  if (html->verdicts_left_out > 0)
    fprintf(stream, "<p>%s more are not listed here.</p>\n",
            format_count(html->verdicts_left_out, count));
  const struct report_overview *overview = html->overview;
  struct text *text = html_words_begin(&html->words);
  if (text != NULL) {
    fputs("<dl class=\"lines\">\n", stream);
    text->told = overview->problems; /* of all of them there is a sentence above */
    text_sums(text);
    html_words_end(&html->words, false, put_line, html);
    fputs("</dl>\n", stream);
  }
  if (overview->connections > 0)
    html_budget(html, "Time of all directions that carried data", overview->moving_ns,
                overview->idle_ns, overview->budget_ns);
  fputs("</section>\n<section id=\"findings\" aria-labelledby=\"h-findings\">\n"
        "<h2 id=\"h-findings\">Findings</h2>\n",
        stream);
}
