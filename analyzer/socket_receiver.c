#include "analyzer/socket_judge_internal.h"

#include "wire/timestamp.h"

#include <stdio.h>

/* Half of the memory is for overhead (tcp_adv_win_scale): a quarter of what a buffer holds. */
#define UNREAD_PART_MIN 8u

void socket_see_receiver(struct socket_case *one)
{
  const struct situation *situation = one->situation;
  struct receiver_sight *receiver = &one->receiver;
  struct socket_sight *sight = &receiver->socket;
  sight->side = situation->side ^ 1;
  sight->sampled =
      socket_witness_find(situation->analyzer, situation->connection, sight->side, &sight->witness);
  if (!sight->sampled)
    return;
  sight->end = sight->witness.history->key.end;
  socket_sight_span(one, sight);
  struct socket_piece piece, longest[2] = {{0}}; /* nothing unread, something */
  uint32_t index = 0;
  bool before = false;
  int64_t before_ns = 0;
  while (socket_witness_next(&sight->witness, sight->from_ns, sight->until_ns, &index, &piece)) {
    const bool unread = piece.state->rqueue_bytes > 0;
    socket_sight_add(sight, &piece);
    if (sight->samples > piece.samples && unread == before)
      socket_piece_join(&piece, before_ns);
    before = unread;
    before_ns = piece.until_ns;
    const int64_t length_ns = piece.until_ns - piece.from_ns;
    *(unread ? &receiver->unread_ns : &receiver->read_ns) += length_ns > 0 ? length_ns : 1;
    sight->known_ns += length_ns;
    if (piece.state->rqueue_bytes > receiver->rqueue_max_bytes)
      receiver->rqueue_max_bytes = piece.state->rqueue_bytes;
    if (longest[unread].state == NULL ||
        length_ns > longest[unread].until_ns - longest[unread].from_ns)
      longest[unread] = piece;
  }
  if (sight->samples == 0)
    return;
  const int64_t sum_ns = receiver->unread_ns + receiver->read_ns;
  receiver->unread = time_is_share(receiver->unread_ns, sum_ns, SOCKET_MAIN_PERCENT);
  receiver->read = time_is_share(receiver->read_ns, sum_ns, SOCKET_MAIN_PERCENT);
  sight->longest = longest[receiver->unread_ns > receiver->read_ns];
  receiver->proof = (receiver->unread || receiver->read) && socket_sight_is_proof(one, sight);
}

/* ---- windows ---- */

static bool is_window_cause(enum cause cause)
{
  switch (cause) {
  case CAUSE_ZERO_WINDOW:
  case CAUSE_SLOW_READER:
  case CAUSE_DEADLOCK:
  case CAUSE_SILLY_WINDOW:
  case CAUSE_RCVBUF_LIMITED:
  case CAUSE_WINDOW_UPDATE_LOST: return true;
  default: return false;
  }
}

/* The window was small, not closed, and what is unread would not fill the buffer: the application
 * may wait for the rest of it (SO_RCVLOWAT, MSG_PEEK) that a small buffer keeps away. */
static bool is_little_unread(const struct socket_case *one, enum cause cause)
{
  const struct sample_socket *state = &one->receiver.socket.last;
  return (cause == CAUSE_RCVBUF_LIMITED || cause == CAUSE_SILLY_WINDOW) && state->has_skmeminfo &&
         one->receiver.rqueue_max_bytes < state->rcvbuf_bytes / UNREAD_PART_MIN;
}

