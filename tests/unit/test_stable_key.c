/* Keys that are the same everywhere (report/stable_key.h). */

#include "report/stable_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* FNV's own test vectors, 128-bit FNV-1a. */
static void test_published_vectors(void **state)
{
  (void)state;
  char key[STABLE_KEY_BYTES];
  stable_key("", key);
  assert_string_equal(key, "6c62272e07bb014262b821756295c58d");
  stable_key("a", key);
  assert_string_equal(key, "d228cb696f1a8caf78912b704e4a8964");
  stable_key("foobar", key);
  assert_string_equal(key, "343e1662793c64bf6f0d3597ba446f18");
}

static struct connection_summary summary_of(int64_t start_ns)
{
  struct connection_summary summary = {.start_ns = start_ns};
  summary.client = (struct endpoint){.port = 40000, .ip_version = 4};
  summary.server = (struct endpoint){.port = 80, .ip_version = 4};
  summary.client.address.bytes[10] = summary.client.address.bytes[11] = 0xff;
  summary.server.address = summary.client.address;
  summary.client.address.bytes[15] = 1;
  summary.server.address.bytes[15] = 2;
  return summary;
}

static void key_of(const struct report_capture *capture, const struct connection_summary *summary,
                   char key[STABLE_KEY_BYTES])
{
  const struct report_connection connection = {
      .capture = capture, .summary = summary, .view_count = 1, .views = {summary}};
  stable_key_connection(&connection, key);
}

static void test_a_dated_connection_is_itself(void **state)
{
  (void)state;
  struct report_capture one = {.frames = 10}, other = {.frames = 20};
  const struct connection_summary summary = summary_of(5), later = summary_of(6);
  char first[STABLE_KEY_BYTES], second[STABLE_KEY_BYTES], documented[STABLE_KEY_BYTES];
  key_of(&one, &summary, first);
  key_of(&other, &summary, second);
  assert_string_equal(first, second);
  stable_key("connection|epoch|0.0.0.1|40000|0.0.0.2|80|5", documented);
  assert_string_equal(first, documented);
  key_of(&one, &later, second);
  assert_string_not_equal(first, second);
}

/* The same clock time comes every day. */
static void test_an_undated_one_belongs_to_its_capture(void **state)
{
  (void)state;
  struct report_capture one = {.frames = 10, .time_base = REPORT_TIME_OF_DAY};
  struct report_capture other = {.frames = 20, .time_base = REPORT_TIME_OF_DAY};
  const struct connection_summary summary = summary_of(5);
  char first[STABLE_KEY_BYTES], second[STABLE_KEY_BYTES];
  key_of(&one, &summary, first);
  key_of(&other, &summary, second);
  assert_string_not_equal(first, second);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_published_vectors),
      cmocka_unit_test(test_a_dated_connection_is_itself),
      cmocka_unit_test(test_an_undated_one_belongs_to_its_capture),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
