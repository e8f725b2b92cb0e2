#include "analyzer/flow_table.h"

#include "wire/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* 100,000 idle connections in 100 MB: a connection, and its share of the buckets (16 bytes at the
 * most). What only trouble brings belongs into struct trouble. */
static_assert(sizeof(struct connection) + 16 <= 1024, "an idle connection takes 1 KB at the most");

#define SLAB_CONNECTIONS 128u
#define FIRST_BUCKETS    1024u

struct flow_slab {
  struct flow_slab *next, *previous;
  struct connection connections[SLAB_CONNECTIONS];
};

int flow_table_init(struct flow_table *table, uint32_t max_connections)
{
  memset(table, 0, sizeof *table);
  table->buckets = calloc(FIRST_BUCKETS, sizeof(struct connection *));
  if (table->buckets == NULL)
    return ERROR_MEMORY;
  table->bucket_count = FIRST_BUCKETS;
  table->memory_bytes = FIRST_BUCKETS * sizeof(struct connection *);
  table->max_connections = max_connections > 0 ? max_connections : 1;
  /* Where the table lies is different in each run, which keeps strangers from choosing colliding
   * flows. */
  table->hash_seed = (uint64_t)(uintptr_t)table->buckets * UINT64_C(0x9e3779b97f4a7c15);
  return 0;
}

void flow_table_free(struct flow_table *table)
{
  while (table->slabs != NULL) {
    struct flow_slab *next = table->slabs->next;
    free(table->slabs);
    table->slabs = next;
  }
  free(table->buckets);
  memset(table, 0, sizeof *table);
}

__extension__ typedef unsigned __int128 uint128;

