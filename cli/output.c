#include "cli/output.h"

#include "cli/commands.h"
#include "cli/complain.h"
#include "cli/terminal.h"
#include "report/json.h"
#include "report/json_lines.h"
#include "report/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum report_time_base time_base(enum trace_time_base base)
{
  switch (base) {
  case TRACE_TIME_OF_DAY: return REPORT_TIME_OF_DAY;
  case TRACE_TIME_RELATIVE: return REPORT_TIME_RELATIVE;
  case TRACE_TIME_EPOCH: break;
  }
  return REPORT_TIME_EPOCH;
}

/* Does interface `index` belong to this capture point? */
static bool is_of(const struct report_capture *capture, const struct lane_ends *ends,
                  uint32_t index)
{
  return ends == NULL || ends->ends[index < ends->count ? index : ends->count - 1] == capture->end;
}

/* The first interface of a capture point names it. */
static void name_interface(struct report_capture *capture, const struct trace_interface *interface,
                           uint32_t index)
{
  if (capture->interface[0] != '\0')
    return;
  if (interface->name[0] != '\0')
    snprintf(capture->interface, sizeof capture->interface, "%s", interface->name);
  else
    snprintf(capture->interface, sizeof capture->interface, "%" PRIu32, index);
}

static void describe_samples(struct report_samples *samples,
                             const struct trace_interface *interface)
{
  samples->announced |= interface->samples_announced;
  samples->cut_off |= interface->samples_announced && !interface->samples_ended;
  samples->count += interface->samples;
  samples->damaged += interface->samples_damaged;
  samples->missing += interface->samples_missing;
}

static void describe_gaps(struct report_capture *capture, const struct trace_interface *interface)
{
  capture->gaps += interface->gaps;
  if (interface->gaps > 0)
    snprintf(capture->gap, sizeof capture->gap, "%s", interface->gap);
}

/* Returns the number of frames of its interfaces. */
static uint64_t describe_interfaces(struct report_capture *capture, const struct trace *trace,
                                    uint32_t count, const struct lane_ends *ends)
{
  bool found = false, all_told = true;
  uint64_t frames = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (!is_of(capture, ends, i))
      continue;
    struct trace_interface interface;
    trace_get_interface(trace, i, &interface);
    if (ends != NULL)
      name_interface(capture, &interface, i);
    frames += interface.frames;
    capture->has_dropped |= interface.has_dropped;
    all_told &= (interface.has_dropped || interface.frames == 0) && interface.gaps == 0;
    describe_gaps(capture, &interface);
    capture->dropped += interface.dropped;
    describe_samples(&capture->samples, &interface);
    if (!found && interface.frames > 0 && !packet_linktype_supported(interface.linktype)) {
      found = true;
      capture->unsupported_linktype = interface.linktype;
    }
  }
  if (capture->dropped == 0) /* "none" is known if every interface says so */
    capture->has_dropped &= all_told;
  return frames;
}

static uint64_t packets_of(const struct analyzer_stats *stats)
{
  uint64_t packets = 0;
  for (int kind = 0; kind < PACKET_KIND_COUNT; kind++)
    packets += stats->packets[kind];
  return packets;
}

void capture_describe(struct report_capture *capture, const char *path, const struct trace *trace,
                      const struct lane_ends *ends)
{
  struct trace_info info;
  trace_get_info(trace, &info);
  capture->file = path;
  capture->format = info.format;
  capture->compression = info.compression;
  capture->time_base = time_base(info.time_base);
  capture->bytes = info.bytes_read;
  capture->frames = info.frames;
  capture->filtered_out = info.filtered_out;
  capture->foreign_blocks = info.foreign_blocks;
  capture->skipped_blocks = info.skipped_blocks;
  capture->lines_not_understood = info.lines_not_understood;
  const uint64_t frames = describe_interfaces(capture, trace, info.interface_count, ends);
  if (ends == NULL)
    return;
  const uint64_t packets = packets_of(&capture->stats);
  capture->frames = frames;
  capture->filtered_out = frames > packets ? frames - packets : 0;
}

void capture_cut_short(struct report_capture *capture)
{
  const uint64_t packets = packets_of(&capture->stats);
  if (packets + capture->filtered_out >= capture->frames)
    return;
  capture->frames = packets;
  capture->filtered_out = 0;
}

static int write_json(struct collect *collect, FILE *stream, const struct report_names *names,
                      struct error *error)
{
  const struct json_options options = {stream, TCPSTALL_VERSION, *names};
  struct json *json = json_new(&options);
  if (json == NULL)
    return error_set(error, ERROR_MEMORY, "out of memory");
  const struct report_writer writer = json_report_writer(json);
  const int result = report_write(collect, &writer, error);
  json_free(json);
  return result;
}

static int write_lines(struct collect *collect, FILE *stream, const struct report_names *names,
                       struct error *error)
{
  const struct json_lines_options options = {stream, TCPSTALL_VERSION, *names};
  struct json_lines *lines = json_lines_new(&options);
  if (lines == NULL)
    return error_set(error, ERROR_MEMORY, "out of memory");
  const struct report_writer writer = json_lines_report_writer(lines);
  const int result = report_write(collect, &writer, error);
  json_lines_free(lines);
  return result;
}

static int write_text(struct collect *collect, FILE *stream, const struct analyze_options *options,
                      const struct report_names *names, struct error *error)
{
  const unsigned width = terminal_width(stream);
  const struct text_options text_options = {
      .stream = stream,
      .width = width == 0               ? TEXT_WIDTH_DEFAULT
               : width < TEXT_WIDTH_MAX ? width
                                        : TEXT_WIDTH_MAX,
      .utf8 = terminal_utf8(),
      .color = terminal_color(stream, options->color),
      .verbose = options->verbose,
      .all = options->all,
      .local_time = options->local_time,
      .details = options->limits.details,
      .names = *names,
  };
  struct text *text = text_new(&text_options);
  if (text == NULL)
    return error_set(error, ERROR_MEMORY, "out of memory");
  const struct report_writer writer = text_report_writer(text);
  const int result = report_write(collect, &writer, error);
  text_free(text);
  return result;
}

int output_report(struct collect *collect, const struct analyze_options *options,
                  const struct report_names *names)
{
  const char *name = options->output != NULL ? options->output : "standard output";
  struct error error = {.code = ERROR_NONE};
  FILE *stream = options->output != NULL ? fopen(options->output, "we") : stdout;
  if (stream == NULL) {
    complain("%s: %s", name, strerror(errno));
    return EXIT_TROUBLE;
  }
  int result = options->json         ? write_json(collect, stream, names, &error)
               : options->json_lines ? write_lines(collect, stream, names, &error)
                                     : write_text(collect, stream, options, names, &error);
  const int problem = errno;
  if ((options->output != NULL ? fclose(stream) : fflush(stream)) != 0 && result == 0)
    result = ERROR_IO;
  if (result == 0)
    return 0;
  if (result == ERROR_IO)
    complain("%s: %s", name, strerror(problem != 0 ? problem : errno));
  else
    complain("%s", error.text);
  return EXIT_TROUBLE;
}
