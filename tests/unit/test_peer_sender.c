/* The recorded sender and path, played to a live receiver (replay/peer_sender_*.h). The server is
 * live; the recording was made at the server. */
#include "replay/peer_sender_engine.h"
#include "tests/unit/peer_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LIVE_ISN   0xffffffffu
#define PLAYED_ISN 9000u

struct play {
  struct scene scene;
  struct sender_script script;
  struct live live;
  struct frame_builder *builder;
  struct sender_engine *engine;
};

static void pass(struct play *play, int64_t until_ns)
{
  for (int64_t next_ns; (next_ns = sender_engine_next_ns(play->engine)) <= until_ns;)
    sender_engine_advance(play->engine, next_ns);
}

static void make_script(struct play *play, const struct recorded_finding *target)
{
  struct error error;
  assert_int_equal(sender_script_make(&play->script, &play->scene.recording,
                                      &play->scene.recording.points[0], RECORDING_SERVER, target,
                                      &error),
                   0);
}

static void say(struct play *play, int64_t ms, int64_t ack, uint16_t window, uint8_t flags)
{
  uint8_t frame[FRAME_BUILDER_MAX];
  const struct peer_segment segment = {.seq = flags & TCP_SYN ? -1 : 0,
                                       .ack = ack,
                                       .flags = (uint8_t)(flags | TCP_ACK),
                                       .window = window,
                                       .ts_val = 70000 + (uint32_t)ms,
                                       .ts_ecr = 1,
                                       .timestamps = true,
                                       .mss = flags & TCP_SYN ? 1460 : 0};
  pass(play, ms * MS);
  sender_engine_frame(play->engine, frame, live_frame(&play->live, &segment, frame), ms * MS);
}

/* The played side opens at once, the live one answers at 10 ms. */
static void open_live(struct play *play, uint16_t window)
{
  struct error error;
  play->builder = frame_builder_new(&error);
  live_begin(&play->live, play->builder, LIVE_ISN, PLAYED_ISN);
  const struct sender_engine_options options = {.script = &play->script,
                                                .link = play->live.out,
                                                .isn = PLAYED_ISN,
                                                .emitter = {&play->live, live_take}};
  play->engine = sender_engine_new(&options);
  assert_non_null(play->engine);
  pass(play, 0);
  assert_int_equal(play->live.count, 1);
  assert_int_equal(play->live.seen[0].flags, TCP_SYN);
  say(play, 10, 0, window, TCP_SYN);
}

static void end(struct play *play)
{
  sender_engine_free(play->engine);
  frame_builder_free(play->builder);
  sender_script_clear(&play->script);
  free(play);
}

static const struct packet *last(const struct play *play)
{
  return &play->live.seen[play->live.count - 1];
}

/* Recorded at the server, 10 ms from a word to what comes of it: data as acknowledgments allow,
 * then a pause of a second. */
static struct play *scene(void)
{
  struct play *play = calloc(1, sizeof *play);
  struct scene *scene = &play->scene;
  scene_begin(scene);
  struct packet *syn = scene_add(scene, RECORDING_CLIENT, 0, -1, 0, 0, 64000);
  syn->flags = TCP_SYN;
  syn->options |= TCP_OPT_MSS;
  syn->mss = 1460;
  struct packet *answer = scene_add(scene, RECORDING_SERVER, 0, -1, 0, 0, 10000);
  answer->flags = TCP_SYN | TCP_ACK;
  scene_add(scene, RECORDING_CLIENT, 10, 0, 0, 0, 64000)->ts_ecr = answer->ts_val;
  scene_add(scene, RECORDING_CLIENT, 10, 0, 1000, 0, 64000)->ts_ecr = answer->ts_val;
  scene_ack(scene, 11, 1000, 10000, 10);
  scene_add(scene, RECORDING_CLIENT, 21, 1000, 1000, 0, 64000)->ts_ecr = 900011;
  scene_ack(scene, 22, 2000, 10000, 21);
  scene_add(scene, RECORDING_CLIENT, 1022, 2000, 1000, 0, 64000)->ts_ecr = 900022;
  scene_ack(scene, 1023, 3000, 10000, 1022);
  return play;
}

