#include "analyzer/socket_judge_internal.h"

#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <string.h>

/* Clocks of two ends may be apart by this part of a wait, in percent, before nothing of the other
 * end's samples is proof. */
#define CLOCK_PERCENT_MAX 10
/* A timeout so many times as long as RFC 6298 asks for at the most is excessive. */
#define RTO_EXCESS_TIMES 2
/* What TCP hands down at once: 64 KB, as GSO has it. */
#define BURST_BYTES_MAX 65536.0
/* Data that is in order is acknowledged sooner: RFC 9293, 3.8.6.3 allows 500 ms, stacks take 40 to
 * 200. */
#define ACK_DELAY_MAX_NS (250 * NS_PER_MS)

/* Data that TCP counts as sent, and that is neither acknowledged nor outstanding: what it tried to
 * send was refused below. */
static bool has_vain_attempts(const struct sample_socket *state)
{
  const uint64_t accounted = state->tcpi_bytes_acked + socket_flight_bytes(state);
  return state->tcpi_bytes_sent > state->tcpi_bytes_retrans &&
         state->tcpi_bytes_sent - state->tcpi_bytes_retrans > accounted;
}

/* ---- classes ---- */

/* What it would send next. */
static uint32_t next_bytes(const struct sample_socket *state)
{
  return state->tcpi_notsent_bytes < state->tcpi_snd_mss_bytes ? state->tcpi_notsent_bytes
                                                               : state->tcpi_snd_mss_bytes;
}

static enum sender_class classify_unsent(const struct socket_case *one,
                                         const struct sample_socket *state)
{
  const struct situation *situation = one->situation;
  if (state->has_snd_wnd && state->tcpi_snd_wnd_bytes < next_bytes(state)) {
    const bool open_here = one->sender.here && situation->window_scale_known &&
                           (situation->stream->flags & STREAM_WINDOW) != 0 &&
                           (situation->stream->flags & STREAM_OLD_WINDOW) == 0 &&
                           situation->window_left >= next_bytes(state) &&
                           situation->window_left >= situation->next_bytes;
    return open_here ? SENDER_STALE_WINDOW : SENDER_WINDOW;
  }
  if (state->timer == SAMPLE_TIMER_PERSIST && has_vain_attempts(state))
    return SENDER_REFUSED;
  return SENDER_READY;
}

static enum sender_class classify(const struct socket_case *one, const struct sample_socket *state)
{
  int64_t held_bytes;
  const enum socket_fit fit = socket_fit(one, state);
  if (fit == SOCKET_AHEAD)
    return SENDER_ELSEWHERE;
  if (state->wqueue_bytes == 0)
    return fit == SOCKET_BEHIND ? SENDER_ELSEWHERE : SENDER_EMPTY;
  if (fit == SOCKET_BEHIND)
    return SENDER_STALE_ACK;
  if (socket_flight_bytes(state) == 0)
    return classify_unsent(one, state);
  if (socket_held_bytes(one, state, &held_bytes) && held_bytes > 0)
    return state->wmem_alloc_bytes > 0 ? SENDER_HELD : SENDER_GONE;
  return SENDER_FLIGHT;
}

/* ---- over the wait ---- */

static void add_piece(struct sender_sight *sender, enum sender_class which,
                      const struct socket_piece *piece)
{
  const int64_t length_ns = piece->until_ns - piece->from_ns;
  sender->class_ns[which] += length_ns > 0 ? length_ns : 1; /* a single sample counts as well */
  sender->socket.known_ns += length_ns;
}

/* Until the larger window has passed, the socket cannot know it. */
static void add_split(struct socket_case *one, enum sender_class which, struct socket_piece piece)
{
  const struct sighting *opened = &one->situation->wait->window_opened;
  if (which == SENDER_STALE_WINDOW && opened->frame != 0 && opened->time_ns > piece.from_ns) {
    struct socket_piece before = piece;
    if (opened->time_ns < piece.until_ns)
      before.until_ns = opened->time_ns;
    add_piece(&one->sender, SENDER_WINDOW, &before);
    if (opened->time_ns >= piece.until_ns)
      return;
    piece.from_ns = opened->time_ns;
  }
  add_piece(&one->sender, which, &piece);
}

static void choose_main(struct sender_sight *sender)
{
  int64_t sum_ns = 0;
  for (int which = 0; which < SENDER_CLASSES; which++) {
    sum_ns += sender->class_ns[which];
    if (sender->class_ns[which] > sender->class_ns[sender->main])
      sender->main = (enum sender_class)which;
  }
  sender->socket.main_ns = sender->class_ns[sender->main];
  sender->clear = sum_ns > 0 && time_is_share(sender->socket.main_ns, sum_ns, SOCKET_MAIN_PERCENT);
}

