#include "cli/analyze_lines.h"

#include "cli/commands.h"
#include "cli/complain.h"
#include "cli/interrupt.h"
#include "report/json_lines.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a process says to the user comes by way of a file without a name: its last line is what the
 * line of an error says. */
struct job {
  const struct analyze_options *options; /* one analysis */
  analyze_function *analyze;
  FILE *output;
  FILE *said;
  pid_t child;
  bool told_to_stop;
};

#define ERROR_TEXT_BYTES 2048

static void run_child(const struct job *job, int lines)
{
  struct analyze_options options = *job->options;
  options.output = NULL;
  options.no_progress = true;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (dup2(lines, STDOUT_FILENO) < 0 || dup2(fileno(job->said), STDERR_FILENO) < 0)
    _exit(EXIT_TROUBLE);
  close(lines);
  exit(job->analyze(&options));
}

/* Whole lines only: what a process that died began to write is nothing that a reader can use. */
static void pass_lines(struct job *job, FILE *lines)
{
  char *line = NULL;
  size_t capacity = 0;
  for (;;) {
    const ssize_t size = getline(&line, &capacity, lines);
    if (interrupt_seen() && !job->told_to_stop) {
      job->told_to_stop = true;
      kill(job->child, SIGTERM); /* it may have been meant for this process alone */
    }
    if (size < 0 && errno == EINTR && ferror(lines) != 0)
      clearerr(lines);
    else if (size < 0)
      break;
    else if (line[size - 1] == '\n')
      fwrite(line, 1, (size_t)size, job->output);
  }
  free(line);
}

/* Shows what the process said, and keeps its last line, less the program's name. */
static void pass_messages(FILE *said, char text[ERROR_TEXT_BYTES])
{
  static const char name[] = "tcpstall: ";
  char line[ERROR_TEXT_BYTES];
  text[0] = '\0';
  rewind(said);
  while (fgets(line, sizeof line, said) != NULL) {
    fputs(line, stderr);
    line[strcspn(line, "\n")] = '\0';
    const size_t skipped = strncmp(line, name, sizeof name - 1) == 0 ? sizeof name - 1 : 0;
    snprintf(text, ERROR_TEXT_BYTES, "%s", line + skipped);
  }
}

/* The exit status of an analysis that has ended, and in text, which holds its last words, why there
 * is none. */
static int outcome(int waited, char text[ERROR_TEXT_BYTES])
{
  if (WIFEXITED(waited) && WEXITSTATUS(waited) <= EXIT_PROBLEM)
    return WEXITSTATUS(waited);
  if (WIFSIGNALED(waited)) {
    snprintf(text, ERROR_TEXT_BYTES, "the analysis was ended by signal %d (%s)", WTERMSIG(waited),
             strsignal(WTERMSIG(waited)));
    complain("%s", text);
  } else if (text[0] == '\0') {
    snprintf(text, ERROR_TEXT_BYTES, "the analysis failed without a word");
  }
  return EXIT_TROUBLE;
}

static int write_error(const struct job *job, const char *text)
{
  if (json_lines_error(job->output, TCPSTALL_VERSION, job->options->traces,
                       job->options->trace_count, text) < 0)
    complain("no line could be written about %s", job->options->traces[0]);
  return EXIT_TROUBLE;
}

static int follow(struct job *job, int read_fd)
{
  char text[ERROR_TEXT_BYTES];
  int waited = 0;
  FILE *lines = fdopen(read_fd, "r");
  if (lines != NULL)
    pass_lines(job, lines);
  if (lines != NULL)
    fclose(lines);
  else
    close(read_fd);
  while (waitpid(job->child, &waited, 0) < 0 && errno == EINTR)
    ;
  pass_messages(job->said, text);
  const int status = outcome(waited, text);
  return status == EXIT_TROUBLE ? write_error(job, text) : status;
}

static int run_job(struct job *job)
{
  int fds[2];
  job->said = tmpfile();
  if (job->said == NULL || pipe(fds) != 0) {
    complain("no temporary file, or no pipe: %s", strerror(errno));
    if (job->said != NULL)
      fclose(job->said);
    return write_error(job, "no temporary file, or no pipe");
  }
  fflush(NULL);
  job->child = fork();
  if (job->child == 0) {
    close(fds[0]);
    run_child(job, fds[1]);
  }
  close(fds[1]);
  int status;
  if (job->child > 0) {
    status = follow(job, fds[0]);
  } else {
    close(fds[0]);
    status = write_error(job, "no further process could be started");
  }
  fclose(job->said);
  return status;
}

/* 2 of one trace outweighs 1 of others, and 1 outweighs 0. */
static int run_each(const struct analyze_options *options, analyze_function *analyze, FILE *output)
{
  int worst = EXIT_NO_PROBLEM;
  for (uint32_t i = 0; i < options->each_count; i++) {
    struct analyze_options one = *options;
    struct job job = {.options = &one, .analyze = analyze, .output = output};
    one.traces[0] = options->each_traces[i];
    one.trace_count = 1;
    const int status =
        interrupt_seen() ? write_error(&job, "not analysed: the program was ended") : run_job(&job);
    worst = status > worst ? status : worst;
  }
  return worst;
}

int analyze_lines(const struct analyze_options *options, analyze_function *analyze)
{
  const char *name = options->output != NULL ? options->output : "standard output";
  FILE *output = options->output != NULL ? fopen(options->output, "we") : stdout;
  if (output == NULL) {
    complain("%s: %s", name, strerror(errno));
    return EXIT_TROUBLE;
  }
  interrupt_install();
  struct job job = {.options = options, .analyze = analyze, .output = output};
  int status = options->each ? run_each(options, analyze, output) : run_job(&job);
  const bool failed = ferror(output) != 0;
  if ((options->output != NULL ? fclose(output) : fflush(output)) != 0 || failed) {
    complain("%s: %s", name, errno != 0 ? strerror(errno) : "it could not be written");
    status = EXIT_TROUBLE;
  }
  return status;
}
