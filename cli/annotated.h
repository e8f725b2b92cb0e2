#ifndef CLI_ANNOTATED_H
#define CLI_ANNOTATED_H

/* analyze -w: the traces again, with the findings as comments on the frames that prove them. */

#include "cli/analysis.h"

/* The analysis is done. Returns 0 or EXIT_TROUBLE, then with a message. */
int annotated_write(const struct analysis *analysis);

/* The packets of one connection alone, into that file. What there is to say goes into *said, a
 * sentence, and nowhere else. Returns as above. */
int annotated_write_connection(const struct analysis *analysis, uint64_t connection_id,
                               const char *path, char *said, size_t said_size);

#endif
