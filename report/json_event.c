#include "report/json_event.h"

#include "report/json_objects.h"
#include "wire/error.h"

#include <stdlib.h>

static json_t *connection_object(const struct json_event *event)
{
  const struct report_names nobody = {0};
  const struct report_capture capture = {.end = event->summary->end};
  const struct report_connection connection = {.id = event->connection_id,
                                               .capture = &capture,
                                               .summary = event->summary,
                                               .level = event->level,
                                               .view_count = 1,
                                               .views = {event->summary}};
  json_t *object = json_connection_object(&connection, &nobody);
  json_t *finding = json_finding_object(event->finding);
  json_set_count(finding, "rank", event->finding->id);
  json_array_append_new(json_object_get(object, "findings"), finding);
  return object;
}

int json_event_write(FILE *stream, const struct json_event *event)
{
  json_t *object = json_object();
  json_set_text(object, "schema", "tcpstall/1");
  json_set_text(object, "event", "finding");
  json_set_time(object, "time_s", "time_ns", event->time_ns);
  json_object_set_new(object, "file", event->file != NULL ? json_text(event->file) : json_null());
  json_object_set_new(object, "connection", connection_object(event));
  char *line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(16) | JSON_PRESERVE_ORDER);
  json_decref(object);
  if (line == NULL)
    return ERROR_MEMORY;
  const bool written = fprintf(stream, "%s\n", line) > 0 && fflush(stream) == 0;
  free(line);
  return written ? 0 : ERROR_IO;
}
