#include "analyzer/track_internal.h"
#include "analyzer/window_scale.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

/* An ACK farther than this beyond anything seen is noise (2^30: the largest window, RFC 7323, 2.3).
 */
#define ACK_PLAUSIBLE (1u << 30)
/* A DSACK reports what came twice lately. */
#define SACK_PLAUSIBLE (1u << 26)

/* R cannot acknowledge what it had not allowed (RFC 9293, 3.4: SEG.ACK =< SND.NXT =< right edge).
 * Where S's data is captured, such an ACK is damaged or another flow's; after a hole of the capture
 * S's next segment shows the truth. */
static bool is_beyond_belief(const struct connection *connection, enum stream_side acker,
                             uint32_t ack)
{
  const struct stream *stream = &connection->stream[acker ^ 1];
  bool known;
  connection_shift(connection, acker, &known);
  return known && stream->segments > 1 && (stream->flags & STREAM_WINDOW) != 0 &&
         seq_gt(ack, stream->snd_nxt) && seq_gt(ack, stream->right_edge);
}

bool track_ack_advances(const struct connection *connection, enum stream_side acker,
                        const struct packet *packet)
{
  const struct stream *stream = &connection->stream[acker ^ 1];
  if ((stream->flags & STREAM_ACKED) == 0)
    return (stream->flags & STREAM_STARTED) != 0 && seq_gt(packet->ack, stream->snd_una);
  uint32_t ahead = packet->ack - stream->snd_una;
  return ahead != 0 && ahead < ACK_PLAUSIBLE && !is_beyond_belief(connection, acker, packet->ack);
}

/* The newest segment that this ACK covers and that was sent once gives the sample (Karn, RFC 6298
 * section 3). */
static void sample_rtt(struct stream *stream, uint32_t ack, int64_t now_ns)
{
  uint32_t covered = flight_find(&stream->flight, ack - 1);
  if (covered >= stream->flight.count)
    covered = stream->flight.count - 1;
  const struct flight_segment *segment = flight_at(&stream->flight, covered);
  if (seq_leq(segment->end, ack) && segment->transmissions == 1 &&
      (segment->flags & (FLIGHT_SACKED | FLIGHT_HOLE | FLIGHT_RETRANSMITTED)) == 0)
    rtt_sample(&stream->rtt, now_ns - segment->time_ns);
}

/* Bytes that are acknowledged though they never passed here: the capture has holes (or this is
 * another path). */
static void note_unseen(struct analyzer *analyzer, struct connection *connection,
                        struct stream *stream, uint32_t bytes)
{
  struct trouble *trouble = stream_trouble(analyzer, stream);
  if (trouble != NULL && trouble->wait.one_byte_probes > 0 && bytes <= 1)
    return; /* the byte of a window probe was accepted */
  if (trouble != NULL)
    trouble->unseen_bytes += bytes;
  connection->quality |= QUALITY_CAPTURE_GAPS;
}

/* true: it was sent before the capture began, as far as that can be told. */
static bool is_before_capture(const struct stream *stream, uint32_t end)
{
  return (stream->flags & STREAM_SYN) == 0 &&
         (stream->bytes == 0 || seq_leq(end, stream->first_seq));
}

static void count_unseen_holes(struct analyzer *analyzer, struct connection *connection,
                               struct stream *stream, uint32_t ack)
{
  for (uint32_t i = 0; i < stream->flight.count; i++) {
    const struct flight_segment *segment = flight_at(&stream->flight, i);
    if (!seq_leq(segment->end, ack))
      break;
    if ((segment->flags & FLIGHT_HOLE) != 0 && !is_before_capture(stream, segment->end))
      note_unseen(analyzer, connection, stream, segment->end - segment->start);
  }
}

