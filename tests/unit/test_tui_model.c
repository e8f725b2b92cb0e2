/* What the dashboard knows: ends, problems in their order, who holds a connection at a moment,
 * where its bytes are, what was announced; and the marks on the axes of its plots. */

#include "tests/unit/tui_scene.h"
#include "tui/announced.h"
#include "tui/flow.h"
#include "tui/owner.h"
#include "tui/plot.h"
#include "tui/words.h"

static void problems_are_gone_through_in_order(void **state)
{
  (void)state;
  struct scene *scene = scene_new(100);
  struct model_connection *found = NULL;
  /* two begin at once, in two connections */
  static const int begin_s[][2] = {{10, 30}, {10, 20}};
  for (uint64_t id = 1; id <= 2; id++)
    for (uint32_t i = 0; i < 2; i++) {
      const int64_t from_ms = begin_s[id - 1][i] * 1000;
      const struct finding finding =
          scene_finding(i + 1, from_ms, from_ms + 500, LOCATION_SENDER_APP, CAUSE_APP_IDLE);
      struct model_connection *connection = model_find(scene->model, id);
      if (connection == NULL)
        connection = scene_connection(scene, id, 1);
      model_add_finding(connection, &finding);
    }
  static const struct {
    uint64_t connection;
    int begin_s;
  } order[] = {{1, 10}, {2, 10}, {2, 20}, {1, 30}};
  struct model_place from = {.start_ns = INT64_MIN};
  for (int i = 0; i < 4; i++) {
    const struct finding *next = model_next_problem(scene->model, &from, true, NULL, NULL, &found);
    assert_non_null(next);
    assert_int_equal(found->id, order[i].connection);
    assert_int_equal(next->start_ns, T0_NS + order[i].begin_s * NS_PER_S);
    from = (struct model_place){next->start_ns, found->id, next->id};
  }
  assert_null(model_next_problem(scene->model, &from, true, NULL, NULL, &found));
  for (int i = 2; i >= 0; i--) {
    const struct finding *next = model_next_problem(scene->model, &from, false, NULL, NULL, &found);
    assert_non_null(next);
    assert_int_equal(found->id, order[i].connection);
    from = (struct model_place){next->start_ns, found->id, next->id};
  }
  assert_null(model_next_problem(scene->model, &from, false, NULL, NULL, &found));
  scene_free(scene);
}

static void problems_come_before_the_rest_and_have_one_place(void **state)
{
  (void)state;
  struct scene *scene = scene_new(100);
  struct model_connection *connection = scene_connection(scene, 1, 1);
  struct finding finding = scene_finding(1, 0, 90000, LOCATION_SENDER_APP, CAUSE_APP_IDLE);
  finding.severity = SEVERITY_INFO;
  model_add_finding(connection, &finding);
  finding = scene_finding(2, 0, 1000, LOCATION_FORWARD_PATH, CAUSE_PATH_HOLD);
  model_add_finding(connection, &finding);
  assert_int_equal(model_problems(connection), 1);
  assert_int_equal(model_worst(connection)->id, 2);
  const uint32_t version = connection->findings_version;
  snprintf(finding.summary, sizeof finding.summary, "again");
  model_add_finding(connection, &finding); /* revised */
  assert_int_equal(connection->finding_count, 2);
  assert_string_equal(model_worst(connection)->summary, "again");
  assert_int_not_equal(connection->findings_version, version);
  for (uint32_t id = 3; id < 200; id++) {
    finding = scene_finding(id, 0, 1000 + id, LOCATION_FORWARD_PATH, CAUSE_PATH_HOLD);
    model_add_finding(connection, &finding);
  }
  assert_int_equal(connection->finding_count, MODEL_FINDINGS_MAX);
  assert_int_equal(model_worst(connection)->id, 199);
  scene_free(scene);
}

