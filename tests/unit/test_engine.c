/* The engine as a whole: every instant has one owner, and no input makes it exceed its limits. */

#include "analyzer/analyzer.h"
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

/* What came out. A check that fails inside the sink is only noted there, so that the analyzer is
 * freed before the test ends. */
struct outcome {
  uint64_t findings, connections, digest;
  uint64_t findings_counted, suppressed; /* by the summaries */
  struct connection_summary last;        /* connection */
  struct finding last_finding;
  const char *wrong; /* NULL: nothing */
  uint64_t wrong_connection;
};

static void must(struct outcome *outcome, bool holds, const char *what, uint64_t connection)
{
  if (!holds && outcome->wrong == NULL) {
    outcome->wrong = what;
    outcome->wrong_connection = connection;
  }
}

static void digest(struct outcome *outcome, const void *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++)
    outcome->digest = (outcome->digest ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
}

static void check_budget(struct outcome *outcome, const struct connection_summary *connection)
{
  int64_t life_ns = connection->end_ns - connection->start_ns;
  must(outcome, life_ns >= 0, "a connection ends before it starts", connection->id);
  for (int side = 0; side < 2; side++) {
    const struct stream_summary *stream = &connection->streams[side];
    int64_t sum_ns = stream->moving_ns + stream->idle_ns;
    must(outcome, stream->moving_ns >= 0, "moving for less than no time", connection->id);
    must(outcome, stream->idle_ns >= 0, "idle for less than no time", connection->id);
    for (int location = 0; location < LOCATION_COUNT; location++) {
      must(outcome, stream->budget_ns[location] >= 0, "an owner of less than no time",
           connection->id);
      sum_ns += stream->budget_ns[location];
    }
    must(outcome, stream->budget_ns[LOCATION_NONE] == 0, "time owed by nobody", connection->id);
    must(outcome, sum_ns == life_ns, "the budget is not the connection's life", connection->id);
  }
}

static void take_connection(void *context, const struct connection_summary *connection)
{
  struct outcome *outcome = context;
  outcome->connections++;
  outcome->findings_counted += connection->findings;
  outcome->suppressed += connection->findings_suppressed;
  outcome->last = *connection;
  must(outcome, connection->id > 0, "a connection without identity", connection->id);
  must(outcome, connection->quality < 1u << QUALITY_BITS, "an unknown quality", connection->id);
  check_budget(outcome, connection);
  digest(outcome, &connection->id, sizeof connection->id);
  digest(outcome, &connection->end_ns, sizeof connection->end_ns);
  digest(outcome, &connection->quality, sizeof connection->quality);
  for (int side = 0; side < 2; side++) {
    const struct stream_summary *stream = &connection->streams[side];
    digest(outcome, stream->budget_ns, sizeof stream->budget_ns);
    digest(outcome, &stream->moving_ns, sizeof stream->moving_ns);
    digest(outcome, &stream->bytes, sizeof stream->bytes);
    digest(outcome, &stream->retransmitted_bytes, sizeof stream->retransmitted_bytes);
  }
}

static void take_finding(void *context, const struct connection_summary *connection,
                         const struct finding *finding)
{
  struct outcome *outcome = context;
  outcome->findings++;
  outcome->last_finding = *finding;
  uint64_t id = connection->id;
  must(outcome, finding->id == connection->findings, "findings are not numbered one by one", id);
  must(outcome, finding->start_ns <= finding->end_ns, "a finding ends before it starts", id);
  must(outcome, finding->location > LOCATION_NONE && finding->location < LOCATION_COUNT,
       "a finding without a place", id);
  must(outcome, finding->cause < CAUSE_COUNT && finding->ended_by < ENDED_BY_COUNT,
       "a finding out of the vocabulary", id);
  must(outcome, finding->evidence_count <= EVIDENCE_MAX, "too much evidence", id);
  must(outcome, finding->alternative_count <= NOT_EXCLUDED_MAX, "too many alternatives", id);
  must(outcome, finding->waited_ns >= 0, "a wait of less than no time", id);
  must(outcome, finding->summary[0] != '\0' && strlen(finding->summary) < SUMMARY_SIZE,
       "a finding that says nothing", id);
  must(outcome, strlen(finding->reason) < REASON_SIZE, "an endless reason", id);
  digest(outcome, &finding->cause, sizeof finding->cause);
  digest(outcome, &finding->start_ns, sizeof finding->start_ns);
  digest(outcome, finding->summary, strlen(finding->summary));
}