/* What waits in the receive queue waits for the application, whatever the window is. */
static void judge_unread(struct socket_case *one)
{
  struct finding *finding = one->finding;
  const struct socket_sight *sight = &one->receiver.socket;
  enum cause cause = finding->cause;
  const bool little = is_little_unread(one, cause);
  const bool hole = lacks_first_byte(one->situation);
  const enum confidence confidence =
      one->receiver.proof && !little && !hole ? CONFIDENCE_PROVEN : CONFIDENCE_LIKELY;
  char gap[32];
  if (cause == CAUSE_WINDOW_UPDATE_LOST) { /* R has said that it has room: S waits for that word */
    socket_leave_open(finding, LOCATION_RECEIVER_APP, CAUSE_ZERO_WINDOW,
                      "a part of what came was still unread");
    return;
  }
  if (cause != CAUSE_DEADLOCK && cause != CAUSE_SLOW_READER)
    cause = CAUSE_ZERO_WINDOW;
  socket_settle(one, LOCATION_RECEIVER_APP, cause, confidence, confidence);
  if (confidence == CONFIDENCE_PROVEN)
    finding->alternative_count = 0;
  if (hole)
    socket_leave_open(finding, LOCATION_FORWARD_PATH, CAUSE_SEGMENT_LOSS,
                      "a segment is missing: what came behind it takes room in the same buffer");
  if (little)
    socket_leave_open(finding, LOCATION_RECEIVER_TCP, CAUSE_RCVBUF_LIMITED,
                      "little was unread: the application may wait for more than fits");
  if (finding->summary[0] == '\0')
    snprintf(finding->summary, sizeof finding->summary,
             "The receiving application did not read: %u bytes waited for it, and its window was "
             "closed, for %s.",
             sight->longest.state->rqueue_bytes, duration_words(one->situation->gap_ns, gap));
  snprintf(finding->reason, sizeof finding->reason,
           "Not the receiver's TCP: the kernel of %c has taken in what came, and %u bytes of it "
           "wait in the socket for the application.",
           socket_end_letter(sight), sight->longest.state->rqueue_bytes);
}

/* All is read, and the window is closed or small even so. */
static void judge_read(struct socket_case *one)
{
  struct finding *finding = one->finding;
  const struct socket_sight *sight = &one->receiver.socket;
  const struct sample_socket *state = sight->longest.state;
  char gap[32];
  socket_exclude(finding, LOCATION_RECEIVER_APP);
  if (finding->location != LOCATION_RECEIVER_APP)
    return;
  const bool proof = one->receiver.proof;
  socket_settle(one, LOCATION_RECEIVER_TCP, CAUSE_SILLY_WINDOW,
                proof ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE, CONFIDENCE_POSSIBLE);
  socket_leave_open(finding, LOCATION_REVERSE_PATH, CAUSE_WINDOW_UPDATE_LOST,
                    "a larger window may have been announced and lost");
  socket_leave_open(finding, LOCATION_RECEIVER_TCP, CAUSE_RCVBUF_LIMITED,
                    "the receive buffer may be full of overhead, or of data out of order");
  snprintf(finding->summary, sizeof finding->summary,
           "The receiver's window was too small although its application had read everything, for "
           "%s.",
           duration_words(one->situation->gap_ns, gap));
  snprintf(finding->reason, sizeof finding->reason,
           "Not the receiving application: the kernel of %c says that nothing waited for it in the "
           "socket (rmem_alloc %u of rcvbuf %u).",
           socket_end_letter(sight), state->rmem_alloc_bytes, state->rcvbuf_bytes);
}

/* ---- data that came and was not taken ---- */

static bool may_be_dropped(enum cause cause)
{
  return cause == CAUSE_LOCAL_DROP_INPUT || cause == CAUSE_PEER_SILENT ||
         cause == CAUSE_PAWS_DROP || cause == CAUSE_OUT_OF_WINDOW;
}

/* It came between two samples: one that has it counted already tells nothing, nor does one that may
 * be older than its time. */
static bool came_between(const struct socket_sight *sight, int64_t came_ns)
{
  return came_ns > sight->first_ns && came_ns < sight->last_ns - (int64_t)HOST_SAMPLE_ANSWER_MAX_NS;
}

/* A copy came while the receiver's socket was sampled, before and after. */
static bool saw_copies_come(const struct socket_case *one)
{
  const struct wait *wait = one->situation->wait;
  const struct lost_segment *lost = &wait->lost;
  const struct socket_sight *sight = &one->receiver.socket;
  if (sight->samples < 2)
    return false;
  if (lost->retransmissions == 0)
    return came_between(sight, wait->first_retransmission_of_acked.time_ns) ||
           came_between(sight, wait->last_retransmission_of_acked.time_ns);
  return came_between(sight, lost->first_retransmission_ns) ||
         came_between(sight, lost->last_retransmission_ns) ||
         (lost->retransmissions > 1 &&
          came_between(sight, lost->last_retransmission_ns - lost->last_interval_ns));
}

