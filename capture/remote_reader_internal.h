#ifndef CAPTURE_REMOTE_READER_INTERNAL_H
#define CAPTURE_REMOTE_READER_INTERNAL_H

/* Inside of a remote reader: what remote_reader.c (the buffer, pcap) and remote_reader_pcapng.c
 * share. */

#include "capture/remote_reader.h"
#include "wire/pcap_format.h"
#include "wire/pcapng_format.h"

/* A capture of today says no later time: the year 2200. Sums with it cannot overflow. */
#define REMOTE_TIME_NS_MAX INT64_C(7258118400000000000)

/* Returned beside 0 and 1 (how much was given away) and negative error_codes. */
#define REMOTE_TAKE_MORE 1000 /* reader->needed bytes are needed */

enum remote_format { REMOTE_FORMAT_UNKNOWN, REMOTE_FORMAT_PCAPNG, REMOTE_FORMAT_PCAP };

struct remote_reader_interface {
  uint32_t linktype, snaplen_bytes;
  uint8_t tsresol, fcs_bytes;
  int64_t tsoffset_s;
  bool finished;
};

struct remote_reader {
  struct remote_sink sink;
  enum remote_reader_state state;
  enum remote_format format;
  bool input_ended;
  struct error failure; /* told when everything before it was given away */
  bool big_endian;      /* pcapng: the section's */
  struct pcap_format pcap;
  uint32_t section_first; /* index of the section's first interface */
  uint32_t interface_count;
  struct remote_reader_interface interfaces[REMOTE_READER_INTERFACES_MAX];
  int64_t latest_ns;
  size_t needed;     /* for the next block, from `begin` on */
  size_t begin, end; /* of what is in bytes and not yet given away */
  uint8_t bytes[2 * REMOTE_READER_BLOCK_BYTES_MAX];
};

/* Takes one block from reader->begin: 0 or 1, REMOTE_TAKE_MORE, or a negative error_code. */
int remote_reader_take_block(struct remote_reader *reader, struct error *error);

/* 1, or ERROR_FORMAT. */
int remote_reader_give_frame(struct remote_reader *reader, struct frame *frame,
                             struct error *error);
/* 0, or ERROR_FORMAT for an impossible time. */
int remote_reader_note_time(struct remote_reader *reader, int64_t time_ns, struct error *error);

#endif
