#include "capture/name_table.h"

#include "capture/clean_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SLOT_COUNT (2 * (size_t)NAME_TABLE_MAX) /* a power of two, half full at most */

struct slot {
  struct ip_address address;
  char *name; /* NULL: free */
};

struct name_table {
  size_t count;
  struct slot slots[SLOT_COUNT];
};

struct name_table *name_table_new(void)
{
  return calloc(1, sizeof(struct name_table));
}

void name_table_free(struct name_table *table)
{
  if (table == NULL)
    return;
  for (size_t i = 0; i < SLOT_COUNT; i++)
    free(table->slots[i].name);
  free(table);
}

/* FNV-1a, then open addressing. */
static size_t find_slot(const struct name_table *table, const struct ip_address *address)
{
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < sizeof address->bytes; i++)
    hash = (hash ^ address->bytes[i]) * UINT64_C(0x100000001b3);
  size_t at = (size_t)(hash ^ hash >> 32) % SLOT_COUNT;
  while (table->slots[at].name != NULL &&
         memcmp(&table->slots[at].address, address, sizeof *address) != 0)
    at = (at + 1) % SLOT_COUNT;
  return at;
}

void name_table_add(struct name_table *table, const struct ip_address *address, const char *name,
                    size_t name_bytes)
{
  struct slot *slot = &table->slots[find_slot(table, address)];
  if (slot->name != NULL || table->count >= NAME_TABLE_MAX || name_bytes == 0)
    return;
  slot->name = clean_text_dup(name, name_bytes, NAME_BYTES_MAX);
  if (slot->name == NULL)
    return;
  slot->address = *address;
  table->count++;
}

const char *name_table_name(const struct name_table *table, const struct ip_address *address)
{
  return table->slots[find_slot(table, address)].name;
}

bool name_table_address(const struct name_table *table, const char *name,
                        struct ip_address *address)
{
  for (size_t i = 0; i < SLOT_COUNT; i++) {
    const struct slot *slot = &table->slots[i];
    if (slot->name != NULL && strcasecmp(slot->name, name) == 0) {
      *address = slot->address;
      return true;
    }
  }
  return false;
}
