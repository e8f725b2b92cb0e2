#ifndef CLI_LIVE_WRITE_H
#define CLI_LIVE_WRITE_H

/* The key w while a capture goes on: the frames of one connection that are kept in memory, with the
 * findings as comments, into a file of their own. Who sees the frames may open no file: they go
 * into memory that both sides share, and who has the rights copies that, and trusts nothing of it
 * but its size. */

#include "cli/live_model.h"

#include <stdbool.h>
#include <stddef.h>

struct live_write; /* opaque */

/* Before the recording begins. NULL: no memory. */
struct live_write *live_write_new(const struct recorder_end_options *ends, uint32_t end_count);
void live_write_free(struct live_write *write); /* NULL is allowed */

/* On the writing side. Returns a sentence for the user, valid until the next call; what becomes of
 * it is told by live_write_request(). */
const char *live_write_connection(struct live_write *write, struct recorder *recorder,
                                  const struct live_model *live,
                                  const struct model_connection *connection);

/* On the keeping side: a request that was made by the above. false: it is none. *said: what came of
 * it, a sentence. */
bool live_write_request(struct live_write *write, const void *bytes, size_t size, char *said,
                        size_t said_size);

#endif
