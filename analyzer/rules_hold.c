/* Segments that were built long before they were seen: the timestamps tell (RFC 7323, 4.3 and 5.4).
 *
 * Two facts about the first segment after the silence, each of which alone has another explanation:
 *   A  Its TSecr is older than ACKs that had already passed this capture point. So S's TCP built it
 * before it processed them. (Alone: the ACKs may have been stuck on their way up to TCP, and the
 * segment built late.) B  Its TSval is no newer than what segments before the silence carried,
 * within what the clock can have advanced. So it was built before the silence. (Alone: a paused
 * host's clock stands still as well.) Together they leave one place: below S's TCP and above this
 * capture point. */

#include "analyzer/situation.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>

/* What left this shortly before may have kicked the queue loose. */
#define KICK_WITHIN_NS NS_PER_MS
/* What was sent on purpose is looked back for longer: it goes through other queues as well. */
#define OWN_KICK_WITHIN_NS (INT64_C(50) * NS_PER_MS)
/* So many other packets of the host in so short a time before: it was not silent. */
#define BUSY_WITHIN_NS (100 * NS_PER_MS)
#define BUSY_PACKETS   4u
/* What waited for its neighbour leaves this soon after the answer. */
#define RESUMED_WITHIN_NS (100 * NS_PER_MS)
/* The clock may have advanced by this part of the silence at the most for B to be called proof. */
#define FROZEN_SHARE 10

struct hold {
  bool old_echo, frozen;      /* A, B */
  int64_t echo_ns, frozen_ns; /* least time held, by A and by B */
  int64_t max_ns;             /* by the echo clock; -1 unknown */
  struct sighting newer;      /* of an ACK that A rests on */
  uint32_t newer_ts_val;
  const struct packet *packet;
};

/* A by an ACK that was seen with this TSval: was the segment built before it was processed? */
static void compare_echo(const struct situation *situation, struct hold *hold,
                         struct sighting newer, uint32_t newer_ts_val, int64_t slack_ns)
{
  if ((hold->packet->flags & TCP_ACK) == 0 || newer.frame == 0 ||
      !seq_lt(hold->packet->ts_ecr, newer_ts_val))
    return;
  hold->newer = newer;
  hold->newer_ts_val = newer_ts_val;
  hold->echo_ns = situation->end_ns - newer.time_ns - slack_ns;
  hold->old_echo = hold->echo_ns > situation->limit_ns;
}

static void measure(const struct situation *situation, struct hold *hold)
{
  const struct stream *stream = situation->stream;
  const struct packet *packet = situation->segment->packet;
  int64_t slack_ns =
      0; /* an ACK that passes here reaches S, and its answer comes back, this much later */
  if (situation->near != NEAR_SENDER && situation->rtt_ns > 0)
    slack_ns = situation->rtt_ns;
  *hold = (struct hold){.packet = packet, .max_ns = -1};
  if (ts_clock_is_ambiguous(&stream->clock, situation->end_ns - stream->clock.last_ns) ||
      ts_clock_is_ambiguous(&situation->other->clock,
                            stream->newer.frame != 0 ? situation->end_ns - stream->newer.time_ns
                                                     : 0))
    return; /* older and newer cannot be told apart over so long a time */
  compare_echo(situation, hold, stream->newer, stream->newer_ts_val, slack_ns);
  int64_t latest_ns = ts_clock_latest_ns(&stream->clock, packet->ts_val);
  hold->frozen_ns = situation->end_ns - latest_ns - slack_ns;
  /* Half of the silence at least: a rate misjudged by a little must not make a hold. */
  bool safe = ts_clock_safe_tick_ns(&stream->clock) == TS_CLOCK_SLOWEST_TICK_NS ||
              hold->frozen_ns > situation->gap_ns / 2; /* the legal bound cannot be misjudged */
  hold->frozen = hold->frozen_ns > situation->limit_ns && safe;
  /* Only the first ACK is kept that is newer than what S was *seen* to echo. Built a little later
   * than what was seen, the segment may echo just that one; the latest ACK is a bound as well. */
  if (hold->frozen && !hold->old_echo)
    compare_echo(situation, hold, stream->recent, stream->recent_ts_val, slack_ns);
  if (situation->other->clock.nominal && (packet->flags & TCP_ACK) != 0)
    hold->max_ns = ts_clock_age_ns(&situation->other->clock, packet->ts_ecr, situation->end_ns);
}

