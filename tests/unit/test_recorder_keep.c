#include "capture/recorder_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MEGABYTE (UINT64_C(1) << 20)
#define SECOND   INT64_C(1000000000)

static const uint8_t content[2000];

static void put_frame(struct recorder_keep *keep, uint32_t end, int64_t time_ns, uint32_t size)
{
  const struct recorder_item item = {.kind = RECORDER_FRAME,
                                     .end = end,
                                     .time_ns = time_ns,
                                     .order_ns = time_ns,
                                     .bytes = content,
                                     .size = size,
                                     .original_bytes = size + 1,
                                     .direction = PACKET_DIR_OUT};
  recorder_keep_put(keep, &item);
}

static void put_sample(struct recorder_keep *keep, uint32_t end, int64_t time_ns, uint64_t dropped)
{
  const struct recorder_item item = {.kind = RECORDER_SAMPLE,
                                     .end = end,
                                     .time_ns = time_ns,
                                     .order_ns = time_ns,
                                     .bytes = (const uint8_t *)"sample",
                                     .size = 6,
                                     .counters = {.seen = 77, .dropped = dropped}};
  recorder_keep_put(keep, &item);
}

static void comes_back_as_it_went_in(void **state)
{
  (void)state;
  struct recorder_keep keep;
  struct recorder_item item;
  assert_true(recorder_keep_init(&keep, MEGABYTE, 0));
  assert_false(recorder_keep_front(&keep, &item));
  put_frame(&keep, 2, 5, 60);
  put_sample(&keep, 1, 6, 9);
  assert_int_equal(keep.frames, 1);
  assert_true(recorder_keep_front(&keep, &item));
  assert_int_equal(item.kind, RECORDER_FRAME);
  assert_int_equal(item.end, 2);
  assert_int_equal(item.time_ns, 5);
  assert_int_equal(item.size, 60);
  assert_int_equal(item.original_bytes, 61);
  assert_int_equal(item.direction, PACKET_DIR_OUT);
  recorder_keep_release(&keep);
  assert_int_equal(keep.frames, 0);
  assert_true(recorder_keep_front(&keep, &item));
  assert_int_equal(item.kind, RECORDER_SAMPLE);
  assert_int_equal(item.size, 6);
  assert_memory_equal(item.bytes, "sample", 6);
  assert_int_equal(item.counters.seen, 77);
  assert_int_equal(item.counters.dropped, 9);
  recorder_keep_release(&keep);
  assert_false(recorder_keep_front(&keep, &item));
  recorder_keep_free(&keep);
}

/* The newest stay, and what was known before the oldest of them is known. */
static void forgets_the_oldest_for_want_of_room(void **state)
{
  (void)state;
  struct recorder_keep keep;
  struct recorder_item item;
  assert_true(recorder_keep_init(&keep, MEGABYTE, 0));
  for (int i = 0; i < 10000; i++) {
    put_frame(&keep, (uint32_t)(i % 2), i, 1000);
    if (i % 100 == 0)
      put_sample(&keep, 0, i, (uint64_t)i);
  }
  assert_true(keep.frames > 900 && keep.frames < 1049);
  assert_true(recorder_keep_front(&keep, &item));
  assert_int_equal(item.time_ns, 10000 - (int64_t)keep.frames);
  assert_int_equal(keep.before[0].seen + keep.before[1].seen, 10000 - keep.frames);
  assert_true((int64_t)keep.before[0].dropped > item.time_ns - 101);
  assert_true((int64_t)keep.before[0].dropped <= item.time_ns);
  assert_true(frame_ring_used_bytes(&keep.ring) <= MEGABYTE);
  recorder_keep_free(&keep);
}

static void forgets_what_is_too_old(void **state)
{
  (void)state;
  struct recorder_keep keep;
  struct recorder_item item;
  assert_true(recorder_keep_init(&keep, MEGABYTE, 10 * SECOND));
  for (int i = 0; i < 100; i++)
    put_frame(&keep, 0, i * SECOND, 100);
  assert_int_equal(keep.frames, 11);
  assert_true(recorder_keep_front(&keep, &item));
  assert_int_equal(item.time_ns, 89 * SECOND);
  put_frame(&keep, 0, 50 * SECOND, 100); /* a clock that was set back forgets nothing */
  assert_int_equal(keep.frames, 12);
  recorder_keep_free(&keep);
}

static void passes_over_what_is_larger_than_all_of_it(void **state)
{
  (void)state;
  struct recorder_keep keep;
  struct recorder_item item;
  assert_true(recorder_keep_init(&keep, 4096, 0));
  static const uint8_t large[8000];
  put_frame(&keep, 0, 1, 100);
  const struct recorder_item huge = {
      .kind = RECORDER_FRAME, .bytes = large, .size = sizeof large, .order_ns = 2};
  recorder_keep_put(&keep, &huge);
  assert_int_equal(keep.frames, 0);
  assert_int_equal(keep.before[0].seen, 2);
  assert_false(recorder_keep_front(&keep, &item));
  recorder_keep_free(&keep);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(comes_back_as_it_went_in),
                                     cmocka_unit_test(forgets_the_oldest_for_want_of_room),
                                     cmocka_unit_test(forgets_what_is_too_old),
                                     cmocka_unit_test(passes_over_what_is_larger_than_all_of_it)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
