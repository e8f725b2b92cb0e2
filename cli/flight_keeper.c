#include "cli/flight_keeper.h"

#include "cli/complain.h"
#include "wire/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Commands that run at once; for further ones it is too busy, which is said. */
#define COMMANDS_MAX 4u
/* At the end they are waited for so long, in steps. */
#define WAIT_MAX_MS  10000
#define WAIT_STEP_MS 20

struct flight_keeper {
  const char *command; /* NULL = none */
  uint32_t end_count;
  struct kick *kicks[RECORDER_ENDS_MAX];   /* NULL: none, or an end on another host */
  struct error refused[RECORDER_ENDS_MAX]; /* why an end takes no kicks; "" = it does */
  kick_handler *remote;                    /* NULL = none */
  void *remote_context;
  uint64_t kicked;
  pid_t running[COMMANDS_MAX]; /* 0 = free */
};

static int open_kick(struct flight_keeper *keeper, uint32_t i, const struct flight_options *options,
                     const struct recorder_end_options *end, struct error *error)
{
  const int rc = kick_open(&keeper->kicks[i], end->interface, end->network_namespace, options->kick,
                           options->kick_interval_ns, error);
  if (rc != ERROR_UNSUPPORTED || !options->kick_where_possible)
    return rc;
  keeper->refused[i] = *error;
  return 0;
}

int flight_keeper_new(struct flight_keeper **keeper_out, const struct flight_options *options,
                      const struct recorder_end_options *ends, uint32_t end_count,
                      struct error *error)
{
  struct flight_keeper *keeper = calloc(1, sizeof *keeper);
  int rc = 0;
  if (keeper == NULL)
    return error_set(error, ERROR_MEMORY, "no memory for the flight recorder");
  keeper->command = options->command;
  keeper->end_count = end_count;
  for (uint32_t i = 0; i < end_count && options->kick != KICK_NONE && rc == 0; i++)
    if (ends[i].kind == RECORDER_INTERFACE)
      rc = open_kick(keeper, i, options, &ends[i], error);
  if (rc < 0) {
    flight_keeper_free(keeper);
    return rc;
  }
  *keeper_out = keeper;
  return 0;
}

void flight_keeper_free(struct flight_keeper *keeper)
{
  if (keeper == NULL)
    return;
  for (uint32_t i = 0; i < keeper->end_count; i++)
    kick_close(keeper->kicks[i]);
  free(keeper);
}

void flight_keeper_set_remote(struct flight_keeper *keeper, kick_handler *kick, void *context)
{
  keeper->remote = kick;
  keeper->remote_context = context;
}

/* ---- the user's command ---- */

static void set_text(const char *name, const char *value)
{
  setenv(name, value, 1);
}

static void set_number(const char *name, uint64_t number)
{
  char text[32];
  snprintf(text, sizeof text, "%" PRIu64, number);
  set_text(name, text);
}

static void set_seconds(const char *name, int64_t time_ns)
{
  char text[48];
  snprintf(text, sizeof text, "%" PRId64 ".%09" PRId64, time_ns / NS_PER_S, time_ns % NS_PER_S);
  set_text(name, text);
}

static void set_environment(const char *file, const struct flight_command *command)
{
  set_text("TCPSTALL_EVENT", command->event == FLIGHT_SAVED ? "saved" : "detected");
  set_text("TCPSTALL_FILE", file);
  set_number("TCPSTALL_ID", command->id);
  set_number("TCPSTALL_CONNECTION", command->connection);
  set_text("TCPSTALL_SENDER", command->sender);
  set_text("TCPSTALL_RECEIVER", command->receiver);
  set_text("TCPSTALL_KIND", command->kind);
  set_text("TCPSTALL_STATE", command->state);
  set_text("TCPSTALL_LOCATION", command->location);
  set_text("TCPSTALL_CAUSE", command->cause);
  set_text("TCPSTALL_CONFIDENCE", command->confidence);
  set_text("TCPSTALL_ENDED_BY", command->ended_by);
  set_seconds("TCPSTALL_START", command->start_ns);
  set_seconds("TCPSTALL_DURATION", command->duration_ns);
  set_text("TCPSTALL_SUMMARY", command->summary);
}

