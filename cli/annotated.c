#include "cli/annotated.h"

#include "analyzer/clock_fit.h"
#include "capture/annotate.h"
#include "cli/chosen_connections.h"
#include "cli/commands.h"
#include "cli/complain.h"
#include "report/comments.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each trace is one input, but for text: each of its excerpts is. */
struct annotated {
  const struct analysis *analysis;
  const char *path;
  uint64_t connection_id; /* 0: as the options say */
  char *said;             /* NULL: messages go to standard error */
  size_t said_size;
  struct annotate_input inputs[ANNOTATE_INPUTS_MAX];
  uint32_t source_of[ANNOTATE_INPUTS_MAX];
  uint8_t end_of[ANNOTATE_INPUTS_MAX]; /* of a text's excerpt */
  uint32_t count;
  struct comments *comments;
  struct chosen_connections *chosen; /* NULL: everything is kept */
  char interface_text[200];
};

static void say(const struct annotated *annotated, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(const struct annotated *annotated, const char *format, ...)
{
  char text[600];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (annotated->said != NULL)
    snprintf(annotated->said, annotated->said_size, "%s", text);
  else
    complain("%s", text);
}

static uint8_t end_at(const struct annotated *annotated, uint32_t input, uint32_t interface)
{
  const struct points *points = &annotated->analysis->points;
  const uint32_t source = annotated->source_of[input];
  if (annotated->inputs[input].trace != NULL)
    return annotated->end_of[input];
  return points
      ->ends[source][interface < POINT_INTERFACES_MAX ? interface : POINT_INTERFACES_MAX - 1];
}

static bool keep(void *context, uint32_t input, const struct frame *frame)
{
  const struct annotated *annotated = context;
  struct packet packet;
  packet_decode(frame, &packet);
  packet.end = end_at(annotated, input, frame->interface);
  return chosen_connections_has(annotated->chosen, &packet);
}

static size_t comments(void *context, uint32_t input, const struct frame *frame, const char **texts)
{
  const struct annotated *annotated = context;
  return comments_at(annotated->comments, end_at(annotated, input, frame->interface), frame->number,
                     texts, ANNOTATE_COMMENTS_MAX);
}

static const struct clock_map *clock_of(const struct annotated *annotated, uint8_t end)
{
  const struct report_joint *joint = &collect_overview(annotated->analysis->collect)->joint;
  return end > 0 && end < joint->ends ? joint->clocks[end] : NULL;
}

static int64_t corrected(void *context, uint32_t input, uint32_t interface, int64_t time_ns)
{
  const struct annotated *annotated = context;
  const struct clock_map *clock = clock_of(annotated, end_at(annotated, input, interface));
  return clock != NULL && clock->piece_count > 0 ? clock_map_to_a(clock, time_ns) : time_ns;
}

static const char *describe(void *context, uint32_t input, uint32_t interface)
{
  struct annotated *annotated = context;
  const uint8_t end = end_at(annotated, input, interface);
  const struct clock_map *clock = clock_of(annotated, end);
  char *text = annotated->interface_text;
  if (clock == NULL || clock->piece_count == 0)
    snprintf(text, sizeof annotated->interface_text,
             "tcpstall: end %c; times are as this capture's clock showed them", 'A' + end);
  else
    snprintf(text, sizeof annotated->interface_text,
             "tcpstall: end %c; times were moved to end A's clock: by %+.9f s at first, in %" PRIu32
             " piece%s",
             'A' + end, (double)-clock->pieces[0].offset_ns / 1e9, clock->piece_count,
             clock->piece_count == 1 ? "" : "s");
  return text;
}

/* The inputs, in the order of the command line. Returns 0 or EXIT_TROUBLE. */
static int list_inputs(struct annotated *annotated)
{
  const struct analysis *analysis = annotated->analysis;
  const struct points *points = &analysis->points;
  const struct trace_options plain = {.filter = analysis->options->filter};
  struct trace_info info;
  struct error error;
  for (uint32_t s = 0; s < analysis->source_count; s++) {
    const struct source *source = &analysis->sources[s];
    trace_get_info(source->trace, &info);
    const bool convert = strcmp(info.format, "pcapng") != 0;
    for (uint32_t e = 0; e < source->excerpts && annotated->count < ANNOTATE_INPUTS_MAX; e++) {
      struct annotate_input *input = &annotated->inputs[annotated->count];
      *input = (struct annotate_input){.path = source->path, .fd = source->fd};
      annotated->source_of[annotated->count] = s;
      for (uint32_t i = 0; i < points->count; i++)
        if (points->points[i].source_index == s && points->points[i].excerpt == e)
          annotated->end_of[annotated->count] = (uint8_t)i;
      annotated->count++;
      if (convert && source_reopen(source, e, &plain, &input->trace, &error) < 0) {
        say(annotated, "%s", error.text);
        return EXIT_TROUBLE;
      }
    }
  }
  return 0;
}

static int gather(struct annotated *annotated)
{
  const struct analyze_options *options = annotated->analysis->options;
  struct collect *collect = annotated->analysis->collect;
  const bool selected = collect_overview(collect)->selected;
  const enum chosen_kind kind = annotated->connection_id != 0 ? CHOSEN_ONE
                                : options->problems_only      ? CHOSEN_PROBLEMS
                                                              : CHOSEN_REPORTED;
  const bool all = kind == CHOSEN_REPORTED && !selected;
  struct error error = {.text = "out of memory"};
  annotated->comments = comments_new();
  annotated->chosen = all ? NULL : chosen_connections_new();
  int rc = annotated->comments == NULL || (!all && annotated->chosen == NULL) ? ERROR_MEMORY : 0;
  if (rc == 0) {
    const struct report_writer writer = comments_writer(annotated->comments);
    rc = report_write(collect, &writer, &error);
  }
  if (rc == 0 && !all) {
    const struct report_writer writer =
        chosen_connections_writer(annotated->chosen, kind, annotated->connection_id);
    rc = report_write(collect, &writer, &error);
  }
  if (rc < 0)
    say(annotated, "%s", error.text);
  return rc < 0 ? EXIT_TROUBLE : 0;
}

static void tell(const struct annotated *annotated, const struct annotate_totals *totals)
{
  const char *output = annotated->path;
  say(annotated, "%" PRIu64 " packets written to %s, %" PRIu64 " of them with comments",
      totals->frames, output, totals->commented);
  if (totals->unmarked > 0)
    say(annotated, "%s: %" PRIu64 " frames are in simple packet blocks, which cannot hold comments",
        output, totals->unmarked);
  if (totals->unmergeable > 0)
    say(annotated,
        "%s: %" PRIu64 " frames without a time were left out, as nobody can say where among "
        "the others they belong",
        output, totals->unmergeable);
  if (totals->damage.code != ERROR_NONE)
    say(annotated, "%s: what comes before this was written: %s", output, totals->damage.text);
}

static int write_file(struct annotated *annotated)
{
  const struct annotate_handler handler = {.context = annotated,
                                           .keep = annotated->chosen != NULL ? keep : NULL,
                                           .comments = comments,
                                           .time = corrected,
                                           .interface = describe};
  struct annotate_totals totals;
  struct error error;
  const int fd =
      strcmp(annotated->path, "-") == 0
          ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
          : open(annotated->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) {
    say(annotated, "%s: %s", annotated->path, strerror(errno));
    return EXIT_TROUBLE;
  }
  if (annotate_write(annotated->inputs, annotated->count, &handler, "tcpstall " TCPSTALL_VERSION,
                     fd, &totals, &error) < 0) {
    say(annotated, "%s: %s", annotated->path, error.text);
    return EXIT_TROUBLE;
  }
  tell(annotated, &totals);
  return 0;
}

/* A trace that is read, and will be again, must not be overwritten. */
static bool is_input(const struct annotated *annotated)
{
  const struct analysis *analysis = annotated->analysis;
  struct stat there;
  if (strcmp(annotated->path, "-") == 0 || stat(annotated->path, &there) != 0 ||
      !S_ISREG(there.st_mode))
    return false;
  for (uint32_t i = 0; i < analysis->source_count; i++)
    if (analysis->sources[i].device == there.st_dev && analysis->sources[i].inode == there.st_ino)
      return true;
  return false;
}

static int write_all(struct annotated *annotated)
{
  const struct analysis *analysis = annotated->analysis;
  for (uint32_t i = 0; i < analysis->source_count; i++)
    if (analysis->sources[i].once) {
      say(annotated, "-w: %s cannot be read a second time", analysis->sources[i].path);
      return EXIT_TROUBLE;
    }
  if (is_input(annotated)) {
    say(annotated, "not written: %s is the trace itself", annotated->path);
    return EXIT_TROUBLE;
  }
  int status = list_inputs(annotated);
  if (status == 0)
    status = gather(annotated);
  if (status == 0)
    status = write_file(annotated);
  else
    for (uint32_t i = 0; i < annotated->count; i++)
      trace_close(annotated->inputs[i].trace);
  comments_free(annotated->comments);
  chosen_connections_free(annotated->chosen);
  return status;
}

int annotated_write(const struct analysis *analysis)
{
  struct annotated annotated = {.analysis = analysis, .path = analysis->options->write};
  return write_all(&annotated);
}

int annotated_write_connection(const struct analysis *analysis, uint64_t connection_id,
                               const char *path, char *said, size_t said_size)
{
  struct annotated annotated = {.analysis = analysis,
                                .path = path,
                                .connection_id = connection_id,
                                .said = said,
                                .said_size = said_size};
  return write_all(&annotated);
}
