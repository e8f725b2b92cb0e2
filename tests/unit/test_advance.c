/* Waits that are told while they last: opened once, closed once, under one id, and only if somebody
 * lets time go on. */

#include "analyzer/engine.h"
#include "tests/support/packet_build.h"
#include "tests/support/random.h"
#include "tests/support/random_traffic.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START_NS (INT64_C(1700000000) * NS_PER_S)
#define ENTRIES  4096u

/* What was told of one finding. */
struct entry {
  uint64_t connection;
  uint32_t id;
  enum finding_state state; /* the last one */
  bool opened;
};

struct ledger {
  struct entry entries[ENTRIES];
  uint32_t count, opened, revised, closed, summaries;
  uint32_t problems_opened; /* severity */
  bool check_budget;
  struct finding last_opened, last;
  const char *wrong;
};

static void must(struct ledger *ledger, bool holds, const char *what)
{
  if (!holds && ledger->wrong == NULL)
    ledger->wrong = what;
}

static struct entry *find(struct ledger *ledger, uint64_t connection, uint32_t id)
{
  for (uint32_t i = ledger->count; i-- > 0;)
    if (ledger->entries[i].connection == connection && ledger->entries[i].id == id)
      return &ledger->entries[i];
  return NULL;
}

static void take_finding(void *context, const struct connection_summary *connection,
                         const struct finding *finding)
{
  struct ledger *ledger = context;
  struct entry *entry = find(ledger, connection->id, finding->id);
  must(ledger, finding->id > 0 && finding->id <= connection->findings, "an id out of nowhere");
  must(ledger, finding->summary[0] != '\0', "a finding that says nothing");
  must(ledger, finding->start_ns <= finding->end_ns, "ends before it starts");
  must(ledger, finding->state == FINDING_CLOSED || finding->location != LOCATION_NONE,
       "an open wait for nothing");
  if (entry == NULL) {
    must(ledger, finding->state != FINDING_REVISED, "revised before it was opened");
    must(ledger, ledger->count < ENTRIES, "too many");
    entry = &ledger->entries[ledger->count < ENTRIES ? ledger->count++ : 0];
    *entry =
        (struct entry){connection->id, finding->id, finding->state, finding->state == FINDING_OPEN};
  } else {
    must(ledger, entry->state != FINDING_CLOSED, "told after it was closed");
    must(ledger, finding->state != FINDING_OPEN, "opened twice");
    entry->state = finding->state;
  }
  ledger->last = *finding;
  if (finding->state == FINDING_OPEN) {
    ledger->opened++;
    ledger->problems_opened += finding->severity == SEVERITY_PROBLEM;
    ledger->last_opened = *finding;
  }
  ledger->revised += finding->state == FINDING_REVISED;
  ledger->closed += finding->state == FINDING_CLOSED;
}

static void take_connection(void *context, const struct connection_summary *connection)
{
  struct ledger *ledger = context;
  ledger->summaries++;
  for (uint32_t i = 0; i < ledger->count; i++)
    if (ledger->entries[i].connection == connection->id)
      must(ledger, ledger->entries[i].state == FINDING_CLOSED, "open beyond its connection's end");
  for (int side = 0; side < 2; side++) {
    const struct stream_summary *stream = &connection->streams[side];
    int64_t sum_ns = stream->moving_ns + stream->idle_ns;
    for (int location = 0; location < LOCATION_COUNT; location++)
      sum_ns += stream->budget_ns[location];
    must(ledger, sum_ns == connection->end_ns - connection->start_ns,
         "the budget is not the connection's life");
  }
}

static struct analyzer *begin(struct ledger *ledger)
{
  struct analyzer_options options;
  analyzer_options_default(&options);
  memset(ledger, 0, sizeof *ledger);
  const struct analyzer_sink sink = {ledger, take_finding, take_connection};
  struct analyzer *analyzer = analyzer_new(&options, &sink);
  assert_non_null(analyzer);
  return analyzer;
}

