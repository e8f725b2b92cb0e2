#include "replay/live_capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_TEXT    "writing to "
#define READY_WAIT_MS 10000

/* Does not return. Everything inherited but standard error is closed on exec. */
static void become_capture(const char *program, const char *path,
                           const struct live_capture_end *ends, uint32_t end_count, pid_t parent,
                           int messages)
{
  char interfaces[REPLAY_ENDS_MAX][64];
  char command[] = "tcpstall", capture[] = "capture", end_option[] = "-i", file_option[] = "-w";
  char file[512];
  char *arguments[16];
  uint32_t n = 0;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent)
    _exit(127);
  arguments[n++] = command;
  arguments[n++] = capture;
  for (uint32_t i = 0; i < end_count; i++) {
    if (ends[i].netns >= 0) {
      fcntl(ends[i].netns, F_SETFD, 0); /* it finds the namespace among its own descriptors */
      snprintf(interfaces[i], sizeof interfaces[i], "%.15s@/proc/self/fd/%d", ends[i].interface,
               ends[i].netns);
    } else {
      snprintf(interfaces[i], sizeof interfaces[i], "%.15s", ends[i].interface);
    }
    arguments[n++] = end_option;
    arguments[n++] = interfaces[i];
  }
  arguments[n++] = file_option;
  snprintf(file, sizeof file, "%s", path);
  arguments[n++] = file;
  arguments[n] = NULL;
  /* Where our right to enter namespaces ends with a user namespace, the way back has to lead into
   * one of its own. */
  if (end_count > 0 && ends[0].netns >= 0 && setns(ends[0].netns, CLONE_NEWNET) != 0)
    _exit(127);
  dup2(messages, STDERR_FILENO);
  const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  dup2(nowhere, STDIN_FILENO);
  dup2(nowhere, STDOUT_FILENO);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGINT, SIG_IGN); /* the terminal's Ctrl-C is for us; we end it ourselves */
  execv(program, arguments);
  _exit(127);
}

/* Reads what it says until it says that it records. */
static int wait_until_ready(const struct live_capture *capture, struct error *error)
{
  char text[512];
  size_t used = 0;
  while (used + 1 < sizeof text) {
    struct pollfd wanted = {.fd = capture->messages, .events = POLLIN};
    if (poll(&wanted, 1, READY_WAIT_MS) <= 0)
      break;
    const ssize_t size = read(capture->messages, text + used, sizeof text - 1 - used);
    if (size <= 0)
      break;
    used += (size_t)size;
    text[used] = '\0';
    if (strstr(text, READY_TEXT) != NULL)
      return 0;
  }
  text[used] = '\0';
  text[strcspn(text, "\n")] = '\0';
  return error_set(error, ERROR_IO, "the recording of the live run did not begin: %s",
                   used > 0 ? text : "no word from tcpstall capture");
}

int live_capture_start(struct live_capture *capture, const char *program, const char *path,
                       const struct live_capture_end *ends, uint32_t end_count, struct error *error)
{
  int pipes[2];
  *capture = (struct live_capture){.messages = -1};
  if (pipe2(pipes, O_CLOEXEC) != 0)
    return error_set(error, ERROR_IO, "pipe: %s", strerror(errno));
  const pid_t own = getpid();
  capture->pid = fork();
  if (capture->pid == 0)
    become_capture(program, path, ends, end_count, own, pipes[1]);
  close(pipes[1]);
  capture->messages = pipes[0];
  if (capture->pid < 0) {
    capture->pid = 0;
    close(pipes[0]);
    capture->messages = -1;
    return error_set(error, ERROR_IO, "fork: %s", strerror(errno));
  }
  const int result = wait_until_ready(capture, error);
  if (result != 0) {
    kill(capture->pid, SIGKILL);
    live_capture_stop(capture, NULL);
  }
  return result;
}

int live_capture_stop(struct live_capture *capture, struct error *error)
{
  int status = 0;
  if (capture->pid == 0)
    return 0;
  kill(capture->pid, SIGTERM);
  while (waitpid(capture->pid, &status, 0) < 0 && errno == EINTR)
    ;
  close(capture->messages);
  *capture = (struct live_capture){.messages = -1};
  /* an interface that went away ends it with 2 as well, and its recording is whole all the same */
  if (WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 127))
    return error_set(error, ERROR_IO, "the recording of the live run failed");
  return 0;
}
