#include "cli/commands.h"
#include "cli/complain.h"
#include "cli/interrupt.h"
#include "cli/replay_export.h"
#include "cli/replay_load.h"
#include "cli/replay_minimize.h"
#include "cli/replay_one_end.h"
#include "cli/replay_options.h"
#include "cli/replay_report.h"
#include "cli/replay_run.h"
#include "cli/replay_verdict.h"
#include "replay/plan_text.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The whole story of a replay:
 *
 *   traces -> analysis and recording (replay_load.h) -> the finding to bring back -> a way (way.h),
 *   for `path` with a plan (plan.h) -> live runs, each recorded and analysed (replay_run.h)
 *   -> verdicts (replay_verdict.h) -> report (replay_report.h)
 *
 * With --scenario the plan, and what it has to bring back, come from a file. */

#define SCENARIO_FILE_MAX PLAN_TEXT_MAX

static const struct replay_way *const ways[] = {&replay_way_peer, &replay_way_sender,
                                                &replay_way_path, NULL};

struct replay {
  struct replay_options options;
  struct recording recording;
  struct recorded_finding from_scenario; /* the target, with --scenario; its words are in: */
  struct plan_target scenario_target;
  struct recorded_finding from_one_end; /* the target, where one end alone is live */
  struct plan *plan;
  struct replay_report report;
  char program[4096];
};

static int trouble(const char *text)
{
  complain("%s", text);
  return EXIT_TROUBLE;
}

/* ---- the way ---- */

static int named_way(struct replay *replay)
{
  for (size_t i = 0; ways[i] != NULL; i++)
    if (strcmp(ways[i]->name, replay->options.way) == 0) {
      replay->report.way = ways[i];
      return 0;
    }
  complain("--as: there is no way '%s'; tcpstall replay --help lists them", replay->options.way);
  return EXIT_TROUBLE;
}

/* The first one that suits the finding, in the order of the table. */
static int choose_way(struct replay *replay)
{
  struct replay_report *report = &replay->report;
  if (replay->options.way != NULL)
    return named_way(replay);
  if (replay->options.scenario != NULL) {
    report->way = &replay_way_path;
    return 0;
  }
  for (size_t i = 0; ways[i] != NULL && report->way == NULL; i++)
    if (ways[i]->suits(&replay->recording, report->target, report->why))
      report->way = ways[i];
  if (report->way != NULL)
    return 0;
  complain("no way to replay suits a stall at %s (%s); --as chooses one all the same",
           report->target->location, report->target->cause);
  return EXIT_TROUBLE;
}

/* A live end would silently keep the kernel's own otherwise. Asked for outside the new namespaces,
 * where root's asking loads the module. Whether it is allowed there is another matter (EPERM). */
static int check_congestion_control(const char *name, const char *said_by)
{
  if (name == NULL || name[0] == '\0')
    return 0;
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool missing =
      probe >= 0 &&
      setsockopt(probe, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) < 0 &&
      errno == ENOENT;
  if (probe >= 0)
    close(probe);
  if (!missing)
    return 0;
  complain("%s: this kernel has no congestion control '%s'; `sysctl "
           "net.ipv4.tcp_available_congestion_control` lists what it has",
           said_by, name);
  return EXIT_TROUBLE;
}

/* ---- the plan ---- */

static void take_target(struct replay *replay)
{
  const struct plan_target *target = &replay->scenario_target;
  struct recorded_finding *finding = &replay->from_scenario;
  replay->scenario_target = replay->plan->target; /* which --minimize changes */
  if (!target->there)
    return;
  *finding = (struct recorded_finding){.id = 1,
                                       .problem = target->problem,
                                       .sender = target->sender,
                                       .kind = target->kind,
                                       .location = target->location,
                                       .cause = target->cause,
                                       .confidence = "proven",
                                       .ended_by = target->ended_by,
                                       .waited_ns = target->waited_ns,
                                       .end_ns = target->waited_ns,
                                       .hold_min_ns = TIME_INVALID,
                                       .hold_max_ns = TIME_INVALID,
                                       .waits = 1};
  replay->report.target = finding;
}

