/* Verdicts that the samples of a socket settle: each with what looks like it in the packets, in
 * both directions of data. */

#include "analyzer/analyzer.h"
#include "tests/support/packet_build.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define START_NS  (INT64_C(1700000000) * NS_PER_S)
#define MSS       1448u
#define WINDOW    500u /* raw, of shift 7: 64,000 bytes */
#define SAMPLE_MS 20

/* A transfer of `sender` over a path of 20 ms, seen and sampled at the sender's host or at the
 * receiver's. */
struct scene {
  struct analyzer *analyzer;
  enum stream_side sender;
  bool at_receiver, no_timestamps;
  enum { LOST_NOTHING, LOST_UNKNOWN, LOST_SOME } lost; /* as the capture says */
  int64_t now_ns;
  uint64_t frame;
  uint32_t number;         /* of the next sample */
  uint32_t isn[2], nxt[2]; /* by side; nxt: sent, as captured */
  uint32_t una;            /* of the sender's data, as captured */
  struct finding finding;  /* the longest one */
  uint32_t findings;
  uint8_t sampled_sides;
};

static void take_finding(void *context, const struct connection_summary *connection,
                         const struct finding *finding)
{
  struct scene *scene = context;
  (void)connection;
  if (finding->sender == scene->sender &&
      (scene->findings == 0 || finding->waited_ns > scene->finding.waited_ns))
    scene->finding = *finding;
  scene->findings += finding->sender == scene->sender;
}

static void take_connection(void *context, const struct connection_summary *connection)
{
  struct scene *scene = context;
  scene->sampled_sides |= connection->sampled_sides;
}

static struct packet_path path_from(enum stream_side side)
{
  const struct packet_path forth = {1, 2, 40000, 80};
  return side == SIDE_CLIENT ? forth : packet_path_back(forth);
}

static void feed(struct scene *scene, enum stream_side from, uint16_t flags, uint32_t bytes,
                 uint32_t ack, uint16_t window)
{
  struct packet packet = packet_tcp(path_from(from), scene->now_ns, ++scene->frame, flags);
  packet.seq = scene->nxt[from];
  packet.ack = ack;
  packet.window = window;
  packet.payload_bytes = packet.captured_payload_bytes = bytes;
  if ((flags & TCP_SYN) != 0)
    packet_add_syn_options(&packet, 1, 1);
  if (scene->no_timestamps)
    packet.options &= (uint16_t)~TCP_OPT_TIMESTAMPS;
  else if ((flags & TCP_SYN) == 0) {
    packet.options |= TCP_OPT_TIMESTAMPS;
    packet.ts_val = (uint32_t)((scene->now_ns - START_NS) / NS_PER_MS) + 1;
    packet.ts_ecr = packet.ts_val;
  }
  assert_int_equal(analyzer_packet(scene->analyzer, &packet), 0);
  scene->nxt[from] += bytes + ((flags & (TCP_SYN | TCP_FIN)) != 0);
}

static void pass(struct scene *scene, int64_t ms)
{
  scene->now_ns += ms * NS_PER_MS;
}

/* The sender's data, and its ACK a round trip later. */
static void send_data(struct scene *scene, uint32_t bytes, bool push)
{
  feed(scene, scene->sender, (uint16_t)(TCP_ACK | (push ? TCP_PSH : 0)), bytes,
       scene->nxt[scene->sender ^ 1], WINDOW);
}

static void acknowledge(struct scene *scene, uint16_t window)
{
  scene->una = scene->nxt[scene->sender];
  feed(scene, scene->sender ^ 1, TCP_ACK, 0, scene->una, window);
}

static void begin(struct scene *scene)
{
  struct analyzer_options options;
  const struct analyzer_sink sink = {scene, take_finding, take_connection};
  analyzer_options_default(&options);
  scene->analyzer = analyzer_new(&options, &sink);
  assert_non_null(scene->analyzer);
  if (scene->lost == LOST_NOTHING)
    analyzer_declare_complete(scene->analyzer, 0);
  else if (scene->lost == LOST_SOME)
    analyzer_declare_drops(scene->analyzer, 0);
  scene->now_ns = START_NS;
  scene->isn[0] = scene->nxt[0] = 0xfffff000; /* wraps around on the way */
  scene->isn[1] = scene->nxt[1] = 77000;
  const bool client_near = (scene->sender == SIDE_CLIENT) != scene->at_receiver;
  feed(scene, SIDE_CLIENT, TCP_SYN, 0, 0, 64000);
  pass(scene, client_near ? 20 : 0);
  feed(scene, SIDE_SERVER, TCP_SYN | TCP_ACK, 0, scene->nxt[0], 64000);
  pass(scene, client_near ? 0 : 20);
  feed(scene, SIDE_CLIENT, TCP_ACK, 0, scene->nxt[1], WINDOW);
  for (int i = 0; i < 10; i++) { /* what is healthy */
    send_data(scene, MSS, false);
    pass(scene, scene->at_receiver ? 0 : 20);
    acknowledge(scene, WINDOW);
    pass(scene, scene->at_receiver ? 20 : 0);
  }
}

