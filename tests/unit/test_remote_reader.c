#include "capture/remote_reader.h"

#include "tests/unit/trace_fixture.h"
#include "wire/pcapng_writer.h"
#include "wire/sample_format.h"
#include "wire/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define TIME_NS      INT64_C(1700000000123456789)
#define STREAM_BYTES 8192

/* What a reader gave away. */
struct heard {
  uint32_t interfaces, frames, samples, counters, last;
  struct remote_interface interface;
  char name[64];
  struct frame frame;
  uint8_t bytes[16];
  uint64_t dropped;
  size_t sample_bytes;
};

static void hear_interface(void *context, uint32_t index, const struct remote_interface *interface)
{
  struct heard *heard = context;
  assert_int_equal(index, heard->interfaces++);
  heard->interface = *interface;
  snprintf(heard->name, sizeof heard->name, "%s", interface->name);
}

static void hear_frame(void *context, const struct frame *frame)
{
  struct heard *heard = context;
  heard->frames++;
  heard->frame = *frame;
  size_t size =
      frame->captured_bytes < sizeof heard->bytes ? frame->captured_bytes : sizeof heard->bytes;
  if (size > 0)
    memcpy(heard->bytes, frame->bytes, size);
}

static void hear_sample(void *context, uint32_t index, int64_t time_ns, const uint8_t *bytes,
                        size_t size)
{
  struct heard *heard = context;
  struct sample_records records;
  assert_int_equal(index, 0);
  assert_int_equal(time_ns, TIME_NS + 2);
  assert_int_equal(sample_open(&records, bytes, size), SAMPLE_OK);
  heard->samples++;
  heard->sample_bytes = size;
}

static void hear_counters(void *context, uint32_t index, const struct remote_counters *counters)
{
  struct heard *heard = context;
  assert_int_equal(index, 0);
  heard->counters++;
  heard->last += counters->last;
  heard->dropped = counters->dropped;
}

static struct remote_reader *new_reader(struct heard *heard)
{
  const struct remote_sink sink = {heard, hear_interface, hear_frame, hear_sample, hear_counters};
  struct remote_reader *reader;
  memset(heard, 0, sizeof *heard);
  assert_int_equal(remote_reader_new(&reader, &sink, NULL), 0);
  return reader;
}

/* One interface, two frames, a sample, and the last counters. */
static size_t write_stream(uint8_t *out)
{
  struct pcapng_writer *writer;
  struct sample_builder builder;
  uint8_t sample[64];
  const struct pcapng_interface interface = {.name = "tap0",
                                             .description = "A",
                                             .comment = SAMPLE_INTERFACE_COMMENT ": ...",
                                             .linktype = 1,
                                             .snaplen_bytes = 96};
  const struct pcapng_packet first = {.time_ns = TIME_NS,
                                      .bytes = (const uint8_t *)"abcd",
                                      .captured_bytes = 4,
                                      .original_bytes = 60,
                                      .direction = PACKET_DIR_OUT};
  struct pcapng_packet second = first;
  second.time_ns++;
  second.direction = PACKET_DIR_IN;
  sample_begin(&builder, sample, sizeof sample, 0, false);
  sample_add(&builder, SAMPLE_HEADER, 0, "boot_id=x\n", 10);
  const struct pcapng_statistics sampled = {.time_ns = TIME_NS + 2,
                                            .start_ns = TIME_INVALID,
                                            .end_ns = TIME_INVALID,
                                            .received = 2,
                                            .dropped = 0,
                                            .delivered = 2,
                                            .custom = sample,
                                            .custom_bytes = builder.bytes_used,
                                            .custom_pen = SAMPLE_PEN};
  struct pcapng_statistics last = sampled;
  last.end_ns = last.time_ns = TIME_NS + 3;
  last.dropped = 7;
  last.custom_bytes = 0;
  int fd = memfd_create("stream", MFD_CLOEXEC), copy = dup(fd);
  assert_int_equal(pcapng_writer_open(&writer, fd, "test", NULL), 0);
  assert_int_equal(pcapng_writer_interface(writer, &interface, NULL), 0);
  assert_int_equal(pcapng_writer_packet(writer, &first, NULL), 0);
  assert_int_equal(pcapng_writer_packet(writer, &second, NULL), 0);
  assert_int_equal(pcapng_writer_statistics_block(writer, &sampled, NULL), 0);
  assert_int_equal(pcapng_writer_statistics_block(writer, &last, NULL), 0);
  assert_int_equal(pcapng_writer_close(writer, NULL), 0);
  ssize_t size = pread(copy, out, STREAM_BYTES, 0);
  close(copy);
  assert_true(size > 0);
  return (size_t)size;
}

