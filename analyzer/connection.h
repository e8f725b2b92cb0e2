#ifndef ANALYZER_CONNECTION_H
#define ANALYZER_CONNECTION_H

/* What is known about one connection at one capture point, and about each of its two directions of
 * data.
 *
 * A struct stream is one direction: data from its sender S to its receiver R, and R's ACKs and
 * windows for that data. stream[SIDE_CLIENT] is what the client sends. What every healthy
 * connection needs is inline; what only trouble brings (waits, retransmission counts, a budget) is
 * in struct trouble, allocated on its first sign, so that an idle connection stays below 1 KB.
 *
 * Invariant of the budget: at any time moving_ns + idle_ns + sum of trouble->owed_ns = progress_ns
 * - the connection's start; every closed wait moves progress_ns on to its end. */

#include "analyzer/analyzer.h"
#include "analyzer/flight.h"
#include "analyzer/rtt.h"
#include "analyzer/ts_clock.h"

#include <stdbool.h>
#include <stdint.h>

/* A packet remembered by where and when it was seen. */
struct sighting {
  int64_t time_ns;
  uint64_t frame; /* 0: none */
};

/* The last segment with data that S sent, retransmissions included or not as the member says. */
struct data_sighting {
  int64_t time_ns;
  uint64_t frame;
  uint32_t bytes, end; /* end: the sequence number behind it */
  uint32_t ts_val, ts_ecr;
  uint16_t flags;   /* TCP flags */
  uint16_t options; /* to know whether ts_* are valid */
};

/* Retransmissions of one segment during a wait: what first made it one. */
struct lost_segment {
  uint32_t start, end;
  int64_t original_ns, first_retransmission_ns, last_retransmission_ns;
  uint64_t original_frame, first_retransmission_frame, last_retransmission_frame;
  uint32_t original_ts_val, first_retransmission_ts_val;
  uint32_t retransmissions, by_timer; /* by_timer: copies that waited for the RTO */
  uint32_t last_end;                  /* end of the last copy: smaller if the sender has split it */
  int64_t last_interval_ns, first_interval_ns;
  bool doubling; /* the intervals between copies grew by 1.5 to 3 each time */
};

/* Facts gathered since the last progress of a stream; cleared at each progress. */
struct wait {
  uint32_t retransmissions;          /* segments sent again, of any sequence number */
  uint32_t fast, rto, tlp;           /* of these, by kind */
  uint32_t retransmissions_of_acked; /* sent again although acknowledged in this capture */
  uint32_t largest_retransmitted, smallest_retransmitted; /* payload bytes; smallest 0: none */
  struct lost_segment lost;                               /* the first one sent again */
  uint32_t duplicate_acks, sacks, dsacks;
  uint32_t bad_checksums;         /* data segments that arrived with one */
  uint32_t paws_old;              /* data segments whose TSval is older than one before */
  uint32_t beyond_window;         /* data segments past the right edge */
  uint32_t probes, probe_answers; /* window probes and keep-alives: by S; answers by R */
  uint32_t one_byte_probes;
  uint32_t packets_from_sender, packets_from_receiver;
  struct sighting first_probe, last_probe, last_probe_answer, first_bad_checksum, first_dsack;
  struct sighting last_retransmission_of_acked;
  struct sighting first_retransmission_of_acked, icmp, first_paws, zero_window, window_opened,
      window_shrunk;
  struct sighting last_from_receiver;
  uint32_t answered_copies; /* copies that R answered at once without accepting them */
  struct sighting first_answered_copy;
  bool opened_by_probe_answer; /* the window opened in reply to a probe */
  uint8_t icmp_type, icmp_code;
  uint32_t icmp_mtu;
  uint64_t shrunk_bytes;
  bool syn_sent_again; /* a SYN or SYN-ACK, although it was acknowledged */
  bool hole_noticed;   /* later bytes came while earlier ones had not been seen */
};

/* A wait that was told while it lasts (advance.h), and what was last said of it. */
struct open_wait {
  uint32_t id; /* of its finding; 0: none was told */
  int64_t start_ns;
  enum location location;
  enum cause cause;
  enum confidence confidence, cause_confidence;
  enum severity severity;
};

/* Waits that are too short to be diagnosed, one after the other, for one reason. */
struct limit_run {
  int64_t limited_ns, first_ns, last_ns; /* time waited */
  uint32_t rounds, window_min, window_max;
  uint32_t flight_bytes; /* of S's own limit: at which it stops, below the window */
  uint64_t first_frame, last_frame;
};

