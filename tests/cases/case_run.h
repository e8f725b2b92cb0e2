#ifndef TESTS_CASES_CASE_RUN_H
#define TESTS_CASES_CASE_RUN_H

/* A trace in memory, analysed as `tcpstall analyze` would do it, and what came of that. */

#include "analyzer/finding.h"
#include "analyzer/survey.h"
#include "tests/cases/case_trace.h"

#define CASE_FINDINGS_MAX    64
#define CASE_CONNECTIONS_MAX 16

/* What that capture says of the packets that it lost itself. */
enum case_drops { CASE_DROPS_UNKNOWN, CASE_DROPS_NONE, CASE_DROPS_SOME };

struct case_finding {
  uint64_t connection;
  struct finding finding;
};

struct case_run {
  const char *path; /* for complaints */
  /* what is analysed */
  struct case_trace trace;
  double min_stall_s; /* 0: the default */
  enum case_drops drops[ANALYZER_ENDS_MAX];
  /* what came of it */
  struct case_finding findings[CASE_FINDINGS_MAX];
  unsigned finding_count;
  struct connection_summary connections[CASE_CONNECTIONS_MAX];
  unsigned connection_count;
  struct clock_map clock; /* of the second capture point, if there are several */
  unsigned pairs;
};

/* Reads a rule case (README.md): its packets, and what its head says of the captures. run: all
 * zero. What cannot be read ends the program with status 2. */
void case_run_load(struct case_run *run, const char *path);

/* Adds a recording: each of its interfaces is one more capture point, with the samples of its
 * host's sockets. */
void case_run_add_recording(struct case_run *run, const char *path);

/* Results of an earlier run are gone. Without memory the program ends with status 2. */
void case_run_analyze(struct case_run *run);

/* Every finding with its evidence, for people. */
void case_run_print(const struct case_run *run);

#endif
