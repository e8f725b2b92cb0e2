#include "tests/cases/case_run.h"

#include "analyzer/cause.h"
#include "analyzer/joint.h"
#include "tests/cases/case_term.h"
#include "wire/timestamp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void take_finding(void *context, const struct connection_summary *connection,
                         const struct finding *finding)
{
  struct case_run *run = context;
  if (run->finding_count >= CASE_FINDINGS_MAX)
    return;
  struct case_finding *seen = &run->findings[run->finding_count++];
  seen->connection = connection->id;
  seen->finding = *finding;
}

static void take_connection(void *context, const struct connection_summary *connection)
{
  struct case_run *run = context;
  if (run->connection_count < CASE_CONNECTIONS_MAX)
    run->connections[run->connection_count] = *connection;
  run->connection_count++;
}

static void no_memory(const struct case_run *run)
{
  fprintf(stderr, "%s: no memory\n", run->path);
  exit(2);
}

static void set_options(const struct case_run *run, struct analyzer_options *options)
{
  analyzer_options_default(options);
  if (run->min_stall_s > 0)
    options->min_stall_ns = (int64_t)llround(run->min_stall_s * 1e9);
}

static bool sample_is_before(const struct case_end *end, size_t sample, int64_t time_ns)
{
  return sample < end->sample_count && end->samples[sample].time_ns <= time_ns;
}

static void analyze_one_end(struct case_run *run)
{
  const struct case_end *end = &run->trace.ends[0];
  struct analyzer_options options;
  set_options(run, &options);
  struct analyzer_sink sink = {run, take_finding, take_connection};
  struct analyzer *analyzer = analyzer_new(&options, &sink);
  if (analyzer == NULL)
    no_memory(run);
  if (end->has_host)
    analyzer_declare_host(analyzer, 0, &end->host);
  if (run->drops[0] == CASE_DROPS_NONE)
    analyzer_declare_complete(analyzer, 0);
  else if (run->drops[0] == CASE_DROPS_SOME)
    analyzer_declare_drops(analyzer, 0);
  size_t sample = 0;
  for (size_t i = 0; i < end->count; i++) {
    for (; sample_is_before(end, sample, end->packets[i].time_ns); sample++)
      analyzer_sample(analyzer, &end->samples[sample]);
    if (analyzer_packet(analyzer, &end->packets[i]) != 0)
      no_memory(run);
  }
  for (; sample < end->sample_count; sample++)
    analyzer_sample(analyzer, &end->samples[sample]);
  analyzer_finish(analyzer);
  analyzer_free(analyzer);
}

static void take_joint_finding(void *context, const struct joint_connection *connection,
                               const struct finding *finding)
{
  take_finding(context, connection->whole, finding);
}

static void take_joint_connection(void *context, const struct joint_connection *connection)
{
  take_connection(context, connection->whole);
}

static struct survey *survey_all(struct case_run *run)
{
  struct survey_limits limits;
  survey_limits_default(&limits);
  struct survey *survey = survey_new(run->trace.end_count, &limits);
  for (unsigned e = 0; survey != NULL && e < run->trace.end_count; e++) {
    for (size_t i = 0; i < run->trace.ends[e].count; i++) {
      if (survey_packet(survey, &run->trace.ends[e].packets[i]) != 0)
        no_memory(run);
    }
  }
  if (survey == NULL || survey_solve(survey) != 0)
    no_memory(run);
  run->pairs = survey_pair_count(survey);
  run->clock = *survey_clock(survey, 1);
  return survey;
}

/* Where an end stands while all of them are fed. */
struct cursor {
  size_t packet, sample;
};

/* The corrected time of what comes next at that end; INT64_MAX: nothing. */
static int64_t next_ns(const struct joint *joint, const struct case_end *end, uint8_t number,
                       const struct cursor *at, bool *is_sample)
{
  const bool more = at->packet < end->count;
  *is_sample = at->sample < end->sample_count &&
               (!more || sample_is_before(end, at->sample, end->packets[at->packet].time_ns));
  if (*is_sample)
    return joint_time_ns(joint, number, end->samples[at->sample].time_ns);
  return more ? joint_time_ns(joint, number, end->packets[at->packet].time_ns) : INT64_MAX;
}

