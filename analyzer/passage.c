#include "analyzer/passage.h"

#include "wire/timestamp.h"

void passage_fill(struct passage *passage, const struct packet *packet)
{
  const uint32_t control =
      ((packet->flags & TCP_SYN) != 0 ? 1u : 0) + ((packet->flags & TCP_FIN) != 0 ? 1u : 0);
  *passage = (struct passage){
      .left_ns = packet->time_ns,
      .came_ns = TIME_INVALID,
      .came_last_ns = TIME_INVALID,
      .left_frame = packet->frame,
      .seq = packet->seq,
      .end = packet->seq + packet->payload_bytes + control,
      .came_to = packet->seq,
      .hole_end = packet->seq,
      .came_top = packet->seq,
      .ack = packet->ack,
      .ts_val = packet->ts_val,
      .ts_ecr = packet->ts_ecr,
      .payload_hash = packet->payload_hash,
      .window = packet->window,
      .flags = packet->flags,
      .options = packet->options,
      .ip_id = packet->ip_id,
      .payload_sum = packet->payload_sum,
      .mss = packet->mss,
      .wscale = packet->wscale,
      .ttl = packet->ttl,
      .tos = packet->tos,
      .checksum = packet->checksum,
      .facts = packet->facts,
  };
  if (packet->sack_count > 0) {
    passage->sack_start = packet->sack[0].start;
    passage->sack_end = packet->sack[0].end;
  }
  if (packet->checksum == CHECKSUM_BAD)
    passage->state |= PASSAGE_LEFT_BAD;
}

void passage_as_packet(const struct passage *passage, const struct packet *after,
                       struct packet *before)
{
  *before = *after;
  before->time_ns = passage->left_ns;
  before->frame = passage->left_frame;
  before->seq = passage->seq;
  before->ack = passage->ack;
  before->ts_val = passage->ts_val;
  before->ts_ecr = passage->ts_ecr;
  before->payload_hash = passage->payload_hash;
  before->payload_bytes =
      passage->end - passage->seq - (packet_end(after) - after->seq - after->payload_bytes);
  before->window = passage->window;
  before->flags = passage->flags;
  before->options = passage->options;
  before->ip_id = passage->ip_id;
  before->payload_sum = passage->payload_sum;
  before->mss = passage->mss;
  before->wscale = passage->wscale;
  before->ttl = passage->ttl;
  before->tos = passage->tos;
  before->checksum = passage->checksum;
  before->facts = passage->facts;
  if (after->sack_count > 0) {
    before->sack[0].start = passage->sack_start;
    before->sack[0].end = passage->sack_end;
    before->sack_count = passage->sack_start != passage->sack_end ? 1 : 0;
  }
}

void passage_bring_range(struct passage *passage, uint32_t from, uint32_t until)
{
  if (seq_leq(from, passage->came_to)) {
    if (seq_gt(until, passage->came_to))
      passage->came_to = until;
    if (seq_geq(passage->came_to, passage->hole_end) && (passage->state & PASSAGE_HOLES) == 0)
      passage->came_to = passage->came_top =
          seq_gt(passage->came_top, passage->came_to) ? passage->came_top : passage->came_to;
    if (seq_geq(passage->came_to, passage->hole_end))
      passage->hole_end = passage->came_to;
    return;
  }
  if (passage->hole_end == passage->came_to)
    passage->hole_end = from;
  else if (from != passage->came_top)
    passage->state |= PASSAGE_HOLES;
  if (seq_gt(until, passage->came_top))
    passage->came_top = until;
}

enum byte_fate passage_fate(const struct passage *passage, uint32_t seq)
{
  if ((passage->state & PASSAGE_CAME) != 0)
    return FATE_CAME;
  if ((passage->state & PASSAGE_PART_CAME) == 0)
    return FATE_MISSING;
  if (seq_lt(seq, passage->came_to))
    return FATE_CAME;
  if ((passage->state & PASSAGE_HOLES) != 0)
    return FATE_UNKNOWN;
  return seq_geq(seq, passage->hole_end) && seq_lt(seq, passage->came_top) ? FATE_CAME
                                                                           : FATE_MISSING;
}

int64_t passage_delay_ns(const struct passage *passage)
{
  return time_is_valid(passage->came_ns) ? passage->came_ns - passage->left_ns : TIME_INVALID;
}