static void end(struct analyzer *analyzer, const struct ledger *ledger)
{
  analyzer_finish(analyzer);
  const uint32_t left = analyzer->due.count;
  analyzer_free(analyzer);
  if (ledger->wrong != NULL)
    fail_msg("%s", ledger->wrong);
  assert_int_equal(left, 0);
}

/* ---- whatever comes ---- */

static void run_random(uint64_t seed, uint32_t mangled_per_mille, bool strange_times)
{
  struct ledger *ledger = malloc(sizeof *ledger);
  assert_non_null(ledger);
  struct analyzer *analyzer = begin(ledger);
  analyzer->options.limits =
      (struct analyzer_limits){.connections = 1 + (uint32_t)seed % 12,
                               .half_open = 1 + (uint32_t)seed % 5,
                               .segments_in_flight = 8u << seed % 6,
                               .findings_per_connection = (uint32_t)seed % 30};
  struct random_traffic traffic = random_traffic_new(seed, 1 + (uint32_t)seed % TRAFFIC_FLOWS_MAX,
                                                     mangled_per_mille, strange_times);
  uint64_t random = seed;
  for (uint32_t i = 0; i < 600; i++) {
    struct packet packet = random_traffic_next(&traffic);
    for (int64_t at_ns = traffic.now_ns - 2 * NS_PER_S; at_ns < traffic.now_ns;
         at_ns += 200 * NS_PER_MS)
      if (random_once_in(&random, 3))
        analyzer_advance(analyzer, at_ns);
    assert_int_equal(analyzer_packet(analyzer, &packet), 0);
  }
  analyzer_advance(analyzer, traffic.now_ns + 20 * NS_PER_S);
  end(analyzer, ledger);
  free(ledger);
}

static void each_open_finding_is_closed_once(void **state)
{
  (void)state;
  for (uint64_t seed = 1; seed <= 200; seed++) {
    run_random(seed, 0, false);
    run_random(seed, 100, false);
    run_random(seed, 50, true);
  }
}

/* ---- a scripted connection ---- */

struct script {
  struct analyzer *analyzer;
  struct packet_path path; /* from the client */
  int64_t now_ns;
  uint64_t frame;
  uint32_t nxt[2];
};

static void send(struct script *script, enum stream_side side, uint16_t flags, uint32_t bytes)
{
  struct packet packet =
      packet_tcp(side == SIDE_CLIENT ? script->path : packet_path_back(script->path),
                 script->now_ns, ++script->frame, flags);
  packet.seq = script->nxt[side];
  packet.ack = (flags & TCP_ACK) != 0 ? script->nxt[side ^ 1] : 0;
  packet.window = 60000;
  packet.payload_bytes = packet.captured_payload_bytes = bytes;
  if ((flags & TCP_SYN) != 0)
    packet_add_syn_options(&packet, 0, 0), packet.options &= (uint16_t)~TCP_OPT_TIMESTAMPS;
  script->nxt[side] += bytes + ((flags & (TCP_SYN | TCP_FIN)) != 0 ? 1 : 0);
  assert_int_equal(analyzer_packet(script->analyzer, &packet), 0);
}

static struct script open_connection(struct analyzer *analyzer, uint32_t host)
{
  struct script script = {.analyzer = analyzer,
                          .path = {host, 2, 40000, 80},
                          .now_ns = START_NS,
                          .nxt = {1000, 500000}};
  send(&script, SIDE_CLIENT, TCP_SYN, 0);
  script.now_ns += NS_PER_MS;
  send(&script, SIDE_SERVER, TCP_SYN | TCP_ACK, 0);
  send(&script, SIDE_CLIENT, TCP_ACK, 0);
  return script;
}

/* Full segments of a message that goes on, each acknowledged 1 ms later. */
static void transfer(struct script *script, uint32_t segments, bool pushed)
{
  for (uint32_t i = 0; i < segments; i++) {
    script->now_ns += NS_PER_MS;
    send(script, SIDE_CLIENT, pushed && i + 1 == segments ? TCP_ACK | TCP_PSH : TCP_ACK, 1460);
    script->now_ns += NS_PER_MS;
    send(script, SIDE_SERVER, TCP_ACK, 0);
  }
}

