/* The recorded receiver and path, played to a live sender (replay/peer_script.h, peer_engine.h). */
#include "replay/peer_engine.h"
#include "tests/unit/peer_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define LIVE_ISN   777u
#define PLAYED_ISN 0xffffff00u

struct play {
  struct scene scene;
  struct peer_script script;
  struct live live;
  struct frame_builder *builder;
  struct peer_engine *engine;
  int64_t now_ns;
};

static void make_script(struct play *play, const struct recorded_finding *target)
{
  struct error error;
  assert_int_equal(peer_script_make(&play->script, &play->scene.recording,
                                    &play->scene.recording.points[0], RECORDING_CLIENT, target,
                                    &error),
                   0);
}

static void begin_live(struct play *play)
{
  struct error error;
  play->builder = frame_builder_new(&error);
  live_begin(&play->live, play->builder, LIVE_ISN, PLAYED_ISN);
  const struct peer_engine_options options = {.script = &play->script,
                                              .link = play->live.out,
                                              .isn = PLAYED_ISN,
                                              .emitter = {&play->live, live_take}};
  play->engine = peer_engine_new(&options);
  assert_non_null(play->engine);
}

static void end(struct play *play)
{
  peer_engine_free(play->engine);
  frame_builder_free(play->builder);
  peer_script_clear(&play->script);
  free(play);
}

/* Time passes until then. */
static void pass(struct play *play, int64_t until_ns)
{
  for (int64_t next_ns; (next_ns = peer_engine_next_ns(play->engine)) <= until_ns;)
    peer_engine_advance(play->engine, next_ns);
  play->now_ns = until_ns;
}

static void say(struct play *play, int64_t ms, int64_t seq, uint32_t bytes, uint8_t flags)
{
  uint8_t frame[FRAME_BUILDER_MAX];
  const struct peer_segment segment = {.seq = seq,
                                       .flags = flags,
                                       .window = 60000,
                                       .payload_bytes = bytes,
                                       .ts_val = 5000 + (uint32_t)ms,
                                       .ts_ecr = 1,
                                       .timestamps = true,
                                       .mss = flags & TCP_SYN ? 1460 : 0,
                                       .sack_permitted = true};
  pass(play, ms * MS);
  peer_engine_frame(play->engine, frame, live_frame(&play->live, &segment, frame), ms * MS);
}

/* The live client opens at 100 ms: its handshake is over at 120. */
static void open_live(struct play *play)
{
  begin_live(play);
  say(play, 100, -1, 0, TCP_SYN);
  pass(play, 119 * MS);
  assert_int_equal(play->live.count, 0);
  pass(play, 120 * MS);
  assert_int_equal(play->live.count, 1);
  const struct packet *answer = &play->live.seen[0];
  assert_int_equal(answer->flags, TCP_SYN | TCP_ACK);
  assert_int_equal(answer->seq, PLAYED_ISN);
  assert_int_equal(answer->ack, LIVE_ISN + 1);
  assert_int_equal(answer->window, 10000);
  assert_int_equal(answer->mss, 1460);
  assert_int_equal(answer->ts_ecr, 5100); /* what the live side said, not the recording */
  assert_int_equal(answer->checksum, CHECKSUM_GOOD);
  say(play, 120, 0, 0, TCP_ACK);
  assert_int_equal(play->live.count, 1);
}

/* The last thing the played side sent, as a position that it acknowledges. */
static int64_t last_ack(const struct play *play)
{
  assert_true(play->live.count > 0);
  return (int32_t)(play->live.seen[play->live.count - 1].ack - (LIVE_ISN + 1));
}

static const struct packet *last(const struct play *play)
{
  return &play->live.seen[play->live.count - 1];
}

/* Recorded: 2000 bytes, all acknowledged with a closed window, which opens 2 s later. */
static struct play *zero_window(void)
{
  struct play *play = calloc(1, sizeof *play);
  scene_begin(&play->scene);
  scene_handshake(&play->scene);
  scene_data(&play->scene, 20, 0, 1000);
  scene_data(&play->scene, 20, 1000, 1000);
  scene_ack(&play->scene, 40, 1000, 9000, 20);
  scene_ack(&play->scene, 40, 2000, 0, 20);
  scene_ack(&play->scene, 2040, 2000, 8000, 20);
  scene_data(&play->scene, 2040, 2000, 1000);
  scene_ack(&play->scene, 2060, 3000, 8000, 2040);
  return play;
}

