#include "capture/recorder_reader.h"
#include "capture/remote.h"
#include "capture/remote_reader.h"
#include "wire/timestamp.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A capture that comes in by a descriptor. Nobody waits for its clock: each record is put where it
 * would belong if the quickest of the last ones had taken no time at all. */

#define READ_MAX  256                        /* frames and samples at a time */
#define WINDOW_NS (INT64_C(10) * NS_PER_S)   /* of the quickest record */
#define QUIET_NS  (INT64_C(500) * NS_PER_MS) /* a stream that nobody can stop has ended then */

struct stream {
  struct recorder_reader *reader;
  bool known, told; /* the interface; to the keeper */
  bool has_more_interfaces;
  int64_t window_ns, offsets_ns[2]; /* the smallest of this window, and of the one before */
  uint64_t dropped;
};

static int64_t smaller(int64_t a, int64_t b)
{
  return a < b ? a : b;
}

/* Where a record of that time belongs: never before the one ahead of it, nor in the future. */
static int64_t order_of(struct stream *stream, int64_t time_ns)
{
  struct recorder_reader *reader = stream->reader;
  int64_t now_ns = recorder_clock_ns(CLOCK_REALTIME), offset_ns, order_ns;
  if (__builtin_sub_overflow(now_ns, time_ns, &offset_ns))
    return reader->order_ns > now_ns ? reader->order_ns : now_ns;
  if (now_ns - stream->window_ns > WINDOW_NS || now_ns < stream->window_ns) {
    stream->offsets_ns[1] =
        now_ns - stream->window_ns > 2 * WINDOW_NS ? INT64_MAX : stream->offsets_ns[0];
    stream->offsets_ns[0] = offset_ns;
    stream->window_ns = now_ns;
  }
  stream->offsets_ns[0] = smaller(stream->offsets_ns[0], offset_ns);
  if (__builtin_add_overflow(time_ns, smaller(stream->offsets_ns[0], stream->offsets_ns[1]),
                             &order_ns) ||
      order_ns > now_ns)
    order_ns = now_ns;
  if (order_ns > reader->order_ns)
    reader->order_ns = order_ns;
  return reader->order_ns;
}

static void take_interface(void *context, uint32_t index, const struct remote_interface *interface)
{
  struct stream *stream = context;
  if (index > 0) {
    stream->has_more_interfaces = true;
    return;
  }
  atomic_store(&stream->reader->end->shared->linktype, interface->linktype);
  atomic_store(&stream->reader->end->shared->has_samples, interface->samples_announced);
  /* tcpdump's stream does not say what it has lost. */
  atomic_store(&stream->reader->end->shared->drops_unknown,
               strcmp(remote_reader_format(stream->reader->remote), "pcap") == 0);
  stream->known = interface->linktype <= UINT16_MAX;
}

static void take_frame(void *context, const struct frame *frame)
{
  struct stream *stream = context;
  if (frame->interface != 0 || !stream->reader->begun)
    return;
  recorder_reader_put(stream->reader, LIVE_IN, frame, order_of(stream, frame->time_ns));
}

static void take_sample(void *context, uint32_t index, int64_t time_ns, const uint8_t *bytes,
                        size_t size)
{
  struct stream *stream = context;
  if (index == 0)
    recorder_reader_put_sample(stream->reader, time_ns, order_of(stream, time_ns), bytes, size);
}

static void take_counters(void *context, uint32_t index, const struct remote_counters *counters)
{
  struct stream *stream = context;
  struct recorder_reader *reader = stream->reader;
  if (index != 0 || !counters->has_dropped || counters->dropped < stream->dropped)
    return;
  stream->dropped = counters->dropped;
  atomic_store(&reader->end->shared->kernel_dropped, reader->dropped_before + stream->dropped);
}

int recorder_reader_open_stream(struct recorder_reader *reader, struct error *error)
{
  int flags = fcntl(reader->end->stream_fd, F_GETFL);
  if (flags < 0 || fcntl(reader->end->stream_fd, F_SETFL, flags | O_NONBLOCK) != 0)
    return error_set(error, ERROR_IO, "the stream cannot be read");
  for (int lane = 0; lane < RECORDER_LANES; lane++)
    atomic_store(&reader->end->shared->complete_ns[lane], INT64_MAX);
  return 0;
}

static void note_state(struct stream *stream)
{
  struct recorder_reader *reader = stream->reader;
  if (stream->known && !stream->told)
    recorder_reader_tell_reading(reader);
  stream->told = stream->known;
  reader->begun = atomic_load(&reader->end->recorder->shared->start_ns) != INT64_MAX;
}

/* Until the stream ends, or must have. */
static int read_until_end(struct stream *stream, struct error *error)
{
  struct recorder_reader *reader = stream->reader;
  const struct recorder_keeper *keeper = reader->end->recorder->options.keeper;
  bool can_stop = keeper != NULL && keeper->stopping != NULL;
  int64_t asked_ns = 0, heard_ns = 0;
  for (;;) {
    int64_t now_ns = recorder_clock_ns(CLOCK_MONOTONIC);
    note_state(stream);
    int count = recorder_reader_may_put(reader, LIVE_IN)
                    ? remote_reader_read(reader->remote, reader->end->stream_fd, READ_MAX, error)
                    : READ_MAX;
    if (count < 0)
      return count;
    if (stream->has_more_interfaces)
      return error_set(error, ERROR_UNSUPPORTED, "it has several interfaces: one is expected");
    if (count > 0)
      heard_ns = now_ns;
    if (recorder_reader_is_over(reader)) {
      asked_ns = asked_ns == 0 ? now_ns : asked_ns;
      if (now_ns - asked_ns > REMOTE_STOP_NS ||
          ((!can_stop || reader->keeper_gone) && now_ns - asked_ns > QUIET_NS &&
           now_ns - heard_ns > QUIET_NS))
        return 0;
    }
    if (count < READ_MAX)
      recorder_reader_wait(reader, &reader->end->stream_fd, 1);
  }
}

void recorder_reader_read_stream(struct recorder_reader *reader)
{
  struct stream stream = {.reader = reader, .offsets_ns = {INT64_MAX, INT64_MAX}};
  const struct remote_sink sink = {.context = &stream,
                                   .interface = take_interface,
                                   .frame = take_frame,
                                   .sample = take_sample,
                                   .counters = take_counters};
  struct error why;
  reader->order_ns = INT64_MIN;
  int rc = remote_reader_new(&reader->remote, &sink, &why);
  if (rc == 0)
    rc = read_until_end(&stream, &why);
  if (rc < 0)
    reader->end->shared->why = why;
  remote_reader_free(reader->remote);
}
