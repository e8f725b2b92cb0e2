#include "capture/trace.h"

#include "tests/unit/trace_fixture.h"
#include "wire/timestamp.h"

#define FRAME_BYTES 60

static void lay_pcap_header(struct layout *layout)
{
  lay_u32(layout, 0xa1b2c3d4);
  lay_u16(layout, 2);
  lay_u16(layout, 4);
  lay_number(layout, 0, 8);
  lay_u32(layout, 65535);
  lay_u32(layout, 101);
}

/* A record of raw IPv4: TCP from 192.0.2.1 to 192.0.2.2, or UDP. */
static void lay_pcap_record(struct layout *layout, uint32_t seconds, bool udp)
{
  static const uint8_t ip[20] = {0x45, 0, 0,   FRAME_BYTES, 0, 0, 0,   0, 64, 6,
                                 0,    0, 192, 0,           2, 1, 192, 0, 2,  2};
  lay_u32(layout, seconds);
  lay_u32(layout, 0);
  lay_u32(layout, FRAME_BYTES);
  lay_u32(layout, FRAME_BYTES);
  lay_bytes(layout, ip, sizeof ip);
  if (udp)
    layout->bytes[layout->size - 11] = 17;
  lay_fill(layout, (uint8_t)seconds, FRAME_BYTES - sizeof ip);
}

static struct layout *make_pcap(uint32_t records)
{
  struct layout *layout = calloc(1, sizeof *layout);
  assert_non_null(layout);
  lay_pcap_header(layout);
  for (uint32_t i = 0; i < records; i++)
    lay_pcap_record(layout, i, i % 3 == 2);
  return layout;
}

/* Reads to the end, in batches of `max`; returns the result of the last call. */
static int count_frames(struct trace *trace, size_t max, uint64_t *count, struct error *error)
{
  struct frame frames[64];
  int rc;
  assert_true(max <= 64);
  while ((rc = trace_next(trace, frames, max, error)) > 0) {
    assert_true((size_t)rc <= max);
    for (int i = 0; i < rc; i++)
      assert_int_equal(frames[i].bytes[0], 0x45);
    *count += (uint64_t)rc;
  }
  return rc;
}

static int read_bytes(const void *bytes, size_t size, uint64_t *count, struct error *error)
{
  char path[FIXTURE_PATH_BYTES];
  struct trace *trace;
  write_fixture(path, bytes, size);
  int rc = trace_open(&trace, path, NULL, error);
  *count = 0;
  if (rc == 0) {
    rc = count_frames(trace, 7, count, error);
    assert_int_equal(trace_next(trace, &(struct frame){0}, 1, error), 0);
    trace_close(trace);
  }
  unlink(path);
  return rc;
}

static void test_frames_in_file_order(void **state)
{
  (void)state;
  struct layout *layout = make_pcap(100);
  char path[FIXTURE_PATH_BYTES];
  struct trace *trace;
  struct frame frames[64];
  write_fixture(path, layout->bytes, layout->size);
  assert_int_equal(trace_open(&trace, path, NULL, NULL), 0);
  uint64_t number = 0;
  int rc;
  while ((rc = trace_next(trace, frames, 64, NULL)) > 0)
    for (int i = 0; i < rc; i++) {
      assert_int_equal(frames[i].number, ++number);
      assert_int_equal(frames[i].time_ns, (int64_t)(number - 1) * NS_PER_S);
    }
  assert_int_equal(number, 100);
  struct trace_info info;
  trace_get_info(trace, &info);
  assert_string_equal(info.format, "pcap");
  assert_string_equal(info.compression, "");
  assert_int_equal(info.frames, 100);
  assert_int_equal(info.bytes_read, layout->size);
  assert_int_equal(info.bytes_total, layout->size);
  assert_int_equal(info.interface_count, 1);
  assert_false(trace_next_excerpt(trace));
  trace_close(trace);
  unlink(path);
  free(layout);
}

static void test_cut_off_anywhere(void **state)
{
  (void)state;
  struct layout *layout = make_pcap(2);
  struct error error;
  uint64_t count;
  for (size_t size = 0; size <= layout->size; size++) {
    int rc = read_bytes(layout->bytes, size, &count, &error);
    size_t records = size < 24 ? 0 : (size - 24) / (16 + FRAME_BYTES);
    bool whole = size >= 24 && (size - 24) % (16 + FRAME_BYTES) == 0;
    assert_int_equal(count, records);
    assert_int_equal(rc, whole ? 0 : ERROR_FORMAT);
    if (size > 24 && !whole) {
      assert_non_null(strstr(error.text, "cut off"));
      assert_non_null(strstr(error.text, "trace-")); /* the file's name */
      assert_non_null(strstr(error.text, size < 100 ? "at offset 24" : "at offset 100"));
    }
  }
  free(layout);
}