/* Every 10 ms. */
static void pass(struct script *script, int64_t duration_ns)
{
  for (int64_t until_ns = script->now_ns + duration_ns; script->now_ns < until_ns;) {
    script->now_ns += 10 * NS_PER_MS;
    analyzer_advance(script->analyzer, script->now_ns);
  }
}

static void a_stall_is_opened_when_it_is_long_enough_and_closed_when_it_ends(void **state)
{
  (void)state;
  struct ledger ledger;
  struct analyzer *analyzer = begin(&ledger);
  struct script script = open_connection(analyzer, 1);
  transfer(&script, 50, false);
  const int64_t stalled_ns = script.now_ns;
  pass(&script, 190 * NS_PER_MS);
  assert_int_equal(ledger.opened, 0);
  pass(&script, 30 * NS_PER_MS);
  assert_int_equal(ledger.opened, 1);
  assert_int_equal(ledger.last_opened.state, FINDING_OPEN);
  assert_int_equal(ledger.last_opened.severity, SEVERITY_PROBLEM);
  assert_int_equal(ledger.last_opened.confidence, CONFIDENCE_POSSIBLE);
  assert_int_equal(ledger.last_opened.ended_by, ENDED_BY_UNKNOWN);
  assert_int_equal(ledger.last_opened.start_ns, stalled_ns);
  assert_non_null(strstr(ledger.last_opened.summary, "has come for"));
  pass(&script, 3 * NS_PER_S);
  assert_int_equal(ledger.opened, 1);
  assert_int_equal(ledger.closed, 0);
  transfer(&script, 1, false);
  assert_int_equal(ledger.closed, 1);
  assert_int_equal(ledger.last.id, ledger.last_opened.id);
  assert_true(ledger.last.waited_ns > 3 * NS_PER_S);
  transfer(&script, 50, true);
  pass(&script, 10 * NS_PER_S);
  assert_int_equal(ledger.opened, 1);
  assert_int_equal(ledger.closed, 1);
  end(analyzer, &ledger);
  assert_int_equal(ledger.count, 1);
}

static void a_verdict_that_changes_is_revised(void **state)
{
  (void)state;
  struct ledger ledger;
  struct analyzer *analyzer = begin(&ledger);
  struct script script = open_connection(analyzer, 1);
  transfer(&script, 50, false);
  /* One segment is not answered; what is sent again neither. */
  send(&script, SIDE_CLIENT, TCP_ACK, 1460);
  const uint32_t start = script.nxt[SIDE_CLIENT] - 1460;
  for (int64_t wait_ns = 220 * NS_PER_MS; wait_ns < 8 * NS_PER_S; wait_ns *= 2) {
    pass(&script, wait_ns);
    script.nxt[SIDE_CLIENT] = start;
    send(&script, SIDE_CLIENT, TCP_ACK, 1460);
  }
  assert_int_equal(ledger.opened, 1);
  assert_int_equal(ledger.last_opened.location, LOCATION_FORWARD_PATH);
  assert_true(ledger.revised > 0);
  assert_int_equal(ledger.closed, 0);
  script.now_ns += NS_PER_MS;
  send(&script, SIDE_SERVER, TCP_ACK, 0);
  assert_int_equal(ledger.closed, 1);
  assert_int_equal(ledger.last.ended_by, ENDED_BY_ACK);
  end(analyzer, &ledger);
  assert_int_equal(ledger.count, 1);
}

static void silence_after_a_message_is_no_stall(void **state)
{
  (void)state;
  struct ledger ledger;
  struct analyzer *analyzer = begin(&ledger);
  struct script script = open_connection(analyzer, 1);
  for (int key = 0; key < 30; key++) { /* somebody types, and reads */
    send(&script, SIDE_CLIENT, TCP_ACK | TCP_PSH, 36);
    script.now_ns += NS_PER_MS;
    send(&script, SIDE_SERVER, TCP_ACK | TCP_PSH, 36);
    script.now_ns += NS_PER_MS;
    send(&script, SIDE_CLIENT, TCP_ACK, 0);
    pass(&script, key % 10 == 0 ? 20 * NS_PER_S : 150 * NS_PER_MS);
  }
  pass(&script, 600 * NS_PER_S);
  assert_int_equal(ledger.problems_opened, 0);
  assert_int_equal(analyzer->due.count, 0); /* nobody looks any more */
  end(analyzer, &ledger);
}