static void a_window_opens_when_it_did(void **state)
{
  (void)state;
  struct play *play = zero_window();
  make_script(play, NULL);
  assert_true(play->script.whole);
  assert_int_equal(play->script.rtt_ns, 20 * MS);
  assert_int_equal(play->script.near_bytes, 3000);
  open_live(play);
  say(play, 130, 0, 1000, TCP_ACK);
  say(play, 130, 1000, 1000, TCP_ACK);
  pass(play, 150 * MS);
  assert_int_equal(play->live.count, 3);
  assert_int_equal(play->live.seen[1].window, 9000);
  assert_int_equal(last_ack(play), 2000);
  assert_int_equal(last(play)->window, 0);
  assert_int_equal(last(play)->ts_ecr, 5130);
  /* The live side probes: it is told that the window is closed. */
  say(play, 400, 1999, 0, TCP_ACK);
  pass(play, 420 * MS);
  assert_int_equal(play->live.count, 4);
  assert_int_equal(last(play)->window, 0);
  pass(play, (130 + 2019) * MS);
  assert_int_equal(play->live.count, 4);
  pass(play, (130 + 2020) * MS);
  assert_int_equal(play->live.count, 5);
  assert_int_equal(last(play)->window, 8000);
  assert_int_equal(play->live.due_ns[4], (130 + 2020) * MS);
  say(play, 2160, 2000, 1000, TCP_ACK);
  pass(play, 2180 * MS);
  assert_int_equal(last_ack(play), 3000);
  assert_true(peer_engine_is_finished(play->engine, play->now_ns));
  end(play);
}

/* A play of which what a finding of that time blames is left out. */
static void make_relieved(struct play *play, const char *location, const char *cause,
                          int64_t from_ms, int64_t to_ms)
{
  const struct recorded_finding target = {.kind = "stall",
                                          .location = location,
                                          .cause = cause,
                                          .start_ns = 1000 * NS_PER_S + from_ms * MS,
                                          .end_ns = 1000 * NS_PER_S + to_ms * MS};
  make_script(play, &target);
  assert_true(peer_script_relieve(&play->script, NULL));
}

static void without_the_suspected_wait_it_opens_at_once(void **state)
{
  (void)state;
  struct play *play = zero_window();
  make_relieved(play, "receiver-app", "zero-window", 40, 2040);
  open_live(play);
  say(play, 130, 0, 1000, TCP_ACK);
  say(play, 130, 1000, 1000, TCP_ACK);
  pass(play, 150 * MS);
  assert_int_equal(last(play)->window, 8000);
  end(play);
}

/* Another boundary than recorded, which no recorded answer is for: it is acknowledged as late as
 * the recorded bytes were. */
static void what_was_cut_otherwise_is_acknowledged_too(void **state)
{
  (void)state;
  struct play *play = zero_window();
  struct peer_engine_stats stats;
  make_script(play, NULL);
  open_live(play);
  say(play, 130, 0, 700, TCP_ACK);
  pass(play, 200 * MS);
  assert_int_equal(play->live.count, 2);
  assert_int_equal(last_ack(play), 700);
  peer_engine_get_stats(play->engine, &stats);
  assert_int_equal(stats.by_model, 1);
  assert_int_equal(stats.differs_at, 0);
  end(play);
}

/* Recorded: the acknowledgment of a segment is there a second late, though it was built in time;
 * the sender repeats in vain. */
static struct play *held(void)
{
  struct play *play = calloc(1, sizeof *play);
  scene_begin(&play->scene);
  scene_handshake(&play->scene);
  scene_data(&play->scene, 20, 0, 1000);
  scene_ack(&play->scene, 40, 1000, 9000, 20);
  scene_data(&play->scene, 40, 1000, 1000);
  scene_data(&play->scene, 300, 1000, 1000);
  scene_ack(&play->scene, 1060, 2000, 8000, 40)->ts_val = 900000 + 60;
  scene_data(&play->scene, 1060, 2000, 1000);
  scene_ack(&play->scene, 1080, 3000, 8000, 1060);
  return play;
}

static void a_hold_is_not_overtaken(void **state)
{
  (void)state;
  struct play *play = held();
  make_script(play, NULL);
  assert_int_equal(play->script.lost_pieces, 0); /* by its echo the original was answered */
  open_live(play);
  say(play, 130, 0, 1000, TCP_ACK);
  pass(play, 150 * MS);
  assert_int_equal(last_ack(play), 1000);
  const int before = play->live.count;
  say(play, 150, 1000, 1000, TCP_ACK);
  say(play, 400, 1000, 1000, TCP_ACK); /* in vain: what answers it is held as well */
  pass(play, (150 + 1019) * MS);
  assert_int_equal(play->live.count, before);
  pass(play, (150 + 1020) * MS);
  assert_int_equal(play->live.count, before + 2);
  const struct packet *first = &play->live.seen[before];
  assert_int_equal(first->ack - (LIVE_ISN + 1), 2000);
  assert_true((int32_t)(first->ts_val - play->live.seen[before - 1].ts_val) < 100);
  assert_int_equal(last(play)->sack_count, 1); /* DSACK */
  end(play);
}

/* Recorded: a segment is lost twice, and answered when it comes for the third time. */
static struct play *lost(void)
{
  struct play *play = calloc(1, sizeof *play);
  scene_begin(&play->scene);
  scene_handshake(&play->scene);
  scene_data(&play->scene, 20, 0, 1000);
  scene_ack(&play->scene, 40, 1000, 9000, 20);
  scene_data(&play->scene, 40, 1000, 1000);
  scene_data(&play->scene, 260, 1000, 1000);
  scene_data(&play->scene, 700, 1000, 1000);
  scene_ack(&play->scene, 720, 2000, 8000, 700);
  return play;
}

