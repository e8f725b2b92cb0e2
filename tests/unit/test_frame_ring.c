#include "capture/frame_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CAPACITY 4096
#define HEADER   ((uint32_t)sizeof(struct frame_ring_record))

static bool put(struct frame_ring *ring, uint32_t tag, uint32_t bytes)
{
  uint8_t content[CAPACITY];
  memset(content, (int)tag, sizeof content);
  const struct frame_ring_record record = {.time_ns = tag, .bytes = bytes, .original_bytes = tag};
  return frame_ring_put(ring, &record, content);
}

static void check_front(struct frame_ring *ring, uint32_t tag, uint32_t bytes)
{
  struct frame_ring_record front;
  const uint8_t *content;
  assert_int_equal(frame_ring_front(ring, &front, &content), FRAME_RING_RECORD);
  assert_int_equal(front.original_bytes, tag);
  assert_int_equal(front.bytes, bytes);
  for (uint32_t i = 0; i < bytes; i++)
    assert_int_equal(content[i], (uint8_t)tag);
  frame_ring_release(ring, &front);
}

static void check_empty(struct frame_ring *ring)
{
  struct frame_ring_record front;
  const uint8_t *content;
  assert_int_equal(frame_ring_front(ring, &front, &content), FRAME_RING_EMPTY);
}

static void full_refuses_and_keeps(void **state)
{
  (void)state;
  struct frame_ring ring = {0};
  uint32_t count = 0;
  assert_true(frame_ring_init(&ring, CAPACITY));
  check_empty(&ring);
  while (put(&ring, count, 100))
    count++;
  assert_int_equal(count, CAPACITY / (HEADER + 104));
  assert_int_equal(frame_ring_used_bytes(&ring), count * (HEADER + 104));
  for (uint32_t i = 0; i < count; i++)
    check_front(&ring, i, 100);
  check_empty(&ring);
  assert_int_equal(frame_ring_used_bytes(&ring), 0);
  frame_ring_free(&ring);
}

static void largest_fits_when_at_the_beginning(void **state)
{
  (void)state;
  struct frame_ring ring = {0};
  assert_true(frame_ring_init(&ring, CAPACITY));
  assert_false(put(&ring, 1, CAPACITY - HEADER + 1));
  assert_true(put(&ring, 2, CAPACITY - HEADER));
  assert_false(put(&ring, 3, 0));
  check_front(&ring, 2, CAPACITY - HEADER);
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

/* A producer that was taken over by somebody may write anything: no read goes outside. */
static void any_nonsense_is_survived(void **state)
{
  (void)state;
  struct frame_ring ring = {0};
  uint32_t seed = 4711, damaged = 0;
  assert_true(frame_ring_init(&ring, CAPACITY));
  for (int i = 0; i < 100000; i++) {
    struct frame_ring_record front;
    const uint8_t *content;
    for (size_t at = 0; at < CAPACITY; at += 512) {
      seed = seed * 1664525 + 1013904223;
      memcpy(ring.memory + at + seed % 500, &seed, sizeof seed);
    }
    atomic_store(&ring.positions->written, (uint64_t)seed << (seed % 40));
    atomic_store(&ring.positions->released, ((uint64_t)seed << (seed % 40)) - (seed >> 16) % 5000);
    enum frame_ring_result result = frame_ring_front(&ring, &front, &content);
    damaged += result == FRAME_RING_DAMAGED ? 1 : 0;
    if (result != FRAME_RING_RECORD)
      continue;
    assert_true(content >= ring.memory && content + front.bytes <= ring.memory + CAPACITY);
    frame_ring_release(&ring, &front);
  }
  assert_true(damaged > 1000);
  frame_ring_free(&ring);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(full_refuses_and_keeps),
                                     cmocka_unit_test(largest_fits_when_at_the_beginning),
                                     cmocka_unit_test(random_sizes_come_back),
                                     cmocka_unit_test(any_nonsense_is_survived)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
