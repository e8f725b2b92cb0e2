#ifndef CLI_ANNOTATED_H
#define CLI_ANNOTATED_H

/* analyze -w: the traces again, with the findings as comments on the frames that prove them. */

#include "cli/analysis.h"

/* The analysis is done. Returns 0 or EXIT_TROUBLE, then with a message. */
int annotated_write(const struct analysis *analysis);

#endif
