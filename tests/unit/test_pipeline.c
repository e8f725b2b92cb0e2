/* The hand-over between reader and analyzer, with a scripted trace and a recording analyzer in
 * place of the real ones: the linker takes these definitions before it looks into the rooms'
 * libraries. */

#include "analyzer/joint.h"
#include "cli/pipeline.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct trace {
  struct sample_queue *samples; /* NULL, or: behind frame 0, 1, ... comes a sample of that number */
  uint64_t frames;              /* to deliver */
  uint64_t delivered;
  size_t batch; /* at most so many a call */
  bool ended;
  int final;              /* what trace_next() says after the last frame */
  bool wait_for_analyzer; /* a slow pipe: the next frame comes when the one before has been analysed
                           */
  atomic_uint_fast64_t *analysed;
};

struct analyzer {
  atomic_uint_fast64_t analysed;
  uint64_t fail_at; /* frame that gives ERROR_MEMORY, 0 = none */
  unsigned work;    /* loops a packet */
  uint64_t samples;
  bool in_order;
  uint8_t end;
  pthread_t thread;
  bool one_thread;
};

static bool wait_until_analysed(const atomic_uint_fast64_t *analysed, uint64_t wanted)
{
  struct timespec nap = {.tv_nsec = 100000};
  for (int i = 0; i < 100000; i++) {
    if (atomic_load(analysed) >= wanted)
      return true;
    (void)nanosleep(&nap, NULL);
  }
  return false;
}

static void deliver_sample(const struct trace *trace, uint64_t number)
{
  uint8_t bytes[64];
  struct sample_builder builder;
  struct trace_sample sample = {.frames_before = number, .time_ns = (int64_t)number};
  sample_begin(&builder, bytes, sizeof bytes, (uint32_t)number, false);
  assert_true(sample_add(&builder, SAMPLE_NETSTAT, 0, "PAWSEstab=1\n", 12));
  assert_int_equal(sample_open(&sample.records, bytes, builder.bytes_used), SAMPLE_OK);
  sample_queue_take(trace->samples, &sample);
}

int trace_next(struct trace *trace, struct frame *frames, size_t max, struct error *error)
{
  if (trace->wait_for_analyzer && !wait_until_analysed(trace->analysed, trace->delivered))
    return error_set(error, ERROR_IO, "the batch was not handed over");
  size_t count = 0;
  while (count < max && count < trace->batch && trace->delivered < trace->frames) {
    if (trace->samples != NULL)
      deliver_sample(trace, trace->delivered);
    frames[count++] = (struct frame){.number = ++trace->delivered};
  }
  if (count == 0 && trace->samples != NULL && !trace->ended)
    deliver_sample(trace, trace->delivered); /* behind the last frame */
  trace->ended = count == 0;
  if (count == 0 && trace->final < 0)
    return error_set(error, (enum error_code)trace->final, "damaged behind frame %d",
                     (int)trace->delivered);
  return (int)count;
}

void trace_get_info(const struct trace *trace, struct trace_info *info)
{
  *info = (struct trace_info){.bytes_read = trace->delivered, .bytes_total = trace->frames};
}

void packet_decode(const struct frame *frame, struct packet *packet)
{
  *packet = (struct packet){.frame = frame->number};
}

static int see(struct analyzer *analyzer, const struct packet *packet)
{
  uint64_t analysed = atomic_load_explicit(&analyzer->analysed, memory_order_relaxed) + 1;
  if (packet->frame != analysed || packet->end != analyzer->end)
    analyzer->in_order = false;
  if (!pthread_equal(analyzer->thread, pthread_self()))
    analyzer->one_thread = false;
  for (volatile unsigned i = 0; i < analyzer->work; i++) {
  }
  atomic_store(&analyzer->analysed, analysed);
  return packet->frame == analyzer->fail_at ? ERROR_MEMORY : 0;
}

int analyzer_packets(struct analyzer *analyzer, const struct packet *packets, size_t count)
{
  int status = 0;
  for (size_t i = 0; status == 0 && i < count; i++)
    status = see(analyzer, &packets[i]);
  return status;
}

