#ifndef CLI_REPLAY_LOAD_H
#define CLI_REPLAY_LOAD_H

/* From traces on the command line to a recording (replay/recording.h): the analysis that `analyze`
 * makes, then the packets of one connection. */

#include "cli/analyze_options.h"
#include "replay/recording.h"

struct replay_load_options {
  const struct analyze_options *analyze; /* traces, filter, --at, --connection, ... */
  uint32_t finding;                      /* --finding: its number in the report; 0: the worst */
  bool keep_frames;                      /* the bytes of the frames, too */
  bool every_frame;                      /* whatever connection they belong to (for `wire`) */
};

/* Fills *recording, which recording_clear() frees. recording->target is finding_count if there is
 * nothing to reproduce. Returns 0 or EXIT_TROUBLE, with a message. */
int replay_load(const struct replay_load_options *options, struct recording *recording);

#endif
