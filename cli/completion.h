#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include <argp.h>
#include <stddef.h>
#include <stdio.h>

/* What a shell needs to complete a command line of tcpstall, written from the same tables that
 * --help and the parser use: a new option is completed without a word here. */

struct completion_command {
  const char *name, *purpose; /* purpose: half a line */
  const struct argp *argp;    /* with children; NULL: no options, words are names of commands */
};

enum completion_shell { COMPLETION_BASH, COMPLETION_ZSH, COMPLETION_FISH };

/* The shell of that name (bash, zsh, fish). Returns 0, or -1 for another. */
int completion_shell_of(const char *name, enum completion_shell *shell);

/* Writes the whole script. Errors show in ferror(stream). */
void completion_write(FILE *stream, enum completion_shell shell,
                      const struct completion_command *commands, size_t count);

#endif