static void waits_in_a_row_are_told_as_one_crawl(void **state)
{
  (void)state;
  struct ledger ledger;
  struct analyzer *analyzer = begin(&ledger);
  struct script script = open_connection(analyzer, 1);
  for (int i = 0; i < 100; i++) {
    transfer(&script, 10, false);
    pass(&script, 300 * NS_PER_MS);
  }
  transfer(&script, 1, true);
  uint32_t told = ledger.count;
  assert_true(told < 10);
  pass(&script, 10 * NS_PER_S);
  assert_int_equal(ledger.last.kind, FINDING_CRAWL);
  assert_int_equal(ledger.last.state, FINDING_CLOSED);
  assert_int_equal(ledger.last.waits, 100);
  end(analyzer, &ledger);
  assert_int_equal(ledger.count, told);
}

/* ---- cost, and the time before the first call ---- */

static void idle_connections_cost_nothing(void **state)
{
  (void)state;
  struct ledger ledger;
  struct analyzer *analyzer = begin(&ledger);
  struct script last = {0};
  for (uint32_t host = 10; host < 2010; host++) {
    last = open_connection(analyzer, host);
    transfer(&last, 1, true);
  }
  pass(&last, 600 * NS_PER_S);
  assert_int_equal(analyzer->due.count, 0);
  transfer(&last, 1, true);
  assert_int_equal(analyzer->due.count, 1);
  end(analyzer, &ledger);
}

static void without_advance_nothing_is_open(void **state)
{
  (void)state;
  struct ledger ledger;
  struct analyzer *analyzer = begin(&ledger);
  struct script script = open_connection(analyzer, 1);
  transfer(&script, 50, false);
  script.now_ns += 5 * NS_PER_S;
  transfer(&script, 50, false);
  assert_int_equal(analyzer->due.count, 0);
  end(analyzer, &ledger);
  assert_int_equal(ledger.opened, 0);
  assert_int_equal(ledger.closed, 1);
}

/* ---- who has to act now ---- */

static void keep_now(void *context, const struct connection_summary *connection,
                     const struct stream_now now[2])
{
  (void)connection;
  memcpy(context, now, 2 * sizeof *now);
}

static void the_owner_of_this_moment_is_told(void **state)
{
  (void)state;
  struct ledger ledger;
  struct stream_now now[2];
  struct analyzer *analyzer = begin(&ledger);
  struct script script = open_connection(analyzer, 1);
  transfer(&script, 50, false);
  analyzer_each_now(analyzer, script.now_ns + NS_PER_MS, keep_now, now);
  assert_int_equal(now[SIDE_CLIENT].state, STREAM_MOVING);
  assert_int_equal(now[SIDE_SERVER].state, STREAM_IDLE);
  pass(&script, NS_PER_S);
  analyzer_each_now(analyzer, script.now_ns, keep_now, now);
  assert_int_equal(now[SIDE_CLIENT].state, STREAM_WAITING);
  assert_int_equal(now[SIDE_CLIENT].owner, LOCATION_SENDER_APP);
  assert_int_equal(now[SIDE_CLIENT].finding, ledger.last_opened.id);
  end(analyzer, &ledger);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_open_finding_is_closed_once),
      cmocka_unit_test(a_stall_is_opened_when_it_is_long_enough_and_closed_when_it_ends),
      cmocka_unit_test(a_verdict_that_changes_is_revised),
      cmocka_unit_test(silence_after_a_message_is_no_stall),
      cmocka_unit_test(waits_in_a_row_are_told_as_one_crawl),
      cmocka_unit_test(idle_connections_cost_nothing),
      cmocka_unit_test(without_advance_nothing_is_open),
      cmocka_unit_test(the_owner_of_this_moment_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
