#ifndef REPORT_JSON_EVENT_H
#define REPORT_JSON_EVENT_H

/* Findings told while they last, one object a line: schema tcpstall/1, docs/json.md. */

#include "report/report.h"

#include <stdio.h>

struct json_event {
  int64_t time_ns;  /* when it is told */
  const char *file; /* where it is being recorded; NULL: nowhere (yet) */
  uint64_t connection_id;
  const struct connection_summary *summary; /* as its end saw it */
  enum evidence_level level;
  const struct finding *finding;
};

/* Returns 0, ERROR_MEMORY, or ERROR_IO if the line could not be written. The stream is flushed. */
int json_event_write(FILE *stream, const struct json_event *event);

#endif
