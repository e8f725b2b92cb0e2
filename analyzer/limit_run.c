#include "analyzer/limit_run.h"

#include "analyzer/both_ends.h"
#include "analyzer/report_finding.h"
#include "analyzer/situation.h"
#include "analyzer/socket_judge.h"
#include "analyzer/window_scale.h"

#include "wire/seq.h"
#include "wire/timestamp.h"

#include <stdio.h>

/* A run ends when the window was no limit for this long. */
#define RUN_PAUSE_NS NS_PER_S
/* So long and so often, and with this share of its time, it is worth a word. */
#define RUN_MIN_NS            NS_PER_S
#define RUN_MIN_ROUNDS        10u
#define RUN_MIN_SHARE_PERCENT 70
/* A window that varies by more than this factor follows a reader, not a buffer. */
#define READER_WINDOW_RATIO 3u
/* Windows from here on are how a plain receiver without window scaling does (RFC 9293): slow, but
 * nobody's fault. */
#define SMALL_WINDOW_BYTES 60000u
/* Data this soon after the ACK was waiting for it, or after so small a part of the wait: a process
 * that waits for room in its send buffer has to be woken. */
#define RELEASED_WITHIN_NS (5 * NS_PER_MS)
#define RELEASED_WAIT_PART 3
/* A round trip so many times the shortest one has waited in a queue. */
#define QUEUE_RTT_TIMES 2
#define RTT_SAMPLES_MIN 2u

static uint32_t segment_bytes_of(const struct stream *stream)
{
  return stream->mss > 12 ? stream->mss - 12u : full_segment_bytes(stream);
}

/* S's own limit: with a flight of this size out, smaller than the window, it sends nothing until an
 * ACK comes. Returns the flight's bytes, 0 if it is none. */
static uint32_t own_limit(const struct connection *connection, enum stream_side side)
{
  const struct stream *stream = &connection->stream[side];
  uint32_t flight_bytes = stream_outstanding(stream);
  bool known;
  connection_shift(connection, side ^ 1, &known);
  int32_t left = seq_diff(stream->right_edge, stream->snd_nxt);
  bool resends = stream->trouble != NULL && stream->trouble->wait.retransmissions > 0;
  /* A path with a queue in it delays what is sent beyond what it carries: then that is the limit.
   */
  bool queues = stream->rtt.srtt_ns > QUEUE_RTT_TIMES * stream->rtt.min_ns;
  /* A single segment is a message; two and more that stop at the same point are a limit. */
  if (!known || stream->rtt.samples <= RTT_SAMPLES_MIN || queues || resends ||
      flight_bytes < 2 * segment_bytes_of(stream) ||
      left < (int32_t)(2 * full_segment_bytes(stream)) ||
      (stream->flags & STREAM_LATEST_SPEAKER) == 0)
    return 0;
  return flight_bytes;
}

static void report(struct analyzer *analyzer, struct connection *connection, enum stream_side side,
                   struct limit_run *run);

static void add_round(struct analyzer *analyzer, struct connection *connection,
                      enum stream_side side, struct limit_run *run, const struct segment *segment,
                      int64_t gap_ns)
{
  const struct stream *stream = &connection->stream[side];
  if (run->rounds > 0 && segment->time_ns - run->last_ns > RUN_PAUSE_NS)
    report(analyzer, connection, side, run);
  if (run->rounds == 0) {
    run->first_ns = segment->time_ns - gap_ns;
    run->first_frame = stream->progress_frame;
    run->window_min = UINT32_MAX;
  }
  run->rounds++;
  run->limited_ns += gap_ns;
  run->last_ns = segment->time_ns;
  run->last_frame = segment->packet->frame;
  if (stream->window_bytes < run->window_min)
    run->window_min = stream->window_bytes;
  if (stream->window_bytes > run->window_max)
    run->window_max = stream->window_bytes;
}

