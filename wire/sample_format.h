#ifndef WIRE_SAMPLE_FORMAT_H
#define WIRE_SAMPLE_FORMAT_H

/* Socket and queue samples: what a kernel said about its sockets, queues and devices while their
 * packets were captured. They travel in pcapng's interface statistics blocks, in a custom binary
 * option (code 2989) of enterprise number 32473, which RFC 5612 reserves for examples.
 *
 *   option value: enterprise number (the section's byte order), then
 *   "tcpstall"  version u8  last u8  2 bytes 0  number u32
 *   records:    type u16  length u16  delay u32 (ns after the block's time)  length bytes  padding
 * to 4
 *
 * Samples of an interface are numbered from 0; the recording ends with an empty one that says so
 * (last = 1). So a reader knows what other programs dropped on the way: editcap 4.0 keeps a few.
 *
 * The numbers of this framing are little-endian, whatever the section's byte order. The bytes of a
 * netlink record are the kernel's answer as it came, in the byte order that the header record tells
 * ("byte_order"). A reader passes over types that it does not know. Nothing here allocates; what is
 * read points into the bytes that went in. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAMPLE_PEN            32473u
#define SAMPLE_VERSION        1u
#define SAMPLE_PREAMBLE_BYTES 16u
#define SAMPLE_RECORD_BYTES   8u /* before its content */

/* What an interface description's comment begins with if samples of it follow. Tools that drop the
 * samples (editcap 4.0) keep the comment. */
#define SAMPLE_INTERFACE_COMMENT "tcpstall samples"

/* What a statistics block's comment begins with that tells of a time in which nothing was captured
 * at this interface; the rest is a sentence for people. */
#define SAMPLE_GAP_COMMENT "tcpstall: "

enum sample_type {
  SAMPLE_HEADER = 1, /* text, "name=value" lines: byte_order (little, big), machine, kernel, ... */
  SAMPLE_SOCKET = 2, /* netlink: SOCK_DIAG_BY_FAMILY, inet_diag_msg and attributes */
  SAMPLE_SOCKET_GONE = 3, /* the 48 bytes of inet_diag_sockid of a socket that is there no more */
  SAMPLE_LINK = 4,        /* netlink: RTM_NEWLINK */
  SAMPLE_LINK_STATISTICS = 5, /* netlink: RTM_NEWSTATS with IFLA_STATS_LINK_64 */
  SAMPLE_QDISC = 6,           /* netlink: RTM_NEWQDISC of the root */
  SAMPLE_NEIGHBOUR = 7,       /* netlink: RTM_NEWNEIGH */
  SAMPLE_NETSTAT = 8          /* text, "name=value" lines: TcpExt's counters of the namespace */
};

/* Building: into the caller's buffer. */
struct sample_builder {
  uint8_t *bytes;
  size_t capacity_bytes, bytes_used;
};

/* capacity_bytes >= SAMPLE_PREAMBLE_BYTES. number, last: see above. */
void sample_begin(struct sample_builder *builder, uint8_t *bytes, size_t capacity_bytes,
                  uint32_t number, bool last);
/* false: it does not fit, and nothing was added. */
bool sample_add(struct sample_builder *builder, enum sample_type type, uint32_t delay_ns,
                const void *bytes, size_t size);
bool sample_is_empty(const struct sample_builder *builder);
/* Gives a whole sample, as it was built or as sample_open() took it, another number. */
void sample_renumber(uint8_t *bytes, size_t size, uint32_t number);

/* Reading. */
struct sample_records {
  uint32_t number; /* of this sample */
  bool last;       /* it is empty, and no other follows */
  const uint8_t *bytes;
  size_t size;
  bool overrun; /* a record runs over the end: what came before counts */
};

struct sample_record {
  uint16_t type; /* enum sample_type, or one that we do not know */
  uint16_t length_bytes;
  uint32_t delay_ns;
  const uint8_t *bytes;
};

enum sample_result {
  SAMPLE_OK,
  SAMPLE_FOREIGN, /* not ours */
  SAMPLE_NEWER    /* ours, of a version that we do not know */
};

/* bytes: the option's value behind the enterprise number. */
enum sample_result sample_open(struct sample_records *records, const uint8_t *bytes, size_t size);
bool sample_next(struct sample_records *records, struct sample_record *record);

/* The value of `name` in a record of text, or false. */
bool sample_text_value(const struct sample_record *record, const char *name, const char **value,
                       size_t *size);

#endif