static void check_refused(const void *bytes, size_t size, const char *wanted)
{
  struct error error;
  uint64_t count;
  assert_int_equal(read_bytes(bytes, size, &count, &error), ERROR_FORMAT);
  if (strstr(error.text, wanted) == NULL)
    fail_msg("\"%s\" does not say \"%s\"", error.text, wanted);
}

static void test_files_that_are_no_traces(void **state)
{
  (void)state;
  check_refused("", 0, "is empty");
  check_refused("snoop\0\0\0\0\0\0\2\0\0\0\4", 16, "snoop");
  check_refused("BZh91AY&SY....", 14, "bzip2");
  check_refused("\xfd"
                "7zXZ\0\0\0",
                8, "xz");
  check_refused("\0\1\2\3\4\5\6\7\0\1\2\3\4\5", 14, "not a trace");
  check_refused("x", 1, "not a trace");
  check_refused("Dear all,\nnothing to see here.\n", 31, "not a trace");
}

static void test_missing_file(void **state)
{
  (void)state;
  struct trace *trace;
  struct error error;
  assert_int_equal(trace_open(&trace, "no-such-file.pcap", NULL, &error), ERROR_IO);
  assert_null(trace);
  assert_non_null(strstr(error.text, "no-such-file.pcap: No such file"));
  assert_int_equal(trace_open(&trace, ".", NULL, &error), ERROR_IO);
}

static void test_damage_in_the_middle(void **state)
{
  (void)state;
  struct layout *layout = make_pcap(4);
  struct error error;
  uint64_t count;
  memset(layout->bytes + 24 + 2 * (16 + FRAME_BYTES) + 8, 0xff, 4);
  assert_int_equal(read_bytes(layout->bytes, layout->size, &count, &error), ERROR_FORMAT);
  assert_int_equal(count, 2);
  assert_non_null(strstr(error.text, "frame 3"));
  assert_non_null(strstr(error.text, "at offset 176"));
  free(layout);
}

/* A record larger than the window makes it grow. */
static void test_large_record(void **state)
{
  (void)state;
  enum { LARGE = 262144 };
  struct layout *layout = make_pcap(1);
  struct layout *header = calloc(1, sizeof *header);
  lay_u32(header, 1);
  lay_u32(header, 0);
  lay_u32(header, LARGE);
  lay_u32(header, LARGE);
  char path[FIXTURE_PATH_BYTES];
  int fd = open_fixture(path);
  uint8_t *large = calloc(1, LARGE);
  memset(large, 0x45, LARGE);
  for (int i = 0; i < 3; i++) {
    struct layout *first = i == 0 ? layout : header;
    assert_int_equal(write(fd, first->bytes, first->size), (ssize_t)first->size);
    if (i > 0)
      assert_int_equal(write(fd, large, LARGE), LARGE);
  }
  close(fd);
  struct trace *trace;
  uint64_t count = 0;
  assert_int_equal(trace_open(&trace, path, NULL, NULL), 0);
  assert_int_equal(count_frames(trace, 64, &count, NULL), 0);
  assert_int_equal(count, 3);
  trace_close(trace);
  unlink(path);
  free(large);
  free(header);
  free(layout);
}

static void check_filter(const char *filter, int wanted_open, uint64_t wanted_frames)
{
  struct layout *layout = make_pcap(30);
  char path[FIXTURE_PATH_BYTES];
  struct trace *trace;
  struct error error;
  struct trace_options options = {.filter = filter};
  write_fixture(path, layout->bytes, layout->size);
  assert_int_equal(trace_open(&trace, path, &options, &error), wanted_open);
  if (wanted_open == 0) {
    uint64_t count = 0;
    struct trace_info info;
    assert_int_equal(count_frames(trace, 8, &count, &error), 0);
    trace_get_info(trace, &info);
    assert_int_equal(count, wanted_frames);
    assert_int_equal(info.frames, 30);
    assert_int_equal(info.filtered_out, 30 - wanted_frames);
    trace_close(trace);
  } else {
    assert_non_null(strstr(error.text, filter));
  }
  unlink(path);
  free(layout);
}

static void test_filter(void **state)
{
  (void)state;
  check_filter("", 0, 30);
  check_filter("tcp", 0, 20);
  check_filter("udp and host 192.0.2.1", 0, 10);
  check_filter("host 192.0.2.9", 0, 0);
  check_filter("tcp and and", ERROR_USAGE, 0);
  check_filter("ether host 2:0:0:0:0:1", ERROR_USAGE, 0); /* raw IP has no Ethernet */
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_frames_in_file_order),
      cmocka_unit_test(test_cut_off_anywhere),
      cmocka_unit_test(test_files_that_are_no_traces),
      cmocka_unit_test(test_missing_file),
      cmocka_unit_test(test_damage_in_the_middle),
      cmocka_unit_test(test_large_record),
      cmocka_unit_test(test_filter),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