static void segments_wait_for_what_they_had_heard(void **state)
{
  (void)state;
  struct play *play = scene();
  make_script(play, NULL);
  assert_true(play->script.whole);
  assert_int_equal(play->script.rtt_ns, 10 * MS);
  assert_int_equal(play->script.step_count, 4);
  open_live(play, 10000);
  pass(play, 19 * MS);
  assert_int_equal(play->live.count, 1);
  pass(play, 20 * MS);
  assert_int_equal(play->live.count, 3); /* its ACK, and the first data */
  assert_int_equal(last(play)->seq, PLAYED_ISN + 1);
  assert_int_equal(last(play)->payload_bytes, 1000);
  assert_int_equal(last(play)->ack, LIVE_ISN + 1);
  assert_int_equal(last(play)->checksum, CHECKSUM_GOOD);
  pass(play, 300 * MS);
  assert_int_equal(play->live.count, 3); /* the live side has not acknowledged it */
  say(play, 300, 1000, 10000, 0);
  pass(play, 310 * MS);
  assert_int_equal(play->live.count, 4);
  assert_int_equal(play->live.due_ns[3], 310 * MS);
  say(play, 311, 2000, 10000, 0);
  pass(play, (311 + 999) * MS);
  assert_int_equal(play->live.count, 4); /* it pauses, as recorded */
  pass(play, (311 + 1000) * MS);
  assert_int_equal(play->live.count, 5);
  assert_false(sender_engine_is_finished(play->engine, 1312 * MS));
  assert_true(sender_engine_is_finished(play->engine, 3000 * MS));
  end(play);
}

static void without_the_suspected_wait_it_goes_on(void **state)
{
  (void)state;
  struct play *play = scene();
  const struct recorded_finding target = {.kind = "stall",
                                          .location = "sender-app",
                                          .cause = "app-idle",
                                          .start_ns = 1000 * NS_PER_S + 22 * MS,
                                          .end_ns = 1000 * NS_PER_S + 1022 * MS};
  make_script(play, &target);
  assert_true(sender_script_relieve(&play->script));
  open_live(play, 10000);
  say(play, 31, 1000, 10000, 0);
  say(play, 42, 2000, 10000, 0);
  pass(play, 52 * MS);
  assert_int_equal(play->live.count, 5);
  end(play);
}

/* The live side's window is smaller than the recorded one's: no data are sent beyond it, but the
 * sender asks, as any would. */
static void a_closed_window_is_respected_and_probed(void **state)
{
  (void)state;
  struct play *play = scene();
  struct sender_engine_stats stats;
  make_script(play, NULL);
  open_live(play, 1000);
  say(play, 31, 1000, 0, 0);
  pass(play, 1030 * MS);
  assert_int_equal(play->live.count, 3);
  pass(play, 1031 * MS);
  assert_int_equal(play->live.count, 4);
  assert_int_equal(last(play)->payload_bytes, 0);
  assert_int_equal(last(play)->seq, PLAYED_ISN + 1000); /* the byte before */
  say(play, 1040, 1000, 5000, 0);
  pass(play, 1050 * MS);
  assert_int_equal(last(play)->seq, PLAYED_ISN + 1 + 1000);
  sender_engine_get_stats(play->engine, &stats);
  assert_int_equal(stats.again, 1);
  end(play);
}

/* What the live side does not acknowledge is sent again, at doubling intervals. */
static void what_is_not_acknowledged_is_sent_again(void **state)
{
  (void)state;
  struct play *play = scene();
  make_script(play, NULL);
  open_live(play, 10000);
  pass(play, 3500 * MS);
  assert_int_equal(play->live.count, 5);
  assert_int_equal(last(play)->seq, PLAYED_ISN + 1);
  assert_int_equal(last(play)->payload_bytes, 1000);
  assert_int_equal(play->live.due_ns[3], 1020 * MS);
  assert_int_equal(play->live.due_ns[4], 3020 * MS);
  end(play);
}

/* Wrong checksums and old timestamps arrive as they did. */
static void what_arrived_wrong_is_wrong_again(void **state)
{
  (void)state;
  struct play *play = scene();
  play->scene.packets[5].packet.checksum = CHECKSUM_BAD;
  play->scene.packets[7].packet.ts_val -= 50000;
  make_script(play, NULL);
  assert_int_equal(play->script.corrupted, 1);
  assert_int_equal(play->script.stale, 1);
  open_live(play, 10000);
  say(play, 31, 1000, 10000, 0);
  pass(play, 45 * MS);
  assert_int_equal(last(play)->checksum, CHECKSUM_BAD);
  const uint32_t before = last(play)->ts_val;
  say(play, 50, 2000, 10000, 0);
  pass(play, 1100 * MS);
  assert_int_equal(before - last(play)->ts_val, 50000 - 1001);
  end(play);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(segments_wait_for_what_they_had_heard),
      cmocka_unit_test(without_the_suspected_wait_it_goes_on),
      cmocka_unit_test(a_closed_window_is_respected_and_probed),
      cmocka_unit_test(what_is_not_acknowledged_is_sent_again),
      cmocka_unit_test(what_arrived_wrong_is_wrong_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
