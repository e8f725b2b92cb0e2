#include "capture/trace.h"

#include "capture/clean_text.h"
#include "capture/foreign_format.h"
#include "capture/trace_reader.h"

#include <stdlib.h>
#include <string.h>

#define SNIFF_BYTES 12 /* tells pcap, pcapng and most others apart */

int trace_error(const struct trace *trace, const struct error *why, size_t ahead,
                struct error *error)
{
  struct byte_source_info info;
  byte_source_get_info(trace->source, &info);
  if (why->code == ERROR_USAGE || why->code == ERROR_MEMORY)
    return error_set(error, why->code, "%s: %s", info.name, why->text);
  return error_set(error, why->code, "%s: %s, at offset %llu%s", info.name, why->text,
                   (unsigned long long)(info.offset + ahead),
                   info.compression[0] == '\0' ? "" : " of the uncompressed data");
}

void trace_fail(struct trace *trace, const struct error *why, size_t ahead)
{
  trace_error(trace, why, ahead, &trace->failure);
}

void trace_note_description(struct trace *trace, const char *description)
{
  static const char prefix[] = "captured on: ";
  if (description == NULL || trace->captured_on[0] != '\0' ||
      strncmp(description, prefix, sizeof prefix - 1) != 0)
    return;
  const char *host = description + sizeof prefix - 1;
  clean_text_copy(trace->captured_on, sizeof trace->captured_on, host, strlen(host));
}

static bool is_stopped(const struct trace *trace)
{
  return trace->stop != NULL && *trace->stop != 0;
}

static int refuse(const struct trace *trace, const char *what, struct error *error)
{
  struct byte_source_info info;
  byte_source_get_info(trace->source, &info);
  return error_set(error, ERROR_FORMAT, "%s: %s", info.name, what);
}

/* Reads until the format is known. */
static int find_reader(struct trace *trace, struct error *error)
{
  size_t size;
  const uint8_t *bytes = byte_source_window(trace->source, &size);
  while (size < SNIFF_BYTES) {
    int rc = byte_source_fill(trace->source, SNIFF_BYTES, error);
    if (rc < 0)
      return rc;
    bytes = byte_source_window(trace->source, &size);
    if (rc == 0)
      break;
  }
  if (is_stopped(trace))
    return refuse(trace, "interrupted before its beginning was read", error);
  if (size == 0)
    return refuse(trace, "is empty", error);
  if (pcap_format_probe(bytes, size)) {
    trace->reader = &trace_pcap_reader;
    return 0;
  }
  if (pcapng_probe(bytes, size)) {
    trace->reader = &trace_pcapng_reader;
    return 0;
  }
  const char *name = foreign_format_name(bytes, size);
  if (name != NULL)
    return refuse(trace, name, error);
  return refuse(trace, "not a trace: neither pcap nor pcapng nor text of tcpdump", error);
}

static int open_trace(struct trace *trace, const char *path, const struct trace_options *options,
                      struct error *error)
{
  if (options != NULL) {
    trace->stop = options->stop;
    if (options->filter != NULL && options->filter[0] != '\0') {
      int rc = filter_check(options->filter, error);
      if (rc < 0)
        return rc;
      trace->filter_text = strdup(options->filter);
      if (trace->filter_text == NULL)
        return error_set(error, ERROR_MEMORY, "%s: no memory", path);
    }
  }
  int rc = byte_source_open(&trace->source, path, trace->stop, error);
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
  struct byte_source_info info;
  size_t size;
  byte_source_get_info(trace->source, &info);
  byte_source_window(trace->source, &size);
  if (info.stopped || size == 0)
    return 0;
  return trace->reader->finish(trace, size, error);
}

int trace_next(struct trace *trace, struct frame *frames, size_t max, struct error *error)
{
  struct error ignored;
  if (error == NULL)
    error = &ignored;
  while (!trace->ended && !is_stopped(trace)) {
    if (trace->failure.code != ERROR_NONE) {
      trace->ended = true;
      *error = trace->failure;
      return error->code;
    }
    size_t needed = 0;
    size_t count = trace->reader->take(trace, frames, max, &needed);
    trace->frames += count;
    if (trace->filter_text != NULL)
      count = apply_filter(trace, frames, count);
    if (count > 0)
      return (int)count;
    if (needed == 0)
      continue;
    int rc = byte_source_fill(trace->source, needed, error);
    if (rc > 0)
      continue;
    trace->ended = true;
    return rc < 0 ? rc : finish(trace, error);
  }
  trace->ended = true;
  return 0;
}

bool trace_next_excerpt(struct trace *trace)
{
  (void)trace;
  return false;
}

void trace_get_info(const struct trace *trace, struct trace_info *info)
{
  struct byte_source_info source;
  byte_source_get_info(trace->source, &source);
  *info = (struct trace_info){
      .format = trace->reader->format,
      .compression = source.compression,
      .time_base = trace->time_base,
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
}

void trace_get_interface(const struct trace *trace, uint32_t index,
                         struct trace_interface *interface)
{
  *interface = (struct trace_interface){.name = "", .description = ""};
  if (index >= trace->interfaces.count)
    return;
  const struct interface_entry *entry = &trace->interfaces.entries[index];
  if (entry->name != NULL)
    interface->name = entry->name;
  if (entry->description != NULL)
    interface->description = entry->description;
  interface->linktype = entry->linktype;
  interface->snaplen_bytes = entry->snaplen_bytes;
  interface->frames = entry->frames;
  interface->dropped = entry->dropped_by_statistics > entry->dropped_by_packets
                           ? entry->dropped_by_statistics
                           : entry->dropped_by_packets;
  interface->has_dropped = entry->has_dropped;
}

const char *trace_host_name(const struct trace *trace, const struct ip_address *address)
{
  return trace->names == NULL ? NULL : name_table_name(trace->names, address);
}

bool trace_host_address(const struct trace *trace, const char *name, struct ip_address *address)
{
  return trace->names != NULL && name_table_address(trace->names, name, address);
}
