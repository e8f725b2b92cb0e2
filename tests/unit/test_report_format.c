/* Values as people read them, hostile text made harmless, lines broken where they may be. */

#include "report/clean.h"
#include "report/format.h"
#include "report/page.h"
#include "wire/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_duration(int64_t duration_ns, const char *expected)
{
  char text[FORMAT_TEXT_SIZE];
  assert_string_equal(format_duration(duration_ns, text), expected);
}

static void test_durations(void **state)
{
  (void)state;
  expect_duration(TIME_INVALID, "-");
  expect_duration(0, "0 s");
  expect_duration(999, "999 ns");
  expect_duration(37400, "37 µs");
  expect_duration(999999, "999 µs");
  expect_duration(1000000, "1 ms");
  expect_duration(1000001, "1.0 ms");
  expect_duration(200 * NS_PER_MS, "200 ms");
  expect_duration(412399999, "412.3 ms");
  expect_duration(999999999, "999.9 ms");
  expect_duration(NS_PER_S, "1.000 s");
  expect_duration(10898999999, "10.898 s");
  expect_duration(-10863734000, "-10.863 s");
  expect_duration(600 * NS_PER_S, "10 min 0 s");
  expect_duration(3 * 3600 * NS_PER_S + 240 * NS_PER_S, "3 h 4 min");
  expect_duration(INT64_MAX, "106751 d 23 h");
  expect_duration(INT64_MIN + 1, "106751 d 23 h");
}

/* Bounds from above are rounded up, over the border of a unit too. */
static void test_durations_up(void **state)
{
  (void)state;
  char text[FORMAT_TEXT_SIZE];
  assert_string_equal(format_duration_up(26243000001, text), "26.244 s");
  assert_string_equal(format_duration_up(26243 * NS_PER_MS, text), "26.243 s");
  assert_string_equal(format_duration_up(999999999, text), "1.000 s");
  assert_string_equal(format_duration_up(999001, text), "1 ms");
  assert_string_equal(format_duration_up(TIME_INVALID, text), "-");
  assert_string_equal(format_duration_up(INT64_MAX, text), "106751 d 23 h");
}

static void test_numbers(void **state)
{
  (void)state;
  char text[FORMAT_TEXT_SIZE];
  assert_string_equal(format_count(0, text), "0");
  assert_string_equal(format_count(999, text), "999");
  assert_string_equal(format_count(1000, text), "1,000");
  assert_string_equal(format_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
  assert_string_equal(format_bytes(999, text), "999 bytes");
  assert_string_equal(format_bytes(999949, text), "999.9 kB");
  assert_string_equal(format_bytes(999950, text), "1.0 MB");
  assert_string_equal(format_bytes(UINT64_MAX, text), "18.4 EB");
  assert_string_equal(format_percent(0, 0, text), "0 %");
  assert_string_equal(format_percent(1, 100000, text), "< 0.1 %");
  assert_string_equal(format_percent(99999, 100000, text), "> 99.9 %");
  assert_string_equal(format_percent(7, 7, text), "100 %");
  assert_string_equal(format_percent(1, 3, text), "33.3 %");
}

static void test_times(void **state)
{
  (void)state;
  char text[FORMAT_TEXT_SIZE];
  struct format_clock clock = {.base = REPORT_TIME_EPOCH, .digits = 6};
  assert_string_equal(format_time(&clock, 1000, text), "00:00:00.000001");
  assert_string_equal(format_date(&clock, 1000, text), "1970-01-01");
  assert_string_equal(format_zone(&clock, 1000, text), "UTC");
  assert_string_equal(format_time(&clock, -1000, text), "23:59:59.999999");
  assert_string_equal(format_date(&clock, -1000, text), "1969-12-31");
  assert_string_equal(format_time(&clock, TIME_INVALID, text), "no time");
  assert_string_equal(format_date(&clock, INT64_MAX, text), "2262-04-11");
  clock.digits = 9;
  assert_string_equal(format_time(&clock, 1, text), "00:00:00.000000001");
  clock.base = REPORT_TIME_RELATIVE;
  assert_string_equal(format_time(&clock, 90 * NS_PER_S + 5, text), "90.000000005");
  assert_string_equal(format_date(&clock, 5, text), "");
  assert_int_equal(format_digits(1000), 6);
  assert_int_equal(format_digits(1001), 9);
}

static void expect_clean(enum clean_mode mode, const char *text, const char *expected)
{
  char clean[200];
  assert_int_equal(clean_text(mode, text, clean, sizeof clean), strlen(expected));
  assert_string_equal(clean, expected);
}

static void test_clean(void **state)
{
  (void)state;
  expect_clean(CLEAN_UTF8, "plain → µ", "plain → µ");
  expect_clean(CLEAN_ASCII, "plain → µ ≥ ± 日", "plain -> u >= +/- \\u{65e5}");
  expect_clean(CLEAN_UTF8, "\x1b[31m\x7f\r\n", "\\x1b[31m\\x7f\\x0d\\x0a");
  expect_clean(CLEAN_UTF8, "\xc2\x9b", "\\u{9b}");
  expect_clean(CLEAN_UTF8,
               "a\xe2\x80\xae"
               "b",
               "a\\u{202e}b");
  /* overlong, surrogate, beyond Unicode, cut short, lone continuation */
  expect_clean(CLEAN_UTF8, "\xc0\xaf", "\\xc0\\xaf");
  expect_clean(CLEAN_UTF8, "\xed\xa0\x80", "\\xed\\xa0\\x80");
  expect_clean(CLEAN_UTF8, "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
  expect_clean(CLEAN_UTF8, "\xe2\x86", "\\xe2\\x86");
  expect_clean(CLEAN_JSON, "\x1b\x80", "\x1b\\x80");
  char tiny[4];
  assert_int_equal(clean_text(CLEAN_UTF8, "a→", tiny, sizeof tiny), 1);
  assert_string_equal(tiny, "a");
  assert_int_equal(clean_columns("日本→e\xcc\x81", 100), 6);
}

static void expect_wrapped(const char *text, const char *expected)
{
  char *out = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&out, &size);
  assert_non_null(stream);
  struct page page;
  page_init(&page, stream, PAGE_WIDTH_MIN, true, false);
  page_put(&page, PAGE_PLAIN, "ab");
  page_wrap(&page, PAGE_PLAIN, 4, text);
  fclose(stream);
  assert_string_equal(out, expected);
  free(out);
}

static void test_wrapping(void **state)
{
  (void)state;
  expect_wrapped("", "ab");
  expect_wrapped(" short", "ab short");
  /* a new line would gain nothing for what is too long anyway */
  expect_wrapped(" 34567890123456789012345678901234567890abc",
                 "ab 34567890123456789012345678901234567890abc");
  expect_wrapped(" one two three four five six seven eight nine",
                 "ab one two three four five six seven\n    eight nine");
  expect_wrapped(" say `tc -s qdisc show dev tap0` then `x y`",
                 "ab say `tc -s qdisc show dev tap0` then\n    `x y`");
  expect_wrapped(" see `tc -s qdisc show dev tap0 and more` a",
                 "ab see\n    `tc -s qdisc show dev tap0 and more`\n    a");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_durations), cmocka_unit_test(test_durations_up),
      cmocka_unit_test(test_numbers),   cmocka_unit_test(test_times),
      cmocka_unit_test(test_clean),     cmocka_unit_test(test_wrapping),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
