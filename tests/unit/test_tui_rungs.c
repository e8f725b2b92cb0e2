/* The ladder's rows: what belongs together at both ends, what is lost, late, cut up. */

#include "tests/support/random.h"
#include "tests/unit/tui_scene.h"
#include "tui/rungs.h"

static struct rungs *update(struct scene *scene, struct model_connection *connection)
{
  scene->model->packets_of = 0;
  assert_non_null(model_packets_of(scene->model, connection));
  assert_true(rungs_update(&scene->ui.ladder.rungs, scene->model, connection));
  return &scene->ui.ladder.rungs;
}

/* Both captures go on around everything. */
static void surround(struct scene *scene)
{
  for (int end = 0; end < 2; end++) {
    scene->model->ends[end].first_ns = scene->model->start_ns - NS_PER_S;
    scene->model->ends[end].last_ns = scene->model->end_ns + NS_PER_S;
  }
}

static void a_packet_and_its_arrival_are_one_row(void **state)
{
  (void)state;
  struct scene *scene = scene_new(10);
  struct model_connection *connection = scene_connection(scene, 1, 2);
  scene_packet(scene, 0, 100, 0, 1000);
  scene_packet(scene, 1, 105, 0, 1000);
  scene_ack(scene, 1, 106, 1000);
  scene_ack(scene, 0, 111, 1000);
  const struct rungs *rungs = update(scene, connection);
  assert_int_equal(rungs->count, 2);
  assert_true(rungs->two_ends);
  assert_int_equal(rungs->list[0].sent->end, 0);
  assert_int_equal(rungs->list[0].arrived->end, 1);
  assert_int_equal(rungs->list[0].fate, RUNG_ARRIVED);
  assert_int_equal(rungs->list[1].sent->end, 1); /* the server's leaves at its own end */
  assert_int_equal(rungs->list[1].arrived->end, 0);
  assert_int_equal(rungs->usual_ns, 5 * NS_PER_MS);
  scene_free(scene);
}

/* The first copy is lost, the second arrives: IP-ID or timestamp tells which one it was. */
static void a_retransmission_is_not_taken_for_the_lost_original(void **state)
{
  (void)state;
  for (int by_timestamp = 0; by_timestamp < 2; by_timestamp++) {
    struct scene *scene = scene_new(10);
    struct model_connection *connection = scene_connection(scene, 1, 2);
    surround(scene);
    for (int copy = 0; copy < 2; copy++) {
      struct model_packet *packet = scene_packet(scene, 0, 100 + copy * 300, 0, 1000);
      packet->ip_id = (uint16_t)(by_timestamp ? 0 : 7 + copy);
      packet->ts_val = (uint32_t)(by_timestamp ? 7 + copy : 0);
    }
    struct model_packet *packet = scene_packet(scene, 1, 405, 0, 1000);
    packet->ip_id = by_timestamp ? 0 : 8;
    packet->ts_val = by_timestamp ? 8 : 0;
    const struct rungs *rungs = update(scene, connection);
    assert_int_equal(rungs->count, 2);
    assert_int_equal(rungs->list[0].fate, RUNG_LOST);
    assert_null(rungs->list[0].arrived);
    assert_int_equal(rungs->list[1].fate, RUNG_ARRIVED);
    assert_int_equal(rungs->list[1].arrived->frame, 3);
    scene_free(scene);
  }
}

/* A middlebox that writes other IP-IDs and timestamps: the numbers that are left have to do. */
static void a_packet_that_was_rewritten_is_known_by_its_numbers(void **state)
{
  (void)state;
  struct scene *scene = scene_new(10);
  struct model_connection *connection = scene_connection(scene, 1, 2);
  surround(scene);
  scene_packet(scene, 0, 100, 0, 1000)->ip_id = 1;
  struct model_packet *arrived = scene_packet(scene, 1, 105, 0, 1000);
  arrived->ip_id = 99;
  arrived->window_bytes = 1;
  scene_ack(scene, 1, 106, 1000)->ip_id = 5; /* without bytes, too */
  scene_ack(scene, 0, 111, 1000)->window_bytes = 1;
  const struct rungs *rungs = update(scene, connection);
  assert_int_equal(rungs->count, 2);
  for (int i = 0; i < 2; i++)
    assert_int_equal(rungs->list[i].fate, RUNG_ARRIVED);
  scene_free(scene);
}

static void nothing_is_under_way_for_ever(void **state)
{
  (void)state;
  for (int equal = 0; equal < 2; equal++) { /* by its numbers, and by its bytes */
    struct scene *scene = scene_new(100);
    struct model_connection *connection = scene_connection(scene, 1, 2);
    surround(scene);
    scene_packet(scene, 0, 100, 0, 1000);
    scene_packet(scene, 1, 40000, 0, equal ? 1000 : 2000);
    const struct rungs *rungs = update(scene, connection);
    assert_int_equal(rungs->count, 2);
    assert_int_equal(rungs->list[0].fate, RUNG_LOST);
    assert_null(rungs->list[1].sent);
    scene_free(scene);
  }
}

