#ifndef WIRE_FILE_BYTES_H
#define WIRE_FILE_BYTES_H

/* Integers of trace files, whose byte order is the writer's and differs from file to file (pcap)
 * and from section to section (pcapng). The caller has checked that the bytes are there; alignment
 * does not matter. */

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t file_u16(const uint8_t *bytes, bool big_endian)
{
  uint16_t value;
  memcpy(&value, bytes, sizeof value);
  return big_endian ? be16toh(value) : le16toh(value);
}

static inline uint32_t file_u32(const uint8_t *bytes, bool big_endian)
{
  uint32_t value;
  memcpy(&value, bytes, sizeof value);
  return big_endian ? be32toh(value) : le32toh(value);
}

static inline uint64_t file_u64(const uint8_t *bytes, bool big_endian)
{
  uint64_t value;
  memcpy(&value, bytes, sizeof value);
  return big_endian ? be64toh(value) : le64toh(value);
}

#endif
