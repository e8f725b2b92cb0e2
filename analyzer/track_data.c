#include "analyzer/track_internal.h"
#include "analyzer/window_scale.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

/* Bytes that come late by no more than this were reordered, not sent again, if no timestamps decide
 * it. */
#define REORDERING_NS (3 * NS_PER_MS)
/* Farther than this from everything known a sequence number is noise, not a gap (2^30: the largest
 * window). */
#define SEQUENCE_PLAUSIBLE (1u << 30)
/* A keep-alive or Linux's window probe: snd_nxt - 1 (or snd_una - 1), no byte or one old byte (RFC
 * 9293, 3.8.4). A one-byte probe past a closed window carries the next byte, which R is not going
 * to take. */
static bool is_probe(const struct stream *stream, const struct segment *segment)
{
  const struct packet *packet = segment->packet;
  if ((packet->flags & (TCP_SYN | TCP_FIN)) != 0 || packet->payload_bytes > 1)
    return false;
  bool below = segment->start == stream->snd_nxt - 1 ||
               ((stream->flags & STREAM_ACKED) != 0 && segment->start == stream->snd_una - 1);
  if (below)
    return packet->payload_bytes == 0 || (stream->flags & STREAM_ACKED) == 0 ||
           seq_leq(segment->end, stream->snd_una);
  bool window_closed = (stream->flags & STREAM_WINDOW) != 0 && stream->window_raw == 0;
  return window_closed && packet->payload_bytes == 1 && segment->start == stream->right_edge;
}

static enum segment_kind classify_old(const struct stream *stream, struct segment *segment)
{
  if ((stream->flags & STREAM_ACKED) != 0 && seq_leq(segment->end, stream->snd_una))
    return SEGMENT_OLD;
  uint32_t index = flight_find(&stream->flight, segment->start);
  uint32_t last = index + FLIGHT_SCAN_MAX;
  for (; index < stream->flight.count && index < last; index++) {
    const struct flight_segment *known = flight_at(&stream->flight, index);
    if (seq_geq(known->start, segment->end))
      break;
    if ((known->flags & FLIGHT_HOLE) != 0) {
      const struct packet *packet = segment->packet;
      bool stamped = (packet->options & TCP_OPT_TIMESTAMPS) != 0 && stream->clock.started;
      segment->out_of_order = stamped && packet->ts_val != stream->clock.last_val
                                  ? seq_lt(packet->ts_val, stream->clock.last_val)
                                  : segment->time_ns - known->time_ns < REORDERING_NS;
      return SEGMENT_FILLS_HOLE;
    }
  }
  return SEGMENT_RETRANSMISSION;
}

void track_classify(const struct connection *connection, enum stream_side side,
                    struct segment *segment)
{
  const struct stream *stream = &connection->stream[side];
  if ((stream->flags & STREAM_STARTED) == 0) {
    /* A pure ACK begins a stream as well: the next byte's number is known from it. */
    segment->new_data = segment->end != segment->start;
    segment->kind = segment->new_data ? SEGMENT_NEW : SEGMENT_NONE;
    return;
  }
  if (is_probe(stream, segment)) {
    segment->kind = SEGMENT_PROBE;
    return;
  }
  if (segment->start == segment->end) {
    segment->kind = SEGMENT_NONE;
    return;
  }
  int32_t ahead = seq_diff(segment->end, stream->snd_nxt);
  if (ahead > 0 && (uint32_t)ahead < SEQUENCE_PLAUSIBLE) {
    segment->kind = SEGMENT_NEW;
    segment->new_data = true;
    return;
  }
  segment->kind = classify_old(stream, segment);
}

static void start_stream(struct stream *stream, const struct segment *segment)
{
  stream->flags |= STREAM_STARTED;
  stream->snd_nxt = segment->start;
  if ((stream->flags & STREAM_ACKED) == 0)
    stream->snd_una = segment->start;
}

/* A sender that takes R's scaled window for a raw one ends its flights exactly there and never goes
 * beyond: a larger flight takes back what may have been a coincidence. */
