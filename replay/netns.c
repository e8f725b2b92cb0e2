#include "replay/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OWN_NAMESPACE "/proc/thread-self/ns/net"

static bool all_digits(const char *text)
{
  return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

int netns_open(const char *name, struct error *error)
{
  char path[64];
  int descriptor = -1;
  if (strncmp(name, "fd:", 3) == 0 && all_digits(name + 3)) {
    descriptor = fcntl((int)strtol(name + 3, NULL, 10), F_DUPFD_CLOEXEC, 0);
  } else if (all_digits(name)) {
    snprintf(path, sizeof path, "/proc/%.20s/ns/net", name);
    descriptor = open(path, O_RDONLY | O_CLOEXEC);
  } else {
    descriptor = open(name, O_RDONLY | O_CLOEXEC);
  }
  if (descriptor < 0)
    return error_set(error, ERROR_IO, "network namespace %.100s: %s", name, strerror(errno));
  return descriptor;
}

static bool write_file(const char *path, const char *text)
{
  const int descriptor = open(path, O_WRONLY | O_CLOEXEC);
  if (descriptor < 0)
    return false;
  const ssize_t size = (ssize_t)strlen(text);
  const bool ok = write(descriptor, text, (size_t)size) == size;
  close(descriptor);
  return ok;
}

/* user_namespaces(7): one's own user may be mapped without any right. */
static bool become_root(void)
{
  char text[64];
  const unsigned user = geteuid(), group = getegid();
  if (unshare(CLONE_NEWUSER) != 0)
    return false;
  snprintf(text, sizeof text, "0 %u 1", user);
  if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", text))
    return false;
  snprintf(text, sizeof text, "0 %u 1", group);
  return write_file("/proc/self/gid_map", text);
}

int netns_make(int *descriptors, uint32_t count, struct error *error)
{
  int own = open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC), result = 0;
  bool entered = false;
  for (uint32_t i = 0; i < count; i++)
    descriptors[i] = -1;
  for (uint32_t i = 0; i < count && result == 0; i++) {
    bool made = unshare(CLONE_NEWNET) == 0;
    if (!made && errno == EPERM && i == 0) {
      made = become_root() && unshare(CLONE_NEWNET) == 0;
      entered = true;
    }
    descriptors[i] = made ? open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC) : -1;
    if (descriptors[i] < 0)
      result = error_set(error, ERROR_IO, "cannot make a network namespace: %s", strerror(errno));
  }
  /* From a user namespace of our own there is no way back into the old network namespace. */
  if (!entered && (own < 0 || setns(own, CLONE_NEWNET) != 0) && result == 0)
    result =
        error_set(error, ERROR_IO, "cannot go back to the network namespace: %s", strerror(errno));
  if (own >= 0)
    close(own);
  for (uint32_t i = 0; i < count && result != 0; i++)
    if (descriptors[i] >= 0)
      close(descriptors[i]);
  return result;
}

int netns_run(int descriptor, int (*task)(void *context, struct error *error), void *context,
              struct error *error)
{
  const int own = open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC);
  if (own < 0 || setns(descriptor, CLONE_NEWNET) != 0) {
    const int result =
        error_set(error, ERROR_IO, "cannot enter the network namespace: %s", strerror(errno));
    if (own >= 0)
      close(own);
    return result;
  }
  int result = task(context, error);
  /* Refused where `own` belongs to a user namespace that we have left: then this one will do. */
  if (setns(own, CLONE_NEWNET) != 0 && errno != EPERM && result >= 0)
    result = error_set(error, ERROR_IO, "cannot leave the network namespace: %s", strerror(errno));
  close(own);
  return result;
}
