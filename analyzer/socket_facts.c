#include "analyzer/socket_judge_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* tcp_info's and inet_diag's numbers. */
static const char *timer_words(uint8_t timer)
{
  static const char *const names[] = {"no timer", "retransmission timer", "keep-alive timer",
                                      "time-wait timer", "persist timer"};
  return timer < sizeof names / sizeof *names ? names[timer] : "unknown timer";
}

void socket_fact(struct finding *finding, uint8_t end, int64_t time_ns, const char *format, ...)
{
  char fact[EVIDENCE_FACT_SIZE];
  va_list values;
  va_start(values, format);
  vsnprintf(fact, sizeof fact, format, values);
  va_end(values);
  if (finding->evidence_count == EVIDENCE_MAX) { /* of the packets' facts one in the middle goes */
    const uint32_t gone = EVIDENCE_MAX / 2;
    memmove(&finding->evidence[gone], &finding->evidence[gone + 1],
            (EVIDENCE_MAX - 1 - gone) * sizeof *finding->evidence);
    finding->evidence_count--;
  }
  finding_add_evidence(finding, end, 0, time_ns, "%s", fact);
}

static struct kernel_evidence *add_kernel(struct socket_case *one, const struct socket_sight *sight,
                                          bool of_sender)
{
  struct finding *finding = one->finding;
  if (finding->kernel_count == KERNEL_EVIDENCE_MAX)
    return NULL;
  const struct sample_socket *state = sight->longest.state;
  struct kernel_evidence *kernel = &finding->kernel[finding->kernel_count++];
  *kernel = (struct kernel_evidence){
      .end = sight->end,
      .socket = sight->side,
      .of_sender = of_sender,
      .from_ns = sight->longest.from_ns,
      .until_ns = sight->longest.until_ns,
      .sample = sight->longest.number,
      .samples = sight->samples,
      .tcpi_state = state->state,
      .timer = state->timer,
      .tcpi_backoff = state->tcpi_backoff,
      .tcpi_unacked_pkts = state->tcpi_unacked_pkts,
      .tcpi_notsent_bytes = state->tcpi_notsent_bytes,
      .wqueue_bytes = state->wqueue_bytes,
      .rqueue_bytes = state->rqueue_bytes,
      .tcpi_snd_wnd_bytes = state->tcpi_snd_wnd_bytes,
      .tcpi_snd_cwnd_pkts = state->tcpi_snd_cwnd_pkts,
      .tcpi_total_retrans_pkts = state->tcpi_total_retrans_pkts,
      .wmem_alloc_bytes = state->wmem_alloc_bytes,
      .sndbuf_bytes = state->sndbuf_bytes,
      .rmem_alloc_bytes = state->rmem_alloc_bytes,
      .rcvbuf_bytes = state->rcvbuf_bytes,
      .est_held_bytes = -1,
      .qdisc_backlog_bytes = -1,
      .qdisc_backlog_pkts = -1,
  };
  return kernel;
}

void socket_tell_sender(struct socket_case *one)
{
  const struct socket_sight *sight = &one->sender.socket;
  const struct sample_socket *state = sight->longest.state;
  char held[64] = "", length[32], window[40] = "";
  int64_t held_bytes;
  struct kernel_evidence *kernel = add_kernel(one, sight, true);
  if (kernel == NULL)
    return;
  if (one->sender.here && socket_held_bytes(one, state, &held_bytes) && held_bytes >= 0)
    kernel->est_held_bytes = held_bytes;
  if (kernel->est_held_bytes > 0)
    snprintf(held, sizeof held, ", %lld bytes of them not seen here",
             (long long)kernel->est_held_bytes);
  const struct sample_qdisc *qdisc =
      sample_store_qdisc(sight->witness.store, sight->end, sight->longest.until_ns);
  if (qdisc != NULL && qdisc->has_queue) {
    kernel->qdisc_backlog_bytes = qdisc->backlog_bytes;
    kernel->qdisc_backlog_pkts = qdisc->qlen_pkts;
  }
  if (state->has_snd_wnd && state->tcpi_notsent_bytes > 0)
    snprintf(window, sizeof window, ", snd_wnd %u", state->tcpi_snd_wnd_bytes);
  socket_fact(one->finding, sight->end, sight->longest.from_ns,
              "the kernel, of the sender's socket: unacked %u%s, notsent %u bytes, wmem_alloc %u, "
              "%s%s; so for %s",
              state->tcpi_unacked_pkts, held, state->tcpi_notsent_bytes, state->wmem_alloc_bytes,
              timer_words(state->timer), window,
              duration_words(sight->longest.until_ns - sight->longest.from_ns, length));
}

