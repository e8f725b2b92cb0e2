#include "replay/apps.h"
#include "replay/emulator.h"
#include "replay/hosts.h"
#include "replay/hosts_queue.h"
#include "replay/live_capture.h"
#include "replay/netns.h"
#include "replay/plan.h"
#include "replay/plan_text.h"
#include "replay/way.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

/* The way `path`: two live hosts, and the path between them as the plan says.
 *
 * Threads: this one carries the frames (emulator.h), one runs both applications (apps.h), and, if
 * a transmit queue has to hold, one waits to let it go. What is recorded is recorded by a child
 * process. */

#define LINK_HEADER_BYTES    40 /* IPv4 and TCP without options: the MSS is that less than the MTU */
#define LINK_HEADER_BYTES_V6 60
#define MTU_MIN              576
#define MTU_MIN_V6           1280
#define MTU_MAX              9000
#define RING_FRAMES          5000
/* How long the queue is slow before its rate is restored: TCP must have handed down by then all
 * that the ACKs under way allow. */
#define QUEUE_SLOW_NS     (100 * NS_PER_MS)
#define QUEUE_SLOW_ROUNDS 3
/* Rules of conditions that last a while: this and the index of the condition. */
#define SPELL_LINES 0x40000000u

struct running {
  const struct replay_job *job;
  const struct plan *plan;
  struct replay_outcome *outcome;
  struct ip_address addresses[PLAN_HOSTS];
  int netns[PLAN_HOSTS];
  struct live_host hosts[PLAN_HOSTS];
  struct live_capture capture;
  struct live_apps *apps;
  enum live_apps_end apps_end;
  int signal_pipe[2]; /* what the emulator takes for its signalfd */
  volatile int stop;
  /* the queue that holds */
  const struct plan_condition *hold; /* NULL: none */
  uint32_t hold_line;                /* of the rule that tells when it begins */
  int hold_pipe[2];
  volatile int queue_stopped;
  struct scenario scenario;
};

/* ---- hosts ---- */

static uint32_t mtu_of(const struct plan *plan)
{
  const bool v4 = plan->ip_version == 4;
  const uint32_t header = v4 ? LINK_HEADER_BYTES : LINK_HEADER_BYTES_V6;
  const uint32_t least = v4 ? MTU_MIN : MTU_MIN_V6;
  const uint32_t a = plan->sides[PLAN_A].mss, b = plan->sides[PLAN_B].mss;
  uint32_t mtu = 1500;
  if (a > 1500 - header || b > 1500 - header)
    mtu = (a > b ? a : b) + header;
  mtu = mtu > MTU_MAX ? MTU_MAX : mtu;
  return mtu < least ? least : mtu;
}

/* A scale follows from the largest buffer that the kernel may give: the middle of the range. */
static uint32_t receive_max(const struct plan_side *side)
{
  return side->window_scaling && side->receive_buffer_bytes == 0 ? 49152U << side->wscale : 0;
}

static int make_hosts(struct running *running, struct error *error)
{
  const struct plan *plan = running->plan;
  int result = netns_make(running->netns, PLAN_HOSTS, error);
  for (int host = 0; host < PLAN_HOSTS && result == 0; host++) {
    const struct plan_side *side = &plan->sides[host];
    const int other = host == PLAN_A ? PLAN_B : PLAN_A;
    struct live_host_options options = {.interface = host == PLAN_A ? "tapA" : "tapB",
                                        .ip_version = plan->ip_version,
                                        .mtu = mtu_of(plan),
                                        .window_scaling = side->window_scaling,
                                        .timestamps = side->timestamps,
                                        .sack = side->sack,
                                        .receive_max_bytes = receive_max(side),
                                        .old_pacing = plan->old_pacing,
                                        .ring_frames = RING_FRAMES};
    running->addresses[host] = live_host_address(plan->ip_version, (uint8_t)(host + 1));
    running->addresses[other] = live_host_address(plan->ip_version, (uint8_t)(other + 1));
    options.address = running->addresses[host];
    options.peer = running->addresses[other];
    live_host_mac((uint8_t)(host + 1), options.mac);
    live_host_mac((uint8_t)(other + 1), options.peer_mac);
    result = live_host_make(&running->hosts[host], running->netns[host], &options, error);
    if (result == 0 && side->route_condition != PLAN_NO_CONDITION &&
        !plan_is_off(plan, side->route_condition))
      result = live_host_route(&running->hosts[host], plan->ip_version, &options.peer,
                               side->route_rto_min_ns, error);
    if (result == 0 && side->listen_full_ns > 0)
      result = live_host_loopback(&running->hosts[host], error);
  }
  return result;
}

