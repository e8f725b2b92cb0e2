#include "capture/remote.h"

#include "capture/clean_text.h"
#include "wire/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX         64      /* of ssh's command line */
#define STREAM_PIPE_BYTES 1048576 /* the largest that an ordinary user may have */
#define MESSAGE_BYTES_MAX 1024    /* a longer line is told in pieces */
#define WAIT_STEP_NS      (INT64_C(10) * NS_PER_MS)
#define STATUS_LOST       255 /* ssh(1): "or with 255 if an error occurred" */
#define FIRST_FREE        3   /* descriptors below are the standard ones */

struct remote {
  struct remote_target target;
  pid_t process; /* -1: it has ended, with `status` */
  int status;
  int control, stream, messages; /* -1 = closed */
  size_t message_bytes;
  char message[MESSAGE_BYTES_MAX];
};

struct command_line {
  const char *words[WORDS_MAX + 1];
  uint32_t count;
};

static void add_word(struct command_line *line, const char *word)
{
  if (line->count < WORDS_MAX)
    line->words[line->count++] = word;
  line->words[line->count] = NULL;
}

/* OpenSSH's options, which other programs do not know. What is set here goes before the user's
 * configuration: a terminal, a command or forwardings of his would be in the way. */
static void add_openssh_options(struct command_line *line)
{
  static const char *const options[] = {
      "-T",
      "-a",
      "-x",
      "-o",
      "RemoteCommand=none",
      "-o",
      "PermitLocalCommand=no",
      "-o",
      "ClearAllForwardings=yes",
      "-o",
      "ServerAliveInterval=5", /* a host that is gone is noticed after 15 to 20 s */
      "-o",
      "ServerAliveCountMax=3"};
  for (size_t i = 0; i < sizeof options / sizeof *options; i++)
    add_word(line, options[i]);
}

static bool is_openssh(const char *program)
{
  const char *slash = strrchr(program, '/');
  return strcmp(slash != NULL ? slash + 1 : program, "ssh") == 0;
}

/* Without a terminal nobody would answer. */
static bool has_terminal(void)
{
  int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (fd >= 0)
    close(fd);
  return fd >= 0;
}

/* A shell first makes ssh ignore the terminal's signals, which ssh then leaves ignored: what ends
 * this program is to end the capture there in peace. */
static void add_shell(struct command_line *line)
{
  add_word(line, "/bin/sh");
  add_word(line, "-c");
  add_word(line, "trap '' INT QUIT HUP; exec \"$@\"");
  add_word(line, "sh");
}

/* ssh: the words of its command, cut apart in their place. */
static int build_line(struct command_line *line, char *ssh, const struct remote_target *target,
                      char *port, const char *command, struct error *error)
{
  char *rest;
  add_shell(line);
  uint32_t first = line->count;
  for (char *word = strtok_r(ssh, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest))
    add_word(line, word);
  if (line->count == first)
    return error_set(error, ERROR_USAGE, "no program for ssh");
  bool openssh = is_openssh(line->words[first]);
  if (openssh)
    add_openssh_options(line);
  if (openssh && !has_terminal()) {
    add_word(line, "-o");
    add_word(line, "BatchMode=yes");
  }
  if (target->port != 0) {
    snprintf(port, 8, "%u", target->port);
    add_word(line, "-p");
    add_word(line, port);
  }
  if (openssh)
    add_word(line, "--");
  add_word(line, target->destination);
  add_word(line, command);
  return line->count < WORDS_MAX ? 0 : error_set(error, ERROR_LIMIT, "ssh: too many words");
}

/* Both ends above the standard descriptors, so that dup2() cannot meet one of them. */
static int open_pipe(int ends[2], struct error *error)
{
  if (pipe2(ends, O_CLOEXEC) != 0)
    return error_set(error, ERROR_IO, "no pipe: %s", strerror(errno));
  for (int i = 0; i < 2; i++) {
    if (ends[i] >= FIRST_FREE)
      continue;
    int higher = fcntl(ends[i], F_DUPFD_CLOEXEC, FIRST_FREE);
    close(ends[i]);
    ends[i] = higher;
  }
  if (ends[0] >= 0 && ends[1] >= 0)
    return 0;
  return error_set(error, ERROR_IO, "no pipe: %s", strerror(errno));
}

