#ifndef CAPTURE_REMOTE_TARGET_H
#define CAPTURE_REMOTE_TARGET_H

/* An interface of another host, as the user names it:
 *
 *   ssh:[USER@]HOST[:PORT]/IF[@NETNS]      HOST: a name, an address, or an IPv6 address in [ ]
 *
 * What ssh could take for an option, and what a shell could take for more than a word, is refused:
 * such names do not exist, but a text that somebody pasted may hold them. */

#include "wire/error.h"

#include <stdbool.h>
#include <stdint.h>

struct remote_target {
  char destination[320];       /* [USER@]HOST, for ssh; without brackets */
  char host[256];              /* HOST alone */
  uint16_t port;               /* 0 = ssh's choice */
  char interface[32];          /* a name of up to 15 bytes (IFNAMSIZ) */
  char network_namespace[224]; /* "" = the one where ssh gets to */
};

/* true if text begins with "ssh:". */
bool remote_target_is(const char *text);

/* 0, or ERROR_USAGE with what was expected. */
int remote_target_parse(struct remote_target *target, const char *text, struct error *error);

#endif
