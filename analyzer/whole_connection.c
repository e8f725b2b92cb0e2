#include "analyzer/whole_connection.h"

#include "analyzer/report_finding.h"
#include "analyzer/situation.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <string.h>

/* An echo younger than this needs no hold to explain it: RTTs and delayed ACKs do. */
#define ECHO_AGE_MIN_NS   NS_PER_S
#define ECHO_AGE_RTTS     4
#define ECHO_CLOCK_MIN_HZ 100u

/* Facts about the path need so many round trips and bytes to be more than chance. */
#define PATH_SAMPLES_MIN 20u
#define PATH_BYTES_MIN   100000u
/* A queue this long, and this many times the empty path's round trip (bufferbloat by any name). */
#define QUEUE_DELAY_MIN_NS (100 * NS_PER_MS)
#define QUEUE_DELAY_TIMES  4
/* So many losses, and at least one segment in this many. */
#define POLICER_LOSSES_MIN 10u
#define POLICER_LOSS_SHARE 50u
/* Fewer late segments are in every trace. */
#define REORDERED_MIN 10u

/* Within one burst S's TSecr advanced: S had processed one more ACK between two segments. By R's
 * clock that ACK was built long before the burst left: either the segments waited below TCP ever
 * since, or the ACK came late. */
static void earlier_hold(struct analyzer *analyzer, struct connection *connection,
                         enum stream_side side)
{
  const struct stream *stream = &connection->stream[side], *other = &connection->stream[side ^ 1];
  /* Rates below 100 Hz are legal, but rarely real: a stepped clock looks like one. */
  if ((stream->flags & STREAM_ECR_STEP) == 0 || !other->clock.nominal ||
      other->clock.hz < ECHO_CLOCK_MIN_HZ)
    return;
  int64_t age_ns = ts_clock_age_ns(&other->clock, stream->echo_step_ecr, stream->echo_step_ns);
  if (age_ns < ECHO_AGE_MIN_NS || age_ns < ECHO_AGE_RTTS * connection_rtt_ns(connection, side))
    return;
  const struct trouble *trouble = stream->trouble;
  if (trouble != NULL && trouble->hold_until_ns > stream->echo_step_ns - age_ns &&
      trouble->hold_from_ns < stream->echo_step_ns)
    return; /* told already */
  struct finding *finding = &analyzer->scratch;
  struct vantage_view view;
  char age[32];
  vantage_of(analyzer, connection, &view);
  enum nearness near = vantage_nearness(&view, side);
  finding_begin(finding, FINDING_HOLD, side, stream->echo_step_ns - age_ns, stream->echo_step_ns);
  verdict(finding, CAUSE_TX_QUEUE_HOLD, LOCATION_SENDER_QUEUE,
          near == NEAR_SENDER && view.certain ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
          CONFIDENCE_LIKELY);
  finding->hold_max_ns = age_ns;
  finding_add_evidence(
      finding, connection->end, stream->echo_step_frame, stream->echo_step_ns,
      "within a burst TSecr advances to %u, which by the other side's clock (%u Hz) is %s old",
      stream->echo_step_ecr, other->clock.hz, duration_words(age_ns, age));
  finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_ACK_HOLD,
                          "the ACK that it echoes may itself have been late");
  if (!(near == NEAR_SENDER && view.certain))
    finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_PATH_HOLD,
                            "the burst may have been held before this capture point");
  snprintf(finding->summary, sizeof finding->summary,
           "An earlier hold of up to %s: a burst left long after the ACK that its segments were "
           "built around.",
           age);
  report_finding(analyzer, connection, finding);
}

static void scale_mismatch(struct analyzer *analyzer, struct connection *connection,
                           enum stream_side announcer)
{
  const struct stream *stream = &connection->stream[announcer];
  bool known;
  uint8_t visible = connection_shift(connection, announcer, &known);
  if (!known || stream->est_wscale_min <= visible)
    return;
  struct finding *finding = &analyzer->scratch;
  finding_begin(finding, FINDING_MISMATCH, announcer, connection->start_ns, connection->last_ns);
  bool option_seen = (stream->flags & STREAM_WSCALE) != 0;
  verdict(finding, option_seen ? CAUSE_WINDOW_SCALE_REWRITTEN : CAUSE_WINDOW_SCALE_STRIPPED,
          LOCATION_FORWARD_PATH, CONFIDENCE_LIKELY, CONFIDENCE_LIKELY);
  finding_add_evidence(finding, connection->end, connection->first_frame, connection->start_ns,
                       "%s's SYN offers a window of %u and, as seen here, a shift of %u",
                       side_words(announcer), stream->syn_window, visible);
  finding_add_evidence(finding, connection->end, 0, connection->start_ns,
                       "its first window after the handshake would pull the right edge far left, "
                       "unless its shift is at least %u",
                       stream->est_wscale_min);
  finding_add_alternative(finding, LOCATION_SENDER_TCP, CAUSE_WINDOW_SHRINK,
                          "a stack that shrinks its window against RFC 9293 would look alike");
  snprintf(
      finding->summary, sizeof finding->summary,
      "The window scale in %s's SYN was changed on its way: %u is seen here, it uses at least %u.",
      side_words(announcer), visible, stream->est_wscale_min);
  report_finding(analyzer, connection, finding);
}

