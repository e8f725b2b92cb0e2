#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include <argp.h>

/* The commands of tcpstall, one file each (cmd_NAME.c). A command gets its own arguments, with
 * argv[0] = "tcpstall NAME", prints what it has to say and returns the exit status. */

enum exit_status {
  EXIT_NO_PROBLEM = 0, /* capture, import: done */
  EXIT_PROBLEM = 1,
  EXIT_TROUBLE = 2,       /* nothing readable, bad usage */
  EXIT_NOT_REPRODUCED = 3 /* replay */
};

int cmd_analyze(int argc, char **argv);
int cmd_capture(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_live(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_split(int argc, char **argv);

/* Their options, for --help, for the parser and for completion alike. */
extern const struct argp analyze_argp, capture_argp, import_argp, live_argp, replay_argp,
    split_argp;

#endif
