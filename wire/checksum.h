#ifndef WIRE_CHECKSUM_H
#define WIRE_CHECKSUM_H

/* The Internet checksum (RFC 1071): the ones' complement sum of 16-bit words.
 *
 * Sums are kept in the machine's own byte order, which RFC 1071, 2(B) allows: compare them with
 * fields copied out of the packet as they are, not converted. */

#include <stddef.h>
#include <stdint.h>

/* Adds `size` bytes to a sum (0 at first). An odd last byte counts as if a zero followed, so only
 * the last of several pieces may be odd. Any sum can be given on; fold it at the end. */
uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, size_t size);

/* Adds a 64-bit number with end-around carry. */
static inline uint64_t checksum_add_u64(uint64_t sum, uint64_t value)
{
  sum += value;
  return sum + (sum < value);
}

/* The 16-bit sum, not complemented. It is 0 only if everything added was 0. */
uint16_t checksum_fold(uint64_t sum);

#endif
