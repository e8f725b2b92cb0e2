#include "wire/tcpdump_text_names.h"

#include "wire/service_names.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* One hash table for hosts and unknown services; entries are never removed, so an index stays
 * valid. */
#define SLOT_COUNT 16384u /* a power of two, above twice all entries */
_Static_assert(SLOT_COUNT > 2 * (TEXT_NAMES_MAX + TEXT_SERVICES_MAX), "the table must stay sparse");

enum name_class { NAME_HOST4 = 4, NAME_HOST6 = 6, NAME_SERVICE = 1 };

struct name_entry {
  char *name;
  uint32_t class;
  uint16_t port;
  struct ip_address address;
};

struct text_names {
  struct name_entry *entries[TEXT_NAMES_MAX + TEXT_SERVICES_MAX]; /* in order of appearance */
  uint16_t slots[SLOT_COUNT];                                     /* index + 1; 0 = free */
  size_t count, hosts4, hosts6, services;
  uint64_t refused;
};

struct text_names *text_names_new(void)
{
  return calloc(1, sizeof(struct text_names));
}

void text_names_free(struct text_names *names)
{
  if (names == NULL)
    return;
  for (size_t i = 0; i < names->count; i++) {
    free(names->entries[i]->name);
    free(names->entries[i]);
  }
  free(names);
}

/* FNV-1a */
static uint32_t hash(struct text_span name, uint32_t class)
{
  uint32_t h = 2166136261u ^ class;
  for (size_t i = 0; i < name.size; i++)
    h = (h ^ (uint8_t)name.start[i]) * 16777619u;
  return h ^ h >> 15;
}

/* The slot that holds the name, or the free one where it belongs. */
static size_t find_slot(const struct text_names *names, struct text_span name, uint32_t class)
{
  size_t slot = hash(name, class) & (SLOT_COUNT - 1);
  while (names->slots[slot] != 0) {
    const struct name_entry *entry = names->entries[names->slots[slot] - 1];
    if (entry->class == class && span_equals(name, entry->name))
      break;
    slot = (slot + 1) & (SLOT_COUNT - 1);
  }
  return slot;
}

static struct name_entry *enter(struct text_names *names, struct text_span name, uint32_t class,
                                size_t *count, size_t max)
{
  size_t slot = find_slot(names, name, class);
  if (names->slots[slot] != 0)
    return names->entries[names->slots[slot] - 1];
  struct name_entry *entry = *count < max ? calloc(1, sizeof *entry) : NULL;
  if (entry != NULL)
    entry->name = strndup(name.start, name.size);
  if (entry == NULL || entry->name == NULL) {
    free(entry);
    names->refused++;
    return NULL;
  }
  entry->class = class;
  names->entries[names->count++] = entry;
  names->slots[slot] = (uint16_t)names->count;
  ++*count;
  return entry;
}

static void map_ipv4(uint32_t address, struct ip_address *out)
{
  memset(out->bytes, 0, 10);
  out->bytes[10] = out->bytes[11] = 0xff;
  for (int i = 0; i < 4; i++)
    out->bytes[12 + i] = (uint8_t)(address >> (24 - 8 * i));
}

/* index: 0-based. 192.0.2.1 and on, then 198.51.100.1, 203.0.113.1, then 198.18.0.1. */
static void give_ipv4(size_t index, struct ip_address *out)
{
  static const uint32_t blocks[] = {0xc0000200, 0xc6336400, 0xcb007100};
  const size_t per_block = 254;
  size_t block = index / per_block;
  if (block < sizeof blocks / sizeof blocks[0])
    map_ipv4(blocks[block] + 1 + (uint32_t)(index % per_block), out);
  else
    map_ipv4(0xc6120001 + (uint32_t)(index - 3 * per_block), out);
}

static void give_ipv6(size_t index, struct ip_address *out)
{
  static const uint8_t prefix[4] = {0x20, 0x01, 0x0d, 0xb8};
  memset(out->bytes, 0, sizeof out->bytes);
  memcpy(out->bytes, prefix, sizeof prefix);
  out->bytes[14] = (uint8_t)((index + 1) >> 8);
  out->bytes[15] = (uint8_t)(index + 1);
}

