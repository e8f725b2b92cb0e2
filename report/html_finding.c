#include "report/html_escape.h"
#include "report/html_parts.h"
#include "wire/timestamp.h"

#include <inttypes.h>
#include <string.h>

/* A finding in full: the lines of the text report, its evidence as a table whose rows and the
 * drawings' marks lead to each other, and the drawings. */

static void heading(struct html *html, uint64_t rank, const struct finding *finding)
{
  FILE *stream = html->stream;
  char duration[FORMAT_TEXT_SIZE];
  fprintf(stream,
          "<article id=\"f%" PRIu64 "\" class=\"finding %s\" aria-labelledby=\"h%" PRIu64
          "\">\n<h3 id=\"h%" PRIu64 "\"><span class=\"rank\">%" PRIu64 "</span> %s",
          rank, severity_name(finding->severity), rank, rank, rank,
          finding_kind_name(finding->kind));
  if (finding->end_ns > finding->start_ns)
    fprintf(stream, " of %s", format_duration(finding->end_ns - finding->start_ns, duration));
  fprintf(stream, ", %s%s</h3>\n", cause_info(finding->cause)->code,
          finding->severity == SEVERITY_PROBLEM ? "" : " (harmless)");
  fputs("<p class=\"summary\">", stream);
  html_text(stream, finding->summary);
  fprintf(
      stream,
      "</p>\n<p class=\"badges\"><span class=\"badge %s\">%s</span> <span class=\"badge\">"
      "<span class=\"chip o-%s\"></span>%s, %s</span> <span class=\"badge\">%s, %s</span></p>\n",
      severity_name(finding->severity), severity_name(finding->severity),
      location_name(finding->location), location_name(finding->location),
      confidence_name(finding->confidence), cause_info(finding->cause)->code,
      confidence_name(finding->cause_confidence));
}

/* The lines of the text report but for its evidence, which becomes a table. */
struct lines {
  struct html *html;
  unsigned number;
  bool evidence, begun;
  bool behind; /* those that stand behind the evidence */
};

static void put_line(void *context, const char *label, const char *value, const char *right)
{
  struct lines *lines = context;
  const bool last = strcmp(label, "not excluded") == 0 || strcmp(label, "settle it") == 0 ||
                    strcmp(label, "what to do") == 0;
  lines->number++;
  if (lines->number == 1) /* the title */
    return;
  if (label[0] != '\0')
    lines->evidence = strcmp(label, "evidence") == 0;
  if (last && !lines->begun && !lines->behind)
    lines->evidence = true; /* not yet */
  if (lines->behind && last)
    lines->begun = true;
  if (lines->evidence || (lines->behind && !lines->begun))
    return;
  html_list_line(lines->html, label, value, right);
}

static void put_lines(struct html *html, uint64_t rank, const struct report_connection *connection,
                      const struct finding *finding, bool behind)
{
  struct lines lines = {.html = html, .behind = behind};
  struct text *text = html_words_begin(&html->words);
  if (text == NULL)
    return;
  fputs("<dl class=\"lines\">\n", html->stream);
  text_finding(text, rank, connection, finding);
  html_words_end(&html->words, false, put_line, &lines);
  fputs("</dl>\n", html->stream);
}

static unsigned digits_of(const struct html *html, const struct finding *finding)
{
  unsigned digits = 6;
  for (uint32_t i = 0; i < finding->evidence_count; i++)
    if (format_digits(finding->evidence[i].time_ns) > digits)
      digits = format_digits(finding->evidence[i].time_ns);
  return text_joint_is_coarse(&html->words.text) ? 6 : digits;
}

static void evidence_row(struct html *html, uint64_t rank, unsigned number,
                         const struct format_clock *clock, const struct evidence *one, bool drawn)
{
  FILE *stream = html->stream;
  char time[FORMAT_TEXT_SIZE] = "";
  if (time_is_valid(one->time_ns))
    format_time(clock, one->time_ns, time);
  fprintf(stream, "<tr id=\"f%" PRIu64 "e%u\"><td class=\"n\">", rank, number);
  if (drawn && one->frame != 0)
    fprintf(stream, "<a class=\"number\" href=\"#f%" PRIu64 "m%u\">%u</a>", rank, number, number);
  else
    fprintf(stream, "%u", number);
  fprintf(stream, "</td><td>%c</td><td class=\"n\">", 'A' + one->end % 26);
  if (one->frame != 0)
    fprintf(stream, "%" PRIu64, one->frame);
  else
    fputs("\u2013", stream);
  fprintf(stream, "</td><td class=\"n\">%s</td><td>", time);
  html_prose(stream, one->fact);
  fputs("</td></tr>\n", stream);
}

static void evidence(struct html *html, uint64_t rank, const struct report_connection *connection,
                     const struct finding *finding, bool drawn)
{
  const struct format_clock clock =
      text_clock(&html->words.text, connection->capture, digits_of(html, finding));
  if (finding->evidence_count == 0)
    return;
  fputs("<div class=\"scroll\"><table class=\"evidence\"><caption>Evidence</caption><thead><tr>"
        "<th scope=\"col\">#</th><th scope=\"col\">end</th><th scope=\"col\">frame</th>"
        "<th scope=\"col\">time</th><th scope=\"col\">fact</th></tr></thead><tbody>\n",
        html->stream);
  for (uint32_t i = 0; i < finding->evidence_count; i++)
    evidence_row(html, rank, i + 1, &clock, &finding->evidence[i], drawn);
  fputs("</tbody></table></div>\n", html->stream);
}

void html_finding(struct html *html, uint64_t rank, const struct report_connection *connection,
                  const struct finding *finding)
{
  const struct html_drawn *drawn = html_find_drawn(html, connection->id);
  const struct html_span *span =
      drawn != NULL && drawn->count > 0 ? html_find_span(drawn, rank) : NULL;
  html_verdicts_end(html);
  const bool draws = span != NULL && html->charts < HTML_CHARTS_MAX;
  html->findings_told++;
  html->charts += draws;
  heading(html, rank, finding);
  put_lines(html, rank, connection, finding, false);
  evidence(html, rank, connection, finding, draws);
  put_lines(html, rank, connection, finding, true);
  if (draws) {
    html_chart(html, drawn, span);
    html_ladder(html, drawn, span, connection);
  }
  fprintf(html->stream,
          "<p><a href=\"#c%" PRIu64 "\">Connection %" PRIu64 "</a> \u00b7 "
          "<a href=\"#verdicts\">All verdicts</a></p>\n</article>\n",
          connection->id, connection->id);
}
