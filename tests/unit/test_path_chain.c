/* The way of one byte: each part of a wait belongs to exactly one place, whatever became of the
 * byte's copies and of the ACKs of it; and the stages of all bytes add up at any instant. */
#include "analyzer/path_chain.h"

#include "tests/support/random.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS         INT64_C(1000000)
#define EVENTS_MAX 512u
#define BYTE       1000u /* the byte in question: the first of 100 */
#define LEAST_MS   10    /* the way takes that long, in either direction */
#define FROM_MS    20    /* the wait begins */
#define RETRY_MS   500   /* a copy every so often */
#define NEVER      (-1)

struct event {
  int64_t time_ns;
  uint32_t order;
  struct lane *lane;
  bool came;
  struct packet packet;
};

struct world {
  struct lane_pool pool;
  struct path_view view;
  int64_t first_ns[2];
  uint64_t frame;
  struct event events[EVENTS_MAX];
  uint32_t count;
};

static void begin(struct world *world)
{
  memset(world, 0, sizeof *world);
  world->pool = (struct lane_pool){.bytes_max = 1 << 24, .records_max = 4096};
  world->view = (struct path_view){.end = {0, 1}, .sure = true};
  for (int side = 0; side < 2; side++)
    lane_init(&world->view.lanes[side], &world->pool, &world->first_ns[side], 0, 0);
}

static void end(struct world *world)
{
  lane_free(&world->view.lanes[0]);
  lane_free(&world->view.lanes[1]);
  assert_int_equal(world->pool.bytes, 0);
}

static void add(struct world *world, struct lane *lane, bool came, int64_t ms,
                const struct packet *packet)
{
  assert_true(world->count < EVENTS_MAX);
  struct event *event = &world->events[world->count];
  *event = (struct event){ms * MS, world->count, lane, came, *packet};
  event->packet.time_ns = ms * MS;
  event->packet.frame = ++world->frame;
  world->count++;
}

/* A packet that leaves at left_ms and comes at came_ms, or NEVER. */
static void send(struct world *world, enum stream_side side, uint32_t seq, uint32_t bytes,
                 uint32_t ack, int64_t left_ms, int64_t came_ms, bool damaged)
{
  struct lane *lane = &world->view.lanes[side];
  struct packet packet = {.kind = PACKET_TCP,
                          .seq = seq,
                          .ack = ack,
                          .flags = TCP_ACK,
                          .payload_bytes = bytes,
                          .options = TCP_OPT_TIMESTAMPS,
                          .ts_val = (uint32_t)left_ms + 1,
                          .facts = PACKET_IP_ID,
                          .ip_id = (uint16_t)(world->count + 1),
                          .checksum = CHECKSUM_GOOD};
  add(world, lane, false, left_ms, &packet);
  if (damaged)
    packet.checksum = CHECKSUM_BAD;
  if (came_ms != NEVER)
    add(world, lane, true, came_ms, &packet);
}

static int by_time(const void *left, const void *right)
{
  const struct event *a = left, *b = right;
  if (a->time_ns != b->time_ns)
    return a->time_ns < b->time_ns ? -1 : 1;
  return (a->order > b->order) - (a->order < b->order);
}

static void happen(struct world *world)
{
  qsort(world->events, world->count, sizeof world->events[0], by_time);
  for (uint32_t i = 0; i < world->count; i++) {
    const struct event *event = &world->events[i];
    if (event->came)
      lane_came(event->lane, &event->packet);
    else
      lane_left(event->lane, &event->packet);
  }
}

/* The data before the byte, and the ACK of them: what the way takes at best. */
static void warm_up(struct world *world)
{
  send(world, SIDE_CLIENT, BYTE - 100, 100, 1, 0, LEAST_MS, false);
  send(world, SIDE_SERVER, 1, 0, BYTE, LEAST_MS, FROM_MS, false);
}

enum fate { PROMPT, LATE, LOST, DAMAGED, FATES };
#define LATE_MS 150 /* under way, in all */

struct attempt {
  enum fate data, ack;
  int slow_ms; /* R's, until it answers */
};

static int64_t came_after(int64_t left_ms, enum fate fate)
{
  return fate == LOST ? NEVER : left_ms + (fate == LATE ? LATE_MS : LEAST_MS);
}

/* Copies of the byte, one every RETRY_MS from first_ms on. Returns when the first ACK of it is at
 * N; NEVER: not. */