static void note_raw_window(const struct connection *connection, struct stream *stream,
                            uint32_t flight_bytes)
{
  if ((stream->flags & STREAM_WINDOW) == 0 || stream->window_raw == 0 ||
      (connection->flags & CONNECTION_ESTABLISHED) == 0)
    return;
  uint32_t largest = connection->stream[0].largest_segment > connection->stream[1].largest_segment
                         ? connection->stream[0].largest_segment
                         : connection->stream[1].largest_segment;
  uint32_t segment_bytes = stream->mss > 12 ? stream->mss - 12u : largest;
  bool whole_segments =
      segment_bytes > 0 && stream->window_raw % segment_bytes == 0; /* may be chance */
  if (flight_bytes > stream->window_raw || whole_segments)
    stream->raw_hits = 0;
  else if (flight_bytes == stream->window_raw && stream->raw_hits < UINT16_MAX)
    stream->raw_hits++;
}

/* Does S stop because R's window, as S believes in it, is full? */
static void note_edge(const struct connection *connection, struct stream *stream,
                      const struct packet *packet)
{
  bool known;
  uint8_t shift = connection_shift(
      connection, stream == &connection->stream[0] ? SIDE_SERVER : SIDE_CLIENT, &known);
  int32_t left = seq_diff(stream->right_edge, stream->snd_nxt);
  uint32_t segment = stream->mss > 12 ? stream->mss - 12u : stream->largest_segment;
  bool at_raw = shift > 0 && stream->raw_hits >= RAW_HITS_MIN &&
                stream_outstanding(stream) == stream->window_raw;
  stream->flags &= ~(uint32_t)STREAM_EDGE_REACHED;
  if (known && packet->payload_bytes > 0 && (stream->flags & STREAM_WINDOW) != 0 &&
      (left < (int32_t)segment || at_raw))
    stream->flags |= STREAM_EDGE_REACHED;
}

/* New bytes: what lies between them and snd_nxt was not seen here and stands in the flight as a
 * hole. */
static void add_new(struct analyzer *analyzer, struct connection *connection, struct stream *stream,
                    const struct segment *segment)
{
  const struct packet *packet = segment->packet;
  uint32_t start = segment->start;
  if (stream->bytes == 0 && (stream->flags & STREAM_SYN) == 0)
    stream->first_seq = start;
  if (seq_gt(start, stream->snd_nxt)) {
    struct flight_segment hole = {.start = stream->snd_nxt,
                                  .end = start,
                                  .time_ns = segment->time_ns,
                                  .frame = packet->frame,
                                  .flags = FLIGHT_HOLE};
    flight_append(&stream->flight, &analyzer->flights, &hole);
    struct trouble *trouble = stream_trouble(analyzer, stream);
    if (trouble != NULL)
      trouble->wait.hole_noticed = true;
  } else if (seq_lt(start, stream->snd_nxt)) {
    start = stream->snd_nxt; /* partly seen before */
  }
  struct flight_segment fresh = {.start = start,
                                 .end = segment->end,
                                 .time_ns = segment->time_ns,
                                 .frame = packet->frame,
                                 .ts_val = packet->ts_val,
                                 .transmissions = 1,
                                 .flags = (packet->flags & TCP_PSH) != 0 ? FLIGHT_PSH : 0};
  if (!seq_leq(segment->end, stream->snd_una) || (stream->flags & STREAM_ACKED) == 0)
    flight_append(&stream->flight, &analyzer->flights, &fresh);
  stream->bytes += segment->end - stream->snd_nxt;
  if ((packet->flags & TCP_SYN) != 0)
    stream->bytes--; /* SYN and FIN take a number, but are no bytes */
  if ((packet->flags & TCP_FIN) != 0)
    stream->bytes--;
  stream->snd_nxt = segment->end;
  uint32_t flight_bytes = stream_outstanding(stream);
  if (flight_bytes > stream->flight_max && (stream->flags & STREAM_ACKED) != 0)
    stream->flight_max = flight_bytes;
  if (packet->payload_bytes > 0)
    note_raw_window(connection, stream, flight_bytes);
  note_edge(connection, stream, packet);
}

