#include "capture/net_namespace.h"
#include "capture/recorder_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* The network namespace of an end, as the keeper holds it. */

static const char *name_of(const struct recorder_end *end)
{
  const struct recorder_end_options *wanted = recorder_end_wanted(end);
  return wanted->kind == RECORDER_INTERFACE ? wanted->network_namespace : NULL;
}

/* A socket that stays there, and so can ask whether the interface is there. */
static int open_probe(struct recorder_end *end, struct error *error)
{
  int home;
  int rc = net_namespace_enter(end->network_namespace, &home, error);
  if (rc < 0)
    return rc;
  end->probe = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (end->probe < 0)
    end->probe = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  return net_namespace_leave(home, error);
}

int recorder_namespace_open(struct recorder_end *end, struct error *error)
{
  const char *name = name_of(end);
  if (name != NULL && (end->network_namespace = net_namespace_open(name, error)) < 0)
    return end->network_namespace;
  return open_probe(end, error);
}

void recorder_namespace_close(struct recorder_end *end)
{
  if (end->probe >= 0)
    close(end->probe);
  if (end->network_namespace >= 0)
    close(end->network_namespace);
  end->probe = end->network_namespace = -1;
}

/* A process's namespace goes on without it; a name is all that the user knows of a named one. */
bool recorder_namespace_is_gone(const struct recorder_end *end)
{
  const char *name = name_of(end);
  struct stat held, named;
  struct error error;
  if (name == NULL || name[strspn(name, "0123456789")] == '\0' || end->network_namespace < 0)
    return false;
  int descriptor = net_namespace_open(name, &error);
  if (descriptor < 0)
    return errno == ENOENT;
  bool is_other = fstat(descriptor, &named) == 0 && fstat(end->network_namespace, &held) == 0 &&
                  (named.st_dev != held.st_dev || named.st_ino != held.st_ino);
  close(descriptor);
  return is_other;
}