/* In the child: nothing of ours is open there but standard error. */
static void become(const char *shell_command, const char *file,
                   const struct flight_command *command)
{
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  setpgid(0, 0); /* Ctrl-C is for the recording */
  const int null = open("/dev/null", O_RDWR);
  if (null >= 0)
    dup2(null, STDIN_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO); /* what is on standard output is for programs */
  closefrom(STDERR_FILENO + 1);
  set_environment(file, command);
  execl("/bin/sh", "sh", "-c", shell_command, (char *)NULL);
  _exit(127);
}

static void reap(struct flight_keeper *keeper)
{
  for (uint32_t i = 0; i < COMMANDS_MAX; i++) {
    int status;
    if (keeper->running[i] == 0 || waitpid(keeper->running[i], &status, WNOHANG) == 0)
      continue;
    keeper->running[i] = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
      complain("--on-stall: the command ended with status %d", WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
      complain("--on-stall: the command was ended by signal %d", WTERMSIG(status));
  }
}

static void run_command(struct flight_keeper *keeper, const char *file,
                        const struct flight_command *command)
{
  uint32_t slot = 0;
  reap(keeper);
  while (slot < COMMANDS_MAX && keeper->running[slot] != 0)
    slot++;
  if (slot == COMMANDS_MAX) {
    complain("--on-stall: %u commands still run; none was started for number %" PRIu32,
             COMMANDS_MAX, command->id);
    return;
  }
  fflush(stdout);
  fflush(stderr);
  const pid_t child = fork();
  if (child == 0)
    become(keeper->command, file, command);
  if (child > 0)
    keeper->running[slot] = child;
  else
    complain("--on-stall: %s", strerror(errno));
}

/* Strings from the other side end where they have to. */
static void end_texts(struct flight_command *command)
{
  command->kind[sizeof command->kind - 1] = '\0';
  command->state[sizeof command->state - 1] = '\0';
  command->location[sizeof command->location - 1] = '\0';
  command->cause[sizeof command->cause - 1] = '\0';
  command->confidence[sizeof command->confidence - 1] = '\0';
  command->ended_by[sizeof command->ended_by - 1] = '\0';
  command->sender[sizeof command->sender - 1] = '\0';
  command->receiver[sizeof command->receiver - 1] = '\0';
  command->summary[sizeof command->summary - 1] = '\0';
}

/* ---- kicks ---- */

static void send_kick(struct flight_keeper *keeper, const struct kick_request *request)
{
  struct kick_sent sent;
  struct error error;
  if (request->end >= keeper->end_count)
    return;
  if (keeper->refused[request->end].text[0] != '\0') {
    complain("kick: end %c: %s", 'A' + (int)request->end, keeper->refused[request->end].text);
    return;
  }
  if (keeper->kicks[request->end] == NULL) {
    if (keeper->remote != NULL)
      keeper->remote(keeper->remote_context, request->end, request);
    return;
  }
  const int rc = kick_send(keeper->kicks[request->end], request, &sent, &error);
  if (rc > 0) {
    keeper->kicked++;
    complain("kick %" PRIu32 ": %s sent through end %c", sent.number, sent.what,
             'A' + (int)request->end);
  } else if (rc < 0) {
    complain("kick: end %c: %s", 'A' + (int)request->end, error.text);
  }
}

/* ---- what the recorder calls ---- */

void flight_keeper_request(struct flight_keeper *keeper, const char *file, const void *bytes,
                           size_t size)
{
  struct flight_request request;
  if (size != sizeof request)
    return;
  memcpy(&request, bytes, sizeof request);
  if (request.what == FLIGHT_KICK) {
    send_kick(keeper, &request.of.kick);
  } else if (request.what == FLIGHT_RUN && keeper->command != NULL) {
    end_texts(&request.of.command);
    run_command(keeper, file, &request.of.command);
  }
}

void flight_keeper_tick(struct flight_keeper *keeper)
{
  reap(keeper);
}

static bool is_running(const struct flight_keeper *keeper)
{
  for (uint32_t i = 0; i < COMMANDS_MAX; i++)
    if (keeper->running[i] != 0)
      return true;
  return false;
}

void flight_keeper_wait(struct flight_keeper *keeper)
{
  const struct timespec step = {.tv_nsec = WAIT_STEP_MS * 1000000L};
  for (int ms = 0; ms < WAIT_MAX_MS; ms += WAIT_STEP_MS) {
    reap(keeper);
    if (!is_running(keeper))
      return;
    nanosleep(&step, NULL);
  }
  complain("--on-stall: the command still runs; not waiting for it any longer");
}

uint64_t flight_keeper_kicks(const struct flight_keeper *keeper)
{
  return keeper->kicked;
}