/* ---- the queue that holds ---- */

static const struct plan_condition *find_hold(const struct plan *plan)
{
  for (uint32_t i = 0; i < plan->condition_count; i++)
    if (plan->conditions[i].kind == CONDITION_QUEUE_HOLD && !plan->conditions[i].off)
      return &plan->conditions[i];
  return NULL;
}

static void pause_ns(int64_t ns)
{
  struct timespec time = {ns / NS_PER_S, ns % NS_PER_S};
  while (nanosleep(&time, &time) < 0 && errno == EINTR)
    ;
}

/* In the emulator's thread, as the rule of a condition begins or ends. */
static void on_spell(struct running *running, const struct path_act *act)
{
  if (act->rule == NULL || act->rule->line < SPELL_LINES ||
      act->rule->line - SPELL_LINES >= running->plan->condition_count)
    return;
  const struct plan_condition *condition =
      &running->plan->conditions[act->rule->line - SPELL_LINES];
  const bool begins = strcmp(act->name, "begin") == 0;
  struct error error;
  if (!begins && strcmp(act->name, "end") != 0)
    return;
  if (condition->kind == CONDITION_DEAF)
    live_apps_deafen(running->apps, condition->host, begins);
  else if (begins &&
           live_host_forget(&running->hosts[condition->host], running->plan->ip_version,
                            &running->addresses[plan_other(condition->host)], &error) != 0)
    replay_note(running->outcome, "%s", error.text);
}

/* In the emulator's thread, when the byte passes: each microsecond lets more segments go. */
static void on_act(void *context, const struct path_act *act)
{
  struct running *running = context;
  on_spell(running, act);
  if (running->hold == NULL || act->rule == NULL || act->rule->line != running->hold_line ||
      strcmp(act->name, "begin") != 0)
    return;
  struct error error;
  const char result = hosts_queue_slow(&running->hosts[running->hold->host], &error) == 0 ? 1 : 0;
  running->queue_stopped = 1;
  if (write(running->hold_pipe[1], &result, 1) != 1 || result == 0)
    replay_note(running->outcome, "the transmit queue could not be stopped");
}

/* Restores the rate, which changes nothing, and sends the packet that sets the queue going. */
static void *keep_hold(void *context)
{
  struct running *running = context;
  const struct plan_condition *hold = running->hold;
  const struct live_host *host = &running->hosts[hold->host];
  const int64_t round_ns = running->plan->delay_ns[0] + running->plan->delay_ns[1];
  int64_t slow_ns = QUEUE_SLOW_NS + QUEUE_SLOW_ROUNDS * round_ns;
  struct error error;
  char slowed = 0;
  if (read(running->hold_pipe[0], &slowed, 1) != 1 || slowed == 0)
    return NULL;
  slow_ns = slow_ns > hold->hold.for_ns / 2 ? hold->hold.for_ns / 2 : slow_ns;
  pause_ns(slow_ns);
  if (hosts_queue_restore(host, &error) != 0)
    replay_note(running->outcome, "%s", error.text);
  pause_ns(hold->hold.for_ns - slow_ns);
  if (live_host_ping(host, running->plan->ip_version, &running->addresses[plan_other(hold->host)],
                     &error) != 0)
    replay_note(running->outcome, "%s", error.text);
  return NULL;
}

/* ---- scenario ---- */

