#include "cli/monitor_internal.h"
#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>

/* A verdict of both ends is not waited for longer than this: then the engine's own is told. With
 * the longest tick and the capture's own delay it stays well below a second. */
#define PATIENCE_NS (300 * NS_PER_MS)
#define RETRY_NS    (50 * NS_PER_MS)
/* What lasts is studied again after half of its length, within these. */
#define AGAIN_MIN_NS (500 * NS_PER_MS)
#define AGAIN_MAX_NS (10 * NS_PER_S)
/* Stalls that began within so long of each other are studied together: what stops one stream stops
 * others, and packets in memory are looked through once for all of them. */
#define TOGETHER_NS  NS_PER_S
#define TOGETHER_MAX WINDOW_CONNECTIONS_MAX
/* A first study waits so long for what else stops. */
#define GATHER_NS (60 * NS_PER_MS)
/* Studies take a tenth of a processor at the most, over some seconds: some 4 us a packet. What was
 * not spent in the last ones may be spent at once. */
#define STUDY_PAUSE_NS (40 * NS_PER_US)
#define SAVED_UP_NS    (2 * NS_PER_S)
/* What comes over a network may be so late. */
#define REMOTE_DELAY_NS (300 * NS_PER_MS)

static void release(struct stall *stall)
{
  free(stall->both);
  *stall = (struct stall){.id = 0};
}

static bool is_over(const struct stall *stall)
{
  return stall->over_ns != INT64_MAX;
}

int64_t monitor_end_clock_ns(const struct monitor *monitor, uint32_t end)
{
  if (!monitor->options.remote[end])
    return monitor->clock_ns;
  if (!time_is_valid(monitor->last_ns[end]))
    return TIME_INVALID;
  return monitor->last_ns[end] + (monitor->clock_ns - monitor->came_ns[end]) - REMOTE_DELAY_NS;
}

/* A time of that end on this host's clock, about. */
static int64_t here_ns(const struct monitor *monitor, uint32_t end, int64_t time_ns)
{
  const int64_t end_ns = monitor_end_clock_ns(monitor, end);
  return monitor->options.remote[end] && time_is_valid(end_ns)
             ? time_ns - end_ns - REMOTE_DELAY_NS + monitor->clock_ns
             : time_ns;
}

static int64_t start_ns(const struct monitor *monitor, const struct stall *stall)
{
  return here_ns(monitor, stall->own_end, stall->own.start_ns);
}

/* ---- telling what came of it ---- */

static int64_t again_ns(const struct stall *stall, int64_t now_ns)
{
  const int64_t half_ns = (now_ns - stall->noticed_ns) / 2;
  if (half_ns < AGAIN_MIN_NS)
    return now_ns + AGAIN_MIN_NS;
  return now_ns + (half_ns < AGAIN_MAX_NS ? half_ns : AGAIN_MAX_NS);
}

/* It was noticed away from the sender, whose own end would know. */
static bool is_hearsay(const struct stall *stall)
{
  const enum vantage vantage = stall->summary.vantage;
  return vantage == (stall->own.sender == SIDE_CLIENT ? VANTAGE_SERVER : VANTAGE_CLIENT);
}

/* What both ends said last, brought to its end. */
static void tell_last_of_both(struct monitor *monitor, struct stall *stall)
{
  struct finding *finding = &stall->both->finding;
  finding->end_ns += here_ns(monitor, stall->own_end, stall->own.end_ns) - stall->both_until_ns;
  finding->waited_ns = finding->end_ns - finding->start_ns;
  finding->ended_by = stall->own.ended_by;
  monitor_tell(monitor, stall, stall->both);
}

static bool is_impatient(const struct monitor *monitor, const struct stall *stall)
{
  return monitor->clock_ns - stall->noticed_ns >= PATIENCE_NS;
}

/* Both ends together say nothing of it, now: where several have seen the connection, one end's
 * engine is only believed if it stands at the sender, and after a while. */
static void tell_own(struct monitor *monitor, struct stall *stall, bool seen_by_several)
{
  const bool over = is_over(stall), impatient = is_impatient(monitor, stall);
  stall->due_ns = impatient ? again_ns(stall, monitor->clock_ns) : monitor->clock_ns + RETRY_NS;
  /* What one end alone makes of it, late, is nothing; before, it has to stand at the sender. */
  const bool believed = over ? stall->told : stall->both == NULL && impatient && !is_hearsay(stall);
  if (over && stall->both != NULL && seen_by_several)
    tell_last_of_both(monitor, stall);
  else if (believed || !seen_by_several)
    monitor_tell(monitor, stall, NULL);
}

