#ifndef REPORT_FINDING_HEAP_H
#define REPORT_FINDING_HEAP_H

/* Findings in order of how telling they are, and a heap of them with the least telling one at its
 * root. Only collect.c includes this. */

#include "report/connection_pack.h"

#include <stdint.h>

/* A finding with the connection as it was then: the final summary may fall to a limit, the finding
 * must not. */
struct finding_record {
  uint64_t connection_id;
  int64_t waited_ns;
  uint32_t id;
  uint8_t severity, kind, confidence;
  struct connection_shape shape; /* of `connection` */
  struct packed *finding, *connection;
};

/* Below 0: left is told before right. For qsort() as well. */
int finding_rank_compare(const void *left, const void *right);

/* Restore the heap after the element at `at` was added behind the others, or replaced by one that
 * is more telling. */
void finding_heap_sift_up(struct finding_record *heap, uint32_t at);
void finding_heap_sift_down(struct finding_record *heap, uint32_t count, uint32_t at);

#endif