static int64_t play(struct world *world, int64_t first_ms, const struct attempt *attempts,
                    uint32_t count)
{
  int64_t told_ms = NEVER;
  warm_up(world);
  for (uint32_t i = 0; i < count; i++) {
    const struct attempt *attempt = &attempts[i];
    const int64_t left_ms = first_ms + i * RETRY_MS, came_ms = came_after(left_ms, attempt->data);
    if (told_ms != NEVER && told_ms < left_ms)
      break;
    send(world, SIDE_CLIENT, BYTE, 100, 1, left_ms, came_ms, attempt->data == DAMAGED);
    if (came_ms == NEVER || attempt->data == DAMAGED)
      continue;
    const int64_t ack_ms = came_ms + attempt->slow_ms, back_ms = came_after(ack_ms, attempt->ack);
    send(world, SIDE_SERVER, 1, 0, BYTE + 100, ack_ms, back_ms, attempt->ack == DAMAGED);
    if (back_ms != NEVER && attempt->ack != DAMAGED && (told_ms == NEVER || back_ms < told_ms))
      told_ms = back_ms;
  }
  happen(world);
  return told_ms;
}

struct shares {
  int64_t forward_ms, receiver_ms, reverse_ms, sender_ms, normal_ms, lost_ms;
};

static void expect(struct world *world, int64_t until_ms, struct shares shares)
{
  struct path_chain chain;
  path_chain_lay(&chain, &world->view, SIDE_CLIENT, BYTE, FROM_MS * MS, until_ms * MS);
  assert_int_equal(chain.forward_ns, shares.forward_ms * MS);
  assert_int_equal(chain.receiver_ns, shares.receiver_ms * MS);
  assert_int_equal(chain.reverse_ns, shares.reverse_ms * MS);
  assert_int_equal(chain.sender_ns, shares.sender_ms * MS);
  assert_int_equal(chain.normal_ns, shares.normal_ms * MS);
  assert_int_equal(chain.lost_ns, shares.lost_ms * MS);
  assert_int_equal(chain.unwatched_ns, 0);
  assert_true(chain.complete && !chain.contradicted && !chain.ambiguous);
  end(world);
}

#define PLAY(world, first_ms, ...)                                                                 \
  play(world, first_ms, (const struct attempt[]){__VA_ARGS__},                                     \
       sizeof((const struct attempt[]){__VA_ARGS__}) / sizeof(struct attempt))

static void everybody_gets_what_is_theirs(void **state)
{
  static struct world world;
  (void)state;
  begin(&world); /* nothing but the way there and back */
  int64_t until_ms = PLAY(&world, FROM_MS, {PROMPT, PROMPT, 0});
  expect(&world, until_ms, (struct shares){.normal_ms = 20});
  begin(&world); /* S sent late */
  until_ms = PLAY(&world, FROM_MS + 300, {PROMPT, PROMPT, 0});
  expect(&world, until_ms, (struct shares){.sender_ms = 300, .normal_ms = 20});
  begin(&world); /* and once more, when the ACK was there */
  until_ms = PLAY(&world, FROM_MS + 300, {PROMPT, PROMPT, 0});
  expect(&world, until_ms + 50, (struct shares){.sender_ms = 350, .normal_ms = 20});
  begin(&world);
  until_ms = PLAY(&world, FROM_MS, {LATE, PROMPT, 0});
  expect(&world, until_ms, (struct shares){.forward_ms = 140, .normal_ms = 20});
  begin(&world);
  until_ms = PLAY(&world, FROM_MS, {PROMPT, LATE, 0});
  expect(&world, until_ms, (struct shares){.reverse_ms = 140, .normal_ms = 20});
  begin(&world);
  until_ms = PLAY(&world, FROM_MS, {PROMPT, PROMPT, 100});
  expect(&world, until_ms, (struct shares){.receiver_ms = 100, .normal_ms = 20});
}

