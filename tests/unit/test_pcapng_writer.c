#include "wire/pcapng_writer.h"

#include "capture/trace.h"
#include "tests/unit/trace_fixture.h"
#include "wire/sample_format.h"
#include "wire/timestamp.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define TIME_NS INT64_C(1700000000123456789)

static void write_interfaces(struct pcapng_writer *writer)
{
  struct pcapng_interface ethernet = {.name = "tap0",
                                      .description = "captured on: left",
                                      .filter = "tcp",
                                      .linktype = 1,
                                      .snaplen_bytes = 96};
  struct pcapng_interface raw = {.linktype = 101};
  assert_int_equal(pcapng_writer_interface(writer, &ethernet, NULL), 0);
  assert_int_equal(pcapng_writer_interface(writer, &raw, NULL), 1);
}

static void write_packets(struct pcapng_writer *writer)
{
  static const uint8_t bytes[5] = {1, 2, 3, 4, 5};
  const char *comments[] = {"first", "second: \xc3\xa4"};
  struct pcapng_packet packet = {.interface = 0,
                                 .time_ns = TIME_NS,
                                 .bytes = bytes,
                                 .captured_bytes = 5,
                                 .original_bytes = 1500,
                                 .direction = PACKET_DIR_OUT,
                                 .packet_id = 7,
                                 .comments = comments,
                                 .comment_count = 2};
  assert_int_equal(pcapng_writer_packet(writer, &packet, NULL), 0);
  struct pcapng_packet bare = {.interface = 1,
                               .time_ns = TIME_NS + 1,
                               .bytes = bytes,
                               .captured_bytes = 4,
                               .original_bytes = 4};
  assert_int_equal(pcapng_writer_packet(writer, &bare, NULL), 0);
}

static void write_example(int fd)
{
  struct pcapng_writer *writer;
  struct ip_address v4 = {{[10] = 0xff, 0xff, 192, 0, 2, 1}}, v6 = {{0x20, 0x01, 0x0d, 0xb8}};
  assert_int_equal(pcapng_writer_open(&writer, fd, "test", NULL), 0);
  write_interfaces(writer);
  assert_int_equal(pcapng_writer_name(writer, &v4, 4, "sender.example", NULL), 0);
  assert_int_equal(pcapng_writer_name(writer, &v6, 6, "receiver.example", NULL), 0);
  write_packets(writer);
  assert_int_equal(pcapng_writer_statistics(writer, 0, TIME_NS, 10, 3, NULL), 0);
  assert_int_equal(pcapng_writer_statistics(writer, 1, TIME_NS, UINT64_MAX, UINT64_MAX, NULL), 0);
  assert_int_equal(pcapng_writer_close(writer, NULL), 0);
}

static void check_frames(struct trace *trace)
{
  struct frame frames[8];
  assert_int_equal(trace_next(trace, frames, 8, NULL), 2);
  assert_int_equal(frames[0].time_ns, TIME_NS);
  assert_int_equal(frames[0].linktype, 1);
  assert_int_equal(frames[0].direction, PACKET_DIR_OUT);
  assert_int_equal(frames[0].captured_bytes, 5);
  assert_int_equal(frames[0].original_bytes, 1500);
  assert_memory_equal(frames[0].bytes, "\1\2\3\4\5", 5);
  assert_int_equal(frames[1].time_ns, TIME_NS + 1);
  assert_int_equal(frames[1].linktype, 101);
  assert_int_equal(frames[1].interface, 1);
  assert_int_equal(frames[1].direction, PACKET_DIR_UNKNOWN);
  assert_int_equal(trace_next(trace, frames, 8, NULL), 0);
}

static void test_what_is_written_is_read(void **state)
{
  (void)state;
  char path[FIXTURE_PATH_BYTES];
  struct trace *trace;
  write_example(open_fixture(path));
  assert_int_equal(trace_open(&trace, path, NULL, NULL), 0);
  check_frames(trace);
  struct trace_interface interface;
  trace_get_interface(trace, 0, &interface);
  assert_string_equal(interface.name, "tap0");
  assert_string_equal(interface.description, "captured on: left");
  assert_int_equal(interface.snaplen_bytes, 96);
  assert_true(interface.has_dropped);
  assert_int_equal(interface.dropped, 3);
  trace_get_interface(trace, 1, &interface);
  assert_false(interface.has_dropped);
  struct trace_info info;
  trace_get_info(trace, &info);
  assert_string_equal(info.captured_on, "left");
  struct ip_address address;
  assert_true(trace_host_address(trace, "receiver.example", &address));
  assert_int_equal(address.bytes[1], 0x01);
  assert_string_equal(trace_host_name(trace, &address), "receiver.example");
  trace_close(trace);
  unlink(path);
}