/* A run of short waits with one cause, on its way to become a crawl. */
struct crawl;
struct kept_reset; /* rules_abort.c: a reset that seems harmless, and is not told yet */
struct trouble {
  struct wait wait;
  struct open_wait open;
  int64_t owed_ns[LOCATION_COUNT]; /* the budget but moving and idle */
  uint32_t retransmitted_segments, fast_retransmits, rto_retransmits, tlp_probes,
      spurious_retransmits;
  uint32_t sack_segments, dsack_segments, out_of_order, zero_windows, window_probes, keepalives;
  uint32_t duplicates, bad_checksums;
  struct sack_block sacks_seen[PACKET_SACK_MAX]; /* blocks already marked in the flight: receivers
                                                    repeat them in each ACK */
  uint32_t sack_high; /* end of the highest SACK block: what lies below it is known to be missing */
  bool sacked;
  uint8_t sacks_next;
  uint32_t foreign_sacks; /* SACK blocks that lie outside everything that was sent */
  uint64_t retransmitted_bytes, unseen_bytes;
  struct sighting zero_window_since; /* frame 0: the window is not zero */
  struct crawl *crawl;
  struct kept_reset *kept_reset; /* of S; or NULL */
  struct sighting beyond_window; /* the last segment past the right edge */
  struct limit_run window_limit; /* less than a segment of R's window was left */
  struct limit_run own_limit;    /* S itself stopped at the same flight each time */
  /* An ACK that ended a wait with so much in flight; whether it releases data is not known yet. */
  struct {
    int64_t acked_ns, gap_ns; /* 0: none */
    uint32_t flight_bytes;
  } release;
  int64_t hold_from_ns, hold_until_ns; /* the last hold that was found; 0: none */
  struct lost_segment
      recent_loss;       /* the last one repaired: a DSACK may still tell that it was spurious */
  uint32_t largest_lost; /* payload bytes of the largest segment that was ever resent by RTO */
};

enum stream_flag {
  STREAM_STARTED = 0x0001, /* snd_nxt is valid: S sent something */
  STREAM_ACKED = 0x0002,   /* snd_una is valid: R acknowledged something */
  STREAM_SYN = 0x0004,
  STREAM_FIN = 0x0008,
  STREAM_FIN_ACKED = 0x0010,
  STREAM_RST = 0x0020,               /* S sent a RST */
  STREAM_WINDOW = 0x0040,            /* R's window is known (right_edge valid) */
  STREAM_TIMESTAMPS = 0x0080,        /* S's segments carry timestamps */
  STREAM_SACK_PERMITTED = 0x0100,    /* in S's SYN */
  STREAM_WSCALE = 0x0200,            /* in S's SYN */
  STREAM_FOLLOWS_PURE_ACKS = 0x0400, /* S's TSecr advanced though R had sent pure ACKs only */
  STREAM_OFFLOADED = 0x0800,      /* S's checksums are not filled in here: S's host, or a guest's */
  STREAM_SUPER_SEGMENTS = 0x1000, /* S's segments above R's MSS */
  STREAM_ECR_STEP = 0x2000,       /* echo_step is valid */
  STREAM_LATEST_SPEAKER = 0x4000, /* S sent data later than R did */
  STREAM_OUTGOING = 0x8000,       /* S's packets were flagged as leaving the capturing host */
  STREAM_INCOMING = 0x10000,      /* S's packets were flagged as arriving at the capturing host */
  STREAM_BAD_CHECKSUM_DATA = 0x20000,
  STREAM_PURE_ACKS = 0x40000,      /* R sent at least one pure ACK */
  STREAM_GOOD_CHECKSUM = 0x80000,  /* at least one of S's checksums was right */
  STREAM_SCALED_WINDOW = 0x100000, /* R has announced a window after the handshake */
  STREAM_SYN_CUT =
      0x1000000, /* the snap length cut the options of S's SYN: nothing is known of them */
  STREAM_CHECKSUM_DONE = 0x800000, /* at least one of S's checksums was filled in: none of the
                                      others is a matter of offload */
  STREAM_ECR_SEEN = 0x400000,      /* ts_ecr comes from a segment after the handshake */
  STREAM_EDGE_REACHED = 0x200000,  /* S's last data left less than a segment of R's window */
  STREAM_PLAIN_START = 0x4000000,  /* with nothing under way S began with a full segment, no PSH */
  STREAM_PUSHED_START = 0x8000000, /* " with exactly one full segment and PSH */
  STREAM_OLD_WINDOW = 0x2000000    /* R's window is of a packet that a later one has overtaken */
};

struct stream {
  /* sequence space, RFC 9293, 3.3.1, as far as this capture point has seen it */
  uint32_t isn, snd_una, snd_nxt;
  uint32_t flags; /* enum stream_flag */

  /* R's window for this stream */
  uint32_t
      right_edge; /* snd_una + window: the highest sequence number R allows, as last announced */
  uint32_t window_bytes; /* scaled as known; raw where the scale is unknown */
  uint32_t window_seq;   /* of R's latest packet that set the window: SND.WL1 */
  uint16_t window_raw;
  uint16_t mss;           /* announced by R's SYN; 0 = not seen */
  uint16_t syn_window;    /* of S's own SYN, raw */
  uint8_t wscale;         /* S's own shift: STREAM_WSCALE */
  uint8_t est_wscale_min; /* of S's own shift, inferred */
  uint8_t ttl;            /* of S's packets, as first seen; 0 = unknown */
  uint8_t duplicate_acks; /* in a row */
  uint16_t raw_hits;      /* times the flight ended exactly at R's raw window */
  uint32_t largest_segment, largest_acked;
  uint32_t window_min, window_max;
  uint32_t flight_max;

