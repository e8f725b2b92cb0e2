#include "cli/analyze_options.h"

#include "cli/commands.h"
#include "report/text.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum option_key {
  KEY_ALL = 'a',
  KEY_FILTER = 'f',
  KEY_JSON = 'j',
  KEY_OUTPUT = 'o',
  KEY_VERBOSE = 'v',
  KEY_WRITE = 'w',
  KEY_APART = 0x100,
  KEY_AT,
  KEY_COLOR,
  KEY_CONNECTION,
  KEY_HTML,
  KEY_EACH,
  KEY_JSON_LINES,
  KEY_LIMITS,
  KEY_LOCAL_TIME,
  KEY_LOSSLESS,
  KEY_MIN_STALL,
  KEY_NO_PROGRESS,
  KEY_PROBLEMS_ONLY,
  KEY_SPOOL_MAX
};

#define SPOOL_BYTES_DEFAULT (UINT64_C(8) << 30)

static const struct argp_option option_table[] = {
    {.doc = "What is analysed:"},
    {"filter", KEY_FILTER, "EXPR", 0,
     "only packets that match, in tcpdump's language; the words behind the traces say the same", 0},
    {"connection", KEY_CONNECTION, "WHICH", 0,
     "only this connection: its number in the report, or ADDR:PORT of one end, or of both with a "
     "comma between",
     0},
    {"min-stall", KEY_MIN_STALL, "TIME", 0,
     "report waits from this length on: 200 (milliseconds), 200ms, 0.5s; default 200ms", 0},
    {"at", KEY_AT, "PLACE", 0,
     "where the capture was taken: client, server, middle, or the capturing host's address or "
     "name; A=PLACE,B=PLACE for each end",
     0},
    {"lossless", KEY_LOSSLESS, "ENDS", 0,
     "captures that lost no packet themselves, though their files do not say so (tcpdump prints "
     "\"0 "
     "packets dropped by kernel\" when it ends): A,B or all",
     0},
    {"apart", KEY_APART, NULL, 0,
     "analyze each capture by itself, even if they saw the same connections", 0},
    {"spool-max", KEY_SPOOL_MAX, "SIZE", 0,
     "how much of each pipe is kept in TMPDIR for the second reading that several captures need; "
     "default 8G",
     0},
    {"limits", KEY_LIMITS, "NAME=N", 0,
     "bounds of memory and report, several with commas; --limits help lists them", 0},
    {.doc = "What is reported:"},
    {"json", KEY_JSON, NULL, 0, "for programs: schema tcpstall/1", 0},
    {"json-lines", KEY_JSON_LINES, NULL, 0,
     "for jobs over many traces: a line of JSON for each capture, connection and finding, with "
     "keys "
     "that are the same wherever the trace is analysed",
     0},
    {"each", KEY_EACH, NULL, 0,
     "with --json-lines: any number of traces, each of which is analysed as if it had been named "
     "alone",
     0},
    {"all", KEY_ALL, NULL, 0, "tell harmless findings one by one as well", 0},
    {"verbose", KEY_VERBOSE, NULL, 0, "a table of statistics for every connection", 0},
    {"local-time", KEY_LOCAL_TIME, NULL, 0,
     "clock times in this machine's time zone instead of UTC", 0},
    {"output", KEY_OUTPUT, "FILE", 0, "write the report to FILE", 0},
    {"html", KEY_HTML, "FILE", 0,
     "write the report to FILE too, as one page for a browser that needs nothing else: verdicts, "
     "time-sequence diagrams, ladders of packets",
     0},
    {"write", KEY_WRITE, "FILE", 0,
     "write the traces to FILE too, as one pcapng, with the findings as comments on the frames "
     "that "
     "prove them (frame.comment in Wireshark); several captures are merged on end A's clock; with "
     "--connection, only its packets",
     0},
    {"problems-only", KEY_PROBLEMS_ONLY, NULL, 0,
     "write with -w only the packets of connections that have a problem", 0},
    {"color", KEY_COLOR, "WHEN", 0, "auto (on a terminal, unless NO_COLOR is set), always or never",
     0},
    {"no-progress", KEY_NO_PROGRESS, NULL, 0, "no progress on the terminal while reading", 0},
    {0},
};

