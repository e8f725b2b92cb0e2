#include "report/html_escape.h"

#include "report/clean.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PIECE_BYTES 2048 /* of the text at once; cleaning makes six times as much of it at most */

/* Bytes of whole characters within PIECE_BYTES. */
static size_t piece_of(const char *text, char piece[PIECE_BYTES + 4])
{
  size_t length = 0;
  uint32_t code;
  while (text[length] != '\0' && length < PIECE_BYTES)
    length += clean_decode(text + length, &code);
  memcpy(piece, text, length);
  piece[length] = '\0';
  return length;
}

static const char *entity_of(char byte)
{
  switch (byte) {
  case '<': return "&lt;";
  case '>': return "&gt;";
  case '&': return "&amp;";
  case '"': return "&quot;";
  case '\'': return "&#39;";
  default: return NULL;
  }
}

/* U+FFFE and U+FFFF are no characters of HTML. */
static size_t put_character(FILE *stream, const char *at)
{
  uint32_t code;
  const size_t length = clean_decode(at, &code);
  const char *entity = entity_of(*at);
  if (entity != NULL)
    fputs(entity, stream);
  else if ((code & 0xfffeU) == 0xfffeU || (code >= 0xfdd0 && code <= 0xfdef))
    fputs("\ufffd", stream);
  else
    fwrite(at, 1, length, stream);
  return length;
}

static void put_clean(FILE *stream, const char *clean, bool prose, bool *in_code)
{
  for (const char *at = clean; *at != '\0';) {
    if (prose && *at == '`' && (*in_code || strchr(at + 1, '`') != NULL)) {
      fputs(*in_code ? "</code>" : "<code>", stream);
      *in_code = !*in_code;
      at++;
    } else {
      at += put_character(stream, at);
    }
  }
}

static void put_text(FILE *stream, const char *text, bool prose)
{
  char piece[PIECE_BYTES + 4], clean[(PIECE_BYTES + 4) * 6];
  bool in_code = false;
  while (*text != '\0') {
    text += piece_of(text, piece);
    clean_text(CLEAN_UTF8, piece, clean, sizeof clean);
    put_clean(stream, clean, prose, &in_code);
  }
  if (in_code)
    fputs("</code>", stream);
}

void html_text(FILE *stream, const char *text)
{
  put_text(stream, text, false);
}

void html_prose(FILE *stream, const char *text)
{
  put_text(stream, text, true);
}

void html_json_text(FILE *stream, const char *text)
{
  char piece[PIECE_BYTES + 4], clean[(PIECE_BYTES + 4) * 6];
  fputc('"', stream);
  while (*text != '\0') {
    text += piece_of(text, piece);
    clean_text(CLEAN_UTF8, piece, clean, sizeof clean);
    for (const char *at = clean; *at != '\0'; at++)
      if (*at == '<' || *at == '>' || *at == '&' || *at == '"' || *at == '\\')
        fprintf(stream, "\\u%04x", (unsigned)*at);
      else
        fputc(*at, stream);
  }
  fputc('"', stream);
}
