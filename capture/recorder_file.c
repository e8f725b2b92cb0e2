#include "capture/recorder_file.h"
#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Says what is missing where a tool dropped the samples. */
#define SAMPLES_FOLLOW                                                                             \
  SAMPLE_INTERFACE_COMMENT ": this host's sockets and queues are sampled in statistics blocks"

static int write_interface(struct recorder *recorder, const struct recorder_end *end,
                           struct error *error)
{
  const char description[] = {(char)('A' + end->index), '\0'};
  const struct pcapng_interface interface = {
      .name = end->name,
      .description = description,
      .filter = recorder->options.filter,
      .comment = atomic_load(&end->shared->has_samples) ? SAMPLES_FOLLOW : NULL,
      .linktype = atomic_load(&end->shared->linktype),
      .snaplen_bytes = recorder->options.snaplen_bytes};
  int rc = pcapng_writer_interface(recorder->file->writer, &interface, error);
  return rc < 0 ? rc : 0;
}

int recorder_file_begin(struct recorder *recorder, int fd, int64_t start_ns,
                        const struct recorder_counters base[RECORDER_ENDS_MAX], struct error *error)
{
  struct recorder_file *file = recorder->file;
  file->begun_ns = recorder_clock_ns(CLOCK_MONOTONIC);
  file->start_ns = start_ns;
  file->frames = 0;
  file->span_open = false;
  int rc = pcapng_writer_open(&file->writer, fd, recorder->options.application, error);
  for (uint32_t i = 0; rc == 0 && i < recorder->options.end_count; i++) {
    file->ends[i].base = base[i];
    file->ends[i].in_file = 0;
    file->ends[i].next_sample = 0;
    file->ends[i].counted_samples = false;
    rc = write_interface(recorder, &recorder->ends[i], error);
  }
  return rc == 0 ? recorder_file_flush(recorder, error) : rc;
}

static void note_flushed(struct recorder *recorder)
{
  for (uint32_t i = 0; i < recorder->options.end_count; i++)
    recorder->file->ends[i].surely = recorder->file->ends[i].written;
  recorder->file->unflushed_count = 0;
}

/* Those that had room, if the disk is full. */
static void note_partly_flushed(struct recorder_file *file)
{
  const uint64_t flushed_bytes = pcapng_writer_flushed_bytes(file->writer);
  uint32_t flushed = 0;
  while (flushed < file->unflushed_count && file->unflushed[flushed].to_bytes <= flushed_bytes)
    file->ends[file->unflushed[flushed++].end].surely++;
  file->unflushed_count -= flushed;
  memmove(file->unflushed, file->unflushed + flushed,
          file->unflushed_count * sizeof *file->unflushed);
}

static void note_unflushed(struct recorder_file *file, uint32_t end)
{
  if (file->unflushed_count == RECORDER_UNFLUSHED_MAX)
    note_partly_flushed(file);
  if (file->unflushed_count < RECORDER_UNFLUSHED_MAX)
    file->unflushed[file->unflushed_count++] =
        (struct recorder_unflushed){pcapng_writer_bytes(file->writer), end};
}

uint64_t recorder_file_bytes(const struct recorder *recorder)
{
  const struct recorder_file *file = recorder->file;
  return file->done_bytes + (file->writer != NULL ? pcapng_writer_bytes(file->writer) : 0);
}

int recorder_file_flush(struct recorder *recorder, struct error *error)
{
  if (recorder->file->writer == NULL)
    return 0;
  int rc = pcapng_writer_flush(recorder->file->writer, error);
  if (rc == 0)
    note_flushed(recorder);
  return rc;
}

/* A frame's number in the file is known from now on. */
static void note_number(struct recorder_file *file, uint64_t number)
{
  struct recorder_span *span = &file->spans[(file->span_count - 1) % RECORDER_SPANS];
  if (file->span_open && span->last + 1 == number) {
    span->last = number;
    return;
  }
  file->spans[file->span_count++ % RECORDER_SPANS] =
      (struct recorder_span){number, number, file->frames};
  file->span_open = true;
}