static void the_owner_is_whoever_holds_it_then(void **state)
{
  (void)state;
  struct scene *scene = scene_new(240);
  struct model_connection *connection = scene_connection(scene, 1, 1);
  const struct finding finding =
      scene_finding(1, 100000, 160000, LOCATION_RECEIVER_APP, CAUSE_ZERO_WINDOW);
  char text[64];
  enum style style;
  model_add_finding(connection, &finding);
  connection->summary.start_ns = T0_NS + 10 * NS_PER_S;
  connection->summary.end_ns = T0_NS + 200 * NS_PER_S;
  connection->summary.closed = true;
  connection->sent_bytes[0][50] = 5;
  static const struct {
    int at_s;
    const char *text;
  } cases[] = {{5, "not yet"},
               {30, "idle"},
               {51, "moving"},
               {100, "receiver-app 0\u00b5s"},
               {130, "receiver-app 30.0s"},
               {161, "idle"},
               {210, "closed"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const int64_t at_ns = T0_NS + cases[i].at_s * NS_PER_S;
    const struct model_owner owner = model_owner_at(scene->model, connection, at_ns);
    assert_string_equal(owner_text(&owner, at_ns, text, sizeof text, &style), cases[i].text);
    assert_int_equal(model_is_held(scene->model, connection, at_ns), owner.kind == OWNER_LOCATION);
  }
  scene_free(scene);
}

static void set_view(struct model_connection *connection, uint8_t end, enum vantage vantage)
{
  struct connection_summary summary = connection->summary;
  summary.end = end;
  summary.vantage = vantage;
  assert_true(model_set_view(connection, &summary, NULL));
}

static void ends_are_known_by_vantage_else_by_their_order(void **state)
{
  (void)state;
  static const struct {
    int views;
    enum vantage at[3];
    uint8_t client, server;
  } cases[] = {
      {1, {VANTAGE_CLIENT}, 0, 0},
      {2, {VANTAGE_CLIENT, VANTAGE_SERVER}, 0, 1},
      {2, {VANTAGE_SERVER, VANTAGE_CLIENT}, 1, 0},
      {2, {VANTAGE_UNKNOWN, VANTAGE_UNKNOWN}, 0, 1},
      {2, {VANTAGE_SERVER, VANTAGE_UNKNOWN}, 1, 0},
      {2, {VANTAGE_UNKNOWN, VANTAGE_CLIENT}, 1, 0},
      {3, {VANTAGE_CLIENT, VANTAGE_MIDDLE, VANTAGE_SERVER}, 0, 2},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct scene *scene = scene_new(10);
    struct model_connection *connection = scene_connection(scene, 1, 1);
    uint8_t client, server;
    for (uint8_t view = 0; view < cases[i].views; view++)
      set_view(connection, view, cases[i].at[view]);
    set_view(connection, 0, cases[i].at[0]); /* again: in place of the first */
    assert_int_equal(connection->view_count, cases[i].views);
    model_ends_of(connection, &client, &server);
    assert_int_equal(client, cases[i].client);
    assert_int_equal(server, cases[i].server);
    scene_free(scene);
  }
}

static void bytes_are_where_both_ends_say(void **state)
{
  (void)state;
  struct scene *scene = scene_new(10);
  struct model_connection *connection = scene_connection(scene, 1, 2);
  scene_packet(scene, 0, 10, 0, 1000);
  scene_packet(scene, 0, 20, 1000, 1000);
  scene_packet(scene, 1, 30, 0, 1000);
  scene_ack(scene, 1, 40, 1000)->window_bytes = 5000;
  scene_packet(scene, 0, 50, 2000, 1000);
  scene_packet(scene, 1, 60, 2000, 1000); /* 1000:2000 is missing */
  scene_packet(scene, 1, 61, 2000, 1000); /* and this came twice */
  scene_ack(scene, 0, 70, 1000)->window_bytes = 5000;
  scene_packet(scene, 1, 80, 1000, 1000);
  scene_ack(scene, 1, 90, 2500)->window_bytes = 5000; /* a part of a segment */
  const struct model_packets *packets = model_packets_of(scene->model, connection);
  static const struct {
    int at_ms;
    uint64_t outstanding, path, unacked, ack;
  } cases[] = {{35, 2000, 1000, 1000, 0}, {45, 2000, 1000, 0, 1000}, {65, 3000, 1000, 1000, 1000},
               {75, 2000, 1000, 1000, 0}, {85, 2000, 0, 2000, 0},    {95, 2000, 0, 500, 1500}};
  assert_false(flow_at(packets, connection, SIDE_CLIENT, T0_NS).known);
  assert_false(flow_at(packets, connection, SIDE_CLIENT, T0_NS + 25 * NS_PER_MS).two_ends);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct flow flow =
        flow_at(packets, connection, SIDE_CLIENT, T0_NS + cases[i].at_ms * NS_PER_MS);
    assert_true(flow.known && flow.two_ends);
    assert_int_equal(flow.outstanding_bytes, cases[i].outstanding);
    assert_int_equal(flow.path_bytes, cases[i].path);
    assert_int_equal(flow.unacked_bytes, cases[i].unacked);
    assert_int_equal(flow.ack_bytes, cases[i].ack);
  }
  assert_int_equal(flow_at(packets, connection, SIDE_CLIENT, T0_NS + 80 * NS_PER_MS).window_bytes,
                   5000);
  scene_free(scene);
}

