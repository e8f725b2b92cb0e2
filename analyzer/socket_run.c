/* What limited a sender over a whole row of short waits: counted over the samples that fell into
 * it, which come at a pace of their own, and by the kernel's clocks of busy time. */

#include "analyzer/socket_judge_internal.h"

#include "wire/timestamp.h"

#include <stdio.h>

/* Fewer samples tell nothing of a row. */
#define RUN_SAMPLES_MIN 4u
/* The state that this part of the samples shows is the limit. */
#define RUN_MAIN_PERCENT 70
/* The kernel's own clock must agree with so much, where it has one. */
#define RUN_CLOCK_PERCENT 60
/* So much of the row's time must lie between its first and its last sample for a proof; the packets
 * show that it was the same all along. */
#define RUN_KNOWN_PERCENT 25
/* Less than this part of a receive buffer, a quarter of the data that it holds, says nothing of the
 * reader: what has just come is read in a moment. */
#define RUN_UNREAD_PART_MIN 8u
/* Memory that the kernel takes for a segment is up to twice its bytes: a send buffer is full when
 * so much of it is bytes. */
#define BUFFER_FULL_PERCENT 45

enum run_limit {
  RUN_EMPTY,  /* nothing to send */
  RUN_WINDOW, /* the receiver's window */
  RUN_CWND,   /* the congestion window */
  RUN_NAGLE,  /* less than a segment, while something is outstanding */
  RUN_BUFFER, /* all that fits into the send buffer is out */
  RUN_WRITER, /* all that was written is out, and there is room for more */
  RUN_OTHER,
  RUN_LIMITS
};

struct run {
  uint64_t count[RUN_LIMITS], total;
  enum run_limit main;
  uint64_t unread, much_unread, receiver_total; /* much_unread: enough to slow the sender down */
  int64_t first_ns, last_ns;                    /* the sender's samples */
  struct sample_socket first, last;             /* the sender's */
  struct sample_socket receiver;                /* its last */
};

static enum run_limit limit_of(const struct sample_socket *state)
{
  const uint32_t notsent = state->tcpi_notsent_bytes;
  const uint32_t flight = state->wqueue_bytes > notsent ? state->wqueue_bytes - notsent : 0;
  const uint32_t mss = state->tcpi_snd_mss_bytes;
  const uint32_t next = notsent < mss ? notsent : mss;
  if (state->wqueue_bytes == 0)
    return RUN_EMPTY;
  if (notsent == 0) {
    const bool full =
        state->has_skmeminfo &&
        (uint64_t)state->wqueue_bytes * 100 >= (uint64_t)state->sndbuf_bytes * BUFFER_FULL_PERCENT;
    return full ? RUN_BUFFER : RUN_WRITER;
  }
  if (state->has_snd_wnd && (uint64_t)flight + next > state->tcpi_snd_wnd_bytes)
    return RUN_WINDOW;
  if (state->tcpi_unacked_pkts >= state->tcpi_snd_cwnd_pkts)
    return RUN_CWND;
  return notsent < mss && flight > 0 ? RUN_NAGLE : RUN_OTHER;
}

static void count_sender(const struct socket_witness *witness, int64_t from_ns, int64_t until_ns,
                         struct run *run)
{
  struct socket_piece piece;
  uint32_t index = 0;
  while (socket_witness_next(witness, from_ns, until_ns, &index, &piece)) {
    if (run->total == 0) {
      run->first = *piece.state;
      run->first_ns = piece.from_ns;
    }
    run->last = *piece.state;
    run->last_ns = piece.until_ns;
    run->count[limit_of(piece.state)] += piece.samples;
    run->total += piece.samples;
  }
  for (int limit = 0; limit < RUN_LIMITS; limit++)
    if (run->count[limit] > run->count[run->main])
      run->main = (enum run_limit)limit;
}

static void count_receiver(const struct socket_witness *witness, int64_t from_ns, int64_t until_ns,
                           struct run *run)
{
  struct socket_piece piece;
  uint32_t index = 0;
  while (socket_witness_next(witness, from_ns, until_ns, &index, &piece)) {
    run->receiver_total += piece.samples;
    run->receiver = *piece.state;
    if (piece.state->rqueue_bytes == 0)
      continue;
    run->unread += piece.samples;
    if (!piece.state->has_skmeminfo ||
        piece.state->rqueue_bytes >= piece.state->rcvbuf_bytes / RUN_UNREAD_PART_MIN)
      run->much_unread += piece.samples;
  }
}

