#ifndef CAPTURE_RECORDER_RIGHTS_H
#define CAPTURE_RECORDER_RIGHTS_H

/* How a process gives up its rights for good. */

#include "wire/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Who a process becomes that is started by root. */
struct recorder_identity {
  bool known; /* false: it stays who it is */
  uid_t uid;
  gid_t gid;
};

/* user: a name or a number; NULL = "nobody" for root, and else nobody else. Looks the user up, so
 * it is to be called before rights are given up. ERROR_USAGE: there is no such user, or who asks is
 * not root. */
int recorder_identity_find(struct recorder_identity *identity, const char *user,
                           struct error *error);

enum recorder_right {
  RECORDER_RIGHT_USER = 1,         /* it is another user */
  RECORDER_RIGHT_CAPABILITIES = 2, /* it has none, and can get none */
  RECORDER_RIGHT_CALLS = 4         /* seccomp: only a few system calls */
};

/* The process's, before it has threads. Returns RECORDER_RIGHT_USER | ..._CAPABILITIES, without the
 * former where the user cannot be changed (a user namespace that does not know it), or a negative
 * error_code: it still has rights. */
int recorder_rights_drop(const struct recorder_identity *identity, struct error *error);

/* Closes every descriptor but the standard ones and these (-1 = none; at most 8). */
void recorder_close_others(const int *kept, size_t count);
/* Closes every socket that could send frames. */
void recorder_close_raw(void);

/* What a process may still do. Descriptors that are -1 are none. */
struct recorder_calls {
  bool writes;        /* to any descriptor, and moves, cuts and closes files; terminals */
  bool serves;        /* accepts connections and answers them */
  int write_fds[2];   /* if it does not: only to these */
  int netlink_fds[2]; /* asks them */
  int channel;        /* receives descriptors */
};

/* All threads. Returns RECORDER_RIGHT_CALLS, or 0 where this cannot be had (no libseccomp, or the
 * kernel has none). */
int recorder_rights_confine(const struct recorder_calls *calls);

/* The process is told to end soon when its parent dies: it has RECORDER_ORPHAN_S seconds. */
#define RECORDER_ORPHAN_S 10
void recorder_rights_follow_parent(void);

#endif
