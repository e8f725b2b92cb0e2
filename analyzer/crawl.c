#include "analyzer/crawl.h"

#include "analyzer/both_ends.h"
#include "analyzer/report_finding.h"
#include "analyzer/situation.h"
#include "analyzer/socket_judge.h"
#include "analyzer/wait.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>

/* No path explains an ACK that took this much longer than the fastest one: a delayed ACK (25 ms:
 * below Linux's 40). */
#define DELAYED_MIN_NS    (25 * NS_PER_MS)
#define DELAYED_RTT_TIMES 3
/* RFC 9293, 3.8.6.3 allows 500 ms; stacks use 40 (Linux) to 200 (Windows, BSD). What is later is
 * diagnosed by itself. */
#define DELAYED_MAX_NS (250 * NS_PER_MS)
/* Data this soon after the ACK was waiting for it. */
#define RELEASED_WITHIN_NS (5 * NS_PER_MS)
/* While a run is told, a wait so many times as long as its others is told by itself. */
#define RUN_WAIT_TIMES 4

struct crawl {
  enum cause cause;
  enum location location;
  enum confidence confidence, cause_confidence; /* the lowest of all waits */
  uint32_t id;                                  /* of the run that was told open; 0: none was */
  enum confidence told;                         /* with this confidence */
  uint32_t waits, kept;
  int64_t waited_ns, first_ns, last_ns;
  uint64_t first_frame, last_frame;
  int64_t candidate_ns, candidate_gap_ns; /* a delayed ACK that may have released data; 0: none */
  uint64_t candidate_frame;
  uint32_t candidate_ts_val;
  bool candidate_full; /* a full segment: Nagle does not hold anything back for it (RFC 9293, 3.7.4)
                        */
  struct finding findings[CRAWL_KEPT]; /* whole */
};

/* Causes whose waits come in rows. */
static bool may_crawl(enum cause cause)
{
  switch (cause) {
  case CAUSE_APP_IDLE:
  case CAUSE_APP_TRICKLE:
  case CAUSE_APP_TURNAROUND:
  case CAUSE_NAGLE_DELAYED_ACK:
  case CAUSE_DELAYED_ACK:
  case CAUSE_CWND_LIMITED:
  case CAUSE_SNDBUF_LIMITED:
  case CAUSE_RCVBUF_LIMITED:
  case CAUSE_SILLY_WINDOW:
  case CAUSE_OUT_OF_WINDOW:
  case CAUSE_SLOW_READER:
  case CAUSE_ZERO_WINDOW:
  case CAUSE_WINDOW_SCALE_REWRITTEN:
  case CAUSE_WINDOW_SCALE_STRIPPED:
  case CAUSE_ACK_HOLD:
  case CAUSE_SEGMENT_LOSS:
  case CAUSE_TAIL_LOSS:
  case CAUSE_PATH_HOLD:
  case CAUSE_ACK_LOSS:
  case CAUSE_LOST_WAKEUP: return true;
  default: return false;
  }
}

static struct crawl *get_crawl(struct analyzer *analyzer, struct stream *stream)
{
  struct trouble *trouble = stream_trouble(analyzer, stream);
  if (trouble == NULL)
    return NULL;
  if (trouble->crawl == NULL && analyzer->crawls < CRAWLS_MAX) {
    trouble->crawl = calloc(1, sizeof *trouble->crawl);
    if (trouble->crawl != NULL) {
      analyzer->crawls++;
      analyzer->trouble_bytes += sizeof *trouble->crawl;
    }
  }
  return trouble->crawl;
}

/* Small pauses of one application are a trickle; a reader that keeps closing the window is a slow
 * one. */
static enum cause cause_of_run(const struct crawl *crawl)
{
  if (crawl->cause == CAUSE_APP_IDLE)
    return CAUSE_APP_TRICKLE;
  return crawl->cause == CAUSE_ZERO_WINDOW ? CAUSE_SLOW_READER : crawl->cause;
}

