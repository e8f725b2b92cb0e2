#ifndef CAPTURE_ANNOTATE_STREAM_H
#define CAPTURE_ANNOTATE_STREAM_H

/* One input of annotate.c: its blocks, one after the other, with what has to be known to change
 * them. */

#include "capture/annotate_convert.h"
#include "capture/byte_source.h"
#include "wire/packet.h"
#include "wire/pcapng_format.h"

#include <stdbool.h>
#include <stdint.h>

struct stream_interface {
  uint32_t linktype, snaplen_bytes, written_as;
  uint8_t tsresol, fcs_bytes;
  int64_t tsoffset_s;
};

struct block_stream {
  struct byte_source *source;
  struct conversion conversion; /* all zero: the input is pcapng itself */
  bool ended, in_section;
  struct error damage; /* why it ended early; code ERROR_NONE: it did not */

  /* the current block */
  bool big_endian;
  struct pcapng_block block;
  const uint8_t *bytes; /* all of it, block.total_bytes */
  bool is_frame;
  struct frame frame; /* if is_frame; the interface counts through the whole input */

  struct stream_interface *interfaces; /* of the whole input */
  uint32_t interface_count, section_first;
  uint64_t next_number;
};

/* trace: as struct annotate_input has it, but left to the caller. The stream stands on its first
 * block. Returns 0 or a negative error_code. */
int block_stream_open(struct block_stream *stream, const char *path, int fd, struct trace *trace,
                      const char *application, struct error *error);
void block_stream_close(struct block_stream *stream);

/* Goes on to the next block, or sets `ended`. */
void block_stream_next(struct block_stream *stream);

/* The interface that a block of this section means; NULL: there is no such one. */
struct stream_interface *block_stream_interface(const struct block_stream *stream,
                                                uint32_t in_section);

#endif
