/* Window scale from behaviour: a bound must never exceed the true shift. */

#include "analyzer/window_scale.h"
#include "tests/support/packet_build.h"
#include "tests/support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SENDER_ISN 0xfffffe00u /* wraps with the first kilobyte */

/* A connection whose server announces windows: SYN-ACK with `syn_window`, and `visible` as its
 * shift at this capture point; -1: the option is absent. */
static struct connection shaken_hands(uint16_t syn_window, int visible)
{
  struct connection connection = {.flags = CONNECTION_ESTABLISHED};
  struct stream *client = &connection.stream[SIDE_CLIENT];
  struct stream *server = &connection.stream[SIDE_SERVER];
  client->isn = SENDER_ISN;
  client->flags = STREAM_STARTED | STREAM_ACKED | STREAM_SYN | STREAM_WSCALE;
  client->snd_una = client->snd_nxt = SENDER_ISN + 1;
  client->wscale = 2;
  server->isn = 5000;
  server->flags = STREAM_STARTED | STREAM_SYN;
  server->syn_window = syn_window;
  if (visible >= 0) {
    server->flags |= STREAM_WSCALE;
    server->wscale = (uint8_t)visible;
  }
  return connection;
}

/* The server's first ACK after the handshake, `received` bytes in. Returns the bound concluded. */
static uint8_t first_window(struct connection *connection, uint32_t received, uint16_t raw)
{
  struct packet packet = packet_tcp((struct packet_path){2, 1, 80, 40000}, 1, 3, TCP_ACK);
  packet.seq = 5001;
  packet.ack = SENDER_ISN + 1 + received;
  packet.window = raw;
  struct segment segment = {.packet = &packet, .start = packet.seq, .end = packet.seq};
  window_scale_see(connection, SIDE_SERVER, &segment);
  assert_int_equal(connection->stream[SIDE_CLIENT].est_wscale_min, 0);
  return connection->stream[SIDE_SERVER].est_wscale_min;
}

static void smallest_shift_that_suffices(void **state)
{
  (void)state;
  assert_int_equal(window_scale_needed(5840, 46), 7); /* 5840 = 2^7 * 45.6 */
  assert_int_equal(window_scale_needed(5840, 5840), 0);
  assert_int_equal(window_scale_needed(5841, 5840), 1);
  assert_int_equal(window_scale_needed(0, 1), 0);
  assert_int_equal(window_scale_needed(1u << 14, 1), 14);
  assert_int_equal(window_scale_needed((1u << 14) + 1, 1), 15);
  assert_int_equal(window_scale_needed(UINT32_MAX, 1), 15);
  assert_int_equal(window_scale_needed(UINT32_MAX, UINT16_MAX), 15);
  assert_int_equal(window_scale_needed(1, 0), 15);
}

static void needed_agrees_with_its_definition(void **state)
{
  (void)state;
  uint64_t seed = 1;
  for (int i = 0; i < 100000; i++) {
    uint32_t bytes = (uint32_t)random_next(&seed) >> random_below(&seed, 32);
    uint16_t raw = (uint16_t)(random_next(&seed) >> (48 + random_below(&seed, 16)));
    uint8_t shift = window_scale_needed(bytes, raw);
    assert_true(shift <= 15);
    assert_true(shift == 15 || (uint64_t)raw << shift >= bytes);
    assert_true(shift == 0 || raw == 0 || (uint64_t)raw << (shift - 1) < bytes);
  }
}

static void rewritten_shift_of_the_2003_routers_is_seen(void **state)
{
  (void)state;
  struct connection connection = shaken_hands(5840, 0);
  assert_int_equal(first_window(&connection, 0, 46), 7);
  struct connection stripped = shaken_hands(5840, -1);
  assert_int_equal(first_window(&stripped, 0, 46), 7);
}

static void honest_shift_raises_no_doubt(void **state)
{
  (void)state;
  struct connection connection = shaken_hands(5840, 7);
  assert_int_equal(first_window(&connection, 0, 46), 0);
  struct connection unscaled = shaken_hands(5840, -1);
  assert_int_equal(first_window(&unscaled, 0, 5840), 0);
  struct connection grown = shaken_hands(65535, 7);
  assert_int_equal(first_window(&grown, 100, 502), 0);
}

