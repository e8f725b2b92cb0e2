#include "cli/packets_again.h"

#include "analyzer/clock_fit.h"
#include "wire/timestamp.h"

#define BATCH 256

struct reading {
  const struct analysis *analysis;
  const struct report_joint *joint;
  packet_handler *handler;
  void *context;
  uint32_t source;
  uint8_t first_end; /* of a text's excerpt, or a trace with one point */
  bool enough;
};

static uint8_t end_of(const struct reading *reading, uint32_t interface)
{
  const struct points *points = &reading->analysis->points;
  if (reading->analysis->sources[reading->source].is_text)
    return reading->first_end;
  return points->ends[reading->source]
                     [interface < POINT_INTERFACES_MAX ? interface : POINT_INTERFACES_MAX - 1];
}

static void take(struct reading *reading, const struct frame *frame)
{
  struct packet packet;
  packet_decode(frame, &packet);
  packet.end = end_of(reading, frame->interface);
  const struct clock_map *clock = packet.end > 0 && packet.end < reading->joint->ends
                                      ? reading->joint->clocks[packet.end]
                                      : NULL;
  if (clock != NULL && clock->piece_count > 0 && time_is_valid(packet.time_ns))
    packet.time_ns = clock_map_to_a(clock, packet.time_ns);
  reading->enough = !reading->handler(reading->context, &packet);
}

static int read_excerpt(struct reading *reading, uint32_t excerpt, struct error *error)
{
  const struct source *source = &reading->analysis->sources[reading->source];
  const struct trace_options options = {.filter = reading->analysis->options->filter};
  struct frame frames[BATCH];
  struct trace *trace;
  struct error damage;
  int count, rc = source_reopen(source, excerpt, &options, &trace, error);
  while (rc == 0 && !reading->enough && (count = trace_next(trace, frames, BATCH, &damage)) > 0)
    for (int i = 0; i < count && !reading->enough; i++)
      if (frames[i].number <= source->last_frame)
        take(reading, &frames[i]);
  if (rc == 0)
    trace_close(trace);
  return rc;
}

int packets_again(const struct analysis *analysis, packet_handler *handler, void *context,
                  struct error *error)
{
  struct reading reading = {.analysis = analysis,
                            .joint = &collect_overview(analysis->collect)->joint,
                            .handler = handler,
                            .context = context};
  int rc = 0;
  for (uint32_t s = 0; rc == 0 && s < analysis->source_count; s++) {
    reading.source = s;
    for (uint32_t e = 0; rc == 0 && e < analysis->sources[s].excerpts; e++) {
      for (uint32_t i = 0; i < analysis->points.count; i++)
        if (analysis->points.points[i].source_index == s && analysis->points.points[i].excerpt == e)
          reading.first_end = (uint8_t)i;
      rc = read_excerpt(&reading, e, error);
    }
  }
  return rc;
}
