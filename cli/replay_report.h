#ifndef CLI_REPLAY_REPORT_H
#define CLI_REPLAY_REPORT_H

/* What `tcpstall replay` says: text for people, JSON for programs. */

#include "cli/replay_options.h"
#include "cli/replay_run.h"
#include "cli/replay_verdict.h"
#include "replay/plan.h"

struct replay_result {
  struct replay_verdict verdict;
  struct replay_outcome outcome;
};

struct replay_report {
  const struct replay_options *options;
  const struct recording *recording;     /* NULL with --scenario */
  const struct recorded_finding *target; /* NULL: nothing to reproduce */
  const struct replay_way *way;          /* NULL: none was chosen */
  char why[REPLAY_NOTE_BYTES];           /* this way, a clause */
  const struct plan *plan;               /* NULL: not by a plan */
  struct replay_result *runs;            /* owned */
  uint32_t run_count, reproduced;
  struct replay_result control;
  bool has_control;
  char *smallest; /* of --minimize; owned */
  uint32_t conditions_before, conditions_left, minimize_runs;
};

void replay_report_write(const struct replay_report *report, FILE *stream);
void replay_report_json(const struct replay_report *report, FILE *stream);

#endif
