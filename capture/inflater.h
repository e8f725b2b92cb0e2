#ifndef CAPTURE_INFLATER_H
#define CAPTURE_INFLATER_H

/* Decompression as a filter: compressed bytes in, bytes out; gzip and zstd behind one door. Members
 * (gzip) and frames (zstd) that follow each other are one stream, as their tools have it. */

#include "wire/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inflater; /* opaque */

/* The compression that the first four bytes announce: "gzip", "zstd" or NULL. */
const char *inflater_probe(const uint8_t bytes[4]);

/* Returns 0 or a negative error_code (ERROR_UNSUPPORTED: built without it). */
int inflater_open(struct inflater **inflater, const char *compression, struct error *error);
void inflater_close(struct inflater *inflater); /* NULL is allowed */

/* Moves from *in to *out, advancing both. Returns 0, or ERROR_FORMAT when the data is damaged (what
 * was written to *out before is good). */
int inflater_run(struct inflater *inflater, const uint8_t **in, size_t *in_bytes, uint8_t **out,
                 size_t *out_bytes, struct error *error);

/* true between members: the input may end here. */
bool inflater_at_boundary(const struct inflater *inflater);

#endif