static void a_failed_attempt_has_the_time_until_the_next(void **state)
{
  static struct world world;
  (void)state;
  begin(&world);
  int64_t until_ms = PLAY(&world, FROM_MS, {LOST, PROMPT, 0}, {PROMPT, PROMPT, 0});
  expect(&world, until_ms, (struct shares){.forward_ms = 500, .normal_ms = 20, .lost_ms = 500});
  begin(&world);
  until_ms = PLAY(&world, FROM_MS, {DAMAGED, PROMPT, 0}, {LOST, PROMPT, 0}, {LATE, LATE, 30});
  expect(&world, until_ms,
         (struct shares){.forward_ms = 1140,
                         .receiver_ms = 30,
                         .reverse_ms = 140,
                         .normal_ms = 20,
                         .lost_ms = 1000});
  begin(&world); /* the ACK was lost: from when it left until the next copy does */
  until_ms = PLAY(&world, FROM_MS, {PROMPT, LOST, 40}, {PROMPT, PROMPT, 0});
  expect(&world, until_ms, (struct shares){.receiver_ms = 40, .reverse_ms = 450, .normal_ms = 30});
  begin(&world); /* nothing ever came */
  (void)PLAY(&world, FROM_MS, {LOST, PROMPT, 0}, {LOST, PROMPT, 0});
  expect(&world, 3000, (struct shares){.forward_ms = 2980, .lost_ms = 2980});
  begin(&world); /* R never answered */
  (void)PLAY(&world, FROM_MS, {PROMPT, LOST, 2000});
  expect(&world, 1020, (struct shares){.receiver_ms = 990, .normal_ms = 10});
}

static void check_sum(const struct world *world, int64_t from_ns, int64_t until_ns)
{
  struct path_chain chain;
  path_chain_lay(&chain, &world->view, SIDE_CLIENT, BYTE, from_ns, until_ns);
  assert_true(chain.forward_ns >= 0 && chain.receiver_ns >= 0 && chain.reverse_ns >= 0);
  assert_true(chain.sender_ns >= 0 && chain.normal_ns >= 0 && chain.unwatched_ns >= 0);
  assert_true(chain.lost_ns <= chain.forward_ns);
  const int64_t sum_ns = chain.forward_ns + chain.receiver_ns + chain.reverse_ns + chain.sender_ns +
                         chain.normal_ns + chain.unwatched_ns;
  if (chain.first != NULL &&
      (chain.ack_arrived == NULL || chain.first->left_ns <= chain.ack_arrived->left_ns))
    assert_int_equal(sum_ns, until_ns - from_ns);
  else
    assert_true(sum_ns <= until_ns - from_ns);
}

/* Three attempts of every kind, looked at over waits that begin and end anywhere. */
static void every_combination_adds_up(void **state)
{
  static struct world world;
  const uint32_t kinds = FATES * FATES * 2;
  (void)state;
  for (uint32_t which = 0; which < kinds * kinds * kinds; which += 3) {
    struct attempt attempts[3];
    uint32_t rest = which;
    for (int i = 0; i < 3; i++) {
      attempts[i] = (struct attempt){rest % FATES, rest / FATES % FATES,
                                     rest / FATES / FATES % 2 != 0 ? 600 : 0};
      rest /= kinds;
    }
    begin(&world);
    world.first_ns[1] = which % 5 == 0 ? 100 * MS : 0;
    const int64_t told_ms = play(&world, FROM_MS + which % 7, attempts, 3);
    check_sum(&world, FROM_MS * MS, (told_ms == NEVER ? 4000 : told_ms) * MS);
    check_sum(&world, 25 * MS, 1111 * MS);
    check_sum(&world, 700 * MS, 701 * MS);
    end(&world);
  }
}

/* A capture whose times run backwards, and clocks that put arrivals before departures. */
static void disorder_adds_up(void **state)
{
  static struct world world;
  uint64_t random = 5;
  (void)state;
  for (int round = 0; round < 3000; round++) {
    begin(&world);
    warm_up(&world);
    for (int i = 0; i < 6; i++) {
      const int64_t left_ms = FROM_MS + random_below(&random, 900);
      const bool came = random_below(&random, 3) > 0;
      send(&world, SIDE_CLIENT, BYTE, 100, 1, left_ms,
           came ? left_ms + random_below(&random, 200) : NEVER, false);
      send(&world, SIDE_SERVER, 1, 0, BYTE + 100, left_ms + 100,
           came ? left_ms + 100 + random_below(&random, 900) : NEVER, false);
    }
    happen(&world);
    for (uint32_t i = 0; i < world.view.lanes[0].next; i++) {
      struct passage *passage = &world.view.lanes[0].ring[i & (world.view.lanes[0].capacity - 1)];
      passage->left_ns += random_below(&random, 50) * MS;
    }
    check_sum(&world, FROM_MS * MS, (200 + random_below(&random, 1500)) * MS);
    end(&world);
  }
}

