#include "cli/analysis.h"
#include "cli/analyze_lines.h"
#include "cli/analyze_options.h"
#include "cli/annotated.h"
#include "cli/commands.h"
#include "cli/complain.h"
#include "cli/html_report.h"
#include "cli/interrupt.h"
#include "cli/output.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The whole story of an analysis:
 *
 *   traces (source.h) -> readers and decoders (lanes.h) -> engine (analyzer.h, or joint.h for
 * several capture points of the same traffic) -> collector (collect.h) -> report
 *
 * Each trace, each excerpt of a text that holds several, and interfaces of one file that saw the
 * same connections are capture points of their own (points.h): A, B, ... Where there are several,
 * a first reading finds out what they have in common (analyze_together.c); if nothing, each is
 * judged by itself (analyze_apart.c). */

static int trouble(const char *text)
{
  complain("%s", text);
  return EXIT_TROUBLE;
}

/* Seen twice, every connection would pair with itself. */
static int check_different(const struct analysis *analysis, const struct source *source)
{
  for (const struct source *other = analysis->sources; other < source; other++) {
    if (other->device != source->device || other->inode != source->inode)
      continue;
    complain("%s and %s are the same file: name each capture once", other->path, source->path);
    return EXIT_TROUBLE;
  }
  return 0;
}

static int identify_sources(struct analysis *analysis)
{
  struct error error;
  for (uint32_t i = 0; i < analysis->options->trace_count; i++) {
    struct source *source = &analysis->sources[analysis->source_count++];
    if (source_identify(source, analysis->options->traces[i], &error) < 0)
      return trouble(error.text);
    if (check_different(analysis, source) != 0)
      return EXIT_TROUBLE;
  }
  return 0;
}

struct opening {
  struct source *source;
  const struct source_options *options;
  struct error error;
  int result;
  pthread_t thread;
  bool has_thread;
};

static void *open_one(void *argument)
{
  struct opening *opening = argument;
  opening->result = source_open(opening->source, opening->options, &opening->error);
  return NULL;
}

static int complain_opening(const struct analysis *analysis, const struct opening *opening)
{
  if (opening->result == 0)
    return 0;
  complain("%s", opening->error.text);
  if (opening->error.code == ERROR_USAGE && analysis->options->filter_from_words)
    complain("words behind the traces that name no file are a filter");
  return EXIT_TROUBLE;
}

/* All at once: the writers of pipes may wait for each other's readers. */
static int open_sources(struct analysis *analysis)
{
  const struct analyze_options *options = analysis->options;
  const struct source_options source_options = {
      .trace = analysis->trace_options,
      .twice = options->write != NULL || options->html != NULL ||
               (options->trace_count > 1 && !options->apart),
      .spool_max_bytes = options->spool_max_bytes};
  struct opening openings[ANALYZER_ENDS_MAX];
  int status = identify_sources(analysis);
  if (status != 0)
    return status;
  for (uint32_t i = 0; i < analysis->source_count; i++) {
    struct opening *opening = &openings[i];
    *opening = (struct opening){.source = &analysis->sources[i], .options = &source_options};
    opening->has_thread = i + 1 < analysis->source_count &&
                          pthread_create(&opening->thread, NULL, open_one, opening) == 0;
    if (!opening->has_thread)
      open_one(opening);
  }
  for (uint32_t i = 0; i < analysis->source_count; i++) {
    if (openings[i].has_thread)
      pthread_join(openings[i].thread, NULL);
    if (status == 0)
      status = complain_opening(analysis, &openings[i]);
  }
  return status;
}

/* Text that comes through a pipe is taken in whole when it is opened. If the user has ended that,
 * the signal has done its work, and nothing else stops because of it. */
