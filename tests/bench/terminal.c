/* A user at a terminal, with a stop-watch: runs a full-screen program on a terminal of its own,
 * reads what it draws, presses keys, and measures how long each takes to show.
 *
 *   terminal ROWS COLUMNS WARM-SECONDS KEYS DEAF-SECONDS PROGRAM [ARGUMENT...]
 *
 * After WARM-SECONDS it presses `/` KEYS times, each some 300 ms after the one before is answered,
 * and waits for the word "filter:" behind it; Return closes that line again. Then it reads nothing
 * for DEAF-SECONDS, as a terminal at the far end of a network that stands still, and presses q. Its
 * own output, on descriptor 3:
 *
 *   pid PID | warm | key MILLISECONDS ... | keys | heard | bytes DRAWN-WHILE-KEYS-WERE-PRESSED |
 * ended STATUS
 *
 * what the program writes behind its last screen goes to standard error as it is. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS   5000.0
#define PAUSE_MS    300.0
#define END_MS      20000.0
#define TAIL_BYTES  65536
#define SOUGHT_MAX  16
#define REPORT_FD   3
#define READING_MAX 16384

struct user {
  int terminal;
  pid_t program;
  bool gone;
  unsigned long bytes;
  char tail[TAIL_BYTES]; /* the last of what was drawn */
  size_t tail_bytes;
  char last[SOUGHT_MAX + READING_MAX]; /* to find words across two reads */
  size_t kept;
};

static double now_ms(void)
{
  struct timespec time;
  (void)clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void report(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void report(const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  vdprintf(REPORT_FD, format, arguments);
  va_end(arguments);
}

static void keep_tail(struct user *user, const char *text, size_t size)
{
  if (size > TAIL_BYTES) {
    text += size - TAIL_BYTES;
    size = TAIL_BYTES;
  }
  const size_t room = TAIL_BYTES - size;
  if (user->tail_bytes > room) {
    memmove(user->tail, user->tail + user->tail_bytes - room, room);
    user->tail_bytes = room;
  }
  memcpy(user->tail + user->tail_bytes, text, size);
  user->tail_bytes += size;
}

/* Reads for so long, or until the word comes. Returns whether it came. */
static bool read_until(struct user *user, const char *word, double until_ms)
{
  user->kept = 0;
  while (!user->gone) {
    const double left_ms = until_ms - now_ms();
    struct pollfd waiting = {.fd = user->terminal, .events = POLLIN};
    if (left_ms <= 0 || poll(&waiting, 1, (int)left_ms + 1) == 0)
      return false;
    const ssize_t got = read(user->terminal, user->last + user->kept, READING_MAX);
    if (got <= 0) {
      user->gone = errno != EINTR;
      continue;
    }
    user->bytes += (unsigned long)got;
    keep_tail(user, user->last + user->kept, (size_t)got);
    user->kept += (size_t)got;
    if (word != NULL && memmem(user->last, user->kept, word, strlen(word)) != NULL)
      return true;
    if (user->kept > SOUGHT_MAX) {
      memmove(user->last, user->last + user->kept - SOUGHT_MAX, SOUGHT_MAX);
      user->kept = SOUGHT_MAX;
    }
  }
  return false;
}

static void press(const struct user *user, char key)
{
  if (write(user->terminal, &key, 1) != 1)
    report("no key is taken\n");
}

static void press_keys(struct user *user, long count)
{
  user->bytes = 0;
  const double begun_ms = now_ms();
  for (long i = 0; i < count && !user->gone; i++) {
    const double pressed_ms = now_ms();
    press(user, '/');
    if (read_until(user, "filter:", pressed_ms + ANSWER_MS))
      report("key %.1f\n", now_ms() - pressed_ms);
    else
      report("key none\n");
    read_until(user, NULL, now_ms() + 50);
    press(user, '\r');
    read_until(user, NULL, now_ms() + PAUSE_MS + (double)(i * 37 % 100));
  }
  report("bytes %lu in %.1f s\n", user->bytes, (now_ms() - begun_ms) / 1e3);
}

static void end(struct user *user)
{
  int status = -1;
  press(user, 'q');
  read_until(user, NULL, now_ms() + END_MS);
  if (!user->gone) {
    report("it does not end\n");
    kill(user->program, SIGKILL);
  }
  waitpid(user->program, &status, 0);
  report("ended %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  const char *left = memmem(user->tail, user->tail_bytes, "\033[?1049l", 8);
  if (left != NULL)
    fwrite(left + 8, 1, user->tail_bytes - (size_t)(left + 8 - user->tail), stderr);
}

int main(int argc, char **argv)
{
  static struct user user;
  if (argc < 7) {
    fputs("usage: terminal ROWS COLUMNS WARM-SECONDS KEYS DEAF-SECONDS PROGRAM...\n", stderr);
    return 2;
  }
  const struct winsize size = {.ws_row = (unsigned short)atoi(argv[1]),
                               .ws_col = (unsigned short)atoi(argv[2])};
  const double warm_s = strtod(argv[3], NULL), deaf_s = strtod(argv[5], NULL);
  user.program = forkpty(&user.terminal, NULL, NULL, &size);
  if (user.program == 0) {
    close(REPORT_FD);
    setenv("TERM", "xterm-256color", 1);
    execvp(argv[6], argv + 6);
    _exit(127);
  }
  if (user.program < 0)
    return 2;
  report("pid %d\n", user.program);
  if (!read_until(&user, "F10", now_ms() + ANSWER_MS))
    report("no dashboard\n");
  read_until(&user, NULL, now_ms() + warm_s * 1e3);
  report("warm\n");
  press_keys(&user, strtol(argv[4], NULL, 10));
  report("keys\n");
  (void)usleep((useconds_t)(deaf_s * 1e6));
  report("heard\n");
  read_until(&user, NULL, now_ms() + PAUSE_MS);
  end(&user);
  return 0;
}
