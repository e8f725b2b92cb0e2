/* The HTML report: what is written of hostile texts, and a page as a whole. */

#include "report/html.h"
#include "report/html_escape.h"
#include "report_example.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

typedef void writer(FILE *stream, const char *text);

static void expect_written(writer *write, const char *text, const char *wanted)
{
  char *written = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&written, &size);
  assert_non_null(stream);
  write(stream, text);
  assert_int_equal(fclose(stream), 0);
  assert_string_equal(written, wanted);
  free(written);
}

static void test_text_is_no_markup(void **state)
{
  (void)state;
  expect_written(html_text, "", "");
  expect_written(html_text, "<b a='1'>&\"", "&lt;b a=&#39;1&#39;&gt;&amp;&quot;");
  expect_written(html_text, "27 \u00b5s \u2192", "27 \u00b5s \u2192");
  expect_written(html_text, "\x1b[31m\xff\u202e", "\\x1b[31m\\xff\\u{202e}");
  expect_written(html_text, "a\uffffb", "a\ufffdb");
}

static void test_commands_are_set_apart(void **state)
{
  (void)state;
  expect_written(html_prose, "run `ss -ti <x>` now", "run <code>ss -ti &lt;x&gt;</code> now");
  expect_written(html_prose, "one ` alone", "one ` alone");
  expect_written(html_text, "`a`", "`a`");
}

static void test_json_cannot_end_its_script(void **state)
{
  (void)state;
  expect_written(html_json_text, "</script><!--&", "\"\\u003c/script\\u003e\\u003c!--\\u0026\"");
  expect_written(html_json_text, "a\"b\\c", "\"a\\u0022b\\u005cc\"");
  expect_written(html_json_text, "\u2028\n", "\"\\u005cu{2028}\\u005cx0a\"");
}

/* However long: in pieces, and no character is cut in two. */
static void test_long_texts_are_whole(void **state)
{
  char text[9000] = "", wanted[45000] = "";
  (void)state;
  for (int i = 0; i < 2000; i++) {
    memcpy(text + 4 * i, "\u20ac<", 5);
    memcpy(wanted + 7 * i, "\u20ac&lt;", 8);
  }
  expect_written(html_text, text, wanted);
}

/* ---- a page ---- */

static struct packet example_segment(uint64_t frame, int64_t time_ns, bool from_client,
                                     uint32_t seq, uint32_t bytes)
{
  return (struct packet){.time_ns = time_ns,
                         .frame = frame,
                         .kind = PACKET_TCP,
                         .ip_version = 4,
                         .frame_bytes = bytes + 40,
                         .src = example_address(from_client ? 1 : 2),
                         .dst = example_address(from_client ? 2 : 1),
                         .src_port = from_client ? 33133 : 20,
                         .dst_port = from_client ? 20 : 33133,
                         .seq = seq,
                         .ack = 1,
                         .flags = TCP_ACK,
                         .window = 5792,
                         .payload_bytes = bytes};
}

static const char *hostile_name(void *context, uint8_t end, const struct ip_address *address)
{
  (void)context;
  (void)end;
  return address->bytes[15] == 1 ? "</script><script>alert(1)//"
                                 : "\"><img src=x onerror=alert(2)>";
}

static struct collect *example_collect(const char *file)
{
  struct collect_options options;
  collect_options_default(&options);
  options.every_connection = true;
  struct collect *collect = collect_new(&options);
  assert_non_null(collect);
  assert_int_equal(collect_begin_capture(collect, 0), 0);
  const struct analyzer_sink sink = collect_sink(collect);
  const struct connection_summary connection = example_connection(1);
  const struct finding stall = example_stall();
  sink.finding(sink.context, &connection, &stall);
  sink.connection(sink.context, &connection);
  struct report_capture capture = example_capture();
  capture.file = file;
  assert_int_equal(collect_end_capture(collect, &capture), 0);
  return collect;
}

