#include "cli/commands.h"
#include "cli/complain.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/split.h"
#include "cli/split_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS_DEFAULT 8u

enum option_key { KEY_OUTPUT = 'o', KEY_PARTS = 'n', KEY_QUIET = 'q', KEY_NO_PROGRESS = 0x100 };

static const struct argp_option option_table[] = {
    {"parts", KEY_PARTS, "N", 0, "how many: 1 to 64; default 8", 0},
    {"output", KEY_OUTPUT, "PREFIX", 0,
     "the parts are PREFIX-1.pcapng, PREFIX-2.pcapng, and so on; default: the trace's name without "
     "its ending",
     0},
    {"quiet", KEY_QUIET, NULL, 0, "do not list the parts", 0},
    {"no-progress", KEY_NO_PROGRESS, NULL, 0, "no progress on the terminal while reading", 0},
    {0},
};

struct command_line {
  const char *input;
  const char *output; /* NULL: made of the trace's name */
  uint32_t parts;
  bool quiet, no_progress;
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
  struct command_line *options = state->input;
  char *end;
  switch (key) {
  case KEY_PARTS: {
    const unsigned long parts = strtoul(value, &end, 10);
    if (*value == '\0' || *end != '\0' || parts < 1 || parts > SPLIT_PARTS_MAX)
      argp_error(state, "--parts: '%s' is no number from 1 to %u", value, SPLIT_PARTS_MAX);
    options->parts = (uint32_t)parts;
    break;
  }
  case KEY_OUTPUT: options->output = value; break;
  case KEY_QUIET: options->quiet = true; break;
  case KEY_NO_PROGRESS: options->no_progress = true; break;
  case ARGP_KEY_ARG:
    if (state->arg_num > 0)
      argp_error(state, "one trace at a time: what is '%s'?", value);
    options->input = value;
    break;
  case ARGP_KEY_NO_ARGS: argp_error(state, "which trace? A file, or - for standard input"); break;
  case ARGP_KEY_END:
    if (options->output == NULL && options->input != NULL && strcmp(options->input, "-") == 0)
      argp_error(state, "what shall the parts of standard input be called? Say -o PREFIX");
    break;
  default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

const struct argp split_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "TRACE",
    .doc =
        "Splits a trace by connection into several, which can be analysed side by side: what is "
        "found in the parts is what is found in the whole, frame numbers included.\vBoth "
        "directions of a connection are in one part, with what else is evidence: ICMP errors, "
        "pings, ARP, lost frames, silences, and packets of other connections that may have set a "
        "stream going. The traces of both ends of a path, split into as many parts, have the "
        "same connections in parts of the same number, unless addresses or ports are translated "
        "in between. A TRACE is what tcpstall analyze takes; - is standard input.\n\n"
        "The names of the parts are printed, one a line. Exit status: 0 done, 2 trouble.",
};

static void list_parts(const struct command_line *line, const char *prefix,
                       const struct split_result *result)
{
  const struct split_files names = {.prefix = prefix, .parts = line->parts};
  char path[SPLIT_PATH_BYTES];
  uint64_t context = 0;
  if (line->quiet)
    return;
  for (uint32_t p = 0; p < line->parts; p++) {
    context += result->context[p];
    if (split_files_path(&names, p, path))
      printf("%s\n", path);
  }
  complain("%" PRIu64 " frames went into %" PRIu32 " parts, and %" PRIu64
           " copies of headers as context",
           result->frames, line->parts, context);
}

/* big.pcapng.gz is split into big-1.pcapng, ... */
static char *default_prefix(const char *input)
{
  static const char *const endings[] = {".gz", ".zst", ".pcapng", ".pcap", ".cap", ".dump", ".txt"};
  char *prefix = strdup(input);
  for (size_t i = 0; prefix != NULL && i < sizeof endings / sizeof *endings; i++) {
    const size_t size = strlen(prefix), ending = strlen(endings[i]);
    if (size > ending && prefix[size - ending - 1] != '/' &&
        strcmp(prefix + size - ending, endings[i]) == 0)
      prefix[size - ending] = '\0';
  }
  return prefix;
}

static int split(const struct command_line *line, const char *prefix)
{
  struct progress progress;
  struct split_result result;
  struct error error;
  const struct split_options options = {.input = line->input,
                                        .prefix = prefix,
                                        .parts = line->parts,
                                        .stop = interrupt_install(),
                                        .progress = progress_update,
                                        .context = &progress};
  progress_start(&progress, stderr, !line->no_progress, line->input);
  const int rc = split_trace(&options, &result, &error);
  progress_end(&progress);
  if (rc < 0) {
    complain("%s", error.text);
    return EXIT_TROUBLE;
  }
  if (result.damage.code != ERROR_NONE)
    complain("warning: %s; what comes before is split", result.damage.text);
  list_parts(line, prefix, &result);
  if (fflush(stdout) == 0)
    return EXIT_NO_PROBLEM;
  complain("the names of the parts cannot be written");
  return EXIT_TROUBLE;
}

int cmd_split(int argc, char **argv)
{
  struct command_line line = {.parts = PARTS_DEFAULT};
  argp_parse(&split_argp, argc, argv, 0, NULL, &line);
  char *prefix = line.output == NULL ? default_prefix(line.input) : strdup(line.output);
  int status = EXIT_TROUBLE;
  if (prefix == NULL)
    complain("out of memory");
  else
    status = split(&line, prefix);
  free(prefix);
  return status;
}
