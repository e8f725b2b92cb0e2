#include "cli/study.h"

#include "wire/error.h"
#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

/* A first look a moment before lets the receiver's end speak first: the sender's end asks what it
 * has said. */
#define FIRST_LOOK_NS (60 * NS_PER_MS)

/* Of each end, those of others included: each may be compared with each. */
#define CONNECTIONS_MAX 1024u

struct search {
  const struct study *study;
  /* Of each wait, on the clock of end 0; its best overlap with a finding so far. */
  struct sought {
    int64_t start_ns, end_ns, overlap_ns;
  } sought[STUDY_WAITS_MAX];
  int status;
};

bool endpoint_equals(const struct endpoint *a, const struct endpoint *b)
{
  return a->port == b->port && a->ip_version == b->ip_version &&
         memcmp(&a->address, &b->address, sizeof a->address) == 0;
}

static bool is_between(const struct endpoint *sender, const struct endpoint *receiver,
                       const struct study_wait *wait)
{
  return endpoint_equals(sender, &wait->sender) && endpoint_equals(receiver, &wait->receiver);
}

/* The wait's stream, by the addresses of any point that has seen it. */
static bool is_its_stream(const struct study_wait *wait, const struct connection_pair *pair,
                          enum stream_side sender)
{
  for (uint32_t i = 0; i < pair->member_count; i++) {
    const struct pair_member *member = &pair->members[i];
    const bool client = sender == SIDE_CLIENT;
    if (is_between(client ? &member->client : &member->server,
                   client ? &member->server : &member->client, wait))
      return true;
  }
  return false;
}

static int64_t overlap_of(const struct sought *sought, const struct finding *finding)
{
  const int64_t from_ns =
      finding->start_ns > sought->start_ns ? finding->start_ns : sought->start_ns;
  const int64_t until_ns = finding->end_ns < sought->end_ns ? finding->end_ns : sought->end_ns;
  return until_ns - from_ns;
}

/* While the wait lasts, the last open one; afterwards the one that covers most of it. */
static void take_for(struct search *search, uint32_t index,
                     const struct joint_connection *connection, const struct finding *finding)
{
  struct study_wait *wait = &search->study->waits[index];
  struct sought *sought = &search->sought[index];
  const int64_t overlap_ns = overlap_of(sought, finding);
  if (overlap_ns < 0 || (wait->verdict != NULL && overlap_ns < sought->overlap_ns))
    return;
  if (wait->verdict == NULL)
    wait->verdict = malloc(sizeof *wait->verdict);
  if (wait->verdict == NULL) {
    search->status = ERROR_MEMORY;
    return;
  }
  sought->overlap_ns = overlap_ns;
  *wait->verdict = (struct study_verdict){.level = connection->level,
                                          .id = connection->id,
                                          .connection = *connection->whole,
                                          .pair = *connection->pair,
                                          .finding = *finding};
}

static void take_finding(void *context, const struct joint_connection *connection,
                         const struct finding *finding)
{
  struct search *search = context;
  const struct study *study = search->study;
  if (connection->pair == NULL || (finding->state == FINDING_CLOSED) != study->over)
    return;
  for (uint32_t i = 0; i < study->wait_count; i++)
    if (finding->kind == study->waits[i].kind &&
        is_its_stream(&study->waits[i], connection->pair, finding->sender))
      take_for(search, i, connection, finding);
}

static void note_pairs(const struct study *study, const struct survey *survey)
{
  for (uint32_t i = 0; i < survey_pair_count(survey); i++) {
    const struct connection_pair *pair = survey_pair(survey, i);
    for (uint32_t w = 0; w < study->wait_count; w++)
      study->waits[w].paired |= is_its_stream(&study->waits[w], pair, SIDE_CLIENT) ||
                                is_its_stream(&study->waits[w], pair, SIDE_SERVER);
  }
}

static int survey_all(const struct study *study, struct survey *survey)
{
  int status = 0;
  for (uint32_t end = 0; end < study->ends; end++)
    for (uint32_t i = 0; i < study->lanes[end].count && status == 0; i++)
      status = survey_packet(survey, study->lanes[end].packets[i]);
  return status == 0 ? survey_solve(survey) : status;
}