/* TSO at the sender, GRO at the receiver: no segment is as it left, and nothing is lost. */
static void segments_that_are_cut_up_or_joined_have_arrived(void **state)
{
  (void)state;
  struct scene *scene = scene_new(10);
  struct model_connection *connection = scene_connection(scene, 1, 2);
  surround(scene);
  scene_packet(scene, 0, 100, 0, 4000);
  for (int i = 0; i < 4; i++)
    scene_packet(scene, 1, 105 + i, i * 1000, 1000);
  scene_packet(scene, 0, 200, 4000, 1000);
  scene_packet(scene, 0, 201, 5000, 1000);
  scene_packet(scene, 1, 206, 4000, 2000);
  const struct rungs *rungs = update(scene, connection);
  assert_int_equal(rungs->count, 3);
  assert_int_equal(rungs->list[0].pieces, 4);
  assert_int_equal(rungs->list[0].arrived->frame, 5); /* the last one */
  for (int i = 0; i < 3; i++)
    assert_int_equal(rungs->list[i].fate, RUNG_ARRIVED);
  scene_free(scene);
}

static void a_segment_of_which_a_part_came_is_cut(void **state)
{
  (void)state;
  struct scene *scene = scene_new(10);
  struct model_connection *connection = scene_connection(scene, 1, 2);
  surround(scene);
  scene_packet(scene, 0, 100, 0, 3000);
  scene_packet(scene, 1, 105, 0, 1000);
  scene_packet(scene, 1, 107, 2000, 1000);
  const struct rungs *rungs = update(scene, connection);
  assert_int_equal(rungs->count, 1);
  assert_int_equal(rungs->list[0].fate, RUNG_PARTLY);
  assert_int_equal(rungs->list[0].pieces, 2);
  scene_free(scene);
}

static void nothing_is_lost_where_nobody_looked(void **state)
{
  (void)state;
  static const struct {
    int64_t first_ms, last_ms; /* of B's capture */
    bool lossy;
    int fate;
  } cases[] = {{-1000, 20000, false, RUNG_LOST},
               {-1000, 20000, true, RUNG_MISSING},
               {4000, 20000, false, RUNG_UNKNOWN},
               {-1000, 3000, false, RUNG_UNKNOWN},
               {-1000, 3010, false, RUNG_UNKNOWN}}; /* it may still have been on its way */
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct scene *scene = scene_new(10);
    struct model_connection *connection = scene_connection(scene, 1, 2);
    struct model_end *far = &scene->model->ends[1];
    surround(scene);
    far->first_ns = T0_NS + cases[i].first_ms * NS_PER_MS;
    far->last_ns = T0_NS + cases[i].last_ms * NS_PER_MS;
    far->has_dropped = true;
    far->dropped = cases[i].lossy ? 5 : 0;
    scene_packet(scene, 0, 3000, 5000, 1000);
    scene_packet(scene, 1, 2990, 0, 500); /* it sees this side's packets */
    const struct rungs *rungs = update(scene, connection);
    assert_int_equal(rungs->count, 2);
    assert_int_equal(rungs->list[1].fate, cases[i].fate);
    scene_free(scene);
  }
}

/* It saw no packet of that direction at all: a filter may have kept them out. */
static void a_direction_that_was_not_captured_is_not_lost(void **state)
{
  (void)state;
  struct scene *scene = scene_new(10);
  struct model_connection *connection = scene_connection(scene, 1, 2);
  surround(scene);
  scene_packet(scene, 0, 3000, 0, 1000);
  scene_ack(scene, 1, 3010, 1000);
  const struct rungs *rungs = update(scene, connection);
  assert_int_equal(rungs->list[0].fate, RUNG_UNKNOWN);
  scene_free(scene);
}

static void what_took_long_has_a_row_at_either_end(void **state)
{
  (void)state;
  struct scene *scene = scene_new(10);
  struct model_connection *connection = scene_connection(scene, 1, 2);
  scene_packet(scene, 0, 100, 0, 1000);
  scene_packet(scene, 1, 105, 0, 1000);
  scene_packet(scene, 0, 200, 1000, 1000);
  scene_packet(scene, 0, 201, 2000, 1000);
  scene_packet(scene, 1, 210, 2000, 1000); /* 9 ms: late, but no slope */
  scene_packet(scene, 1, 3200, 1000, 1000);
  const struct rungs *rungs = update(scene, connection);
  assert_int_equal(rungs->count, 4);
  assert_true(rungs->list[1].slow);
  assert_int_equal(rungs->list[1].kind, RUNG_PACKET);
  assert_false(rungs->list[2].slow);
  assert_int_equal(rungs->list[3].kind, RUNG_ARRIVAL);
  assert_int_equal(rungs->list[3].time_ns, T0_NS + 3200 * NS_PER_MS);
  assert_ptr_equal(rungs->list[3].sent, rungs->list[1].sent);
  assert_int_equal(rungs_of_frame(rungs, 3, 0), 1);
  assert_int_equal(rungs_of_frame(rungs, 6, 1), 3); /* where it arrived */
  assert_int_equal(rungs_of_frame(rungs, 6, 0), UINT32_MAX);
  scene_free(scene);
}