/* Words that begin a filter even if a file is called so; ./tcp names the file. */
static bool begins_filter(const char *word)
{
  static const char *const words[] = {
      "!",    "(",         "ah",     "and",       "arp",     "broadcast", "decnet",
      "dst",  "esp",       "ether",  "fddi",      "gateway", "geneve",    "greater",
      "host", "icmp",      "icmp6",  "igmp",      "inbound", "ip",        "ip6",
      "len",  "less",      "mpls",   "multicast", "net",     "not",       "outbound",
      "port", "portrange", "pppoed", "pppoes",    "proto",   "rarp",      "sctp",
      "src",  "tcp",       "udp",    "vlan",      "vxlan",   "wlan"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    const size_t length = strlen(words[i]);
    /* "tcp[13]", "(tcp", "len>500" begin with their word as well */
    if (strncmp(word, words[i], length) == 0 && strchr("[ ><=!(&", word[length]) != NULL)
      return true;
  }
  return word[0] == '(' || word[0] == '!';
}

/* The first word is a trace; further ones are, as long as they name files or look like it. */
static bool is_trace(const struct analyze_options *options, const char *word)
{
  static const char *const endings[] = {".pcap", ".pcapng", ".cap", ".txt", ".gz", ".zst", ".dump"};
  if (options->filter_from_words)
    return false;
  if (options->trace_count == 0 || strcmp(word, "-") == 0)
    return true;
  if (begins_filter(word))
    return false;
  if (strchr(word, '/') != NULL || access(word, F_OK) == 0)
    return true;
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    const size_t length = strlen(word), ending = strlen(endings[i]);
    if (length > ending && strcmp(word + length - ending, endings[i]) == 0)
      return true;
  }
  return false;
}

static void append_filter(struct analyze_options *options, const char *word,
                          const struct argp_state *state)
{
  if (!append_word(&options->filter, word))
    argp_failure(state, EXIT_TROUBLE, 0, "out of memory");
}

/* Options come before words, wherever they stand: argp sorts them. */
static void add_each(struct analyze_options *options, const char *word,
                     const struct argp_state *state)
{
  const char **longer =
      realloc(options->each_traces, (options->each_count + 1) * sizeof *options->each_traces);
  if (longer == NULL) {
    argp_failure(state, EXIT_TROUBLE, 0, "out of memory");
    return;
  }
  options->each_traces = longer;
  options->each_traces[options->each_count++] = word;
  options->traces[0] = options->each_traces[0];
  options->trace_count = 1;
}

static void add_word(struct analyze_options *options, const char *word, struct argp_state *state)
{
  if (!is_trace(options, word)) {
    if (options->filter != NULL && !options->filter_from_words)
      argp_error(state, "'%s': one filter only, by --filter or by words", word);
    options->filter_from_words = true;
    append_filter(options, word, state);
    return;
  }
  if (options->each) {
    add_each(options, word, state);
    return;
  }
  if (options->trace_count >= ANALYZER_ENDS_MAX)
    argp_error(state,
               "at most %d traces at once; for many that are judged apart say --json-lines --each",
               ANALYZER_ENDS_MAX);
  for (uint32_t i = 0; i < options->trace_count && strcmp(word, "-") == 0; i++)
    if (strcmp(options->traces[i], "-") == 0)
      argp_error(state, "standard input can be read once only");
  if (options->trace_count < ANALYZER_ENDS_MAX)
    options->traces[options->trace_count++] = word;
}

