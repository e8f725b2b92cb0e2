/* From a recording to what a replay has to do, and from that to text and back. */
#include "plan_scene.h"
#include "replay/plan_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct scene scene;

static const struct plan_condition *only_suspected(const struct plan *plan)
{
  const struct plan_condition *found = NULL;
  for (uint32_t i = 0; i < plan->condition_count; i++)
    if (plan->conditions[i].suspected) {
      assert_null(found);
      found = &plan->conditions[i];
    }
  assert_non_null(found);
  return found;
}

/* Ten segments, ten ACKs. */
static void send_all(int64_t begin_us, uint32_t first, uint32_t last)
{
  for (uint32_t n = first; n <= last; n++) {
    scene_data(&scene, begin_us + n * 10, 0, n);
    scene_ack(&scene, begin_us + 10020 + n * 10, 0, n + 1, 64240);
  }
}

static void a_lost_tail_is_lost_as_often(void **state)
{
  (void)state;
  scene_begin(&scene);
  send_all(21000, 0, 8);
  scene_data(&scene, 21090, NOT_ARRIVED, 9);
  scene_data(&scene, 250000, NOT_ARRIVED, 9);
  scene_data(&scene, 700000, 0, 9);
  scene_ack(&scene, 710000, 0, 10, 64240);
  struct plan *plan = scene_plan(&scene, "forward-path", "rto-backoff", 41000, 720000);
  assert_non_null(plan);
  assert_string_equal(only_suspected(plan)->text, "ab drop bytes=13140..14599 copies=1..2");
  assert_int_equal(plan->delay_ns[PATH_AB], SCENE_WAY_NS);
  assert_int_equal(plan->delay_ns[PATH_BA], SCENE_WAY_NS);
  assert_int_equal(plan->sides[PLAN_A].writer.steps[0].value, 14600); /* one write: all was there */
  plan_free(plan);
}

static void what_arrived_in_one_burst_was_held(void **state)
{
  (void)state;
  scene_begin(&scene);
  send_all(21000, 0, 3);
  for (uint32_t n = 4; n < 9; n++)
    scene_data(&scene, 21000 + n * 10, 2000000 + n, n);
  scene_ack(&scene, 2001000, 0, 9, 64240);
  struct plan *plan = scene_plan(&scene, "forward-path", "path-hold", 41000, 2010000);
  assert_non_null(plan);
  assert_string_equal(only_suspected(plan)->text,
                      "ab hold from=byte:ab:5840 for=1968964us log=first");
  plan_free(plan);
}

static void lost_acks_are_a_stretch_of_time(void **state)
{
  (void)state;
  scene_begin(&scene);
  send_all(21000, 0, 3);
  scene_data(&scene, 60000, 0, 4);
  scene_ack(&scene, 71000, NOT_ARRIVED, 5, 64240);
  scene_data(&scene, 300000, 0, 4);
  scene_ack(&scene, 311000, NOT_ARRIVED, 5, 64240);
  scene_data(&scene, 800000, 0, 4);
  scene_ack(&scene, 811000, 0, 5, 64240);
  struct plan *plan = scene_plan(&scene, "reverse-path", "ack-loss", 60000, 821000);
  assert_non_null(plan);
  const struct plan_condition *loss = only_suspected(plan);
  assert_memory_equal(loss->text, "ba drop from=byte:ab:", 21);
  assert_non_null(strstr(loss->text, " for="));
  plan_free(plan);
}

static void silence_after_all_was_acknowledged_is_the_writers(void **state)
{
  (void)state;
  scene_begin(&scene);
  send_all(21000, 0, 3);
  scene_data(&scene, 3000000, 0, 4);
  scene_ack(&scene, 3010100, 0, 5, 64240);
  struct plan *plan = scene_plan(&scene, "sender-app", "app-idle", 41050, 3000000);
  assert_non_null(plan);
  const struct plan_steps *writer = &plan->sides[PLAN_A].writer;
  assert_int_equal(writer->count, 4);
  assert_int_equal(writer->steps[0].kind, STEP_WRITE);
  assert_int_equal(writer->steps[0].value, 4 * SCENE_FULL);
  assert_int_equal(writer->steps[1].kind, STEP_AWAIT_SENT);
  assert_int_equal(writer->steps[2].kind, STEP_WAIT);
  assert_in_range(writer->steps[2].value, 2958 * NS_PER_MS, 2960 * NS_PER_MS);
  assert_int_equal(only_suspected(plan)->kind, CONDITION_WRITER_WAITS);
  plan_free(plan);
}