static void end(struct scene *scene)
{
  analyzer_finish(scene->analyzer);
  analyzer_free(scene->analyzer);
}

/* The sender's socket, as it is when everything that was captured as acknowledged is. */
static struct sample_socket sender_socket(const struct scene *scene)
{
  const struct packet packet = packet_tcp(path_from(scene->sender), 0, 1, 0);
  const uint32_t syn = scene->sender == SIDE_CLIENT ? 0 : 1;
  return (struct sample_socket){.source = packet.src,
                                .destination = packet.dst,
                                .source_port = packet.src_port,
                                .destination_port = packet.dst_port,
                                .ip_version = 4,
                                .state = 1,
                                .cookie = 7,
                                .has_info = true,
                                .tcpi_snd_mss_bytes = MSS,
                                .tcpi_snd_cwnd_pkts = 10,
                                .tcpi_bytes_acked = scene->una - scene->isn[scene->sender] - syn,
                                .tcpi_bytes_sent = scene->una - scene->isn[scene->sender] - 1,
                                .has_snd_wnd = true,
                                .tcpi_snd_wnd_bytes = WINDOW << 7,
                                .has_skmeminfo = true,
                                .sndbuf_bytes = 100000,
                                .rcvbuf_bytes = 100000};
}

static struct sample_socket receiver_socket(const struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  const struct ip_address source = socket.source;
  const uint16_t port = socket.source_port;
  socket.source = socket.destination;
  socket.destination = source;
  socket.source_port = socket.destination_port;
  socket.destination_port = port;
  socket.tcpi_bytes_acked = socket.tcpi_bytes_sent = 0;
  socket.tcpi_segs_in_pkts = 100;
  return socket;
}

static void feed_sample(struct scene *scene, const struct host_sample *sample)
{
  struct host_sample own = *sample;
  own.time_ns = scene->now_ns;
  own.number = scene->number++;
  analyzer_sample(scene->analyzer, &own);
}

static void sample_for(struct scene *scene, const struct sample_socket *socket, int64_t ms)
{
  struct host_sample sample = {.kind = HOST_SAMPLE_SOCKET};
  sample.of.socket = *socket;
  for (int64_t passed = 0; passed < ms; passed += SAMPLE_MS) {
    feed_sample(scene, &sample);
    pass(scene, SAMPLE_MS);
  }
}

static void sample_queue(struct scene *scene, uint32_t pkts)
{
  struct host_sample sample = {.kind = HOST_SAMPLE_QDISC};
  sample.of.qdisc = (struct sample_qdisc){
      .kind = "tbf", .has_queue = true, .qlen_pkts = pkts, .backlog_bytes = pkts * 1500};
  feed_sample(scene, &sample);
}

static void sample_neighbour(struct scene *scene, uint16_t state)
{
  struct host_sample sample = {.kind = HOST_SAMPLE_NEIGHBOUR};
  sample.of.neighbour = (struct sample_neighbour){packet_host(2), 4, state};
  feed_sample(scene, &sample);
}

/* What the stream goes on with. */
static void go_on(struct scene *scene)
{
  send_data(scene, MSS, false);
  pass(scene, 20);
  acknowledge(scene, WINDOW);
  end(scene);
}

static void expect(const struct scene *scene, enum location location, enum cause cause,
                   enum confidence confidence)
{
  assert_true(scene->findings > 0);
  assert_string_equal(location_name(scene->finding.location), location_name(location));
  assert_string_equal(cause_info(scene->finding.cause)->code, cause_info(cause)->code);
  assert_string_equal(confidence_name(scene->finding.confidence), confidence_name(confidence));
  if (confidence == CONFIDENCE_PROVEN)
    assert_true(scene->finding.kernel_count > 0);
}

