/* What lies below the sender's TCP, as the kernel tells it: its neighbour, its queue, its firewall,
 * its device. */

#include "analyzer/socket_judge_internal.h"

#include "wire/timestamp.h"

#include <stdio.h>
#include <string.h>

/* So much of the wait must a neighbour have been unknown for. */
#define NEIGHBOUR_PERCENT 50
/* Losses that a wait follows from happened so long before it at the most. */
#define LOSS_BEFORE_NS NS_PER_S

static struct ip_address peer_of(const struct socket_case *one)
{
  return one->sender.socket.witness.history->key.peer.address;
}

/* What a capture that does not say what it lost leaves open. */
#define UNSEEN_LEFT "they may have passed it unseen"

/* New data that TCP has tried to send in that time: what left long ago is no sign of now. */
static uint64_t attempts(const struct socket_sight *sight)
{
  const uint64_t before = sight->first.tcpi_bytes_sent - sight->first.tcpi_bytes_retrans;
  const uint64_t after = sight->last.tcpi_bytes_sent - sight->last.tcpi_bytes_retrans;
  return after > before ? after - before : 0;
}

/* What the neighbour explains did not leave by another device: it is here, it was tried here, or it
 * is the receiver itself that nobody can be asked for. */
static bool waits_for_neighbour(const struct socket_case *one, bool direct)
{
  return direct || one->sender.main == SENDER_HELD ||
         (one->sender.main == SENDER_REFUSED && attempts(&one->sender.socket) > 0);
}

static bool judge_neighbour(struct socket_case *one)
{
  struct finding *finding = one->finding;
  const struct situation *situation = one->situation;
  const struct socket_sight *sight = &one->sender.socket;
  const struct ip_address peer = peer_of(one);
  const struct neighbour_trouble *neighbour = sample_store_neighbour(
      sight->witness.store, sight->end, &peer, sight->from_ns, sight->until_ns);
  const bool direct = neighbour != NULL;
  char gap[32];
  if (!direct) /* a router's, perhaps */
    neighbour = sample_store_neighbour(sight->witness.store, sight->end, NULL, sight->from_ns,
                                       sight->until_ns);
  if (neighbour == NULL)
    return false;
  const int64_t from_ns =
      neighbour->first_ns > sight->from_ns ? neighbour->first_ns : sight->from_ns;
  const int64_t until_ns =
      neighbour->last_ns < sight->until_ns ? neighbour->last_ns : sight->until_ns;
  if (!time_is_share(until_ns - from_ns, sight->until_ns - sight->from_ns, NEIGHBOUR_PERCENT))
    return false;
  const bool here = waits_for_neighbour(one, direct);
  const enum confidence confidence = one->sender.proof && here && !socket_capture_misses(one)
                                         ? CONFIDENCE_PROVEN
                                         : CONFIDENCE_LIKELY;
  socket_settle(one, LOCATION_SENDER_QUEUE, CAUSE_NEIGHBOUR_UNRESOLVED, confidence,
                direct ? confidence : CONFIDENCE_LIKELY);
  socket_fact(finding, sight->end, from_ns,
              "the kernel of %c does not know the link address of %s: its neighbour entry is %s",
              socket_end_letter(sight), direct ? "the receiver" : "a neighbour",
              neighbour->failed ? "failed" : "incomplete");
  if (!direct)
    socket_leave_open(finding, LOCATION_SENDER_QUEUE, CAUSE_TX_QUEUE_HOLD,
                      "the neighbour need not be the one on this stream's way");
  if (!here)
    socket_leave_open(finding, LOCATION_FORWARD_PATH, CAUSE_UNKNOWN,
                      "what is missing may have left by another device of the host");
  else if (confidence < CONFIDENCE_PROVEN && one->sender.proof)
    socket_tell_missing(one, UNSEEN_LEFT);
  if (finding->summary[0] == '\0')
    snprintf(finding->summary, sizeof finding->summary,
             "The sending host did not know its neighbour's link address: what TCP had sent waited "
             "for it, %s.",
             duration_words(situation->gap_ns, gap));
  return true;
}

/* ---- held ---- */

static void tell_release(struct socket_case *one)
{
  const struct situation *situation = one->situation;
  char words[96];
  if (situation->segment != NULL && !situation->by_ack &&
      one->finding->ended_by != ENDED_BY_FOREIGN_PACKET && one->finding->ended_by != ENDED_BY_KICK)
    tell_kick(situation, one->finding, words, sizeof words);
}

/* Queues that let segments wait on purpose, until the time that TCP has set for each. */
static bool paces(const struct sample_qdisc *qdisc)
{
  return qdisc != NULL && (strcmp(qdisc->kind, "fq") == 0 || strcmp(qdisc->kind, "etf") == 0 ||
                           strcmp(qdisc->kind, "taprio") == 0);
}

