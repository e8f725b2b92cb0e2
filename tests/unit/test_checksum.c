/* The Internet checksum: RFC 1071's own example, and against a sum of 16-bit words for every length
 * and alignment. */
#include "wire/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The sum as the bytes lie in memory, whatever the machine's byte order. */
static uint16_t in_memory_order(uint8_t first, uint8_t second)
{
  const uint8_t bytes[2] = {first, second};
  uint16_t value;
  memcpy(&value, bytes, sizeof value);
  return value;
}

/* RFC 1071, 3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2. */
static void test_example(void **state)
{
  (void)state;
  static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  assert_int_equal(checksum_fold(checksum_add(0, bytes, sizeof bytes)),
                   in_memory_order(0xdd, 0xf2));
}

static void test_nothing(void **state)
{
  (void)state;
  static const uint8_t zeros[40];
  assert_int_equal(checksum_fold(checksum_add(0, zeros, 0)), 0);
  assert_int_equal(checksum_fold(checksum_add(0, zeros, sizeof zeros)), 0);
}

static uint16_t slow_sum(const uint8_t *bytes, size_t size)
{
  uint32_t sum = 0;
  for (size_t i = 0; i < size; i += 2)
    sum += (uint32_t)bytes[i] << 8 | (i + 1 < size ? bytes[i + 1] : 0U);
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return in_memory_order((uint8_t)(sum >> 8), (uint8_t)sum);
}

static void test_lengths_and_alignments(void **state)
{
  (void)state;
  for (size_t size = 0; size < 300; size++) {
    for (size_t shift = 0; shift < 8; shift++) {
      uint8_t *bytes = malloc(size + shift + 1);
      assert_non_null(bytes);
      for (size_t i = 0; i < size; i++)
        bytes[shift + i] = (uint8_t)(i * 167 + size * 13 + 0x80);
      assert_int_equal(checksum_fold(checksum_add(0, bytes + shift, size)),
                       slow_sum(bytes + shift, size));
      free(bytes);
    }
  }
}

/* Carries out of 64 bits come around. */
static void test_carries(void **state)
{
  (void)state;
  uint8_t bytes[96];
  memset(bytes, 0xff, sizeof bytes);
  assert_int_equal(checksum_fold(checksum_add(0, bytes, sizeof bytes)), 0xffff);
  assert_int_equal(checksum_fold(checksum_add(UINT64_MAX, bytes, 95)), slow_sum(bytes, 95));
}

static void test_pieces(void **state)
{
  (void)state;
  uint8_t bytes[200];
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t)(i * 91);
  for (size_t cut = 0; cut < sizeof bytes; cut += 2) {
    const uint64_t sum = checksum_add(0, bytes, cut);
    assert_int_equal(checksum_fold(checksum_add(sum, bytes + cut, sizeof bytes - cut)),
                     slow_sum(bytes, sizeof bytes));
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_example),
      cmocka_unit_test(test_nothing),
      cmocka_unit_test(test_lengths_and_alignments),
      cmocka_unit_test(test_carries),
      cmocka_unit_test(test_pieces),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
