#include "cli/replay_options.h"

#include "cli/commands.h"
#include "cli/values.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#define WIRE_GROUP 10 /* behind those of our own in --help */

enum option_key {
  KEY_REPEAT = 'n',
  KEY_VERBOSE = 'v',
  KEY_WRITE = 'w',
  KEY_AS = 0x100,
  KEY_AT,
  KEY_CC,
  KEY_CONNECTION,
  KEY_CONTROL,
  KEY_EXPECT,
  KEY_EXPORT_PACKETDRILL,
  KEY_EXPORT_SCENARIO,
  KEY_FINDING,
  KEY_JSON,
  KEY_MINIMIZE,
  KEY_MIN_STALL,
  KEY_ROLE,
  KEY_SCENARIO,
  KEY_WRITE_SCENARIO
};

static const struct argp_option option_table[] = {
    {.doc = "What is replayed:"},
    {"finding", KEY_FINDING, "N", 0,
     "the N-th finding as `analyze --all` tells them; default: the worst", 0},
    {"connection", KEY_CONNECTION, "N|ADDR:PORT[,ADDR:PORT]", 0,
     "only findings of these connections", 0},
    {"at", KEY_AT, "WHERE", 0,
     "where the trace was taken: client, server, middle, or a host; A=...,B=... for several", 0},
    {"min-stall", KEY_MIN_STALL, "TIME", 0, "shorter waits are no findings; default 200ms", 0},
    {"scenario", KEY_SCENARIO, "FILE", 0,
     "a scenario that --write-scenario or --minimize wrote, in place of a trace", 0},
    {.doc = "How:"},
    {"as", KEY_AS, "WAY", 0,
     "path: both ends are live, the path between them is played; peer: the data sender is live; "
     "sender: the receiver is live; wire: the frames themselves. Default: what suits the finding",
     0},
    {"repeat", KEY_REPEAT, "N", 0, "so many runs; default 1", 0},
    {"control", KEY_CONTROL, NULL, 0,
     "run it once more without the suspected condition: the stall must not come back", 0},
    {"minimize", KEY_MINIMIZE, NULL, 0,
     "leave out one condition after the other, and print the smallest scenario that still stalls",
     0},
    {"cc", KEY_CC, "NAME", 0, "congestion control of the live ends; default: guessed, and said", 0},
    {.doc = "What comes out:"},
    {"write", KEY_WRITE, "FILE", 0, "keep the recording of the first live run (pcapng)", 0},
    {"write-scenario", KEY_WRITE_SCENARIO, "FILE", 0,
     "write the scenario that was extracted from the trace (with --as=path); - is standard output, "
     "and the report then goes to standard error",
     0},
    {"export-scenario", KEY_EXPORT_SCENARIO, "FILE", 0,
     "write what --write-scenario writes, and run nothing: for --scenario and for tcpstall-pathemu",
     0},
    {"export-packetdrill", KEY_EXPORT_PACKETDRILL, "FILE", 0,
     "a script for packetdrill, which asserts what a right kernel does; nothing is run", 0},
    {"role", KEY_ROLE, "client|server", 0,
     "the kernel that packetdrill has under test; default: the end that the verdict is about", 0},
    {"expect", KEY_EXPECT, "stall|clean", 0,
     "for regression tests: exit status 0 if it comes out like that, else 1", 0},
    {"json", KEY_JSON, NULL, 0, "JSON in place of text", 0},
    {"verbose", KEY_VERBOSE, NULL, 0, "what is replayed, in full", 0},
    {0},
};

static uint32_t take_number(const char *text, uint32_t max, const char *name,
                            struct argp_state *state)
{
  char *end;
  const unsigned long number = strtoul(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || number < 1 || number > max)
    argp_error(state, "--%s: '%s' is no number from 1 to %u", name, text, max);
  return (uint32_t)number;
}

static enum replay_expectation take_expectation(const char *text, struct argp_state *state)
{
  if (strcmp(text, "stall") != 0 && strcmp(text, "clean") != 0)
    argp_error(state, "--expect: '%s' is neither stall nor clean", text);
  return text[0] == 's' ? EXPECT_STALL : EXPECT_CLEAN;
}

static enum recording_side take_role(const char *text, struct argp_state *state)
{
  if (strcmp(text, "client") != 0 && strcmp(text, "server") != 0)
    argp_error(state, "--role: '%s' is neither client nor server", text);
  return text[0] == 'c' ? RECORDING_CLIENT : RECORDING_SERVER;
}

static void add_trace(struct replay_options *options, const char *text, struct argp_state *state)
{
  if (options->analyze.trace_count == ANALYZER_ENDS_MAX)
    argp_error(state, "at most %d traces", ANALYZER_ENDS_MAX);
  options->analyze.traces[options->analyze.trace_count++] = text;
}

