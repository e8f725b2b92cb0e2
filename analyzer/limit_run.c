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

/* S's own limit: it has sent a flight, smaller than the window, and waits most of a round trip for
 * its ACK. Returns the flight's bytes, 0 if it is none. */
static uint32_t own_limit(const struct connection *connection, enum stream_side side,
                          const struct segment *segment)
{
  const struct stream *stream = &connection->stream[side];
  uint32_t flight_bytes = stream_outstanding(stream);
  bool known;
  connection_shift(connection, side ^ 1, &known);
  int32_t left = seq_diff(stream->right_edge, stream->snd_nxt);
  bool waits = stream->rtt.samples > 2 &&
               (segment->time_ns - stream->progress_ns) * 2 >= stream->rtt.srtt_ns;
  bool resends = stream->trouble != NULL && stream->trouble->wait.retransmissions > 0;
  /* A single segment is a message; two and more that stop at the same point are a limit. */
  uint32_t segment_bytes = stream->mss > 12 ? stream->mss - 12u : full_segment_bytes(stream);
  if (!known || !waits || resends || flight_bytes < 2 * segment_bytes ||
      left < (int32_t)(2 * full_segment_bytes(stream)) ||
      (stream->flags & STREAM_LATEST_SPEAKER) == 0)
    return 0;
  return flight_bytes;
}

void limit_run_add(struct analyzer *analyzer, struct connection *connection, enum stream_side side,
                   const struct segment *segment, bool by_ack)
{
  struct stream *stream = &connection->stream[side];
  uint32_t flight_bytes = 0;
  if ((stream->flags & STREAM_EDGE_REACHED) == 0) {
    flight_bytes = by_ack ? own_limit(connection, side, segment) : 0;
    if (flight_bytes == 0)
      return;
  }
  struct trouble *trouble = stream_trouble(analyzer, stream);
  if (trouble == NULL)
    return;
  if (trouble->limit.rounds > 0 && (segment->time_ns - trouble->limit.last_ns > RUN_PAUSE_NS ||
                                    trouble->limit.flight_bytes != flight_bytes))
    limit_run_close(analyzer, connection, side);
  trouble->limit.flight_bytes = flight_bytes;
  if (trouble->limit.rounds == 0) {
    trouble->limit.first_ns = stream->progress_ns;
    trouble->limit.first_frame = stream->progress_frame;
    trouble->limit.window_min = UINT32_MAX;
  }
  trouble->limit.rounds++;
  trouble->limit.limited_ns += segment->time_ns - stream->progress_ns;
  trouble->limit.last_ns = segment->time_ns;
  trouble->limit.last_frame = segment->packet->frame;
  if (stream->window_bytes < trouble->limit.window_min)
    trouble->limit.window_min = stream->window_bytes;
  if (stream->window_bytes > trouble->limit.window_max)
    trouble->limit.window_max = stream->window_bytes;
}

static enum cause cause_of(const struct connection *connection, enum stream_side side)
{
  const struct stream *stream = &connection->stream[side];
  const struct trouble *trouble = stream->trouble;
  bool known;
  uint8_t visible = connection_shift(connection, side ^ 1, &known);
  if (connection->stream[side ^ 1].est_wscale_min > visible ||
      (visible > 0 && stream->raw_hits >= RAW_HITS_MIN))
    return CAUSE_WINDOW_SCALE_REWRITTEN;
  if (trouble->zero_windows > 0 ||
      trouble->limit.window_min < trouble->limit.window_max / READER_WINDOW_RATIO)
    return CAUSE_SLOW_READER;
  return CAUSE_RCVBUF_LIMITED;
}

static void fill_own_limit(const struct connection *connection, enum stream_side side,
                           struct finding *finding)
{
  const struct trouble *trouble = connection->stream[side].trouble;
  char limited[32], span[32];
  verdict(finding, CAUSE_CWND_LIMITED, LOCATION_SENDER_TCP, CONFIDENCE_POSSIBLE,
          CONFIDENCE_POSSIBLE);
  finding->severity = SEVERITY_INFO;
  finding_add_evidence(finding, connection->end, trouble->limit.first_frame,
                       trouble->limit.first_ns,
                       "from here on the sender stops at %u bytes in flight, below the window, and "
                       "waits for the ACK, %u times",
                       trouble->limit.flight_bytes, trouble->limit.rounds);
  finding_add_alternative(finding, LOCATION_SENDER_TCP, CAUSE_SNDBUF_LIMITED,
                          "a small send buffer stops it at the same point each time");
  finding_add_alternative(finding, LOCATION_SENDER_APP, CAUSE_APP_TRICKLE,
                          "the application may write that much at a time");
  snprintf(finding->summary, sizeof finding->summary,
           "The sender stopped at %u bytes in flight each round trip, below the window: %s of %s "
           "spent waiting for ACKs.",
           trouble->limit.flight_bytes, duration_words(trouble->limit.limited_ns, limited),
           duration_words(trouble->limit.last_ns - trouble->limit.first_ns, span));
}

