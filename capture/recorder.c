#include "capture/recorder.h"

#include "capture/clean_text.h"
#include "capture/recorder_channel.h"
#include "capture/recorder_keeper.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES_BYTES ((size_t)2 << 20) /* of an end's queue of samples */
#define WAIT_MS       100               /* between two looks at the flag that ends everything */

const struct recorder_end_options *recorder_end_wanted(const struct recorder_end *end)
{
  return &end->recorder->options.ends[end->index];
}

static int make_queues(struct recorder_end *end, struct error *error)
{
  size_t size = (size_t)(end->recorder->options.queue_bytes / LIVE_LANES);
  for (int lane = 0; lane < RECORDER_LANES; lane++) {
    if (!frame_ring_init(&end->lanes[lane].ring, lane < LIVE_LANES ? size : SAMPLES_BYTES))
      return error_set(error, ERROR_MEMORY, "no memory for the queues");
    atomic_store(&end->shared->complete_ns[lane],
                 lane == RECORDER_LANE_SAMPLES && end->recorder->options.sample_interval_ns == 0
                     ? INT64_MAX
                     : INT64_MIN);
  }
  return 0;
}

static int prepare_end(struct recorder *recorder, uint32_t index, struct error *error)
{
  struct recorder_end *end = &recorder->ends[index];
  const struct recorder_end_options *wanted = &recorder->options.ends[index];
  const char *space = wanted->kind == RECORDER_INTERFACE ? wanted->network_namespace : NULL;
  snprintf(end->name, sizeof end->name, "%s%s%s", wanted->interface, space != NULL ? "@" : "",
           space != NULL ? space : "");
  int rc = make_queues(end, error);
  return rc == 0 && wanted->kind == RECORDER_INTERFACE ? recorder_namespace_open(end, error) : rc;
}

static bool is_stopped(const struct recorder *recorder)
{
  const volatile int *stop = recorder->options.stop;
  return stop != NULL && __atomic_load_n(stop, __ATOMIC_RELAXED) != 0;
}

/* Until the end's reader has opened it, or could not. */
static int wait_for_reader(struct recorder_end *end, struct error *error)
{
  struct pollfd waiting = {.fd = end->channel, .events = POLLIN};
  char why[sizeof end->shared->why.text];
  int state;
  while ((state = atomic_load(&end->shared->state)) == RECORDER_READER_OPENING) {
    if (is_stopped(end->recorder))
      return error_set(error, ERROR_IO, "%s: ended before the recording had begun", end->name);
    if (poll(&waiting, 1, WAIT_MS) > 0 && (waiting.revents & POLLIN) == 0)
      return error_set(error, ERROR_IO, "%s: the process that reads it died", end->name);
    char byte;
    if (waiting.revents != 0 && recv(end->channel, &byte, 1, MSG_DONTWAIT) == 0 &&
        atomic_load(&end->shared->state) == RECORDER_READER_OPENING)
      return error_set(error, ERROR_IO, "%s: the process that reads it died", end->name);
  }
  if (state == RECORDER_READER_READING)
    return 0;
  recorder_end_why(end, why, sizeof why);
  bool named = recorder_end_wanted(end)->network_namespace != NULL ||
               recorder_end_wanted(end)->kind == RECORDER_STREAM;
  enum error_code code = end->shared->why.code;
  return error_set(error, code < 0 && code >= ERROR_LIMIT ? code : ERROR_IO, "%s%s%s",
                   named ? end->name : "", named ? ": " : "", why);
}

static int open_ends(struct recorder *recorder, enum recorder_end_kind kind, struct error *error)
{
  int rc = 0;
  for (uint32_t i = 0; rc == 0 && i < recorder->options.end_count; i++)
    if (recorder->options.ends[i].kind == kind)
      rc = recorder_keeper_start_reader(&recorder->ends[i], error);
  for (uint32_t i = 0; rc == 0 && i < recorder->options.end_count; i++)
    if (recorder->options.ends[i].kind == kind)
      rc = wait_for_reader(&recorder->ends[i], error);
  return rc;
}

