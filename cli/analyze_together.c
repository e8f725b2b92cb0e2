#include "analyzer/joint.h"
#include "analyzer/survey.h"
#include "cli/analysis.h"
#include "cli/commands.h"
#include "cli/complain.h"
#include "cli/interrupt.h"
#include "cli/joint_pass.h"
#include "cli/output.h"
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two readings of everything. The first one (survey.h) sees which connections several points have
 * in common; the second one (joint_pass.h) diagnoses. What the first reading could not read, the
 * second one does not look for: both see the same packets, also of a file that still grows, or
 * where the user has ended the first one. */

struct together {
  struct analysis *analysis;
  struct survey *survey;
  /* the first reading's, by end; of the first point of a source it is the source's own */
  struct trace *traces[ANALYZER_ENDS_MAX];
  uint64_t last_frames[ANALYZER_ENDS_MAX]; /* read by then, by end */
};

static int trouble(const char *text)
{
  complain("%s", text);
  return EXIT_TROUBLE;
}

static bool is_first_of_source(const struct points *points, uint32_t end)
{
  return end == 0 || points->points[end - 1].source != points->points[end].source;
}

static void close_traces(struct together *together)
{
  const struct points *points = &together->analysis->points;
  for (uint32_t end = 0; end < points->count; end++) {
    if (!is_first_of_source(points, end) && points->points[end].source->is_text)
      trace_close(together->traces[end]);
    together->traces[end] = NULL;
  }
}

/* The traces stand at their beginnings again. */
static int rewind_sources(struct together *together)
{
  struct analysis *analysis = together->analysis;
  struct trace_options options = analysis->trace_options;
  struct error error;
  close_traces(together);
  if (analysis->interrupted)
    options.stop = NULL;
  for (uint32_t i = 0; i < analysis->source_count; i++)
    if (source_rewind(&analysis->sources[i], &options, &error) < 0)
      return trouble(error.text);
  return 0;
}

/* The traces of the first reading: a source's own, and one for each further excerpt. */
static int open_traces(struct together *together)
{
  const struct points *points = &together->analysis->points;
  struct error error;
  for (uint32_t end = 0; end < points->count; end++) {
    const struct point *point = &points->points[end];
    if (is_first_of_source(points, end)) {
      together->traces[end] = point->source->trace;
      sample_queue_close(&point->source->samples);
    } else if (!point->source->is_text) {
      together->traces[end] = together->traces[end - 1];
    } else if (source_reopen(point->source, point->excerpt, &together->analysis->trace_options,
                             &together->traces[end], &error) < 0) {
      return trouble(error.text);
    }
  }
  return 0;
}

/* The kernel's that took the samples of a point's interfaces, if all are one's; or "". */
static const char *boot_id_of(const struct together *together, uint32_t end)
{
  const struct points *points = &together->analysis->points;
  const struct point *point = &points->points[end];
  const struct lane_ends *lanes = &points->lanes[point->source_index];
  struct trace_interface interface;
  struct trace_info info;
  const char *boot_id = NULL;
  if (point->source->is_text)
    return "";
  trace_get_info(together->traces[end], &info);
  for (uint32_t i = 0; i < info.interface_count; i++) {
    if (lanes->ends[i < lanes->count ? i : lanes->count - 1] != end)
      continue;
    trace_get_interface(together->traces[end], i, &interface);
    if (boot_id != NULL && strcmp(boot_id, interface.boot_id) != 0)
      return "";
    boot_id = interface.boot_id;
  }
  return boot_id != NULL ? boot_id : "";
}

/* Points of one host, as the samples in the files tell it, are read by one clock. */
static void declare_hosts(const struct together *together)
{
  for (uint32_t end = 0; end < together->analysis->points.count; end++) {
    const char *boot_id = boot_id_of(together, end);
    uint32_t first = 0;
    while (first < end && strcmp(boot_id_of(together, first), boot_id) != 0)
      first++;
    survey_set_host(together->survey, (uint8_t)end, boot_id[0] != '\0' ? first + 1 : 0);
  }
}

static int survey_batches(struct together *together, struct lanes *lanes, uint32_t lane_count)
{
  struct progress progress;
  const struct lane_batch *batch;
  uint32_t lane;
  int status = 0;
  progress_start(&progress, stderr, !together->analysis->options->no_progress,
                 "all captures, first time");
  while (status == 0 && (batch = lanes_next_any(lanes, &lane)) != NULL) {
    status = survey_packets(together->survey, batch->packets, batch->count);
    progress_update_part(&progress, lane_count, lane, batch->bytes_read, batch->bytes_total);
  }
  if (status == 0) {
    declare_hosts(together); /* all samples have been read past */
    status = survey_solve(together->survey);
  }
  progress_end(&progress);
  return status;
}

/* How far each point was read, and what went wrong. */
static void note_results(struct together *together, const struct lanes *lanes,
                         const struct lane_input *inputs, uint32_t lane_count)
{
  const struct points *points = &together->analysis->points;
  for (uint32_t i = 0; i < lane_count; i++) {
    const struct lane_result *result = lanes_result(lanes, i);
    struct source *source = points->points[inputs[i].end].source;
    if (result->status < 0 && source->damage.code == ERROR_NONE)
      source->damage = result->error;
    if (together->analysis->interrupted && !source->is_text)
      source->last_frame = result->last_frame;
    for (uint32_t end = inputs[i].end; end < points->count; end++) {
      if (points->points[end].source == source && (end == inputs[i].end || !source->is_text))
        together->last_frames[end] = result->last_frame;
    }
  }
}