static struct analyzer *begin_with(struct outcome *outcome, const struct analyzer_options *options)
{
  *outcome = (struct outcome){0};
  struct analyzer_sink sink = {outcome, take_finding, take_connection};
  struct analyzer *analyzer = analyzer_new(options, &sink);
  assert_non_null(analyzer);
  return analyzer;
}

static struct analyzer_options defaults(void)
{
  struct analyzer_options options;
  analyzer_options_default(&options);
  return options;
}

static struct analyzer *begin(struct outcome *outcome)
{
  struct analyzer_options options = defaults();
  return begin_with(outcome, &options);
}

/* Finishes, frees, and fails if the sink saw anything wrong. */
static struct analyzer_stats end(struct analyzer *analyzer, const struct outcome *outcome)
{
  struct analyzer_stats stats;
  analyzer_finish(analyzer);
  analyzer_get_stats(analyzer, &stats);
  analyzer_free(analyzer);
  if (outcome->wrong != NULL)
    fail_msg("connection %llu: %s", (unsigned long long)outcome->wrong_connection, outcome->wrong);
  assert_int_equal(outcome->findings, outcome->findings_counted);
  return stats;
}

/* ---- every instant has one owner ---- */

static void run_random(uint64_t seed, uint32_t flows, uint32_t mangled_per_mille,
                       bool strange_times, uint32_t packets)
{
  struct analyzer_options options = defaults();
  options.limits = (struct analyzer_limits){.connections = 1 + (uint32_t)seed % 12,
                                            .half_open = 1 + (uint32_t)seed % 5,
                                            .segments_in_flight = 8u << seed % 6,
                                            .findings_per_connection = (uint32_t)seed % 30};
  struct outcome outcome;
  struct analyzer *analyzer = begin_with(&outcome, &options);
  struct random_traffic traffic = random_traffic_new(seed, flows, mangled_per_mille, strange_times);
  for (uint32_t i = 0; i < packets; i++) {
    struct packet packet = random_traffic_next(&traffic);
    assert_int_equal(analyzer_packet(analyzer, &packet), 0);
  }
  struct analyzer_stats stats;
  analyzer_finish(analyzer);
  analyzer_get_stats(analyzer, &stats);
  analyzer_free(analyzer);
  if (outcome.wrong != NULL)
    fail_msg("seed %llu, connection %llu: %s", (unsigned long long)seed,
             (unsigned long long)outcome.wrong_connection, outcome.wrong);
  assert_int_equal(outcome.findings, outcome.findings_counted);
  assert_int_equal(outcome.connections + stats.half_open_forgotten, stats.connections);
}

static void budget_of_regular_traffic_adds_up(void **state)
{
  (void)state;
  for (uint64_t seed = 1; seed <= 400; seed++)
    run_random(seed, 1 + (uint32_t)seed % TRAFFIC_FLOWS_MAX, 0, false, 600);
}

static void budget_of_mangled_traffic_adds_up(void **state)
{
  (void)state;
  for (uint64_t seed = 1; seed <= 400; seed++)
    run_random(seed, 1 + (uint32_t)seed % TRAFFIC_FLOWS_MAX, seed % 3 == 0 ? 700 : 100, false, 600);
}

static void budget_survives_strange_clocks(void **state)
{
  (void)state;
  for (uint64_t seed = 1; seed <= 400; seed++)
    run_random(seed, 1 + (uint32_t)seed % TRAFFIC_FLOWS_MAX, seed % 2 == 0 ? 100 : 0, true, 600);
}

