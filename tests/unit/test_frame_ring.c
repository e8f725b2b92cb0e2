#include "capture/frame_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CAPACITY 4096

static bool put(struct frame_ring *ring, uint32_t tag, uint32_t bytes)
{
  uint8_t content[CAPACITY];
  memset(content, (int)tag, sizeof content);
  const struct frame_ring_record record = {.time_ns = tag, .bytes = bytes, .tag = tag};
  return frame_ring_put(ring, &record, content);
}

static void check_front(struct frame_ring *ring, uint32_t tag, uint32_t bytes)
{
  const struct frame_ring_record *front = frame_ring_front(ring);
  assert_non_null(front);
  assert_int_equal(front->tag, tag);
  assert_int_equal(front->bytes, bytes);
  const uint8_t *content = (const uint8_t *)(front + 1);
  for (uint32_t i = 0; i < bytes; i++)
    assert_int_equal(content[i], (uint8_t)tag);
  frame_ring_release(ring, front);
}

static void full_refuses_and_keeps(void **state)
{
  (void)state;
  struct frame_ring ring = {0};
  uint32_t count = 0;
  assert_true(frame_ring_init(&ring, CAPACITY));
  assert_null(frame_ring_front(&ring));
  while (put(&ring, count, 100))
    count++;
  assert_int_equal(count, CAPACITY / (24 + 104));
  assert_int_equal(frame_ring_used_bytes(&ring), count * 128);
  for (uint32_t i = 0; i < count; i++)
    check_front(&ring, i, 100);
  assert_null(frame_ring_front(&ring));
  assert_int_equal(frame_ring_used_bytes(&ring), 0);
  frame_ring_free(&ring);
}

static void largest_fits_when_at_the_beginning(void **state)
{
  (void)state;
  struct frame_ring ring = {0};
  assert_true(frame_ring_init(&ring, CAPACITY));
  assert_false(put(&ring, 1, CAPACITY - 23));
  assert_true(put(&ring, 2, CAPACITY - 24));
  assert_false(put(&ring, 3, 0));
  check_front(&ring, 2, CAPACITY - 24);
  frame_ring_free(&ring);
}

/* Any sizes, any fill: what goes in comes out, in order, across every kind of wrap. */
static void random_sizes_come_back(void **state)
{
  (void)state;
  struct frame_ring ring = {0};
  uint32_t sizes[CAPACITY], in = 0, out = 0, seed = 12345;
  assert_true(frame_ring_init(&ring, CAPACITY));
  for (int i = 0; i < 200000; i++) {
    seed = seed * 1664525 + 1013904223;
    uint32_t size = (seed >> 16) % 300;
    sizes[in % CAPACITY] = size;
    if ((seed >> 8) % 2 == 0 && put(&ring, in, size)) {
      in++;
    } else if (out < in) {
      check_front(&ring, out, sizes[out % CAPACITY]);
      out++;
    }
  }
  assert_true(in > 10000);
  frame_ring_free(&ring);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(full_refuses_and_keeps),
                                     cmocka_unit_test(largest_fits_when_at_the_beginning),
                                     cmocka_unit_test(random_sizes_come_back)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