/* Takes the verdict over. */
static void tell_both(struct monitor *monitor, struct stall *stall, struct study_verdict *verdict)
{
  if (stall->told || !monitor_was_told_already(monitor, stall, verdict))
    monitor_tell(monitor, stall, verdict);
  free(stall->both);
  stall->both = verdict;
  stall->both_until_ns = monitor->clock_ns;
  stall->due_ns = again_ns(stall, monitor->clock_ns);
}

/* ---- studying ---- */

/* Some stalls, all over or none of them. */
struct group {
  struct stall *stalls[TOGETHER_MAX];
  struct study_wait waits[TOGETHER_MAX];
  struct window_connection connections[TOGETHER_MAX];
  uint32_t count;
};

static bool belongs(const struct monitor *monitor, const struct stall *first,
                    const struct stall *other)
{
  const int64_t apart_ns = start_ns(monitor, other) - start_ns(monitor, first);
  return other == first ||
         (is_over(other) == is_over(first) && apart_ns <= TOGETHER_NS && apart_ns >= -TOGETHER_NS);
}

static bool is_due(const struct monitor *monitor, const struct stall *stall)
{
  return stall->id != 0 && (monitor->finishing || stall->due_ns <= monitor->clock_ns);
}

static void gather(struct monitor *monitor, struct stall *first, const bool *done,
                   struct group *group)
{
  group->stalls[0] = first;
  group->count = 1;
  for (uint32_t i = 0; i < MONITOR_STALLS_MAX && group->count < TOGETHER_MAX; i++) {
    struct stall *other = &monitor->stalls[i];
    if (!done[i] && other != first && is_due(monitor, other) && belongs(monitor, first, other))
      group->stalls[group->count++] = other;
  }
  for (uint32_t i = 0; i < group->count; i++) {
    const struct stall *stall = group->stalls[i];
    const int64_t now_ns = monitor_end_clock_ns(monitor, stall->own_end);
    group->connections[i] =
        (struct window_connection){.a = stall->sender,
                                   .b = stall->receiver,
                                   .start_ns = start_ns(monitor, stall),
                                   .end_ns = here_ns(monitor, stall->own_end, stall->own.end_ns)};
    group->waits[i] = (struct study_wait){.sender = stall->sender,
                                          .receiver = stall->receiver,
                                          .kind = stall->kind,
                                          .end = stall->own_end,
                                          .start_ns = stall->own.start_ns,
                                          .end_ns = is_over(stall) ? stall->own.end_ns : now_ns};
  }
}

/* Ends with the same boot id are on one host: the first of them names it. */
static uint32_t host_of(const struct monitor *monitor, uint32_t end)
{
  uint32_t first = 0;
  if (monitor->boot_ids[end][0] == '\0')
    return 0;
  while (strcmp(monitor->boot_ids[first], monitor->boot_ids[end]) != 0)
    first++;
  return first + 1;
}

static int study_part(struct monitor *monitor, struct group *group, const struct window_part *part)
{
  struct study study = {.ends = monitor->options.ends,
                        .samples = part->samples,
                        .sample_count = part->sample_count,
                        .min_stall_ns = monitor->options.min_stall_ns,
                        .waits = group->waits,
                        .wait_count = group->count,
                        .now_ns = monitor_end_clock_ns(monitor, 0),
                        .over = is_over(group->stalls[0])};
  uint64_t packets = 0;
  for (uint32_t end = 0; end < study.ends; end++) {
    study.lanes[end] = (struct study_lane){.packets = part->packets[end],
                                           .count = part->counts[end],
                                           .drops_known = monitor->drops_known[end],
                                           .drops = monitor->drops[end]};
    study.hosts[end] = host_of(monitor, end);
    packets += part->counts[end];
  }
  monitor->stats.studies++;
  monitor->stats.studied_packets += packets;
  if (monitor->study_free_ns < monitor->clock_ns - SAVED_UP_NS)
    monitor->study_free_ns = monitor->clock_ns - SAVED_UP_NS;
  monitor->study_free_ns += (int64_t)packets * STUDY_PAUSE_NS;
  return study_run(&study);
}