static bool is_in_main(const struct socket_case *one, const struct socket_piece *piece)
{
  enum sender_class which = classify(one, piece->state);
  if (which == SENDER_STALE_WINDOW && one->sender.main == SENDER_WINDOW)
    which = SENDER_WINDOW; /* before the update */
  return which == one->sender.main;
}

static void find_longest(struct socket_case *one)
{
  struct socket_sight *sight = &one->sender.socket;
  struct socket_piece piece;
  uint32_t index = 0;
  while (socket_witness_next(&sight->witness, sight->from_ns, sight->until_ns, &index, &piece)) {
    if (!is_in_main(one, &piece))
      continue;
    if (sight->longest.state == NULL)
      sight->main_from_ns = piece.from_ns;
    if (sight->longest.state == NULL ||
        piece.until_ns - piece.from_ns > sight->longest.until_ns - sight->longest.from_ns)
      sight->longest = piece;
  }
}

/* The clocks of both ends are close enough to each other for so long a wait. */
static bool clocks_agree(const struct socket_case *one, const struct socket_sight *sight)
{
  const struct situation *situation = one->situation;
  const struct path_source *paths = &situation->analyzer->paths;
  if (sight->end == situation->connection->end)
    return true;
  const struct path_view *view =
      paths->view == NULL
          ? NULL
          : paths->view(paths->context, situation->connection->end, situation->connection->id);
  return view != NULL && time_is_valid(view->uncertainty_ns) &&
         !time_is_share(view->uncertainty_ns, situation->gap_ns, CLOCK_PERCENT_MAX);
}

/* Classes from sight->from_ns on. */
static void survey(struct socket_case *one)
{
  struct socket_sight *sight = &one->sender.socket;
  struct socket_piece piece;
  uint32_t index = 0;
  memset(one->sender.class_ns, 0, sizeof one->sender.class_ns);
  one->sender.main = SENDER_EMPTY;
  sight->known_ns = sight->main_ns = 0;
  sight->samples = 0;
  enum sender_class before = SENDER_CLASSES;
  int64_t before_ns = 0;
  while (socket_witness_next(&sight->witness, sight->from_ns, sight->until_ns, &index, &piece)) {
    const enum sender_class which = classify(one, piece.state);
    socket_sight_add(sight, &piece);
    if (which == before)
      socket_piece_join(&piece, before_ns);
    add_split(one, which, piece);
    before = which;
    before_ns = piece.until_ns;
  }
  choose_main(&one->sender);
}

/* The end of the time at the wait's beginning in which there was nothing to send; from_ns: there
 * was none. */
static int64_t leading_empty_ns(const struct socket_case *one)
{
  const struct socket_sight *sight = &one->sender.socket;
  struct socket_piece piece;
  uint32_t index = 0;
  int64_t until_ns = sight->from_ns;
  while (socket_witness_next(&sight->witness, sight->from_ns, sight->until_ns, &index, &piece)) {
    until_ns = piece.from_ns;
    if (piece.state->wqueue_bytes > 0)
      break;
  }
  return until_ns;
}

/* First there was nothing to send, then there was, and it did not leave: what is to be explained
 * begins in the middle of the wait. */
static void leave_out_empty(struct socket_case *one)
{
  struct socket_sight *sight = &one->sender.socket;
  const int64_t from_ns = sight->from_ns;
  if (one->sender.clear || sight->samples == 0)
    return;
  sight->from_ns = leading_empty_ns(one);
  one->sender.begun_ns = sight->from_ns;
  if (sight->from_ns > from_ns)
    survey(one);
  if (sight->from_ns > from_ns && one->sender.clear && one->sender.main != SENDER_EMPTY &&
      sight->until_ns - sight->from_ns > one->situation->limit_ns)
    return;
  sight->from_ns = from_ns;
  one->sender.begun_ns = one->situation->start_ns;
  survey(one);
}