static int disarm_stop(struct analysis *analysis)
{
  struct error error;
  for (uint32_t i = 0; i < analysis->source_count; i++)
    analysis->interrupted = analysis->interrupted || analysis->sources[i].taken_until_stop;
  if (!analysis->interrupted)
    return 0;
  analysis->trace_options.stop = NULL;
  for (uint32_t i = 0; i < analysis->source_count; i++)
    if (!analysis->sources[i].once &&
        source_rewind(&analysis->sources[i], &analysis->trace_options, &error) < 0)
      return trouble(error.text);
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
  collect_options.every_connection =
      options->json || options->json_lines || options->verbose || options->html != NULL;
  if (select_connection(analysis, &collect_options.selection) != 0)
    return EXIT_TROUBLE;
  analysis->collect = collect_new(&collect_options);
  return analysis->collect != NULL ? 0 : trouble("out of memory");
}

int analysis_vantage(const struct analysis *analysis, uint8_t end, const char *captured_on,
                     struct vantage_known *vantage)
{
  const struct vantage_choice *choice = &analysis->options->vantage[end];
  const struct source *source = analysis->points.points[end].source;
  *vantage = (struct vantage_known){.kind = VANTAGE_KNOWN_NOT};
  if (choice->kind == VANTAGE_ROLE) {
    vantage->kind = VANTAGE_KNOWN_ROLE;
    vantage->role = choice->role;
  } else if (source_host_address(source, choice->kind == VANTAGE_HOST ? choice->host : captured_on,
                                 &vantage->address)) {
    vantage->kind = VANTAGE_KNOWN_HOST;
  } else if (choice->kind == VANTAGE_HOST) {
    complain("--at: '%s' is neither client, server or middle, nor an address, nor a name "
             "in %s",
             choice->host, source->path);
    return EXIT_TROUBLE;
  }
  return 0;
}

int analysis_damage(struct source *source, struct report_capture *capture, bool nothing_read)
{
  const struct error *damage = &source->damage;
  if (damage->code == ERROR_NONE)
    return 0;
  if (damage->code == ERROR_MEMORY || nothing_read)
    return trouble(damage->text);
  snprintf(capture->damage, sizeof capture->damage, "%s", damage->text);
  if (!source->damage_told)
    complain("warning: %s; what comes before is analysed", damage->text);
  source->damage_told = true;
  return 0;
}

/* Several capture points that can be read twice. */
static bool may_be_together(struct analysis *analysis)
{
  for (uint32_t i = 0; i < analysis->source_count; i++)
    if (analysis->sources[i].once)
      return false;
  points_split(&analysis->points, analysis->sources, analysis->source_count);
  return analysis->points.count > 1 && !analysis->options->apart;
}

/* A file that turned out to have several interfaces only while it was analysed: it may be one with
 * both ends all the same. What was collected stays unless that is so. */
static int analyze_late_interfaces(struct analysis *analysis)
{
  struct source *source = &analysis->sources[0];
  struct trace *read = source->trace;
  struct collect *collected = analysis->collect;
  struct error error;
  bool done = false;
  if (source->once || analysis->options->apart || analysis->source_count > 1 || interrupt_seen() ||
      !source_note_interfaces(source, read))
    return 0;
  source->trace = NULL;
  int status = prepare_collector(analysis);
  if (status == 0 && source_rewind(source, &analysis->trace_options, &error) < 0)
    status = trouble(error.text);
  if (status == 0 && may_be_together(analysis))
    status = analyze_together(analysis, &done);
  if (!done) {
    collect_free(analysis->collect);
    analysis->collect = collected;
    trace_close(source->trace);
    source->trace = read;
  } else {
    collect_free(collected);
    trace_close(read);
  }
  return status;
}

static int analyze_sources(struct analysis *analysis)
{
  bool done = false;
  int status = 0;
  if (may_be_together(analysis))
    status = analyze_together(analysis, &done);
  if (status != 0 || done)
    return status;
  status = analyze_apart(analysis);
  return status == 0 ? analyze_late_interfaces(analysis) : status;
}

static const char *host_name(void *context, uint8_t end, const struct ip_address *address)
{
  const struct analysis *analysis = context;
  return source_host_name(analysis->points.points[end].source, address);
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
  uint64_t last_id = 0;
  for (uint32_t i = 0; i < collect_capture_count(analysis->collect); i++) {
    const struct report_capture *capture = collect_capture(analysis->collect, i);
    last_id = capture->last_id > last_id ? capture->last_id : last_id;
  }
  complain("--connection: there is no such one; the last one has the number %" PRIu64, last_id);
  return EXIT_TROUBLE;
}

