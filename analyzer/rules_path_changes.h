#ifndef ANALYZER_RULES_PATH_CHANGES_H
#define ANALYZER_RULES_PATH_CHANGES_H

/* What the path altered, as findings of kind `mismatch`: one for each kind of alteration of one
 * side's packets between two capture points. `sender` is the side whose segments were altered, the
 * location the direction in which they travelled, the evidence both copies. Only untranslated SACK
 * blocks have the sender of the data that they acknowledge, and sit on its reverse path.
 *
 * No finding: hops that count the TTL down, CE marks, other addresses (NAT), other IP-IDs. */

#include "analyzer/analyzer.h"
#include "analyzer/path_changes.h"

/* What else is known of the connection. Each pointer may be NULL: then less can be told. */
struct mismatch_context {
  const struct path_changes *back; /* the other side's packets between the same two points */
  /* by enum stream_side: the connection as the point closest to that side saw it */
  const struct connection_summary *views[2];
  const struct connection_summary *whole; /* its time; NULL: as in a view */
  bool certain; /* both points saw the same connection beyond doubt; else nothing is proven */
};

/* The finding is valid for the call; id is 0. */
struct mismatch_sink {
  void *context;
  void (*finding)(void *context, const struct finding *finding);
};

/* packets_from: who sent the packets that *changes is about; from_end, to_end: the capture points
 * that they passed, in this order. At most 13 findings. */
void mismatch_findings(const struct path_changes *changes, enum stream_side packets_from,
                       uint8_t from_end, uint8_t to_end, const struct mismatch_context *context,
                       const struct mismatch_sink *sink);

#endif