/* ---- the sender's socket ---- */

typedef void story(struct scene *scene);

static void both_ways(story *tell)
{
  for (int side = 0; side < 2; side++) {
    for (int without = 0; without < 2; without++) {
      struct scene scene = {.sender = (enum stream_side)side, .no_timestamps = without != 0};
      begin(&scene);
      tell(&scene);
    }
  }
}

/* The other side asks, all at once or in two parts a while apart, and is answered late. */
static void tell_answer(struct scene *scene, bool in_parts)
{
  struct sample_socket socket = sender_socket(scene);
  feed(scene, scene->sender ^ 1, TCP_ACK | TCP_PSH, 300, scene->una, WINDOW);
  pass(scene, 1);
  feed(scene, scene->sender, TCP_ACK, 0, scene->nxt[scene->sender ^ 1], WINDOW);
  socket.tcpi_bytes_received = 300;
  sample_for(scene, &socket, 2000);
  socket.tcpi_bytes_received += in_parts ? 100 : 0;
  sample_for(scene, &socket, 500);
  go_on(scene);
}

/* The question itself was late: it is acknowledged with the answer only. */
static void tell_question_lost(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  feed(scene, scene->sender ^ 1, TCP_ACK | TCP_PSH, 300, scene->una, WINDOW);
  pass(scene, 1);
  sample_for(scene, &socket, 2000);
  go_on(scene);
  assert_true(scene->finding.confidence < CONFIDENCE_PROVEN);
}

static void tell_turnaround(struct scene *scene)
{
  tell_answer(scene, false);
  assert_int_equal(scene->finding.location, LOCATION_SENDER_APP);
  assert_int_equal(scene->finding.confidence, CONFIDENCE_PROVEN);
}

/* A window of nothing for the request's second part, say. */
static void tell_asked_late(struct scene *scene)
{
  tell_answer(scene, true);
  assert_true(scene->finding.confidence < CONFIDENCE_PROVEN ||
              scene->finding.cause != CAUSE_APP_TURNAROUND);
}

/* In the middle of a message, as a full segment without PSH was the last: packets say too little.
 */
static void tell_empty(struct scene *scene)
{
  const struct sample_socket socket = sender_socket(scene);
  sample_for(scene, &socket, 3000);
  go_on(scene);
  expect(scene, LOCATION_SENDER_APP, CAUSE_LOST_WAKEUP, CONFIDENCE_PROVEN);
  assert_int_equal(scene->sampled_sides, 1u << scene->sender);
}

static void tell_held(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  socket.wqueue_bytes = 20 * MSS;
  socket.tcpi_notsent_bytes = 15 * MSS;
  socket.tcpi_unacked_pkts = 5;
  socket.wmem_alloc_bytes = 11400;
  socket.timer = 1;
  socket.tcpi_bytes_sent += 5 * MSS;
  sample_queue(scene, 5);
  sample_for(scene, &socket, 3000);
  go_on(scene);
  expect(scene, LOCATION_SENDER_QUEUE, CAUSE_TX_QUEUE_HOLD, CONFIDENCE_PROVEN);
  assert_int_equal(scene->finding.kernel[0].est_held_bytes, 5 * MSS);
  assert_int_equal(scene->finding.kernel[0].qdisc_backlog_pkts, 5);
  assert_in_range(scene->finding.hold_min_ns, 2800 * NS_PER_MS, 3000 * NS_PER_MS);
}

/* First nothing to send, then a hold: the stall is the hold. */
static void tell_held_later(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  sample_for(scene, &socket, 2000);
  socket.wqueue_bytes = 5 * MSS;
  socket.tcpi_unacked_pkts = 5;
  socket.wmem_alloc_bytes = 11400;
  sample_for(scene, &socket, 2000);
  go_on(scene);
  expect(scene, LOCATION_SENDER_QUEUE, CAUSE_TX_QUEUE_HOLD, CONFIDENCE_PROVEN);
  assert_in_range(scene->finding.waited_ns, 1900 * NS_PER_MS, 2100 * NS_PER_MS);
}

static void tell_gone(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  socket.wqueue_bytes = 5 * MSS;
  socket.tcpi_unacked_pkts = 5;
  sample_for(scene, &socket, 3000);
  go_on(scene); /* they may have left by another device */
  expect(scene, LOCATION_SENDER_QUEUE, CAUSE_LOCAL_DROP_OUTPUT, CONFIDENCE_LIKELY);
}

