#include "cli/metrics_watch.h"

#include "cli/monitor.h"
#include "wire/timestamp.h"

#include <stdlib.h>

/* That a wait is over is known a little later than it is, and counters cannot go back: as long as
 * it lasts, so much of it is not counted yet. */
#define LAG_NS (500 * NS_PER_MS)

/* A wait that was told and is not over. */
struct open_stall {
  uint32_t id, connection; /* id 0 = free */
  enum location location;
  int64_t told_ns, waited_ns; /* when it was told last, and how long it had lasted by then */
  int64_t counted_ns;         /* of its time, given to locations */
};

struct metrics_watch {
  struct metrics *shared; /* the server's process can write there, too: nothing goes by it */
  uint32_t ends;
  struct flight_watcher hooks;
  struct open_stall open[MONITOR_STALLS_MAX];
  int64_t now_ns;
};

/* This process alone writes: nothing is lost between load and store. */
static void add(metrics_number *number, uint64_t more)
{
  atomic_fetch_add_explicit(number, more, memory_order_relaxed);
}

static void set(metrics_number *number, uint64_t value)
{
  atomic_store_explicit(number, value, memory_order_relaxed);
}

static void on_frame(void *context, uint32_t end, const struct frame *frame)
{
  const struct metrics_watch *watch = context;
  struct metrics *shared = watch->shared;
  if (end >= watch->ends)
    return;
  add(&shared->end[end].packets, 1);
  add(&shared->end[end].bytes, frame->original_bytes);
}

static struct open_stall *find(struct metrics_watch *watch, uint32_t id)
{
  for (uint32_t i = 0; i < MONITOR_STALLS_MAX; i++)
    if (watch->open[i].id == id)
      return &watch->open[i];
  return NULL;
}

/* Time up to there is given to who holds it up now. */
static void count(struct metrics_watch *watch, struct open_stall *stall, int64_t waited_ns)
{
  if (waited_ns <= stall->counted_ns)
    return;
  add(&watch->shared->stall_ns[stall->location], (uint64_t)(waited_ns - stall->counted_ns));
  stall->counted_ns = waited_ns;
}

static void note(struct metrics_watch *watch, const struct monitor_event *event)
{
  const struct finding *finding = event->finding;
  struct open_stall *stall = find(watch, event->id);
  if (stall == NULL && finding->location != LOCATION_NONE) {
    stall = find(watch, 0);
    if (stall != NULL)
      *stall = (struct open_stall){.id = event->id, .connection = event->connection};
  }
  if (stall == NULL)
    return;
  stall->location = finding->location;
  stall->told_ns = watch->now_ns;
  stall->waited_ns = time_is_valid(finding->waited_ns) ? finding->waited_ns : 0;
  if (finding->state != FINDING_CLOSED)
    return;
  if (finding->location != LOCATION_NONE)
    count(watch, stall, stall->waited_ns);
  stall->id = 0;
}

static void on_event(void *context, const struct monitor_event *event)
{
  struct metrics_watch *watch = context;
  const struct finding *finding = event->finding;
  const bool over = finding->state == FINDING_CLOSED;
  if (over && finding->location != LOCATION_NONE) /* else it turned out to be nothing */
    add(&watch->shared
             ->findings[finding->kind][finding->severity][finding->location][finding->cause],
        1);
  if (finding->kind == FINDING_STALL)
    note(watch, event);
}

/* A connection of which both directions wait for the same counts once. */
static bool is_counted(const struct metrics_watch *watch, uint32_t index)
{
  const struct open_stall *stall = &watch->open[index];
  for (uint32_t i = 0; i < index; i++)
    if (watch->open[i].id != 0 && watch->open[i].connection == stall->connection &&
        watch->open[i].location == stall->location)
      return true;
  return false;
}

static void tell_open(struct metrics_watch *watch)
{
  uint64_t stalled[LOCATION_COUNT] = {0};
  for (uint32_t i = 0; i < MONITOR_STALLS_MAX; i++) {
    struct open_stall *stall = &watch->open[i];
    if (stall->id == 0)
      continue;
    stalled[stall->location] += !is_counted(watch, i);
    if (stall->told_ns == 0) /* before the first tick */
      stall->told_ns = watch->now_ns;
    count(watch, stall, stall->waited_ns + (watch->now_ns - stall->told_ns) - LAG_NS);
  }
  for (int i = 0; i < LOCATION_COUNT; i++)
    set(&watch->shared->stalled[i], stalled[i]);
}

static void tell_limits(const struct metrics_watch *watch, struct monitor *monitor)
{
  struct metrics *shared = watch->shared;
  struct analyzer_stats sum = {.connections = 0}, stats;
  struct monitor_stats own;
  for (uint32_t end = 0; end < watch->ends; end++) {
    monitor_get_end_stats(monitor, end, &stats);
    set(&shared->end[end].connections, stats.connections);
    sum.connections_retired += stats.connections_retired;
    sum.half_open_forgotten += stats.half_open_forgotten;
    sum.segments_forgotten += stats.segments_forgotten;
  }
  monitor_get_stats(monitor, &own);
  set(&shared->limits[METRICS_LIMIT_CONNECTIONS], sum.connections_retired);
  set(&shared->limits[METRICS_LIMIT_HALF_OPEN], sum.half_open_forgotten);
  set(&shared->limits[METRICS_LIMIT_IN_FLIGHT], sum.segments_forgotten);
  set(&shared->limits[METRICS_LIMIT_STALLS], own.stalls_left_out);
  set(&shared->limits[METRICS_LIMIT_MEMORY], own.out_of_memory);
}

static void on_tick(void *context, const struct flight_now *now)
{
  struct metrics_watch *watch = context;
  struct metrics *shared = watch->shared;
  watch->now_ns = now->now_ns;
  tell_open(watch);
  tell_limits(watch, now->monitor);
  for (uint32_t end = 0; end < watch->ends; end++)
    set(&shared->end[end].dropped, recorder_dropped(now->recorder, end));
  set(&shared->recordings, now->totals->recordings);
  set(&shared->kicks, now->totals->kicks);
  if (now->now_ns > 0)
    set(&shared->updated_ns, (uint64_t)now->now_ns);
}

struct metrics_watch *metrics_watch_new(struct metrics *shared)
{
  struct metrics_watch *watch = calloc(1, sizeof *watch);
  if (watch == NULL)
    return NULL;
  watch->shared = shared;
  watch->ends = shared->ends < METRICS_ENDS_MAX ? shared->ends : METRICS_ENDS_MAX;
  watch->hooks = (struct flight_watcher){
      .context = watch, .frame = on_frame, .event = on_event, .tick = on_tick};
  return watch;
}

void metrics_watch_free(struct metrics_watch *watch)
{
  free(watch);
}

const struct flight_watcher *metrics_watch_hooks(struct metrics_watch *watch)
{
  return &watch->hooks;
}
