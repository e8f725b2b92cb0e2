#ifndef REPORT_HTML_WORDS_H
#define REPORT_HTML_WORDS_H

/* The words of the text report, line by line, so that the page says the same: its parts write onto
 * a page that is too wide to wrap, and the lines are cut into label and value. Only html*.c include
 * this. */

#include "report/text_parts.h"

struct html_words {
  struct text text;
  char *buffer; /* of the memory stream */
  size_t size;
  bool failed; /* memory ran out */
};

void html_words_init(struct html_words *words, const struct report_overview *overview,
                     const struct report_names *names, bool local_time);

/* A fresh text report that has told nothing yet; NULL: no memory. Its parts (text_parts.h) may then
 * be called. */
struct text *html_words_begin(struct html_words *words);

/* label "": goes on with the one before. right: of a table's row, its second cell; else NULL. */
typedef void html_words_line(void *context, const char *label, const char *value,
                             const char *right);

/* Ends what html_words_begin() began: each line that is not empty. table: rows of
 * text_connection()'s table are cut into their cells. */
void html_words_end(struct html_words *words, bool table, html_words_line *line, void *context);

#endif
