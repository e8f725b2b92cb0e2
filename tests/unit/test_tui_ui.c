/* What keys and the mouse do, and what is then on the screen. */

#include "tests/unit/tui_scene.h"

/* Two connections: 1 is held by the path from 1 s to 9 s, 2 by its application from 4 s to 6 s; of
 * each, a segment every 100 ms but during its wait. */
static struct scene *example(void)
{
  struct scene *scene = scene_new(10);
  struct finding finding = scene_finding(1, 1000, 9000, LOCATION_FORWARD_PATH, CAUSE_PATH_HOLD);
  finding_add_evidence(&finding, 1, 0, T0_NS + NS_PER_S, "seen of many packets");
  finding_add_evidence(&finding, 0, 181, T0_NS + 9 * NS_PER_S, "the first one that moved on");
  model_add_finding(scene_connection(scene, 1, 2), &finding);
  finding = scene_finding(1, 4000, 6000, LOCATION_SENDER_APP, CAUSE_APP_IDLE);
  model_add_finding(scene_connection(scene, 2, 2), &finding);
  for (int i = 0; i < 100; i++)
    for (uint8_t end = 0; end < 2 && (i <= 10 || i >= 90); end++) {
      struct model_packet *packet = scene_packet(scene, end, i * 100 + end * 5, i * 1000, 1000);
      packet->frame = (uint64_t)i * 2 + 1 + end;
    }
  ui_choose(&scene->ui, 1);
  scene->model->now_ns = T0_NS + 5 * NS_PER_S;
  return scene;
}

static int64_t at_ms(const struct scene *scene)
{
  return (scene->model->now_ns - T0_NS) / NS_PER_MS;
}

static void enter_goes_deeper_and_escape_back(void **state)
{
  (void)state;
  struct scene *scene = example();
  assert_shown(scene, "HELD BY");
  scene_key(scene, KEY_RETURN);
  assert_shown(scene, "held by forward-path 4.0s");
  scene_key(scene, KEY_RETURN);
  assert_shown(scene, "finding      1 of 1");
  scene_key(scene, KEY_ESCAPE);
  scene_key(scene, KEY_ESCAPE);
  assert_shown(scene, "HELD BY");
  scene_key(scene, KEY_ESCAPE); /* there is nothing behind it */
  assert_shown(scene, "HELD BY");
  assert_false(scene->ui.quit);
  scene_key(scene, 'q');
  assert_true(scene->ui.quit);
  scene_free(scene);
}

static void evidence_leads_to_its_packet(void **state)
{
  (void)state;
  struct scene *scene = example();
  scene_key(scene, '4');
  assert_shown(scene, "the first one that moved on");
  scene_key(scene, KEY_RETURN);
  assert_shown(scene, "this is said of many packets");
  scene_key(scene, KEY_DOWN_);
  scene_key(scene, KEY_RETURN);
  assert_shown(scene, "90000:91000");
  const struct rung *rung = &scene->ui.ladder.rungs.list[scene->ui.ladder.cursor];
  assert_int_equal(rung->sent->frame, 181);
  assert_int_equal(at_ms(scene), 9000); /* the time has gone there, too */
  scene_free(scene);
}

static void a_wait_in_the_ladder_leads_to_its_finding(void **state)
{
  (void)state;
  struct scene *scene = example();
  scene_key(scene, '3');
  assert_shown(scene, "8.0s: forward-path, path-hold");
  scene_key(scene, 'g');
  scene_screen(scene, 24, 80);
  while (scene->ui.ladder.rungs.list[scene->ui.ladder.cursor].kind != RUNG_WAIT) {
    const uint32_t before = scene->ui.ladder.cursor;
    scene_key(scene, 'j');
    scene_screen(scene, 24, 80);
    assert_int_equal(scene->ui.ladder.cursor, before + 1);
  }
  assert_int_equal(at_ms(scene), 1000);
  scene_key(scene, KEY_RETURN);
  assert_shown(scene, "finding      1 of 1");
  scene_free(scene);
}