static void tell_refused(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  socket.wqueue_bytes = socket.tcpi_notsent_bytes = 20 * MSS;
  socket.timer = SAMPLE_TIMER_PERSIST;
  for (int attempts = 0; attempts < 4; attempts++) {
    socket.tcpi_bytes_sent += MSS;
    sample_for(scene, &socket, 200 << attempts);
  }
  go_on(scene);
  expect(scene, LOCATION_SENDER_QUEUE, CAUSE_LOCAL_DROP_OUTPUT, CONFIDENCE_PROVEN);
}

/* Attempts that failed long ago, and none now. */
static void tell_refused_before(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  socket.wqueue_bytes = socket.tcpi_notsent_bytes = 300;
  socket.timer = SAMPLE_TIMER_PERSIST;
  socket.tcpi_bytes_sent += 4 * MSS;
  sample_for(scene, &socket, 3000);
  go_on(scene);
  assert_true(scene->finding.confidence < CONFIDENCE_PROVEN);
}

/* The same timer, but nothing was tried: TCP_CORK, say. */
static void tell_corked(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  socket.wqueue_bytes = socket.tcpi_notsent_bytes = 300;
  socket.timer = SAMPLE_TIMER_PERSIST;
  sample_for(scene, &socket, 3000);
  go_on(scene);
  expect(scene, LOCATION_SENDER_TCP, CAUSE_UNKNOWN, CONFIDENCE_LIKELY);
}

static void tell_neighbour(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  socket.wqueue_bytes = 5 * MSS;
  socket.tcpi_unacked_pkts = 5;
  socket.wmem_alloc_bytes = 11400;
  if (scene->sender != SIDE_CLIENT) { /* whose neighbour is host 1 */
    end(scene);
    return;
  }
  sample_neighbour(scene, 0x01);
  sample_for(scene, &socket, 3000);
  sample_neighbour(scene, 0x02);
  go_on(scene);
  expect(scene, LOCATION_SENDER_QUEUE, CAUSE_NEIGHBOUR_UNRESOLVED, CONFIDENCE_PROVEN);
}

/* Data that was captured with a wrong checksum counts as not captured; it is no local drop. */
static void tell_bad_checksums(struct scene *scene)
{
  struct packet packet =
      packet_tcp(path_from(scene->sender), scene->now_ns, ++scene->frame, TCP_ACK);
  struct sample_socket socket = sender_socket(scene);
  packet.seq = scene->nxt[scene->sender];
  packet.ack = scene->nxt[scene->sender ^ 1];
  packet.window = WINDOW;
  packet.payload_bytes = packet.captured_payload_bytes = MSS;
  packet.checksum = CHECKSUM_BAD;
  assert_int_equal(analyzer_packet(scene->analyzer, &packet), 0);
  socket.wqueue_bytes = MSS;
  socket.tcpi_unacked_pkts = 1;
  sample_for(scene, &socket, 3000);
  go_on(scene);
  assert_true(scene->findings == 0 || scene->finding.cause != CAUSE_LOCAL_DROP_OUTPUT);
}

/* The ACK is there, the socket does not know it, and it sends again. */
static void tell_ack_ignored(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  send_data(scene, MSS, false);
  pass(scene, 20);
  acknowledge(scene, WINDOW);
  socket.wqueue_bytes = MSS;
  socket.tcpi_unacked_pkts = 1;
  socket.tcpi_bytes_sent += MSS;
  for (int copies = 0; copies < 3; copies++) {
    sample_for(scene, &socket, 300 << copies);
    scene->nxt[scene->sender] -= MSS;
    send_data(scene, MSS, false);
    socket.tcpi_bytes_sent += MSS;
    socket.tcpi_bytes_retrans += MSS;
  }
  sample_for(scene, &socket, 200);
  go_on(scene);
  expect(scene, LOCATION_SENDER_TCP, CAUSE_ACK_IGNORED, CONFIDENCE_PROVEN);
}

static void probe_with(struct scene *scene, uint16_t window)
{
  scene->nxt[scene->sender]--;
  send_data(scene, 0, false);
  scene->nxt[scene->sender]++;
  acknowledge(scene, window);
}

