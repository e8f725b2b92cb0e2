#ifndef CLI_DASHBOARD_H
#define CLI_DASHBOARD_H

/* From an analysis to what the dashboard shows (tui/model.h). */

#include "cli/analysis.h"
#include "tui/model.h"

struct dashboard; /* opaque */

/* The analysis is done, and kept by the caller until dashboard_free(). Returns 0 or EXIT_TROUBLE,
 * with a message. */
int dashboard_new(struct dashboard **dashboard, const struct analysis *analysis);
void dashboard_free(struct dashboard *dashboard); /* NULL is allowed */

struct model *dashboard_model(struct dashboard *dashboard);

#endif
