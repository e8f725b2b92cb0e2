#ifndef CAPTURE_NAME_TABLE_H
#define CAPTURE_NAME_TABLE_H

/* Names that a trace gives to addresses. Bounded: what comes beyond the limit is not kept. */

#include "wire/packet.h"

#include <stdbool.h>
#include <stddef.h>

#define NAME_TABLE_MAX 16384 /* names; at most some 5 MB */
#define NAME_BYTES_MAX 255   /* a DNS name (RFC 1035, 2.3.4) */

struct name_table; /* opaque */

struct name_table *name_table_new(void); /* NULL: no memory */
void name_table_free(struct name_table *table);

/* The first name of an address stays. The text need not be terminated. */
void name_table_add(struct name_table *table, const struct ip_address *address, const char *name,
                    size_t name_bytes);

const char *name_table_name(const struct name_table *table, const struct ip_address *address);
bool name_table_address(const struct name_table *table, const char *name,
                        struct ip_address *address);

#endif
