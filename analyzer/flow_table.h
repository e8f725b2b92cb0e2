#ifndef ANALYZER_FLOW_TABLE_H
#define ANALYZER_FLOW_TABLE_H

/* All connections by address and port. Memory is bounded: above `max_connections` the first one
 * found unused since the last sweep is retired (the clock algorithm), above `max_half_open` the
 * oldest SYN-only one is forgotten. Connections live in slabs; a pointer stays valid until that
 * connection is released. */

#include "analyzer/connection.h"

struct flow_slab;

struct connection_list {
  struct connection *first, *last;
  uint32_t count;
};

struct flow_table {
  struct connection **buckets;
  uint32_t bucket_count; /* a power of two */
  uint32_t count;
  uint32_t max_connections;
  struct flow_slab *slabs;
  struct connection *free_list; /* through next_in_bucket */
  struct flow_slab *hand_slab;  /* the clock's hand */
  uint32_t hand_index;
  struct connection_list half_open, closed;
  uint64_t memory_bytes;
  uint64_t hash_seed;
};

/* 0 or ERROR_MEMORY. */
int flow_table_init(struct flow_table *table, uint32_t max_connections);
void flow_table_free(struct flow_table *table);

/* The key of a packet's flow; *swapped: src is key->address[1]. */
void flow_key_of(const struct packet *packet, struct flow_key *key, bool *swapped);
/* The hash of that key: the same for both directions. */
uint32_t flow_hash(const struct flow_table *table, const struct packet *packet);

struct connection *flow_table_find(const struct flow_table *table, const struct flow_key *key,
                                   uint32_t hash);

/* Three steps towards a flow's memory, each to be taken a few packets after the one before. They
 * change nothing and look at the bucket's first connection only, which is the right one nearly
 * always. */
void flow_table_prefetch_bucket(const struct flow_table *table, uint32_t hash);
void flow_table_prefetch_connection(const struct flow_table *table, uint32_t hash);
void flow_table_prefetch_segments(const struct flow_table *table, uint32_t hash);

/* A new zeroed connection with key, hash and end set. NULL: no memory. The caller has made room. */
struct connection *flow_table_add(struct flow_table *table, const struct flow_key *key,
                                  uint32_t hash);

/* Takes it out of the table and its list; its memory is reused. */
void flow_table_release(struct flow_table *table, struct connection *connection);

/* The next connection to retire, or NULL if the table is below its limit. */
struct connection *flow_table_victim(struct flow_table *table);

/* Calls visit() for every connection, oldest slab first. visit() may release the one it is given.
 */
void flow_table_each(struct flow_table *table,
                     void (*visit)(void *context, struct connection *connection), void *context);

void connection_list_push(struct connection_list *list, struct connection *connection);
void connection_list_remove(struct connection_list *list, struct connection *connection);

#endif
