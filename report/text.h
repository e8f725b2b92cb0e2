#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

/* The report for people: the verdict first, one sentence a problem, worst first; then for each
 * where, when, why with its frames, what is not excluded, what would settle it and what to do; at
 * last what was seen and how good the capture is. The same input gives the same text. */

#include "report/report.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct text_options {
  FILE *stream;
  unsigned width; /* columns */
  bool utf8, color;
  bool verbose;    /* a table for each connection */
  bool all;        /* findings of severity info one by one */
  bool local_time; /* the reader's time zone instead of UTC */
  uint32_t
      details; /* findings told in full; TEXT_SENTENCES times as many get a sentence. 0 = all */
  struct report_names names;
};

#define TEXT_DETAILS_DEFAULT 10
#define TEXT_SENTENCES       3
#define TEXT_WIDTH_DEFAULT   100 /* when no terminal says its own */
#define TEXT_WIDTH_MAX       110 /* longer lines are hard to read */

struct text; /* opaque */

struct text *
text_new(const struct text_options *options); /* NULL: no memory; the options are copied */
void text_free(struct text *text);
struct report_writer text_report_writer(struct text *text);

#endif
