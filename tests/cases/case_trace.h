#ifndef TESTS_CASES_CASE_TRACE_H
#define TESTS_CASES_CASE_TRACE_H

/* The packets of a rule case: all of its excerpts, each a capture point of its own. */

#include "analyzer/analyzer.h"
#include "wire/host_sample.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stddef.h>

struct case_end {
  struct packet *packets;
  size_t count;
  struct host_sample *samples; /* in order of time */
  size_t sample_count;
  bool has_host; /* the excerpt says where it was captured */
  struct ip_address host;
};

struct case_trace {
  struct case_end ends[ANALYZER_ENDS_MAX];
  unsigned end_count;
};

/* Reads and decodes all of it. What cannot be read ends the program with status 2. */
void case_trace_read(struct case_trace *trace, const char *path);
void case_trace_clear(struct case_trace *trace);

#endif
