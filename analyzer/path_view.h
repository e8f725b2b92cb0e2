#ifndef ANALYZER_PATH_VIEW_H
#define ANALYZER_PATH_VIEW_H

/* What the joint diagnosis lets an engine see of one connection beyond its own capture point: the
 * way of every packet between the outermost points, and what the other engine has found. */

#include "analyzer/analyzer.h"
#include "analyzer/finding.h"
#include "analyzer/path_lane.h"

/* What a capture says of the packets that it lost itself (pcapng's statistics; a plain pcap file
 * and tcpdump's text say nothing). */
enum drop_knowledge { DROPS_UNKNOWN, DROPS_NONE, DROPS_SOME };

struct path_view {
  uint8_t end[2]; /* capture point nearest to the client, to the server */
  /* [which of the two points][sender]: added to the sequence numbers that the sender uses there,
   * gives the ledger's. */
  uint32_t shift[2][2];
  bool sure;                    /* paired without a doubt, and the order of the points is known */
  int64_t uncertainty_ns;       /* of the clocks to each other; TIME_INVALID: no bound */
  enum drop_knowledge drops[2]; /* as end: what that capture says it lost */
  int64_t last_ns[2];           /* as end: latest packet of any kind of that capture so far */
  struct lane lanes[2];         /* by sender of the packets: between the two points of end[] */
  struct finding *last_told[2]; /* by sender of the data: the last verdict of the engine at its
                                   receiver's end; NULL: none */
  const enum drop_knowledge *drops_at; /* by capture point; valid with drops[] */
  /* More than two points: the same hop by hop, in the order in which the client's packets pass. */
  uint32_t hop_count; /* 0 if there are but two points */
  uint8_t *hop_ends;  /* hop_count + 1 */
  struct lane
      *hop_lanes[2]; /* by sender, hop_count each; the server's are in the same order of hops */
};

struct socket_witness; /* socket_witness.h */

/* Where an engine asks. */
struct path_source {
  void *context;
  /* NULL: only one point has seen this connection. */
  struct path_view *(*view)(void *context, uint8_t end, uint64_t connection_id);
  /* true: that capture holds nothing at all for most of the time between, or had not begun. */
  bool (*was_silent)(void *context, uint8_t end, int64_t from_ns, int64_t until_ns);
  /* By how much that capture point's clock was stepped against end 0's at that time (the largest
   * step; 0: none). NULL: never. */
  int64_t (*stepped_ns)(void *context, uint8_t end, int64_t from_ns, int64_t until_ns);
  /* true: that capture point is declared to be on a host of the connection. NULL: none is. */
  bool (*declared)(void *context, uint8_t end);
  /* true: that side's socket of the connection was sampled, and *witness says where. NULL: never.
   */
  bool (*socket)(void *context, uint8_t end, uint64_t connection_id, enum stream_side side,
                 struct socket_witness *witness);
  /* true: times of that capture, corrected, run backwards by more than small disorder. NULL: never.
   */
  bool (*ran_backwards)(void *context, uint8_t end);
  /* What each capture says that it lost itself (analyzer_declare_drops()). */
  enum drop_knowledge drops[ANALYZER_ENDS_MAX];
};

#endif