/* A window of nothing, and then a larger one that the socket does not know. */
static void tell_window_ignored(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  send_data(scene, MSS, false);
  pass(scene, 20);
  acknowledge(scene, 0);
  socket = sender_socket(scene);
  socket.wqueue_bytes = socket.tcpi_notsent_bytes = 10 * MSS;
  socket.tcpi_snd_wnd_bytes = 0;
  socket.timer = SAMPLE_TIMER_PERSIST;
  sample_for(scene, &socket, 200);
  acknowledge(scene, WINDOW);
  for (int probes = 0; probes < 3; probes++) {
    sample_for(scene, &socket, 400 << probes);
    probe_with(scene, WINDOW);
  }
  sample_for(scene, &socket, 200);
  go_on(scene);
  expect(scene, LOCATION_SENDER_TCP, CAUSE_WINDOW_UPDATE_IGNORED, CONFIDENCE_PROVEN);
}

static void test_sender(void **state)
{
  static story *const stories[] = {
      tell_empty,      tell_turnaround,    tell_asked_late,  tell_question_lost,  tell_held,
      tell_held_later, tell_gone,          tell_refused,     tell_refused_before, tell_corked,
      tell_neighbour,  tell_bad_checksums, tell_ack_ignored, tell_window_ignored};
  (void)state;
  for (size_t i = 0; i < sizeof stories / sizeof *stories; i++)
    both_ways(stories[i]);
}

/* ---- what proves nothing ---- */

/* Half a second at the end of a wait of three. */
static void tell_late_samples(struct scene *scene)
{
  const struct sample_socket socket = sender_socket(scene);
  pass(scene, 2500);
  sample_for(scene, &socket, 500);
  go_on(scene);
  assert_true(scene->finding.confidence < CONFIDENCE_PROVEN);
}

/* A socket of the same ports that is another one: what it says now is not about then. */
static void tell_other_socket(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  socket.source_port ^= 1;
  sample_for(scene, &socket, 1500);
  socket.source_port ^= 1;
  socket.destination_port ^= 1;
  sample_for(scene, &socket, 1500);
  go_on(scene);
  assert_int_equal(scene->finding.kernel_count, 0);
  assert_true(scene->finding.confidence < CONFIDENCE_PROVEN);
  assert_int_equal(scene->sampled_sides, 0);
}

/* Now this, now that: no state is the wait's. */
static void tell_mixed(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  for (int i = 0; i < 5; i++) {
    socket.wqueue_bytes = socket.tcpi_notsent_bytes = 20 * MSS;
    sample_for(scene, &socket, 300);
    socket.wqueue_bytes = socket.tcpi_notsent_bytes = 0;
    sample_for(scene, &socket, 300);
  }
  go_on(scene);
  assert_true(scene->finding.confidence < CONFIDENCE_PROVEN);
}

/* Bytes that were acknowledged and never captured: the capture misses packets. */
static void tell_gaps(struct scene *scene)
{
  scene->nxt[scene->sender] += MSS;
  acknowledge(scene, WINDOW);
  pass(scene, 20);
  send_data(scene, MSS, false);
  pass(scene, 20);
  acknowledge(scene, WINDOW);
  struct sample_socket socket = sender_socket(scene);
  socket.wqueue_bytes = 5 * MSS;
  socket.tcpi_unacked_pkts = 5;
  sample_for(scene, &socket, 3000);
  go_on(scene);
  assert_true(scene->finding.confidence < CONFIDENCE_PROVEN);
}

static void test_no_proof(void **state)
{
  (void)state;
  both_ways(tell_late_samples);
  both_ways(tell_other_socket);
  both_ways(tell_mixed);
  both_ways(tell_gaps);
}

/* ---- what proves less than it seems to ---- */

/* Bytes are missing that may have left elsewhere; an address that nobody has is asked for. */
static void tell_strange_neighbour(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  struct host_sample sample = {.kind = HOST_SAMPLE_NEIGHBOUR};
  sample.of.neighbour = (struct sample_neighbour){packet_host(9), 4, 0x01};
  socket.wqueue_bytes = 5 * MSS;
  socket.tcpi_unacked_pkts = 5;
  feed_sample(scene, &sample);
  sample_for(scene, &socket, 3000);
  feed_sample(scene, &sample);
  go_on(scene);
  assert_true(scene->finding.confidence < CONFIDENCE_PROVEN);
}

