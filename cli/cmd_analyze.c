#include "cli/analyze_options.h"
#include "cli/commands.h"
#include "cli/complain.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/pipeline.h"
#include "cli/progress.h"
#include "cli/source.h"
#include "report/collect.h"
#include "wire/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The whole story of an analysis:
 *
 *   trace (source.h) -> reader and decoder (pipeline.h) -> engine (analyzer.h) -> collector
 * (collect.h) -> report
 *
 * Each trace, and each excerpt of a text that holds several, is a capture point of its own: A, B,
 * ... */

struct analysis {
  const struct analyze_options *options;
  struct source sources[ANALYZER_ENDS_MAX];
  uint32_t source_count;
  struct collect *collect;
  struct {
    const struct source *source;
    char captured_on[256];
  } ends[ANALYZER_ENDS_MAX];
  uint8_t end_count;
};

static int trouble(const char *text)
{
  complain("%s", text);
  return EXIT_TROUBLE;
}

static int open_sources(struct analysis *analysis)
{
  const struct analyze_options *options = analysis->options;
  const struct trace_options trace_options = {.filter = options->filter,
                                              .stop = interrupt_install()};
  struct error error;
  for (uint32_t i = 0; i < options->trace_count; i++) {
    struct source *source = &analysis->sources[analysis->source_count];
    if (source_open(source, options->traces[i], &trace_options, &error) < 0) {
      complain("%s", error.text);
      if (error.code == ERROR_USAGE && options->filter_from_words)
        complain("words behind the traces that name no file are a filter");
      return EXIT_TROUBLE;
    }
    analysis->source_count++;
  }
  return 0;
}

/* Turns --connection into addresses; names are looked up in the traces. */
static int select_connection(const struct analysis *analysis, struct collect_selection *selection)
{
  const struct connection_choice *choice = &analysis->options->connection;
  selection->id = choice->id;
  for (uint32_t i = 0; i < choice->endpoint_count; i++) {
    struct endpoint *endpoint = &selection->endpoints[i];
    bool found = false;
    for (uint32_t s = 0; s < analysis->source_count && !found; s++)
      found =
          source_host_address(&analysis->sources[s], choice->endpoints[i].host, &endpoint->address);
    if (!found) {
      complain("--connection: '%s' is no address, and no name in this trace",
               choice->endpoints[i].host);
      return EXIT_TROUBLE;
    }
    endpoint->port = choice->endpoints[i].port;
  }
  selection->endpoint_count = choice->endpoint_count;
  return 0;
}

static int prepare_collector(struct analysis *analysis)
{
  const struct analyze_options *options = analysis->options;
  struct collect_options collect_options;
  collect_options_default(&collect_options);
  collect_options.limits = options->limits.collect;
  collect_options.min_stall_ns = options->min_stall_ns;
  collect_options.every_connection = options->json || options->verbose;
  if (select_connection(analysis, &collect_options.selection) != 0)
    return EXIT_TROUBLE;
  analysis->collect = collect_new(&collect_options);
  return analysis->collect != NULL ? 0 : trouble("out of memory");
}

/* Tells the engine where this end stands: what the user says counts more than what the trace says.
 */
static int declare_vantage(struct analysis *analysis, const struct source *source, uint8_t end,
                           struct analyzer *analyzer)
{
  const struct vantage_choice *choice = &analysis->options->vantage[end];
  const char *host = choice->kind == VANTAGE_HOST ? choice->host : analysis->ends[end].captured_on;
  struct ip_address address;
  if (choice->kind == VANTAGE_ROLE) {
    analyzer_declare_vantage(analyzer, end, choice->role);
  } else if (source_host_address(source, host, &address)) {
    analyzer_declare_host(analyzer, end, &address);
  } else if (choice->kind == VANTAGE_HOST) {
    complain("--at: '%s' is neither client, server or middle, nor an address, nor a name "
             "in %s",
             host, source->path);
    return EXIT_TROUBLE;
  }
  return 0;
}

/* trace -> packets -> engine -> collector. A damage is no failure if something came before it. */
static int feed(struct analysis *analysis, struct source *source, struct analyzer *analyzer,
                struct report_capture *capture)
{
  struct progress progress;
  struct error error = {.code = ERROR_NONE};
  progress_start(&progress, stderr, !analysis->options->no_progress, source->path);
  const struct pipeline_options pipeline = {.progress = progress_update, .context = &progress};
  const int result = pipeline_run(source->trace, capture->end, analyzer, &pipeline, &error);
  analyzer_finish(analyzer);
  progress_end(&progress);
  capture_describe(capture, source, analyzer);
  capture->interrupted = interrupt_seen();
  if (result == 0)
    return 0;
  if (result == ERROR_MEMORY || capture->frames == 0)
    return trouble(error.text);
  snprintf(capture->damage, sizeof capture->damage, "%s", error.text);
  complain("warning: %s; what comes before is analysed", error.text);
  return 0;
}

