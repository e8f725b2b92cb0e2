#ifndef CAPTURE_RECORDER_FILE_H
#define CAPTURE_RECORDER_FILE_H

/* The worker's writing: pcapng files, and what is kept in memory until a trigger
 * (recorder_keep.c). Functions return 0 or a negative error_code. */

#include "capture/recorder_internal.h"
#include "wire/sample_format.h"

/* Packets of an end, since the recording began. */
struct recorder_counters {
  uint64_t seen, dropped; /* shown to the observer; lost before */
};

enum recorder_item_kind {
  RECORDER_FRAME,
  RECORDER_SAMPLE,
  RECORDER_COUNTERS, /* nothing but them */
  RECORDER_GAP       /* the bytes are a comment */
};

/* A block of the file to be. The bytes are borrowed for the call. */
struct recorder_item {
  enum recorder_item_kind kind;
  uint32_t end;
  int64_t time_ns, order_ns;
  const uint8_t *bytes;
  uint32_t size, original_bytes;
  uint8_t direction;
  uint64_t number;                   /* a frame's, in the whole recording */
  struct recorder_counters counters; /* not for frames */
};

/* What is kept in memory until a trigger, in the order of the file. */
struct recorder_keep {
  struct frame_ring ring;
  uint64_t bytes_max;
  int64_t age_max_ns, newest_ns;
  uint64_t frames;                                    /* kept */
  struct recorder_counters before[RECORDER_ENDS_MAX]; /* when what is kept began */
};

/* The frames with the numbers first to last stand in a file from file_first on. */
struct recorder_span {
  uint64_t first, last, file_first;
};

/* Frames between two flushes: each takes more than 32 of the writer's 65536 bytes. */
#define RECORDER_UNFLUSHED_MAX 2048u

/* A frame that may not be in the file yet, and how long the file is behind it. */
struct recorder_unflushed {
  uint64_t to_bytes;
  uint32_t end;
};

struct recorder_file_end {
  struct recorder_counters base; /* when the file began */
  uint64_t in_file;              /* frames in this file */
  uint64_t written, surely;      /* frames handed to pcapng writers; of these, surely written */
  uint32_t next_sample;          /* of this file */
  bool counted_samples;          /* this file has some: the last one was */
  uint32_t last_sample;          /* with the number that it came with */
  char *header;                  /* the text of the latest header of samples */
  size_t header_bytes;
};

struct recorder_file {
  struct pcapng_writer *writer; /* NULL: none is open */
  int64_t begun_ns;             /* CLOCK_MONOTONIC, when this file was */
  int64_t start_ns;             /* what is older is not in it */
  uint64_t frames;              /* in this file */
  uint64_t packets, done_bytes; /* written, and bytes of files that are closed */
  uint32_t unflushed_count;
  struct recorder_unflushed unflushed[RECORDER_UNFLUSHED_MAX];
  struct recorder_keep keep;
  bool span_open;      /* the next frame may belong to the last one */
  uint32_t span_count; /* ever: the last RECORDER_SPANS are there */
  struct recorder_span spans[RECORDER_SPANS];
  struct recorder_file_end ends[RECORDER_ENDS_MAX];
  uint8_t sample[PCAPNG_CUSTOM_BYTES_MAX + 1];
};

/* Into fd, which is taken over. base: the counters that do not count in this file. */
int recorder_file_begin(struct recorder *recorder, int fd, int64_t start_ns,
                        const struct recorder_counters base[RECORDER_ENDS_MAX],
                        struct error *error);
int recorder_file_put(struct recorder *recorder, const struct recorder_item *item,
                      struct error *error);
int recorder_file_flush(struct recorder *recorder, struct error *error);
/* With the last counters, unless writing has failed. */
int recorder_file_end(struct recorder *recorder, bool failed,
                      const struct recorder_counters now[RECORDER_ENDS_MAX], struct error *error);
uint64_t recorder_file_bytes(const struct recorder *recorder); /* of all files */
/* Writing has failed: what was not flushed never came into the file. */
void recorder_file_give_up(struct recorder *recorder);
/* Keeps the header of an end's samples, for a file that begins later. false: it is none, or the
 * empty one that ends another recording: it is passed over. */
bool recorder_file_note_sample(struct recorder *recorder, const struct recorder_item *item);

/* Asks the keeper for the next file (struct recorder_output.path), and begins it. */
int recorder_files_next(struct recorder *recorder,
                        const struct recorder_counters base[RECORDER_ENDS_MAX],
                        struct error *error);
/* The same, if the file is full or old enough. */
int recorder_files_rotate(struct recorder *recorder,
                          const struct recorder_counters now[RECORDER_ENDS_MAX],
                          struct error *error);

bool recorder_keep_init(struct recorder_keep *keep, uint64_t bytes_max, int64_t age_max_ns);
void recorder_keep_free(struct recorder_keep *keep);
/* Room is made by forgetting the oldest. */
void recorder_keep_put(struct recorder_keep *keep, const struct recorder_item *item);
/* The oldest: false, there is none. Valid until it is released. */
bool recorder_keep_front(struct recorder_keep *keep, struct recorder_item *item);
void recorder_keep_release(struct recorder_keep *keep);
/* All of them, the oldest first; they stay. */
void recorder_keep_each(const struct recorder_keep *keep,
                        void (*visit)(void *context, const struct recorder_item *item),
                        void *context);

#endif
