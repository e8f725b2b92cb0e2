#include "analyzer/hold_watch.h"

#include "analyzer/report_finding.h"
#include "analyzer/situation.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was held leaves together; a kick in a FIFO leaves right behind it. */
#define BURST_NS       (5 * NS_PER_MS)
#define KICK_BEHIND_NS NS_PER_MS
/* Pacing below 12 kbit/s (1500 bytes a second) is a stall by any name. */
#define PACING_MAX_NS NS_PER_S

struct hold_watch {
  struct connection *connection;
  enum stream_side side;
  int64_t released_ns, last_burst_ns;
  struct ip_address src;
  uint32_t burst;              /* segments with new data, the first one included */
  struct ts_clock other_clock; /* R's, as it was before the silence */
  bool kicked;
  struct finding finding;
};

static void remove_watch(struct analyzer *analyzer, uint32_t index)
{
  free(analyzer->watches[index]);
  analyzer->watches[index] = analyzer->watches[--analyzer->watching];
}

static void shift_budget(struct connection *connection, const struct finding *finding)
{
  struct stream *stream = &connection->stream[finding->sender];
  if (stream->trouble == NULL)
    return;
  int64_t *owed_ns = &stream->trouble->owed_ns[LOCATION_SENDER_QUEUE];
  int64_t moved_ns = finding->waited_ns < *owed_ns ? finding->waited_ns : *owed_ns;
  *owed_ns -= moved_ns;
  stream->idle_ns += moved_ns;
}

static void call_it_a_clock_step(struct hold_watch *watch)
{
  struct finding *finding = &watch->finding;
  char gap[32];
  verdict(finding, CAUSE_UNKNOWN, LOCATION_UNKNOWN, CONFIDENCE_POSSIBLE, CONFIDENCE_POSSIBLE);
  finding->severity = SEVERITY_INFO;
  finding->hold_min_ns = finding->hold_max_ns = TIME_INVALID;
  finding->ended_by = ENDED_BY_UNKNOWN;
  finding->reason[0] = '\0';
  finding->alternative_count = 0;
  finding_add_alternative(
      finding, LOCATION_SENDER_APP, CAUSE_HOST_PAUSED,
      "both hosts may have been paused together, as virtual machines on one hypervisor");
  snprintf(finding->summary, sizeof finding->summary,
           "The capture's own clock seems to have been stepped by %s: neither side's timestamp "
           "clock moved.",
           duration_words(finding->waited_ns, gap));
  shift_budget(watch->connection, finding);
}

static void call_it_pacing(struct finding *finding)
{
  char gap[32];
  finding->confidence = finding->cause_confidence = CONFIDENCE_POSSIBLE;
  finding->severity = SEVERITY_INFO;
  finding_add_alternative(
      finding, LOCATION_SENDER_TCP, CAUSE_UNKNOWN,
      "one segment at a time: pacing (fq, EDT) delays built segments on purpose");
  snprintf(finding->summary, sizeof finding->summary,
           "A segment left %s after it was built, alone: paced, or held below TCP.",
           duration_words(finding->waited_ns, gap));
}

static void conclude(struct analyzer *analyzer, uint32_t index, bool clock_step)
{
  struct hold_watch *watch = analyzer->watches[index];
  struct connection *connection = watch->connection;
  if (clock_step)
    call_it_a_clock_step(watch);
  else if (watch->burst < 2 && watch->finding.waited_ns < PACING_MAX_NS)
    call_it_pacing(&watch->finding);
  else if (watch->burst > 1)
    finding_add_evidence(&watch->finding, connection->end, 0, watch->last_burst_ns,
                         "%u segments leave in one burst", watch->burst);
  analyzer->scratch = watch->finding;
  remove_watch(analyzer, index);
  report_finding(analyzer, connection, &analyzer->scratch);
}

void hold_watch_begin(struct analyzer *analyzer, struct connection *connection,
                      const struct finding *finding, const struct packet *released)
{
  if (analyzer->watching == HOLD_WATCHES)
    conclude(analyzer, 0, false);
  struct hold_watch *watch = calloc(1, sizeof *watch);
  if (watch == NULL) {
    analyzer->scratch = *finding;
    report_finding(analyzer, connection, &analyzer->scratch);
    return;
  }
  watch->connection = connection;
  watch->side = finding->sender;
  watch->released_ns = watch->last_burst_ns = finding->end_ns;
  watch->src = released->src;
  watch->burst = 1;
  watch->other_clock = connection->stream[finding->sender ^ 1].clock;
  watch->kicked = finding->ended_by == ENDED_BY_FOREIGN_PACKET;
  watch->finding = *finding;
  analyzer->watches[analyzer->watching++] = watch;
}

/* R's next timestamp: how far did its clock get during the silence? */
static bool other_clock_stood_still(const struct hold_watch *watch, const struct packet *packet)
{
  const struct ts_clock *clock = &watch->other_clock;
  if (!clock->started || (packet->options & TCP_OPT_TIMESTAMPS) == 0)
    return false;
  int64_t ticks = seq_diff(packet->ts_val, clock->last_val);
  if (!clock->nominal) /* at the slowest legal rate it must have ticked */
    return ticks <= 0 && watch->finding.waited_ns > 2 * TS_CLOCK_SLOWEST_TICK_NS;
  return ticks * ts_clock_tick_ns(clock) < watch->finding.waited_ns / 2;
}

static void see_kick(struct hold_watch *watch, const struct packet *packet)
{
  char behind[32];
  watch->kicked = true;
  watch->finding.ended_by = ENDED_BY_FOREIGN_PACKET;
  finding_add_evidence(&watch->finding, packet->end, packet->frame, packet->time_ns,
                       "an unrelated packet from the same host leaves %s behind the first held "
                       "segment: in a FIFO it is what set the queue going",
                       duration_words(packet->time_ns - watch->released_ns, behind));
}

/* true if the verdict was given. */
static bool see(struct analyzer *analyzer, uint32_t index, const struct packet *packet,
                uint64_t connection_id)
{
  struct hold_watch *watch = analyzer->watches[index];
  bool own = connection_id == watch->connection->id;
  bool from_sender = memcmp(&packet->src, &watch->src, sizeof watch->src) == 0;
  if (packet->end != watch->connection->end || packet->time_ns < watch->released_ns)
    return false;
  if (own && from_sender) {
    if (packet->kind == PACKET_TCP && packet->payload_bytes > 0 &&
        packet->time_ns - watch->last_burst_ns <= BURST_NS) {
      watch->burst++;
      watch->last_burst_ns = packet->time_ns;
    }
    return false;
  }
  if (!own && from_sender && !watch->kicked &&
      packet->time_ns - watch->last_burst_ns <= KICK_BEHIND_NS)
    see_kick(watch, packet);
  if (!own || packet->kind != PACKET_TCP ||
      packet->time_ns - watch->last_burst_ns <= KICK_BEHIND_NS)
    return false;
  conclude(analyzer, index, other_clock_stood_still(watch, packet));
  return true;
}

void hold_watch_packet(struct analyzer *analyzer, const struct packet *packet,
                       uint64_t connection_id)
{
  for (uint32_t i = 0; i < analyzer->watching;) {
    if (!see(analyzer, i, packet, connection_id))
      i++;
  }
}

void hold_watch_flush(struct analyzer *analyzer, const struct connection *connection)
{
  for (uint32_t i = 0; i < analyzer->watching;) {
    if (analyzer->watches[i]->connection == connection)
      conclude(analyzer, i, false);
    else
      i++;
  }
}