/* What the run is, made of its first wait. */
static void describe_run(const struct connection *connection, const struct crawl *crawl,
                         struct finding *finding)
{
  char waited[32], span[32];
  enum severity severity = finding->severity;
  /* Pauses that only might be something else, in a row: a way of working, not a fault. */
  if (crawl->cause == CAUSE_LOST_WAKEUP ||
      (crawl->cause == CAUSE_TAIL_LOSS && finding->ended_by == ENDED_BY_APPLICATION))
    severity = SEVERITY_INFO;
  int64_t span_ns = crawl->last_ns - crawl->first_ns;
  enum cause cause = cause_of_run(crawl);
  verdict(finding, cause, crawl->location, crawl->confidence, crawl->cause_confidence);
  finding->severity = severity;
  finding->kind = FINDING_CRAWL;
  finding->waits = crawl->waits;
  finding->waited_ns = crawl->waited_ns;
  finding->start_ns = crawl->first_ns;
  finding->end_ns = crawl->last_ns;
  finding->id = crawl->id;
  finding_add_evidence(finding, connection->end, crawl->last_frame, crawl->last_ns,
                       "the last of %u such waits", crawl->waits);
  snprintf(finding->summary, sizeof finding->summary,
           "%u waits of one kind took %s of %s (%.0f %%), %s %s.", crawl->waits,
           duration_words(crawl->waited_ns, waited), duration_words(span_ns, span),
           span_ns > 0 ? (double)crawl->waited_ns * 100 / (double)span_ns : 100.0,
           crawl->cause_confidence > CONFIDENCE_POSSIBLE ? "because" : "possibly because",
           cause_info(cause)->meaning);
}

static void report_run(struct analyzer *analyzer, struct connection *connection,
                       struct crawl *crawl)
{
  struct finding *finding = &crawl->findings[0];
  describe_run(connection, crawl, finding);
  socket_judge_run(analyzer, connection, finding);
  report_finding(analyzer, connection, finding);
  crawl->id = 0;
}

static void report_singles(struct analyzer *analyzer, struct connection *connection,
                           struct crawl *crawl)
{
  for (uint32_t i = 0; i < crawl->kept; i++) {
    struct finding *finding = &crawl->findings[i];
    if (finding->waited_ns >= analyzer->options.min_stall_ns && finding->id == 0)
      report_finding(analyzer, connection, finding);
  }
  if (crawl->waits > crawl->kept)
    connection->findings_suppressed += crawl->waits - crawl->kept;
}

static bool is_run(const struct analyzer *analyzer, const struct crawl *crawl)
{
  int64_t span_ns = crawl->last_ns - crawl->first_ns;
  bool owns = time_is_share(crawl->waited_ns, span_ns, CRAWL_MIN_SHARE_PERCENT);
  return crawl->waits >= CRAWL_MIN_WAITS && owns &&
         crawl->waited_ns >= analyzer->options.min_stall_ns;
}

static void flush(struct analyzer *analyzer, struct connection *connection, struct crawl *crawl)
{
  if (is_run(analyzer, crawl) || crawl->id != 0)
    report_run(analyzer, connection, crawl);
  else
    report_singles(analyzer, connection, crawl);
  crawl->waits = crawl->kept = 0;
  crawl->waited_ns = 0;
}

/* A run that goes on, told once, and again if it turns out to be less sure. */
static void tell_run(struct analyzer *analyzer, struct connection *connection, struct crawl *crawl)
{
  if (!is_run(analyzer, crawl) || (crawl->id != 0 && crawl->told == crawl->confidence) ||
      (crawl->id == 0 && connection->findings >= analyzer->options.limits.findings_per_connection))
    return;
  struct finding finding = crawl->findings[0];
  describe_run(connection, crawl, &finding);
  socket_judge_run(analyzer, connection, &finding);
  finding.state = crawl->id == 0 ? FINDING_OPEN : FINDING_REVISED;
  report_finding(analyzer, connection, &finding);
  crawl->id = finding.id;
  crawl->told = crawl->confidence;
}

/* The first one stands for the run; of the others the longest are kept. */
static void keep(struct crawl *crawl, const struct finding *finding)
{
  if (crawl->kept < CRAWL_KEPT) {
    crawl->findings[crawl->kept++] = *finding;
    return;
  }
  uint32_t shortest = 0;
  for (uint32_t i = 1; i < CRAWL_KEPT; i++) {
    if (crawl->findings[i].waited_ns < crawl->findings[shortest].waited_ns)
      shortest = i;
  }
  if (finding->waited_ns > crawl->findings[shortest].waited_ns)
    crawl->findings[shortest] = *finding;
}

/* A closed window and one below a segment are one reader's. */
static enum cause family(enum cause cause)
{
  return cause == CAUSE_SLOW_READER ? CAUSE_ZERO_WINDOW : cause;
}

/* No room to keep this stall by itself, in a row that is no run: the waits in it are few and far
 * between. */
static bool would_lose(const struct analyzer *analyzer, const struct crawl *crawl,
                       const struct finding *finding)
{
  return crawl->kept == CRAWL_KEPT && finding->waited_ns >= analyzer->options.min_stall_ns &&
         !time_is_share(crawl->waited_ns + finding->waited_ns, finding->end_ns - crawl->first_ns,
                        CRAWL_MIN_SHARE_PERCENT);
}