/* B holds strictly: the clock moved by a small part of the silence. */
static bool frozen_enough(const struct situation *situation, const struct hold *hold)
{
  return situation->gap_ns - hold->frozen_ns <= situation->gap_ns / FROZEN_SHARE ||
         situation->gap_ns - hold->frozen_ns <= 2 * TS_CLOCK_SLOWEST_TICK_NS;
}

/* Sent on purpose: that other packets leave this host as well says nothing against it. */
static void tell_own_kick(const struct situation *situation, struct finding *finding,
                          const struct recent_packet *kick)
{
  char before[32];
  duration_words(situation->end_ns - kick->time_ns, before);
  finding->ended_by = ENDED_BY_KICK;
  finding_add_evidence(finding, situation->segment->packet->end, kick->frame, kick->time_ns,
                       "a packet that tcpstall --kick sent leaves %s before the stream moves on",
                       before);
}

static const struct recent_packet *last_other(const struct situation *situation, int64_t within_ns)
{
  const struct packet *packet = situation->segment->packet;
  return engine_recent_from(situation->analyzer, &packet->src, situation->connection->id,
                            packet->end, situation->end_ns, within_ns);
}

void tell_kick(const struct situation *situation, struct finding *finding, char *words, size_t size)
{
  const struct packet *packet = situation->segment->packet;
  const struct recent_packet *kick = last_other(situation, OWN_KICK_WITHIN_NS);
  words[0] = '\0';
  if (kick != NULL && kick->own_kick) {
    tell_own_kick(situation, finding, kick);
    snprintf(words, size, ", until tcpstall --kick sent a packet");
    return;
  }
  kick = last_other(situation, KICK_WITHIN_NS);
  bool busy = engine_recent_count(situation->analyzer, &packet->src, situation->connection->id,
                                  packet->end, situation->end_ns, BUSY_WITHIN_NS) >= BUSY_PACKETS;
  if (kick == NULL || busy)
    return; /* a host that sends all the time kicks nothing */
  const char *what = kick->kind == PACKET_ICMP && (kick->icmp_type == 8 || kick->icmp_type == 128)
                         ? "ICMP echo request"
                     : kick->kind == PACKET_ARP ? "ARP packet"
                                                : "packet of another flow";
  char before[32];
  duration_words(situation->end_ns - kick->time_ns, before);
  finding->ended_by = ENDED_BY_FOREIGN_PACKET;
  finding_add_evidence(finding, packet->end, kick->frame, kick->time_ns,
                       "an unrelated %s from the same host leaves %s before the stream moves on",
                       what, before);
  snprintf(words, size, ", until an unrelated %s went out", what);
}

static void tell_facts(const struct situation *situation, struct finding *finding,
                       const struct hold *hold)
{
  const struct stream *stream = situation->stream;
  const struct packet *packet = hold->packet;
  char for_long[32];
  if (hold->old_echo)
    finding_add_evidence(finding, packet->end, hold->newer.frame, hold->newer.time_ns,
                         "an ACK with TSval %u passes here on its way to the sender",
                         hold->newer_ts_val);
  if (hold->frozen)
    finding_add_evidence(finding, packet->end, stream->clock.last_frame, stream->clock.last_ns,
                         "the sender's timestamp clock shows %u (TSval of this segment)",
                         stream->clock.last_val);
  if (stream->last_ack.frame != 0)
    finding_add_evidence(finding, packet->end, stream->last_ack.frame, stream->last_ack.time_ns,
                         situation->outstanding == 0 ? "everything sent so far is acknowledged"
                                                     : "last ACK before the silence");
  if (hold->old_echo)
    finding_add_evidence(finding, packet->end, packet->frame, situation->end_ns,
                         "the next segment still echoes TSecr %u: built before the sender's TCP "
                         "had processed that ACK, %s ago",
                         packet->ts_ecr, duration_words(hold->echo_ns, for_long));
  if (hold->frozen)
    finding_add_evidence(finding, packet->end, packet->frame, situation->end_ns,
                         "it carries TSval %u: %s, so it was built at least %s before it was seen",
                         packet->ts_val,
                         packet->ts_val == stream->clock.last_val
                             ? "the clock value from before the silence"
                             : "next to the clock value from before the silence",
                         duration_words(hold->frozen_ns, for_long));
}