static void advance(struct analyzer *analyzer, struct connection *connection, enum stream_side side,
                    const struct segment *segment)
{
  struct stream *stream = &connection->stream[side];
  uint32_t ack = segment->packet->ack;
  if (seq_gt(ack, stream->snd_nxt)) {
    if ((stream->flags & STREAM_STARTED) != 0 && !is_before_capture(stream, ack))
      note_unseen(analyzer, connection, stream, ack - stream->snd_nxt);
    stream->snd_nxt = ack;
  }
  if (stream->flight.count > 0) {
    if (stream->trouble != NULL)
      count_unseen_holes(analyzer, connection, stream, ack);
    sample_rtt(stream, ack, segment->time_ns);
    uint32_t largest = flight_acknowledge(&stream->flight, &analyzer->flights, ack);
    if (largest > stream->largest_acked)
      stream->largest_acked = largest;
  }
  stream->snd_una = ack;
  stream->duplicate_acks = 0;
  stream->last_ack = (struct sighting){segment->time_ns, segment->packet->frame};
  if ((stream->flags & STREAM_FIN) != 0 && ack == stream->snd_nxt)
    stream->flags |= STREAM_FIN_ACKED;
}

static void first_ack(struct stream *stream, struct flight_pool *flights,
                      const struct segment *segment)
{
  uint32_t ack = segment->packet->ack;
  stream->flags |= STREAM_ACKED;
  if ((stream->flags & STREAM_STARTED) == 0) {
    stream->snd_nxt = ack;
    stream->flags |= STREAM_STARTED;
  } else if (seq_gt(ack, stream->snd_nxt)) {
    stream->snd_nxt = ack;
  }
  /* Mid-stream: what is outstanding may have been sent before the capture began. */
  stream->snd_una = ack;
  flight_acknowledge(&stream->flight, flights, ack);
}

/* RFC 2883, 4: the first block reports a duplicate if it lies below the ACK or inside the second
 * block. */
static bool is_dsack(const struct packet *packet)
{
  const struct sack_block *first = &packet->sack[0];
  if (seq_leq(first->end, packet->ack))
    return true;
  return packet->sack_count > 1 && seq_geq(first->start, packet->sack[1].start) &&
         seq_leq(first->end, packet->sack[1].end);
}

static void note_dsack(struct trouble *trouble, const struct segment *segment)
{
  const struct sack_block *block = &segment->packet->sack[0];
  trouble->dsack_segments++;
  trouble->wait.dsacks++;
  if (trouble->wait.first_dsack.frame == 0)
    trouble->wait.first_dsack = (struct sighting){segment->time_ns, segment->packet->frame};
  if (seq_leq(block->start, trouble->recent_loss.start) &&
      seq_gt(block->end, trouble->recent_loss.start) && trouble->recent_loss.retransmissions > 0) {
    trouble->spurious_retransmits += trouble->recent_loss.retransmissions;
    trouble->recent_loss.retransmissions = 0;
  } else {
    trouble->spurious_retransmits++;
  }
}

/* Marks what is new in a block: one that grew since the last ACK is only looked at from its old end
 * on. */
static void mark_sacked(struct stream *stream, struct trouble *trouble,
                        const struct sack_block *block)
{
  for (unsigned i = 0; i < PACKET_SACK_MAX; i++) {
    struct sack_block *seen = &trouble->sacks_seen[i];
    if (seen->start == block->start && seen->start != seen->end) {
      if (seq_gt(block->end, seen->end))
        flight_sack(&stream->flight, seen->end, block->start, block->end);
      seen->end = block->end;
      return;
    }
  }
  flight_sack(&stream->flight, block->start, block->start, block->end);
  trouble->sacks_seen[trouble->sacks_next] = *block;
  trouble->sacks_next = (uint8_t)((trouble->sacks_next + 1) % PACKET_SACK_MAX);
}

static void track_sack(struct analyzer *analyzer, struct stream *stream,
                       const struct segment *segment)
{
  const struct packet *packet = segment->packet;
  struct trouble *trouble = stream_trouble(analyzer, stream);
  if (trouble == NULL)
    return;
  trouble->sack_segments++;
  trouble->wait.sacks++;
  unsigned first = 0;
  /* A duplicate is reported near what was acknowledged; farther off it is no block of this stream.
   */
  if (is_dsack(packet) && packet->ack - packet->sack[0].start < SACK_PLAUSIBLE) {
    note_dsack(trouble, segment);
    first = 1;
  }
  for (unsigned i = first; i < packet->sack_count; i++) {
    const struct sack_block *block = &packet->sack[i];
    if (seq_lt(block->start, block->end) && seq_leq(block->end, stream->snd_nxt) &&
        seq_gt(block->end, packet->ack)) {
      mark_sacked(stream, trouble, block);
      if (!trouble->sacked || seq_gt(block->end, trouble->sack_high))
        trouble->sack_high = block->end;
      trouble->sacked = true;
    } else
      trouble->foreign_sacks++;
  }
}

