#ifndef REPORT_PACKED_H
#define REPORT_PACKED_H

/* Plain structs that are mostly zeros, stored short: runs of zero bytes become a count. A
 * connection's summary shrinks to about a quarter, a finding to the text that it really holds. In
 * memory only: the bytes are this machine's. */

#include <stddef.h>
#include <stdint.h>

struct packed; /* opaque, one allocation */

/* NULL: no memory. */
struct packed *packed_new(const void *bytes, size_t size);
/* Restores exactly `size` bytes, the size given to packed_new(). */
void packed_get(const struct packed *packed, void *bytes, size_t size);
/* NULL: no memory. */
struct packed *packed_copy(const struct packed *packed);
size_t packed_bytes(const struct packed *packed); /* of memory */
void packed_free(struct packed *packed);          /* NULL is allowed */

#endif
