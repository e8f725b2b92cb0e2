#ifndef WIRE_PCAP_FORMAT_H
#define WIRE_PCAP_FORMAT_H

/* The classic pcap file (draft-ietf-opsawg-pcap) and its relatives, parsed from bytes in memory: no
 * files, no allocation. The same rules as Wireshark's decide what is damage, so that frame numbers
 * agree. */

#include "wire/error.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCAP_FILE_HEADER_BYTES     24
#define PCAP_FILE_HEADER_BYTES_MAX 28 /* Ixia's has four more: the size of all records */

/* No record may claim more captured bytes than this: libpcap's and Wireshark's limit, above which a
 * length is taken for damage. */
#define CAPTURED_BYTES_MAX UINT32_C(262144)
/* The same for the link types whose "frames" are messages: D-Bus, USBPcap, EBHSCR. */
#define CAPTURED_BYTES_MAX_MESSAGE UINT32_C(0x8000000)

/* The limit that holds for a link type. */
uint32_t captured_bytes_max(uint32_t linktype);

/* What follows the 16 bytes of a record header that all variants share. */
enum pcap_variant {
  PCAP_STANDARD,
  PCAP_SS990417, /* Kuznetsov's first patch: + ifindex 4, protocol 2, packet type 1, pad 1; standard
                    magic */
  PCAP_SS991029, /* his last patch: the same, with its own magic 0xa1b2cd34 */
  PCAP_SS990915, /* his second: + ifindex 4, protocol 2, packet type 1, cpu 1, cpu 1, pad 3; that
                    magic too */
  PCAP_NOKIA     /* + 4 bytes; standard magic */
};

/* Before version 2.3 the two lengths were the other way round; files that say 2.3 may have either.
 */
enum pcap_length_order { PCAP_CAPTURED_FIRST, PCAP_ORIGINAL_FIRST, PCAP_SMALLER_IS_CAPTURED };

struct pcap_format {
  bool big_endian;
  uint32_t ns_per_unit; /* of the sub-second field: 1 or 1000 */
  enum pcap_variant variant;
  enum pcap_length_order length_order;
  uint16_t version_major, version_minor;
  uint32_t snaplen_bytes;
  uint32_t linktype;
  uint8_t fcs_bytes;         /* 0, 2 or 4 */
  uint8_t file_header_bytes; /* 24 or 28 */
  uint8_t record_header_bytes;
  bool variant_open; /* standard or modified magic, version 2.4: pcap_format_guess() decides */
};

/* true if the four bytes are one of pcap's magic numbers. */
bool pcap_format_probe(const uint8_t *bytes, size_t size);

/* Reads the file header. Returns 0, ERROR_FORMAT (no pcap, or cut off) or ERROR_UNSUPPORTED
 * (version, link type field with reserved bits); the text names neither file nor offset. */
int pcap_format_open(struct pcap_format *format, const uint8_t *bytes, size_t size,
                     struct error *error);

/* Decides between the variants that share a magic number, from the records at hand (those behind
 * the file header; none is fine): the first one wins whose first three record headers have no
 * impossible field. If none is flawless the file is damaged, and the usual variant stays. `whole`:
 * there is nothing behind these bytes. */
void pcap_format_guess(struct pcap_format *format, const uint8_t *bytes, size_t size, bool whole);

enum pcap_walk_stop {
  PCAP_WALK_FULL, /* `max` frames were found */
  PCAP_WALK_MORE, /* the record at `used` needs `needed` bytes */
  PCAP_WALK_BAD   /* the record at `used` is damaged: see `error` */
};

struct pcap_walk {
  uint64_t next_number; /* in and out: the next frame's number */
  uint64_t corrected; /* in and out: records whose lengths or sub-seconds contradicted themselves */
  size_t used;        /* bytes of the complete records walked */
  size_t needed;      /* from `used` on, if PCAP_WALK_MORE */
  struct error error; /* if PCAP_WALK_BAD; names neither file nor offset */
};

/* Turns the records at bytes into up to max frames, which borrow the bytes. *count is how many. */
enum pcap_walk_stop pcap_format_walk(const struct pcap_format *format, const uint8_t *bytes,
                                     size_t size, struct frame *frames, size_t max, size_t *count,
                                     struct pcap_walk *walk);

#endif
