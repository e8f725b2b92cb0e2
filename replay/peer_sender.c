#include "replay/peer_live.h"
#include "replay/peer_sender_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The way `sender`: a live kernel receives the data, and what the recorded sender and path sent is
 * played to it. */

#define PLAYED_ISN 0x73656e64u /* any will do */

struct sender_run {
  struct peer_live *live;
  struct sender_engine *engine;
  struct sender_script script;
};

static void on_frame(void *context, uint8_t *bytes, uint32_t size, int64_t now_ns)
{
  struct sender_run *run = context;
  sender_engine_frame(run->engine, bytes, size, now_ns);
}

static void on_advance(void *context, int64_t now_ns)
{
  struct sender_run *run = context;
  sender_engine_advance(run->engine, now_ns);
}

static int64_t on_next(void *context)
{
  struct sender_run *run = context;
  return sender_engine_next_ns(run->engine);
}

static bool on_finished(void *context, int64_t now_ns)
{
  const struct sender_run *run = context;
  return sender_engine_is_finished(run->engine, now_ns);
}

/* ---- what is told ---- */

static void tell(const struct sender_run *run, struct replay_outcome *outcome)
{
  struct sender_engine_stats stats;
  const struct sender_script *script = &run->script;
  sender_engine_get_stats(run->engine, &stats);
  replay_note(outcome, "%llu of %u recorded segments were played",
              (unsigned long long)(script->step_count - stats.left), script->step_count);
  if (script->corrupted > 0)
    replay_note(outcome, "%u of them with a wrong checksum, as recorded", script->corrupted);
  if (script->stale > 0)
    replay_note(outcome, "%u of them with a timestamp older than one before, as recorded",
                script->stale);
  if (stats.again > 0)
    replay_note(outcome,
                "diverged: the live receiver had not said what the recorded one had, %llu times: "
                "the oldest bytes were sent again, or the window was asked for",
                (unsigned long long)stats.again);
  if (stats.left > 0)
    replay_note(
        outcome,
        "the rest waited for an acknowledgment of byte %lld, the live receiver went to %lld",
        (long long)stats.waits_ack, (long long)stats.acked);
  if (stats.reset)
    replay_note(outcome, "the live receiver reset the connection after %.3f s",
                time_to_s(stats.reset_at_ns));
}

static void tell_before(const struct replay_job *job, const struct recording_point *point,
                        bool at_it, const struct sender_run *run, struct replay_outcome *outcome)
{
  const struct recording *recording = job->recording;
  const struct recorded_finding *target = job->target;
  if (!at_it)
    replay_note(outcome,
                "%s does not stand at the data receiver: what was lost behind it is played, "
                "too",
                point->name);
  const struct recorded_finding *whole =
      recording->target < recording->finding_count ? &recording->findings[recording->target] : NULL;
  if (target != NULL && whole != NULL &&
      strncmp(target->location, "receiver", strlen("receiver")) != 0)
    replay_note(outcome,
                "the sender's and the path's waits are played as recorded: that they come "
                "back says nothing of their cause, only of what the receiver does meanwhile");
  peer_live_tell(job, whole, run->script.whole, outcome);
}

/* ---- the run ---- */

static int play(struct sender_run *run, const struct replay_job *job,
                struct replay_outcome *outcome, enum recording_side near, struct error *error)
{
  struct sender_engine_options options = {.script = &run->script, .isn = PLAYED_ISN};
  const struct peer_player player = {run, on_frame, on_advance, on_next, on_finished};
  run->live = peer_live_new(job, near, outcome, error);
  if (run->live == NULL)
    return ERROR_IO;
  if (job->control) {
    const bool host = peer_live_relieve(run->live);
    const bool played = sender_script_relieve(&run->script);
    outcome->control_same = !host && !played;
    if (outcome->control_same)
      return 0;
  }
  options.emitter = peer_live_emitter(run->live);
  peer_live_link(run->live, &options.link);
  run->engine = sender_engine_new(&options);
  if (run->engine == NULL)
    return error_set(error, ERROR_MEMORY, "out of memory");
  const int result = peer_live_run(run->live, &player, error);
  if (result == 0)
    tell(run, outcome);
  return result;
}

static int run_sender(const struct replay_job *job, struct replay_outcome *outcome,
                      struct error *error)
{
  const enum recording_side near = job->target != NULL && job->target->sender == RECORDING_SERVER
                                       ? RECORDING_CLIENT
                                       : RECORDING_SERVER;
  struct sender_run run = {.live = NULL};
  bool at_it = false;
  if (job->recording == NULL)
    return error_set(error, ERROR_USAGE, "sender needs a trace, not a scenario");
  const struct recording_point *point = recording_nearest(job->recording, near, &at_it);
  if (point == NULL)
    return error_set(error, ERROR_USAGE, "there is no packet to play");
  int result = sender_script_make(&run.script, job->recording, point, near, job->target, error);
  if (result != 0)
    return result;
  tell_before(job, point, at_it, &run, outcome);
  result = play(&run, job, outcome, near, error);
  sender_engine_free(run.engine);
  peer_live_free(run.live);
  sender_script_clear(&run.script);
  return result;
}

static bool suits(const struct recording *recording, const struct recorded_finding *target,
                  char *why)
{
  static const char *const causes[] = {"delayed-ack",   "paws-drop",     "checksum-drop",
                                       "out-of-window", "zero-window",   "slow-reader",
                                       "silly-window",  "rcvbuf-limited"};
  const enum recording_side near =
      target->sender == RECORDING_SERVER ? RECORDING_CLIENT : RECORDING_SERVER;
  bool at_it = false;
  recording_nearest(recording, near, &at_it);
  if (recording->point_count != 1 || !at_it)
    return false;
  for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
    if (strcmp(causes[i], target->cause) == 0) {
      snprintf(why, 160, "the trace was taken at the data receiver, and shows what it was sent");
      return true;
    }
  return false;
}

const struct replay_way replay_way_sender = {
    .name = "sender",
    .purpose = "the data receiver is a live kernel, the sender and the path are played",
    .judged = true,
    .suits = suits,
    .run = run_sender};
