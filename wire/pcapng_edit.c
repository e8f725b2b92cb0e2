#include "wire/pcapng_edit.h"

#include "wire/byte_reader.h"
#include "wire/pcapng_format.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_HEADER_BYTES  8u /* type and length */
#define BLOCK_TRAILER_BYTES 4u /* the length again */
#define OPTION_HEADER_BYTES 4u
#define OPTION_BYTES_MAX    65535u
#define EPB_FLAGS           2u /* option: bits 0-1 are the direction, 1 in, 2 out */

/* Where the fixed fields end, counted from the start of the block. */
#define SECTION_LENGTH_AT     16u
#define SECTION_OPTIONS_AT    24u
#define INTERFACE_OPTIONS_AT  16u
#define STATISTICS_OPTIONS_AT 20u
#define PACKET_DATA_AT        28u
/* The same places in enhanced and obsolete packet blocks and in interface statistics. */
#define INTERFACE_AT       8u
#define TIME_AT            12u
#define CAPTURED_LENGTH_AT 20u

static uint32_t get_u32(const struct pcapng_edit *edit, size_t at)
{
  return edit->big_endian ? read_be32(edit->bytes + at) : read_le32(edit->bytes + at);
}

static void put_u16(const struct pcapng_edit *edit, uint8_t *place, uint16_t value)
{
  const uint8_t low = (uint8_t)value, high = (uint8_t)(value >> 8);
  place[0] = edit->big_endian ? high : low;
  place[1] = edit->big_endian ? low : high;
}

static void put_u32(const struct pcapng_edit *edit, uint8_t *place, uint32_t value)
{
  const uint16_t low = (uint16_t)value, high = (uint16_t)(value >> 16);
  put_u16(edit, place, edit->big_endian ? high : low);
  put_u16(edit, place + 2, edit->big_endian ? low : high);
}

void pcapng_edit_free(struct pcapng_edit *edit)
{
  free(edit->bytes);
  *edit = (struct pcapng_edit){0};
}

static int reserve(struct pcapng_edit *edit, size_t size, struct error *error)
{
  if (size <= edit->capacity)
    return 0;
  uint8_t *bytes = realloc(edit->bytes, size * 2);
  if (bytes == NULL)
    return error_set(error, ERROR_MEMORY, "no memory for a block of the trace");
  edit->bytes = bytes;
  edit->capacity = size * 2;
  return 0;
}

int pcapng_edit_take(struct pcapng_edit *edit, const uint8_t *block, size_t size, bool big_endian,
                     struct error *error)
{
  if (reserve(edit, size, error) < 0)
    return ERROR_MEMORY;
  memcpy(edit->bytes, block, size);
  edit->size = size;
  edit->big_endian = big_endian;
  return 0;
}

/* 0: this block has no options that we could add to. */
static size_t options_at(const struct pcapng_edit *edit)
{
  size_t at = 0;
  switch (get_u32(edit, 0)) {
  case PCAPNG_SECTION_HEADER: at = SECTION_OPTIONS_AT; break;
  case PCAPNG_INTERFACE: at = INTERFACE_OPTIONS_AT; break;
  case PCAPNG_INTERFACE_STATISTICS: at = STATISTICS_OPTIONS_AT; break;
  case PCAPNG_PACKET:
  case PCAPNG_ENHANCED_PACKET:
    if (edit->size >= PACKET_DATA_AT + BLOCK_TRAILER_BYTES)
      at = PACKET_DATA_AT + (((size_t)get_u32(edit, CAPTURED_LENGTH_AT) + 3) & ~(size_t)3);
    break;
  default: break;
  }
  return at + BLOCK_TRAILER_BYTES <= edit->size ? at : 0;
}

/* Too long a text is cut at a character's border (UTF-8's continuation bytes are 10xxxxxx). */
static size_t text_bytes(const char *text)
{
  size_t size = strlen(text);
  if (size > OPTION_BYTES_MAX)
    for (size = OPTION_BYTES_MAX; size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80;)
      size--;
  return size;
}

int pcapng_edit_option(struct pcapng_edit *edit, uint16_t code, const void *value, size_t size,
                       struct error *error)
{
  const size_t at = options_at(edit), padded = (size + 3) & ~(size_t)3;
  if (at == 0)
    return error_set(error, ERROR_UNSUPPORTED, "this block cannot hold options");
  /* the list has to be closed where there was none */
  const bool first = at + BLOCK_TRAILER_BYTES == edit->size;
  const size_t added = OPTION_HEADER_BYTES + padded + (first ? OPTION_HEADER_BYTES : 0);
  if (size > OPTION_BYTES_MAX || edit->size + added > PCAPNG_BLOCK_BYTES_MAX)
    return error_set(error, ERROR_UNSUPPORTED, "this block is full");
  if (reserve(edit, edit->size + added, error) < 0)
    return ERROR_MEMORY;
  uint8_t *place = edit->bytes + at;
  memmove(place + added, place, edit->size - at);
  memset(place, 0, added);
  put_u16(edit, place, code);
  put_u16(edit, place + 2, (uint16_t)size);
  memcpy(place + OPTION_HEADER_BYTES, value, size);
  edit->size += added;
  put_u32(edit, edit->bytes + 4, (uint32_t)edit->size);
  put_u32(edit, edit->bytes + edit->size - BLOCK_TRAILER_BYTES, (uint32_t)edit->size);
  return 0;
}

