#include "cli/annotated.h"
#include "cli/commands.h"
#include "cli/complain.h"
#include "cli/dashboard.h"
#include "tui/screen.h"
#include "tui/ui.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum option_key { KEY_ASCII = 0x100, KEY_AT, KEY_MIN_STALL, KEY_NO_COLOR, KEY_NO_MOUSE };

static const struct argp_option option_table[] = {
    {"filter", 'f', "EXPR", 0, "only packets that match, in tcpdump's language", 0},
    {"at", KEY_AT, "PLACE", 0, "where the capture was taken, as analyze takes it", 0},
    {"min-stall", KEY_MIN_STALL, "TIME", 0, "tell waits from this length on; default 200ms", 0},
    {"ascii", KEY_ASCII, NULL, 0, "nothing but ASCII on the screen", 0},
    {"no-color", KEY_NO_COLOR, NULL, 0, "no colours (NO_COLOR says the same)", 0},
    {"no-mouse", KEY_NO_MOUSE, NULL, 0, "leave the mouse to the terminal", 0},
    {0}};

struct live_options {
  struct analyze_options analyze;
  struct screen_options screen;
};

static error_t on_option(int key, char *text, struct argp_state *state)
{
  struct live_options *options = state->input;
  struct error error;
  int rc = 0;
  switch (key) {
  case 'f': options->analyze.filter = strdup(text); break;
  case KEY_AT: rc = parse_vantage(text, options->analyze.vantage, &error); break;
  case KEY_MIN_STALL: rc = parse_duration(text, &options->analyze.min_stall_ns, &error); break;
  case KEY_ASCII: options->screen.ascii = true; break;
  case KEY_NO_COLOR: options->screen.color = SCREEN_COLOR_NEVER; break;
  case KEY_NO_MOUSE: options->screen.no_mouse = true; break;
  case ARGP_KEY_ARG:
    if (options->analyze.trace_count == ANALYZER_ENDS_MAX)
      argp_error(state, "at most %d traces", ANALYZER_ENDS_MAX);
    options->analyze.traces[options->analyze.trace_count++] = text;
    break;
  case ARGP_KEY_NO_ARGS: argp_error(state, "which trace?"); break;
  default: return ARGP_ERR_UNKNOWN;
  }
  if (rc < 0)
    argp_error(state, "%s", error.text);
  return 0;
}

struct live {
  struct live_options options;
  struct analysis analysis;
  struct dashboard *dashboard;
  char said[200];
};

static const char *write_connection(void *context, const struct model_connection *connection)
{
  struct live *live = context;
  char path[64];
  snprintf(path, sizeof path, "tcpstall-connection-%llu.pcapng",
           (unsigned long long)connection->id);
  const int status = annotated_write_connection(&live->analysis, connection->id, path, live->said,
                                                sizeof live->said);
  (void)status;
  return live->said;
}

static int show(struct live *live)
{
  const struct ui_actions actions = {.context = live, .write = write_connection};
  struct ui *ui = malloc(sizeof *ui);
  const char *why;
  int status = EXIT_TROUBLE;
  if (ui == NULL || !ui_init(ui, dashboard_model(live->dashboard), &actions)) {
    complain("out of memory");
  } else if (screen_open(&live->options.screen, &why) != 0) {
    complain("live: %s; tcpstall analyze prints the same as text", why);
  } else {
    ui_open_worst(ui);
    ui_run(ui);
    screen_close();
    ui_free(ui);
    status = EXIT_NO_PROBLEM;
  }
  free(ui);
  return status;
}

int cmd_live(int argc, char **argv)
{
  static const struct argp argp = {
      .options = option_table,
      .parser = on_option,
      .args_doc = "TRACE [TRACE...]",
      .doc = "Shows connections, who holds each of them up, and the packets that prove it, on a "
             "terminal. F1 lists the keys.\v"
             "Exit status: 0, or 2 where the traces cannot be read or this is no terminal."};
  struct live *live = calloc(1, sizeof *live);
  if (live == NULL)
    return EXIT_TROUBLE;
  analyze_options_default(&live->options.analyze);
  live->options.screen.input = stdin;
  live->options.screen.output = stdout;
  live->options.analyze.json = true; /* every connection is wanted */
  argp_parse(&argp, argc, argv, 0, NULL, &live->options);
  live->analysis.options = &live->options.analyze;
  int status = EXIT_TROUBLE;
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
    complain("live: standard input and output have to be a terminal; tcpstall analyze prints the "
             "same as text");
  else
    status = analysis_run(&live->analysis);
  if (status == EXIT_NO_PROBLEM)
    status = dashboard_new(&live->dashboard, &live->analysis);
  if (status == EXIT_NO_PROBLEM)
    status = show(live);
  dashboard_free(live->dashboard);
  analysis_clear(&live->analysis);
  analyze_options_clear(&live->options.analyze);
  free(live);
  return status;
}
