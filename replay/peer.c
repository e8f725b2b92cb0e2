#include "replay/peer_engine.h"
#include "replay/peer_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The way `peer`: a live kernel sends the data, and what the recorded receiver and path answered is
 * played to it. */

#define PLAYED_ISN 0x70656572u /* any will do */
/* A received window of this share of the SYN's is as large: it says what the scale must be. */
#define SCALE_MAX 14

struct peer_run {
  struct peer_live *live;
  struct peer_engine *engine;
  struct peer_script script;
};

static void on_frame(void *context, uint8_t *bytes, uint32_t size, int64_t now_ns)
{
  struct peer_run *run = context;
  peer_engine_frame(run->engine, bytes, size, now_ns);
}

static void on_advance(void *context, int64_t now_ns)
{
  struct peer_run *run = context;
  peer_engine_advance(run->engine, now_ns);
}

static int64_t on_next(void *context)
{
  const struct peer_run *run = context;
  return peer_engine_next_ns(run->engine);
}

static bool on_finished(void *context, int64_t now_ns)
{
  const struct peer_run *run = context;
  return peer_engine_is_finished(run->engine, now_ns);
}

/* ---- what is left out for a control ---- */

/* The finding that all capture points together have; NULL: none. job->target may be what the live
 * end alone would say of it. */
static const struct recorded_finding *whole_target(const struct replay_job *job)
{
  const struct recording *recording = job->recording;
  return recording->target < recording->finding_count ? &recording->findings[recording->target]
                                                      : job->target;
}

static bool is_scale(const struct recorded_finding *target)
{
  return target != NULL && strncmp(target->cause, "window-scale", strlen("window-scale")) == 0;
}

/* The far side's SYN as it sent it: seen at its own end, or else by what its windows must mean: the
 * first acknowledgment does not take back what the SYN gave. */
static void true_syn(const struct replay_job *job, const struct peer_script *script,
                     struct peer_syn *syn)
{
  const enum recording_side far =
      script->near == RECORDING_CLIENT ? RECORDING_SERVER : RECORDING_CLIENT;
  bool at_it = false;
  const struct recording_point *point = recording_nearest(job->recording, far, &at_it);
  *syn = script->syn;
  if (at_it && point->syns[far].seen) {
    syn->has_wscale = point->syns[far].has_wscale;
    syn->wscale = point->syns[far].wscale;
    return;
  }
  for (uint32_t i = 0; i < script->event_count; i++)
    if (script->events[i].window > 0) {
      uint8_t scale = 0;
      while (scale < SCALE_MAX && ((script->events[i].window + 1) << scale) < syn->window)
        scale++;
      syn->has_wscale = scale > 0;
      syn->wscale = scale;
      return;
    }
}

/* Returns false if there is nothing to leave out. */
static bool relieve(const struct replay_job *job, struct peer_script *script)
{
  struct peer_syn syn;
  const bool scale = is_scale(whole_target(job)) || is_scale(job->target);
  if (scale)
    true_syn(job, script, &syn);
  return peer_script_relieve(script, scale ? &syn : NULL);
}

/* ---- what is told ---- */

static void tell(const struct peer_run *run, struct replay_outcome *outcome)
{
  struct peer_engine_stats stats;
  const struct peer_script *script = &run->script;
  peer_engine_get_stats(run->engine, &stats);
  replay_note(
      outcome,
      "%llu of %u recorded answers were played, %llu more were made by the receiver's model",
      (unsigned long long)stats.scripted, script->event_count, (unsigned long long)stats.by_model);
  if (stats.lost > 0)
    replay_note(outcome, "%llu live segments were lost as the recorded ones were",
                (unsigned long long)stats.lost);
  if (stats.differs_at >= 0)
    replay_note(outcome, "from byte %lld on the live sender cut its stream otherwise than recorded",
                (long long)stats.differs_at);
  if (stats.unused > 0 && stats.waits_at > stats.near_bytes)
    replay_note(
        outcome, "diverged: the live stream ended at byte %lld, the recorded answers go on to %lld",
        (long long)stats.near_bytes, (long long)script->events[script->event_count - 1].ack);
  if (stats.reset)
    replay_note(outcome, "the live sender reset the connection after %.3f s",
                time_to_s(stats.reset_at_ns));
}