int pcapng_edit_comment(struct pcapng_edit *edit, const char *text, struct error *error)
{
  return pcapng_edit_option(edit, PCAPNG_OPTION_COMMENT, text, text_bytes(text), error);
}

int pcapng_edit_packet(struct pcapng_edit *edit, const struct pcapng_packet_record *packet,
                       bool big_endian, struct error *error)
{
  const size_t padded = ((size_t)packet->captured_bytes + 3) & ~(size_t)3;
  const size_t size = PACKET_DATA_AT + padded + BLOCK_TRAILER_BYTES;
  if (size > PCAPNG_BLOCK_BYTES_MAX)
    return error_set(error, ERROR_LIMIT, "a packet of %u bytes is too long for pcapng",
                     packet->captured_bytes);
  if (reserve(edit, size, error) < 0)
    return ERROR_MEMORY;
  memset(edit->bytes, 0, size);
  edit->size = size;
  edit->big_endian = big_endian;
  put_u32(edit, edit->bytes, PCAPNG_ENHANCED_PACKET);
  put_u32(edit, edit->bytes + 4, (uint32_t)size);
  put_u32(edit, edit->bytes + INTERFACE_AT, packet->interface);
  pcapng_edit_set_time(edit, packet->time_units);
  put_u32(edit, edit->bytes + CAPTURED_LENGTH_AT, packet->captured_bytes);
  put_u32(edit, edit->bytes + CAPTURED_LENGTH_AT + 4, packet->original_bytes);
  if (packet->captured_bytes > 0)
    memcpy(edit->bytes + PACKET_DATA_AT, packet->bytes, packet->captured_bytes);
  put_u32(edit, edit->bytes + size - BLOCK_TRAILER_BYTES, (uint32_t)size);
  if (packet->direction == PACKET_DIR_UNKNOWN)
    return 0;
  uint8_t flags[4] = {0};
  put_u32(edit, flags, packet->direction == PACKET_DIR_IN ? 1 : 2);
  return pcapng_edit_option(edit, EPB_FLAGS, flags, sizeof flags, error);
}

void pcapng_edit_forget_length(struct pcapng_edit *edit)
{
  if (edit->size >= SECTION_OPTIONS_AT && get_u32(edit, 0) == PCAPNG_SECTION_HEADER)
    memset(edit->bytes + SECTION_LENGTH_AT, 0xff, 8);
}

/* Blocks with an interface and a time at the usual places. */
static bool has_place(const struct pcapng_edit *edit)
{
  if (edit->size < BLOCK_HEADER_BYTES + BLOCK_TRAILER_BYTES)
    return false;
  const uint32_t type = get_u32(edit, 0);
  return (type == PCAPNG_PACKET || type == PCAPNG_ENHANCED_PACKET ||
          type == PCAPNG_INTERFACE_STATISTICS) &&
         edit->size >= TIME_AT + 8 + BLOCK_TRAILER_BYTES;
}

bool pcapng_edit_set_interface(struct pcapng_edit *edit, uint32_t interface)
{
  if (!has_place(edit))
    return false;
  if (get_u32(edit, 0) != PCAPNG_PACKET) {
    put_u32(edit, edit->bytes + INTERFACE_AT, interface);
    return true;
  }
  if (interface > UINT16_MAX)
    return false;
  put_u16(edit, edit->bytes + INTERFACE_AT, (uint16_t)interface);
  return true;
}

bool pcapng_edit_set_time(struct pcapng_edit *edit, uint64_t time_units)
{
  if (!has_place(edit))
    return false;
  put_u32(edit, edit->bytes + TIME_AT, (uint32_t)(time_units >> 32));
  put_u32(edit, edit->bytes + TIME_AT + 4, (uint32_t)time_units);
  return true;
}

bool pcapng_edit_get(const struct pcapng_edit *edit, uint32_t *interface, uint64_t *time_units)
{
  if (!has_place(edit))
    return false;
  const uint8_t *place = edit->bytes + INTERFACE_AT;
  if (get_u32(edit, 0) == PCAPNG_PACKET)
    *interface = edit->big_endian ? read_be16(place) : read_le16(place);
  else
    *interface = get_u32(edit, INTERFACE_AT);
  *time_units = (uint64_t)get_u32(edit, TIME_AT) << 32 | get_u32(edit, TIME_AT + 4);
  return true;
}
