#ifndef CAPTURE_REMOTE_COMMAND_H
#define CAPTURE_REMOTE_COMMAND_H

/* What ssh is to run on the other host: a small shell script that starts `tcpstall capture` there,
 * or tcpdump where there is none, with its capture on standard output; ends it with a line on
 * standard input, or when that ends; passes orders on to it (remote_send()) if it takes any; and
 * leaves out the packets of this very ssh connection, each of which would make others.
 *
 * ssh hands the text to the user's login shell, whichever that is. So every byte of the script that
 * any shell could take for more than a letter is written as a number: what is left is
 *   exec sh -c 'eval "$(printf %b "$0")"' 'LETTERS AND \0NUMBERS' */

#include "capture/remote_target.h"
#include "wire/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct remote_capture {
  const char *filter; /* tcpdump's language; NULL or "" = everything */
  uint32_t snaplen_bytes;
  uint64_t buffer_bytes; /* the other kernel's */
  bool promiscuous;
  int64_t sample_interval_ns; /* 0 = no samples */
  const char *kick_orders;    /* the program there takes orders to kick, so; NULL = it does not */
};

/* Linux takes no longer argument than 128 KiB, and a login shell adds to it. */
#define REMOTE_COMMAND_BYTES_MAX 120000u

/* The command as ssh's last argument, in fresh memory, the caller's to free. 0, ERROR_LIMIT (too
 * long a filter) or ERROR_MEMORY. */
int remote_command_build(char **command, const struct remote_target *target,
                         const struct remote_capture *capture, struct error *error);

#endif
