#include "capture/trace.h"

#include "capture/clean_text.h"
#include "capture/foreign_format.h"
#include "capture/trace_reader.h"

#include "wire/tcpdump_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SNIFF_BYTES 12 /* tells pcap, pcapng and most others apart */
/* Prose in front of the first packet line of a text: looked through as far as this. */
#define SNIFF_TEXT_BYTES ((size_t)64 * 1024)

int trace_error(const struct trace *trace, const struct error *why, size_t ahead,
                struct error *error)
{
  struct byte_source_info info;
  byte_source_get_info(trace->source, &info);
  if (why->code == ERROR_USAGE || why->code == ERROR_MEMORY)
    return error_set(error, why->code, "%s: %s", info.name, why->text);
  uint64_t offset = info.offset + ahead;
  return error_set(error, why->code, "%s: %s, at offset %" PRIu64 "%s", info.name, why->text,
                   offset, info.compression[0] == '\0' ? "" : " of the uncompressed data");
}

void trace_fail(struct trace *trace, const struct error *why, size_t ahead)
{
  trace_error(trace, why, ahead, &trace->failure);
}

const char *trace_described_host(const char *description)
{
  static const char prefix[] = "captured on: ";
  if (description == NULL || strncmp(description, prefix, sizeof prefix - 1) != 0)
    return "";
  return description + sizeof prefix - 1;
}

void trace_note_description(struct trace *trace, const char *description)
{
  const char *host = trace_described_host(description);
  if (host[0] != '\0' && trace->captured_on[0] == '\0')
    clean_text_copy(trace->captured_on, sizeof trace->captured_on, host, strlen(host));
}

static bool is_stopped(const struct trace *trace)
{
  return trace->stop != NULL && __atomic_load_n(trace->stop, __ATOMIC_RELAXED) != 0;
}

static int refuse(const struct trace *trace, const char *what, struct error *error)
{
  struct byte_source_info info;
  byte_source_get_info(trace->source, &info);
  return error_set(error, ERROR_FORMAT, "%s: %s", info.name, what);
}

/* Reads until the window has `wanted` bytes or the input ends (then trace->input_ended). */
static int fill_to(struct trace *trace, size_t wanted, struct error *error)
{
  size_t size;
  byte_source_window(trace->source, &size);
  while (size < wanted && !trace->input_ended) {
    int rc = byte_source_fill(trace->source, wanted, error);
    if (rc < 0)
      return rc;
    trace->input_ended = rc == 0;
    byte_source_window(trace->source, &size);
  }
  return 0;
}

/* Text is known by a line that looks like a packet; a slow pipe may take a while to bring one. */
static int find_text(struct trace *trace, struct error *error)
{
  size_t size;
  for (;;) {
    const uint8_t *bytes = byte_source_window(trace->source, &size);
    if (memchr(bytes, '\0', size) != NULL)
      return refuse(trace, "not a trace: neither pcap nor pcapng nor text of tcpdump", error);
    if (tcpdump_text_probe((const char *)bytes, size)) {
      trace->reader = &trace_text_reader;
      return 0;
    }
    if (trace->input_ended || size >= SNIFF_TEXT_BYTES)
      return refuse(trace,
                    "not a trace: text, but no line of it looks like a packet that tcpdump prints",
                    error);
    int rc = fill_to(trace, size + 1, error);
    if (rc < 0)
      return rc;
  }
}

/* Reads until the format is known. */
static int find_reader(struct trace *trace, struct error *error)
{
  int rc = fill_to(trace, SNIFF_BYTES, error);
  if (rc < 0)
    return rc;
  size_t size;
  const uint8_t *bytes = byte_source_window(trace->source, &size);
  const char *foreign = foreign_format_name(bytes, size);
  if (is_stopped(trace))
    return refuse(trace, "interrupted before its beginning was read", error);
  if (size == 0)
    return refuse(trace, "is empty", error);
  if (pcap_format_probe(bytes, size))
    trace->reader = &trace_pcap_reader;
  else if (pcapng_probe(bytes, size))
    trace->reader = &trace_pcapng_reader;
  else if (foreign != NULL)
    return refuse(trace, foreign, error);
  else
    return find_text(trace, error);
  return 0;
}

