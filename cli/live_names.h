#ifndef CLI_LIVE_NAMES_H
#define CLI_LIVE_NAMES_H

/* Connections by their names, for the dashboard while a capture goes on: a table from what an end
 * calls a connection to the number it is shown under. Several names may have one number: those of
 * other ends behind a NAT. */

#include "analyzer/survey.h"

#include <stdbool.h>
#include <stdint.h>

#define LIVE_NAMES_SLOTS 131072u /* a power of two; three quarters are used at most */

struct live_name {
  uint64_t id; /* 0: free */
  struct endpoint client, server;
  uint8_t end; /* where its numbers are taken from: the first that saw it */
  /* The name that another end has for a connection; seen there, with its numbers shifted so. */
  bool alias;
  uint8_t seen_end;
  uint32_t seq_shift[2];
  int64_t seen_ns;
  uint64_t bytes[2]; /* at the last look */
};

struct live_names_table {
  struct live_name *slots;
  uint64_t seed; /* who sends packets must not know which names share a slot */
  uint32_t count, aliases;
};

bool live_names_init(struct live_names_table *table); /* false: no memory */
void live_names_free(struct live_names_table *table);

/* Its place, or a free one (id 0), which may be filled and counted by live_names_keep(). NULL: the
 * table is full. Valid until something is forgotten. */
struct live_name *live_names_find(const struct live_names_table *table,
                                  const struct endpoint *client, const struct endpoint *server);
void live_names_keep(struct live_names_table *table, struct live_name *place,
                     const struct live_name *name);
/* Forgets all that were not seen since; gone() is told the numbers of those that are no aliases. */
void live_names_forget(struct live_names_table *table, int64_t before_ns,
                       void (*gone)(void *context, uint64_t id), void *context);

bool live_endpoint_equals(const struct endpoint *a, const struct endpoint *b);

#endif