void socket_see_sender(struct socket_case *one)
{
  const struct situation *situation = one->situation;
  struct socket_sight *sight = &one->sender.socket;
  sight->side = situation->side;
  sight->sampled =
      socket_witness_find(situation->analyzer, situation->connection, sight->side, &sight->witness);
  if (!sight->sampled)
    return;
  sight->end = sight->witness.history->key.end;
  one->sender.here = sight->end == situation->connection->end;
  one->sender.begun_ns = situation->start_ns;
  socket_sight_span(one, sight);
  survey(one);
  leave_out_empty(one);
  if (sight->samples == 0)
    return;
  find_longest(one);
  one->sender.proof = one->sender.clear && socket_sight_is_proof(one, sight);
  one->sender.clear =
      one->sender.clear && sight->longest.state != NULL && socket_may_judge(one, one->sender.proof);
}

bool socket_may_judge(const struct socket_case *one, bool proof)
{
  return proof || one->situation->gap_ns >= one->situation->analyzer->options.min_stall_ns;
}

void socket_sight_span(const struct socket_case *one, struct socket_sight *sight)
{
  const struct situation *situation = one->situation;
  sight->from_ns = situation->start_ns;
  sight->until_ns = situation->end_ns;
  /* The first part of every gap is moving, and as much may be the way of what ended it. */
  if (situation->limit_ns < situation->gap_ns / 2)
    sight->from_ns += situation->limit_ns;
}

void socket_sight_add(struct socket_sight *sight, const struct socket_piece *piece)
{
  if (sight->samples == 0)
    sight->first = *piece->state;
  sight->last = *piece->state;
  if (sight->samples == 0)
    sight->first_ns = piece->from_ns;
  sight->last_ns = piece->until_ns;
  sight->samples += piece->samples;
}

bool socket_sight_is_proof(const struct socket_case *one, const struct socket_sight *sight)
{
  const int64_t span_ns = sight->until_ns - sight->from_ns;
  const int64_t silence_ns =
      sample_store_silence_ns(sight->witness.store, sight->end, sight->from_ns, sight->until_ns);
  return time_is_share(sight->known_ns, span_ns, SOCKET_KNOWN_PERCENT) &&
         !time_is_share(silence_ns, span_ns, SOCKET_KNOWN_PERCENT) && clocks_agree(one, sight);
}

/* ---- verdicts ---- */

static bool is_of_application(enum cause cause)
{
  return cause == CAUSE_APP_IDLE || cause == CAUSE_APP_TRICKLE || cause == CAUSE_APP_TURNAROUND ||
         cause == CAUSE_KEEPALIVE_IDLE || cause == CAUSE_LOST_WAKEUP;
}

/* Who waits for room in the send buffer has filled it before. */
static bool buffer_was_full(const struct socket_case *one, struct socket_piece *full)
{
  const struct socket_sight *sight = &one->sender.socket;
  const int64_t start_ns = one->situation->start_ns;
  struct socket_piece piece;
  uint32_t index = 0;
  full->state = NULL;
  while (
      socket_witness_next(&sight->witness, start_ns - 2 * NS_PER_S, start_ns + 1, &index, &piece))
    if (piece.state->has_skmeminfo && piece.state->wqueue_bytes >= piece.state->sndbuf_bytes / 2)
      *full = piece;
  return full->state != NULL;
}

/* What it was to answer came to it during the wait, or not all of it before: the other direction
 * was held up. */
static bool was_asked_late(const struct socket_case *one)
{
  const struct situation *situation = one->situation;
  const struct socket_sight *sight = &one->sender.socket;
  const int64_t asked_ns = one->finding->start_ns;
  const int64_t acked_ns = stream_outstanding(situation->other) > 0
                               ? situation->end_ns
                               : situation->other->last_ack.time_ns;
  struct socket_piece piece;
  uint32_t index = 0;
  if (acked_ns - asked_ns > ACK_DELAY_MAX_NS && acked_ns - asked_ns > situation->limit_ns)
    return true; /* with the question as it was, TCP would have acknowledged it */
  while (socket_witness_next(&sight->witness, asked_ns, sight->until_ns, &index, &piece))
    if (piece.from_ns > asked_ns) /* the first one that has it */
      return piece.state->tcpi_bytes_received != sight->last.tcpi_bytes_received;
  return false;
}

