#include "cli/capture_tell.h"

#include "capture/recorder_rights.h"
#include "cli/commands.h"
#include "cli/complain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *capture_output_name(const struct capture_options *options)
{
  if (options->output == NULL)
    return "no file";
  return strcmp(options->output, "-") == 0 ? "standard output" : options->output;
}

static int letter(uint32_t end)
{
  return 'A' + (int)end;
}

/* What a process gave up. */
static const char *rights_text(unsigned rights, char *text, size_t size)
{
  snprintf(text, size, "%s, %s, %s",
           (rights & RECORDER_RIGHT_USER) != 0 ? "as another user" : "as this user",
           (rights & RECORDER_RIGHT_CAPABILITIES) != 0 ? "without capabilities"
                                                       : "with all capabilities",
           (rights & RECORDER_RIGHT_CALLS) != 0 ? "with few system calls (seccomp)"
                                                : "with all system calls (no seccomp)");
  return text;
}

void capture_tell_begin(const struct recorder *recorder, const struct capture_options *options)
{
  char text[120];
  for (uint32_t i = 0; i < options->end_count; i++) {
    struct recorder_end_totals end;
    recorder_get_end_totals(recorder, i, &end);
    complain("end %c: recording %s", letter(i), end.name);
    if (options->verbose)
      complain("end %c: its packets are read %s", letter(i),
               rights_text(end.rights, text, sizeof text));
  }
  if (options->output == NULL)
    complain("watching only: nothing is written without -w FILE; Ctrl-C ends it");
  else
    complain("writing to %s; Ctrl-C ends it", capture_output_name(options));
}

void capture_tell_event(const struct capture_options *options, enum recorder_event event,
                        uint32_t end, const char *text)
{
  const char *interface = options->ends[end].interface;
  switch (event) {
  case RECORDER_EVENT_AWAY:
    complain("end %c: %s went away (%s): waiting for it to come back", letter(end), interface,
             text);
    break;
  case RECORDER_EVENT_BACK:
    complain("end %c: %s is back %s, and recorded again", letter(end), interface, text);
    break;
  case RECORDER_EVENT_LOST: complain("end %c: %s is lost: %s", letter(end), interface, text); break;
  }
}

static const char *ending_text(enum recorder_ending ending)
{
  switch (ending) {
  case RECORDER_DURATION: return " (the time was up)";
  case RECORDER_PACKETS: return " (so many were asked for)";
  case RECORDER_SIZE: return " (the size that was asked for is reached)";
  case RECORDER_INTERFACES_LOST: return " (no interface was left)";
  case RECORDER_WRITE_FAILED: return " (writing failed)";
  case RECORDER_OBSERVER: return " (the analysis had seen enough)";
  case RECORDER_STOPPED: break;
  }
  return "";
}

/* Returns false if an end was lost. */
static bool tell_end(const struct recorder *recorder, uint32_t index, bool quiet)
{
  struct recorder_end_totals end;
  recorder_get_end_totals(recorder, index, &end);
  if (!quiet || end.kernel_dropped + end.own_dropped > 0)
    complain("end %c: %s: %" PRIu64 " packets and %" PRIu64 " samples written, %" PRIu64
             " packets dropped by the kernel (--buffer), %" PRIu64 " by tcpstall",
             letter(index), end.name, end.written, end.samples, end.kernel_dropped,
             end.own_dropped);
  if (end.samples_dropped + end.sockets_passed_over > 0)
    complain("end %c: %s: %" PRIu64 " samples dropped, %" PRIu64
             " sockets not sampled: there were too many",
             letter(index), end.name, end.samples_dropped, end.sockets_passed_over);
  if (end.lost)
    complain("end %c: %s is not there any more: %s", letter(index), end.name, end.why);
  return !end.lost;
}

static void tell_files(const struct recorder_totals *totals, const struct capture_options *options)
{
  char text[120];
  if (totals->files > 0)
    complain("%" PRIu64 " packets, %" PRIu64 " bytes written to %u files, the last one is %s%s",
             totals->packets, totals->file_bytes, totals->files, totals->last_file,
             ending_text(totals->ending));
  else
    complain("%" PRIu64 " packets, %" PRIu64 " bytes written to %s%s", totals->packets,
             totals->file_bytes, capture_output_name(options), ending_text(totals->ending));
  if (options->verbose)
    complain("they were written %s", rights_text(totals->rights, text, sizeof text));
}

void capture_tell_failure(const struct recorder *recorder, const struct capture_options *options,
                          const char *why)
{
  struct recorder_totals totals;
  struct recorder_end_totals end;
  uint64_t not_written = 0;
  char missing[80] = "";
  recorder_get_totals(recorder, &totals);
  for (uint32_t i = 0; i < options->end_count; i++) {
    recorder_get_end_totals(recorder, i, &end);
    not_written += end.not_written;
  }
  if (not_written > 0)
    snprintf(missing, sizeof missing, ", %" PRIu64 " that were captured are not in it",
             not_written);
  complain("%s: %s; the %" PRIu64 " packets that were written until then are readable%s",
           capture_output_name(options), why, totals.packets, missing);
}

int capture_tell_result(const struct recorder *recorder, const struct capture_options *options)
{
  struct recorder_totals totals;
  int status = EXIT_NO_PROBLEM;
  recorder_get_totals(recorder, &totals);
  for (uint32_t i = 0; i < options->end_count; i++)
    if (!tell_end(recorder, i, options->quiet))
      status = EXIT_TROUBLE;
  if (!options->quiet)
    tell_files(&totals, options);
  if (totals.files_not_removed > 0)
    complain("%u old files could not be removed", totals.files_not_removed);
  return status;
}