static void close_pipe(int ends[2])
{
  for (int i = 0; i < 2; i++)
    if (ends[i] >= 0)
      close(ends[i]);
}

/* The descriptors are this program's: the child's are above the standard ones and closed there. */
static int spawn(struct remote *remote, const struct command_line *line, int input, int output,
                 int messages, struct error *error)
{
  char *words[WORDS_MAX + 1]; /* the parameter is not const, and nothing of it is changed */
  memcpy(words, line->words, sizeof words);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, usual;
  int rc = posix_spawn_file_actions_init(&actions);
  if (rc != 0 || (rc = posix_spawnattr_init(&attributes)) != 0)
    return error_set(error, ERROR_MEMORY, "no process for ssh: %s", strerror(rc));
  sigemptyset(&none);
  sigemptyset(&usual);
  sigaddset(&usual, SIGTERM);
  sigaddset(&usual, SIGPIPE);
  sigaddset(&usual, SIGCHLD);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, messages, STDERR_FILENO);
  rc = posix_spawn(&remote->process, words[0], &actions, &attributes, words, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (rc == 0)
    return 0;
  remote->process = -1;
  return error_set(error, ERROR_IO, "%s: %s", words[0], strerror(rc));
}

static int start(struct remote *remote, const struct command_line *line, struct error *error)
{
  int input[2] = {-1, -1}, output[2] = {-1, -1}, messages[2] = {-1, -1};
  int rc = open_pipe(input, error);
  if (rc == 0)
    rc = open_pipe(output, error);
  if (rc == 0)
    rc = open_pipe(messages, error);
  if (rc == 0)
    rc = spawn(remote, line, input[0], output[1], messages[1], error);
  if (rc < 0) {
    close_pipe(input);
    close_pipe(output);
    close_pipe(messages);
    return rc;
  }
  close(input[0]);
  close(output[1]);
  close(messages[1]);
  remote->control = input[1];
  remote->stream = output[0];
  remote->messages = messages[0];
  fcntl(remote->stream, F_SETPIPE_SZ, STREAM_PIPE_BYTES);
  fcntl(remote->stream, F_SETFL, O_NONBLOCK);
  fcntl(remote->messages, F_SETFL, O_NONBLOCK);
  return 0;
}

/* With what was put together: freed by the caller. */
static int open_with(struct remote *remote, char *ssh, const char *command, struct error *error)
{
  struct command_line line = {.count = 0};
  char port[8];
  int rc = build_line(&line, ssh, &remote->target, port, command, error);
  return rc < 0 ? rc : start(remote, &line, error);
}

int remote_open(struct remote **remote_out, const struct remote_options *options,
                struct error *error)
{
  char *command = NULL;
  *remote_out = NULL;
  struct remote *remote = calloc(1, sizeof *remote);
  char *ssh = strdup(options->ssh != NULL ? options->ssh : "ssh");
  if (remote == NULL || ssh == NULL) {
    free(remote);
    free(ssh);
    return error_set(error, ERROR_MEMORY, "no memory for a remote end");
  }
  remote->process = -1;
  remote->control = remote->stream = remote->messages = -1;
  int rc = remote_target_parse(&remote->target, options->target, error);
  if (rc == 0)
    rc = remote_command_build(&command, &remote->target, &options->capture, error);
  if (rc == 0)
    rc = open_with(remote, ssh, command, error);
  free(command);
  free(ssh);
  if (rc < 0)
    free(remote);
  else
    *remote_out = remote;
  return rc;
}

const struct remote_target *remote_get_target(const struct remote *remote)
{
  return &remote->target;
}

int remote_take_stream(struct remote *remote)
{
  int stream = remote->stream;
  remote->stream = -1;
  return stream;
}

int remote_messages(const struct remote *remote)
{
  return remote->messages;
}

/* Takes the first `size` bytes of what was read, and `more` behind them. */
static void take_message(struct remote *remote, size_t size, size_t more, char *line,
                         size_t line_size)
{
  clean_text_copy(line, line_size, remote->message, size);
  memmove(remote->message, remote->message + size + more, remote->message_bytes - size - more);
  remote->message_bytes -= size + more;
}

