#ifndef CLI_ANALYZE_OPTIONS_H
#define CLI_ANALYZE_OPTIONS_H

/* The command line of `tcpstall analyze`, as one struct. */

#include "cli/terminal.h"
#include "cli/values.h"

#include <stdbool.h>
#include <stdint.h>

struct analyze_options {
  const char *traces[ANALYZER_ENDS_MAX]; /* "-" = standard input */
  uint32_t trace_count;
  /* --each: any number of traces, with nothing in common; the list is owned. `traces` is the first.
   */
  const char **each_traces;
  uint32_t each_count;
  char *filter;           /* tcpdump's language, NULL = everything; owned */
  bool filter_from_words; /* it stands behind the traces */
  const char *output;     /* -o, NULL = standard output */
  const char *html;       /* --html, NULL = not wanted */
  const char *write;      /* -w, the traces again with comments; NULL = not wanted */
  bool problems_only;     /* into it, only connections with a problem */
  bool json, verbose, all, local_time, no_progress;
  bool json_lines; /* instead of json */
  bool each;       /* every trace is an analysis of its own; with json_lines only */
  enum color_choice color;
  bool apart;               /* each capture by itself */
  uint64_t spool_max_bytes; /* kept of a pipe that has to be read twice */
  int64_t min_stall_ns;
  struct connection_choice connection;
  struct vantage_choice vantage[ANALYZER_ENDS_MAX];
  bool lossless[ANALYZER_ENDS_MAX]; /* that capture lost nothing, whatever its file does not say */
  struct limit_values limits;
};

/* As if no option had been given, and no trace. */
void analyze_options_default(struct analyze_options *options);
/* Fills *options from the command line. Bad usage ends the program with EXIT_TROUBLE and a text, as
 * argp does; --help and
 * `--limits help` end it with 0. */
void analyze_options_parse(struct analyze_options *options, int argc, char **argv);
void analyze_options_clear(struct analyze_options *options);

#endif