static int read_scenario(struct replay *replay)
{
  const char *path = replay->options.scenario;
  struct error error;
  FILE *stream = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
  char *text = malloc(SCENARIO_FILE_MAX);
  size_t size = 0;
  if (stream != NULL && text != NULL)
    size = fread(text, 1, SCENARIO_FILE_MAX, stream);
  const bool read_whole = stream != NULL && text != NULL && !ferror(stream) && feof(stream);
  if (read_whole)
    replay->plan = plan_parse(text, size, &error);
  if (!read_whole)
    complain("%s: %s", path, stream == NULL ? strerror(errno) : "cannot be read, or is too large");
  else if (replay->plan == NULL)
    complain("%s: %s", path, error.text);
  if (stream != NULL && stream != stdin)
    fclose(stream);
  free(text);
  if (replay->plan == NULL)
    return EXIT_TROUBLE;
  for (int host = 0; host < PLAN_HOSTS; host++)
    if (check_congestion_control(replay->plan->sides[host].congestion_control, path) != 0)
      return EXIT_TROUBLE;
  take_target(replay);
  if (replay->report.target != NULL)
    return 0;
  complain("%s: there is no line '#@ expect': what has to come back?", path);
  return EXIT_TROUBLE;
}

static int make_plan(struct replay *replay)
{
  struct error error;
  if (replay->plan == NULL)
    replay->plan = plan_extract(&replay->recording, replay->options.congestion_control, &error);
  if (replay->plan == NULL)
    return trouble(error.text);
  replay->report.plan = replay->plan;
  const char *path = replay->options.scenario_output;
  return path != NULL ? replay_export_plan(replay->plan, path) : 0;
}

/* ---- the runs ---- */

static struct replay_job make_job(const struct replay *replay)
{
  struct replay_job job = {.recording =
                               replay->options.scenario == NULL ? &replay->recording : NULL,
                           .target = replay->report.target,
                           .plan = replay->plan,
                           .congestion_control = replay->options.congestion_control,
                           .program = replay->program};
  return job;
}

static void tell_progress(const struct replay *replay, const char *what, uint32_t n)
{
  if (isatty(STDERR_FILENO))
    complain("%s %" PRIu32 " of %" PRIu32, what, n, replay->options.repeat);
}

static int run_once(struct replay *replay, const struct replay_job *job,
                    struct replay_result *result)
{
  struct replay_run run;
  const int status =
      replay_run(replay->report.way, job, replay->options.analyze.min_stall_ns, &run);
  result->outcome = run.outcome;
  if (status == 0 && job->control)
    replay_judge_control(job->target, &run.live, &result->verdict);
  else if (status == 0 && job->target != NULL)
    replay_judge(job->target, &run.live, &result->verdict);
  recording_clear(&run.live);
  return status;
}

static int run_all(struct replay *replay)
{
  struct replay_report *report = &replay->report;
  struct replay_job job = make_job(replay);
  int status = 0;
  report->runs = calloc(replay->options.repeat, sizeof *report->runs);
  if (report->runs == NULL)
    return trouble("out of memory");
  for (job.run = 0; job.run < replay->options.repeat && status == 0; job.run++) {
    tell_progress(replay, "run", job.run + 1);
    job.record_path = job.run == 0 ? replay->options.recording_output : NULL;
    status = run_once(replay, &job, &report->runs[job.run]);
    report->run_count += status == 0 ? 1 : 0;
    report->reproduced += report->runs[job.run].verdict.reproduced ? 1 : 0;
  }
  job.record_path = NULL;
  if (status == 0 && replay->options.control) {
    job.control = report->has_control = true;
    status = run_once(replay, &job, &report->control);
    job.control = false;
  }
  if (status == 0 && replay->options.minimize && replay->plan != NULL && report->reproduced > 0)
    status = replay_minimize(report, replay->plan, &job);
  return status;
}

