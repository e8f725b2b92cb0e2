#ifndef REPLAY_NETNS_H
#define REPLAY_NETNS_H

/* Network namespaces: unnamed ones of our own, and those of others. All are file descriptors; a
 * namespace that nobody is in goes when its last descriptor does. Linux only. */

#include "wire/error.h"

#include <stdint.h>

/* Opens a namespace by the id of a process in it ("123"), by a path, or as a descriptor of ours
 * ("fd:5", duplicated). Returns the descriptor or a negative error_code. */
int netns_open(const char *name, struct error *error);

/* Makes `count` new ones. Without the right to, the process first moves into a user namespace of
 * its own, for good, where it is root: it must have one thread then. The process stays in the
 * network namespace where it was. Returns 0 or ERROR_IO. */
int netns_make(int *descriptors, uint32_t count, struct error *error);

/* Runs `task` inside a namespace, in this thread; returns what it returns, or ERROR_IO. */
int netns_run(int descriptor, int (*task)(void *context, struct error *error), void *context,
              struct error *error);

#endif
