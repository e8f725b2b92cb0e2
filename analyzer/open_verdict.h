#ifndef ANALYZER_OPEN_VERDICT_H
#define ANALYZER_OPEN_VERDICT_H

/* What a verdict about a wait that still lasts must not claim: what has not come so far may still
 * come. */

#include "analyzer/situation.h"

/* situation->open. Lowers the finding's confidence in its cause where only the end of the wait
 * tells it from another one, and says so. */
void open_verdict_limit(const struct situation *situation, struct finding *finding);

#endif