/* ---- windows ---- */

/* R announces a window, in units of 128 bytes, at left_ms. */
static void announce(struct world *world, uint16_t window, int64_t left_ms, int64_t came_ms)
{
  struct lane *lane = &world->view.lanes[SIDE_SERVER];
  const struct packet packet = {.kind = PACKET_TCP,
                                .seq = 1,
                                .ack = BYTE,
                                .window = window,
                                .flags = TCP_ACK,
                                .options = TCP_OPT_TIMESTAMPS,
                                .ts_val = (uint32_t)left_ms + 1,
                                .checksum = CHECKSUM_GOOD};
  add(world, lane, false, left_ms, &packet);
  if (came_ms != NEVER)
    add(world, lane, true, came_ms, &packet);
}

static void expect_window(struct world *world, uint8_t read_shift, int64_t receiver_ms,
                          int64_t reverse_ms, int64_t sender_ms)
{
  const int64_t from_ns = FROM_MS * MS, until_ns = 1000 * MS;
  struct path_chain chain;
  happen(world);
  path_chain_window(&chain, &world->view, SIDE_CLIENT, BYTE + 1000, 7, read_shift, from_ns,
                    until_ns);
  assert_int_equal(chain.receiver_ns, receiver_ms * MS);
  assert_int_equal(chain.reverse_ns, reverse_ms * MS);
  assert_int_equal(chain.sender_ns, sender_ms * MS);
  assert_int_equal(chain.receiver_ns + chain.reverse_ns + chain.sender_ns, until_ns - from_ns);
  end(world);
}

/* Closed, then open, for 1000 bytes: 8 units of 128. */
static void permission_to_send(void **state)
{
  static struct world world;
  (void)state;
  begin(&world);
  announce(&world, 0, 10, 20);
  expect_window(&world, 7, 980, 0, 0);
  begin(&world);
  announce(&world, 0, 10, 20);
  announce(&world, 7, 200, 210); /* too small */
  announce(&world, 8, 500, 530);
  expect_window(&world, 7, 480, 30, 470);
  begin(&world); /* lost, and said again */
  announce(&world, 0, 10, 20);
  announce(&world, 8, 500, NEVER);
  announce(&world, 9, 800, 830);
  expect_window(&world, 7, 480, 330, 170);
  begin(&world); /* it comes, and is read without its scale */
  announce(&world, 0, 10, 20);
  announce(&world, 8, 500, 530);
  expect_window(&world, 0, 480, 500, 0);
  begin(&world); /* open before the wait began */
  announce(&world, 8, 10, 15);
  expect_window(&world, 7, 0, 0, 980);
}

/* ---- stages ---- */

#define SEGMENTS      20u
#define SEGMENT_BYTES 10u
#define COPIES        3u

struct copy {
  int64_t left_ms, came_ms;
};

/* Where each byte is, asked byte by byte. */
static void compare_stages(const struct world *world, struct copy copies[SEGMENTS][COPIES],
                           const int64_t *acked_ms, const int64_t *told_ms, int64_t at_ms)
{
  uint64_t arrived = 0, in_path = 0, lost = 0;
  uint32_t acked = 0, una = 0, top = 0;
  for (uint32_t i = 0; i < SEGMENTS; i++) {
    if (acked_ms[i] <= at_ms)
      acked = i + 1;
    if (told_ms[i] != NEVER && told_ms[i] <= at_ms)
      una = i + 1;
    if (copies[i][0].left_ms <= at_ms)
      top = i + 1;
  }
  for (uint32_t i = acked; i < top; i++) {
    bool here = false, alive = false;
    for (uint32_t k = 0; k < COPIES; k++) {
      const struct copy *copy = &copies[i][k];
      here |= copy->came_ms != NEVER && copy->came_ms <= at_ms;
      alive |= copy->left_ms <= at_ms && copy->came_ms != NEVER && copy->came_ms > at_ms;
    }
    arrived += here ? SEGMENT_BYTES : 0;
    in_path += !here && alive ? SEGMENT_BYTES : 0;
    lost += !here && !alive ? SEGMENT_BYTES : 0;
  }
  struct byte_stages stages;
  path_stages(&stages, &world->view, SIDE_CLIENT, BYTE + una * SEGMENT_BYTES, at_ms * MS);
  if (!time_is_valid(stages.at_ns)) { /* too long ago: what R had acknowledged is forgotten */
    assert_true(world->view.lanes[SIDE_SERVER].forgotten_ns > at_ms * MS);
    return;
  }
  assert_int_equal(stages.outstanding_bytes, (uint64_t)(top - una) * SEGMENT_BYTES);
  assert_int_equal(stages.ack_in_path_bytes, (uint64_t)(acked - una) * SEGMENT_BYTES);
  assert_int_equal(stages.unacked_at_receiver_bytes, arrived);
  /* What is lost is known only when something later came: until then it may be under way. */
  assert_true(stages.lost_bytes <= lost && stages.in_path_bytes >= in_path);
  assert_int_equal(stages.in_path_bytes + stages.lost_bytes, in_path + lost);
}