/* The queue drops packets, as queues of busy hosts do; these may have left by another device. */
static void tell_drops_of_others(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  struct host_sample sample = {.kind = HOST_SAMPLE_QDISC};
  sample.of.qdisc = (struct sample_qdisc){.kind = "fq_codel", .has_queue = true};
  socket.wqueue_bytes = 5 * MSS;
  socket.tcpi_unacked_pkts = 5;
  scene->now_ns -= 1500 * NS_PER_MS;
  feed_sample(scene, &sample);
  pass(scene, 1500);
  sample_for(scene, &socket, 1500);
  sample.of.qdisc.drops_pkts = 12;
  feed_sample(scene, &sample);
  sample_for(scene, &socket, 1500);
  go_on(scene);
  expect(scene, LOCATION_SENDER_QUEUE, CAUSE_LOCAL_DROP_OUTPUT, CONFIDENCE_LIKELY);
}

/* The whole host stood still in the middle, and woke up before it went on. */
static void tell_paused(struct scene *scene)
{
  const struct sample_socket socket = sender_socket(scene);
  sample_for(scene, &socket, 300);
  pass(scene, 2500);
  sample_for(scene, &socket, 200);
  go_on(scene);
  assert_int_equal(scene->finding.location, LOCATION_SENDER_APP);
  assert_true(scene->finding.cause_confidence < CONFIDENCE_PROVEN);
  assert_true(scene->finding.confidence < CONFIDENCE_PROVEN);
}

/* An older ACK that was overtaken: its window is not the latest one (RFC 9293, 3.10.7.4). */
static void tell_overtaken_window(struct scene *scene)
{
  send_data(scene, MSS, false);
  pass(scene, 20);
  acknowledge(scene, 0);
  struct sample_socket socket = sender_socket(scene);
  socket.wqueue_bytes = socket.tcpi_notsent_bytes = 10 * MSS;
  socket.tcpi_snd_wnd_bytes = 0;
  socket.timer = SAMPLE_TIMER_PERSIST;
  pass(scene, 1);
  feed(scene, scene->sender ^ 1, TCP_ACK, 0, scene->una - MSS, WINDOW);
  sample_for(scene, &socket, 3000);
  acknowledge(scene, WINDOW);
  go_on(scene);
  assert_true(scene->finding.cause != CAUSE_WINDOW_UPDATE_IGNORED ||
              scene->finding.confidence < CONFIDENCE_PROVEN);
}

/* The same ACK number, but older by its sequence number: data that a pure ACK has overtaken. */
static void tell_overtaken_data(struct scene *scene)
{
  const enum stream_side other = scene->sender ^ 1;
  send_data(scene, MSS, false);
  pass(scene, 20);
  scene->nxt[other] += 100;
  acknowledge(scene, 0);
  struct sample_socket socket = sender_socket(scene);
  socket.wqueue_bytes = socket.tcpi_notsent_bytes = 10 * MSS;
  socket.tcpi_snd_wnd_bytes = 0;
  socket.timer = SAMPLE_TIMER_PERSIST;
  pass(scene, 1);
  scene->nxt[other] -= 100;
  feed(scene, other, TCP_ACK | TCP_PSH, 100, scene->una, WINDOW);
  pass(scene, 1);
  feed(scene, scene->sender, TCP_ACK, 0, scene->nxt[other], WINDOW);
  sample_for(scene, &socket, 3000);
  acknowledge(scene, WINDOW);
  go_on(scene);
  assert_true(scene->finding.cause != CAUSE_WINDOW_UPDATE_IGNORED ||
              scene->finding.confidence < CONFIDENCE_PROVEN);
}

/* ---- whose socket it is ---- */

/* As tell_held(), by a capture that may have lost what is missing in it, or says that it lost some.
 */
static void tell_held_lossy(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  socket.wqueue_bytes = socket.wmem_alloc_bytes = 5 * MSS;
  socket.tcpi_unacked_pkts = 5;
  socket.timer = 1;
  socket.tcpi_bytes_sent += 5 * MSS;
  sample_for(scene, &socket, 3000);
  go_on(scene);
  assert_true(scene->finding.confidence < CONFIDENCE_PROVEN);
  assert_true(scene->finding.alternative_count > 0);
}

