/* Runs a command once and tells what it took:  measure OUTPUT COMMAND [ARGUMENT]...
 *
 * Its standard output goes to the file OUTPUT. One line on ours: wall seconds, processor seconds,
 * peak resident KiB, exit status. The peak is the kernel's (wait4), so a program's own idea of it
 * is not needed. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval time)
{
  return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
  if (argc < 3) {
    fputs("usage: measure OUTPUT COMMAND [ARGUMENT]...\n", stderr);
    return 2;
  }
  struct timespec start, stop;
  (void)clock_gettime(CLOCK_MONOTONIC, &start);
  pid_t child = fork();
  if (child == 0) {
    if (!freopen(argv[1], "w", stdout))
      _exit(126);
    (void)execvp(argv[2], argv + 2);
    perror(argv[2]);
    _exit(127);
  }
  int status;
  struct rusage usage;
  if (child < 0 || wait4(child, &status, 0, &usage) != child) {
    perror("measure");
    return 2;
  }
  (void)clock_gettime(CLOCK_MONOTONIC, &stop);
  double wall = (double)(stop.tv_sec - start.tv_sec) + (double)(stop.tv_nsec - start.tv_nsec) / 1e9;
  printf("%.4f %.4f %ld %d\n", wall, seconds(usage.ru_utime) + seconds(usage.ru_stime),
         usage.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return 0;
}