static void note_window_closed(struct trouble *trouble, const struct segment *segment,
                               bool was_closed)
{
  trouble->zero_windows++;
  if (!was_closed || trouble->zero_window_since.frame == 0)
    trouble->zero_window_since = (struct sighting){segment->time_ns, segment->packet->frame};
  trouble->wait.zero_window = trouble->zero_window_since;
}

/* A window that opens right after a probe, by a round trip at the most, was asked for; R may have
 * opened it long before. */
static void note_window_opened(struct connection *connection, enum stream_side side,
                               const struct segment *segment)
{
  struct trouble *trouble = connection->stream[side].trouble;
  if (trouble == NULL)
    return;
  struct wait *wait = &trouble->wait;
  int64_t reply_ns =
      connection->stream[side].rtt.samples > 0
          ? connection->stream[side].rtt.srtt_ns + 4 * connection->stream[side].rtt.rttvar_ns
          : 0;
  wait->window_opened = (struct sighting){segment->time_ns, segment->packet->frame};
  wait->opened_by_probe_answer =
      wait->last_probe.frame != 0 && wait->last_probe_answer.frame < wait->last_probe.frame &&
      segment->time_ns - wait->last_probe.time_ns <= reply_ns + 5 * NS_PER_MS;
  trouble->zero_window_since.frame = 0;
}

static void note_shrink(struct analyzer *analyzer, struct stream *stream,
                        const struct segment *segment, uint32_t edge)
{
  struct trouble *trouble = stream_trouble(analyzer, stream);
  if (trouble == NULL)
    return;
  trouble->wait.shrunk_bytes += stream->right_edge - edge;
  if (trouble->wait.window_shrunk.frame == 0)
    trouble->wait.window_shrunk = (struct sighting){segment->time_ns, segment->packet->frame};
}

/* RFC 9293, 3.10.7.4: S takes no window of a packet that is older by its sequence number, unless it
 * acknowledges more. It is taken here, where it may have come to S in order, and noted. */
static void note_window_age(struct stream *stream, const struct packet *packet)
{
  const bool older = (stream->flags & STREAM_WINDOW) != 0 &&
                     packet->ack == stream->right_edge - stream->window_bytes &&
                     seq_lt(packet->seq, stream->window_seq);
  stream->flags &= ~(uint32_t)STREAM_OLD_WINDOW;
  if (older)
    stream->flags |= STREAM_OLD_WINDOW;
  else
    stream->window_seq = packet->seq;
}

static void track_window(struct analyzer *analyzer, struct connection *connection,
                         enum stream_side acker, const struct segment *segment)
{
  struct stream *stream = &connection->stream[acker ^ 1];
  const struct packet *packet = segment->packet;
  bool known;
  uint8_t shift = connection_shift(connection, acker, &known);
  bool syn = (packet->flags & TCP_SYN) != 0; /* never scaled: RFC 7323, 2.2 */
  uint32_t bytes = syn ? packet->window : (uint32_t)packet->window << shift;
  uint32_t edge = packet->ack + bytes;
  bool had_window = (stream->flags & STREAM_WINDOW) != 0;
  bool was_closed = had_window && stream->window_raw == 0;
  if (!syn && known && (stream->flags & STREAM_SCALED_WINDOW) == 0) {
    window_scale_see(connection, acker, segment);
    stream->flags |= STREAM_SCALED_WINDOW;
  }
  if (packet->window == 0) {
    struct trouble *trouble = stream_trouble(analyzer, stream);
    if (trouble != NULL)
      note_window_closed(trouble, segment, was_closed);
  } else if (was_closed || (stream->flags & STREAM_OLD_WINDOW) != 0) {
    note_window_opened(connection, acker ^ 1, segment);
  }
  /* One unit of the scale is lost by rounding: not a shrink (RFC 7323, 2.4). */
  if (had_window && known && seq_lt(edge + (1u << shift), stream->right_edge))
    note_shrink(analyzer, stream, segment, edge);
  note_window_age(stream, packet);
  stream->right_edge = edge;
  stream->window_bytes = bytes;
  stream->window_raw = packet->window;
  if (!had_window || bytes < stream->window_min)
    stream->window_min = bytes;
  if (bytes > stream->window_max)
    stream->window_max = bytes;
  stream->flags |= STREAM_WINDOW;
  if (!known && !syn)
    window_scale_bound(connection, acker, stream_outstanding(stream), packet->window);
}

