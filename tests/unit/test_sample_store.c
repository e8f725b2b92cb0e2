/* What is remembered of samples: unchanged stretches are one, memory is bounded, and old times are
 * still known. */

#include "analyzer/sample_store.h"
#include "tests/support/packet_build.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define START_NS (INT64_C(1700000000) * NS_PER_S)

static bool same_number(const void *a, const void *b)
{
  return memcmp(a, b, sizeof(uint32_t)) == 0;
}

static void add(struct sample_ring *ring, int64_t ms, uint32_t number, uint32_t value)
{
  sample_ring_add(ring, START_NS + ms * NS_PER_MS, number, &value, same_number, NS_PER_S);
}

static uint32_t value_at(const struct sample_ring *ring, int64_t ms)
{
  const uint32_t at = sample_ring_at(ring, START_NS + ms * NS_PER_MS);
  return at == ring->count ? UINT32_MAX : *(const uint32_t *)sample_ring_state(ring, at);
}

static void test_ring_compresses(void **state)
{
  (void)state;
  struct sample_ring ring = {.state_bytes = sizeof(uint32_t)};
  for (uint32_t i = 0; i < 10000; i++)
    add(&ring, i, i, i / 5000);
  assert_int_equal(ring.count, 2);
  assert_int_equal(ring.stretches[0].samples, 5000);
  assert_int_equal(ring.stretches[1].first_number, 5000);
  assert_int_equal(value_at(&ring, 4999), 0);
  assert_int_equal(value_at(&ring, 5000), 1);
  assert_int_equal(value_at(&ring, 99999), 1);
  assert_int_equal(value_at(&ring, -1), UINT32_MAX);
  add(&ring, 20000, 10000, 1); /* the same, but nobody looked for ten seconds */
  assert_int_equal(ring.count, 3);
  add(&ring, 15000, 10001, 2); /* backwards: no earlier than what came before */
  assert_int_equal(ring.stretches[3].first_ns, START_NS + 20000 * NS_PER_MS);
  sample_ring_clear(&ring);
  assert_int_equal(sample_ring_bytes(&ring), 0);
}

/* Always something new: what is long ago is known less finely. */
static void test_ring_is_bounded(void **state)
{
  (void)state;
  struct sample_ring ring = {.state_bytes = sizeof(uint32_t)};
  for (uint32_t i = 0; i < 100000; i++)
    add(&ring, i, i, i);
  assert_true(ring.count <= SAMPLE_STRETCHES_MAX);
  assert_true(ring.count > SAMPLE_STRETCHES_MAX / 2);
  assert_int_equal(value_at(&ring, 99999), 99999);
  assert_int_equal(value_at(&ring, 99990), 99990);
  assert_int_equal(value_at(&ring, 0), 0);
  for (uint32_t i = 1; i < ring.count; i++)
    assert_true(ring.stretches[i].first_ns > ring.stretches[i - 1].first_ns);
  sample_ring_clear(&ring);
}

static struct host_sample socket_sample(uint32_t host, uint64_t cookie, int64_t ms)
{
  struct host_sample sample = {.kind = HOST_SAMPLE_SOCKET, .time_ns = START_NS + ms * NS_PER_MS};
  sample.of.socket = (struct sample_socket){.source = packet_host(host),
                                            .destination = packet_host(9),
                                            .source_port = 80,
                                            .destination_port = 5000,
                                            .ip_version = 4,
                                            .cookie = cookie,
                                            .has_info = true};
  return sample;
}

static const struct socket_history *find(const struct sample_store *store, uint32_t host,
                                         uint8_t end)
{
  const struct socket_key key = {{packet_host(host), 80, 4}, {packet_host(9), 5000, 4}, end};
  return sample_store_socket(store, &key);
}

static void test_sockets(void **state)
{
  (void)state;
  struct sample_store *store = sample_store_new();
  assert_non_null(store);
  assert_null(sample_store_socket(NULL, &(struct socket_key){.end = 0}));
  for (uint32_t host = 1; host <= 3 * SAMPLE_SOCKETS_MAX; host++) {
    const struct host_sample sample = socket_sample(host, host, host);
    sample_store_add(store, &sample);
  }
  assert_int_equal(store->sockets, SAMPLE_SOCKETS_MAX);
  assert_int_equal(store->sockets_forgotten, 2 * SAMPLE_SOCKETS_MAX);
  assert_null(find(store, 1, 0)); /* the longest silent ones have gone */
  assert_non_null(find(store, 3 * SAMPLE_SOCKETS_MAX, 0));
  assert_null(find(store, 3 * SAMPLE_SOCKETS_MAX, 1)); /* of another end */
  sample_store_free(store);
}

/* Ports are used again: the new socket's samples are not the old one's. */
static void test_another_socket(void **state)
{
  (void)state;
  struct sample_store *store = sample_store_new();
  assert_non_null(store);
  for (int64_t ms = 0; ms < 100; ms++) {
    const struct host_sample sample = socket_sample(1, ms < 50 ? 7 : 8, ms);
    sample_store_add(store, &sample);
  }
  const struct socket_history *history = find(store, 1, 0);
  assert_non_null(history);
  assert_int_equal(history->ring.count, 1);
  assert_int_equal(history->ring.stretches[0].first_ns, START_NS + 50 * NS_PER_MS);
  struct host_sample odd = socket_sample(2, 1, 0);
  odd.time_ns = -5;
  sample_store_add(store, &odd);
  odd.time_ns = INT64_MAX;
  sample_store_add(store, &odd);
  odd.time_ns = START_NS;
  odd.end = ANALYZER_ENDS_MAX;
  sample_store_add(store, &odd);
  assert_int_equal(store->sockets, 1);
  sample_store_free(store);
}