static bool is_main(const struct run *run)
{
  return run->total >= RUN_SAMPLES_MIN &&
         run->count[run->main] * 100 >= run->total * RUN_MAIN_PERCENT;
}

static bool is_known(const struct run *run, const struct finding *finding)
{
  return time_is_share(run->last_ns - run->first_ns, finding->end_ns - finding->start_ns,
                       RUN_KNOWN_PERCENT);
}

static void limit_confidence(struct finding *finding)
{
  if (finding->confidence > CONFIDENCE_LIKELY)
    finding->confidence = CONFIDENCE_LIKELY;
  if (finding->cause_confidence > CONFIDENCE_LIKELY)
    finding->cause_confidence = CONFIDENCE_LIKELY;
}

/* The part of its busy time in which the kernel counted the sender as limited so. */
static bool clock_agrees(uint64_t limited_before_us, uint64_t limited_us, const struct run *run)
{
  const uint64_t busy_us = run->last.tcpi_busy_time_us - run->first.tcpi_busy_time_us;
  const uint64_t grown_us = limited_us - limited_before_us;
  return busy_us > 0 && busy_us < UINT64_MAX / 100 && grown_us < UINT64_MAX / 100 &&
         grown_us * 100 >= busy_us * RUN_CLOCK_PERCENT;
}

/* ---- verdicts ---- */

static void settle_run(struct finding *finding, enum location location, enum cause cause)
{
  const enum severity severity = finding->severity;
  char waited[32], span[32];
  snprintf(finding->summary, sizeof finding->summary, "Of %s, %s were spent waiting, because %s.",
           duration_words(finding->end_ns - finding->start_ns, span),
           duration_words(finding->waited_ns, waited), cause_info(cause)->meaning);
  verdict(finding, cause, location, CONFIDENCE_PROVEN, CONFIDENCE_PROVEN);
  finding->severity = severity;
  finding->alternative_count = 0;
  finding->settle = NULL;
}

static void tell_count(struct finding *finding, const struct socket_witness *witness,
                       const struct run *run, const char *what)
{
  socket_fact(finding, witness->history->key.end, finding->start_ns,
              "the kernel, of the sender's socket: %llu of %llu samples show %s",
              (unsigned long long)run->count[run->main], (unsigned long long)run->total, what);
}

static bool is_window_run(enum cause cause)
{
  return cause == CAUSE_RCVBUF_LIMITED || cause == CAUSE_SLOW_READER ||
         cause == CAUSE_ZERO_WINDOW || cause == CAUSE_SILLY_WINDOW;
}

static bool is_sender_run(enum cause cause)
{
  return cause == CAUSE_CWND_LIMITED || cause == CAUSE_SNDBUF_LIMITED;
}

/* The sender reads the receiver's windows with another shift than the receiver writes them with:
 * somebody changed the option in the receiver's SYN. */
static bool scales_differ(struct finding *finding, const struct socket_witness *sender,
                          const struct socket_witness *receiver, const struct run *run)
{
  const uint8_t read_with = run->last.tcpi_snd_wscale;
  const uint8_t written_with = run->receiver.tcpi_rcv_wscale;
  if (run->receiver_total == 0 || read_with == written_with)
    return false;
  socket_fact(finding, sender->history->key.end, finding->start_ns,
              "the kernel, of the sender's socket: it reads the other side's windows with shift %u "
              "(tcpi_snd_wscale)",
              read_with);
  socket_fact(finding, receiver->history->key.end, finding->start_ns,
              "the kernel, of the receiver's socket: it writes its windows with shift %u "
              "(tcpi_rcv_wscale)",
              written_with);
  settle_run(finding, LOCATION_REVERSE_PATH,
             finding->cause == CAUSE_WINDOW_SCALE_STRIPPED ? CAUSE_WINDOW_SCALE_STRIPPED
                                                           : CAUSE_WINDOW_SCALE_REWRITTEN);
  return true;
}

