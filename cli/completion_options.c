#include "cli/completion_options.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 4 /* of children of children; cuts a circle */

/* What --help calls a value, and what that is. */
static const struct {
  const char *metavariable;
  enum completion_value value;
  const char *choices;
} values[] = {
    {"FILE", COMPLETION_FILE, NULL},
    {"TRACE", COMPLETION_FILE, NULL},
    {"IF[@NETNS]", COMPLETION_INTERFACE, NULL},
    {"CMD", COMPLETION_PROGRAM, NULL},
    {"COMMAND", COMPLETION_PROGRAM, NULL},
    {"PLACE", COMPLETION_CHOICE, "client server middle"},
    {"WHERE", COMPLETION_CHOICE, "client server middle"},
    {"WHEN", COMPLETION_CHOICE, "auto always never"},
    {"WAY", COMPLETION_CHOICE, "path peer sender wire"},
    {"KIND", COMPLETION_CHOICE, "echo arp"},
    {"stall|clean", COMPLETION_CHOICE, "stall clean"},
};

static void find_value(struct completion_option *option)
{
  option->value = option->metavariable != NULL ? COMPLETION_ANY : COMPLETION_NOTHING;
  for (size_t i = 0; option->metavariable != NULL && i < sizeof values / sizeof *values; i++)
    if (strcmp(values[i].metavariable, option->metavariable) == 0) {
      option->value = values[i].value;
      option->choices = values[i].choices;
    }
}

/* Up to the first mark that ends a clause; a shell shows one line. */
static void shorten(char *purpose, size_t size, const char *doc)
{
  size_t length = 0;
  for (; doc[length] != '\0' && strchr(":;", doc[length]) == NULL; length++)
    if (doc[length] == '.' && (doc[length + 1] == ' ' || doc[length + 1] == '\0'))
      break;
  if (length < size) {
    snprintf(purpose, size, "%.*s", (int)length, doc);
    return;
  }
  for (length = size - 4; length > 0 && doc[length] != ' '; length--)
    ;
  snprintf(purpose, size, "%.*s...", (int)length, doc);
}

static void add(struct completion_options *options, const struct argp_option *row)
{
  if (row->name == NULL || (row->flags & (OPTION_HIDDEN | OPTION_DOC)) != 0 ||
      options->count == COMPLETION_OPTIONS_MAX)
    return;
  struct completion_option *option = &options->list[options->count++];
  *option = (struct completion_option){
      .name = row->name,
      .letter = row->key > 0 && row->key < 0x80 && isgraph(row->key) ? (char)row->key : '\0',
      .value_optional = (row->flags & OPTION_ARG_OPTIONAL) != 0,
      .metavariable = row->arg};
  find_value(option);
  shorten(option->purpose, sizeof option->purpose, row->doc != NULL ? row->doc : "");
}

/* As argp tells the end of a table: nothing in the row, not even a group's heading. */
static bool is_end(const struct argp_option *row)
{
  return row->name == NULL && row->doc == NULL && row->key == 0 && row->group == 0;
}

static void add_all(struct completion_options *options, const struct argp *argp, int depth)
{
  for (const struct argp_option *row = argp->options; row != NULL && !is_end(row); row++)
    add(options, row);
  for (const struct argp_child *child = argp->children;
       child != NULL && child->argp != NULL && depth < DEPTH_MAX; child++)
    add_all(options, child->argp, depth + 1);
}

/* "bash|zsh|fish": one of a few words */
static void find_choices(char *choices, size_t size, const char *words)
{
  if (strchr(words, '|') == NULL || strspn(words, "abcdefghijklmnopqrstuvwxyz|") != strlen(words))
    return;
  snprintf(choices, size, "%s", words);
  for (char *bar = choices; (bar = strchr(bar, '|')) != NULL;)
    *bar = ' ';
}

void completion_options_of(struct completion_options *options, const struct argp *argp)
{
  static const struct argp_option help = {"help", '?', NULL, 0, "all options", 0};
  *options = (struct completion_options){0};
  if (argp == NULL)
    return;
  add_all(options, argp, 0);
  add(options, &help);
  const char *words = argp->args_doc != NULL ? argp->args_doc : "";
  options->words_are_files = strstr(words, "TRACE") != NULL || strstr(words, "TEXT") != NULL;
  find_choices(options->word_choices, sizeof options->word_choices, words);
}