static void judge_empty(struct socket_case *one)
{
  struct finding *finding = one->finding;
  struct socket_piece full;
  if (!is_of_application(finding->cause)) {
    const enum ended_by how = finding->ended_by;
    finding_begin(finding, FINDING_STALL, one->situation->side, one->situation->start_ns,
                  one->situation->end_ns);
    finding->ended_by = how;
    if (!rule_idle(one->situation, finding) || finding->location == LOCATION_NONE)
      return;
  }
  const enum cause cause = is_of_application(finding->cause) ? finding->cause : CAUSE_LOST_WAKEUP;
  const bool open_cause = cause == CAUSE_LOST_WAKEUP;
  const enum severity severity = finding->severity;
  const bool asked = (one->situation->other->flags & STREAM_LATEST_SPEAKER) != 0;
  const bool proof = one->sender.proof && (!asked || !was_asked_late(one));
  const enum confidence confidence = proof ? CONFIDENCE_PROVEN : CONFIDENCE_LIKELY;
  socket_settle(one, LOCATION_SENDER_APP, cause, confidence,
                open_cause ? CONFIDENCE_POSSIBLE : confidence);
  finding->severity = severity;
  socket_exclude(finding, LOCATION_SENDER_TCP);
  socket_exclude(finding, LOCATION_SENDER_QUEUE);
  socket_exclude(finding, LOCATION_FORWARD_PATH);
  if (finding->summary[0] == '\0') {
    char gap[32];
    snprintf(finding->summary, sizeof finding->summary,
             "The sending application wrote nothing for %s, in the middle of a message.",
             duration_words(one->situation->gap_ns, gap));
  }
  if (open_cause && buffer_was_full(one, &full))
    socket_fact(finding, one->sender.socket.end, full.from_ns,
                "the sender's send buffer was full before the pause (%u bytes of sndbuf %u): who "
                "wrote them was waiting for room",
                full.state->wqueue_bytes, full.state->sndbuf_bytes);
  snprintf(
      finding->reason, sizeof finding->reason,
      "Not TCP, not the queue, not the path: the kernel of %c says that its socket had nothing "
      "unsent and nothing unacknowledged while the stream stood still.",
      socket_end_letter(&one->sender.socket));
}

static void tell_stale_doubt(struct socket_case *one, bool acts, bool is_ack)
{
  if (!is_ack && socket_capture_misses(one))
    finding_add_alternative(one->finding, LOCATION_RECEIVER_APP, CAUSE_ZERO_WINDOW,
                            "the capture does not say that it lost nothing: the receiver may have "
                            "closed its window again, unseen");
  if (!acts)
    finding_add_alternative(one->finding, LOCATION_SENDER_APP, CAUSE_UNKNOWN,
                            "nothing that this socket sent shows that it is the captured one: a "
                            "proxy has two of the same addresses");
}

/* What has passed the capture did not reach the socket: its counter of segments tells whether TCP
 * has seen it. */
static void judge_stale(struct socket_case *one, enum cause cause)
{
  struct finding *finding = one->finding;
  const struct socket_sight *sight = &one->sender.socket;
  const bool is_ack = cause == CAUSE_ACK_IGNORED;
  const uint32_t segments = sight->last.tcpi_segs_in_pkts - sight->first.tcpi_segs_in_pkts;
  const struct wait *wait = one->situation->wait;
  /* It shows on the wire what it does not know: that it is this socket. And a window that was
   * closed again is a packet that has to have been captured. */
  const bool acts = is_ack ? wait->retransmissions_of_acked > 0 : wait->probes > 0;
  const bool certain = one->sender.proof && acts && (is_ack || !socket_capture_misses(one));
  const enum confidence confidence = certain ? CONFIDENCE_PROVEN : CONFIDENCE_LIKELY;
  char gap[32];
  socket_settle(one, LOCATION_SENDER_TCP, cause, confidence, confidence);
  finding->alternative_count = 0;
  tell_stale_doubt(one, acts, is_ack);
  if (is_ack)
    socket_fact(finding, sight->end, sight->longest.from_ns,
                "the kernel of %c has not taken in that ACK: tcpi_bytes_acked stays at %llu, "
                "although %u bytes more are acknowledged here",
                socket_end_letter(sight),
                (unsigned long long)sight->longest.state->tcpi_bytes_acked,
                sight->longest.state->wqueue_bytes);
  else
    socket_fact(finding, sight->end, sight->longest.from_ns,
                "the kernel of %c has not taken in that window: tcpi_snd_wnd stays at %u",
                socket_end_letter(sight), sight->longest.state->tcpi_snd_wnd_bytes);
  if (finding->summary[0] == '\0')
    snprintf(finding->summary, sizeof finding->summary,
             "%s was at %c in time, and the sender's TCP went on without it for %s.",
             is_ack ? "The ACK" : "The open window", socket_end_letter(sight),
             duration_words(one->situation->gap_ns, gap));
  snprintf(
      finding->reason, sizeof finding->reason,
      "The way back had done its part: what came was captured on the sender's own host. %s",
      segments == 0
          ? "Its TCP counted no segment at all meanwhile (tcpi_segs_in): something between the "
            "capture point and TCP dropped them, as a local firewall does."
          : "Its TCP counted segments meanwhile (tcpi_segs_in): it took them, and did not use "
            "what they said.");
}