static void set_value(struct replay_options *options, int key, const char *text,
                      struct argp_state *state)
{
  struct error error = {.code = ERROR_NONE};
  int result = 0;
  if (key == KEY_AT)
    result = parse_vantage(text, options->analyze.vantage, &error);
  else if (key == KEY_CONNECTION)
    result = parse_connection(text, &options->analyze.connection, &error);
  else
    result = parse_duration(text, &options->analyze.min_stall_ns, &error);
  if (result < 0)
    argp_error(state, "%s", error.text);
}

static error_t on_option(int key, char *text, struct argp_state *state)
{
  struct replay_options *options = state->input;
  switch (key) {
  case KEY_AS: options->way = text; break;
  case KEY_CC: options->congestion_control = text; break;
  case KEY_CONTROL: options->control = true; break;
  case KEY_EXPECT: options->expect = take_expectation(text, state); break;
  case KEY_EXPORT_PACKETDRILL: options->drill_output = text; break;
  case KEY_EXPORT_SCENARIO: options->plan_output = text; break;
  case KEY_FINDING: options->finding = take_number(text, UINT32_MAX, "finding", state); break;
  case KEY_JSON: options->json = true; break;
  case KEY_MINIMIZE: options->minimize = true; break;
  case KEY_REPEAT: options->repeat = take_number(text, REPLAY_REPEAT_MAX, "repeat", state); break;
  case KEY_ROLE:
    options->role = take_role(text, state);
    options->has_role = true;
    break;
  case KEY_SCENARIO: options->scenario = text; break;
  case KEY_VERBOSE: options->verbose = true; break;
  case KEY_WRITE: options->recording_output = text; break;
  case KEY_WRITE_SCENARIO: options->scenario_output = text; break;
  case KEY_AT:
  case KEY_CONNECTION:
  case KEY_MIN_STALL: set_value(options, key, text, state); break;
  case ARGP_KEY_INIT: state->child_inputs[0] = &options->wire; break;
  case ARGP_KEY_ARG: add_trace(options, text, state); break;
  default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static void check(struct replay_options *options)
{
  if (options->wire.given && (options->way == NULL || strcmp(options->way, "wire") != 0)) {
    argp_failure(NULL, EXIT_TROUBLE, 0,
                 "--end, --local, --ordinary, --speed, --tap and --wait belong to --as wire: say "
                 "that as well");
    exit(EXIT_TROUBLE);
  }
  if ((options->scenario != NULL) == (options->analyze.trace_count > 0)) {
    argp_failure(NULL, EXIT_TROUBLE, 0, "which trace? One or several files, or --scenario FILE");
    exit(EXIT_TROUBLE);
  }
  if (options->drill_output != NULL && options->scenario != NULL) {
    argp_failure(NULL, EXIT_TROUBLE, 0,
                 "--export-packetdrill needs a trace: a scenario has no packets");
    exit(EXIT_TROUBLE);
  }
  if (options->has_role && options->drill_output == NULL) {
    argp_failure(NULL, EXIT_TROUBLE, 0, "--role belongs to --export-packetdrill: say that as well");
    exit(EXIT_TROUBLE);
  }
}

void replay_analysis_default(struct analyze_options *options)
{
  analyze_options_default(options);
  options->verbose = true; /* connections without a finding are wanted, too */
}

static const struct argp_child option_children[] = {
    {&replay_wire_argp, 0,
     "With --as wire (the frames as they were recorded, onto TAP devices, in time):", WIRE_GROUP},
    {0}};
const struct argp replay_argp = {
    .options = option_table,
    .parser = on_option,
    .children = option_children,
    .args_doc = "TRACE [TRACE...]",
    .doc =
        "Brings a stall back from its saved trace: through real TAP devices, against live kernel "
        "TCP, in network namespaces of its own. Says whether it came back with the same "
        "location, "
        "cause and duration, and if not, what differed.\v"
        "TRACE is whatever `tcpstall analyze` reads; several are several capture points.\n\n"
        "Exit status: 0 nothing to reproduce, 1 reproduced, 3 not reproduced, 2 trouble. With "
        "--expect: 0 as expected, 1 not, 2 trouble.",
};

void replay_options_parse(struct replay_options *options, int argc, char **argv)
{
  *options = (struct replay_options){.repeat = 1};
  replay_analysis_default(&options->analyze);
  replay_wire_default(&options->wire);
  argp_parse(&replay_argp, argc, argv, 0, NULL, options);
  check(options);
}

void replay_options_clear(struct replay_options *options)
{
  analyze_options_clear(&options->analyze);
}