/* The ladder goes with the time, and the time with the ladder's cursor. */
static void the_time_moves_the_ladder_and_it_the_time(void **state)
{
  (void)state;
  struct scene *scene = example();
  scene_key(scene, '3');
  scene_screen(scene, 24, 80);
  assert_int_equal(at_ms(scene), 5000);
  scene_key(scene, 'G');
  scene_screen(scene, 24, 80);
  assert_int_equal(at_ms(scene), 9900);
  scene_key(scene, '{'); /* a tenth back */
  assert_int_equal(at_ms(scene), 8900);
  scene_screen(scene, 24, 80);
  assert_int_equal(scene->ui.ladder.rungs.list[scene->ui.ladder.cursor].kind, RUNG_WAIT);
  assert_int_equal(at_ms(scene), 8900);
  scene->ui.playing = true;
  ui_pass(&scene->ui, 300 * NS_PER_MS);
  scene_screen(scene, 24, 80);
  assert_int_equal(at_ms(scene), 9200);
  assert_int_equal(scene->ui.ladder.rungs.list[scene->ui.ladder.cursor].time_ns,
                   T0_NS + 9200 * NS_PER_MS);
  scene_free(scene);
}

static void playing_goes_on_to_the_end_at_its_speed(void **state)
{
  (void)state;
  struct scene *scene = example();
  scene_key(scene, ' ');
  assert_true(scene->ui.playing);
  assert_shown(scene, "playing 1x");
  ui_pass(&scene->ui, NS_PER_S);
  assert_int_equal(at_ms(scene), 6000);
  scene_key(scene, '.');
  ui_pass(&scene->ui, NS_PER_S);
  assert_int_equal(at_ms(scene), 8000);
  scene_key(scene, ',');
  scene_key(scene, ',');
  ui_pass(&scene->ui, NS_PER_S);
  assert_int_equal(at_ms(scene), 8500);
  ui_pass(&scene->ui, 10 * NS_PER_S);
  assert_int_equal(at_ms(scene), 10000);
  assert_false(scene->ui.playing);
  scene_key(scene, ' '); /* from the beginning */
  assert_int_equal(at_ms(scene), 0);
  for (int i = 0; i < 100; i++)
    scene_key(scene, '.');
  assert_true(scene->ui.speed <= 1024);
  scene_free(scene);
}

static void n_goes_from_problem_to_problem_that_is_shown(void **state)
{
  (void)state;
  struct scene *scene = example();
  scene->model->now_ns = T0_NS;
  static const int64_t middles_ms[] = {5000, 5000, 5000};
  static const uint64_t ids[] = {1, 2, 1};
  for (int i = 0; i < 3; i++) {
    scene_key(scene, 'n');
    assert_int_equal(scene->ui.connection_id, ids[i]);
    assert_int_equal(at_ms(scene), middles_ms[i]);
  }
  scene_key(scene, 'N');
  assert_int_equal(scene->ui.connection_id, 2); /* round again, backwards */
  scene_key(scene, '/');
  scene_type(scene, "path-hold");
  scene_key(scene, KEY_RETURN);
  scene_screen(scene, 24, 80);
  for (int i = 0; i < 3; i++) {
    scene_key(scene, 'n');
    assert_int_equal(scene->ui.connection_id, 1);
  }
  scene_free(scene);
}

static void a_filter_that_is_wrong_is_kept_and_told(void **state)
{
  (void)state;
  struct scene *scene = example();
  scene_key(scene, '3');
  scene_key(scene, '/'); /* from anywhere */
  scene_type(scene, "10.0.0.2 and");
  scene_key(scene, KEY_RETURN);
  assert_int_equal(scene->ui.prompt, PROMPT_FILTER);
  assert_shown(scene, "something is missing at the end");
  assert_shown(scene, "10.0.0.1"); /* all are shown still */
  for (int i = 0; i < 4; i++)
    scene_key(scene, KEY_ERASE);
  scene_key(scene, KEY_RETURN);
  assert_shown(scene, "1 of 2 match: 10.0.0.2");
  assert_not_shown(scene, "10.0.0.1:");
  scene_key(scene, '/');
  scene_key(scene, 'x');
  scene_key(scene, KEY_ESCAPE); /* given up: as it was */
  assert_shown(scene, "1 of 2 match: 10.0.0.2");
  scene_key(scene, '/');
  scene_key(scene, 0x15);
  scene_key(scene, KEY_RETURN);
  assert_not_shown(scene, "match:");
  assert_int_equal(scene->ui.list.count, 2);
  scene_free(scene);
}