/* A copy sent by the timer, into silence, is answered within a round trip, yet not acknowledged:
 * R's TCP had it and did not take it (RFC 9293, 3.10.7.4; RFC 7323, 5.3: an unacceptable segment is
 * answered with an ACK). */
static void note_answered_copy(struct stream *stream, const struct segment *segment)
{
  struct wait *wait = &stream->trouble->wait;
  int64_t since_ns = segment->time_ns - wait->lost.last_retransmission_ns;
  bool silence_before = wait->last_from_receiver.frame == 0 ||
                        wait->last_from_receiver.frame == segment->packet->frame ||
                        wait->last_from_receiver.time_ns < wait->lost.last_retransmission_ns;
  if (wait->lost.by_timer == 0 || segment->packet->sack_count > 0 || !silence_before ||
      stream->rtt.samples == 0 || since_ns < stream->rtt.min_ns / 2 ||
      since_ns > 2 * stream->rtt.srtt_ns + 10 * NS_PER_MS)
    return;
  wait->answered_copies++;
  if (wait->first_answered_copy.frame == 0)
    wait->first_answered_copy = (struct sighting){segment->time_ns, segment->packet->frame};
}

static bool is_duplicate_ack(const struct stream *stream, const struct segment *segment)
{
  /* RFC 5681, 2: no data, SYN or FIN off, same ACK, same window, and data outstanding. */
  return segment->start == segment->end && segment->packet->ack == stream->snd_una &&
         stream->snd_nxt != stream->snd_una && segment->packet->window == stream->window_raw;
}

void track_ack(struct analyzer *analyzer, struct connection *connection, enum stream_side acker,
               const struct segment *segment)
{
  struct stream *stream = &connection->stream[acker ^ 1];
  const struct packet *packet = segment->packet;
  if (segment->start == segment->end && segment->kind != SEGMENT_PROBE)
    stream->flags |= STREAM_PURE_ACKS;
  if ((stream->flags & STREAM_ACKED) == 0) {
    if ((stream->flags & STREAM_STARTED) != 0 && stream->flight.count > 0 &&
        seq_gt(packet->ack, stream->snd_una) && seq_leq(packet->ack, stream->snd_nxt)) {
      stream->flags |= STREAM_ACKED;
      advance(analyzer, connection, acker ^ 1, segment);
    } else {
      first_ack(stream, &analyzer->flights, segment);
    }
  } else {
    uint32_t ahead = packet->ack - stream->snd_una;
    if (ahead >= ACK_PLAUSIBLE || is_beyond_belief(connection, acker, packet->ack))
      return; /* older than what is known, or noise */
    if (ahead > 0) {
      advance(analyzer, connection, acker ^ 1, segment);
    } else if (is_duplicate_ack(stream, segment)) {
      if (stream->duplicate_acks < UINT8_MAX)
        stream->duplicate_acks++;
      stream->duplicate_ack_count++;
      if (stream->trouble != NULL) {
        stream->trouble->wait.duplicate_acks++;
      }
    }
    if (ahead == 0 && stream->trouble != NULL && segment->start == segment->end)
      note_answered_copy(stream, segment);
    /* One to each at most: what R sends for another reason says the same again. */
    if (ahead == 0 && stream->trouble != NULL &&
        stream->trouble->wait.probe_answers < stream->trouble->wait.probes) {
      stream->trouble->wait.probe_answers++;
    }
  }
  if (packet->sack_count > 0)
    track_sack(analyzer, stream, segment);
  track_window(analyzer, connection, acker, segment);
  if (stream->trouble != NULL && stream->trouble->wait.probes > 0)
    stream->trouble->wait.last_probe_answer = (struct sighting){segment->time_ns, packet->frame};
}