static void note_data(struct connection *connection, enum stream_side side,
                      const struct segment *segment)
{
  struct stream *stream = &connection->stream[side];
  const struct packet *packet = segment->packet;
  if (packet->payload_bytes == 0)
    return; /* SYN or FIN: nobody speaks */
  stream->last_data = (struct data_sighting){.time_ns = segment->time_ns,
                                             .frame = packet->frame,
                                             .bytes = packet->payload_bytes,
                                             .end = segment->end,
                                             .ts_val = packet->ts_val,
                                             .ts_ecr = packet->ts_ecr,
                                             .flags = packet->flags,
                                             .options = packet->options};
  if (packet->payload_bytes > stream->largest_segment)
    stream->largest_segment = packet->payload_bytes;
  stream->flags |= STREAM_LATEST_SPEAKER;
  connection->stream[side ^ 1].flags &= ~(uint32_t)STREAM_LATEST_SPEAKER;
}

/* Fast: after three duplicate ACKs or a SACK above it (RFC 5681, 3.2; RFC 6675). Tail loss probe:
 * the last segment, sooner than an RTO (RFC 8985, 7). Everything else waited for the timer (RFC
 * 6298). */
static bool count_kind(struct stream *stream, struct trouble *trouble,
                       const struct flight_segment *known, uint32_t index, int64_t since_ns)
{

  bool last = index + 1 >= stream->flight.count;
  bool timed_out = known->transmissions > 1 && since_ns >= rtt_rto_ns(&stream->rtt);
  if (!timed_out && (stream->duplicate_acks >= 3 ||
                     (trouble->sacked && seq_gt(trouble->sack_high, known->end)))) {
    trouble->wait.fast++;
    trouble->fast_retransmits++;
    return false;
  }
  if (last && known->transmissions == 1 && stream->rtt.samples > 0 &&
      since_ns < rtt_rto_ns(&stream->rtt)) {
    trouble->wait.tlp++;
    trouble->tlp_probes++;
    return false;
  }
  trouble->wait.rto++;
  trouble->rto_retransmits++;
  return true;
}

static void first_loss(struct lost_segment *lost, const struct flight_segment *known,
                       const struct segment *segment)
{
  *lost = (struct lost_segment){.start = known->start,
                                .end = known->end,
                                .original_ns = known->time_ns,
                                .original_frame = known->frame,
                                .original_ts_val = known->ts_val,
                                .first_retransmission_ts_val = segment->packet->ts_val,
                                .first_retransmission_ns = segment->time_ns,
                                .first_retransmission_frame = segment->packet->frame,
                                .first_interval_ns = segment->time_ns - known->time_ns,
                                .doubling = true};
}

static void note_lost(struct wait *wait, const struct flight_segment *known,
                      const struct segment *segment, bool by_timer)
{
  struct lost_segment *lost = &wait->lost;
  bool probe_before =
      lost->retransmissions == 1 && lost->by_timer == 0 && seq_lt(segment->start, lost->start);
  if (lost->retransmissions == 0 || probe_before) {
    uint32_t first_ts_val = lost->first_retransmission_ts_val;
    first_loss(lost, known, segment);
    if (probe_before) /* a tail loss probe came first; the Eifel test goes by the very first copy */
      lost->first_retransmission_ts_val = first_ts_val;
  } else if (segment->start != lost->start)
    return;
  else {
    int64_t interval_ns = segment->time_ns - lost->last_retransmission_ns;
    int64_t before_ns =
        lost->retransmissions == 1 ? lost->first_interval_ns : lost->last_interval_ns;
    /* RFC 6298 (5.5): back off the timer. The first copy may have been a probe: its interval is not
     * compared. */
    if (lost->retransmissions > 1 &&
        (interval_ns / 3 < before_ns / 2 || interval_ns / 3 > before_ns))
      lost->doubling = false;
    lost->last_interval_ns = interval_ns;
  }
  lost->retransmissions++;
  if (by_timer)
    lost->by_timer++;
  lost->last_retransmission_ns = segment->time_ns;
  lost->last_retransmission_frame = segment->packet->frame;
  lost->last_end = segment->end;
}