static void tell_hold(const struct situation *situation, struct finding *finding, bool on_host,
                      const char *kick)
{
  char gap[32], held[32];
  const char *whose = situation->side == SIDE_CLIENT ? "The client's" : "The server's";
  duration_words(situation->gap_ns, gap);
  if (!time_is_valid(finding->hold_min_ns))
    snprintf(finding->summary, sizeof finding->summary,
             "The stream stood still for %s%s; its next segments carry timestamps from before "
             "that, as if %s TCP had sent "
             "them long ago and something had held them.",
             gap, kick, situation->side == SIDE_CLIENT ? "the client's" : "the server's");
  else
    snprintf(
        finding->summary, sizeof finding->summary,
        "%s TCP had sent these segments, but they were held below it for at least %s%s: the stream "
        "stood still for %s%s.",
        whose, duration_words(finding->hold_min_ns, held),
        on_host ? ", in its host's transmit queue" : "", gap, kick);
}

static void conclude_hold(const struct situation *situation, struct finding *finding,
                          const struct hold *hold, const char *kick)
{
  bool both = hold->old_echo && hold->frozen && frozen_enough(situation, hold) &&
              (situation->stream->flags & STREAM_FOLLOWS_PURE_ACKS) != 0;
  bool on_host = situation->near == NEAR_SENDER && situation->view.certain;
  enum confidence confidence = both && on_host ? CONFIDENCE_PROVEN : CONFIDENCE_LIKELY;
  if (situation->near != NEAR_SENDER || !both)
    confidence = CONFIDENCE_POSSIBLE;
  verdict(finding, CAUSE_TX_QUEUE_HOLD, LOCATION_SENDER_QUEUE, confidence, CONFIDENCE_LIKELY);
  if (both)
    finding->hold_min_ns = hold->echo_ns > hold->frozen_ns ? hold->echo_ns : hold->frozen_ns;
  if (hold->max_ns > 0 && (!both || hold->max_ns > finding->hold_min_ns))
    finding->hold_max_ns = hold->max_ns;
  if (!on_host)
    finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_PATH_HOLD,
                            situation->near == NEAR_SENDER || situation->near == NEAR_UNKNOWN
                                ? "this capture is not known to be on the sending host (--at "
                                  "declares it): a device before it may have held the segments"
                                : "the segments may have been held anywhere between the sender's "
                                  "TCP and this capture point");
  if (!both)
    finding_add_alternative(finding, LOCATION_SENDER_APP, CAUSE_HOST_PAUSED,
                            hold->old_echo
                                ? "it is not known that this sender's TSecr follows pure ACKs"
                                : "a paused host's timestamp clock stands still as well");
  tell_hold(situation, finding, on_host, kick);
}

static void explain_hold(const struct situation *situation, struct finding *finding,
                         const struct hold *hold)
{
  char ticks[64], before[32];
  bool on_host = situation->near == NEAR_SENDER && situation->view.certain;
  const struct ts_clock *clock = &situation->stream->clock;
  double gap_ticks = time_to_s(situation->gap_ns) * (clock->nominal ? clock->hz : 1);
  snprintf(ticks, sizeof ticks, "%s%u", clock->nominal ? "about " : "at least ",
           clock->last_val + (uint32_t)(uint64_t)gap_ticks);
  if (hold->old_echo)
    snprintf(
        finding->reason, sizeof finding->reason,
        "Two facts together leave no other place%s. (1) TSval: segments built after the silence "
        "would carry %s (a timestamp clock ticks at least once a second, RFC 7323); these carry "
        "%u, "
        "so they were built before it. That refutes a late application, a paused host, and an ACK "
        "that was stuck on its way up to TCP. (2) TSecr: they were built before TCP had processed "
        "ACKs that were here %s earlier, so TCP neither waited for those nor ignored them. TCP had "
        "done its work before the silence, and the segments waited below it%s.",
        on_host ? "" : " above this capture point", ticks, hold->packet->ts_val,
        duration_words(hold->echo_ns, before), on_host ? "" : ", or on their way here");
  else
    snprintf(finding->reason, sizeof finding->reason,
             "Segments built after the silence would carry a TSval of %s; these carry %u.", ticks,
             hold->packet->ts_val);
}

/* Only A: TCP built the segment late, and still had not processed an ACK that was here long before.
 */
