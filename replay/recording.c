#include "replay/recording.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A stall that begins later than that is replayed with so much of what came before it, ... */
#define BEFORE_MAX_NS (30 * NS_PER_S)
#define BEFORE_NS     (3 * NS_PER_S)
/* ... and what comes later than that behind it is left out. */
#define BEHIND_MAX_NS (5 * NS_PER_S)
#define BEHIND_NS     (1 * NS_PER_S)

void recording_clear(struct recording *recording)
{
  for (uint32_t i = 0; i < recording->point_count; i++)
    free(recording->points[i].packets);
  free(recording->findings);
  free(recording->bytes);
  *recording = (struct recording){0};
}

void recording_assume(struct recording *recording, const char *format, ...)
{
  if (recording->assumption_count >= RECORDING_ASSUMPTIONS_MAX)
    return;
  char *text = recording->assumptions[recording->assumption_count++];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof recording->assumptions[0], format, arguments);
  va_end(arguments);
}

const struct recording_point *recording_nearest(const struct recording *recording,
                                                enum recording_side side, bool *at_it)
{
  const enum recording_place wanted =
      side == RECORDING_CLIENT ? RECORDED_AT_CLIENT : RECORDED_AT_SERVER;
  *at_it = false;
  for (uint32_t i = 0; i < recording->point_count; i++)
    if (recording->points[i].place == wanted) {
      *at_it = true;
      return &recording->points[i];
    }
  return recording->point_count > 0 ? &recording->points[0] : NULL;
}

static void trim_point(struct recording_point *point, int64_t from_ns, int64_t to_ns)
{
  size_t kept = 0;
  for (size_t i = 0; i < point->packet_count; i++)
    if (point->packets[i].packet.time_ns >= from_ns && point->packets[i].packet.time_ns <= to_ns)
      point->packets[kept++] = point->packets[i];
  point->packet_count = kept;
}

void recording_begin_at(struct recording *recording, int64_t from_ns)
{
  recording->start_ns = from_ns;
  recording->whole = false;
  for (uint32_t i = 0; i < recording->point_count; i++)
    trim_point(&recording->points[i], from_ns, INT64_MAX);
}

void recording_end_at(struct recording *recording, int64_t to_ns)
{
  recording->end_ns = to_ns;
  for (uint32_t i = 0; i < recording->point_count; i++)
    trim_point(&recording->points[i], INT64_MIN, to_ns);
}

void recording_trim(struct recording *recording)
{
  if (recording->target >= recording->finding_count)
    return;
  const struct recorded_finding *target = &recording->findings[recording->target];
  int64_t from_ns = INT64_MIN, to_ns = INT64_MAX;
  if (target->start_ns - recording->start_ns > BEFORE_MAX_NS) {
    from_ns = target->start_ns - BEFORE_NS;
    recording->start_ns = from_ns;
    recording->whole = false;
    recording_assume(recording, "only the %d s before the stall matter: the trace is long",
                     (int)(BEFORE_NS / NS_PER_S));
  }
  if (recording->end_ns - target->end_ns > BEHIND_MAX_NS) {
    to_ns = target->end_ns + BEHIND_NS;
    recording->end_ns = to_ns;
  }
  for (uint32_t i = 0; i < recording->point_count; i++)
    trim_point(&recording->points[i], from_ns, to_ns);
}
