#include "replay/script_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool make_room(struct script_text *text, size_t size)
{
  if (text->size + size + 1 <= text->room)
    return true;
  const size_t room = text->room * 2 + size + 4096;
  char *longer = room <= SCRIPT_TEXT_MAX ? realloc(text->bytes, room) : NULL;
  if (longer == NULL)
    return false;
  text->bytes = longer;
  text->room = room;
  return true;
}

void script_text_add(struct script_text *text, const char *format, ...)
{
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  const size_t size = length < (int)sizeof line ? (size_t)length : sizeof line - 1;
  text->failed = text->failed || !make_room(text, size);
  if (text->failed)
    return;
  memcpy(text->bytes + text->size, line, size);
  text->size += size;
  text->bytes[text->size] = '\0';
}

char *script_text_finish(struct script_text *text)
{
  if (!text->failed && text->bytes != NULL)
    return text->bytes;
  free(text->bytes);
  return NULL;
}
