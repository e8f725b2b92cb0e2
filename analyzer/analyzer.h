#ifndef ANALYZER_ANALYZER_H
#define ANALYZER_ANALYZER_H

/* The engine: decoded packets and time go in, findings and connection summaries come out. It
 * does no I/O, reads no clock and has no globals; one instance serves one analysis and one
 * thread.
 *
 * Packets must be fed in capture order. Time running backwards between two packets is tolerated
 * and counted (quality). All memory is bounded by struct analyzer_limits; what a limit cost is
 * in analyzer_stats. */

#include "analyzer/finding.h"
#include "wire/error.h"
#include "wire/host_sample.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANALYZER_ENDS_MAX 8

enum vantage { VANTAGE_UNKNOWN, VANTAGE_CLIENT, VANTAGE_SERVER, VANTAGE_MIDDLE };
enum vantage_source { VANTAGE_INFERRED, VANTAGE_DECLARED };

enum window_scale_state { WSCALE_UNKNOWN, WSCALE_ABSENT, WSCALE_KNOWN, WSCALE_INFERRED };

struct analyzer_limits {
  uint32_t connections;        /* tracked at once; the longest silent one is retired first */
  uint32_t half_open;          /* SYNs without an answer remembered at once */
  uint32_t segments_in_flight; /* remembered per direction */
  uint32_t findings_per_connection;
};

struct analyzer_options {
  int64_t min_stall_ns; /* shorter waits are not reported one by one (--min-stall) */
  struct analyzer_limits limits;
};

/* min_stall 200 ms; limits that keep memory below about 1 GB. */
void analyzer_options_default(struct analyzer_options *options);

/* What is known about a direction of data at the end of a connection (RFC names where there are
 * any). */
struct stream_summary {
  uint64_t bytes;    /* sequence space covered by data, once */
  uint64_t segments; /* that carried data or SYN or FIN, retransmissions included */
  uint64_t packets;  /* all packets from this side */
  uint64_t acks;     /* pure ACKs from this side (for the other direction) */
  uint64_t retransmitted_segments, retransmitted_bytes;
  uint64_t fast_retransmits, rto_retransmits, tlp_probes, spurious_retransmits;
  uint64_t duplicate_acks;                /* received for this direction (sent by the other side) */
  uint64_t sack_segments, dsack_segments; /* ACKs with SACK, DSACK blocks for this direction */
  uint64_t out_of_order;                  /* arrived out of order and were no retransmissions */
  uint64_t zero_windows; /* zero window announcements by the *receiver* of this direction */
  uint64_t window_probes, keepalives;
  /* copies of frames by the capture itself (mirror ports, stacked devices) */
  uint64_t duplicates;
  uint64_t bad_checksums;
  uint64_t unseen_bytes;    /* acknowledged, but never captured */
  uint32_t mss;             /* announced by the receiver of this direction; 0 = not seen */
  uint32_t largest_segment; /* payload bytes */
  bool timestamps, sack_permitted, fin, rst, syn;
  uint32_t ts_clock_hz; /* est: the sender's timestamp clock, 0 = not known */
  /* from this capture point to the receiver and back; TIME_INVALID: none */
  int64_t rtt_min_ns, rtt_max_ns, srtt_ns, rttvar_ns, est_rto_ns;
  uint64_t rtt_samples;
  /* announced by the receiver of this direction, scaled as known, bytes */
  uint64_t window_min, window_max;
  uint64_t flight_max;                  /* est: largest snd_nxt - snd_una seen, bytes */
  enum window_scale_state wscale_state; /* shift that the *sender of this direction* announced */
  uint8_t wscale, wscale_min, wscale_max;
  int64_t budget_ns[LOCATION_COUNT]; /* waits by owner; LOCATION_NONE unused */
  int64_t moving_ns, idle_ns;        /* moving + idle + budget = end - start */
};

/* Bits of connection_summary.quality. Names by analyzer_quality_name(). */
enum quality {
  QUALITY_MID_STREAM = 0x001,    /* no handshake in the capture */
  QUALITY_ONE_DIRECTION = 0x002, /* packets of one side only */
  QUALITY_CAPTURE_GAPS = 0x004,  /* bytes were acknowledged that the capture never saw */
  QUALITY_DUPLICATES = 0x008,    /* the capture holds frames more than once */
  QUALITY_TIME_BACKWARDS = 0x010,
  QUALITY_SUPER_SEGMENTS = 0x020, /* segments above the MSS: GSO/TSO or GRO */
  QUALITY_OFFLOADED_CHECKSUMS = 0x040,
  QUALITY_SNAPPED = 0x080,      /* payload cut by the snap length: harmless */
  QUALITY_OPTIONS_CUT = 0x100,  /* TCP options cut by the snap length */
  QUALITY_MPTCP = 0x200,        /* subflow view only */
  QUALITY_NO_PURE_ACKS = 0x400, /* pure ACKs seem to be filtered out */
  QUALITY_NO_TIMES = 0x800      /* the trace has records without a credible time */
};
#define QUALITY_BITS 12

struct endpoint {
  struct ip_address address;
  uint16_t port;
  uint8_t ip_version;
};