static void sorting_goes_both_ways_and_by_mouse(void **state)
{
  (void)state;
  struct scene *scene = example();
  scene_screen(scene, 24, 80);
  assert_int_equal(scene->ui.list.order[0], 0); /* the longer wait first */
  scene_key(scene, '>');
  assert_int_equal(scene->ui.list.sort, SORT_ID);
  scene_screen(scene, 24, 80);
  assert_int_equal(scene->ui.list.order[0], 0);
  scene_key(scene, 'r');
  scene_screen(scene, 24, 80);
  assert_int_equal(scene->ui.list.order[0], 1);
  scene_mouse(scene, MOUSE_CLICK, 1, 2); /* the head of ID: the other way round again */
  assert_false(scene->ui.list.reversed);
  scene_mouse(scene, MOUSE_CLICK, 1, 70); /* HELD BY */
  assert_int_equal(scene->ui.list.sort, SORT_STALLED);
  scene_screen(scene, 24, 80);
  scene_mouse(scene, MOUSE_CLICK, 3, 10);
  assert_int_equal(scene->ui.connection_id, 2);
  assert_shown(scene, "HELD BY");
  scene_mouse(scene, MOUSE_CLICK, 3, 10); /* a second one goes in */
  assert_shown(scene, "client sends:");
  scene_mouse(scene, MOUSE_CLICK, 23, 0); /* F1 */
  assert_shown(scene, "this help");
  scene_free(scene);
}

static void the_line_of_time_and_the_plot_take_clicks(void **state)
{
  (void)state;
  struct scene *scene = example();
  scene_key(scene, '2');
  scene_screen(scene, 24, 80);
  scene_mouse(scene, MOUSE_CLICK, 22, 1);
  assert_int_equal(at_ms(scene), 0);
  scene_mouse(scene, MOUSE_CLICK, 22, 40);
  assert_int_equal(at_ms(scene), 5000);
  scene_mouse(scene, MOUSE_CLICK, 18, 9);
  assert_in_range(at_ms(scene), 0, 150);
  scene_mouse(scene, MOUSE_CLICK, 18, 79);
  assert_in_range(at_ms(scene), 9850, 10000);
  /* the wheel zooms around where it is: that time stays there */
  scene_mouse(scene, MOUSE_WHEEL_UP, 18, 79);
  scene_screen(scene, 24, 80);
  assert_int_equal(scene->ui.plot.to_ns - scene->ui.plot.from_ns, 8 * NS_PER_S);
  assert_true(scene->ui.plot.to_ns > T0_NS + 9900 * NS_PER_MS);
  scene_mouse(scene, MOUSE_WHEEL_DOWN, 18, 40);
  scene_screen(scene, 24, 80);
  assert_int_equal(scene->ui.plot.from_ns, scene->ui.plot.to_ns); /* all of it again */
  scene_mouse(scene, MOUSE_CLICK, 18, 27);
  const int64_t before_ms = at_ms(scene);
  for (int i = 0; i < 3; i++) {
    scene_mouse(scene, MOUSE_WHEEL_UP, 18, 27);
    scene_screen(scene, 24, 80);
  }
  scene_mouse(scene, MOUSE_CLICK, 18, 27);
  assert_in_range(at_ms(scene), before_ms - 20, before_ms + 20);
  scene_free(scene);
}

