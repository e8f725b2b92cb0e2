/* Plays saved traces to the live model as if they were being captured: frames in the order of their
 * times, with a tick every 20 ms, and prints what it tells and when.
 *
 *     monitor_play FILE [remote | TIMES]
 *
 * The interfaces of the file are the ends. remote: end B is another host's; its clock is an hour
 * ahead, and what it captured comes 150 ms late. TIMES: again and again, as if it went on. */

#include "capture/trace.h"
#include "cli/monitor.h"
#include "wire/timestamp.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_NS  (20 * NS_PER_MS)
#define LATE_NS  (150 * NS_PER_MS)
#define AHEAD_NS (3600 * NS_PER_S)
#define BATCH    64
/* After the last frame the capture goes on so long. */
#define AFTER_NS (2 * NS_PER_S)

struct play {
  struct monitor *monitor;
  int64_t first_ns, now_ns, shift_ns;
  bool remote;
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
  if (play->remote && sample->interface > 0)
    return; /* the order of both ends' would have to be made anew */
  monitor_records(play->monitor, sample->interface, sample->time_ns + play->shift_ns,
                  &sample->records, sample->big_endian);
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
  struct frame frame;
  const struct trace_options options = {.on_sample = on_sample, .sample_context = play};
  struct trace *trace;
  if (trace_open(&trace, path, &options, &error) < 0)
    return -1;
  while (trace_next(trace, &frame, 1, &error) == 1) {
    frame.time_ns += play->shift_ns;
    tick_until(play, frame.time_ns);
    monitor_frame(play->monitor, frame.interface, &frame);
  }
  trace_close(trace);
  return 0;
}

/* Both ends, B's frames later and with another clock: two readings of the file side by side. */
static int play_remote(struct play *play, const char *path)
{
  struct error error;
  struct frame near, far;
  const struct trace_options options = {.on_sample = on_sample, .sample_context = play};
  const struct trace_options silent = {0};
  struct trace *a, *b;
  if (trace_open(&a, path, &options, &error) < 0 || trace_open(&b, path, &silent, &error) < 0)
    return -1;
  bool more_a = trace_next(a, &near, 1, &error) == 1, more_b = trace_next(b, &far, 1, &error) == 1;
  while (more_a || more_b) {
    if (more_a && (!more_b || near.time_ns <= far.time_ns + LATE_NS)) {
      tick_until(play, near.time_ns);
      if (near.interface == 0)
        monitor_frame(play->monitor, 0, &near);
      more_a = trace_next(a, &near, 1, &error) == 1;
      continue;
    }
    tick_until(play, far.time_ns + LATE_NS);
    far.time_ns += AHEAD_NS;
    if (far.interface == 1)
      monitor_frame(play->monitor, 1, &far);
    more_b = trace_next(b, &far, 1, &error) == 1;
  }
  trace_close(a);
  trace_close(b);
  return 0;
}

int main(int argc, char **argv)
{
  struct monitor_options options;
  struct play play = {.first_ns = TIME_INVALID};
  monitor_options_default(&options);
  bool known[ANALYZER_ENDS_MAX], drops[ANALYZER_ENDS_MAX];
  options.limits.window_bytes = 8 << 20;
  if (argc < 2 || argc > 3 || count_ends(argv[1], &options.ends, known, drops) < 0)
    return 2;
  play.remote = argc == 3 && strcmp(argv[2], "remote") == 0;
  options.remote[1] = play.remote;
  const struct monitor_sink sink = {&play, on_event};
  play.monitor = monitor_new(&options, &sink);
  for (uint32_t end = 0; play.monitor != NULL && end < options.ends; end++)
    if (known[end])
      monitor_drops(play.monitor, end, drops[end]);
  if (play.monitor == NULL)
    return 2;
  for (long left = argc == 3 && !play.remote ? strtol(argv[2], NULL, 10) : 1; left > 0; left--) {
    if ((play.remote ? play_remote(&play, argv[1]) : play_file(&play, argv[1])) < 0)
      return 2;
    play.shift_ns = play.now_ns - play.first_ns + NS_PER_S;
  }
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
