#include "cli/completion.h"

#include "cli/completion_options.h"

#include <string.h>

#define INTERFACES "/sys/class/net"

struct writer {
  FILE *stream;
  const struct completion_command *commands;
  size_t count;
};

/* Text within single quotes. What ends them, or means something inside, is written around: how,
 * differs by shell, so that here it becomes a mark that none of them minds. */
static void write_plain(FILE *stream, const char *text)
{
  for (; *text != '\0'; text++)
    fputc(strchr("'\\", *text) != NULL ? '"' : *text, stream);
}

static void write_names(const struct writer *writer)
{
  for (size_t i = 0; i < writer->count; i++)
    fprintf(writer->stream, "%s%s", i > 0 ? " " : "", writer->commands[i].name);
}

/* ---- bash ---- */

static void bash_name(FILE *stream, const struct completion_option *option)
{
  fprintf(stream, "--%s", option->name);
  if (option->letter != '\0' && !option->value_optional)
    fprintf(stream, "|-%c", option->letter);
}

static void bash_value(FILE *stream, const struct completion_option *option)
{
  fputs("    ", stream);
  bash_name(stream, option);
  /* Without the =, the next word is none of its own. */
  fprintf(stream, ") %s", option->value_optional ? "[[ $equals ]] && { " : "");
  switch (option->value) {
  case COMPLETION_FILE: fputs("_tcpstall_files", stream); break;
  case COMPLETION_INTERFACE: fputs("_tcpstall_interfaces", stream); break;
  case COMPLETION_PROGRAM: fputs("mapfile -t COMPREPLY < <(compgen -c -- \"$cur\")", stream); break;
  case COMPLETION_CHOICE: fprintf(stream, "_tcpstall_words '%s'", option->choices); break;
  case COMPLETION_NOTHING:
  case COMPLETION_ANY: break;
  }
  fprintf(stream, "; return%s ;;\n", option->value_optional ? "; }" : "");
}

/* What stands behind an option: all values that cannot be guessed in one row. */
static void bash_values(FILE *stream, const struct completion_options *options)
{
  const char *before = "    ";
  for (size_t i = 0; i < options->count; i++) {
    const struct completion_option *option = &options->list[i];
    if (option->value != COMPLETION_ANY || option->value_optional)
      continue;
    fputs(before, stream);
    bash_name(stream, option);
    before = "|";
  }
  if (before[0] == '|')
    fputs(") return ;;\n", stream);
  for (size_t i = 0; i < options->count; i++)
    if (options->list[i].value > COMPLETION_ANY)
      bash_value(stream, &options->list[i]);
}

static void bash_command(const struct writer *writer, const struct completion_command *command)
{
  FILE *stream = writer->stream;
  struct completion_options options;
  completion_options_of(&options, command->argp);
  fprintf(stream, "  %s)\n    case $prev in\n", command->name);
  bash_values(stream, &options);
  fputs("    esac\n    if [[ $cur == -* ]]; then\n      _tcpstall_words '", stream);
  for (size_t i = 0; i < options.count; i++)
    fprintf(stream, "%s--%s", i > 0 ? " " : "", options.list[i].name);
  fputs("'\n", stream);
  if (command->argp == NULL) {
    fputs("    else\n      _tcpstall_words '", stream);
    write_names(writer);
    fputs("'\n", stream);
  } else if (options.words_are_files) {
    fputs("    else\n      _tcpstall_files\n", stream);
  } else if (options.word_choices[0] != '\0') {
    fprintf(stream, "    else\n      _tcpstall_words '%s'\n", options.word_choices);
  }
  fputs("    fi\n    ;;\n", stream);
}

