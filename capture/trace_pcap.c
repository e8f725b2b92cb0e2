#include "capture/trace_reader.h"

/* Reads the file header, without waiting on a pipe for a byte more than it has. */
static int read_header(struct trace *trace, struct error *error)
{
  struct pcap_format *format = &trace->pcap.format;
  for (;;) {
    struct error why = {0};
    size_t size;
    const uint8_t *bytes = byte_source_window(trace->source, &size);
    int rc = pcap_format_open(format, bytes, size, &why);
    if (rc == 0 || size >= PCAP_FILE_HEADER_BYTES_MAX)
      return rc < 0 ? trace_error(trace, &why, 0, error) : 0;
    rc = byte_source_fill(trace->source, PCAP_FILE_HEADER_BYTES_MAX, error);
    if (rc < 0)
      return rc;
    if (rc == 0)
      return trace_error(trace, &why, 0, error);
  }
}

static int pcap_open_trace(struct trace *trace, struct error *error)
{
  struct trace_pcap_state *pcap = &trace->pcap;
  int rc = read_header(trace, error);
  if (rc < 0)
    return rc;
  byte_source_consume(trace->source, pcap->format.file_header_bytes);
  pcap->walk.next_number = 1;
  struct pcapng_interface_record interface = {.linktype = pcap->format.linktype,
                                              .snaplen_bytes = pcap->format.snaplen_bytes};
  struct error why;
  rc = interface_table_add(&trace->interfaces, &interface, trace->filter_text, &why);
  return rc < 0 ? trace_error(trace, &why, 0, error) : 0;
}

/* The variants that share a magic number are told apart as soon as bytes behind the file header are
 * there. */
static void guess_variant(struct trace *trace, const uint8_t *bytes, size_t size)
{
  if (!trace->pcap.format.variant_open || size < trace->pcap.format.record_header_bytes)
    return;
  struct byte_source_info info;
  byte_source_get_info(trace->source, &info);
  bool is_plain_file = info.compression[0] == '\0' && info.bytes_total > 0;
  bool whole = info.ended || (is_plain_file && info.bytes_read >= info.bytes_total);
  pcap_format_guess(&trace->pcap.format, bytes, size, whole);
}

static size_t pcap_take(struct trace *trace, struct frame *frames, size_t max, size_t *needed)
{
  struct trace_pcap_state *pcap = &trace->pcap;
  size_t size, count;
  const uint8_t *bytes = byte_source_window(trace->source, &size);
  guess_variant(trace, bytes, size);
  enum pcap_walk_stop stop =
      pcap_format_walk(&pcap->format, bytes, size, frames, max, &count, &pcap->walk);
  byte_source_consume(trace->source, pcap->walk.used);
  *needed = stop == PCAP_WALK_MORE ? pcap->walk.needed : 0;
  if (stop == PCAP_WALK_BAD)
    trace_fail(trace, &pcap->walk.error, 0);
  trace->corrected = pcap->walk.corrected;
  trace->interfaces.entries[0].frames += count;
  return count;
}

static int pcap_finish(struct trace *trace, size_t size, struct error *error)
{
  const struct trace_pcap_state *pcap = &trace->pcap;
  struct error why;
  unsigned long long frame = pcap->walk.next_number;
  if (size < pcap->format.record_header_bytes)
    error_set(&why, ERROR_FORMAT,
              "cut off in the record header of frame %llu: %zu of %u bytes are there", frame, size,
              pcap->format.record_header_bytes);
  else
    error_set(&why, ERROR_FORMAT, "cut off in frame %llu: %zu of its %zu bytes are there", frame,
              size - pcap->format.record_header_bytes,
              pcap->walk.needed - pcap->format.record_header_bytes);
  return trace_error(trace, &why, 0, error);
}

const struct trace_reader trace_pcap_reader = {
    .format = "pcap", .open = pcap_open_trace, .take = pcap_take, .finish = pcap_finish};
