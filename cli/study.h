#ifndef CLI_STUDY_H
#define CLI_STUDY_H

/* What `analyze` would say about some waits, from packets in memory: the two passes of both ends
 * (analyzer/survey.h, analyzer/joint.h) over what several capture points saw, with what the kernels
 * said, while the waits last or when they are over. */

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

struct study_verdict {
  enum evidence_level level;
  uint64_t id; /* of the connection, in this study */
  struct connection_summary connection;
  struct connection_pair pair;
  struct finding finding;
};

struct study_wait {
  /* The data's sender and receiver, as some capture point sees them. */
  struct endpoint sender, receiver;
  enum finding_kind kind;
  uint8_t end;              /* the capture point on whose clock these are: */
  int64_t start_ns, end_ns; /* end_ns: now, while it lasts */
  /* The result. NULL: both ends together have nothing to say about it; else the caller frees it by
   * free(). paired: more than one capture point has seen the connection. */
  struct study_verdict *verdict;
  bool paired;
};

struct study {
  uint32_t ends; /* 2 .. ANALYZER_ENDS_MAX */
  struct study_lane lanes[ANALYZER_ENDS_MAX];
  uint32_t hosts[ANALYZER_ENDS_MAX];        /* as survey_set_host() takes them; 0: not known */
  const struct host_sample *const *samples; /* of all ends, in order of time */
  uint32_t sample_count;
  int64_t min_stall_ns;
  struct study_wait *waits; /* at most STUDY_WAITS_MAX */
  uint32_t wait_count;
  int64_t now_ns; /* on the clock of end 0 */
  bool over;      /* all of them are, or none */
};

#define STUDY_WAITS_MAX 64u

/* 0 or ERROR_MEMORY: verdicts may be missing then. */
int study_run(const struct study *study);

bool endpoint_equals(const struct endpoint *a, const struct endpoint *b);

#endif