/* Packets and samples of all ends in the order of their corrected times. */
struct merge {
  const struct study *study;
  struct joint *joint;
  uint32_t at[ANALYZER_ENDS_MAX];
  int64_t next_ns[ANALYZER_ENDS_MAX]; /* of the packet at `at`, or of an earlier one */
  uint32_t sample;
};

static void step(struct merge *merge, uint32_t end)
{
  const struct study_lane *lane = &merge->study->lanes[end];
  if (merge->at[end] == lane->count) {
    merge->next_ns[end] = INT64_MAX;
    return;
  }
  const int64_t time_ns =
      joint_time_ns(merge->joint, (uint8_t)end, lane->packets[merge->at[end]]->time_ns);
  if (time_ns > merge->next_ns[end])
    merge->next_ns[end] = time_ns;
}

static void give_samples(struct merge *merge, int64_t until_ns)
{
  const struct study *study = merge->study;
  while (merge->sample < study->sample_count) {
    const struct host_sample *sample = study->samples[merge->sample];
    if (joint_time_ns(merge->joint, sample->end, sample->time_ns) > until_ns)
      return;
    joint_sample(merge->joint, sample);
    merge->sample++;
  }
}

static int merge_all(const struct study *study, struct joint *joint)
{
  struct merge merge = {.study = study, .joint = joint};
  for (uint32_t end = 0; end < study->ends; end++) {
    merge.next_ns[end] = INT64_MIN;
    step(&merge, end);
  }
  for (;;) {
    uint32_t first = 0;
    for (uint32_t end = 1; end < study->ends; end++)
      if (merge.next_ns[end] < merge.next_ns[first])
        first = end;
    give_samples(&merge, merge.next_ns[first]);
    if (merge.next_ns[first] == INT64_MAX)
      return 0;
    const int status = joint_packet(joint, study->lanes[first].packets[merge.at[first]++]);
    if (status != 0)
      return status;
    step(&merge, first);
  }
}

static void declare(const struct study *study, struct joint *joint)
{
  for (uint8_t end = 0; end < study->ends; end++) {
    if (!study->lanes[end].drops_known)
      continue;
    if (study->lanes[end].drops)
      joint_declare_drops(joint, end);
    else
      joint_declare_complete(joint, end);
  }
}

static int diagnose(const struct study *study, const struct survey *survey, struct search *search)
{
  struct joint_options options;
  joint_options_default(&options);
  options.engine.min_stall_ns = study->min_stall_ns;
  options.engine.limits.findings_per_connection = UINT32_MAX;
  const struct joint_sink sink = {.context = search, .finding = take_finding};
  struct joint *joint = joint_new(study->ends, &options, survey, &sink);
  if (joint == NULL)
    return ERROR_MEMORY;
  for (uint32_t i = 0; i < study->wait_count; i++) {
    const struct study_wait *wait = &study->waits[i];
    search->sought[i] = (struct sought){.start_ns = joint_time_ns(joint, wait->end, wait->start_ns),
                                        .end_ns = joint_time_ns(joint, wait->end, wait->end_ns)};
  }
  declare(study, joint);
  const int status = merge_all(study, joint);
  if (status == 0 && study->over) {
    joint_finish(joint);
  } else if (status == 0) {
    joint_advance(joint, study->now_ns - FIRST_LOOK_NS);
    joint_advance(joint, study->now_ns);
  }
  joint_free(joint);
  return status;
}

int study_run(const struct study *study)
{
  struct search search = {.study = study};
  struct survey_limits limits;
  survey_limits_default(&limits);
  limits.connections = CONNECTIONS_MAX;
  if (study->wait_count > STUDY_WAITS_MAX)
    return ERROR_USAGE;
  struct survey *survey = survey_new(study->ends, &limits);
  for (uint8_t end = 0; survey != NULL && end < study->ends; end++)
    survey_set_host(survey, end, study->hosts[end]);
  int status = survey != NULL ? survey_all(study, survey) : ERROR_MEMORY;
  if (status == 0) {
    note_pairs(study, survey);
    status = diagnose(study, survey, &search);
  }
  survey_free(survey);
  return status != 0 ? status : search.status;
}