static void tell_queue(struct socket_case *one, const struct sample_qdisc *qdisc)
{
  const struct socket_sight *sight = &one->sender.socket;
  struct sample_netstat growth;
  sample_store_netstat_growth(sight->witness.store, sight->end, sight->from_ns, sight->until_ns,
                              &growth);
  if (qdisc != NULL && qdisc->has_queue)
    socket_fact(one->finding, sight->end, sight->longest.from_ns,
                "the queue of the device (%s) holds %u packets, %u bytes", qdisc->kind,
                qdisc->qlen_pkts, qdisc->backlog_bytes);
  if (growth.spurious_rtx_host_queues > 0)
    socket_fact(one->finding, sight->end, sight->longest.until_ns,
                "the kernel's timer fired, and it sent nothing again, as its own copy was still "
                "queued: TCPSpuriousRtxHostQueues grew by %llu",
                (unsigned long long)growth.spurious_rtx_host_queues);
}

static void explain_hold(struct socket_case *one, const struct sample_qdisc *qdisc,
                         int64_t held_bytes)
{
  struct finding *finding = one->finding;
  const struct socket_sight *sight = &one->sender.socket;
  const bool backlog = qdisc != NULL && qdisc->backlog_bytes > 0;
  char held[32];
  duration_words(sight->until_ns - sight->main_from_ns, held);
  if (finding->summary[0] == '\0' || !time_is_valid(finding->hold_min_ns))
    snprintf(finding->summary, sizeof finding->summary,
             "The sending host held %lld bytes that its TCP had sent, below TCP and above its "
             "capture point, for at least %s%s%s.",
             (long long)held_bytes, held, backlog ? ", in the queue of its device: " : "",
             backlog ? qdisc->kind : "");
  if (!time_is_valid(finding->hold_min_ns) ||
      sight->until_ns - sight->main_from_ns > finding->hold_min_ns)
    finding->hold_min_ns = sight->until_ns - sight->main_from_ns;
  snprintf(
      finding->reason, sizeof finding->reason,
      "The kernel of %c says so itself: its socket counts %lld bytes as sent that the capture "
      "has not seen, their memory is still in use (wmem_alloc %u; a device that has them would "
      "have freed it)%s. So they are neither lost nor under way, and neither the application "
      "nor TCP is what the stream waits for.",
      socket_end_letter(sight), (long long)held_bytes, sight->longest.state->wmem_alloc_bytes,
      backlog ? ", and the queue of the device has a backlog" : "");
}

static void judge_hold(struct socket_case *one)
{
  struct finding *finding = one->finding;
  const struct socket_sight *sight = &one->sender.socket;
  const struct sample_qdisc *qdisc =
      sample_store_qdisc(sight->witness.store, sight->end, sight->longest.until_ns);
  const bool backlog = qdisc != NULL && qdisc->backlog_bytes > 0;
  const bool on_purpose = backlog && paces(qdisc);
  const enum confidence confidence =
      one->sender.proof && !socket_capture_misses(one) ? CONFIDENCE_PROVEN : CONFIDENCE_LIKELY;
  int64_t held_bytes = 0;
  socket_held_bytes(one, sight->longest.state, &held_bytes);
  socket_settle(one, LOCATION_SENDER_QUEUE, CAUSE_TX_QUEUE_HOLD, confidence,
                on_purpose ? CONFIDENCE_LIKELY : confidence);
  if (confidence == CONFIDENCE_PROVEN)
    finding->alternative_count = 0;
  else if (one->sender.proof)
    socket_tell_missing(one, UNSEEN_LEFT);
  if (on_purpose)
    finding_add_alternative(finding, LOCATION_SENDER_QUEUE, CAUSE_TX_QUEUE_HOLD,
                            "the queue is one (%s) that lets segments wait on purpose: pacing",
                            qdisc->kind);
  tell_queue(one, qdisc);
  explain_hold(one, qdisc, held_bytes);
  tell_release(one);
}

/* ---- dropped ---- */

/* The device's queue has counted drops: a sign, though what is gone may still have left by another
 * device. */
static bool dropped_by_queue(const struct socket_case *one)
{
  const struct socket_sight *sight = &one->sender.socket;
  const struct sample_qdisc *before =
      sample_store_qdisc(sight->witness.store, sight->end, one->situation->start_ns - NS_PER_S);
  const struct sample_qdisc *after =
      sample_store_qdisc(sight->witness.store, sight->end, sight->until_ns);
  return before != NULL && after != NULL && after->handle == before->handle &&
         after->drops_pkts > before->drops_pkts;
}