static uint32_t ends_that_saw(const struct monitor *monitor, const struct window_part *part)
{
  uint32_t saw = 0;
  for (uint32_t end = 0; end < monitor->options.ends; end++)
    saw += part->counts[end] > 0;
  return saw;
}

/* Fills in the waits' verdicts. Returns whether several ends were seeing anything. */
static bool study_group(struct monitor *monitor, struct group *group)
{
  struct window_wish wish = {.ends = monitor->options.ends,
                             .connections = group->connections,
                             .connection_count = group->count,
                             .from_ns = INT64_MAX,
                             .packets_max = monitor->options.limits.study_packets};
  for (uint32_t i = 0; i < group->count; i++) {
    const int64_t from_ns = group->connections[i].start_ns - monitor->options.limits.window_ns;
    if (from_ns < wish.from_ns)
      wish.from_ns = from_ns;
  }
  struct window_part part;
  int status = monitor_window_take(&monitor->window, &wish, &part);
  const bool several = status == 0 && ends_that_saw(monitor, &part) > 1;
  if (several)
    status = study_part(monitor, group, &part);
  window_part_free(&part);
  if (status < 0)
    monitor->stats.out_of_memory++;
  return several && status == 0;
}

/* Before it is said that one end alone has seen the connection: it may be that too little has come
 * yet to pair it. */
static bool may_be_paired_yet(const struct monitor *monitor, struct stall *stall)
{
  if (is_over(stall) || is_impatient(monitor, stall))
    return false;
  stall->due_ns = stall->noticed_ns + PATIENCE_NS;
  return true;
}

static void consider_group(struct monitor *monitor, struct group *group)
{
  const bool several = study_group(monitor, group);
  for (uint32_t i = 0; i < group->count; i++) {
    struct stall *stall = group->stalls[i];
    struct study_wait *wait = &group->waits[i];
    const bool over = is_over(stall);
    if (wait->verdict != NULL)
      tell_both(monitor, stall, wait->verdict);
    else if (several && wait->paired)
      tell_own(monitor, stall, true);
    else if (!several || !may_be_paired_yet(monitor, stall))
      tell_own(monitor, stall, false);
    if (over)
      release(stall);
  }
}

/* There is no time for a study now. */
static void put_off(struct monitor *monitor, struct stall *stall)
{
  if (!is_over(stall))
    tell_own(monitor, stall, true);
}

/* The sooner it was noticed the sooner: a first study is worth waiting a little for others. */
static bool waits_for_others(const struct monitor *monitor, const struct stall *stall)
{
  return !monitor->finishing && !stall->told && !is_over(stall) && stall->both == NULL &&
         monitor->clock_ns - stall->noticed_ns < GATHER_NS;
}

/* Who is behind with what was captured would lose packets by studying. */
static bool has_time(const struct monitor *monitor)
{
  return monitor->finishing || (!monitor->behind && monitor->clock_ns >= monitor->study_free_ns);
}

static void consider(struct monitor *monitor, uint32_t index, bool *done)
{
  struct stall *stall = &monitor->stalls[index];
  struct group *group = NULL;
  done[index] = true;
  if (monitor->options.ends == 1) {
    monitor_tell(monitor, stall, NULL);
    stall->due_ns = INT64_MAX;
    if (is_over(stall))
      release(stall);
  } else if (!has_time(monitor)) {
    put_off(monitor, stall);
  } else if ((group = calloc(1, sizeof *group)) != NULL) {
    gather(monitor, stall, done, group);
    for (uint32_t i = 0; i < group->count; i++)
      done[group->stalls[i] - monitor->stalls] = true;
    consider_group(monitor, group);
  }
  free(group);
}

/* Those first that have had no verdict of both ends yet: where many stop at once, there is not time
 * for all. */
void monitor_consider_all(struct monitor *monitor)
{
  bool done[MONITOR_STALLS_MAX] = {false};
  for (int round = 0; round < 2; round++)
    for (uint32_t i = 0; i < MONITOR_STALLS_MAX; i++) {
      const struct stall *stall = &monitor->stalls[i];
      if (!done[i] && is_due(monitor, stall) && !waits_for_others(monitor, stall) &&
          (stall->both == NULL || round == 1))
        consider(monitor, i, done);
    }
}
