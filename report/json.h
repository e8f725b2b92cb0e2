#ifndef REPORT_JSON_H
#define REPORT_JSON_H

/* The report for programs: schema tcpstall/1 (docs/json.md, docs/schema/tcpstall-1.schema.json).
 * One connection is in memory at a time. */

#include "report/report.h"

#include <stdio.h>

struct json_options {
  FILE *stream;
  const char *version; /* of the program */
  struct report_names names;
};

struct json; /* opaque */

struct json *
json_new(const struct json_options *options); /* NULL: no memory; the options are copied */
void json_free(struct json *json);
struct report_writer json_report_writer(struct json *json);

#endif