/* One capture point. *more: the text goes on with another excerpt. */
static int analyze_end(struct analysis *analysis, struct source *source, uint32_t excerpt,
                       bool *more)
{
  const uint8_t end = analysis->end_count++;
  const struct analyzer_options engine = {.min_stall_ns = analysis->options->min_stall_ns,
                                          .limits = analysis->options->limits.analyzer};
  const struct analyzer_sink sink = collect_sink(analysis->collect);
  struct report_capture capture = {.end = end, .captured_on = analysis->ends[end].captured_on};
  analysis->ends[end].source = source;
  source_captured_on(source, excerpt, analysis->ends[end].captured_on,
                     sizeof analysis->ends[end].captured_on);
  struct analyzer *analyzer = analyzer_new(&engine, &sink);
  if (analyzer == NULL)
    return trouble("out of memory");
  collect_begin_capture(analysis->collect, end);
  int status = declare_vantage(analysis, source, end, analyzer);
  if (status == 0)
    status = feed(analysis, source, analyzer, &capture);
  analyzer_free(analyzer);
  *more = status == 0 && trace_next_excerpt(source->trace);
  capture.excerpt = excerpt > 0 || *more ? excerpt + 1 : 0;
  if (status == 0 && collect_end_capture(analysis->collect, &capture) < 0)
    return trouble("out of memory");
  return status;
}

static int analyze_sources(struct analysis *analysis)
{
  for (uint32_t i = 0; i < analysis->source_count; i++) {
    bool more = true;
    for (uint32_t excerpt = 0; more; excerpt++) {
      if (analysis->end_count >= ANALYZER_ENDS_MAX) {
        complain("warning: %s: only the first %d excerpts are analysed", analysis->sources[i].path,
                 ANALYZER_ENDS_MAX);
        return 0;
      }
      const int status = analyze_end(analysis, &analysis->sources[i], excerpt, &more);
      if (status != 0)
        return status;
    }
  }
  return 0;
}

static const char *host_name(void *context, uint8_t end, const struct ip_address *address)
{
  const struct analysis *analysis = context;
  return source_host_name(analysis->ends[end].source, address);
}

/* So many cut frames and no other are a matter of the snap length; a few are just odd. */
#define CUT_FRAMES_MIN 10

/* Nothing but frames that nobody decodes, or that end before their TCP header does: saying "no
 * problem" about them would be a lie. */
static int check_readable(const struct analysis *analysis)
{
  uint64_t frames = 0, unsupported = 0, cut = 0, tcp = 0;
  uint32_t linktype = 0;
  for (uint32_t i = 0; i < collect_capture_count(analysis->collect); i++) {
    const struct report_capture *capture = collect_capture(analysis->collect, i);
    for (int kind = 0; kind < PACKET_KIND_COUNT; kind++)
      frames += capture->stats.packets[kind];
    unsupported += capture->stats.packets[PACKET_UNSUPPORTED_LINK];
    cut += capture->stats.packets[PACKET_CUT];
    tcp += capture->stats.packets[PACKET_TCP];
    if (capture->stats.packets[PACKET_UNSUPPORTED_LINK] > 0)
      linktype = capture->unsupported_linktype;
  }
  if (tcp == 0 && cut >= CUT_FRAMES_MIN && cut >= frames / 2) {
    complain("%s: %" PRIu64 " of %" PRIu64 " frames are cut before the end of their headers: "
             "capture with a larger snap length (-s 128)",
             analysis->options->traces[0], cut, frames);
    return EXIT_TROUBLE;
  }
  if (frames == 0 || frames != unsupported)
    return 0;
  complain("%s: all %" PRIu64 " frames have link type %" PRIu32
           ", which is not decoded (https://www.tcpdump.org/linktypes.html says what it is)",
           analysis->options->traces[0], frames, linktype);
  return EXIT_TROUBLE;
}

/* A connection that is not there deserves a word. */
static int check_selection(const struct analysis *analysis)
{
  const struct report_overview *overview = collect_overview(analysis->collect);
  if (!overview->selected || overview->connections > 0)
    return 0;
  const struct report_capture *last =
      collect_capture(analysis->collect, collect_capture_count(analysis->collect) - 1);
  complain("--connection: there is no such one among the %" PRIu64 " connections", last->last_id);
  return EXIT_TROUBLE;
}

/* -o must not overwrite what is about to be read. */
static int check_output(const struct analysis *analysis)
{
  const struct analyze_options *options = analysis->options;
  struct stat output, trace;
  if (options->output == NULL || stat(options->output, &output) != 0 || !S_ISREG(output.st_mode))
    return 0;
  for (uint32_t i = 0; i < options->trace_count; i++) {
    const char *path = options->traces[i];
    const bool known =
        strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &trace) == 0 : stat(path, &trace) == 0;
    if (!known || trace.st_dev != output.st_dev || trace.st_ino != output.st_ino)
      continue;
    complain("-o %s: that is the trace itself; name another file", options->output);
    return EXIT_TROUBLE;
  }
  return 0;
}

static int run(struct analysis *analysis)
{
  int status = check_output(analysis);
  if (status == 0)
    status = open_sources(analysis);
  if (status == 0)
    status = prepare_collector(analysis);
  if (status == 0)
    status = analyze_sources(analysis);
  if (status == 0)
    status = check_readable(analysis);
  if (status == 0)
    status = check_selection(analysis);
  const struct report_names names = {analysis, host_name};
  if (status == 0)
    status = output_report(analysis->collect, analysis->options, &names);
  if (status == 0 && collect_overview(analysis->collect)->problems > 0)
    status = EXIT_PROBLEM;
  return status;
}

int cmd_analyze(int argc, char **argv)
{
  struct analyze_options options;
  analyze_options_parse(&options, argc, argv);
  struct analysis *analysis = calloc(1, sizeof *analysis);
  int status = EXIT_TROUBLE;
  if (analysis == NULL) {
    trouble("out of memory");
  } else {
    analysis->options = &options;
    status = run(analysis);
    for (uint32_t i = 0; i < analysis->source_count; i++)
      source_close(&analysis->sources[i]);
    collect_free(analysis->collect);
    free(analysis);
  }
  analyze_options_clear(&options);
  return status;
}
