/* Plays saved traces to the live model as if they were being captured: frames in the order of their
 * times, with a tick every 20 ms, and prints what it tells and when.
 *
 *     monitor_play FILE
 *
 * The interfaces of the file are the ends. */

#include "capture/trace.h"
#include "cli/monitor.h"
#include "wire/timestamp.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_NS (20 * NS_PER_MS)
#define BATCH   64
/* After the last frame the capture goes on so long. */
#define AFTER_NS (2 * NS_PER_S)

struct play {
  struct monitor *monitor;
  int64_t first_ns, now_ns;
};

static void on_event(void *context, const struct monitor_event *event)
{
  const struct play *play = context;
  const struct finding *finding = event->finding;
  printf("%.3f #%u %s connection %u %s %s %s %s %s from %.3f to %.3f ended-by %s evidence %s: %s\n",
         time_to_s(play->now_ns - play->first_ns), event->id, finding_state_name(finding->state),
         event->connection, severity_name(finding->severity), finding_kind_name(finding->kind),
         location_name(finding->location), cause_info(finding->cause)->code,
         confidence_name(finding->confidence), time_to_s(finding->start_ns - play->first_ns),
         time_to_s(finding->end_ns - play->first_ns), ended_by_name(finding->ended_by),
         evidence_level_name(event->level), finding->summary);
}

static void tick_until(struct play *play, int64_t time_ns)
{
  if (play->first_ns == TIME_INVALID) {
    play->first_ns = play->now_ns = time_ns;
    monitor_tick(play->monitor, time_ns, time_ns);
  }
  while (play->now_ns + TICK_NS <= time_ns) {
    play->now_ns += TICK_NS;
    monitor_tick(play->monitor, play->now_ns, play->now_ns);
  }
}

static void on_sample(void *context, const struct trace_sample *sample)
{
  struct play *play = context;
  monitor_records(play->monitor, sample->interface, sample->time_ns, &sample->records,
                  sample->big_endian);
}

/* What a recorder would know all along: whether it has lost packets. */
static void note_drops(const struct trace *trace, uint32_t ends, bool known[], bool drops[])
{
  for (uint32_t end = 0; end < ends; end++) {
    struct trace_interface interface;
    trace_get_interface(trace, end, &interface);
    known[end] = interface.has_dropped;
    drops[end] = interface.dropped > 0;
  }
}

static int count_ends(const char *path, uint32_t *ends, bool known[], bool drops[])
{
  struct error error;
  struct trace *trace;
  struct frame frames[BATCH];
  const struct trace_options options = {0};
  if (trace_open(&trace, path, &options, &error) < 0) {
    fprintf(stderr, "%s\n", error.text);
    return -1;
  }
  *ends = 1;
  for (int count; (count = trace_next(trace, frames, BATCH, &error)) > 0;)
    for (int i = 0; i < count; i++)
      if (frames[i].interface + 1 > *ends && frames[i].interface < ANALYZER_ENDS_MAX)
        *ends = frames[i].interface + 1;
  note_drops(trace, *ends, known, drops);
  trace_close(trace);
  return 0;
}

static int play_file(struct play *play, const char *path)
{
  struct error error;
  struct trace *trace;
  struct frame frames[1];
  const struct trace_options options = {.on_sample = on_sample, .sample_context = play};
  if (trace_open(&trace, path, &options, &error) < 0)
    return -1;
  for (int count; (count = trace_next(trace, frames, 1, &error)) > 0;) {
    for (int i = 0; i < count; i++) {
      tick_until(play, frames[i].time_ns);
      monitor_frame(play->monitor, frames[i].interface, &frames[i]);
    }
  }
  trace_close(trace);
  return 0;
}

int main(int argc, char **argv)
{
  struct monitor_options options;
  struct play play = {.first_ns = TIME_INVALID};
  monitor_options_default(&options);
  bool known[ANALYZER_ENDS_MAX], drops[ANALYZER_ENDS_MAX];
  options.limits.window_bytes = 8 << 20;
  if (argc != 2 || count_ends(argv[1], &options.ends, known, drops) < 0)
    return 2;
  const struct monitor_sink sink = {&play, on_event};
  play.monitor = monitor_new(&options, &sink);
  for (uint32_t end = 0; play.monitor != NULL && end < options.ends; end++)
    if (known[end])
      monitor_drops(play.monitor, end, drops[end]);
  if (play.monitor == NULL || play_file(&play, argv[1]) < 0)
    return 2;
  tick_until(&play, play.now_ns + AFTER_NS);
  monitor_finish(play.monitor);
  struct monitor_stats stats;
  monitor_get_stats(play.monitor, &stats);
  printf("%u ends, %llu frames, %llu events, %llu studies\n", options.ends,
         (unsigned long long)stats.frames, (unsigned long long)stats.events,
         (unsigned long long)stats.studies);
  monitor_free(play.monitor);
  return 0;
}
