#ifndef WIRE_PART_MARK_H
#define WIRE_PART_MARK_H

/* The frames of a part of a larger trace (tcpstall split) say which frame of the whole each of them
 * is, so that findings name the same frames whichever of the two is analysed. They say it in a
 * custom binary option (code 2989) of enterprise number 32473, which RFC 5612 reserves for
 * examples:
 *
 *   option value: enterprise number (the section's byte order), then
 *   "tcpsplit"  version u8  flags u8  2 bytes 0  number u64
 *
 * The number is little-endian, whatever the section's byte order. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PART_MARK_PEN     32473u
#define PART_MARK_VERSION 1u
#define PART_MARK_BYTES   24u /* the option's value */
/* A number above it is damage: doubles, and so JSON's readers, hold no larger ones exactly. */
#define PART_MARK_NUMBER_MAX (UINT64_C(1) << 53)

enum part_mark_flag {
  /* It belongs to a connection of another part, and is here for what it shows of its host: no
   * connection is made of it. */
  PART_MARK_CONTEXT = 0x01,
  /* It is told of later than it was captured: it stands behind frames with higher numbers. */
  PART_MARK_LATE = 0x02,
  PART_MARK_NO_TIME = 0x04 /* it has none in the whole */
};

struct part_mark {
  uint64_t number; /* in the whole, 1 .. PART_MARK_NUMBER_MAX */
  uint8_t flags;   /* enum part_mark_flag */
};

void part_mark_write(const struct part_mark *mark, bool big_endian, uint8_t value[PART_MARK_BYTES]);
/* false: the option is no such mark, or one that makes no sense. */
bool part_mark_read(struct part_mark *mark, const uint8_t *value, size_t size, bool big_endian);

#endif