/* At the pace that the application has set for its socket, the wait is what a burst costs. */
static bool is_paced(const struct socket_case *one)
{
  const struct sample_socket *state = one->sender.socket.longest.state;
  const uint64_t rate = state->tcpi_pacing_rate_bytes_per_s;
  return rate > 0 && rate == state->tcpi_max_pacing_rate_bytes_per_s &&
         (double)rate * time_to_s(one->situation->gap_ns) <= BURST_BYTES_MAX;
}

static void tell_pacing(struct socket_case *one)
{
  struct finding *finding = one->finding;
  const struct socket_sight *sight = &one->sender.socket;
  char gap[32];
  finding->severity = SEVERITY_INFO;
  finding->settle = finding->advice = NULL;
  snprintf(finding->summary, sizeof finding->summary,
           "The sender's TCP waited for %s, as its application has set a pace of %llu bytes a "
           "second.",
           duration_words(one->situation->gap_ns, gap),
           (unsigned long long)sight->longest.state->tcpi_max_pacing_rate_bytes_per_s);
  socket_fact(finding, sight->end, sight->longest.from_ns,
              "the kernel may send %llu bytes a second on this socket, as the application wants it "
              "(tcpi_max_pacing_rate)",
              (unsigned long long)sight->longest.state->tcpi_max_pacing_rate_bytes_per_s);
}

static void judge_ready(struct socket_case *one)
{
  struct finding *finding = one->finding;
  const struct socket_sight *sight = &one->sender.socket;
  char gap[32];
  const bool little =
      sight->longest.state->tcpi_notsent_bytes < sight->longest.state->tcpi_snd_mss_bytes;
  if (finding->location == LOCATION_SENDER_TCP || !one->sender.proof)
    return;
  socket_settle(one, LOCATION_SENDER_TCP, CAUSE_UNKNOWN, CONFIDENCE_LIKELY, CONFIDENCE_POSSIBLE);
  if (little) /* the application's wish, most likely */
    finding->severity = SEVERITY_INFO;
  if (little)
    socket_leave_open(finding, LOCATION_SENDER_APP, CAUSE_APP_IDLE,
                      "the application may have asked to wait for more (TCP_CORK, MSG_MORE)");
  snprintf(finding->summary, sizeof finding->summary,
           "The sender's TCP had %u bytes to send and room for them, and did not send for %s.",
           sight->longest.state->tcpi_notsent_bytes, duration_words(one->situation->gap_ns, gap));
  if (is_paced(one))
    tell_pacing(one);
}

/* Bytes wait for the window: the application has written, and TCP may not send. */
static void judge_window(struct socket_case *one)
{
  struct finding *finding = one->finding;
  char gap[32];
  const bool of_sender = finding->location == LOCATION_SENDER_APP ||
                         finding->location == LOCATION_SENDER_QUEUE ||
                         finding->location == LOCATION_NONE;
  socket_exclude(finding, LOCATION_SENDER_APP);
  socket_exclude(finding, LOCATION_SENDER_QUEUE);
  if (!of_sender)
    return;
  finding->alternative_count = 0;
  socket_settle(one, LOCATION_RECEIVER_APP, CAUSE_ZERO_WINDOW, CONFIDENCE_POSSIBLE,
                CONFIDENCE_POSSIBLE);
  socket_leave_open(finding, LOCATION_RECEIVER_TCP, CAUSE_UNKNOWN,
                    "the receiver may have had room and not said so");
  socket_leave_open(finding, LOCATION_REVERSE_PATH, CAUSE_WINDOW_UPDATE_LOST,
                    "the receiver's word of it may have been lost");
  snprintf(finding->summary, sizeof finding->summary,
           "The sender had %u bytes to send and a window of %u, for %s.",
           one->sender.socket.longest.state->tcpi_notsent_bytes,
           one->sender.socket.longest.state->tcpi_snd_wnd_bytes,
           duration_words(one->situation->gap_ns, gap));
}