static void windows_that_say_nothing(void **state)
{
  (void)state;
  struct connection closed = shaken_hands(5840, 0);
  assert_int_equal(first_window(&closed, 0, 0), 0); /* a zero window is one at any scale */
  struct connection filled = shaken_hands(5840, 0);
  assert_int_equal(first_window(&filled, 5840, 1), 0); /* the reader has not read */
  struct connection beyond = shaken_hands(5840, 0);
  assert_int_equal(first_window(&beyond, 20000, 1), 0);
  struct connection trimmed = shaken_hands(5840, 0);
  assert_int_equal(first_window(&trimmed, 0, 5840 / 2), 0); /* a stack may trim a little */
}

/* For a receiver that keeps its right edge: any shift, any rewriting, any few bytes received. */
static void bound_from_the_first_window_never_exceeds_the_truth(void **state)
{
  (void)state;
  uint64_t seed = 2;
  unsigned found = 0, plain = 0;
  for (int i = 0; i < 100000; i++) {
    uint8_t truth = (uint8_t)random_below(&seed, 15);
    int visible = (int)random_below(&seed, 16) - 1;
    uint16_t syn_window = (uint16_t)(1000 + random_below(&seed, 64000));
    uint32_t received = random_below(&seed, 600);
    uint32_t window = syn_window - received + random_below(&seed, 200000);
    uint32_t raw = (window + (1u << truth) - 1) >> truth;
    if (raw > UINT16_MAX)
      continue;
    struct connection connection = shaken_hands(syn_window, visible);
    uint8_t bound = first_window(&connection, received, (uint16_t)raw);
    assert_true(bound <= truth);
    assert_true(bound == 0 || (int)bound > visible);
    if (window < 2u * syn_window && truth >= (visible < 0 ? 0 : visible) + 4) {
      plain++;
      found += bound > 0 ? 1 : 0;
    }
  }
  assert_true(plain > 1000);
  assert_true(found * 10 > plain * 9); /* and where it is plain to see, it is mostly seen */
}

static void flight_above_the_raw_window_gives_a_bound(void **state)
{
  (void)state;
  struct connection connection = {0};
  const struct stream *server = &connection.stream[SIDE_SERVER];
  window_scale_bound(&connection, SIDE_SERVER, 1000, 1000);
  assert_int_equal(server->est_wscale_min, 0);
  window_scale_bound(&connection, SIDE_SERVER, 1001, 1000);
  assert_int_equal(server->est_wscale_min, 1);
  window_scale_bound(&connection, SIDE_SERVER, 60000, 500);
  assert_int_equal(server->est_wscale_min, 7);
  window_scale_bound(&connection, SIDE_SERVER, 1001, 1000); /* what was known stays known */
  assert_int_equal(server->est_wscale_min, 7);
  window_scale_bound(&connection, SIDE_SERVER, 60000, 0);
  assert_int_equal(server->est_wscale_min, 7);
  window_scale_bound(&connection, SIDE_SERVER, UINT32_MAX, 1); /* no legal shift explains it */
  assert_int_equal(server->est_wscale_min, 7);
  assert_int_equal(connection.stream[SIDE_CLIENT].est_wscale_min, 0);
}

static void bound_from_flights_never_exceeds_the_truth(void **state)
{
  (void)state;
  uint64_t seed = 3;
  for (int run = 0; run < 1000; run++) {
    struct connection connection = {0};
    const struct stream *server = &connection.stream[SIDE_SERVER];
    uint8_t truth = (uint8_t)random_below(&seed, 15), before = 0;
    for (int i = 0; i < 50; i++) {
      uint16_t raw = (uint16_t)random_next(&seed);
      uint32_t flight = random_below(&seed, ((uint32_t)raw << truth) + 1);
      window_scale_bound(&connection, SIDE_SERVER, flight, raw);
      assert_true(server->est_wscale_min <= truth);
      assert_true(server->est_wscale_min >= before);
      before = server->est_wscale_min;
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(smallest_shift_that_suffices),
      cmocka_unit_test(needed_agrees_with_its_definition),
      cmocka_unit_test(rewritten_shift_of_the_2003_routers_is_seen),
      cmocka_unit_test(honest_shift_raises_no_doubt),
      cmocka_unit_test(windows_that_say_nothing),
      cmocka_unit_test(bound_from_the_first_window_never_exceeds_the_truth),
      cmocka_unit_test(flight_above_the_raw_window_gives_a_bound),
      cmocka_unit_test(bound_from_flights_never_exceeds_the_truth),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