static void judge_drop(struct socket_case *one)
{
  struct finding *finding = one->finding;
  const struct situation *situation = one->situation;
  const struct socket_sight *sight = &one->sender.socket;
  const struct sample_socket *state = sight->longest.state;
  const bool refused = one->sender.main == SENDER_REFUSED;
  const bool certain = refused && attempts(sight) > 0;
  const bool counted = !refused && dropped_by_queue(one); /* others' packets, perhaps */
  const enum confidence confidence = one->sender.proof && certain && !socket_capture_misses(one)
                                         ? CONFIDENCE_PROVEN
                                         : CONFIDENCE_LIKELY;
  int64_t gone_bytes = 0;
  char gap[32];
  socket_settle(one, LOCATION_SENDER_QUEUE, CAUSE_LOCAL_DROP_OUTPUT, confidence, confidence);
  if (confidence == CONFIDENCE_PROVEN)
    finding->alternative_count = 0;
  else if (one->sender.proof && certain)
    socket_tell_missing(one, UNSEEN_LEFT);
  duration_words(situation->gap_ns, gap);
  if (refused) {
    socket_fact(finding, sight->end, sight->longest.until_ns,
                "the kernel has sent %llu bytes in vain: tcpi_bytes_sent %llu, "
                "tcpi_bytes_acked %llu, nothing outstanding (%llu of them in this time)",
                (unsigned long long)(state->tcpi_bytes_sent - state->tcpi_bytes_retrans -
                                     state->tcpi_bytes_acked),
                (unsigned long long)state->tcpi_bytes_sent,
                (unsigned long long)state->tcpi_bytes_acked, (unsigned long long)attempts(sight));
    snprintf(finding->summary, sizeof finding->summary,
             "The sending host dropped what its own TCP sent, before its capture point, for %s: "
             "%u bytes wait to be sent, the window is open, each attempt fails.",
             gap, state->tcpi_notsent_bytes);
  } else {
    socket_held_bytes(one, state, &gone_bytes);
    socket_leave_open(finding, LOCATION_FORWARD_PATH, CAUSE_UNKNOWN,
                      "they may have left by another device of the host");
    if (counted)
      socket_fact(finding, sight->end, sight->longest.until_ns,
                  "the queue of the device has dropped packets since just before (of this stream, "
                  "or of others)");
    snprintf(finding->summary, sizeof finding->summary,
             "The sending host dropped %lld bytes that its own TCP had sent, before its capture "
             "point; the stream stood still for %s.",
             (long long)gone_bytes, gap);
  }
  snprintf(finding->reason, sizeof finding->reason,
           "The kernel of %c has bytes to send and %s; nothing of them was captured, and no memory "
           "of a sent segment is in use (wmem_alloc %u): they do not wait in a queue, they are "
           "gone. A local firewall does that.",
           socket_end_letter(sight),
           refused ? "tries, by its persist timer, though the window is open"
                   : "counts them as sent",
           state->wmem_alloc_bytes);
}

void socket_judge_below(struct socket_case *one)
{
  one->finding->severity = SEVERITY_PROBLEM;
  if (judge_neighbour(one))
    return;
  if (one->sender.main == SENDER_HELD)
    judge_hold(one);
  else
    judge_drop(one);
}

/* ---- the device ---- */

static bool may_be_device(const struct finding *finding)
{
  switch (finding->cause) {
  case CAUSE_SEGMENT_LOSS:
  case CAUSE_TAIL_LOSS:
  case CAUSE_RTO_BACKOFF:
  case CAUSE_PATH_OUTAGE:
  case CAUSE_PATH_HOLD:
  case CAUSE_PEER_SILENT:
  case CAUSE_UNKNOWN:
    return finding->location == LOCATION_FORWARD_PATH || finding->cause == CAUSE_PEER_SILENT;
  default: return false;
  }
}

/* The device on the sender's side says that it dropped packets, behind the capture point. */
void socket_judge_device(struct socket_case *one)
{
  struct finding *finding = one->finding;
  const struct situation *situation = one->situation;
  const struct socket_sight *sight = &one->sender.socket;
  struct sample_link_statistics growth;
  if (!sight->sampled || !may_be_device(finding))
    return;
  sample_store_link_growth(sight->witness.store, sight->end, situation->start_ns - LOSS_BEFORE_NS,
                           situation->end_ns, &growth);
  if (growth.tx_dropped == 0)
    return;
  const enum confidence confidence =
      finding->location == LOCATION_FORWARD_PATH && finding->confidence > CONFIDENCE_LIKELY
          ? finding->confidence
          : CONFIDENCE_LIKELY;
  char gap[32];
  socket_settle(one, LOCATION_FORWARD_PATH, CAUSE_TAP_RING_DROP, confidence, CONFIDENCE_LIKELY);
  socket_fact(finding, sight->end, situation->start_ns,
              "the device on the sender's side has dropped %llu packets since just before: "
              "tx_dropped",
              (unsigned long long)growth.tx_dropped);
  socket_leave_open(finding, LOCATION_FORWARD_PATH, CAUSE_SEGMENT_LOSS,
                    "what the device dropped may have been other packets");
  snprintf(finding->summary, sizeof finding->summary,
           "The device of the sending host dropped packets behind the capture point (tx_dropped); "
           "the stream stood still for %s.",
           duration_words(situation->gap_ns, gap));
}
