#ifndef WIRE_PCAPNG_FORMAT_H
#define WIRE_PCAPNG_FORMAT_H

/* pcapng (draft-ietf-opsawg-pcapng), block by block, from bytes in memory: no files, no allocation.
 * All pointers that come out point into the bytes that went in. Texts of errors name neither file
 * nor offset. */

#include "wire/error.h"
#include "wire/packet.h"
#include "wire/part_mark.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pcapng_block_type {
  PCAPNG_SECTION_HEADER = 0x0a0d0d0a,
  PCAPNG_INTERFACE = 1,
  PCAPNG_PACKET = 2, /* obsolete */
  PCAPNG_SIMPLE_PACKET = 3,
  PCAPNG_NAME_RESOLUTION = 4,
  PCAPNG_INTERFACE_STATISTICS = 5,
  PCAPNG_ENHANCED_PACKET = 6,
  PCAPNG_SYSTEMD_JOURNAL = 9,
  PCAPNG_DECRYPTION_SECRETS = 10,
  PCAPNG_CUSTOM = 0x00000bad,
  PCAPNG_CUSTOM_NO_COPY = 0x40000bad
};

#define PCAPNG_SECTION_HEADER_BYTES_MIN 28
/* A block that claims more is damage. Wireshark's limit: a largest packet of any link type, 128 KiB
 * of options, and what is around them. */
#define PCAPNG_BLOCK_BYTES_MAX (UINT32_C(128) * 1024 * 1024 + 128 * 1024 + 32)

struct pcapng_block {
  uint32_t type;
  uint32_t total_bytes; /* in the file, padding included */
  const uint8_t *body;  /* between the two length fields */
  uint32_t body_bytes;
};

enum pcapng_result {
  PCAPNG_OK,
  PCAPNG_MORE, /* more bytes are needed: *needed, from the start of the block */
  PCAPNG_BAD   /* damaged, or a version that we do not know */
};

/* true if bytes begin with a section header block's type and byte-order magic (12 bytes are looked
 * at). */
bool pcapng_probe(const uint8_t *bytes, size_t size);

/* Reads one block. *big_endian is the section's byte order; a section header sets it. */
enum pcapng_result pcapng_block_read(struct pcapng_block *block, bool *big_endian,
                                     const uint8_t *bytes, size_t size, size_t *needed,
                                     struct error *error);

/* true if Wireshark gives a block of this type a frame number of its own although it holds no frame
 * (custom blocks, systemd journal entries, sysdig events). */
bool pcapng_block_is_numbered(uint32_t type);

/* Options: (code, length, value padded to 4)*. The walk ends at opt_endofopt, at the end of the
 * block, and where an option runs over it (`overrun`; what was read before counts). */
enum { PCAPNG_OPTION_END = 0, PCAPNG_OPTION_COMMENT = 1, PCAPNG_OPTION_CUSTOM_BINARY = 2989 };

struct pcapng_options {
  const uint8_t *bytes;
  size_t size;
  bool big_endian;
  bool overrun;
};

struct pcapng_option {
  uint16_t code, length_bytes;
  const uint8_t *value;
};

bool pcapng_option_next(struct pcapng_options *options, struct pcapng_option *option);

/* A string of the file: not terminated, may hold anything. */
struct pcapng_text {
  const char *bytes;
  size_t size;
};

/* Interface description block. */
struct pcapng_interface_record {
  uint32_t linktype;
  uint32_t snaplen_bytes; /* 0 = unlimited */
  struct pcapng_text name, description, filter;
  struct pcapng_text comment; /* the first one */
  uint8_t tsresol;            /* as in the file: bit 7 = power of two, else of ten; 6 if not said */
  int64_t tsoffset_s;         /* added to every time stamp */
  uint8_t fcs_bytes;          /* 0, 2, 4 */
};

enum pcapng_result pcapng_interface_read(struct pcapng_interface_record *interface,
                                         const struct pcapng_block *block, bool big_endian,
                                         struct error *error);

/* Enhanced, simple and obsolete packet blocks. */
struct pcapng_packet_record {
  uint32_t interface; /* within its section */
  bool has_time;
  uint64_t time_units;
  uint32_t captured_bytes, original_bytes; /* as in the block: captured may be the larger one */
  const uint8_t *bytes;
  uint8_t direction;   /* enum packet_direction */
  uint8_t fcs_bytes;   /* 0: not said here */
  uint64_t drop_count; /* packets lost since the one before; 0: none, or not said */
  bool has_drop_count;
  bool has_mark; /* it is a frame of a part of a larger trace: `mark` says of which */
  struct part_mark mark;
};

/* snaplen_bytes: of interface 0, which simple packets belong to. */
enum pcapng_result pcapng_packet_read(struct pcapng_packet_record *packet,
                                      const struct pcapng_block *block, bool big_endian,
                                      uint32_t snaplen_bytes, struct error *error);

/* The number of that frame, where *next_number would be the next one of a file without marks; moves
 * *next_number on. Numbers do not go back, whatever the marks say, but for frames that are late. */
uint64_t pcapng_packet_number(const struct pcapng_packet_record *packet, uint64_t *next_number);

/* Interface statistics block. Counters are since the start of the capture. */
struct pcapng_statistics_record {
  uint32_t interface; /* within its section */
  uint64_t time_units;
  bool has_received, has_dropped;
  uint64_t received, dropped;    /* isb_ifrecv; isb_ifdrop + isb_osdrop */
  struct pcapng_options options; /* all of them, for who looks for custom ones */
};

enum pcapng_result pcapng_statistics_read(struct pcapng_statistics_record *statistics,
                                          const struct pcapng_block *block, bool big_endian,
                                          struct error *error);

/* Name resolution block: one call per (address, name) pair. */
struct pcapng_names {
  const uint8_t *bytes;
  size_t size;
  bool big_endian;
  /* the record that is being read: its further names */
  struct ip_address address;
  uint8_t ip_version;
  const uint8_t *more;
  size_t more_bytes;
};

void pcapng_names_begin(struct pcapng_names *names, const struct pcapng_block *block,
                        bool big_endian);
bool pcapng_names_next(struct pcapng_names *names, struct ip_address *address, uint8_t *ip_version,
                       struct pcapng_text *name);

/* Time stamp of an interface as int64_t nanoseconds since 1970; TIME_INVALID if it does not fit. */
int64_t pcapng_time_ns(uint64_t units, uint8_t tsresol, int64_t tsoffset_s);
/* The time stamp that is `by_ns` later, rounded towards zero; one that has no form stays as it is.
 */
uint64_t pcapng_time_moved(uint64_t units, uint8_t tsresol, int64_t by_ns);

#endif
