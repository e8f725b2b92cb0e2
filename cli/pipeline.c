#include "cli/pipeline.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The ring. Positions only grow; batch number n lives in slot n % SLOTS. The reader owns the slots
 * written .. consumed + SLOTS - 1, the analysing side owns consumed .. written - 1. `written` is
 * stored by the reader alone and `consumed` by the other side alone, each on its own cache line;
 * the store of a position hands over the slots below it, so a slot needs no lock.
 *
 * Sleeping follows Dekker: the sleeper raises its flag and then looks at the position again, the
 * other side stores its position and then looks at the flag, all sequentially consistent, so one of
 * them sees the other. The mutex only closes the gap between that look and pthread_cond_wait().
 *
 * The reader is woken when half of the ring is free again rather than at each slot: where analysis
 * is the slower half, that is one system call in SLOTS / 2 batches. The analysing side is woken at
 * each batch, because the reader cannot know whether its next read will block; a short spin first
 * saves the system call where the reader is about to deliver. */
#define SLOTS         8
#define BATCH_PACKETS 256  /* 8 * 256 * 160 bytes: the ring stays inside a second-level cache */
#define SPINS         2000 /* some tens of microseconds; then sleep */
#define CACHE_LINE    64

struct batch {
  uint64_t bytes_read, bytes_total; /* of the file, behind this batch */
  size_t count;
  struct packet packets[BATCH_PACKETS];
};

struct sleeper {
  atomic_bool asleep;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
};

struct pipeline {
  _Alignas(CACHE_LINE) atomic_size_t written;
  atomic_bool finished; /* the reader delivers nothing more; stored behind the last `written` */
  _Alignas(CACHE_LINE) atomic_size_t consumed;
  atomic_bool abandoned; /* the analysing side takes nothing more */
  _Alignas(CACHE_LINE) struct sleeper reader;
  _Alignas(CACHE_LINE) struct sleeper analysing;
  struct trace *trace;
  uint8_t end;
  unsigned spins;
  int status; /* the reader's; read by the other side after the join */
  struct error error;
  struct frame frames[BATCH_PACKETS];
  struct batch batches[SLOTS];
};

static void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void sleeper_init(struct sleeper *sleeper)
{
  atomic_init(&sleeper->asleep, false);
  (void)pthread_mutex_init(&sleeper->mutex, NULL);
  (void)pthread_cond_init(&sleeper->wake, NULL);
}

static void sleeper_destroy(struct sleeper *sleeper)
{
  (void)pthread_cond_destroy(&sleeper->wake);
  (void)pthread_mutex_destroy(&sleeper->mutex);
}

static void sleeper_wake(struct sleeper *sleeper)
{
  if (!atomic_load(&sleeper->asleep))
    return;
  (void)pthread_mutex_lock(&sleeper->mutex);
  (void)pthread_cond_signal(&sleeper->wake);
  (void)pthread_mutex_unlock(&sleeper->mutex);
}

/* Returns when ready(pipeline) is true. */
static void sleeper_wait(struct sleeper *sleeper, bool (*ready)(const struct pipeline *),
                         const struct pipeline *pipeline)
{
  (void)pthread_mutex_lock(&sleeper->mutex);
  atomic_store(&sleeper->asleep, true);
  while (!ready(pipeline))
    (void)pthread_cond_wait(&sleeper->wake, &sleeper->mutex);
  atomic_store(&sleeper->asleep, false);
  (void)pthread_mutex_unlock(&sleeper->mutex);
}

static size_t filled(const struct pipeline *pipeline)
{
  return atomic_load(&pipeline->written) - atomic_load(&pipeline->consumed);
}

static bool slot_is_free(const struct pipeline *pipeline)
{
  return filled(pipeline) < SLOTS || atomic_load(&pipeline->abandoned);
}

static bool half_is_free(const struct pipeline *pipeline)
{
  return filled(pipeline) <= SLOTS / 2 || atomic_load(&pipeline->abandoned);
}

static bool batch_is_there(const struct pipeline *pipeline)
{
  /* `finished` first: what was written before it was raised is then seen as well. */
  return atomic_load(&pipeline->finished) || filled(pipeline) > 0;
}

/* Reads and decodes one batch. Returns trace_next()'s result. */
static int read_batch(struct trace *trace, uint8_t end, struct frame *frames, struct batch *batch,
                      struct error *error)
{
  int count = trace_next(trace, frames, BATCH_PACKETS, error);
  if (count <= 0)
    return count;
  for (int i = 0; i < count; i++) {
    packet_decode(&frames[i], &batch->packets[i]);
    batch->packets[i].end = end;
  }
  batch->count = (size_t)count;
  struct trace_info info;
  trace_get_info(trace, &info);
  batch->bytes_read = info.bytes_read;
  batch->bytes_total = info.bytes_total;
  return count;
}

