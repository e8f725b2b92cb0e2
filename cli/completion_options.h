#ifndef CLI_COMPLETION_OPTIONS_H
#define CLI_COMPLETION_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

/* The options of a command as a flat list, with what may stand behind each of them. */

#define COMPLETION_OPTIONS_MAX   96
#define COMPLETION_PURPOSE_BYTES 80

enum completion_value {
  COMPLETION_NOTHING, /* takes no value */
  COMPLETION_ANY,     /* a value that cannot be guessed */
  COMPLETION_FILE,
  COMPLETION_INTERFACE,
  COMPLETION_PROGRAM,
  COMPLETION_CHOICE /* one of choices */
};

struct completion_option {
  const char *name;    /* without the dashes */
  char letter;         /* 0: none */
  bool value_optional; /* only --name=VALUE takes one */
  enum completion_value value;
  const char *metavariable;               /* as --help prints it; NULL: COMPLETION_NOTHING */
  const char *choices;                    /* with spaces between; COMPLETION_CHOICE */
  char purpose[COMPLETION_PURPOSE_BYTES]; /* the first clause of what --help says */
};

struct completion_options {
  struct completion_option list[COMPLETION_OPTIONS_MAX];
  size_t count;
  bool words_are_files;  /* what is no option names a file */
  char word_choices[64]; /* what is no option is one of these, with spaces between; empty: not so */
};

/* All options of argp and its children; hidden ones are left out. --help is added. */
void completion_options_of(struct completion_options *options, const struct argp *argp);

#endif
