#include "cli/commands.h"
#include "cli/complain.h"
#include "cli/completion.h"
#include "cli/version.h"

#include <argp.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct command {
  const char *name, *arguments, *purpose;
  int (*run)(int argc, char **argv);
  const struct argp *argp;
};

static int cmd_completion(int argc, char **argv);
static error_t take_shell(int key, char *text, struct argp_state *state);

static const struct argp completion_argp = {
    .parser = take_shell,
    .args_doc = "bash|zsh|fish",
    .doc = "Writes to standard output what a shell needs to complete the command line of tcpstall. "
           "Packages install it; elsewhere, for bash: . <(tcpstall completion bash)"};

static const struct command commands[] = {
    {"analyze", "TRACE [TRACE...] [FILTER]", "who holds each stalled stream up, and what proves it",
     cmd_analyze, &analyze_argp},
    {"capture", "-i IF [-i IF...] -w FILE", "records both ends of a path into one file",
     cmd_capture, &capture_argp},
    {"completion", "bash|zsh|fish", "what a shell needs to complete command lines", cmd_completion,
     &completion_argp},
    {"import", "TEXT -w FILE", "what tcpdump printed, as a pcapng file", cmd_import, &import_argp},
    {"live", "TRACE [TRACE...] | -i IF", "on a terminal: who holds what up, and its packets",
     cmd_live, &live_argp},
    {"replay", "TRACE [TRACE...]", "brings a stall back, through real TAPs and live kernels",
     cmd_replay, &replay_argp},
    {"split", "-n N TRACE [-o PREFIX]", "a large trace as several, by connection", cmd_split,
     &split_argp},
};

static void print_commands(FILE *stream)
{
  fputs("Usage: tcpstall COMMAND [ARGUMENT...]\n"
        "Says who has to act next for a stalled TCP stream to move on, with proof from its "
        "packets.\n\n",
        stream);
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    fprintf(stream, "  %-11s %-26s %s\n", commands[i].name, commands[i].arguments,
            commands[i].purpose);
  fputs("\n  tcpstall COMMAND --help   the options of a command (or: tcpstall help COMMAND)\n"
        "  tcpstall --version        versions of the program and its libraries\n",
        stream);
}

static const struct command *find_command(const char *name)
{
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  return NULL;
}

static int unknown_command(const char *name)
{
  fprintf(stderr, "tcpstall: there is no command '%s'; tcpstall --help lists them\n", name);
  return EXIT_TROUBLE;
}

/* Runs a command with argv[0] = "tcpstall NAME", which is what argp's messages begin with. */
static int run_command(const struct command *command, int argc, char **argv)
{
  char title[32];
  snprintf(title, sizeof title, "tcpstall %s", command->name);
  argv[0] = title;
  return command->run(argc, argv);
}

static error_t take_shell(int key, char *text, struct argp_state *state)
{
  if (key == ARGP_KEY_ARG) {
    if (state->arg_num > 0 || completion_shell_of(text, state->input) < 0)
      argp_error(state, "'%s': bash, zsh or fish", text);
    return 0;
  }
  if (key == ARGP_KEY_NO_ARGS)
    argp_error(state, "which shell: bash, zsh or fish?");
  return ARGP_ERR_UNKNOWN;
}

static int cmd_completion(int argc, char **argv)
{
  enum { COUNT = sizeof commands / sizeof *commands };
  struct completion_command list[COUNT + 1] = {
      {"help", "the commands, or the options of one", NULL}};
  enum completion_shell shell = COMPLETION_BASH;
  argp_parse(&completion_argp, argc, argv, 0, NULL, &shell);
  for (size_t i = 0; i < COUNT; i++)
    list[i + 1] =
        (struct completion_command){commands[i].name, commands[i].purpose, commands[i].argp};
  completion_write(stdout, shell, list, COUNT + 1);
  if (fflush(stdout) != 0 || ferror(stdout)) {
    complain("completion: standard output: %s", strerror(errno));
    return EXIT_TROUBLE;
  }
  return EXIT_NO_PROBLEM;
}

static int help(int argc, char **argv)
{
  if (argc < 2) {
    print_commands(stdout);
    return EXIT_NO_PROBLEM;
  }
  const struct command *command = find_command(argv[1]);
  char option[] = "--help";
  char *arguments[] = {argv[0], option, NULL};
  return command != NULL ? run_command(command, 2, arguments) : unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
  setlocale(LC_CTYPE, "");
  argp_err_exit_status = EXIT_TROUBLE;
  argp_program_version_hook = NULL;
  if (argc < 2) {
    print_commands(stderr);
    return EXIT_TROUBLE;
  }
  const char *word = argv[1];
  if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
    version_print(stdout);
    return EXIT_NO_PROBLEM;
  }
  if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
    return help(argc - 1, argv + 1);
  const struct command *command = find_command(word);
  return command != NULL ? run_command(command, argc - 1, argv + 1) : unknown_command(word);
}