static void write_bash(const struct writer *writer)
{
  FILE *stream = writer->stream;
  fputs("# bash completion for tcpstall, written by `tcpstall completion bash`\n"
        "_tcpstall_words() { mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\"); }\n"
        /* compgen -W would expand them, and a name may be $(...) */
        "_tcpstall_interfaces() {\n"
        "  local name\n"
        "  for name in " INTERFACES "/\"$cur\"*; do\n"
        "    name=${name##*/}\n"
        "    [[ $name == *[![:alnum:]@._-]* ]] || COMPREPLY+=(\"$name\")\n"
        "  done\n"
        "}\n"
        "_tcpstall_files() {\n"
        "  compopt -o filenames 2>/dev/null\n"
        "  mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
        "}\n"
        "_tcpstall() {\n"
        "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} equals=\n"
        "  COMPREPLY=()\n"
        "  if ((COMP_CWORD == 1)); then\n"
        "    _tcpstall_words '",
        stream);
  write_names(writer);
  fputs(" --help --version'\n    return\n  fi\n"
        "  # bash makes three words of --option=value\n"
        "  if [[ $cur == = ]]; then\n"
        "    cur= equals=1\n"
        "  elif [[ $prev == = ]]; then\n"
        "    prev=${COMP_WORDS[COMP_CWORD - 2]} equals=1\n"
        "  fi\n"
        "  case ${COMP_WORDS[1]} in\n",
        stream);
  for (size_t i = 0; i < writer->count; i++)
    bash_command(writer, &writer->commands[i]);
  fputs("  esac\n}\ncomplete -F _tcpstall tcpstall\n", stream);
}

/* ---- zsh ---- */

/* Inside an _arguments specification, colons and brackets have a meaning. */
static void zsh_text(FILE *stream, const char *text)
{
  for (; *text != '\0'; text++) {
    if (strchr("[]:", *text) != NULL)
      fputc('\\', stream);
    fputc(strchr("'\\", *text) != NULL ? '"' : *text, stream);
  }
}

static void zsh_value(FILE *stream, const struct completion_option *option)
{
  if (option->value == COMPLETION_NOTHING)
    return;
  fputs(option->value_optional ? "::" : ":", stream);
  zsh_text(stream, option->metavariable);
  fputc(':', stream);
  switch (option->value) {
  case COMPLETION_FILE: fputs("_files", stream); break;
  case COMPLETION_INTERFACE: fputs("_path_files -W " INTERFACES, stream); break;
  case COMPLETION_PROGRAM: fputs("_command_names -e", stream); break;
  case COMPLETION_CHOICE: fprintf(stream, "(%s)", option->choices); break;
  case COMPLETION_NOTHING:
  case COMPLETION_ANY: fputc(' ', stream); break;
  }
}

static void zsh_option(FILE *stream, const struct completion_option *option)
{
  const bool value = option->value != COMPLETION_NOTHING;
  const char *long_end = !value ? "" : option->value_optional ? "=-" : "=";
  /* The star: may stand more than once, as -i does. */
  const char *repeated = option->value == COMPLETION_INTERFACE ? "*" : "";
  for (int form = 0; form < 2; form++) {
    if (form == 0 && option->letter == '\0')
      continue;
    fprintf(stream, "      '%s", repeated);
    if (option->letter != '\0' && repeated[0] == '\0')
      fprintf(stream, "(-%c --%s)", option->letter, option->name);
    if (form == 0)
      fprintf(stream, "-%c%s", option->letter, !value ? "" : option->value_optional ? "-" : "+");
    else
      fprintf(stream, "--%s%s", option->name, long_end);
    fputc('[', stream);
    zsh_text(stream, option->purpose);
    fputc(']', stream);
    zsh_value(stream, option);
    fputs("' \\\n", stream);
  }
}

static void write_zsh(const struct writer *writer)
{
  FILE *stream = writer->stream;
  fputs("#compdef tcpstall\n# zsh completion, written by `tcpstall completion zsh`\n"
        "_tcpstall() {\n"
        "  local curcontext=$curcontext state line ret=1\n"
        "  local -a commands=(\n",
        stream);
  for (size_t i = 0; i < writer->count; i++) {
    fprintf(stream, "    '%s:", writer->commands[i].name);
    write_plain(stream, writer->commands[i].purpose);
    fputs("'\n", stream);
  }
  fputs("  )\n"
        "  _arguments -C '(-)--help[the commands]' '(-)--version[of the program and its "
        "libraries]' \\\n"
        "    '1:command:->command' '*::argument:->argument' && ret=0\n"
        "  case $state in\n"
        "  command) _describe -t commands command commands && ret=0 ;;\n"
        "  argument)\n"
        "    case $words[1] in\n",
        stream);
  for (size_t i = 0; i < writer->count; i++) {
    const struct completion_command *command = &writer->commands[i];
    struct completion_options options;
    completion_options_of(&options, command->argp);
    fprintf(stream, "    %s)\n", command->name);
    if (command->argp == NULL) {
      fputs("      _describe -t commands command commands && ret=0\n      ;;\n", stream);
      continue;
    }
    fputs("      _arguments -s \\\n", stream);
    for (size_t k = 0; k < options.count; k++)
      zsh_option(stream, &options.list[k]);
    if (options.word_choices[0] != '\0')
      fprintf(stream, "      '1:word:(%s)'", options.word_choices);
    else
      fprintf(stream, "      '*:%s'", options.words_are_files ? "trace:_files" : "filter: ");
    fputs(" && ret=0\n      ;;\n", stream);
  }
  fputs("    esac\n    ;;\n  esac\n  return ret\n}\n"
        /* Loaded by compinit, the file is the function's body; sourced, it registers itself. */
        "if [[ $funcstack[1] == _tcpstall ]]; then\n"
        "  _tcpstall \"$@\"\n"
        "else\n"
        "  compdef _tcpstall tcpstall\n"
        "fi\n",
        stream);
}

