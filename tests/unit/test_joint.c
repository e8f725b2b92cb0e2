/* Whose connection is whose: every connection of every engine is reported exactly once, with the
 * pair that it belongs to, however often ports are used again and whatever the engines' limits make
 * them forget. */
#include "analyzer/joint.h"
#include "analyzer/joint_link.h"
#include "tests/unit/survey_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define ENDS_MAX 3u

struct sight {
  int64_t time_ns; /* on end 0's clock */
  uint32_t order;
  struct packet packet;
};

struct story {
  struct scene scene;
  struct sight *sights;
  uint32_t count, capacity;
  struct joint *joint;
  uint8_t *reported[ENDS_MAX]; /* by the engine's id */
  uint64_t reports[ENDS_MAX], ids, together, alone, findings, losses, suppressed;
  bool live; /* time goes on between the packets */
  uint64_t opened, closed;
  uint32_t last_opened;
};

static struct story *story_new(uint32_t ends, uint64_t seed)
{
  struct story *story = calloc(1, sizeof *story);
  assert_non_null(story);
  story->scene = scene_new(ends, seed);
  story->scene.points[1].clock_offset_ns = 3600 * NS_PER_S;
  return story;
}

/* As talk_send(), and remembered. */
static void say(struct story *story, struct talk *talk, unsigned side, uint16_t flags,
                uint32_t bytes)
{
  struct scene *scene = &story->scene;
  struct packet packet = talk_packet(scene, talk, side, flags, talk->nxt[side], bytes);
  packet.window = 60000;
  talk->nxt[side] += bytes + ((flags & TCP_SYN) != 0) + ((flags & TCP_FIN) != 0);
  for (uint32_t end = 0; end < scene->ends; end++) {
    if (scene->points[end].absent)
      continue;
    if (story->count == story->capacity) {
      story->capacity = story->capacity > 0 ? 2 * story->capacity : 1024;
      story->sights = realloc(story->sights, story->capacity * sizeof *story->sights);
      assert_non_null(story->sights);
    }
    struct sight *sight = &story->sights[story->count];
    *sight = (struct sight){.order = story->count, .packet = scene_view(scene, end, packet, side)};
    sight->packet.frame = ++scene->points[end].frames;
    assert_int_equal(survey_packet(scene->survey, &sight->packet), 0);
    story->count++;
  }
  scene->now_ns += 15 * NS_PER_MS;
}

static void open_talk(struct story *story, struct talk *talk)
{
  say(story, talk, 0, TCP_SYN, 0);
  say(story, talk, 1, TCP_SYN | TCP_ACK, 0);
  say(story, talk, 0, TCP_ACK, 0);
}

static void exchange(struct story *story, struct talk *talk)
{
  say(story, talk, 0, TCP_ACK | TCP_PSH, 200);
  say(story, talk, 1, TCP_ACK | TCP_PSH, 700);
  say(story, talk, 0, TCP_ACK, 0);
}

static void close_talk(struct story *story, struct talk *talk)
{
  say(story, talk, 0, TCP_ACK | TCP_FIN, 0);
  say(story, talk, 1, TCP_ACK | TCP_FIN, 0);
  say(story, talk, 0, TCP_ACK, 0);
}

static void on_finding(void *context, const struct joint_connection *connection,
                       const struct finding *finding)
{
  struct story *story = context;
  assert_true(connection->id > 0 && finding->start_ns <= finding->end_ns);
  story->findings++;
  if (finding->state == FINDING_OPEN) {
    assert_true(finding->id > story->last_opened);
    story->last_opened = finding->id;
    story->opened++;
  }
  story->closed += finding->state == FINDING_CLOSED && finding->id == story->last_opened;
  if (finding->state != FINDING_CLOSED)
    return;
  story->losses += finding->location == LOCATION_FORWARD_PATH;
}

static void check_budget(const struct connection_summary *summary)
{
  for (int side = 0; side < 2; side++) {
    const struct stream_summary *stream = &summary->streams[side];
    int64_t sum_ns = stream->moving_ns + stream->idle_ns;
    for (int i = 0; i < LOCATION_COUNT; i++)
      sum_ns += stream->budget_ns[i];
    assert_int_equal(sum_ns, summary->end_ns - summary->start_ns);
  }
}