void limit_run_add(struct analyzer *analyzer, struct connection *connection, enum stream_side side,
                   const struct segment *segment, bool by_ack)
{
  struct stream *stream = &connection->stream[side];
  const int64_t gap_ns = segment->time_ns - stream->progress_ns;
  const bool edge = (stream->flags & STREAM_EDGE_REACHED) != 0;
  const uint32_t flight_bytes = !edge && by_ack ? own_limit(connection, side) : 0;
  if (!edge && flight_bytes == 0)
    return;
  struct trouble *trouble = stream_trouble(analyzer, stream);
  if (trouble == NULL)
    return;
  trouble->release.acked_ns = 0;
  if (edge) {
    add_round(analyzer, connection, side, &trouble->window_limit, segment, gap_ns);
  } else if (segment->packet->payload_bytes == 0) {
    trouble->release.acked_ns = segment->time_ns;
    trouble->release.gap_ns = gap_ns;
    trouble->release.flight_bytes = flight_bytes;
  }
}

void limit_run_release(struct analyzer *analyzer, struct connection *connection,
                       enum stream_side side, const struct segment *segment)
{
  struct stream *stream = &connection->stream[side];
  struct trouble *trouble = stream->trouble;
  if (trouble == NULL || trouble->release.acked_ns == 0)
    return;
  struct limit_run *run = &trouble->own_limit;
  const int64_t acked_ns = trouble->release.acked_ns, gap_ns = trouble->release.gap_ns;
  const uint32_t bytes = trouble->release.flight_bytes;
  /* Away from S the released segment comes later by the way there and back. */
  const int64_t turn_ns = time_is_valid(stream->turn_min_ns) ? stream->turn_min_ns : 0;
  const int64_t within_ns = gap_ns / RELEASED_WAIT_PART > RELEASED_WITHIN_NS
                                ? gap_ns / RELEASED_WAIT_PART
                                : RELEASED_WITHIN_NS;
  trouble->release.acked_ns = 0;
  /* What R said meanwhile may be what S answers. */
  if (segment->time_ns - acked_ns > within_ns + turn_ns ||
      connection->stream[side ^ 1].last_data.time_ns > acked_ns - gap_ns)
    return;
  if (run->rounds > 0 && bytes > run->flight_bytes)
    report(analyzer, connection, side, run);
  if (run->rounds == 0)
    run->flight_bytes = bytes;
  /* The last burst may have ended a segment below the limit. */
  if (bytes + segment_bytes_of(stream) >= run->flight_bytes)
    add_round(analyzer, connection, side, run, segment, gap_ns);
}

static enum cause cause_of(const struct connection *connection, enum stream_side side,
                           const struct limit_run *run)
{
  const struct stream *stream = &connection->stream[side];
  const struct trouble *trouble = stream->trouble;
  bool known;
  uint8_t visible = connection_shift(connection, side ^ 1, &known);
  if (connection->stream[side ^ 1].est_wscale_min > visible ||
      (visible > 0 && stream->raw_hits >= RAW_HITS_MIN))
    return CAUSE_WINDOW_SCALE_REWRITTEN;
  if (trouble->zero_windows > 0 || run->window_min < run->window_max / READER_WINDOW_RATIO)
    return CAUSE_SLOW_READER;
  return CAUSE_RCVBUF_LIMITED;
}

static void fill_own_limit(const struct connection *connection, const struct limit_run *run,
                           struct finding *finding)
{
  char limited[32], span[32];
  verdict(finding, CAUSE_CWND_LIMITED, LOCATION_SENDER_TCP, CONFIDENCE_POSSIBLE,
          CONFIDENCE_POSSIBLE);
  finding->severity = SEVERITY_INFO;
  finding_add_evidence(finding, connection->end, run->first_frame, run->first_ns,
                       "from here on the sender stops at %u bytes in flight, below the window, and "
                       "waits for the ACK, %u times",
                       run->flight_bytes, run->rounds);
  finding_add_alternative(finding, LOCATION_SENDER_TCP, CAUSE_SNDBUF_LIMITED,
                          "a small send buffer stops it at the same point each time");
  finding_add_alternative(finding, LOCATION_SENDER_APP, CAUSE_APP_TRICKLE,
                          "the application may write that much at a time");
  snprintf(finding->summary, sizeof finding->summary,
           "The sender stopped at %u bytes in flight each round trip, below the window: %s of %s "
           "spent waiting for ACKs.",
           run->flight_bytes, duration_words(run->limited_ns, limited),
           duration_words(run->last_ns - run->first_ns, span));
}

