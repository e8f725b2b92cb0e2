#include "capture/net_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OWN_NAMESPACE "/proc/thread-self/ns/net"

int net_namespace_open(const char *name, struct error *error)
{
  char path[256];
  int length;
  if (strchr(name, '/') != NULL)
    length = snprintf(path, sizeof path, "%s", name);
  else if (name[0] != '\0' && name[strspn(name, "0123456789")] == '\0')
    length = snprintf(path, sizeof path, "/proc/%s/ns/net", name);
  else
    length = snprintf(path, sizeof path, "/run/netns/%s", name);
  if (name[0] == '\0' || length >= (int)sizeof path)
    return error_set(error, ERROR_USAGE, "'%.40s' is no network namespace", name);
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 && errno == EACCES)
    return error_set(error, ERROR_IO,
                     "network namespace %s: no right to enter it: run it with sudo", name);
  if (descriptor < 0)
    return error_set(error, ERROR_IO,
                     "network namespace %s: %s: %s (expected: the name of a namespace as `ip "
                     "netns` lists it, or the id of a process in it)",
                     name, path, strerror(errno));
  return descriptor;
}

int net_namespace_enter(int descriptor, int *home, struct error *error)
{
  *home = -1;
  if (descriptor < 0)
    return 0;
  *home = open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC);
  if (*home < 0)
    return error_set(error, ERROR_IO, "%s: %s", OWN_NAMESPACE, strerror(errno));
  if (setns(descriptor, CLONE_NEWNET) == 0)
    return 0;
  int why = errno;
  close(*home);
  *home = -1;
  return error_set(error, ERROR_IO, "cannot enter the network namespace: %s%s", strerror(why),
                   why == EPERM ? " (this needs root, or CAP_SYS_ADMIN)" : "");
}

int net_namespace_leave(int home, struct error *error)
{
  if (home < 0)
    return 0;
  int rc = 0;
  if (setns(home, CLONE_NEWNET) != 0)
    rc = error_set(error, ERROR_IO, "cannot go back to the own network namespace: %s",
                   strerror(errno));
  close(home);
  return rc;
}