/* One more rule, of a line that no file has. */
static int add_rule(struct running *running, uint32_t number, const char *line, struct error *error)
{
  struct scenario extra;
  if (running->scenario.rule_count == SCENARIO_RULES_MAX)
    return error_set(error, ERROR_LIMIT, "the scenario has no room for one more rule");
  const int result = scenario_parse(&extra, line, strlen(line), error);
  if (result != 0)
    return result;
  extra.rules[0].line = number;
  running->scenario.rules[running->scenario.rule_count++] = extra.rules[0];
  return 0;
}

/* A rule that tells when a condition begins and ends. */
static int add_spell(struct running *running, uint32_t index, struct error *error)
{
  const struct plan_condition *condition = &running->plan->conditions[index];
  const bool neighbour = condition->kind == CONDITION_NEIGHBOUR;
  char line[192];
  if (condition->off || (condition->kind != CONDITION_DEAF && !neighbour))
    return 0;
  snprintf(line, sizeof line, "%s %s from=%s for=%lldus log=none",
           condition->host == PLAN_A ? "ab" : "ba", neighbour ? "drop kind=arp" : "delay 0",
           condition->spell.from, (long long)(condition->spell.for_ns / NS_PER_US));
  return add_rule(running, SPELL_LINES + index, line, error);
}

static int read_scenario(struct running *running, struct error *error)
{
  char *text = plan_scenario(running->plan);
  if (text == NULL)
    return error_set(error, ERROR_MEMORY, "out of memory");
  int result = scenario_parse(&running->scenario, text, strlen(text), error);
  free(text);
  for (uint32_t i = 0; i < running->plan->condition_count && result == 0; i++)
    result = add_spell(running, i, error);
  running->hold = find_hold(running->plan);
  if (result != 0 || running->hold == NULL)
    return result;
  /* A rule that does nothing, but begins when the byte has passed. */
  char line[128];
  const char *direction = running->hold->host == PLAN_A ? "ab" : "ba";
  snprintf(line, sizeof line, "%s delay 0 from=byte:%s:%lld log=none", direction, direction,
           (long long)running->hold->hold.byte);
  running->hold_line = UINT32_MAX;
  return add_rule(running, running->hold_line, line, error);
}

/* ---- the run ---- */

static void *run_apps(void *context)
{
  struct running *running = context;
  running->apps_end = live_apps_run(running->apps, &running->stop);
  const struct signalfd_siginfo end = {.ssi_signo = SIGTERM};
  if (write(running->signal_pipe[1], &end, sizeof end) != (ssize_t)sizeof end)
    running->stop = 1;
  return NULL;
}

static int carry(struct running *running, struct error *error)
{
  FILE *nowhere = fopen("/dev/null", "we");
  struct truth_log *log = nowhere != NULL ? truth_log_new(nowhere) : NULL;
  struct emulator_totals *totals = calloc(1, sizeof *totals);
  const struct emulator_options options = {
      .scenario = &running->scenario,
      .taps = {&running->hosts[PLAN_A].tap, &running->hosts[PLAN_B].tap},
      .log = log,
      .signals = running->signal_pipe[0],
      .on_act = on_act,
      .context = running,
      .totals = totals};
  int result = log != NULL && totals != NULL ? emulator_run(&options, error)
                                             : error_set(error, ERROR_MEMORY, "out of memory");
  if (result == 0 && totals != NULL) {
    struct replay_outcome *outcome = running->outcome;
    outcome->lateness = (struct replay_lateness){
        totals->lateness.count, lateness_percentile_ns(&totals->lateness, 0.5),
        lateness_percentile_ns(&totals->lateness, 0.99), totals->lateness.max_ns};
    for (int direction = 0; direction < PATH_DIRECTIONS; direction++) {
      outcome->frames_sent += totals->path.frames_out[direction];
      outcome->write_failures += totals->write_failures[direction];
      outcome->ring_drops +=
          totals->ring_drops[direction] > 0 ? (uint64_t)totals->ring_drops[direction] : 0;
    }
  }
  free(totals);
  truth_log_free(log);
  if (nowhere != NULL)
    fclose(nowhere);
  return result;
}

