#ifndef ANALYZER_SURVEY_H
#define ANALYZER_SURVEY_H

/* The first look at several captures of the same traffic: which connections of one are connections
 * of the other, in which order the capture points lie on their way, and how the captures' clocks
 * relate. It reads every packet once, in any interleaving of the captures (each in its own order),
 * and keeps a bounded sample; the diagnosis (joint.h) rests on its result.
 *
 * Connections are paired by what a path does not change, never by addresses alone: sequence
 * numbers relative to each other, timestamps, segment and ACK boundaries, IP-ID, the payload's
 * first bytes. Addresses, ports and initial sequence numbers may differ (NAT, ISN randomising), and
 * the two ends' names may be swapped. Segmentation may differ too (GSO at one point, GRO at
 * another): what is sampled is chosen by its content, so that both points choose the same. */

#include "analyzer/analyzer.h"
#include "analyzer/clock_fit.h"

struct survey; /* opaque */

struct survey_limits {
  uint32_t connections;  /* sampled per capture; beyond it unanswered SYNs are forgotten,
                            then others stay unpaired; counted */
  uint64_t memory_bytes; /* of samples and solving; the result comes on top, 1 KB for each pair */
};

void survey_limits_default(struct survey_limits *limits);

enum pair_certainty {
  PAIR_POSSIBLE, /* not used for a verdict: the connections are reported apart */
  PAIR_LIKELY,   /* fits, and nothing contradicts; no finding of it is proven by the other end */
  PAIR_CERTAIN   /* a coincidence is out of the question */
};

/* One connection as one capture point saw it. */
struct pair_member {
  uint8_t end;                    /* capture point */
  struct endpoint client, server; /* as seen there */
  int64_t first_ns, last_ns;      /* on that capture's clock */
  uint64_t first_frame, last_frame;
  /* Added to a sequence number that the side (enum stream_side) uses at this point, gives the one
   * that it has at members[0] (mod 2^32): 0 unless the path shifts them. */
  uint32_t seq_shift[2];
  /* 0 stands closest to the client. Points of equal place cannot be told apart. */
  uint8_t place;
};

struct connection_pair {
  uint32_t member_count; /* 2 .. ANALYZER_ENDS_MAX; by end */
  struct pair_member members[ANALYZER_ENDS_MAX];
  enum pair_certainty certainty;
  bool order_known; /* places are by delays or TTL; else members[0] is taken to be the client's */
  char reason[160]; /* what the pairing rests on: a clause */
};

/* NULL: no memory. ends: 2 .. ANALYZER_ENDS_MAX. */
struct survey *survey_new(uint32_t ends, const struct survey_limits *limits);
void survey_free(struct survey *survey); /* NULL is allowed */

/* packet->end < ends. Returns 0 or ERROR_MEMORY. */
int survey_packet(struct survey *survey, const struct packet *packet);
/* `count` packets one after the other: the same result, and faster where there are many
 * connections, since memory is fetched ahead. Returns 0 or ERROR_MEMORY. */
int survey_packets(struct survey *survey, const struct packet *packets, size_t count);

/* Before survey_solve(): ends that are told the same host (any number but 0) are read by the clock
 * of that host, all of them: nothing is fitted between them, unless packets contradict it. */
void survey_set_host(struct survey *survey, uint8_t end, uint32_t host);

/* Pairs, orders, fits the clocks. May be called again after more packets. Returns 0 or
 * ERROR_MEMORY. */
int survey_solve(struct survey *survey);

/* The rest is valid after survey_solve() and until the next survey_packet(). */

uint32_t survey_pair_count(const struct survey *survey);
/* The pairs are one array: those behind `index` follow the result. */
const struct connection_pair *survey_pair(const struct survey *survey, uint32_t index);
/* The pair to which a packet seen at packet->end (on that capture's own clock) belongs, and in
 * *member its member; NULL: none. Cost: one hash lookup. Reused addresses are told apart by
 * frame number, or by time if packet->frame is 0. */
const struct connection_pair *survey_find(const struct survey *survey, const struct packet *packet,
                                          const struct pair_member **member);
/* The clock of `end` against that of end 0; of end 0 the identity. */
const struct clock_map *survey_clock(const struct survey *survey, uint8_t end);

struct survey_stats {
  uint64_t connections[ANALYZER_ENDS_MAX]; /* seen */
  uint64_t unsampled[ANALYZER_ENDS_MAX];   /* left out by a limit */
  uint64_t pairs, pairs_not_certain;
  uint64_t memory_peak_bytes;
};
void survey_get_stats(const struct survey *survey, struct survey_stats *stats);

#endif