static void check_whole(const struct heard *heard, const struct remote_reader *reader)
{
  assert_int_equal(heard->interfaces, 1);
  assert_string_equal(heard->name, "tap0");
  assert_int_equal(heard->interface.linktype, 1);
  assert_int_equal(heard->interface.snaplen_bytes, 96);
  assert_true(heard->interface.samples_announced);
  assert_int_equal(heard->frames, 2);
  assert_int_equal(heard->frame.time_ns, TIME_NS + 1);
  assert_int_equal(heard->frame.direction, PACKET_DIR_IN);
  assert_int_equal(heard->frame.captured_bytes, 4);
  assert_int_equal(heard->frame.original_bytes, 60);
  assert_memory_equal(heard->bytes, "abcd", 4);
  assert_int_equal(heard->samples, 1);
  assert_int_equal(heard->sample_bytes, SAMPLE_PREAMBLE_BYTES + SAMPLE_RECORD_BYTES + 12);
  assert_int_equal(heard->counters, 2);
  assert_int_equal(heard->last, 1);
  assert_int_equal(heard->dropped, 7);
  assert_string_equal(remote_reader_format(reader), "pcapng");
  assert_int_equal(remote_reader_latest_ns(reader), TIME_NS + 3);
  assert_true(remote_reader_finished(reader));
}

static void test_a_stream_comes_in_pieces(void **state)
{
  (void)state;
  uint8_t bytes[STREAM_BYTES];
  size_t size = write_stream(bytes);
  for (size_t piece = 1; piece < 100; piece++) {
    struct heard heard;
    struct error error;
    struct remote_reader *reader = new_reader(&heard);
    int given = 0;
    for (size_t at = 0; at < size;) {
      size_t length = size - at < piece ? size - at : piece;
      assert_int_equal(remote_reader_feed(reader, bytes + at, length), length);
      at += length;
      int count = remote_reader_deliver(reader, 100, &error);
      assert_true(count >= 0);
      given += count;
    }
    assert_int_equal(given, 4);
    check_whole(&heard, reader);
    remote_reader_end(reader);
    for (int again = 0; again < 2; again++)
      assert_int_equal(remote_reader_deliver(reader, 100, &error), ERROR_IO);
    assert_int_equal(remote_reader_state(reader), REMOTE_ENDED);
    assert_true(remote_reader_finished(reader));
    remote_reader_free(reader);
  }
}

/* Wherever it is cut, what was before counts, and that it was cut is told. */
static void test_a_stream_is_cut(void **state)
{
  (void)state;
  uint8_t bytes[STREAM_BYTES];
  size_t size = write_stream(bytes);
  uint32_t whole_ends = 0;
  for (size_t cut = 0; cut < size; cut++) {
    struct heard heard;
    struct error error;
    struct remote_reader *reader = new_reader(&heard);
    remote_reader_feed(reader, bytes, cut);
    remote_reader_end(reader);
    while (remote_reader_deliver(reader, 1, &error) > 0)
      ;
    assert_true(error.code < 0);
    assert_false(remote_reader_finished(reader));
    whole_ends += remote_reader_state(reader) == REMOTE_ENDED;
    assert_true(heard.frames <= 2);
    remote_reader_free(reader);
  }
  assert_int_equal(whole_ends, 6); /* nothing, and behind each block but the last */
}

static void put_u32(uint8_t *bytes, uint32_t value)
{
  memcpy(bytes, &value, sizeof value);
}

/* tcpdump's header of nanoseconds, and one record. */
static size_t write_pcap(uint8_t *bytes, uint32_t captured, uint32_t original)
{
  memset(bytes, 0, STREAM_BYTES);
  put_u32(bytes, 0xa1b23c4d);
  bytes[4] = 2;
  bytes[6] = 4;
  put_u32(bytes + 16, 262144);
  put_u32(bytes + 20, 1);
  put_u32(bytes + 24, 1700000000);
  put_u32(bytes + 28, 123456789);
  put_u32(bytes + 32, captured);
  put_u32(bytes + 36, original);
  return (size_t)24 + 16 + captured;
}

