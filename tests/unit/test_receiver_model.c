/* The receiver that a replay plays: what it acknowledges, and how. */
#include "replay/rebase.h"
#include "replay/receiver_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define EDGE INT64_C(100000)

static void begin(struct receiver_model *model)
{
  receiver_model_init(model);
  assert_int_equal(receiver_model_take(model, REBASE_SYN_POSITION, 0, EDGE), RECEIVER_ADVANCED);
  assert_int_equal(model->next, 0);
  model->last_ack = 0;
}

static void what_comes_in_order_is_acknowledged(void **state)
{
  (void)state;
  struct receiver_model model;
  struct receiver_range blocks[RECEIVER_SACK_MAX];
  begin(&model);
  assert_int_equal(receiver_model_take(&model, 0, 1000, EDGE), RECEIVER_ADVANCED);
  assert_int_equal(receiver_model_take(&model, 1000, 2000, EDGE), RECEIVER_ADVANCED);
  assert_int_equal(model.next, 2000);
  assert_int_equal(receiver_model_sack(&model, blocks, RECEIVER_SACK_MAX), 0);
}

/* RFC 2018, 4: the block with the segment that came last is the first. */
static void holes_are_told_the_latest_first(void **state)
{
  (void)state;
  struct receiver_model model;
  struct receiver_range blocks[RECEIVER_SACK_MAX];
  begin(&model);
  assert_int_equal(receiver_model_take(&model, 1000, 2000, EDGE), RECEIVER_OUT_OF_ORDER);
  assert_int_equal(receiver_model_take(&model, 5000, 6000, EDGE), RECEIVER_OUT_OF_ORDER);
  assert_int_equal(receiver_model_take(&model, 3000, 4000, EDGE), RECEIVER_OUT_OF_ORDER);
  assert_int_equal(receiver_model_sack(&model, blocks, RECEIVER_SACK_MAX), 3);
  assert_int_equal(blocks[0].first, 3000);
  assert_int_equal(blocks[1].first, 5000);
  assert_int_equal(blocks[2].first, 1000);
  assert_int_equal(receiver_model_take(&model, 2000, 3000, EDGE), RECEIVER_OUT_OF_ORDER);
  assert_int_equal(receiver_model_sack(&model, blocks, RECEIVER_SACK_MAX), 2);
  assert_int_equal(blocks[0].first, 1000);
  assert_int_equal(blocks[0].end, 4000);
  assert_int_equal(receiver_model_take(&model, 0, 1000, EDGE), RECEIVER_ADVANCED);
  assert_int_equal(model.next, 4000);
  assert_int_equal(receiver_model_take(&model, 4000, 5000, EDGE), RECEIVER_ADVANCED);
  assert_int_equal(model.next, 6000);
  assert_int_equal(receiver_model_sack(&model, blocks, RECEIVER_SACK_MAX), 0);
}

/* RFC 2883, 4. */
static void what_comes_again_is_told_once_more(void **state)
{
  (void)state;
  struct receiver_model model;
  struct receiver_range blocks[RECEIVER_SACK_MAX];
  begin(&model);
  receiver_model_take(&model, 0, 3000, EDGE);
  assert_int_equal(receiver_model_take(&model, 1000, 2000, EDGE), RECEIVER_DUPLICATE);
  assert_int_equal(receiver_model_sack(&model, blocks, RECEIVER_SACK_MAX), 1);
  assert_int_equal(blocks[0].first, 1000);
  assert_int_equal(blocks[0].end, 2000);
  receiver_model_take(&model, 4000, 5000, EDGE);
  assert_int_equal(receiver_model_take(&model, 4000, 5000, EDGE), RECEIVER_DUPLICATE);
  assert_int_equal(receiver_model_sack(&model, blocks, RECEIVER_SACK_MAX), 2);
  assert_int_equal(blocks[0].first, 4000); /* twice: as a duplicate, and as what is kept */
  assert_int_equal(blocks[1].first, 4000);
}

static void probes_and_what_the_window_does_not_allow(void **state)
{
  (void)state;
  struct receiver_model model;
  struct receiver_range blocks[RECEIVER_SACK_MAX];
  begin(&model);
  receiver_model_take(&model, 0, 5000, 5000);
  assert_int_equal(receiver_model_take(&model, 4999, 4999, 5000), RECEIVER_DUPLICATE);
  assert_int_equal(receiver_model_sack(&model, blocks, RECEIVER_SACK_MAX), 0);
  assert_int_equal(receiver_model_take(&model, 5000, 5001, 5000), RECEIVER_DUPLICATE);
  assert_int_equal(model.next, 5000);
  assert_int_equal(receiver_model_take(&model, 5000, 7000, 6000), RECEIVER_ADVANCED);
  assert_int_equal(model.next, 6000); /* cut at the edge */
}

/* RFC 7323, 4.3: of segments that wait for one ACK together, the first one's is echoed. */
static void timestamps_are_echoed(void **state)
{
  (void)state;
  struct receiver_model model;
  receiver_model_init(&model);
  receiver_model_timestamp(&model, REBASE_SYN_POSITION, 500);
  receiver_model_take(&model, REBASE_SYN_POSITION, 0, EDGE);
  model.last_ack = 0;
  receiver_model_timestamp(&model, 0, 600);
  receiver_model_take(&model, 0, 1000, EDGE);
  receiver_model_timestamp(&model, 1000, 610);
  receiver_model_take(&model, 1000, 2000, EDGE);
  assert_int_equal(model.ts_recent, 600);
  model.last_ack = 2000;
  receiver_model_timestamp(&model, 2000, 590); /* older */
  assert_int_equal(model.ts_recent, 600);
  receiver_model_timestamp(&model, 2000, 620);
  assert_int_equal(model.ts_recent, 620);
}

static void there_are_only_so_many_holes(void **state)
{
  (void)state;
  struct receiver_model model;
  begin(&model);
  for (int64_t i = 0; i < 3 * RECEIVER_RANGES_MAX; i++)
    receiver_model_take(&model, 10 + i * 20, 20 + i * 20, EDGE);
  assert_true(model.range_count <= RECEIVER_RANGES_MAX);
  for (int64_t i = 3 * RECEIVER_RANGES_MAX; i-- > 0;) /* and from the other side */
    receiver_model_take(&model, 40000 + i * 20, 40010 + i * 20, EDGE);
  assert_true(model.range_count <= RECEIVER_RANGES_MAX);
  for (uint32_t i = 1; i < model.range_count; i++)
    assert_true(model.ranges[i - 1].end < model.ranges[i].first);
  assert_int_equal(receiver_model_take(&model, 0, EDGE, EDGE), RECEIVER_ADVANCED);
  assert_int_equal(model.next, EDGE);
  assert_int_equal(model.range_count, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_comes_in_order_is_acknowledged),
      cmocka_unit_test(holes_are_told_the_latest_first),
      cmocka_unit_test(what_comes_again_is_told_once_more),
      cmocka_unit_test(probes_and_what_the_window_does_not_allow),
      cmocka_unit_test(timestamps_are_echoed),
      cmocka_unit_test(there_are_only_so_many_holes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