static void add_wait(struct analyzer *analyzer, struct connection *connection, struct crawl *crawl,
                     const struct finding *finding)
{
  enum cause cause = family(finding->cause);
  bool same = crawl->cause == cause && crawl->location == finding->location &&
              finding->start_ns - crawl->last_ns <= CRAWL_PAUSE_NS;
  bool too_short = finding->waited_ns < analyzer->options.min_stall_ns;
  if (crawl->waits > 0 && !same && too_short && crawl->waited_ns >= analyzer->options.min_stall_ns)
    return; /* a trifle does not break a run */
  if (crawl->waits > 0 && (!same || would_lose(analyzer, crawl, finding)))
    flush(analyzer, connection, crawl);
  if (crawl->waits == 0) {
    crawl->cause = cause;
    crawl->location = finding->location;
    crawl->confidence = finding->confidence;
    crawl->cause_confidence = finding->cause_confidence;
    crawl->first_ns = finding->start_ns;
  }
  if (finding->confidence < crawl->confidence)
    crawl->confidence = finding->confidence;
  if (finding->cause_confidence < crawl->cause_confidence)
    crawl->cause_confidence = finding->cause_confidence;
  keep(crawl, finding);
  crawl->waits++;
  crawl->waited_ns += finding->waited_ns;
  crawl->last_ns = finding->end_ns;
  crawl->last_frame = connection->last_frame;
  if (analyzer->live)
    tell_run(analyzer, connection, crawl);
}

void crawl_wait(struct analyzer *analyzer, struct connection *connection,
                const struct finding *finding)
{
  struct stream *stream = &connection->stream[finding->sender];
  if (!may_crawl(finding->cause) && finding->waited_ns < analyzer->options.min_stall_ns)
    return;
  struct crawl *crawl = may_crawl(finding->cause) ? get_crawl(analyzer, stream)
                        : stream->trouble != NULL ? stream->trouble->crawl
                                                  : NULL;
  if (crawl != NULL && may_crawl(finding->cause)) {
    add_wait(analyzer, connection, crawl, finding);
    return;
  }
  if (crawl != NULL && crawl->waits > 0) {
    struct finding held = *finding; /* flush() may use the scratch that `finding` lives in */
    flush(analyzer, connection, crawl);
    if (held.waited_ns >= analyzer->options.min_stall_ns && held.id == 0)
      report_finding(analyzer, connection, &held);
    return;
  }
  if (finding->waited_ns >= analyzer->options.min_stall_ns && finding->id == 0) {
    struct finding *own = &analyzer->scratch;
    if (own != finding)
      *own = *finding;
    report_finding(analyzer, connection, own);
  }
}

/* That this is more than a round trip: longer than any path explains, or seen at R's end. */
static bool is_ack_delayed(const struct analyzer *analyzer, const struct connection *connection,
                           enum stream_side side, int64_t gap_ns, int64_t now_ns)
{
  const struct stream *stream = &connection->stream[side];
  if (gap_ns >= DELAYED_RTT_TIMES * stream->rtt.min_ns)
    return gap_ns <= DELAYED_MAX_NS;
  if (gap_ns < stream->rtt.min_ns + DELAYED_MIN_NS)
    return false;
  const int64_t took_ns =
      both_ends_receiver_ns(analyzer, connection, side, now_ns - gap_ns, now_ns);
  return took_ns >= DELAYED_MIN_NS && took_ns <= DELAYED_MAX_NS;
}

bool crawl_delayed_ack(struct analyzer *analyzer, struct connection *connection,
                       enum stream_side side, const struct segment *segment)
{
  struct stream *stream = &connection->stream[side];
  int64_t gap_ns = segment->time_ns - stream->progress_ns;
  uint32_t outstanding = stream_outstanding(stream);
  uint32_t full = full_segment_bytes(stream);
  bool one_segment = outstanding > 0 && segment->packet->ack == stream->snd_nxt &&
                     outstanding <= (stream->mss > 0 ? stream->mss : full);
  if (!one_segment || gap_ns < DELAYED_MIN_NS || stream->rtt.samples == 0 ||
      (connection->flags & CONNECTION_ESTABLISHED) == 0 ||
      (stream->trouble != NULL && stream->trouble->wait.retransmissions > 0) ||
      !is_ack_delayed(analyzer, connection, side, gap_ns, segment->time_ns))
    return false;
  struct crawl *crawl = get_crawl(analyzer, stream);
  if (crawl == NULL)
    return false;
  crawl->candidate_ns = segment->time_ns;
  crawl->candidate_gap_ns = gap_ns;
  crawl->candidate_frame = segment->packet->frame;
  crawl->candidate_ts_val = segment->packet->ts_val;
  crawl->candidate_full = stream->mss > 0 ? outstanding + 12u >= stream->mss : outstanding >= full;
  return true;
}