static int open_trace(struct trace *trace, const char *path, const struct trace_options *options,
                      struct error *error)
{
  struct byte_source_options source = {0};
  if (options != NULL) {
    trace->stop = options->stop;
    trace->on_sample = options->on_sample;
    trace->on_block = options->on_block;
    trace->block_context = options->block_context;
    trace->sample_context = options->sample_context;
    source = (struct byte_source_options){options->stop, options->fd, options->spool};
    if (options->filter != NULL && options->filter[0] != '\0') {
      int rc = filter_check(options->filter, error);
      if (rc < 0)
        return rc;
      trace->filter_text = strdup(options->filter);
      if (trace->filter_text == NULL)
        return error_set(error, ERROR_MEMORY, "%s: no memory", path);
    }
  }
  int rc = byte_source_open(&trace->source, path, &source, error);
  if (rc == 0)
    rc = find_reader(trace, error);
  return rc < 0 ? rc : trace->reader->open(trace, error);
}

int trace_open(struct trace **trace_out, const char *path, const struct trace_options *options,
               struct error *error)
{
  struct error ignored;
  if (error == NULL)
    error = &ignored;
  *trace_out = NULL;
  struct trace *trace = calloc(1, sizeof *trace);
  if (trace == NULL)
    return error_set(error, ERROR_MEMORY, "%s: no memory", path);
  int rc = open_trace(trace, path, options, error);
  if (rc < 0) {
    trace_close(trace);
    return rc;
  }
  *trace_out = trace;
  return 0;
}

void trace_close(struct trace *trace)
{
  if (trace == NULL)
    return;
  if (trace->reader != NULL && trace->reader->close != NULL)
    trace->reader->close(trace);
  byte_source_close(trace->source);
  interface_table_clear(&trace->interfaces);
  name_table_free(trace->names);
  free(trace->filter_text);
  free(trace);
}

/* Keeps the frames that pass the filter. */
static size_t apply_filter(struct trace *trace, struct frame *frames, size_t count)
{
  size_t kept = 0;
  for (size_t i = 0; i < count; i++)
    if (interface_matches(&trace->interfaces.entries[frames[i].interface], &frames[i]))
      frames[kept++] = frames[i];
  trace->filtered_out += count - kept;
  return kept;
}

/* No further bytes: what is left in the window is a record without its end. */
static int finish(struct trace *trace, struct error *error)
{
  size_t size;
  byte_source_window(trace->source, &size);
  return size == 0 ? 0 : trace->reader->finish(trace, size, error);
}

/* More bytes for the reader: 1, 0 when it was stopped, or a negative error_code. The end of the
 * input is news as well: the reader is asked once more. */
static int feed(struct trace *trace, size_t needed, struct error *error)
{
  int rc = byte_source_fill(trace->source, needed, error);
  if (rc != 0)
    return rc;
  trace->input_ended = true;
  return is_stopped(trace) ? 0 : 1;
}

/* One turn: frames, if there are any; else the reason is dealt with. *again: there is more to do.
 */
static int take_or_feed(struct trace *trace, struct frame *frames, size_t max, bool *again,
                        struct error *error)
{
  size_t needed = 0;
  size_t count = trace->reader->take(trace, frames, max, &needed);
  trace->frames += count;
  if (trace->filter_text != NULL)
    count = apply_filter(trace, frames, count);
  *again = count == 0;
  if (count > 0 || trace->failure.code != ERROR_NONE || trace->excerpt_ended || needed == 0)
    return (int)count;
  *again = false;
  trace->ended = true;
  if (trace->input_ended)
    return finish(trace, error);
  int rc = feed(trace, needed, error);
  *again = rc > 0;
  trace->ended = rc <= 0;
  return rc < 0 ? rc : 0;
}

