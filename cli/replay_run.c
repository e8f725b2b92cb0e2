#include "cli/replay_run.h"

#include "cli/commands.h"
#include "cli/complain.h"
#include "cli/interrupt.h"
#include "cli/replay_load.h"
#include "cli/replay_options.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child tells. */
struct shared {
  struct replay_outcome outcome;
  struct error error;
  int result;
  bool done;
};

static int trouble(const char *text)
{
  complain("%s", text);
  return EXIT_TROUBLE;
}

const char *replay_own_program(char *path, size_t size)
{
  const ssize_t length = readlink("/proc/self/exe", path, size - 1);
  if (length <= 0) {
    complain("/proc/self/exe: %s", strerror(errno));
    return NULL;
  }
  path[length] = '\0';
  return path;
}

/* Killed with its parent, and with it all that it has started. Does not return. */
static void be_child(const struct replay_way *way, const struct replay_job *job, pid_t parent,
                     struct shared *shared)
{
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent)
    _exit(EXIT_TROUBLE);
  signal(SIGINT, SIG_IGN);
  shared->result = way->run(job, &shared->outcome, &shared->error);
  shared->done = true;
  _exit(0);
}

static int wait_for_child(pid_t child)
{
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    if (interrupt_seen())
      kill(child, SIGKILL);
  return status;
}

static int perform(const struct replay_way *way, const struct replay_job *job,
                   struct shared *shared)
{
  const pid_t own = getpid();
  fflush(NULL);
  const pid_t child = fork();
  if (child < 0)
    return trouble(strerror(errno));
  if (child == 0)
    be_child(way, job, own, shared);
  const int status = wait_for_child(child);
  if (interrupt_seen())
    return trouble("interrupted");
  if (shared->done && shared->result == 0)
    return 0;
  if (shared->done)
    complain("%s", shared->error.text);
  else
    complain("the live run ended unexpectedly (%s %d)", WIFSIGNALED(status) ? "signal" : "status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  return EXIT_TROUBLE;
}

/* Interfaces of the recording are capture points in their order: 'A' stands where end 0 does. */
static int analyse(const char *path, const struct replay_outcome *outcome, int64_t min_stall_ns,
                   struct recording *live)
{
  static const enum vantage roles[] = {[RECORDED_SOMEWHERE] = VANTAGE_UNKNOWN,
                                       [RECORDED_AT_CLIENT] = VANTAGE_CLIENT,
                                       [RECORDED_AT_SERVER] = VANTAGE_SERVER,
                                       [RECORDED_BETWEEN] = VANTAGE_MIDDLE};
  struct analyze_options options;
  replay_analysis_default(&options);
  options.traces[0] = path;
  options.trace_count = 1;
  options.no_progress = true;
  options.min_stall_ns = min_stall_ns;
  for (uint32_t i = 0; i < outcome->end_count; i++)
    if (outcome->places[i] != RECORDED_SOMEWHERE)
      options.vantage[i] =
          (struct vantage_choice){.kind = VANTAGE_ROLE, .role = roles[outcome->places[i]]};
  const struct replay_load_options load = {.analyze = &options};
  return replay_load(&load, live);
}

int replay_run(const struct replay_way *way, const struct replay_job *job, int64_t min_stall_ns,
               struct replay_run *run)
{
  struct shared *shared =
      mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  *run = (struct replay_run){.live = {.point_count = 0}};
  if (shared == MAP_FAILED)
    return trouble("out of memory");
  struct replay_job own = *job;
  char path[64];
  const int memory = own.record_path == NULL ? memfd_create("tcpstall-replay", 0) : -1;
  if (own.record_path == NULL) {
    snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
    own.record_path = path;
  }
  int status = perform(way, &own, shared);
  run->outcome = shared->outcome;
  if (status == 0 && way->judged && !run->outcome.control_same)
    status = analyse(own.record_path, &run->outcome, min_stall_ns, &run->live);
  if (memory >= 0)
    close(memory);
  munmap(shared, sizeof *shared);
  return status;
}
