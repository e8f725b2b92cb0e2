#include "capture/annotate_stream.h"

#include "capture/interface_table.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct stream_interface *block_stream_interface(const struct block_stream *stream,
                                                uint32_t in_section)
{
  return in_section < stream->interface_count - stream->section_first
             ? &stream->interfaces[stream->section_first + in_section]
             : NULL;
}

static void end_damaged(struct block_stream *stream, const struct error *why)
{
  struct byte_source_info info;
  byte_source_get_info(stream->source, &info);
  stream->ended = true;
  error_set(&stream->damage, why->code, "%.200s: %.150s, at offset %llu", info.name, why->text,
            (unsigned long long)info.offset);
}

static bool add_interface(struct block_stream *stream)
{
  struct pcapng_interface_record record;
  struct error why;
  if (pcapng_interface_read(&record, &stream->block, stream->big_endian, &why) != PCAPNG_OK) {
    end_damaged(stream, &why);
    return false;
  }
  struct stream_interface *grown = NULL;
  if (stream->interface_count < INTERFACE_TABLE_MAX)
    grown = realloc(stream->interfaces, (stream->interface_count + 1) * sizeof *grown);
  if (grown == NULL) {
    error_set(&why, ERROR_LIMIT, "no room for more than %u interfaces", stream->interface_count);
    end_damaged(stream, &why);
    return false;
  }
  stream->interfaces = grown;
  stream->interfaces[stream->interface_count++] =
      (struct stream_interface){.linktype = record.linktype,
                                .snaplen_bytes = record.snaplen_bytes,
                                .tsresol = record.tsresol,
                                .tsoffset_s = record.tsoffset_s,
                                .fcs_bytes = record.fcs_bytes};
  return true;
}

static bool read_frame(struct block_stream *stream)
{
  const struct stream_interface *first = block_stream_interface(stream, 0);
  struct pcapng_packet_record packet;
  struct error why;
  enum pcapng_result result = pcapng_packet_read(&packet, &stream->block, stream->big_endian,
                                                 first == NULL ? 0 : first->snaplen_bytes, &why);
  const struct stream_interface *interface =
      result == PCAPNG_OK ? block_stream_interface(stream, packet.interface) : NULL;
  if (interface == NULL) {
    if (result == PCAPNG_OK)
      error_set(&why, ERROR_FORMAT, "damaged: a frame of an interface that is not described");
    end_damaged(stream, &why);
    return false;
  }
  stream->is_frame = true;
  stream->frame = (struct frame){
      .time_ns = packet.has_time
                     ? pcapng_time_ns(packet.time_units, interface->tsresol, interface->tsoffset_s)
                     : TIME_INVALID,
      .number = pcapng_packet_number(&packet, &stream->next_number),
      .interface = stream->section_first + packet.interface,
      .linktype = interface->linktype,
      .captured_bytes = packet.captured_bytes,
      .original_bytes = packet.original_bytes < packet.captured_bytes ? packet.captured_bytes
                                                                      : packet.original_bytes,
      .direction = packet.direction,
      .part_flags = packet.has_mark ? packet.mark.flags : 0,
      .fcs_bytes = packet.fcs_bytes != 0 ? packet.fcs_bytes : interface->fcs_bytes,
      .bytes = packet.bytes};
  return true;
}

/* false: it cannot be gone on with. */
static bool look_at(struct block_stream *stream)
{
  struct error why;
  stream->is_frame = false;
  if (!stream->in_section && stream->block.type != PCAPNG_SECTION_HEADER) {
    error_set(&why, ERROR_FORMAT, "no pcapng: it does not begin with a section");
    end_damaged(stream, &why);
    return false;
  }
  stream->in_section = true;
  switch (stream->block.type) {
  case PCAPNG_SECTION_HEADER: stream->section_first = stream->interface_count; return true;
  case PCAPNG_INTERFACE: return add_interface(stream);
  case PCAPNG_PACKET:
  case PCAPNG_SIMPLE_PACKET:
  case PCAPNG_ENHANCED_PACKET: return read_frame(stream);
  default: stream->next_number += pcapng_block_is_numbered(stream->block.type); return true;
  }
}

/* What ends a stream in the midst of a block. */
static void end_within(struct block_stream *stream, size_t left)
{
  struct error why;
  stream->ended = true;
  if (left == 0)
    return;
  error_set(&why, ERROR_FORMAT, "cut off in a block: %zu of its bytes are there", left);
  end_damaged(stream, &why);
}

void block_stream_next(struct block_stream *stream)
{
  struct error why;
  byte_source_consume(stream->source, stream->block.total_bytes);
  stream->block.total_bytes = 0;
  while (!stream->ended) {
    size_t size, needed = 0;
    const uint8_t *bytes = byte_source_window(stream->source, &size);
    enum pcapng_result result =
        pcapng_block_read(&stream->block, &stream->big_endian, bytes, size, &needed, &why);
    if (result == PCAPNG_OK) {
      stream->bytes = bytes;
      if (look_at(stream))
        return;
      stream->block.total_bytes = 0;
      return;
    }
    stream->block.total_bytes = 0;
    if (result == PCAPNG_BAD) {
      end_damaged(stream, &why);
      return;
    }
    int filled = byte_source_fill(stream->source, needed, &why);
    if (filled == 0)
      end_within(stream, size);
    else if (filled < 0)
      end_damaged(stream, &why);
  }
}

int block_stream_open(struct block_stream *stream, const char *path, int fd, struct trace *trace,
                      const char *application, struct error *error)
{
  char pipe_path[32];
  struct byte_source_options options = {.fd = fd};
  *stream = (struct block_stream){.next_number = 1};
  if (trace != NULL) {
    int rc = conversion_begin(&stream->conversion, trace, application, error);
    if (rc < 0)
      return rc;
    snprintf(pipe_path, sizeof pipe_path, "/dev/fd/%d", stream->conversion.read_fd);
    path = pipe_path;
    options.fd = 0;
  }
  int rc = byte_source_open(&stream->source, path, &options, error);
  if (rc == 0)
    block_stream_next(stream);
  else
    block_stream_close(stream);
  return rc;
}

void block_stream_close(struct block_stream *stream)
{
  byte_source_close(stream->source);
  stream->source = NULL;
  if (stream->conversion.running) {
    close(stream->conversion.read_fd);
    conversion_end(&stream->conversion);
    if (stream->damage.code == ERROR_NONE)
      stream->damage = stream->conversion.error;
  }
  free(stream->interfaces);
  stream->interfaces = NULL;
}
