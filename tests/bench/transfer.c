#include "tests/bench/transfer.h"

#include "tests/bench/far_end.h"

#include <stdlib.h>

#define NEVER          INT64_MAX
#define MS             INT64_C(1000000)
#define US             INT64_C(1000)
#define WSCALE         7
#define DELAYED_ACK_NS (40 * MS)  /* Linux */
#define RTO_MIN_NS     (200 * MS) /* Linux */
#define INITIAL_CWND   10         /* RFC 6928 */
#define INITIAL_WINDOW 64240
#define FLAG_FIN       0x01
#define FLAG_SYN       0x02
#define FLAG_PSH       0x08
#define FLAG_ACK       0x10

enum phase { SYN, SYN_ACK, HANDSHAKE_ACK, THINK, SERVICE, BULK, FIN, FIN_ACK, LAST_ACK, OVER };
enum side { SENDER, RECEIVER };

static uint64_t between(struct transfer *transfer, uint64_t low, uint64_t high)
{
  return low + random_next(&transfer->random) % (high - low + 1);
}

static enum side server_side(const struct transfer *transfer)
{
  return transfer->options.server_sends ? SENDER : RECEIVER;
}

/* --- writing --- */

static uint32_t ts_clock(const struct transfer *transfer, enum side side, int64_t now_ns)
{
  /* The capture is at the server: what the client sends left it half a round trip earlier. */
  int64_t left_ns = side == server_side(transfer) ? now_ns : now_ns - transfer->options.rtt_ns / 2;
  return transfer->clock[side] + (uint32_t)(left_ns / MS);
}

static struct segment segment_from(const struct transfer *transfer, enum side side, int64_t now_ns)
{
  const struct transfer_options *options = &transfer->options;
  bool server = side == server_side(transfer);
  return (struct segment){
      .src_ip = server ? options->server_ip : options->client_ip,
      .dst_ip = server ? options->client_ip : options->server_ip,
      .src_port = server ? options->server_port : options->client_port,
      .dst_port = server ? options->client_port : options->server_port,
      .ttl = server ? 64 : (uint8_t)(48 + options->client_ip % 12),
      .flags = FLAG_ACK,
      .window = 501,
      .ts_val = ts_clock(transfer, side, now_ns),
      .ts_ecr = side == SENDER ? transfer->sender_ts_recent : transfer->receiver_ts_recent,
  };
}

/* As the capture at the server sees it (near), and the one at the client, if there is one. */
static void pass(const struct transfer *transfer, struct segment_writer *writer, int64_t now_ns,
                 struct segment *segment, bool near, bool far)
{
  const bool from_server = segment->src_ip == transfer->options.server_ip;
  const int64_t way_ns = transfer->options.rtt_ns / 2;
  segment->id = writer->next_id++;
  if (near)
    segment_write(writer, now_ns, segment);
  if (!far || !writer->far)
    return;
  struct segment there = *segment;
  there.ttl = from_server ? (uint8_t)(48 + transfer->options.client_ip % 12) : 64;
  far_end_write(writer->far, now_ns, from_server ? now_ns + way_ns : now_ns - way_ns, &there);
}

static void emit(struct transfer *transfer, struct segment_writer *writer, int64_t now_ns,
                 struct segment *segment)
{
  pass(transfer, writer, now_ns, segment, true, true);
  transfer->packets++;
  transfer->payload_bytes += segment->payload_bytes;
}

static uint32_t wire(const struct transfer *transfer, enum side side, uint64_t offset)
{
  return transfer->isn[side] + 1 + (uint32_t)offset;
}

static void emit_ack(struct transfer *transfer, struct segment_writer *writer, int64_t now_ns,
                     bool duplicate)
{
  uint64_t window = transfer->rcv_nxt + transfer->window_target;
  if (window < transfer->edge)
    window = transfer->edge; /* the right edge never moves left */
  uint32_t units = (uint32_t)((window - transfer->rcv_nxt + (1u << WSCALE) - 1) >> WSCALE);
  units = units > 65535 ? 65535 : units;
  transfer->edge = transfer->rcv_nxt + ((uint64_t)units << WSCALE);

  struct segment segment = segment_from(transfer, RECEIVER, now_ns);
  segment.seq = wire(transfer, RECEIVER, transfer->request_offset);
  segment.ack = wire(transfer, SENDER, transfer->rcv_nxt);
  segment.window = (uint16_t)units;
  for (unsigned i = 0; i < transfer->out_of_order_count && i < 3; i++) {
    segment.sack[i][0] = wire(transfer, SENDER, transfer->out_of_order[i].start);
    segment.sack[i][1] = wire(transfer, SENDER, transfer->out_of_order[i].end);
    segment.sack_count++;
  }
  emit(transfer, writer, now_ns, &segment);

  transfer->last_ack_sent = transfer->rcv_nxt;
  transfer->unacked_segments = 0;
  transfer->delayed_ack_ns = NEVER;
  uint32_t slot = (transfer->ack_head + transfer->ack_count) % IN_FLIGHT_MAX;
  if (transfer->ack_count < IN_FLIGHT_MAX) {
    transfer->acks[slot] = (struct flying_ack){.arrival_ns = now_ns + transfer->reverse_ns,
                                               .ack = transfer->rcv_nxt,
                                               .edge = transfer->edge,
                                               .ts_val = segment.ts_val,
                                               .duplicate = duplicate};
    transfer->ack_count++;
  }
}

