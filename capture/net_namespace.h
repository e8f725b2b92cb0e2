#ifndef CAPTURE_NET_NAMESPACE_H
#define CAPTURE_NET_NAMESPACE_H

/* Network namespaces. A socket stays in the namespace where it was opened, whatever its thread does
 * afterwards: so a thread enters one, opens what it needs there, and goes back. */

#include "wire/error.h"

/* name: a process id (all digits), a name as `ip netns` knows it, or a path with a slash. Returns a
 * descriptor, the caller's to close, or a negative error_code. */
int net_namespace_open(const char *name, struct error *error);

/* Moves the calling thread there; needs CAP_SYS_ADMIN over both. *home gets the way back for
 * net_namespace_leave(), which must follow. 0 or a negative error_code. descriptor -1 is where the
 * thread is: nothing happens. */
int net_namespace_enter(int descriptor, int *home, struct error *error);
/* A thread that cannot go back must not go on: this is an error too. */
int net_namespace_leave(int home, struct error *error);

#endif
