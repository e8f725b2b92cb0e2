#ifndef LAB_RECORDING_READER_H
#define LAB_RECORDING_READER_H

/* Recordings of `tcpstall capture`, block by block. */

#include "wire/pcapng_format.h"

struct recording_reader {
  uint8_t *bytes;
  size_t size, at;
  bool big_endian;
  struct error error;
};

/* false: it cannot be read. */
bool recording_reader_open(struct recording_reader *reader, const char *name);
/* false at the end, and where the file is damaged. */
bool recording_reader_next(struct recording_reader *reader, struct pcapng_block *block);
/* The frame of a block, or false if it has none. The recorder's times are nanoseconds. */
bool recording_reader_frame(const struct recording_reader *reader, const struct pcapng_block *block,
                            struct pcapng_packet_record *packet);
/* Returns whether all of it was read. */
bool recording_reader_close(struct recording_reader *reader);

#endif
