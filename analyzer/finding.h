#ifndef ANALYZER_FINDING_H
#define ANALYZER_FINDING_H

/* A finding: one verdict about one connection, with everything that a report needs. Plain data,
 * copied by value; no pointer but to static strings. The names are JSON's (schema tcpstall/1). */

#include "analyzer/cause.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stdint.h>

enum stream_side { SIDE_CLIENT, SIDE_SERVER }; /* who sends the data direction concerned */

enum finding_kind { FINDING_STALL, FINDING_ABORT, FINDING_CRAWL, FINDING_MISMATCH, FINDING_HOLD };
enum finding_state { FINDING_OPEN, FINDING_REVISED, FINDING_CLOSED };
enum severity { SEVERITY_INFO, SEVERITY_PROBLEM };
/* Ordered: a larger one is a stronger claim. */
enum confidence { CONFIDENCE_POSSIBLE, CONFIDENCE_LIKELY, CONFIDENCE_PROVEN };

enum ended_by {
  ENDED_BY_UNKNOWN,
  ENDED_BY_ACK,
  ENDED_BY_WINDOW_UPDATE,
  ENDED_BY_RETRANSMISSION,
  ENDED_BY_FOREIGN_PACKET,
  ENDED_BY_KICK,
  ENDED_BY_APPLICATION,
  ENDED_BY_RESET,
  ENDED_BY_CAPTURE_END,
  ENDED_BY_COUNT
};

#define EVIDENCE_MAX       12
#define EVIDENCE_FACT_SIZE 200
#define NOT_EXCLUDED_MAX   6
#define SUMMARY_SIZE       400
#define REASON_SIZE        1200
#define WHY_SIZE           160

struct evidence {
  uint8_t end;    /* capture point: 0 = "A" */
  uint64_t frame; /* 0: not one frame (a statement about many) */
  int64_t time_ns;
  char fact[EVIDENCE_FACT_SIZE]; /* one clause, no full stop */
};

struct alternative {
  enum location location;
  enum cause cause;
  char why[WHY_SIZE]; /* why it is not excluded */
};

/* Where the bytes were that the sender had sent and the sender's end had no ACK of, at one instant;
 * told where both ends were captured. outstanding = the sum of the others. What the socket holds
 * and has not sent is not among them: packets do not tell. */
struct byte_stages {
  int64_t at_ns; /* half way through the wait; TIME_INVALID: not known */
  uint64_t outstanding_bytes;
  uint64_t in_path_bytes;             /* left the sender's end, may still arrive */
  uint64_t lost_bytes;                /* left, and what left later has arrived */
  uint64_t unacked_at_receiver_bytes; /* arrived, not acknowledged there */
  uint64_t ack_in_path_bytes;         /* acknowledged there, the ACK not at the sender's end */
};

/* What the kernel said of one of the two sockets while the finding's time went on. Values are those
 * of the longest stretch without a change, which counts; names are the kernel's. */
struct kernel_evidence {
  uint8_t end;               /* capture point whose host was sampled */
  enum stream_side socket;   /* whose socket */
  bool of_sender;            /* it is the data sender's; else the receiver's */
  int64_t from_ns, until_ns; /* of that stretch, within the finding's time */
  uint32_t sample;           /* the number of its first sample */
  uint32_t samples;          /* of that socket, in the finding's time */
  uint8_t tcpi_state, timer, tcpi_backoff;
  uint32_t tcpi_unacked_pkts, tcpi_notsent_bytes, wqueue_bytes, rqueue_bytes;
  uint32_t tcpi_snd_wnd_bytes, tcpi_snd_cwnd_pkts, tcpi_total_retrans_pkts;
  uint32_t wmem_alloc_bytes, sndbuf_bytes, rmem_alloc_bytes, rcvbuf_bytes;
  int64_t est_held_bytes; /* sent by TCP, not seen at this capture point; -1: not known */
  int64_t qdisc_backlog_bytes, qdisc_backlog_pkts; /* of the device, then; -1: not known */
};
#define KERNEL_EVIDENCE_MAX 2

struct finding {
  uint32_t id; /* 1-based, within the connection */
  enum finding_state state;
  enum severity severity;
  enum finding_kind kind;
  enum stream_side sender;
  int64_t start_ns, end_ns;
  int64_t hold_min_ns, hold_max_ns; /* TIME_INVALID: not a hold / no bound */
  enum location location;
  enum cause cause;
  enum confidence confidence; /* of the location */
  enum confidence cause_confidence;
  enum ended_by ended_by;
  uint32_t waits;    /* crawl: of how many waits it is made; else 1 */
  int64_t waited_ns; /* crawl: the sum of the waits; else end - start */
  struct byte_stages stages;
  uint32_t kernel_count;
  struct kernel_evidence kernel[KERNEL_EVIDENCE_MAX];
  uint32_t alternative_count;
  struct alternative not_excluded[NOT_EXCLUDED_MAX];
  uint32_t evidence_count;
  struct evidence evidence[EVIDENCE_MAX];
  char summary[SUMMARY_SIZE]; /* one sentence: who holds it, how long, why */
  /* why the other places are refuted or not; "" if nothing to add */
  char reason[REASON_SIZE];
  const char *settle, *advice; /* static; NULL if there is nothing to say */
};

/* Static strings, as in JSON. */
const char *finding_kind_name(enum finding_kind kind);
const char *finding_state_name(enum finding_state state);
const char *severity_name(enum severity severity);
const char *confidence_name(enum confidence confidence);
const char *ended_by_name(enum ended_by ended_by);
const char *stream_side_name(enum stream_side side);

/* Sets every member to its neutral value: closed, info, nowhere, one wait from start to end. Texts
 * and lists are emptied, not cleared: a finding is large. */
void finding_begin(struct finding *finding, enum finding_kind kind, enum stream_side sender,
                   int64_t start_ns, int64_t end_ns);

/* Adds a fact; silently full after EVIDENCE_MAX (the first ones are the telling ones). */
void finding_add_evidence(struct finding *finding, uint8_t end, uint64_t frame, int64_t time_ns,
                          const char *format, ...) __attribute__((format(printf, 5, 6)));
void finding_add_alternative(struct finding *finding, enum location location, enum cause cause,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