static void *reader_main(void *argument)
{
  struct pipeline *pipeline = argument;
  size_t written = 0;

  for (;;) {
    if (!slot_is_free(pipeline))
      sleeper_wait(&pipeline->reader, half_is_free, pipeline);
    if (atomic_load(&pipeline->abandoned))
      break;
    int count = read_batch(pipeline->trace, pipeline->end, pipeline->frames,
                           &pipeline->batches[written % SLOTS], &pipeline->error);
    if (count <= 0) {
      pipeline->status = count;
      break;
    }
    atomic_store(&pipeline->written, ++written);
    sleeper_wake(&pipeline->analysing);
  }
  atomic_store(&pipeline->finished, true);
  sleeper_wake(&pipeline->analysing);
  return NULL;
}

static int analyse_batch(struct analyzer *analyzer, const struct batch *batch,
                         const struct pipeline_options *options)
{
  int status = analyzer_packets(analyzer, batch->packets, batch->count);
  if (status != 0)
    return status;
  if (options->progress)
    options->progress(options->context, batch->bytes_read, batch->bytes_total);
  return 0;
}

/* Waits for the next batch: false if there is none and will be none. */
static bool wait_for_batch(struct pipeline *pipeline)
{
  for (unsigned i = 0; i < pipeline->spins && !batch_is_there(pipeline); i++)
    cpu_relax();
  if (!batch_is_there(pipeline))
    sleeper_wait(&pipeline->analysing, batch_is_there, pipeline);
  return filled(pipeline) > 0;
}

static int analyse_all(struct pipeline *pipeline, struct analyzer *analyzer,
                       const struct pipeline_options *options)
{
  size_t consumed = 0;
  int status = 0;

  while (status == 0 && wait_for_batch(pipeline)) {
    status = analyse_batch(analyzer, &pipeline->batches[consumed % SLOTS], options);
    atomic_store(&pipeline->consumed, ++consumed);
    if (filled(pipeline) <= SLOTS / 2)
      sleeper_wake(&pipeline->reader);
  }
  if (status != 0) {
    atomic_store(&pipeline->abandoned, true);
    sleeper_wake(&pipeline->reader);
  }
  return status;
}

static int analyzer_error(int status, struct error *error)
{
  return error_set(error, (enum error_code)status, "not enough memory to go on with the analysis");
}

static struct pipeline *pipeline_new(struct trace *trace, uint8_t end)
{
  struct pipeline *pipeline = aligned_alloc(CACHE_LINE, sizeof *pipeline);
  if (!pipeline)
    return NULL;
  atomic_init(&pipeline->written, 0);
  atomic_init(&pipeline->consumed, 0);
  atomic_init(&pipeline->finished, false);
  atomic_init(&pipeline->abandoned, false);
  sleeper_init(&pipeline->reader);
  sleeper_init(&pipeline->analysing);
  pipeline->trace = trace;
  pipeline->end = end;
  pipeline->spins = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? SPINS : 0;
  pipeline->status = 0;
  pipeline->error.code = ERROR_NONE;
  pipeline->error.text[0] = '\0';
  return pipeline;
}

static void pipeline_free(struct pipeline *pipeline)
{
  sleeper_destroy(&pipeline->reader);
  sleeper_destroy(&pipeline->analysing);
  free(pipeline);
}

/* The same without a second thread. Also the way out where no thread can be had. */
static int run_single(struct pipeline *pipeline, struct analyzer *analyzer,
                      const struct pipeline_options *options)
{
  struct batch *batch = &pipeline->batches[0];
  int status = 0;

  while (status == 0) {
    pipeline->status =
        read_batch(pipeline->trace, pipeline->end, pipeline->frames, batch, &pipeline->error);
    if (pipeline->status <= 0)
      break;
    status = analyse_batch(analyzer, batch, options);
  }
  return status;
}

static int run_threaded(struct pipeline *pipeline, struct analyzer *analyzer,
                        const struct pipeline_options *options)
{
  pthread_t reader;
  if (pthread_create(&reader, NULL, reader_main, pipeline) != 0)
    return run_single(pipeline, analyzer, options);

  sigset_t to_reader, before;
  (void)sigemptyset(&to_reader);
  (void)sigaddset(&to_reader, SIGINT);
  (void)sigaddset(&to_reader, SIGTERM);
  (void)sigaddset(&to_reader, SIGHUP);
  (void)pthread_sigmask(SIG_BLOCK, &to_reader, &before);
  int status = analyse_all(pipeline, analyzer, options);
  (void)pthread_join(reader, NULL);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return status;
}

int pipeline_run(struct trace *trace, uint8_t end, struct analyzer *analyzer,
                 const struct pipeline_options *options, struct error *error)
{
  static const struct pipeline_options none = {0};
  if (!options)
    options = &none;
  struct pipeline *pipeline = pipeline_new(trace, end);
  if (!pipeline)
    return error_set(error, ERROR_MEMORY, "not enough memory to start reading");

  int status = options->single_thread ? run_single(pipeline, analyzer, options)
                                      : run_threaded(pipeline, analyzer, options);
  if (status != 0) {
    status = analyzer_error(status, error);
  } else if (pipeline->status < 0) {
    status = pipeline->status;
    if (error)
      *error = pipeline->error;
  }
  pipeline_free(pipeline);
  return status;
}
