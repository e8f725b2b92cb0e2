#include "replay/recording.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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
