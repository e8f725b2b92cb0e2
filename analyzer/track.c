#include "analyzer/track.h"

#include "analyzer/handshake.h"
#include "analyzer/resume_watch.h"
#include "analyzer/track_internal.h"
#include "analyzer/wait.h"
#include "wire/seq.h"
#include "wire/timestamp.h"

#include <string.h>

/* A copy of a frame made by the capture follows its original closely; a sender needs longer to send
 * anything again. */
#define COPY_WINDOW_US 2000u
/* One bad checksum among so many packets is an event. */
#define BAD_CHECKSUM_RATIO 2u
/* Without an IP identification only data segments are compared, and within this time. */
#define COPY_WINDOW_NO_ID_US 500u

/* Everything that a copy shares with its original: TTL and link headers may differ. The products do
 * not wait for each other. */
static uint32_t fingerprint(const struct packet *packet)
{
  uint64_t hash = ((uint64_t)packet->seq << 32 | packet->ack) * UINT64_C(0x9e3779b97f4a7c15);
  hash += ((uint64_t)packet->flags << 48 | (uint64_t)packet->window << 32 | packet->payload_bytes) *
          UINT64_C(0xc2b2ae3d27d4eb4f);
  if ((packet->options & TCP_OPT_TIMESTAMPS) != 0)
    hash += ((uint64_t)packet->ts_val << 32 | packet->ts_ecr) * UINT64_C(0x165667b19e3779f9);
  if ((packet->facts & PACKET_IP_ID) != 0)
    hash += packet->ip_id * UINT64_C(0x27d4eb2f165667c5);
  for (unsigned i = 0; i < packet->sack_count; i++) {
    hash ^= (uint64_t)packet->sack[i].start << 32 | packet->sack[i].end;
    hash = (hash ^ hash >> 32) * UINT64_C(0xff51afd7ed558ccd);
  }
  return (uint32_t)(hash ^ hash >> 32);
}

bool track_is_capture_copy(struct stream *stream, const struct packet *packet, bool copies_seen)
{
  uint32_t hash = fingerprint(packet);
  uint32_t now_us = (uint32_t)(packet->time_ns / NS_PER_US);
  bool has_id = (packet->facts & PACKET_IP_ID) != 0 && packet->ip_id != 0;
  bool comparable = has_id || packet->payload_bytes > 1 ||
                    (packet->flags & (TCP_SYN | TCP_FIN)) != 0 || copies_seen;
  uint32_t window_us = has_id ? COPY_WINDOW_US : COPY_WINDOW_NO_ID_US;
  if (comparable) {
    for (unsigned i = 0; i < 4; i++) {
      if (stream->recent_hash[i] == hash && now_us - stream->recent_us[i] <= window_us)
        return true;
    }
  }
  stream->recent_hash[stream->recent_next] = hash;
  stream->recent_us[stream->recent_next] = now_us;
  stream->recent_next = (stream->recent_next + 1) & 3;
  return false;
}

/* Options that hold for the whole connection stand in the SYNs (RFC 9293, 3.1; RFC 7323, 2.2). */
static void note_syn(struct connection *connection, enum stream_side side,
                     const struct packet *packet)
{
  struct stream *stream = &connection->stream[side];
  stream->flags |= STREAM_SYN;
  stream->isn = packet->seq;
  stream->syn_window = packet->window;
  if ((packet->options & TCP_OPT_MSS) != 0)
    connection->stream[side ^ 1].mss = packet->mss;
  if ((packet->options & TCP_OPT_WSCALE) != 0) {
    stream->flags |= STREAM_WSCALE;
    stream->wscale = packet->wscale > 14 ? 14 : packet->wscale; /* RFC 7323, 2.3 */
  }
  if ((packet->options & TCP_OPT_CUT) != 0)
    stream->flags |= STREAM_SYN_CUT;
  if ((packet->options & TCP_OPT_SACK_PERMITTED) != 0)
    stream->flags |= STREAM_SACK_PERMITTED;
  if ((packet->options & TCP_OPT_FASTOPEN) != 0)
    connection->flags |= CONNECTION_FASTOPEN;
}

