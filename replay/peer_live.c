#include "replay/peer_live.h"

#include "replay/apps.h"
#include "replay/hosts.h"
#include "replay/lateness.h"
#include "replay/live_capture.h"
#include "replay/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define INTERFACE    "tapA"
#define NEAR_NUMBER  1 /* of its address */
#define FAR_NUMBER   2
#define HEADER_V4    40 /* IPv4 and TCP: the MSS is that less than the MTU */
#define HEADER_V6    60
#define MTU_ETHERNET 1500
#define MTU_MAX      9000
#define RING_FRAMES  5000
#define FRAME_MAX    65600
/* What is due sooner is waited for awake: sleeping and waking up takes about as long. */
#define AWAKE_NS (100 * NS_PER_US)
#define PRIORITY 10 /* of SCHED_RR, where that is allowed */
/* The longest sleep: then it is looked whether all is over. */
#define GLANCE_NS (50 * NS_PER_MS)
/* Frames read before time is looked at again. */
#define BURST_FRAMES 64

struct peer_live {
  const struct replay_job *job;
  struct replay_outcome *outcome;
  struct plan *plan; /* owned */
  enum plan_host near;
  int netns;
  struct live_host host;
  struct frame_builder *builder; /* owned */
  struct live_capture capture;
  struct live_apps *apps; /* owned */
  enum live_apps_end apps_end;
  int done[2];       /* a pipe: the application has ended */
  volatile int stop; /* tells it to */
  int64_t start_ns;  /* CLOCK_MONOTONIC */
  struct lateness lateness;
  uint8_t frame[FRAME_MAX];
};

