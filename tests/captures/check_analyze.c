/* Runs `tcpstall analyze --json` on every capture of a list: it must end by itself with an exit
 * status that fits, say what is wrong where it refuses a file, print JSON where it does not, and
 * count connections as tshark counts TCP streams. check_analyze FOLDER DIFFERENCES TCPSTALL Exit
 * status: 0 equal or explained, 1 not, 2 the list or the table cannot be read. */
#include "capture_list.h"

#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMPLAINT_BYTES 2048

struct run {
  int status; /* exit status; -1: ended by a signal */
  json_t *report;
  char complaint[COMPLAINT_BYTES]; /* standard error */
};

static pid_t start(const char *tcpstall, const char *path, int output, FILE *complaints)
{
  extern char **environ;
  char *argv[] = {strdup(tcpstall), strdup("analyze"), strdup("--json"), strdup(path), NULL};
  posix_spawn_file_actions_t actions;
  pid_t pid = -1;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(complaints), STDERR_FILENO);
  if (posix_spawn(&pid, tcpstall, &actions, NULL, argv, environ) != 0)
    pid = -1;
  posix_spawn_file_actions_destroy(&actions);
  for (size_t i = 0; i < 4; i++)
    free(argv[i]);
  return pid;
}

static struct run run_analyze(const char *tcpstall, const char *path)
{
  struct run run = {.status = -1};
  FILE *report = tmpfile(), *complaints = tmpfile();
  if (report == NULL || complaints == NULL)
    abort();
  pid_t pid = start(tcpstall, path, fileno(report), complaints);
  int status;
  if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status))
    run.status = WEXITSTATUS(status);
  rewind(report);
  rewind(complaints);
  run.report = json_loadf(report, 0, NULL);
  run.complaint[fread(run.complaint, 1, sizeof run.complaint - 1, complaints)] = '\0';
  fclose(report);
  fclose(complaints);
  return run;
}

static long long connections(const json_t *report)
{
  return json_integer_value(json_object_get(json_object_get(report, "totals"), "connections"));
}

static const char *status_word(const struct run *run)
{
  switch (run->status) {
  case 0:
  case 1: return run->report == NULL ? "no-report" : "analyzed";
  case 2: return run->complaint[0] == '\0' ? "no-message" : "refused";
  default: return "crashed";
  }
}

/* Frames of a link type that nobody decodes are refused although their container is readable. */
static const char *expected_word(const struct capture_entry *entry, const struct run *run)
{
  if (entry->class == CAPTURE_REJECT)
    return "refused";
  bool unknown_link = run->status == 2 && strstr(run->complaint, "not decoded") != NULL;
  return unknown_link && entry->tcp_frames == 0 ? "refused" : "analyzed";
}

static void check(struct comparison *comparison, const struct capture_entry *entry,
                  const char *folder, const char *tcpstall)
{
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, entry->file);
  struct run run = run_analyze(tcpstall, path);
  unsigned failures = comparison->failures;
  compare_text(comparison, entry->file, "status", status_word(&run), expected_word(entry, &run));
  if (run.report != NULL)
    compare_number(comparison, entry->file, "connections", connections(run.report),
                   entry->tcp_streams);
  if (comparison->failures != failures && run.complaint[0] != '\0')
    printf("  %.300s\n", run.complaint);
  json_decref(run.report);
}

int main(int argc, char **argv)
{
  static const char *const fields[] = {"status", "connections", NULL};
  struct capture_list list;
  struct comparison comparison = {0};
  char path[4096];
  if (argc != 4) {
    fprintf(stderr, "usage: check_analyze FOLDER DIFFERENCES TCPSTALL\n");
    return 2;
  }
  snprintf(path, sizeof path, "%s/LIST.jsonl", argv[1]);
  if (!capture_list_read(&list, path) || !difference_table_read(&comparison.known, argv[2]))
    return 2;
  for (size_t i = 0; i < list.count; i++)
    check(&comparison, &list.entries[i], argv[1], argv[3]);
  compare_stale_rows(&comparison, fields);
  printf("%zu captures, %u differences explained, %u not\n", list.count, comparison.explained,
         comparison.failures);
  capture_list_free(&list);
  difference_table_free(&comparison.known);
  return comparison.failures == 0 && list.count > 0 ? 0 : 1;
}
