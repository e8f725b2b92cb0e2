#ifndef CLI_REPLAY_OPTIONS_H
#define CLI_REPLAY_OPTIONS_H

/* The command line of `tcpstall replay`, as one struct. */

#include "cli/analyze_options.h"
#include "cli/replay_wire.h"
#include "replay/way.h"

#include <stdbool.h>
#include <stdint.h>

#define REPLAY_REPEAT_MAX 1000

enum replay_expectation { EXPECT_NOTHING, EXPECT_STALL, EXPECT_CLEAN };

struct replay_options {
  struct analyze_options analyze; /* traces, --at, --connection, ... */
  const char *way;                /* --as, NULL: chosen from the finding */
  const char *scenario;           /* --scenario, NULL: from the traces */
  const char *scenario_output;    /* --write-scenario, NULL: none */
  const char *recording_output;   /* -w, NULL: none */
  /* --export-scenario, --export-packetdrill; with one of them nothing is run. NULL: none */
  const char *plan_output, *drill_output;
  bool has_role; /* --role: this end is packetdrill's kernel under test */
  enum recording_side role;
  const char *congestion_control; /* NULL: guessed */
  uint32_t repeat;
  uint32_t finding;                /* 0: the worst */
  struct replay_wire_options wire; /* of --as wire alone */
  bool json, verbose, control, minimize;
  enum replay_expectation expect;
};

/* What an analysis for a replay asks for, without traces. */
void replay_analysis_default(struct analyze_options *options);

/* Fills *options; on bad usage it says so and ends the program. */
void replay_options_parse(struct replay_options *options, int argc, char **argv);
void replay_options_clear(struct replay_options *options);

#endif