static int run_threads(struct running *running, struct error *error)
{
  pthread_t apps, hold;
  bool has_hold = false;
  if (pthread_create(&apps, NULL, run_apps, running) != 0)
    return error_set(error, ERROR_IO, "cannot start a thread");
  if (running->hold != NULL)
    has_hold = pthread_create(&hold, NULL, keep_hold, running) == 0;
  const int result = carry(running, error);
  running->stop = 1;
  pthread_join(apps, NULL);
  if (has_hold) {
    const char none = 0; /* if it never began */
    if (write(running->hold_pipe[1], &none, 1) == 1)
      pthread_join(hold, NULL);
  }
  return result;
}

static void tell_end(struct running *running)
{
  struct replay_outcome *outcome = running->outcome;
  outcome->end_count = PLAN_HOSTS;
  for (int host = 0; host < PLAN_HOSTS; host++)
    outcome->places[host] =
        running->plan->sides[host].opens ? RECORDED_AT_CLIENT : RECORDED_AT_SERVER;
  if (running->apps_end == LIVE_APPS_LIMIT)
    replay_note(outcome, "the run was ended after %.1f s with something still to do",
                time_to_s(running->plan->limit_ns));
  else if (running->apps_end == LIVE_APPS_BROKEN)
    replay_note(outcome, "the live connection was reset or given up");
}

static int start(struct running *running, struct error *error)
{
  const struct live_capture_end ends[PLAN_HOSTS] = {
      {running->hosts[PLAN_A].tap.name, running->netns[PLAN_A]},
      {running->hosts[PLAN_B].tap.name, running->netns[PLAN_B]}};
  const struct live_apps_options apps = {
      .plan = running->plan,
      .netns = {running->netns[PLAN_A], running->netns[PLAN_B]},
      .addresses = {running->addresses[PLAN_A], running->addresses[PLAN_B]},
      .congestion_control = running->job->congestion_control,
      .queue_stopped = find_hold(running->plan) != NULL ? &running->queue_stopped : NULL};
  int result = read_scenario(running, error);
  if (result == 0 && running->hold != NULL)
    result = hosts_queue_make(&running->hosts[running->hold->host], error);
  if (result == 0 &&
      (pipe2(running->signal_pipe, O_CLOEXEC) != 0 || pipe2(running->hold_pipe, O_CLOEXEC) != 0))
    result = error_set(error, ERROR_IO, "pipe: %s", strerror(errno));
  if (result == 0)
    result = live_capture_start(&running->capture, running->job->program, running->job->record_path,
                                ends, PLAN_HOSTS, error);
  if (result == 0) {
    running->apps = live_apps_new(&apps, error);
    result = running->apps != NULL ? 0 : ERROR_IO;
  }
  return result;
}

static int run_path(const struct replay_job *job, struct replay_outcome *outcome,
                    struct error *error)
{
  struct running *running = calloc(1, sizeof *running);
  struct plan *plan = job->plan;
  if (running == NULL)
    return error_set(error, ERROR_MEMORY, "out of memory");
  for (uint32_t i = 0; job->control && i < plan->condition_count; i++)
    plan->conditions[i].off = plan->conditions[i].off || plan->conditions[i].suspected;
  outcome->control_same = job->control && plan_suspected_count(plan) == 0;
  if (outcome->control_same) {
    free(running);
    return 0;
  }
  running->job = job;
  running->plan = plan;
  running->outcome = outcome;
  int result = make_hosts(running, error);
  if (result == 0)
    result = start(running, error);
  if (result == 0)
    result = run_threads(running, error);
  if (result == 0)
    result = live_capture_stop(&running->capture, error);
  if (result == 0)
    tell_end(running);
  live_apps_free(running->apps);
  free(running); /* devices and namespaces go with this process */
  return result;
}

static bool suits(const struct recording *recording, const struct recorded_finding *target,
                  char *why)
{
  (void)target;
  snprintf(why, 160, "%s",
           recording->point_count > 1 ? "the trace has both ends"
                                      : "what the other end would show is assumed");
  return true;
}

const struct replay_way replay_way_path = {
    .name = "path",
    .purpose = "both ends are live kernels, the path between them is played",
    .judged = true,
    .suits = suits,
    .run = run_path};
