#include "report/html_assets.h"
#include "report/html_escape.h"
#include "report/html_parts.h"

#include <inttypes.h>
#include <string.h>

/* Head and foot of the page. */

/* Each place has a hatching as well as a colour, for who tells colours apart badly, and for paper.
 */
static const struct {
  const char *owner, *shape;
} hatchings[] = {
    {"moving", ""},
    {"idle", ""},
    {"short", "<path d=\"M0 4H8\"/>"},
    {"none", ""},
    {"sender-app", "<circle cx=\"2\" cy=\"2\" r=\"1.2\"/><circle cx=\"6\" cy=\"6\" r=\"1.2\"/>"},
    {"sender-tcp", "<path d=\"M4 0V8\"/>"},
    {"sender-queue", "<path d=\"M0 4H8M4 0V8\"/>"},
    {"forward-path", "<path d=\"M-2 2L2 -2M0 8L8 0M6 10L10 6\"/>"},
    {"receiver-tcp", "<path d=\"M2 0V8M6 0V8\"/>"},
    {"receiver-app", "<circle cx=\"4\" cy=\"4\" r=\"2\"/>"},
    {"reverse-path", "<path d=\"M-2 6L2 10M0 0L8 8M6 -2L10 2\"/>"},
    {"unknown", "<path d=\"M0 0L8 8M0 8L8 0\"/>"},
};

static void put_hatchings(FILE *stream)
{
  fputs("<svg class=\"patterns\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>\n", stream);
  for (size_t i = 0; i < sizeof hatchings / sizeof *hatchings; i++)
    fprintf(stream,
            "<pattern id=\"p-%s\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" "
            "class=\"pattern\"><rect class=\"c-%s\" width=\"8\" height=\"8\"/>%s</pattern>\n",
            hatchings[i].owner, hatchings[i].owner, hatchings[i].shape);
  fputs("</defs></svg>\n", stream);
}

/* The last part of a path. */
static const char *base_name(const char *file)
{
  const char *slash = strrchr(file, '/');
  if (strcmp(file, "-") == 0)
    return "standard input";
  return slash != NULL && slash[1] != '\0' ? slash + 1 : file;
}

/* "a.pcap, b.pcap": each file once. */
static void put_files(FILE *stream, const struct report_overview *overview)
{
  for (uint32_t i = 0; i < overview->captures; i++) {
    const char *file = overview->capture_list[i].file;
    if (i > 0 && strcmp(file, overview->capture_list[i - 1].file) == 0)
      continue;
    fputs(i > 0 ? ", " : "", stream);
    html_text(stream, base_name(file));
  }
}

static void head(const struct html *html)
{
  FILE *stream = html->stream;
  fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n", stream);
  fprintf(stream,
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "base-uri 'none'; form-action 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'\">\n",
          html_page_css_sha256, html_page_js_sha256);
  fputs("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<meta name=\"referrer\" content=\"no-referrer\">\n",
        stream);
  fputs("<meta name=\"generator\" content=\"tcpstall ", stream);
  html_text(stream, html->options.version);
  fputs("\">\n<title>", stream);
  put_files(stream, html->overview);
  fputs(" \u2013 tcpstall</title>\n<style>", stream);
  fputs(html_page_css, stream);
  fputs("</style>\n</head>\n", stream);
}

void html_list_line(void *context, const char *label, const char *value, const char *right)
{
  const struct html *html = context;
  (void)right;
  if (label[0] != '\0') {
    fputs("<dt>", html->stream);
    html_text(html->stream, label);
    fputs("</dt>", html->stream);
  }
  fputs("<dd>", html->stream);
  html_prose(html->stream, value);
  fputs("</dd>\n", html->stream);
}

/* The first line is the headline. */
struct headline {
  FILE *stream;
  bool begun;
};

static void put_headline(void *context, const char *label, const char *value, const char *right)
{
  struct headline *headline = context;
  const char *tag = headline->begun ? "p" : "h1";
  (void)label;
  (void)right;
  fprintf(headline->stream, "<%s>", tag);
  html_text(headline->stream, value);
  fprintf(headline->stream, "</%s>\n", tag);
  headline->begun = true;
}

static void header(struct html *html)
{
  FILE *stream = html->stream;
  struct headline headline = {stream, false};
  fputs("<body>\n<a class=\"skip\" href=\"#findings\">To the findings</a>\n", stream);
  put_hatchings(stream);
  fputs("<header>\n<p class=\"files\"><strong>tcpstall</strong> ", stream);
  put_files(stream, html->overview);
  fputs("</p>\n<nav aria-label=\"Parts of this report\"><a href=\"#verdicts\">Verdicts</a> "
        "<a href=\"#findings\">Findings</a> <a href=\"#connections\">Connections</a> "
        "<a href=\"#captures\">Captures</a></nav>\n<div id=\"tools\"></div>\n</header>\n<main>\n"
        "<section id=\"verdicts\" aria-label=\"Verdicts\">\n",
        stream);
  struct text *text = html_words_begin(&html->words);
  if (text == NULL)
    return;
  text_headline(text);
  html_words_end(&html->words, false, put_headline, &headline);
}

void html_page_begin(struct html *html)
{
  head(html);
  header(html);
}

/* What limits have left out of the drawings. */
static void reductions(const struct html *html)
{
  FILE *stream = html->stream;
  char count[FORMAT_TEXT_SIZE];
  if (html->packets_seen == 0)
    fputs("<p>There are no drawings: the packets could not be read a second time.</p>\n", stream);
  fprintf(stream, "<p>Drawn are at most %u connections and %u findings, ", HTML_DRAWN_MAX,
          HTML_CHARTS_MAX);
  fprintf(stream, "told in full at most %u findings, ", HTML_FINDINGS_MAX);
  fprintf(stream, "and kept for drawing at most %s packets, ",
          format_count(HTML_PACKETS_MAX, count));
  fprintf(stream,
          "%s of one connection; where that was not enough, the figure says so. "
          "<code>--connection</code> makes a report of one connection alone.</p>\n",
          format_count(HTML_PACKETS_MAX_EACH, count));
}

void html_page_end(struct html *html)
{
  FILE *stream = html->stream;
  fputs("</section>\n</main>\n<footer>\n", stream);
  reductions(html);
  fputs("<p>Written by tcpstall ", stream);
  html_text(stream, html->options.version);
  fputs(". This page needs no network and loads nothing.</p>\n</footer>\n<div id=\"tip\" "
        "role=\"status\" hidden></div>\n<script>",
        stream);
  fputs(html_page_js, stream);
  fputs("</script>\n</body>\n</html>\n", stream);
}
