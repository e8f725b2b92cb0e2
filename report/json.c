#include "report/json.h"

#include "report/json_joint.h"
#include "report/json_objects.h"

#include <stdbool.h>
#include <stdlib.h>

/* jansson has no exact decimals: 16 significant digits give microseconds for today's epoch times
 * and hide the tails of binary fractions; the exact values are in the *_ns fields. */
#define JSON_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(16) | JSON_PRESERVE_ORDER)

struct json {
  struct json_options options;
  json_t *connection; /* the one whose findings still come */
  const struct report_overview *overview;
  bool captures_open, connections_open, first;
};

struct json *json_new(const struct json_options *options)
{
  struct json *json = calloc(1, sizeof *json);
  if (json != NULL)
    json->options = *options;
  return json;
}

void json_free(struct json *json)
{
  if (json == NULL)
    return;
  json_decref(json->connection);
  free(json);
}

static int write_result(const struct json *json)
{
  return ferror(json->options.stream) ? ERROR_IO : 0;
}

/* Writes one object and gives its reference up. */
static int write_object(struct json *json, json_t *object)
{
  if (object == NULL)
    return ERROR_MEMORY;
  const int result = json_dumpf(object, json->options.stream, JSON_FLAGS);
  json_decref(object);
  if (result != 0)
    return ferror(json->options.stream) ? ERROR_IO : ERROR_MEMORY;
  return 0;
}

/* Elements of an array stand one a line. */
static int write_element(struct json *json, json_t *object)
{
  fputs(json->first ? "\n  " : ",\n  ", json->options.stream);
  json->first = false;
  return write_object(json, object);
}

static int flush_connection(struct json *json)
{
  json_t *connection = json->connection;
  json->connection = NULL;
  return connection == NULL ? 0 : write_element(json, connection);
}

static int on_begin(void *context, const struct report_overview *overview)
{
  struct json *json = context;
  json->overview = overview;
  json_t *version = json_text(json->options.version);
  json_t *totals = json_totals_object(overview);
  fputs("{\"schema\":\"tcpstall/1\",\n \"version\":", json->options.stream);
  int result = version == NULL
                   ? ERROR_MEMORY
                   : json_dumpf(version, json->options.stream, JSON_FLAGS | JSON_ENCODE_ANY);
  json_decref(version);
  fputs(",\n \"totals\":", json->options.stream);
  if (result != 0) {
    json_decref(totals);
    return ERROR_MEMORY;
  }
  result = write_object(json, totals);
  fputs(",\n \"captures\":[", json->options.stream);
  json->first = true;
  return result != 0 ? result : write_result(json);
}

static int on_capture(void *context, const struct report_capture *capture)
{
  struct json *json = context;
  return write_element(json, json_capture_object(capture));
}

static int write_clocks(struct json *json)
{
  const struct report_joint *joint = &json->overview->joint;
  int result = 0;
  json->first = true;
  for (uint32_t end = 1; end < joint->ends; end++) {
    const struct clock_map *map = joint->clocks[end];
    for (uint32_t i = 0; map != NULL && i < map->piece_count && result == 0; i++)
      result = write_element(json, json_clock_object((uint8_t)end, map, i));
  }
  return result;
}

static int open_connections(struct json *json)
{
  if (json->connections_open)
    return 0;
  json->connections_open = true;
  fputs("],\n \"clocks\":[", json->options.stream);
  const int result = write_clocks(json);
  fputs("],\n \"connections\":[", json->options.stream);
  json->first = true;
  return result;
}

static int on_connection(void *context, const struct report_connection *connection)
{
  struct json *json = context;
  int result = open_connections(json);
  if (result == 0)
    result = flush_connection(json);
  if (result != 0)
    return result;
  json->connection = json_connection_object(connection, &json->options.names);
  return json->connection == NULL ? ERROR_MEMORY : 0;
}

static int on_finding(void *context, uint64_t rank, const struct report_connection *connection,
                      const struct finding *finding)
{
  struct json *json = context;
  (void)connection;
  json_t *object = json_finding_object(finding);
  if (object == NULL)
    return ERROR_MEMORY;
  json_object_set_new(object, "rank", json_count(rank));
  return json_array_append_new(json_object_get(json->connection, "findings"), object) == 0
             ? 0
             : ERROR_MEMORY;
}

static int on_end(void *context, const struct report_overview *overview)
{
  struct json *json = context;
  (void)overview;
  int result = open_connections(json);
  if (result == 0)
    result = flush_connection(json);
  if (result != 0)
    return result;
  fputs("]}\n", json->options.stream);
  return fflush(json->options.stream) != 0 ? ERROR_IO : write_result(json);
}

struct report_writer json_report_writer(struct json *json)
{
  return (struct report_writer){
      .context = json,
      .layout = REPORT_BY_CONNECTION,
      .wants_info = true,
      .begin = on_begin,
      .finding = on_finding,
      .capture = on_capture,
      .connection = on_connection,
      .end = on_end,
  };
}
