#include "capture/clean_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool is_continuation(unsigned char byte)
{
  return (byte & 0xc0) == 0x80;
}

/* Length of the printable UTF-8 character at bytes (RFC 3629, 4), 0 if there is none. */
static size_t character_bytes(const unsigned char *bytes, size_t size)
{
  unsigned char first = bytes[0];
  if (first < 0x80)
    return first >= 0x20 && first != 0x7f;
  size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || length > size)
    return 0;
  for (size_t i = 1; i < length; i++)
    if (!is_continuation(bytes[i]))
      return 0;
  bool overlong = (first == 0xe0 && bytes[1] < 0xa0) || (first == 0xf0 && bytes[1] < 0x90);
  bool surrogate = first == 0xed && bytes[1] >= 0xa0;
  bool too_large = first == 0xf4 && bytes[1] >= 0x90;
  bool control = first == 0xc2 && bytes[1] < 0xa0; /* U+0080 .. U+009F */
  return overlong || surrogate || too_large || control ? 0 : length;
}

size_t clean_text_copy(char *to, size_t to_size, const char *from, size_t from_size)
{
  const unsigned char *bytes = (const unsigned char *)from;
  size_t written = 0;
  for (size_t at = 0; at < from_size && bytes[at] != '\0';) {
    size_t length = character_bytes(bytes + at, from_size - at);
    size_t step = length == 0 ? 1 : length;
    if (written + step >= to_size)
      break;
    if (length == 0)
      to[written] = '?';
    else
      memcpy(to + written, from + at, length);
    written += step;
    at += step;
  }
  to[written] = '\0';
  return written;
}

char *clean_text_dup(const char *from, size_t from_size, size_t limit)
{
  size_t size = (from_size < limit ? from_size : limit) + 1;
  char *copy = malloc(size);
  if (copy != NULL)
    clean_text_copy(copy, size, from, from_size);
  return copy;
}