void analyzer_sample(struct analyzer *analyzer, const struct host_sample *sample)
{
  /* between its packets: the numbers say behind which one it belongs */
  if (atomic_load(&analyzer->analysed) != sample->number || sample->end != analyzer->end)
    analyzer->in_order = false;
  analyzer->samples++;
}

int64_t joint_time_ns(const struct joint *joint, uint8_t end, int64_t time_ns)
{
  (void)joint;
  (void)end;
  return time_ns;
}

static struct analyzer fresh_analyzer(void)
{
  struct analyzer analyzer = {
      .end = 3, .in_order = true, .one_thread = true, .thread = pthread_self()};
  atomic_init(&analyzer.analysed, 0);
  return analyzer;
}

/* Every packet arrives, in order, on the calling thread, with its capture point. */
static void check_all_arrive(uint64_t frames, size_t batch, unsigned work, bool single_thread)
{
  struct trace trace = {.frames = frames, .batch = batch};
  struct analyzer analyzer = fresh_analyzer();
  analyzer.work = work;
  struct pipeline_options options = {.single_thread = single_thread};
  struct error error;
  assert_int_equal(pipeline_run(&trace, 3, &analyzer, &options, &error), 0);
  assert_int_equal(atomic_load(&analyzer.analysed), frames);
  assert_true(analyzer.in_order);
  assert_true(analyzer.one_thread);
}

/* So do samples, each where the trace has it. */
static void check_samples(uint64_t frames, size_t batch, bool single_thread)
{
  struct sample_queue queue = {0};
  struct trace trace = {.frames = frames, .batch = batch, .samples = &queue};
  struct analyzer analyzer = fresh_analyzer();
  struct pipeline_options options = {.samples = &queue, .single_thread = single_thread};
  struct error error;
  assert_int_equal(pipeline_run(&trace, 3, &analyzer, &options, &error), 0);
  assert_int_equal(atomic_load(&analyzer.analysed), frames);
  assert_int_equal(analyzer.samples, frames + 1);
  assert_true(analyzer.in_order);
  sample_queue_clear(&queue);
}

static void test_samples(void **state)
{
  (void)state;
  check_samples(0, 256, false);
  check_samples(5000, 256, false);
  check_samples(5000, 7, false);
  check_samples(5000, 256, true);
}

/* More than there is room for: what is kept covers all of the time. */
static void test_sample_queue_full(void **state)
{
  (void)state;
  struct sample_queue queue = {0};
  const struct trace trace = {.samples = &queue};
  for (uint64_t i = 0; i < 100000; i++)
    deliver_sample(&trace, i);
  assert_true(queue.count <= SAMPLE_QUEUE_MAX);
  assert_true(queue.count >= SAMPLE_QUEUE_MAX / 4);
  assert_true(sample_queue_first(&queue)->sample.number < 100);
  assert_int_equal(queue.count + queue.dropped, 100000);
  sample_queue_close(&queue);
  deliver_sample(&trace, 1);
  assert_null(sample_queue_first(&queue));
  sample_queue_clear(&queue);
}

/* An answer that took long to be written down may be as old. */
static void test_late_answers(void **state)
{
  (void)state;
  static const uint32_t delays_ns[] = {1000, 4000000, 30000000, 31000000};
  struct sample_queue queue = {0};
  uint8_t bytes[128];
  struct sample_builder builder;
  struct trace_sample sample = {.time_ns = 5};
  sample_begin(&builder, bytes, sizeof bytes, 0, false);
  for (size_t i = 0; i < sizeof delays_ns / sizeof *delays_ns; i++)
    assert_true(sample_add(&builder, SAMPLE_NETSTAT, delays_ns[i], "PAWSEstab=1\n", 12));
  assert_int_equal(sample_open(&sample.records, bytes, builder.bytes_used), SAMPLE_OK);
  sample_queue_take(&queue, &sample);
  assert_int_equal(queue.count, 3);
  assert_int_equal(sample_queue_first(&queue)->sample.time_ns, 1005);
  assert_int_equal(queue.samples[2].sample.time_ns, 31000005);
  sample_queue_clear(&queue);
}

