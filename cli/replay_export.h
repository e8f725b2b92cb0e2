#ifndef CLI_REPLAY_EXPORT_H
#define CLI_REPLAY_EXPORT_H

/* `tcpstall replay --export-packetdrill` and `--export-scenario`: what a trace shows, as a file for
 * other runs. Nothing is run here. */

#include "cli/replay_options.h"
#include "replay/plan.h"
#include "replay/recording.h"

/* Writes what options->drill_output names, of the recording, which may lose what is too much for
 * it. Returns 0 or EXIT_TROUBLE, with a message. */
int replay_export_drill(const struct replay_options *options, struct recording *recording);

/* plan_text() into a file; "-": standard output. Returns 0 or EXIT_TROUBLE, with a message. */
int replay_export_plan(const struct plan *plan, const char *path);

#endif
