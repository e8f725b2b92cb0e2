#ifndef BENCH_FAR_END_H
#define BENCH_FAR_END_H

/* The same traffic as a second capture saw it, at the other end of the paths: segments come in the
 * order of the first capture, which is not theirs there, and are put in order. Its clock is another
 * one. */

#include "tests/bench/segment_writer.h"

struct far_segment {
  int64_t at_ns;
  uint64_t number; /* keeps equal times in order */
  struct segment segment;
};

struct far_end {
  struct segment_writer writer;
  struct far_segment *waiting; /* a heap, the earliest first */
  size_t count, room;
  uint64_t number;
};

#define FAR_OFFSET_NS    INT64_C(1234567000) /* ahead of the first capture's clock ... */
#define FAR_SKEW_PPM     20                  /* ... and gains on it */
#define FAR_DELAY_MAX_NS INT64_C(100000000)

/* 0, or -1 with errno. */
int far_end_open(struct far_end *far, const char *path);
/* The segment passes the far end at at_ns, the first capture is at now_ns (which never decreases);
 * both on its clock; they are at most FAR_DELAY_MAX_NS apart. */
void far_end_write(struct far_end *far, int64_t now_ns, int64_t at_ns,
                   const struct segment *segment);
/* Flushes and closes: 0, or -1 if anything could not be written. */
int far_end_close(struct far_end *far);

#endif