/* As tell_refused(). */
static void tell_refused_lossy(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  socket.wqueue_bytes = socket.tcpi_notsent_bytes = 20 * MSS;
  socket.timer = SAMPLE_TIMER_PERSIST;
  for (int attempts = 0; attempts < 4; attempts++) {
    socket.tcpi_bytes_sent += MSS;
    sample_for(scene, &socket, 200 << attempts);
  }
  go_on(scene);
  assert_true(scene->finding.confidence < CONFIDENCE_PROVEN);
}

/* The window that the socket knows is of an ACK that the capture may have lost. */
static void tell_window_lossy(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  socket.wqueue_bytes = socket.tcpi_notsent_bytes = 10 * MSS;
  socket.tcpi_snd_wnd_bytes = 0;
  socket.timer = SAMPLE_TIMER_PERSIST;
  for (int probes = 0; probes < 3; probes++) {
    sample_for(scene, &socket, 400 << probes);
    scene->nxt[scene->sender]--;
    send_data(scene, 0, false);
    scene->nxt[scene->sender]++;
  }
  go_on(scene);
  assert_true(scene->finding.location != LOCATION_SENDER_TCP ||
              scene->finding.confidence < CONFIDENCE_PROVEN);
}

static void lossy(story *tell)
{
  for (int side = 0; side < 2; side++) {
    for (int lost = LOST_UNKNOWN; lost <= LOST_SOME; lost++) {
      struct scene scene = {.sender = (enum stream_side)side};
      scene.lost = lost == LOST_SOME ? LOST_SOME : LOST_UNKNOWN;
      begin(&scene);
      tell(&scene);
    }
  }
}

/* A socket that was restored (TCP_REPAIR): it counts from anew, and everything was acknowledged. */
static void tell_restored(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  socket.cookie = 8;
  socket.tcpi_bytes_acked = 4 * MSS + (scene->sender == SIDE_CLIENT);
  socket.tcpi_bytes_sent = 4 * MSS;
  socket.wqueue_bytes = socket.tcpi_notsent_bytes = 300; /* corked, say */
  sample_for(scene, &socket, 3000);
  go_on(scene);
  assert_true(scene->finding.cause != CAUSE_ACK_IGNORED);
  assert_true(scene->finding.confidence < CONFIDENCE_PROVEN);
}

/* A transparent proxy has a second socket with these addresses, towards the server, and that one
 * waits for an ACK; or it has nothing to send, while this one has. */
static void tell_proxy_behind(struct scene *scene)
{
  struct sample_socket socket = sender_socket(scene);
  socket.tcpi_bytes_acked -= 2 * MSS;
  socket.wqueue_bytes = 2 * MSS;
  socket.tcpi_unacked_pkts = 2;
  socket.timer = 1;
  sample_for(scene, &socket, 3000);
  go_on(scene);
  assert_true(scene->finding.confidence < CONFIDENCE_PROVEN);
}

static void tell_proxy_ahead(struct scene *scene)
{
  const struct sample_socket before = sender_socket(scene);
  send_data(scene, MSS, true);
  struct sample_socket socket = before;
  socket.tcpi_bytes_acked += MSS;
  socket.tcpi_bytes_sent += MSS;
  sample_for(scene, &socket, 3000);
  acknowledge(scene, WINDOW);
  end(scene);
  assert_true(scene->finding.location != LOCATION_SENDER_APP);
}

/* Two sockets, by turns: neither state lasts. */
static void tell_two_by_turns(struct scene *scene)
{
  struct sample_socket one = sender_socket(scene), other = one;
  other.cookie = one.cookie + 1;
  other.wqueue_bytes = other.tcpi_notsent_bytes = 10 * MSS;
  for (int i = 0; i < 60; i++) {
    sample_for(scene, &one, SAMPLE_MS);
    sample_for(scene, &other, SAMPLE_MS);
  }
  go_on(scene);
  assert_true(scene->finding.confidence < CONFIDENCE_PROVEN);
}

static void test_identity(void **state)
{
  (void)state;
  lossy(tell_held_lossy);
  lossy(tell_refused_lossy);
  lossy(tell_window_lossy);
  both_ways(tell_restored);
  both_ways(tell_proxy_behind);
  both_ways(tell_proxy_ahead);
  both_ways(tell_two_by_turns);
}

static void test_less(void **state)
{
  (void)state;
  both_ways(tell_overtaken_data);
  both_ways(tell_strange_neighbour);
  both_ways(tell_drops_of_others);
  both_ways(tell_paused);
  both_ways(tell_overtaken_window);
}

/* ---- the receiver's socket ---- */

