#include "wire/sample_format.h"

#include "wire/byte_reader.h"

#include <string.h>

#define NUMBER_OFFSET 12

static const char magic[8] = {'t', 'c', 'p', 's', 't', 'a', 'l', 'l'};

static void put_le16(uint8_t *bytes, uint16_t value)
{
  bytes[0] = (uint8_t)value;
  bytes[1] = (uint8_t)(value >> 8);
}

static void put_le32(uint8_t *bytes, uint32_t value)
{
  put_le16(bytes, (uint16_t)value);
  put_le16(bytes + 2, (uint16_t)(value >> 16));
}

static size_t padded(size_t size)
{
  return (size + 3) & ~(size_t)3;
}

void sample_begin(struct sample_builder *builder, uint8_t *bytes, size_t capacity_bytes,
                  uint32_t number, bool last)
{
  *builder = (struct sample_builder){bytes, capacity_bytes, SAMPLE_PREAMBLE_BYTES};
  memset(bytes, 0, SAMPLE_PREAMBLE_BYTES);
  memcpy(bytes, magic, sizeof magic);
  bytes[sizeof magic] = SAMPLE_VERSION;
  bytes[sizeof magic + 1] = last;
  put_le32(bytes + NUMBER_OFFSET, number);
}

void sample_renumber(uint8_t *bytes, size_t size, uint32_t number)
{
  if (size >= SAMPLE_PREAMBLE_BYTES)
    put_le32(bytes + NUMBER_OFFSET, number);
}

bool sample_is_empty(const struct sample_builder *builder)
{
  return builder->bytes_used == SAMPLE_PREAMBLE_BYTES;
}

bool sample_add(struct sample_builder *builder, enum sample_type type, uint32_t delay_ns,
                const void *bytes, size_t size)
{
  size_t room = builder->capacity_bytes - builder->bytes_used;
  if (size > UINT16_MAX || room < SAMPLE_RECORD_BYTES || room - SAMPLE_RECORD_BYTES < padded(size))
    return false;
  uint8_t *place = builder->bytes + builder->bytes_used;
  put_le16(place, (uint16_t)type);
  put_le16(place + 2, (uint16_t)size);
  put_le32(place + 4, delay_ns);
  memset(place + SAMPLE_RECORD_BYTES, 0, padded(size));
  if (size > 0)
    memcpy(place + SAMPLE_RECORD_BYTES, bytes, size);
  builder->bytes_used += SAMPLE_RECORD_BYTES + padded(size);
  return true;
}

enum sample_result sample_open(struct sample_records *records, const uint8_t *bytes, size_t size)
{
  *records = (struct sample_records){0};
  if (size < SAMPLE_PREAMBLE_BYTES || memcmp(bytes, magic, sizeof magic) != 0)
    return SAMPLE_FOREIGN;
  if (bytes[sizeof magic] != SAMPLE_VERSION)
    return SAMPLE_NEWER;
  records->last = bytes[sizeof magic + 1] == 1;
  records->number = read_le32(bytes + NUMBER_OFFSET);
  records->bytes = bytes + SAMPLE_PREAMBLE_BYTES;
  records->size = size - SAMPLE_PREAMBLE_BYTES;
  return SAMPLE_OK;
}

bool sample_next(struct sample_records *records, struct sample_record *record)
{
  if (records->size == 0 || records->overrun)
    return false;
  if (records->size < SAMPLE_RECORD_BYTES) {
    records->overrun = true;
    return false;
  }
  const uint8_t *bytes = records->bytes;
  *record = (struct sample_record){read_le16(bytes), read_le16(bytes + 2), read_le32(bytes + 4),
                                   bytes + SAMPLE_RECORD_BYTES};
  size_t size = SAMPLE_RECORD_BYTES + padded(record->length_bytes);
  if (size > records->size) {
    records->overrun = true;
    return false;
  }
  records->bytes += size;
  records->size -= size;
  return true;
}

bool sample_text_value(const struct sample_record *record, const char *name, const char **value,
                       size_t *size)
{
  const char *line = (const char *)record->bytes, *end = line + record->length_bytes;
  size_t name_size = strlen(name);
  while (line < end) {
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    const char *line_end = newline != NULL ? newline : end;
    if ((size_t)(line_end - line) > name_size && line[name_size] == '=' &&
        memcmp(line, name, name_size) == 0) {
      *value = line + name_size + 1;
      *size = (size_t)(line_end - *value);
      return true;
    }
    if (newline == NULL)
      break;
    line = newline + 1;
  }
  return false;
}