/* The page about the stall of 2003, with `packets` segments before it. */
static char *render(const char *file, const struct report_names *names, unsigned packets)
{
  const struct html_options options = {.version = "1", .names = *names};
  struct collect *collect = example_collect(file);
  struct html *html = html_new(&options);
  struct error error;
  char *page = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&page, &size);
  assert_non_null(html);
  assert_non_null(stream);
  assert_int_equal(html_choose(html, collect, &error), 0);
  for (unsigned i = 0; i < packets; i++) {
    const struct packet packet =
        example_segment(i + 1, example_time(38962180) + i, true, 1 + 10 * i, 10);
    html_packet(html, &packet);
  }
  assert_int_equal(html_write(html, collect, stream, &error), 0);
  fclose(stream);
  html_free(html);
  collect_free(collect);
  return page;
}

static unsigned count(const char *page, const char *what)
{
  unsigned found = 0;
  for (const char *at = page; (at = strstr(at, what)) != NULL; at++)
    found++;
  return found;
}

static void test_names_are_no_markup(void **state)
{
  const struct report_names names = {NULL, hostile_name};
  char *page = render("x\"><script>alert(3)</script>.txt", &names, 20);
  (void)state;
  assert_int_equal(count(page, "<script>"), 1); /* the page's own */
  assert_int_equal(count(page, "<script type=\"application/json\""), 1);
  assert_int_equal(count(page, "</script>"), 2);
  assert_int_equal(count(page, "<img"), 0);
  assert_true(count(page, "\\u003c/script\\u003e\\u003cscript\\u003ealert(1)") > 0);
  assert_true(count(page, "&lt;script&gt;alert(3)") > 0);
  free(page);
}

static void test_page_has_its_parts(void **state)
{
  const struct report_names names = {NULL, example_name};
  char *page = render("both-ends.txt", &names, 20);
  (void)state;
  assert_ptr_equal(strstr(page, "<!DOCTYPE html>"), page);
  assert_int_equal(count(page, "<h1>"), 1);
  assert_int_equal(count(page, "id=\"f1\""), 1);
  assert_int_equal(count(page, "id=\"c1\""), 1);
  assert_int_equal(count(page, "class=\"chart\""), 2); /* of the finding, and of its connection */
  assert_int_equal(count(page, "class=\"ladder\""), 1);
  assert_int_equal(count(page, "an echo request released them"), 2);
  assert_int_equal(count(page, "no retransmission in between"), 1);
  assert_int_equal(count(page, "only if this capture was not taken on the sending host"), 1);
  assert_non_null(strstr(page, "<code>tc -s qdisc show dev tap0</code>"));
  free(page);
}

static void test_page_without_packets(void **state)
{
  const struct report_names names = {NULL, example_name};
  char *page = render("both-ends.txt", &names, 0);
  (void)state;
  assert_int_equal(count(page, "class=\"chart\""), 0);
  assert_int_equal(count(page, "application/json"), 0);
  assert_non_null(strstr(page, "There are no drawings"));
  free(page);
}

/* More packets than a page may hold: it says so, and is no larger. */
static void test_page_is_bounded(void **state)
{
  const struct report_names names = {NULL, example_name};
  char *page = render("both-ends.txt", &names, 200000);
  (void)state;
  assert_non_null(strstr(page, "of its packets, those that mark the extremes"));
  assert_true(strlen(page) < (size_t)HTML_PACKETS_MAX_EACH * 80);
  free(page);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_text_is_no_markup),
      cmocka_unit_test(test_commands_are_set_apart),
      cmocka_unit_test(test_json_cannot_end_its_script),
      cmocka_unit_test(test_long_texts_are_whole),
      cmocka_unit_test(test_names_are_no_markup),
      cmocka_unit_test(test_page_has_its_parts),
      cmocka_unit_test(test_page_without_packets),
      cmocka_unit_test(test_page_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