static void the_plot_is_zoomed_and_moved_within_its_life(void **state)
{
  (void)state;
  struct scene *scene = example();
  scene_key(scene, '2');
  scene_screen(scene, 24, 80);
  scene_key(scene, '+');
  assert_int_equal(scene->ui.plot.from_ns, T0_NS + 2500 * NS_PER_MS);
  assert_int_equal(scene->ui.plot.to_ns, T0_NS + 7500 * NS_PER_MS);
  for (int i = 0; i < 20; i++)
    scene_key(scene, KEY_LEFT_);
  assert_int_equal(scene->ui.plot.from_ns, T0_NS);
  assert_int_equal(scene->ui.plot.to_ns, T0_NS + 5 * NS_PER_S);
  for (int i = 0; i < 20; i++)
    scene_key(scene, 'l');
  assert_int_equal(scene->ui.plot.to_ns, T0_NS + 10 * NS_PER_S);
  for (int i = 0; i < 60; i++)
    scene_key(scene, '+');
  assert_true(scene->ui.plot.to_ns - scene->ui.plot.from_ns >= 10 * NS_PER_US);
  scene_screen(scene, 24, 80);
  scene_key(scene, '0');
  assert_int_equal(scene->ui.plot.from_ns, scene->ui.plot.to_ns);
  scene_key(scene, '+'); /* a time that is not shown is gone to */
  ui_look_at(&scene->ui, T0_NS);
  assert_true(scene->ui.plot.from_ns <= T0_NS && scene->ui.plot.to_ns > T0_NS);
  scene_free(scene);
}

static const char *kicked(void *context, const struct model_connection *connection)
{
  *(uint64_t *)context += connection->id;
  return "kicked";
}

static void a_kick_asks_first(void **state)
{
  (void)state;
  struct scene *scene = example();
  uint64_t kicks = 0;
  scene->model->live = true;
  scene->ui.actions.kick = kicked;
  scene->ui.actions.context = &kicks;
  scene_screen(scene, 24, 80);
  scene_key(scene, 'k'); /* up, in the table */
  assert_int_equal(scene->ui.prompt, PROMPT_NONE);
  scene_key(scene, KEY_FUNCTION + 9);
  assert_shown(scene, "send one ping");
  scene_key(scene, 'n');
  assert_int_equal(kicks, 0);
  scene_key(scene, KEY_RETURN);
  scene_key(scene, 'k');
  scene_key(scene, 'y');
  assert_int_equal(kicks, 1);
  assert_shown(scene, "kicked");
  scene_free(scene);
}

/* Live, now is now, unless the screen stands. */
static void live_the_time_moves_only_while_paused(void **state)
{
  (void)state;
  struct scene *scene = example();
  scene->model->live = true;
  scene->model->now_ns = scene->model->end_ns;
  scene_key(scene, '{');
  assert_int_equal(at_ms(scene), 10000);
  assert_shown(scene, "Space stops the screen");
  scene_key(scene, ' ');
  assert_true(scene->ui.paused);
  assert_shown(scene, "PAUSED");
  assert_int_equal(scene->model->packets_of, 1); /* kept, whatever the capture forgets */
  scene_key(scene, '{');
  assert_int_equal(at_ms(scene), 9000);
  scene_key(scene, ' ');
  assert_false(scene->ui.paused);
  scene_free(scene);
}

static void a_finding_that_is_looked_at_stays_while_others_come(void **state)
{
  (void)state;
  struct scene *scene = example();
  scene_key(scene, '4');
  assert_shown(scene, "finding      1 of 1");
  const struct finding longer = scene_finding(2, 0, 9900, LOCATION_REVERSE_PATH, CAUSE_ACK_HOLD);
  model_add_finding(model_find(scene->model, 1), &longer); /* comes before it */
  assert_shown(scene, "finding      2 of 2");
  assert_shown(scene, "the first one that moved on");
  scene_key(scene, 'h');
  assert_shown(scene, "finding      1 of 2");
  scene_free(scene);
}