static void test_empty(void **state)
{
  (void)state;
  check_all_arrive(0, 256, 0, false);
  check_all_arrive(0, 256, 0, true);
}

static void test_reader_slower(void **state)
{
  (void)state;
  check_all_arrive(1, 256, 0, false);
  check_all_arrive(20000, 1, 0, false);
  check_all_arrive(300000, 100, 0, false);
}

static void test_analyzer_slower(void **state)
{
  (void)state;
  check_all_arrive(100000, 1000, 200, false);
  check_all_arrive(100000, 1000, 0, true);
}

/* Each frame is analysed before the next one can be read: nothing waits for a full batch. */
static void test_slow_pipe(void **state)
{
  (void)state;
  struct analyzer analyzer = fresh_analyzer();
  struct trace trace = {
      .frames = 200, .batch = 1, .wait_for_analyzer = true, .analysed = &analyzer.analysed};
  struct error error;
  assert_int_equal(pipeline_run(&trace, 3, &analyzer, NULL, &error), 0);
  assert_int_equal(atomic_load(&analyzer.analysed), 200);
}

/* Damage: what was before it has been analysed, and the reader's words come back. */
static void test_damage(void **state)
{
  (void)state;
  for (int single_thread = 0; single_thread < 2; single_thread++) {
    struct trace trace = {.frames = 5000, .batch = 7, .final = ERROR_FORMAT};
    struct analyzer analyzer = fresh_analyzer();
    struct pipeline_options options = {.single_thread = single_thread != 0};
    struct error error = {0};
    assert_int_equal(pipeline_run(&trace, 3, &analyzer, &options, &error), ERROR_FORMAT);
    assert_int_equal(error.code, ERROR_FORMAT);
    assert_string_equal(error.text, "damaged behind frame 5000");
    assert_int_equal(atomic_load(&analyzer.analysed), 5000);
  }
}

/* An analyzer without memory ends the reading of an endless trace too. */
static void test_analyzer_fails(void **state)
{
  (void)state;
  for (int single_thread = 0; single_thread < 2; single_thread++) {
    struct trace trace = {.frames = UINT64_MAX, .batch = 256};
    struct analyzer analyzer = fresh_analyzer();
    analyzer.fail_at = 12345;
    struct pipeline_options options = {.single_thread = single_thread != 0};
    struct error error = {0};
    assert_int_equal(pipeline_run(&trace, 3, &analyzer, &options, &error), ERROR_MEMORY);
    assert_int_equal(error.code, ERROR_MEMORY);
    assert_int_equal(atomic_load(&analyzer.analysed), 12345);
  }
}

struct progress_record {
  uint64_t last, total, calls;
  bool rising;
};

static void record_progress(void *context, uint64_t bytes_read, uint64_t bytes_total)
{
  struct progress_record *record = context;
  record->rising = record->rising && bytes_read > record->last;
  record->last = bytes_read;
  record->total = bytes_total;
  record->calls++;
}

static void test_progress(void **state)
{
  (void)state;
  struct trace trace = {.frames = 10000, .batch = 100};
  struct analyzer analyzer = fresh_analyzer();
  struct progress_record record = {.rising = true};
  struct pipeline_options options = {.progress = record_progress, .context = &record};
  struct error error;
  assert_int_equal(pipeline_run(&trace, 3, &analyzer, &options, &error), 0);
  assert_int_equal(record.calls, 100);
  assert_int_equal(record.last, 10000);
  assert_int_equal(record.total, 10000);
  assert_true(record.rising);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_empty),
      cmocka_unit_test(test_reader_slower),
      cmocka_unit_test(test_analyzer_slower),
      cmocka_unit_test(test_slow_pipe),
      cmocka_unit_test(test_damage),
      cmocka_unit_test(test_analyzer_fails),
      cmocka_unit_test(test_progress),
      cmocka_unit_test(test_samples),
      cmocka_unit_test(test_sample_queue_full),
      cmocka_unit_test(test_late_answers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