/* --- data receiver --- */

static void remember_out_of_order(struct transfer *transfer, struct range range)
{
  unsigned kept = 0;
  struct range *ranges = transfer->out_of_order;
  for (unsigned i = 0; i < transfer->out_of_order_count; i++) {
    if (ranges[i].end < range.start || ranges[i].start > range.end) {
      ranges[kept++] = ranges[i];
      continue;
    }
    range.start = ranges[i].start < range.start ? ranges[i].start : range.start;
    range.end = ranges[i].end > range.end ? ranges[i].end : range.end;
  }
  if (kept == OUT_OF_ORDER_MAX)
    kept--;
  for (unsigned i = kept; i > 0; i--)
    ranges[i] = ranges[i - 1];
  ranges[0] = range;
  transfer->out_of_order_count = kept + 1;
}

static void take_in_order(struct transfer *transfer)
{
  struct range *ranges = transfer->out_of_order;
  for (unsigned i = 0; i < transfer->out_of_order_count;) {
    if (ranges[i].start > transfer->rcv_nxt) {
      i++;
      continue;
    }
    if (ranges[i].end > transfer->rcv_nxt)
      transfer->rcv_nxt = ranges[i].end;
    for (unsigned j = i + 1; j < transfer->out_of_order_count; j++)
      ranges[j - 1] = ranges[j];
    transfer->out_of_order_count--;
    i = 0;
  }
}

/* Buffers grow with what was received, and now and then the application is slow for a while. */
static void move_window(struct transfer *transfer)
{
  if (transfer->window_target < transfer->window_max &&
      transfer->rcv_nxt > 2 * transfer->window_target)
    transfer->window_target = 2 * transfer->window_target;
  uint64_t dice = between(transfer, 0, 2999);
  if (dice == 0)
    transfer->window_target = (uint64_t)transfer->options.mss * between(transfer, 8, 40);
}

static void receive_data(struct transfer *transfer, struct segment_writer *writer, int64_t now_ns)
{
  struct flying_data data = transfer->data[transfer->data_head];
  transfer->data_head = (transfer->data_head + 1) % IN_FLIGHT_MAX;
  transfer->data_count--;
  if (data.offset <= transfer->last_ack_sent)
    transfer->receiver_ts_recent = data.ts_val; /* RFC 7323, 4.3 */

  bool had_hole = transfer->out_of_order_count > 0;
  if (data.offset > transfer->rcv_nxt) {
    remember_out_of_order(transfer, (struct range){data.offset, data.offset + data.bytes});
    emit_ack(transfer, writer, now_ns, true);
    return;
  }
  if (data.offset + data.bytes <= transfer->rcv_nxt) {
    emit_ack(transfer, writer, now_ns, true);
    return;
  }
  transfer->rcv_nxt = data.offset + data.bytes;
  take_in_order(transfer);
  move_window(transfer);
  if (had_hole || ++transfer->unacked_segments >= 2)
    emit_ack(transfer, writer, now_ns, false);
  else if (transfer->delayed_ack_ns == NEVER)
    transfer->delayed_ack_ns = now_ns + DELAYED_ACK_NS;
}

/* --- data sender --- */

static void restart_rto(struct transfer *transfer, int64_t now_ns)
{
  int64_t rto_ns = transfer->options.rtt_ns + RTO_MIN_NS + 2 * MS;
  transfer->rto_ns =
      transfer->snd_una == transfer->snd_nxt ? NEVER : now_ns + (rto_ns << transfer->rto_backoff);
}

