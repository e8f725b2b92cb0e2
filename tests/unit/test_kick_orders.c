#include "cli/kick_orders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct kick_request example(uint8_t version, bool has_ether)
{
  struct kick_request request = {.ip_version = version,
                                 .src_port = 5001,
                                 .dst_port = 65535,
                                 .has_ether = has_ether,
                                 .ether_src = {2, 0, 0, 0, 0, 0x1f},
                                 .ether_dst = {0xfe, 0xdc, 0, 0, 0, 9}};
  static const uint8_t v4[2][4] = {{10, 9, 0, 1}, {10, 9, 0, 2}};
  if (!has_ether) {
    memset(request.ether_src, 0, sizeof request.ether_src);
    memset(request.ether_dst, 0, sizeof request.ether_dst);
  }
  if (version == 6) {
    request.src.bytes[0] = request.dst.bytes[0] = 0xfd;
    request.dst.bytes[15] = 7;
    return request;
  }
  request.src.bytes[10] = request.src.bytes[11] = 0xff;
  request.dst = request.src;
  memcpy(request.src.bytes + 12, v4[0], 4);
  memcpy(request.dst.bytes + 12, v4[1], 4);
  return request;
}

/* What is written is read, and nothing else of the request matters. */
static void test_there_and_back(void **state)
{
  (void)state;
  for (int i = 0; i < 4; i++) {
    const struct kick_request request = example(i < 2 ? 4 : 6, i % 2 == 0);
    struct kick_request found;
    char line[KICK_ORDER_BYTES];
    kick_order_write(&request, line);
    assert_int_equal(line[strlen(line) - 1], '\n');
    line[strlen(line) - 1] = '\0';
    assert_true(kick_order_read(line, &found));
    assert_int_equal(found.end, 0);
    assert_int_equal(found.ip_version, request.ip_version);
    assert_memory_equal(&found.src, &request.src, sizeof found.src);
    assert_memory_equal(&found.dst, &request.dst, sizeof found.dst);
    assert_int_equal(found.src_port, 5001);
    assert_int_equal(found.dst_port, 65535);
    assert_int_equal(found.has_ether, request.has_ether);
    assert_memory_equal(found.ether_src, request.ether_src, 6);
    assert_memory_equal(found.ether_dst, request.ether_dst, 6);
  }
}

static void test_what_is_no_order(void **state)
{
  (void)state;
  static const char *const lines[] = {
      "",
      "end",
      "kick",
      "kick 4 10.9.0.1 10.9.0.2 1 2 -",
      "kick 4 10.9.0.1 10.9.0.2 1 2 - - -",
      "kick 6 10.9.0.1 10.9.0.2 1 2 - -",
      "kick 4 10.9.0.1 fd00::1 1 2 - -",
      "kick 4 10.9.0.1 10.9.0.2 1 65536 - -",
      "kick 4 10.9.0.1 10.9.0.2 1 -2 - -",
      "kick 4 10.9.0.1 10.9.0 1 2 - -",
      "kick 4 10.9.0.1 10.9.0.2 1 2 02:00:00:00:00:01 -",
      "kick 4 10.9.0.1 10.9.0.2 1 2 - 02:00:00:00:00:01",
      "kick 4 10.9.0.1 10.9.0.2 1 2 02:00:00:00:00:0g 02:00:00:00:00:01",
      "kick 4 10.9.0.1 10.9.0.2 1 2 02:00:00:00:00:011 02:00:00:00:00:01",
      "kick 4 10.9.0.1 10.9.0.2 1 2 02-00-00-00-00-01 02:00:00:00:00:01",
      "sick 4 10.9.0.1 10.9.0.2 1 2 - -"};
  struct kick_request request;
  char longest[2 * KICK_ORDER_BYTES];
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    assert_false(kick_order_read(lines[i], &request));
  memset(longest, 'k', sizeof longest - 1);
  longest[sizeof longest - 1] = '\0';
  assert_false(kick_order_read(longest, &request));
}

static void test_the_option(void **state)
{
  (void)state;
  static const char *const wrong[] = {"",        "echo",   "echo:", "echo:1", "ping:10000ms",
                                      "arp:-1s", "arp:10x"};
  enum kick_kind kind;
  int64_t interval_ns;
  char text[KICK_ORDERS_TEXT_BYTES];
  kick_orders_text(KICK_ARP, INT64_C(10000000000), text);
  assert_string_equal(text, "arp:10000ms");
  assert_true(kick_orders_parse(text, &kind, &interval_ns));
  assert_int_equal(kind, KICK_ARP);
  assert_int_equal(interval_ns, INT64_C(10000000000));
  kick_orders_text(KICK_ECHO, KICK_INTERVAL_NS_MIN, text);
  assert_true(kick_orders_parse(text, &kind, &interval_ns));
  assert_int_equal(kind, KICK_ECHO);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_false(kick_orders_parse(wrong[i], &kind, &interval_ns));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_there_and_back),
      cmocka_unit_test(test_what_is_no_order),
      cmocka_unit_test(test_the_option),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