/* The kernel's own timeout, before it has backed off, is longer than round trips ask for. */
static void judge_timer(struct socket_case *one)
{
  const struct socket_sight *sight = &one->sender.socket;
  const struct sample_socket *state = sight->longest.state;
  const int64_t rto_ns = (int64_t)state->tcpi_rto_us * NS_PER_US;
  const int64_t bound_ns = rtt_rto_bound_ns(&one->situation->stream->rtt);
  char rto[32], rtt[32];
  if (state->tcpi_backoff > 0 || rto_ns < RTO_EXCESS_TIMES * bound_ns)
    return;
  if (one->sender.proof)
    socket_settle(one, LOCATION_SENDER_TCP, CAUSE_EXCESSIVE_RTO, CONFIDENCE_PROVEN,
                  CONFIDENCE_PROVEN);
  socket_fact(
      one->finding, sight->end, sight->longest.from_ns,
      "the kernel's timeout for this socket is %s (tcpi_rto) at a round trip of %s (tcpi_rtt)",
      duration_words(rto_ns, rto), duration_words((int64_t)state->tcpi_rtt_us * NS_PER_US, rtt));
}

/* All that TCP sent has left, and TCP knows that it is not acknowledged. */
static void judge_flight(struct socket_case *one)
{
  struct finding *finding = one->finding;
  if (!one->sender.here)
    return;
  socket_exclude(finding, LOCATION_SENDER_QUEUE);
  socket_exclude(finding, LOCATION_SENDER_APP);
  if (finding->cause == CAUSE_EXCESSIVE_RTO)
    judge_timer(one);
  if (finding->location != LOCATION_SENDER_QUEUE && finding->location != LOCATION_SENDER_APP)
    return;
  if (finding->confidence > CONFIDENCE_POSSIBLE)
    finding->confidence = finding->cause_confidence = CONFIDENCE_POSSIBLE;
  socket_leave_open(finding, LOCATION_FORWARD_PATH, CAUSE_UNKNOWN,
                    "the sender's kernel says that everything had left and was waiting for "
                    "its ACK");
}

/* The finding is about the time since there was something to send. */
static void begin_later(struct socket_case *one)
{
  struct finding *finding = one->finding;
  if (one->sender.begun_ns <= finding->start_ns || one->sender.begun_ns >= finding->end_ns)
    return;
  finding->start_ns = one->sender.begun_ns;
  finding->waited_ns = finding->end_ns - finding->start_ns;
}

/* The wait's length in the summary is the one before begin_later(). */
static void tell_later_begin(struct socket_case *one)
{
  struct finding *finding = one->finding;
  char whole[32], rest[32], summary[SUMMARY_SIZE];
  duration_words(one->situation->gap_ns, whole);
  const char *there = strstr(finding->summary, whole);
  if (there == NULL || finding->start_ns <= one->situation->start_ns)
    return;
  snprintf(summary, sizeof summary, "%.*s%s%s", (int)(there - finding->summary), finding->summary,
           duration_words(finding->waited_ns, rest), there + strlen(whole));
  memcpy(finding->summary, summary, sizeof summary);
}

static bool judge_sender(struct socket_case *one)
{
  const bool nothing = one->finding->location == LOCATION_NONE;
  if (!one->sender.clear)
    return false;
  if (!one->sender.proof &&
      (one->sender.main == SENDER_STALE_ACK || one->sender.main == SENDER_STALE_WINDOW))
    return false; /* a sample that is a little late says the same */
  if (socket_capture_lost(one) &&
      (one->sender.main == SENDER_GONE || one->sender.main == SENDER_STALE_WINDOW))
    return false; /* it is the capture that lacks it */
  if (one->sender.main != SENDER_FLIGHT)
    begin_later(one);
  switch (one->sender.main) {
  case SENDER_EMPTY:
    if (!nothing)
      judge_empty(one);
    return !nothing;
  case SENDER_HELD:
  case SENDER_GONE:
  case SENDER_REFUSED: socket_judge_below(one); return true;
  case SENDER_STALE_ACK: judge_stale(one, CAUSE_ACK_IGNORED); return true;
  case SENDER_STALE_WINDOW: judge_stale(one, CAUSE_WINDOW_UPDATE_IGNORED); return true;
  case SENDER_READY:
    if (!nothing)
      judge_ready(one);
    return !nothing;
  case SENDER_ELSEWHERE: return false;
  case SENDER_WINDOW: judge_window(one); return false;
  case SENDER_FLIGHT:
  default: judge_flight(one); return false;
  }
}

bool socket_judge_sender(struct socket_case *one)
{
  const bool judged = judge_sender(one);
  tell_later_begin(one);
  return judged;
}
