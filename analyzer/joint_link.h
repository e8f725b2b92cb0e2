#ifndef ANALYZER_JOINT_LINK_H
#define ANALYZER_JOINT_LINK_H

/* One connection that several capture points saw: its ledger, the engines' views of it, and which
 * findings have been told. */

#include "analyzer/joint.h"
#include "analyzer/path_view.h"
#include "analyzer/rules_path_changes.h"

#define LINK_TOLD 32u /* remembered, to know a finding of another end again */
#define LINK_HELD 32u /* findings of the receiver's end that wait for the sender's end's */

/* A finding that was given out. */
struct told {
  int64_t start_ns, end_ns;
  enum finding_kind kind;
  enum stream_side sender;
};

/* A finding that was told open: its id at its engine, and the one that it was told with. */
struct link_open {
  uint32_t engine_finding, id; /* id 0: the slot is free */
  uint8_t place;
};
#define LINK_OPEN_MAX 8u

struct link_ref {     /* by which the connection of an engine is found */
  uint64_t engine_id; /* 0: not seen there yet */
  struct link *link;
  struct link_ref *next;
  uint8_t end;
};

struct link {
  const struct connection_pair *pair;
  uint64_t id;
  struct path_view view;
  uint32_t point_count;
  uint8_t ends[ANALYZER_ENDS_MAX]; /* by place: the first is closest to the client */
  const struct pair_member *members[ANALYZER_ENDS_MAX];    /* by place */
  struct link_ref refs[ANALYZER_ENDS_MAX];                 /* by place */
  struct connection_summary *summaries[ANALYZER_ENDS_MAX]; /* by place; NULL: not over there */
  uint32_t findings, suppressed;
  bool forged_told; /* a reset that was not seen to leave */
  struct link_open open[LINK_OPEN_MAX];
  struct told told[LINK_TOLD];
  uint32_t told_next;
  struct finding *held[LINK_HELD];
  uint8_t held_by[LINK_HELD]; /* place */
  uint32_t held_count;
};

/* NULL: no memory. far_first_ns: by end, kept by the caller as long as the link. */
struct link *link_new(const struct connection_pair *pair, uint64_t id, struct lane_pool *pool,
                      const int64_t *far_first_ns);
/* How far the clocks may put an arrival before its departure. */
void link_set_slack(struct link *link, int64_t slack_ns);
void link_free(struct link *link);

/* A packet of it, times corrected, sequence numbers as captured at `end`. */
void link_packet(struct link *link, uint8_t end, const struct packet *packet);

/* Fetches what the next packets of it will need. */
void link_prefetch(const struct link *link);

/* The place of an end; UINT32_MAX: none of its points. */
uint32_t link_place(const struct link *link, uint8_t end);

/* The place whose engine tells what happens to the data of `sender`. */
uint32_t link_near_place(const struct link *link, enum stream_side sender);

void link_note_told(struct link *link, const struct finding *finding);
/* true if the finding is about the same time and kind of trouble as one that was given out. */
bool link_was_told(const struct link *link, const struct finding *finding);

/* The id of a finding that is told while it lasts, and in *state whether it is now opened or
 * revised. 0: it is not open, and there is no room (or `room` is false) to open it. */
uint32_t link_open(struct link *link, uint32_t place, uint32_t engine_finding, bool room,
                   enum finding_state *state);
/* It is over. Returns its id, 0: it was not open. */
uint32_t link_close_open(struct link *link, uint32_t place, uint32_t engine_finding);

/* What both SYNs show, nobody has to infer. */
bool link_is_superseded(const struct link *link, const struct finding *finding);
/* Found at `place`, and not seen to leave its sender: what the hosts do about it follows from it,
 * forged or not. */
bool link_is_unseen_reset(const struct link *link, const struct finding *finding, uint32_t place);

/* The sampled socket of a side. At the point nearest to that side first, and not at the other
 * side's own: there its addresses are another host's, or a transparent proxy's. */
bool link_find_socket(const struct link *link, struct analyzer *const *engines,
                      enum stream_side side, struct socket_witness *witness);

/* Everything that is known at the end: whole and hops. At least one summary is there. last_ns: by
 * end, the last packet of any kind of that capture. */
void link_conclude(struct link *link, const int64_t *last_ns, struct connection_summary *whole,
                   struct joint_connection *connection);

/* What the path altered, to be called after link_conclude(). */
void link_mismatches(struct link *link, const struct connection_summary *whole,
                     const struct mismatch_sink *sink);

#endif
