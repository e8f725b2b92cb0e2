#ifndef REPORT_CONNECTION_PACK_H
#define REPORT_CONNECTION_PACK_H

/* Connections stored short (packed.h). One that a single capture point saw is its summary. A joined
 * one has a view from each point besides; a view is stored as its difference to the whole, since
 * the two say mostly the same. */

#include "report/packed.h"
#include "report/report.h"

/* What has to be known to unpack it. */
struct connection_shape {
  uint8_t views, hops, level; /* hops: per side */
  uint8_t end;                /* of the first view */
  bool paired;
};

/* Room for one unpacked connection: some 50 KB. */
struct connection_material {
  uint8_t flat[sizeof(struct connection_summary) * (1 + ANALYZER_ENDS_MAX) +
               sizeof(struct report_pairing) + sizeof(struct hop_summary) * 2 * HOPS_MAX];
  struct connection_summary whole, views[ANALYZER_ENDS_MAX];
  struct report_pairing pairing;
  struct hop_summary hops[2][HOPS_MAX];
};

/* NULL: no memory. */
struct packed *connection_pack(const struct report_connection *connection,
                               struct connection_shape *shape);

/* Fills *material, and *connection with pointers into it; the id and the capture in *connection are
 * left alone. */
void connection_unpack(const struct packed *packed, const struct connection_shape *shape,
                       struct connection_material *material, struct report_connection *connection);

#endif
