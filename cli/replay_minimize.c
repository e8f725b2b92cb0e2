#include "cli/replay_minimize.h"

#include "cli/commands.h"
#include "cli/complain.h"
#include "replay/plan_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Conditions that make a difference to the stall by themselves may fail to bring it back once, on a
 * busy machine: a subset counts as clean only if it is so twice. */
#define TRIES 2

struct search {
  struct replay_report *report;
  struct plan *plan;
  const struct replay_job *job;
  uint32_t needed[PLAN_CONDITIONS_MAX]; /* indices of the conditions that are on */
  uint32_t count;
  struct replay_verdict last; /* of the last run that stalled */
};

/* Whether the stall comes back with the conditions that are on. Negative: trouble. */
static int stalls(struct search *search)
{
  for (int i = 0; i < TRIES; i++) {
    struct replay_run run;
    const int status = replay_run(search->report->way, search->job,
                                  search->report->options->analyze.min_stall_ns, &run);
    if (status != 0)
      return -1;
    const bool still = replay_still_stalls(search->report->target, &run.live);
    if (still)
      replay_judge(search->report->target, &run.live, &search->last);
    recording_clear(&run.live);
    search->report->minimize_runs++;
    if (still)
      return 1;
  }
  return 0;
}

static void switch_group(struct search *search, uint32_t first, uint32_t count, bool off)
{
  for (uint32_t i = first; i < first + count && i < search->count; i++)
    search->plan->conditions[search->needed[i]].off = off;
}

static void forget_group(struct search *search, uint32_t first, uint32_t count)
{
  const uint32_t behind = first + count < search->count ? first + count : search->count;
  for (uint32_t i = behind; i < search->count; i++)
    search->needed[first + i - behind] = search->needed[i];
  search->count -= behind - first;
}

static void tell(const struct search *search)
{
  if (isatty(STDERR_FILENO))
    complain("minimizing: %" PRIu32 " conditions left after %" PRIu32 " runs", search->count,
             search->report->minimize_runs);
}

/* Groups of `size`, from the last to the first one. */
static int leave_out_groups(struct search *search, uint32_t size)
{
  uint32_t first = (search->count - 1) / size * size;
  for (;;) {
    switch_group(search, first, size, true);
    const int result = stalls(search);
    if (result < 0)
      return EXIT_TROUBLE;
    if (result > 0)
      forget_group(search, first, size);
    else
      switch_group(search, first, size, false);
    tell(search);
    if (first == 0 || search->count == 0)
      return 0;
    first -= size;
  }
}

/* What the smallest scenario has to bring back is what it did bring back. */
static void expect_last(struct search *search)
{
  const struct recorded_finding *live = &search->last.live;
  struct plan_target *target = &search->plan->target;
  if (!search->last.found || !search->last.location_same)
    return;
  target->problem = live->problem;
  target->waited_ns = live->waited_ns;
  snprintf(target->kind, sizeof target->kind, "%s", live->kind);
  snprintf(target->cause, sizeof target->cause, "%s", live->cause);
  snprintf(target->ended_by, sizeof target->ended_by, "%s", live->ended_by);
}

int replay_minimize(struct replay_report *report, struct plan *plan, const struct replay_job *job)
{
  struct search search = {.report = report, .plan = plan, .job = job};
  int status = 0;
  for (uint32_t i = 0; i < plan->condition_count; i++)
    if (!plan->conditions[i].off)
      search.needed[search.count++] = i;
  report->conditions_before = search.count;
  for (uint32_t size = (search.count + 1) / 2; status == 0 && size > 0 && search.count > 0;
       size = size > 1 ? (size + 1) / 2 : 0)
    status = leave_out_groups(&search, size);
  /* One by one once more, as long as that leaves more out: what was needed beside others may not be
   * needed without them, and a run that a busy machine spoiled is made again. */
  for (uint32_t before = 0; status == 0 && search.count > 1 && search.count != before;) {
    before = search.count;
    status = leave_out_groups(&search, 1);
  }
  report->conditions_left = search.count;
  if (status == 0) {
    expect_last(&search);
    report->smallest = plan_text(plan);
  }
  return status;
}