static void on_connection(void *context, const struct joint_connection *connection)
{
  struct story *story = context;
  story->ids++;
  story->together += connection->view_count > 1;
  story->alone += connection->view_count == 1;
  check_budget(connection->whole);
  story->suppressed += connection->whole->findings_suppressed;
  for (uint32_t i = 0; i < connection->view_count; i++) {
    const struct connection_summary *view = connection->views[i];
    assert_int_equal(story->reported[view->end][view->id]++, 0);
    story->reports[view->end]++;
    if (connection->pair == NULL)
      continue;
    for (uint32_t k = 0; k < connection->pair->member_count; k++) {
      const struct pair_member *member = &connection->pair->members[k];
      if (member->end == view->end)
        assert_int_equal(member->client.port, view->client.port);
    }
  }
}

static int by_time(const void *left, const void *right)
{
  const struct sight *a = left, *b = right;
  if (a->time_ns != b->time_ns)
    return a->time_ns < b->time_ns ? -1 : 1;
  return (a->order > b->order) - (a->order < b->order);
}

/* Solves, diagnoses, and checks that nothing is missing or told twice. */
static void tell(struct story *story, const struct analyzer_limits *limits)
{
  struct joint_options options;
  const struct joint_sink sink = {story, on_finding, on_connection};
  joint_options_default(&options);
  if (limits != NULL)
    options.engine.limits = *limits;
  assert_int_equal(survey_solve(story->scene.survey), 0);
  story->joint = joint_new(story->scene.ends, &options, story->scene.survey, &sink);
  assert_non_null(story->joint);
  for (uint32_t i = 0; i < story->count; i++)
    story->sights[i].time_ns =
        joint_time_ns(story->joint, story->sights[i].packet.end, story->sights[i].packet.time_ns);
  qsort(story->sights, story->count, sizeof *story->sights, by_time);
  for (uint32_t end = 0; end < story->scene.ends; end++)
    story->reported[end] = calloc(story->count + 1, 1);
  for (uint32_t i = 0; i < story->count; i++) {
    for (uint32_t part = 1; story->live && i > 0 && part < 8; part++)
      joint_advance(story->joint,
                    story->sights[i - 1].time_ns +
                        (story->sights[i].time_ns - story->sights[i - 1].time_ns) / 8 * part);
    assert_int_equal(joint_packet(story->joint, &story->sights[i].packet), 0);
  }
  joint_finish(story->joint);
  for (uint32_t end = 0; end < story->scene.ends; end++) {
    struct analyzer_stats stats;
    joint_get_stats(story->joint, (uint8_t)end, &stats);
    assert_int_equal(story->reports[end] + stats.half_open_forgotten, stats.connections);
  }
}

static void story_free(struct story *story)
{
  joint_free(story->joint);
  survey_free(story->scene.survey);
  for (uint32_t end = 0; end < ENDS_MAX; end++)
    free(story->reported[end]);
  free(story->sights);
  free(story);
}

#define REUSES 1500u
#define STALLS 90u

/* One port after the other, closed in every way there is, and some never. */
static void ports_used_again(void **state)
{
  struct story *story = story_new(2, 1);
  (void)state;
  for (uint32_t i = 0; i < REUSES; i++) {
    struct talk talk = talk_new(&story->scene, 1, (uint16_t)(40000 + i % 3), 2, 80);
    open_talk(story, &talk);
    exchange(story, &talk);
    if (i % 4 == 1)
      say(story, &talk, 0, TCP_RST, 0);
    else if (i % 4 != 2)
      close_talk(story, &talk);
    story->scene.now_ns += i % 4 == 2 ? 2 * NS_PER_S : NS_PER_MS;
  }
  tell(story, NULL);
  assert_int_equal(survey_pair_count(story->scene.survey), REUSES);
  assert_int_equal(story->together, REUSES);
  assert_int_equal(story->alone, 0);
  story_free(story);
}

/* Many at once, of which the engines may remember a few: pieces of connections, all of them told.
 */