static void grow_cwnd(struct transfer *transfer, uint64_t acked_bytes)
{
  uint32_t segments = (uint32_t)((acked_bytes + transfer->options.mss - 1) / transfer->options.mss);
  if (transfer->cwnd < transfer->ssthresh) {
    transfer->cwnd += segments;
  } else {
    transfer->cwnd_credit += segments;
    if (transfer->cwnd_credit >= transfer->cwnd) {
      transfer->cwnd_credit -= transfer->cwnd;
      transfer->cwnd++;
    }
  }
  if (transfer->cwnd > transfer->options.cwnd_max)
    transfer->cwnd = transfer->options.cwnd_max;
}

static void enter_recovery(struct transfer *transfer)
{
  transfer->recovering = true;
  transfer->recover = transfer->snd_nxt;
  transfer->ssthresh = transfer->cwnd / 2 < 2 ? 2 : transfer->cwnd / 2;
  transfer->cwnd = transfer->ssthresh;
  transfer->retransmit_now = true;
}

static void receive_ack(struct transfer *transfer, int64_t now_ns)
{
  struct flying_ack ack = transfer->acks[transfer->ack_head];
  transfer->ack_head = (transfer->ack_head + 1) % IN_FLIGHT_MAX;
  transfer->ack_count--;
  transfer->sender_ts_recent = ack.ts_val;
  transfer->snd_edge = ack.edge;
  if (ack.ack > transfer->snd_una) {
    uint64_t acked = ack.ack - transfer->snd_una;
    transfer->snd_una = ack.ack;
    transfer->rto_backoff = 0;
    transfer->duplicate_acks = 0;
    if (transfer->recovering && ack.ack >= transfer->recover)
      transfer->recovering = false;
    else if (transfer->recovering)
      transfer->retransmit_now = true; /* a partial ACK: the next hole (RFC 6582) */
    else
      grow_cwnd(transfer, acked);
    restart_rto(transfer, now_ns);
  } else if (ack.duplicate && transfer->snd_nxt > transfer->snd_una) {
    if (++transfer->duplicate_acks == 3 && !transfer->recovering)
      enter_recovery(transfer);
  }
  if (transfer->send_ns < now_ns)
    transfer->send_ns = now_ns;
}

static bool can_send(const struct transfer *transfer)
{
  if (transfer->data_count >= IN_FLIGHT_MAX - 1)
    return false;
  if (transfer->retransmit_now)
    return true;
  uint64_t in_flight = transfer->snd_nxt - transfer->snd_una;
  uint64_t arrived = (uint64_t)transfer->duplicate_acks * transfer->options.mss;
  uint64_t allowed = (uint64_t)transfer->cwnd * transfer->options.mss + arrived;
  uint64_t ceiling = (uint64_t)(IN_FLIGHT_MAX - 32) * transfer->options.mss;
  return transfer->snd_nxt < transfer->message_end && in_flight < allowed && in_flight < ceiling &&
         transfer->snd_nxt + transfer->options.mss <= transfer->snd_edge;
}

static void send_data(struct transfer *transfer, struct segment_writer *writer, int64_t now_ns)
{
  uint64_t offset = transfer->retransmit_now ? transfer->snd_una : transfer->snd_nxt;
  uint64_t left = transfer->message_end - offset;
  uint32_t bytes = left < transfer->options.mss ? (uint32_t)left : transfer->options.mss;
  bool lost = between(transfer, 1, 1000000) <= transfer->options.loss_ppm;

  struct segment segment = segment_from(transfer, SENDER, now_ns);
  segment.seq = wire(transfer, SENDER, offset);
  segment.ack = wire(transfer, RECEIVER, transfer->request_offset);
  segment.payload_bytes = bytes;
  if (offset + bytes == transfer->message_end)
    segment.flags |= FLAG_PSH;
  /* A loss happens on the path: behind a capture at the sender, before one at the receiver. */
  if (!lost)
    emit(transfer, writer, now_ns, &segment);
  if (lost) {
    const bool server_sends = transfer->options.server_sends;
    pass(transfer, writer, now_ns, &segment, server_sends, !server_sends);
    transfer->losses++;
  } else {
    uint32_t slot = (transfer->data_head + transfer->data_count++) % IN_FLIGHT_MAX;
    transfer->data[slot] = (struct flying_data){.arrival_ns = now_ns + transfer->forward_ns,
                                                .offset = offset,
                                                .bytes = bytes,
                                                .ts_val = segment.ts_val};
  }
  if (transfer->snd_una == transfer->snd_nxt || transfer->retransmit_now)
    transfer->rto_ns =
        now_ns + ((transfer->options.rtt_ns + RTO_MIN_NS + 2 * MS) << transfer->rto_backoff);
  if (!transfer->retransmit_now)
    transfer->snd_nxt += bytes;
  transfer->retransmit_now = false;
  transfer->send_ns = now_ns + (int64_t)between(transfer, 2, 14) * US;
}