static void a_wait_stands_where_it_begins(void **state)
{
  (void)state;
  struct scene *scene = scene_new(10);
  struct model_connection *connection = scene_connection(scene, 1, 1);
  const struct finding finding =
      scene_finding(1, 100, 5100, LOCATION_FORWARD_PATH, CAUSE_PATH_HOLD);
  scene_packet(scene, 0, 100, 0, 1000);
  scene_packet(scene, 0, 5100, 1000, 1000);
  const struct rungs *rungs = update(scene, connection);
  assert_int_equal(rungs->count, 2);
  assert_false(rungs->two_ends);
  assert_int_equal(rungs->list[0].fate, RUNG_UNKNOWN); /* one end knows of no loss */
  model_add_finding(connection, &finding);
  assert_true(rungs_update(&scene->ui.ladder.rungs, scene->model, connection));
  assert_int_equal(rungs->count, 3);
  assert_int_equal(rungs->list[1].kind, RUNG_WAIT);
  assert_int_equal(rungs_at(rungs, T0_NS + 3000 * NS_PER_MS), 1);
  assert_int_equal(rungs_at(rungs, T0_NS), 0);
  assert_int_equal(rungs_at(rungs, INT64_MAX), 2);
  scene_free(scene);
}

/* They are kept until packets or findings change. */
static void rows_are_made_once(void **state)
{
  (void)state;
  struct scene *scene = scene_new(10);
  struct model_connection *connection = scene_connection(scene, 1, 2);
  scene_packet(scene, 0, 100, 0, 1000);
  struct rungs *rungs = update(scene, connection);
  rungs->list[0].pieces = 77;
  assert_true(rungs_update(rungs, scene->model, connection));
  assert_int_equal(rungs->list[0].pieces, 77);
  update(scene, connection);
  assert_int_equal(rungs->list[0].pieces, 1);
  scene_free(scene);
}

/* Whatever is fed, every packet of the two ends is in one row, and a slow one in two. */
static void no_packet_is_forgotten_or_shown_twice(void **state)
{
  (void)state;
  uint64_t seed = 20031122;
  for (int round = 0; round < 200; round++) {
    struct scene *scene = scene_new(10);
    struct model_connection *connection = scene_connection(scene, 1, 2);
    double at_ms = 0;
    uint32_t seen[301] = {0};
    for (int i = 0; i < 300; i++) {
      at_ms += random_below(&seed, 30);
      struct model_packet *packet =
          scene_packet(scene, (uint8_t)random_below(&seed, 2), at_ms, random_below(&seed, 8) * 500,
                       random_below(&seed, 4) * 500);
      packet->side = (uint8_t)random_below(&seed, 2);
      packet->ip_id = (uint16_t)random_below(&seed, 3);
    }
    const struct rungs *rungs = update(scene, connection);
    for (uint32_t i = 0; i < rungs->count; i++) {
      const struct rung *rung = &rungs->list[i];
      assert_true(i == 0 || rungs->list[i - 1].time_ns <= rung->time_ns);
      if (rung->kind != RUNG_PACKET)
        continue;
      if (rung->sent != NULL)
        seen[rung->sent->frame]++;
      if (rung->sent != NULL && rung->arrived != NULL) {
        assert_int_not_equal(rung->sent->end, rung->arrived->end);
        assert_int_equal(rung->sent->side, rung->arrived->side);
        assert_true(rung->arrived->time_ns > rung->sent->time_ns - 30 * NS_PER_MS);
      }
      if (rung->arrived != NULL && rung->pieces == 1 &&
          (rung->sent == NULL || (rung->sent->payload_bytes == rung->arrived->payload_bytes &&
                                  rung->sent->seq == rung->arrived->seq)))
        seen[rung->arrived->frame]++;
    }
    for (uint32_t frame = 1; frame <= 300; frame++)
      assert_in_range(seen[frame], 0, 1);
    for (uint32_t i = 0; i < scene->count; i++)
      if (scene->packets[i].end == (scene->packets[i].side == SIDE_CLIENT ? 0 : 1))
        assert_int_equal(seen[scene->packets[i].frame], 1);
    scene_free(scene);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_packet_and_its_arrival_are_one_row),
      cmocka_unit_test(a_retransmission_is_not_taken_for_the_lost_original),
      cmocka_unit_test(a_packet_that_was_rewritten_is_known_by_its_numbers),
      cmocka_unit_test(nothing_is_under_way_for_ever),
      cmocka_unit_test(segments_that_are_cut_up_or_joined_have_arrived),
      cmocka_unit_test(a_segment_of_which_a_part_came_is_cut),
      cmocka_unit_test(nothing_is_lost_where_nobody_looked),
      cmocka_unit_test(a_direction_that_was_not_captured_is_not_lost),
      cmocka_unit_test(what_took_long_has_a_row_at_either_end),
      cmocka_unit_test(a_wait_stands_where_it_begins),
      cmocka_unit_test(rows_are_made_once),
      cmocka_unit_test(no_packet_is_forgotten_or_shown_twice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
