#include "cli/replay_verdict.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool same(const char *a, const char *b)
{
  return strcmp(a, b) == 0;
}

static double ratio(const struct recorded_finding *target, const struct recorded_finding *live)
{
  return target->waited_ns > 0 ? (double)live->waited_ns / (double)target->waited_ns : 0;
}

/* How much a live finding is like the recorded one; more is better. */
static double likeness(const struct recorded_finding *target, const struct recorded_finding *live)
{
  double points = 0;
  if (live->sender == target->sender)
    points += 2;
  if (same(live->location, target->location))
    points += 4;
  if (same(live->cause, target->cause))
    points += 4;
  if (same(live->kind, target->kind))
    points += 2;
  return points - fmin(1, fabs(ratio(target, live) - 1));
}

static bool is_close(const struct recorded_finding *target, const struct recorded_finding *live)
{
  const double difference_ns = fabs((double)(live->waited_ns - target->waited_ns));
  const double allowed_ns = REPLAY_DURATION_SHARE * (double)target->waited_ns;
  return difference_ns <= fmax(allowed_ns, (double)REPLAY_DURATION_SLACK_NS);
}

/* A mismatch is no wait: that it is there is all. */
static bool has_duration(const struct recorded_finding *target)
{
  return !same(target->kind, "mismatch") && !same(target->kind, "abort");
}

static void tell_difference(const struct recorded_finding *target, struct replay_verdict *verdict)
{
  const struct recorded_finding *live = &verdict->live;
  char *text = verdict->difference;
  const size_t size = sizeof verdict->difference;
  if (!verdict->location_same)
    snprintf(text, size, "the live stream waited at %s (%s), not at %s", live->location,
             live->cause, target->location);
  else if (!verdict->cause_same)
    snprintf(text, size, "the place is the same, but the cause is %s, not %s", live->cause,
             target->cause);
  else if (has_duration(target) && !verdict->duration_close)
    snprintf(text, size, "it lasted %.3f s, not %.3f s (%+.0f %%)", time_to_s(live->waited_ns),
             time_to_s(target->waited_ns), 100 * (ratio(target, live) - 1));
  else if (!verdict->ended_same)
    snprintf(text, size, "it was ended by %s, not by %s", live->ended_by, target->ended_by);
}

static bool is_row(const struct recorded_finding *finding)
{
  return same(finding->kind, "crawl");
}

/* Many waits of one kind are told one by one, or as one row of them, whichever is the clearer: live
 * waits that add up to a recorded row, or a live row of such waits as the recorded one, are the
 * same thing. */
static void judge_as_row(const struct recorded_finding *target, const struct recording *live,
                         struct replay_verdict *verdict)
{
  struct recorded_finding together = {.waited_ns = 0};
  for (uint32_t i = 0; i < live->finding_count; i++) {
    const struct recorded_finding *finding = &live->findings[i];
    if (finding->sender != target->sender || !same(finding->location, target->location) ||
        !has_duration(finding) || is_row(finding) == is_row(target))
      continue;
    const int64_t waited_ns = is_row(target)
                                  ? together.waited_ns + finding->waited_ns
                                  : finding->waited_ns / (finding->waits > 0 ? finding->waits : 1);
    together = *finding;
    together.waited_ns = waited_ns;
  }
  if (together.waited_ns == 0 || fabs(ratio(target, &together) - 1) > REPLAY_DURATION_SAME_STALL)
    return;
  *verdict = (struct replay_verdict){.reproduced = true,
                                     .location_same = true,
                                     .cause_same = true,
                                     .duration_close = is_close(target, &together),
                                     .ended_same = same(together.ended_by, target->ended_by),
                                     .found = true,
                                     .live = together};
  snprintf(verdict->difference, sizeof verdict->difference, "%s",
           is_row(target) ? "told as single waits; here is their sum"
                          : "told as a row of such waits; here is their mean");
}

void replay_judge(const struct recorded_finding *target, const struct recording *live,
                  struct replay_verdict *verdict)
{
  double best = -1;
  *verdict = (struct replay_verdict){.found = false};
  for (uint32_t i = 0; i < live->finding_count; i++) {
    const double points = likeness(target, &live->findings[i]);
    if (points <= best)
      continue;
    best = points;
    verdict->live = live->findings[i];
    verdict->found = true;
  }
  if (!verdict->found) {
    snprintf(verdict->difference, sizeof verdict->difference,
             "the live stream never waited for long");
    return;
  }
  verdict->location_same =
      same(verdict->live.location, target->location) && verdict->live.sender == target->sender;
  verdict->cause_same = same(verdict->live.cause, target->cause);
  verdict->duration_close = !has_duration(target) || is_close(target, &verdict->live);
  verdict->ended_same = same(verdict->live.ended_by, target->ended_by);
  verdict->reproduced = verdict->location_same && verdict->cause_same &&
                        (verdict->duration_close ||
                         fabs(ratio(target, &verdict->live) - 1) <= REPLAY_DURATION_SAME_STALL);
  tell_difference(target, verdict);
  if (!verdict->reproduced)
    judge_as_row(target, live, verdict);
}

/* A wait of the same stream that would be told as a stall again. */
static bool is_still_there(const struct recorded_finding *target,
                           const struct recorded_finding *finding)
{
  const bool same_cause = same(finding->cause, target->cause);
  if (finding->sender != target->sender || (target->problem && !finding->problem))
    return false;
  if (!has_duration(target))
    return same_cause;
  /* the wait that a stall began with, somewhere else, is not it */
  return has_duration(finding) &&
         ratio(target, finding) >= (same(finding->location, target->location)
                                        ? REPLAY_CONTROL_SHARE
                                        : REPLAY_DURATION_SAME_STALL);
}

void replay_judge_control(const struct recorded_finding *target, const struct recording *live,
                          struct replay_verdict *verdict)
{
  *verdict = (struct replay_verdict){.found = false};
  for (uint32_t i = 0; i < live->finding_count && !verdict->found; i++) {
    const struct recorded_finding *finding = &live->findings[i];
    if (!is_still_there(target, finding))
      continue;
    verdict->live = *finding;
    verdict->found = verdict->reproduced = true;
    snprintf(verdict->difference, sizeof verdict->difference, "there is still a wait of %.3f s: %s",
             time_to_s(finding->waited_ns), finding->cause);
  }
}

bool replay_still_stalls(const struct recorded_finding *target, const struct recording *live)
{
  for (uint32_t i = 0; i < live->finding_count; i++) {
    const struct recorded_finding *finding = &live->findings[i];
    if (finding->sender != target->sender || !same(finding->location, target->location))
      continue;
    if (has_duration(target) ? ratio(target, finding) >= REPLAY_DURATION_SAME_STALL
                             : same(finding->cause, target->cause))
      return true;
  }
  return false;
}