static int put_frame(struct recorder *recorder, const struct recorder_item *item,
                     struct error *error)
{
  struct recorder_file *file = recorder->file;
  struct recorder_file_end *end = &file->ends[item->end];
  struct recorder_shared_end *shared = recorder->ends[item->end].shared;
  const struct pcapng_packet packet = {.interface = item->end,
                                       .time_ns = item->time_ns,
                                       .bytes = item->bytes,
                                       .captured_bytes = item->size,
                                       .original_bytes = item->original_bytes,
                                       .direction = item->direction,
                                       .packet_id = item->number};
  uint64_t before = pcapng_writer_flushed_bytes(file->writer);
  int rc = pcapng_writer_packet(file->writer, &packet, error);
  if (rc == 0 && pcapng_writer_flushed_bytes(file->writer) != before)
    note_flushed(recorder);
  if (rc < 0) {
    atomic_fetch_add(&shared->given_up, 1);
    return rc;
  }
  file->frames++;
  file->packets++;
  end->in_file++;
  end->written++;
  note_unflushed(file, item->end);
  note_number(file, item->number);
  return 0;
}

/* An interface statistics block. */
static int put_statistics(struct recorder *recorder, const struct recorder_item *item,
                          int64_t end_ns, const char *comment, struct error *error)
{
  const struct recorder_file_end *end = &recorder->file->ends[item->end];
  const uint64_t dropped = item->counters.dropped - end->base.dropped;
  /* "None" would be a claim. */
  const bool unknown =
      dropped == 0 && atomic_load(&recorder->ends[item->end].shared->drops_unknown);
  const struct pcapng_statistics statistics = {
      .interface = item->end,
      .time_ns = item->time_ns,
      .start_ns = recorder->file->start_ns,
      .end_ns = end_ns,
      .received = unknown ? UINT64_MAX : item->counters.seen - end->base.seen + dropped,
      .dropped = unknown ? UINT64_MAX : dropped,
      .delivered = end->in_file,
      .custom = item->bytes,
      .custom_bytes = item->size,
      .custom_pen = SAMPLE_PEN,
      .comment = comment};
  return pcapng_writer_statistics_block(recorder->file->writer, &statistics, error);
}

static int put_gap(struct recorder *recorder, const struct recorder_item *item, struct error *error)
{
  struct recorder_item counters = *item;
  char comment[200];
  size_t size = item->size < sizeof comment ? item->size : sizeof comment - 1;
  memcpy(comment, item->bytes, size);
  comment[size] = '\0';
  counters.size = 0;
  return put_statistics(recorder, &counters, TIME_INVALID, comment, error);
}

bool recorder_file_note_sample(struct recorder *recorder, const struct recorder_item *item)
{
  struct recorder_file_end *end = &recorder->file->ends[item->end];
  struct sample_records records;
  struct sample_record record;
  enum sample_result result = sample_open(&records, item->bytes, item->size);
  if (item->size > PCAPNG_CUSTOM_BYTES_MAX || result == SAMPLE_FOREIGN)
    return false;
  if (result != SAMPLE_OK)
    return true;
  if (records.last)
    return false;
  /* It is the first record, where there is one. */
  if (!sample_next(&records, &record) || record.type != SAMPLE_HEADER || record.length_bytes == 0)
    return true;
  char *copy = realloc(end->header, record.length_bytes);
  if (copy == NULL)
    return true;
  memcpy(copy, record.bytes, record.length_bytes);
  end->header = copy;
  end->header_bytes = record.length_bytes;
  return true;
}

static bool has_header(const struct recorder_item *item)
{
  struct sample_records records;
  struct sample_record record;
  return sample_open(&records, item->bytes, item->size) == SAMPLE_OK &&
         sample_next(&records, &record) && record.type == SAMPLE_HEADER;
}

/* Who reads a file that does not begin with the recording has to know the byte order all the same.
 */
static int put_header(struct recorder *recorder, const struct recorder_item *item,
                      struct error *error)
{
  struct recorder_file *file = recorder->file;
  struct recorder_file_end *end = &file->ends[item->end];
  struct recorder_item header = *item;
  struct sample_builder builder;
  if (end->header == NULL || has_header(item))
    return 0;
  sample_begin(&builder, file->sample, sizeof file->sample, end->next_sample, false);
  if (!sample_add(&builder, SAMPLE_HEADER, 0, end->header, end->header_bytes))
    return 0;
  end->next_sample++;
  header.bytes = file->sample;
  header.size = (uint32_t)builder.bytes_used;
  return put_statistics(recorder, &header, TIME_INVALID, NULL, error);
}