/* The other reader that matters. */
static void test_wireshark_reads_it(void **state)
{
  (void)state;
  static const char wanted[] = "1,tap0,1700000000.123456789,1500,first;second: \xc3\xa4\n"
                               "2,,1700000000.123456790,4,\n";
  char path[FIXTURE_PATH_BYTES], command[256], got[sizeof wanted + 64] = "";
  if (system("command -v tshark > /dev/null 2>&1") != 0)
    skip();
  write_example(open_fixture(path));
  snprintf(
      command, sizeof command,
      "tshark -r %s -T fields -E separator=, -E 'aggregator=;' -e frame.number "
      "-e frame.interface_name -e frame.time_epoch -e frame.len -e frame.comment 2> tshark.err",
      path);
  FILE *output = popen(command, "r");
  assert_non_null(output);
  size_t size = fread(got, 1, sizeof got - 1, output);
  assert_int_equal(pclose(output), 0);
  got[size] = '\0';
  char *unknown =
      strstr(got, "2,unknown,"); /* what tshark prints for an interface without a name */
  if (unknown != NULL)
    memmove(unknown + 2, unknown + 9, strlen(unknown + 9) + 1);
  assert_string_equal(got, wanted);
  unlink("tshark.err");
  unlink(path);
}

static void test_large_blocks_pass_the_buffer(void **state)
{
  (void)state;
  enum { SIZE = 200000, COUNT = 5 };
  char path[FIXTURE_PATH_BYTES];
  uint8_t *bytes = calloc(1, SIZE);
  struct pcapng_writer *writer;
  struct pcapng_interface interface = {.linktype = 1};
  assert_int_equal(pcapng_writer_open(&writer, open_fixture(path), NULL, NULL), 0);
  assert_int_equal(pcapng_writer_interface(writer, &interface, NULL), 0);
  for (uint32_t i = 0; i < COUNT; i++) {
    uint32_t size = i % 2 == 0 ? SIZE : 1;
    bytes[0] = (uint8_t)i;
    struct pcapng_packet packet = {.bytes = bytes, .captured_bytes = size, .original_bytes = size};
    assert_int_equal(pcapng_writer_packet(writer, &packet, NULL), 0);
  }
  assert_int_equal(pcapng_writer_close(writer, NULL), 0);
  free(bytes);

  struct trace *trace;
  struct frame frame;
  assert_int_equal(trace_open(&trace, path, NULL, NULL), 0);
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_int_equal(trace_next(trace, &frame, 1, NULL), 1);
    assert_int_equal(frame.captured_bytes, i % 2 == 0 ? SIZE : 1);
    assert_int_equal(frame.bytes[0], i);
  }
  assert_int_equal(trace_next(trace, &frame, 1, NULL), 0);
  trace_close(trace);
  unlink(path);
}

static void test_mistakes_are_reported(void **state)
{
  (void)state;
  char path[FIXTURE_PATH_BYTES];
  struct pcapng_writer *writer;
  struct error error = {0};
  struct pcapng_packet packet = {.bytes = (const uint8_t *)""};
  assert_int_equal(pcapng_writer_open(&writer, open_fixture(path), "test", &error), 0);
  assert_int_equal(pcapng_writer_packet(writer, &packet, &error), ERROR_USAGE);
  assert_int_equal(pcapng_writer_close(writer, &error), 0);
  unlink(path);
}

/* A full disk shows at the latest when the file is closed. */
static void test_full_disk(void **state)
{
  (void)state;
  struct pcapng_writer *writer;
  struct error error = {0};
  FILE *full = fopen("/dev/full", "w");
  if (full == NULL)
    skip();
  int fd = dup(fileno(full));
  fclose(full);
  assert_int_equal(pcapng_writer_open(&writer, fd, "test", &error), ERROR_IO);
  assert_null(writer);
  assert_non_null(strstr(error.text, "No space left"));
}

