#include "capture/recorder.h"
#include "cli/capture_options.h"
#include "cli/commands.h"
#include "cli/complain.h"
#include "cli/flight.h"
#include "cli/interrupt.h"
#include "cli/list.h"
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
static volatile const int *install_signals(void)
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

static const char *output_name(const struct capture_options *options)
{
  return strcmp(options->output, "-") == 0 ? "standard output" : options->output;
}

static void tell_begin(const struct recorder *recorder, const struct capture_options *options)
{
  for (uint32_t i = 0; i < options->end_count; i++) {
    struct recorder_end_totals end;
    recorder_get_end_totals(recorder, i, &end);
    complain("end %c: recording %s", 'A' + (int)i, end.name);
  }
  complain("writing to %s; Ctrl-C ends it", output_name(options));
}

static const char *ending_text(enum recorder_ending ending)
{
  switch (ending) {
  case RECORDER_DURATION: return " (the time was up)";
  case RECORDER_PACKETS: return " (so many were asked for)";
  case RECORDER_SIZE: return " (the file has the size that was asked for)";
  case RECORDER_INTERFACES_LOST: return " (no interface was left)";
  case RECORDER_WRITE_FAILED: return " (writing failed)";
  case RECORDER_OBSERVER: return " (the analysis had seen enough)";
  case RECORDER_STOPPED: break;
  }
  return "";
}

/* Losses are told even to the quiet. Returns false if an end was lost. */
static bool tell_end(const struct recorder *recorder, uint32_t index, bool quiet)
{
  struct recorder_end_totals end;
  recorder_get_end_totals(recorder, index, &end);
  if (!quiet || end.kernel_dropped + end.own_dropped > 0)
    complain("end %c: %s: %" PRIu64 " packets and %" PRIu64 " samples written, %" PRIu64
             " packets dropped by the kernel (--buffer), %" PRIu64 " by tcpstall",
             'A' + (int)index, end.name, end.written, end.samples, end.kernel_dropped,
             end.own_dropped);
  if (end.samples_dropped + end.sockets_passed_over > 0)
    complain("end %c: %s: %" PRIu64 " samples dropped, %" PRIu64
             " sockets not sampled: there were too many",
             'A' + (int)index, end.name, end.samples_dropped, end.sockets_passed_over);
  if (end.lost)
    complain("end %c: %s was lost: %s", 'A' + (int)index, end.name, end.why);
  return !end.lost;
}

static int tell_result(const struct recorder *recorder, const struct capture_options *options)
{
  struct recorder_totals totals;
  int status = EXIT_NO_PROBLEM;
  recorder_get_totals(recorder, &totals);
  for (uint32_t i = 0; i < options->end_count; i++)
    if (!tell_end(recorder, i, options->quiet))
      status = EXIT_TROUBLE;
  if (!options->quiet)
    complain("%" PRIu64 " packets, %" PRIu64 " bytes written to %s%s", totals.packets,
             totals.file_bytes, output_name(options), ending_text(totals.ending));
  return status;
}

/* What is done on the keeping side. */
struct keeping {
  struct ssh_ends *ssh;  /* NULL = no end is on another host */
  struct flight *flight; /* NULL = everything is written */
};

/* With --rearm each stall has a file of its own, which the recorder names. */
static int open_outputs(struct recorder_output *output, const struct capture_options *options,
                        const struct keeping *keeping)
{
  *output = (struct recorder_output){.fd = -1};
  if (keeping->flight != NULL) {
    output->keep_bytes = flight_keep_bytes(keeping->flight);
    output->keep_ns = options->flight.before_ns;
  }
  if (keeping->flight != NULL && options->flight.rearm) {
    output->path = options->output;
    return 0;
  }
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
    tell_begin(recorder, options);
  int rc = recorder_run(recorder, &output, &error);
  if (keeping->flight != NULL)
    flight_tell_end(keeping->flight);
  int status = tell_result(recorder, options);
  if (rc == 0)
    return status;
  complain("%s: %s; what was written until then is readable", output_name(options), error.text);
  return EXIT_TROUBLE;
}

static void take_request(void *context, const void *bytes, size_t size)
{
  const struct keeping *keeping = context;
  if (keeping->flight != NULL)
    flight_request(keeping->flight, bytes, size);
}

static void look_after(void *context)
{
  const struct keeping *keeping = context;
  if (keeping->ssh != NULL)
    ssh_ends_tick(keeping->ssh);
  if (keeping->flight != NULL)
    flight_tick(keeping->flight);
}

static void stop_ssh(void *context)
{
  const struct keeping *keeping = context;
  if (keeping->ssh != NULL)
    ssh_ends_stop(keeping->ssh);
}

static int open_ssh(struct ssh_ends **ssh, struct capture_options *options, struct error *error)
{
  const struct ssh_options wanted = {
      .program = options->ssh,
      .capture = {.filter = options->filter,
                  .snaplen_bytes = (uint32_t)options->snaplen_bytes,
                  .buffer_bytes = options->buffer_bytes,
                  .promiscuous = !options->no_promiscuous_mode,
                  .sample_interval_ns = options->no_samples ? 0 : options->sample_interval_ns},
      .quiet = options->quiet};
  return ssh_ends_open(ssh, options->ends, options->end_count, &wanted, error);
}

static int open_flight(struct flight **flight, const struct capture_options *options,
                       struct error *error)
{
  const struct flight_setup setup = {.options = &options->flight,
                                     .ends = options->ends,
                                     .end_count = options->end_count,
                                     .file = output_name(options),
                                     .quiet = options->quiet};
  return options->flight.on ? flight_new(flight, &setup, error) : 0;
}

static int record_ends(struct capture_options *options, volatile const int *stop)
{
  struct recorder *recorder = NULL;
  struct keeping keeping = {NULL, NULL};
  struct error error;
  int rc = open_ssh(&keeping.ssh, options, &error);
  if (rc == 0)
    rc = open_flight(&keeping.flight, options, &error);
  const struct recorder_keeper keeper = {
      .context = &keeping, .request = take_request, .tick = look_after, .stopping = stop_ssh};
  const struct recorder_options wanted = {
      .ends = options->ends,
      .end_count = options->end_count,
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
    rc = recorder_open(&recorder, &wanted, &error);
  if (rc == 0 && keeping.flight != NULL)
    flight_attach(keeping.flight, recorder);
  if (rc == 0)
    status = record(recorder, options, &keeping);
  else
    complain("%s", error.text);
  recorder_close(recorder);
  flight_free(keeping.flight);
  return ssh_ends_close(keeping.ssh) ? status : EXIT_TROUBLE;
}

int cmd_capture(int argc, char **argv)
{
  struct capture_options options;
  capture_options_parse(&options, argc, argv);
  int status =
      options.list ? list_interfaces(options.list_json) : record_ends(&options, install_signals());
  capture_options_free(&options);
  return status;
}