static void begin_path_fact(struct finding *finding, const struct connection *connection,
                            enum stream_side side, enum cause cause)
{
  finding_begin(finding, FINDING_CRAWL, side, connection->start_ns, connection->last_ns);
  finding->waited_ns = 0; /* nobody waited: it is how the path is */
  verdict(finding, cause, LOCATION_FORWARD_PATH, CONFIDENCE_POSSIBLE, CONFIDENCE_POSSIBLE);
  finding->severity = SEVERITY_INFO;
}

/* The round trip is many times what it can be: a long queue somewhere, in front of a slow link. */
static void slow_link(struct analyzer *analyzer, struct connection *connection,
                      enum stream_side side)
{
  const struct stream *stream = &connection->stream[side];
  if (stream->rtt.samples < PATH_SAMPLES_MIN || stream->bytes < PATH_BYTES_MIN ||
      stream->rtt.srtt_ns - stream->rtt.min_ns < QUEUE_DELAY_MIN_NS ||
      stream->rtt.srtt_ns < QUEUE_DELAY_TIMES * stream->rtt.min_ns)
    return;
  struct finding *finding = &analyzer->scratch;
  char least[32], last[32];
  begin_path_fact(finding, connection, side, CAUSE_SLOW_LINK);
  duration_words(stream->rtt.min_ns, least);
  duration_words(stream->rtt.srtt_ns, last);
  finding_add_evidence(finding, connection->end, stream->last_data.frame, stream->last_data.time_ns,
                       "round trips: %s at best, %s (smoothed) in the end", least, last);
  finding_add_alternative(finding, LOCATION_REVERSE_PATH, CAUSE_UNKNOWN,
                          "the queue may be on the way back");
  finding_add_alternative(finding, LOCATION_RECEIVER_TCP, CAUSE_UNKNOWN,
                          "the receiver may have become slow to acknowledge");
  snprintf(finding->summary, sizeof finding->summary,
           "A long queue on the way: round trips grew from %s to %s.", least, last);
  report_finding(analyzer, connection, finding);
}

/* Losses all the time, and no queue that would explain them. */
static void policer(struct analyzer *analyzer, struct connection *connection, enum stream_side side)
{
  const struct stream *stream = &connection->stream[side];
  const struct trouble *trouble = stream->trouble;
  if (trouble == NULL || trouble->fast_retransmits < POLICER_LOSSES_MIN ||
      stream->rtt.samples < PATH_SAMPLES_MIN ||
      trouble->retransmitted_segments < stream->segments / POLICER_LOSS_SHARE ||
      stream->rtt.srtt_ns > 2 * stream->rtt.min_ns + QUEUE_DELAY_MIN_NS / 10)
    return;
  struct finding *finding = &analyzer->scratch;
  begin_path_fact(finding, connection, side, CAUSE_POLICER);
  finding_add_evidence(
      finding, connection->end, trouble->recent_loss.first_retransmission_frame,
      trouble->recent_loss.first_retransmission_ns,
      "one of %u retransmissions among %u segments, while round trips stayed short",
      trouble->retransmitted_segments, stream->segments);
  finding_add_alternative(finding, LOCATION_FORWARD_PATH, CAUSE_SEGMENT_LOSS,
                          "a link that loses at random does the same");
  snprintf(finding->summary, sizeof finding->summary,
           "%u of %u segments had to be sent again although no queue grew: a rate limit without a "
           "buffer, or a lossy link.",
           trouble->retransmitted_segments, stream->segments);
  report_finding(analyzer, connection, finding);
}

static void reordering(struct analyzer *analyzer, struct connection *connection,
                       enum stream_side side)
{
  const struct stream *stream = &connection->stream[side];
  const struct trouble *trouble = stream->trouble;
  if (trouble == NULL || trouble->out_of_order < REORDERED_MIN)
    return;
  struct finding *finding = &analyzer->scratch;
  begin_path_fact(finding, connection, side, CAUSE_REORDERING);
  finding_add_evidence(finding, connection->end, 0, connection->last_ns,
                       "%u segments came late, but were not sent again", trouble->out_of_order);
  finding_add_alternative(finding, LOCATION_SENDER_QUEUE, CAUSE_REORDERING,
                          "the sending host, or the capture itself, may have changed their order");
  snprintf(finding->summary, sizeof finding->summary, "%u segments came out of order.",
           trouble->out_of_order);
  report_finding(analyzer, connection, finding);
}

void whole_connection_findings(struct analyzer *analyzer, struct connection *connection)
{
  for (int side = 0; side < 2; side++) {
    earlier_hold(analyzer, connection, (enum stream_side)side);
    scale_mismatch(analyzer, connection, (enum stream_side)side);
    slow_link(analyzer, connection, (enum stream_side)side);
    policer(analyzer, connection, (enum stream_side)side);
    reordering(analyzer, connection, (enum stream_side)side);
  }
}
