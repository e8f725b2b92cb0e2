#include "cli/joint_pass.h"

#include "analyzer/joint.h"
#include "cli/commands.h"
#include "cli/complain.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <string.h>

static int trouble(const char *text)
{
  complain("%s", text);
  return EXIT_TROUBLE;
}

/* ---- the merge ---- */

/* What comes next in a lane. */
struct head {
  const struct lane_batch *batch; /* NULL: the lane is at its end */
  uint32_t at, sample;            /* of its packets, of its samples */
};

#define RUN_PACKETS 128u

struct merge {
  struct lanes *lanes;
  struct joint *joint;
  struct progress *progress;
  uint32_t count;
  struct head heads[ANALYZER_ENDS_MAX];
};

static bool sample_is_next(const struct head *head)
{
  return head->sample < head->batch->sample_count &&
         head->batch->samples[head->sample].at <= head->at;
}

static bool is_used_up(const struct head *head)
{
  return head->at == head->batch->count && head->sample == head->batch->sample_count;
}

static int64_t order_of(const struct head *head)
{
  return sample_is_next(head) ? head->batch->samples[head->sample].order_ns
                              : head->batch->order_ns[head->at];
}

static void next_batch(struct merge *merge, uint32_t lane)
{
  struct head *head = &merge->heads[lane];
  head->at = head->sample = 0;
  head->batch = lanes_next(merge->lanes, lane);
  if (head->batch != NULL)
    progress_update_part(merge->progress, merge->count, lane, head->batch->bytes_read,
                         head->batch->bytes_total);
}

/* The lane whose next packet or sample is the earliest one, and in *until the order up to which it
 * stays so. Returns `count` if all are at their ends. */
static uint32_t earliest_lane(const struct merge *merge, int64_t *until)
{
  uint32_t best = merge->count;
  int64_t best_ns = INT64_MAX, next_ns = INT64_MAX;
  for (uint32_t i = 0; i < merge->count; i++) {
    if (merge->heads[i].batch == NULL)
      continue;
    const int64_t order_ns = order_of(&merge->heads[i]);
    if (best == merge->count || order_ns < best_ns) {
      next_ns = best == merge->count ? INT64_MAX : best_ns;
      best_ns = order_ns;
      best = i;
    } else if (order_ns < next_ns) {
      next_ns = order_ns;
    }
  }
  *until = next_ns;
  return best;
}

/* Packets in order, of several lanes; they stay where they are in their batches. */
struct run {
  struct joint_located located[RUN_PACKETS];
  size_t count;
};

static int give_run(struct merge *merge, struct run *run)
{
  const size_t count = run->count;
  run->count = 0;
  return joint_packets(merge->joint, run->located, count);
}

/* Samples are few. */
static int take_sample(struct merge *merge, struct run *run, struct head *head)
{
  const int status = give_run(merge, run); /* what comes before it */
  if (status == 0)
    joint_sample(merge->joint, &head->batch->samples[head->sample++].sample);
  return status;
}

/* Takes from the lane whatever comes before `until`. Returns 0, or the joint's error. */
static int take_run(struct merge *merge, struct run *run, uint32_t lane, int64_t until)
{
  struct head *head = &merge->heads[lane];
  int status = 0;
  if (sample_is_next(head))
    return take_sample(merge, run, head);
  do {
    run->located[run->count++] =
        (struct joint_located){&head->batch->packets[head->at], &head->batch->places[head->at]};
    head->at++;
    if (run->count == RUN_PACKETS)
      status = give_run(merge, run);
  } while (status == 0 && head->at < head->batch->count && !sample_is_next(head) &&
           head->batch->order_ns[head->at] <= until);
  return status;
}

static int merge_all(struct merge *merge)
{
  struct run run = {.count = 0};
  for (uint32_t i = 0; i < merge->count; i++)
    next_batch(merge, i);
  for (;;) {
    int64_t until;
    const uint32_t lane = earliest_lane(merge, &until);
    if (lane == merge->count)
      return give_run(merge, &run);
    int status = take_run(merge, &run, lane, until);
    if (status == 0 && is_used_up(&merge->heads[lane])) {
      status = give_run(merge, &run); /* before its batch goes back */
      next_batch(merge, lane);
    }
    if (status != 0)
      return status;
  }
}

/* ---- before and after ---- */

static const struct lane_ends *ends_of(const struct points *points, uint32_t end)
{
  const struct point *point = &points->points[end];
  return point->source->is_text ? NULL : &points->lanes[point->source_index];
}

/* NULL, unless the point shares its file with others. */
static const struct lane_ends *shared_ends(const struct joint_pass *pass, uint32_t end)
{
  const struct points *points = &pass->analysis->points;
  const struct source *source = points->points[end].source;
  const bool shares = (end > 0 && points->points[end - 1].source == source) ||
                      (end + 1 < points->count && points->points[end + 1].source == source);
  return shares ? ends_of(points, end) : NULL;
}

/* What the file says about losses stands at its end, as a rule: the first reading has seen it. */
static void declare_drops(const struct joint_pass *pass, struct joint *joint)
{
  for (uint8_t end = 0; end < pass->analysis->points.count; end++) {
    struct report_capture capture = {.end = end};
    capture_describe(&capture, "", pass->first_traces[end], shared_ends(pass, end));
    if (capture.has_dropped && capture.dropped > 0)
      joint_declare_drops(joint, end);
    else if (pass->analysis->options->lossless[end] ||
             (capture.has_dropped &&
              pass->analysis->points.points[end].source->damage.code == ERROR_NONE))
      joint_declare_complete(joint, end);
  }
}

