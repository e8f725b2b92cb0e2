#ifndef WIRE_BYTE_READER_H
#define WIRE_BYTE_READER_H

/* Bytes of a frame, and how far they may be read: all bounds work of the decoder happens here.
 *
 * A slice has two ends. `captured` is where the bytes in memory end, `length` where the packet
 * ended on the wire; captured <= length. What lies between the two was cut off by the snap length:
 * to need it is a cut packet; to need more than `length` is a packet whose headers contradict
 * themselves. */

#include <stdint.h>

struct slice {
  const uint8_t *bytes; /* borrowed */
  uint32_t captured;    /* readable bytes */
  uint32_t length;      /* bytes on the wire, as far as the headers around say */
};

/* Moves the start forward; skip <= captured. */
static inline void slice_skip(struct slice *slice, uint32_t skip)
{
  slice->bytes += skip;
  slice->captured -= skip;
  slice->length -= skip;
}

/* Sets the end that a header's own length field tells; it may lie beyond what is there, since some
 * captures (and offload) lie about the frame's length. */
static inline void slice_set_length(struct slice *slice, uint32_t length)
{
  slice->length = length;
  if (slice->captured > length)
    slice->captured = length;
}

/* Integers in network byte order from unaligned bytes. */
static inline uint16_t read_be16(const uint8_t *bytes)
{
  return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t read_be32(const uint8_t *bytes)
{
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline uint16_t read_le16(const uint8_t *bytes)
{
  return (uint16_t)(bytes[1] << 8 | bytes[0]);
}

static inline uint32_t read_le32(const uint8_t *bytes)
{
  return (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 | bytes[0];
}

#endif