int analysis_run(struct analysis *analysis)
{
  analysis->trace_options =
      (struct trace_options){.filter = analysis->options->filter, .stop = interrupt_install()};
  int status = open_sources(analysis);
  if (status == 0)
    status = disarm_stop(analysis);
  if (status == 0)
    status = prepare_collector(analysis);
  if (status == 0)
    status = analyze_sources(analysis);
  if (status == 0)
    status = check_readable(analysis);
  if (status == 0)
    status = check_selection(analysis);
  return status;
}

void analysis_clear(struct analysis *analysis)
{
  for (uint32_t i = 0; i < analysis->source_count; i++)
    source_close(&analysis->sources[i]);
  collect_free(analysis->collect);
}

/* What is about to be read must not be overwritten. */
static int check_file(const struct analyze_options *options, const char *option, const char *path)
{
  struct stat output, trace;
  if (path == NULL || stat(path, &output) != 0 || !S_ISREG(output.st_mode))
    return 0;
  for (uint32_t i = 0; i < options->trace_count; i++) {
    const char *read = options->traces[i];
    const bool known =
        strcmp(read, "-") == 0 ? fstat(STDIN_FILENO, &trace) == 0 : stat(read, &trace) == 0;
    if (!known || trace.st_dev != output.st_dev || trace.st_ino != output.st_ino)
      continue;
    complain("%s %s: that is the trace itself; name another file", option, path);
    return EXIT_TROUBLE;
  }
  return 0;
}

static bool same(const char *one, const char *other)
{
  return one != NULL && other != NULL && strcmp(one, other) == 0;
}

static int check_output(const struct analyze_options *options)
{
  if (same(options->output, options->html) || same(options->output, options->write) ||
      same(options->html, options->write))
    return trouble("-o, --html and -w write a file each; two of them name the same");
  if (options->write != NULL && strcmp(options->write, "-") == 0 && options->output == NULL)
    return trouble("-w - needs -o FILE: the report goes to standard output");
  if (options->html != NULL && strcmp(options->html, "-") == 0 && options->output == NULL)
    return trouble("--html - needs -o FILE: the report goes to standard output");
  int status = check_file(options, "-o", options->output);
  if (status == 0)
    status = check_file(options, "--html", options->html);
  return status == 0 ? check_file(options, "-w", options->write) : status;
}

static int run(struct analysis *analysis)
{
  int status = analysis_run(analysis);
  const struct report_names names = {analysis, host_name};
  if (status == 0)
    status = output_report(analysis->collect, analysis->options, &names);
  if (status == 0 && analysis->options->html != NULL)
    status = html_report_write(analysis, &names);
  if (status == 0 && analysis->options->write != NULL)
    status = annotated_write(analysis);
  if (status == 0 && collect_overview(analysis->collect)->problems > 0)
    status = EXIT_PROBLEM;
  return status;
}

static int analyze(const struct analyze_options *options)
{
  struct analysis *analysis = calloc(1, sizeof *analysis);
  if (analysis == NULL)
    return trouble("out of memory");
  analysis->options = options;
  const int status = run(analysis);
  analysis_clear(analysis);
  free(analysis);
  return status;
}

/* Of traces that are analysed one by one, none is what is written. */
static int check_outputs(const struct analyze_options *options)
{
  struct analyze_options one = *options;
  int status = check_output(&one);
  for (uint32_t i = 0; i < options->each_count && status == 0; i++) {
    one.traces[0] = options->each_traces[i];
    status = check_output(&one);
  }
  return status;
}

int cmd_analyze(int argc, char **argv)
{
  struct analyze_options options;
  analyze_options_parse(&options, argc, argv);
  int status = check_outputs(&options);
  if (status == 0)
    status = options.json_lines ? analyze_lines(&options, analyze) : analyze(&options);
  analyze_options_clear(&options);
  return status;
}
