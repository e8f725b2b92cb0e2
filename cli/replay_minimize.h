#ifndef CLI_REPLAY_MINIMIZE_H
#define CLI_REPLAY_MINIMIZE_H

/* The smallest scenario that still stalls. */

#include "cli/replay_report.h"

/* Leaves out conditions of the plan, half of them, a quarter, ..., one (delta debugging), as long
 * as the stall comes back; those that are not needed are off afterwards. Fills report->smallest and
 * its counts. Returns 0 or EXIT_TROUBLE, with a message. */
int replay_minimize(struct replay_report *report, struct plan *plan, const struct replay_job *job);

#endif
