#ifndef ANALYZER_VANTAGE_H
#define ANALYZER_VANTAGE_H

/* Where a capture point stands, relative to one connection: declared, or inferred from what only
 * one place shows. */

#include "analyzer/engine.h"

#include <stddef.h>

enum nearness { NEAR_UNKNOWN, NEAR_SENDER, NEAR_RECEIVER, NEAR_MIDDLE };

struct vantage_view {
  enum vantage vantage;
  enum vantage_source source;
  bool
      certain; /* known to be on that host itself: declared. An inference never is: see on_host() */
  const char *reason; /* static */
};

void vantage_of(const struct analyzer *analyzer, const struct connection *connection,
                struct vantage_view *view);

/* The same seen from the direction that `sender` sends. */
enum nearness vantage_nearness(const struct vantage_view *view, enum stream_side sender);

#endif
