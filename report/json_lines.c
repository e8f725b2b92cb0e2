#include "report/json_lines.h"

#include "report/json_joint.h"
#include "report/json_objects.h"
#include "report/stable_key.h"

#include <stdlib.h>

#define JSON_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(16) | JSON_PRESERVE_ORDER)

struct json_lines {
  struct json_lines_options options;
  const struct report_overview *overview;
  char connection_key[STABLE_KEY_BYTES]; /* whose findings still come */
};

struct json_lines *json_lines_new(const struct json_lines_options *options)
{
  struct json_lines *lines = calloc(1, sizeof *lines);
  if (lines != NULL)
    lines->options = *options;
  return lines;
}

void json_lines_free(struct json_lines *lines)
{
  free(lines);
}

/* What every line begins with. */
static json_t *line_object(const char *version, const char *type)
{
  json_t *object = json_object();
  json_set_text(object, "schema", "tcpstall/1");
  json_set_text(object, "type", type);
  json_set_text(object, "version", version);
  return object;
}

/* Moves the members of `from`, which is given up, behind those of `line`. */
static int append_members(json_t *line, json_t *from)
{
  const int rc = from != NULL && line != NULL ? json_object_update(line, from) : -1;
  json_decref(from);
  return rc;
}

/* Gives its reference up. */
static int write_line(FILE *stream, json_t *line)
{
  char *text = line != NULL ? json_dumps(line, JSON_FLAGS) : NULL;
  json_decref(line);
  if (text == NULL)
    return ERROR_MEMORY;
  const int written = fprintf(stream, "%s\n", text);
  free(text);
  return written < 0 ? ERROR_IO : 0;
}

/* The line, with the members of `from` behind its own; both are given up. */
static int finish_line(const struct json_lines *lines, json_t *line, json_t *from)
{
  if (append_members(line, from) != 0) {
    json_decref(line);
    return ERROR_MEMORY;
  }
  return write_line(lines->options.stream, line);
}

static json_t *capture_reference(const struct report_capture *capture)
{
  char key[STABLE_KEY_BYTES];
  json_t *object = json_object();
  stable_key_capture(capture, key);
  json_object_set_new(object, "end", json_end(capture->end));
  json_set_text(object, "key", key);
  json_set_text(object, "file", capture->file);
  return object;
}

/* The captures that have seen the connection. */
static json_t *captures_of(const struct json_lines *lines,
                           const struct report_connection *connection)
{
  const struct report_overview *overview = lines->overview;
  json_t *array = json_array();
  if (connection->view_count == 1) {
    json_array_append_new(array, capture_reference(connection->capture));
    return array;
  }
  for (uint32_t i = 0; i < connection->view_count; i++)
    for (uint32_t c = 0; c < overview->captures; c++)
      if (overview->capture_list[c].end == connection->views[i]->end)
        json_array_append_new(array, capture_reference(&overview->capture_list[c]));
  return array;
}

static int on_begin(void *context, const struct report_overview *overview)
{
  struct json_lines *lines = context;
  lines->overview = overview;
  return 0;
}

static int on_capture(void *context, const struct report_capture *capture)
{
  const struct json_lines *lines = context;
  char key[STABLE_KEY_BYTES];
  json_t *line = line_object(lines->options.version, "capture");
  stable_key_capture(capture, key);
  json_set_text(line, "key", key);
  return finish_line(lines, line, json_capture_object(capture));
}

static int on_connection(void *context, const struct report_connection *connection)
{
  struct json_lines *lines = context;
  json_t *line = line_object(lines->options.version, "connection");
  json_t *object = json_connection_object(connection, &lines->options.names);
  stable_key_connection(connection, lines->connection_key);
  json_set_text(line, "key", lines->connection_key);
  json_object_set_new(line, "captures", captures_of(lines, connection));
  json_object_del(object, "findings"); /* they have lines of their own */
  return finish_line(lines, line, object);
}

/* What a reader of findings alone wants to know of their connection. */
static void set_connection(const struct json_lines *lines, json_t *line,
                           const struct report_connection *connection)
{
  static const char *const members[] = {"client", "server", "role_source", "evidence_level",
                                        "quality"};
  json_t *object = json_connection_object(connection, &lines->options.names);
  json_set_text(line, "connection_key", lines->connection_key);
  json_set_count(line, "connection_id", connection->id);
  json_object_set_new(line, "captures", captures_of(lines, connection));
  for (size_t i = 0; i < sizeof members / sizeof *members; i++)
    json_object_set(line, members[i], json_object_get(object, members[i]));
  json_decref(object);
}

static int on_finding(void *context, uint64_t rank, const struct report_connection *connection,
                      const struct finding *finding)
{
  const struct json_lines *lines = context;
  char key[STABLE_KEY_BYTES];
  json_t *line = line_object(lines->options.version, "finding");
  stable_key_finding(lines->connection_key, finding, key);
  json_set_text(line, "key", key);
  set_connection(lines, line, connection);
  json_set_count(line, "rank", rank);
  return finish_line(lines, line, json_finding_object(finding));
}

static json_t *clocks_array(const struct report_joint *joint)
{
  json_t *array = json_array();
  for (uint32_t end = 1; end < joint->ends; end++) {
    const struct clock_map *map = joint->clocks[end];
    for (uint32_t i = 0; map != NULL && i < map->piece_count; i++)
      json_array_append_new(array, json_clock_object((uint8_t)end, map, i));
  }
  return array;
}

static int on_end(void *context, const struct report_overview *overview)
{
  const struct json_lines *lines = context;
  json_t *line = line_object(lines->options.version, "totals"), *captures = json_array();
  for (uint32_t i = 0; i < overview->captures; i++)
    json_array_append_new(captures, capture_reference(&overview->capture_list[i]));
  json_object_set_new(line, "captures", captures);
  json_object_set_new(line, "clocks", clocks_array(&overview->joint));
  const int rc = finish_line(lines, line, json_totals_object(overview));
  return rc == 0 && fflush(lines->options.stream) != 0 ? ERROR_IO : rc;
}

struct report_writer json_lines_report_writer(struct json_lines *lines)
{
  return (struct report_writer){
      .context = lines,
      .layout = REPORT_BY_CONNECTION,
      .wants_info = true,
      .begin = on_begin,
      .finding = on_finding,
      .capture = on_capture,
      .connection = on_connection,
      .end = on_end,
  };
}

int json_lines_error(FILE *stream, const char *version, const char *const *files, uint32_t count,
                     const char *text)
{
  json_t *line = line_object(version, "error"), *names = json_array();
  for (uint32_t i = 0; i < count; i++)
    json_array_append_new(names, json_text(files[i]));
  json_object_set_new(line, "files", names);
  json_set_text(line, "error", text);
  const int rc = write_line(stream, line);
  return rc == 0 && fflush(stream) != 0 ? ERROR_IO : rc;
}