static void note_retransmission(struct analyzer *analyzer, struct stream *stream,
                                const struct segment *segment)
{
  struct trouble *trouble = stream_trouble(analyzer, stream);
  if (trouble == NULL)
    return;
  struct wait *wait = &trouble->wait;
  uint32_t bytes = segment->packet->payload_bytes;
  trouble->retransmitted_segments++;
  trouble->retransmitted_bytes += bytes;
  wait->retransmissions++;
  if (bytes > wait->largest_retransmitted)
    wait->largest_retransmitted = bytes;
  if (wait->smallest_retransmitted == 0 || bytes < wait->smallest_retransmitted)
    wait->smallest_retransmitted = bytes;
  uint32_t index = flight_find(&stream->flight, segment->start);
  if (index >= stream->flight.count)
    return;
  struct flight_segment *known = flight_at(&stream->flight, index);
  /* Each ACK that advances starts the timer anew: RFC 6298 (5.3). */
  int64_t since_ns = segment->time_ns -
                     (known->time_ns > stream->progress_ns ? known->time_ns : stream->progress_ns);
  bool by_timer = count_kind(stream, trouble, known, index, since_ns);
  note_lost(wait, known, segment, by_timer);
  for (uint32_t last = index + FLIGHT_SCAN_MAX;
       index < stream->flight.count && index < last &&
       seq_lt(flight_at(&stream->flight, index)->start, segment->end);
       index++) {
    known = flight_at(&stream->flight, index);
    known->time_ns = segment->time_ns;
    known->flags |= FLIGHT_RETRANSMITTED;
    if (known->transmissions < UINT8_MAX)
      known->transmissions++;
  }
}

static void note_old(struct analyzer *analyzer, struct stream *stream,
                     const struct segment *segment)
{
  struct trouble *trouble = stream_trouble(analyzer, stream);
  if (trouble == NULL)
    return;
  trouble->retransmitted_segments++;
  trouble->retransmitted_bytes += segment->packet->payload_bytes;
  trouble->wait.retransmissions_of_acked++;
  if ((segment->packet->flags & TCP_SYN) != 0)
    trouble->wait.syn_sent_again = true;
  trouble->wait.last_retransmission_of_acked =
      (struct sighting){segment->time_ns, segment->packet->frame};
  if (trouble->wait.first_retransmission_of_acked.frame == 0)
    trouble->wait.first_retransmission_of_acked =
        (struct sighting){segment->time_ns, segment->packet->frame};
}

/* Bytes seen for the first time below snd_nxt: their place in the flight becomes an ordinary
 * segment. */
static void fill_hole(struct analyzer *analyzer, struct stream *stream,
                      const struct segment *segment)
{
  struct trouble *trouble = stream_trouble(analyzer, stream);
  uint32_t index = flight_find(&stream->flight, segment->start);
  while (index < stream->flight.count &&
         (flight_at(&stream->flight, index)->flags & FLIGHT_HOLE) == 0)
    index++;
  if (index >= stream->flight.count)
    return;
  index = flight_split(&stream->flight, &analyzer->flights, index, segment->start, segment->end);
  struct flight_segment *filled = flight_at(&stream->flight, index);
  if (trouble != NULL) {
    if (segment->out_of_order) {
      trouble->out_of_order++;
    } else {
      trouble->retransmitted_segments++;
      trouble->retransmitted_bytes += segment->packet->payload_bytes;
      trouble->wait.retransmissions++;
      trouble->wait.fast++;
      note_lost(&trouble->wait, filled, segment, false);
    }
  }
  filled->flags = segment->out_of_order ? 0 : FLIGHT_RETRANSMITTED;
  filled->time_ns = segment->time_ns;
  filled->frame = segment->packet->frame;
  filled->ts_val = segment->packet->ts_val;
  filled->transmissions = segment->out_of_order ? 1 : 2;
}