struct connection_summary {
  uint64_t id; /* 1-based, in order of first appearance */
  struct endpoint client, server;
  bool roles_from_syn; /* else guessed */
  uint8_t end;         /* capture point */
  /* bit of enum stream_side: that side's socket was sampled at this capture point */
  uint8_t sampled_sides;
  enum vantage vantage;
  enum vantage_source vantage_source;
  char vantage_reason[120]; /* "declared", or what the inference rests on */
  int64_t start_ns, end_ns;
  uint64_t packets;
  bool established;                 /* handshake completed, or data seen */
  bool closed;                      /* both FINs acknowledged, or reset */
  uint32_t quality;                 /* enum quality, or'ed */
  uint32_t findings;                /* reported for it */
  uint32_t findings_suppressed;     /* by limits.findings_per_connection */
  struct stream_summary streams[2]; /* by enum stream_side of the sender */
};

struct analyzer_stats {
  uint64_t packets[PACKET_KIND_COUNT];
  uint64_t connections; /* ever seen; a SYN alone counts */
  /* retired by limits.connections before their end */
  uint64_t connections_live, connections_retired;
  uint64_t half_open_forgotten; /* SYNs dropped from memory by limits.half_open */
  uint64_t segments_forgotten;  /* by limits.segments_in_flight */
  uint64_t time_strange;        /* packets without a time, or with one before 1970 or after 2116 */
  uint64_t time_backwards;      /* packets whose time was before an earlier one's */
  uint64_t syns_unanswered;
  int64_t first_ns, last_ns;                /* of all frames, TIME_INVALID if there were none */
  uint64_t memory_bytes, memory_peak_bytes; /* the engine's own allocations */
};

/* Called during analyzer_packet(), _advance() and _finish(). The pointers are valid for the
 * call. A finding comes before its connection's summary; the summary comes once, when the
 * connection is over or retired. `connection` in finding() is the state so far (its findings,
 * budget and end are not final). */
struct analyzer_sink {
  void *context;
  void (*finding)(void *context, const struct connection_summary *connection,
                  const struct finding *finding);
  void (*connection)(void *context, const struct connection_summary *connection);
};

struct analyzer; /* opaque */

/* NULL: no memory. options and sink are copied. */
struct analyzer *analyzer_new(const struct analyzer_options *options,
                              const struct analyzer_sink *sink);
void analyzer_free(struct analyzer *analyzer);

/* Declares where capture point `end` stands, for all its connections: a role, or the capturing
 * host's address (then the role is taken per connection). Call before the first packet. */
void analyzer_declare_vantage(struct analyzer *analyzer, uint8_t end, enum vantage vantage);
void analyzer_declare_host(struct analyzer *analyzer, uint8_t end,
                           const struct ip_address *address);

/* That capture point's capture says that it lost packets, or that it lost none; else that is not
 * known. Where it may have lost some, what a kernel says was sent, and what is not captured, proves
 * nothing. May change while packets are fed: what holds from then on. */
void analyzer_declare_drops(struct analyzer *analyzer, uint8_t end);
void analyzer_declare_complete(struct analyzer *analyzer, uint8_t end);

/* Feeds one packet of any kind (foreign ones matter as well). Returns 0 or ERROR_MEMORY. */
int analyzer_packet(struct analyzer *analyzer, const struct packet *packet);

/* Feeds `count` packets one after the other: the same result, and faster where there are many
 * connections, since memory is fetched ahead. Returns 0 or ERROR_MEMORY. */
int analyzer_packets(struct analyzer *analyzer, const struct packet *packets, size_t count);

/* Time goes on to now_ns (which the clock that stamps the packets has reached; every packet from
 * before has been fed). A wait that exceeds min_stall while it lasts is told by a finding that is
 * FINDING_OPEN: the same rules, with what is known so far, ended_by unknown, end_ns is now. It is
 * told again as FINDING_REVISED where a later call changes the verdict, and as FINDING_CLOSED when
 * it has ended, always with the same id; one that turned out to be none closes with LOCATION_NONE.
 * Many waits in a row are told as an open crawl. Without a call nothing is told before it has
 * ended, and findings are the same as ever. Cost: in proportion to the connections that wait or
 * have begun to, not to all. */
void analyzer_advance(struct analyzer *analyzer, int64_t now_ns);

/* Who has to act at this moment for a stream to move on. */
enum stream_now_state { STREAM_MOVING, STREAM_IDLE, STREAM_WAITING };
struct stream_now {
  enum stream_now_state state;
  enum location owner; /* of a wait; LOCATION_NONE else */
  enum cause cause;
  enum confidence confidence;
  int64_t since_ns;
  uint32_t finding; /* id of the open finding about it; 0: none */
};

/* `connection` is the state so far; now[]: by sender. Valid for the call. */
typedef void analyzer_now_visit(void *context, const struct connection_summary *connection,
                                const struct stream_now now[2]);
/* Every connection, in no order; visit() must not feed the analyzer. */
void analyzer_each_now(struct analyzer *analyzer, int64_t now_ns, analyzer_now_visit *visit,
                       void *context);

/* Feeds one thing that the kernel of a capture point's host said; samples and packets of one end in
 * the order of time, as far as it is known. What they say settles verdicts that packets leave open
 * (docs/sockets.md). Without memory it is left out. */
void analyzer_sample(struct analyzer *analyzer, const struct host_sample *sample);

/* The input is over: everything still open is closed with ENDED_BY_CAPTURE_END and summarised. */
void analyzer_finish(struct analyzer *analyzer);

void analyzer_get_stats(const struct analyzer *analyzer, struct analyzer_stats *stats);

const char *analyzer_quality_name(enum quality bit); /* "mid-stream", ...; static */
const char *vantage_name(enum vantage vantage);
const char *window_scale_state_name(enum window_scale_state state);

#endif