static void tell_before(const struct replay_job *job, const struct recording_point *point,
                        bool at_it, const struct peer_run *run, struct replay_outcome *outcome)
{
  if (!at_it)
    replay_note(outcome, "%s does not stand at the data sender: delays are as seen there",
                point->name);
  const struct recorded_finding *whole = whole_target(job);
  if (whole != NULL && strcmp(whole->location, "sender-queue") == 0)
    replay_note(outcome,
                "only the peer's part is played: if the stall does not come back, the peer "
                "and the path do not cause it, and the cause is local to the sender");
  peer_live_tell(job, whole, run->script.whole, outcome);
}

/* ---- the run ---- */

static int play(struct peer_run *run, const struct replay_job *job, struct replay_outcome *outcome,
                enum recording_side near, struct error *error)
{
  struct peer_engine_options options = {.script = &run->script, .isn = PLAYED_ISN};
  const struct peer_player player = {run, on_frame, on_advance, on_next, on_finished};
  run->live = peer_live_new(job, near, outcome, error);
  if (run->live == NULL)
    return ERROR_IO;
  if (job->control) {
    const bool host = peer_live_relieve(run->live);
    outcome->control_same = !relieve(job, &run->script) && !host;
    if (outcome->control_same)
      return 0;
  }
  options.emitter = peer_live_emitter(run->live);
  peer_live_link(run->live, &options.link);
  run->engine = peer_engine_new(&options);
  if (run->engine == NULL)
    return error_set(error, ERROR_MEMORY, "out of memory");
  const int result = peer_live_run(run->live, &player, error);
  if (result == 0)
    tell(run, outcome);
  return result;
}

static int run_peer(const struct replay_job *job, struct replay_outcome *outcome,
                    struct error *error)
{
  const enum recording_side near = job->target != NULL ? job->target->sender : RECORDING_CLIENT;
  struct peer_run run = {.live = NULL};
  bool at_it = false;
  if (job->recording == NULL)
    return error_set(error, ERROR_USAGE, "peer needs a trace, not a scenario");
  const struct recording_point *point = recording_nearest(job->recording, near, &at_it);
  if (point == NULL)
    return error_set(error, ERROR_USAGE, "there is no packet to play");
  int result = peer_script_make(&run.script, job->recording, point, near, job->target, error);
  if (result != 0)
    return result;
  tell_before(job, point, at_it, &run, outcome);
  result = play(&run, job, outcome, near, error);
  peer_engine_free(run.engine);
  peer_live_free(run.live);
  peer_script_clear(&run.script);
  return result;
}

static bool suits(const struct recording *recording, const struct recorded_finding *target,
                  char *why)
{
  static const char *const causes[] = {"zero-window",
                                       "slow-reader",
                                       "window-update-lost",
                                       "ack-hold",
                                       "ack-loss",
                                       "window-scale-rewritten",
                                       "window-scale-stripped",
                                       "rto-backoff",
                                       "tail-loss",
                                       "segment-loss",
                                       "path-outage"};
  bool at_it = false;
  recording_nearest(recording, target->sender, &at_it);
  if (recording->point_count != 1 || !at_it)
    return false;
  for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
    if (strcmp(causes[i], target->cause) == 0) {
      snprintf(why, 160,
               "the trace was taken at the data sender, and what it waited for came from "
               "beyond");
      return true;
    }
  return false;
}

const struct replay_way replay_way_peer = {
    .name = "peer",
    .purpose = "the data sender is a live kernel, the receiver and the path are played",
    .judged = true,
    .suits = suits,
    .run = run_peer};
