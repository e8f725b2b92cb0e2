#ifndef ANALYZER_JOINT_H
#define ANALYZER_JOINT_H

/* Several captures of the same traffic, diagnosed as one: an engine (analyzer.h) per capture point,
 * a ledger of every segment's way between them (path_ledger.h), and one verdict per wait.
 *
 * Each direction of data is diagnosed at the capture point closest to its sender, with the ledger
 * saying what became of every segment and of every ACK; what the points further on found for the
 * same time is the same finding. A connection that only one point saw is diagnosed by that point
 * alone.
 *
 * Packets must come in the order of their corrected times (joint_time_ns()); small disorder within
 * the clocks' uncertainty is tolerated. */

#include "analyzer/analyzer.h"
#include "analyzer/path_changes.h"
#include "analyzer/survey.h"

/* How a direction of travel (packets of one side) fared between two neighbouring capture points. */
struct hop_summary {
  uint8_t from_end, to_end;
  uint64_t packets, arrived; /* with and without data; a packet split or merged on the way once */
  /* left, and never came, or not all of it; a segment that was cut up on the way counts once */
  uint64_t lost_segments, lost_bytes, lost_acks;
  uint64_t unsettled;  /* left too late, or forgotten by a limit */
  uint64_t uncaptured; /* came, but was never seen to leave: the capture there has gaps */
  uint64_t reordered, duplicated, corrupted;
  /* one-way delays, clocks corrected; each wrong by the clocks' uncertainty at most; TIME_INVALID:
   * none */
  int64_t delay_min_ns, delay_max_ns, delay_mean_ns;
  struct path_changes changes;
};

enum evidence_level { EVIDENCE_ONE_END, EVIDENCE_BOTH_ENDS, EVIDENCE_WITH_SOCKETS };
const char *evidence_level_name(enum evidence_level level);

#define HOPS_MAX (ANALYZER_ENDS_MAX - 1)

/* A connection, however many points saw it. */
struct joint_connection {
  uint64_t id; /* 1-based, in order of first appearance at any point */
  enum evidence_level level;
  uint32_t view_count; /* >= 1 */
  /* As each point saw it, by end; views[i]->id is the id at that engine and means nothing here. */
  const struct connection_summary *views[ANALYZER_ENDS_MAX];
  /* The whole: addresses as at views[0], each stream as the point closest to its sender saw it,
   * start, end, findings and budget of the whole; id as above. */
  const struct connection_summary *whole;
  const struct connection_pair *pair;   /* NULL: seen at one point only */
  uint32_t hop_count;                   /* per side */
  struct hop_summary hops[2][HOPS_MAX]; /* by enum stream_side of the packets' sender, in the order
                                           in which they travel; filled in connection() only */
};

/* As struct analyzer_sink. */
struct joint_sink {
  void *context;
  void (*finding)(void *context, const struct joint_connection *connection,
                  const struct finding *finding);
  void (*connection)(void *context, const struct joint_connection *connection);
};

struct joint; /* opaque */

struct joint_options {
  struct analyzer_options engine; /* of each */
  uint32_t ledger_records;        /* per direction of a connection, at once */
};

void joint_options_default(struct joint_options *options);

/* survey: solved, and kept by the caller until joint_free(). NULL: no memory. */
struct joint *joint_new(uint32_t ends, const struct joint_options *options,
                        const struct survey *survey, const struct joint_sink *sink);
void joint_free(struct joint *joint); /* NULL is allowed */

/* As analyzer_declare_*(). */
void joint_declare_vantage(struct joint *joint, uint8_t end, enum vantage vantage);
void joint_declare_host(struct joint *joint, uint8_t end, const struct ip_address *address);

/* That capture says that it lost packets (interface statistics), or that it lost none. If it lost
 * some, what it lacks proves nothing; if it does not say, no more than the hosts' own packets
 * confirm. */
void joint_declare_drops(struct joint *joint, uint8_t end);
void joint_declare_complete(struct joint *joint, uint8_t end);

/* A reading of end's clock on the time scale of end 0, which findings use for every end. */
int64_t joint_time_ns(const struct joint *joint, uint8_t end, int64_t time_ns);

/* Feeds one packet; packet->time_ns is as captured. Returns 0 or ERROR_MEMORY. */
int joint_packet(struct joint *joint, const struct packet *packet);

/* As analyzer_sample(), in the order of corrected times; sample->time_ns is as captured. */
void joint_sample(struct joint *joint, const struct host_sample *sample);

/* Where a packet belongs; its members mean nothing outside. */
struct joint_place {
  int64_t captured_ns;
  uint32_t pair, hash;
};

/* Puts packet->time_ns right and finds out where it belongs: that half of the work which needs
 * nothing of what other packets have changed, so that any number of threads may do it while another
 * one feeds packets. */
void joint_locate(const struct joint *joint, struct packet *packet, struct joint_place *place);

struct joint_located {
  const struct packet *packet;
  const struct joint_place *place;
};

/* Feeds `count` packets that joint_locate() has seen, one after the other: the same result as
 * joint_packet(), and faster where there are many connections, since memory is fetched ahead.
 * Returns 0 or ERROR_MEMORY. */
int joint_packets(struct joint *joint, const struct joint_located *located, size_t count);
/* As analyzer_advance(): time goes on to now_ns, on the scale of end 0, at every end. What several
 * ends wait for is told by the sender's end only; an id is the same from open to closed. */
void joint_advance(struct joint *joint, int64_t now_ns);
void joint_finish(struct joint *joint);

/* Of the engine of `end`. */
void joint_get_stats(const struct joint *joint, uint8_t end, struct analyzer_stats *stats);
/* Segments that limits made the ledgers forget. */
uint64_t joint_records_forgotten(const struct joint *joint);

#endif
