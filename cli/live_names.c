#include "cli/live_names.h"

#include <stdlib.h>
#include <string.h>

bool live_endpoint_equals(const struct endpoint *a, const struct endpoint *b)
{
  return a->port == b->port && memcmp(&a->address, &b->address, sizeof a->address) == 0;
}

bool live_names_init(struct live_names_table *table)
{
  *table = (struct live_names_table){.slots = calloc(LIVE_NAMES_SLOTS, sizeof *table->slots)};
  table->seed = (uint64_t)(uintptr_t)table->slots;
  return table->slots != NULL;
}

void live_names_free(struct live_names_table *table)
{
  free(table->slots);
  *table = (struct live_names_table){0};
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
  hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
  return hash ^ hash >> 32;
}

static uint64_t mix_endpoint(uint64_t hash, const struct endpoint *endpoint)
{
  uint64_t high, low;
  memcpy(&high, endpoint->address.bytes, sizeof high);
  memcpy(&low, endpoint->address.bytes + 8, sizeof low);
  return mix(mix(mix(hash, high), low), endpoint->port);
}

struct live_name *live_names_find(const struct live_names_table *table,
                                  const struct endpoint *client, const struct endpoint *server)
{
  uint32_t slot = (uint32_t)mix_endpoint(mix_endpoint(mix(0, table->seed), client), server);
  for (uint32_t i = 0; i < LIVE_NAMES_SLOTS; i++, slot++) {
    struct live_name *name = &table->slots[slot & (LIVE_NAMES_SLOTS - 1)];
    if (name->id == 0)
      return table->count < LIVE_NAMES_SLOTS / 4 * 3 ? name : NULL;
    if (live_endpoint_equals(&name->client, client) && live_endpoint_equals(&name->server, server))
      return name;
  }
  return NULL;
}

void live_names_keep(struct live_names_table *table, struct live_name *place,
                     const struct live_name *name)
{
  table->count += place->id == 0;
  table->aliases += name->alias;
  table->aliases -= place->id != 0 && place->alias;
  *place = *name;
}

/* The table is made anew without them: removing from it one by one would break its chains. */
void live_names_forget(struct live_names_table *table, int64_t before_ns,
                       void (*gone)(void *context, uint64_t id), void *context)
{
  bool any = false;
  for (uint32_t i = 0; i < LIVE_NAMES_SLOTS && !any; i++)
    any = table->slots[i].id != 0 && table->slots[i].seen_ns < before_ns;
  if (!any)
    return;
  struct live_names_table after;
  if (!live_names_init(&after))
    return;
  for (uint32_t i = 0; i < LIVE_NAMES_SLOTS; i++) {
    const struct live_name *name = &table->slots[i];
    struct live_name *place = NULL;
    if (name->id == 0)
      continue;
    if (name->seen_ns >= before_ns)
      place = live_names_find(&after, &name->client, &name->server);
    else if (!name->alias)
      gone(context, name->id);
    if (place != NULL)
      live_names_keep(&after, place, name);
  }
  live_names_free(table);
  *table = after;
}