static int declare_vantages(const struct joint_pass *pass, struct joint *joint)
{
  for (uint8_t end = 0; end < pass->analysis->points.count; end++) {
    struct vantage_known vantage;
    if (analysis_vantage(pass->analysis, end, pass->captured_on[end], &vantage) != 0)
      return EXIT_TROUBLE;
    if (vantage.kind == VANTAGE_KNOWN_ROLE)
      joint_declare_vantage(joint, end, vantage.role);
    else if (vantage.kind == VANTAGE_KNOWN_HOST)
      joint_declare_host(joint, end, &vantage.address);
  }
  return 0;
}

static struct joint *make_joint(const struct joint_pass *pass)
{
  const struct analysis *analysis = pass->analysis;
  const uint32_t ends = analysis->points.count;
  struct joint_options options;
  joint_options_default(&options);
  options.engine.min_stall_ns = analysis->options->min_stall_ns;
  options.engine.limits = analysis->options->limits.analyzer;
  options.ledger_records = analysis->options->limits.ledger_records;
  collect_begin_joint(analysis->collect, ends);
  for (uint8_t end = 0; end < ends; end++)
    collect_set_clock(analysis->collect, end, survey_clock(pass->survey, end));
  const struct joint_sink sink = collect_joint_sink(analysis->collect);
  return joint_new(ends, &options, pass->survey, &sink);
}

static int open_inputs(const struct joint_pass *pass, const struct joint *joint,
                       struct lane_input inputs[ANALYZER_ENDS_MAX],
                       struct sample_queue queues[ANALYZER_ENDS_MAX])
{
  const struct points *points = &pass->analysis->points;
  struct trace_options options = pass->analysis->trace_options;
  struct error error;
  if (pass->analysis->interrupted)
    options.stop = NULL; /* it has ended the first reading; what was read is analysed */
  for (uint32_t end = 0; end < points->count; end++) {
    const struct point *point = &points->points[end];
    inputs[end] = (struct lane_input){.end = (uint8_t)end,
                                      .ends = ends_of(points, end),
                                      .only_end = true,
                                      .last_frame = pass->last_frames[end],
                                      .samples = &queues[end],
                                      .locate = joint_locate,
                                      .joint = joint};
    options.on_sample = sample_queue_take;
    options.sample_context = &queues[end];
    if (source_reopen(point->source, point->excerpt, &options, &inputs[end].trace, &error) < 0)
      return trouble(error.text);
  }
  return 0;
}

static int read_all(const struct joint_pass *pass, struct joint *joint,
                    struct lane_input inputs[ANALYZER_ENDS_MAX])
{
  struct progress progress;
  struct merge merge = {
      .joint = joint, .progress = &progress, .count = pass->analysis->points.count};
  if (lanes_start(&merge.lanes, merge.count, inputs, false) < 0)
    return trouble("out of memory");
  progress_start(&progress, stderr, !pass->analysis->options->no_progress,
                 "all captures, second time");
  const int status = merge_all(&merge);
  lanes_stop(merge.lanes);
  progress_end(&progress);
  /* damage was seen, and told, by the first reading; what is new is a file that has changed */
  for (uint32_t i = 0; i < merge.count && status == 0; i++) {
    struct source *source = pass->analysis->points.points[i].source;
    const struct lane_result *result = lanes_result(merge.lanes, i);
    if (result->status < 0 && source->damage.code == ERROR_NONE)
      source->damage = result->error;
  }
  lanes_free(merge.lanes);
  return status == 0 ? 0 : trouble("not enough memory to go on with the analysis");
}

static int describe(const struct joint_pass *pass, const struct joint *joint, uint8_t end)
{
  const struct point *point = &pass->analysis->points.points[end];
  struct source *source = point->source;
  struct report_capture capture = {.end = end,
                                   .excerpt = source->excerpts > 1 ? point->excerpt + 1 : 0,
                                   .captured_on = pass->captured_on[end],
                                   .interrupted = interrupt_seen()};
  joint_get_stats(joint, end, &capture.stats);
  capture_describe(&capture, source->path, pass->first_traces[end], shared_ends(pass, end));
  if (capture.interrupted && !pass->analysis->interrupted)
    capture_cut_short(&capture);
  const int status = analysis_damage(source, &capture, pass->last_frames[end] == 0);
  if (status != 0)
    return status;
  return collect_end_capture(pass->analysis->collect, &capture) < 0 ? trouble("out of memory") : 0;
}

int joint_pass_run(const struct joint_pass *pass)
{
  struct lane_input inputs[ANALYZER_ENDS_MAX] = {{0}};
  struct sample_queue queues[ANALYZER_ENDS_MAX] = {{0}};
  struct joint *joint = make_joint(pass);
  int status = joint != NULL ? declare_vantages(pass, joint) : trouble("out of memory");
  if (status == 0)
    status = open_inputs(pass, joint, inputs, queues);
  if (status == 0) {
    declare_drops(pass, joint);
    status = read_all(pass, joint, inputs);
  }
  for (uint32_t i = 0; i < pass->analysis->points.count; i++) {
    trace_close(inputs[i].trace);
    sample_queue_clear(&queues[i]);
  }
  if (status == 0)
    joint_finish(joint);
  for (uint8_t end = 0; end < pass->analysis->points.count && status == 0; end++)
    status = describe(pass, joint, end);
  joint_free(joint);
  return status;
}