void socket_tell_receiver(struct socket_case *one)
{
  const struct socket_sight *sight = &one->receiver.socket;
  const struct sample_socket *state = sight->longest.state;
  char length[32];
  if (add_kernel(one, sight, false) == NULL)
    return;
  socket_fact(one->finding, sight->end, sight->longest.from_ns,
              "the kernel, of the receiver's socket: %u bytes unread, rmem_alloc %u of rcvbuf %u; "
              "so for %s",
              state->rqueue_bytes, state->rmem_alloc_bytes, state->rcvbuf_bytes,
              duration_words(sight->longest.until_ns - sight->longest.from_ns, length));
}

bool socket_capture_misses(const struct socket_case *one)
{
  const struct situation *situation = one->situation;
  const struct analyzer *analyzer = situation->analyzer;
  const uint64_t *packets = analyzer->stats.packets;
  return analyzer->paths.drops[situation->connection->end] != DROPS_NONE ||
         (situation->connection->quality & QUALITY_CAPTURE_GAPS) != 0 ||
         packets[PACKET_CUT] + packets[PACKET_FRAGMENT] + packets[PACKET_MALFORMED] +
                 packets[PACKET_UNSUPPORTED_LINK] >
             0;
}

bool socket_capture_lost(const struct socket_case *one)
{
  const struct situation *situation = one->situation;
  return situation->analyzer->paths.drops[situation->connection->end] == DROPS_SOME ||
         (situation->connection->quality & QUALITY_CAPTURE_GAPS) != 0;
}

void socket_tell_missing(struct socket_case *one, const char *what)
{
  static const char *const words[] = {
      [DROPS_UNKNOWN] = "the capture does not say what it lost",
      [DROPS_NONE] = "the capture has gaps, or frames that were not decoded",
      [DROPS_SOME] = "the capture lost packets",
  };
  const struct situation *situation = one->situation;
  finding_add_alternative(one->finding, LOCATION_FORWARD_PATH, CAUSE_UNKNOWN, "%s: %s",
                          words[situation->analyzer->paths.drops[situation->connection->end]],
                          what);
  one->finding->settle =
      "Did this capture lose packets itself? A recording of tcpstall capture says "
      "so when it has ended; --lossless says it for a file.";
}

void socket_leave_open(struct finding *finding, enum location location, enum cause cause,
                       const char *why)
{
  for (uint32_t i = 0; i < finding->alternative_count; i++)
    if (finding->not_excluded[i].location == location && finding->not_excluded[i].cause == cause)
      return;
  finding_add_alternative(finding, location, cause, "%s", why);
}

void socket_exclude(struct finding *finding, enum location location)
{
  uint32_t kept = 0;
  for (uint32_t i = 0; i < finding->alternative_count; i++)
    if (finding->not_excluded[i].location != location)
      finding->not_excluded[kept++] = finding->not_excluded[i];
  finding->alternative_count = kept;
}

void socket_exclude_cause(struct finding *finding, enum cause cause)
{
  uint32_t kept = 0;
  for (uint32_t i = 0; i < finding->alternative_count; i++)
    if (finding->not_excluded[i].cause != cause)
      finding->not_excluded[kept++] = finding->not_excluded[i];
  finding->alternative_count = kept;
}

void socket_settle(struct socket_case *one, enum location location, enum cause cause,
                   enum confidence confidence, enum confidence cause_confidence)
{
  struct finding *finding = one->finding;
  const enum severity severity = finding->severity;
  const bool same_place = finding->location == location;
  const bool same = same_place && finding->cause == cause;
  verdict(finding, cause, location, confidence, cause_confidence);
  if (same)
    finding->severity = severity;
  else
    finding->summary[0] = '\0';
  if (!same_place) {
    finding->reason[0] = '\0';
    finding->alternative_count = 0;
  }
  if (confidence == CONFIDENCE_PROVEN) { /* causes at the same place may still be open */
    uint32_t kept = 0;
    for (uint32_t i = 0; i < finding->alternative_count; i++)
      if (finding->not_excluded[i].location == location && cause_confidence < CONFIDENCE_PROVEN &&
          finding->not_excluded[i].cause != cause)
        finding->not_excluded[kept++] = finding->not_excluded[i];
    finding->alternative_count = kept;
  }
  if (confidence == CONFIDENCE_PROVEN && cause_confidence == CONFIDENCE_PROVEN)
    finding->settle = NULL;
}