/* In the order of corrected time. */
static void feed_joint(struct case_run *run, struct joint *joint)
{
  struct cursor at[ANALYZER_ENDS_MAX] = {{0}};
  for (;;) {
    unsigned first = 0;
    int64_t first_ns = INT64_MAX;
    bool first_is_sample = false;
    for (unsigned e = 0; e < run->trace.end_count; e++) {
      bool is_sample;
      const int64_t time_ns = next_ns(joint, &run->trace.ends[e], (uint8_t)e, &at[e], &is_sample);
      if (time_ns < first_ns) {
        first = e;
        first_ns = time_ns;
        first_is_sample = is_sample;
      }
    }
    if (first_ns == INT64_MAX)
      return;
    const struct case_end *end = &run->trace.ends[first];
    if (first_is_sample)
      joint_sample(joint, &end->samples[at[first].sample++]);
    else if (joint_packet(joint, &end->packets[at[first].packet++]) != 0)
      no_memory(run);
  }
}

static void analyze_several_ends(struct case_run *run)
{
  struct survey *survey = survey_all(run);
  struct joint_options options;
  joint_options_default(&options);
  set_options(run, &options.engine);
  struct joint_sink sink = {run, take_joint_finding, take_joint_connection};
  struct joint *joint = joint_new(run->trace.end_count, &options, survey, &sink);
  if (joint == NULL)
    no_memory(run);
  for (unsigned e = 0; e < run->trace.end_count; e++) {
    if (run->trace.ends[e].has_host)
      joint_declare_host(joint, (uint8_t)e, &run->trace.ends[e].host);
    if (run->drops[e] == CASE_DROPS_NONE)
      joint_declare_complete(joint, (uint8_t)e);
    else if (run->drops[e] == CASE_DROPS_SOME)
      joint_declare_drops(joint, (uint8_t)e);
  }
  feed_joint(run, joint);
  joint_finish(joint);
  joint_free(joint);
  survey_free(survey);
}

void case_run_analyze(struct case_run *run)
{
  run->finding_count = run->connection_count = run->pairs = 0;
  if (run->trace.end_count > 1)
    analyze_several_ends(run);
  else
    analyze_one_end(run);
}

void case_run_print(const struct case_run *run)
{
  if (run->finding_count == 0)
    printf("  found: nothing\n");
  for (unsigned i = 0; i < run->finding_count; i++) {
    const struct finding *f = &run->findings[i].finding;
    printf("  found: connection %llu kind=%s sender=%s location=%s cause=%s confidence=%s "
           "cause_confidence=%s severity=%s ended_by=%s duration=%.3f waits=%u hold_min=%.3f "
           "hold_max=%.3f\n         %s\n",
           (unsigned long long)run->findings[i].connection, finding_kind_name(f->kind),
           stream_side_name(f->sender), location_name(f->location), cause_info(f->cause)->code,
           confidence_name(f->confidence), confidence_name(f->cause_confidence),
           severity_name(f->severity), ended_by_name(f->ended_by),
           time_to_s(f->end_ns - f->start_ns), f->waits, seconds_of(f->hold_min_ns),
           seconds_of(f->hold_max_ns), f->summary);
    if (f->reason[0] != '\0')
      printf("         %s\n", f->reason);
    for (uint32_t a = 0; a < f->alternative_count; a++)
      printf("         not excluded: %s %s: %s\n", location_name(f->not_excluded[a].location),
             cause_info(f->not_excluded[a].cause)->code, f->not_excluded[a].why);
    for (uint32_t e = 0; e < f->evidence_count; e++)
      printf("         %c %llu: %s\n", 'A' + f->evidence[e].end,
             (unsigned long long)f->evidence[e].frame, f->evidence[e].fact);
  }
}
