#ifndef REPORT_JSON_LINES_H
#define REPORT_JSON_LINES_H

/* The report for pipelines: one object a line, each of which stands for itself, in the names of
 * schema tcpstall/1 (docs/json.md, "Lines"). In this order: one line a capture, then each
 * connection and behind it its findings, then the totals, which say that nothing is missing before
 * them. */

#include "report/report.h"

#include <stdio.h>

struct json_lines; /* opaque */

struct json_lines_options {
  FILE *stream;        /* borrowed */
  const char *version; /* of the program; borrowed */
  struct report_names names;
};

/* NULL: no memory. */
struct json_lines *json_lines_new(const struct json_lines_options *options);
void json_lines_free(struct json_lines *lines); /* NULL is allowed */
struct report_writer json_lines_report_writer(struct json_lines *lines);

/* The line of traces that could not be analysed. Returns 0, ERROR_MEMORY or ERROR_IO; the stream is
 * flushed. */
int json_lines_error(FILE *stream, const char *version, const char *const *files, uint32_t count,
                     const char *text);

#endif
