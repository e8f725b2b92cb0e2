#ifndef REPLAY_COPY_COUNT_H
#define REPLAY_COPY_COUNT_H

/* How often each byte of a range of a stream has been sent, however it was cut into segments. */

#include <stdint.h>

#define COPY_COUNT_MAX 1024 /* stretches with a count of their own */

struct copy_stretch {
  uint32_t flow; /* id of the connection */
  int64_t first, end;
  uint32_t copies;
};

/* Invariant: sorted by flow and first, disjoint, none empty. */
struct copy_count {
  uint32_t count;
  uint64_t overflows; /* transmissions that could not be counted */
  struct copy_stretch stretches[COPY_COUNT_MAX];
};

/* Counts one more transmission of the bytes [first, end), first < end. Returns which one it is,
 * from 1, of the byte among them that was sent least often. */
uint32_t copy_count_add(struct copy_count *copies, uint32_t flow, int64_t first, int64_t end);

#endif
