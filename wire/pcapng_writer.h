#ifndef WIRE_PCAPNG_WRITER_H
#define WIRE_PCAPNG_WRITER_H

/* Writes pcapng (draft-ietf-opsawg-pcapng), little-endian on little-endian machines, one
 * section. All functions return 0 or a negative error_code. The writer buffers; flush or close
 * makes it durable. */

#include "wire/error.h"
#include "wire/packet.h"

#include <stddef.h>
#include <stdint.h>

struct pcapng_writer; /* opaque */

struct pcapng_interface {
  const char *name, *description; /* NULL or "" = option left out */
  const char *filter, *comment;   /* as above */
  uint32_t linktype;
  uint32_t snaplen_bytes; /* 0 = unlimited */
};

struct pcapng_packet {
  uint32_t interface; /* index as returned by pcapng_writer_interface() */
  int64_t time_ns;
  const uint8_t *bytes; /* borrowed for the call */
  uint32_t captured_bytes, original_bytes;
  uint8_t direction;           /* enum packet_direction; 0 = no flags option */
  uint64_t packet_id;          /* 0 = none */
  const char *const *comments; /* comment_count UTF-8 strings, borrowed; one opt_comment each */
  size_t comment_count;
};

/* Interface statistics block. Counters are since the start of the capture; UINT64_MAX leaves one
 * out. Times: TIME_INVALID leaves it out. */
struct pcapng_statistics {
  uint32_t interface;
  int64_t time_ns, start_ns, end_ns;
  uint64_t received, dropped, delivered; /* isb_ifrecv, isb_ifdrop, isb_usrdeliv */
  /* A custom binary option (code 2989) of private enterprise number custom_pen: custom_bytes of its
   * data, borrowed for the call; 0 = none, at most PCAPNG_CUSTOM_BYTES_MAX. */
  const uint8_t *custom;
  size_t custom_bytes;
  uint32_t custom_pen;
  const char *comment; /* NULL or "" = option left out */
};

#define PCAPNG_CUSTOM_BYTES_MAX 65531u /* an option's length field, less the enterprise number */

/* Takes over fd; "application" goes into shb_userappl. Section header is written at once. */
int pcapng_writer_open(struct pcapng_writer **writer, int fd, const char *application,
                       struct error *error);
/* The same for who brings all blocks ready made, section headers too. */
int pcapng_writer_open_bare(struct pcapng_writer **writer, int fd, struct error *error);
/* A whole block, as it is. */
int pcapng_writer_block(struct pcapng_writer *writer, const uint8_t *block, size_t size,
                        struct error *error);
/* Returns the interface's index (>= 0). if_tsresol is 9. */
int pcapng_writer_interface(struct pcapng_writer *writer, const struct pcapng_interface *interface,
                            struct error *error);
int pcapng_writer_packet(struct pcapng_writer *writer, const struct pcapng_packet *packet,
                         struct error *error);
/* Interface statistics block; *_or_none: UINT64_MAX leaves the option out. */
int pcapng_writer_statistics(struct pcapng_writer *writer, uint32_t interface, int64_t time_ns,
                             uint64_t received_or_none, uint64_t dropped_or_none,
                             struct error *error);
int pcapng_writer_statistics_block(struct pcapng_writer *writer,
                                   const struct pcapng_statistics *statistics, struct error *error);
/* Name resolution block with one record: address (IPv4 if ip_version is 4, else IPv6) -> name. */
int pcapng_writer_name(struct pcapng_writer *writer, const struct ip_address *address,
                       uint8_t ip_version, const char *name, struct error *error);
/* A flush writes whole blocks only. If it fails (the disk is full), a regular file is cut back
 * behind the last whole block that fits, so that what is there stays readable. */
int pcapng_writer_flush(struct pcapng_writer *writer, struct error *error);
/* Bytes of all blocks so far, the buffered ones too. */
uint64_t pcapng_writer_bytes(const struct pcapng_writer *writer);
/* Of these, the bytes that have left the buffer; when writing has failed, those of the blocks that
 * are in the file, as far as it can be cut back. */
uint64_t pcapng_writer_flushed_bytes(const struct pcapng_writer *writer);
/* Flushes, closes fd, frees; *writer may be NULL. The error of a failed flush is reported. */
int pcapng_writer_close(struct pcapng_writer *writer, struct error *error);

#endif
