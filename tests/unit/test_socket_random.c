/* Random traffic with random samples: whatever they say, every instant has one owner and every
 * finding is one. */

#include "analyzer/analyzer.h"
#include "tests/support/random.h"
#include "tests/support/random_traffic.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct balance {
  const char *wrong; /* NULL: nothing */
};

static void must(struct balance *balance, bool holds, const char *what)
{
  if (!holds && balance->wrong == NULL)
    balance->wrong = what;
}

static void check_budget(void *context, const struct connection_summary *connection)
{
  struct balance *balance = context;
  for (int side = 0; side < 2; side++) {
    const struct stream_summary *stream = &connection->streams[side];
    int64_t sum_ns = stream->moving_ns + stream->idle_ns;
    for (int location = 0; location < LOCATION_COUNT; location++) {
      must(balance, stream->budget_ns[location] >= 0, "an owner of less than no time");
      sum_ns += stream->budget_ns[location];
    }
    must(balance, stream->idle_ns >= 0 && stream->moving_ns >= 0, "idle for less than no time");
    must(balance, sum_ns == connection->end_ns - connection->start_ns,
         "the budget is not the connection's life");
  }
}

static void check_finding(void *context, const struct connection_summary *connection,
                          const struct finding *finding)
{
  struct balance *balance = context;
  (void)connection;
  must(balance, finding->start_ns <= finding->end_ns, "a finding ends before it starts");
  must(balance, finding->waited_ns >= 0, "a wait of less than no time");
  must(balance, finding->summary[0] != '\0', "a finding that says nothing");
  must(balance, finding->location != LOCATION_NONE, "a finding without a place");
  must(balance, finding->kernel_count <= KERNEL_EVIDENCE_MAX, "too much evidence");
  must(balance, finding->cause_confidence <= finding->confidence, "the cause surer than the place");
}

/* Sockets with random numbers, of connections that are there. */
static struct host_sample random_sample(uint64_t *seed, const struct packet *last)
{
  struct host_sample sample = {.kind = (enum host_sample_kind)random_below(seed, 6),
                               .end = last->end,
                               .time_ns = last->time_ns};
  uint8_t *bytes = (uint8_t *)&sample.of;
  if (random_once_in(seed, 50) && sample.time_ns > 0 && sample.time_ns < INT64_MAX / 2)
    sample.time_ns += (int64_t)(random_next(seed) % (10 * NS_PER_S));
  if (random_once_in(seed, 500))
    sample.time_ns = (int64_t)random_next(seed);
  if (sample.kind != HOST_SAMPLE_SOCKET)
    for (size_t i = 0; i < sizeof sample.of; i++)
      bytes[i] = (uint8_t)random_next(seed);
  else
    sample.of.socket =
        (struct sample_socket){.source = last->src,
                               .destination = last->dst,
                               .source_port = last->src_port,
                               .destination_port = last->dst_port,
                               .ip_version = last->ip_version,
                               .state = (uint8_t)random_below(seed, 14),
                               .timer = (uint8_t)random_below(seed, 7),
                               .cookie = random_below(seed, 2),
                               .has_info = !random_once_in(seed, 9),
                               .has_snd_wnd = true,
                               .has_skmeminfo = true,
                               .wqueue_bytes = random_below(seed, 3) * random_below(seed, 65536),
                               .tcpi_notsent_bytes = random_below(seed, 3) * 1448,
                               .tcpi_snd_mss_bytes = random_below(seed, 1500),
                               .tcpi_snd_wnd_bytes = random_below(seed, 2) * 65536,
                               .wmem_alloc_bytes = random_below(seed, 2) * 5000,
                               .rqueue_bytes = random_below(seed, 2) * 5000,
                               .tcpi_bytes_acked = random_next(seed) >> random_below(seed, 64),
                               .tcpi_bytes_sent = random_next(seed) >> random_below(seed, 64)};
  if (sample.kind == HOST_SAMPLE_QDISC) {
    memset(&sample.of.qdisc.has_queue, random_once_in(seed, 2), 1);
    sample.of.qdisc.kind[sizeof sample.of.qdisc.kind - 1] = '\0';
  }
  return sample;
}

static void test_random(void **state)
{
  (void)state;
  for (uint64_t seed = 1; seed <= 60; seed++) {
    struct balance balance = {.wrong = NULL};
    struct analyzer_options options;
    const struct analyzer_sink sink = {&balance, check_finding, check_budget};
    struct random_traffic traffic =
        random_traffic_new(seed, 4, (uint32_t)(seed % 3) * 20, seed % 4 == 3);
    uint64_t samples = seed;
    struct packet last = {.kind = PACKET_TCP};
    analyzer_options_default(&options);
    struct analyzer *analyzer = analyzer_new(&options, &sink);
    assert_non_null(analyzer);
    for (int i = 0; i < 3000; i++) {
      struct packet packet = random_traffic_next(&traffic);
      const uint32_t count = random_below(&samples, 6);
      for (uint32_t n = 0; n < count; n++) {
        const struct host_sample sample = random_sample(&samples, &last);
        analyzer_sample(analyzer, &sample);
      }
      assert_int_equal(analyzer_packet(analyzer, &packet), 0);
      if (packet.kind == PACKET_TCP)
        last = packet;
    }
    analyzer_finish(analyzer);
    analyzer_free(analyzer);
    if (balance.wrong != NULL)
      fail_msg("seed %llu: %s", (unsigned long long)seed, balance.wrong);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
