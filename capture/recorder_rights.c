#include "capture/recorder_rights.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 1024 /* nobody here opens more */
#define CAPABILITY_MAX  63   /* what the kernel's interface can name; it has fewer */

static bool is_number(const char *text)
{
  return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

int recorder_identity_find(struct recorder_identity *identity, const char *user,
                           struct error *error)
{
  *identity = (struct recorder_identity){0};
  if (geteuid() != 0) {
    if (user != NULL)
      return error_set(error, ERROR_USAGE, "only root can become another user (%s)", user);
    return 0;
  }
  const char *name = user != NULL ? user : "nobody";
  const struct passwd *entry =
      is_number(name) ? getpwuid((uid_t)strtoul(name, NULL, 10)) : getpwnam(name);
  if (entry == NULL) {
    if (user == NULL)
      return 0; /* no such user on a small system: capabilities and calls are given up */
    return error_set(error, ERROR_USAGE, "there is no user %s", name);
  }
  if (entry->pw_uid == 0)
    return error_set(error, ERROR_USAGE, "user %s is root: that gives up nothing", name);
  *identity = (struct recorder_identity){true, entry->pw_uid, entry->pw_gid};
  return 0;
}

/* false: this user namespace has only some users, and that is not one of them. */
static bool become(const struct recorder_identity *identity)
{
  if (!identity->known || setgroups(0, NULL) != 0)
    return false;
  return setresgid(identity->gid, identity->gid, identity->gid) == 0 &&
         setresuid(identity->uid, identity->uid, identity->uid) == 0;
}

int recorder_rights_drop(const struct recorder_identity *identity, struct error *error)
{
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
  for (unsigned long capability = 0; capability <= CAPABILITY_MAX; capability++)
    prctl(PR_CAPBSET_DROP, capability, 0UL, 0UL, 0UL); /* what is not there, or not ours to drop */
  int rights = RECORDER_RIGHT_CAPABILITIES | (become(identity) ? RECORDER_RIGHT_USER : 0);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0UL, 0UL, 0UL);
  if (syscall(SYS_capset, &header, none) != 0 ||
      prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0)
    return error_set(error, ERROR_IO, "cannot give up rights: %s", strerror(errno));
  if ((rights & RECORDER_RIGHT_USER) != 0 && setresuid(0, 0, 0) == 0)
    return error_set(error, ERROR_IO, "giving up rights had no effect");
  return rights;
}

void recorder_close_others(const int *kept, size_t count)
{
  unsigned first = STDERR_FILENO + 1;
  for (;;) { /* the gaps between them, from below */
    unsigned next = UINT_MAX;
    for (size_t i = 0; i < count; i++)
      if (kept[i] >= (int)first && (unsigned)kept[i] < next)
        next = (unsigned)kept[i];
    if (next > first)
      close_range(first, next == UINT_MAX ? next : next - 1, 0);
    if (next == UINT_MAX)
      return;
    first = next + 1;
  }
}

void recorder_close_raw(void)
{
  struct rlimit files;
  int domain, type;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > DESCRIPTORS_MAX)
    files.rlim_cur = DESCRIPTORS_MAX;
  for (int fd = STDERR_FILENO + 1; fd < (int)files.rlim_cur; fd++) {
    socklen_t size = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0)
      continue;
    size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
        (domain == AF_PACKET || type == SOCK_RAW))
      close(fd);
  }
}

/* A write may wait for ever for a pipe's reader, or a disk: then this ends it. */
static void on_orphaned(int number)
{
  (void)number;
  alarm(RECORDER_ORPHAN_S);
}

void recorder_rights_follow_parent(void)
{
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_orphaned;
  sigaction(SIGUSR1, &action, NULL);
  prctl(PR_SET_PDEATHSIG, (unsigned long)SIGUSR1, 0UL, 0UL, 0UL);
}