static void ends_disagree_only_about_what_both_saw(void **state)
{
  (void)state;
  struct scene *scene = scene_new(10);
  struct model_connection *connection = scene_connection(scene, 1, 2);
  struct connection_summary summary = connection->summary;
  char text[600];
  const uint32_t shift[2] = {(uint32_t)-1000000, 0};
  struct stream_summary *client = &summary.streams[SIDE_CLIENT];
  client->syn = summary.streams[SIDE_SERVER].syn = true;
  client->sack_permitted = client->timestamps = true;
  client->wscale_state = WSCALE_KNOWN;
  client->wscale_min = client->wscale_max = 7;
  summary.streams[SIDE_SERVER].mss = 1460; /* the client's */
  assert_true(model_set_view(connection, &summary, NULL));
  summary.end = 1;
  assert_true(model_set_view(connection, &summary, NULL));
  assert_string_equal(announced_disagreement(connection, text, sizeof text), "");
  client->wscale_state = WSCALE_UNKNOWN;
  summary.streams[SIDE_SERVER].mss = 0;
  client->syn = false;
  assert_true(model_set_view(connection, &summary, NULL));
  assert_string_equal(announced_disagreement(connection, text, sizeof text), "");
  client->syn = true;
  client->wscale_state = WSCALE_ABSENT;
  client->sack_permitted = false;
  summary.streams[SIDE_SERVER].mss = 1400;
  assert_true(model_set_view(connection, &summary, shift));
  assert_string_equal(announced_disagreement(connection, text, sizeof text),
                      "The ends disagree about the client's window scale (7 at A, not in use at "
                      "B); the client's MSS (1460 at A, 1400 at B); the client's SACK (yes at A, "
                      "no at B); the client's sequence numbers (as sent at A, moved by +1000000 at "
                      "B).");
  assert_int_equal(strlen(announced_disagreement(connection, text, 40)), 39); /* cut, not beyond */
  scene_free(scene);
}

static void axes_have_round_numbers(void **state)
{
  (void)state;
  static const struct {
    double low, high;
    int count;
    double first, step;
  } bytes[] = {{0, 14600, 4, 0, 5000},      {1234, 99999, 5, 20000, 20000}, {0, 1, 5, 0, 1},
               {1e9, 1e9 + 50, 5, 1e9, 10}, {0, 65535, 2, 0, 50000},        {7, 9, 100, 7, 1}};
  static const struct {
    int64_t span_ns;
    int count;
    int64_t step_ns;
  } times[] = {{10 * NS_PER_S, 6, 2 * NS_PER_S},
               {NS_PER_S, 5, 500 * NS_PER_MS},
               {100 * NS_PER_MS, 6, 20 * NS_PER_MS},
               {3600 * NS_PER_S, 8, 600 * NS_PER_S},
               {70 * NS_PER_S, 6, 15 * NS_PER_S},
               {30 * NS_PER_US, 4, 10 * NS_PER_US},
               {86400 * 100 * NS_PER_S, 5, 86400 * 21 * NS_PER_S}};
  for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
    double step;
    const double first = plot_ticks(bytes[i].low, bytes[i].high, bytes[i].count, &step);
    assert_true(first == bytes[i].first);
    assert_true(step == bytes[i].step);
  }
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    int64_t step_ns;
    const int64_t first_ns =
        plot_time_ticks(T0_NS + 1, T0_NS + 1 + times[i].span_ns, times[i].count, &step_ns);
    assert_int_equal(step_ns, times[i].step_ns);
    assert_int_equal(first_ns % step_ns, 0);
    assert_in_range(first_ns, T0_NS + 1, T0_NS + step_ns);
  }
}

static void a_place_in_the_plot_is_a_time_and_back(void **state)
{
  (void)state;
  const struct plot_scale scale = {.from_ns = T0_NS,
                                   .to_ns = T0_NS + 10 * NS_PER_S,
                                   .low = 1000,
                                   .high = 2000,
                                   .width = 200,
                                   .height = 40};
  for (int column = 0; column < 100; column++)
    assert_int_equal(plot_x(&scale, plot_time(&scale, column)) / 2, column);
  assert_int_equal(plot_y(&scale, 1000), 0);
  assert_int_equal(plot_y(&scale, 2000), 39);
  assert_int_equal(plot_x(&scale, INT64_MIN / 2), -200); /* far outside, but bounded */
  assert_int_equal(plot_x(&scale, INT64_MAX), 400);
  assert_int_equal(plot_y(&scale, 1e18), 80);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(problems_are_gone_through_in_order),
      cmocka_unit_test(problems_come_before_the_rest_and_have_one_place),
      cmocka_unit_test(the_owner_is_whoever_holds_it_then),
      cmocka_unit_test(ends_are_known_by_vantage_else_by_their_order),
      cmocka_unit_test(bytes_are_where_both_ends_say),
      cmocka_unit_test(ends_disagree_only_about_what_both_saw),
      cmocka_unit_test(axes_have_round_numbers),
      cmocka_unit_test(a_place_in_the_plot_is_a_time_and_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