static int64_t clock_ns(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

static int64_t now_ns(const struct peer_live *live)
{
  return clock_ns() - live->start_ns;
}

/* ---- host ---- */

static struct live_host_options host_options(const struct peer_live *live)
{
  const struct plan_side *side = &live->plan->sides[live->near];
  const uint32_t header = live->plan->ip_version == 6 ? HEADER_V6 : HEADER_V4;
  struct live_host_options options = {.interface = INTERFACE,
                                      .ip_version = live->plan->ip_version,
                                      .address =
                                          live_host_address(live->plan->ip_version, NEAR_NUMBER),
                                      .peer = live_host_address(live->plan->ip_version, FAR_NUMBER),
                                      .mtu = MTU_ETHERNET,
                                      .window_scaling = side->window_scaling,
                                      .timestamps = side->timestamps,
                                      .sack = side->sack,
                                      .old_pacing = live->plan->old_pacing,
                                      .ring_frames = RING_FRAMES};
  for (int host = 0; host < PLAN_HOSTS; host++)
    if (live->plan->sides[host].mss + header > options.mtu)
      options.mtu = live->plan->sides[host].mss + header;
  if (options.mtu > MTU_MAX)
    options.mtu = MTU_MAX;
  /* The scale follows from the largest buffer that the kernel may give: the middle of its range. */
  if (side->window_scaling && side->receive_buffer_bytes == 0)
    options.receive_max_bytes = 49152U << (side->wscale > 14 ? 14 : side->wscale);
  live_host_mac(NEAR_NUMBER, options.mac);
  live_host_mac(FAR_NUMBER, options.peer_mac);
  return options;
}

static int make(struct peer_live *live, enum recording_side near, struct error *error)
{
  live->plan = plan_extract(live->job->recording, live->job->congestion_control, error);
  if (live->plan == NULL)
    return ERROR_UNSUPPORTED;
  live->near = plan_host_of(live->plan, near);
  live->builder = frame_builder_new(error);
  if (live->builder == NULL)
    return ERROR_MEMORY;
  if (pipe2(live->done, O_CLOEXEC) != 0)
    return error_set(error, ERROR_IO, "pipe: %s", strerror(errno));
  const struct live_host_options options = host_options(live);
  const int result = netns_make(&live->netns, 1, error);
  return result == 0 ? live_host_make(&live->host, live->netns, &options, error) : result;
}

struct peer_live *peer_live_new(const struct replay_job *job, enum recording_side near,
                                struct replay_outcome *outcome, struct error *error)
{
  struct peer_live *live = calloc(1, sizeof *live);
  if (live == NULL) {
    error_set(error, ERROR_MEMORY, "out of memory");
    return NULL;
  }
  live->job = job;
  live->outcome = outcome;
  live->netns = -1;
  live->done[0] = live->done[1] = -1;
  if (make(live, near, error) == 0)
    return live;
  peer_live_free(live);
  return NULL;
}

void peer_live_free(struct peer_live *live)
{
  if (live == NULL)
    return;
  live_apps_free(live->apps);
  frame_builder_free(live->builder);
  plan_free(live->plan);
  for (int i = 0; i < 2; i++)
    if (live->done[i] >= 0)
      close(live->done[i]);
  free(live);
}

bool peer_live_relieve(struct peer_live *live)
{
  bool changed = false;
  for (uint32_t i = 0; i < live->plan->condition_count; i++) {
    struct plan_condition *condition = &live->plan->conditions[i];
    if (condition->kind == CONDITION_RULE || condition->host != live->near || !condition->suspected)
      continue;
    condition->off = changed = true;
  }
  return changed;
}

void peer_live_link(const struct peer_live *live, struct peer_link *link)
{
  const struct plan *plan = live->plan;
  *link = (struct peer_link){.builder = live->builder,
                             .ends = {.ip_version = plan->ip_version,
                                      .src = live_host_address(plan->ip_version, FAR_NUMBER),
                                      .dst = live_host_address(plan->ip_version, NEAR_NUMBER),
                                      .ttl = 64},
                             .far_port = plan->sides[plan_other(live->near)].port,
                             .near_port = plan->sides[live->near].port};
  live_host_mac(FAR_NUMBER, link->ends.ether_src);
  live_host_mac(NEAR_NUMBER, link->ends.ether_dst);
}

/* ---- the loop ---- */

static void emit(void *context, const uint8_t *bytes, uint32_t size, int64_t due_ns)
{
  struct peer_live *live = context;
  ssize_t written = 0;
  do
    written = write(live->host.tap.descriptor, bytes, size);
  while (written < 0 && errno == EINTR);
  lateness_add(&live->lateness, now_ns(live) - due_ns);
  live->outcome->frames_sent++;
  live->outcome->write_failures += written < 0;
}

struct peer_emitter peer_live_emitter(struct peer_live *live)
{
  return (struct peer_emitter){live, emit};
}

/* Returns false if the device is gone. */
static bool receive(struct peer_live *live, const struct peer_player *player)
{
  for (int i = 0; i < BURST_FRAMES; i++) {
    const ssize_t size = read(live->host.tap.descriptor, live->frame, sizeof live->frame);
    if (size <= 0)
      return size < 0 && (errno == EAGAIN || errno == EINTR);
    player->frame(player->context, live->frame, (uint32_t)size, now_ns(live));
  }
  return true;
}

static void wait_for_frames(struct peer_live *live, int64_t due_ns, bool app_over,
                            struct pollfd wanted[2])
{
  const int64_t left_ns = due_ns == INT64_MAX ? GLANCE_NS : due_ns - now_ns(live) - AWAKE_NS;
  const int64_t wait_ns = left_ns < 0 ? 0 : left_ns > GLANCE_NS ? GLANCE_NS : left_ns;
  const struct timespec time = {wait_ns / NS_PER_S, wait_ns % NS_PER_S};
  wanted[0] = (struct pollfd){.fd = live->host.tap.descriptor, .events = POLLIN};
  wanted[1] = (struct pollfd){.fd = app_over ? -1 : live->done[0], .events = POLLIN};
  if (ppoll(wanted, 2, &time, NULL) < 0)
    wanted[0].revents = wanted[1].revents = 0;
}

/* The application may have ended with bytes in its socket that the kernel still sends. */
static bool is_over(const struct peer_live *live, const struct peer_player *player, bool app_over)
{
  const int64_t now = now_ns(live);
  if (live->job->stop != NULL && *live->job->stop != 0)
    return true;
  return app_over && (now >= live->plan->limit_ns || player->is_finished(player->context, now));
}

static int carry(struct peer_live *live, const struct peer_player *player, struct error *error)
{
  struct pollfd wanted[2];
  bool app_over = false;
  do {
    wait_for_frames(live, player->next_ns(player->context), app_over, wanted);
    if (wanted[0].revents != 0 && !receive(live, player))
      return error_set(error, ERROR_IO, "the TAP device is gone");
    player->advance(player->context, now_ns(live));
    app_over = app_over || wanted[1].revents != 0;
  } while (!is_over(live, player, app_over));
  return 0;
}

/* ---- the run ---- */

static void *run_apps(void *context)
{
  struct peer_live *live = context;
  live->apps_end = live_apps_run(live->apps, &live->stop);
  if (write(live->done[1], "", 1) != 1)
    live->apps_end = LIVE_APPS_STOPPED;
  return NULL;
}

static int start(struct peer_live *live, struct error *error)
{
  const struct live_capture_end end = {live->host.tap.name, live->netns};
  struct live_apps_options apps = {
      .plan = live->plan, .netns = {-1, -1}, .congestion_control = live->job->congestion_control};
  apps.netns[live->near] = live->netns;
  apps.addresses[live->near] = live_host_address(live->plan->ip_version, NEAR_NUMBER);
  apps.addresses[plan_other(live->near)] = live_host_address(live->plan->ip_version, FAR_NUMBER);
  const int result = live_capture_start(&live->capture, live->job->program, live->job->record_path,
                                        &end, 1, error);
  if (result != 0)
    return result;
  live->apps = live_apps_new(&apps, error);
  return live->apps != NULL ? 0 : ERROR_IO;
}

static void tell(struct peer_live *live)
{
  struct replay_outcome *outcome = live->outcome;
  const int64_t drops = tap_ring_drops(&live->host.tap);
  outcome->end_count = 1;
  outcome->places[0] =
      live->plan->sides[live->near].opens ? RECORDED_AT_CLIENT : RECORDED_AT_SERVER;
  outcome->ring_drops = drops > 0 ? (uint64_t)drops : 0;
  outcome->lateness = (struct replay_lateness){
      live->lateness.count, lateness_percentile_ns(&live->lateness, 0.5),
      lateness_percentile_ns(&live->lateness, 0.99), live->lateness.max_ns};
  for (uint32_t i = 0; i < live->plan->assumption_count; i++)
    replay_note(outcome, "%s", live->plan->assumptions[i]);
  if (live->apps_end == LIVE_APPS_LIMIT)
    replay_note(outcome, "the run was ended after %.1f s with something still to do",
                time_to_s(live->plan->limit_ns));
  else if (live->apps_end == LIVE_APPS_BROKEN)
    replay_note(outcome, "the live connection was reset or given up");
}

int peer_live_run(struct peer_live *live, const struct peer_player *player, struct error *error)
{
  const struct sched_param priority = {.sched_priority = PRIORITY};
  pthread_t apps;
  int result = start(live, error);
  if (result != 0)
    return result;
  live->start_ns = clock_ns();
  if (pthread_create(&apps, NULL, run_apps, live) != 0)
    return error_set(error, ERROR_IO, "cannot start a thread");
  prctl(PR_SET_TIMERSLACK, 1UL);                                    /* ns */
  sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &priority); /* this thread alone */
  result = carry(live, player, error);
  live->stop = 1;
  pthread_join(apps, NULL);
  tell(live);
  const int stopped = live_capture_stop(&live->capture, error);
  return result == 0 ? stopped : result;
}

/* ---- what is told ---- */

void peer_live_tell(const struct replay_job *job, const struct recorded_finding *whole,
                    bool handshake, struct replay_outcome *outcome)
{
  const struct recorded_finding *target = job->target;
  if (!handshake)
    replay_note(outcome, "the handshake was not recorded: one was made up that fits the rest");
  if (whole != NULL && target != NULL &&
      (strcmp(whole->cause, target->cause) != 0 || strcmp(whole->location, target->location) != 0))
    replay_note(outcome,
                "one end is live: compared with what that end alone tells of the recording, "
                "which by both ends is %s, %s",
                whole->location, whole->cause);
}