/* R acknowledges a segment some time after it and all before it have come; every third ACK is lost.
 */
static void stages_against_bytes(void **state)
{
  static struct world world;
  uint64_t random = 11;
  (void)state;
  for (int round = 0; round < 300; round++) {
    struct copy copies[SEGMENTS][COPIES];
    int64_t acked_ms[SEGMENTS], told_ms[SEGMENTS], whole_ms = 0;
    begin(&world);
    for (uint32_t i = 0; i < SEGMENTS; i++) {
      int64_t here_ms = INT64_MAX;
      for (uint32_t k = 0; k < COPIES; k++) {
        struct copy *copy = &copies[i][k];
        copy->left_ms = 5 * i + 300 * k;
        copy->came_ms = random_once_in(&random, 3) && k + 1 < COPIES
                            ? NEVER
                            : copy->left_ms + 20 + random_below(&random, 8);
        if (copy->came_ms != NEVER && copy->came_ms < here_ms)
          here_ms = copy->came_ms;
        send(&world, SIDE_CLIENT, BYTE + i * SEGMENT_BYTES, SEGMENT_BYTES, 1, copy->left_ms,
             copy->came_ms, false);
      }
      whole_ms = here_ms > whole_ms ? here_ms : whole_ms;
      acked_ms[i] = whole_ms + 3;
      told_ms[i] = random_once_in(&random, 3) ? NEVER : acked_ms[i] + 20;
      send(&world, SIDE_SERVER, 1, 0, BYTE + (i + 1) * SEGMENT_BYTES, acked_ms[i], told_ms[i],
           false);
    }
    happen(&world);
    for (int64_t at_ms = 0; at_ms < 900; at_ms += 1 + random_below(&random, 60))
      compare_stages(&world, copies, acked_ms, told_ms, at_ms);
    end(&world);
  }
}

/* More holes than are kept apart: nothing is told rather than something wrong. */
static void stages_of_too_many_ranges(void **state)
{
  static struct world world;
  const uint32_t count = 700;
  struct byte_stages stages;
  (void)state;
  begin(&world);
  struct lane *lane = &world.view.lanes[SIDE_CLIENT];
  for (uint32_t i = 0; i < count; i++) {
    struct packet packet = {.kind = PACKET_TCP,
                            .time_ns = (i + 1) * MS,
                            .frame = i + 1,
                            .seq = BYTE + i * 30,
                            .flags = TCP_ACK,
                            .payload_bytes = 30,
                            .checksum = CHECKSUM_GOOD};
    lane_left(lane, &packet);
    packet.payload_bytes = 10; /* of each, the first third and the last have come */
    lane_came(lane, &packet);
    packet.seq += 20;
    lane_came(lane, &packet);
  }
  path_stages(&stages, &world.view, SIDE_CLIENT, BYTE, 300 * MS);
  assert_int_equal(stages.unacked_at_receiver_bytes, 300 * 20);
  assert_int_equal(stages.outstanding_bytes, stages.lost_bytes + stages.in_path_bytes + 300 * 20);
  path_stages(&stages, &world.view, SIDE_CLIENT, BYTE, 10000 * MS);
  assert_false(time_is_valid(stages.at_ns));
  end(&world);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(everybody_gets_what_is_theirs),
      cmocka_unit_test(a_failed_attempt_has_the_time_until_the_next),
      cmocka_unit_test(every_combination_adds_up),
      cmocka_unit_test(disorder_adds_up),
      cmocka_unit_test(permission_to_send),
      cmocka_unit_test(stages_against_bytes),
      cmocka_unit_test(stages_of_too_many_ranges),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
