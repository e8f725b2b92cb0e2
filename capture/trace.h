#ifndef CAPTURE_TRACE_H
#define CAPTURE_TRACE_H

/* A saved or piped trace, whatever its format: pcap in all its variants, pcapng, either of them
 * inside gzip or zstd, or tcpdump's text. Frames come out in file order, in batches, borrowed.
 *
 * Damage is not the end of an analysis: frames before it are delivered, then trace_next()
 * returns the error with file and offset. */

#include "wire/error.h"
#include "wire/packet.h"
#include "wire/sample_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool; /* capture/spool.h */
struct trace; /* opaque */

/* What a kernel said about its sockets and queues at some moment, out of a statistics block of
 * pcapng that tcpstall wrote (wire/sample_format.h, wire/sample_netlink.h). */
struct trace_sample {
  uint32_t interface; /* as a frame's */
  int64_t time_ns;
  uint64_t frames_before; /* the number of the last frame ahead of it in the file; 0 = none */
  bool big_endian;        /* the kernel's byte order, which its netlink records are in */
  struct sample_records records; /* for sample_next(); a copy of it, to be used up */
};

/* Called for each sample, in file order, while trace_next() looks for frames: the batch that it
 * returns may hold frames from ahead of the sample, which frames_before tells. The sample and its
 * bytes are borrowed for the call. */
typedef void trace_sample_handler(void *context, const struct trace_sample *sample);

/* A whole block of pcapng, as it is in the file. */
struct trace_block {
  uint32_t type; /* enum pcapng_block_type */
  const uint8_t *bytes;
  size_t size;
  bool big_endian; /* its section's byte order */
};

/* Called for each block of pcapng, the frames' too, in file order, while trace_next() looks for
 * frames: asked for one frame at a time, the frame's own block comes last. The bytes are borrowed
 * as a frame's are. */
typedef void trace_block_handler(void *context, const struct trace_block *block);

struct trace_options {
  const char *filter; /* tcpdump's language; NULL or "" = everything */
  /* if not NULL and it turns non-zero (a signal, another thread): end of trace at the next call */
  volatile const int *stop;
  /* Not 0: an open regular file, which is read from where it stands, by position; it is neither
   * moved nor closed, so any number of traces may read it. The path then only names it. */
  int fd;
  struct spool *spool;             /* NULL, or where all that is read from a pipe goes as well */
  trace_sample_handler *on_sample; /* NULL: samples are only counted */
  void *sample_context;
  trace_block_handler *on_block; /* NULL: nobody wants them */
  void *block_context;
};

enum trace_time_base {
  TRACE_TIME_EPOCH,   /* seconds since 1970 */
  TRACE_TIME_OF_DAY,  /* text without a date: counts from 1970-01-01 00:00 */
  TRACE_TIME_RELATIVE /* text with -ttt / -ttttt: counts from its first packet */
};

/* What the file says about one interface (pcapng) or about itself (pcap: interface 0). */
struct trace_interface {
  /* "" if not said; owned by the trace, valid until trace_close() */
  const char *name, *description;
  const char *captured_on; /* the host, if the description is "captured on: HOST"; else "" */
  uint32_t linktype;
  uint32_t snaplen_bytes; /* 0 = unlimited */
  uint64_t frames;        /* delivered or filtered out */
  /* reported by the capture (ISB, EPB drop counts); see has_dropped */
  uint64_t dropped;
  bool has_dropped;         /* the file reports drops at all */
  uint64_t samples;         /* blocks with samples of sockets and queues, so far */
  uint64_t samples_damaged; /* of these, cut off or of a version that we do not know */
  uint64_t samples_missing; /* known by their numbers to have been there */
  /* The file says that there are samples; their end was seen. The one without the other, at the end
   * of the trace: what follows the last one is missing, as the recording was cut off, or a tool
   * that rewrote the file dropped them. */
  bool samples_announced, samples_ended;
  /* Which kernel's, one between two starts of its machine: "" if that is not told, or if there are
   * several. Owned by the trace, valid until trace_close(). */
  const char *boot_id;
  /* Times in which the recorder captured nothing there, and what it says of the last one ("" if
   * there was none): "tap0 was away for 2.5 s: ..." */
  uint32_t gaps;
  const char *gap;
};

struct trace_info {
  const char *format;      /* "pcap", "pcapng", "text" */
  const char *compression; /* "", "gzip", "zstd" */
  enum trace_time_base time_base;
  uint64_t bytes_read;  /* from the file, compressed bytes if compressed */
  uint64_t bytes_total; /* 0 if not known (a pipe) */
  uint64_t frames;      /* read so far, the filtered ones too */
  uint64_t filtered_out;
  /* pcapng blocks that Wireshark numbers as frames, though they are none */
  uint64_t foreign_blocks;
  uint64_t skipped_blocks;    /* unknown pcapng blocks, passed over */
  uint64_t corrected_records; /* more captured than original bytes, or sub-seconds of a second and
                                 more: put right */
  uint64_t lines_not_understood; /* text: lines that look like a packet and are none that we know */
  uint32_t interface_count;
  /* the trace says on which host it was taken: text by "# captured on: HOST" or "HOST is us",
     pcapng by an if_description "captured on: HOST"; else "" */
  const char *captured_on;
};

/* Opens path ("-" = standard input; pipes and FIFOs may still be growing). Returns 0 or a negative
 * error_code; *trace is then NULL. A file that is empty or foreign is ERROR_FORMAT. */
int trace_open(struct trace **trace, const char *path, const struct trace_options *options,
               struct error *error);

/* Reads on until the next frame is there, but leaves it to trace_next(): what a file says ahead of
 * its first packet is then known. On a pipe it waits. Damage is left to trace_next(), too. */
void trace_peek(struct trace *trace);

/* What is read from now on need not be kept (trace_options.spool). */
void trace_stop_spooling(struct trace *trace);

/* Fills up to `max` frames. Their bytes stay valid until the next call on this trace. Returns
 * the number of frames, 0 at the end, or a negative error_code once (then 0). Blocks on a pipe
 * until at least one frame is there; does not wait for a full batch. */
int trace_next(struct trace *trace, struct frame *frames, size_t max, struct error *error);

/* A text file may hold several excerpts (both ends, pasted one below the other). trace_next()
 * returns 0 at the end of each; trace_next_excerpt() goes on to the next one: true if there is
 * one. Frame numbers start again at 1. */
bool trace_next_excerpt(struct trace *trace);

void trace_get_info(const struct trace *trace, struct trace_info *info);
void trace_get_interface(const struct trace *trace, uint32_t index,
                         struct trace_interface *interface);

/* The name that the trace itself gives to an address (names printed in text, pcapng's name
 * resolution block), or NULL. Valid until trace_close(). No look-up in DNS ever happens. */
const char *trace_host_name(const struct trace *trace, const struct ip_address *address);
/* The reverse: true and *address if the trace names a host so. */
bool trace_host_address(const struct trace *trace, const char *name, struct ip_address *address);

void trace_close(struct trace *trace); /* NULL is allowed */

#endif