static void set_color(struct analyze_options *options, const char *text, struct argp_state *state)
{
  static const char *const words[] = {
      [COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"};
  for (int i = 0; i <= COLOR_NEVER; i++) {
    if (strcmp(text, words[i]) == 0) {
      options->color = (enum color_choice)i;
      return;
    }
  }
  argp_error(state, "--color takes auto, always or never, not '%s'", text);
}

static void set_lossless(struct analyze_options *options, const char *text,
                         struct argp_state *state)
{
  const bool all = strcmp(text, "all") == 0;
  for (int end = 0; end < ANALYZER_ENDS_MAX && all; end++)
    options->lossless[end] = true;
  for (const char *at = text; !all; at += 2) {
    if (*at < 'A' || *at >= 'A' + ANALYZER_ENDS_MAX || (at[1] != ',' && at[1] != '\0')) {
      argp_error(state, "--lossless takes A,B (the captures in their order) or all, not '%s'",
                 text);
      return;
    }
    options->lossless[*at - 'A'] = true;
    if (at[1] == '\0')
      return;
  }
}

static void set_limits(struct analyze_options *options, const char *text, struct argp_state *state)
{
  struct error error;
  if (strcmp(text, "help") == 0) {
    print_limits(&options->limits, stdout);
    exit(EXIT_SUCCESS);
  }
  if (parse_limits(text, &options->limits, &error) < 0)
    argp_error(state, "%s", error.text);
}

/* Options whose value has a parser that explains itself. */
static bool set_value(struct analyze_options *options, int key, const char *text,
                      struct argp_state *state)
{
  struct error error;
  int result;
  switch (key) {
  case KEY_AT: result = parse_vantage(text, options->vantage, &error); break;
  case KEY_CONNECTION: result = parse_connection(text, &options->connection, &error); break;
  case KEY_MIN_STALL: result = parse_duration(text, &options->min_stall_ns, &error); break;
  case KEY_SPOOL_MAX: result = parse_size(text, &options->spool_max_bytes, &error); break;
  default: return false;
  }
  if (result < 0)
    argp_error(state, "%s", error.text);
  return true;
}

static void check_lines(const struct analyze_options *options, struct argp_state *state)
{
  if (options->json_lines && options->json)
    argp_error(state, "--json is one object, --json-lines are many: say one of them");
  if (options->each && !options->json_lines)
    argp_error(state, "--each: say --json-lines as well, which reports of many traces can be put "
                      "together from");
  if (options->each && options->write != NULL)
    argp_error(state, "-w: not with --each, as it is one file");
}

static error_t on_option(int key, char *text, struct argp_state *state)
{
  struct analyze_options *options = state->input;
  switch (key) {
  case KEY_ALL: options->all = true; break;
  case KEY_APART: options->apart = true; break;
  case KEY_COLOR: set_color(options, text, state); break;
  case KEY_FILTER:
    if (options->filter != NULL)
      argp_error(state, "one filter only: either --filter or the words behind the traces");
    append_filter(options, text, state);
    break;
  case KEY_EACH: options->each = true; break;
  case KEY_HTML: options->html = text; break;
  case KEY_JSON: options->json = true; break;
  case KEY_JSON_LINES: options->json_lines = true; break;
  case KEY_LIMITS: set_limits(options, text, state); break;
  case KEY_LOCAL_TIME: options->local_time = true; break;
  case KEY_LOSSLESS: set_lossless(options, text, state); break;
  case KEY_NO_PROGRESS: options->no_progress = true; break;
  case KEY_OUTPUT: options->output = text; break;
  case KEY_PROBLEMS_ONLY: options->problems_only = true; break;
  case KEY_VERBOSE: options->verbose = true; break;
  case KEY_WRITE: options->write = text; break;
  case ARGP_KEY_ARG: add_word(options, text, state); break;
  case ARGP_KEY_END:
    if (options->problems_only && options->write == NULL)
      argp_error(state, "--problems-only: into which file? Say -w FILE as well");
    check_lines(options, state);
    break;
  case ARGP_KEY_NO_ARGS: argp_error(state, "which trace? A file, or - for standard input"); break;
  default: return set_value(options, key, text, state) ? 0 : ARGP_ERR_UNKNOWN;
  }
  return 0;
}

void analyze_options_default(struct analyze_options *options)
{
  struct analyzer_options engine;
  struct collect_options collect;
  struct survey_limits survey;
  struct joint_options joint;
  analyzer_options_default(&engine);
  survey_limits_default(&survey);
  joint_options_default(&joint);
  collect_options_default(&collect);
  *options = (struct analyze_options){
      .min_stall_ns = engine.min_stall_ns,
      .spool_max_bytes = SPOOL_BYTES_DEFAULT,
      .limits = {engine.limits, collect.limits, TEXT_DETAILS_DEFAULT, survey.connections,
                 joint.ledger_records},
  };
}

const struct argp analyze_argp = {
    .options = option_table,
    .parser = on_option,
    .args_doc = "TRACE [TRACE...] [FILTER...]",
    .doc = "Says for each TCP connection in a trace who holds it up, and what proves it.\v"
           "A TRACE is pcap or pcapng, plain or compressed with gzip or zstd, or tcpdump's text "
           "as people paste it; - is standard input. Several traces are several capture points, "
           "A, B, and so on: connections that more than one of them saw are judged by all of "
           "them together. Words behind the traces are a filter as tcpdump takes it: tcpstall "
           "analyze "
           "a.pcap host 192.0.2.1 and port 80.\n\n"
           "Exit status: 0 no problem found, 1 a problem found, 2 trouble.",
};

void analyze_options_parse(struct analyze_options *options, int argc, char **argv)
{
  analyze_options_default(options);
  argp_parse(&analyze_argp, argc, argv, 0, NULL, options);
}

void analyze_options_clear(struct analyze_options *options)
{
  free(options->filter);
  free(options->each_traces);
}
