#ifndef LAB_PCAP_INPUT_H
#define LAB_PCAP_INPUT_H

/* What tcpdump writes on this machine with --time-stamp-precision=nano, frame by frame. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NS_PER_S        INT64_C(1000000000)
#define LAB_FRAME_BYTES 65600

struct pcap_file_header {
  uint32_t magic;
  uint16_t version_major, version_minor;
  uint32_t zone, accuracy, snaplen, linktype;
};

struct pcap_record_header {
  uint32_t seconds, nanoseconds, captured, original;
};

struct pcap_input {
  FILE *file;
  struct pcap_file_header header;
  struct pcap_record_header record;
  uint8_t bytes[LAB_FRAME_BYTES];
  int64_t time_ns;
  bool have; /* a record is at hand */
};

/* mode: as of fopen(). false: not there, or not such a file. */
bool pcap_input_open(struct pcap_input *in, const char *name, const char *mode);
/* The next frame, or false at the end. */
bool pcap_input_next(struct pcap_input *in);

/* How much of a frame a sample keeps: its headers and `payload` bytes behind them. */
uint32_t frame_kept_bytes(const uint8_t *bytes, size_t captured, size_t payload);

#endif