/* A file that must not grow beyond that, for the length of one flush. */
static int flush_into(struct pcapng_writer *writer, size_t room_bytes)
{
  struct rlimit before, limit;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  limit = (struct rlimit){room_bytes, before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  int rc = pcapng_writer_flush(writer, NULL);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  return rc;
}

/* As many blocks stay as there is room for, and no part of one. */
static void test_disk_that_gets_full(void **state)
{
  (void)state;
  enum { ROOM_BYTES = 20000, PACKETS = 30, PACKET_BYTES = 1000, BLOCK_BYTES = 32 + PACKET_BYTES };
  static const uint8_t bytes[PACKET_BYTES];
  const struct pcapng_packet packet = {
      .bytes = bytes, .captured_bytes = PACKET_BYTES, .original_bytes = PACKET_BYTES};
  char path[FIXTURE_PATH_BYTES];
  struct pcapng_writer *writer;
  struct stat file;
  assert_int_equal(pcapng_writer_open(&writer, open_fixture(path), "test", NULL), 0);
  write_interfaces(writer);
  const uint64_t header_bytes = pcapng_writer_bytes(writer);
  for (int i = 0; i < PACKETS; i++)
    assert_int_equal(pcapng_writer_packet(writer, &packet, NULL), 0);
  assert_int_equal(pcapng_writer_bytes(writer), header_bytes + PACKETS * BLOCK_BYTES);
  assert_int_equal(flush_into(writer, ROOM_BYTES), ERROR_IO);
  assert_int_equal(stat(path, &file), 0);
  assert_int_equal(file.st_size,
                   header_bytes + (ROOM_BYTES - header_bytes) / BLOCK_BYTES * BLOCK_BYTES);
  assert_int_equal(pcapng_writer_flushed_bytes(writer), file.st_size);
  assert_int_equal(pcapng_writer_close(writer, NULL), 0);
  unlink(path);
}

/* A recorder's word about a time in which it captured nothing. */
static void test_gaps_are_told(void **state)
{
  (void)state;
  char path[FIXTURE_PATH_BYTES];
  struct pcapng_writer *writer;
  struct trace *trace;
  struct trace_interface interface;
  struct frame frame;
  const struct pcapng_statistics statistics = {.time_ns = TIME_NS,
                                               .start_ns = TIME_INVALID,
                                               .end_ns = TIME_INVALID,
                                               .received = UINT64_MAX,
                                               .dropped = UINT64_MAX,
                                               .delivered = UINT64_MAX,
                                               .comment = SAMPLE_GAP_COMMENT
                                               "tap0 was away for 2.500 s: nothing is known"};
  assert_int_equal(pcapng_writer_open(&writer, open_fixture(path), "test", NULL), 0);
  write_interfaces(writer);
  assert_int_equal(pcapng_writer_statistics_block(writer, &statistics, NULL), 0);
  assert_int_equal(pcapng_writer_statistics_block(writer, &statistics, NULL), 0);
  assert_int_equal(pcapng_writer_close(writer, NULL), 0);
  assert_int_equal(trace_open(&trace, path, NULL, NULL), 0);
  assert_int_equal(trace_next(trace, &frame, 1, NULL), 0);
  trace_get_interface(trace, 0, &interface);
  assert_int_equal(interface.gaps, 2);
  assert_string_equal(interface.gap, "tap0 was away for 2.500 s: nothing is known");
  trace_get_interface(trace, 1, &interface);
  assert_int_equal(interface.gaps, 0);
  assert_string_equal(interface.gap, "");
  trace_close(trace);
  unlink(path);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gaps_are_told),
      cmocka_unit_test(test_what_is_written_is_read),
      cmocka_unit_test(test_wireshark_reads_it),
      cmocka_unit_test(test_large_blocks_pass_the_buffer),
      cmocka_unit_test(test_mistakes_are_reported),
      cmocka_unit_test(test_full_disk),
      cmocka_unit_test(test_disk_that_gets_full),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