/* What goes on has lasted until now, whenever it was told. */
static void a_wait_that_goes_on_lasts_until_now(void **state)
{
  (void)state;
  struct scene *scene = example();
  struct model_connection *connection = model_find(scene->model, 1);
  struct finding finding = scene_finding(2, 9500, 9700, LOCATION_SENDER_QUEUE, CAUSE_TX_QUEUE_HOLD);
  scene->model->live = true;
  scene->model->now_ns = scene->model->end_ns = T0_NS + 20 * NS_PER_S;
  connection->summary.streams[SIDE_CLIENT].moving_ns = 10 * NS_PER_S;
  connection->has_owner = true;
  connection->owner = (struct model_owner){
      .kind = OWNER_LOCATION, .location = LOCATION_SENDER_QUEUE, .since_ns = finding.start_ns};
  for (int told = 0; told < 2; told++) {
    finding.state = told == 0 ? FINDING_OPEN : FINDING_REVISED;
    model_add_finding(connection, &finding);
    scene->ui.depth = 1;
    assert_shown(scene, "tx-queue-hold 10.5s");
    scene_key(scene, '2');
    assert_shown(scene, "sender-queue 51%");
    scene_key(scene, KEY_DOWN_);
    scene_key(scene, '4');
    assert_shown(scene, "(10.5s), not over");
    scene_key(scene, ' ');
    ui_look_at(&scene->ui, T0_NS + 15 * NS_PER_S);
    scene_key(scene, '2');
    assert_shown(scene, "held by sender-queue 5.5s");
    scene_key(scene, ' ');
    scene->model->now_ns = scene->model->end_ns;
  }
  finding.state = FINDING_CLOSED;
  model_add_finding(connection, &finding);
  scene_key(scene, '4');
  assert_shown(scene, "(200ms), ended by");
  scene_free(scene);
}

/* No size and no view of nothing draws outside or stops. */
static void any_size_can_be_drawn(void **state)
{
  (void)state;
  static const int sizes[][2] = {{1, 1}, {2, 10}, {3, 3}, {5, 20}, {12, 60}, {24, 80}, {60, 250}};
  for (int empty = 0; empty < 2; empty++) {
    struct scene *scene = empty ? scene_new(1) : example();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
      for (uint32_t key = '1'; key <= '4'; key++) {
        scene_key(scene, key);
        scene_screen(scene, sizes[i][0], sizes[i][1]);
        static const uint32_t keys[] = {KEY_UP_, KEY_DOWN_, KEY_PAGE_DOWN, KEY_PAGE_UP, 'g',
                                        'G',     KEY_LEFT_, KEY_RIGHT_,    '+',         '-',
                                        'x',     'e',       'd',           'd',         'n'};
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
          scene_key(scene, keys[k]);
          scene_screen(scene, sizes[i][0], sizes[i][1]);
        }
        for (int row = 0; row < sizes[i][0]; row++)
          for (int mouse = MOUSE_CLICK; mouse <= MOUSE_WHEEL_DOWN; mouse++)
            scene_mouse(scene, (enum mouse)mouse, row, sizes[i][1] / 2);
        scene_key(scene, '?');
        scene_screen(scene, sizes[i][0], sizes[i][1]);
        scene_key(scene, KEY_ESCAPE);
      }
    scene_free(scene);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(enter_goes_deeper_and_escape_back),
      cmocka_unit_test(evidence_leads_to_its_packet),
      cmocka_unit_test(a_wait_in_the_ladder_leads_to_its_finding),
      cmocka_unit_test(the_time_moves_the_ladder_and_it_the_time),
      cmocka_unit_test(playing_goes_on_to_the_end_at_its_speed),
      cmocka_unit_test(n_goes_from_problem_to_problem_that_is_shown),
      cmocka_unit_test(a_filter_that_is_wrong_is_kept_and_told),
      cmocka_unit_test(sorting_goes_both_ways_and_by_mouse),
      cmocka_unit_test(the_line_of_time_and_the_plot_take_clicks),
      cmocka_unit_test(the_plot_is_zoomed_and_moved_within_its_life),
      cmocka_unit_test(a_kick_asks_first),
      cmocka_unit_test(live_the_time_moves_only_while_paused),
      cmocka_unit_test(a_finding_that_is_looked_at_stays_while_others_come),
      cmocka_unit_test(a_wait_that_goes_on_lasts_until_now),
      cmocka_unit_test(any_size_can_be_drawn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
