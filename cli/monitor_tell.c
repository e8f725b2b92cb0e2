#include "cli/monitor_internal.h"
#include "wire/timestamp.h"

/* Two waits that have so much of the shorter one in common are the same. */
#define SAME_WAIT_PERCENT 80

uint32_t monitor_number_of(struct monitor *monitor, const struct endpoint *a,
                           const struct endpoint *b)
{
  for (uint32_t i = 0; i < CONNECTIONS_KNOWN && i < monitor->connections; i++) {
    const struct known_connection *known = &monitor->known[i];
    if ((endpoint_equals(&known->a, a) && endpoint_equals(&known->b, b)) ||
        (endpoint_equals(&known->a, b) && endpoint_equals(&known->b, a)))
      return known->number;
  }
  const uint32_t number = ++monitor->connections;
  monitor->known[(number - 1) % CONNECTIONS_KNOWN] = (struct known_connection){*a, *b, number};
  return number;
}

static bool says_the_same(const struct finding *a, const struct finding *b)
{
  return a->location == b->location && a->cause == b->cause && a->confidence == b->confidence &&
         a->cause_confidence == b->cause_confidence && a->severity == b->severity;
}

static struct past past_of(const struct stall *stall, const struct finding *finding,
                           const struct endpoint *sender)
{
  return (struct past){.connection = stall->connection,
                       .kind = finding->kind,
                       .sender = *sender,
                       .start_ns = finding->start_ns,
                       .end_ns = finding->end_ns};
}

static bool is_same_wait(const struct past *a, const struct past *b)
{
  const int64_t from_ns = a->start_ns > b->start_ns ? a->start_ns : b->start_ns;
  const int64_t until_ns = a->end_ns < b->end_ns ? a->end_ns : b->end_ns;
  const int64_t a_ns = a->end_ns - a->start_ns, b_ns = b->end_ns - b->start_ns;
  return a->connection == b->connection && a->kind == b->kind && until_ns >= from_ns &&
         endpoint_equals(&a->sender, &b->sender) &&
         time_is_share(until_ns - from_ns, a_ns < b_ns ? a_ns : b_ns, SAME_WAIT_PERCENT);
}

bool monitor_was_told_already(const struct monitor *monitor, const struct stall *stall,
                              const struct study_verdict *verdict)
{
  const struct connection_summary *summary = &verdict->connection;
  const struct past now =
      past_of(stall, &verdict->finding,
              verdict->finding.sender == SIDE_CLIENT ? &summary->client : &summary->server);
  for (uint32_t i = 0; i < PAST_MAX; i++)
    if (monitor->past[i].connection != 0 && is_same_wait(&monitor->past[i], &now))
      return true;
  for (uint32_t i = 0; i < MONITOR_STALLS_MAX; i++) {
    const struct stall *other = &monitor->stalls[i];
    if (other == stall || other->id == 0 || !other->told)
      continue;
    const struct past told = past_of(other, &other->last, &other->sender);
    if (is_same_wait(&told, &now))
      return true;
  }
  return false;
}

void monitor_tell(struct monitor *monitor, struct stall *stall, const struct study_verdict *verdict)
{
  struct finding finding = verdict != NULL ? verdict->finding : stall->own;
  const bool over = stall->over_ns != INT64_MAX;
  if (!stall->told && finding.severity != SEVERITY_PROBLEM)
    return;
  if (stall->told && !over && says_the_same(&finding, &stall->last))
    return;
  finding.id = stall->id;
  finding.state = over ? FINDING_CLOSED : stall->told ? FINDING_REVISED : FINDING_OPEN;
  const struct connection_summary *summary =
      verdict != NULL ? &verdict->connection : &stall->summary;
  const bool client = finding.sender == SIDE_CLIENT;
  const struct monitor_event event = {.id = stall->id,
                                      .connection = stall->connection,
                                      .summary = summary,
                                      .level = verdict != NULL               ? verdict->level
                                               : summary->sampled_sides != 0 ? EVIDENCE_WITH_SOCKETS
                                                                             : EVIDENCE_ONE_END,
                                      .pair = verdict != NULL ? &verdict->pair : NULL,
                                      .finding = &finding,
                                      .sender_end = summary->end,
                                      .sender = client ? summary->client : summary->server,
                                      .receiver = client ? summary->server : summary->client};
  stall->told = true;
  stall->last = finding;
  monitor->stats.events++;
  if (over)
    monitor->past[monitor->past_next++ % PAST_MAX] = past_of(stall, &finding, &event.sender);
  if (monitor->sink.event != NULL)
    monitor->sink.event(monitor->sink.context, &event);
}