static void close_window(struct scene *scene)
{
  send_data(scene, MSS, false);
  acknowledge(scene, 0);
}

static void probe(struct scene *scene)
{
  probe_with(scene, 0);
}

static void at_receiver(story *tell)
{
  for (int side = 0; side < 2; side++) {
    struct scene scene = {.sender = (enum stream_side)side, .at_receiver = true};
    begin(&scene);
    tell(&scene);
  }
}

static void wait_for_window(struct scene *scene, const struct sample_socket *socket)
{
  for (int probes = 0; probes < 3; probes++) {
    sample_for(scene, socket, 400 << probes);
    probe(scene);
  }
  acknowledge(scene, WINDOW);
  pass(scene, 20);
  go_on(scene);
}

static void tell_unread(struct scene *scene)
{
  struct sample_socket socket = receiver_socket(scene);
  socket.rqueue_bytes = 60000;
  socket.rmem_alloc_bytes = 100000;
  close_window(scene);
  wait_for_window(scene, &socket);
  expect(scene, LOCATION_RECEIVER_APP, CAUSE_ZERO_WINDOW, CONFIDENCE_PROVEN);
  assert_false(scene->finding.kernel[0].of_sender);
}

/* A closed window, and nothing waits for the application. */
static void tell_read(struct scene *scene)
{
  const struct sample_socket socket = receiver_socket(scene);
  close_window(scene);
  wait_for_window(scene, &socket);
  assert_int_equal(scene->finding.location, LOCATION_RECEIVER_TCP);
  assert_true(scene->finding.confidence < CONFIDENCE_PROVEN);
}

/* Copies come, and the host's TCP counts none of them; or it does. */
static void tell_dropped(struct scene *scene, bool counted)
{
  struct sample_socket socket = receiver_socket(scene);
  send_data(scene, MSS, false);
  for (int copies = 0; copies < 4; copies++) {
    sample_for(scene, &socket, 300 << copies);
    socket.tcpi_segs_in_pkts += counted;
    scene->nxt[scene->sender] -= MSS;
    send_data(scene, MSS, false);
  }
  sample_for(scene, &socket, 300);
  acknowledge(scene, WINDOW);
  end(scene);
}

static void tell_input_drop(struct scene *scene)
{
  tell_dropped(scene, false);
  expect(scene, LOCATION_RECEIVER_TCP, CAUSE_LOCAL_DROP_INPUT, CONFIDENCE_PROVEN);
}

static void tell_input_counted(struct scene *scene)
{
  tell_dropped(scene, true);
  assert_int_equal(scene->finding.location, LOCATION_RECEIVER_TCP);
  assert_true(scene->finding.confidence < CONFIDENCE_PROVEN);
}

/* All copies came before the first sample, which has them counted. */
static void tell_sampled_later(struct scene *scene)
{
  const struct sample_socket socket = receiver_socket(scene);
  send_data(scene, MSS, false);
  for (int copies = 0; copies < 3; copies++) {
    pass(scene, 250);
    scene->nxt[scene->sender] -= MSS;
    send_data(scene, MSS, false);
  }
  pass(scene, 100);
  sample_for(scene, &socket, 2500);
  acknowledge(scene, WINDOW);
  end(scene);
  assert_true(scene->finding.confidence < CONFIDENCE_PROVEN);
}

/* The window was opened here, with a part still unread, and the sender does not learn of it. */
static void tell_update_lost(struct scene *scene)
{
  struct sample_socket socket = receiver_socket(scene);
  socket.rqueue_bytes = 20000;
  close_window(scene);
  sample_for(scene, &socket, 200);
  acknowledge(scene, WINDOW);
  sample_for(scene, &socket, 2500);
  probe_with(scene, WINDOW);
  sample_for(scene, &socket, 500);
  go_on(scene);
  assert_true(scene->finding.location != LOCATION_RECEIVER_APP ||
              scene->finding.confidence < CONFIDENCE_PROVEN);
}

static void test_receiver(void **state)
{
  (void)state;
  at_receiver(tell_unread);
  at_receiver(tell_read);
  at_receiver(tell_input_drop);
  at_receiver(tell_input_counted);
  at_receiver(tell_sampled_later);
  at_receiver(tell_update_lost);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sender),   cmocka_unit_test(test_no_proof), cmocka_unit_test(test_less),
      cmocka_unit_test(test_identity), cmocka_unit_test(test_receiver),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