static void fill(const struct connection *connection, enum stream_side side,
                 struct finding *finding)
{
  const struct stream *stream = &connection->stream[side];
  const struct trouble *trouble = stream->trouble;
  enum cause cause = cause_of(connection, side);
  int64_t span_ns = trouble->limit.last_ns - trouble->limit.first_ns;
  char limited[32], span[32], bytes[32];
  if (trouble->limit.window_min < trouble->limit.window_max)
    snprintf(bytes, sizeof bytes, "%u to %u", trouble->limit.window_min, trouble->limit.window_max);
  else
    snprintf(bytes, sizeof bytes, "%u", trouble->limit.window_max);
  finding_begin(finding, FINDING_CRAWL, side, trouble->limit.first_ns, trouble->limit.last_ns);
  finding->ended_by = ENDED_BY_ACK;
  finding->waits = trouble->limit.rounds;
  finding->waited_ns = trouble->limit.limited_ns;
  if (trouble->limit.flight_bytes > 0) {
    fill_own_limit(connection, side, finding);
    return;
  }
  enum confidence confidence =
      cause == CAUSE_RCVBUF_LIMITED ? CONFIDENCE_POSSIBLE : CONFIDENCE_LIKELY;
  verdict(finding, cause, cause_info(cause)->location, confidence, CONFIDENCE_LIKELY);
  if (cause == CAUSE_RCVBUF_LIMITED && trouble->limit.window_max >= SMALL_WINDOW_BYTES)
    finding->severity = SEVERITY_INFO;
  finding_add_evidence(
      finding, connection->end, trouble->limit.first_frame, trouble->limit.first_ns,
      "from here on the sender fills the window and waits for the next ACK, %u times",
      trouble->limit.rounds);
  if (cause == CAUSE_WINDOW_SCALE_REWRITTEN && connection->stream[side ^ 1].est_wscale_min > 0)
    finding_add_evidence(finding, connection->end, 0, trouble->limit.first_ns,
                         "SYN window %u, but the first one after it pulls the right edge far left "
                         "unless its shift is at least %u",
                         connection->stream[side ^ 1].syn_window,
                         connection->stream[side ^ 1].est_wscale_min);
  if (cause == CAUSE_WINDOW_SCALE_REWRITTEN && stream->raw_hits >= RAW_HITS_MIN)
    finding_add_evidence(finding, connection->end, trouble->limit.last_frame,
                         trouble->limit.last_ns,
                         "%u flights ended exactly at the raw 16-bit window, the last at %u bytes",
                         stream->raw_hits, stream->window_raw);
  finding_add_evidence(finding, connection->end, trouble->limit.last_frame, trouble->limit.last_ns,
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
           duration_words(trouble->limit.limited_ns, limited), duration_words(span_ns, span), bytes,
           cause_info(cause)->meaning);
}

void limit_run_close(struct analyzer *analyzer, struct connection *connection,
                     enum stream_side side)
{
  struct stream *stream = &connection->stream[side];
  struct trouble *trouble = stream->trouble;
  if (trouble == NULL || trouble->limit.rounds == 0)
    return;
  int64_t span_ns = trouble->limit.last_ns - trouble->limit.first_ns;
  if (trouble->limit.rounds >= RUN_MIN_ROUNDS && span_ns >= RUN_MIN_NS &&
      time_is_share(trouble->limit.limited_ns, span_ns, RUN_MIN_SHARE_PERCENT)) {
    struct finding *finding = &analyzer->scratch;
    fill(connection, side, finding);
    both_ends_judge_limit(analyzer, connection, side, finding);
    socket_judge_run(analyzer, connection, finding);
    stream->moving_ns -= trouble->limit.limited_ns;
    trouble->owed_ns[finding->location] += trouble->limit.limited_ns;
    report_finding(analyzer, connection, finding);
  }
  trouble->limit.rounds = 0;
  trouble->limit.limited_ns = 0;
  trouble->limit.window_max = 0;
}
