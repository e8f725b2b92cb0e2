#ifndef REPORT_COMMENTS_H
#define REPORT_COMMENTS_H

/* Findings as comments on the frames that prove them, for who writes the trace with them
 * (capture/annotate.h): each evidence of one frame becomes a comment on it, and the first of a
 * finding says what was found. */

#include "report/report.h"

#include <stddef.h>

struct comments; /* opaque */

struct comments *comments_new(void);           /* NULL: no memory */
void comments_free(struct comments *comments); /* NULL is allowed */

/* For report_write(), once; valid as long as *comments. Afterwards comments_at() may be called. */
struct report_writer comments_writer(struct comments *comments);

/* The comments on that frame of that capture point, the worst finding's first: at most `max` of
 * them go into texts; valid until comments_free(). */
size_t comments_at(const struct comments *comments, uint8_t end, uint64_t frame, const char **texts,
                   size_t max);

size_t comments_count(const struct comments *comments);

#endif
