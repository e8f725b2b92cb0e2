#ifndef BENCH_TRANSFER_H
#define BENCH_TRANSFER_H

/* One simulated TCP connection as a capture at its server sees it: Reno with SACK, delayed ACKs,
 * timestamps, RTO. It is stepped event by event, so that thousands of them interleave in time
 * order. */

#include "tests/bench/segment_writer.h"

#include <stdbool.h>
#include <stdint.h>

struct transfer_options {
  uint32_t server_ip, client_ip;
  uint16_t server_port, client_port;
  bool server_sends; /* the data: the capture is then at the data sender, else at the receiver */
  int64_t start_ns, rtt_ns;
  uint32_t mss, cwnd_max;       /* bytes; segments, up to 100 */
  uint32_t loss_ppm;            /* of data segments, retransmissions included */
  uint64_t packets;             /* it closes at the first message boundary behind these */
  uint64_t single_answer_bytes; /* not 0: one message of this size, then it closes */
  uint64_t seed;
};

#define IN_FLIGHT_MAX    256 /* a power of two, above cwnd_max with its retransmissions */
#define OUT_OF_ORDER_MAX 16

/* Stream positions are 64-bit offsets behind the SYN; sequence numbers are made of them when a
 * segment is written. */
struct flying_data {
  int64_t arrival_ns;
  uint64_t offset;
  uint32_t bytes, ts_val;
};

struct flying_ack {
  int64_t arrival_ns;
  uint64_t ack, edge;
  uint32_t ts_val;
  bool duplicate;
};

struct range {
  uint64_t start, end;
};

struct transfer {
  int64_t next_ns; /* of the next event: the key of the caller's heap */
  struct transfer_options options;
  uint64_t random, packets, payload_bytes, losses;
  unsigned phase;
  int64_t phase_ns; /* when the next phase begins, INT64_MAX: not by time */
  int64_t forward_ns,
      reverse_ns; /* data captured -> its ACK captured -> the data that it releases captured */
  uint32_t isn[2],
      clock[2]; /* 0 data sender, 1 data receiver; clock: offset of the 1 kHz timestamps */

  /* data sender */
  uint64_t snd_una, snd_nxt, message_end, recover, snd_edge;
  uint32_t cwnd, cwnd_credit, ssthresh, duplicate_acks, rto_backoff;
  bool recovering, retransmit_now;
  int64_t send_ns, rto_ns;
  uint32_t sender_ts_recent;

  /* data receiver */
  uint64_t rcv_nxt, last_ack_sent, edge, window_target, window_max;
  uint64_t request_offset; /* its own next byte */
  unsigned unacked_segments, out_of_order_count;
  int64_t delayed_ack_ns;
  uint32_t receiver_ts_recent;
  struct range out_of_order[OUT_OF_ORDER_MAX]; /* the latest one first, as SACK reports them */

  uint32_t data_head, data_count, ack_head, ack_count;
  struct flying_data data[IN_FLIGHT_MAX];
  struct flying_ack acks[IN_FLIGHT_MAX];
};

struct transfer *transfer_new(const struct transfer_options *options); /* NULL: no memory */
void transfer_free(struct transfer *transfer);
/* The event at next_ns: writes one segment at most. false: the connection is over. */
bool transfer_step(struct transfer *transfer, struct segment_writer *writer);

#endif