static void what_was_lost_is_lost_again(void **state)
{
  (void)state;
  struct play *play = lost();
  struct peer_engine_stats stats;
  make_script(play, NULL);
  assert_int_equal(play->script.lost_pieces, 1);
  open_live(play);
  say(play, 130, 0, 1000, TCP_ACK);
  pass(play, 150 * MS);
  const int before = play->live.count;
  say(play, 150, 1000, 1000, TCP_ACK);
  say(play, 400, 1000, 1000, TCP_ACK);
  pass(play, 900 * MS);
  assert_int_equal(play->live.count, before);
  say(play, 900, 1000, 1000, TCP_ACK);
  pass(play, 920 * MS);
  assert_int_equal(play->live.count, before + 1);
  assert_int_equal(last_ack(play), 2000);
  peer_engine_get_stats(play->engine, &stats);
  assert_int_equal(stats.lost, 2);
  end(play);
}

static void without_the_suspected_loss_the_first_one_is_answered(void **state)
{
  (void)state;
  struct play *play = lost();
  make_relieved(play, "forward-path", "rto-backoff", 40, 720);
  open_live(play);
  say(play, 130, 0, 1000, TCP_ACK);
  say(play, 150, 1000, 1000, TCP_ACK);
  pass(play, 170 * MS);
  assert_int_equal(last_ack(play), 2000);
  end(play);
}

/* Recorded: the window update was lost; that the window is open is told by the answer to the second
 * probe. */
static void an_update_that_was_lost_is_not_made_up(void **state)
{
  (void)state;
  struct play *play = calloc(1, sizeof *play);
  scene_begin(&play->scene);
  scene_handshake(&play->scene);
  scene_data(&play->scene, 20, 0, 1000);
  scene_ack(&play->scene, 40, 1000, 0, 20);
  scene_add(&play->scene, RECORDING_CLIENT, 260, 999, 0, 0, 64000);
  scene_ack(&play->scene, 280, 1000, 0, 20);
  scene_add(&play->scene, RECORDING_CLIENT, 700, 999, 0, 0, 64000);
  scene_ack(&play->scene, 720, 1000, 9000, 20);
  scene_data(&play->scene, 720, 1000, 1000);
  scene_ack(&play->scene, 740, 2000, 9000, 720);
  make_script(play, NULL);
  open_live(play);
  say(play, 130, 0, 1000, TCP_ACK);
  pass(play, 150 * MS);
  const int before = play->live.count;
  say(play, 350, 999, 0, TCP_ACK);
  pass(play, 370 * MS);
  assert_int_equal(play->live.count, before + 1);
  assert_int_equal(last(play)->window, 0);
  pass(play, 805 * MS);
  assert_int_equal(play->live.count, before + 1);
  say(play, 810, 999, 0, TCP_ACK);
  pass(play, 830 * MS);
  assert_int_equal(play->live.count, before + 2);
  assert_int_equal(last(play)->window, 9000);
  end(play);
}

/* A script alone would wait for ever: the live side goes on where the recorded one did not. */
static void it_answers_beyond_the_recording(void **state)
{
  (void)state;
  struct play *play = zero_window();
  make_script(play, NULL);
  open_live(play);
  for (int i = 0; i < 8; i++)
    say(play, 130, i * 1000, 1000, TCP_ACK);
  pass(play, 3000 * MS);
  assert_int_equal(last_ack(play), 8000);
  say(play, 3000, 8000, 0, TCP_FIN | TCP_ACK);
  pass(play, 3100 * MS);
  assert_int_equal(last_ack(play), 8001);
  end(play);
}

static void it_answers_arp(void **state)
{
  (void)state;
  struct play *play = zero_window();
  uint8_t ask[42] = {255, 255, 255, 255, 255, 255, 2, 0,  0,  0, 0, 1, 8, 6, 0, 1, 8, 0,  6,  4, 0,
                     1,   2,   0,   0,   0,   0,   1, 10, 77, 0, 1, 0, 0, 0, 0, 0, 0, 10, 77, 0, 2};
  make_script(play, NULL);
  begin_live(play);
  peer_engine_frame(play->engine, ask, sizeof ask, 0);
  assert_int_equal(play->live.count, 1);
  assert_int_equal(last(play)->kind, PACKET_ARP);
  assert_int_equal(last(play)->icmp_type, 2);
  ask[41] = 3; /* somebody else */
  peer_engine_frame(play->engine, ask, sizeof ask, 0);
  assert_int_equal(play->live.count, 1);
  end(play);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_window_opens_when_it_did),
      cmocka_unit_test(without_the_suspected_wait_it_opens_at_once),
      cmocka_unit_test(what_was_cut_otherwise_is_acknowledged_too),
      cmocka_unit_test(a_hold_is_not_overtaken),
      cmocka_unit_test(what_was_lost_is_lost_again),
      cmocka_unit_test(without_the_suspected_loss_the_first_one_is_answered),
      cmocka_unit_test(an_update_that_was_lost_is_not_made_up),
      cmocka_unit_test(it_answers_beyond_the_recording),
      cmocka_unit_test(it_answers_arp),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