static int exit_status(const struct replay *replay)
{
  const struct replay_report *report = &replay->report;
  const bool stalls = report->target != NULL && report->reproduced > 0;
  switch (replay->options.expect) {
  case EXPECT_STALL: return stalls ? EXIT_NO_PROBLEM : EXIT_PROBLEM;
  case EXPECT_CLEAN: return stalls ? EXIT_PROBLEM : EXIT_NO_PROBLEM;
  case EXPECT_NOTHING: break;
  }
  if (report->target == NULL)
    return EXIT_NO_PROBLEM;
  return stalls ? EXIT_PROBLEM : EXIT_NOT_REPRODUCED;
}

/* Where the scenario goes to standard output it is alone there, to be read again. */
static int tell(struct replay *replay)
{
  const char *scenario = replay->options.scenario_output;
  FILE *stream = scenario != NULL && strcmp(scenario, "-") == 0 ? stderr : stdout;
  if (replay->options.json)
    replay_report_json(&replay->report, stream);
  else
    replay_report_write(&replay->report, stream);
  return exit_status(replay);
}

static int load(struct replay *replay)
{
  if (replay->options.scenario != NULL)
    return read_scenario(replay);
  const struct replay_load_options options = {
      .analyze = &replay->options.analyze, .finding = replay->options.finding, .keep_frames = true};
  const int status = replay_load(&options, &replay->recording);
  replay->report.recording = &replay->recording;
  if (status == 0 && replay->recording.target < replay->recording.finding_count)
    replay->report.target = &replay->recording.findings[replay->recording.target];
  return status;
}

/* One end of a live connection tells what one end of the recording told: of several capture points
 * only the live side's counts. */
static void see_one_end(struct replay *replay)
{
  struct replay_report *report = &replay->report;
  const enum recording_side sender = report->target->sender;
  enum recording_side live = sender;
  if (report->way == &replay_way_sender)
    live = sender == RECORDING_CLIENT ? RECORDING_SERVER : RECORDING_CLIENT;
  else if (report->way != &replay_way_peer)
    return;
  if (replay_one_end(&replay->recording, live, replay->options.analyze.min_stall_ns,
                     &replay->from_one_end))
    report->target = &replay->from_one_end;
}

/* The frames as they are: nothing is analysed. */
static int run_wire(struct replay *replay)
{
  struct replay_wire_options *wire = &replay->options.wire;
  wire->feed.paths = replay->options.analyze.traces;
  wire->feed.path_count = replay->options.analyze.trace_count;
  wire->feed.stop = interrupt_install();
  wire->json = replay->options.json;
  return replay_wire(wire);
}

/* Files for other runs: the scenario first, which needs all of the recording. */
static int export(struct replay *replay)
{
  int status = 0;
  if (replay->options.plan_output != NULL) {
    status = make_plan(replay);
    if (status == 0)
      status = replay_export_plan(replay->plan, replay->options.plan_output);
  }
  if (status == 0 && replay->options.drill_output != NULL)
    status = replay_export_drill(&replay->options, &replay->recording);
  return status;
}

static int run(struct replay *replay)
{
  if (replay->options.way != NULL && strcmp(replay->options.way, "wire") == 0)
    return run_wire(replay);
  int status = check_congestion_control(replay->options.congestion_control, "--cc");
  if (status == 0)
    status = load(replay);
  if (status == 0 && (replay->options.plan_output != NULL || replay->options.drill_output != NULL))
    return export(replay);
  if (status == 0 && replay->report.target == NULL)
    return tell(replay);
  if (status == 0 && replay_own_program(replay->program, sizeof replay->program) == NULL)
    status = EXIT_TROUBLE;
  if (status == 0)
    status = choose_way(replay);
  if (status == 0)
    see_one_end(replay);
  if (status == 0 && replay->report.way == &replay_way_path)
    status = make_plan(replay);
  if (status == 0)
    status = run_all(replay);
  return status == 0 ? tell(replay) : status;
}

int cmd_replay(int argc, char **argv)
{
  struct replay *replay = calloc(1, sizeof *replay);
  if (replay == NULL)
    return trouble("out of memory");
  replay_options_parse(&replay->options, argc, argv);
  replay->report.options = &replay->options;
  const int status = run(replay);
  free(replay->report.smallest);
  free(replay->report.runs);
  plan_free(replay->plan);
  recording_clear(&replay->recording);
  replay_options_clear(&replay->options);
  free(replay);
  return status;
}
