#include "analyzer/wait.h"

#include "analyzer/advance.h"
#include "analyzer/both_ends.h"
#include "analyzer/crawl.h"
#include "analyzer/hold_watch.h"
#include "analyzer/limit_run.h"
#include "analyzer/open_verdict.h"
#include "analyzer/resume_watch.h"
#include "analyzer/situation.h"
#include "analyzer/socket_judge.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

#include <string.h>

/* Waits shorter than this are moving without a look: no timer of TCP is as short, only paths are.
 */
#define WAIT_MIN_NS (20 * NS_PER_MS)

static const struct wait no_events;

static situation_rule *const rules[] = {rule_handshake,    rule_neighbour, rule_zero_window,
                                        rule_built_early,  rule_hole,      rule_retransmission,
                                        rule_small_window, rule_late_ack,  rule_idle};

int64_t wait_allowance_ns(const struct connection *connection, enum stream_side side)
{
  const struct stream *stream = &connection->stream[side];
  int64_t rtt_ns = connection_rtt_ns(connection, side);
  const struct stream *other = &connection->stream[side ^ 1];
  bool way_to_sender_known = other->rtt.samples > 0 || time_is_valid(stream->turn_min_ns);
  if (stream->rtt.samples == 0 || !way_to_sender_known)
    rtt_ns += RTT_ALLOWANCE_UNKNOWN_NS;
  return rtt_ns + 4 * stream->rtt.rttvar_ns + DELAYED_ACK_ALLOWANCE_NS;
}

static void lay_out(struct situation *situation, const struct analyzer *analyzer,
                    const struct connection *connection, enum stream_side side,
                    const struct segment *segment, int64_t end_ns)
{
  const struct stream *stream = &connection->stream[side];
  bool scale_known;
  connection_shift(connection, side ^ 1, &scale_known);
  int32_t window_left = seq_diff(stream->right_edge, stream->snd_nxt);
  *situation =
      (struct situation){.analyzer = analyzer,
                         .connection = connection,
                         .side = side,
                         .stream = stream,
                         .other = &connection->stream[side ^ 1],
                         .wait = stream->trouble != NULL ? &stream->trouble->wait : &no_events,
                         .segment = segment,
                         .start_ns = stream->progress_ns,
                         .end_ns = end_ns,
                         .gap_ns = end_ns - stream->progress_ns,
                         .limit_ns = wait_allowance_ns(connection, side),
                         .rtt_ns = connection_rtt_ns(connection, side),
                         .outstanding = stream_outstanding(stream),
                         .next_bytes = full_segment_bytes(stream),
                         .window_scale_known = scale_known};
  if ((stream->flags & STREAM_WINDOW) != 0 && window_left > 0)
    situation->window_left = (uint32_t)window_left;
  vantage_of(analyzer, connection, &situation->view);
  situation->near = vantage_nearness(&situation->view, side);
}

static void diagnose(const struct situation *situation, struct finding *finding)
{
  finding_begin(finding, FINDING_STALL, situation->side, situation->start_ns, situation->end_ns);
  finding->ended_by = situation->how;
  if (situation->other->packets == 0 && situation->stream->bytes > 0) {
    finding->location =
        LOCATION_NONE; /* without the other direction nothing can be said of waiting */
    finding->severity = SEVERITY_INFO;
    return;
  }
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
    if (rules[i](situation, finding))
      return;
  }
}

/* The first part of every gap is moving; the rest is its owner's. */
static void account(struct analyzer *analyzer, struct stream *stream,
                    const struct situation *situation, const struct finding *finding)
{
  int64_t moving_ns =
      situation->limit_ns < situation->gap_ns ? situation->limit_ns : situation->gap_ns;
  int64_t idle_ns =
      finding->start_ns - situation->start_ns; /* before the wait that the verdict is about began */
  if (idle_ns < moving_ns)
    idle_ns = moving_ns;
  stream->moving_ns += moving_ns;
  stream->idle_ns += idle_ns - moving_ns;
  /* ... and what came after it was over (idle again, at a message's end). */
  int64_t after_ns = situation->end_ns - finding->end_ns;
  if (after_ns < 0 || after_ns > situation->gap_ns - idle_ns)
    after_ns = 0;
  stream->idle_ns += after_ns;
  int64_t owed_ns = situation->gap_ns - idle_ns - after_ns;
  struct trouble *trouble =
      finding->location == LOCATION_NONE ? NULL : stream_trouble(analyzer, stream);
  if (trouble != NULL)
    trouble->owed_ns[finding->location] += owed_ns;
  else
    stream->idle_ns += owed_ns;
}