static void engines_that_forget(void **state)
{
  struct story *story = story_new(3, 2);
  const struct analyzer_limits limits = {8, 4, 16, 2};
  struct talk talks[40];
  (void)state;
  for (uint32_t i = 0; i < 40; i++) {
    talks[i] = talk_new(&story->scene, 1, (uint16_t)(40000 + i), 2, 80);
    open_talk(story, &talks[i]);
    exchange(story, &talks[i]);
  }
  for (uint32_t round = 0; round < 200; round++) {
    const uint32_t which = random_below(&story->scene.random, 40);
    story->scene.points[1].absent = round % 50 > 30;
    exchange(story, &talks[which]);
    story->scene.now_ns += random_below(&story->scene.random, 2000) * NS_PER_MS;
    if (round % 20 == 19) {
      close_talk(story, &talks[which]);
      talks[which] = talk_new(&story->scene, 1, (uint16_t)(40000 + which), 2, 80);
      open_talk(story, &talks[which]);
    }
  }
  tell(story, &limits);
  assert_true(story->together > 40 && story->alone > 0);
  assert_true(story->reports[0] > 100);
  story_free(story);
}

/* What one engine retires for want of room goes on there as another connection, which is told by
 * itself; the other engine's view of the whole stays with the pair. */
static void one_engine_that_forgets(void **state)
{
  struct story *story = story_new(2, 3);
  const struct analyzer_limits limits = {4, 4, 16, 10};
  struct talk talk = talk_new(&story->scene, 1, 40000, 2, 80);
  (void)state;
  open_talk(story, &talk);
  for (int i = 0; i < 10; i++)
    exchange(story, &talk);
  story->scene.points[0].absent = true;
  for (uint16_t i = 0; i < 12; i++) {
    struct talk other = talk_new(&story->scene, 3, (uint16_t)(50000 + i), 2, 80);
    open_talk(story, &other);
    exchange(story, &other);
  }
  story->scene.points[0].absent = false;
  for (int i = 0; i < 10; i++)
    exchange(story, &talk);
  tell(story, &limits);
  assert_int_equal(story->reports[0], 1);
  assert_int_equal(story->reports[1], 1 + 12 + 1);
  assert_int_equal(story->together, 1);
  assert_int_equal(story->alone, 12 + 1);
  story_free(story);
}

/* SYNs that nobody answers are counted, not told, once there are too many; those that are answered
 * at last are. */
static void a_flood_of_syns(void **state)
{
  struct story *story = story_new(2, 4);
  const struct analyzer_limits limits = {1000, 3, 16, 10};
  (void)state;
  for (uint32_t i = 0; i < 400; i++) {
    struct talk talk = talk_new(&story->scene, 1 + i % 5, (uint16_t)(40000 + i), 2, 80);
    say(story, &talk, 0, TCP_SYN, 0);
    if (i % 10 != 0)
      continue;
    say(story, &talk, 1, TCP_SYN | TCP_ACK, 0);
    say(story, &talk, 0, TCP_ACK, 0);
    exchange(story, &talk);
  }
  tell(story, &limits);
  assert_true(story->together >= 40);
  story_free(story);
}

/* The path loses a segment once a second, which both ends notice: one finding each. */
static struct story *story_of_losses(void)
{
  struct story *story = story_new(2, 6);
  struct talk talk = talk_new(&story->scene, 1, 40000, 2, 80);
  open_talk(story, &talk);
  for (int i = 0; i < 20; i++)
    exchange(story, &talk);
  for (uint32_t i = 0; i < STALLS; i++) {
    story->scene.points[1].absent = true;
    say(story, &talk, 0, TCP_ACK | TCP_PSH, 200);
    story->scene.points[1].absent = false;
    story->scene.now_ns += NS_PER_S;
    talk.nxt[0] -= 200;
    say(story, &talk, 0, TCP_ACK | TCP_PSH, 200);
    say(story, &talk, 1, TCP_ACK | TCP_PSH, 700);
    say(story, &talk, 0, TCP_ACK, 0);
    for (int k = 0; k < 3; k++)
      exchange(story, &talk);
    story->scene.now_ns += 30 * NS_PER_S; /* each for itself, not a crawl */
  }
  close_talk(story, &talk);
  return story;
}

