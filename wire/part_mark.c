#include "wire/part_mark.h"

#include "wire/byte_reader.h"

#include <string.h>

#define MAGIC_AT   4u
#define VERSION_AT 12u
#define FLAGS_AT   13u
#define NUMBER_AT  16u

static const uint8_t magic[8] = {'t', 'c', 'p', 's', 'p', 'l', 'i', 't'};

void part_mark_write(const struct part_mark *mark, bool big_endian, uint8_t value[PART_MARK_BYTES])
{
  memset(value, 0, PART_MARK_BYTES);
  for (unsigned i = 0; i < 4; i++)
    value[big_endian ? 3 - i : i] = (uint8_t)(PART_MARK_PEN >> (8 * i));
  memcpy(value + MAGIC_AT, magic, sizeof magic);
  value[VERSION_AT] = PART_MARK_VERSION;
  value[FLAGS_AT] = mark->flags;
  for (unsigned i = 0; i < 8; i++)
    value[NUMBER_AT + i] = (uint8_t)(mark->number >> (8 * i));
}

bool part_mark_read(struct part_mark *mark, const uint8_t *value, size_t size, bool big_endian)
{
  if (size != PART_MARK_BYTES ||
      (big_endian ? read_be32(value) : read_le32(value)) != PART_MARK_PEN ||
      memcmp(value + MAGIC_AT, magic, sizeof magic) != 0 || value[VERSION_AT] != PART_MARK_VERSION)
    return false;
  mark->flags = value[FLAGS_AT];
  mark->number = 0;
  for (unsigned i = 0; i < 8; i++)
    mark->number |= (uint64_t)value[NUMBER_AT + i] << (8 * i);
  return mark->number >= 1 && mark->number <= PART_MARK_NUMBER_MAX;
}