static void a_window_that_closes_is_a_reader_who_stops(void **state)
{
  (void)state;
  scene_begin(&scene);
  for (uint32_t n = 0; n < 12; n++)
    scene_data(&scene, 21000 + n * 10, 0, n);
  scene_ack(&scene, 31020, 0, 2, 64240);                  /* it keeps up */
  scene_ack(&scene, 31060, 0, 6, 64240 - 4 * SCENE_FULL); /* and then it does not */
  scene_ack(&scene, 31120, 0, 12, 0);
  scene_ack(&scene, 2031120, 0, 12, 64240);
  struct plan *plan = scene_plan(&scene, "receiver-app", "zero-window", 31120, 2031120);
  assert_non_null(plan);
  const struct plan_steps *reader = &plan->sides[PLAN_B].reader;
  assert_int_equal(reader->steps[0].kind, STEP_READ);
  assert_int_equal(reader->steps[0].value, 2 * SCENE_FULL);
  assert_int_equal(reader->steps[1].kind, STEP_WAIT);
  assert_int_equal(reader->steps[1].value, 2000100 * NS_PER_US);
  assert_int_equal(only_suspected(plan)->kind, CONDITION_READER_STOPS);
  plan_free(plan);
}

static void a_scale_that_differs_was_rewritten(void **state)
{
  (void)state;
  scene_begin(&scene);
  for (uint32_t i = 0; i < 2; i++)
    for (int side = 0; side < RECORDING_SIDES; side++) {
      scene.recording.points[i].syns[side].has_wscale = true;
      scene.recording.points[i].syns[side].wscale = 7;
    }
  scene.recording.points[0].syns[RECORDING_SERVER].wscale = 0;
  send_all(21000, 0, 3);
  struct plan *plan = scene_plan(&scene, "reverse-path", "window-scale-rewritten", 21000, 5000000);
  assert_non_null(plan);
  assert_string_equal(only_suspected(plan)->text, "ba wscale 0 kind=synack");
  plan_free(plan);
}

static void a_queue_that_held_splits_what_is_written(void **state)
{
  (void)state;
  scene_begin(&scene);
  send_all(21000, 0, 3);
  for (uint32_t n = 4; n < 8; n++)
    scene_data(&scene, 5000000 + n * 10, 0, n);
  scene_ack(&scene, 5011000, 0, 8, 64240);
  struct plan *plan = scene_plan(&scene, "sender-queue", "tx-queue-hold", 41050, 5000000);
  assert_non_null(plan);
  const struct plan_condition *hold = only_suspected(plan);
  assert_int_equal(hold->kind, CONDITION_QUEUE_HOLD);
  assert_int_equal(hold->hold.byte, 3 * SCENE_FULL - 1);
  const struct plan_steps *writer = &plan->sides[PLAN_A].writer;
  assert_int_equal(writer->count, 3);
  assert_int_equal(writer->steps[0].value, 3 * SCENE_FULL);
  assert_int_equal(writer->steps[1].kind, STEP_AWAIT_QUEUE);
  assert_int_equal(writer->steps[2].value, 5 * SCENE_FULL); /* what was held was written before */
  plan_free(plan);
}

static void text_says_all_of_it(void **state)
{
  (void)state;
  scene_begin(&scene);
  send_all(21000, 0, 8);
  scene_data(&scene, 21090, NOT_ARRIVED, 9);
  scene_data(&scene, 250000, 0, 9);
  scene_ack(&scene, 261000, 0, 10, 64240);
  struct error error = {.code = ERROR_NONE};
  struct plan *plan = scene_plan(&scene, "forward-path", "tail-loss", 41000, 270000);
  char *text = plan_text(plan);
  assert_non_null(text);
  struct plan *again = plan_parse(text, strlen(text), &error);
  if (again == NULL)
    fail_msg("%s\n%s", error.text, text);
  assert_int_equal(again->target.waited_ns, plan->target.waited_ns);
  assert_string_equal(again->target.cause, "tail-loss");
  assert_string_equal(only_suspected(again)->text, only_suspected(plan)->text);
  assert_int_equal(again->sides[PLAN_A].writer.count, plan->sides[PLAN_A].writer.count);
  assert_int_equal(again->sides[PLAN_B].reader.count, plan->sides[PLAN_B].reader.count);
  again->conditions[0].off = true;
  char *less = plan_text(again);
  assert_null(strstr(less, "drop"));
  free(less);
  free(text);
  plan_free(again);
  plan_free(plan);
}

