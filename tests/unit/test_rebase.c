/* Numbers of a recording and of a live connection: positions that do not wrap. */
#include "replay/rebase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_syn_is_at_minus_one(void **state)
{
  (void)state;
  struct rebase_stream stream = {.known = false};
  rebase_begin(&stream, 1000);
  assert_true(stream.known);
  assert_int_equal(rebase_position(&stream, 1000), REBASE_SYN_POSITION);
  assert_int_equal(rebase_position(&stream, 1001), 0);
  assert_int_equal(rebase_seq(&stream, REBASE_SYN_POSITION), 1000);
  assert_int_equal(rebase_seq(&stream, 0), 1001);
}

static void positions_go_on_where_numbers_wrap(void **state)
{
  (void)state;
  struct rebase_stream stream;
  rebase_begin(&stream, UINT32_MAX - 10);
  int64_t position = 0;
  for (int i = 0; i < 10000; i++, position += 1000003) {
    const uint32_t seq = (uint32_t)(UINT32_MAX - 10 + 1 + (uint64_t)position);
    assert_int_equal(rebase_position(&stream, seq), position);
    assert_int_equal(rebase_seq(&stream, position), seq);
  }
  assert_true(position > INT64_C(2) * UINT32_MAX);
}

static void older_ones_are_found_again(void **state)
{
  (void)state;
  struct rebase_stream stream;
  rebase_begin(&stream, 7);
  assert_int_equal(rebase_position(&stream, 8 + 5000000), 5000000);
  assert_int_equal(rebase_position(&stream, 8 + 100), 100); /* sent again */
  assert_int_equal(rebase_position(&stream, 8 + 5000100), 5000100);
  assert_int_equal(stream.near, 5000100);
}

static void a_stream_met_in_its_midst_begins_there(void **state)
{
  (void)state;
  struct rebase_stream recorded, live;
  rebase_begin(&recorded, 123456789 - 1); /* the byte before the first one seen */
  rebase_begin(&live, 42);
  const int64_t position = rebase_position(&recorded, 123456789 + 1448);
  assert_int_equal(position, 1448);
  assert_int_equal(rebase_seq(&live, position), 42 + 1 + 1448);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_syn_is_at_minus_one),
      cmocka_unit_test(positions_go_on_where_numbers_wrap),
      cmocka_unit_test(older_ones_are_found_again),
      cmocka_unit_test(a_stream_met_in_its_midst_begins_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
