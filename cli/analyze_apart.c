#include "cli/analysis.h"
#include "cli/commands.h"
#include "cli/complain.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/pipeline.h"
#include "cli/progress.h"

#include <stdio.h>

/* trace -> packets -> engine -> collector (pipeline.h), one capture point after the other. */

static int out_of_memory(void)
{
  complain("out of memory");
  return EXIT_TROUBLE;
}

/* Tells the engine where this end stands. */
static int declare_vantage(const struct analysis *analysis, const struct report_capture *capture,
                           struct analyzer *analyzer)
{
  struct vantage_known vantage;
  const int status = analysis_vantage(analysis, capture->end, capture->captured_on, &vantage);
  if (vantage.kind == VANTAGE_KNOWN_ROLE)
    analyzer_declare_vantage(analyzer, capture->end, vantage.role);
  else if (vantage.kind == VANTAGE_KNOWN_HOST)
    analyzer_declare_host(analyzer, capture->end, &vantage.address);
  return status;
}

static bool announces_samples(const struct trace *trace)
{
  struct trace_info info;
  struct trace_interface interface;
  bool any = false;
  trace_get_info(trace, &info);
  for (uint32_t i = 0; i < info.interface_count && !any; i++) {
    trace_get_interface(trace, i, &interface);
    any = interface.samples_announced;
  }
  return any;
}

/* Verdicts by samples ask what the capture lost, and the file says so at its end: it is looked
 * through before, where that can be done. */
static void declare_drops(const struct analysis *analysis, const struct source *source, uint8_t end,
                          struct analyzer *analyzer)
{
  const struct trace_options options = {.stop = analysis->trace_options.stop};
  struct report_capture capture = {.end = end};
  struct trace *trace = NULL;
  struct frame frames[64];
  struct error error;
  if (analysis->options->lossless[end])
    analyzer_declare_complete(analyzer, end);
  if (source->is_text || source->once || !announces_samples(source->trace) ||
      source_reopen(source, 0, &options, &trace, &error) != 0)
    return;
  int count;
  while ((count = trace_next(trace, frames, sizeof frames / sizeof *frames, &error)) > 0)
    continue;
  capture_describe(&capture, "", trace, NULL);
  if (capture.has_dropped && capture.dropped > 0)
    analyzer_declare_drops(analyzer, end);
  else if (capture.has_dropped && count == 0)
    analyzer_declare_complete(analyzer, end);
  trace_close(trace);
}

static int feed(const struct analysis *analysis, struct source *source, struct analyzer *analyzer,
                struct report_capture *capture)
{
  struct progress progress;
  struct error error = {.code = ERROR_NONE};
  progress_start(&progress, stderr, !analysis->options->no_progress, source->path);
  const struct pipeline_options pipeline = {
      .progress = progress_update,
      .context = &progress,
      .samples = &source->samples,
      .last_frame = source->last_frame != UINT64_MAX ? source->last_frame : 0};
  const int status = pipeline_run(source->trace, capture->end, analyzer, &pipeline, &error);
  analyzer_finish(analyzer);
  progress_end(&progress);
  analyzer_get_stats(analyzer, &capture->stats);
  capture_describe(capture, source->path, source->trace, NULL);
  capture->interrupted = interrupt_seen();
  if (status == ERROR_MEMORY || (status < 0 && source->damage.code == ERROR_NONE))
    source->damage = error;
  return analysis_damage(source, capture, capture->frames == 0);
}

/* One capture point. *more: the text goes on with another excerpt. */
static int analyze_end(struct analysis *analysis, struct source *source, uint32_t excerpt,
                       bool *more)
{
  const uint8_t end = (uint8_t)analysis->points.count;
  analysis->points.points[analysis->points.count++] =
      (struct point){.source = source, .excerpt = excerpt};
  const struct analyzer_options engine = {.min_stall_ns = analysis->options->min_stall_ns,
                                          .limits = analysis->options->limits.analyzer};
  const struct analyzer_sink sink = collect_sink(analysis->collect);
  struct report_capture capture = {.end = end, .captured_on = source_captured_on(source, excerpt)};
  struct analyzer *analyzer = analyzer_new(&engine, &sink);
  if (analyzer == NULL)
    return out_of_memory();
  collect_begin_capture(analysis->collect, end);
  int status = declare_vantage(analysis, &capture, analyzer);
  if (status == 0) {
    declare_drops(analysis, source, end, analyzer);
    status = feed(analysis, source, analyzer, &capture);
  }
  analyzer_free(analyzer);
  *more = status == 0 && trace_next_excerpt(source->trace);
  capture.excerpt = excerpt > 0 || *more ? excerpt + 1 : 0;
  if (status == 0 && collect_end_capture(analysis->collect, &capture) < 0)
    return out_of_memory();
  return status;
}

int analyze_apart(struct analysis *analysis)
{
  analysis->points.count = 0;
  for (uint32_t i = 0; i < analysis->source_count; i++) {
    bool more = true;
    for (uint32_t excerpt = 0; more; excerpt++) {
      if (analysis->points.count >= ANALYZER_ENDS_MAX) {
        complain("warning: %s: only the first %d capture points are analysed",
                 analysis->sources[i].path, ANALYZER_ENDS_MAX);
        return 0;
      }
      const int status = analyze_end(analysis, &analysis->sources[i], excerpt, &more);
      if (status != 0)
        return status;
    }
  }
  return 0;
}