static void name_counter(struct socket_case *one)
{
  struct finding *finding = one->finding;
  const struct socket_sight *sight = &one->receiver.socket;
  struct sample_netstat growth;
  sample_store_netstat_growth(sight->witness.store, sight->end, one->situation->start_ns - NS_PER_S,
                              sight->until_ns, &growth);
  const bool paws = growth.paws_estab > 0, beyond = growth.beyond_window > 0;
  if (paws == beyond)
    return;
  const enum cause cause = paws ? CAUSE_PAWS_DROP : CAUSE_OUT_OF_WINDOW;
  socket_settle(one, LOCATION_RECEIVER_TCP, cause, finding->confidence, CONFIDENCE_LIKELY);
  socket_exclude_cause(finding, CAUSE_CHECKSUM_DROP);
  socket_fact(finding, sight->end, sight->until_ns, "the kernel of %c: %s grew by %llu",
              socket_end_letter(sight), paws ? "PAWSEstab" : "BeyondWindow",
              (unsigned long long)(paws ? growth.paws_estab : growth.beyond_window));
  if (finding->summary[0] == '\0')
    snprintf(finding->summary, sizeof finding->summary,
             paws ? "The receiver's TCP dropped segments as too old (PAWS)."
                  : "The receiver's TCP dropped segments beyond its window.");
}

static void judge_input(struct socket_case *one)
{
  struct finding *finding = one->finding;
  const struct socket_sight *sight = &one->receiver.socket;
  const uint32_t segments = sight->last.tcpi_segs_in_pkts - sight->first.tcpi_segs_in_pkts;
  char gap[32];
  if (finding->location != LOCATION_RECEIVER_TCP || !may_be_dropped(finding->cause))
    return;
  if (finding->cause == CAUSE_PAWS_DROP || finding->cause == CAUSE_OUT_OF_WINDOW) {
    name_counter(one);
    return;
  }
  if (!saw_copies_come(one))
    return;
  if (segments > 0 || sight->first.tcpi_bytes_received != sight->last.tcpi_bytes_received) {
    name_counter(one);
    return;
  }
  const bool proof = socket_sight_is_proof(one, sight) && finding->confidence > CONFIDENCE_POSSIBLE;
  socket_settle(one, LOCATION_RECEIVER_TCP, CAUSE_LOCAL_DROP_INPUT,
                proof ? CONFIDENCE_PROVEN : CONFIDENCE_LIKELY, CONFIDENCE_LIKELY);
  socket_exclude(finding, LOCATION_FORWARD_PATH);
  socket_fact(finding, sight->end, sight->longest.until_ns,
              "the kernel of %c has counted no segment for this socket meanwhile (tcpi_segs_in %u)",
              socket_end_letter(sight), sight->last.tcpi_segs_in_pkts);
  socket_leave_open(finding, LOCATION_RECEIVER_TCP, CAUSE_CHECKSUM_DROP,
                    "a wrong checksum is dropped before it is counted as well");
  if (finding->summary[0] == '\0')
    snprintf(finding->summary, sizeof finding->summary,
             "The segments came to the receiving host, which dropped them before its TCP, for %s.",
             duration_words(one->situation->gap_ns, gap));
}

/* Segments that the socket itself threw away, as its buffer was full. */
static void tell_drops(struct socket_case *one)
{
  const struct socket_sight *sight = &one->receiver.socket;
  const uint32_t dropped = sight->last.drops_pkts - sight->first.drops_pkts;
  char count[48];
  if (!sight->last.has_skmeminfo || dropped == 0 || dropped > INT32_MAX)
    return;
  socket_fact(
      one->finding, sight->end, sight->longest.until_ns,
      "the kernel, of the receiver's socket: it dropped %s meanwhile (its counter of drops)",
      count_words(dropped, "packet", "packets", count));
}

void socket_judge_receiver(struct socket_case *one)
{
  struct finding *finding = one->finding;
  if (one->receiver.socket.samples == 0 || finding->location == LOCATION_NONE)
    return;
  tell_drops(one);
  if (is_window_cause(finding->cause)) {
    if (one->receiver.unread)
      judge_unread(one);
    else if (one->receiver.read)
      judge_read(one);
    return;
  }
  judge_input(one);
}
