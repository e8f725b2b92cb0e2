#include "cli/annotated.h"
#include "cli/capture_run.h"
#include "cli/commands.h"
#include "cli/complain.h"
#include "cli/connection_filter.h"
#include "cli/dashboard.h"
#include "cli/live_screen.h"
#include "tui/screen.h"
#include "tui/ui.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum option_key {
  KEY_ASCII = 0x100,
  KEY_AT,
  KEY_METRICS,
  KEY_MIN_STALL,
  KEY_NO_COLOR,
  KEY_NO_MOUSE,
  KEY_NO_SAMPLES,
  KEY_SSH
};

static const struct argp_option option_table[] = {
    {.doc = "While it happens:"},
    {"interface", 'i', "IF[@NETNS]", 0,
     "watch an interface instead of a trace, as capture takes it; once for each end", 0},
    {"write", 'w', "FILE", 0, "where the key R writes what was kept and what follows", 0},
    {"ssh", KEY_SSH, "COMMAND", 0, "the program that reaches other hosts; default ssh", 0},
    {"no-samples", KEY_NO_SAMPLES, NULL, 0, "packets only, no sockets and queues", 0},
    {"metrics", KEY_METRICS, "ADDR[:PORT]", 0,
     "serve counters for Prometheus at http://ADDR:PORT/metrics, as capture does", 0},
    {.doc = "What is shown:"},
    {"filter", 'f', "EXPR", 0, "only packets that match, in tcpdump's language", 0},
    {"at", KEY_AT, "PLACE", 0, "where the capture was taken, as analyze takes it", 0},
    {"min-stall", KEY_MIN_STALL, "TIME", 0, "tell waits from this length on; default 200ms", 0},
    {"ascii", KEY_ASCII, NULL, 0, "nothing but ASCII on the screen", 0},
    {"no-color", KEY_NO_COLOR, NULL, 0, "no colours (NO_COLOR says the same)", 0},
    {"no-mouse", KEY_NO_MOUSE, NULL, 0, "leave the mouse to the terminal", 0},
    {0}};

struct live_options {
  struct analyze_options analyze;
  struct capture_options capture; /* with interfaces */
  struct screen_options screen;
};

static char *copy_of(const char *text)
{
  char *copy = strdup(text);
  if (copy == NULL) {
    complain("out of memory");
    exit(EXIT_TROUBLE);
  }
  return copy;
}

static error_t on_option(int key, char *text, struct argp_state *state)
{
  struct live_options *options = state->input;
  struct error error;
  int rc = 0;
  switch (key) {
  case 'f':
    free(options->analyze.filter);
    options->analyze.filter = copy_of(text);
    break;
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
  case 'i': capture_options_interface(&options->capture, text, state); break;
  case 'w': options->capture.output = text; break;
  case KEY_SSH: options->capture.ssh = text; break;
  case KEY_METRICS: options->capture.metrics = text; break;
  case KEY_NO_SAMPLES: options->capture.no_samples = true; break;
  case ARGP_KEY_END:
    if ((options->analyze.trace_count > 0) == (options->capture.end_count > 0))
      argp_error(state, options->capture.end_count > 0
                            ? "a trace or interfaces, not both"
                            : "which trace? Or which interface: -i IF, once for each end");
    if (options->capture.metrics != NULL && options->capture.end_count == 0)
      argp_error(state, "--metrics: of what? Say -i IF as well");
    break;
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
  const struct ui_actions actions = {
      .context = live, .write = write_connection, .language = connection_filter_language()};
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

static int show_traces(struct live *live)
{
  live->analysis.options = &live->options.analyze;
  int status = analysis_run(&live->analysis);
  if (status == EXIT_NO_PROBLEM)
    status = dashboard_new(&live->dashboard, &live->analysis);
  if (status == EXIT_NO_PROBLEM)
    status = show(live);
  dashboard_free(live->dashboard);
  analysis_clear(&live->analysis);
  return status;
}

/* The flight recorder, with a screen in place of its lines. */
static int show_interfaces(struct live *live)
{
  struct capture_options *capture = &live->options.capture;
  const struct live_screen_options wanted = {.ends = capture->ends,
                                             .end_count = capture->end_count,
                                             .file = capture->output,
                                             .screen = live->options.screen};
  capture->quiet = true;
  capture->flight.on = true;
  capture->flight.kick = KICK_ECHO;
  capture->flight.kick_where_possible = true;
  capture->flight.min_stall_ns = live->options.analyze.min_stall_ns;
  if (live->options.analyze.filter != NULL)
    capture->filter = copy_of(live->options.analyze.filter);
  struct live_screen *screen = live_screen_new(&wanted);
  int status = EXIT_TROUBLE;
  if (screen == NULL)
    complain("out of memory");
  else
    status = capture_run(capture, capture_signals(), live_screen_hooks(screen), live_screen_attach);
  live_screen_free(screen);
  return status;
}

const struct argp live_argp = {
    .options = option_table,
    .parser = on_option,
    .args_doc = "TRACE [TRACE...]\n-i IF [-i IF...]",
    .doc = "Shows connections, who holds each of them up, and the packets that prove it, on a "
           "terminal: of saved traces, or while it happens. F1 lists the keys.\v"
           "Exit status: 0, or 2 where the traces cannot be read, nothing can be captured, or "
           "this is no terminal."};

int cmd_live(int argc, char **argv)
{
  struct live *live = calloc(1, sizeof *live);
  if (live == NULL)
    return EXIT_TROUBLE;
  analyze_options_default(&live->options.analyze);
  capture_options_default(&live->options.capture);
  flight_options_default(&live->options.capture.flight);
  live->options.screen.input = stdin;
  live->options.screen.output = stdout;
  live->options.analyze.json = true; /* every connection is wanted */
  argp_parse(&live_argp, argc, argv, 0, NULL, &live->options);
  int status = EXIT_TROUBLE;
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
    complain("live: standard input and output have to be a terminal; tcpstall analyze prints the "
             "same as text");
  else if (live->options.capture.end_count > 0)
    status = show_interfaces(live);
  else
    status = show_traces(live);
  capture_options_free(&live->options.capture);
  analyze_options_clear(&live->options.analyze);
  free(live);
  return status;
}