static bool parse_number(struct text_span host, uint8_t *version, struct ip_address *address)
{
  char text[IP_ADDRESS_TEXT_BYTES];
  if (host.size >= sizeof text)
    return false;
  memcpy(text, host.start, host.size);
  text[host.size] = '\0';
  uint8_t four[4];
  if (inet_pton(AF_INET, text, four) == 1) {
    map_ipv4((uint32_t)four[0] << 24 | (uint32_t)four[1] << 16 | (uint32_t)four[2] << 8 | four[3],
             address);
    *version = 4;
    return true;
  }
  if (inet_pton(AF_INET6, text, address->bytes) != 1)
    return false;
  *version = 6;
  return true;
}

static bool is_name(struct text_span host)
{
  if (host.size == 0 || host.size >= TEXT_NAME_BYTES_MAX)
    return false;
  for (size_t i = 0; i < host.size; i++) {
    char c = host.start[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '-' && c != '_' && (c != '.' || i == 0))
      return false;
  }
  return true;
}

bool text_names_address(struct text_names *names, struct text_span host, uint8_t *version,
                        struct ip_address *address)
{
  if (parse_number(host, version, address))
    return true;
  if (!is_name(host))
    return false;
  bool six = *version == 6;
  size_t index = six ? names->hosts6 : names->hosts4, before = names->count;
  struct name_entry *entry = enter(names, host, six ? NAME_HOST6 : NAME_HOST4,
                                   six ? &names->hosts6 : &names->hosts4, TEXT_NAMES_MAX / 2);
  if (entry == NULL)
    return false;
  if (names->count > before) {
    if (six)
      give_ipv6(index, &entry->address);
    else
      give_ipv4(index, &entry->address);
  }
  *version = six ? 6 : 4;
  *address = entry->address;
  return true;
}

bool text_names_port(struct text_names *names, struct text_span service, uint16_t *port)
{
  uint32_t number;
  if (span_decimal(service, UINT16_MAX, &number)) {
    *port = (uint16_t)number;
    return true;
  }
  if (service_name_port(service.start, service.size, port))
    return true;
  if (!is_name(service))
    return false;
  size_t index = names->services, before = names->count;
  struct name_entry *entry =
      enter(names, service, NAME_SERVICE, &names->services, TEXT_SERVICES_MAX);
  if (entry == NULL)
    return false;
  if (names->count > before)
    entry->port = (uint16_t)(UINT16_MAX - index);
  *port = entry->port;
  return true;
}

const char *text_names_host(const struct text_names *names, const struct ip_address *address)
{
  for (size_t i = 0; i < names->count; i++) {
    const struct name_entry *entry = names->entries[i];
    if (entry->class != NAME_SERVICE && memcmp(&entry->address, address, sizeof *address) == 0)
      return entry->name;
  }
  return "";
}

bool text_names_has(const struct text_names *names, struct text_span host)
{
  return names->slots[find_slot(names, host, NAME_HOST4)] != 0 ||
         names->slots[find_slot(names, host, NAME_HOST6)] != 0;
}

const char *text_names_entry(const struct text_names *names, size_t index, uint8_t *version,
                             struct ip_address *address)
{
  for (size_t i = 0; i < names->count; i++) {
    const struct name_entry *entry = names->entries[i];
    if (entry->class == NAME_SERVICE || index-- > 0)
      continue;
    *version = (uint8_t)entry->class;
    *address = entry->address;
    return entry->name;
  }
  return NULL;
}

uint64_t text_names_refused(const struct text_names *names)
{
  return names->refused;
}

/* The last dot at or before `from`; size if there is none. */
static size_t last_dot(struct text_span text)
{
  for (size_t i = text.size; i > 0; i--) {
    if (text.start[i - 1] == '.')
      return i - 1;
  }
  return text.size;
}

bool text_names_split(struct text_span endpoint, struct text_span *host, struct text_span *service)
{
  uint8_t version;
  struct ip_address address;
  *host = endpoint;
  *service = (struct text_span){endpoint.start + endpoint.size, 0};
  if (parse_number(endpoint, &version, &address))
    return false;
  size_t dot = last_dot(endpoint);
  if (dot == 0 || dot + 1 >= endpoint.size)
    return false;
  *host = (struct text_span){endpoint.start, dot};
  *service = (struct text_span){endpoint.start + dot + 1, endpoint.size - dot - 1};
  return true;
}