static void test_tcpdump_is_understood(void **state)
{
  (void)state;
  uint8_t bytes[STREAM_BYTES];
  struct heard heard;
  struct error error;
  size_t size = write_pcap(bytes, 60, 1500);
  struct remote_reader *reader = new_reader(&heard);
  /* The header alone tells that the capture runs. */
  remote_reader_feed(reader, bytes, 24);
  assert_int_equal(remote_reader_deliver(reader, 10, &error), 0);
  assert_int_equal(remote_reader_state(reader), REMOTE_READING);
  assert_int_equal(heard.interfaces, 1);
  remote_reader_feed(reader, bytes + 24, size - 24);
  assert_int_equal(remote_reader_deliver(reader, 10, &error), 1);
  assert_int_equal(heard.frame.time_ns, TIME_NS);
  assert_int_equal(heard.frame.captured_bytes, 60);
  assert_int_equal(heard.frame.original_bytes, 1500);
  assert_string_equal(remote_reader_format(reader), "pcap");
  assert_false(remote_reader_finished(reader));
  remote_reader_free(reader);
}

static void refuse(const uint8_t *bytes, size_t size, const char *what)
{
  struct heard heard;
  struct error error;
  struct remote_reader *reader = new_reader(&heard);
  remote_reader_feed(reader, bytes, size);
  assert_true(remote_reader_deliver(reader, 10, &error) < 0);
  assert_non_null(strstr(error.text, what));
  assert_int_equal(remote_reader_state(reader), REMOTE_DAMAGED);
  remote_reader_free(reader);
}

static void test_what_is_no_capture_is_shown(void **state)
{
  (void)state;
  uint8_t bytes[STREAM_BYTES];
  const char *motd = "Welcome to \033[31mvpn\nhave a nice day\n";
  refuse((const uint8_t *)motd, strlen(motd), "\"Welcome to ?[31mvpn\"");
  write_pcap(bytes, 262145, 262145);
  refuse(bytes, 40, "262145");
  size_t size = write_stream(bytes);
  put_u32(bytes + 4, 0x00100000); /* a section header of a megabyte: possible, but not here */
  refuse(bytes, size, "1048576");
}

/* A block without a time, or with a time that would overflow. */
static void test_impossible_times_are_refused(void **state)
{
  (void)state;
  uint8_t bytes[STREAM_BYTES];
  size_t size = write_stream(bytes);
  uint8_t *packet = memmem(bytes, size, "abcd", 4);
  assert_non_null(packet);
  memset(packet - 16, 0x7f, 8);
  refuse(bytes, size, "time");
}

static int read_pipe(const uint8_t *bytes, size_t size, struct heard *heard, bool *finished,
                     struct error *error)
{
  struct remote_reader *reader = new_reader(heard);
  int ends[2];
  assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  assert_int_equal(remote_reader_read(reader, ends[0], 100, error), 0);
  assert_int_equal(write(ends[1], bytes, size), size);
  while (remote_reader_read(reader, ends[0], 1, error) > 0)
    ;
  close(ends[1]);
  int rc = remote_reader_read(reader, ends[0], 100, error);
  *finished = remote_reader_finished(reader);
  remote_reader_free(reader);
  close(ends[0]);
  return rc;
}

static void test_a_pipe(void **state)
{
  (void)state;
  uint8_t bytes[STREAM_BYTES];
  struct heard heard;
  struct error error;
  bool finished;
  size_t size = write_stream(bytes);
  assert_int_equal(read_pipe(bytes, size, &heard, &finished, &error), ERROR_IO);
  assert_true(finished);
  assert_int_equal(heard.frames, 2);
  assert_int_equal(read_pipe(bytes, size - 4, &heard, &finished, &error), ERROR_FORMAT);
  assert_false(finished);
  assert_int_equal(heard.frames, 2);
  assert_int_equal(read_pipe(bytes, 0, &heard, &finished, &error), ERROR_IO);
  assert_int_equal(read_pipe(bytes, write_pcap(bytes, 60, 60), &heard, &finished, &error),
                   ERROR_IO);
  assert_int_equal(heard.frames, 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_stream_comes_in_pieces),
      cmocka_unit_test(test_a_stream_is_cut),
      cmocka_unit_test(test_tcpdump_is_understood),
      cmocka_unit_test(test_what_is_no_capture_is_shown),
      cmocka_unit_test(test_impossible_times_are_refused),
      cmocka_unit_test(test_a_pipe),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
