#include "report/report.h"

#include "report/collect.h"
#include "wire/timestamp.h"

#include <stdlib.h>

/* What one walk needs; too large for the stack of a careful program. */
struct walk {
  struct collect *collect;
  const struct report_writer *writer;
  struct finding finding;
  struct connection_material material;
  struct report_connection connection;
};

/* Loads finding `index` and its connection. */
static void load_finding(struct walk *walk, uint32_t index)
{
  uint64_t id;
  collect_finding(walk->collect, index, &walk->finding, &id);
  const uint32_t at = collect_connection_index(walk->collect, id);
  collect_connection(walk->collect, at, &walk->connection, &walk->material);
}

typedef int finding_operation(void *context, uint64_t rank,
                              const struct report_connection *connection,
                              const struct finding *finding);

static int walk_findings(struct walk *walk, finding_operation *operation, uint32_t max)
{
  const struct report_writer *writer = walk->writer;
  const uint32_t count = collect_finding_count(walk->collect);
  for (uint32_t i = 0; operation != NULL && i < count; i++) {
    if (max != 0 && i >= max)
      break;
    load_finding(walk, i);
    if (walk->finding.severity == SEVERITY_INFO && !writer->wants_info)
      break; /* problems come first */
    const int result =
        operation(writer->context, (uint64_t)i + 1, &walk->connection, &walk->finding);
    if (result < 0)
      return result;
  }
  return 0;
}

static int walk_captures(struct walk *walk)
{
  const struct report_writer *writer = walk->writer;
  int result = 0;
  for (uint32_t i = 0; writer->capture != NULL && result == 0; i++) {
    if (i >= collect_capture_count(walk->collect))
      break;
    result = writer->capture(writer->context, collect_capture(walk->collect, i));
  }
  return result;
}

static int walk_connection_findings(struct walk *walk)
{
  const struct report_writer *writer = walk->writer;
  uint32_t first;
  const uint32_t count = collect_connection_findings(walk->collect, walk->connection.id, &first);
  int result = 0;
  for (uint32_t i = 0; writer->finding != NULL && i < count && result == 0; i++) {
    const uint32_t index = collect_finding_at(walk->collect, first + i);
    uint64_t id;
    collect_finding(walk->collect, index, &walk->finding, &id);
    if (walk->finding.severity == SEVERITY_PROBLEM || writer->wants_info)
      result =
          writer->finding(writer->context, (uint64_t)index + 1, &walk->connection, &walk->finding);
  }
  return result;
}

static int walk_connections(struct walk *walk, bool with_findings)
{
  const struct report_writer *writer = walk->writer;
  int result = 0;
  for (uint32_t i = 0; writer->connection != NULL && result == 0; i++) {
    if (i >= collect_connection_count(walk->collect))
      break;
    collect_connection(walk->collect, i, &walk->connection, &walk->material);
    result = writer->connection(writer->context, &walk->connection);
    if (result == 0 && with_findings)
      result = walk_connection_findings(walk);
  }
  return result;
}

static int walk_worst_first(struct walk *walk)
{
  int result = walk_findings(walk, walk->writer->verdict, walk->writer->max_verdicts);
  if (result == 0)
    result = walk_findings(walk, walk->writer->finding, walk->writer->max_findings);
  if (result == 0)
    result = walk_captures(walk);
  if (result == 0)
    result = walk_connections(walk, false);
  return result;
}

static int walk_by_connection(struct walk *walk)
{
  const int result = walk_captures(walk);
  return result != 0 ? result : walk_connections(walk, true);
}

static int walk_all(struct walk *walk)
{
  const struct report_writer *writer = walk->writer;
  const struct report_overview *overview = collect_overview(walk->collect);
  int result = 0;
  if (writer->begin != NULL)
    result = writer->begin(writer->context, overview);
  if (result == 0)
    result =
        writer->layout == REPORT_WORST_FIRST ? walk_worst_first(walk) : walk_by_connection(walk);
  if (result == 0 && writer->end != NULL)
    result = writer->end(writer->context, overview);
  return result;
}

int report_write(struct collect *collect, const struct report_writer *writer, struct error *error)
{
  int result = collect_arrange(collect);
  struct walk *walk = calloc(1, sizeof *walk);
  if (result < 0 || walk == NULL) {
    free(walk);
    return error_set(error, ERROR_MEMORY, "out of memory while the report was put together");
  }
  walk->collect = collect;
  walk->writer = writer;
  result = walk_all(walk);
  free(walk);
  if (result == ERROR_MEMORY)
    return error_set(error, ERROR_MEMORY, "out of memory while the report was written");
  return result;
}
