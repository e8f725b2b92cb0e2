#ifndef CAPTURE_REMOTE_H
#define CAPTURE_REMOTE_H

/* An end on another host: a capture that runs there, started by ssh, whose output is a stream that
 * capture/remote_reader.h reads.
 *
 * ssh is the user's own, with his configuration, keys and agent. It asks for passwords on the
 * terminal if there is one. SIGINT and SIGHUP of the terminal do not reach it: remote_stop() ends
 * the capture there, which sends what it still has. Whatever ends this program, the other one
 * notices that its input has ended, and ends as well.
 *
 * One thread at a time. SIGPIPE must be ignored. */

#include "capture/remote_command.h"
#include "capture/remote_target.h"
#include "wire/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long the other end may take to send the rest after remote_stop(), with ssh's own time: what
 * waits in its kernel and in ours goes through a slow line first. */
#define REMOTE_STOP_NS INT64_C(15000000000)

struct remote_options {
  const char *target; /* as remote_target_parse() takes it */
  const char *ssh;    /* a program and its options, words set apart by blanks; NULL = "ssh" */
  struct remote_capture capture;
};

struct remote; /* opaque */

/* Starts ssh, and does not wait for it: the stream's first bytes tell that the capture runs. 0 or a
 * negative error_code. A program that cannot be started ends at once, with a message. */
int remote_open(struct remote **remote, const struct remote_options *options, struct error *error);

const struct remote_target *remote_get_target(const struct remote *remote);
/* The capture, which does not block; the caller's from now on. -1: it was taken before. */
int remote_take_stream(struct remote *remote);
/* What ssh and the other host say: to be polled. -1: nothing more will come. */
int remote_messages(const struct remote *remote);

/* The next whole line of the messages, without its newline, cut to size and with what a terminal
 * could misunderstand made '?'. false: none at present. */
bool remote_next_message(struct remote *remote, char *line, size_t size);
/* true if the line is tcpdump's last word about losses: "12 packets dropped by kernel". */
bool remote_message_drops(const char *line, uint64_t *dropped);

/* A line, with its newline, for the program there: remote_capture.kick_orders. Lost if the
 * connection takes no more at present. At most PIPE_BUF bytes. */
void remote_send(struct remote *remote, const char *line);

/* Ends the capture there. Once is enough. What it still has comes, then the stream ends. */
void remote_stop(struct remote *remote);

/* In a process that was forked: closes its copies, which would keep the capture there going. */
void remote_forget(struct remote *remote);

/* How ssh ended: its exit status (the other program's, or 255 if the connection failed), or
 * 128 + the signal that killed it. false: it has not. */
bool remote_has_ended(struct remote *remote, int *status);
/* The same, but waits for it, wait_ns at most. Its messages are not read meanwhile: a program that
 * has more to say than a pipe takes does not end. */
bool remote_wait(struct remote *remote, int64_t wait_ns, int *status);
/* "ssh could not connect, or lost the connection (exit status 255)", ... Static or in text. */
const char *remote_ending_text(int status, char *text, size_t size);

/* Stops it, waits for ssh for wait_ns at most, then kills it; frees. NULL is allowed. */
void remote_close(struct remote *remote, int64_t wait_ns);

#endif
