#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

/* From what was collected to what is printed. */

#include "analyzer/analyzer.h"
#include "cli/analyze_options.h"
#include "cli/lanes.h"
#include "report/report.h"

/* Fills what the trace can tell of *capture, when it has been read, and capture->stats is there;
 * path: as on the command line. ends: NULL, or the points of its interfaces: those of capture->end
 * count alone. */
void capture_describe(struct report_capture *capture, const char *path, const struct trace *trace,
                      const struct lane_ends *ends);

/* Only as many of its frames as capture->stats counts were analysed. */
void capture_cut_short(struct report_capture *capture);

/* Writes the report that the options ask for. Returns 0 or EXIT_TROUBLE, then with a message on
 * stderr. */
int output_report(struct collect *collect, const struct analyze_options *options,
                  const struct report_names *names);

#endif