static int share_memory(struct recorder *recorder, struct error *error)
{
  void *memory = mmap(NULL, sizeof *recorder->shared, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  recorder->filled = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (memory == MAP_FAILED || recorder->filled < 0)
    return error_set(error, ERROR_MEMORY, "no memory to record: %s", strerror(errno));
  recorder->shared = memory;
  atomic_store(&recorder->shared->start_ns, INT64_MAX);
  atomic_store(&recorder->shared->stop_ns, INT64_MAX);
  return 0;
}

static struct recorder *make(const struct recorder_options *options)
{
  struct recorder *recorder = calloc(1, sizeof *recorder);
  if (recorder == NULL)
    return NULL;
  recorder->options = *options;
  recorder->filled = recorder->channel = -1;
  for (uint32_t i = 0; i < options->end_count; i++) {
    const struct recorder_end_options *wanted = &options->ends[i];
    recorder->ends[i] = (struct recorder_end){
        .recorder = recorder,
        .index = i,
        .channel = -1,
        .probe = -1,
        .network_namespace = -1,
        .stream_fd = wanted->kind == RECORDER_STREAM ? wanted->stream_fd : -1};
  }
  return recorder;
}

/* Streams first: they may take long to begin, and meanwhile nobody would use what the interfaces
 * bring. */
static int open_all(struct recorder *recorder, struct error *error)
{
  int rc = share_memory(recorder, error);
  if (rc == 0)
    rc = recorder_identity_find(&recorder->identity, recorder->options.user, error);
  for (uint32_t i = 0; rc == 0 && i < recorder->options.end_count; i++) {
    recorder->ends[i].shared = &recorder->shared->ends[i];
    rc = prepare_end(recorder, i, error);
  }
  if (rc == 0)
    rc = open_ends(recorder, RECORDER_STREAM, error);
  return rc == 0 ? open_ends(recorder, RECORDER_INTERFACE, error) : rc;
}

int recorder_open(struct recorder **recorder_out, const struct recorder_options *options,
                  struct error *error)
{
  *recorder_out = NULL;
  struct recorder *recorder = make(options);
  if (recorder == NULL)
    return error_set(error, ERROR_MEMORY, "no memory to record");
  int rc = open_all(recorder, error);
  if (rc < 0) {
    recorder_close(recorder);
    return rc;
  }
  atomic_store(&recorder->shared->start_ns, recorder_clock_ns(CLOCK_REALTIME));
  *recorder_out = recorder;
  return 0;
}

void recorder_end_why(const struct recorder_end *end, char *why, size_t size)
{
  const char *text = end->shared->why.text;
  clean_text_copy(why, size, text, strnlen(text, sizeof end->shared->why.text));
}

uint64_t recorder_dropped(const struct recorder *recorder, uint32_t end)
{
  const struct recorder_shared_end *shared = recorder->ends[end].shared;
  return atomic_load(&shared->kernel_dropped) + atomic_load(&shared->told_dropped) +
         atomic_load(&shared->own_dropped) + atomic_load(&shared->given_up);
}

void recorder_tell_dropped(struct recorder *recorder, uint32_t end, uint64_t packets)
{
  atomic_store(&recorder->ends[end].shared->told_dropped, packets);
  atomic_store(&recorder->ends[end].shared->drops_unknown, false);
}

void recorder_get_totals(const struct recorder *recorder, struct recorder_totals *totals)
{
  const struct recorder_shared *shared = recorder->shared;
  *totals = (struct recorder_totals){.ending = recorder->ending,
                                     .files = recorder->made.count,
                                     .last_file = recorder->made.latest,
                                     .files_not_removed = recorder->made.not_removed,
                                     .packets = atomic_load(&shared->packets),
                                     .file_bytes = atomic_load(&shared->file_bytes),
                                     .rights = atomic_load(&shared->worker_rights)};
  for (uint32_t i = 1; i < recorder->options.end_count; i++)
    totals->mixed_linktypes |=
        atomic_load(&shared->ends[i].linktype) != atomic_load(&shared->ends[0].linktype);
}

void recorder_get_end_totals(const struct recorder *recorder, uint32_t index,
                             struct recorder_end_totals *totals)
{
  const struct recorder_end *end = &recorder->ends[index];
  const struct recorder_shared_end *shared = end->shared;
  *totals = (struct recorder_end_totals){
      .written = atomic_load(&shared->written),
      .passed_by = atomic_load(&shared->passed_by),
      .kernel_dropped = atomic_load(&shared->kernel_dropped) + atomic_load(&shared->told_dropped),
      .own_dropped = atomic_load(&shared->own_dropped) + atomic_load(&shared->given_up),
      .not_written = atomic_load(&shared->given_up),
      .samples = atomic_load(&shared->samples_written),
      .samples_dropped = atomic_load(&shared->samples_dropped),
      .sockets_passed_over = atomic_load(&shared->sockets_passed_over),
      .rights = atomic_load(&shared->rights),
      .returns = end->returns,
      .lost = end->lost || end->away_ns != 0};
  memcpy(totals->name, end->name, sizeof totals->name);
  memcpy(totals->why, end->why, sizeof totals->why);
}

void recorder_close(struct recorder *recorder)
{
  if (recorder == NULL)
    return;
  recorder_keeper_end_all(recorder);
  for (uint32_t i = 0; i < recorder->options.end_count; i++) {
    struct recorder_end *end = &recorder->ends[i];
    recorder_namespace_close(end);
    if (end->stream_fd >= 0)
      close(end->stream_fd);
    for (int lane = 0; lane < RECORDER_LANES; lane++)
      frame_ring_free(&end->lanes[lane].ring);
  }
  recorder_files_free(recorder);
  if (recorder->filled >= 0)
    close(recorder->filled);
  if (recorder->shared != NULL)
    munmap(recorder->shared, sizeof *recorder->shared);
  free(recorder);
}
