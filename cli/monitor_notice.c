#include "cli/monitor_internal.h"
#include "wire/timestamp.h"

/* After the end of a wait so long for what follows it: the released burst, the answers. */
#define SETTLE_NS (300 * NS_PER_MS)

static bool is_of_stall(const struct stall *stall, uint8_t end, uint64_t connection,
                        uint32_t finding)
{
  const struct noticed *noticed = &stall->noticed[end];
  return stall->id != 0 && noticed->used && noticed->connection == connection &&
         noticed->finding == finding;
}

/* Another end's word about the same wait: it began there no more than a window apart. */
static bool is_seen_elsewhere(const struct stall *stall, uint8_t end, const struct finding *finding,
                              const struct endpoint *sender, const struct endpoint *receiver)
{
  return stall->id != 0 && !stall->noticed[end].used && stall->kind == finding->kind &&
         endpoint_equals(&stall->sender, sender) && endpoint_equals(&stall->receiver, receiver);
}

static struct stall *find_stall(struct monitor *monitor, uint8_t end, uint64_t connection,
                                const struct finding *finding, const struct endpoint *sender,
                                const struct endpoint *receiver)
{
  for (uint32_t i = 0; i < MONITOR_STALLS_MAX; i++)
    if (is_of_stall(&monitor->stalls[i], end, connection, finding->id))
      return &monitor->stalls[i];
  for (uint32_t i = 0; i < MONITOR_STALLS_MAX; i++)
    if (is_seen_elsewhere(&monitor->stalls[i], end, finding, sender, receiver))
      return &monitor->stalls[i];
  return NULL;
}

static struct stall *new_stall(struct monitor *monitor)
{
  for (uint32_t i = 0; i < MONITOR_STALLS_MAX; i++) {
    struct stall *stall = &monitor->stalls[i];
    if (stall->id != 0)
      continue;
    *stall = (struct stall){.id = ++monitor->last_id,
                            .noticed_ns = monitor->clock_ns,
                            .over_ns = INT64_MAX,
                            .due_ns = monitor->clock_ns};
    return stall;
  }
  monitor->stats.stalls_left_out++;
  return NULL;
}

static bool is_over_everywhere(const struct stall *stall)
{
  for (uint32_t end = 0; end < ANALYZER_ENDS_MAX; end++)
    if (stall->noticed[end].used && !stall->noticed[end].over)
      return false;
  return true;
}

/* The end that is surest of it speaks for itself; of equal ones the one that noticed it first. */
static void note(struct monitor *monitor, struct stall *stall, uint8_t end,
                 const struct connection_summary *summary, const struct finding *finding)
{
  struct noticed *noticed = &stall->noticed[end];
  const bool first = !stall->told && stall->own.evidence_count == 0 && stall->own.id == 0;
  *noticed = (struct noticed){true, finding->state == FINDING_CLOSED, summary->id, finding->id};
  if (first || end == stall->own_end || finding->confidence > stall->own.confidence) {
    stall->own_end = end;
    stall->own = *finding;
    stall->summary = *summary;
  }
  const int64_t now_ns = monitor->clock_ns;
  if (is_over_everywhere(stall)) {
    stall->over_ns = now_ns;
    stall->due_ns = now_ns + SETTLE_NS;
  } else if (stall->over_ns == INT64_MAX) {
    stall->due_ns = now_ns;
  }
}

void monitor_take_finding(void *context, const struct connection_summary *summary,
                          const struct finding *finding)
{
  const struct end_context *at = context;
  struct monitor *monitor = at->monitor;
  const bool client = finding->sender == SIDE_CLIENT;
  const struct endpoint *sender = client ? &summary->client : &summary->server;
  const struct endpoint *receiver = client ? &summary->server : &summary->client;
  struct stall *stall = find_stall(monitor, at->end, summary->id, finding, sender, receiver);
  if (stall == NULL && finding->severity != SEVERITY_PROBLEM)
    return;
  if (stall == NULL && (stall = new_stall(monitor)) != NULL) {
    stall->kind = finding->kind;
    stall->sender = *sender;
    stall->receiver = *receiver;
    stall->end = at->end;
    stall->connection = monitor_number_of(monitor, sender, receiver);
  }
  if (stall != NULL)
    note(monitor, stall, at->end, summary, finding);
}