static void conclude_ack_ignored(const struct situation *situation, struct finding *finding,
                                 const struct hold *hold)
{
  char gap[32], late[32];
  verdict(finding, CAUSE_ACK_IGNORED, LOCATION_SENDER_TCP, CONFIDENCE_LIKELY, CONFIDENCE_POSSIBLE);
  finding_add_alternative(
      finding, LOCATION_REVERSE_PATH, CAUSE_ACK_LOSS,
      "the ACK may have been dropped between this capture point and the sender's TCP");
  finding_add_alternative(
      finding, LOCATION_SENDER_APP, CAUSE_APP_IDLE,
      "the application may have written nothing while the ACK was on its way up");
  snprintf(finding->summary, sizeof finding->summary,
           "The sender's TCP built its next segment only after %s, and had still not processed an "
           "ACK that was here %s before.",
           duration_words(situation->gap_ns, gap), duration_words(hold->echo_ns, late));
}

/* S's host asks for its neighbour's address and gets no answer: nothing leaves meanwhile. */
bool rule_neighbour(const struct situation *situation, struct finding *finding)
{
  const struct connection *connection = situation->connection;
  int client = (connection->flags & CONNECTION_CLIENT_IS_1) != 0 ? 1 : 0;
  const struct ip_address *sender =
      &connection->key.address[situation->side == SIDE_CLIENT ? client : client ^ 1];

  const struct neighbour_query *query =
      neighbours_unanswered(&situation->analyzer->neighbours, sender, connection->end,
                            situation->start_ns, situation->end_ns);
  bool at_the_answer = query != NULL && query->answered_ns != 0 && situation->segment != NULL &&
                       situation->end_ns - query->answered_ns <= RESUMED_WITHIN_NS;
  if (query == NULL || (!at_the_answer && situation->outstanding == 0))
    return false;
  char gap[32];
  verdict(finding, CAUSE_NEIGHBOUR_UNRESOLVED, LOCATION_SENDER_QUEUE, CONFIDENCE_LIKELY,
          CONFIDENCE_LIKELY);
  finding_add_evidence(finding, connection->end, query->first_frame, query->first_ns,
                       "the sending host asks for its neighbour's link address");
  finding_add_evidence(finding, connection->end, query->last_frame, query->last_ns,
                       "request number %u, still no answer", query->requests);
  if (query->answered_ns != 0)
    finding_add_evidence(finding, connection->end, query->answer_frame, query->answered_ns,
                         "the answer");
  if (situation->segment != NULL)
    finding_add_evidence(finding, connection->end, situation->segment->packet->frame,
                         situation->end_ns, "the stream goes on");
  finding_add_alternative(finding, LOCATION_SENDER_APP, CAUSE_APP_IDLE,
                          "the application may have had nothing to send at the same time");
  snprintf(finding->summary, sizeof finding->summary,
           "The sending host did not know its neighbour's link address: %u requests went "
           "unanswered, the stream stood still for %s.",
           query->requests, duration_words(situation->gap_ns, gap));
  return true;
}

bool rule_built_early(const struct situation *situation, struct finding *finding)
{
  const struct stream *stream = situation->stream;
  if (situation->segment == NULL || situation->by_ack || !stream->clock.started ||
      stream->last_data.frame == 0 ||
      (situation->segment->packet->options & TCP_OPT_TIMESTAMPS) == 0)
    return false;
  struct hold hold;
  measure(situation, &hold);
  /* Away from S an old echo alone may be no more than a long queue on the way. */
  /* And where the segment before left with an old echo too, a queue stands there all the time. */
  bool standing = stream->newer.time_ns < stream->last_data.time_ns;
  if (!hold.frozen &&
      (!hold.old_echo || !built_fresh(situation) || situation->near != NEAR_SENDER || standing))
    return false; /* nothing tells, or only that it is old in one respect: rule_idle names both */
  if (!hold.frozen && (stream->flags & STREAM_FOLLOWS_PURE_ACKS) == 0)
    return false; /* it may simply never echo pure ACKs */
  char kick[96];
  tell_facts(situation, finding, &hold);
  tell_kick(situation, finding, kick, sizeof kick);
  if (hold.frozen) {
    conclude_hold(situation, finding, &hold, kick);
    explain_hold(situation, finding, &hold);
  } else {
    conclude_ack_ignored(situation, finding, &hold);
  }
  return true;
}
