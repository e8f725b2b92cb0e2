#include "cli/ssh.h"

#include "cli/complain.h"
#include "cli/kick_orders.h"
#include "wire/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 512
/* After its stream has ended ssh has only to say good-bye; one that was never stopped may hang. */
#define END_WAIT_NS (INT64_C(3) * NS_PER_S)
/* A capture that ended by a signal which our own stop sent: tcpdump's 0 or this. */
#define STATUS_TERMINATED (128 + 15)

struct ssh_end {
  struct remote *remote;
  uint32_t index;
  char letter;
  bool ended_early; /* before it was stopped, which was told */
};

struct ssh_ends {
  uint32_t count;
  bool stopped, others; /* others: the recording has more than one end */
  struct ssh_options options;
  struct ssh_end ends[RECORDER_ENDS_MAX];
};

static const char *host_of(const struct ssh_end *end)
{
  return remote_get_target(end->remote)->host;
}

static bool begins(const char *text, const char *with)
{
  return strncmp(text, with, strlen(with)) == 0;
}

/* What tcpdump says whenever all is well. */
static bool is_usual(const char *line)
{
  size_t digits = strspn(line, "0123456789");
  return begins(line, "tcpdump: listening on ") || begins(line, "tcpdump: data link type ") ||
         (digits > 0 && (begins(line + digits, " packets captured") ||
                         begins(line + digits, " packet captured") ||
                         begins(line + digits, " packets received by filter") ||
                         begins(line + digits, " packet received by filter")));
}

static void tell_line(const struct ssh_options *options, const struct ssh_end *end,
                      const char *line)
{
  static const char own_name[] = "tcpstall: ";
  uint64_t dropped;
  if (is_usual(line) || line[0] == '\0')
    return;
  if (!remote_message_drops(line, &dropped))
    complain("end %c: %s: %s", end->letter, host_of(end),
             begins(line, own_name) ? line + sizeof own_name - 1 : line);
  else if (options->dropped != NULL)
    options->dropped(options->context, end->index, dropped);
  else if (dropped > 0)
    complain("end %c: %s: %" PRIu64 " packets dropped by the kernel there (--buffer)", end->letter,
             host_of(end), dropped);
}

static void tell_messages(const struct ssh_options *options, struct ssh_end *end)
{
  char line[LINE_BYTES];
  while (remote_next_message(end->remote, line, sizeof line))
    tell_line(options, end, line);
}

static int open_end(struct ssh_ends *ssh_ends, struct recorder_end_options *wanted, uint32_t index,
                    const struct ssh_options *options, struct error *error)
{
  struct ssh_end *end = &ssh_ends->ends[ssh_ends->count];
  const struct remote_options remote = {
      .target = wanted->interface, .ssh = options->program, .capture = options->capture};
  int rc = remote_open(&end->remote, &remote, error);
  if (rc < 0)
    return rc;
  end->index = index;
  end->letter = (char)('A' + (int)index);
  ssh_ends->count++;
  wanted->kind = RECORDER_STREAM;
  wanted->interface = strchr(wanted->interface, ':') + 1; /* as it is called in the file */
  wanted->stream_fd = remote_take_stream(end->remote);
  return 0;
}

static void kill_all(struct ssh_ends *ssh_ends, struct recorder_end_options *ends,
                     uint32_t end_count)
{
  for (uint32_t i = 0; i < end_count; i++)
    if (ends[i].kind == RECORDER_STREAM)
      close(ends[i].stream_fd);
  for (uint32_t i = 0; i < ssh_ends->count; i++)
    remote_close(ssh_ends->ends[i].remote, 0);
  free(ssh_ends);
}

int ssh_ends_open(struct ssh_ends **ssh_ends_out, struct recorder_end_options *ends,
                  uint32_t end_count, const struct ssh_options *options, struct error *error)
{
  *ssh_ends_out = NULL;
  struct ssh_ends *ssh_ends = calloc(1, sizeof *ssh_ends);
  if (ssh_ends == NULL)
    return error_set(error, ERROR_MEMORY, "no memory for remote ends");
  ssh_ends->options = *options;
  ssh_ends->others = end_count > 1;
  int rc = 0;
  for (uint32_t i = 0; rc == 0 && i < end_count; i++)
    if (remote_target_is(ends[i].interface))
      rc = open_end(ssh_ends, &ends[i], i, options, error);
  if (rc < 0) {
    kill_all(ssh_ends, ends, end_count);
    return rc;
  }
  if (ssh_ends->count == 0)
    free(ssh_ends);
  else
    *ssh_ends_out = ssh_ends;
  return 0;
}

static void tell_ending(const struct ssh_end *end, int status, const char *what_now)
{
  char text[128];
  complain("end %c: %s: %s%s", end->letter, host_of(end),
           remote_ending_text(status, text, sizeof text), what_now);
}

void ssh_ends_tick(struct ssh_ends *ssh_ends)
{
  int status;
  for (uint32_t i = 0; ssh_ends != NULL && i < ssh_ends->count; i++) {
    struct ssh_end *end = &ssh_ends->ends[i];
    bool ended = !ssh_ends->stopped && !end->ended_early && remote_has_ended(end->remote, &status);
    tell_messages(&ssh_ends->options, end); /* the last ones, if it has ended */
    if (!ended)
      continue;
    end->ended_early = true;
    tell_ending(end, status, ssh_ends->others ? "; the other ends go on" : "");
  }
}

void ssh_ends_forget(struct ssh_ends *ssh_ends)
{
  for (uint32_t i = 0; ssh_ends != NULL && i < ssh_ends->count; i++)
    remote_forget(ssh_ends->ends[i].remote);
}

void ssh_ends_kick(struct ssh_ends *ssh_ends, uint32_t end, const struct kick_request *request)
{
  char line[KICK_ORDER_BYTES];
  for (uint32_t i = 0; ssh_ends != NULL && i < ssh_ends->count; i++) {
    if (ssh_ends->ends[i].index != end || ssh_ends->ends[i].ended_early)
      continue;
    kick_order_write(request, line);
    remote_send(ssh_ends->ends[i].remote, line);
  }
}

void ssh_ends_stop(struct ssh_ends *ssh_ends)
{
  if (ssh_ends == NULL || ssh_ends->stopped)
    return;
  ssh_ends_tick(ssh_ends); /* who has ended before did so by himself */
  ssh_ends->stopped = true;
  for (uint32_t i = 0; i < ssh_ends->count; i++)
    remote_stop(ssh_ends->ends[i].remote);
}

/* What it said when it ended is read behind its end. */
static bool close_end(const struct ssh_options *options, struct ssh_end *end)
{
  int status = 0;
  bool ended = remote_wait(end->remote, END_WAIT_NS, &status);
  bool good = ended && !end->ended_early && (status == 0 || status == STATUS_TERMINATED);
  tell_messages(options, end);
  if (!ended)
    complain("end %c: %s: ssh did not end, and was killed", end->letter, host_of(end));
  else if (!good && !end->ended_early)
    tell_ending(end, status, "");
  remote_close(end->remote, 0);
  return good;
}

bool ssh_ends_close(struct ssh_ends *ssh_ends)
{
  bool good = true;
  if (ssh_ends == NULL)
    return true;
  ssh_ends_stop(ssh_ends);
  for (uint32_t i = 0; i < ssh_ends->count; i++)
    good &= close_end(&ssh_ends->options, &ssh_ends->ends[i]);
  free(ssh_ends);
  return good;
}