static void fill(const struct connection *connection, enum stream_side side,
                 const struct limit_run *run, struct finding *finding)
{
  const struct stream *stream = &connection->stream[side];
  enum cause cause = cause_of(connection, side, run);
  int64_t span_ns = run->last_ns - run->first_ns;
  char limited[32], span[32], bytes[32];
  if (run->window_min < run->window_max)
    snprintf(bytes, sizeof bytes, "%u to %u", run->window_min, run->window_max);
  else
    snprintf(bytes, sizeof bytes, "%u", run->window_max);
  finding_begin(finding, FINDING_CRAWL, side, run->first_ns, run->last_ns);
  finding->ended_by = ENDED_BY_ACK;
  finding->waits = run->rounds;
  finding->waited_ns = run->limited_ns;
  if (run->flight_bytes > 0) {
    fill_own_limit(connection, run, finding);
    return;
  }
  enum confidence confidence =
      cause == CAUSE_RCVBUF_LIMITED ? CONFIDENCE_POSSIBLE : CONFIDENCE_LIKELY;
  verdict(finding, cause, cause_info(cause)->location, confidence, CONFIDENCE_LIKELY);
  if (cause == CAUSE_RCVBUF_LIMITED && run->window_max >= SMALL_WINDOW_BYTES)
    finding->severity = SEVERITY_INFO;
  finding_add_evidence(
      finding, connection->end, run->first_frame, run->first_ns,
      "from here on the sender fills the window and waits for the next ACK, %u times", run->rounds);
  if (cause == CAUSE_WINDOW_SCALE_REWRITTEN && connection->stream[side ^ 1].est_wscale_min > 0)
    finding_add_evidence(finding, connection->end, 0, run->first_ns,
                         "SYN window %u, but the first one after it pulls the right edge far left "
                         "unless its shift is at least %u",
                         connection->stream[side ^ 1].syn_window,
                         connection->stream[side ^ 1].est_wscale_min);
  if (cause == CAUSE_WINDOW_SCALE_REWRITTEN && stream->raw_hits >= RAW_HITS_MIN)
    finding_add_evidence(finding, connection->end, run->last_frame, run->last_ns,
                         "%u flights ended exactly at the raw 16-bit window, the last at %u bytes",
                         stream->raw_hits, stream->window_raw);
  finding_add_evidence(finding, connection->end, run->last_frame, run->last_ns,
                       "the windows meanwhile: %s bytes", bytes);
  if (cause == CAUSE_RCVBUF_LIMITED)
    finding_add_alternative(finding, LOCATION_RECEIVER_APP, CAUSE_SLOW_READER,
                            "an application that reads at a steady pace would look alike");
  else if (cause == CAUSE_SLOW_READER)
    finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_RCVBUF_LIMITED,
                            "a small receive buffer adds to it");
  else
    finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_SILLY_WINDOW,
                            "a receiver that shrinks its window against RFC 9293 would look alike");
  snprintf(finding->summary, sizeof finding->summary,
           "The receiver's window limited the stream for %s of %s: %s bytes a round trip, "
           "because %s.",
           duration_words(run->limited_ns, limited), duration_words(span_ns, span), bytes,
           cause_info(cause)->meaning);
}

static void report(struct analyzer *analyzer, struct connection *connection, enum stream_side side,
                   struct limit_run *run)
{
  struct stream *stream = &connection->stream[side];
  int64_t span_ns = run->last_ns - run->first_ns;
  if (run->rounds >= RUN_MIN_ROUNDS && span_ns >= RUN_MIN_NS &&
      time_is_share(run->limited_ns, span_ns, RUN_MIN_SHARE_PERCENT)) {
    struct finding *finding = &analyzer->scratch;
    fill(connection, side, run, finding);
    both_ends_judge_limit(analyzer, connection, side, finding);
    socket_judge_run(analyzer, connection, finding);
    stream->moving_ns -= run->limited_ns;
    stream->trouble->owed_ns[finding->location] += run->limited_ns;
    report_finding(analyzer, connection, finding);
  }
  *run = (struct limit_run){0};
}

void limit_run_close(struct analyzer *analyzer, struct connection *connection,
                     enum stream_side side)
{
  struct trouble *trouble = connection->stream[side].trouble;
  if (trouble == NULL)
    return;
  report(analyzer, connection, side, &trouble->window_limit);
  report(analyzer, connection, side, &trouble->own_limit);
}