/* What a packet tells about where the capture stands, and how good it is. */
static void note_vantage(struct connection *connection, enum stream_side side,
                         const struct packet *packet)
{
  struct stream *stream = &connection->stream[side];
  if (packet->direction == PACKET_DIR_OUT)
    stream->flags |= STREAM_OUTGOING;
  else if (packet->direction == PACKET_DIR_IN)
    stream->flags |= STREAM_INCOMING;
  if (packet->checksum == CHECKSUM_OFFLOADED) {
    stream->flags |= STREAM_OFFLOADED; /* one in 65536 finished checksums looks like that as well */
    if (stream->offloaded < UINT16_MAX)
      stream->offloaded++;
  } else
    stream->flags |= packet->checksum == CHECKSUM_GOOD ? STREAM_CHECKSUM_DONE | STREAM_GOOD_CHECKSUM
                                                       : STREAM_CHECKSUM_DONE;
  if (stream->mss != 0 && packet->payload_bytes > stream->mss) {
    stream->flags |= STREAM_SUPER_SEGMENTS;
    connection->quality |= QUALITY_SUPER_SEGMENTS;
  }
  if (stream->ttl == 0 && (packet->facts & PACKET_TTL_VALID) != 0)
    stream->ttl = packet->ttl;
  if ((packet->options & TCP_OPT_MPTCP) != 0)
    connection->quality |= QUALITY_MPTCP;
  if ((packet->options & TCP_OPT_CUT) != 0)
    connection->quality |= QUALITY_OPTIONS_CUT;
  if ((packet->facts & PACKET_SNAPPED) != 0)
    connection->quality |= QUALITY_SNAPPED;
}

/* A frame with a bad checksum is no segment for TCP: it counts, but moves nothing (RFC 9293, 3.1).
 * That goes for single ones among many good ones only: where wrong ones are common, the trace was
 * edited, or an offload left something there. */
static bool note_bad_checksum(struct analyzer *analyzer, struct stream *stream,
                              const struct packet *packet, int64_t now_ns)
{
  if (packet->checksum != CHECKSUM_BAD)
    return false;
  struct trouble *trouble = stream_trouble(analyzer, stream);
  if (trouble == NULL)
    return true;
  trouble->bad_checksums++;
  if (stream->packets < BAD_CHECKSUM_RATIO * trouble->bad_checksums)
    return false;
  if (packet->payload_bytes > 0) {
    stream->flags |= STREAM_BAD_CHECKSUM_DATA;
    trouble->wait.bad_checksums++;
    if (trouble->wait.first_bad_checksum.frame == 0)
      trouble->wait.first_bad_checksum = (struct sighting){now_ns, packet->frame};
  }
  return true;
}

static void note_copy(struct analyzer *analyzer, struct connection *connection,
                      struct stream *stream)
{
  struct trouble *trouble = stream_trouble(analyzer, stream);
  if (trouble != NULL)
    trouble->duplicates++;
  connection->quality |= QUALITY_DUPLICATES;
}

/* Packets of either side, counted in the waits that they fall into. */
static void note_in_waits(struct connection *connection, enum stream_side side,
                          const struct segment *segment)
{
  struct trouble *own = connection->stream[side].trouble;
  struct trouble *other = connection->stream[side ^ 1].trouble;
  if (own != NULL)
    own->wait.packets_from_sender++;
  if (other != NULL) {
    other->wait.packets_from_receiver++;
    other->wait.last_from_receiver = (struct sighting){segment->time_ns, segment->packet->frame};
  }
}

static struct segment make_segment(const struct connection *connection, const struct packet *packet)
{
  struct segment segment = {.packet = packet, .start = packet->seq, .time_ns = connection->last_ns};
  if (time_is_valid(packet->time_ns) && packet->time_ns > segment.time_ns)
    segment.time_ns = packet->time_ns;
  uint32_t flags = packet->flags;
  uint32_t control = ((flags & TCP_SYN) != 0 ? 1u : 0u) + ((flags & TCP_FIN) != 0 ? 1u : 0u);
  segment.end = packet->seq + packet->payload_bytes + control;
  return segment;
}

/* RFC 5961, 4 and RFC 9293, 3.10.7.3: while a SYN is out, an ACK of anything else belongs to an
 * older connection; the client answers it with a RST and goes on trying. */
