#include "capture/recorder.h"
#include "cli/capture_options.h"
#include "cli/commands.h"
#include "cli/complain.h"
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

static int record(struct recorder *recorder, const struct capture_options *options)
{
  struct recorder_totals totals;
  struct error error;
  const struct recorder_output output = {.fd = open_output(options->output)};
  if (output.fd < 0) {
    complain("%s: %s", options->output, strerror(errno));
    return EXIT_TROUBLE;
  }
  recorder_get_totals(recorder, &totals);
  if (totals.mixed_linktypes)
    complain("the interfaces differ in link type (tap and tun, perhaps): tcpstall and Wireshark "
             "read such a file, tcpdump does not");
  if (!options->quiet)
    tell_begin(recorder, options);
  int rc = recorder_run(recorder, &output, &error);
  int status = tell_result(recorder, options);
  if (rc == 0)
    return status;
  complain("%s: %s; what was written until then is readable", output_name(options), error.text);
  return EXIT_TROUBLE;
}

static void look_after_ssh(void *context)
{
  ssh_ends_tick(context);
}

static void stop_ssh(void *context)
{
  ssh_ends_stop(context);
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

static int record_ends(struct capture_options *options, volatile const int *stop)
{
  struct recorder *recorder = NULL;
  struct ssh_ends *ssh = NULL;
  struct error error;
  int rc = open_ssh(&ssh, options, &error);
  const struct recorder_keeper keeper = {
      .context = ssh, .tick = look_after_ssh, .stopping = stop_ssh};
  const struct recorder_options wanted = {.ends = options->ends,
                                          .end_count = options->end_count,
                                          .filter = options->filter,
                                          .application = "tcpstall " TCPSTALL_VERSION,
                                          .snaplen_bytes = (uint32_t)options->snaplen_bytes,
                                          .buffer_bytes = options->buffer_bytes,
                                          .queue_bytes = QUEUE_BYTES,
                                          .promiscuous = !options->no_promiscuous_mode,
                                          .sample_interval_ns =
                                              options->no_samples ? 0 : options->sample_interval_ns,
                                          .duration_ns = options->duration_ns,
                                          .packets_max = options->packets_max,
                                          .file_bytes_max = options->file_bytes_max,
                                          .stop = stop,
                                          .keeper = ssh != NULL ? &keeper : NULL};
  int status = EXIT_TROUBLE;
  if (rc == 0)
    rc = recorder_open(&recorder, &wanted, &error);
  if (rc == 0)
    status = record(recorder, options);
  else
    complain("%s", error.text);
  recorder_close(recorder);
  return ssh_ends_close(ssh) ? status : EXIT_TROUBLE;
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
