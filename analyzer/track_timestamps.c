#include "analyzer/track_internal.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

/* Segments closer together than this were sent in one go. */
#define BURST_NS (10 * NS_PER_MS)

/* S echoes the timestamp of R's last segment that it has *processed* (RFC 7323, 4.3: TS.Recent
 * follows segments with SEG.SEQ <= Last.ACK.sent, and so pure ACKs too). What S echoes therefore
 * tells what S's TCP knew when it built the segment. */
static void follow_echo(struct stream *stream, const struct stream *other,
                        const struct segment *segment)
{
  const struct packet *packet = segment->packet;
  /* The step from the SYN-ACK's timestamp to the first one after it is no sign: a SYN-ACK is no
   * pure ACK. */
  bool first = (stream->flags & STREAM_ECR_SEEN) == 0;
  if ((packet->flags & TCP_SYN) == 0)
    stream->flags |= STREAM_ECR_SEEN;
  if (!first && !seq_gt(packet->ts_ecr, stream->ts_ecr))
    return;
  if (!first) {
    bool other_sent_data = seq_geq(other->heavy_ts_val, packet->ts_ecr);
    if (!other_sent_data)
      stream->flags |= STREAM_FOLLOWS_PURE_ACKS;
    if (packet->payload_bytes > 0 && stream->last_data.frame != 0 &&
        segment->time_ns - stream->last_data.time_ns < BURST_NS) {
      stream->flags |= STREAM_ECR_STEP;
      stream->echo_step_ns = segment->time_ns;
      stream->echo_step_frame = packet->frame;
      stream->echo_step_ecr = packet->ts_ecr;
    }
  }
  if (other->clock.started && packet->ts_ecr == other->clock.last_val) {
    int64_t turn_ns = segment->time_ns - other->clock.last_ns;
    if (turn_ns <= RTT_MAX_NS &&
        (!time_is_valid(stream->turn_min_ns) || turn_ns < stream->turn_min_ns))
      stream->turn_min_ns = turn_ns;
  }
  stream->ts_ecr = packet->ts_ecr;
  stream->newer.frame = 0;
  if (stream->recent.frame != 0 && seq_gt(stream->recent_ts_val, packet->ts_ecr)) {
    stream->newer_ts_val = stream->recent_ts_val;
    stream->newer = stream->recent;
  }
}

/* A segment of S with SEG.SEQ <= Last.ACK.sent of R: R's TS.Recent takes its TSval (RFC 7323, 4.3).
 * What comes behind a segment not yet acknowledged does not count: the ACK echoes the first one. */
static void note_recent(const struct stream *stream, struct stream *other,
                        const struct segment *segment)
{
  const struct packet *packet = segment->packet;
  /* A probe and old data lie below RCV.NXT: R drops them, and TS.Recent stays (RFC 7323, 4.3
   * (2); 5.3 R3). */
  bool taken = (stream->flags & STREAM_ACKED) != 0 && segment->kind != SEGMENT_PROBE &&
               seq_leq(segment->start, stream->snd_una) && seq_geq(segment->end, stream->snd_una);
  if (!taken || (other->recent.frame != 0 && !seq_gt(packet->ts_val, other->recent_ts_val)))
    return;
  other->recent_ts_val = packet->ts_val;
  other->recent = (struct sighting){segment->time_ns, packet->frame};
  if ((other->flags & STREAM_TIMESTAMPS) != 0 && other->newer.frame == 0 &&
      seq_gt(packet->ts_val, other->ts_ecr)) {
    other->newer_ts_val = packet->ts_val;
    other->newer = other->recent;
  }
}

void track_timestamps(struct connection *connection, enum stream_side side,
                      const struct segment *segment)
{
  struct stream *stream = &connection->stream[side], *other = &connection->stream[side ^ 1];
  const struct packet *packet = segment->packet;
  stream->flags |= STREAM_TIMESTAMPS;
  if ((packet->flags & TCP_ACK) != 0)
    follow_echo(stream, other, segment);
  ts_clock_see(&stream->clock, packet->ts_val, segment->time_ns, packet->frame);
  note_recent(stream, other, segment);
  if (segment->start != segment->end || segment->kind == SEGMENT_PROBE)
    stream->heavy_ts_val = packet->ts_val;
}
