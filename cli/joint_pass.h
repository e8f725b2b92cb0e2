#ifndef CLI_JOINT_PASS_H
#define CLI_JOINT_PASS_H

/* The second reading of several captures: each point is read and decoded on its own thread
 * (lanes.h), the packets are merged by their corrected times, and diagnosed together (joint.h). */

#include "analyzer/survey.h"
#include "cli/analysis.h"

struct joint_pass {
  const struct analysis *analysis;
  const struct survey *survey; /* solved */
  /* by end: the traces of the first reading, which saw everything there is to tell of a capture;
   * how far they went; the host that the capture names */
  const struct trace *first_traces[ANALYZER_ENDS_MAX];
  uint64_t last_frames[ANALYZER_ENDS_MAX];
  const char *captured_on[ANALYZER_ENDS_MAX];
};

/* Everything goes into analysis->collect. Returns 0 or EXIT_TROUBLE, with a message. */
int joint_pass_run(const struct joint_pass *pass);

#endif