static void read_messages(struct remote *remote)
{
  size_t room = sizeof remote->message - remote->message_bytes;
  if (remote->messages < 0 || room == 0)
    return;
  ssize_t count = read(remote->messages, remote->message + remote->message_bytes, room);
  if (count > 0) {
    remote->message_bytes += (size_t)count;
  } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
    close(remote->messages);
    remote->messages = -1;
  }
}

bool remote_next_message(struct remote *remote, char *line, size_t size)
{
  for (int attempt = 0; attempt < 2; attempt++) {
    const char *end = memchr(remote->message, '\n', remote->message_bytes);
    if (end != NULL) {
      size_t length = (size_t)(end - remote->message);
      bool carriage_return = length > 0 && end[-1] == '\r'; /* ssh's own lines */
      take_message(remote, length - carriage_return, 1U + carriage_return, line, size);
      return true;
    }
    if (attempt == 0)
      read_messages(remote);
  }
  if (remote->message_bytes == sizeof remote->message ||
      (remote->messages < 0 && remote->message_bytes > 0)) {
    take_message(remote, remote->message_bytes, 0, line, size);
    return true;
  }
  return false;
}

bool remote_message_drops(const char *line, uint64_t *dropped)
{
  static const char what[] = " packets dropped by kernel", one[] = " packet dropped by kernel";
  char *end;
  if (line[0] < '0' || line[0] > '9')
    return false;
  *dropped = strtoull(line, &end, 10);
  return strncmp(end, what, sizeof what - 1) == 0 || strncmp(end, one, sizeof one - 1) == 0;
}

static void close_once(int *fd)
{
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

void remote_send(struct remote *remote, const char *line)
{
  struct pollfd control = {.fd = remote->control, .events = POLLOUT};
  if (remote->control >= 0 && poll(&control, 1, 0) > 0 && (control.revents & POLLOUT) != 0 &&
      write(remote->control, line, strlen(line)) < 0)
    errno = 0; /* nobody is there any more, which its end tells */
}

/* Processes that were forked meanwhile may have a copy of the pipe's end: so closing it is not
 * enough. If ssh has ended there is nobody to tell. */
void remote_stop(struct remote *remote)
{
  static const char line[] = "end\n";
  if (remote->control >= 0 && write(remote->control, line, sizeof line - 1) < 0)
    errno = 0;
  close_once(&remote->control);
}

void remote_forget(struct remote *remote)
{
  close_once(&remote->control);
  close_once(&remote->stream);
  close_once(&remote->messages);
}

bool remote_has_ended(struct remote *remote, int *status)
{
  int wait_status;
  if (remote->process >= 0) {
    pid_t ended = waitpid(remote->process, &wait_status, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR))
      return false;
    remote->process = -1;
    if (ended < 0) /* somebody else has waited for it */
      remote->status = STATUS_LOST;
    else
      remote->status =
          WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
  }
  *status = remote->status;
  return true;
}

const char *remote_ending_text(int status, char *text, size_t size)
{
  if (status == 0)
    return "the capture there has ended";
  if (status == STATUS_LOST)
    return "ssh could not connect, or the connection was lost";
  if (status > 128)
    snprintf(text, size, "the capture there, or ssh, was killed by signal %d", status - 128);
  else
    snprintf(text, size, "the capture there has ended with exit status %d", status);
  return text;
}

static int64_t now_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

bool remote_wait(struct remote *remote, int64_t wait_ns, int *status)
{
  const struct timespec step = {.tv_nsec = (long)WAIT_STEP_NS};
  int64_t until_ns = now_ns() + wait_ns;
  while (!remote_has_ended(remote, status)) {
    if (now_ns() >= until_ns)
      return false;
    nanosleep(&step, NULL);
  }
  return true;
}

void remote_close(struct remote *remote, int64_t wait_ns)
{
  int status;
  if (remote == NULL)
    return;
  remote_stop(remote);
  close_once(&remote->stream); /* nobody reads any more: who writes there notices */
  if (!remote_wait(remote, wait_ns, &status)) {
    kill(remote->process, SIGTERM);
    if (!remote_wait(remote, NS_PER_S, &status)) {
      kill(remote->process, SIGKILL);
      remote_wait(remote, NS_PER_S, &status);
    }
  }
  close_once(&remote->messages);
  free(remote);
}
