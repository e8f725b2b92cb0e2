#include "report/html_escape.h"
#include "report/html_parts.h"

/* Bars of the time budget, with the words of the text report below. */

#define BAR_WIDTH  600.0
#define BAR_HEIGHT 16.0

void html_budget(struct html *html, const char *label, int64_t moving_ns, int64_t idle_ns,
                 const int64_t budget_ns[LOCATION_COUNT])
{
  FILE *stream = html->stream;
  char words[TEXT_BUDGET_SIZE];
  double whole = (double)moving_ns + (double)idle_ns, x = 0;
  text_budget(moving_ns, idle_ns, budget_ns, words);
  for (int i = 0; i < LOCATION_COUNT; i++)
    whole += (double)budget_ns[i];
  if (whole <= 0)
    return;
  fputs("<div class=\"budget\"><p>", stream);
  html_text(stream, label);
  fputs("</p><svg class=\"bar\" viewBox=\"0 0 600 16\" preserveAspectRatio=\"none\" role=\"img\" "
        "aria-label=\"",
        stream);
  html_text(stream, words);
  fputs("\">", stream);
  /* places first: they are what one looks for */
  for (unsigned owner = 0; owner < LOCATION_COUNT + 2; owner++) {
    const int64_t part_ns = owner == HTML_OWNER_MOVING ? moving_ns
                            : owner == HTML_OWNER_IDLE ? idle_ns
                                                       : budget_ns[owner];
    const double width = (double)part_ns / whole * BAR_WIDTH;
    if (width <= 0)
      continue;
    fprintf(stream, "<rect class=\"o-%s\" x=\"%.2f\" width=\"%.2f\" height=\"%.0f\"/>",
            html_owner_class(owner), x, width, BAR_HEIGHT);
    x += width;
  }
  fputs("</svg><p class=\"dim\">", stream);
  html_text(stream, words);
  fputs("</p></div>\n", stream);
}
