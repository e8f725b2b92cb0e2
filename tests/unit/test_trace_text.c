/* tcpdump's text as a trace: excerpts, names, pipes. How a line is understood is
 * test_tcpdump_text's matter. */
#include "capture/trace.h"

#include "tests/unit/trace_fixture.h"
#include "wire/timestamp.h"

static const char two_ends[] =
    "Hello,\nthis is what both ends saw.\n\n"
    "# captured on: left\n"
    "12:00:01.000000 IP left.example.4000 > right.example.80: Flags [S], seq 100, win 64240, "
    "options [mss 1460], length 0\n"
    "12:00:01.010000 IP right.example.80 > left.example.4000: Flags [S.], seq 500, ack 101, win "
    "65160, options [mss 1460], length 0\n"
    "12:00:01.010100 IP left.example.4000 > right.example.80: Flags [.], ack 1, win 502, length 0\n"
    "\n"
    "And the other end:\n\n"
    "# captured on: right\n"
    "12:00:01.005000 IP left.example.4000 > right.example.80: Flags [S], seq 100, win 64240, "
    "options [mss 1460], length 0\n"
    "12:00:01.005100 IP right.example.80 > left.example.4000: Flags [S.], seq 500, ack 101, win "
    "65160, options [mss 1460], length 0";

static struct trace *open_text(char path[FIXTURE_PATH_BYTES], const char *text, const char *filter)
{
  struct trace *trace;
  struct error error;
  struct trace_options options = {.filter = filter};
  write_fixture(path, text, strlen(text));
  if (trace_open(&trace, path, &options, &error) != 0)
    fail_msg("%s", error.text);
  unlink(path);
  return trace;
}

static uint64_t read_excerpt(struct trace *trace, uint64_t wanted_first)
{
  struct frame frames[2];
  uint64_t number = 0;
  int rc;
  while ((rc = trace_next(trace, frames, 2, NULL)) > 0)
    for (int i = 0; i < rc; i++) {
      if (number == 0)
        number = wanted_first - 1;
      assert_int_equal(frames[i].number, ++number);
      struct packet packet;
      packet_decode(&frames[i], &packet);
      assert_int_equal(packet.kind, PACKET_TCP);
    }
  assert_int_equal(rc, 0);
  return number;
}

static void check_host(const struct trace *trace, const char *host, uint64_t frames)
{
  struct trace_info info;
  trace_get_info(trace, &info);
  assert_string_equal(info.format, "text");
  assert_int_equal(info.time_base, TRACE_TIME_OF_DAY);
  assert_string_equal(info.captured_on, host);
  assert_int_equal(info.frames, frames);
}

static void test_excerpts(void **state)
{
  (void)state;
  char path[FIXTURE_PATH_BYTES];
  struct trace *trace = open_text(path, two_ends, NULL);
  assert_int_equal(read_excerpt(trace, 1), 3);
  check_host(trace, "left", 3);
  assert_int_equal(read_excerpt(trace, 1), 0);
  assert_true(trace_next_excerpt(trace));
  assert_int_equal(read_excerpt(trace, 1), 2);
  check_host(trace, "right", 2);
  assert_false(trace_next_excerpt(trace));
  trace_close(trace);
}

static void test_an_excerpt_can_be_passed_over(void **state)
{
  (void)state;
  char path[FIXTURE_PATH_BYTES];
  struct trace *trace = open_text(path, two_ends, NULL);
  assert_true(trace_next_excerpt(trace));
  assert_int_equal(read_excerpt(trace, 1), 2);
  assert_false(trace_next_excerpt(trace));
  trace_close(trace);
}

static void test_filter_on_text(void **state)
{
  (void)state;
  char path[FIXTURE_PATH_BYTES];
  struct trace *trace = open_text(path, two_ends, "src port 80");
  struct frame frames[4];
  assert_int_equal(trace_next(trace, frames, 4, NULL), 1);
  assert_int_equal(frames[0].number, 2);
  assert_int_equal(trace_next(trace, frames, 4, NULL), 0);
  assert_true(trace_next_excerpt(trace));
  assert_int_equal(trace_next(trace, frames, 4, NULL), 1);
  assert_int_equal(frames[0].number, 2);
  trace_close(trace);
}

static void test_names(void **state)
{
  (void)state;
  char path[FIXTURE_PATH_BYTES];
  struct trace *trace = open_text(path, two_ends, NULL);
  struct frame frame;
  struct packet packet;
  struct ip_address address;
  assert_int_equal(trace_next(trace, &frame, 1, NULL), 1);
  packet_decode(&frame, &packet);
  assert_string_equal(trace_host_name(trace, &packet.src), "left.example");
  assert_string_equal(trace_host_name(trace, &packet.dst), "right.example");
  assert_true(trace_host_address(trace, "right.example", &address));
  assert_memory_equal(&address, &packet.dst, sizeof address);
  assert_false(trace_host_address(trace, "nobody.example", &address));
  trace_close(trace);
}

/* More packets than a batch holds, in a file without a final newline and with the line ends of
 * other systems. */
static void test_many_lines(void **state)
{
  (void)state;
  enum { LINES = 3000 };
  static char text[LINES * 128];
  size_t used = 0;
  for (int i = 0; i < LINES; i++)
    used += (size_t)snprintf(
        text + used, sizeof text - used,
        "%d.%06d IP 192.0.2.1.4000 > 192.0.2.2.80: Flags [.], ack %d, win 502, length 0\r\n",
        1700000000 + i, i, i + 1);
  text[used - 2] = '\0';
  char path[FIXTURE_PATH_BYTES];
  struct trace *trace = open_text(path, text, NULL);
  struct frame frames[512];
  int64_t count = 0;
  int rc;
  while ((rc = trace_next(trace, frames, 512, NULL)) > 0)
    for (int i = 0; i < rc; i++, count++)
      assert_int_equal(frames[i].time_ns, (1700000000 + count) * NS_PER_S + count * NS_PER_US);
  assert_int_equal(count, LINES);
  trace_close(trace);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_excerpts),       cmocka_unit_test(test_an_excerpt_can_be_passed_over),
      cmocka_unit_test(test_filter_on_text), cmocka_unit_test(test_names),
      cmocka_unit_test(test_many_lines),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
