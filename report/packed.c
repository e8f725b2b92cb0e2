#include "report/packed.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A sequence of groups: how many zeros (0 .. 255), how many literal bytes (0 .. 255), those bytes.
 */
struct packed {
  uint32_t size;
  uint8_t groups[];
};

#define GROUP_MAX 255

static uint64_t load_u64(const uint8_t *bytes)
{
  uint64_t word;
  memcpy(&word, bytes, sizeof word);
  return word;
}

/* true if one of the word's bytes is zero. */
static bool has_zero(uint64_t word)
{
  return ((word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080)) != 0;
}

/* Most of a record is zeros and most of the rest is text: both are passed over by the word. */
static size_t zeros_at(const uint8_t *bytes, size_t size)
{
  const size_t limit = size < GROUP_MAX ? size : GROUP_MAX;
  size_t count = 0;
  while (count + 16 <= limit && (load_u64(bytes + count) | load_u64(bytes + count + 8)) == 0)
    count += 16;
  while (count < limit && bytes[count] == 0)
    count++;
  return count;
}

/* Literals end before three zeros: two are cheaper to copy than a new group. */
static size_t literals_at(const uint8_t *bytes, size_t size)
{
  const size_t limit = size < GROUP_MAX ? size : GROUP_MAX;
  size_t count = 0;
  while (count < limit) {
    if (count + 8 <= limit && !has_zero(load_u64(bytes + count))) {
      count += 8;
      continue;
    }
    if (bytes[count] == 0 && zeros_at(bytes + count, size - count) >= 3)
      break;
    count++;
  }
  return count;
}

/* Writes the groups to out, or only measures them if out is NULL. */
static size_t write_groups(const uint8_t *bytes, size_t size, uint8_t *out)
{
  size_t written = 0;
  for (size_t at = 0; at < size;) {
    const size_t zeros = zeros_at(bytes + at, size - at);
    at += zeros;
    const size_t literals = literals_at(bytes + at, size - at);
    if (out != NULL) {
      out[written] = (uint8_t)zeros;
      out[written + 1] = (uint8_t)literals;
      memcpy(out + written + 2, bytes + at, literals);
    }
    written += 2 + literals;
    at += literals;
  }
  return written;
}

struct packed *packed_new(const void *bytes, size_t size)
{
  const size_t length = write_groups(bytes, size, NULL);
  struct packed *packed = malloc(sizeof *packed + length);
  if (packed == NULL)
    return NULL;
  packed->size = (uint32_t)length;
  write_groups(bytes, size, packed->groups);
  return packed;
}

void packed_get(const struct packed *packed, void *bytes, size_t size)
{
  uint8_t *out = bytes;
  size_t at = 0;
  memset(out, 0, size);
  for (size_t in = 0; in < packed->size;) {
    const size_t literals = packed->groups[in + 1];
    at += packed->groups[in];
    assert(at + literals <= size);
    memcpy(out + at, packed->groups + in + 2, literals);
    at += literals;
    in += 2 + literals;
  }
}

struct packed *packed_copy(const struct packed *packed)
{
  struct packed *copy = malloc(packed_bytes(packed));
  if (copy != NULL)
    memcpy(copy, packed, packed_bytes(packed));
  return copy;
}

size_t packed_bytes(const struct packed *packed)
{
  return sizeof *packed + packed->size;
}

void packed_free(struct packed *packed)
{
  free(packed);
}
