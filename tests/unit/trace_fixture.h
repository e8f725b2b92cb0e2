#ifndef TESTS_TRACE_FIXTURE_H
#define TESTS_TRACE_FIXTURE_H

/* Bytes laid out by hand, and files made of them, for the tests of what reads traces. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LAYOUT_BYTES_MAX 65536

struct layout {
  bool big_endian;
  size_t size;
  uint8_t bytes[LAYOUT_BYTES_MAX];
};

static inline void lay_number(struct layout *layout, uint64_t value, unsigned bytes)
{
  assert_true(layout->size + bytes <= sizeof layout->bytes);
  for (unsigned i = 0; i < bytes; i++) {
    unsigned shift = 8 * (layout->big_endian ? bytes - 1 - i : i);
    layout->bytes[layout->size++] = (uint8_t)(value >> shift);
  }
}

static inline void lay_u16(struct layout *layout, uint16_t value)
{
  lay_number(layout, value, 2);
}

static inline void lay_u32(struct layout *layout, uint32_t value)
{
  lay_number(layout, value, 4);
}

static inline void lay_bytes(struct layout *layout, const void *bytes, size_t size)
{
  assert_true(layout->size + size <= sizeof layout->bytes);
  if (size > 0)
    memcpy(layout->bytes + layout->size, bytes, size);
  layout->size += size;
}

static inline void lay_fill(struct layout *layout, uint8_t value, size_t size)
{
  assert_true(layout->size + size <= sizeof layout->bytes);
  memset(layout->bytes + layout->size, value, size);
  layout->size += size;
}

/* A pcap of Ethernet frames, with microseconds: its header, the caller's to free. */
static inline struct layout *new_pcap_layout(void)
{
  struct layout *layout = calloc(1, sizeof *layout);
  assert_non_null(layout);
  lay_u32(layout, 0xa1b2c3d4);
  lay_u16(layout, 2);
  lay_u16(layout, 4);
  lay_number(layout, 0, 8);
  lay_u32(layout, 65535);
  lay_u32(layout, 1);
  return layout;
}

/* The header of a record; the frame follows. */
static inline void lay_record_header(struct layout *layout, uint32_t time_s, uint32_t bytes)
{
  lay_u32(layout, time_s);
  lay_u32(layout, 0);
  lay_u32(layout, bytes);
  lay_u32(layout, bytes);
}

#define FIXTURE_PATH_BYTES 32

/* A file in the current folder, which the test removes. */
static inline int open_fixture(char path[FIXTURE_PATH_BYTES])
{
  strcpy(path, "trace-XXXXXX");
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  return fd;
}

static inline void write_fixture(char path[FIXTURE_PATH_BYTES], const void *bytes, size_t size)
{
  int fd = open_fixture(path);
  assert_int_equal(write(fd, bytes, size), (ssize_t)size);
  close(fd);
}

#endif
