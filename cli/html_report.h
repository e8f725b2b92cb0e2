#ifndef CLI_HTML_REPORT_H
#define CLI_HTML_REPORT_H

/* analyze --html: the report as a page with drawings, for which the traces are read once more. */

#include "cli/analysis.h"
#include "report/report.h"

/* The analysis is done. Returns 0 or EXIT_TROUBLE, then with a message. */
int html_report_write(const struct analysis *analysis, const struct report_names *names);

#endif
