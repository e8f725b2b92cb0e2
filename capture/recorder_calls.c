#include "capture/recorder_rights.h"

#ifdef HAVE_SECCOMP

#include <errno.h>
#include <net/if.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* System calls by what they are for. Everything else, opening and connecting above all, fails with
 * EPERM: that stops an intruder as well as death would, and a library's idle curiosity stops
 * nobody. */

static const int calls_of_all[] = {
    /* memory */
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    /* time */
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(clock_getres),
    SCMP_SYS(clock_getres_time64), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_nanosleep_time64), SCMP_SYS(alarm),
    SCMP_SYS(setitimer),
    /* waiting */
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64), SCMP_SYS(select), SCMP_SYS(pselect6),
    SCMP_SYS(pselect6_time64), SCMP_SYS(futex), SCMP_SYS(futex_time64), SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity), SCMP_SYS(restart_syscall),
    /* descriptors that are open */
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(close), SCMP_SYS(fstat),
    SCMP_SYS(fstat64), SCMP_SYS(newfstatat), SCMP_SYS(recvmsg), SCMP_SYS(recvfrom),
    SCMP_SYS(recvmmsg), SCMP_SYS(getsockopt), SCMP_SYS(lseek), SCMP_SYS(_llseek),
    /* signals and the end */
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn),
    SCMP_SYS(sigaltstack), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(getpid), SCMP_SYS(gettid),
    SCMP_SYS(tgkill), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(getrandom),
    SCMP_SYS(uname)};

/* As long as they make nothing executable. */
static const int calls_of_memory[] = {SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)};

static const int calls_of_writer[] = {SCMP_SYS(write),       SCMP_SYS(writev), SCMP_SYS(ftruncate),
                                      SCMP_SYS(ftruncate64), SCMP_SYS(fsync),  SCMP_SYS(fdatasync),
                                      SCMP_SYS(fcntl)};

static const int calls_of_server[] = {
    SCMP_SYS(accept),     SCMP_SYS(accept4),  SCMP_SYS(sendto),      SCMP_SYS(sendmsg),
    SCMP_SYS(setsockopt), SCMP_SYS(shutdown), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    SCMP_SYS(fcntl),      SCMP_SYS(getppid),  SCMP_SYS(listen)};

/* A terminal's (the dashboard's), and an interface's: is it there? */
static const unsigned long harmless_requests[] = {TCGETS,     TCSETS,   TCSETSW,      TCSETSF,
                                                  TIOCGWINSZ, FIONREAD, SIOCGIFFLAGS, SIOCGIFINDEX};

static int allow_all(scmp_filter_ctx filter, const int *calls, size_t count)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < count; i++)
    rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
  return rc;
}

/* If an argument, masked, is a value. (libseccomp's macros leave members out, which clang minds.)
 */
static int allow_if(scmp_filter_ctx filter, int call, unsigned argument, uint64_t mask,
                    uint64_t value)
{
  const struct scmp_arg_cmp is_so = {
      .arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
  return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &is_so);
}

static int allow_on(scmp_filter_ctx filter, int call, int fd)
{
  return fd >= 0 ? allow_if(filter, call, 0, UINT32_MAX, (uint64_t)fd) : 0;
}

static int allow_some(scmp_filter_ctx filter)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < sizeof calls_of_memory / sizeof *calls_of_memory; i++)
    rc = allow_if(filter, calls_of_memory[i], 2, PROT_EXEC, 0);
  for (size_t i = 0; rc == 0 && i < sizeof harmless_requests / sizeof *harmless_requests; i++)
    rc = allow_if(filter, SCMP_SYS(ioctl), 1, UINT32_MAX, harmless_requests[i]);
  return rc;
}

static int add_rules(scmp_filter_ctx filter, const struct recorder_calls *calls)
{
  int rc = allow_all(filter, calls_of_all, sizeof calls_of_all / sizeof *calls_of_all);
  if (rc == 0)
    rc = allow_some(filter);
  if (rc == 0 && calls->writes)
    rc = allow_all(filter, calls_of_writer, sizeof calls_of_writer / sizeof *calls_of_writer);
  if (rc == 0 && calls->serves)
    rc = allow_all(filter, calls_of_server, sizeof calls_of_server / sizeof *calls_of_server);
  for (size_t i = 0; rc == 0 && i < 2; i++) {
    /* Not to a packet socket: that would send a frame. */
    if (!calls->writes)
      rc = allow_on(filter, SCMP_SYS(write), calls->write_fds[i]);
    if (rc == 0)
      rc = allow_on(filter, SCMP_SYS(sendto), calls->netlink_fds[i]);
  }
  if (rc == 0)
    rc = allow_on(filter, SCMP_SYS(sendto), calls->channel);
  return rc == 0 ? allow_on(filter, SCMP_SYS(sendmsg), calls->channel) : rc;
}

int recorder_rights_confine(const struct recorder_calls *calls)
{
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  if (filter == NULL)
    return 0;
  seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
  int rc = add_rules(filter, calls);
  if (rc == 0)
    rc = seccomp_load(filter);
  seccomp_release(filter);
  return rc == 0 ? RECORDER_RIGHT_CALLS : 0;
}

#else

int recorder_rights_confine(const struct recorder_calls *calls)
{
  (void)calls;
  return 0;
}

#endif
