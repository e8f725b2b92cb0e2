#ifndef CAPTURE_REMOTE_READER_H
#define CAPTURE_REMOTE_READER_H

/* Reads a capture while it comes through a pipe: pcapng as `tcpstall capture -w -` writes it on
 * another host, or pcap as tcpdump does. Frames, samples and counters are given away as soon as
 * they are there.
 *
 * The other host is not trusted: memory is bounded, whatever it sends. Times are those of its
 * clock, which may differ from ours by hours. */

#include "wire/error.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REMOTE_READER_INTERFACES_MAX 64u
/* A larger block is damage: a frame of CAPTURED_BYTES_MAX and 128 KiB of options fit. */
#define REMOTE_READER_BLOCK_BYTES_MAX ((size_t)400 << 10)

struct remote_reader; /* opaque */

struct remote_interface {
  const char *name, *description; /* clean, "" if not said; borrowed for the call */
  uint32_t linktype, snaplen_bytes;
  bool samples_announced;
};

struct remote_counters {
  int64_t time_ns;
  bool has_received, has_dropped;
  uint64_t received, dropped; /* since the capture began there */
  bool last;                  /* the capture there ended as it should (isb_endtime) */
};

/* index: the interface's, counted from 0 through the whole stream. All pointers are borrowed for
 * the call. NULL: nobody asks. */
struct remote_sink {
  void *context;
  void (*interface)(void *context, uint32_t index, const struct remote_interface *interface);
  /* time_ns, interface, linktype, lengths, direction, bytes; captured_bytes <= original_bytes */
  void (*frame)(void *context, const struct frame *frame);
  /* A sample (wire/sample_format.h) as it came, preamble included; the last one as well. */
  void (*sample)(void *context, uint32_t index, int64_t time_ns, const uint8_t *bytes, size_t size);
  void (*counters)(void *context, uint32_t index, const struct remote_counters *counters);
};

enum remote_reader_state {
  REMOTE_OPENING, /* nothing, or not enough to know the format */
  REMOTE_READING,
  REMOTE_ENDED,  /* at the end of a block */
  REMOTE_CUT,    /* within one: what was before it counts */
  REMOTE_DAMAGED /* no capture, or not any more */
};

/* 0 or ERROR_MEMORY. The sink is copied. */
int remote_reader_new(struct remote_reader **reader, const struct remote_sink *sink,
                      struct error *error);
void remote_reader_free(struct remote_reader *reader); /* NULL is allowed */

/* Reads once from fd, which does not block (O_NONBLOCK), and gives away what is there: at most
 * `max` frames, samples and counters. Returns their number, 0: nothing at present, which poll()
 * can wait for. Fewer than max: all that was read was given away. Negative, error_code: nothing
 * will come any more, and remote_reader_state() says how it ended; the text says why. A stream that
 * ended at the end of a block is ERROR_IO too. */
int remote_reader_read(struct remote_reader *reader, int fd, int max, struct error *error);

/* The same with bytes that the caller has; remote_reader_read() is made of these.
 * feed returns how many it took: 0 while it is full. deliver as remote_reader_read(). */
size_t remote_reader_feed(struct remote_reader *reader, const uint8_t *bytes, size_t size);
int remote_reader_deliver(struct remote_reader *reader, int max, struct error *error);
/* No more bytes will come. */
void remote_reader_end(struct remote_reader *reader);

enum remote_reader_state remote_reader_state(const struct remote_reader *reader);
const char *remote_reader_format(const struct remote_reader *reader); /* "pcapng", "pcap", "" */
uint32_t remote_reader_interfaces(const struct remote_reader *reader);
/* The latest time of any frame or counter so far, in the other host's clock; INT64_MIN before. Its
 * tcpstall writes in the order of time. */
int64_t remote_reader_latest_ns(const struct remote_reader *reader);
/* true if the other host has said of every interface that its capture ended as it should. tcpdump
 * never says so. */
bool remote_reader_finished(const struct remote_reader *reader);

#endif
