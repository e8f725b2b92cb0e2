#include "report/html_escape.h"
#include "report/html_parts.h"

/* What is told of each capture: the lines of the text report. */

void html_capture(struct html *html, const struct report_capture *capture)
{
  if (capture->end == 0 && capture == &html->overview->capture_list[0])
    fputs("<section id=\"captures\" aria-labelledby=\"h-captures\">\n<h2 id=\"h-captures\">"
          "Captures</h2>\n",
          html->stream);
  struct text *text = html_words_begin(&html->words);
  if (text == NULL)
    return;
  fputs("<dl class=\"lines\">\n", html->stream);
  text_capture(text, capture);
  html_words_end(&html->words, false, html_list_line, html);
  fputs("</dl>\n", html->stream);
}