/* ---- fish ---- */

static void fish_option(FILE *stream, const char *command, const struct completion_option *option)
{
  fprintf(stream, "complete -c tcpstall -n '__fish_seen_subcommand_from %s' -l %s", command,
          option->name);
  if (option->letter != '\0')
    fprintf(stream, " -s '%c'", option->letter);
  if (option->value != COMPLETION_NOTHING && !option->value_optional)
    fputs(option->value == COMPLETION_FILE ? " -r -F" : " -x", stream);
  switch (option->value) {
  case COMPLETION_INTERFACE: fputs(" -a '(command ls " INTERFACES ")'", stream); break;
  case COMPLETION_PROGRAM: fputs(" -a '(__fish_complete_command)'", stream); break;
  case COMPLETION_CHOICE:
    if (!option->value_optional)
      fprintf(stream, " -a '%s'", option->choices);
    break;
  case COMPLETION_FILE:
  case COMPLETION_NOTHING:
  case COMPLETION_ANY: break;
  }
  fputs(" -d '", stream);
  write_plain(stream, option->purpose);
  fputs("'\n", stream);
}

static void write_fish(const struct writer *writer)
{
  FILE *stream = writer->stream;
  fputs("# fish completion for tcpstall, written by `tcpstall completion fish`\n"
        "complete -c tcpstall -f\n"
        "complete -c tcpstall -n __fish_use_subcommand -l help -d 'the commands'\n"
        "complete -c tcpstall -n __fish_use_subcommand -l version -d 'of the program and its "
        "libraries'\n",
        stream);
  for (size_t i = 0; i < writer->count; i++) {
    const struct completion_command *command = &writer->commands[i];
    fprintf(stream, "complete -c tcpstall -n __fish_use_subcommand -a %s -d '", command->name);
    write_plain(stream, command->purpose);
    fputs("'\n", stream);
    struct completion_options options;
    completion_options_of(&options, command->argp);
    for (size_t k = 0; k < options.count; k++)
      fish_option(stream, command->name, &options.list[k]);
    if (options.words_are_files)
      fprintf(stream, "complete -c tcpstall -n '__fish_seen_subcommand_from %s' -F\n",
              command->name);
    if (options.word_choices[0] != '\0')
      fprintf(stream, "complete -c tcpstall -n '__fish_seen_subcommand_from %s' -a '%s'\n",
              command->name, options.word_choices);
    if (command->argp == NULL)
      for (size_t k = 0; k < writer->count; k++)
        fprintf(stream, "complete -c tcpstall -n '__fish_seen_subcommand_from %s' -a %s\n",
                command->name, writer->commands[k].name);
  }
}

/* ---- */

static const struct {
  const char *name;
  void (*write)(const struct writer *writer);
} shells[] = {
    [COMPLETION_BASH] = {"bash", write_bash},
    [COMPLETION_ZSH] = {"zsh", write_zsh},
    [COMPLETION_FISH] = {"fish", write_fish},
};

int completion_shell_of(const char *name, enum completion_shell *shell)
{
  for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
    if (strcmp(shells[i].name, name) == 0) {
      *shell = (enum completion_shell)i;
      return 0;
    }
  return -1;
}

void completion_write(FILE *stream, enum completion_shell shell,
                      const struct completion_command *commands, size_t count)
{
  const struct writer writer = {.stream = stream, .commands = commands, .count = count};
  shells[shell].write(&writer);
}