static void batches_give_the_same_as_single_packets(void **state)
{
  (void)state;
  for (uint64_t seed = 1; seed <= 40; seed++) {
    struct outcome single, batched;
    struct analyzer *one = begin(&single), *many = begin(&batched);
    struct random_traffic traffic = random_traffic_new(seed, 10, 20, false);
    struct packet packets[64];
    for (int round = 0; round < 20; round++) {
      uint32_t count = random_below(&traffic.seed, 65);
      for (uint32_t i = 0; i < count; i++) {
        packets[i] = random_traffic_next(&traffic);
        assert_int_equal(analyzer_packet(one, &packets[i]), 0);
      }
      assert_int_equal(analyzer_packets(many, packets, count), 0);
    }
    end(one, &single);
    end(many, &batched);
    assert_true(single.connections > 0);
    assert_int_equal(single.connections, batched.connections);
    assert_int_equal(single.findings, batched.findings);
    assert_int_equal(single.digest, batched.digest);
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

static struct script script_of(struct analyzer *analyzer, uint32_t client_host, uint16_t port)
{
  return (struct script){.analyzer = analyzer,
                         .path = {client_host, 2, port, 80},
                         .now_ns = START_NS,
                         .nxt = {1000, 500000}};
}

static struct packet next_packet(struct script *script, enum stream_side side, uint16_t flags)
{
  struct packet packet =
      packet_tcp(side == SIDE_CLIENT ? script->path : packet_path_back(script->path),
                 script->now_ns, ++script->frame, flags);
  packet.seq = script->nxt[side];
  packet.ack = (flags & TCP_ACK) != 0 ? script->nxt[side ^ 1] : 0;
  packet.window = 60000;
  return packet;
}

static void put(struct script *script, const struct packet *packet)
{
  assert_int_equal(analyzer_packet(script->analyzer, packet), 0);
}

/* A segment with `bytes` of data, and what SYN and FIN count. */
static void send(struct script *script, enum stream_side side, uint16_t flags, uint32_t bytes)
{
  struct packet packet = next_packet(script, side, flags);
  packet.payload_bytes = packet.captured_payload_bytes = bytes;
  if ((flags & TCP_SYN) != 0)
    packet_add_syn_options(&packet, 0, 0), packet.options &= (uint16_t)~TCP_OPT_TIMESTAMPS;
  put(script, &packet);
  script->nxt[side] += bytes + ((flags & (TCP_SYN | TCP_FIN)) != 0 ? 1 : 0);
}

static void wait_ms(struct script *script, int64_t ms)
{
  script->now_ns += ms * NS_PER_MS;
}

static void shake_hands(struct script *script)
{
  send(script, SIDE_CLIENT, TCP_SYN, 0);
  wait_ms(script, 5);
  send(script, SIDE_SERVER, TCP_SYN | TCP_ACK, 0);
  wait_ms(script, 5);
  send(script, SIDE_CLIENT, TCP_ACK, 0);
}

/* A request, acknowledged. */
static void exchange(struct script *script)
{
  send(script, SIDE_CLIENT, TCP_ACK | TCP_PSH, 100);
  wait_ms(script, 5);
  send(script, SIDE_SERVER, TCP_ACK, 0);
}

static void close_both(struct script *script)
{
  send(script, SIDE_CLIENT, TCP_FIN | TCP_ACK, 0);
  wait_ms(script, 5);
  send(script, SIDE_SERVER, TCP_FIN | TCP_ACK, 0);
  wait_ms(script, 5);
  send(script, SIDE_CLIENT, TCP_ACK, 0);
}

static void plain_connection_is_summarised_once(void **state)
{
  (void)state;
  struct outcome outcome;
  struct script script = script_of(begin(&outcome), 1, 40000);
  shake_hands(&script);
  exchange(&script);
  close_both(&script);
  struct analyzer_stats stats = end(script.analyzer, &outcome);
  assert_int_equal(outcome.connections, 1);
  assert_int_equal(outcome.findings, 0);
  assert_int_equal(stats.connections, 1);
  assert_int_equal(stats.packets[PACKET_TCP], 8);
  assert_int_equal(stats.first_ns, START_NS);
  assert_int_equal(stats.last_ns, script.now_ns);
  assert_int_equal(outcome.last.id, 1);
  assert_int_equal(outcome.last.packets, 8);
  assert_int_equal(outcome.last.client.port, 40000);
  assert_int_equal(outcome.last.server.port, 80);
  assert_true(outcome.last.roles_from_syn);
  assert_true(outcome.last.established);
  assert_true(outcome.last.closed);
  assert_int_equal(outcome.last.start_ns, START_NS);
  assert_int_equal(outcome.last.end_ns, script.now_ns);
}

static void nothing_in_nothing_out(void **state)
{
  (void)state;
  struct outcome outcome;
  struct analyzer_stats stats = end(begin(&outcome), &outcome);
  assert_int_equal(outcome.connections, 0);
  assert_int_equal(stats.connections, 0);
  assert_int_equal(stats.first_ns, TIME_INVALID);
  assert_int_equal(stats.last_ns, TIME_INVALID);
  analyzer_free(NULL);
}

static void every_kind_of_packet_is_counted(void **state)
{
  (void)state;
  struct outcome outcome;
  struct analyzer *analyzer = begin(&outcome);
  for (unsigned kind = 0; kind < 256; kind++) {
    struct packet packet = {.kind = (uint8_t)kind, .time_ns = START_NS, .frame = kind + 1};
    assert_int_equal(analyzer_packet(analyzer, &packet), 0);
  }
  struct analyzer_stats stats = end(analyzer, &outcome);
  for (unsigned kind = 0; kind < PACKET_KIND_COUNT; kind++)
    assert_int_equal(stats.packets[kind], 1);
}

static void time_running_backwards_is_counted(void **state)
{
  (void)state;
  struct outcome outcome;
  struct script script = script_of(begin(&outcome), 1, 40000);
  shake_hands(&script);
  wait_ms(&script, -3);
  exchange(&script);
  struct analyzer_stats stats = end(script.analyzer, &outcome);
  assert_int_equal(stats.time_backwards, 1);
  assert_int_equal(outcome.last.quality, QUALITY_TIME_BACKWARDS);
}

static void unclosed_connection_ends_with_the_capture(void **state)
{
  (void)state;
  struct outcome outcome;
  struct script script = script_of(begin(&outcome), 1, 40000);
  shake_hands(&script);
  exchange(&script);
  struct packet last = packet_arp(7, 8, 1, script.now_ns + 30 * NS_PER_S, ++script.frame);
  put(&script, &last);
  end(script.analyzer, &outcome);
  assert_int_equal(outcome.last.end_ns, last.time_ns);
  assert_false(outcome.last.closed);
}

/* ---- the same ports again ---- */

static void closed_ports_can_be_used_again(void **state)
{
  (void)state;
  struct outcome outcome;
  struct script script = script_of(begin(&outcome), 1, 40000);
  shake_hands(&script);
  exchange(&script);
  close_both(&script);
  wait_ms(&script, 20);
  script.nxt[0] += 777777, script.nxt[1] += 999999;
  shake_hands(&script);
  struct analyzer_stats stats = end(script.analyzer, &outcome);
  assert_int_equal(stats.connections, 2);
  assert_int_equal(outcome.connections, 2);
  assert_int_equal(outcome.last.id, 2);
  assert_int_equal(outcome.last.packets, 3);
}

static void reset_ports_can_be_used_again(void **state)
{
  (void)state;
  struct outcome outcome;
  struct script script = script_of(begin(&outcome), 1, 40000);
  shake_hands(&script);
  send(&script, SIDE_CLIENT, TCP_RST | TCP_ACK, 0);
  wait_ms(&script, 20);
  script.nxt[0] += 777777;
  shake_hands(&script);
  end(script.analyzer, &outcome);
  assert_int_equal(outcome.connections, 2);
}

static void repeated_syn_is_no_new_connection(void **state)
{
  (void)state;
  struct outcome outcome;
  struct script script = script_of(begin(&outcome), 1, 40000);
  for (int i = 0; i < 4; i++) {
    script.nxt[0] = 1000;
    send(&script, SIDE_CLIENT, TCP_SYN, 0);
    wait_ms(&script, 1000 << i);
  }
  struct analyzer_stats stats = end(script.analyzer, &outcome);
  assert_int_equal(stats.connections, 1);
  assert_int_equal(stats.syns_unanswered, 1);
  assert_int_equal(outcome.connections, 1);
}

static void blind_syn_does_not_end_a_live_connection(void **state)
{
  (void)state;
  struct outcome outcome;
  struct script script = script_of(begin(&outcome), 1, 40000);
  shake_hands(&script);
  exchange(&script);
  struct packet blind = next_packet(&script, SIDE_CLIENT, TCP_SYN);
  blind.seq = script.nxt[0] - 5; /* RFC 9293, 3.10.7.4: answered with a challenge ACK */
  put(&script, &blind);
  wait_ms(&script, 5);
  exchange(&script);
  struct analyzer_stats stats = end(script.analyzer, &outcome);
  assert_int_equal(stats.connections, 1);
}

/* ---- more than 4 GB ---- */

static void four_gigabytes_wrap_without_a_word(void **state)
{
  (void)state;
  struct outcome outcome;
  struct script script = script_of(begin(&outcome), 1, 40000);
  script.nxt[0] = UINT32_MAX - 100000;
  shake_hands(&script);
  const uint32_t segment_bytes = 60000;
  const uint64_t total = UINT64_C(9000000000); /* twice around, and some */
  for (uint64_t sent = 0; sent < total; sent += segment_bytes) {
    send(&script, SIDE_CLIENT, TCP_ACK, segment_bytes);
    wait_ms(&script, 1);
    send(&script, SIDE_SERVER, TCP_ACK, 0);
  }
  close_both(&script);
  end(script.analyzer, &outcome);
  const struct stream_summary *stream = &outcome.last.streams[SIDE_CLIENT];
  assert_int_equal(outcome.findings, 0);
  assert_int_equal(outcome.connections, 1);
  assert_true(stream->bytes >= total && stream->bytes <= total + 2); /* SYN and FIN, or not */
  assert_int_equal(stream->retransmitted_segments, 0);
  assert_int_equal(stream->out_of_order, 0);
  assert_int_equal(stream->unseen_bytes, 0);
  assert_int_equal(stream->flight_max, segment_bytes);
  assert_int_equal(stream->largest_segment, segment_bytes);
}

/* ---- limits ---- */

static void connections_above_the_limit_are_retired(void **state)
{
  (void)state;
  struct analyzer_options options = defaults();
  options.limits.connections = 100;
  struct outcome outcome;
  struct analyzer *analyzer = begin_with(&outcome, &options);
  uint64_t frame = 0;
  for (uint32_t i = 0; i < 1000; i++) {
    struct script script = script_of(analyzer, 1000 + i, 40000);
    script.now_ns = START_NS + i * NS_PER_MS;
    script.frame = frame;
    exchange(&script);
    frame = script.frame;
  }
  assert_int_equal(outcome.connections, 900);
  struct analyzer_stats stats = end(analyzer, &outcome);
  assert_int_equal(stats.connections, 1000);
  assert_int_equal(stats.connections_retired, 900);
  assert_int_equal(stats.connections_live, 100);
  assert_int_equal(outcome.connections, 1000);
}

static void flood_one(struct analyzer *analyzer, uint32_t number)
{
  struct packet packet = packet_tcp(
      (struct packet_path){1000 + number / 50000, 2, (uint16_t)(1024 + number % 50000), 80},
      START_NS + number * NS_PER_US, number + 1, TCP_SYN);
  packet.seq = number * 2654435761u;
  packet_add_syn_options(&packet, number, 0);
  assert_int_equal(analyzer_packet(analyzer, &packet), 0);
}

static struct analyzer_stats flood(uint32_t syns, uint32_t half_open, uint64_t *summaries)
{
  struct analyzer_options options = defaults();
  options.limits.half_open = half_open;
  struct outcome outcome;
  struct analyzer *analyzer = begin_with(&outcome, &options);
  for (uint32_t i = 0; i < syns; i++)
    flood_one(analyzer, i);
  struct analyzer_stats stats = end(analyzer, &outcome);
  *summaries = outcome.connections;
  return stats;
}

static void syn_flood_stays_within_the_limit_and_is_counted(void **state)
{
  (void)state;
  uint64_t summaries;
  struct analyzer_stats within = flood(10000, 10000, &summaries);
  assert_int_equal(within.half_open_forgotten, 0);
  assert_int_equal(summaries, 10000);
  struct analyzer_stats stats = flood(300000, 10000, &summaries);
  assert_int_equal(stats.connections, 300000);
  assert_int_equal(stats.half_open_forgotten, 290000);
  assert_int_equal(stats.syns_unanswered, 300000);
  assert_int_equal(stats.connections_retired, 0);
  assert_int_equal(summaries, 10000);
  assert_true(stats.memory_peak_bytes <= within.memory_peak_bytes + 1024 * 1024);
}

static void default_limits_hold_a_flood_as_well(void **state)
{
  (void)state;
  struct analyzer_options options = defaults();
  uint64_t summaries;
  struct analyzer_stats stats = flood(300000, options.limits.half_open, &summaries);
  assert_int_equal(stats.half_open_forgotten, 300000 - options.limits.half_open);
  assert_int_equal(stats.syns_unanswered, 300000);
  assert_true(stats.memory_peak_bytes <= UINT64_C(1536) * options.limits.half_open);
}

static void connection_survives_a_flood_around_it(void **state)
{
  (void)state;
  struct analyzer_options options = defaults();
  options.limits.half_open = 100;
  struct outcome outcome;
  struct script script = script_of(begin_with(&outcome, &options), 1, 40000);
  shake_hands(&script);
  for (uint32_t i = 0; i < 2000; i++)
    flood_one(script.analyzer, i);
  exchange(&script);
  close_both(&script);
  struct analyzer_stats stats = end(script.analyzer, &outcome);
  assert_int_equal(stats.connections, 2001);
  assert_int_equal(stats.half_open_forgotten, 1900);
  assert_int_equal(outcome.connections, 101);
}

static void segments_above_the_limit_are_forgotten(void **state)
{
  (void)state;
  struct analyzer_options options = defaults();
  options.limits.segments_in_flight = 64;
  struct outcome outcome;
  struct script script = script_of(begin_with(&outcome, &options), 1, 40000);
  shake_hands(&script);
  for (int i = 0; i < 1000; i++)
    send(&script, SIDE_CLIENT, TCP_ACK, 10);
  struct analyzer_stats stats;
  analyzer_get_stats(script.analyzer, &stats);
  assert_int_equal(stats.segments_forgotten, 1000 - 64);
  send(&script, SIDE_SERVER, TCP_ACK, 0);
  end(script.analyzer, &outcome);
  assert_true(outcome.last.streams[SIDE_CLIENT].bytes >= 10000);
  assert_int_equal(outcome.last.streams[SIDE_CLIENT].unseen_bytes, 0);
  assert_int_equal(outcome.last.streams[SIDE_CLIENT].retransmitted_segments, 0);
}

/* Ten tail losses, each repaired by the timer. */
static struct outcome stalls_with_limit(uint32_t findings)
{
  struct analyzer_options options = defaults();
  options.limits.findings_per_connection = findings;
  struct outcome outcome;
  struct script script = script_of(begin_with(&outcome, &options), 1, 40000);
  shake_hands(&script);
  for (int i = 0; i < 10; i++) {
    wait_ms(&script, 60000); /* else it would be one run of waits */
    exchange(&script);
    struct packet lost = next_packet(&script, SIDE_CLIENT, TCP_ACK | TCP_PSH);
    lost.payload_bytes = lost.captured_payload_bytes = 400;
    put(&script, &lost);
    wait_ms(&script, 900);
    send(&script, SIDE_CLIENT, TCP_ACK | TCP_PSH, 400);
    wait_ms(&script, 5);
    send(&script, SIDE_SERVER, TCP_ACK, 0);
  }
  end(script.analyzer, &outcome);
  return outcome;
}

static void findings_above_the_limit_are_counted_only(void **state)
{
  (void)state;
  struct outcome all = stalls_with_limit(1000);
  assert_true(all.findings >= 10);
  assert_int_equal(all.suppressed, 0);
  struct outcome some = stalls_with_limit(3);
  assert_int_equal(some.findings, 3);
  assert_int_equal(some.last.findings, 3);
  assert_int_equal(some.last.findings_suppressed, all.findings - 3);
  struct outcome none = stalls_with_limit(0);
  assert_int_equal(none.findings, 0);
  assert_int_equal(none.suppressed, all.findings);
  assert_memory_equal(none.last.streams[0].budget_ns, all.last.streams[0].budget_ns,
                      sizeof none.last.streams[0].budget_ns);
}

static void idle_connections_cost_less_than_a_kilobyte(void **state)
{
  (void)state;
  enum { CONNECTIONS = 100000 };
  struct outcome outcome;
  struct analyzer *analyzer = begin(&outcome);
  uint64_t frame = 0;
  for (uint32_t i = 0; i < CONNECTIONS; i++) {
    struct script script = script_of(analyzer, 1000 + i / 50000, (uint16_t)(1024 + i % 50000));
    script.now_ns = START_NS + i * 20 * NS_PER_US;
    script.frame = frame;
    shake_hands(&script);
    exchange(&script);
    frame = script.frame;
  }
  struct analyzer_stats stats;
  analyzer_get_stats(analyzer, &stats);
  assert_int_equal(stats.connections_retired, 0);
  assert_int_equal(outcome.connections, 0);
  assert_true(stats.memory_peak_bytes / CONNECTIONS < 1024);
  stats = end(analyzer, &outcome);
  assert_int_equal(outcome.connections, CONNECTIONS);
  assert_int_equal(stats.connections_live, CONNECTIONS);
}

/* The sanitizers' leak check looks at what is left. */
static void freeing_without_finish_leaves_nothing(void **state)
{
  (void)state;
  for (uint64_t seed = 1; seed <= 60; seed++) {
    struct outcome outcome;
    struct analyzer *analyzer = begin(&outcome);
    struct random_traffic traffic = random_traffic_new(seed, 12, 30, false);
    for (uint32_t i = 0; i < 50 * seed; i++) {
      struct packet packet = random_traffic_next(&traffic);
      assert_int_equal(analyzer_packet(analyzer, &packet), 0);
    }
    analyzer_free(analyzer);
  }
}

/* After everything is over the engine's own count of its memory holds only what it keeps to use
 * again: a second round of the same needs no more. */
static void memory_does_not_grow_from_round_to_round(void **state)
{
  (void)state;
  struct analyzer_options options = defaults();
  options.limits.connections = 8;
  struct outcome outcome;
  struct analyzer *analyzer = begin_with(&outcome, &options);
  struct random_traffic traffic = random_traffic_new(5, 12, 0, false);
  uint64_t highest_early = 0, highest_late = 0;
  for (uint32_t i = 0; i < 200000; i++) {
    struct packet packet = random_traffic_next(&traffic);
    assert_int_equal(analyzer_packet(analyzer, &packet), 0);
    struct analyzer_stats stats;
    analyzer_get_stats(analyzer, &stats);
    uint64_t *highest = i < 100000 ? &highest_early : &highest_late;
    *highest = stats.memory_bytes > *highest ? stats.memory_bytes : *highest;
  }
  end(analyzer, &outcome);
  assert_true(highest_late <= 2 * highest_early);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(budget_of_regular_traffic_adds_up),
      cmocka_unit_test(budget_of_mangled_traffic_adds_up),
      cmocka_unit_test(budget_survives_strange_clocks),
      cmocka_unit_test(batches_give_the_same_as_single_packets),
      cmocka_unit_test(plain_connection_is_summarised_once),
      cmocka_unit_test(nothing_in_nothing_out),
      cmocka_unit_test(every_kind_of_packet_is_counted),
      cmocka_unit_test(time_running_backwards_is_counted),
      cmocka_unit_test(unclosed_connection_ends_with_the_capture),
      cmocka_unit_test(closed_ports_can_be_used_again),
      cmocka_unit_test(reset_ports_can_be_used_again),
      cmocka_unit_test(repeated_syn_is_no_new_connection),
      cmocka_unit_test(blind_syn_does_not_end_a_live_connection),
      cmocka_unit_test(four_gigabytes_wrap_without_a_word),
      cmocka_unit_test(connections_above_the_limit_are_retired),
      cmocka_unit_test(syn_flood_stays_within_the_limit_and_is_counted),
      cmocka_unit_test(default_limits_hold_a_flood_as_well),
      cmocka_unit_test(connection_survives_a_flood_around_it),
      cmocka_unit_test(segments_above_the_limit_are_forgotten),
      cmocka_unit_test(findings_above_the_limit_are_counted_only),
      cmocka_unit_test(idle_connections_cost_less_than_a_kilobyte),
      cmocka_unit_test(freeing_without_finish_leaves_nothing),
      cmocka_unit_test(memory_does_not_grow_from_round_to_round),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
