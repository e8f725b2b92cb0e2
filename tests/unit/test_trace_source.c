/* Where the bytes of a trace come from: compressed files, pipes that still grow, the stop flag. */
#include "capture/trace.h"

#include "tests/unit/trace_fixture.h"
#include "wire/timestamp.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <zlib.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#define RECORD_BYTES 76
#define RECORDS      500
#define PCAP_BYTES   (24 + RECORDS * RECORD_BYTES)

static struct layout *make_pcap(void)
{
  struct layout *layout = new_pcap_layout();
  for (uint32_t i = 0; i < RECORDS; i++) {
    lay_record_header(layout, i, RECORD_BYTES - 16);
    lay_number(layout, i * UINT64_C(0x9e3779b97f4a7c15),
               8); /* so that it does not compress to nothing */
    lay_fill(layout, 0, RECORD_BYTES - 24);
  }
  assert_int_equal(layout->size, PCAP_BYTES);
  return layout;
}

static size_t gzip_member(uint8_t *to, size_t room, const uint8_t *from, size_t size)
{
  z_stream stream = {0};
  assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
                   Z_OK);
  stream.next_in = (z_const Bytef *)(uintptr_t)from;
  stream.avail_in = (unsigned)size;
  stream.next_out = to;
  stream.avail_out = (unsigned)room;
  assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
  deflateEnd(&stream);
  return (size_t)(stream.next_out - to);
}

struct result {
  int rc;
  uint64_t frames;
  char compression[8];
  struct error error;
};

static struct result read_path(const char *path)
{
  struct result result = {0};
  struct trace *trace;
  struct frame frames[16];
  result.rc = trace_open(&trace, path, NULL, &result.error);
  if (result.rc != 0)
    return result;
  while ((result.rc = trace_next(trace, frames, 16, &result.error)) > 0)
    result.frames += (uint64_t)result.rc;
  struct trace_info info;
  trace_get_info(trace, &info);
  strcpy(result.compression, info.compression);
  trace_close(trace);
  return result;
}

static struct result read_bytes(const uint8_t *bytes, size_t size)
{
  char path[FIXTURE_PATH_BYTES];
  write_fixture(path, bytes, size);
  struct result result = read_path(path);
  unlink(path);
  return result;
}

static void test_gzip(void **state)
{
  (void)state;
  struct layout *plain = make_pcap();
  static uint8_t packed[2 * PCAP_BYTES];
  size_t size = gzip_member(packed, sizeof packed, plain->bytes, plain->size);
  struct result result = read_bytes(packed, size);
  assert_int_equal(result.rc, 0);
  assert_int_equal(result.frames, RECORDS);
  assert_string_equal(result.compression, "gzip");

  /* cut anywhere: what could be read is delivered, and the cut is reported */
  for (size_t cut = 20; cut < size; cut += size / 37) {
    result = read_bytes(packed, cut);
    assert_int_equal(result.rc, ERROR_FORMAT);
    assert_true(result.frames <= RECORDS);
    assert_true(cut < size / 2 || result.frames > RECORDS / 3);
    assert_non_null(strstr(result.error.text, "cut off"));
  }

  /* a flipped bit */
  packed[size / 2] ^= 0x10;
  result = read_bytes(packed, size);
  assert_int_equal(result.rc, ERROR_FORMAT);
  assert_true(result.frames <= RECORDS);
  free(plain);
}

static void test_gzip_members_in_a_row(void **state)
{
  (void)state;
  static const size_t splits[] = {1, 24, 30, 5000, PCAP_BYTES - 1};
  static uint8_t packed[3 * PCAP_BYTES];
  struct layout *plain = make_pcap();
  for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
    size_t size = gzip_member(packed, sizeof packed, plain->bytes, splits[i]);
    size += gzip_member(packed + size, sizeof packed - size, NULL, 0);
    size += gzip_member(packed + size, sizeof packed - size, plain->bytes + splits[i],
                        plain->size - splits[i]);
    struct result result = read_bytes(packed, size);
    assert_int_equal(result.rc, 0);
    assert_int_equal(result.frames, RECORDS);
    memset(packed + size, 0, 100); /* as tape blocks are filled up */
    result = read_bytes(packed, size + 100);
    assert_int_equal(result.rc, 0);
    assert_int_equal(result.frames, RECORDS);
  }
  free(plain);
}