static void delayed_ack_finding(const struct connection *connection, enum stream_side side,
                                const struct crawl *crawl, const struct segment *segment,
                                struct finding *finding)
{
  char gap[32];
  finding_begin(finding, FINDING_STALL, side, crawl->candidate_ns - crawl->candidate_gap_ns,
                crawl->candidate_ns);
  finding->ended_by = ENDED_BY_ACK;
  bool full = crawl->candidate_full;
  verdict(finding, full ? CAUSE_DELAYED_ACK : CAUSE_NAGLE_DELAYED_ACK,
          full ? LOCATION_RECEIVER_TCP : LOCATION_SENDER_TCP,
          full ? CONFIDENCE_POSSIBLE : CONFIDENCE_LIKELY, CONFIDENCE_LIKELY);
  finding_add_evidence(finding, connection->end, crawl->candidate_frame, crawl->candidate_ns,
                       "a delayed ACK, %s after a segment %s",
                       duration_words(crawl->candidate_gap_ns, gap),
                       full ? "of full size" : "smaller than the MSS");
  if (full)
    finding->severity = SEVERITY_INFO; /* what keeps S at one segment is the question */
  if (full)
    finding_add_alternative(finding, LOCATION_SENDER_TCP, CAUSE_SNDBUF_LIMITED,
                            "why the sender has only one segment out at a time");
  finding_add_evidence(finding, connection->end, segment->packet->frame, segment->time_ns,
                       "it releases the next %u bytes at once", segment->packet->payload_bytes);
  snprintf(finding->summary, sizeof finding->summary,
           "The sender waited %s for a delayed ACK before it sent on.", gap);
  finding_add_alternative(
      finding, LOCATION_SENDER_APP, CAUSE_APP_IDLE,
      "an application that itself waits for its data's acknowledgment would look alike");
}

void crawl_new_data(struct analyzer *analyzer, struct connection *connection, enum stream_side side,
                    const struct segment *segment)
{
  struct stream *stream = &connection->stream[side];
  struct crawl *crawl = stream->trouble != NULL ? stream->trouble->crawl : NULL;
  if (crawl == NULL || crawl->candidate_ns == 0)
    return;
  /* Away from S the released segment comes later by the way there and back. */
  int64_t within_ns =
      RELEASED_WITHIN_NS + (time_is_valid(stream->turn_min_ns) ? stream->turn_min_ns : 0);
  bool released = segment->time_ns - crawl->candidate_ns <= within_ns &&
                  segment->packet->payload_bytes > 0 &&
                  connection->stream[side ^ 1].last_data.time_ns <
                      crawl->candidate_ns - crawl->candidate_gap_ns / 2;
  /* With timestamps the released segment echoes the ACK that released it, or was built before. */
  bool stamped = (segment->packet->options & TCP_OPT_TIMESTAMPS) != 0;
  if (released && (!stamped || seq_geq(segment->packet->ts_ecr, crawl->candidate_ts_val))) {
    struct finding finding;
    delayed_ack_finding(connection, side, crawl, segment, &finding);
    stream->moving_ns -= crawl->candidate_gap_ns;
    stream->trouble->owed_ns[finding.location] += crawl->candidate_gap_ns;
    add_wait(analyzer, connection, crawl, &finding);
  }
  crawl->candidate_ns = 0;
}

void crawl_close(struct analyzer *analyzer, struct connection *connection, enum stream_side side)
{
  struct trouble *trouble = connection->stream[side].trouble;
  if (trouble == NULL || trouble->crawl == NULL)
    return;
  if (trouble->crawl->waits > 0)
    flush(analyzer, connection, trouble->crawl);
  crawl_drop(analyzer, trouble);
}

bool crawl_is_part_of_run(const struct connection *connection, enum stream_side side,
                          int64_t gap_ns)
{
  const struct trouble *trouble = connection->stream[side].trouble;
  const struct crawl *crawl = trouble != NULL ? trouble->crawl : NULL;
  return crawl != NULL && crawl->id != 0 && trouble->open.id == 0 &&
         gap_ns / RUN_WAIT_TIMES < crawl->waited_ns / crawl->waits;
}

int64_t crawl_settle(struct analyzer *analyzer, struct connection *connection,
                     enum stream_side side)
{
  const struct trouble *trouble = connection->stream[side].trouble;
  if (trouble == NULL || trouble->crawl == NULL || trouble->crawl->waits == 0)
    return TIME_INVALID;
  const int64_t over_ns = trouble->crawl->last_ns + CRAWL_PAUSE_NS;
  if (analyzer->clock_ns <= over_ns)
    return over_ns + 1;
  flush(analyzer, connection, trouble->crawl);
  return TIME_INVALID;
}

void crawl_drop(struct analyzer *analyzer, struct trouble *trouble)
{
  free(trouble->crawl);
  trouble->crawl = NULL;
  analyzer->crawls--;
  analyzer->trouble_bytes -= sizeof *trouble->crawl;
}