static void clear_wait(struct stream *stream)
{
  struct trouble *trouble = stream->trouble;
  if (trouble == NULL)
    return;
  if (trouble->wait.lost.retransmissions > 0)
    trouble->recent_loss = trouble->wait.lost;
  memset(&trouble->wait, 0, sizeof trouble->wait);
  trouble->wait.zero_window = trouble->zero_window_since;
}

/* What account() has given to the owner. */
static int64_t owed_ns(const struct situation *situation, const struct finding *finding)
{
  const int64_t before_ns = finding->start_ns - situation->start_ns;
  const int64_t after_ns = situation->end_ns - finding->end_ns;
  const int64_t owed_ns =
      situation->gap_ns - (before_ns > situation->limit_ns ? before_ns : situation->limit_ns);
  return after_ns < 0 || after_ns > owed_ns ? owed_ns : owed_ns - after_ns;
}

static void close_wait(struct analyzer *analyzer, struct connection *connection,
                       struct situation *situation)
{
  struct stream *stream = &connection->stream[situation->side];
  struct finding *finding = &analyzer->scratch;
  diagnose(situation, finding);
  both_ends_judge(situation, finding);
  socket_judge(situation, finding);
  account(analyzer, stream, situation, finding);
  if (finding->location == LOCATION_NONE)
    return;
  const uint32_t open_id = stream->trouble != NULL ? stream->trouble->open.id : 0;
  if (finding->cause == CAUSE_TX_QUEUE_HOLD && situation->segment != NULL &&
      finding->waited_ns >= analyzer->options.min_stall_ns) {
    advance_keep(analyzer, connection, finding);
    hold_watch_begin(analyzer, connection, finding, situation->segment->packet,
                     owed_ns(situation, finding));
    return;
  }
  if (resume_watch_wants(situation, finding)) {
    advance_keep(analyzer, connection, finding);
    resume_watch_begin(analyzer, connection, situation, finding, owed_ns(situation, finding));
    return;
  }
  advance_close(analyzer, connection, situation->side, finding, situation->end_ns);
  finding->id = open_id; /* which says that it was told */
  crawl_wait(analyzer, connection, finding);
}

void wait_judge_open(struct analyzer *analyzer, struct connection *connection,
                     enum stream_side side, int64_t now_ns, struct finding *finding)
{
  struct situation situation;
  lay_out(&situation, analyzer, connection, side, NULL, now_ns);
  situation.open = true;
  situation.how = ENDED_BY_UNKNOWN;
  diagnose(&situation, finding);
  both_ends_judge(&situation, finding);
  socket_judge(&situation, finding);
  open_verdict_limit(&situation, finding);
}

void wait_progress(struct analyzer *analyzer, struct connection *connection, enum stream_side side,
                   const struct segment *segment, bool by_ack)
{
  struct stream *stream = &connection->stream[side];
  int64_t gap_ns = segment->time_ns - stream->progress_ns;
  bool delayed_ack =
      gap_ns > WAIT_MIN_NS && by_ack && crawl_delayed_ack(analyzer, connection, side, segment);
  if (gap_ns <= WAIT_MIN_NS || delayed_ack || gap_ns <= wait_allowance_ns(connection, side)) {
    stream->moving_ns += gap_ns;
    if (gap_ns > LIMIT_WAIT_MIN_NS && !delayed_ack)
      limit_run_add(analyzer, connection, side, segment, by_ack);
  } else {
    struct situation situation;
    lay_out(&situation, analyzer, connection, side, segment, segment->time_ns);
    situation.by_ack = by_ack;
    situation.how = by_ack ? ENDED_BY_ACK : ENDED_BY_APPLICATION;
    close_wait(analyzer, connection, &situation);
  }
  if (!by_ack) {
    crawl_new_data(analyzer, connection, side, segment);
    limit_run_release(analyzer, connection, side, segment);
  }
  if (analyzer->live)
    advance_close(analyzer, connection, side, NULL, segment->time_ns);
  clear_wait(stream);
  stream->progress_ns = segment->time_ns;
  stream->progress_frame = segment->packet->frame;
}

void wait_end(struct analyzer *analyzer, struct connection *connection, enum stream_side side,
              enum ended_by how, int64_t end_ns)
{
  struct stream *stream = &connection->stream[side];
  int64_t gap_ns = end_ns - stream->progress_ns;
  if (gap_ns > WAIT_MIN_NS && gap_ns > wait_allowance_ns(connection, side)) {
    struct situation situation;
    lay_out(&situation, analyzer, connection, side, NULL, end_ns);
    situation.how = how;
    close_wait(analyzer, connection, &situation);
  } else if (gap_ns > 0) {
    stream->moving_ns += gap_ns;
  }
  if (analyzer->live)
    advance_close(analyzer, connection, side, NULL, end_ns);
  clear_wait(stream);
  if (end_ns > stream->progress_ns)
    stream->progress_ns = end_ns;
}