static const struct analyzer_limits many_findings = {100, 100, 1000, 1000};

static void many_stalls(void **state)
{
  struct story *story = story_of_losses();
  (void)state;
  tell(story, &many_findings);
  assert_int_equal(story->together, 1);
  assert_int_equal(story->losses, STALLS);
  assert_int_equal(story->suppressed, 0);
  assert_int_equal(story->opened, 0);
  story_free(story);
}

/* The same while it happens: each is opened once, by one end, and closed under its id. */
static void many_stalls_live(void **state)
{
  struct story *story = story_of_losses();
  (void)state;
  story->live = true;
  tell(story, &many_findings);
  assert_int_equal(story->opened, STALLS);
  assert_int_equal(story->closed, STALLS);
  assert_int_equal(story->losses, STALLS);
  story_free(story);
}

/* A reset that comes when all is over begins a connection of its own at the engines, and what they
 * say about it at once must not be lost. */
static void packets_after_the_end(void **state)
{
  struct story *story = story_new(2, 5);
  (void)state;
  for (uint16_t i = 0; i < 20; i++) {
    struct talk talk = talk_new(&story->scene, 1, (uint16_t)(40000 + i), 2, 80);
    open_talk(story, &talk);
    exchange(story, &talk);
    close_talk(story, &talk);
    story->scene.now_ns += 100 * NS_PER_S;
    struct talk other = talk_new(&story->scene, 1, (uint16_t)(50000 + i), 2, 80);
    open_talk(story, &other); /* lets the engines retire what has long been closed */
    exchange(story, &other);
    say(story, &talk, 1, TCP_RST | TCP_ACK, 0);
    say(story, &talk, 0, TCP_ACK, 300);
    close_talk(story, &other);
  }
  tell(story, NULL);
  assert_true(story->together >= 40);
  story_free(story);
}

/* All memory of a link is the pool's, and goes back to it. */
static void links_give_back(void **state)
{
  struct lane_pool pool = {.bytes_max = 1 << 20, .records_max = 256};
  const int64_t first_ns[ANALYZER_ENDS_MAX] = {0};
  struct connection_pair pair = {.member_count = 3, .certainty = PAIR_CERTAIN, .order_known = true};
  struct talk talk = {.path = {1, 2, 40000, 80}};
  (void)state;
  for (uint8_t i = 0; i < 3; i++) {
    pair.members[i] = (struct pair_member){.end = i, .place = (uint8_t)(2 - i)};
    pair.members[i].client =
        (struct endpoint){.address = packet_host(1), .port = 40000, .ip_version = 4};
  }
  struct link *link = link_new(&pair, 1, &pool, first_ns);
  assert_non_null(link);
  assert_true(pool.bytes >= sizeof *link);
  for (int i = 0; i < 3; i++)
    assert_int_equal(link_place(link, (uint8_t)i), 2 - i);
  assert_int_equal(link_near_place(link, SIDE_CLIENT), 0);
  assert_int_equal(link_near_place(link, SIDE_SERVER), 2);
  for (uint32_t i = 0; i < 3000; i++) {
    struct packet packet = packet_tcp(i % 5 == 0 ? packet_path_back(talk.path) : talk.path,
                                      (int64_t)i * NS_PER_MS, i + 1, TCP_ACK);
    packet.seq = i * 100;
    packet.payload_bytes = 100;
    link_packet(link, (uint8_t)(i % 3), &packet);
    assert_true(pool.bytes <= pool.bytes_max + sizeof *link);
  }
  assert_true(pool.forgotten > 0);
  link_free(link);
  assert_int_equal(pool.bytes, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ports_used_again),        cmocka_unit_test(engines_that_forget),
      cmocka_unit_test(one_engine_that_forgets), cmocka_unit_test(a_flood_of_syns),
      cmocka_unit_test(packets_after_the_end),   cmocka_unit_test(many_stalls),
      cmocka_unit_test(many_stalls_live),        cmocka_unit_test(links_give_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