/* Each file numbers its samples from 0, and keeps the gaps. */
static int put_sample(struct recorder *recorder, const struct recorder_item *item,
                      struct error *error)
{
  struct recorder_file *file = recorder->file;
  struct recorder_file_end *end = &file->ends[item->end];
  struct recorder_item numbered = *item;
  struct sample_records records;
  int rc = end->counted_samples ? 0 : put_header(recorder, item, error);
  if (rc < 0)
    return rc;
  if (sample_open(&records, item->bytes, item->size) == SAMPLE_OK) {
    uint32_t step = records.number - end->last_sample;
    if (end->counted_samples && records.number > end->last_sample)
      end->next_sample += step - 1;
    end->last_sample = records.number;
    end->counted_samples = true;
    memcpy(file->sample, item->bytes, item->size);
    sample_renumber(file->sample, item->size, end->next_sample++);
    numbered.bytes = file->sample;
  }
  rc = put_statistics(recorder, &numbered, TIME_INVALID, NULL, error);
  if (rc == 0)
    atomic_fetch_add(&recorder->ends[item->end].shared->samples_written, 1);
  return rc;
}

int recorder_file_put(struct recorder *recorder, const struct recorder_item *item,
                      struct error *error)
{
  if (recorder->file->writer == NULL)
    return 0;
  switch (item->kind) {
  case RECORDER_FRAME: return put_frame(recorder, item, error);
  case RECORDER_SAMPLE: return put_sample(recorder, item, error);
  case RECORDER_COUNTERS: return put_statistics(recorder, item, TIME_INVALID, NULL, error);
  case RECORDER_GAP: return put_gap(recorder, item, error);
  }
  return 0;
}

/* The last of each interface: with the time when the capture ended, and that no sample follows. */
static int put_last(struct recorder *recorder, const struct recorder_counters *now,
                    struct error *error)
{
  int64_t now_ns = recorder_clock_ns(CLOCK_REALTIME);
  int64_t stop_ns = atomic_load(&recorder->shared->stop_ns);
  int rc = 0;
  for (uint32_t i = 0; rc == 0 && i < recorder->options.end_count; i++) {
    uint8_t last[SAMPLE_PREAMBLE_BYTES];
    struct sample_builder builder = {0};
    if (atomic_load(&recorder->ends[i].shared->has_samples))
      sample_begin(&builder, last, sizeof last, recorder->file->ends[i].next_sample, true);
    const struct recorder_item item = {.end = i,
                                       .time_ns = now_ns,
                                       .bytes = builder.bytes,
                                       .size = (uint32_t)builder.bytes_used,
                                       .counters = now[i]};
    rc = put_statistics(recorder, &item, stop_ns < now_ns ? stop_ns : now_ns, NULL, error);
  }
  return rc;
}

int recorder_file_end(struct recorder *recorder, bool failed,
                      const struct recorder_counters now[RECORDER_ENDS_MAX], struct error *error)
{
  struct recorder_file *file = recorder->file;
  struct error closing;
  if (file->writer == NULL)
    return 0;
  int rc = failed ? 0 : put_last(recorder, now, error);
  if (!failed && rc == 0)
    rc = recorder_file_flush(recorder, error);
  if (rc < 0)
    note_partly_flushed(file);
  file->done_bytes += pcapng_writer_flushed_bytes(file->writer);
  int closed = pcapng_writer_close(file->writer, &closing);
  file->writer = NULL;
  if (closed == 0 && rc == 0)
    note_flushed(recorder);
  return rc < 0 || closed == 0 ? rc : error_set(error, closing.code, "%s", closing.text);
}

void recorder_file_give_up(struct recorder *recorder)
{
  struct recorder_file *file = recorder->file;
  if (file->writer != NULL)
    note_partly_flushed(file);
  file->packets = 0;
  for (uint32_t i = 0; i < recorder->options.end_count; i++) {
    struct recorder_file_end *end = &file->ends[i];
    atomic_fetch_add(&recorder->ends[i].shared->given_up, end->written - end->surely);
    end->written = end->surely;
    file->packets += end->surely;
  }
}
