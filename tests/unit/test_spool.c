/* What a trace takes from a pipe is kept, and can be read again, by any number of traces at once.
 */

#include "capture/spool.h"
#include "capture/trace.h"

#include "tests/unit/trace_fixture.h"

#include <fcntl.h>
#include <unistd.h>

#define RECORDS 500u

/* A pcap of empty frames of 60 bytes, one second apart. */
static struct layout *make_pcap(void)
{
  struct layout *layout = new_pcap_layout();
  for (uint32_t i = 0; i < RECORDS; i++) {
    lay_record_header(layout, i, 60);
    lay_fill(layout, 0xff, 60);
  }
  return layout;
}

static uint64_t count_frames(struct trace *trace, struct error *error)
{
  struct frame frames[16];
  uint64_t total = 0;
  int count;
  while ((count = trace_next(trace, frames, 16, error)) > 0)
    total += (uint64_t)count;
  return total;
}

/* Reads a pipe that holds the layout, with a copy of at most max_bytes; returns the frames. */
static uint64_t read_pipe(const struct layout *layout, struct spool *spool, struct error *error)
{
  int ends[2];
  char path[32];
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  (void)fcntl(ends[1], F_SETPIPE_SZ, (int)layout->size + 1);
  assert_int_equal(write(ends[1], layout->bytes, layout->size), (ssize_t)layout->size);
  close(ends[1]);
  snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
  struct trace *trace;
  const struct trace_options options = {.spool = spool};
  assert_int_equal(trace_open(&trace, path, &options, error), 0);
  const uint64_t total = count_frames(trace, error);
  trace_close(trace);
  close(ends[0]);
  return total;
}

static void test_second_reading(void **state)
{
  (void)state;
  struct layout *layout = make_pcap();
  struct spool *spool;
  struct error error = {.code = ERROR_NONE};
  assert_int_equal(spool_new(&spool, UINT64_MAX, &error), 0);
  assert_int_equal(read_pipe(layout, spool, &error), RECORDS);
  const struct trace_options options = {.fd = spool_fd(spool)};
  struct trace *one, *other;
  assert_int_equal(trace_open(&one, "the pipe", &options, &error), 0);
  assert_int_equal(trace_open(&other, "the pipe", &options, &error), 0);
  assert_int_equal(count_frames(one, &error), RECORDS);
  assert_int_equal(count_frames(other, &error), RECORDS);
  struct trace_info info;
  trace_get_info(other, &info);
  assert_int_equal(info.bytes_total, layout->size);
  trace_close(one);
  trace_close(other);
  spool_free(spool);
  free(layout);
}

/* The limit ends the reading with a word; both readings then see the same. */
static void test_limit(void **state)
{
  (void)state;
  struct layout *layout = make_pcap();
  struct spool *spool;
  struct error error = {.code = ERROR_NONE};
  assert_int_equal(spool_new(&spool, 0, &error), 0);
  uint8_t byte = 0;
  assert_int_equal(spool_append(spool, &byte, 1, &error), ERROR_LIMIT);
  assert_non_null(strstr(error.text, "--spool-max"));
  spool_free(spool);
  free(layout);
}

static void test_no_place(void **state)
{
  (void)state;
  struct spool *spool;
  struct error error = {.code = ERROR_NONE};
  const char *before = getenv("TMPDIR");
  char *kept = before != NULL ? strdup(before) : NULL;
  assert_int_equal(setenv("TMPDIR", "/dev/null", 1), 0);
  assert_int_equal(spool_new(&spool, 1, &error), ERROR_IO);
  assert_null(spool);
  assert_non_null(strstr(error.text, "TMPDIR"));
  if (kept != NULL)
    setenv("TMPDIR", kept, 1);
  else
    unsetenv("TMPDIR");
  free(kept);
}

/* A look at the next frame does not take it; damage waits as well. */
static void test_peek(void **state)
{
  (void)state;
  struct layout *layout = make_pcap();
  struct error error = {.code = ERROR_NONE};
  char path[FIXTURE_PATH_BYTES];
  layout->size -= 30;
  write_fixture(path, layout->bytes, layout->size);
  struct trace *trace;
  assert_int_equal(trace_open(&trace, path, NULL, &error), 0);
  trace_peek(trace);
  trace_peek(trace);
  assert_int_equal(count_frames(trace, &error), RECORDS - 1);
  assert_int_equal(error.code, ERROR_FORMAT);
  trace_peek(trace);
  assert_int_equal(count_frames(trace, &error), 0);
  trace_close(trace);
  unlink(path);
  free(layout);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_second_reading),
      cmocka_unit_test(test_limit),
      cmocka_unit_test(test_no_place),
      cmocka_unit_test(test_peek),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
