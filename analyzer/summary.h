#ifndef ANALYZER_SUMMARY_H
#define ANALYZER_SUMMARY_H

#include "analyzer/engine.h"

/* What a connection is known to be so far, in the words of analyzer.h. */
void connection_summarise(const struct analyzer *analyzer, const struct connection *connection,
                          struct connection_summary *summary);

#endif