/* Both halves of the 128-bit product: no difference in the input stays in the upper bits alone. */
static uint64_t mix(uint64_t a, uint64_t b)
{
  uint128 product =
      (uint128)(a ^ UINT64_C(0x9e3779b97f4a7c15)) * (b ^ UINT64_C(0xe7037ed1a0b428db));
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t address_half(const struct ip_address *address, int half)
{
  uint64_t value;
  memcpy(&value, address->bytes + 8 * half, sizeof value);
  return value;
}

/* Any total order will do, so the addresses are compared as numbers. */
static bool is_swapped(const struct packet *packet)
{
  uint64_t src = address_half(&packet->src, 1), dst = address_half(&packet->dst, 1);
  if (src != dst)
    return src > dst;
  src = address_half(&packet->src, 0), dst = address_half(&packet->dst, 0);
  if (src != dst)
    return src > dst;
  return packet->src_port > packet->dst_port;
}

void flow_key_of(const struct packet *packet, struct flow_key *key, bool *swapped)
{
  bool swap = is_swapped(packet);
  key->address[0] = swap ? packet->dst : packet->src;
  key->address[1] = swap ? packet->src : packet->dst;
  key->port[0] = swap ? packet->dst_port : packet->src_port;
  key->port[1] = swap ? packet->src_port : packet->dst_port;
  key->ip_version = packet->ip_version;
  key->end = packet->end;
  *swapped = swap;
}

uint32_t flow_hash(const struct flow_table *table, const struct packet *packet)
{
  bool swap = is_swapped(packet);
  const struct ip_address *low = swap ? &packet->dst : &packet->src;
  const struct ip_address *high = swap ? &packet->src : &packet->dst;
  uint32_t low_port = swap ? packet->dst_port : packet->src_port;
  uint32_t high_port = swap ? packet->src_port : packet->dst_port;
  uint64_t ports = (uint64_t)low_port << 32 | (uint64_t)high_port << 16 |
                   (uint64_t)packet->ip_version << 8 | packet->end;
  uint64_t hash = mix(table->hash_seed, ports);
  hash = mix(hash, address_half(low, 1));
  hash = mix(hash, address_half(high, 1));
  if (packet->ip_version == 6) {
    hash = mix(hash, address_half(low, 0));
    hash = mix(hash, address_half(high, 0));
  }
  return (uint32_t)(hash ^ hash >> 29);
}

static bool same_address(const struct ip_address *a, const struct ip_address *b)
{
  return address_half(a, 1) == address_half(b, 1) && address_half(a, 0) == address_half(b, 0);
}

static bool same_key(const struct flow_key *a, const struct flow_key *b)
{
  return a->port[0] == b->port[0] && a->port[1] == b->port[1] && a->ip_version == b->ip_version &&
         a->end == b->end && same_address(&a->address[0], &b->address[0]) &&
         same_address(&a->address[1], &b->address[1]);
}

struct connection *flow_table_find(const struct flow_table *table, const struct flow_key *key,
                                   uint32_t hash)
{
  struct connection *connection = table->buckets[hash & (table->bucket_count - 1)];
  while (connection != NULL && (connection->hash != hash || !same_key(&connection->key, key)))
    connection = connection->next_in_bucket;
  return connection;
}

#define CACHE_LINE_BYTES 64

void flow_table_prefetch_bucket(const struct flow_table *table, uint32_t hash)
{
  __builtin_prefetch(&table->buckets[hash & (table->bucket_count - 1)]);
}

void flow_table_prefetch_connection(const struct flow_table *table, uint32_t hash)
{
  const char *connection = (const char *)table->buckets[hash & (table->bucket_count - 1)];
  if (connection == NULL)
    return;
  for (size_t at = 0; at < sizeof(struct connection); at += CACHE_LINE_BYTES)
    __builtin_prefetch(connection + at, 1);
}

void flow_table_prefetch_segments(const struct flow_table *table, uint32_t hash)
{
  const struct connection *connection = table->buckets[hash & (table->bucket_count - 1)];
  for (int side = 0; connection != NULL && side < 2; side++) {
    const struct flight *flight = &connection->stream[side].flight;
    if (flight->capacity == 0)
      continue;
    __builtin_prefetch(flight_at(flight, 0), 1);
    __builtin_prefetch(flight_at(flight, flight->count), 1);
  }
}

/* Doubles the buckets; if there is no memory for it the chains just grow. */
static void rehash(struct flow_table *table)
{
  uint32_t count = table->bucket_count * 2;
  struct connection **buckets = calloc(count, sizeof(struct connection *));
  if (buckets == NULL)
    return;
  for (uint32_t i = 0; i < table->bucket_count; i++) {
    struct connection *connection = table->buckets[i];
    while (connection != NULL) {
      struct connection *next = connection->next_in_bucket;
      connection->next_in_bucket = buckets[connection->hash & (count - 1)];
      buckets[connection->hash & (count - 1)] = connection;
      connection = next;
    }
  }
  table->memory_bytes += (count - table->bucket_count) * sizeof(struct connection *);
  free(table->buckets);
  table->buckets = buckets;
  table->bucket_count = count;
}

static bool add_slab(struct flow_table *table)
{
  struct flow_slab *slab = calloc(1, sizeof *slab);
  if (slab == NULL)
    return false;
  table->memory_bytes += sizeof *slab;
  slab->next = table->slabs;
  if (table->slabs != NULL)
    table->slabs->previous = slab;
  table->slabs = slab;
  for (uint32_t i = SLAB_CONNECTIONS; i-- > 0;) {
    slab->connections[i].next_in_bucket = table->free_list;
    table->free_list = &slab->connections[i];
  }
  return true;
}

struct connection *flow_table_add(struct flow_table *table, const struct flow_key *key,
                                  uint32_t hash)
{
  if (table->free_list == NULL && !add_slab(table))
    return NULL;
  if (table->count >= table->bucket_count)
    rehash(table);
  struct connection *connection = table->free_list;
  table->free_list = connection->next_in_bucket;
  memset(connection, 0, sizeof *connection);
  connection->key = *key;
  connection->hash = hash;
  connection->end = key->end;
  struct connection **bucket = &table->buckets[hash & (table->bucket_count - 1)];
  connection->next_in_bucket = *bucket;
  *bucket = connection;
  table->count++;
  return connection;
}

void flow_table_release(struct flow_table *table, struct connection *connection)
{
  struct connection **link = &table->buckets[connection->hash & (table->bucket_count - 1)];
  while (*link != connection)
    link = &(*link)->next_in_bucket;
  *link = connection->next_in_bucket;
  if ((connection->flags & CONNECTION_HALF_OPEN) != 0)
    connection_list_remove(&table->half_open, connection);
  else if ((connection->flags & CONNECTION_CLOSED) != 0)
    connection_list_remove(&table->closed, connection);
  connection->id = 0; /* marks the slot as free */
  connection->next_in_bucket = table->free_list;
  table->free_list = connection;
  table->count--;
}

struct connection *flow_table_victim(struct flow_table *table)
{
  if (table->count < table->max_connections)
    return NULL;
  if (table->closed.first != NULL)
    return table->closed.first;
  for (;;) {
    if (table->hand_slab == NULL) {
      table->hand_slab = table->slabs;
      table->hand_index = 0;
    }
    while (table->hand_index < SLAB_CONNECTIONS) {
      struct connection *connection = &table->hand_slab->connections[table->hand_index++];
      if (connection->id == 0)
        continue;
      if ((connection->flags & CONNECTION_REFERENCED) == 0)
        return connection;
      connection->flags &= (uint16_t)~CONNECTION_REFERENCED;
    }
    table->hand_slab = table->hand_slab->next;
    table->hand_index = 0;
  }
}

void flow_table_each(struct flow_table *table,
                     void (*visit)(void *context, struct connection *connection), void *context)
{
  struct flow_slab *slab = table->slabs;
  while (slab != NULL && slab->next != NULL)
    slab = slab->next;
  for (; slab != NULL; slab = slab->previous) {
    for (uint32_t i = 0; i < SLAB_CONNECTIONS; i++) {
      if (slab->connections[i].id != 0)
        visit(context, &slab->connections[i]);
    }
  }
}

void connection_list_push(struct connection_list *list, struct connection *connection)
{
  connection->list_next = NULL;
  connection->list_previous = list->last;
  if (list->last != NULL)
    list->last->list_next = connection;
  else
    list->first = connection;
  list->last = connection;
  list->count++;
}

void connection_list_remove(struct connection_list *list, struct connection *connection)
{
  if (connection->list_previous != NULL)
    connection->list_previous->list_next = connection->list_next;
  else
    list->first = connection->list_next;
  if (connection->list_next != NULL)
    connection->list_next->list_previous = connection->list_previous;
  else
    list->last = connection->list_previous;
  connection->list_next = connection->list_previous = NULL;
  list->count--;
}
