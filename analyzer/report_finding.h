#ifndef ANALYZER_REPORT_FINDING_H
#define ANALYZER_REPORT_FINDING_H

/* The one door through which findings leave the engine: numbered, limited per connection, handed to
 * the sink. */

#include "analyzer/engine.h"

void report_finding(struct analyzer *analyzer, struct connection *connection,
                    struct finding *finding);

#endif
