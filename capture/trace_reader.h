#ifndef CAPTURE_TRACE_READER_H
#define CAPTURE_TRACE_READER_H

/* Inside of a trace: what the readers of the formats (trace_pcap.c, trace_pcapng.c, trace_text.c)
 * share with trace.c.
 *
 * trace.c owns the loop: it asks the reader for frames from the bytes in the source's window; when
 * the reader has none, it fills the window and asks again. So a batch is whatever was there, a
 * frame's bytes stay put until the next call, and nothing waits on a pipe for more than it needs. A
 * reader that meets damage delivers the frames before it and leaves the error in `failure`. */

#include "capture/byte_source.h"
#include "capture/interface_table.h"
#include "capture/name_table.h"
#include "capture/trace.h"
#include "wire/pcap_format.h"

struct trace_text_state;

struct trace_pcap_state {
  struct pcap_format format;
  struct pcap_walk walk;
};

struct trace_pcapng_state {
  bool big_endian;
  uint32_t section_first; /* index of the section's first interface */
  uint64_t next_number;
};

struct trace_reader {
  const char *format;
  /* The window begins with the file's first byte and holds what sniffing needed. 0 or a negative
   * error_code. */
  int (*open)(struct trace *trace, struct error *error);
  /* Frames from the window, which it consumes. *needed: bytes that the next one needs in the
   * window. */
  size_t (*take)(struct trace *trace, struct frame *frames, size_t max, size_t *needed);
  /* The input has ended (not: was stopped) and the window holds `size` bytes that are no complete
   * record. */
  int (*finish)(struct trace *trace, size_t size, struct error *error);
  /* The rest is for text alone; NULL elsewhere. */
  void (*next_excerpt)(struct trace *trace);
  void (*get_info)(const struct trace *trace, struct trace_info *info);
  void (*close)(struct trace *trace);
};

struct trace {
  struct byte_source *source;
  const struct trace_reader *reader;
  char *filter_text;
  volatile const int *stop;
  trace_sample_handler *on_sample; /* NULL: nobody asks */
  void *sample_context;
  trace_block_handler *on_block; /* NULL: nobody asks */
  void *block_context;

  struct frame peeked; /* the next one, if has_peeked */
  bool has_peeked;
  struct error failure; /* to be returned when the frames before it are delivered */
  bool ended;
  bool input_ended;   /* no more bytes will come into the window */
  bool excerpt_ended; /* set by a reader: the next frame belongs to the next excerpt */

  struct interface_table interfaces;
  struct name_table *names; /* NULL: none yet */
  uint64_t frames, filtered_out, foreign_blocks, skipped_blocks, corrected;
  char captured_on[64];

  struct trace_pcap_state pcap;
  struct trace_pcapng_state pcapng;
  struct trace_text_state *text;
};

/* Looks through the options of a statistics block for samples (trace_samples.c). index: the
 * interface's in the whole file. */
void trace_take_samples(struct trace *trace, uint32_t index,
                        const struct pcapng_statistics_record *statistics);

extern const struct trace_reader trace_pcap_reader;
extern const struct trace_reader trace_pcapng_reader;
extern const struct trace_reader trace_text_reader;

/* Sets trace->failure to "NAME: TEXT, at offset N"; ahead: bytes from the window's begin to the
 * place. */
void trace_fail(struct trace *trace, const struct error *why, size_t ahead);
/* The same into *error; the offset is left out where the file is not to blame. Returns why->code.
 */
int trace_error(const struct trace *trace, const struct error *why, size_t ahead,
                struct error *error);

/* The host of "captured on: HOST" in an interface's description, or "". */
const char *trace_described_host(const char *description);
void trace_note_description(struct trace *trace, const char *description);

#endif
