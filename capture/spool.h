#ifndef CAPTURE_SPOOL_H
#define CAPTURE_SPOOL_H

/* A pipe can be read once. What has to be read twice is kept meanwhile: every byte that a trace
 * takes from its pipe goes into an unlinked temporary file as well, below TMPDIR (or /tmp), which
 * is gone with the program. */

#include "wire/error.h"

#include <stddef.h>
#include <stdint.h>

struct spool; /* opaque */

/* max_bytes: what it may hold. Errors: ERROR_IO (no file can be made there), ERROR_MEMORY; *spool
 * is then NULL. */
int spool_new(struct spool **spool, uint64_t max_bytes, struct error *error);
void spool_free(struct spool *spool); /* NULL is allowed */

/* Returns 0, ERROR_LIMIT (max_bytes; nothing was added) or ERROR_IO (the disk is full, ...): *error
 * says why, without naming the pipe. */
int spool_append(struct spool *spool, const uint8_t *bytes, size_t size, struct error *error);

/* The file, for trace_options.fd: it stands at its beginning, however much was added. Valid until
 * spool_free(). */
int spool_fd(const struct spool *spool);

#endif