static int survey_all(struct together *together)
{
  struct analysis *analysis = together->analysis;
  struct survey_limits limits;
  struct lane_input inputs[ANALYZER_ENDS_MAX];
  struct lanes *lanes;
  survey_limits_default(&limits);
  limits.connections = analysis->options->limits.compared_connections;
  survey_free(together->survey);
  together->survey = survey_new(analysis->points.count, &limits);
  int status = open_traces(together);
  if (status != 0)
    return status;
  const uint32_t lane_count = points_lanes(&analysis->points, inputs);
  for (uint32_t i = 0; i < lane_count; i++)
    inputs[i].trace = together->traces[inputs[i].end];
  if (together->survey == NULL || lanes_start(&lanes, lane_count, inputs, false) < 0)
    return trouble("out of memory");
  status = survey_batches(together, lanes, lane_count);
  lanes_stop(lanes);
  analysis->interrupted = analysis->interrupted || interrupt_seen();
  note_results(together, lanes, inputs, lane_count);
  lanes_free(lanes);
  return status == 0 ? 0 : trouble("not enough memory to compare the captures");
}

/* Interfaces may be described behind the first packet: where a file ends and another one was
 * appended, say. Those are points of their own as well. */
static int survey_late_interfaces(struct together *together)
{
  struct analysis *analysis = together->analysis;
  bool more = false;
  for (uint32_t i = 0; i < analysis->source_count; i++)
    more = source_note_interfaces(&analysis->sources[i], analysis->sources[i].trace) || more;
  if (!more || analysis->interrupted)
    return 0;
  close_traces(together);
  points_split(&analysis->points, analysis->sources, analysis->source_count);
  const int status = rewind_sources(together);
  return status == 0 ? survey_all(together) : status;
}

/* Interfaces of one file are capture points of their own only if they saw the same connections: if
 * some did not, the comparison is made again without their distinction. */
static int survey_regrouped(struct together *together)
{
  struct analysis *analysis = together->analysis;
  int status = survey_all(together);
  if (status == 0)
    status = survey_late_interfaces(together);
  if (status != 0)
    return status;
  struct points regrouped = analysis->points;
  if (!analysis->points.interfaces ||
      !points_regroup(&regrouped, analysis->sources, analysis->source_count, together->survey))
    return 0;
  close_traces(together);
  points_regroup(&analysis->points, analysis->sources, analysis->source_count, together->survey);
  if (analysis->points.count == 1)
    return 0;
  status = rewind_sources(together);
  return status == 0 ? survey_all(together) : status;
}

static bool have_common_connections(const struct survey *survey)
{
  for (uint32_t i = 0; i < survey_pair_count(survey); i++)
    if (survey_pair(survey, i)->certainty != PAIR_POSSIBLE)
      return true;
  return false;
}

/* What limits cost the comparison. */
static void note_limits(const struct together *together)
{
  struct survey_stats stats;
  survey_get_stats(together->survey, &stats);
  for (uint32_t end = 0; end < together->analysis->points.count; end++)
    if (stats.unsampled[end] > 0)
      complain("note: end %c: %" PRIu64 " of %" PRIu64 " connections were not looked for in the "
               "other captures (--limits compared=N)",
               (char)('A' + end), stats.unsampled[end], stats.connections[end]);
}

static const char *captured_on(const struct together *together, uint8_t end)
{
  const struct points *points = &together->analysis->points;
  const struct point *point = &points->points[end];
  const bool whole = is_first_of_source(points, end) &&
                     (end + 1u == points->count || is_first_of_source(points, end + 1));
  if (whole || point->source->is_text)
    return source_captured_on(point->source, point->excerpt);
  struct trace_interface interface;
  trace_get_interface(together->traces[end], point->interface, &interface);
  return interface.captured_on;
}

static int diagnose(struct together *together)
{
  const struct analysis *analysis = together->analysis;
  struct joint_pass pass = {.analysis = analysis, .survey = together->survey};
  for (uint8_t end = 0; end < analysis->points.count; end++) {
    pass.first_traces[end] = together->traces[end];
    pass.last_frames[end] = together->last_frames[end];
    pass.captured_on[end] = captured_on(together, end);
  }
  return joint_pass_run(&pass);
}

static int run(struct together *together, bool *done)
{
  struct analysis *analysis = together->analysis;
  if (analysis->points.left_out)
    complain("warning: only the first %d capture points are analysed", ANALYZER_ENDS_MAX);
  int status = survey_regrouped(together);
  if (status != 0)
    return status;
  if (analysis->points.count > 1 && have_common_connections(together->survey)) {
    *done = true;
    note_limits(together);
    return diagnose(together);
  }
  if (analysis->points.count > 1)
    complain("note: these captures have no connection in common that could be told for sure; each "
             "is judged by itself");
  return rewind_sources(together);
}

int analyze_together(struct analysis *analysis, bool *done)
{
  struct together together = {.analysis = analysis};
  *done = false;
  const int status = run(&together, done);
  close_traces(&together);
  survey_free(together.survey);
  return status;
}