static void judge_window_run(struct finding *finding, const struct socket_witness *sender,
                             const struct socket_witness *receiver, const struct run *run)
{
  char limited[32];
  const bool scale = finding->cause == CAUSE_WINDOW_SCALE_REWRITTEN ||
                     finding->cause == CAUSE_WINDOW_SCALE_STRIPPED;
  if (!is_window_run(finding->cause) && !is_sender_run(finding->cause) && !scale)
    return;
  if (scales_differ(finding, sender, receiver, run) || scale)
    return;
  tell_count(finding, sender, run, "unsent bytes that the receiver's window did not allow");
  if (clock_agrees(run->first.tcpi_rwnd_limited_us, run->last.tcpi_rwnd_limited_us, run))
    socket_fact(
        finding, sender->history->key.end, finding->end_ns,
        "its clock of time limited by the window (tcpi_rwnd_limited) grew by %s meanwhile",
        duration_words((int64_t)(run->last.tcpi_rwnd_limited_us - run->first.tcpi_rwnd_limited_us) *
                           NS_PER_US,
                       limited));
  if (run->receiver_total < RUN_SAMPLES_MIN)
    return;
  const bool unread = run->much_unread * 100 >= run->receiver_total * RUN_MAIN_PERCENT;
  const bool read = run->unread * 100 <= run->receiver_total * (100 - RUN_MAIN_PERCENT);
  if (unread || read)
    socket_fact(finding, receiver->history->key.end, finding->start_ns,
                "the kernel, of the receiver's socket: %llu of %llu samples show unread bytes",
                (unsigned long long)run->unread, (unsigned long long)run->receiver_total);
  if (unread)
    settle_run(finding, LOCATION_RECEIVER_APP,
               finding->cause == CAUSE_ZERO_WINDOW ? CAUSE_ZERO_WINDOW : CAUSE_SLOW_READER);
  else if (read)
    settle_run(finding, LOCATION_RECEIVER_TCP,
               finding->cause == CAUSE_SILLY_WINDOW ? CAUSE_SILLY_WINDOW : CAUSE_RCVBUF_LIMITED);
}

static void judge_run(struct finding *finding, const struct socket_witness *sender,
                      const struct socket_witness *receiver, const struct run *run)
{
  switch (run->main) {
  case RUN_WINDOW: judge_window_run(finding, sender, receiver, run); break;
  case RUN_CWND:
    if (!is_sender_run(finding->cause))
      break;
    tell_count(finding, sender, run, "unsent bytes and a full congestion window");
    settle_run(finding, LOCATION_SENDER_TCP, CAUSE_CWND_LIMITED);
    break;
  case RUN_BUFFER:
    if (!is_sender_run(finding->cause))
      break;
    tell_count(finding, sender, run, "a full send buffer, all of it sent");
    settle_run(finding, LOCATION_SENDER_TCP, CAUSE_SNDBUF_LIMITED);
    break;
  case RUN_NAGLE:
    if (finding->cause != CAUSE_NAGLE_DELAYED_ACK)
      break;
    tell_count(finding, sender, run,
               "less than a segment to send, room for it, and an ACK to wait for");
    settle_run(finding, LOCATION_SENDER_TCP, CAUSE_NAGLE_DELAYED_ACK);
    break;
  case RUN_WRITER:
    if (is_sender_run(finding->cause)) {
      tell_count(finding, sender, run, "all sent that was written, and room for more");
      settle_run(finding, LOCATION_SENDER_APP, CAUSE_APP_TRICKLE);
      finding->confidence = finding->cause_confidence = CONFIDENCE_LIKELY;
    } else if (finding->cause == CAUSE_DELAYED_ACK) {
      tell_count(finding, sender, run, "all sent that was written, and room for more");
      socket_exclude_cause(finding, CAUSE_SNDBUF_LIMITED);
    }
    break;
  case RUN_EMPTY:
    if (finding->cause != CAUSE_APP_TRICKLE)
      break;
    tell_count(finding, sender, run, "nothing unsent and nothing unacknowledged");
    settle_run(finding, LOCATION_SENDER_APP, CAUSE_APP_TRICKLE);
    break;
  case RUN_OTHER:
  default: break;
  }
}

void socket_judge_run(const struct analyzer *analyzer, const struct connection *connection,
                      struct finding *finding)
{
  struct socket_witness sender, receiver;
  struct run run = {.total = 0};
  if (socket_witness_find(analyzer, connection, finding->sender ^ 1, &receiver))
    count_receiver(&receiver, finding->start_ns, finding->end_ns, &run);
  if (!socket_witness_find(analyzer, connection, finding->sender, &sender))
    return;
  count_sender(&sender, finding->start_ns, finding->end_ns, &run);
  if (!is_main(&run))
    return;
  const enum cause before = finding->cause;
  const enum confidence sure = finding->confidence;
  judge_run(finding, &sender, &receiver, &run);
  if (!is_known(&run, finding) && (finding->cause != before || sure < CONFIDENCE_PROVEN))
    limit_confidence(finding);
}
