#ifndef REPORT_HTML_DRAWN_H
#define REPORT_HTML_DRAWN_H

/* What is kept of the connections that are drawn: how each end saw them, their findings, their
 * packets. Times are on end A's clock. Only html*.c include this. */

#include "report/html.h"

#define HTML_SPANS_MAX 200u /* findings of one connection that are drawn */

enum html_mark {
  HTML_AGAIN = 0x01,    /* all of its bytes have been at this end before */
  HTML_EVIDENCE = 0x02, /* of a finding */
  HTML_FOREIGN = 0x04,  /* not of the connection: a ping, an ARP request, an ICMP error, ... */
  HTML_FOCUS = 0x08,    /* close to a finding's begin, end or evidence: kept if there is room */
  HTML_NOT_THERE = 0x10 /* seen at one end only, while the other end's capture went on */
};

struct html_packet {
  int64_t time_ns;
  uint64_t frame;
  /* Bytes of the sender's stream before this packet's first one, and of the other stream that it
   * acknowledges; the first byte behind the SYN is 0. */
  int64_t seq, ack;
  int64_t sack[PACKET_SACK_MAX][2];
  uint32_t payload_bytes, window_bytes; /* the window scaled, where the scale is known */
  /* behind it, seen from its end: bytes in flight of its sender's stream, and of the other one */
  uint32_t own_flight_bytes, other_flight_bytes;
  uint32_t frame_bytes;
  uint32_t ts_val, ts_ecr;
  uint16_t flags, options; /* enum tcp_flag, enum tcp_option_bit */
  uint16_t mss;
  uint8_t wscale, sack_count;
  uint8_t end, side, kind; /* enum stream_side of the sender, enum packet_kind */
  uint8_t marks;           /* enum html_mark */
  uint32_t other;          /* the same packet at the other end: its index; UINT32_MAX: none */
};

struct html_evidence {
  uint64_t frame; /* 0: not one frame */
  int64_t time_ns;
  uint8_t end;
};

/* A finding as it is drawn. */
struct html_span {
  uint64_t rank;
  int64_t from_ns, to_ns;               /* what it says */
  int64_t window_from_ns, window_to_ns; /* what is shown at first */
  enum stream_side sender;
  enum location location;
  enum severity severity;
  enum finding_kind kind;
  uint32_t evidence_count;
  struct html_evidence evidence[EVIDENCE_MAX];
};

/* How one end saw it. */
struct html_view {
  struct endpoint client, server;
  int64_t start_ns, end_ns;
  uint32_t seq_shift[2];
  uint8_t window_shift[2]; /* of what that side announces; by enum stream_side */
  uint8_t end;
  /* while packets come in, by side: */
  int64_t highest[2];
  bool sent_known[2], acked_known[2];
  int64_t sent[2], acked[2];
  bool reached_known[2];
  int64_t reached[2];
};

/* A stretch of time in which not every packet may be kept: one bucket after the other of its width.
 */
struct html_zone {
  int64_t from_ns, to_ns, bucket_ns; /* the bucket at its widest: see fineness */
};

#define HTML_ZONES_MAX 32u

/* A stretch in which every packet is kept, if there is room. */
struct html_focus {
  int64_t from_ns, to_ns;
};

#define HTML_FOCUS_MAX 256u

struct html_drawn {
  uint64_t id;
  bool described;     /* views are there */
  bool no_timestamps; /* the path changes them: they do not tell copies apart */
  enum evidence_level level;
  uint64_t packets; /* of the whole connection, as it was analysed */
  int64_t start_ns, end_ns;
  int64_t allowance_ns[2]; /* after its last progress a stream still moves so long */
  uint64_t bytes[2];
  uint8_t client_end, server_end; /* the outermost ones; the same if one end saw it */
  uint32_t view_count;
  struct html_view views[ANALYZER_ENDS_MAX];
  /* the client's end, the server's: how long those captures went on, of all connections */
  int64_t capture_from_ns[2], capture_to_ns[2];
  bool first_known[2];
  uint32_t first[2]; /* the sequence number of byte 0 */
  struct html_span *spans;
  uint32_t span_count, span_capacity, spans_left_out;
  struct html_zone zones[HTML_ZONES_MAX];
  uint32_t zone_count;
  uint32_t fineness;   /* into so many buckets each is divided, as long as there is room */
  uint32_t coarseness; /* or so many are one, where there is none */
  struct html_focus focus[HTML_FOCUS_MAX]; /* in order, apart from each other */
  uint32_t focus_count;
  bool focus_cut;           /* there was no room */
  int64_t delay_max_ns[2];  /* from end to end, of that side's packets; TIME_INVALID: not known */
  struct html_packet *list; /* in order of time, when all are in */
  uint32_t count, capacity, limit;
  uint32_t full_at; /* count at which some are left out; 0: twice the limit */
  uint64_t left_out;
};

/* The end closest to that side, and the one furthest away. */
static inline uint8_t html_near(const struct html_drawn *drawn, enum stream_side side)
{
  return side == SIDE_CLIENT ? drawn->client_end : drawn->server_end;
}

static inline uint8_t html_far(const struct html_drawn *drawn, enum stream_side side)
{
  return side == SIDE_CLIENT ? drawn->server_end : drawn->client_end;
}

static inline enum stream_side html_other(enum stream_side side)
{
  return side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
}

/* html_packets.c: adds a TCP packet of the connection, or another one that is evidence. False: no
 * memory. */
bool html_packets_add(struct html_drawn *drawn, struct html_view *view, const struct packet *packet,
                      enum stream_side side, uint8_t marks);
bool html_packets_add_foreign(struct html_drawn *drawn, const struct packet *packet);
/* All are in: brings them in order, and begins at byte 0. */
void html_packets_finish(struct html_drawn *drawn);
/* The first one at or after that time. */
uint32_t html_packets_from(const struct html_drawn *drawn, int64_t time_ns);

/* html_reduce.c: before packets come in: where drawings need detail. */
void html_reduce_plan(struct html_drawn *drawn);
/* Are all packets kept from from_ns to to_ns, as long as focus_cut is not set? */
bool html_reduce_is_focus(const struct html_drawn *drawn, int64_t from_ns, int64_t to_ns);
/* Leaves `limit` packets or fewer: of each bucket of time, end and side those that mark the
 * extremes of what is drawn, and all with a mark as long as there is room. */
void html_reduce(struct html_drawn *drawn);

/* html_match.c: finds each packet again at the other end, where both were captured: sets `other`
 * and HTML_NOT_THERE. False: no memory. */
bool html_match(struct html_drawn *drawn);

#endif