int trace_next(struct trace *trace, struct frame *frames, size_t max, struct error *error)
{
  struct error ignored;
  if (error == NULL)
    error = &ignored;
  if (trace->has_peeked && max > 0) {
    trace->has_peeked = false;
    frames[0] = trace->peeked;
    return 1;
  }
  while (!trace->ended && !trace->excerpt_ended && !is_stopped(trace)) {
    if (trace->failure.code != ERROR_NONE) {
      trace->ended = true;
      *error = trace->failure;
      return error->code;
    }
    bool again;
    int count = take_or_feed(trace, frames, max, &again, error);
    if (!again)
      return count;
  }
  return 0;
}

void trace_peek(struct trace *trace)
{
  struct error error;
  if (trace->has_peeked)
    return;
  const int count = trace_next(trace, &trace->peeked, 1, &error);
  trace->has_peeked = count > 0;
  if (count < 0) { /* once more, for trace_next() */
    trace->failure = error;
    trace->ended = false;
  }
}

void trace_stop_spooling(struct trace *trace)
{
  byte_source_stop_spooling(trace->source);
}

bool trace_next_excerpt(struct trace *trace)
{
  struct frame frames[16];
  while (trace_next(trace, frames, sizeof frames / sizeof frames[0], NULL) > 0)
    continue;
  if (!trace->excerpt_ended || is_stopped(trace))
    return false;
  trace->excerpt_ended = false;
  trace->frames = trace->filtered_out = 0;
  trace->reader->next_excerpt(trace);
  return true;
}

void trace_get_info(const struct trace *trace, struct trace_info *info)
{
  struct byte_source_info source;
  byte_source_get_info(trace->source, &source);
  *info = (struct trace_info){
      .format = trace->reader->format,
      .compression = source.compression,
      .bytes_read = source.bytes_read,
      .bytes_total = source.bytes_total,
      .frames = trace->frames,
      .filtered_out = trace->filtered_out,
      .foreign_blocks = trace->foreign_blocks,
      .skipped_blocks = trace->skipped_blocks,
      .corrected_records = trace->corrected,
      .interface_count = trace->interfaces.count,
      .captured_on = trace->captured_on,
  };
  if (trace->reader->get_info != NULL)
    trace->reader->get_info(trace, info);
}

void trace_get_interface(const struct trace *trace, uint32_t index,
                         struct trace_interface *interface)
{
  *interface = (struct trace_interface){
      .name = "", .description = "", .captured_on = "", .boot_id = "", .gap = ""};
  if (index >= trace->interfaces.count)
    return;
  const struct interface_entry *entry = &trace->interfaces.entries[index];
  if (entry->name != NULL)
    interface->name = entry->name;
  if (entry->description != NULL)
    interface->description = entry->description;
  interface->captured_on = trace_described_host(entry->description);
  interface->linktype = entry->linktype;
  interface->snaplen_bytes = entry->snaplen_bytes;
  interface->frames = entry->frames;
  interface->dropped = entry->dropped_by_statistics > entry->dropped_by_packets
                           ? entry->dropped_by_statistics
                           : entry->dropped_by_packets;
  interface->has_dropped = entry->has_dropped;
  interface->samples = entry->samples;
  interface->samples_damaged = entry->samples_damaged;
  interface->samples_missing = entry->samples_missing;
  interface->samples_announced = entry->samples_announced;
  interface->samples_ended = entry->samples_ended;
  if (!entry->boot_ids_differ)
    interface->boot_id = entry->boot_id;
  interface->gaps = entry->gaps;
  if (entry->gap != NULL)
    interface->gap = entry->gap;
}

const char *trace_host_name(const struct trace *trace, const struct ip_address *address)
{
  return trace->names == NULL ? NULL : name_table_name(trace->names, address);
}

bool trace_host_address(const struct trace *trace, const char *name, struct ip_address *address)
{
  return trace->names != NULL && name_table_address(trace->names, name, address);
}
