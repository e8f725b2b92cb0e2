#include "replay/way.h"

#include <stdarg.h>
#include <stdio.h>

void replay_note(struct replay_outcome *outcome, const char *format, ...)
{
  if (outcome->note_count >= REPLAY_NOTES_MAX)
    return;
  char *text = outcome->notes[outcome->note_count++];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, REPLAY_NOTE_BYTES, format, arguments);
  va_end(arguments);
}