  int64_t progress_ns; /* last progress: new data or a cumulative ACK that advanced */
  uint64_t progress_frame;
  int64_t moving_ns, idle_ns;
  struct data_sighting last_data; /* in order, first transmissions */
  struct sighting last_ack;       /* R's last cumulative advance */

  /* S's timestamps */
  struct ts_clock clock;
  uint32_t ts_ecr; /* S's highest TSecr */
  uint32_t
      heavy_ts_val; /* S's last TSval on anything but a pure ACK: data (again), SYN, FIN, probe */
  uint32_t recent_ts_val; /* R's latest TSval that S's TS.Recent must follow (RFC 7323, 4.3), with
                         its sighting */
  struct sighting recent;
  uint32_t newer_ts_val; /* R's first TSval above ts_ecr, with its sighting; frame 0: none seen */
  struct sighting newer;
  int64_t turn_min_ns; /* shortest time from R's TSval to S's echo of it; TIME_INVALID */
  int64_t
      echo_step_ns; /* last time that ts_ecr advanced within a burst of data (STREAM_ECR_STEP) */
  uint64_t echo_step_frame;
  uint32_t echo_step_ecr;

  struct rtt rtt;
  uint32_t segments, acks, packets, duplicate_ack_count;
  uint64_t bytes; /* sequence space covered, once */
  struct flight flight;
  struct trouble *trouble; /* NULL until the first sign */
  uint32_t recent_hash[4]; /* packets of S seen lately, to tell the capture's own copies apart */
  uint32_t recent_us[4];
  uint8_t recent_next;

  uint16_t offloaded; /* packets of S whose checksum is not filled in; saturates */
  uint32_t first_seq; /* of the first data seen of S, where its SYN was not: what lies before it was
                         sent before the capture began */
};

struct flow_key {
  struct ip_address address[2]; /* the lower (address, port) pair first */
  uint16_t port[2];
  uint8_t ip_version, end;
};

enum connection_flag {
  CONNECTION_ROLES_FROM_SYN = 0x01,
  CONNECTION_ESTABLISHED = 0x02,
  CONNECTION_CLOSED = 0x04,
  CONNECTION_HALF_OPEN = 0x08,   /* SYNs only, from one side */
  CONNECTION_CLIENT_IS_1 = 0x10, /* the client is key.address[1] */
  CONNECTION_REFERENCED = 0x20,  /* used since the clock hand last passed */
  CONNECTION_DUPLICATES = 0x40,
  CONNECTION_ABORT_REPORTED = 0x200,
  CONNECTION_SIMULTANEOUS = 0x800,
  CONNECTION_FASTOPEN = 0x1000,
  CONNECTION_RESET_KEPT = 0x4000, /* trouble->kept_reset of the side that reset it */
  CONNECTION_CHALLENGED =
      0x2000 /* the SYN was answered with an ACK of something else (RFC 5961, 4) */
};

struct connection {
  struct flow_key key;
  uint16_t flags; /* enum connection_flag */
  uint32_t hash;
  struct connection *next_in_bucket;
  struct connection *list_next, *list_previous; /* half-open or closed list, else unused */
  uint32_t due; /* advance.h: its place in the queue, from 1; 0: not in it */
  uint64_t id;
  int64_t start_ns, last_ns;
  uint64_t first_frame, last_frame;
  uint64_t packets;
  uint32_t quality;
  uint32_t findings, findings_suppressed;
  uint8_t syns, syn_acks, handshake_acks; /* seen, retransmissions included; saturate */
  uint8_t end;
  int64_t syn_ns, syn_ack_ns; /* first ones */
  struct stream stream[2];    /* by enum stream_side of the sender */
};

/* A full segment of this stream: R's MSS (less the timestamps option, 12 bytes), or the largest one
 * seen if that is less. */
uint32_t full_segment_bytes(const struct stream *stream);

/* Which side sent this packet. */
enum stream_side connection_side(const struct connection *connection, const struct packet *packet);

/* Bytes seen and not acknowledged. */
static inline uint32_t stream_outstanding(const struct stream *stream)
{
  return stream->snd_nxt - stream->snd_una;
}

/* true if both SYNs were seen, so that options are known for what this capture point can see. */
bool connection_options_known(const struct connection *connection);

/* The shift by which `side`'s windows are to be read here: 0 if absent; known_or_not tells whether
 * that is certain. */
uint8_t connection_shift(const struct connection *connection, enum stream_side side, bool *known);

enum window_scale_state connection_wscale_state(const struct connection *connection,
                                                enum stream_side side);

/* Longest time from here to the receiver and back plus from here to the sender and back. 0: not
 * known. */
int64_t connection_rtt_ns(const struct connection *connection, enum stream_side side);

#endif