/* Recorded: data, the ACK of which arrived, and which were sent again all the same. */
static void a_host_that_heard_nothing_is_deaf(void **state)
{
  (void)state;
  scene_begin(&scene);
  send_all(21000, 0, 3);
  scene_data(&scene, 245000, 0, 2);
  scene_ack(&scene, 266000, 0, 3, 64240);
  scene_data(&scene, 700000, 0, 2);
  scene_ack(&scene, 721000, 0, 3, 64240);
  scene_data(&scene, 722000, 0, 3);
  struct plan *plan = scene_plan(&scene, "sender-tcp", "ack-ignored", 41000, 722000);
  assert_non_null(plan);
  const struct plan_condition *deaf = only_suspected(plan);
  assert_int_equal(deaf->kind, CONDITION_DEAF);
  assert_int_equal(deaf->host, PLAN_A);
  assert_int_equal(strncmp(deaf->spell.from, "byte:ab:", 8), 0);
  assert_true(deaf->spell.for_ns > 640 * NS_PER_MS && deaf->spell.for_ns < 700 * NS_PER_MS);
  plan_free(plan);
}

static void what_a_host_does_to_itself_is_read_again(void **state)
{
  (void)state;
  static const char text[] = "#@ a host opens port=1 mss=1000 keep-alive=1,2,3\n"
                             "#@ b host listens port=2 mss=1000\n#@ a write 1\n#@ b read-all\n"
                             "#@ a deaf from=byte:ab:100:2ms for=3s # suspected: so\n"
                             "#@ b forget-neighbour from=syn:1s for=200ms\n"
                             "#@ b listen-full 4s # suspected: so\n#@ a abort # suspected: so\n";
  struct error error = {.code = ERROR_NONE};
  struct plan *plan = plan_parse(text, sizeof text - 1, &error);
  if (plan == NULL)
    fail_msg("%s", error.text);
  char *once = plan_text(plan);
  struct plan *again = plan_parse(once, strlen(once), &error);
  assert_non_null(again);
  char *twice = plan_text(again);
  assert_string_equal(once, twice);
  assert_non_null(strstr(once, "keep-alive=1,2,3"));
  assert_non_null(strstr(once, "#@ a deaf from=byte:ab:100:2ms for=3s # suspected: so\n"));
  assert_non_null(strstr(once, "#@ b forget-neighbour from=syn:1s for=200ms\n"));
  assert_non_null(strstr(once, "#@ b listen-full 4s # suspected: so\n"));
  assert_int_equal(plan_suspected_count(again), 3);
  for (uint32_t i = 0; i < again->condition_count; i++)
    assert_int_not_equal(again->conditions[i].text[strlen(again->conditions[i].text) - 1], ' ');
  free(once);
  free(twice);
  plan_free(again);
  plan_free(plan);
}

static void refused(const char *text)
{
  struct error error = {.code = ERROR_NONE};
  struct plan *plan = plan_parse(text, strlen(text), &error);
  assert_null(plan);
  assert_true(error.text[0] != '\0');
}

static void nonsense_is_refused_by_line(void **state)
{
  (void)state;
  struct error error = {.code = ERROR_NONE};
  refused("");
  refused("#@ a host opens\n#@ b host listens\n#@ a write many\n");
  refused("#@ a host opens\n#@ b host listens\n#@ a dance\n");
  refused("#@ a host opens\n#@ b host listens\nab explode\n");
  refused("#@ a host opens\n#@ b host listens\n#@ a hold-queue byte=5\n");
  refused("#@ expect problem stall\n");
  refused("#@ a host opens\n#@ b host listens\n#@ a deaf for=3s\n");
  refused("#@ a host opens\n#@ b host listens\n#@ a deaf from=syn for=never\n");
  refused("#@ a host opens\n#@ b host listens\n#@ b listen-full\n");
  refused("#@ a host opens keep-alive=1,2\n#@ b host listens\n");
  refused("#@ a host opens keep-alive=0,1,1\n#@ b host listens\n");
  assert_null(plan_parse("#@ a host opens\n#@ a write -1\n", 32, &error));
  assert_non_null(strstr(error.text, "line 2"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_lost_tail_is_lost_as_often),
      cmocka_unit_test(what_arrived_in_one_burst_was_held),
      cmocka_unit_test(lost_acks_are_a_stretch_of_time),
      cmocka_unit_test(silence_after_all_was_acknowledged_is_the_writers),
      cmocka_unit_test(a_window_that_closes_is_a_reader_who_stops),
      cmocka_unit_test(a_scale_that_differs_was_rewritten),
      cmocka_unit_test(a_queue_that_held_splits_what_is_written),
      cmocka_unit_test(a_host_that_heard_nothing_is_deaf),
      cmocka_unit_test(what_a_host_does_to_itself_is_read_again),
      cmocka_unit_test(text_says_all_of_it),
      cmocka_unit_test(nonsense_is_refused_by_line),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
