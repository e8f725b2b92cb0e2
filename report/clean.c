#include "report/clean.h"

#include <stdio.h>
#include <string.h>

static size_t sequence_length(uint8_t lead)
{
  if (lead < 0x80)
    return 1;
  if (lead >= 0xc2 && lead <= 0xdf)
    return 2;
  if (lead >= 0xe0 && lead <= 0xef)
    return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

size_t clean_decode(const char *text, uint32_t *code)
{
  static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const uint8_t *bytes = (const uint8_t *)text;
  const size_t length = sequence_length(bytes[0]);
  *code = UINT32_MAX;
  if (length == 0)
    return 1;
  if (length == 1) {
    *code = bytes[0];
    return 1;
  }
  uint32_t value = bytes[0] & (0x7fU >> length);
  for (size_t i = 1; i < length; i++) {
    if ((bytes[i] & 0xc0) != 0x80)
      return 1; /* also stops at the NUL */
    value = value << 6 | (bytes[i] & 0x3f);
  }
  if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
    return 1;
  *code = value;
  return length;
}

/* Characters that are no text of their own: controls (C0, DEL, C1), and the ones that hide or
 * reorder others (zero width, line and paragraph separators, bidirectional controls, byte order
 * mark). */
static bool is_treacherous(uint32_t code)
{
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0xad || code == 0x61c ||
         (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x206f) || code == 0xfeff || code >= 0xe0000;
}

static const char *transcription(uint32_t code)
{
  switch (code) {
  case 0xb1: return "+/-";
  case 0xb5: /* micro sign */
  case 0x3bc: return "u";
  case 0xb7:
  case 0x2022: return "*";
  case 0xd7: return "x";
  case 0x2013:
  case 0x2014:
  case 0x2212:
  case 0x2500: return "-";
  case 0x2018:
  case 0x2019: return "'";
  case 0x201c:
  case 0x201d: return "\"";
  case 0x2026: return "...";
  case 0x2190: return "<-";
  case 0x2192: return "->";
  case 0x2248: return "~";
  case 0x2264: return "<=";
  case 0x2265: return ">=";
  default: return NULL;
  }
}

/* What stands for the character at text in the output; scratch holds escapes. Returns its length.
 */
static size_t clean_one(enum clean_mode mode, const char *text, size_t length, uint32_t code,
                        char scratch[16], const char **shown)
{
  *shown = scratch;
  if (code == UINT32_MAX)
    return (size_t)snprintf(scratch, 16, "\\x%02x", (uint8_t)text[0]);
  if (mode != CLEAN_JSON && code < 0x80 && is_treacherous(code))
    return (size_t)snprintf(scratch, 16, "\\x%02x", (unsigned)code);
  if (mode != CLEAN_JSON && is_treacherous(code))
    return (size_t)snprintf(scratch, 16, "\\u{%x}", (unsigned)code);
  if (mode == CLEAN_ASCII && code >= 0x80) {
    *shown = transcription(code);
    if (*shown != NULL)
      return strlen(*shown);
    *shown = scratch;
    return (size_t)snprintf(scratch, 16, "\\u{%x}", (unsigned)code);
  }
  *shown = text;
  return length;
}

size_t clean_text(enum clean_mode mode, const char *text, char *out, size_t size)
{
  size_t written = 0;
  if (size == 0)
    return 0;
  while (*text != '\0') {
    uint32_t code;
    char scratch[16];
    const char *shown;
    const size_t length = clean_decode(text, &code);
    const size_t bytes = clean_one(mode, text, length, code, scratch, &shown);
    if (written + bytes >= size)
      break;
    memcpy(out + written, shown, bytes);
    written += bytes;
    text += length;
  }
  out[written] = '\0';
  return written;
}

/* Unicode's East Asian Width "W" and "F", in blocks: enough to keep columns in line. */
static bool is_wide(uint32_t code)
{
  return (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
         (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
         (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
         (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x1f300 && code <= 0x1f64f) ||
         (code >= 0x1f900 && code <= 0x1f9ff) || (code >= 0x20000 && code <= 0x3fffd);
}

static bool is_combining(uint32_t code)
{
  return (code >= 0x300 && code <= 0x36f) || (code >= 0x1ab0 && code <= 0x1aff) ||
         (code >= 0x20d0 && code <= 0x20ff) || (code >= 0xfe00 && code <= 0xfe0f);
}

size_t clean_columns(const char *text, size_t bytes)
{
  size_t columns = 0;
  for (size_t at = 0; at < bytes && text[at] != '\0';) {
    uint32_t code;
    if ((uint8_t)text[at] < 0x80) {
      at++;
      columns++;
      continue;
    }
    at += clean_decode(text + at, &code);
    if (!is_combining(code))
      columns += is_wide(code) ? 2 : 1;
  }
  return columns;
}
