#ifndef CLI_ANALYZE_LINES_H
#define CLI_ANALYZE_LINES_H

/* analyze --json-lines: for jobs over many traces. Each analysis (one trace with --each, or all
 * that are named) runs in a process of its own, so that whatever happens to one, its lines are
 * whole, and what could not be analysed is a line too. */

#include "cli/analyze_options.h"

/* Analyses what *options name, and writes the report that they ask for. Returns the exit status. */
typedef int analyze_function(const struct analyze_options *options);

/* Returns the exit status: EXIT_TROUBLE if something could not be analysed, else EXIT_PROBLEM if
 * there is one anywhere. The output is not one of the traces. */
int analyze_lines(const struct analyze_options *options, analyze_function *analyze);

#endif