static void retransmission_timeout(struct transfer *transfer, int64_t now_ns)
{
  transfer->recovering = true;
  transfer->recover = transfer->snd_nxt;
  transfer->ssthresh = transfer->cwnd / 2 < 2 ? 2 : transfer->cwnd / 2;
  transfer->cwnd = 2;
  transfer->duplicate_acks = 0;
  transfer->retransmit_now = true;
  if (transfer->rto_backoff < 6)
    transfer->rto_backoff++;
  transfer->rto_ns = NEVER;
  if (transfer->send_ns < now_ns)
    transfer->send_ns = now_ns;
}

/* --- phases --- */

static uint64_t message_bytes(struct transfer *transfer)
{
  if (transfer->options.single_answer_bytes != 0)
    return transfer->options.single_answer_bytes;
  uint64_t dice = between(transfer, 0, 9), segments;
  if (dice < 3)
    segments = between(transfer, 0, 2);
  else
    segments = dice < 8 ? between(transfer, 8, 100) : between(transfer, 200, 1000);
  uint64_t left = (transfer->options.packets - transfer->packets) * 2 / 3; /* one ACK for two */
  if (segments > left)
    segments = left;
  return segments * transfer->options.mss + between(transfer, 1, transfer->options.mss);
}

static void emit_syn(struct transfer *transfer, struct segment_writer *writer, enum side side,
                     int64_t now_ns)
{
  struct segment segment = segment_from(transfer, side, now_ns);
  bool answer = side == server_side(transfer);
  segment.flags = answer ? FLAG_SYN | FLAG_ACK : FLAG_SYN;
  segment.seq = transfer->isn[side];
  segment.ack = answer ? transfer->isn[1 - side] + 1 : 0;
  segment.window = INITIAL_WINDOW;
  segment.mss = (uint16_t)(transfer->options.mss + 12);
  segment.wscale = WSCALE;
  emit(transfer, writer, now_ns, &segment);
  *(side == SENDER ? &transfer->receiver_ts_recent : &transfer->sender_ts_recent) = segment.ts_val;
}

static void emit_plain(struct transfer *transfer, struct segment_writer *writer, enum side side,
                       int64_t now_ns, uint8_t flags, uint64_t fins)
{
  uint64_t sender = transfer->snd_nxt + (fins > 0),
           receiver = transfer->request_offset + (fins > 1);
  struct segment segment = segment_from(transfer, side, now_ns);
  segment.flags = flags;
  segment.seq = wire(transfer, side, side == SENDER ? sender : receiver);
  segment.ack = wire(transfer, 1 - side, side == SENDER ? receiver : sender);
  if (flags & FLAG_FIN)
    segment.seq--;
  emit(transfer, writer, now_ns, &segment);
  *(side == SENDER ? &transfer->receiver_ts_recent : &transfer->sender_ts_recent) = segment.ts_val;
}

static void begin_think(struct transfer *transfer, int64_t now_ns)
{
  bool over = transfer->packets + 3 >= transfer->options.packets ||
              (transfer->options.single_answer_bytes != 0 && transfer->snd_nxt != 0);
  transfer->phase = over ? FIN : THINK;
  transfer->phase_ns = now_ns + transfer->options.rtt_ns + (int64_t)between(transfer, 1, 300) * MS;
}

static void begin_bulk(struct transfer *transfer, int64_t now_ns)
{
  transfer->phase = BULK;
  transfer->phase_ns = NEVER;
  transfer->message_end = transfer->snd_nxt + message_bytes(transfer);
  transfer->send_ns = now_ns;
}

/* The receiver asks for the next message; in an upload the sender just goes on. */
static void ask(struct transfer *transfer, struct segment_writer *writer, int64_t now_ns)
{
  if (!transfer->options.server_sends) {
    begin_bulk(transfer, now_ns);
    return;
  }
  struct segment segment = segment_from(transfer, RECEIVER, now_ns);
  segment.seq = wire(transfer, RECEIVER, transfer->request_offset);
  segment.ack = wire(transfer, SENDER, transfer->rcv_nxt);
  segment.window = (uint16_t)((transfer->edge - transfer->rcv_nxt) >> WSCALE);
  segment.flags |= FLAG_PSH;
  segment.payload_bytes = (uint32_t)between(transfer, 200, 900);
  emit(transfer, writer, now_ns, &segment);
  transfer->request_offset += segment.payload_bytes;
  transfer->sender_ts_recent = segment.ts_val;
  transfer->phase = SERVICE;
  transfer->phase_ns = now_ns + (int64_t)between(transfer, 100, 30000) * US;
}

