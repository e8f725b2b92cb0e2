#include "capture/recorder.h"
#include "cli/capture_options.h"
#include "cli/capture_run.h"
#include "cli/capture_tell.h"
#include "cli/commands.h"
#include "cli/complain.h"
#include "cli/flight.h"
#include "cli/interrupt.h"
#include "cli/kick_orders.h"
#include "cli/list.h"
#include "cli/metrics_server.h"
#include "cli/metrics_watch.h"
#include "cli/ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Between the thread that captures and the one that writes: a second of a slow disk at 64 MB/s. */
#define QUEUE_BYTES (UINT64_C(64) << 20)

/* SIGHUP ends a recording as SIGINT does, unless nohup keeps it off; a reader of the pipe that went
 * away is an error of writing. */
volatile const int *capture_signals(void)
{
  volatile const int *stop = interrupt_install();
  struct sigaction action;
  if (sigaction(SIGHUP, NULL, &action) == 0 && action.sa_handler != SIG_IGN &&
      sigaction(SIGINT, NULL, &action) == 0)
    sigaction(SIGHUP, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
  return stop;
}

static int open_output(const char *path)
{
  if (strcmp(path, "-") == 0)
    return dup(STDOUT_FILENO);
  return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
}

/* What is done on the keeping side. */
struct keeping {
  const struct capture_options *options;
  struct ssh_ends *ssh;          /* NULL = no end is on another host */
  struct flight *flight;         /* NULL = everything is written */
  struct metrics_server *server; /* NULL = no metrics, as is the watch */
  struct metrics_watch *watch;
  struct kick_orders *orders;         /* NULL = nobody orders kicks from afar */
  struct recorder *recorder;          /* NULL = not opened */
  const struct flight_screen *screen; /* NULL = none */
};

/* Where there may be several files (each stall's with --rearm, a ring of them) the recorder names
 * them. */
static int open_outputs(struct recorder_output *output, const struct capture_options *options,
                        const struct keeping *keeping)
{
  *output = (struct recorder_output){.fd = -1};
  if (keeping->flight != NULL && (options->flight.on || keeping->screen != NULL)) {
    output->keep_bytes = flight_keep_bytes(keeping->flight);
    output->keep_ns = flight_keep_ns(keeping->flight);
  }
  output->ring_bytes = options->ring_bytes;
  output->ring_ns = options->ring_ns;
  output->ring_count = (uint32_t)options->ring_count;
  if ((options->flight.on && options->flight.rearm) || options->ring_bytes > 0 ||
      options->ring_ns > 0) {
    output->path = options->output;
    return 0;
  }
  if (options->output == NULL)
    return 0;
  output->fd = open_output(options->output);
  if (output->fd < 0)
    complain("%s: %s", options->output, strerror(errno));
  return output->fd < 0 ? -1 : 0;
}

static int record(struct recorder *recorder, const struct capture_options *options,
                  const struct keeping *keeping)
{
  struct recorder_totals totals;
  struct recorder_output output;
  struct error error;
  if (open_outputs(&output, options, keeping) < 0)
    return EXIT_TROUBLE;
  recorder_get_totals(recorder, &totals);
  if (totals.mixed_linktypes)
    complain("the interfaces differ in link type (tap and tun, perhaps): tcpstall and Wireshark "
             "read such a file, tcpdump does not");
  if (!options->quiet)
    capture_tell_begin(recorder, options);
  int rc = recorder_run(recorder, &output, &error);
  if (keeping->screen != NULL)
    keeping->screen->over(keeping->screen->context);
  if (keeping->flight != NULL)
    flight_tell_end(keeping->flight);
  int status = capture_tell_result(recorder, options);
  if (rc == 0)
    return status;
  capture_tell_failure(recorder, options, error.text);
  return EXIT_TROUBLE;
}

static void take_request(void *context, const void *bytes, size_t size)
{
  const struct keeping *keeping = context;
  const struct flight_screen *screen = keeping->screen;
  if (screen != NULL && screen->request != NULL && screen->request(screen->context, bytes, size))
    return;
  if (keeping->flight != NULL)
    flight_request(keeping->flight, bytes, size);
}

static void look_after(void *context)
{
  const struct keeping *keeping = context;
  if (keeping->ssh != NULL)
    ssh_ends_tick(keeping->ssh);
  kick_orders_tick(keeping->orders);
  if (keeping->flight != NULL)
    flight_tick(keeping->flight);
}

static void tell_event(void *context, enum recorder_event event, uint32_t end, const char *text)
{
  const struct keeping *keeping = context;
  const struct flight_screen *screen = keeping->screen;
  capture_tell_event(keeping->options, event, end, text);
  if (screen != NULL && screen->end_event != NULL)
    screen->end_event(screen->context, event, end, text);
}

static void stop_ssh(void *context)
{
  const struct keeping *keeping = context;
  if (keeping->ssh != NULL)
    ssh_ends_stop(keeping->ssh);
}

/* They are the end's losses, as those in this host's kernel are. */
static void take_dropped(void *context, uint32_t end, uint64_t packets)
{
  const struct keeping *keeping = context;
  if (keeping->recorder != NULL)
    recorder_tell_dropped(keeping->recorder, end, packets);
  else if (packets > 0) /* too late for the file */
    complain("end %c: %" PRIu64 " packets dropped by the kernel there", 'A' + (int)end, packets);
}

static void forget_ssh(void *context)
{
  const struct keeping *keeping = context;
  ssh_ends_forget(keeping->ssh);
}

static int open_ssh(struct keeping *keeping, struct capture_options *options, struct error *error)
{
  char orders[KICK_ORDERS_TEXT_BYTES];
  kick_orders_text(options->flight.kick, options->flight.kick_interval_ns, orders);
  const struct ssh_options wanted = {
      .program = options->ssh,
      .capture = {.filter = options->filter,
                  .snaplen_bytes = (uint32_t)options->snaplen_bytes,
                  .buffer_bytes = options->buffer_bytes,
                  .promiscuous = !options->no_promiscuous_mode,
                  .sample_interval_ns = options->no_samples ? 0 : options->sample_interval_ns,
                  .kick_orders = options->flight.kick != KICK_NONE ? orders : NULL},
      .dropped = take_dropped,
      .context = keeping};
  return ssh_ends_open(&keeping->ssh, options->ends, options->end_count, &wanted, error);
}

static void kick_remote(void *context, uint32_t end, const struct kick_request *request)
{
  const struct keeping *keeping = context;
  ssh_ends_kick(keeping->ssh, end, request);
}

static int open_orders(struct keeping *keeping, const struct capture_options *options,
                       struct error *error)
{
  if (options->orders == KICK_NONE)
    return 0;
  return kick_orders_open(&keeping->orders, options->ends[0].interface,
                          options->ends[0].network_namespace, options->orders,
                          options->orders_interval_ns, error);
}

/* What is served, by a process that is forked before anything is captured. */
static int open_metrics(struct keeping *keeping, const struct capture_options *options,
                        struct error *error)
{
  int rc = metrics_server_open(&keeping->server, options->metrics, error);
  if (rc < 0)
    return rc;
  struct metrics *metrics = metrics_server_metrics(keeping->server);
  metrics->ends = options->end_count;
  snprintf(metrics->version, sizeof metrics->version, "%s", TCPSTALL_VERSION);
  for (uint32_t i = 0; i < options->end_count; i++) {
    const struct recorder_end_options *end = &options->ends[i];
    const bool named = end->kind == RECORDER_INTERFACE && end->network_namespace != NULL;
    snprintf(metrics->end[i].interface, sizeof metrics->end[i].interface, "%s%s%s", end->interface,
             named ? "@" : "", named ? end->network_namespace : "");
  }
  keeping->watch = metrics_watch_new(metrics);
  if (keeping->watch == NULL)
    return error_set(error, ERROR_MEMORY, "no memory for the metrics");
  rc = metrics_server_start(keeping->server, options->user, error);
  if (rc == 0 && !options->quiet)
    complain("metrics at %s", metrics_server_url(keeping->server));
  return rc;
}

static int open_flight(struct keeping *keeping, const struct capture_options *options,
                       const struct flight_screen *screen, struct error *error)
{
  const struct flight_setup setup = {.options = &options->flight,
                                     .ends = options->ends,
                                     .end_count = options->end_count,
                                     .file = capture_output_name(options),
                                     .quiet = options->quiet,
                                     .screen = screen,
                                     .kick_remote = kick_remote,
                                     .kick_context = keeping};
  return options->flight.on || options->metrics != NULL
             ? flight_new(&keeping->flight, &setup, error)
             : 0;
}

int capture_run(struct capture_options *options, volatile const int *stop,
                const struct flight_screen *screen,
                int (*attach)(void *context, struct flight *flight, struct error *error))
{
  struct keeping keeping = {.options = options, .screen = screen};
  struct error error;
  int rc = open_ssh(&keeping, options, &error);
  if (rc == 0 && options->metrics != NULL)
    rc = open_metrics(&keeping, options, &error);
  if (rc == 0)
    rc = open_orders(&keeping, options, &error);
  if (rc == 0)
    rc = open_flight(&keeping, options, screen, &error);
  const struct recorder_keeper keeper = {.context = &keeping,
                                         .request = take_request,
                                         .tick = look_after,
                                         .stopping = stop_ssh,
                                         .forked = forget_ssh,
                                         .event = tell_event};
  const struct recorder_options wanted = {
      .ends = options->ends,
      .end_count = options->end_count,
      .user = options->user,
      .filter = options->filter,
      .application = "tcpstall " TCPSTALL_VERSION,
      .snaplen_bytes = (uint32_t)options->snaplen_bytes,
      .buffer_bytes = options->buffer_bytes,
      .queue_bytes = QUEUE_BYTES,
      .promiscuous = !options->no_promiscuous_mode,
      .sample_interval_ns = options->no_samples ? 0 : options->sample_interval_ns,
      .duration_ns = options->duration_ns,
      .packets_max = options->packets_max,
      .file_bytes_max = options->file_bytes_max,
      .stop = stop,
      .observer = keeping.flight != NULL ? flight_observer(keeping.flight) : NULL,
      .keeper = &keeper};
  int status = EXIT_TROUBLE;
  if (rc == 0)
    rc = recorder_open(&keeping.recorder, &wanted, &error);
  if (rc == 0 && keeping.flight != NULL)
    flight_attach(keeping.flight, keeping.recorder);
  if (rc == 0 && keeping.watch != NULL)
    flight_watch(keeping.flight, metrics_watch_hooks(keeping.watch));
  if (rc == 0 && attach != NULL)
    rc = attach(screen->context, keeping.flight, &error);
  if (rc < 0 && screen != NULL)
    screen->over(screen->context);
  if (rc == 0)
    status = record(keeping.recorder, options, &keeping);
  else
    complain("%s", error.text);
  recorder_close(keeping.recorder);
  keeping.recorder = NULL;
  flight_free(keeping.flight);
  metrics_watch_free(keeping.watch);
  metrics_server_close(keeping.server);
  kick_orders_close(keeping.orders);
  return ssh_ends_close(keeping.ssh) ? status : EXIT_TROUBLE;
}

int cmd_capture(int argc, char **argv)
{
  struct capture_options options;
  capture_options_parse(&options, argc, argv);
  int status = options.list ? list_interfaces(options.flight.json)
                            : capture_run(&options, capture_signals(), NULL, NULL);
  capture_options_free(&options);
  return status;
}
