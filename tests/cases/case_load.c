#include "tests/cases/case_run.h"

#include "capture/trace.h"
#include "tests/cases/case_term.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARKS_MAX 32
#define LINE_SIZE 1024

/* What text cannot carry is set on the decoded packet: "# mark: FRAME FIELD=VALUE". */
struct mark {
  uint8_t end; /* "B3": of the second excerpt */
  unsigned long long frame;
  char field[16], value[32];
};

struct marks {
  struct mark marks[MARKS_MAX];
  unsigned count;
};

static void give_up(const struct case_run *run, const char *why)
{
  fprintf(stderr, "%s: %s\n", run->path, why);
  exit(2);
}

static void apply_mark(const struct case_run *run, const struct mark *mark, struct packet *packet)
{
  if (strcmp(mark->field, "checksum") == 0)
    packet->checksum = strcmp(mark->value, "bad") == 0         ? CHECKSUM_BAD
                       : strcmp(mark->value, "offloaded") == 0 ? CHECKSUM_OFFLOADED
                                                               : CHECKSUM_GOOD;
  else if (strcmp(mark->field, "time") == 0)
    packet->time_ns += (int64_t)llround(strtod(mark->value, NULL) * 1e9);
  else if (strcmp(mark->field, "ttl") == 0) {
    packet->ttl = (uint8_t)strtoul(mark->value, NULL, 10);
    packet->facts |= PACKET_TTL_VALID;
  } else {
    give_up(run, "a mark of an unknown field");
  }
}

static void apply_marks(struct case_run *run, const struct marks *marks)
{
  for (unsigned i = 0; i < marks->count; i++) {
    const struct mark *mark = &marks->marks[i];
    const struct case_end *end = &run->trace.ends[mark->end];
    for (size_t p = 0; mark->end < run->trace.end_count && p < end->count; p++)
      if (end->packets[p].frame == mark->frame)
        apply_mark(run, mark, &end->packets[p]);
  }
}

static void read_directive(struct case_run *run, struct marks *marks, const char *text)
{
  const char *rest = NULL;
  if (starts_with(text, "min-stall:", &rest)) {
    run->min_stall_s = strtod(rest, NULL);
  } else if (starts_with(text, "dropped-none:", &rest)) {
    for (; *rest != '\0'; rest++)
      if (*rest >= 'A' && *rest < 'A' + ANALYZER_ENDS_MAX)
        run->drops[*rest - 'A'] = CASE_DROPS_NONE;
  } else if (starts_with(text, "dropped-some:", &rest)) {
    for (; *rest != '\0'; rest++)
      if (*rest >= 'A' && *rest < 'A' + ANALYZER_ENDS_MAX)
        run->drops[*rest - 'A'] = CASE_DROPS_SOME;
  } else if (starts_with(text, "mark:", &rest) && marks->count < MARKS_MAX) {
    struct mark *mark = &marks->marks[marks->count];
    mark->end = *rest >= 'A' && *rest <= 'H' ? (uint8_t)(*rest++ - 'A') : 0;
    if (sscanf(rest, "%llu %15[^=]=%31s", &mark->frame, mark->field, mark->value) == 3)
      marks->count++;
  }
}

static void read_head(struct case_run *run, struct marks *marks)
{
  FILE *file = fopen(run->path, "r");
  if (file == NULL)
    give_up(run, "cannot be read");
  char text[LINE_SIZE];
  while (fgets(text, sizeof text, file) != NULL) {
    text[strcspn(text, "\r\n")] = '\0';
    const char *rest = NULL;
    if (starts_with(text, "#", &rest))
      read_directive(run, marks, rest);
  }
  fclose(file);
}

void case_run_load(struct case_run *run, const char *path)
{
  struct marks marks = {.count = 0};
  run->path = path;
  read_head(run, &marks);
  case_trace_read(&run->trace, path);
  apply_marks(run, &marks);
}

/* ---- a recording: each interface is a capture point, and samples are among its packets ---- */

struct recording {
  struct case_run *run;
  uint32_t first_end; /* of its interfaces */
};

static uint32_t end_of(const struct recording *recording, uint32_t interface)
{
  const uint32_t end = recording->first_end + interface;
  if (end >= ANALYZER_ENDS_MAX)
    give_up(recording->run, "too many interfaces");
  return end;
}

static void add_packet(const struct recording *recording, const struct frame *frame)
{
  struct case_trace *trace = &recording->run->trace;
  const uint32_t number = end_of(recording, frame->interface);
  struct case_end *end = &trace->ends[number];
  struct packet *packets = realloc(end->packets, (end->count + 1) * sizeof *packets);
  if (packets == NULL)
    give_up(recording->run, "no memory");
  end->packets = packets;
  packet_decode(frame, &packets[end->count]);
  packets[end->count++].end = (uint8_t)number;
  if (number >= trace->end_count)
    trace->end_count = number + 1;
}

static void take_sample(void *context, const struct trace_sample *sample)
{
  const struct recording *recording = context;
  struct sample_records records = sample->records;
  struct sample_record record;
  uint32_t before_ns = 0;
  const uint32_t number = end_of(recording, sample->interface);
  struct case_end *end = &recording->run->trace.ends[number];
  while (sample_next(&records, &record)) {
    struct host_sample read = {
        .number = sample->records.number, .interface = sample->interface, .end = (uint8_t)number};
    if (host_sample_is_late(&record, &before_ns) ||
        !host_sample_read(&read, &record, sample->big_endian, sample->time_ns))
      continue;
    struct host_sample *samples = realloc(end->samples, (end->sample_count + 1) * sizeof *samples);
    if (samples == NULL)
      give_up(recording->run, "no memory");
    end->samples = samples;
    samples[end->sample_count++] = read;
  }
}

static void take_statistics(const struct recording *recording, const struct trace *trace)
{
  struct trace_info info;
  trace_get_info(trace, &info);
  for (uint32_t i = 0; i < info.interface_count; i++) {
    struct trace_interface interface;
    trace_get_interface(trace, i, &interface);
    if (interface.has_dropped)
      recording->run->drops[end_of(recording, i)] =
          interface.dropped > 0 ? CASE_DROPS_SOME : CASE_DROPS_NONE;
  }
}

void case_run_add_recording(struct case_run *run, const char *path)
{
  struct recording recording = {run, run->trace.end_count};
  struct trace_options options = {.on_sample = take_sample, .sample_context = &recording};
  struct frame frames[64];
  struct error error = {0};
  struct trace *trace = NULL;
  int count;
  run->path = path;
  if (trace_open(&trace, path, &options, &error) != 0)
    give_up(run, error.text);
  while ((count = trace_next(trace, frames, sizeof frames / sizeof *frames, &error)) > 0)
    for (int i = 0; i < count; i++)
      add_packet(&recording, &frames[i]);
  if (count < 0 || run->trace.end_count == recording.first_end)
    give_up(run, count < 0 ? error.text : "no frames");
  take_statistics(&recording, trace);
  trace_close(trace);
}
