#ifndef CLI_STUDY_H
#define CLI_STUDY_H

/* What `analyze` would say about one wait, from packets in memory: the two passes of both ends
 * (analyzer/survey.h, analyzer/joint.h) over what several capture points saw, with what the kernels
 * said, while the wait lasts or when it is over. */

#include "analyzer/joint.h"

#include <stdbool.h>
#include <stdint.h>

/* One capture point's packets, in its own order; their `end` is its number. */
struct study_lane {
  const struct packet *const *packets;
  uint32_t count;
  bool drops_known; /* the capture says how many packets it lost: */
  bool drops;       /* some */
};

struct study {
  uint32_t ends; /* 2 .. ANALYZER_ENDS_MAX */
  struct study_lane lanes[ANALYZER_ENDS_MAX];
  const struct host_sample *const *samples; /* of all ends, in order of time */
  uint32_t sample_count;
  int64_t min_stall_ns;
  /* The wait: the data's sender and receiver, as some capture point sees them. */
  struct endpoint sender, receiver;
  enum finding_kind kind;
  uint8_t end;              /* the capture point on whose clock these are: */
  int64_t start_ns, end_ns; /* end_ns: now, while it lasts */
  int64_t now_ns;           /* on the clock of end 0 */
  bool over;
};

struct study_verdict {
  enum evidence_level level;
  uint64_t id; /* of the connection, in this study */
  struct connection_summary connection;
  struct connection_pair pair;
  struct finding finding;
};

/* 1: found, and *verdict filled in; 0: both ends together have nothing to say about it; or
 * ERROR_MEMORY. */
int study_run(const struct study *study, struct study_verdict *verdict);

bool endpoint_equals(const struct endpoint *a, const struct endpoint *b);

#endif
