#include "wire/checksum.h"

#include <string.h>

static uint64_t load_u64(const uint8_t *bytes)
{
  uint64_t value;
  memcpy(&value, bytes, sizeof value);
  return value;
}

/* Up to 7 bytes, placed as if zeros followed them. */
static uint64_t load_tail(const uint8_t *bytes, size_t size)
{
  uint8_t padded[8] = {0};
  memcpy(padded, bytes, size);
  return load_u64(padded);
}

/* Four independent chains, since each add waits for the carry of the one before it. */
uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, size_t size)
{
  if (size >= 32) {
    uint64_t a = 0, b = 0, c = 0;
    do {
      sum = checksum_add_u64(sum, load_u64(bytes));
      a = checksum_add_u64(a, load_u64(bytes + 8));
      b = checksum_add_u64(b, load_u64(bytes + 16));
      c = checksum_add_u64(c, load_u64(bytes + 24));
      bytes += 32;
      size -= 32;
    } while (size >= 32);
    sum = checksum_add_u64(checksum_add_u64(sum, a), checksum_add_u64(b, c));
  }
  for (; size >= 8; bytes += 8, size -= 8)
    sum = checksum_add_u64(sum, load_u64(bytes));
  if (size != 0)
    sum = checksum_add_u64(sum, load_tail(bytes, size));
  return sum;
}

uint16_t checksum_fold(uint64_t sum)
{
  sum = (sum >> 32) + (sum & 0xffffffff);
  sum = (sum >> 16) + (sum & 0xffff);
  sum = (sum >> 16) + (sum & 0xffff);
  sum = (sum >> 16) + (sum & 0xffff);
  return (uint16_t)sum;
}
