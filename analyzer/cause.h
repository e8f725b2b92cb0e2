#ifndef ANALYZER_CAUSE_H
#define ANALYZER_CAUSE_H

/* The vocabulary of verdicts: where a stream is held up, and why. One row a cause, in cause.c.
 * The codes are a contract (JSON, docs, samples): they are added to, never renamed. */

/* Relative to one direction of data, sender to receiver. Also the states of the budget, with the
 * first two. */
enum location {
  LOCATION_NONE, /* nothing is wrong here */
  LOCATION_SENDER_APP,
  LOCATION_SENDER_TCP,
  LOCATION_SENDER_QUEUE,
  LOCATION_FORWARD_PATH,
  LOCATION_RECEIVER_TCP,
  LOCATION_RECEIVER_APP,
  LOCATION_REVERSE_PATH,
  LOCATION_UNKNOWN, /* several fit and none is better: see not_excluded */
  LOCATION_COUNT
};

enum cause {
  CAUSE_UNKNOWN,
  /* sender-app */
  CAUSE_APP_IDLE,
  CAUSE_APP_TRICKLE,
  CAUSE_APP_TURNAROUND,
  CAUSE_HOST_PAUSED,
  CAUSE_KEEPALIVE_IDLE,
  CAUSE_LOST_WAKEUP,
  /* sender-tcp */
  CAUSE_NAGLE_DELAYED_ACK,
  CAUSE_CWND_LIMITED,
  CAUSE_SNDBUF_LIMITED,
  CAUSE_EXCESSIVE_RTO,
  CAUSE_ACK_IGNORED,
  CAUSE_WINDOW_UPDATE_IGNORED,
  /* sender-queue */
  CAUSE_TX_QUEUE_HOLD,
  CAUSE_NEIGHBOUR_UNRESOLVED,
  CAUSE_LOCAL_DROP_OUTPUT,
  /* forward-path */
  CAUSE_SEGMENT_LOSS,
  CAUSE_TAIL_LOSS,
  CAUSE_RTO_BACKOFF,
  CAUSE_PATH_OUTAGE,
  CAUSE_PATH_HOLD,
  CAUSE_PMTU_BLACKHOLE,
  CAUSE_SYN_LOSS,
  CAUSE_CORRUPTED,
  CAUSE_REORDERING,
  CAUSE_NAT_TIMEOUT,
  CAUSE_RST_INJECTED,
  CAUSE_TAP_RING_DROP,
  CAUSE_SLOW_LINK,
  CAUSE_POLICER,
  CAUSE_GSO_TOO_BIG,
  /* receiver-tcp */
  CAUSE_PAWS_DROP,
  CAUSE_CHECKSUM_DROP,
  CAUSE_OUT_OF_WINDOW,
  CAUSE_DELAYED_ACK,
  CAUSE_RCVBUF_LIMITED,
  CAUSE_SILLY_WINDOW,
  CAUSE_WINDOW_SHRINK,
  CAUSE_LOCAL_DROP_INPUT,
  CAUSE_PEER_SILENT,
  /* receiver-app */
  CAUSE_ZERO_WINDOW,
  CAUSE_SLOW_READER,
  CAUSE_LISTEN_OVERFLOW,
  CAUSE_DEADLOCK,
  /* reverse-path */
  CAUSE_ACK_LOSS,
  CAUSE_ACK_HOLD,
  CAUSE_WINDOW_UPDATE_LOST,
  CAUSE_SYNACK_LOSS,
  CAUSE_WINDOW_SCALE_REWRITTEN,
  CAUSE_WINDOW_SCALE_STRIPPED,
  CAUSE_SACK_NOT_TRANSLATED,
  /* abort */
  CAUSE_REFUSED,
  CAUSE_APP_RESET,
  CAUSE_GAVE_UP,
  CAUSE_KEEPALIVE_TIMEOUT,
  CAUSE_HALF_OPEN,
  CAUSE_MTU_ICMP,
  /* what the path altered, where it does not hold the stream up by itself: kind mismatch */
  CAUSE_MSS_REWRITTEN,
  CAUSE_TIMESTAMPS_STRIPPED,
  CAUSE_TIMESTAMPS_REWRITTEN,
  CAUSE_SACK_STRIPPED,
  CAUSE_OPTIONS_ALTERED,
  CAUSE_SEQUENCE_SHIFTED,
  CAUSE_WINDOW_ALTERED,
  CAUSE_ECN_ALTERED,
  CAUSE_HEADER_ALTERED,
  CAUSE_PAYLOAD_ALTERED,
  CAUSE_COUNT
};

struct cause_info {
  const char *code;       /* "tx-queue-hold" */
  enum location location; /* where it sits, unless a finding says otherwise */
  /* one clause, no full stop: "the sending host held built segments below TCP" */
  const char *meaning;
  const char *settle; /* the one measurement that decides, a sentence */
  const char *advice; /* what to do, a sentence or two */
};

/* Static table rows; cause must be < CAUSE_COUNT. */
const struct cause_info *cause_info(enum cause cause);

/* "sender-queue", ...; "none", "unknown". Static. */
const char *location_name(enum location location);
/* The same for a sentence: "the sending host's transmit queue". Static. */
const char *location_phrase(enum location location);

#endif