static void note_probe(struct analyzer *analyzer, struct stream *stream,
                       const struct segment *segment)
{
  struct trouble *trouble = stream_trouble(analyzer, stream);
  if (trouble == NULL)
    return;
  if ((stream->flags & STREAM_WINDOW) != 0 && stream->window_raw == 0)
    trouble->window_probes++;
  else
    trouble->keepalives++;
  struct wait *wait = &trouble->wait;
  wait->probes++;
  if (segment->packet->payload_bytes > 0)
    wait->one_byte_probes++;
  wait->last_probe = (struct sighting){segment->time_ns, segment->packet->frame};
  if (wait->first_probe.frame == 0)
    wait->first_probe = wait->last_probe;
}

/* RFC 7323, 5.3 R1: a segment whose TSval is older than TS.Recent is dropped. What matters here is
 * that S sent newer ones before; a retransmission carries a newer one, reordering is out by little.
 */
static void note_old_timestamp(struct analyzer *analyzer, struct stream *stream,
                               const struct segment *segment)
{
  const struct packet *packet = segment->packet;
  if ((packet->options & TCP_OPT_TIMESTAMPS) == 0 || !stream->clock.started ||
      packet->payload_bytes == 0 || !seq_lt(packet->ts_val, stream->clock.last_val))
    return;
  if (segment->kind == SEGMENT_FILLS_HOLE && segment->out_of_order)
    return;
  struct trouble *trouble = stream_trouble(analyzer, stream);
  if (trouble == NULL)
    return;
  trouble->wait.paws_old++;
  if (trouble->wait.first_paws.frame == 0)
    trouble->wait.first_paws = (struct sighting){segment->time_ns, packet->frame};
}

static void note_beyond_window(struct analyzer *analyzer, struct connection *connection,
                               enum stream_side side, const struct segment *segment)
{
  struct stream *stream = &connection->stream[side];
  bool known;
  connection_shift(connection, side ^ 1, &known);
  if (!known || (stream->flags & STREAM_WINDOW) == 0 || !seq_gt(segment->end, stream->right_edge) ||
      segment->packet->payload_bytes == 0)
    return;
  struct trouble *trouble = stream_trouble(analyzer, stream);
  if (trouble != NULL) {
    trouble->wait.beyond_window++;
    trouble->beyond_window = (struct sighting){segment->time_ns, segment->packet->frame};
  }
}

void track_data(struct analyzer *analyzer, struct connection *connection, enum stream_side side,
                const struct segment *segment)
{
  struct stream *stream = &connection->stream[side];
  if ((stream->flags & STREAM_STARTED) == 0)
    start_stream(stream, segment);
  if (segment->start == segment->end)
    stream->acks++;
  else
    stream->segments++;
  note_old_timestamp(analyzer, stream, segment);
  switch (segment->kind) {
  case SEGMENT_NONE: return;
  case SEGMENT_NEW:
    note_beyond_window(analyzer, connection, side, segment);
    if (seq_lt(segment->start, stream->snd_nxt) && stream->flight.count > 0)
      note_retransmission(analyzer, stream, segment);
    add_new(analyzer, connection, stream, segment);
    note_data(connection, side, segment);
    break;
  case SEGMENT_RETRANSMISSION: note_retransmission(analyzer, stream, segment); break;
  case SEGMENT_FILLS_HOLE: fill_hole(analyzer, stream, segment); break;
  case SEGMENT_OLD: note_old(analyzer, stream, segment); break;
  case SEGMENT_PROBE: note_probe(analyzer, stream, segment); break;
  }
  if ((segment->packet->flags & TCP_FIN) != 0)
    stream->flags |= STREAM_FIN;
}