static void test_zstd(void **state)
{
  (void)state;
#ifdef HAVE_ZSTD
  struct layout *plain = make_pcap();
  static uint8_t packed[2 * PCAP_BYTES];
  size_t half = plain->size / 2;
  size_t size = ZSTD_compress(packed, sizeof packed, plain->bytes, half, 3);
  assert_false(ZSTD_isError(size));
  struct result result = read_bytes(packed, size);
  assert_int_equal(result.rc, ERROR_FORMAT); /* the first half ends within a record */
  size_t more = ZSTD_compress(packed + size, sizeof packed - size, plain->bytes + half,
                              plain->size - half, 3);
  assert_false(ZSTD_isError(more));
  size += more;
  result = read_bytes(packed, size);
  assert_int_equal(result.rc, 0);
  assert_int_equal(result.frames, RECORDS);
  assert_string_equal(result.compression, "zstd");
  result = read_bytes(packed, size - 10);
  assert_int_equal(result.rc, ERROR_FORMAT);
  assert_non_null(strstr(result.error.text, "zstd"));
  free(plain);
#else
  skip();
#endif
}

static void sleep_ms(long ms)
{
  nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static int64_t now_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void make_fifo(char path[FIXTURE_PATH_BYTES])
{
  close(open_fixture(path));
  unlink(path);
  assert_int_equal(mkfifo(path, 0600), 0);
}

/* Writes what it is told, piece by piece, when it is told. */
struct writer {
  const char *path;
  const uint8_t *bytes;
  size_t steps[8]; /* sizes; 0 ends */
  long pause_ms;
};

static void *run_writer(void *argument)
{
  const struct writer *writer = argument;
  const uint8_t *bytes = writer->bytes;
  sleep_ms(writer->pause_ms);
  int fd = open(writer->path, O_WRONLY | O_CLOEXEC);
  for (size_t i = 0; fd >= 0 && writer->steps[i] != 0; i++) {
    if (write(fd, bytes, writer->steps[i]) < 0)
      break;
    bytes += writer->steps[i];
    sleep_ms(writer->pause_ms);
  }
  if (fd >= 0)
    close(fd);
  return NULL;
}

/* Whatever a step completes must come out before the next step is written: nothing waits for a full
 * batch. */
static void test_pipe_that_grows(void **state)
{
  (void)state;
  static const size_t steps[] = {24 + RECORD_BYTES + 10, RECORD_BYTES, RECORD_BYTES - 10};
  struct layout *plain = make_pcap();
  const uint8_t *next = plain->bytes;
  char path[FIXTURE_PATH_BYTES];
  make_fifo(path);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  assert_true(fd >= 0);
  struct trace *trace = NULL;
  struct frame frames[16];
  struct error error;
  for (uint64_t i = 0; i < 3; i++) {
    assert_int_equal(write(fd, next, steps[i]), (ssize_t)steps[i]);
    next += steps[i];
    if (trace == NULL)
      assert_int_equal(trace_open(&trace, path, NULL, &error), 0);
    assert_int_equal(trace_next(trace, frames, 16, &error), 1);
    assert_int_equal(frames[0].number, i + 1);
  }
  assert_int_equal(write(fd, next, 5), 5);
  close(fd);
  assert_int_equal(trace_next(trace, frames, 16, &error), ERROR_FORMAT);
  assert_non_null(strstr(error.text, "5 of 16 bytes"));
  trace_close(trace);
  unlink(path);
  free(plain);
}

static volatile int stop_flag;

static void *set_stop_flag(void *argument)
{
  (void)argument;
  sleep_ms(150);
  stop_flag = 1;
  return NULL;
}

#define STOP_PATIENCE_NS                                                                           \
  (INT64_C(5000) * NS_PER_MS) /* 100 ms by contract, and a loaded machine                          \
                               */

static void test_stop_while_waiting_for_a_writer(void **state)
{
  (void)state;
  char path[FIXTURE_PATH_BYTES];
  struct trace *trace;
  struct error error;
  pthread_t thread;
  make_fifo(path);
  stop_flag = 0;
  pthread_create(&thread, NULL, set_stop_flag, NULL);
  int64_t start = now_ns();
  struct trace_options options = {.stop = &stop_flag};
  assert_int_equal(trace_open(&trace, path, &options, &error), ERROR_FORMAT);
  assert_non_null(strstr(error.text, "interrupted"));
  assert_true(now_ns() - start < STOP_PATIENCE_NS);
  pthread_join(thread, NULL);
  unlink(path);
}

static void test_stop_while_waiting_for_frames(void **state)
{
  (void)state;
  struct layout *plain = make_pcap();
  char path[FIXTURE_PATH_BYTES];
  make_fifo(path);
  int keeper = open(path, O_RDWR | O_CLOEXEC); /* a writer that stays */
  assert_int_equal(write(keeper, plain->bytes, 24 + RECORD_BYTES + 5), 24 + RECORD_BYTES + 5);
  struct trace *trace;
  struct frame frames[16];
  struct error error;
  stop_flag = 0;
  struct trace_options options = {.stop = &stop_flag};
  assert_int_equal(trace_open(&trace, path, &options, &error), 0);
  assert_int_equal(trace_next(trace, frames, 16, &error), 1);
  pthread_t thread;
  pthread_create(&thread, NULL, set_stop_flag, NULL);
  int64_t start = now_ns();
  assert_int_equal(trace_next(trace, frames, 16, &error),
                   0); /* and no complaint about half a record */
  assert_true(now_ns() - start < STOP_PATIENCE_NS);
  assert_int_equal(trace_next(trace, frames, 16, &error), 0);
  trace_close(trace);
  pthread_join(thread, NULL);
  close(keeper);
  unlink(path);
  free(plain);
}

/* The writer comes late and in small pieces. */
static void test_slow_header(void **state)
{
  (void)state;
  struct layout *plain = make_pcap();
  char path[FIXTURE_PATH_BYTES];
  make_fifo(path);
  struct writer writer = {
      .path = path, .bytes = plain->bytes, .steps = {3, 10, 11, RECORD_BYTES}, .pause_ms = 20};
  pthread_t thread;
  pthread_create(&thread, NULL, run_writer, &writer);
  struct result result = read_path(path);
  assert_int_equal(result.rc, 0);
  assert_int_equal(result.frames, 1);
  pthread_join(thread, NULL);
  unlink(path);
  free(plain);
}

static void test_compressed_pipe(void **state)
{
  (void)state;
  struct layout *plain = make_pcap();
  static uint8_t packed[2 * PCAP_BYTES];
  size_t size = gzip_member(packed, sizeof packed, plain->bytes, plain->size);
  char path[FIXTURE_PATH_BYTES];
  make_fifo(path);
  struct writer writer = {
      .path = path, .bytes = packed, .steps = {1, 1, 1, 1000, size - 1003}, .pause_ms = 20};
  pthread_t thread;
  pthread_create(&thread, NULL, run_writer, &writer);
  struct result result = read_path(path);
  assert_int_equal(result.rc, 0);
  assert_int_equal(result.frames, RECORDS);
  pthread_join(thread, NULL);
  unlink(path);
  free(plain);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gzip),
      cmocka_unit_test(test_gzip_members_in_a_row),
      cmocka_unit_test(test_zstd),
      cmocka_unit_test(test_pipe_that_grows),
      cmocka_unit_test(test_stop_while_waiting_for_a_writer),
      cmocka_unit_test(test_stop_while_waiting_for_frames),
      cmocka_unit_test(test_slow_header),
      cmocka_unit_test(test_compressed_pipe),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