static void next_phase(struct transfer *transfer, struct segment_writer *writer, int64_t now_ns)
{
  enum side server = server_side(transfer), client = 1 - server;
  const struct transfer_options *options = &transfer->options;
  switch ((enum phase)transfer->phase) {
  case SYN:
    emit_syn(transfer, writer, client, now_ns);
    transfer->phase_ns = now_ns + 40 * US;
    break;
  case SYN_ACK:
    emit_syn(transfer, writer, server, now_ns);
    transfer->phase_ns = now_ns + options->rtt_ns;
    break;
  case HANDSHAKE_ACK:
    emit_plain(transfer, writer, client, now_ns, FLAG_ACK, 0);
    transfer->phase_ns = now_ns + 300 * US;
    break;
  case THINK: ask(transfer, writer, now_ns); return;
  case SERVICE: begin_bulk(transfer, now_ns); return;
  case FIN:
    emit_plain(transfer, writer, SENDER, now_ns, FLAG_FIN | FLAG_ACK, 1);
    transfer->phase_ns = now_ns + transfer->forward_ns;
    break;
  case FIN_ACK:
    emit_plain(transfer, writer, RECEIVER, now_ns, FLAG_FIN | FLAG_ACK, 2);
    transfer->phase_ns = now_ns + transfer->reverse_ns;
    break;
  case LAST_ACK: emit_plain(transfer, writer, SENDER, now_ns, FLAG_ACK, 2); break;
  case BULK:
  case OVER: return;
  }
  transfer->phase++;
}

static int64_t earliest(const struct transfer *transfer)
{
  int64_t next_ns = transfer->phase_ns;
#define CONSIDER(time_ns) next_ns = (time_ns) < next_ns ? (time_ns) : next_ns
  if (transfer->data_count > 0)
    CONSIDER(transfer->data[transfer->data_head].arrival_ns);
  if (transfer->ack_count > 0)
    CONSIDER(transfer->acks[transfer->ack_head].arrival_ns);
  if (can_send(transfer))
    CONSIDER(transfer->send_ns);
  CONSIDER(transfer->delayed_ack_ns);
  CONSIDER(transfer->rto_ns);
#undef CONSIDER
  return next_ns;
}

bool transfer_step(struct transfer *transfer, struct segment_writer *writer)
{
  int64_t now_ns = transfer->next_ns;
  if (transfer->phase_ns == now_ns)
    next_phase(transfer, writer, now_ns);
  else if (transfer->ack_count > 0 && transfer->acks[transfer->ack_head].arrival_ns == now_ns)
    receive_ack(transfer, now_ns);
  else if (transfer->data_count > 0 && transfer->data[transfer->data_head].arrival_ns == now_ns)
    receive_data(transfer, writer, now_ns);
  else if (transfer->delayed_ack_ns == now_ns)
    emit_ack(transfer, writer, now_ns, false);
  else if (transfer->rto_ns == now_ns)
    retransmission_timeout(transfer, now_ns);
  else
    send_data(transfer, writer, now_ns);

  if (transfer->phase == BULK && transfer->snd_una == transfer->message_end)
    begin_think(transfer, now_ns);
  int64_t next_ns = earliest(transfer);
  transfer->next_ns = next_ns < now_ns ? now_ns : next_ns;
  return transfer->phase != OVER;
}

struct transfer *transfer_new(const struct transfer_options *options)
{
  struct transfer *transfer = calloc(1, sizeof *transfer);
  if (!transfer)
    return NULL;
  transfer->options = *options;
  transfer->random = options->seed;
  transfer->phase = SYN;
  transfer->phase_ns = transfer->next_ns = options->start_ns;
  transfer->forward_ns = options->server_sends ? options->rtt_ns : 20 * US;
  transfer->reverse_ns = options->server_sends ? 10 * US : options->rtt_ns;
  for (int side = 0; side < 2; side++) {
    transfer->isn[side] = (uint32_t)random_next(&transfer->random);
    transfer->clock[side] = (uint32_t)random_next(&transfer->random);
  }
  transfer->cwnd = INITIAL_CWND;
  transfer->ssthresh = UINT32_MAX;
  transfer->snd_edge = transfer->edge = transfer->window_target = INITIAL_WINDOW;
  transfer->window_max = (uint64_t)INITIAL_WINDOW << between(transfer, 2, 5);
  transfer->delayed_ack_ns = transfer->rto_ns = NEVER;
  return transfer;
}

void transfer_free(struct transfer *transfer)
{
  free(transfer);
}