static void add_link(struct sample_store *store, uint32_t interface, int64_t ms, uint64_t dropped)
{
  struct host_sample sample = {
      .kind = HOST_SAMPLE_LINK, .interface = interface, .time_ns = START_NS + ms * NS_PER_MS};
  sample.of.link.tx_dropped = dropped;
  sample_store_add(store, &sample);
}

static uint64_t dropped_between(const struct sample_store *store, int64_t from_ms, int64_t until_ms)
{
  struct sample_link_statistics growth;
  sample_store_link_growth(store, 0, START_NS + from_ms * NS_PER_MS,
                           START_NS + until_ms * NS_PER_MS, &growth);
  return growth.tx_dropped;
}

static void test_devices(void **state)
{
  (void)state;
  struct sample_store *store = sample_store_new();
  assert_non_null(store);
  assert_int_equal(dropped_between(store, 0, 1000), 0);
  for (int64_t ms = 0; ms < 1000; ms += 100) {
    add_link(store, 0, ms, ms < 500 ? 10 : 25);
    add_link(store, 1, ms, 1000);
  }
  assert_int_equal(dropped_between(store, 0, 1000), 15);
  assert_int_equal(dropped_between(store, 450, 460), 15); /* somewhere in it */
  assert_int_equal(dropped_between(store, 0, 300), 0);
  assert_int_equal(dropped_between(store, 600, 900), 0);
  for (uint32_t i = 0; i < 100; i++)
    add_link(store, i, 2000, 5); /* more devices than there is room for */
  assert_int_equal(store->device_count, SAMPLE_DEVICES_MAX);
  sample_store_free(store);
}

static void add_neighbour(struct sample_store *store, uint32_t host, int64_t ms, uint16_t nud)
{
  struct host_sample sample = {.kind = HOST_SAMPLE_NEIGHBOUR, .time_ns = START_NS + ms * NS_PER_MS};
  sample.of.neighbour = (struct sample_neighbour){packet_host(host), 4, nud};
  sample_store_add(store, &sample);
}

static void test_neighbours(void **state)
{
  (void)state;
  const struct ip_address address = packet_host(5);
  struct sample_store *store = sample_store_new();
  assert_non_null(store);
  for (int64_t ms = 0; ms < 3000; ms += 100)
    add_neighbour(store, 5, ms, ms >= 1000 && ms < 2000 ? 0x01 : 0x02);
  const struct neighbour_trouble *trouble =
      sample_store_neighbour(store, 0, &address, START_NS, START_NS + 3 * NS_PER_S);
  assert_non_null(trouble);
  assert_int_equal(trouble->first_ns, START_NS + NS_PER_S);
  assert_int_equal(trouble->last_ns, START_NS + 2 * NS_PER_S);
  assert_null(sample_store_neighbour(store, 1, &address, START_NS, START_NS + 3 * NS_PER_S));
  assert_null(
      sample_store_neighbour(store, 0, &address, START_NS + 2 * NS_PER_S, START_NS + 3 * NS_PER_S));
  for (uint32_t host = 10; host < 300; host++)
    add_neighbour(store, host, 4000, 0x20);
  assert_int_equal(store->neighbour_count, SAMPLE_NEIGHBOURS_MAX);
  sample_store_free(store);
}

/* Nobody sampled for so long, although it was to be done ten times a second. */
static void test_silence(void **state)
{
  (void)state;
  struct sample_store *store = sample_store_new();
  struct host_sample sample = {.kind = HOST_SAMPLE_HEADER, .time_ns = START_NS};
  assert_non_null(store);
  sample.of.interval_ns = 100 * NS_PER_MS;
  sample_store_add(store, &sample);
  for (int64_t ms = 0; ms < 5000; ms += 100)
    if (ms <= 1000 || ms >= 4000)
      add_link(store, 0, ms, 0);
  assert_int_equal(sample_store_silence_ns(store, 0, START_NS, START_NS + 5 * NS_PER_S),
                   3 * NS_PER_S);
  assert_int_equal(
      sample_store_silence_ns(store, 0, START_NS + 2 * NS_PER_S, START_NS + 3 * NS_PER_S),
      NS_PER_S);
  assert_int_equal(sample_store_silence_ns(store, 0, START_NS, START_NS + NS_PER_S), 0);
  assert_int_equal(sample_store_silence_ns(NULL, 0, START_NS, START_NS + NS_PER_S), 0);
  sample_store_free(store);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ring_compresses), cmocka_unit_test(test_ring_is_bounded),
      cmocka_unit_test(test_sockets),         cmocka_unit_test(test_another_socket),
      cmocka_unit_test(test_devices),         cmocka_unit_test(test_neighbours),
      cmocka_unit_test(test_silence),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
