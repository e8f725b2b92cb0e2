#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

/* From what was collected to what is printed. */

#include "analyzer/analyzer.h"
#include "cli/analyze_options.h"
#include "cli/source.h"
#include "report/report.h"

/* Fills *capture (but end, excerpt, captured_on and damage) from the trace and the engine's
 * counters. */
void capture_describe(struct report_capture *capture, const struct source *source,
                      const struct analyzer *analyzer);

/* Writes the report that the options ask for. Returns 0 or EXIT_TROUBLE, then with a message on
 * stderr. */
int output_report(struct collect *collect, const struct analyze_options *options,
                  const struct report_names *names);

#endif
