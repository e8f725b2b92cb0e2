#ifndef ANALYZER_WHOLE_CONNECTION_H
#define ANALYZER_WHOLE_CONNECTION_H

/* What can only be said when a connection is over: contradictions in its handshake, holds that its
 * clocks reveal afterwards. */

#include "analyzer/engine.h"

void whole_connection_findings(struct analyzer *analyzer, struct connection *connection);

#endif