static bool is_challenge(const struct connection *connection, enum stream_side side,
                         const struct packet *packet)
{
  const struct stream *other = &connection->stream[side ^ 1];
  return (connection->flags & CONNECTION_HALF_OPEN) != 0 &&
         (packet->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_ACK && side == SIDE_SERVER &&
         connection->syn_acks == 0 && packet->ack != other->isn + 1;
}

static void track_reset(struct analyzer *analyzer, struct connection *connection,
                        enum stream_side side, const struct segment *segment)
{
  connection->stream[side].flags |= STREAM_RST;
  connection->stream[side].packets++;
  note_in_waits(connection, side, segment);
  handshake_or_abort_by_reset(analyzer, connection, side, segment);
}

void track_packet(struct analyzer *analyzer, struct connection *connection,
                  const struct packet *packet)
{
  enum stream_side side = connection_side(connection, packet);
  struct stream *stream = &connection->stream[side];
  struct segment segment = make_segment(connection, packet);
  connection->packets++;
  connection->flags |= CONNECTION_REFERENCED;
  if (time_is_valid(packet->time_ns) && packet->time_ns < connection->last_ns)
    connection->quality |= QUALITY_TIME_BACKWARDS;
  connection->last_ns = segment.time_ns;
  connection->last_frame = packet->frame;
  if (track_is_capture_copy(stream, packet, (connection->quality & QUALITY_DUPLICATES) != 0)) {
    note_copy(analyzer, connection, stream);
    return;
  }
  note_vantage(connection, side, packet);
  if (note_bad_checksum(analyzer, stream, packet, segment.time_ns))
    return;
  if (is_challenge(connection, side, packet)) {
    connection->flags |= CONNECTION_CHALLENGED;
    stream->packets++;
    return;
  }
  bool own_reset = (connection->flags & (CONNECTION_CHALLENGED | CONNECTION_ESTABLISHED)) ==
                       CONNECTION_CHALLENGED &&
                   side == SIDE_CLIENT;
  if ((packet->flags & TCP_RST) != 0 && own_reset) {
    stream->packets++;
    return;
  }
  if ((packet->flags & TCP_RST) != 0) {
    if (reset_is_ignored(connection, side, packet)) {
      stream->packets++;
      return;
    }
    track_reset(analyzer, connection, side, &segment);
    return;
  }
  if ((packet->flags & TCP_SYN) != 0)
    note_syn(connection, side, packet);
  handshake_count(analyzer, connection, side, packet, segment.time_ns);
  track_classify(connection, side, &segment);
  if ((connection->flags & CONNECTION_RESET_KEPT) != 0 && segment.new_data)
    abort_note_late_data(analyzer, connection, side, &segment);
  if (analyzer->resuming > 0)
    resume_watch_segment(analyzer, connection, side, &segment);

  /* Waits are judged by the state before this packet changes it. */
  if (segment.new_data)
    wait_progress(analyzer, connection, side, &segment, false);
  bool acks = (packet->flags & TCP_ACK) != 0;
  if (acks && track_ack_advances(connection, side, packet))
    wait_progress(analyzer, connection, side ^ 1, &segment, true);
  resume_watch_note_start(stream, &segment);

  stream->packets++;
  note_in_waits(connection, side, &segment);
  if ((packet->options & TCP_OPT_TIMESTAMPS) != 0)
    track_timestamps(connection, side, &segment);
  track_data(analyzer, connection, side, &segment);
  if (acks)
    track_ack(analyzer, connection, side, &segment);
}

void track_icmp_error(struct analyzer *analyzer, struct connection *connection,
                      const struct packet *packet)
{
  struct packet quoted = {.src = packet->quote.src,
                          .dst = packet->quote.dst,
                          .src_port = packet->quote.src_port,
                          .dst_port = packet->quote.dst_port};
  enum stream_side side = connection_side(connection, &quoted);
  struct trouble *trouble = stream_trouble(analyzer, &connection->stream[side]);
  if (trouble == NULL)
    return;
  trouble->wait.icmp = (struct sighting){packet->time_ns, packet->frame};
  trouble->wait.icmp_type = packet->icmp_type;
  trouble->wait.icmp_code = packet->icmp_code;
  trouble->wait.icmp_mtu = packet->quote.mtu;
}
